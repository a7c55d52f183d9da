//! Byte forms of keys. Numbers are big-endian, so that byte order is number order; a text before
//! a number ends with a zero byte.

use super::KeyName;
use crate::clock::UnixTime;
use crate::model::{
    AssignmentKind, BudgetKey, BudgetKind, ChallengeOwner, Fingerprint, OperatorId, ResourceId, SeedVersion,
    Subject, TokenId, UserId,
};
use crate::oath::QuestionDigest;

/// Keys of the `meta` table.
pub(super) mod meta {
    /// The store's description.
    pub(in crate::store) const DESCRIPTION: &[u8] = &[0];
    /// The inventory's generation.
    pub(in crate::store) const GENERATION: &[u8] = &[1];
    /// Before the number of a wrapped key.
    pub(in crate::store) const WRAPPED: u8 = 2;
    /// Before the number of a counter.
    pub(in crate::store) const COUNTER: u8 = 3;
    /// Before the number of an audit chain.
    pub(in crate::store) const ENTERED: u8 = 4;
    /// How far the log of states has moved into the table of states.
    pub(in crate::store) const STATES_MOVED: &[u8] = &[5];
}

/// What is numbered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counter {
    DataKey = 0,
    Token = 1,
    Batch = 2,
    BatchAssignment = 3,
    Resource = 4,
    User = 5,
    Assignment = 6,
    Operator = 7,
    ApiKey = 8,
    Import = 9,
    Job = 10,
    Mail = 11,
    Tombstone = 12,
    UserIssue = 13,
    Subscription = 14,
    Post = 15,
    Run = 16,
}

/// The next number of a counter.
pub(super) const fn counter(counter: Counter) -> [u8; 2] {
    [meta::COUNTER, counter as u8]
}

/// How far an audit chain is entered in the index by subject.
pub(super) fn entered(chain: u32) -> [u8; 5] {
    let mut key = [meta::ENTERED; 5];
    key[1..].copy_from_slice(&chain.to_be_bytes());
    key
}

/// A wrapped key.
pub(super) const fn wrapped(name: KeyName) -> [u8; 2] {
    let number = match name {
        KeyName::Store => 0,
        KeyName::Fingerprint => 1,
        KeyName::Audit => 2,
        KeyName::Hash => 3,
    };
    [meta::WRAPPED, number]
}

/// One number.
pub(super) const fn number(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// Two numbers.
pub(super) fn pair(a: u64, b: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&a.to_be_bytes());
    key[8..].copy_from_slice(&b.to_be_bytes());
    key
}

/// Three numbers.
pub(super) fn triple(a: u64, b: u64, c: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&pair(a, b));
    key[16..].copy_from_slice(&c.to_be_bytes());
    key
}

/// A small number and a large one.
pub(super) fn tagged(tag: u8, n: u64) -> [u8; 9] {
    let mut key = [tag; 9];
    key[1..].copy_from_slice(&n.to_be_bytes());
    key
}

/// Before the assignments of a kind on a resource.
pub(super) fn of_kind(resource: ResourceId, kind: AssignmentKind) -> [u8; 9] {
    let mut key = [kind as u8; 9];
    key[..8].copy_from_slice(&resource.0.to_be_bytes());
    key
}

/// A text and a number.
pub(super) fn text(text: &str, n: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 9);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
    key.extend_from_slice(&n.to_be_bytes());
    key
}

/// All keys of exactly this text.
pub(super) fn text_prefix(text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 1);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
    key
}

/// The text read from its end.
pub(super) fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// A seed or the state of one.
pub(super) fn seed(token: TokenId, version: SeedVersion) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&token.0.to_be_bytes());
    key[8..].copy_from_slice(&version.0.to_be_bytes());
    key
}

/// Half of the fingerprint and the seed. The other half is compared in the seed's record: the
/// entries are in random order, so small ones keep more of them in a page.
pub(super) fn fingerprint(print: Fingerprint, token: TokenId, version: SeedVersion) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(fingerprint_prefix(&print));
    key[8..].copy_from_slice(&seed(token, version));
    key
}

