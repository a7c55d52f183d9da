//! Answers from tables of bytes: everything but the filtered lists.

use super::apply::LoginUse;
use super::keys::{self, Counter};
use super::kv::{Order, Span, Tab};
use super::kv_read::{Found, KvView, Listed};
use super::record::{self};
use super::{
    AssignmentFilter, AuditFilter, AuditHead, KeyName, Page, StoreError, StoreMeta, TokenFilter, UserFilter,
    View, audit,
};
use crate::clock::UnixTime;
use crate::model::{
    ApiKey, ApiKeyId, Assignment, AssignmentId, AuditRecord, Batch, BatchAssignment, BatchAssignmentId,
    BatchId, BatchState, Budget, BudgetKey, ChallengeOwner, Challenges, ClockHistory, ClockJumps, DataKeyId,
    EmergencyCode, Environments, Fingerprint, Import, ImportId, ImportLine, Job, JobId, Look, MailId,
    MailedCode, Operator, OperatorId, OutboxMail, Resource, ResourceId, Scope, SealedSeed, SeedRow,
    SeedVersion, Session, Subscription, SubscriptionId, Token, TokenDraft, TokenId, TokenMailing, TokenState,
    Tombstone, User, UserId, UserIssue, UserIssueId, WebhookPost, WebhookPostId, WrappedKey,
};
use crate::oath::QuestionDigest;

