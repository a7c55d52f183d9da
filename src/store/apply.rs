//! Changes as puts and deletes, with all index entries and the rules that the store itself keeps.
//!
//! An error leaves a change half done: the engine takes back what the whole decision wrote.

use std::collections::BTreeSet;

use super::keys::{self, Counter};
use super::kv::{KvMut, Order, Span, Tab};
use super::record::{self, Record};
use super::runs::{self, Aside};
use super::{AuditHead, AuditSeal, Change, Changes, StoreError, StoreMeta, audit};
use crate::clock::UnixTime;
use crate::model::{
    ApiKey, Assignment, AssignmentId, BatchId, BatchState, Budget, BudgetKey, ClockJumps, Import, ImportId,
    ImportLine, Job, MailId, MailState, Operator, OutboxMail, Parties, Resource, ResourceId, TokenId, User,
    UserId, UserIssue, WebhookPost,
};

/// Applies the changes of one decision.
pub(super) struct Applier<'k> {
    pub(super) kv: &'k dyn KvMut,
    seal: Option<&'k AuditSeal>,
    /// State of the batch asked for last: tokens of one batch come in a row.
    pub(super) batch: Option<(BatchId, Option<BatchState>)>,
    /// The staged token that was written last, and its batch: its secret comes next.
    pub(super) staged: Option<(TokenId, BatchId)>,
    /// Index entries of staged tokens.
    pub(super) aside: Vec<Aside>,
    /// The next token number, once known; written when the decision is through.
    next_token: Option<u64>,
    /// True when a batch was written or removed.
    pub(super) touched_batches: bool,
    /// Ends of the chains that grew.
    pub(super) appended: Vec<AuditHead>,
}

impl<'k> Applier<'k> {
    /// For one decision.
    pub(super) fn new(kv: &'k dyn KvMut, seal: Option<&'k AuditSeal>) -> Self {
        Self {
            kv,
            seal,
            batch: None,
            staged: None,
            aside: Vec::new(),
            next_token: None,
            touched_batches: false,
            appended: Vec::new(),
        }
    }

    /// Applies them in order.
    pub(super) fn apply(&mut self, changes: Changes) -> Result<(), StoreError> {
        for change in changes {
            self.one(change)?;
        }
        if let Some(next) = self.next_token.take() {
            self.kv.put(Tab::Meta, &keys::counter(Counter::Token), &keys::number(next))?;
        }
        runs::put(self.kv, std::mem::take(&mut self.aside))
    }

