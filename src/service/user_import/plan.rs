//! What a list would change, line by line, from one state of the store.
//!
//! Lines see those before them: a token that one line gives is taken for the next. A line that is not
//! carried out leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Fault, Place, Row, Wanted};
use super::{LINES_IN_ANSWER, UserImportLine, UserImportView, UserVerdict, placed};
use crate::clock::UnixTime;
use crate::model::{
    Actor, Assignment, AssignmentId, AssignmentKind, AuditAction, AuditResult, BatchId, Parties, Resource,
    Scope, Subject, Token, TokenId, User, UserId,
};
use crate::seedfile::Position;
use crate::service::ServiceError;
use crate::service::assign::{assignable, free_token, present_place};
use crate::service::scope::{rules_user, sees_user};
use crate::service::user::{Given, OnConflict, shut_out, user_entry};
use crate::store::{Change, Changes, View};

/// A plan and what would be written.
pub(super) struct Plan {
    pub(super) view: UserImportView,
    pub(super) changes: Changes,
}

/// A line that is carried out.
struct Good {
    verdict: UserVerdict,
    what: String,
    changes: Changes,
    tokens: Vec<TokenId>,
    users: u64,
    assignments: u64,
}

/// A line that is not.
enum Bad {
    Line(UserVerdict, Fault),
    Stopped(ServiceError),
}

impl From<ServiceError> for Bad {
    fn from(error: ServiceError) -> Self {
        Self::Stopped(error)
    }
}

impl From<crate::store::StoreError> for Bad {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Stopped(error.into())
    }
}

fn rejected(column: u64, code: &'static str, what: impl Into<String>) -> Bad {
    Bad::Line(UserVerdict::Rejected, Fault::new(column, code, what))
}

fn conflict(column: u64, code: &'static str, what: impl Into<String>) -> Bad {
    Bad::Line(UserVerdict::Conflict, Fault::new(column, code, what))
}

/// A place with what its names stand for.
struct Target<'a> {
    place: &'a Place,
    resource: Resource,
    token: Option<Token>,
}

impl Target<'_> {
    fn words(&self) -> String {
        match &self.token {
            Some(token) => format!("{} with token {}", self.resource.name, token.serial),
            None => self.resource.name.to_string(),
        }
    }
}

struct Planner<'a> {
    view: &'a dyn View,
    actor: &'a Actor,
    now: UnixTime,
    on_conflict: OnConflict,
    resources: BTreeMap<String, Option<Resource>>,
    logins: BTreeMap<String, u64>,
    tokens: BTreeMap<TokenId, u64>,
    touched: BTreeSet<BatchId>,
    next_user: u64,
    next_assignment: u64,
}

/// Plans a whole list.
pub(super) fn plan(
    view: &dyn View,
    actor: &Actor,
    rows: &[Row],
    on_conflict: OnConflict,
    now: UnixTime,
) -> Result<Plan, ServiceError> {
    let mut planner = Planner {
        view,
        actor,
        now,
        on_conflict,
        resources: BTreeMap::new(),
        logins: BTreeMap::new(),
        tokens: BTreeMap::new(),
        touched: BTreeSet::new(),
        next_user: view.next_user()?.0,
        next_assignment: view.next_assignment()?.0,
    };
    let mut made = Plan { view: UserImportView::default(), changes: Vec::new() };
    let (mut hard, mut soft) = (Vec::new(), Vec::new());
    for row in rows {
        let judged = match &row.content {
            Ok(wanted) => planner.line(row.line, wanted),
            Err(fault) => Err(Bad::Line(UserVerdict::Rejected, fault.clone())),
        };
        let (verdict, fault) = match judged {
            Ok(good) => {
                let told = Fault::new(0, good.verdict.name(), good.what.clone());
                let verdict = good.verdict;
                made.changes.extend(planner.take(row.line, good));
                (verdict, told)
            }
            Err(Bad::Line(verdict, fault)) => (verdict, fault),
            Err(Bad::Stopped(error)) => return Err(error),
        };
        made.view.counts.add(verdict);
        let list = match verdict {
            UserVerdict::New => continue,
            UserVerdict::Identical | UserVerdict::Filled => &mut soft,
            UserVerdict::Conflict | UserVerdict::Rejected => &mut hard,
        };
        if list.len() < LINES_IN_ANSWER {
            list.push(UserImportLine {
                line: row.line,
                column: fault.column,
                login: row.login.clone(),
                verdict,
                code: fault.code,
                detail: placed(Position::new(row.line, fault.column), &fault.what),
            });
        }
    }
    hard.extend(soft);
    hard.truncate(LINES_IN_ANSWER);
    hard.sort_by_key(|line: &UserImportLine| line.line);
    made.view.lines = hard;
    Ok(made)
}

