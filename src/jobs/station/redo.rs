//! What an operator wants done once more with a device that a run had to do with.

use std::sync::Arc;

use crate::model::{Actor, RunItem, RunItemId, RunItemState};
use crate::service::{Redo, ServiceError};

use super::{Station, Work};

/// Something is done on a reader.
pub(super) fn busy(reader: &str) -> ServiceError {
    let detail = format!("something is done on reader {reader}: wait until it has ended, then try again");
    ServiceError::state("reader_busy", detail)
}

impl Station {
    /// Begins it on the reader that the device lies on; the answer is the item before.
    ///
    /// # Errors
    /// With `device_absent` when it lies on none, `reader_busy` while something else is done there, and what
    /// [`item_to_redo`](crate::service::Service::item_to_redo) says.
    pub fn redo(self: &Arc<Self>, actor: &Actor, id: RunItemId, redo: Redo) -> Result<RunItem, ServiceError> {
        let mut item = self.service.item_to_redo(actor, id, redo)?;
        let Some(reader) = self.reader_of(&item.device) else {
            if redo == Redo::TakeBack && item.state == RunItemState::Programmed {
                // Its token is gone at once; the device is wiped when it is put in.
                self.service.take_back_item(actor, id)?;
                return self.service.run_item(actor, id);
            }
            let detail = format!("device {} lies on no reader: put it into one, then try again", item.device);
            return Err(ServiceError::state("device_absent", detail));
        };
        let busy = || busy(&reader);
        let work = match redo {
            Redo::Read => Work::Examine(id),
            Redo::Again => Work::Program { run: id.run, instead_of: Some(id) },
            Redo::TakeBack => {
                // Asked before, so that no token leaves the store whose device cannot be wiped now.
                if self.is_busy(&reader) {
                    return Err(busy());
                }
                if item.state == RunItemState::Programmed {
                    self.service.take_back_item(actor, id)?;
                    item = self.service.run_item(actor, id)?;
                }
                Work::Wipe(id)
            }
        };
        if self.act(&reader, work, actor) { Ok(item) } else { Err(busy()) }
    }
}
