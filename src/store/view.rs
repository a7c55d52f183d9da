//! Questions that can be asked of one state of the store.

use serde::{Deserialize, Serialize};

use super::{
    AssignmentFilter, AuditFilter, Page, ProgrammingView, Slice, StoreError, TokenFilter, UserFilter,
};
use crate::clock::UnixTime;
use crate::model::{
    ApiKey, ApiKeyId, Assignment, AssignmentId, AuditRecord, Batch, BatchAssignment, BatchAssignmentId,
    BatchId, Budget, BudgetKey, ChallengeOwner, Challenges, ClockHistory, ClockJumps, DataKeyId,
    EmergencyCode, Environments, Fingerprint, Import, ImportId, ImportLine, Job, JobId, Look, MailId,
    MailedCode, Operator, OperatorId, OutboxMail, Resource, ResourceId, Scope, SealedSeed, SeedRow,
    SeedVersion, Session, Subscription, SubscriptionId, Token, TokenDraft, TokenId, TokenMailing, TokenState,
    Tombstone, User, UserId, UserIssue, UserIssueId, WebhookPost, WebhookPostId, WrappedKey,
};
use crate::oath::QuestionDigest;

/// The store's own description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreMeta {
    /// Random; bound into everything that is sealed.
    pub store_id: [u8; 16],
    /// When it was made.
    pub created_at: UnixTime,
    /// Made by `demo`: marked for ever.
    pub demo: bool,
    /// Made by `serve --simulate`: marked for ever.
    pub simulated: bool,
    /// Rises with each restore.
    pub epoch: u32,
    /// Number of this node; names its audit chain.
    pub node: u32,
}

/// The keys that are kept wrapped, each by its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyName {
    /// Wraps all others; wrapped by the root key.
    Store,
    /// Keyed hash of secrets.
    Fingerprint,
    /// MAC of the audit log.
    Audit,
    /// Keyed hash of PINs, mailed codes and typed logins.
    Hash,
}

/// The end of an audit chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Which chain.
    pub chain: u32,
    /// Number of its last record.
    pub n: u64,
    /// SHA-256 of that record as stored.
    pub hash: [u8; 32],
    /// The newest time of its records, since the clock was last accepted.
    pub at: UnixTime,
}

type Found<T> = Result<Option<T>, StoreError>;
type Listed<T> = Result<Slice<T>, StoreError>;

/// Questions that can be asked of one state of the store. Tokens, seeds and batches of imports that
/// are not committed do not show, except where a method says so.
pub trait View: ProgrammingView {
    /// The store's own description.
    fn meta(&self) -> Result<StoreMeta, StoreError>;
    /// Rises with each change that makes import plans stale.
    fn generation(&self) -> Result<u64, StoreError>;
    /// A wrapped key.
    fn key(&self, name: KeyName) -> Found<WrappedKey>;
    /// A wrapped data key.
    fn data_key(&self, id: DataKeyId) -> Found<WrappedKey>;

    /// The number that the next data key gets.
    fn next_data_key(&self) -> Result<DataKeyId, StoreError>;
    /// The number that the next token gets.
    fn next_token(&self) -> Result<TokenId, StoreError>;
    /// The number that the next batch gets.
    fn next_batch(&self) -> Result<BatchId, StoreError>;
    /// The number that the next batch assignment gets.
    fn next_batch_assignment(&self) -> Result<BatchAssignmentId, StoreError>;
    /// The number that the next resource gets.
    fn next_resource(&self) -> Result<ResourceId, StoreError>;
    /// The number that the next user gets.
    fn next_user(&self) -> Result<UserId, StoreError>;
    /// The number that the next assignment gets.
    fn next_assignment(&self) -> Result<AssignmentId, StoreError>;
    /// The number that the next operator gets.
    fn next_operator(&self) -> Result<OperatorId, StoreError>;
    /// The number that the next API key gets.
    fn next_api_key(&self) -> Result<ApiKeyId, StoreError>;
    /// The number that the next import gets.
    fn next_import(&self) -> Result<ImportId, StoreError>;
    /// The number that the next job gets.
    fn next_job(&self) -> Result<JobId, StoreError>;
    /// The number that the next mail gets.
    fn next_mail(&self) -> Result<MailId, StoreError>;

