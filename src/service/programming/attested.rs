//! What a device proved about itself.

use crate::model::{Actor, AuditAction, AuditResult};

use super::{Service, ServiceError, require_all};

/// What was asked of a device, and what came of it.
#[derive(Clone, Debug)]
pub struct Attested {
    /// The serial number that it says; empty: none.
    pub device: String,
    /// A stable word.
    pub verdict: &'static str,
    /// A genuine device stated it.
    pub is_genuine: bool,
    /// The slot in which a key was to be generated as a proof.
    pub generate_in: Option<String>,
}

impl Service {
    /// Notes what a device proved about itself, and that a key was generated on it for that.
    pub fn device_attested(&self, actor: &Actor, attested: &Attested) -> Result<(), ServiceError> {
        require_all(actor)?;
        let mut detail = vec![("device", attested.device.clone()), ("verdict", attested.verdict.to_owned())];
        detail.extend(attested.generate_in.clone().map(|slot| ("generate_in", slot)));
        let result = if attested.is_genuine { AuditResult::Done } else { AuditResult::Refused };
        let entry = super::super::audit_entry(
            self.clock.now(),
            actor,
            AuditAction::DeviceAttested,
            Vec::new(),
            result,
            detail,
        );
        self.decide(move |_| Ok(((), vec![entry.clone()])))
    }
}
