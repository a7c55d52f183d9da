//! Who acts: operators, API keys and their roles.

use serde::{Deserialize, Serialize};

use super::{ApiKeyId, BrowserSays, Login, OperatorId, PasswordHash, ResourceId, UserId};
use crate::clock::UnixTime;

/// What an operator or key may do; the table is in `service::access`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Reads everything, verifies and exports the audit log.
    Auditor,
    /// Reads, checks, resyncs, unblocks, disables.
    Helpdesk,
    /// Hands out, confirms, resyncs, programs.
    Station,
    /// All of these and the configuration.
    Admin,
    /// Keys only: asks whether codes are right.
    Verifier,
    /// Keys only: creates users and assignments.
    Provisioner,
}

impl Role {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 6] =
        [Self::Auditor, Self::Helpdesk, Self::Station, Self::Admin, Self::Verifier, Self::Provisioner];

    /// The name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auditor => "auditor",
            Self::Helpdesk => "helpdesk",
            Self::Station => "station",
            Self::Admin => "admin",
            Self::Verifier => "verifier",
            Self::Provisioner => "provisioner",
        }
    }

    /// Reads the name.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == text)
    }

    /// True for the roles a person can have; the others are for keys.
    pub const fn is_for_people(self) -> bool {
        !matches!(self, Self::Verifier | Self::Provisioner)
    }

    /// True for the roles that verify and delete user issues.
    pub const fn decides_issues(self) -> bool {
        matches!(self, Self::Helpdesk | Self::Admin)
    }
}

/// The part of the store that somebody sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Everything.
    All,
    /// These resources and what stands on them.
    Resources(Vec<ResourceId>),
}

impl Scope {
    /// True when the resource belongs to it.
    pub fn covers(&self, resource: ResourceId) -> bool {
        match self {
            Self::All => true,
            Self::Resources(list) => list.contains(&resource),
        }
    }
}

/// Someone who signs in to console or station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Number in the store.
    pub id: OperatorId,
    /// What they sign in with.
    pub login: Login,
    /// Their password.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// Where they may do it.
    pub scope: Scope,
    /// False: may not sign in.
    pub enabled: bool,
    /// Since when.
    pub created_at: UnixTime,
}

/// A key for the REST interface. Only a hash of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Number in the store.
    pub id: ApiKeyId,
    /// What people call it; unique.
    pub name: String,
    /// SHA-256 of the key (which is random, so no salt is needed).
    pub hash: [u8; 32],
    /// What it may do.
    pub role: Role,
    /// Where it may do it.
    pub scope: Scope,
    /// Since when.
    pub created_at: UnixTime,
    /// Since when it no longer works.
    pub revoked_at: Option<UnixTime>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The program itself.
    System,
    /// A process of this machine's user through the local socket or an offline command.
    Local {
        /// User id of the peer.
        uid: u32,
    },
    /// A signed-in operator.
    Operator {
        /// Who.
        id: OperatorId,
        /// Login at that time.
        login: Login,
    },
    /// An API key.
    ApiKey {
        /// Which.
        id: ApiKeyId,
        /// Name at that time.
        name: String,
    },
    /// A user in the portal.
    User {
        /// Who.
        id: UserId,
        /// Login at that time.
        login: Login,
    },
    /// Somebody who is not signed in.
    Stranger,
}

/// A request of somebody who is not signed in as an operator: from where, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Network address.
    pub address: String,
    /// Id of the request, for finding the log lines that go with it.
    pub request_id: Option<String>,
    /// What the browser says of itself.
    pub says: BrowserSays,
}

impl Visit {
    /// A visit from an address.
    pub fn from_address(address: &str) -> Self {
        Self { address: address.to_owned(), request_id: None, says: BrowserSays::default() }
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Actor {
        self.actor(Origin::Stranger, Scope::Resources(Vec::new()))
    }

    /// Whoever is behind it, once known.
    pub fn actor(&self, origin: Origin, scope: Scope) -> Actor {
        Actor {
            origin,
            role: None,
            scope,
            address: Some(self.address.clone()),
            request_id: self.request_id.clone(),
        }
    }
}

/// Who did something, with what rights and from where. Goes with every call of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub origin: Origin,
    /// With what rights; `None` for users and strangers.
    pub role: Option<Role>,
    /// Where.
    pub scope: Scope,
    /// Network address, when there is one.
    pub address: Option<String>,
    /// Id of the request, for finding the log lines that go with it.
    pub request_id: Option<String>,
}

impl Actor {
    /// The program itself, for work that nobody asked for.
    pub const SYSTEM: Self =
        Self { origin: Origin::System, role: None, scope: Scope::All, address: None, request_id: None };

    /// Somebody at the machine itself, who has an admin's rights.
    pub const fn local(uid: u32) -> Self {
        Self {
            origin: Origin::Local { uid },
            role: Some(Role::Admin),
            scope: Scope::All,
            address: None,
            request_id: None,
        }
    }

    /// True for a person or key with an operator's role: they see more in answers than verifiers do.
    pub fn is_operator(&self) -> bool {
        self.role.is_some_and(Role::is_for_people)
    }

    /// The operator's number, when a signed-in operator acts.
    pub const fn operator(&self) -> Option<OperatorId> {
        match self.origin {
            Origin::Operator { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Who, as text for people and the audit log.
    pub fn label(&self) -> String {
        match &self.origin {
            Origin::System => "system".into(),
            Origin::Local { uid } => format!("local uid {uid}"),
            Origin::Operator { login, .. } => format!("operator {login}"),
            Origin::ApiKey { name, .. } => format!("key {name}"),
            Origin::User { login, .. } => format!("user {login}"),
            Origin::Stranger => "not signed in".into(),
        }
    }
}
