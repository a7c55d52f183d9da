//! Which readers a run uses: from its begin, or from when somebody goes on with it, to its last device.

use std::sync::Arc;

use crate::model::{Actor, RunId, RunItem, RunItemState};
use crate::service::ServiceError;

use super::{End, State, Station};

impl Station {
    /// Whether these readers (none named: those that are left) may be used for a run, or for one that is to begin.
    ///
    /// # Errors
    /// `reader_taken`: another run uses one of them.
    pub fn require_free(&self, run: Option<RunId>, readers: &[String]) -> Result<(), ServiceError> {
        loop {
            let taken = self.state().orders.taken(run.unwrap_or(RunId(0)), readers);
            match taken {
                None => return Ok(()),
                Some(other) if self.is_over(other) => self.leave(other),
                Some(other) => {
                    let detail = format!(
                        "run {} uses these readers: end it first, or choose readers for each run",
                        other.0
                    );
                    return Err(ServiceError::state("reader_taken", detail));
                }
            }
        }
    }

    /// A run takes no more devices.
    fn is_over(&self, run: RunId) -> bool {
        match self.service.programming_run(&Actor::SYSTEM, run) {
            Ok(view) => !view.run.is_open(),
            Err(error) => matches!(error, ServiceError::NotFound { .. }),
        }
    }

    /// From now on what is put into these readers (none named: into all that no other run uses) is programmed in this
    /// run, by this person. What lies there already, too.
    ///
    /// # Errors
    /// As [`require_free`](Self::require_free).
    pub fn attend(
        self: &Arc<Self>,
        run: RunId,
        readers: &[String],
        actor: &Actor,
    ) -> Result<(), ServiceError> {
        self.require_free(Some(run), readers)?;
        let mut state = self.state();
        state.orders.set(run, actor, readers);
        let State { places, orders, .. } = &mut *state;
        for (name, place) in places {
            let order = orders.of(name);
            if order.as_ref().is_some_and(|(its, _)| *its == run) {
                let begins = place.now.run != Some(run)
                    || matches!(place.now.end, Some(End::Refused { code: "operator_gone", .. }));
                // Also where it is used for the run already: somebody else goes on.
                place.take(order);
                place.is_due |= begins && place.now.is_occupied;
            }
        }
        self.tell(&mut state);
        self.begin_due(&mut state);
        Ok(())
    }

    /// What is put in after the last one of a run is looked at. Room that comes later is for whoever goes on with the run, not
    /// for what happens to be put in then.
    pub(super) fn leave_if_full(&self, item: &RunItem) {
        if item.state == RunItemState::Programmed && self.is_over(item.id.run) {
            self.leave(item.id.run);
        }
    }

    /// Ends a run on all readers.
    pub fn leave(&self, run: RunId) {
        let mut state = self.state();
        state.orders.leave(run);
        for place in state.places.values_mut().filter(|place| place.now.run == Some(run)) {
            place.take(None);
        }
        self.tell(&mut state);
    }
}