    fn one(&mut self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::PutMeta(meta) => self.put_meta(&meta),
            Change::PutKey(name, key) => self.put(Tab::Meta, &keys::wrapped(name), &key).map(drop),
            Change::PutDataKey(id, key) => {
                self.raise(Counter::DataKey, id.0)?;
                self.put(Tab::DataKeys, &keys::number(id.0), &key).map(drop)
            }
            Change::ReserveTokens(count) => {
                let next = self.token_counter()?;
                self.next_token = Some(next.saturating_add(count));
                Ok(())
            }
            Change::PutToken(token) => self.put_token(&token),
            Change::PutSeed(row) => self.put_seed(&row),
            Change::PutState(token, version, state) => self.put_state(token, version, state),
            Change::PutClockHistory(token, version, history) => {
                self.put(Tab::ClockHistories, &keys::seed(token, version), &history).map(drop)
            }
            Change::PutClockJumps(jumps) => self.put_clock_jumps(&jumps),
            Change::BuryToken(token, tombstone) => self.bury_token(token, &tombstone),
            Change::PurgeToken(token) => self.remove_token(token).map(drop),
            Change::PurgeSeed(token, version) => self.remove_seed(token, version),
            Change::PutBatch(batch) => self.put_batch(&batch),
            Change::PurgeBatch(id) => self.remove_batch(id),
            Change::PutBatchAssignment(assignment) => self.put_batch_assignment(&assignment),
            Change::DeleteBatchAssignment(id) => self.remove_batch_assignment(id),
            Change::PutResource(resource) => self.put_resource(&resource),
            Change::PutLook(id, look) => self.put(Tab::Looks, &keys::number(id.0), &look).map(drop),
            Change::DeleteResource(id) => self.remove_resource(id),
            Change::PutUser(user) => self.put_user(&user),
            Change::DeleteUser(id) => self.remove_user(id),
            Change::PutAssignment(assignment) => self.put_assignment(&assignment),
            Change::DeleteAssignment(id) => self.remove_assignment(id),
            Change::PutOperator(operator) => self.put_operator(&operator),
            Change::PutApiKey(key) => self.put_api_key(&key),
            Change::PutBudget(key, budget) => self.put_budget(key, &budget),
            Change::PutSession(key, session) => self.put_session(&key, &session),
            Change::DeleteSession(key) => self.remove_session(&key),
            Change::EndPortalSessions(resource) => self.end_sessions(&keys::portal_sessions(resource)),
            Change::EndOperatorSessions(operator) => self.end_sessions(&keys::operator_sessions(operator)),
            Change::EndUserSessions(user) => self.end_sessions(&keys::user_sessions(user)),
            Change::PutEmergencyCode(user, code) => {
                self.put(Tab::EmergencyCodes, &keys::number(user.0), &code).map(drop)
            }
            Change::DeleteEmergencyCode(user) => {
                self.kv.delete(Tab::EmergencyCodes, &keys::number(user.0)).map(drop)
            }
            Change::PutMailing(token, mailing) => {
                self.put(Tab::Mailings, &keys::number(token.0), &mailing).map(drop)
            }
            Change::PutEnvironments(user, resource, environments) => {
                self.put(Tab::Environments, &keys::pair(user.0, resource.0), &environments).map(drop)
            }
            Change::PutMailedCode(user, resource, code) => {
                self.put(Tab::MailedCodes, &keys::pair(user.0, resource.0), &code).map(drop)
            }
            Change::DeleteMailedCode(user, resource) => {
                self.kv.delete(Tab::MailedCodes, &keys::pair(user.0, resource.0)).map(drop)
            }
            Change::PutDraft(session, draft) => self.put_draft(&session, &draft),
            Change::DeleteDraft(session) => self.remove_draft(&session),
            Change::PutChallenges(owner, challenges) => self.put_challenges(owner, &challenges),
            Change::PutAsked(secret, question) => {
                self.kv.put(Tab::AskedQuestions, &keys::asked(secret, question), &[]).map(drop)
            }
            Change::PutPinHash(token, sealed) => self.put_pin_hash(token, &sealed),
            Change::PutUserIssue(issue) => self.put_user_issue(&issue),
            Change::DeleteUserIssue(id) => self.remove_user_issue(id.0),
            Change::PutImport(import) => self.put_import(&import),
            Change::AddImportLines(import, lines) => self.add_lines(import, &lines),
            Change::PurgeImportLines(import) => self.remove_lines(import),
            Change::PutJob(job) => self.put_job(&job),
            Change::DeleteJob(id) => self.kv.delete(Tab::Jobs, &keys::number(id.0)).map(drop),
            Change::PutRun(run) => self.put_run(&run),
            Change::PutRunItem(item) => self.put_run_item(&item),
            Change::PutDeviceKey(application, device, key) => self.put_device_key(application, &device, &key),
            Change::PutMail(mail) => self.put_mail(&mail),
            Change::DeleteMail(id) => self.remove_mail(id),
            Change::PutSubscription(subscription) => {
                self.raise(Counter::Subscription, subscription.id.0)?;
                self.put(Tab::Subscriptions, &keys::number(subscription.id.0), &subscription).map(drop)
            }
            Change::DeleteSubscription(id) => {
                self.kv.delete(Tab::Subscriptions, &keys::number(id.0)).map(drop)
            }
            Change::PutPost(post) => self.put_post(&post),
            Change::DeletePost(id) => {
                let old = self.take::<WebhookPost>(Tab::Posts, &keys::number(id.0))?;
                self.reindex(Tab::PostsDue, old.as_ref().and_then(post_due), None)
            }
            Change::BumpGeneration => self.bump_generation(),
            Change::Append(entry) => {
                let seal = self.seal.ok_or(StoreError::AuditSealed)?;
                let head = audit::append(self.kv, seal, entry)?;
                self.appended.push(head);
                Ok(())
            }
        }
    }

    fn put_clock_jumps(&self, jumps: &ClockJumps) -> Result<(), StoreError> {
        let meta = self.get::<StoreMeta>(Tab::Meta, keys::meta::DESCRIPTION)?;
        let node = meta.map_or(0, |meta| meta.node);
        self.put(Tab::ClockJumps, &keys::number(node.into()), jumps).map(drop)
    }

    fn put_post(&mut self, post: &WebhookPost) -> Result<(), StoreError> {
        self.raise(Counter::Post, post.id.0)?;
        let old = self.put(Tab::Posts, &keys::number(post.id.0), post)?;
        self.reindex(Tab::PostsDue, old.as_ref().and_then(post_due), post_due(post))
    }

    fn bump_generation(&self) -> Result<(), StoreError> {
        let now = self.kv.get(Tab::Meta, keys::meta::GENERATION)?;
        let next = now.map_or(0, |bytes| keys::last_number(&bytes)).saturating_add(1);
        self.kv.put(Tab::Meta, keys::meta::GENERATION, &keys::number(next)).map(drop)
    }

    /// Writes a record; gives the one it replaced.
    pub(super) fn put<R: Record>(&self, table: Tab, key: &[u8], new: &R) -> Result<Option<R>, StoreError> {
        let old = self.kv.put(table, key, &record::encode(new)?)?;
        old.map(|bytes| record::decode(&bytes)).transpose()
    }

    /// Removes a record and gives it.
    pub(super) fn take<R: Record>(&self, table: Tab, key: &[u8]) -> Result<Option<R>, StoreError> {
        self.kv.delete(table, key)?.map(|bytes| record::decode(&bytes)).transpose()
    }

    /// Reads a record.
    pub(super) fn get<R: Record>(&self, table: Tab, key: &[u8]) -> Result<Option<R>, StoreError> {
        self.kv.get(table, key)?.map(|bytes| record::decode(&bytes)).transpose()
    }

    /// Moves one index entry.
    pub(super) fn reindex(
        &self,
        table: Tab,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if old == new {
            return Ok(());
        }
        if let Some(old) = old {
            self.kv.delete(table, &old)?;
        }
        if let Some(new) = new {
            self.kv.put(table, &new, &[])?;
        }
        Ok(())
    }

    /// Moves a set of index entries.
    pub(super) fn reindex_all(
        &self,
        table: Tab,
        old: &BTreeSet<Vec<u8>>,
        new: &BTreeSet<Vec<u8>>,
    ) -> Result<(), StoreError> {
        for gone in old.difference(new) {
            self.kv.delete(table, gone)?;
        }
        for added in new.difference(old) {
            self.kv.put(table, added, &[])?;
        }
        Ok(())
    }

    /// Moves a unique name that leads to `id`.
    pub(super) fn rename(
        &self,
        table: Tab,
        what: &'static str,
        id: u64,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        if let Some(name) = new
            && self.kv.get(table, name)?.is_some_and(|holder| keys::last_number(&holder) != id)
        {
            return Err(StoreError::Taken(what));
        }
        if old == new {
            return Ok(());
        }
        if let Some(name) = old {
            self.kv.delete(table, name)?;
        }
        if let Some(name) = new {
            self.kv.put(table, name, &keys::number(id))?;
        }
        Ok(())
    }

    /// A number was given out: the next one is larger.
    pub(super) fn raise(&self, counter: Counter, id: u64) -> Result<(), StoreError> {
        let key = keys::counter(counter);
        let next = self.kv.get(Tab::Meta, &key)?.map_or(1, |bytes| keys::last_number(&bytes));
        if id >= next {
            self.kv.put(Tab::Meta, &key, &keys::number(id.saturating_add(1)))?;
        }
        Ok(())
    }

    fn token_counter(&mut self) -> Result<u64, StoreError> {
        if let Some(next) = self.next_token {
            return Ok(next);
        }
        let stored = self.kv.get(Tab::Meta, &keys::counter(Counter::Token))?;
        Ok(stored.map_or(1, |bytes| keys::last_number(&bytes)))
    }

    /// The same for tokens, which come in thousands.
    pub(super) fn raise_tokens(&mut self, id: u64) -> Result<(), StoreError> {
        let next = self.token_counter()?;
        self.next_token = Some(next.max(id.saturating_add(1)));
        Ok(())
    }

    fn put_meta(&self, meta: &StoreMeta) -> Result<(), StoreError> {
        let old = self.put(Tab::Meta, keys::meta::DESCRIPTION, meta)?;
        match old {
            Some(old) if old.store_id != meta.store_id => Err(StoreError::Taken("the store's id")),
            _ => Ok(()),
        }
    }

    fn put_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        let id = resource.id.0;
        self.raise(Counter::Resource, id)?;
        let old = self.put(Tab::Resources, &keys::number(id), resource)?;
        self.index_resource(id, old.as_ref(), Some(resource))
    }

    fn remove_resource(&self, id: ResourceId) -> Result<(), StoreError> {
        let old = self.take::<Resource>(Tab::Resources, &keys::number(id.0))?;
        self.kv.delete(Tab::Looks, &keys::number(id.0))?;
        self.index_resource(id.0, old.as_ref(), None)
    }

    fn index_resource(
        &self,
        id: u64,
        old: Option<&Resource>,
        new: Option<&Resource>,
    ) -> Result<(), StoreError> {
        let name = |r: &Resource| r.name.normal().into_bytes();
        let alias = |r: &Resource| r.portal.as_ref().map(|p| p.alias.as_str().as_bytes().to_vec());
        self.rename(
            Tab::ResourceNames,
            "resource name",
            id,
            old.map(name).as_deref(),
            new.map(name).as_deref(),
        )?;
        let (old, new) = (old.and_then(alias), new.and_then(alias));
        self.rename(Tab::ResourceAliases, "alias", id, old.as_deref(), new.as_deref())
    }

    fn put_user(&self, user: &User) -> Result<(), StoreError> {
        let id = user.id.0;
        self.raise(Counter::User, id)?;
        let old = self.put(Tab::Users, &keys::number(id), user)?;
        let present = user.login.normal();
        let mut logins: BTreeSet<String> = user.old_logins.iter().map(crate::model::Login::normal).collect();
        if let Some(old) = &old {
            logins.insert(old.login.normal());
            logins.extend(old.old_logins.iter().map(crate::model::Login::normal));
        }
        logins.insert(present.clone());
        for login in logins {
            let use_now = if login == present { LoginUse::Present } else { LoginUse::Former };
            let held = self.kv.get(Tab::Logins, login.as_bytes())?;
            if let Some((holder, held_use)) = held.as_deref().and_then(LoginUse::read)
                && holder != id
                && held_use != LoginUse::Gone
            {
                return Err(StoreError::Taken("login"));
            }
            self.kv.put(Tab::Logins, login.as_bytes(), &use_now.write(id))?;
        }
        let old = old.as_ref().map(user_words).unwrap_or_default();
        self.reindex_all(Tab::UserWords, &old, &user_words(user))
    }

    fn remove_user(&self, id: UserId) -> Result<(), StoreError> {
        let Some(old) = self.take::<User>(Tab::Users, &keys::number(id.0))? else {
            return Ok(());
        };
        for login in old.old_logins.iter().chain([&old.login]) {
            self.kv.put(Tab::Logins, login.normal().as_bytes(), &LoginUse::Gone.write(id.0))?;
        }
        self.kv.delete(Tab::EmergencyCodes, &keys::number(id.0))?;
        let own = Span::prefix(&keys::number(id.0));
        for (key, _) in self.kv.range(Tab::UserIssuesOf, &own, Order::Up, usize::MAX)? {
            self.remove_user_issue(keys::last_number(&key))?;
        }
        for (key, _) in self.kv.range(Tab::Environments, &own, Order::Up, usize::MAX)? {
            self.kv.delete(Tab::Environments, &key)?;
        }
        self.reindex_all(Tab::UserWords, &user_words(&old), &BTreeSet::new())
    }

    fn put_assignment(&self, assignment: &Assignment) -> Result<(), StoreError> {
        let id = assignment.id.0;
        self.raise(Counter::Assignment, id)?;
        let old = self.put(Tab::Assignments, &keys::number(id), assignment)?;
        self.index_assignment(old.as_ref(), Some(assignment))
    }

    fn remove_assignment(&self, id: AssignmentId) -> Result<(), StoreError> {
        let old = self.take::<Assignment>(Tab::Assignments, &keys::number(id.0))?;
        self.index_assignment(old.as_ref(), None)
    }

    fn index_assignment(&self, old: Option<&Assignment>, new: Option<&Assignment>) -> Result<(), StoreError> {
        type Key = fn(&Assignment) -> Option<Vec<u8>>;
        let indexes: [(Tab, Key); 7] = [
            (Tab::AssignmentsOn, |a| Some(keys::pair(a.resource.0, a.id.0).to_vec())),
            (Tab::AssignmentsOfKind, |a| {
                let kind = keys::of_kind(a.resource, a.parties.kind());
                Some(keys::joined(&[&kind, &keys::number(a.id.0)]))
            }),
            (Tab::AssignmentsOfUser, |a| a.parties.user().map(|u| keys::pair(u.0, a.id.0).to_vec())),
            (Tab::AssignmentsOfToken, |a| a.parties.token().map(|t| keys::pair(t.0, a.id.0).to_vec())),
            (Tab::ResourceUsers, |a| {
                a.parties.user().map(|u| keys::triple(a.resource.0, u.0, a.id.0).to_vec())
            }),
            (Tab::ResourceTokens, |a| {
                a.parties.token().map(|t| keys::triple(a.resource.0, t.0, a.id.0).to_vec())
            }),
            (Tab::ResourceAlone, |a| match a.parties {
                Parties::Token(t) => Some(keys::triple(a.resource.0, t.0, a.id.0).to_vec()),
                _ => None,
            }),
        ];
        for (table, key) in indexes {
            self.reindex(table, old.and_then(key), new.and_then(key))?;
        }
        Ok(())
    }

    fn put_operator(&self, operator: &Operator) -> Result<(), StoreError> {
        let id = operator.id.0;
        self.raise(Counter::Operator, id)?;
        let old = self.put(Tab::Operators, &keys::number(id), operator)?;
        let old = old.map(|o| o.login.normal());
        let old = old.as_deref().map(str::as_bytes);
        self.rename(Tab::OperatorLogins, "login", id, old, Some(operator.login.normal().as_bytes()))
    }

    fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let id = key.id.0;
        self.raise(Counter::ApiKey, id)?;
        let old = self.put(Tab::ApiKeys, &keys::number(id), key)?;
        let name = |key: &ApiKey| key.revoked_at.is_none().then(|| key.name.clone().into_bytes());
        let (old_name, old_hash) = (old.as_ref().and_then(name), old.as_ref().map(|k| &k.hash[..]));
        self.rename(Tab::ApiKeyNames, "key name", id, old_name.as_deref(), name(key).as_deref())?;
        self.rename(Tab::ApiKeyHashes, "key", id, old_hash, Some(&key.hash))
    }

    fn put_budget(&self, key: BudgetKey, budget: &Budget) -> Result<(), StoreError> {
        let bytes = keys::budget(key);
        let clear = *budget == Budget::CLEAR;
        let old = if clear {
            self.take::<Budget>(Tab::Budgets, &bytes)?
        } else {
            self.put(Tab::Budgets, &bytes, budget)?
        };
        if !matches!(key, BudgetKey::Hashed(..)) {
            return Ok(());
        }
        let since = |budget: &Budget| {
            let since = budget.since.unwrap_or(UnixTime::from_millis(i64::MIN));
            keys::joined(&[&keys::moment(since), &bytes])
        };
        self.reindex(Tab::BudgetsSince, old.as_ref().map(since), (!clear).then(|| since(budget)))
    }

    fn put_user_issue(&self, issue: &UserIssue) -> Result<(), StoreError> {
        self.raise(Counter::UserIssue, issue.id.0)?;
        let old = self.put(Tab::UserIssues, &keys::number(issue.id.0), issue)?;
        self.index_user_issue(old.as_ref(), Some(issue))
    }

    fn remove_user_issue(&self, id: u64) -> Result<(), StoreError> {
        let old = self.take::<UserIssue>(Tab::UserIssues, &keys::number(id))?;
        self.index_user_issue(old.as_ref(), None)
    }

    fn index_user_issue(&self, old: Option<&UserIssue>, new: Option<&UserIssue>) -> Result<(), StoreError> {
        let place = |issue: &UserIssue| keys::number(keys::issue_place(issue.id.0, issue.is_open())).to_vec();
        let of = |issue: &UserIssue| keys::pair(issue.user.0, issue.id.0).to_vec();
        let due =
            |issue: &UserIssue| keys::joined(&[&keys::moment(issue.due_at()), &keys::number(issue.id.0)]);
        self.reindex(Tab::UserIssuesListed, old.map(place), new.map(place))?;
        self.reindex(Tab::UserIssuesOf, old.map(of), new.map(of))?;
        self.reindex(Tab::UserIssuesDue, old.map(due), new.map(due))
    }

    fn put_import(&self, import: &Import) -> Result<(), StoreError> {
        self.raise(Counter::Import, import.id.0)?;
        self.put(Tab::Imports, &keys::number(import.id.0), import).map(drop)
    }

    fn add_lines(&self, import: ImportId, lines: &[ImportLine]) -> Result<(), StoreError> {
        let there = Span::prefix(&keys::number(import.0));
        let last = self.kv.range(Tab::ImportLines, &there, Order::Down, 1)?;
        let first = last.first().map_or(0, |(key, _)| keys::last_number(key)).saturating_add(1);
        for (n, line) in (first..).zip(lines) {
            self.kv.put(Tab::ImportLines, &keys::pair(import.0, n), &record::encode(line)?)?;
        }
        Ok(())
    }

    fn remove_lines(&self, import: ImportId) -> Result<(), StoreError> {
        for (key, _) in
            self.kv.range(Tab::ImportLines, &Span::prefix(&keys::number(import.0)), Order::Up, usize::MAX)?
        {
            self.kv.delete(Tab::ImportLines, &key)?;
        }
        Ok(())
    }

    fn put_job(&self, job: &Job) -> Result<(), StoreError> {
        self.raise(Counter::Job, job.id.0)?;
        self.put(Tab::Jobs, &keys::number(job.id.0), job).map(drop)
    }

    fn remove_mail(&self, id: MailId) -> Result<(), StoreError> {
        let old = self.take::<OutboxMail>(Tab::Mails, &keys::number(id.0))?;
        self.reindex(Tab::MailsDue, old.as_ref().and_then(mail_due), None)
    }

    fn put_mail(&self, mail: &OutboxMail) -> Result<(), StoreError> {
        self.raise(Counter::Mail, mail.id.0)?;
        let old = self.put(Tab::Mails, &keys::number(mail.id.0), mail)?;
        self.reindex(Tab::MailsDue, old.as_ref().and_then(mail_due), mail_due(mail))
    }
}

