//! User issues as operators see them: the list, *Verify Identity*, *Delete*, and what approval does.

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    Actor, Approval, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Claim, DisabledBy,
    EmailAddress, Environments, Factor, Factors, IssueReference, IssueState, MailKind, MailedLink, Resource,
    Scope, Token, TokenSerial, User, UserIssue, UserIssueId,
};
use crate::secret::BearerToken;
use crate::service::authenticate::is_on;
use crate::service::notice::{Happened, Notice, Post, whom_to_ask, words_of};
use crate::service::outbox::Draft;
use crate::service::pair::pair_of;
use crate::service::scope::{rules_token, rules_user, shared};
use crate::service::user::shut_out;
use crate::service::{MailMode, Service, ServiceError};
use crate::store::{Change, Changes, Page, Slice, View};
use crate::vault::bearer_token;

use super::link::link_hash;
use super::{closed, is_outdated, marks, names, open_of};

/// A link that proves a new address works for so long.
const LINK_SECS: i64 = 86_400;
/// Between two of them lies so much at least.
const LINK_PAUSE_SECS: i64 = 60;
/// The shortest note says something.
const NOTE_CHARS: std::ops::RangeInclusive<usize> = 3..=500;
/// Issues that one look of the sweep takes.
const CHUNK: usize = 100;
/// Looks of one sweep at most.
const MOST_CHUNKS: usize = 100;

/// Another request of the same user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierIssue {
    /// Its number in the store.
    pub id: UserIssueId,
    /// Its number for people.
    pub reference: IssueReference,
    /// When it was made.
    pub opened_at: UnixTime,
    /// Where it stands.
    pub state: IssueState,
}

/// A user issue as lists and pages show it; never the password.
#[derive(Clone, Debug)]
pub struct UserIssueView {
    /// The record, without the password.
    pub issue: UserIssue,
    /// Whose.
    pub user: User,
    /// In which portal it was made.
    pub resource: String,
    /// The token said to be lost, and why it is disabled if it is.
    pub token: Option<(TokenSerial, Option<DisabledBy>)>,
    /// The user's others that the actor sees, newest first.
    pub earlier: Vec<EarlierIssue>,
    /// Hours of the wait, where two operators are needed.
    pub wait_hours: u16,
    /// It waits, and what it proved has changed since then: it cannot be approved.
    pub is_outdated: bool,
}

/// What came of *Verify Identity*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueVerdict {
    /// It took effect.
    Approved,
    /// Nothing was proved by the requester: another operator must verify, too.
    FirstOfTwo,
    /// Both did: it takes effect then, unless it is cancelled.
    Waits {
        /// When.
        until: UnixTime,
    },
}

impl IssueVerdict {
    /// The word in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::FirstOfTwo => "first_of_two",
            Self::Waits { .. } => "waits",
        }
    }
}

fn missing() -> ServiceError {
    ServiceError::NotFound { what: "user issue" }
}

fn visible(view: &dyn View, actor: &Actor, id: UserIssueId) -> Result<UserIssue, ServiceError> {
    view.user_issue(id)?.filter(|issue| actor.scope.covers(issue.resource)).ok_or_else(missing)
}

impl UserIssueView {
    fn read(view: &dyn View, actor: &Actor, issue: UserIssue) -> Result<Option<Self>, ServiceError> {
        let (Some(user), Some(resource)) = (view.user(issue.user)?, view.resource(issue.resource)?) else {
            return Ok(None);
        };
        let token = match issue.token {
            Some(id) => view.token(id)?.map(|token| (token.serial, token.disabled)),
            None => None,
        };
        let mut earlier: Vec<EarlierIssue> = view
            .user_issues_of(user.id)?
            .into_iter()
            .filter(|other| other.id != issue.id && actor.scope.covers(other.resource))
            .map(|other| EarlierIssue {
                id: other.id,
                reference: other.reference,
                opened_at: other.opened_at,
                state: other.state,
            })
            .collect();
        earlier.reverse();
        let wait_hours = resource.portal.as_ref().map_or(0, |portal| portal.restore_wait_hours);
        let issue = UserIssue { new_password: None, ..issue };
        let is_outdated = issue.is_open() && is_outdated(view, &issue, &user)?;
        let resource = resource.name.to_string();
        Ok(Some(Self { issue, user, resource, token, earlier, wait_hours, is_outdated }))
    }
}

