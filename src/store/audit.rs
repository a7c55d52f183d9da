//! The audit log: chains of sealed records, and finding the first one that was tampered with.
//!
//! A stored value is `version ‖ record ‖ MAC`. The record names its chain, its place and the
//! SHA-256 of the whole value before it; the MAC covers place, that hash and the record's bytes.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kv::{KvMut, Tab};
use super::{AuditHead, AuditSeal, StoreError, StoreMeta, View, keys, record};
use crate::clock::UnixTime;
use crate::model::{AuditAction, AuditEntry, AuditRecord, AuditResult};

const MAC_LEN: usize = 32;

/// What is wrong with a record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditFault {
    /// It is not there, although later ones are.
    Missing,
    /// Its bytes are not those that were sealed.
    Changed,
    /// It was sealed for another place.
    OutOfPlace,
    /// It does not continue the record before it, or is not the one that an anchor names.
    Replaced,
    /// The log ends before it, although the head or an anchor names it.
    Truncated,
    /// It lies behind the end of its chain.
    Surplus,
}

impl AuditFault {
    /// The word for it in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::OutOfPlace => "out_of_place",
            Self::Replaced => "replaced",
            Self::Truncated => "truncated",
            Self::Surplus => "surplus",
        }
    }
}

/// What verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditVerdict {
    /// Every record stands where and as it was sealed.
    Intact {
        /// Number of chains.
        chains: u64,
        /// Number of records.
        records: u64,
    },
    /// The first record that does not.
    Broken {
        /// Its chain.
        chain: u32,
        /// Its place in the chain.
        n: u64,
        /// What is wrong with it.
        fault: AuditFault,
    },
}

/// Puts an entry at the end of this node's chain; gives the new end. The index by subject follows later.
pub(super) fn append(kv: &dyn KvMut, seal: &AuditSeal, entry: AuditEntry) -> Result<AuditHead, StoreError> {
    let Some(meta) = kv.get(Tab::Meta, keys::meta::DESCRIPTION)? else {
        return Err(StoreError::Damaged("it has no description of itself".into()));
    };
    let chain = record::decode::<StoreMeta>(&meta)?.node;
    let head_key = chain.to_be_bytes();
    let head: Option<AuditHead> =
        kv.get(Tab::AuditHeads, &head_key)?.map(|bytes| record::decode(&bytes)).transpose()?;
    let (n, previous) = head.map_or((1, [0; 32]), |head| (head.n + 1, head.hash));
    let record = AuditRecord { chain, n, previous, entry };
    let mut value = record::encode(&record)?;
    let mac = seal(&sealed_bytes(chain, n, &previous, &value));
    value.extend_from_slice(&mac);
    // The newest moment of the chain: a clock that was set back does not become right by writing a
    // record, only by being accepted.
    let accepts =
        record.entry.action == AuditAction::ClockAccepted && record.entry.result == AuditResult::Done;
    let newest = head.map(|head| head.at).filter(|_| !accepts);
    let at = newest.map_or(record.entry.at, |newest| newest.max(record.entry.at));
    let head = AuditHead { chain, n, hash: Sha256::digest(&value).into(), at };
    kv.put(Tab::Audit, &keys::audit(chain, n), &value)?;
    kv.put(Tab::AuditHeads, &head_key, &record::encode(&head)?)?;
    Ok(head)
}

fn sealed_bytes(chain: u32, n: u64, previous: &[u8; 32], body: &[u8]) -> Vec<u8> {
    keys::joined(&[&chain.to_be_bytes(), &n.to_be_bytes(), previous, body])
}

/// The record in a stored value, without looking at its MAC.
pub(super) fn open(value: &[u8]) -> Result<AuditRecord, StoreError> {
    let (body, _) = split(value).ok_or(StoreError::Record { table: Tab::Audit.name() })?;
    record::decode(body)
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    value.split_at_checked(value.len().checked_sub(MAC_LEN)?)
}

/// Walks every chain against its records' MACs, its head and the anchors from outside; names the
/// first bad record. Chains come in the order of their numbers.
pub fn verify(view: &dyn View, seal: &AuditSeal, anchors: &[AuditHead]) -> Result<AuditVerdict, StoreError> {
    let mut chains = view.audit_chains()?;
    chains.extend(anchors.iter().map(|anchor| anchor.chain));
    chains.sort_unstable();
    chains.dedup();
    let mut records = 0;
    for &chain in &chains {
        let mut of_chain: Vec<&AuditHead> = anchors.iter().filter(|a| a.chain == chain).collect();
        of_chain.sort_by_key(|anchor| anchor.n);
        match verify_chain(view, seal, chain, &of_chain)? {
            Ok(count) => records += count,
            Err((n, fault)) => return Ok(AuditVerdict::Broken { chain, n, fault }),
        }
    }
    Ok(AuditVerdict::Intact { chains: u64::try_from(chains.len()).unwrap_or(u64::MAX), records })
}

