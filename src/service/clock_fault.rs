//! A clock that was set, and accepting one that contradicts the log.
//!
//! A clock that was set back would reopen used codes, so codes are not looked at until it is right
//! again, or until two operators say that the log's newest moment was the wrong one.

use std::sync::PoisonError;

use crate::clock::UnixTime;
use crate::model::{Actor, AuditAction, AuditRecord, AuditResult, ClockJumps};
use crate::store::{AuditFilter, Change, Page, View, newest_audit_time};

use super::code::CLOCK_TOLERANCE_SECS;
use super::{Service, ServiceError};

/// The second operator must follow the first within this time.
const SECOND_SECS: i64 = 600;
/// Records that are looked at for the first operator's word.
const LOOK_BACK: usize = 500;

/// A wall clock that moves by more than this against the one that never jumps was set.
const SET_SECS: i64 = 2;

impl Service {
    /// Looks whether the wall clock was set since the last look: then nothing is learned of tokens for an hour,
    /// because all of them would seem to have jumped. A machine that slept looks the same, so it is written down
    /// and shown, and nobody is called for it. Gives by how many seconds, when it was.
    pub fn look_at_clock(&self) -> Result<Option<i64>, ServiceError> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let seen = self.last_look.lock().unwrap_or_else(PoisonError::into_inner).replace((now, monotonic));
        let Some((before, then)) = seen else { return Ok(None) };
        let passed = i64::try_from(monotonic.saturating_sub(then).as_millis()).unwrap_or(i64::MAX);
        let set = now.millis().saturating_sub(before.millis()).saturating_sub(passed) / 1_000;
        if set.abs() <= SET_SECS {
            return Ok(None);
        }
        tracing::warn!(seconds = set, "the wall clock was set: nothing is learned of tokens for an hour");
        self.decide(move |view| {
            let jumps = ClockJumps { set: Some((now, set)), ..view.clock_jumps()? };
            let detail = vec![("set_by", set.to_string())];
            let action = AuditAction::ClockDoubted;
            let entry = super::audit_entry(now, &Actor::SYSTEM, action, vec![], AuditResult::Done, detail);
            Ok((Some(set), vec![Change::PutClockJumps(jumps), entry]))
        })
    }

    /// Why codes are not looked at at present: the newest moment of the log, when the clock lies
    /// behind it.
    pub fn clock_fault(&self) -> Result<Option<UnixTime>, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| fault(view, now))
    }

    /// An operator accepts the clock as it is. True: a second one has done so too, and codes are looked
    /// at again.
    pub fn accept_clock(&self, actor: &Actor) -> Result<bool, ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let newest = fault(view, now)?
                .ok_or_else(|| ServiceError::state("clock_right", "the clock does not contradict the log"))?;
            let Some(operator) = actor.operator() else {
                return Err(ServiceError::Forbidden {
                    code: "operator_needed",
                    detail: "two signed-in operators accept a clock, one after the other",
                });
            };
            let records = view.audit(AuditFilter { subject: None }, Page::first(LOOK_BACK))?.items;
            let is_first_word = |record: &AuditRecord| {
                record.entry.action == AuditAction::ClockAccepted
                    && record.entry.result == AuditResult::Refused
                    && now.secs_since(record.entry.at).abs() <= SECOND_SECS
                    && record.entry.actor.operator().is_some_and(|first| first != operator)
            };
            let is_settled = |record: &AuditRecord| {
                record.entry.action == AuditAction::ClockAccepted && record.entry.result == AuditResult::Done
            };
            let seconded = records.iter().take_while(|r| !is_settled(r)).any(is_first_word);
            let detail = vec![("clock", now.to_string()), ("newest", newest.to_string())];
            let result = if seconded { AuditResult::Done } else { AuditResult::Refused };
            let entry = super::audit_entry(now, &actor, AuditAction::ClockAccepted, vec![], result, detail);
            Ok((seconded, vec![entry]))
        })
    }
}

fn fault(view: &dyn View, now: UnixTime) -> Result<Option<UnixTime>, ServiceError> {
    Ok(newest_audit_time(view)?.filter(|newest| *newest > now.plus_secs(CLOCK_TOLERANCE_SECS)))
}