/// What taking effect needs beside the store: drawn outside.
struct Means {
    link: BearerToken,
    /// Where the link leads, without its key.
    address: String,
    post: Post,
    mode: MailMode,
    sealer: std::sync::Arc<crate::vault::DataKey>,
    now: UnixTime,
}

impl Means {
    /// The mail with the link that proves a new address.
    #[expect(clippy::disallowed_methods, reason = "the link is mailed")]
    fn mail_link(
        &self,
        view: &dyn View,
        issue: &UserIssue,
        (user, resource, to): (&User, &Resource, &EmailAddress),
        changes: &mut Changes,
    ) -> Result<MailedLink, ServiceError> {
        let secret = Zeroizing::new(String::from_utf8_lossy(self.link.expose()).into_owned());
        let words = words_of(user);
        let link = Zeroizing::new(format!("{}?k={}-{}", self.address, issue.id.0, secret.as_str()));
        let told = [
            ("reference", issue.reference.to_string().into()),
            ("to", to.as_str().into()),
            ("place", resource.name.as_str().into()),
        ];
        let text = Zeroizing::new(format!(
            "{}\n\n{}\n\n{}\n\n{} {}\n",
            words.with("mail-hello", &[("name", user.display_name().into())]),
            words.with("mail-new-address", &told),
            link.as_str(),
            words.attribute("mail-new-address", "not-asked"),
            whom_to_ask(words, Some(resource)),
        ));
        let subject = format!("{}: {}", resource.name, words.attribute("mail-new-address", "subject"));
        let draft = Draft { kind: MailKind::Notice, to: to.clone(), subject, lives_secs: LINK_SECS };
        draft.put(view, &self.sealer, &text, self.now, changes)?;
        Ok(MailedLink {
            hash: link_hash(secret.as_bytes(), user.email.as_ref()),
            expires_at: self.now.plus_secs(LINK_SECS),
        })
    }

