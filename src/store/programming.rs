//! Programming runs in the store: the journal, what of it is unsettled, and keys of devices.

use super::apply::Applier;
use super::keys::{self, Counter};
use super::kv::{Order, Tab};
use super::kv_read::{Found, KvView, Listed};
use super::{Page, StoreError};
use crate::model::{Application, DeviceKey, ProgrammingRun, RunId, RunItem, RunItemId};

/// Questions about programming runs.
pub trait ProgrammingView {
    /// The number that the next programming run gets.
    fn next_run(&self) -> Result<RunId, StoreError>;
    /// A programming run.
    fn run(&self, id: RunId) -> Found<ProgrammingRun>;
    /// Programming runs, newest first.
    fn programming_runs(&self, page: Page) -> Listed<ProgrammingRun>;
    /// A device in a run.
    fn run_item(&self, id: RunItemId) -> Found<RunItem>;
    /// The devices of a run, newest first.
    fn run_items(&self, run: RunId, page: Page) -> Listed<RunItem>;
    /// All devices that somebody has to look at, oldest run first. There are few: those on the readers now, and
    /// those that went wrong and were not resolved.
    fn unsettled_items(&self) -> Result<Vec<RunItem>, StoreError>;
    /// What opens an application of a device.
    fn device_key(&self, application: Application, device: &str) -> Found<DeviceKey>;
}

fn item_key(id: RunItemId) -> [u8; 16] {
    keys::pair(id.run.0, u64::from(id.n))
}

/// Under which a key of a device is kept: slots of one device have keys of their own.
fn device_key(application: Application, device: &str) -> Vec<u8> {
    let application = match application {
        Application::Oath => 0,
        Application::Slot1 => 1,
        Application::Slot2 => 2,
        Application::SingleProfile => 3,
    };
    keys::joined(&[&[application], device.as_bytes()])
}

impl ProgrammingView for KvView<'_> {
    fn next_run(&self) -> Result<RunId, StoreError> {
        self.next(Counter::Run).map(RunId)
    }

    fn run(&self, id: RunId) -> Found<ProgrammingRun> {
        self.numbered(Tab::ProgrammingRuns, id.0)
    }

    fn programming_runs(&self, page: Page) -> Listed<ProgrammingRun> {
        self.records(Tab::ProgrammingRuns, Order::Down, page)
    }

    fn run_item(&self, id: RunItemId) -> Found<RunItem> {
        self.record(Tab::RunItems, &item_key(id))
    }

    fn run_items(&self, run: RunId, page: Page) -> Listed<RunItem> {
        self.page(Tab::RunItems, &keys::number(run.0), Order::Down, page, |_, (_, bytes)| {
            super::record::decode(&bytes).map(Some)
        })
    }

    fn unsettled_items(&self) -> Result<Vec<RunItem>, StoreError> {
        let mut found = Vec::new();
        for (key, _) in self.all(Tab::RunItemsUnsettled, &[])? {
            found.extend(self.record(Tab::RunItems, &key)?);
        }
        Ok(found)
    }

    fn device_key(&self, application: Application, device: &str) -> Found<DeviceKey> {
        self.record(Tab::DeviceKeys, &device_key(application, device))
    }
}

impl Applier<'_> {
    pub(super) fn put_run(&self, run: &ProgrammingRun) -> Result<(), StoreError> {
        self.raise(Counter::Run, run.id.0)?;
        self.put(Tab::ProgrammingRuns, &keys::number(run.id.0), run).map(drop)
    }

    pub(super) fn put_run_item(&self, item: &RunItem) -> Result<(), StoreError> {
        let key = item_key(item.id);
        let old: Option<RunItem> = self.put(Tab::RunItems, &key, item)?;
        let entry = |item: &RunItem| item.state.is_unsettled().then(|| key.to_vec());
        self.reindex(Tab::RunItemsUnsettled, old.as_ref().and_then(entry), entry(item))
    }

    pub(super) fn put_device_key(
        &self,
        application: Application,
        device: &str,
        key: &DeviceKey,
    ) -> Result<(), StoreError> {
        self.put(Tab::DeviceKeys, &device_key(application, device), key).map(drop)
    }
}
