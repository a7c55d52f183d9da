//! Importing a seed file: a plan first, then one change.
//!
//! Each secret is sealed as soon as it was read; its rows lie in the store under a batch that is not
//! live yet, so nothing shows until the commit flips two records. Undo is the reverse flip.

mod plan;
mod replan;
mod undo;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Batch, BatchName, BatchState, Import, ImportCounts, ImportId,
    ImportLine, ImportState, Job, JobId, JobKind, JobState, Scope, SeedVersion, Subject, TokenId, Verdict,
};
use crate::secret::{Passphrase, Seed};
use crate::seedfile::{Defaults, Position, ReadOptions, Weakness, parse_transport_key};
use crate::store::{Change, Page, Slice, View};

use super::scope::{rules_import, rules_token, sees_import};
use super::{Service, ServiceError};

pub(super) use plan::holder_of;
pub(super) use undo::{dropped, without_token};

/// How long a job may be silent before another node may call it lost.
const LEASE_SECS: i64 = 300;
/// Rows that are moved or removed in one change.
const CHUNK: usize = 1_000;
/// The refusal of new tokens for a batch whose name another one has.
const NAME_TAKEN: &str = "batch_exists";
/// Lines that an answer holds; the rest is paged.
pub const LINES_IN_ANSWER: usize = 1_000;

/// A file to be imported, and how.
#[derive(Debug)]
pub struct ImportRequest {
    /// Name of the file as uploaded.
    pub file_name: String,
    /// The file; wiped when dropped.
    pub bytes: Seed,
    /// Name of the format; `None`: by content.
    pub format: Option<String>,
    /// Name of the batch; `None`: made from the file's name.
    pub batch: Option<BatchName>,
    /// Passphrase of a protected file.
    pub passphrase: Option<Passphrase>,
    /// Transport key of a protected file, as hex or base64 text.
    pub key: Option<Passphrase>,
    /// What the file does not say: field and value.
    pub set: Vec<(String, String)>,
    /// Weaknesses that are accepted, by name.
    pub allow: Vec<String>,
    /// Commit when the plan is clean.
    pub commit: bool,
    /// Commit the good lines although others are not.
    pub only_good: bool,
    /// Give conflicting tokens the file's secret.
    pub replace: bool,
}

impl ImportRequest {
    /// A file whose format is told by its content, to be planned and not committed.
    pub fn new(file_name: impl Into<String>, bytes: Seed) -> Self {
        Self {
            file_name: file_name.into(),
            bytes,
            format: None,
            batch: None,
            passphrase: None,
            key: None,
            set: Vec::new(),
            allow: Vec::new(),
            commit: false,
            only_good: false,
            replace: false,
        }
    }
}

/// An import as answers show it.
#[derive(Clone, Debug)]
pub struct ImportView {
    /// The record.
    pub import: Import,
    /// Lines that are not `new`, the first thousand.
    pub lines: Vec<ImportLine>,
    /// Committed, and none of its tokens was used or given out yet.
    pub can_undo: bool,
}

/// Work that a worker takes over.
#[derive(Debug)]
pub struct ImportTask {
    /// The job.
    pub job: JobId,
    /// The import.
    pub import: ImportId,
    request: ImportRequest,
    defaults: Defaults,
    allow: Vec<Weakness>,
    actor: Actor,
}

