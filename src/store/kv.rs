//! The seam between the store's rules and an engine: named tables of bytes in key order.
//!
//! Everything above it (views, index maintenance, the audit chain) is written once; an engine
//! brings these few operations and its transactions.

use super::StoreError;

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A table of the store. Entries of index tables have no value: the key says it all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Tab { $($(#[$doc])* $variant,)* }

        impl Tab {
            /// All of them.
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the file.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

tables! {
    /// Description, generation, wrapped keys and counters.
    Meta = "meta",
    /// Data key -> wrapped key.
    DataKeys = "data_keys",
    /// Token -> record.
    Tokens = "tokens",
    /// Token, version -> record.
    Seeds = "seeds",
    /// Token, version -> what checks changed. By key only: no spans.
    States = "states",
    /// Token, version -> what its clock was seen to show.
    ClockHistories = "clock_histories",
    /// Node -> clocks that jumped within an hour.
    ClockJumps = "clock_jumps",
    /// Running number -> token, version and what a check changed, until it moves to `states`.
    StateLog = "state_log",
    /// Serial in normal form, token.
    Serials = "serials",
    /// The same read backwards, for "ends with".
    SerialsReversed = "serials_reversed",
    /// Batch, token.
    BatchTokens = "batch_tokens",
    /// Batch, token that does not follow it.
    Detached = "detached",
    /// Place other than the cupboard, token.
    Places = "places",
    /// Disabled token.
    Disabled = "disabled",
    /// Holder, token.
    Holders = "holders",
    /// First half of the fingerprint, token, version.
    Fingerprints = "fingerprints",
    /// Batch, run of its index entries set aside.
    Runs = "runs",
    /// Run, index, key of that index.
    RunEntries = "run_entries",
    /// Import, token of another batch, version.
    ImportSeeds = "import_seeds",
    /// Running number -> record.
    Tombstones = "tombstones",
    /// Fingerprint, tombstone.
    TombstoneFingerprints = "tombstone_fingerprints",
    /// Serial in normal form, tombstone.
    TombstoneSerials = "tombstone_serials",
    /// Batch -> record.
    Batches = "batches",
    /// Name of a live batch -> batch.
    BatchNames = "batch_names",
    /// Batch assignment -> record.
    BatchAssignments = "batch_assignments",
    /// Batch, batch assignment.
    BatchAssignmentsOf = "batch_assignments_of",
    /// Resource, batch assignment.
    BatchAssignmentsOn = "batch_assignments_on",
    /// Resource -> record.
    Resources = "resources",
    /// Name -> resource.
    ResourceNames = "resource_names",
    /// Alias -> resource.
    ResourceAliases = "resource_aliases",
    /// Resource -> how its portal looks.
    Looks = "looks",
    /// User -> record.
    Users = "users",
    /// Login, present or former -> user and which of the two.
    Logins = "logins",
    /// Login, first or last name in small letters, user.
    UserWords = "user_words",
    /// Assignment -> record.
    Assignments = "assignments",
    /// Resource, assignment.
    AssignmentsOn = "assignments_on",
    /// Resource, kind, assignment.
    AssignmentsOfKind = "assignments_of_kind",
    /// User, assignment.
    AssignmentsOfUser = "assignments_of_user",
    /// Token, assignment.
    AssignmentsOfToken = "assignments_of_token",
    /// Resource, token, assignment.
    ResourceTokens = "resource_tokens",
    /// Resource, token without a user there, assignment.
    ResourceAlone = "resource_alone",
    /// Resource, user, assignment.
    ResourceUsers = "resource_users",
    /// Operator -> record.
    Operators = "operators",
    /// Login -> operator.
    OperatorLogins = "operator_logins",
    /// API key -> record.
    ApiKeys = "api_keys",
    /// Hash -> API key.
    ApiKeyHashes = "api_key_hashes",
    /// Name -> API key.
    ApiKeyNames = "api_key_names",
    /// Kind and owner -> record.
    Budgets = "budgets",
    /// Beginning, key of a budget under a keyed hash.
    BudgetsSince = "budgets_since",
    /// Hash of the cookie -> record.
    Sessions = "sessions",
    /// Portal, operator or user, session.
    SessionsOf = "sessions_of",
    /// End, session.
    SessionEnds = "session_ends",
    /// Beginning, session that has typed a login and proved nothing.
    SessionsUnproved = "sessions_unproved",
    /// User, resource -> record.
    MailedCodes = "mailed_codes",
    /// Session -> record of a token that is being set up.
    Drafts = "drafts",
    /// End, session.
    DraftEnds = "draft_ends",
    /// Token or session -> record of what it was asked.
    Challenges = "challenges",
    /// End, token or session.
    ChallengeEnds = "challenge_ends",
    /// Fingerprint, question that its secret is never asked again.
    AskedQuestions = "asked_questions",
    /// Token -> record of a sealed hash of a PIN.
    PinHashes = "pin_hashes",
    /// User -> record.
    EmergencyCodes = "emergency_codes",
    /// Token -> record of what was mailed last.
    Mailings = "mailings",
    /// User, resource -> record.
    Environments = "environments",
    /// User issue -> record.
    UserIssues = "user_issues",
    /// Place in the list, which ends a user issue's key: open ones first.
    UserIssuesListed = "user_issues_listed",
    /// User, user issue.
    UserIssuesOf = "user_issues_of",
    /// When something is to be done, user issue.
    UserIssuesDue = "user_issues_due",
    /// Import -> record.
    Imports = "imports",
    /// Import, running number -> record.
    ImportLines = "import_lines",
    /// Job -> record.
    Jobs = "jobs",
    /// Programming run -> record.
    ProgrammingRuns = "programming_runs",
    /// Programming run, number -> record of a device in it.
    RunItems = "run_items",
    /// Programming run, number of a device that somebody has to look at.
    RunItemsUnsettled = "run_items_unsettled",
    /// Application, serial number of a device -> record of what opens it.
    DeviceKeys = "device_keys",
    /// Mail -> record.
    Mails = "mails",
    /// Next try, mail that waits.
    MailsDue = "mails_due",
    /// Subscription -> record.
    Subscriptions = "subscriptions",
    /// Webhook post -> record.
    Posts = "posts",
    /// Next try, webhook post that waits.
    PostsDue = "posts_due",
    /// Chain, number -> version, record, MAC.
    Audit = "audit",
    /// Chain -> its end.
    AuditHeads = "audit_heads",
    /// Subject, chain, number.
    AuditSubjects = "audit_subjects",
}

/// Keys from `from` (included) to `to` (excluded; `None`: to the end of the table).
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// First key.
    pub(super) from: Vec<u8>,
    /// First key that no longer belongs to it.
    pub(super) to: Option<Vec<u8>>,
}

impl Span {
    /// The whole table.
    pub(super) const ALL: Self = Self { from: Vec::new(), to: None };

    /// All keys that begin with `prefix`.
    pub(super) fn prefix(prefix: &[u8]) -> Self {
        let mut to = prefix.to_vec();
        while let Some(last) = to.last_mut() {
            if *last < u8::MAX {
                *last += 1;
                return Self { from: prefix.to_vec(), to: Some(to) };
            }
            to.pop();
        }
        Self { from: prefix.to_vec(), to: None }
    }
}

/// Which end of a span comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Small keys first.
    Up,
    /// Large keys first.
    Down,
}

/// A key and its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// Reading tables of one state.
pub(super) trait Kv {
    /// The value under a key.
    fn get(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// At most `limit` entries of a span.
    fn range(&self, table: Tab, span: &Span, order: Order, limit: usize) -> Result<Vec<Entry>, StoreError>;
    /// Number of keys in a span.
    fn count(&self, table: Tab, span: &Span) -> Result<u64, StoreError>;
    /// Number of keys in a table.
    fn len(&self, table: Tab) -> Result<u64, StoreError>;
}

/// Changing tables.
pub(super) trait KvMut: Kv {
    /// Writes a value; gives the one it replaced.
    fn put(&self, table: Tab, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Removes a key; gives its value.
    fn delete(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_span_ends_before_the_next_prefix() {
        let span = Span::prefix(&[1, 255, 255]);
        assert_eq!((span.from, span.to), (vec![1, 255, 255], Some(vec![2])));
        assert_eq!(Span::prefix(&[255]).to, None);
        assert_eq!(Span::prefix(&[]).to, None);
    }

    #[test]
    fn table_names_are_unique() {
        let mut names: Vec<_> = Tab::ALL.iter().map(|t| t.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Tab::ALL.len());
    }
}
