//! The nouns of the product, their invariants and their legal transitions. No I/O.
//!
//! Types here derive `serde` for one reader, the store, which puts a version byte before each
//! record; answers on the wire have types of their own.

mod access;
mod assignment;
mod audit;
mod batch;
mod budget;
mod challenge;
mod draft;
mod environment;
mod id;
mod import;
mod issue;
mod job;
mod key;
mod language;
mod look;
mod mail;
mod name;
mod news;
mod programming;
mod resource;
mod session;
mod token;
mod token_clock;
mod user;

pub use access::{Actor, ApiKey, Operator, Origin as ActorOrigin, Role, Scope, Visit};
pub use assignment::{Assignment, AssignmentKind, InvalidTransition, Parties};
pub use audit::{AuditAction, AuditEntry, AuditRecord, AuditResult, Subject};
pub use batch::{Batch, BatchAssignment, BatchPart, BatchState, SerialRange};
pub use budget::{Budget, BudgetKey, BudgetKind, BudgetState};
pub use challenge::{Challenge, ChallengeOwner, ChallengePurpose, Challenges, KeypadQuestion};
pub use draft::TokenDraft;
pub use environment::{
    BrowserSays, Difference, Environment, Environments, Likeness, TraitKind, Traits, network_of,
};
pub use id::{
    ApiKeyId, AssignmentId, BatchAssignmentId, BatchId, DataKeyId, ImportId, JobId, MailId, OperatorId,
    ResourceId, RunId, SeedVersion, SubscriptionId, TokenId, UserId, UserIssueId, WebhookPostId,
};
pub use import::{Import, ImportContent, ImportCounts, ImportLine, ImportState, Verdict};
pub use issue::{
    Approval, Claim, Factor, FactorMark, Factors, IssueReference, IssueState, MailedLink, RestoreDraft,
    UserIssue,
};
pub use job::{Job, JobKind, JobState};
pub use key::{Fingerprint, SealedSeed, WrapMode, WrappedKey};
pub use language::Language;
pub use look::{Accent, Colour, LEAST_CONTRAST, Logo, LogoError, LogoKind, Look, Shades};
pub use mail::{MailKind, MailState, OutboxMail};
pub use name::{
    BatchName, EmailAddress, Login, NameError, PhoneNumber, ResourceAlias, ResourceName, TokenSerial,
};
pub use news::{
    Channel, LastDelivery, NewsKind, StockPlace, StockWatch, Subscription, WebhookParts, WebhookPost,
    WebhookUrl, WebhookUrlError, may_be_called,
};
pub use programming::{
    Application, DeviceKey, ProgrammingRun, RunItem, RunItemId, RunItemState, RunSecret, RunState,
};
pub use resource::{EnvironmentPolicy, PortalAction, Resource, SelfService, TokenType};
pub use session::{EmailChange, LoginStage, MailedCode, Session, SessionCode, SessionKind};
pub use token::{
    Custody, CustodyError, DisabledBy, Drift, OtpSpec, PinPlacement, PinRecord, SeedRow, Token, TokenKind,
    TokenMailing, TokenOrigin, TokenState, Tombstone,
};
pub use token_clock::{ClockHistory, ClockJump, ClockJumps};
pub use user::{EmergencyCode, PasswordHash, User};
