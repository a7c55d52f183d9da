//! Users of the portal.

use crate::clock::UnixTime;
use crate::model::{
    Actor, Assignment, AssignmentKind, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, EmailAddress,
    Language, Login, Parties, PasswordHash, PhoneNumber, Resource, ResourceName, Scope, Subject, TokenState,
    User, UserId,
};
use crate::secret::Passphrase;
use crate::store::{Change, Changes, Page, Slice, UserFilter, View};
use crate::vault::check_new_password;

use super::emergency::EmergencyView;
use super::notice::{Happened, Notice};
use super::scope::{rules_user, seen_tokens, sees_user, shared};
use super::token::TokenView;
use super::{Service, ServiceError};

/// Shortest password of a user without a token: it is the only factor.
pub(super) const MIN_PASSWORD_CHARS: usize = 15;
/// Shortest password of a user with a token beside it.
pub(super) const MIN_PASSWORD_CHARS_WITH_TOKEN: usize = 8;

/// What to do when the login is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse.
    #[default]
    Fail,
    /// Fill fields that are empty; overwrite nothing.
    Fill,
}

/// A user to be made.
#[derive(Debug, Default)]
pub struct NewUser {
    /// What they sign in with.
    pub login: String,
    /// Mail address.
    pub email: Option<EmailAddress>,
    /// Phone number.
    pub phone: Option<PhoneNumber>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// First password.
    pub password: Option<Passphrase>,
    /// The language of their mails.
    pub language: Option<Language>,
    /// Resource to stand on.
    pub resource: Option<ResourceName>,
    /// When the login is there already.
    pub on_conflict: OnConflict,
}

/// Changes of a user; `None` leaves a field, `Some(None)` empties it.
#[derive(Debug, Default)]
pub struct UserPatch {
    /// Mail address.
    pub email: Option<Option<EmailAddress>>,
    /// Phone number.
    pub phone: Option<Option<PhoneNumber>>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Password.
    pub password: Option<Option<Passphrase>>,
    /// The language of their mails.
    pub language: Option<Option<Language>>,
}

/// A user as lists and pages show them.
#[derive(Clone, Debug)]
pub struct UserView {
    /// The record (its password hash is not shown).
    pub user: User,
    /// Where they stand as far as the actor's scope goes: resource, kind, serial of the token there.
    pub assignments: Vec<(String, AssignmentKind, Option<String>)>,
    /// Until when some method of theirs is blocked: which, until when (`None`: until an operator).
    pub blocked: Vec<(&'static str, Option<UnixTime>)>,
    /// The emergency code that stands in for their token's.
    pub emergency: Option<EmergencyView>,
}

pub(super) fn name_field(field: &'static str, text: &str) -> Result<String, ServiceError> {
    let text = text.trim();
    if text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err(ServiceError::invalid(field, "name_invalid", "a name has at most 64 characters"));
    }
    Ok(text.to_owned())
}

const BLOCKABLE: [(&str, BudgetKind); 4] = [
    ("password", BudgetKind::Password),
    ("mailed code", BudgetKind::MailedCode),
    ("code mailed as a proof", BudgetKind::SessionCode),
    ("confirmation", BudgetKind::Confirmation),
];

impl UserView {
    fn read(view: &dyn View, actor: &Actor, user: User, now: UnixTime) -> Result<Self, ServiceError> {
        let mut assignments = Vec::new();
        for assignment in view.assignments_of_user(user.id)? {
            let place = view.resource(assignment.resource)?;
            let Some(resource) = place.filter(|r| actor.scope.covers(r.id)) else { continue };
            let serial = match assignment.parties.token() {
                Some(token) => view.token(token)?.map(|t| t.serial.display().to_owned()),
                None => None,
            };
            assignments.push((resource.name.as_str().to_owned(), assignment.parties.kind(), serial));
        }
        let mut blocked = Vec::new();
        for (word, kind) in BLOCKABLE {
            let budget = view.budget(BudgetKey::User(kind, user.id))?;
            if let Some(until) = super::code::blocked(&budget, now) {
                blocked.push((word, until));
            }
        }
        let emergency = EmergencyView::read(view, user.id, now)?;
        Ok(Self { user, assignments, blocked, emergency })
    }
}

/// What a request brings for a user who is there already.
pub(super) struct Given<'a> {
    pub(super) email: Option<&'a EmailAddress>,
    pub(super) phone: Option<&'a PhoneNumber>,
    pub(super) first_name: &'a str,
    pub(super) last_name: &'a str,
    pub(super) language: Option<Language>,
    pub(super) password: Option<&'a PasswordHash>,
}