impl Planner<'_> {
    /// Takes a line over: the next ones see it. Gives what it changes.
    fn take(&mut self, line: u64, good: Good) -> Changes {
        self.next_user += good.users;
        self.next_assignment += good.assignments;
        self.tokens.extend(good.tokens.into_iter().map(|token| (token, line)));
        let mut changes = good.changes;
        changes.retain(|change| match change {
            Change::PutBatch(batch) => self.touched.insert(batch.id),
            _ => true,
        });
        changes
    }

    fn line(&mut self, line: u64, wanted: &Wanted) -> Result<Good, Bad> {
        let login = wanted.login.normal();
        if let Some(first) = self.logins.get(&login) {
            let what = format!("this login stands on line {first} already. Make one line of the two.");
            return Err(rejected(wanted.login_at, "login_duplicate_in_file", what));
        }
        self.logins.insert(login.clone(), line);
        let targets = self.targets(wanted)?;
        if targets.is_empty() && self.actor.scope != Scope::All {
            let what = "name a resource of yours: you are bound to some.";
            return Err(rejected(0, "resource_missing", what));
        }
        let (view, taken) =
            (self.view, "a user with this login exists. Use another login, or delete the line.");
        match view.user_by_login(&login)? {
            Some(user) if !sees_user(view, self.actor, user.id)? => {
                Err(conflict(wanted.login_at, "user_exists", taken))
            }
            Some(user) => self.known(&user, wanted, &targets),
            None if view.is_login_reserved(&login)? => Err(if self.actor.scope == Scope::All {
                let what = "this login was somebody's before and stays reserved. Use another one.";
                conflict(wanted.login_at, "login_reserved", what)
            } else {
                conflict(wanted.login_at, "user_exists", taken)
            }),
            None => self.unknown(wanted, &targets),
        }
    }

    fn targets<'w>(&mut self, wanted: &'w Wanted) -> Result<Vec<Target<'w>>, Bad> {
        let mut targets = Vec::with_capacity(wanted.places.len());
        for place in &wanted.places {
            let name = place.resource.normal();
            let known = if let Some(known) = self.resources.get(&name) {
                known.clone()
            } else {
                let found = self.view.resource_by_name(&name)?;
                let found = found.filter(|resource| self.actor.scope.covers(resource.id));
                self.resources.insert(name, found.clone());
                found
            };
            let Some(resource) = known else {
                let what = format!(
                    "there is no resource {}. Check its name, or add the resource first.",
                    place.resource
                );
                return Err(rejected(place.resource_at, "resource_unknown", what));
            };
            let token = match &place.serial {
                Some((serial, at)) => match assignable(self.view, self.actor, serial) {
                    Ok(token) => Some(token),
                    Err(ServiceError::NotFound { .. }) => {
                        let what = format!(
                            "there is no token {serial}. Check its serial number, or import the token first."
                        );
                        return Err(rejected(*at, "token_unknown", what));
                    }
                    Err(error) => return Err(error.into()),
                },
                None => None,
            };
            targets.push(Target { place, resource, token });
        }
        Ok(targets)
    }

    fn unknown(&self, wanted: &Wanted, targets: &[Target<'_>]) -> Result<Good, Bad> {
        let user = User {
            id: UserId(self.next_user),
            login: wanted.login.clone(),
            old_logins: Vec::new(),
            email: wanted.email.clone(),
            phone: wanted.phone.clone(),
            first_name: wanted.first_name.clone(),
            last_name: wanted.last_name.clone(),
            password: None,
            language: None,
            created_at: self.now,
        };
        let mut good = Good {
            verdict: UserVerdict::New,
            what: String::new(),
            changes: vec![
                Change::PutUser(user.clone()),
                user_entry(self.now, self.actor, AuditAction::UserCreated, user.id, "made"),
            ],
            tokens: Vec::new(),
            users: 1,
            assignments: 0,
        };
        self.put(&user, &targets.iter().collect::<Vec<_>>(), &mut good)?;
        Ok(good)
    }

    fn known(&self, user: &User, wanted: &Wanted, targets: &[Target<'_>]) -> Result<Good, Bad> {
        let places = self.view.assignments_of_user(user.id)?;
        let missing: Vec<&Target<'_>> = targets
            .iter()
            .filter(|target| {
                let here = places.iter().find(|place| place.resource == target.resource.id);
                match (&target.token, here) {
                    (_, None) => true,
                    (None, Some(_)) => false,
                    (Some(token), Some(here)) => here.parties != Parties::TokenWithUser(user.id, token.id),
                }
            })
            .collect();
        let given = Given {
            email: wanted.email.as_ref(),
            phone: wanted.phone.as_ref(),
            first_name: &wanted.first_name,
            last_name: &wanted.last_name,
            language: None,
            password: None,
        };
        if self.on_conflict == OnConflict::Fail {
            let mut other: Vec<String> = differing(user, wanted)
                .into_iter()
                .map(|(field, empty)| format!("{} {field}", if empty { "no" } else { "another" }))
                .collect();
            other.extend(missing.iter().map(|target| format!("no place on {}", target.words())));
            if !other.is_empty() {
                let what = format!(
                    "a user with this login exists, with {}. Correct the line, or import with \u{201c}fill\u{201d}, which fills what is empty and overwrites nothing.",
                    other.join(", ")
                );
                return Err(conflict(wanted.login_at, "user_exists", what));
            }
        }
        let (filled, fields) = given.fill(user, rules_user(self.view, self.actor, user)?);
        let mut good = Good {
            verdict: UserVerdict::Identical,
            what: String::new(),
            changes: Vec::new(),
            tokens: Vec::new(),
            users: 0,
            assignments: 0,
        };
        if !fields.is_empty() {
            good.changes.push(Change::PutUser(filled.clone()));
            if fields.contains(&"email") {
                good.changes.extend(shut_out(self.view, user.id)?);
            }
            let what = format!("filled {}", fields.join(","));
            good.changes.push(user_entry(self.now, self.actor, AuditAction::UserChanged, user.id, &what));
        }
        self.put(&filled, &missing, &mut good)?;
        let mut told: Vec<String> =
            fields.iter().map(|field| format!("fills {}", field.replace('_', " "))).collect();
        told.extend(missing.iter().map(|target| format!("adds {}", target.words())));
        if !told.is_empty() {
            good.verdict = UserVerdict::Filled;
        }
        if told.is_empty() {
            told.push("nothing changes".to_owned());
        }
        told.extend(differing(&filled, wanted).into_iter().map(|(field, empty)| {
            // Another way in, or what other resources rely on, is not a list's to give.
            if empty {
                format!("leaves the {field} empty (it can be set on the page of the user)")
            } else {
                format!("keeps the {field} on record")
            }
        }));
        good.what = format!("{}.", told.join(", "));
        Ok(good)
    }

    /// Puts a user where they do not stand yet.
    fn put(&self, user: &User, targets: &[&Target<'_>], good: &mut Good) -> Result<(), Bad> {
        // Of this line only: what its places before changed about its tokens.
        let mut moved: Vec<Token> = Vec::new();
        let mut ended: Vec<AssignmentId> = Vec::new();
        for target in targets {
            let (kind, parties, place) = match &target.token {
                None => (AssignmentKind::User, Parties::User(user.id), None),
                Some(token) => {
                    let kind = AssignmentKind::TokenWithUser;
                    let at = target.place.resource_at;
                    let place = present_place(self.view, user, &target.resource, kind);
                    let place = place.map_err(|error| refusal(error, UserVerdict::Conflict, at))?;
                    self.give(user, target, token, (&mut moved, &mut ended), good)?;
                    (kind, Parties::TokenWithUser(user.id, token.id), place)
                }
            };
            let id = place.map_or_else(
                || {
                    good.assignments += 1;
                    AssignmentId(self.next_assignment + good.assignments - 1)
                },
                |place| place.id,
            );
            let resource = target.resource.id;
            good.changes.push(Change::PutAssignment(Assignment {
                id,
                resource,
                parties,
                created_at: self.now,
            }));
            let mut subjects = vec![Subject::Resource(resource), Subject::User(user.id)];
            subjects.extend(target.token.as_ref().map(|token| Subject::Token(token.id)));
            let name = target.resource.name.to_string();
            let detail = vec![("kind", kind.name().to_owned()), ("resource", name)];
            let (action, done) = (AuditAction::Assigned, AuditResult::Done);
            good.changes
                .push(crate::service::audit_entry(self.now, self.actor, action, subjects, done, detail));
        }
        Ok(())
    }

    /// Frees a token for its new place.
    fn give(
        &self,
        user: &User,
        target: &Target<'_>,
        token: &Token,
        (moved, ended): (&mut Vec<Token>, &mut Vec<AssignmentId>),
        good: &mut Good,
    ) -> Result<(), Bad> {
        let at = target.place.serial.as_ref().map_or(0, |(_, at)| *at);
        if let Some(line) = self.tokens.get(&token.id) {
            let what = format!("line {line} gives this token to somebody else. Correct one of the two.");
            return Err(rejected(at, "token_taken", what));
        }
        let present = moved.iter().rev().find(|known| known.id == token.id).unwrap_or(token);
        let own = self.view.assignments_of_token(token.id)?;
        let own: Vec<Assignment> = own.into_iter().filter(|own| !ended.contains(&own.id)).collect();
        let kind = AssignmentKind::TokenWithUser;
        let freed = free_token(self.view, self.actor, present, &own, Some(user), &target.resource, kind)
            .map_err(|error| refusal(error, UserVerdict::Rejected, at))?;
        for change in &freed {
            match change {
                Change::PutToken(token) => moved.push(token.clone()),
                Change::DeleteAssignment(id) => ended.push(*id),
                _ => {}
            }
        }
        good.changes.extend(freed);
        good.tokens.push(token.id);
        Ok(())
    }
}

/// A refusal of the state belongs to the line; anything else ends the plan.
fn refusal(error: ServiceError, verdict: UserVerdict, at: u64) -> Bad {
    match error {
        ServiceError::State { code: "token_held", detail } => {
            Bad::Line(verdict, Fault::new(at, "token_taken", format!("{detail}.")))
        }
        ServiceError::State { code, detail } => {
            let code = if verdict == UserVerdict::Rejected { "token_taken" } else { code };
            let what = format!("{detail}. Take it off there first, or correct the line.");
            Bad::Line(verdict, Fault::new(at, code, what))
        }
        other => Bad::Stopped(other),
    }
}

/// The fields in which a line says something else than what is on record, and whether that is empty.
fn differing(user: &User, wanted: &Wanted) -> Vec<(&'static str, bool)> {
    let mut fields = Vec::new();
    if wanted.email.is_some() && wanted.email != user.email {
        fields.push(("e-mail", user.email.is_none()));
    }
    if wanted.phone.is_some() && wanted.phone != user.phone {
        fields.push(("phone", user.phone.is_none()));
    }
    if !wanted.first_name.is_empty() && wanted.first_name != user.first_name {
        fields.push(("first name", user.first_name.is_empty()));
    }
    if !wanted.last_name.is_empty() && wanted.last_name != user.last_name {
        fields.push(("last name", user.last_name.is_empty()));
    }
    fields
}