impl View for KvView<'_> {
    fn meta(&self) -> Result<StoreMeta, StoreError> {
        self.record(Tab::Meta, keys::meta::DESCRIPTION)?
            .ok_or_else(|| StoreError::Damaged("it has no description of itself".into()))
    }

    fn generation(&self) -> Result<u64, StoreError> {
        Ok(self.named(Tab::Meta, keys::meta::GENERATION)?.unwrap_or(0))
    }

    fn key(&self, name: KeyName) -> Found<WrappedKey> {
        self.record(Tab::Meta, &keys::wrapped(name))
    }

    fn data_key(&self, id: DataKeyId) -> Found<WrappedKey> {
        self.numbered(Tab::DataKeys, id.0)
    }

    fn next_data_key(&self) -> Result<DataKeyId, StoreError> {
        self.next(Counter::DataKey).map(DataKeyId)
    }

    fn next_token(&self) -> Result<TokenId, StoreError> {
        self.next(Counter::Token).map(TokenId)
    }

    fn next_batch(&self) -> Result<BatchId, StoreError> {
        self.next(Counter::Batch).map(BatchId)
    }

    fn next_batch_assignment(&self) -> Result<BatchAssignmentId, StoreError> {
        self.next(Counter::BatchAssignment).map(BatchAssignmentId)
    }

    fn next_resource(&self) -> Result<ResourceId, StoreError> {
        self.next(Counter::Resource).map(ResourceId)
    }

    fn next_user(&self) -> Result<UserId, StoreError> {
        self.next(Counter::User).map(UserId)
    }

    fn next_assignment(&self) -> Result<AssignmentId, StoreError> {
        self.next(Counter::Assignment).map(AssignmentId)
    }

    fn next_operator(&self) -> Result<OperatorId, StoreError> {
        self.next(Counter::Operator).map(OperatorId)
    }

    fn next_api_key(&self) -> Result<ApiKeyId, StoreError> {
        self.next(Counter::ApiKey).map(ApiKeyId)
    }

    fn next_import(&self) -> Result<ImportId, StoreError> {
        self.next(Counter::Import).map(ImportId)
    }

    fn next_job(&self) -> Result<JobId, StoreError> {
        self.next(Counter::Job).map(JobId)
    }

    fn next_mail(&self) -> Result<MailId, StoreError> {
        self.next(Counter::Mail).map(MailId)
    }

    fn token(&self, id: TokenId) -> Found<Token> {
        if let Some(last) = self.last.borrow().as_ref().filter(|last| last.id == id) {
            return Ok(Some(last.clone()));
        }
        match self.numbered::<Token>(Tab::Tokens, id.0)? {
            Some(token) if self.is_live(token.batch)? => {
                self.last.replace(Some(token.clone()));
                Ok(Some(token))
            }
            _ => Ok(None),
        }
    }

    fn staged(&self, id: TokenId) -> Found<(Token, SeedRow)> {
        let Some(token) = self.numbered::<Token>(Tab::Tokens, id.0)? else { return Ok(None) };
        let rows = self.kv.range(Tab::Seeds, &Span::prefix(&keys::number(id.0)), Order::Up, 1)?;
        let Some((_, bytes)) = rows.first() else { return Ok(None) };
        Ok(Some((token, record::decode(bytes)?)))
    }

    fn token_by_serial(&self, normal: &str) -> Found<Token> {
        for (key, _) in self.all(Tab::Serials, &keys::text_prefix(normal))? {
            if let Some(token) = self.token(TokenId(keys::last_number(&key)))? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    fn seed(&self, token: TokenId) -> Found<SeedRow> {
        if self.token(token)?.is_none() {
            return Ok(None);
        }
        let span = Span::prefix(&keys::number(token.0));
        for (_, bytes) in self.kv.range(Tab::Seeds, &span, Order::Down, usize::MAX)? {
            let row: SeedRow = record::decode(&bytes)?;
            if self.is_committed(row.import)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn seed_version(&self, token: TokenId, version: SeedVersion) -> Found<SeedRow> {
        self.record(Tab::Seeds, &keys::seed(token, version))
    }

    fn state(&self, seed: &SeedRow) -> Result<TokenState, StoreError> {
        Ok(self.stored_state(seed)?.unwrap_or(seed.initial))
    }

    fn clock_history(&self, token: TokenId, version: SeedVersion) -> Found<ClockHistory> {
        self.record(Tab::ClockHistories, &keys::seed(token, version))
    }

    fn clock_histories(&self, page: Page) -> Listed<(TokenId, SeedVersion, ClockHistory)> {
        self.page(Tab::ClockHistories, &[], Order::Up, page, |token, (key, bytes)| {
            Ok(Some((TokenId(token), keys::last_version(&key), record::decode(&bytes)?)))
        })
    }

    fn clock_jumps(&self) -> Result<ClockJumps, StoreError> {
        let node = keys::number(self.meta()?.node.into());
        Ok(self.record(Tab::ClockJumps, &node)?.unwrap_or_default())
    }

    fn newest_seed_version(&self, token: TokenId) -> Found<SeedVersion> {
        let span = Span::prefix(&keys::number(token.0));
        let last = self.kv.range(Tab::Seeds, &span, Order::Down, 1)?;
        Ok(last.first().map(|(key, _)| keys::last_version(key)))
    }

    fn seeds_with(&self, fingerprint: Fingerprint) -> Result<Vec<SeedRow>, StoreError> {
        let mut rows = self.rows_with(fingerprint)?;
        let mut in_force = Vec::new();
        for row in rows.drain(..) {
            if self.seed(row.token)?.is_some_and(|now| now.version == row.version) {
                in_force.push(row);
            }
        }
        Ok(in_force)
    }

    fn states_with(&self, fingerprint: Fingerprint) -> Result<Vec<(SeedRow, TokenState)>, StoreError> {
        let mut found = Vec::new();
        for row in self.rows_with(fingerprint)? {
            let stored = self.stored_state(&row)?;
            // A stored state shows that the row was in force once, whatever became of its import.
            if stored.is_some() || self.is_committed(row.import)? {
                let state = stored.unwrap_or(row.initial);
                found.push((row, state));
            }
        }
        Ok(found)
    }

    fn tombstones_with(&self, fingerprint: Fingerprint) -> Result<Vec<Tombstone>, StoreError> {
        self.through(Tab::TombstoneFingerprints, &fingerprint.0, Tab::Tombstones)
    }

    fn tombstones_of(&self, normal: &str) -> Result<Vec<Tombstone>, StoreError> {
        self.through(Tab::TombstoneSerials, &keys::text_prefix(normal), Tab::Tombstones)
    }

    fn tokens(&self, filter: &TokenFilter, page: Page) -> Listed<Token> {
        self.list_tokens(filter, page)
    }

    fn count_tokens(&self, filter: &TokenFilter, most: u64) -> Result<u64, StoreError> {
        self.count_listed(filter, most)
    }

    fn is_assigned(&self, token: &Token) -> Result<bool, StoreError> {
        if self.standing(token.batch)?.iter().any(|a| a.covers(token)) {
            return Ok(true);
        }
        let own = Span::prefix(&keys::number(token.id.0));
        Ok(!self.kv.range(Tab::AssignmentsOfToken, &own, Order::Up, 1)?.is_empty())
    }

    fn resources_of(&self, token: &Token) -> Result<Vec<ResourceId>, StoreError> {
        let mut resources: Vec<ResourceId> =
            self.assignments_of_token(token.id)?.iter().map(|a| a.resource).collect();
        let standing = self.standing(token.batch)?;
        resources.extend(standing.iter().filter(|a| a.covers(token)).map(|a| a.resource));
        resources.sort_unstable();
        resources.dedup();
        Ok(resources)
    }

    fn batch(&self, id: BatchId) -> Found<Batch> {
        Ok(self.batch_any(id)?.filter(|batch| batch.state == BatchState::Live))
    }

    fn batch_any(&self, id: BatchId) -> Found<Batch> {
        self.numbered(Tab::Batches, id.0)
    }

    fn batch_by_name(&self, normal: &str) -> Found<Batch> {
        match self.named(Tab::BatchNames, normal.as_bytes())? {
            Some(id) => self.batch(BatchId(id)),
            None => Ok(None),
        }
    }

    fn batches(&self, page: Page) -> Listed<Batch> {
        self.page(Tab::Batches, &[], Order::Up, page, |_, (_, bytes)| {
            let batch: Batch = record::decode(&bytes)?;
            Ok((batch.state == BatchState::Live).then_some(batch))
        })
    }

    fn batches_any(&self, page: Page) -> Listed<Batch> {
        self.records(Tab::Batches, Order::Up, page)
    }

    fn token_ids_in(&self, batch: BatchId, page: Page) -> Listed<TokenId> {
        self.page(Tab::BatchTokens, &keys::number(batch.0), Order::Up, page, |n, _| Ok(Some(TokenId(n))))
    }

    fn detached_in(&self, batch: BatchId) -> Result<u64, StoreError> {
        self.kv.count(Tab::Detached, &Span::prefix(&keys::number(batch.0)))
    }

    fn replaced_by(&self, import: ImportId, page: Page) -> Listed<(TokenId, SeedVersion)> {
        self.page(Tab::ImportSeeds, &keys::number(import.0), Order::Up, page, |n, (key, _)| {
            Ok(Some((TokenId(n), keys::last_version(&key))))
        })
    }

    fn batch_assignment(&self, id: BatchAssignmentId) -> Found<BatchAssignment> {
        self.numbered(Tab::BatchAssignments, id.0)
    }

    fn batch_assignments_of(&self, batch: BatchId) -> Result<Vec<BatchAssignment>, StoreError> {
        self.through(Tab::BatchAssignmentsOf, &keys::number(batch.0), Tab::BatchAssignments)
    }

    fn batch_assignments_on(&self, resource: ResourceId) -> Result<Vec<BatchAssignment>, StoreError> {
        self.through(Tab::BatchAssignmentsOn, &keys::number(resource.0), Tab::BatchAssignments)
    }

    fn resource(&self, id: ResourceId) -> Found<Resource> {
        self.numbered(Tab::Resources, id.0)
    }

    fn resource_by_name(&self, normal: &str) -> Found<Resource> {
        match self.named(Tab::ResourceNames, normal.as_bytes())? {
            Some(id) => self.resource(ResourceId(id)),
            None => Ok(None),
        }
    }

    fn resource_by_alias(&self, alias: &str) -> Found<Resource> {
        match self.named(Tab::ResourceAliases, alias.as_bytes())? {
            Some(id) => self.resource(ResourceId(id)),
            None => Ok(None),
        }
    }

    fn look(&self, resource: ResourceId) -> Found<Look> {
        self.numbered(Tab::Looks, resource.0)
    }

    fn resources(&self, page: Page) -> Listed<Resource> {
        self.records(Tab::Resources, Order::Up, page)
    }

    fn user(&self, id: UserId) -> Found<User> {
        self.numbered(Tab::Users, id.0)
    }

    fn user_by_login(&self, normal: &str) -> Found<User> {
        let held = self.kv.get(Tab::Logins, normal.as_bytes())?;
        match held.as_deref().and_then(LoginUse::read) {
            Some((id, LoginUse::Present)) => self.user(UserId(id)),
            _ => Ok(None),
        }
    }

    fn is_login_reserved(&self, normal: &str) -> Result<bool, StoreError> {
        Ok(self.kv.get(Tab::Logins, normal.as_bytes())?.is_some())
    }

    fn users(&self, filter: &UserFilter, page: Page) -> Listed<User> {
        self.list_users(filter, page)
    }

    fn assignment(&self, id: AssignmentId) -> Found<Assignment> {
        self.numbered(Tab::Assignments, id.0)
    }

    fn assignments(&self, filter: AssignmentFilter, page: Page) -> Listed<Assignment> {
        let (table, prefix) = match filter.kind {
            Some(kind) => (Tab::AssignmentsOfKind, keys::of_kind(filter.resource, kind).to_vec()),
            None => (Tab::AssignmentsOn, keys::number(filter.resource.0).to_vec()),
        };
        self.page(table, &prefix, Order::Up, page, |n, _| self.assignment(AssignmentId(n)))
    }

    fn assignments_of_user(&self, user: UserId) -> Result<Vec<Assignment>, StoreError> {
        self.through(Tab::AssignmentsOfUser, &keys::number(user.0), Tab::Assignments)
    }

    fn assignments_of_token(&self, token: TokenId) -> Result<Vec<Assignment>, StoreError> {
        self.through(Tab::AssignmentsOfToken, &keys::number(token.0), Tab::Assignments)
    }

    fn operator(&self, id: OperatorId) -> Found<Operator> {
        self.numbered(Tab::Operators, id.0)
    }

    fn operator_by_login(&self, normal: &str) -> Found<Operator> {
        match self.named(Tab::OperatorLogins, normal.as_bytes())? {
            Some(id) => self.operator(OperatorId(id)),
            None => Ok(None),
        }
    }

    fn operators(&self, page: Page) -> Listed<Operator> {
        self.records(Tab::Operators, Order::Up, page)
    }

    fn api_key(&self, id: ApiKeyId) -> Found<ApiKey> {
        self.numbered(Tab::ApiKeys, id.0)
    }

    fn api_key_by_hash(&self, hash: &[u8; 32]) -> Found<ApiKey> {
        match self.named(Tab::ApiKeyHashes, hash)? {
            Some(id) => self.api_key(ApiKeyId(id)),
            None => Ok(None),
        }
    }

    fn api_keys(&self, page: Page) -> Listed<ApiKey> {
        self.records(Tab::ApiKeys, Order::Up, page)
    }

    fn budget(&self, key: BudgetKey) -> Result<Budget, StoreError> {
        Ok(self.record(Tab::Budgets, &keys::budget(key))?.unwrap_or(Budget::CLEAR))
    }

    fn stale_budgets(&self, before: UnixTime, limit: usize) -> Result<(Vec<BudgetKey>, u64), StoreError> {
        let span = Span { from: Vec::new(), to: Some(keys::moment(before).to_vec()) };
        let stale = self.kv.range(Tab::BudgetsSince, &span, Order::Up, limit)?;
        let stale = stale.iter().filter_map(|(key, _)| keys::hashed_budget(&key[8..])).collect();
        Ok((stale, self.kv.len(Tab::BudgetsSince)?))
    }

    fn session(&self, key: &[u8; 32]) -> Found<Session> {
        self.record(Tab::Sessions, key)
    }

    fn dead_sessions(&self, now: UnixTime, limit: usize) -> Result<Vec<[u8; 32]>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let dead = self.kv.range(Tab::SessionEnds, &span, Order::Up, limit)?;
        Ok(dead.iter().filter_map(|(key, _)| key[8..].try_into().ok()).collect())
    }

    fn unproved_sessions_beyond(&self, kept: u64, limit: usize) -> Result<Vec<[u8; 32]>, StoreError> {
        let beyond = self.kv.len(Tab::SessionsUnproved)?.saturating_sub(kept);
        let limit = usize::try_from(beyond).map_or(limit, |beyond| beyond.min(limit));
        let oldest = self.kv.range(Tab::SessionsUnproved, &Span::ALL, Order::Up, limit)?;
        Ok(oldest.iter().filter_map(|(key, _)| key[8..].try_into().ok()).collect())
    }

    fn mailed_code(&self, user: UserId, resource: ResourceId) -> Found<MailedCode> {
        self.record(Tab::MailedCodes, &keys::pair(user.0, resource.0))
    }

    fn draft(&self, session: &[u8; 32]) -> Found<TokenDraft> {
        self.record(Tab::Drafts, session)
    }

    fn dead_drafts(&self, now: UnixTime, limit: usize) -> Result<Vec<[u8; 32]>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let dead = self.kv.range(Tab::DraftEnds, &span, Order::Up, limit)?;
        Ok(dead.iter().filter_map(|(key, _)| key[8..].try_into().ok()).collect())
    }

    fn challenges(&self, owner: ChallengeOwner) -> Found<Challenges> {
        self.record(Tab::Challenges, &keys::challenges(owner))
    }

    fn dead_challenges(&self, now: UnixTime, limit: usize) -> Result<Vec<ChallengeOwner>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let dead = self.kv.range(Tab::ChallengeEnds, &span, Order::Up, limit)?;
        Ok(dead.iter().filter_map(|(key, _)| keys::challenge_owner(&key[8..])).collect())
    }

    fn was_asked(&self, secret: Fingerprint, question: QuestionDigest) -> Result<bool, StoreError> {
        Ok(self.kv.get(Tab::AskedQuestions, &keys::asked(secret, question))?.is_some())
    }

    fn pin_hash(&self, token: TokenId) -> Found<SealedSeed> {
        self.record(Tab::PinHashes, &keys::number(token.0))
    }

    fn mailing(&self, token: TokenId) -> Found<TokenMailing> {
        self.record(Tab::Mailings, &keys::number(token.0))
    }

    fn emergency_code(&self, user: UserId) -> Found<EmergencyCode> {
        self.record(Tab::EmergencyCodes, &keys::number(user.0))
    }

    fn environments(&self, user: UserId, resource: ResourceId) -> Found<Environments> {
        self.record(Tab::Environments, &keys::pair(user.0, resource.0))
    }

    fn next_user_issue(&self) -> Result<UserIssueId, StoreError> {
        self.next(Counter::UserIssue).map(UserIssueId)
    }

    fn user_issue(&self, id: UserIssueId) -> Found<UserIssue> {
        self.numbered(Tab::UserIssues, id.0)
    }

    fn user_issues(&self, scope: &Scope, page: Page) -> Listed<UserIssue> {
        self.page(Tab::UserIssuesListed, &[], Order::Up, page, |place, _| {
            let issue = self.user_issue(UserIssueId(keys::issue_at(place)))?;
            Ok(issue.filter(|issue| scope.covers(issue.resource)))
        })
    }

    fn user_issues_of(&self, user: UserId) -> Result<Vec<UserIssue>, StoreError> {
        self.through(Tab::UserIssuesOf, &keys::number(user.0), Tab::UserIssues)
    }

    fn user_issues_due(&self, now: UnixTime, limit: usize) -> Result<Vec<UserIssue>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let mut due = Vec::new();
        for (key, _) in self.kv.range(Tab::UserIssuesDue, &span, Order::Up, limit)? {
            due.extend(self.user_issue(UserIssueId(keys::last_number(&key)))?);
        }
        Ok(due)
    }

    fn import(&self, id: ImportId) -> Found<Import> {
        self.numbered(Tab::Imports, id.0)
    }

    fn imports(&self, page: Page) -> Listed<Import> {
        self.records(Tab::Imports, Order::Down, page)
    }

    fn import_lines(&self, id: ImportId, page: Page) -> Listed<ImportLine> {
        self.page(Tab::ImportLines, &keys::number(id.0), Order::Up, page, |_, (_, bytes)| {
            record::decode(&bytes).map(Some)
        })
    }

    fn job(&self, id: JobId) -> Found<Job> {
        self.numbered(Tab::Jobs, id.0)
    }

    fn jobs(&self, page: Page) -> Listed<Job> {
        self.records(Tab::Jobs, Order::Down, page)
    }

    fn oldest_jobs(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        Ok(self.records(Tab::Jobs, Order::Up, Page::first(limit))?.items)
    }

    fn mail(&self, id: MailId) -> Found<OutboxMail> {
        self.numbered(Tab::Mails, id.0)
    }

    fn mails(&self, page: Page) -> Listed<OutboxMail> {
        self.records(Tab::Mails, Order::Down, page)
    }

    fn oldest_mails(&self, limit: usize) -> Result<Vec<OutboxMail>, StoreError> {
        Ok(self.records(Tab::Mails, Order::Up, Page::first(limit))?.items)
    }

    fn mails_due(&self, now: UnixTime, limit: usize) -> Result<Vec<OutboxMail>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let mut due = Vec::new();
        for (key, _) in self.kv.range(Tab::MailsDue, &span, Order::Up, limit)? {
            due.extend(self.mail(MailId(keys::last_number(&key)))?);
        }
        Ok(due)
    }

    fn next_subscription(&self) -> Result<SubscriptionId, StoreError> {
        self.next(Counter::Subscription).map(SubscriptionId)
    }

    fn subscription(&self, id: SubscriptionId) -> Found<Subscription> {
        self.numbered(Tab::Subscriptions, id.0)
    }

    fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let rows = self.kv.range(Tab::Subscriptions, &Span::ALL, Order::Up, usize::MAX)?;
        rows.iter().map(|(_, bytes)| record::decode(bytes)).collect()
    }

    fn next_post(&self) -> Result<WebhookPostId, StoreError> {
        self.next(Counter::Post).map(WebhookPostId)
    }

    fn post(&self, id: WebhookPostId) -> Found<WebhookPost> {
        self.numbered(Tab::Posts, id.0)
    }

    fn posts_due(&self, now: UnixTime, limit: usize) -> Result<Vec<WebhookPost>, StoreError> {
        let span = Span { from: Vec::new(), to: keys_through(now) };
        let mut due = Vec::new();
        for (key, _) in self.kv.range(Tab::PostsDue, &span, Order::Up, limit)? {
            due.extend(self.post(WebhookPostId(keys::last_number(&key)))?);
        }
        Ok(due)
    }

    fn oldest_posts(&self, limit: usize) -> Result<Vec<WebhookPost>, StoreError> {
        Ok(self.records(Tab::Posts, Order::Up, Page::first(limit))?.items)
    }

    fn audit_head(&self, chain: u32) -> Found<AuditHead> {
        self.record(Tab::AuditHeads, &chain.to_be_bytes())
    }

    fn audit_chains(&self) -> Result<Vec<u32>, StoreError> {
        let chain_of = |key: &[u8]| key.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let heads = self.kv.range(Tab::AuditHeads, &Span::ALL, Order::Up, usize::MAX)?;
        let mut chains: Vec<u32> = heads.iter().map(|(key, _)| chain_of(key)).collect();
        // Records whose head is gone still make a chain.
        let mut span = Span::ALL;
        while let Some((key, _)) = self.kv.range(Tab::Audit, &span, Order::Up, 1)?.first() {
            let chain = chain_of(key);
            chains.push(chain);
            let Some(next) = chain.checked_add(1) else {
                break;
            };
            span.from = next.to_be_bytes().to_vec();
        }
        chains.sort_unstable();
        chains.dedup();
        Ok(chains)
    }

    fn audit_bytes(&self, chain: u32, n: u64) -> Found<Vec<u8>> {
        self.kv.get(Tab::Audit, &keys::audit(chain, n))
    }

    fn audit_records_after(&self, chain: u32, n: u64) -> Result<bool, StoreError> {
        let mut span = Span::prefix(&chain.to_be_bytes());
        span.from = keys::joined(&[&keys::audit(chain, n), &[0]]);
        Ok(!self.kv.range(Tab::Audit, &span, Order::Up, 1)?.is_empty())
    }

    fn audit_record(&self, chain: u32, n: u64) -> Found<AuditRecord> {
        self.audit_bytes(chain, n)?.map(|bytes| audit::open(&bytes)).transpose()
    }

    fn audit(&self, filter: AuditFilter, page: Page) -> Listed<AuditRecord> {
        let chain = self.meta()?.node;
        match filter.subject {
            None => self.page(Tab::Audit, &chain.to_be_bytes(), Order::Down, page, |_, (_, bytes)| {
                audit::open(&bytes).map(Some)
            }),
            Some(subject) => self.audit_about(chain, subject, page),
        }
    }
}

/// The end of all keys that begin with a moment up to and including this one.
fn keys_through(now: UnixTime) -> Option<Vec<u8>> {
    Span::prefix(&keys::moment(now)).to
}