impl Given<'_> {
    /// The user with empty fields filled, and which those are.
    ///
    /// Mail address and password are ways in: a code is mailed to the one, the other is typed. A user
    /// who has either gets no second one here, or whoever may fill could sign in as them; `change_user`
    /// is for that, and tells the user. A user who has neither could not sign in at all, so a first way
    /// in is like making them; `alone` says that nobody else's resources open by it. The phone number
    /// is how the helpdesk knows a caller, so it goes by the same scope.
    pub(super) fn fill(&self, user: &User, alone: bool) -> (User, Vec<&'static str>) {
        let mut filled = user.clone();
        let mut what = Vec::new();
        let mut name = |field: &mut String, given: &str, word| {
            if field.is_empty() && !given.is_empty() {
                given.clone_into(field);
                what.push(word);
            }
        };
        name(&mut filled.first_name, self.first_name, "first_name");
        name(&mut filled.last_name, self.last_name, "last_name");
        if filled.language.is_none() && self.language.is_some() {
            filled.language = self.language;
            what.push("language");
        }
        if !alone {
            return (filled, what);
        }
        if filled.phone.is_none() && self.phone.is_some() {
            filled.phone = self.phone.cloned();
            what.push("phone");
        }
        if user.email.is_none() && user.password.is_none() {
            filled.email = self.email.cloned();
            what.extend(self.email.map(|_| "email"));
            filled.password = self.password.cloned();
            what.extend(self.password.map(|_| "password"));
        }
        (filled, what)
    }
}

/// Refuses a login that no new user can have.
pub(super) fn refuse_word_of_addresses(login: &Login) -> Result<(), ServiceError> {
    if login.is_word_of_addresses() {
        let detail = format!(
            "{login} is a word of the addresses here, so no user can be called that: choose another login"
        );
        return Err(ServiceError::invalid("login", "login_is_address", detail));
    }
    Ok(())
}

/// The user of this login, when the actor's scope covers one of their places.
pub(super) fn visible_user(view: &dyn View, actor: &Actor, login: &Login) -> Result<User, ServiceError> {
    let missing = ServiceError::NotFound { what: "user" };
    let user = view.user_by_login(&login.normal())?.ok_or(missing)?;
    if sees_user(view, actor, user.id)? { Ok(user) } else { Err(ServiceError::NotFound { what: "user" }) }
}