/// How an import failed.
#[derive(Clone, Debug)]
pub(super) struct FailedImport {
    job: JobId,
    import: ImportId,
    actor: Actor,
    code: &'static str,
    detail: String,
    /// Where in the file, if it is the file's fault.
    line: Option<(crate::seedfile::Position, &'static str, String)>,
}

fn default_batch_name(file_name: &str, now: UnixTime) -> Result<BatchName, ServiceError> {
    let stem = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let clean: String = stem.chars().filter(|c| !c.is_control()).take(64).collect();
    let name = if clean.trim().is_empty() { format!("batch {}", now.to_utc().date()) } else { clean };
    BatchName::parse(&name).map_err(ServiceError::name("batch"))
}

impl Service {
    /// Checks the request and makes import, staged batch and job; a worker reads the file later. An
    /// admin of some resources may import, too: the tokens stand nowhere until somebody assigns them.
    pub fn begin_import(&self, actor: &Actor, request: ImportRequest) -> Result<ImportTask, ServiceError> {
        let mut defaults = Defaults::default();
        for (field, value) in &request.set {
            defaults
                .set(field, value)
                .map_err(|e| ServiceError::invalid("set", "set_invalid", e.to_string()))?;
        }
        let allow = request
            .allow
            .iter()
            .map(|name| {
                Weakness::from_name(name.trim()).ok_or_else(|| {
                    let known = Weakness::ALL.map(Weakness::name).join(", ");
                    ServiceError::invalid("allow", "allow_unknown", format!("what can be allowed is {known}"))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(format) = &request.format
            && !crate::seedfile::formats().iter().any(|f| f.name == *format)
        {
            let known: Vec<_> = crate::seedfile::formats().iter().map(|f| f.name).collect();
            return Err(ServiceError::invalid(
                "format",
                "format_unknown",
                format!("the formats are {}", known.join(", ")),
            ));
        }
        let now = self.clock.now();
        let wanted = match &request.batch {
            Some(name) => name.clone(),
            None => default_batch_name(&request.file_name, now)?,
        };
        let (named, node) = (request.batch.is_some(), self.meta.node);
        let (owner, file_name) = (actor.clone(), request.file_name.clone());
        let (replace, only_good) = (request.replace, request.only_good);
        let allowed: Vec<String> = allow.iter().map(|w| w.name().to_owned()).collect();
        let (import, job) = self.decide(move |view| {
            // Whether a wanted name is free matters only when the file turns out to bring new tokens.
            let batch_name = if named { wanted.clone() } else { free_name(view, &wanted)? };
            let (import, batch, job) = (view.next_import()?, view.next_batch()?, view.next_job()?);
            let changes = vec![
                Change::PutBatch(Batch {
                    id: batch,
                    name: batch_name.clone(),
                    state: BatchState::Staged,
                    import: Some(import),
                    tokens: 0,
                    touched: false,
                    provenance: file_name.clone(),
                    created_at: now,
                }),
                Change::PutImport(Import {
                    id: import,
                    state: ImportState::Parsing,
                    format: String::new(),
                    envelope: String::new(),
                    file_name: file_name.clone(),
                    batch,
                    batch_name,
                    job,
                    counts: ImportCounts::default(),
                    contents: Vec::new(),
                    replace,
                    only_good,
                    allowed: allowed.clone(),
                    notes: Vec::new(),
                    generation: view.generation()?,
                    actor: owner.clone(),
                    created_at: now,
                    changed_at: now,
                }),
                Change::PutJob(Job {
                    id: job,
                    kind: JobKind::Import(import),
                    state: JobState::Queued,
                    done: 0,
                    total: 0,
                    actor: owner.clone(),
                    node,
                    lease_until: now.plus_secs(LEASE_SECS),
                    created_at: now,
                    ended_at: None,
                }),
            ];
            Ok(((import, job), changes))
        })?;
        Ok(ImportTask { job, import, request, defaults, allow, actor: actor.clone() })
    }

    /// Reads the file of a task, plans, and commits when that was asked for and the plan allows it.
    /// The job ends `done` or `failed`; nothing is half done.
    pub fn run_import(&self, task: &ImportTask) {
        // Files come from outside: what makes a parser panic must end this import and no other.
        let ended = catch_unwind(AssertUnwindSafe(|| self.plan_and_commit(task))).unwrap_or_else(|_| {
            tracing::error!(import.id = task.import.0, "reading a file ended by a panic");
            let detail = "reading this file failed inside the program; nothing was imported: report it";
            Err(ServiceError::state("import_panicked", detail))
        });
        if let Err(error) = ended {
            let (code, detail) = match &error {
                ServiceError::SeedFile(file) => (file.code().name(), file.to_string()),
                ServiceError::Invalid { code, detail, .. } | ServiceError::State { code, detail } => {
                    (*code, detail.clone())
                }
                ServiceError::Store(crate::store::StoreError::Full) => ("store_full", error.to_string()),
                other => {
                    tracing::error!(import.id = task.import.0, error = %other, "import stopped");
                    ("import_stopped", other.to_string())
                }
            };
            let line = match &error {
                ServiceError::SeedFile(file) => Some((file.position(), code, detail.clone())),
                // Of no line: the import's page has nothing else to say why it ended.
                ServiceError::State { .. } => Some((Position::FILE, code, detail.clone())),
                _ => None,
            };
            let failed = FailedImport {
                job: task.job,
                import: task.import,
                actor: task.actor.clone(),
                code,
                detail,
                line,
            };
            if let Err(error) = self.fail_import(&failed) {
                tracing::error!(import.id = task.import.0, %error, "failed import could not be written down");
                self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
            }
        }
    }

    fn plan_and_commit(&self, task: &ImportTask) -> Result<(), ServiceError> {
        let key = match &task.request.key {
            Some(text) => Some(transport_key(text)?),
            None => None,
        };
        let options = ReadOptions {
            format: task.request.format.as_deref(),
            passphrase: task.request.passphrase.as_ref(),
            key: key.as_ref(),
            set: task.defaults.clone(),
            allow: task.allow.clone(),
        };
        self.plan(task, &options)?;
        if task.request.batch.is_some() {
            self.store.read(|view| {
                let import = view.import(task.import)?.ok_or(ServiceError::NotFound { what: "import" })?;
                if import.counts.new > 0 { require_free_name(view, &import.batch_name) } else { Ok(()) }
            })?;
        }
        if task.request.commit {
            match self.commit_import(&task.actor, task.import, None, None) {
                Err(ServiceError::State { code: NAME_TAKEN, detail }) => {
                    return Err(ServiceError::State { code: NAME_TAKEN, detail });
                }
                // A plan that needs eyes stays planned; the job is done all the same.
                Ok(_) | Err(ServiceError::State { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let (job, now) = (task.job, self.clock.now());
        self.decide(move |view| end_job(view, job, JobState::Done, now).map(|changes| ((), changes)))
    }

    /// Writes ends of imports down that could not be written when they came, as on a full disk. What
    /// still cannot be written waits for the next time; the next start finds it interrupted.
    pub(super) fn write_failures(&self) {
        let mut waiting = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|failed| self.fail_import(failed).is_err());
    }

    fn fail_import(&self, failed: &FailedImport) -> Result<(), ServiceError> {
        let FailedImport { job, import: import_id, actor, code, detail, line } = failed.clone();
        let now = self.clock.now();
        self.decide(move |view| {
            let state = JobState::Failed { code: code.to_owned(), detail: detail.clone() };
            let mut changes = end_job(view, job, state, now)?;
            if let Some(import) = view.import(import_id)? {
                if let Some((position, code, detail)) = line.clone() {
                    let line = ImportLine {
                        line: position.line,
                        column: position.column,
                        serial: String::new(),
                        verdict: Verdict::Rejected,
                        code: code.to_owned(),
                        detail,
                    };
                    changes.push(Change::AddImportLines(import_id, vec![line]));
                }
                changes.extend(dropped(view, import, now)?);
            }
            let facts = vec![("code", code.to_owned())];
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::ImportDropped,
                vec![Subject::Import(import_id)],
                AuditResult::Refused,
                facts,
            ));
            Ok(((), changes))
        })?;
        // Rows that cannot be removed now are removed by the next sweep; nobody sees them.
        if let Err(error) = self.sweep_batches() {
            tracing::warn!(import.id = import_id.0, %error, "rows of a failed import are still there");
        }
        Ok(())
    }

    /// One import and its first lines.
    pub fn import(&self, actor: &Actor, id: ImportId) -> Result<ImportView, ServiceError> {
        self.store.read(|view| {
            let import = seen(view, actor, id)?;
            let lines = view.import_lines(id, Page::first(LINES_IN_ANSWER))?.items;
            let can_undo = undo::may_undo(view, actor, &import)?;
            Ok(ImportView { import, lines, can_undo })
        })
    }

    /// Imports, newest first: those that the actor brought, and those whose batch stands in the scope.
    pub fn imports(&self, actor: &Actor, page: Page) -> Result<Slice<Import>, ServiceError> {
        self.store.read(|view| {
            let slice = view.imports(page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for import in slice.items {
                if sees_import(view, actor, &import)? {
                    items.push(import);
                }
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// Lines of an import that are not `new`.
    pub fn import_lines(
        &self,
        actor: &Actor,
        id: ImportId,
        page: Page,
    ) -> Result<Slice<ImportLine>, ServiceError> {
        self.store.read(|view| {
            seen(view, actor, id)?;
            Ok(view.import_lines(id, page)?)
        })
    }

    /// A job, seen by those who see what it is about.
    pub fn job(&self, actor: &Actor, id: JobId) -> Result<Job, ServiceError> {
        self.write_failures();
        let job = self.store.read(|view| {
            let missing = || ServiceError::NotFound { what: "job" };
            let job = view.job(id)?.ok_or_else(missing)?;
            let JobKind::Import(import) = job.kind;
            match seen(view, actor, import) {
                Ok(_) => Ok(job),
                Err(ServiceError::NotFound { .. }) => Err(missing()),
                Err(other) => Err(other),
            }
        })?;
        let waiting = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match waiting.iter().find(|failed| failed.job == id) {
            Some(failed) => Job {
                state: JobState::Failed { code: failed.code.to_owned(), detail: failed.detail.clone() },
                ..job
            },
            None => job,
        })
    }

    /// Makes a plan real, all of it or (with `only_good`) its good lines.
    pub fn commit_import(
        &self,
        actor: &Actor,
        id: ImportId,
        only_good: Option<bool>,
        replace: Option<bool>,
    ) -> Result<ImportView, ServiceError> {
        loop {
            let import = self.planned(actor, id, only_good, replace)?;
            if !import.replace {
                self.drop_replacements(id)?;
            }
            match self.flip(actor, import) {
                Err(ServiceError::Stale) => self.replan(id)?,
                Err(other) => return Err(other),
                Ok(()) => return self.import(actor, id),
            }
        }
    }

    /// The import as it would be committed, or why it cannot be.
    fn planned(
        &self,
        actor: &Actor,
        id: ImportId,
        only_good: Option<bool>,
        replace: Option<bool>,
    ) -> Result<Import, ServiceError> {
        let mut import = self.store.read(|view| ruled(view, actor, id))?;
        match import.state {
            ImportState::Planned => {}
            ImportState::Parsing => {
                return Err(ServiceError::state("import_parsing", "the file is still being read"));
            }
            ImportState::Committed { .. } => {
                return Err(ServiceError::state("import_committed", "this import is committed"));
            }
            ImportState::Dropped { .. } => {
                return Err(ServiceError::state("import_dropped", "this import was dropped"));
            }
        }
        import.only_good = only_good.unwrap_or(import.only_good);
        import.replace = replace.unwrap_or(import.replace);
        if !import.can_commit() {
            let detail = format!(
                "the plan has {} conflicts and {} rejected lines: commit only the good lines, or replace conflicting tokens",
                import.counts.conflicts, import.counts.rejected,
            );
            return Err(ServiceError::state("import_not_clean", detail));
        }
        Ok(import)
    }

    fn flip(&self, actor: &Actor, planned: Import) -> Result<(), ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let present = view.import(planned.id)?.ok_or(ServiceError::NotFound { what: "import" })?;
            if present.state != ImportState::Planned {
                return Err(ServiceError::state(
                    "import_committed",
                    "this import was committed or dropped meanwhile",
                ));
            }
            if view.generation()? != present.generation {
                return Err(ServiceError::Stale);
            }
            if planned.replace && rows_set_aside(view, &actor, planned.id)? != present.counts.conflicts {
                let detail = "secrets that were set aside for replacing are gone, or their tokens stand outside your scope now: import the file again";
                return Err(ServiceError::state("import_not_clean", detail));
            }
            let batch = view.batch_any(planned.batch)?.ok_or(ServiceError::Stale)?;
            let mut changes = Vec::new();
            if present.counts.new > 0 {
                require_free_name(view, &batch.name)?;
                let live = Batch { state: BatchState::Live, tokens: present.counts.new, ..batch };
                changes.push(Change::PutBatch(live));
            } else {
                changes.push(Change::PutBatch(Batch { state: BatchState::Dropped, ..batch }));
            }
            let committed = Import {
                state: ImportState::Committed { at: now },
                changed_at: now,
                only_good: planned.only_good,
                replace: planned.replace,
                ..present
            };
            let counts = committed.counts;
            let changed = counts.new > 0 || (committed.replace && counts.conflicts > 0);
            changes.push(Change::PutImport(committed));
            if changed {
                changes.push(Change::BumpGeneration);
            }
            let mut subjects = vec![Subject::Import(planned.id)];
            let mut facts = vec![
                ("new", counts.new.to_string()),
                ("identical", counts.identical.to_string()),
                ("conflicts", counts.conflicts.to_string()),
                ("rejected", counts.rejected.to_string()),
                ("replace", planned.replace.to_string()),
            ];
            if counts.new > 0 {
                subjects.push(Subject::Batch(planned.batch));
                facts.insert(0, ("batch", planned.batch_name.to_string()));
            }
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::ImportCommitted,
                subjects,
                AuditResult::Done,
                facts,
            ));
            Ok(((), changes))
        })
    }
}

/// A name for the new batch that nobody asked for just so: the wanted one, or the next free.
fn free_name(view: &dyn View, wanted: &BatchName) -> Result<BatchName, ServiceError> {
    if view.batch_by_name(&wanted.normal())?.is_none() {
        return Ok(wanted.clone());
    }
    for n in 2..10_000 {
        let name = BatchName::parse(&format!("{wanted} ({n})")).map_err(ServiceError::name("batch"))?;
        if view.batch_by_name(&name.normal())?.is_none() {
            return Ok(name);
        }
    }
    Err(ServiceError::state(NAME_TAKEN, "too many batches of this name: give another"))
}

fn require_free_name(view: &dyn View, name: &BatchName) -> Result<(), ServiceError> {
    if view.batch_by_name(&name.normal())?.is_none() {
        return Ok(());
    }
    let detail = format!("a batch named {name} exists: import again with another name");
    Err(ServiceError::state(NAME_TAKEN, detail))
}

#[expect(clippy::disallowed_methods, reason = "the text of a transport key is parsed here, and nowhere kept")]
fn transport_key(text: &Passphrase) -> Result<crate::secret::TransportKey, ServiceError> {
    let refuse = |detail: String| ServiceError::invalid("key", "key_text", detail);
    let text = std::str::from_utf8(text.expose()).map_err(|_| refuse("the key is not text".into()))?;
    parse_transport_key(text.trim(), None).map_err(|e| refuse(e.to_string()))
}

fn end_job(view: &dyn View, job: JobId, state: JobState, now: UnixTime) -> Result<Vec<Change>, ServiceError> {
    let Some(mut job) = view.job(job)? else { return Ok(Vec::new()) };
    if matches!(state, JobState::Done) {
        job.done = job.total;
    }
    job.state = state;
    job.ended_at = Some(now);
    Ok(vec![Change::PutJob(job)])
}

/// The import, for an actor who sees it.
fn seen(view: &dyn View, actor: &Actor, id: ImportId) -> Result<Import, ServiceError> {
    let import = view.import(id)?.ok_or(ServiceError::NotFound { what: "import" })?;
    let sees = sees_import(view, actor, &import)?;
    if sees { Ok(import) } else { Err(ServiceError::NotFound { what: "import" }) }
}

/// The import, for an actor who may commit, drop and undo it.
fn ruled(view: &dyn View, actor: &Actor, id: ImportId) -> Result<Import, ServiceError> {
    let import = seen(view, actor, id)?;
    if rules_import(actor, &import) {
        return Ok(import);
    }
    let detail = "another person brought this import: only they, or an admin of all resources, change it";
    Err(ServiceError::Forbidden { code: "scope", detail })
}

/// Secrets that a plan set aside for tokens of other batches, if the actor may replace theirs.
fn rows_set_aside(view: &dyn View, actor: &Actor, id: ImportId) -> Result<u64, ServiceError> {
    let (mut count, mut page) = (0, Page::first(CHUNK));
    loop {
        let slice = view.replaced_by(id, page)?;
        if actor.scope == Scope::All {
            count += slice.items.len() as u64;
        } else {
            for (token, _) in slice.items {
                if let Some(token) = view.token(token)?
                    && rules_token(view, actor, &token)?
                {
                    count += 1;
                }
            }
        }
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return Ok(count),
        }
    }
}

/// The next seed version of a token that gets another secret.
fn next_version(view: &dyn View, token: TokenId) -> Result<SeedVersion, ServiceError> {
    Ok(view.newest_seed_version(token)?.map_or(SeedVersion::FIRST, SeedVersion::next))
}