/// Whose a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginUse {
    /// Somebody had it before.
    Former = 0,
    /// Somebody signs in with it.
    Present = 1,
    /// It was somebody's who is deleted.
    Gone = 2,
}

impl LoginUse {
    fn write(self, user: u64) -> [u8; 9] {
        keys::tagged(self as u8, user)
    }

    /// The user and the use.
    pub(super) fn read(value: &[u8]) -> Option<(u64, Self)> {
        let (tag, user) = value.split_first()?;
        let login_use = match tag {
            0 => Self::Former,
            1 => Self::Present,
            2 => Self::Gone,
            _ => return None,
        };
        Some((keys::last_number(user), login_use))
    }
}

fn user_words(user: &User) -> BTreeSet<Vec<u8>> {
    [user.login.normal(), user.last_name.to_lowercase(), user.first_name.to_lowercase()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(|word| keys::text(&word, user.id.0))
        .collect()
}

fn mail_due(mail: &OutboxMail) -> Option<Vec<u8>> {
    due(&mail.state, mail.id.0)
}

fn post_due(post: &WebhookPost) -> Option<Vec<u8>> {
    due(&post.state, post.id.0)
}

fn due(state: &MailState, id: u64) -> Option<Vec<u8>> {
    match state {
        MailState::Waiting { next_try, .. } => {
            Some(keys::joined(&[&keys::moment(*next_try), &keys::number(id)]))
        }
        MailState::Sent { .. } | MailState::Failed { .. } => None,
    }
}