    /// A token.
    fn token(&self, id: TokenId) -> Found<Token>;
    /// A token and its first secret whatever the state of its batch, for looking at a plan again.
    fn staged(&self, id: TokenId) -> Found<(Token, SeedRow)>;
    /// A token by its serial in normal form.
    fn token_by_serial(&self, normal: &str) -> Found<Token>;
    /// The secret in force: the highest version whose import is committed.
    fn seed(&self, token: TokenId) -> Found<SeedRow>;
    /// A secret of this version, visible or not.
    fn seed_version(&self, token: TokenId, version: SeedVersion) -> Found<SeedRow>;
    /// What checks changed; the seed row's initial state when nothing did.
    fn state(&self, seed: &SeedRow) -> Result<TokenState, StoreError>;
    /// What the clock of a token was seen to show.
    fn clock_history(&self, token: TokenId, version: SeedVersion) -> Found<ClockHistory>;
    /// Clock histories in the order of tokens, whatever the state of their batches. The page counts tokens.
    fn clock_histories(&self, page: Page) -> Listed<(TokenId, SeedVersion, ClockHistory)>;
    /// The clocks that jumped within an hour, as this node saw it.
    fn clock_jumps(&self) -> Result<ClockJumps, StoreError>;
    /// The highest seed version written for a token, visible or not.
    fn newest_seed_version(&self, token: TokenId) -> Found<SeedVersion>;
    /// Visible seed rows in force with this fingerprint.
    fn seeds_with(&self, fingerprint: Fingerprint) -> Result<Vec<SeedRow>, StoreError>;
    /// Every seed row ever written with this fingerprint that is still there and whose import was or is
    /// committed, with the state it has now: for floors of secrets that were held before.
    fn states_with(&self, fingerprint: Fingerprint) -> Result<Vec<(SeedRow, TokenState)>, StoreError>;
    /// Deleted tokens that had this fingerprint.
    fn tombstones_with(&self, fingerprint: Fingerprint) -> Result<Vec<Tombstone>, StoreError>;
    /// Deleted tokens that had this serial (in normal form).
    fn tombstones_of(&self, normal: &str) -> Result<Vec<Tombstone>, StoreError>;
    /// Tokens.
    fn tokens(&self, filter: &TokenFilter, page: Page) -> Listed<Token>;
    /// How many these are at most, counted up to `most`. Where a filter asks for places only, they are counted in the
    /// index and none is read; then those of a batch that is not live may be among them.
    fn count_tokens(&self, filter: &TokenFilter, most: u64) -> Result<u64, StoreError>;
    /// True when the token is in the cupboard or elsewhere but stands on some resource, itself or by its batch.
    fn is_assigned(&self, token: &Token) -> Result<bool, StoreError>;
    /// The resources a token stands on, itself or by its batch.
    fn resources_of(&self, token: &Token) -> Result<Vec<ResourceId>, StoreError>;

    /// A live batch.
    fn batch(&self, id: BatchId) -> Found<Batch>;
    /// A batch whatever its state, for commits and sweeps.
    fn batch_any(&self, id: BatchId) -> Found<Batch>;
    /// A live batch by its name in normal form.
    fn batch_by_name(&self, normal: &str) -> Found<Batch>;
    /// Live batches.
    fn batches(&self, page: Page) -> Listed<Batch>;
    /// Batches whatever their state, for sweeps.
    fn batches_any(&self, page: Page) -> Listed<Batch>;
    /// Numbers of a batch's tokens whatever its state, for sweeps.
    fn token_ids_in(&self, batch: BatchId, page: Page) -> Listed<TokenId>;
    /// How many tokens of a batch do not follow it.
    fn detached_in(&self, batch: BatchId) -> Result<u64, StoreError>;
    /// Seed versions that an import added to tokens of other batches, whatever its state.
    fn replaced_by(&self, import: ImportId, page: Page) -> Listed<(TokenId, SeedVersion)>;
    /// A record of a batch standing on a resource.
    fn batch_assignment(&self, id: BatchAssignmentId) -> Found<BatchAssignment>;
    /// Where a batch stands.
    fn batch_assignments_of(&self, batch: BatchId) -> Result<Vec<BatchAssignment>, StoreError>;
    /// The batches on a resource.
    fn batch_assignments_on(&self, resource: ResourceId) -> Result<Vec<BatchAssignment>, StoreError>;