impl Service {
    /// Users in the order of their making.
    pub fn users(
        &self,
        actor: &Actor,
        text: Option<&str>,
        resource: Option<&ResourceName>,
        page: Page,
    ) -> Result<Slice<UserView>, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| {
            let resource = match resource {
                Some(name) => Some(self.resource_named(view, actor, name)?.id),
                None => None,
            };
            let text = text.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty());
            let filter = UserFilter { text, resource, scope: actor.scope.clone() };
            let slice = view.users(&filter, page)?;
            let items = slice
                .items
                .into_iter()
                .map(|user| UserView::read(view, actor, user, now))
                .collect::<Result<_, _>>()?;
            Ok(Slice { items, next: slice.next })
        })
    }

    /// One user.
    pub fn user(&self, actor: &Actor, login: &Login) -> Result<UserView, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| UserView::read(view, actor, visible_user(view, actor, login)?, now))
    }

    /// The tokens that a user holds or is assigned with.
    pub fn tokens_of_user(&self, actor: &Actor, login: &Login) -> Result<Vec<TokenView>, ServiceError> {
        self.store.read(|view| {
            let user = visible_user(view, actor, login)?;
            let filter = crate::store::TokenFilter { user: Some(user.id), ..crate::store::TokenFilter::ALL };
            let tokens = seen_tokens(view, actor, filter, Page::first(100))?.items;
            tokens.into_iter().map(|token| TokenView::read(view, actor, token)).collect()
        })
    }

    /// Makes a user, or finds them and fills empty fields. True: made.
    ///
    /// To a scoped actor a user of another scope is a login that is taken, whatever was asked for.
    pub fn add_user(&self, actor: &Actor, new: NewUser) -> Result<bool, ServiceError> {
        let login = Login::parse(&new.login).map_err(ServiceError::name("login"))?;
        refuse_word_of_addresses(&login)?;
        let (first_name, last_name) =
            (name_field("first_name", &new.first_name)?, name_field("last_name", &new.last_name)?);
        let password = match &new.password {
            Some(password) => {
                check_new_password(password, MIN_PASSWORD_CHARS)?;
                Some(self.hash_password(password)?)
            }
            None => None,
        };
        let NewUser { email, phone, resource, on_conflict, .. } = new;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let resource = match &resource {
                Some(name) => Some(
                    view.resource_by_name(&name.normal())?
                        .filter(|r| actor.scope.covers(r.id))
                        .ok_or(ServiceError::NotFound { what: "resource" })?,
                ),
                None if actor.scope != Scope::All => {
                    let detail = "name a resource: this key or operator is bound to some";
                    return Err(ServiceError::invalid("resource", "resource_missing", detail));
                }
                None => None,
            };
            let present = view.user_by_login(&login.normal())?;
            let taken = || ServiceError::state("user_exists", "a user with this login exists");
            let mut changes: Changes = Vec::new();
            let (user, made) = match present {
                Some(_) if on_conflict == OnConflict::Fail => return Err(taken()),
                Some(user) if !sees_user(view, &actor, user.id)? => return Err(taken()),
                Some(user) => {
                    let given = Given {
                        email: email.as_ref(),
                        phone: phone.as_ref(),
                        first_name: &first_name,
                        last_name: &last_name,
                        language: new.language,
                        password: password.as_ref(),
                    };
                    let (filled, what) = given.fill(&user, rules_user(view, &actor, &user)?);
                    if !what.is_empty() {
                        changes.push(Change::PutUser(filled.clone()));
                        if what.iter().any(|field| matches!(*field, "email" | "password")) {
                            changes.extend(shut_out(view, filled.id)?);
                        }
                        let what = format!("filled {}", what.join(","));
                        changes.push(user_entry(now, &actor, AuditAction::UserChanged, filled.id, &what));
                    }
                    (filled, false)
                }
                None => {
                    if view.is_login_reserved(&login.normal())? {
                        if actor.scope != Scope::All {
                            return Err(taken());
                        }
                        let detail = "this login was somebody's before and stays reserved";
                        return Err(ServiceError::state("login_reserved", detail));
                    }
                    let user = User {
                        id: view.next_user()?,
                        login: login.clone(),
                        old_logins: Vec::new(),
                        email: email.clone(),
                        phone: phone.clone(),
                        first_name: first_name.clone(),
                        last_name: last_name.clone(),
                        password: password.clone(),
                        language: new.language,
                        created_at: now,
                    };
                    changes.push(Change::PutUser(user.clone()));
                    changes.push(user_entry(now, &actor, AuditAction::UserCreated, user.id, "made"));
                    (user, true)
                }
            };
            if let Some(resource) = resource
                && !view.assignments_of_user(user.id)?.iter().any(|a| a.resource == resource.id)
            {
                changes.push(Change::PutAssignment(Assignment {
                    id: view.next_assignment()?,
                    resource: resource.id,
                    parties: Parties::User(user.id),
                    created_at: now,
                }));
                changes.push(super::audit_entry(
                    now,
                    &actor,
                    AuditAction::Assigned,
                    vec![Subject::User(user.id), Subject::Resource(resource.id)],
                    AuditResult::Done,
                    vec![("kind", "user".to_owned())],
                ));
            }
            Ok((made, changes))
        })
    }

    /// Changes a user. A change of the mail address or password is told to the old address, ends the
    /// user's sessions and makes mailed codes useless.
    pub fn change_user(&self, actor: &Actor, login: &Login, patch: UserPatch) -> Result<(), ServiceError> {
        let first_name = patch.first_name.as_deref().map(|t| name_field("first_name", t)).transpose()?;
        let last_name = patch.last_name.as_deref().map(|t| name_field("last_name", t)).transpose()?;
        let password: Option<Option<PasswordHash>> = match &patch.password {
            None => None,
            Some(None) => Some(None),
            Some(Some(typed)) => {
                let paired = self
                    .user(actor, login)?
                    .assignments
                    .iter()
                    .any(|(_, kind, _)| *kind == AssignmentKind::TokenWithUser);
                check_new_password(
                    typed,
                    if paired { MIN_PASSWORD_CHARS_WITH_TOKEN } else { MIN_PASSWORD_CHARS },
                )?;
                Some(Some(self.hash_password(typed)?))
            }
        };
        let UserPatch { email, phone, .. } = patch;
        let post = self.post()?;
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let user = visible_user(view, &actor, &login)?;
            // These open the doors of all the resources where the user stands.
            let opens = email.is_some() || phone.is_some() || password.is_some();
            if opens && !rules_user(view, &actor, &user)? {
                return Err(shared());
            }
            let mut changed = user.clone();
            let mut what = Vec::new();
            if let Some(email) = &email {
                changed.email.clone_from(email);
                what.push("email");
            }
            if let Some(phone) = &phone {
                changed.phone.clone_from(phone);
                what.push("phone");
            }
            if let Some(name) = &first_name {
                changed.first_name.clone_from(name);
                what.push("first_name");
            }
            if let Some(name) = &last_name {
                changed.last_name.clone_from(name);
                what.push("last_name");
            }
            if let Some(language) = patch.language.filter(|language| *language != changed.language) {
                changed.language = language;
                what.push("language");
            }
            if let Some(password) = &password {
                changed.password.clone_from(password);
                what.push("password");
            }
            if what.is_empty() {
                return Ok(((), Vec::new()));
            }
            let mut changes = vec![Change::PutUser(changed)];
            if password.is_some() || email.is_some() {
                changes.extend(shut_out(view, user.id)?);
                changes.push(Change::DeleteEmergencyCode(user.id));
            }
            if password.is_some() || email.is_some() {
                let resource = helpful_place(view, &user)?;
                let (password, email) = (password.is_some(), email.is_some());
                let happened = Happened::WaysInChanged { password, email };
                let notice = Notice { happened, user: &user, actor: &actor, resource: resource.as_ref() };
                post.tell(view, &notice, now, &mut changes)?;
            }
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, &what.join(",")));
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// Deletes a user who holds no token. The login stays reserved.
    pub fn delete_user(&self, actor: &Actor, login: &Login) -> Result<(), ServiceError> {
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let user = visible_user(view, &actor, &login)?;
            if !rules_user(view, &actor, &user)? {
                return Err(shared());
            }
            let filter = crate::store::TokenFilter { user: Some(user.id), ..crate::store::TokenFilter::ALL };
            if !view.tokens(&filter, Page::first(1))?.items.is_empty() {
                let detail = "this user holds a token: take it back first";
                return Err(ServiceError::state("user_holds_token", detail));
            }
            let mut changes: Changes =
                view.assignments_of_user(user.id)?.iter().map(|a| Change::DeleteAssignment(a.id)).collect();
            changes.push(Change::EndUserSessions(user.id));
            changes.push(Change::DeleteUser(user.id));
            changes.push(user_entry(now, &actor, AuditAction::UserDeleted, user.id, login.as_str()));
            Ok(((), changes))
        })
    }

    /// Clears a user's failures, and those of the tokens they hold; lets the next sign-in in from wherever it
    /// comes.
    pub fn unblock_user(&self, actor: &Actor, login: &Login) -> Result<(), ServiceError> {
        let operator = actor.operator();
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let user = visible_user(view, &actor, &login)?;
            let mut changes: Changes = BLOCKABLE
                .iter()
                .map(|(_, kind)| Change::PutBudget(BudgetKey::User(*kind, user.id), Budget::CLEAR))
                .collect();
            let filter = crate::store::TokenFilter { user: Some(user.id), ..crate::store::TokenFilter::ALL };
            for token in view.tokens(&filter, Page::first(100))?.items {
                let Some(seed) = view.seed(token.id)? else { continue };
                let state = view.state(&seed)?;
                let needs_other =
                    state.wide_failures >= 10 && (operator.is_none() || operator == state.wide_operator);
                if state.budget != Budget::CLEAR && !needs_other {
                    let state =
                        TokenState { budget: Budget::CLEAR, wide_failures: 0, wide_operator: None, ..state };
                    changes.push(Change::PutState(token.id, seed.version, state));
                }
            }
            for place in view.assignments_of_user(user.id)? {
                if actor.scope.covers(place.resource)
                    && let Some(known) = view.environments(user.id, place.resource)?
                {
                    let open = crate::model::Environments { next_is_welcome: true, ..known };
                    changes.push(Change::PutEnvironments(user.id, place.resource, open));
                }
            }
            changes.push(user_entry(now, &actor, AuditAction::UserUnblocked, user.id, "all methods"));
            Ok(((), changes))
        })
    }
}

/// The resource whose people the user can ask: the first that says whom.
fn helpful_place(view: &dyn View, user: &User) -> Result<Option<Resource>, ServiceError> {
    for place in view.assignments_of_user(user.id)? {
        let resource = view.resource(place.resource)?;
        if let Some(found) =
            resource.filter(|r| r.portal.as_ref().is_some_and(|portal| !portal.help_text.is_empty()))
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What goes with another way in: whoever came, or is about to come, by the old one is out.
pub(super) fn shut_out(view: &dyn View, user: UserId) -> Result<Changes, ServiceError> {
    let mut changes = vec![Change::EndUserSessions(user)];
    for place in view.assignments_of_user(user)? {
        changes.push(Change::DeleteMailedCode(user, place.resource));
    }
    Ok(changes)
}

pub(super) fn user_entry(
    now: UnixTime,
    actor: &Actor,
    action: AuditAction,
    user: UserId,
    what: &str,
) -> Change {
    let detail = vec![("changed", what.to_owned())];
    super::audit_entry(now, actor, action, vec![Subject::User(user)], AuditResult::Done, detail)
}
