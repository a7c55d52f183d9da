//! Cleaning up: what a crash left behind at the start, what grew old while running.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Budget, Challenges, Import, ImportState, Job, JobId, JobState, Subject,
};
use crate::store::{Change, Changes, Page, Slice, StoreError, View};

use super::import::dropped;
use super::notification::old_posts;
use super::outbox::old_mails;
use super::{Service, ServiceError};

/// Records that one change removes.
const CHUNK: usize = 500;
/// Chunks of one sweep at most: an index that is damaged must not keep it going for ever.
const MOST_CHUNKS: usize = 4_000;
/// Counters of unknown logins that a sweep leaves at most. Between two sweeps they grow only as fast as
/// passwords are hashed, because each one costs a failed sign-in.
const MOST_HASHED_BUDGETS: u64 = 100_000;

impl Service {
    /// At the start: files that were being read are dropped, their jobs failed, their rows removed.
    pub(super) fn sweep_start(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let unfinished = |job: &Job| matches!(job.state, JobState::Queued | JobState::Running);
        for job in self.all(|view, page| view.jobs(page), unfinished, |job| job.id)? {
            let state = JobState::Failed {
                code: "interrupted".to_owned(),
                detail: "the program ended while this was under way: start it again".to_owned(),
            };
            self.decide(move |view| {
                let still = view.job(job)?.filter(unfinished);
                let ended = still.map(|job| Job { state: state.clone(), ended_at: Some(now), ..job });
                Ok(((), ended.into_iter().map(Change::PutJob).collect()))
            })?;
        }
        self.doubt_interrupted()?;
        self.drop_imports(|import| import.state == ImportState::Parsing, now)?;
        self.sweep_batches()?;
        // Requests to restore access wait for the first sweep while running: what they mail holds links, and
        // their address is not known yet.
        self.sweep_old()
    }

    /// Now and then: requests to restore access whose time has come, expired plans, dead sessions, old jobs,
    /// mails and counters. Goes on until nothing is due, in changes that are small enough to let sign-ins through.
    pub fn sweep(&self) -> Result<(), ServiceError> {
        self.sweep_issues()?;
        self.sweep_old()
    }

    fn sweep_old(&self) -> Result<(), ServiceError> {
        self.write_failures();
        let now = self.clock.now();
        let expired = move |import: &Import| {
            import.state == ImportState::Planned && now.secs_since(import.changed_at) > Import::PLAN_SECS
        };
        self.drop_imports(expired, now)?;
        for _ in 0..MOST_CHUNKS {
            if !self.sweep_chunk(now)? {
                break;
            }
        }
        self.sweep_batches()
    }

    /// Drops the imports that are like this.
    fn drop_imports(
        &self,
        wanted: impl Fn(&Import) -> bool + Copy + Send + 'static,
        now: UnixTime,
    ) -> Result<(), ServiceError> {
        for import in self.all(|view, page| view.imports(page), wanted, |import| import.id)? {
            self.decide(move |view| {
                let still = view.import(import)?.filter(wanted);
                let changes = still.map(|import| forgotten(view, import, now)).transpose()?;
                Ok(((), changes.unwrap_or_default()))
            })?;
        }
        Ok(())
    }

    /// Numbers of the records that are like this, from the whole list: those that stay lie before and
    /// behind them.
    fn all<R, N>(
        &self,
        list: impl Fn(&dyn View, Page) -> Result<Slice<R>, StoreError>,
        wanted: impl Fn(&R) -> bool,
        number: impl Fn(&R) -> N,
    ) -> Result<Vec<N>, ServiceError> {
        self.store.read(|view| {
            let (mut found, mut page) = (Vec::new(), Page::first(CHUNK));
            loop {
                let slice = list(view, page)?;
                found.extend(slice.items.iter().filter(|record| wanted(record)).map(&number));
                match slice.next {
                    Some(next) => page.after = Some(next),
                    None => return Ok(found),
                }
            }
        })
    }

    /// Removes one chunk of each sort. True: there may be more.
    fn sweep_chunk(&self, now: UnixTime) -> Result<bool, ServiceError> {
        self.decide(move |view| {
            let sessions = view.dead_sessions(now, CHUNK)?;
            let drafts = view.dead_drafts(now, CHUNK)?;
            let challenges = view.dead_challenges(now, CHUNK)?;
            let jobs: Vec<JobId> = view
                .oldest_jobs(CHUNK)?
                .into_iter()
                .filter(|job| job.ended_at.is_some_and(|ended| now.secs_since(ended) > Job::KEPT_SECS))
                .map(|job| job.id)
                .collect();
            let mails = old_mails(view, now, CHUNK)?;
            let posts = old_posts(view, now, CHUNK)?;
            let (mut budgets, count) = view.stale_budgets(now.plus_secs(-86_400), CHUNK)?;
            let left = count.saturating_sub(budgets.len() as u64);
            if budgets.len() < CHUNK && left > MOST_HASHED_BUDGETS {
                // Nothing is a day old, or nearly nothing: the oldest of the others go.
                let beyond = usize::try_from(left - MOST_HASHED_BUDGETS).unwrap_or(CHUNK);
                budgets = view.stale_budgets(now, (budgets.len() + beyond).min(CHUNK))?.0;
            }
            // Some of a chunk may have to stay; while it is mostly old, the next one may hold more.
            let removed = [
                sessions.len(),
                drafts.len(),
                challenges.len(),
                jobs.len(),
                mails.len(),
                posts.len(),
                budgets.len(),
            ];
            let more = removed.iter().any(|count| *count > CHUNK / 2);
            let mut changes: Changes = sessions.into_iter().map(Change::DeleteSession).collect();
            changes.extend(drafts.into_iter().map(Change::DeleteDraft));
            let forgotten = |owner| Change::PutChallenges(owner, Challenges::default());
            changes.extend(challenges.into_iter().map(forgotten));
            changes.extend(jobs.into_iter().map(Change::DeleteJob));
            changes.extend(mails.into_iter().map(Change::DeleteMail));
            changes.extend(posts.into_iter().map(Change::DeletePost));
            changes.extend(budgets.into_iter().map(|key| Change::PutBudget(key, Budget::CLEAR)));
            Ok((more, changes))
        })
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
