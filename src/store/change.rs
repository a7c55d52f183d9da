//! What a decision changes.

use crate::model::{
    ApiKey, Application, Assignment, AssignmentId, AuditEntry, Batch, BatchAssignment, BatchAssignmentId,
    BatchId, Budget, BudgetKey, ChallengeOwner, Challenges, ClockHistory, ClockJumps, DataKeyId, DeviceKey,
    EmergencyCode, Environments, Fingerprint, Import, ImportId, ImportLine, Job, JobId, Look, MailId,
    MailedCode, Operator, OperatorId, OutboxMail, ProgrammingRun, Resource, ResourceId, RunItem, SealedSeed,
    SeedRow, SeedVersion, Session, Subscription, SubscriptionId, Token, TokenDraft, TokenId, TokenMailing,
    TokenState, Tombstone, User, UserId, UserIssue, UserIssueId, WebhookPost, WebhookPostId, WrappedKey,
};
use crate::oath::QuestionDigest;

use super::{KeyName, StoreMeta};

/// One change. Putting a record under a number that is there replaces it and moves its index
/// entries; counters for new numbers follow by themselves.
#[derive(Clone, Debug)]
pub enum Change {
    /// The store's own description. It may be written again with the same store id only.
    PutMeta(StoreMeta),
    /// A wrapped key.
    PutKey(KeyName, WrappedKey),
    /// A wrapped data key.
    PutDataKey(DataKeyId, WrappedKey),
    /// Sets aside this many token numbers from `next_token` on.
    ReserveTokens(u64),
    /// A token.
    PutToken(Token),
    /// One secret of a token.
    PutSeed(SeedRow),
    /// What checks change. The floor of a seed version never falls: a lower one is not taken over.
    PutState(TokenId, SeedVersion, TokenState),
    /// What the clock of a token was seen to show. Also goes with its seed.
    PutClockHistory(TokenId, SeedVersion, ClockHistory),
    /// The clocks that jumped within an hour, as this node saw it.
    PutClockJumps(ClockJumps),
    /// A token with its secrets, states and index entries goes; the tombstone stays, and one more for
    /// each other secret it had. Its assignments are changes of their own.
    BuryToken(TokenId, Tombstone),
    /// A token that was never real goes without a trace.
    PurgeToken(TokenId),
    /// A seed version that was never real goes without a trace.
    PurgeSeed(TokenId, SeedVersion),
    /// A batch. Its name is reserved only while it is live.
    PutBatch(Batch),
    /// A batch that was never real goes.
    PurgeBatch(BatchId),
    /// A batch stands on a resource.
    PutBatchAssignment(BatchAssignment),
    /// It no longer does.
    DeleteBatchAssignment(BatchAssignmentId),
    /// A resource.
    PutResource(Resource),
    /// How the portal of a resource looks.
    PutLook(ResourceId, Look),
    /// A resource goes.
    DeleteResource(ResourceId),
    /// A user.
    PutUser(User),
    /// A user goes. Their logins stay reserved, but another user may be given them.
    DeleteUser(UserId),
    /// An assignment.
    PutAssignment(Assignment),
    /// An assignment goes.
    DeleteAssignment(AssignmentId),
    /// An operator.
    PutOperator(Operator),
    /// An API key.
    PutApiKey(ApiKey),
    /// A failure counter; `Budget::CLEAR` removes it.
    PutBudget(BudgetKey, Budget),
    /// A session under the hash of its cookie.
    PutSession([u8; 32], Session),
    /// A session ends.
    DeleteSession([u8; 32]),
    /// All sessions of a portal end.
    EndPortalSessions(ResourceId),
    /// All sessions of an operator end.
    EndOperatorSessions(OperatorId),
    /// All portal sessions of a user end.
    EndUserSessions(UserId),
    /// The one mailed code of a user on a resource.
    PutMailedCode(UserId, ResourceId, MailedCode),
    /// It is spent.
    DeleteMailedCode(UserId, ResourceId),
    /// The token that a session is setting up.
    PutDraft([u8; 32], TokenDraft),
    /// It is not set up any more. Also goes with its session.
    DeleteDraft([u8; 32]),
    /// What an owner was asked; an empty list goes.
    PutChallenges(ChallengeOwner, Challenges),
    /// A token with this secret was asked this question and is never asked it again. Stays when the token goes.
    PutAsked(Fingerprint, QuestionDigest),
    /// The sealed hash of a PIN that goes into a token's responses. Also goes with its token.
    PutPinHash(TokenId, SealedSeed),
    /// A request to restore access.
    PutUserIssue(Box<UserIssue>),
    /// It goes. Also goes with its user.
    DeleteUserIssue(UserIssueId),
    /// What was mailed last of a mail token. Also goes with its token.
    PutMailing(TokenId, TokenMailing),
    /// The one emergency code of a user. Also goes with its user.
    PutEmergencyCode(UserId, EmergencyCode),
    /// It has ended.
    DeleteEmergencyCode(UserId),
    /// The environments of a user on a resource.
    PutEnvironments(UserId, ResourceId, Environments),
    /// An import.
    PutImport(Import),
    /// Lines of an import, numbered on from those that are there.
    AddImportLines(ImportId, Vec<ImportLine>),
    /// The lines of an import go.
    PurgeImportLines(ImportId),
    /// A job.
    PutJob(Job),
    /// A job goes.
    DeleteJob(JobId),
    /// A programming run.
    PutRun(ProgrammingRun),
    /// A device in a programming run.
    PutRunItem(Box<RunItem>),
    /// What opens an application of the device with this serial number. Stays for ever: the device may come back.
    PutDeviceKey(Application, String, DeviceKey),
    /// A mail in the outbox.
    PutMail(OutboxMail),
    /// A mail goes.
    DeleteMail(MailId),
    /// What an operator wants to hear of.
    PutSubscription(Subscription),
    /// No longer. What waits to be sent for it goes by itself.
    DeleteSubscription(SubscriptionId),
    /// A request to another program.
    PutPost(WebhookPost),
    /// It goes.
    DeletePost(WebhookPostId),
    /// The inventory changed in a way that makes plans stale.
    BumpGeneration,
    /// A record of the audit log.
    Append(AuditEntry),
}

/// All changes of one decision, applied in order and together.
pub type Changes = Vec<Change>;
