//! Reading a file into a plan: a verdict for every line, every secret sealed at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::{CHUNK, ImportTask, LEASE_SECS, next_version};
use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Custody, Drift, Fingerprint, Import, ImportContent, ImportCounts, ImportLine,
    ImportState, JobId, JobState, Login, OtpSpec, SeedRow, SeedVersion, Subject, Token, TokenId, TokenKind,
    TokenOrigin, TokenSerial, TokenState, Verdict,
};
use crate::oath::MovingFactor;
use crate::seedfile::{FileError, Note, Problem, ProblemCode, ReadOptions, SeedRecord, Sink};
use crate::service::scope::{rules_token, sees_token};
use crate::service::token::old_floor;
use crate::service::{Service, ServiceError};
use crate::store::{Change, View};
use crate::vault::{DataKey, SealContext};

/// Token numbers that are set aside at once, at least and at most: as many as came so far, so that
/// numbers stay dense whatever the size of the file.
const RESERVED: std::ops::RangeInclusive<u64> = 16..=4_096;
/// How often the job's progress is written.
const PROGRESS: Duration = Duration::from_millis(250);

/// What was seen of a serial or secret before in the same file: a keyed hash of it and its line.
type Seen = HashMap<u64, (u64, u64)>;

/// Sorts of tokens that are counted by maker and model.
const SORTS: usize = 8;

/// What reading a file found.
struct Found {
    format: &'static str,
    envelope: &'static str,
    counts: ImportCounts,
    contents: Vec<ImportContent>,
    notes: Vec<(String, String)>,
    generation: u64,
}

/// Takes the records of one file and gives verdicts.
struct Planner<'a> {
    service: &'a Service,
    task: &'a ImportTask,
    batch: crate::model::BatchId,
    now: UnixTime,
    data_key: DataKey,
    /// Numbers that are set aside and not used yet.
    numbers: std::ops::Range<u64>,
    hasher: RandomState,
    serials: Seen,
    secrets: Seen,
    counts: ImportCounts,
    contents: Vec<ImportContent>,
    changes: Vec<Change>,
    lines: Vec<ImportLine>,
    expired: u64,
    told: Duration,
    bytes: (u64, u64),
    failure: Option<ServiceError>,
}

impl Sink for Planner<'_> {
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        self.tally(&record);
        let taken = self.take(&record);
        self.go_on(taken)
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        self.counts.rejected += 1;
        self.lines.push(ImportLine {
            line: problem.position.line,
            column: problem.position.column,
            serial: problem.serial,
            verdict: Verdict::Rejected,
            code: problem.code.name().to_owned(),
            detail: problem.detail,
        });
        let flushed = self.flush_if_full();
        self.go_on(flushed)
    }

    fn progress(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        self.bytes = (done, total);
        let elapsed = self.service.clock.monotonic();
        if elapsed.saturating_sub(self.told) < PROGRESS {
            return ControlFlow::Continue(());
        }
        self.told = elapsed;
        let flushed = self.flush();
        self.go_on(flushed)
    }
}