    /// What an approved issue changes. Everybody who is signed in as this user is signed out, failures are
    /// forgotten, their other requests end with this one.
    fn take_effect(&self, view: &dyn View, actor: &Actor, issue: UserIssue) -> Result<Changes, ServiceError> {
        let now = self.now;
        let user = view.user(issue.user)?.ok_or_else(missing)?;
        let resource = view.resource(issue.resource)?.ok_or_else(missing)?;
        if !is_on(view, &user, &resource)? {
            let detail = "this user is no longer assigned to the resource of the request: delete it";
            return Err(ServiceError::state("user_not_assigned", detail));
        }
        let is_lost = |factor| issue.claims.of(factor) == Claim::Lost;
        if is_lost(Factor::Email) && self.mode == MailMode::None {
            let detail = "mail is not set up, so nobody can prove the new address: set it up first, or delete the \
                          request and change the address on the user's page";
            return Err(ServiceError::state("mail_missing", detail));
        }
        let mut changes = shut_out(view, user.id)?;
        changes.push(Change::DeleteEmergencyCode(user.id));
        let off = lost_token(view, &issue, &user, &resource)?;
        if let Some(token) = &off {
            changes.push(Change::PutToken(Token { disabled: Some(DisabledBy::Issue), ..token.clone() }));
        }
        if let Some(password) = issue.new_password.clone() {
            changes.push(Change::PutUser(User { password: Some(password), ..user.clone() }));
        }
        for kind in [BudgetKind::Password, BudgetKind::MailedCode] {
            // Whoever forgot what they had is not to wait with what they have now.
            changes.push(Change::PutBudget(BudgetKey::User(kind, user.id), Budget::CLEAR));
        }
        for other in open_of(view, &user)?.into_iter().filter(|other| other.id != issue.id) {
            changes.extend(closed(other, IssueState::ClosedWithAnother { at: now }, actor, now)?);
        }
        // Whoever signs in next comes with what the operators verified, and maybe from nowhere that is known.
        if let Some(known) = view.environments(user.id, resource.id)? {
            let welcomed_by = Some(issue.id);
            let known = Environments { welcomed_by, ..known };
            changes.push(Change::PutEnvironments(user.id, resource.id, known));
        }
        let mut proves_email = None;
        if let Some(to) = issue.new_email.as_ref().filter(|_| is_lost(Factor::Email)) {
            proves_email = Some(self.mail_link(view, &issue, (&user, &resource, to), &mut changes)?);
        }
        let happened = Happened::RestoreDone {
            token: off.as_ref().map(|token| &token.serial),
            password: is_lost(Factor::Password),
            email: issue.new_email.as_ref(),
        };
        let notice = Notice { happened, user: &user, actor, resource: Some(&resource) };
        self.post.tell(view, &notice, now, &mut changes)?;
        let detail = vec![
            ("reference", issue.reference.to_string()),
            ("lost", names(&issue.claims.where_it(|claim| claim == Claim::Lost))),
        ];
        let about = super::subjects(&issue);
        let ended = issue.ended(IssueState::Approved { at: now })?;
        // The link holds only beside the address that stands now.
        let marks = Factors { email: marks(view, &user, None)?.email, ..ended.marks };
        changes.push(Change::PutUserIssue(Box::new(UserIssue { proves_email, marks, ..ended })));
        let action = AuditAction::UserIssueApproved;
        changes.push(crate::service::audit_entry(now, actor, action, about, AuditResult::Done, detail));
        Ok(changes)
    }
}

/// The token that is said to be lost, as long as it is the user's here. One that an operator disabled is
/// switched off by the issue from now on: only then the user gets in without it.
fn lost_token(
    view: &dyn View,
    issue: &UserIssue,
    user: &User,
    resource: &Resource,
) -> Result<Option<Token>, ServiceError> {
    let pair = pair_of(view, user.id, resource)?;
    Ok(pair.map(|(_, token)| token).filter(|token| issue.token == Some(token.id)))
}

/// Whether what was approved must not take effect by itself: an operator closed the portal or disabled the token
/// during the wait, and the links in the mails, which could cancel it, lead nowhere while it is closed.
fn was_stopped(view: &dyn View, issue: &UserIssue) -> Result<bool, ServiceError> {
    let is_open = view.resource(issue.resource)?.is_some_and(|resource| resource.open_portal().is_some());
    let token = issue.token.map(|id| view.token(id)).transpose()?.flatten();
    let is_disabled = token.is_some_and(|token| token.disabled == Some(DisabledBy::Operator));
    Ok(!is_open || is_disabled)
}

/// Only who rules all that an approval changes may give it.
fn require_rule(view: &dyn View, actor: &Actor, issue: &UserIssue, user: &User) -> Result<(), ServiceError> {
    let is_lost = |factor| issue.claims.of(factor) == Claim::Lost;
    let opens = is_lost(Factor::Password) || is_lost(Factor::Email);
    if opens && !rules_user(view, actor, user)? {
        return Err(shared());
    }
    if let Some(id) = issue.token
        && let Some(token) = view.token(id)?
        && !rules_token(view, actor, &token)?
    {
        return Err(shared());
    }
    Ok(())
}