/// The part of a fingerprint that is indexed.
pub(super) fn fingerprint_prefix(print: &Fingerprint) -> &[u8] {
    &print.0[..8]
}

/// A seed that an import added to a token of another batch.
pub(super) fn import_seed(import: u64, token: TokenId, version: SeedVersion) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&import.to_be_bytes());
    key[8..].copy_from_slice(&seed(token, version));
    key
}

/// A tombstone under its fingerprint.
pub(super) fn tombstone(print: Fingerprint, n: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&print.0);
    key[16..].copy_from_slice(&n.to_be_bytes());
    key
}

/// A moment; earlier ones come first, also those before 1970.
pub(super) fn moment(at: UnixTime) -> [u8; 8] {
    (at.millis().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// An audit record.
pub(super) fn audit(chain: u32, n: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&chain.to_be_bytes());
    key[4..].copy_from_slice(&n.to_be_bytes());
    key
}

/// A subject of audit records.
pub(super) fn subject(subject: Subject) -> [u8; 9] {
    match subject {
        Subject::Token(id) => tagged(0, id.0),
        Subject::User(id) => tagged(1, id.0),
        Subject::Resource(id) => tagged(2, id.0),
        Subject::Batch(id) => tagged(3, id.0),
        Subject::Import(id) => tagged(4, id.0),
        Subject::Operator(id) => tagged(5, id.0),
        Subject::Run(id) => tagged(6, id.0),
    }
}

/// A record of a chain about a subject.
pub(super) fn audit_subject(about: Subject, chain: u32, n: u64) -> [u8; 21] {
    let mut key = [0; 21];
    key[..9].copy_from_slice(&subject(about));
    key[9..].copy_from_slice(&audit(chain, n));
    key
}

/// Before the keyed hash in a budget's key.
pub(super) const BUDGET_HASHED: u8 = 2;

/// A budget.
pub(super) fn budget(key: BudgetKey) -> Vec<u8> {
    let (owner, kind) = match key {
        BudgetKey::User(kind, _) => (0, kind),
        BudgetKey::Resource(kind, _) => (1, kind),
        BudgetKey::Hashed(kind, _) => (BUDGET_HASHED, kind),
    };
    let kind = BUDGET_KINDS.iter().position(|k| *k == kind).and_then(|at| u8::try_from(at).ok());
    let mut bytes = vec![owner, kind.unwrap_or(u8::MAX)];
    match key {
        BudgetKey::User(_, UserId(id)) | BudgetKey::Resource(_, ResourceId(id)) => {
            bytes.extend_from_slice(&id.to_be_bytes());
        }
        BudgetKey::Hashed(_, hash) => bytes.extend_from_slice(&hash),
    }
    bytes
}

/// The budget under a keyed hash that a key stands for.
pub(super) fn hashed_budget(key: &[u8]) -> Option<BudgetKey> {
    let (&[owner, kind], hash) = key.split_first_chunk::<2>()?;
    let kind = BUDGET_KINDS.get(usize::from(kind))?;
    (owner == BUDGET_HASHED).then_some(())?;
    Some(BudgetKey::Hashed(*kind, hash.try_into().ok()?))
}

/// Their places are stored; add at the end only.
const BUDGET_KINDS: [BudgetKind; 15] = [
    BudgetKind::Password,
    BudgetKind::MailedCode,
    BudgetKind::MailSent,
    BudgetKind::Confirmation,
    BudgetKind::OperatorPassword,
    BudgetKind::UnknownOtp,
    BudgetKind::Address,
    BudgetKind::TakenLogin,
    BudgetKind::Registration,
    BudgetKind::Restore,
    BudgetKind::Reminded,
    BudgetKind::SessionCode,
    BudgetKind::SessionCodeSent,
    BudgetKind::TokenCodeSent,
    BudgetKind::RestoreCodeSent,
];

/// Sessions of a portal.
pub(super) fn portal_sessions(resource: ResourceId) -> [u8; 9] {
    tagged(0, resource.0)
}

/// Sessions of an operator.
pub(super) fn operator_sessions(operator: OperatorId) -> [u8; 9] {
    tagged(1, operator.0)
}

/// Portal sessions of a user.
pub(super) fn user_sessions(user: UserId) -> [u8; 9] {
    tagged(2, user.0)
}

/// The challenges of an owner.
pub(super) fn challenges(owner: ChallengeOwner) -> Vec<u8> {
    match owner {
        ChallengeOwner::Token(id) => tagged(0, id.0).to_vec(),
        ChallengeOwner::Session(session) => joined(&[&[1], &session]),
    }
}

/// A question that a secret was asked.
pub(super) fn asked(secret: Fingerprint, question: QuestionDigest) -> Vec<u8> {
    joined(&[&secret.0, &question.0])
}

/// The owner whose challenges lie under this key.
pub(super) fn challenge_owner(key: &[u8]) -> Option<ChallengeOwner> {
    match key.split_first()? {
        (0, id) => Some(ChallengeOwner::Token(TokenId(u64::from_be_bytes(id.try_into().ok()?)))),
        (_, session) => Some(ChallengeOwner::Session(session.try_into().ok()?)),
    }
}

/// Where a user issue stands in the list: open ones first, the oldest before the others; then those that have
/// ended, the newest before the others.
pub(super) const fn issue_place(id: u64, is_open: bool) -> u64 {
    if is_open { id } else { u64::MAX - id }
}

/// The user issue in this place.
pub(super) const fn issue_at(place: u64) -> u64 {
    if place > u64::MAX / 2 { u64::MAX - place } else { place }
}

/// Bytes in a row.
pub(super) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The number at `at`; 0 when the key is too short, which no key written here is.
pub(super) fn number_at(key: &[u8], at: usize) -> u64 {
    key.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// The number at the end of a key.
pub(super) fn last_number(key: &[u8]) -> u64 {
    key.len().checked_sub(8).map_or(0, |at| number_at(key, at))
}

/// The seed version at the end of a key.
pub(super) fn last_version(key: &[u8]) -> SeedVersion {
    let bytes = key.len().checked_sub(4).and_then(|at| key[at..].try_into().ok());
    SeedVersion(bytes.map_or(0, u32::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_come_first() {
        let order = [i64::MIN, -1, 0, 1, i64::MAX].map(|ms| moment(UnixTime::from_millis(ms)));
        assert!(order.is_sorted());
    }

    #[test]
    fn hashed_budgets_are_read_back() {
        for kind in BUDGET_KINDS {
            let key = BudgetKey::Hashed(kind, [7; 16]);
            assert_eq!(hashed_budget(&budget(key)), Some(key));
        }
        assert_eq!(hashed_budget(&budget(BudgetKey::User(BudgetKind::Password, UserId(1)))), None);
    }

    #[test]
    fn owners_of_challenges_are_read_back() {
        for owner in [ChallengeOwner::Token(TokenId(300)), ChallengeOwner::Session([7; 32])] {
            assert_eq!(challenge_owner(&challenges(owner)), Some(owner));
        }
    }

    #[test]
    fn open_issues_come_first() {
        let order = [(1, true), (7, true), (9, false), (2, false)].map(|(id, open)| issue_place(id, open));
        assert!(order.is_sorted());
        assert_eq!(order.map(issue_at), [1, 7, 9, 2]);
    }

    #[test]
    fn shorter_text_comes_before_its_extensions() {
        assert!(text("AB", u64::MAX) < text("ABC", 0));
        assert_eq!(last_number(&text("AB", 77)), 77);
        assert_eq!(last_version(&seed(TokenId(1), SeedVersion(9))), SeedVersion(9));
    }
}