impl Planner<'_> {
    /// Counts a token under its sort; when there are many sorts, what is new counts under its kind alone.
    fn tally(&mut self, record: &SeedRecord) {
        let kind = record.spec.kind();
        let named = format!("{} {}", record.manufacturer, record.model);
        let known = |sorts: &[ImportContent], model: &str| {
            sorts.iter().position(|sort| sort.kind == kind && sort.model == model)
        };
        let mut model = named.trim();
        let mut at = known(&self.contents, model);
        if at.is_none() && self.contents.len() >= SORTS {
            model = "";
            at = known(&self.contents, model);
        }
        match at {
            Some(at) => self.contents[at].tokens += 1,
            None => self.contents.push(ImportContent { kind, model: model.to_owned(), tokens: 1 }),
        }
    }

    fn go_on(&mut self, step: Result<(), ServiceError>) -> ControlFlow<()> {
        match step {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn line(&mut self, record: &SeedRecord, verdict: Verdict, code: &str, detail: String) {
        match verdict {
            Verdict::New => self.counts.new += 1,
            Verdict::Identical => self.counts.identical += 1,
            Verdict::Conflict => self.counts.conflicts += 1,
            Verdict::Rejected => self.counts.rejected += 1,
        }
        self.lines.push(ImportLine {
            line: record.position.line,
            column: record.position.column,
            serial: record.serial.display().to_owned(),
            verdict,
            code: code.to_owned(),
            detail,
        });
    }

    fn take(&mut self, record: &SeedRecord) -> Result<(), ServiceError> {
        let fingerprint = self.service.vault.fingerprint(&record.seed);
        if record.is_expired(self.now) {
            self.expired += 1;
        }
        if !self.is_first_of_its_kind(record, fingerprint) {
            return self.flush_if_full();
        }
        // A snapshot for each record: one for the whole file would keep all pages that change meanwhile.
        let there = self.service.store.read(|view| look_up(view, self.task, record, fingerprint))?;
        match there {
            There::Same => {
                let detail = "this token is here already, the same in everything".to_owned();
                self.line(record, Verdict::Identical, "serial_exists", detail);
            }
            There::SecretOf(serial) => {
                let other =
                    serial.map_or_else(|| "another token".to_owned(), |serial| format!("token {serial}"));
                let detail = format!(
                    "{other} has the same secret: two tokens that show the same codes cannot both be used"
                );
                self.line(record, Verdict::Rejected, "secret_duplicate", detail);
            }
            There::Foreign => {
                let detail = "this serial number is here already, outside your scope".to_owned();
                self.line(record, Verdict::Rejected, "serial_exists", detail);
            }
            There::OfUser(owner) => {
                let owner = owner.map_or_else(|| "A user".to_owned(), |login| format!("User {login}"));
                let detail = format!(
                    "conflict: {owner} set up a token of their own under this serial number, and replacing leaves such tokens alone. Look at what is printed on theirs. Then delete it here and import this file again; {}",
                    "who has the delivered token confirms it, and theirs is set up anew under its own number"
                );
                self.line(record, Verdict::Rejected, "serial_of_own_token", detail);
            }
            There::Other { token, version, spec, same_secret, floor } => {
                let detail = if same_secret {
                    "this token is here with the same secret and other parameters"
                } else {
                    "this serial number is here with another secret: replace it only if the vendor confirms"
                };
                let row = self.row(record, token, version, fingerprint, floor)?;
                self.changes.push(Change::PutSeed(SeedRow { spec, ..row }));
                self.line(record, Verdict::Conflict, "serial_exists", detail.to_owned());
            }
            There::Nothing { floor } => self.take_new(record, fingerprint, floor)?,
        }
        self.flush_if_full()
    }

    /// Looks for the same serial or secret earlier in the file.
    fn is_first_of_its_kind(&mut self, record: &SeedRecord, fingerprint: Fingerprint) -> bool {
        let content = self.hasher.hash_one((fingerprint.0, format!("{:?}", record.spec)));
        let serial = self.hasher.hash_one(record.serial.normal());
        if let Some((line, before)) = self.serials.get(&serial).copied() {
            if before == content {
                let detail = format!("the same token stands in line {line} already");
                self.line(record, Verdict::Identical, "serial_duplicate_in_file", detail);
            } else {
                let detail = format!(
                    "line {line} has this serial number with other contents: ask the vendor which is right"
                );
                self.line(record, Verdict::Rejected, "serial_duplicate_in_file", detail);
            }
            return false;
        }
        self.serials.insert(serial, (record.position.line, content));
        // Keys of one device (SERIAL, SERIAL.2) may share a secret when they compute different things.
        let device = record.serial.normal().split('.').next().unwrap_or_default();
        let (device, secret) =
            (self.hasher.hash_one(device), self.hasher.hash_one((fingerprint.0, sequence(&record.spec))));
        if let Some((line, other)) = self.secrets.get(&secret).copied() {
            let detail = if other == device {
                format!("line {line} has the same secret for the same device")
            } else {
                format!(
                    "line {line} has the same secret: two tokens that show the same codes cannot both be used"
                )
            };
            self.line(record, Verdict::Rejected, "secret_duplicate", detail);
            return false;
        }
        self.secrets.insert(secret, (record.position.line, device));
        true
    }

    fn take_new(
        &mut self,
        record: &SeedRecord,
        fingerprint: Fingerprint,
        floor: Option<MovingFactor>,
    ) -> Result<(), ServiceError> {
        let id = self.next_number()?;
        let row = self.row(record, id, SeedVersion::FIRST, fingerprint, floor)?;
        self.changes.push(Change::PutToken(Token {
            id,
            serial: record.serial.clone(),
            batch: self.batch,
            origin: TokenOrigin::SeedFile,
            disabled: None,
            custody: Custody::InStock,
            holder: None,
            follows_batch: true,
            pin: None,
            manufacturer: record.manufacturer.clone(),
            model: record.model.clone(),
            note: record.user_hint.as_ref().map(|hint| format!("for {hint}")).unwrap_or_default(),
            name: String::new(),
            creator: None,
            replaces: None,
            replaced_by: None,
            valid_from: record.valid_from,
            valid_until: record.valid_until,
            created_at: self.now,
        }));
        self.changes.push(Change::PutSeed(row));
        self.counts.new += 1;
        Ok(())
    }

    fn row(
        &mut self,
        record: &SeedRecord,
        token: TokenId,
        version: SeedVersion,
        fingerprint: Fingerprint,
        floor: Option<MovingFactor>,
    ) -> Result<SeedRow, ServiceError> {
        if self.data_key.remaining() == 0 {
            self.data_key = Service::fresh_data_key(&*self.service.store, &self.service.vault)?;
        }
        let sealed = self.data_key.seal(&record.seed, SealContext::Seed(token, version))?;
        let stated = match record.spec.kind() {
            TokenKind::Hotp | TokenKind::Ocra | TokenKind::Mail | TokenKind::YubicoOtp => {
                MovingFactor(record.counter)
            }
            TokenKind::Totp | TokenKind::Motp => MovingFactor(0),
        };
        let floor = floor.map_or(stated, |old| old.max(stated));
        let mut initial = TokenState::fresh(floor);
        if let (OtpSpec::Totp { period, .. }, true) = (&record.spec, record.drift_steps != 0) {
            let seconds = record.drift_steps.saturating_mul(period.get());
            initial.drift = Some(Drift { seconds, learned_at: self.now });
        }
        Ok(SeedRow {
            token,
            version,
            import: Some(self.task.import),
            spec: record.spec.clone(),
            sealed,
            fingerprint,
            initial,
        })
    }

    fn next_number(&mut self) -> Result<TokenId, ServiceError> {
        if self.numbers.is_empty() {
            let wanted = self.counts.new.clamp(*RESERVED.start(), *RESERVED.end());
            let first = self
                .service
                .decide(move |view| Ok((view.next_token()?, vec![Change::ReserveTokens(wanted)])))?;
            self.numbers = first.0..first.0 + wanted;
        }
        self.numbers.next().map(TokenId).ok_or(ServiceError::Stale)
    }

    fn flush_if_full(&mut self) -> Result<(), ServiceError> {
        if self.changes.len() + self.lines.len() >= 2 * CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes the rows and lines that are waiting, and how far the job is.
    fn flush(&mut self) -> Result<(), ServiceError> {
        let (import, job, counts) = (self.task.import, self.task.job, self.counts);
        let lines = std::mem::take(&mut self.lines);
        let ((done, total), now) = (self.bytes, self.now);
        let mut changes = Arc::new(std::mem::take(&mut self.changes));
        loop {
            let (rows, lines) = (Arc::clone(&changes), lines.clone());
            let written = self.service.decide(move |view| {
                require_free_versions(view, &rows)?;
                let mut all = Vec::clone(&rows);
                if !lines.is_empty() {
                    all.push(Change::AddImportLines(import, lines.clone()));
                }
                all.extend(running(view, job, done, total, now)?);
                if let Some(record) = view.import(import)? {
                    all.push(Change::PutImport(Import { counts, ..record }));
                }
                Ok(((), all))
            });
            match written {
                Err(ServiceError::Stale) => changes = Arc::new(self.renumbered(&changes)?),
                other => return other,
            }
        }
    }

    /// The rows again, with versions that no other plan has taken meanwhile.
    fn renumbered(&self, changes: &[Change]) -> Result<Vec<Change>, ServiceError> {
        let mut fresh = Vec::with_capacity(changes.len());
        for change in changes {
            let Change::PutSeed(row) = change else {
                fresh.push(change.clone());
                continue;
            };
            let (token, version) = (row.token, row.version);
            if version == SeedVersion::FIRST {
                fresh.push(change.clone());
                continue;
            }
            let next = self.service.store.read(|view| {
                let there = view.token(token)?.is_some();
                Ok::<_, ServiceError>(if there { Some(next_version(view, token)?) } else { None })
            })?;
            // The token is gone: there is nothing to replace.
            let Some(next) = next else { continue };
            let seed =
                self.service.vault.open_seed(&row.sealed, SealContext::Seed(token, version), |_| None)?;
            let sealed = self.data_key.seal(&seed, SealContext::Seed(token, next))?;
            fresh.push(Change::PutSeed(SeedRow { version: next, sealed, ..row.clone() }));
        }
        Ok(fresh)
    }
}

/// What the store has of a record.
enum There {
    /// The same token, equal in everything.
    Same,
    /// Another token with the same secret; its serial is told to those who see it.
    SecretOf(Option<TokenSerial>),
    /// The serial, with a secret that this actor may not replace.
    Foreign,
    /// The serial, for a token that a user set up in the portal. What stands in the file is of another device, or
    /// of this one with a mistake in one of the two: an admin finds out which. Never replaced: the user's codes
    /// would be refused from then on, and the pair would stand for another device.
    OfUser(Option<Login>),
    /// The serial with another secret or other parameters.
    Other {
        token: TokenId,
        version: SeedVersion,
        spec: OtpSpec,
        same_secret: bool,
        floor: Option<MovingFactor>,
    },
    /// Neither; at most the floor of a secret that was here once.
    Nothing { floor: Option<MovingFactor> },
}

fn look_up(
    view: &dyn View,
    task: &ImportTask,
    record: &SeedRecord,
    fingerprint: Fingerprint,
) -> Result<There, ServiceError> {
    let token = view.token_by_serial(record.serial.normal())?;
    let seed = match &token {
        Some(token) => view.seed(token.id)?,
        None => None,
    };
    // No file says how session data are filled up: it stays as it was set, unless it is given beside the file.
    let spec = match &seed {
        Some(seed) if task.defaults.session_padding.is_none() => record.spec.filled_up_as(&seed.spec),
        _ => record.spec.clone(),
    };
    let same_secret = seed.as_ref().is_some_and(|seed| seed.fingerprint == fingerprint);
    if same_secret && seed.is_some_and(|seed| seed.spec == spec) {
        return Ok(There::Same);
    }
    let own = token.as_ref().map(|token| token.id);
    if let Some(other) = holder_of(view, fingerprint, &record.spec, own)? {
        let seen = sees_token(view, &task.actor, &other)?;
        return Ok(There::SecretOf(seen.then_some(other.serial)));
    }
    if let Some(token) = &token
        && !rules_token(view, &task.actor, token)?
    {
        return Ok(There::Foreign);
    }
    if let Some(token) = token.filter(|token| token.origin == TokenOrigin::Portal) {
        let owner = token.creator.map(|id| view.user(id)).transpose()?.flatten();
        return Ok(There::OfUser(owner.map(|user| user.login)));
    }
    let floor = old_floor(view, fingerprint, &record.spec)?;
    Ok(match own {
        Some(token) => There::Other { token, version: next_version(view, token)?, spec, same_secret, floor },
        None => There::Nothing { floor },
    })
}

/// A token other than `own` whose codes come from the same sequence.
pub(in crate::service) fn holder_of(
    view: &dyn View,
    fingerprint: Fingerprint,
    spec: &OtpSpec,
    own: Option<TokenId>,
) -> Result<Option<Token>, ServiceError> {
    for other in view.seeds_with(fingerprint)? {
        if Some(other.token) != own
            && sequence(&other.spec) == sequence(spec)
            && let Some(token) = view.token(other.token)?
        {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

/// `Stale` when a secret for an existing token would be written over another plan's, or for a token
/// that is gone.
fn require_free_versions(view: &dyn View, changes: &[Change]) -> Result<(), ServiceError> {
    for change in changes {
        if let Change::PutSeed(row) = change
            && row.version != SeedVersion::FIRST
            && (view.token(row.token)?.is_none()
                || view.newest_seed_version(row.token)?.is_some_and(|newest| newest >= row.version))
        {
            return Err(ServiceError::Stale);
        }
    }
    Ok(())
}

/// What two specs must share for their codes to come from the same sequence.
fn sequence(spec: &OtpSpec) -> (u8, i64, String) {
    match spec {
        OtpSpec::Hotp { hash, .. } => (0, 0, hash.name().to_owned()),
        OtpSpec::Totp { hash, period, .. } => (1, period.get(), hash.name().to_owned()),
        OtpSpec::Ocra { suite } | OtpSpec::OcraFilled { suite, .. } => (2, 0, suite.as_str().to_owned()),
        OtpSpec::Mail { hash, .. } => (3, 0, hash.name().to_owned()),
        // One secret opens the same blocks, whatever is typed before them.
        OtpSpec::YubicoOtp { .. } => (4, 0, String::new()),
        OtpSpec::Motp => (5, 0, String::new()),
    }
}

fn running(
    view: &dyn View,
    job: JobId,
    done: u64,
    total: u64,
    now: UnixTime,
) -> Result<Option<Change>, ServiceError> {
    let Some(mut job) = view.job(job)? else { return Ok(None) };
    (job.state, job.done, job.total) = (JobState::Running, done, total);
    job.lease_until = now.plus_secs(LEASE_SECS);
    Ok(Some(Change::PutJob(job)))
}

impl Service {
    /// Reads the file of a task into a plan.
    #[expect(clippy::disallowed_methods, reason = "the uploaded file is read here, from memory")]
    pub(super) fn plan(&self, task: &ImportTask, options: &ReadOptions<'_>) -> Result<(), ServiceError> {
        let data_key = Self::fresh_data_key(&*self.store, &self.vault)?;
        let (batch, generation) = self.store.read(|view| {
            let import = view.import(task.import)?.ok_or(ServiceError::NotFound { what: "import" })?;
            Ok::<_, ServiceError>((import.batch, view.generation()?))
        })?;
        let mut planner = Planner {
            service: self,
            task,
            batch,
            now: self.clock.now(),
            data_key,
            numbers: 0..0,
            hasher: RandomState::new(),
            serials: HashMap::new(),
            secrets: HashMap::new(),
            counts: ImportCounts::default(),
            contents: Vec::new(),
            changes: Vec::new(),
            lines: Vec::new(),
            expired: 0,
            told: Duration::ZERO,
            bytes: (0, 0),
            failure: None,
        };
        let read = crate::seedfile::read(task.request.bytes.expose(), options, &mut planner);
        if let Some(failure) = planner.failure.take() {
            return Err(failure);
        }
        let report = read.map_err(|error: FileError| ServiceError::SeedFile(error))?;
        planner.flush()?;
        let (expired, contents) = (planner.expired, std::mem::take(&mut planner.contents));
        let mut notes: Vec<(String, String)> =
            report.notes.into_iter().map(|Note { code, detail }| (code.name().to_owned(), detail)).collect();
        if expired > 0 && !notes.iter().any(|(code, _)| code == ProblemCode::Expired.name()) {
            let detail = format!(
                "{expired} tokens are past the date in the vendor's policy; they are imported and marked"
            );
            notes.push((ProblemCode::Expired.name().to_owned(), detail));
        }
        let found = Found {
            format: report.format,
            envelope: report.envelope,
            counts: planner.counts,
            contents,
            notes,
            generation,
        };
        self.finish_plan(task, found)
    }

    fn finish_plan(&self, task: &ImportTask, found: Found) -> Result<(), ServiceError> {
        let counts = found.counts;
        let (id, actor, now) = (task.import, task.actor.clone(), self.clock.now());
        let allowed = task.allow.iter().map(|w| w.name()).collect::<Vec<_>>().join(",");
        self.decide(move |view| {
            let import = view.import(id)?.ok_or(ServiceError::NotFound { what: "import" })?;
            let planned = Import {
                state: ImportState::Planned,
                format: found.format.to_owned(),
                envelope: found.envelope.to_owned(),
                counts,
                contents: found.contents.clone(),
                notes: found.notes.clone(),
                generation: found.generation,
                changed_at: now,
                ..import
            };
            let mut facts = vec![
                ("file", planned.file_name.clone()),
                ("format", found.format.to_owned()),
                ("envelope", found.envelope.to_owned()),
                ("new", counts.new.to_string()),
                ("identical", counts.identical.to_string()),
                ("conflicts", counts.conflicts.to_string()),
                ("rejected", counts.rejected.to_string()),
            ];
            if !allowed.is_empty() {
                facts.push(("allowed", allowed.clone()));
            }
            let subjects = vec![Subject::Import(id)];
            let entry = super::super::audit_entry(
                now,
                &actor,
                AuditAction::ImportPlanned,
                subjects,
                AuditResult::Done,
                facts,
            );
            Ok(((), vec![Change::PutImport(planned), entry]))
        })
    }
}
