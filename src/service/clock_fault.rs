//! Accepting a clock that contradicts the log.
//!
//! A clock that was set back would reopen used codes, so codes are not looked at until it is right
//! again, or until two operators say that the log's newest moment was the wrong one.

use crate::clock::UnixTime;
use crate::model::{Actor, AuditAction, AuditRecord, AuditResult};
use crate::store::{AuditFilter, Page, View, newest_audit_time};

use super::code::CLOCK_TOLERANCE_SECS;
use super::{Service, ServiceError};

/// The second operator must follow the first within this time.
const SECOND_SECS: i64 = 600;
/// Records that are looked at for the first operator's word.
const LOOK_BACK: usize = 500;

impl Service {
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
