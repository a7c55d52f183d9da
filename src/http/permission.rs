//! What a route can need, and which role has it.

use crate::model::Role;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nobody needs to be signed in; the portal asks by itself.
    Anyone,
    /// Any operator or key with an operator's role.
    Read,
    /// Look at audit records and verify them.
    Audit,
    /// Check a code of a token.
    Check,
    /// Ask whether a user is the right one.
    Authenticate,
    /// Bring a token back.
    Resync,
    /// Find out which token shows some codes.
    Identify,
    /// Confirm a token for a user.
    Confirm,
    /// Disable a token; enabling it again is an admin's.
    Disable,
    /// Clear failures.
    Unblock,
    /// Remove a forgotten PIN.
    RemovePin,
    /// Verify and delete user issues.
    DecideIssues,
    /// Give a code in the place of a token's, and take it back.
    EmergencyCode,
    /// Assign and unassign single users and tokens.
    AssignSingle,
    /// Make a user.
    CreateUser,
    /// Move a token to another place.
    Custody,
    /// See what lies on the readers, and program it.
    Program,
    /// See what is scanned, and act on it.
    Scan,
    /// Choose what to hear of oneself.
    Subscribe,
    /// Everything else.
    Administer,
}

impl Permission {
    /// All of them, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::Anyone,
        Self::Read,
        Self::Audit,
        Self::Check,
        Self::Authenticate,
        Self::Resync,
        Self::Identify,
        Self::Confirm,
        Self::Disable,
        Self::Unblock,
        Self::RemovePin,
        Self::DecideIssues,
        Self::EmergencyCode,
        Self::AssignSingle,
        Self::CreateUser,
        Self::Custody,
        Self::Program,
        Self::Scan,
        Self::Subscribe,
        Self::Administer,
    ];

    /// Whether a role has it.
    pub const fn allows(self, role: Role) -> bool {
        use Role::{Admin, Auditor, Helpdesk, Provisioner, Station, Verifier};
        match self {
            Self::Anyone => true,
            Self::Read | Self::Subscribe => matches!(role, Auditor | Helpdesk | Station | Admin),
            Self::Audit => matches!(role, Auditor | Admin),
            Self::Check => matches!(role, Helpdesk | Station | Admin | Verifier),
            Self::Authenticate => matches!(role, Admin | Verifier),
            Self::Resync | Self::Scan => matches!(role, Helpdesk | Station | Admin),
            Self::Confirm | Self::Custody | Self::Identify | Self::Program => matches!(role, Station | Admin),
            Self::Disable | Self::Unblock | Self::RemovePin | Self::EmergencyCode => {
                matches!(role, Helpdesk | Admin)
            }
            Self::DecideIssues => role.decides_issues(),
            Self::AssignSingle => matches!(role, Station | Admin | Provisioner),
            Self::CreateUser => matches!(role, Admin | Provisioner),
            Self::Administer => matches!(role, Admin),
        }
    }
}

/// One route and what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// HTTP method.
    pub method: &'static str,
    /// Path as the router knows it.
    pub path: &'static str,
    /// What it needs.
    pub needs: Permission,
}

impl Rule {
    /// One row of a table of routes.
    pub const fn new(method: &'static str, path: &'static str, needs: Permission) -> Self {
        Self { method, path, needs }
    }
}
