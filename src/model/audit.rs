//! What is written about each change.

use serde::{Deserialize, Serialize};

use super::{Actor, BatchId, ImportId, OperatorId, ResourceId, RunId, TokenId, UserId};
use crate::clock::UnixTime;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What was done or tried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum AuditAction { $($(#[$doc])* $variant,)* }

        impl AuditAction {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

actions! {
    /// The store was made.
    StoreCreated = "store_created",
    /// The service started.
    ServiceStarted = "service_started",
    /// A seed file was read into a plan.
    ImportPlanned = "import_planned",
    /// A plan became part of the inventory.
    ImportCommitted = "import_committed",
    /// A plan was dropped.
    ImportDropped = "import_dropped",
    /// A committed import was taken back.
    ImportUndone = "import_undone",
    /// A batch or part of it was assigned to a resource.
    BatchAssigned = "batch_assigned",
    /// A batch was taken off a resource.
    BatchUnassigned = "batch_unassigned",
    /// A resource was made.
    ResourceCreated = "resource_created",
    /// A resource was changed.
    ResourceChanged = "resource_changed",
    /// A resource was deleted.
    ResourceDeleted = "resource_deleted",
    /// A portal's settings were changed.
    PortalChanged = "portal_changed",
    /// A user was made.
    UserCreated = "user_created",
    /// A user was changed.
    UserChanged = "user_changed",
    /// A user was deleted.
    UserDeleted = "user_deleted",
    /// A user was unblocked.
    UserUnblocked = "user_unblocked",
    /// An assignment was made.
    Assigned = "assigned",
    /// An assignment was taken away.
    Unassigned = "unassigned",
    /// A token changed its place.
    CustodyChanged = "custody_changed",
    /// A token was changed.
    TokenChanged = "token_changed",
    /// A token was deleted.
    TokenDeleted = "token_deleted",
    /// A token's failures were cleared.
    TokenUnblocked = "token_unblocked",
    /// A code was checked.
    OtpChecked = "otp_checked",
    /// A sequence of codes was searched for.
    Resynced = "resynced",
    /// A user tried to confirm a token.
    Confirmation = "confirmation",
    /// An integration asked for a user.
    Authenticated = "authenticated",
    /// Somebody signed in or tried to.
    SignIn = "sign_in",
    /// Somebody signed out.
    SignOut = "sign_out",
    /// A code was mailed.
    CodeMailed = "code_mailed",
    /// An operator was made.
    OperatorCreated = "operator_created",
    /// An operator was changed.
    OperatorChanged = "operator_changed",
    /// A key was made.
    ApiKeyCreated = "api_key_created",
    /// A key was revoked.
    ApiKeyRevoked = "api_key_revoked",
    /// The audit log was verified.
    AuditVerified = "audit_verified",
    /// A resource's limit of failed confirmations was reached.
    ConfirmationAlert = "confirmation_alert",
    /// A clock was accepted that contradicts the log.
    ClockAccepted = "clock_accepted",
    /// Heads of other chains, for cross-checking.
    ChainAnchored = "chain_anchored",
    /// Somebody who was signed in proved again who they are, or tried to.
    Proved = "proved",
    /// A user named, trusted or forgot an environment.
    EnvironmentChanged = "environment_changed",
    /// A user signed in from an environment that is unlike the known ones, or tried to.
    EnvironmentUnlike = "environment_unlike",
    /// A user set up a token or tried to.
    Registration = "registration",
    /// A token took the place of another.
    TokenReplaced = "token_replaced",
    /// A token got a PIN.
    PinSet = "pin_set",
    /// A token lost its PIN.
    PinRemoved = "pin_removed",
    /// Somebody who asks for access proved something, or tried to.
    RestoreTried = "restore_tried",
    /// Somebody asked for access; refused: nothing was kept of it.
    UserIssueOpened = "user_issue_opened",
    /// An operator established who asks.
    UserIssueVerified = "user_issue_verified",
    /// A request took effect.
    UserIssueApproved = "user_issue_approved",
    /// A request ended without effect.
    UserIssueClosed = "user_issue_closed",
    /// An operator chose what to hear of.
    NotificationsChanged = "notifications_changed",
    /// A trial was sent to where an operator wants to hear of things.
    NotificationTried = "notification_tried",
    /// News did not reach an operator and was given up.
    NotificationFailed = "notification_failed",
    /// Users were reminded to confirm their tokens.
    UsersReminded = "users_reminded",
    /// A user was given an emergency code, or it was taken back.
    EmergencyCode = "emergency_code",
    /// Somebody looked which token shows some codes.
    Identified = "identified",
    /// A token with a keypad was asked something.
    ChallengeIssued = "challenge_issued",
    /// Many tokens jumped together: what was learned of them was taken back.
    ClockDoubted = "clock_doubted",
    /// Codes that fitted nowhere were read in other ways.
    Diagnosed = "diagnosed",
    /// A programming run was begun.
    RunStarted = "run_started",
    /// A programming run was ended.
    RunEnded = "run_ended",
    /// A device came into the journal of a run: from here on it may hold the secret.
    DeviceJournalled = "device_journalled",
    /// A device took its secret; the code that proves it is still to be read.
    DeviceWritten = "device_written",
    /// A code proved the secret of a device: the token is in the store.
    DeviceProgrammed = "device_programmed",
    /// It is certain that a device does not hold the secret that was meant for it.
    DeviceUntouched = "device_untouched",
    /// Nobody knows whether a device holds the secret that was meant for it.
    DeviceInDoubt = "device_in_doubt",
    /// An operator said what becomes of a device in doubt, or took a device back.
    DeviceResolved = "device_resolved",
    /// Somebody typed a code that is not one of the secret of a device.
    DeviceCodeWrong = "device_code_wrong",
    /// The clock of a token was made ready to be set; refused: it was not set, and what was known of it holds.
    TokenClockSet = "token_clock_set",
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditResult {
    /// It was done.
    Done,
    /// It was tried and refused.
    Refused,
}

impl AuditResult {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// What a record is about; the log can be read by subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A token.
    Token(TokenId),
    /// A user.
    User(UserId),
    /// A resource.
    Resource(ResourceId),
    /// A batch.
    Batch(BatchId),
    /// An import.
    Import(ImportId),
    /// An operator.
    Operator(OperatorId),
    /// A programming run.
    Run(RunId),
}

/// What the service hands to the store with a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: UnixTime,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: AuditAction,
    /// About whom and what.
    pub subjects: Vec<Subject>,
    /// How it ended.
    pub result: AuditResult,
    /// Facts by name: before, after, reason. Never a secret, a code or a mail address.
    pub detail: Vec<(String, String)>,
}

/// An entry in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Chain of the node that wrote it.
    pub chain: u32,
    /// Its place, counted from 1.
    pub n: u64,
    /// SHA-256 of the record before it; zeros for the first.
    pub previous: [u8; 32],
    /// What happened.
    pub entry: AuditEntry,
}