    /// A resource.
    fn resource(&self, id: ResourceId) -> Found<Resource>;
    /// A resource by its name in normal form.
    fn resource_by_name(&self, normal: &str) -> Found<Resource>;
    /// A resource by the alias of its portal, open or not.
    fn resource_by_alias(&self, alias: &str) -> Found<Resource>;
    /// How the portal of a resource looks, when that was ever set.
    fn look(&self, resource: ResourceId) -> Found<Look>;
    /// Resources.
    fn resources(&self, page: Page) -> Listed<Resource>;

    /// A user.
    fn user(&self, id: UserId) -> Found<User>;
    /// A user by the present login in normal form.
    fn user_by_login(&self, normal: &str) -> Found<User>;
    /// True when the login (in normal form) is or was somebody's.
    fn is_login_reserved(&self, normal: &str) -> Result<bool, StoreError>;
    /// Users.
    fn users(&self, filter: &UserFilter, page: Page) -> Listed<User>;

    /// An assignment.
    fn assignment(&self, id: AssignmentId) -> Found<Assignment>;
    /// Assignments on a resource (records of batches are apart).
    fn assignments(&self, filter: AssignmentFilter, page: Page) -> Listed<Assignment>;
    /// All assignments of a user.
    fn assignments_of_user(&self, user: UserId) -> Result<Vec<Assignment>, StoreError>;
    /// All assignments of a token's own.
    fn assignments_of_token(&self, token: TokenId) -> Result<Vec<Assignment>, StoreError>;

    /// An operator.
    fn operator(&self, id: OperatorId) -> Found<Operator>;
    /// An operator by login in normal form.
    fn operator_by_login(&self, normal: &str) -> Found<Operator>;
    /// Operators.
    fn operators(&self, page: Page) -> Listed<Operator>;
    /// An API key.
    fn api_key(&self, id: ApiKeyId) -> Found<ApiKey>;
    /// An API key by its hash.
    fn api_key_by_hash(&self, hash: &[u8; 32]) -> Found<ApiKey>;
    /// API keys, revoked ones too.
    fn api_keys(&self, page: Page) -> Listed<ApiKey>;

    /// A failure counter; clear when none is stored.
    fn budget(&self, key: BudgetKey) -> Result<Budget, StoreError>;
    /// Counters under a keyed hash that began before `before`, for the sweep; and how many there are in all.
    fn stale_budgets(&self, before: UnixTime, limit: usize) -> Result<(Vec<BudgetKey>, u64), StoreError>;

    /// A session.
    fn session(&self, key: &[u8; 32]) -> Found<Session>;
    /// Sessions that are no longer alive, for the sweep.
    fn dead_sessions(&self, now: UnixTime, limit: usize) -> Result<Vec<[u8; 32]>, StoreError>;
    /// Sessions beyond the newest `kept` that have proved nothing, oldest first.
    fn unproved_sessions_beyond(&self, kept: u64, limit: usize) -> Result<Vec<[u8; 32]>, StoreError>;
    /// The mailed code of a user on a resource.
    fn mailed_code(&self, user: UserId, resource: ResourceId) -> Found<MailedCode>;
    /// The token that a session is setting up.
    fn draft(&self, session: &[u8; 32]) -> Found<TokenDraft>;
    /// Sessions whose drafts have ended, for the sweep.
    fn dead_drafts(&self, now: UnixTime, limit: usize) -> Result<Vec<[u8; 32]>, StoreError>;

    /// What an owner was asked.
    fn challenges(&self, owner: ChallengeOwner) -> Found<Challenges>;
    /// Owners whose challenges can be forgotten, for the sweep.
    fn dead_challenges(&self, now: UnixTime, limit: usize) -> Result<Vec<ChallengeOwner>, StoreError>;
    /// True when a token with this secret was asked this question, of those that are remembered for ever.
    fn was_asked(&self, secret: Fingerprint, question: QuestionDigest) -> Result<bool, StoreError>;
    /// The sealed hash of the PIN that goes into a token's responses.
    fn pin_hash(&self, token: TokenId) -> Found<SealedSeed>;

