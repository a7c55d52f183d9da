//! Cleaning up: what a crash left behind at the start, what grew old while running.

use crate::clock::UnixTime;
use crate::model::{Actor, AuditAction, AuditResult, Budget, Import, ImportState, Job, JobState, Subject};
use crate::store::{Change, Changes, Page, View};

use super::import::dropped;
use super::notice::old_mails;
use super::{Service, ServiceError};

/// Records that one change removes.
const CHUNK: usize = 500;
/// Counters of unknown logins that are kept at most.
const MOST_HASHED_BUDGETS: u64 = 100_000;

impl Service {
    /// At the start: files that were being read are dropped, their jobs failed, their rows removed.
    pub(super) fn sweep_start(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.decide(move |view| {
            let mut changes = Vec::new();
            for job in view.jobs(Page::first(1_000))?.items {
                if matches!(job.state, JobState::Queued | JobState::Running) {
                    let state = JobState::Failed {
                        code: "interrupted".to_owned(),
                        detail: "the program ended while this was under way: start it again".to_owned(),
                    };
                    changes.push(Change::PutJob(Job { state, ended_at: Some(now), ..job }));
                }
            }
            for import in view.imports(Page::first(1_000))?.items {
                if matches!(import.state, ImportState::Parsing) {
                    changes.extend(forgotten(view, import, now)?);
                }
            }
            Ok(((), changes))
        })?;
        self.sweep_batches()?;
        self.sweep()
    }

    /// Now and then: expired plans, dead sessions, old jobs, mails and counters.
    pub fn sweep(&self) -> Result<(), ServiceError> {
        self.write_failures();
        let now = self.clock.now();
        self.decide(move |view| {
            let mut changes = Vec::new();
            for import in view.imports(Page::first(1_000))?.items {
                let old = matches!(import.state, ImportState::Planned)
                    && now.secs_since(import.changed_at) > Import::PLAN_SECS;
                if old {
                    changes.extend(forgotten(view, import, now)?);
                }
            }
            changes.extend(view.dead_sessions(now, CHUNK)?.into_iter().map(Change::DeleteSession));
            for job in view.jobs(Page::first(1_000))?.items {
                if job.ended_at.is_some_and(|ended| now.secs_since(ended) > Job::KEPT_SECS) {
                    changes.push(Change::DeleteJob(job.id));
                }
            }
            changes.extend(old_mails(view, now)?.into_iter().map(Change::DeleteMail));
            let (stale, count) = view.stale_budgets(now.plus_secs(-86_400), CHUNK)?;
            changes.extend(stale.into_iter().map(|key| Change::PutBudget(key, Budget::CLEAR)));
            if count > MOST_HASHED_BUDGETS {
                let (oldest, _) = view.stale_budgets(now, CHUNK)?;
                changes.extend(oldest.into_iter().map(|key| Change::PutBudget(key, Budget::CLEAR)));
            }
            Ok(((), changes))
        })?;
        self.sweep_batches()
    }
}

/// The changes that drop an import that nobody will commit.
fn forgotten(view: &dyn View, import: Import, now: UnixTime) -> Result<Changes, ServiceError> {
    let subject = vec![Subject::Import(import.id)];
    let why = if import.state == ImportState::Parsing { "interrupted" } else { "expired" };
    let detail = vec![("code", why.to_owned())];
    let mut changes = dropped(view, import, now)?;
    changes.push(super::audit_entry(
        now,
        &Actor::SYSTEM,
        AuditAction::ImportDropped,
        subject,
        AuditResult::Done,
        detail,
    ));
    Ok(changes)
}
