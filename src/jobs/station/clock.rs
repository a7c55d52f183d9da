//! The clock of a token that lies on a reader.

use std::sync::Arc;

use crate::jobs::programming::{NO_CLOCK, Refusal};
use crate::model::Actor;
use crate::service::ServiceError;

use super::redo::busy;
use super::{Station, Work};

/// The token that was seen lies there no more.
pub(super) fn other_device(serial: &str) -> Refusal {
    let detail = format!("{serial} lies there no more: look at what lies there now");
    Refusal { code: "other_device", detail }
}

impl Station {
    /// Begins to set the clock of the token that lies on a reader, and leaves its secret where it is; `device`: the one
    /// that was seen there; `reason`: why, of a token that somebody has.
    ///
    /// # Errors
    /// `device_absent`, `other_device`, `reader_busy`, and what [`clock_settable`](crate::service::Service::clock_settable) says.
    pub fn set_clock(
        self: &Arc<Self>,
        reader: &str,
        device: Option<&str>,
        actor: &Actor,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let lies = {
            let state = self.state();
            let place = state.places.get(reader).filter(|place| place.now.is_occupied);
            place.map(|place| {
                let serial = place.now.found.as_ref().and_then(|found| found.serial.clone());
                serial.zip(place.now.clock_offset_secs)
            })
        };
        let absent = || {
            let detail = format!("nothing lies on reader {reader}: lay the token on, then try again");
            ServiceError::state("device_absent", detail)
        };
        let no_clock = || ServiceError::state("no_clock", NO_CLOCK.to_owned());
        let (serial, offset_secs) = lies.ok_or_else(absent)?.ok_or_else(no_clock)?;
        if device.is_some_and(|device| device != serial) {
            let Refusal { code, detail } = other_device(device.unwrap_or_default());
            return Err(ServiceError::state(code, detail));
        }
        self.service.clock_settable(actor, &serial, offset_secs, reason)?;
        let work = Work::SetClock { serial, reason: reason.to_owned() };
        if self.act(reader, work, actor) { Ok(()) } else { Err(busy(reader)) }
    }
}
