//! Which audit records are about whom: an index that is written after the records.
//!
//! By subject the log is in random order, so that each record would dirty a page of its own in every
//! commit. So records are entered many at a time, in key order, when the writer has nothing else to do or
//! many wait. Views look through the records that are not entered yet: they are the newest.

use super::kv::{Kv, KvMut, Order, Span, Tab};
use super::{AuditHead, StoreError, StoreMeta, audit, keys, record};

/// Records that a slice enters at most.
const SLICE: usize = 8_192;
/// From this many waiting records on it is worth a commit while nothing else is to do.
pub(super) const WORTH: u64 = 1_024;
/// From this many on they are entered although others wait.
pub(super) const MANY: u64 = 8_192;

/// The last record of a chain that is entered, with all before it; 0: none.
pub(super) fn entered(kv: &dyn Kv, chain: u32) -> Result<u64, StoreError> {
    Ok(kv.get(Tab::Meta, &keys::entered(chain))?.map_or(0, |n| keys::last_number(&n)))
}

/// The keys of the records of a chain that are not entered and lie before `after`.
pub(super) fn waiting(chain: u32, entered: u64, after: Option<u64>) -> Span {
    let from = keys::audit(chain, entered.saturating_add(1)).to_vec();
    let to = match after {
        Some(n) => Some(keys::audit(chain, n).to_vec()),
        None => Span::prefix(&chain.to_be_bytes()).to,
    };
    Span { from, to }
}

/// Enters a bounded number of records of this node's chain; gives how many wait now.
pub(super) fn slice(kv: &dyn KvMut) -> Result<u64, StoreError> {
    let Some(meta) = kv.get(Tab::Meta, keys::meta::DESCRIPTION)? else {
        return Ok(0);
    };
    let chain = record::decode::<StoreMeta>(&meta)?.node;
    let Some(head) = kv.get(Tab::AuditHeads, &chain.to_be_bytes())? else {
        return Ok(0);
    };
    let head: AuditHead = record::decode(&head)?;
    let before = entered(kv, chain)?;
    let records = kv.range(Tab::Audit, &waiting(chain, before, None), Order::Up, SLICE)?;
    let Some(last) = records.last().map(|(key, _)| keys::last_number(key)) else {
        return Ok(0);
    };
    let mut about: Vec<[u8; 21]> = Vec::with_capacity(records.len());
    for (key, value) in &records {
        // A record that cannot be read is nobody's here; verification names it.
        if let Ok(record) = audit::open(value) {
            let n = keys::last_number(key);
            about.extend(record.entry.subjects.iter().map(|it| keys::audit_subject(*it, chain, n)));
        }
    }
    about.sort_unstable();
    for key in &about {
        kv.put(Tab::AuditSubjects, key, &[])?;
    }
    kv.put(Tab::Meta, &keys::entered(chain), &keys::number(last))?;
    Ok(head.n.saturating_sub(last))
}