/// Number of records, or the first bad one.
fn verify_chain(
    view: &dyn View,
    seal: &AuditSeal,
    chain: u32,
    anchors: &[&AuditHead],
) -> Result<Result<u64, (u64, AuditFault)>, StoreError> {
    let head = match view.audit_head(chain) {
        Ok(head) => head,
        // The head itself was written over; the records still tell where the chain breaks off.
        Err(StoreError::Record { .. } | StoreError::TooNew { .. }) => None,
        Err(other) => return Err(other),
    };
    let owed = anchors.last().map_or(0, |a| a.n).max(head.map_or(0, |h| h.n));
    let mut anchors = anchors.iter().peekable();
    let mut previous = [0; 32];
    let mut n = 0;
    loop {
        n += 1;
        let Some(value) = view.audit_bytes(chain, n)? else {
            break;
        };
        if let Err(fault) = check(seal, chain, n, &previous, &value) {
            return Ok(Err((n, fault)));
        }
        previous = Sha256::digest(&value).into();
        while let Some(anchor) = anchors.next_if(|anchor| anchor.n == n) {
            if anchor.hash != previous {
                return Ok(Err((n, AuditFault::Replaced)));
            }
        }
    }
    let last = n - 1;
    if last < owed {
        let later = view.audit_records_after(chain, n)?;
        return Ok(Err((n, if later { AuditFault::Missing } else { AuditFault::Truncated })));
    }
    if view.audit_records_after(chain, n)? {
        return Ok(Err((n, AuditFault::Missing)));
    }
    match head {
        Some(head) if head.n < last => Ok(Err((head.n + 1, AuditFault::Surplus))),
        Some(head) if head.hash != previous => Ok(Err((last, AuditFault::Replaced))),
        None if last > 0 => Ok(Err((n, AuditFault::Truncated))),
        _ => Ok(Ok(last)),
    }
}

fn check(seal: &AuditSeal, chain: u32, n: u64, previous: &[u8; 32], value: &[u8]) -> Result<(), AuditFault> {
    let (body, mac) = split(value).ok_or(AuditFault::Changed)?;
    let record: AuditRecord = record::decode(body).map_err(|_| AuditFault::Changed)?;
    let expected = seal(&sealed_bytes(record.chain, record.n, &record.previous, body));
    if expected != mac {
        return Err(AuditFault::Changed);
    }
    if (record.chain, record.n) != (chain, n) {
        return Err(AuditFault::OutOfPlace);
    }
    if record.previous != *previous {
        return Err(AuditFault::Replaced);
    }
    Ok(())
}

/// Records between two anchors of a chain.
const ANCHOR_RECORDS: u64 = 1_000;
/// Seconds of the records' own time between two anchors.
const ANCHOR_SECS: i64 = 15 * 60;

/// True when the end of a chain should be written down outside the store.
pub(super) fn is_anchor_due(last: Option<&AuditHead>, head: &AuditHead) -> bool {
    last.is_none_or(|last| head.n >= last.n + ANCHOR_RECORDS || head.at.secs_since(last.at) >= ANCHOR_SECS)
}

/// An anchor as a line of the file, without its end: chain, number, hash, time, MAC.
pub(super) fn anchor_line(seal: &AuditSeal, head: &AuditHead) -> String {
    let facts = anchor_facts(head);
    let mac = seal(facts.as_bytes());
    format!("{facts} {}", hex(&mac))
}

fn anchor_facts(head: &AuditHead) -> String {
    format!("anchor {} {} {} {}", head.chain, head.n, hex(&head.hash), head.at.millis())
}

/// Reads a line of the file; the MAC is left as text.
pub(super) fn read_anchor(line: &str) -> Option<(AuditHead, &str)> {
    let mut words = line.split(' ');
    (words.next()? == "anchor").then_some(())?;
    let chain = words.next()?.parse().ok()?;
    let n = words.next()?.parse().ok()?;
    let hash = unhex(words.next()?)?;
    let at = UnixTime::from_millis(words.next()?.parse().ok()?);
    let mac = words.next()?;
    words.next().is_none().then_some((AuditHead { chain, n, hash, at }, mac))
}

/// True when a line's MAC is right.
pub(super) fn is_anchor_genuine(seal: &AuditSeal, head: &AuditHead, mac: &str) -> bool {
    hex(&seal(anchor_facts(head).as_bytes())) == mac
}

/// Bytes as small hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