    /// What was mailed last of a mail token.
    fn mailing(&self, token: TokenId) -> Found<TokenMailing>;
    /// The emergency code of a user, in force or not.
    fn emergency_code(&self, user: UserId) -> Found<EmergencyCode>;
    /// The environments of a user on a resource; none when nothing is known.
    fn environments(&self, user: UserId, resource: ResourceId) -> Found<Environments>;

    /// The number that the next user issue gets.
    fn next_user_issue(&self) -> Result<UserIssueId, StoreError>;
    /// A user issue.
    fn user_issue(&self, id: UserIssueId) -> Found<UserIssue>;
    /// User issues: the open ones, oldest first, then those that have ended, newest first. The page counts
    /// places in this order.
    fn user_issues(&self, scope: &Scope, page: Page) -> Listed<UserIssue>;
    /// All user issues of a user.
    fn user_issues_of(&self, user: UserId) -> Result<Vec<UserIssue>, StoreError>;
    /// User issues with which something is to be done by now.
    fn user_issues_due(&self, now: UnixTime, limit: usize) -> Result<Vec<UserIssue>, StoreError>;

    /// An import.
    fn import(&self, id: ImportId) -> Found<Import>;
    /// Imports, newest first.
    fn imports(&self, page: Page) -> Listed<Import>;
    /// Lines of an import that are not `new`, in the order of the file.
    fn import_lines(&self, id: ImportId, page: Page) -> Listed<ImportLine>;
    /// A job.
    fn job(&self, id: JobId) -> Found<Job>;
    /// Jobs, newest first.
    fn jobs(&self, page: Page) -> Listed<Job>;
    /// The oldest jobs, for the sweep.
    fn oldest_jobs(&self, limit: usize) -> Result<Vec<Job>, StoreError>;
    /// A mail.
    fn mail(&self, id: MailId) -> Found<OutboxMail>;
    /// Mails, newest first.
    fn mails(&self, page: Page) -> Listed<OutboxMail>;
    /// The oldest mails, for the sweep.
    fn oldest_mails(&self, limit: usize) -> Result<Vec<OutboxMail>, StoreError>;
    /// Mails that may be sent now, oldest first.
    fn mails_due(&self, now: UnixTime, limit: usize) -> Result<Vec<OutboxMail>, StoreError>;

    /// The number that the next subscription gets.
    fn next_subscription(&self) -> Result<SubscriptionId, StoreError>;
    /// What an operator wants to hear of.
    fn subscription(&self, id: SubscriptionId) -> Found<Subscription>;
    /// All subscriptions of all operators; there are few.
    fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError>;
    /// The number that the next webhook post gets.
    fn next_post(&self) -> Result<WebhookPostId, StoreError>;
    /// A webhook post.
    fn post(&self, id: WebhookPostId) -> Found<WebhookPost>;
    /// Webhook posts that may be sent now, oldest first.
    fn posts_due(&self, now: UnixTime, limit: usize) -> Result<Vec<WebhookPost>, StoreError>;
    /// The oldest webhook posts, for the sweep.
    fn oldest_posts(&self, limit: usize) -> Result<Vec<WebhookPost>, StoreError>;

    /// The end of a chain; `None` when it has no records.
    fn audit_head(&self, chain: u32) -> Found<AuditHead>;
    /// All chains.
    fn audit_chains(&self) -> Result<Vec<u32>, StoreError>;
    /// A record as it is stored (version, record, MAC), for verification.
    fn audit_bytes(&self, chain: u32, n: u64) -> Found<Vec<u8>>;
    /// True when the chain has records beyond this number, for verification.
    fn audit_records_after(&self, chain: u32, n: u64) -> Result<bool, StoreError>;
    /// A record.
    fn audit_record(&self, chain: u32, n: u64) -> Found<AuditRecord>;
    /// Records of this node's chain, newest first; the page counts record numbers downwards.
    fn audit(&self, filter: AuditFilter, page: Page) -> Listed<AuditRecord>;
}