/// Whether whoever gave this word could give it now: a signed-in operator who is enabled, and of the role and scope.
fn still_decides(
    view: &dyn View,
    word: &Approval,
    issue: &UserIssue,
    user: &User,
) -> Result<bool, ServiceError> {
    let operator = word.operator.map(|id| view.operator(id)).transpose()?.flatten();
    let Some(operator) = operator.filter(|one| one.enabled && one.role.decides_issues()) else {
        return Ok(false);
    };
    let actor = Service::operator_actor(&operator);
    match require_rule(view, &actor, issue, user) {
        Ok(()) => Ok(actor.scope.covers(issue.resource)),
        Err(ServiceError::Forbidden { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

impl Service {
    fn means(&self, now: UnixTime) -> Result<Means, ServiceError> {
        Ok(Means {
            link: bearer_token()?,
            address: String::new(),
            post: self.post()?,
            mode: self.mail,
            sealer: self.sealer()?,
            now,
        })
    }

    /// User issues of the actor's scope: the open ones, oldest first, then those that have ended, newest first.
    pub fn user_issues(&self, actor: &Actor, page: Page) -> Result<Slice<UserIssueView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.user_issues(&actor.scope, page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for issue in slice.items {
                items.extend(UserIssueView::read(view, actor, issue)?);
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// One of them.
    pub fn user_issue(&self, actor: &Actor, id: UserIssueId) -> Result<UserIssueView, ServiceError> {
        self.store.read(|view| {
            let issue = visible(view, actor, id)?;
            UserIssueView::read(view, actor, issue)?.ok_or_else(missing)
        })
    }

    /// How many wait in the actor's scope, counted up to `most`.
    pub fn open_user_issues(&self, actor: &Actor, most: usize) -> Result<usize, ServiceError> {
        self.store.read(|view| {
            let (mut count, mut page) = (0, Page::first(CHUNK));
            loop {
                // The open ones come first: those that have ended are not looked through for this.
                let slice = view.user_issues(&Scope::All, page)?;
                let all_open = slice.items.iter().all(UserIssue::is_open);
                let here = |issue: &&UserIssue| issue.is_open() && actor.scope.covers(issue.resource);
                count += slice.items.iter().filter(here).count();
                page.after = slice.next;
                if count >= most || !all_open || page.after.is_none() {
                    return Ok(count.min(most));
                }
            }
        })
    }

    /// *Verify Identity*: an operator says how it was established that the person is the one who made this
    /// very request. Where the requester proved nothing, a second operator must do the same, and it takes
    /// effect after the wait of the resource.
    pub fn verify_user_issue(
        &self,
        actor: &Actor,
        id: UserIssueId,
        reference: &str,
        note: &str,
    ) -> Result<IssueVerdict, ServiceError> {
        let note = note.trim().to_owned();
        if !NOTE_CHARS.contains(&note.chars().count()) || note.chars().any(|c| c.is_control() && c != '\n') {
            let detail = "note how identity was established, in 3 to 500 characters";
            return Err(ServiceError::invalid("note", "note_needed", detail));
        }
        let now = self.clock.now();
        let (issue, resource) = self.store.read(|view| {
            let issue = visible(view, actor, id)?;
            let resource = view.resource(issue.resource)?.ok_or_else(missing)?;
            Ok::<_, ServiceError>((issue, resource))
        })?;
        if IssueReference::parse(reference) != Some(issue.reference) {
            let detail =
                "this is not the number of this request: ask the person for the nine digits that they saw";
            return Err(ServiceError::invalid("reference", "reference_wrong", detail));
        }
        let address = self.portal_address(&resource, "restore/link");
        let cancel = self.cancel_secret(issue.reference, issue.opened_at);
        let cancel = Zeroizing::new(format!("{address}?k={}-{}", id.0, cancel.as_str()));
        let means = Means { address, ..self.means(now)? };
        let actor = actor.clone();
        let verdict = self.decide(move |view| {
            let issue = visible(view, &actor, id)?;
            let user = view.user(issue.user)?.ok_or_else(missing)?;
            if !issue.is_open() {
                let detail = format!("this request is {} by now", issue.state.name().replace('_', " "));
                return Err(ServiceError::state("issue_ended", detail));
            }
            require_rule(view, &actor, &issue, &user)?;
            if issue.effect_at.is_some() {
                let detail = "two operators verified this request: it takes effect by itself";
                return Err(ServiceError::state("issue_waits", detail));
            }
            if is_outdated(view, &issue, &user)? {
                let detail = "what was proved for this request has changed since then: delete it; the person can \
                              make another";
                return Err(ServiceError::state("proof_outdated", detail));
            }
            let needs_two = issue.needs_two();
            let operator = actor.operator();
            if needs_two && operator.is_none() {
                return Err(ServiceError::Forbidden {
                    code: "operator_needed",
                    detail: "nothing was proved: two signed-in operators verify this request, one after the other",
                });
            }
            let mut is_second = false;
            for first in &issue.approvals {
                is_second |= still_decides(view, first, &issue, &user)?;
            }
            if needs_two && issue.approvals.iter().any(|first| first.operator == operator) {
                return Err(ServiceError::Forbidden {
                    code: "another_operator",
                    detail: "you verified this request already: another operator must, too",
                });
            }
            let mut issue = issue;
            issue.approvals.push(Approval { operator, by: actor.label(), at: now, note: note.clone() });
            let verified = |verdict: &IssueVerdict| {
                let detail = vec![
                    ("reference", issue.reference.to_string()),
                    ("result", verdict.name().to_owned()),
                    ("note", note.clone()),
                ];
                let (action, about) = (AuditAction::UserIssueVerified, super::subjects(&issue));
                crate::service::audit_entry(now, &actor, action, about, AuditResult::Done, detail)
            };
            if needs_two && !is_second {
                let verdict = IssueVerdict::FirstOfTwo;
                let entry = verified(&verdict);
                return Ok((verdict, vec![Change::PutUserIssue(Box::new(issue)), entry]));
            }
            let resource = view.resource(issue.resource)?.ok_or_else(missing)?;
            let hours = resource.portal.as_ref().map_or(0, |portal| portal.restore_wait_hours);
            if needs_two && hours > 0 {
                let until = now.plus_secs(i64::from(hours) * 3_600);
                let verdict = IssueVerdict::Waits { until };
                let mut changes = vec![verified(&verdict)];
                let happened = Happened::RestoreWaits { at: until, cancel: cancel.as_str() };
                let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
                means.post.tell(view, &notice, now, &mut changes)?;
                changes.push(Change::PutUserIssue(Box::new(UserIssue { effect_at: Some(until), ..issue })));
                return Ok((verdict, changes));
            }
            let mut changes = vec![verified(&IssueVerdict::Approved)];
            changes.extend(means.take_effect(view, &actor, issue)?);
            Ok((IssueVerdict::Approved, changes))
        })?;
        self.wake_mailer();
        Ok(verdict)
    }

    /// Mails the link to the new address again, when the one before was not opened in its day: the approval is proof
    /// enough still. Gives until when it works.
    pub fn mail_issue_link(&self, actor: &Actor, id: UserIssueId) -> Result<UnixTime, ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        let issue = self.store.read(|view| visible(view, &actor, id))?;
        let resource = self.store.read(|view| view.resource(issue.resource)?.ok_or_else(missing))?;
        let address = self.portal_address(&resource, "restore/link");
        let means = Means { address, ..self.means(now)? };
        let until = self.decide(move |view| {
            let issue = visible(view, &actor, id)?;
            let user = view.user(issue.user)?.ok_or_else(missing)?;
            let resource = view.resource(issue.resource)?.ok_or_else(missing)?;
            require_rule(view, &actor, &issue, &user)?;
            let (Some(before), Some(to)) = (&issue.proves_email, &issue.new_email) else {
                let detail =
                    "no link to a new address waits here: it was opened, deleted, or never asked for";
                return Err(ServiceError::state("no_link", detail));
            };
            if !issue.is_approved_within(UserIssue::LINKS_SECS, now) {
                let detail = "this was approved too long ago: the person makes another request";
                return Err(ServiceError::state("link_too_old", detail));
            }
            if marks(view, &user, None)?.email != issue.marks.email || !is_on(view, &user, &resource)? {
                let detail = "the address on record is another than when this was approved: the person makes \
                              another request";
                return Err(ServiceError::state("link_outdated", detail));
            }
            if means.mode == MailMode::None {
                let detail = "mail is not set up, so nothing can be mailed";
                return Err(ServiceError::state("mail_missing", detail));
            }
            if before.expires_at.secs_since(now) > LINK_SECS - LINK_PAUSE_SECS {
                let detail = "a link was mailed within the last minute: wait a moment, then try again";
                return Err(ServiceError::state("link_waits", detail));
            }
            let mut changes = Vec::new();
            let link = means.mail_link(view, &issue, (&user, &resource, to), &mut changes)?;
            let detail = vec![
                ("reference", issue.reference.to_string()),
                ("what", "link to the new address mailed again".to_owned()),
            ];
            let (action, about) = (AuditAction::UserIssueApproved, super::subjects(&issue));
            changes.push(crate::service::audit_entry(now, &actor, action, about, AuditResult::Done, detail));
            changes.push(Change::PutUserIssue(Box::new(UserIssue { proves_email: Some(link), ..issue })));
            Ok((link.expires_at, changes))
        })?;
        self.wake_mailer();
        Ok(until)
    }

    /// *Delete*: the request is thrown away, also one that waits for its time.
    pub fn delete_user_issue(&self, actor: &Actor, id: UserIssueId) -> Result<(), ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let issue = visible(view, &actor, id)?;
            if issue.proves_email.is_some() {
                // Approved, and the link to the new address is on its way: it ends here.
                let detail = vec![
                    ("reference", issue.reference.to_string()),
                    ("what", "link to the new address".to_owned()),
                ];
                let about = super::subjects(&issue);
                let action = AuditAction::UserIssueClosed;
                let entry =
                    crate::service::audit_entry(now, &actor, action, about, AuditResult::Done, detail);
                let ended = UserIssue { proves_email: None, ..issue };
                return Ok(((), vec![Change::PutUserIssue(Box::new(ended)), entry]));
            }
            if !issue.is_open() {
                let detail = format!("this request is {} by now", issue.state.name().replace('_', " "));
                return Err(ServiceError::state("issue_ended", detail));
            }
            let state = IssueState::DeletedByOperator { at: now };
            Ok(((), Vec::from(closed(issue, state, &actor, now)?)))
        })
    }

    /// What time does to issues: they take effect, expire, and go.
    pub(in crate::service) fn sweep_issues(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        for _ in 0..MOST_CHUNKS {
            let due = self.store.read(|view| Ok::<_, ServiceError>(view.user_issues_due(now, CHUNK)?))?;
            if due.is_empty() {
                return Ok(());
            }
            for issue in due {
                self.sweep_issue(&issue, now)?;
            }
        }
        Ok(())
    }

    fn sweep_issue(&self, seen: &UserIssue, now: UnixTime) -> Result<(), ServiceError> {
        let resource = self.store.read(|view| Ok::<_, ServiceError>(view.resource(seen.resource)?))?;
        let address =
            resource.map(|resource| self.portal_address(&resource, "restore/link")).unwrap_or_default();
        let means = Means { address, ..self.means(now)? };
        let id = seen.id;
        self.decide(move |view| {
            let due = view.user_issue(id)?.filter(|issue| issue.due_at() <= now);
            let Some(issue) = due else { return Ok(((), Vec::new())) };
            if !issue.is_open() {
                return Ok(((), vec![Change::DeleteUserIssue(id)]));
            }
            if issue.effect_at.is_some() && !was_stopped(view, &issue)? {
                match means.take_effect(view, &Actor::SYSTEM, issue.clone()) {
                    Ok(changes) => return Ok(((), changes)),
                    // What it was for is gone, or cannot be done: it must not come back at each sweep.
                    Err(ServiceError::NotFound { .. } | ServiceError::State { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let ended = closed(issue, IssueState::Expired { at: now }, &Actor::SYSTEM, now)?;
            Ok(((), Vec::from(ended)))
        })?;
        self.wake_mailer();
        Ok(())
    }
}
