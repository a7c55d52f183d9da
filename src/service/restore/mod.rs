//! *Restore access* (P38 to P46): somebody cannot use their token, password or mail address any more, says so,
//! proves what is left, and an operator decides.
//!
//! A request only asks. What is asked next follows from what was typed and proved, never from what is on
//! record: for a login that nobody has it is the same, and takes the same work.

mod issue;
mod link;
mod machine;
mod opening;
mod request;
mod sign_in;

use std::sync::PoisonError;

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Claim, Factor, FactorMark, Factors, IssueState, Resource, Subject, Token, User,
    UserIssue, Visit,
};
use crate::secret::BearerToken;
use crate::store::{Change, View};
use crate::vault::bearer_hash;

use super::pair::pair_of;
use super::{Service, ServiceError};

pub use self::issue::{EarlierIssue, IssueVerdict, UserIssueView};
pub use self::link::RestoreLink;
pub use self::machine::{FactorState, Judgement, RestoreStep, judge};
pub use self::request::{RESTORE_PASSWORD_CHARS, RestoreProof, RestoreResult, RestoreTyped};
pub use self::sign_in::DeletedIssue;
pub(super) use self::sign_in::deleted_by_sign_in;

/// Requests of one user that wait at the same time: so many that proved something, and so many that did not.
const MOST_OPEN: usize = 3;

/// What a user has of each factor on a resource.
fn on_record(user: &User, token: Option<&Token>) -> Factors<bool> {
    Factors { token: token.is_some(), password: user.password.is_some(), email: user.email.is_some() }
}

/// What stands for each factor of a user now. A token that is switched off stands for nothing.
fn marks(
    view: &dyn View,
    user: &User,
    token: Option<&Token>,
) -> Result<Factors<Option<FactorMark>>, ServiceError> {
    let mark = |text: String| FactorMark(bearer_hash(&BearerToken::new(text.into_bytes())));
    let seed = match token.filter(|token| token.disabled.is_none()) {
        Some(token) => view.seed(token.id)?,
        None => None,
    };
    Ok(Factors {
        token: seed.map(|seed| mark(format!("token\n{}\n{}", seed.token.0, seed.version.0))),
        password: user.password.as_ref().map(|password| mark(format!("password\n{}", password.0))),
        email: user.email.as_ref().map(|email| mark(format!("email\n{}", email.as_str()))),
    })
}

/// The proofs of which still stands what they proved: who has changed a password, an address or a token since
/// then is not the one who proved the new one.
fn standing(
    proved: Factors<Option<FactorMark>>,
    now: Factors<Option<FactorMark>>,
) -> Factors<Option<FactorMark>> {
    proved.map(|factor, mark| mark.filter(|mark| now.of(factor) == Some(*mark)))
}

/// True when none of the proofs of a request holds any more.
fn is_outdated(view: &dyn View, issue: &UserIssue, user: &User) -> Result<bool, ServiceError> {
    let Some(resource) = view.resource(issue.resource)? else { return Ok(false) };
    let token = pair_of(view, user.id, &resource)?.map(|(_, token)| token);
    let proved = issue.marks.map(|factor, mark| mark.filter(|_| issue.claims.of(factor) == Claim::Proved));
    let stands = standing(proved, marks(view, user, token.as_ref())?);
    Ok(!issue.needs_two() && stands == Factors::default())
}

/// Names of factors for the log.
fn names(factors: &[Factor]) -> String {
    factors.iter().map(|factor| factor.name()).collect::<Vec<_>>().join(",")
}

/// What every record about an issue names.
fn subjects(issue: &UserIssue) -> Vec<Subject> {
    let mut subjects = vec![Subject::User(issue.user), Subject::Resource(issue.resource)];
    subjects.extend(issue.token.map(Subject::Token));
    subjects
}

/// Ends an issue without effect, and its record.
fn closed(
    issue: UserIssue,
    state: IssueState,
    actor: &crate::model::Actor,
    now: UnixTime,
) -> Result<[Change; 2], ServiceError> {
    let detail = vec![("reference", issue.reference.to_string()), ("state", state.name().to_owned())];
    let about = subjects(&issue);
    let ended = issue.ended(state)?;
    let entry =
        super::audit_entry(now, actor, AuditAction::UserIssueClosed, about, AuditResult::Done, detail);
    Ok([Change::PutUserIssue(Box::new(ended)), entry])
}

/// The requests of a user that wait, the oldest first.
fn open_of(view: &dyn View, user: &User) -> Result<Vec<UserIssue>, ServiceError> {
    Ok(view.user_issues_of(user.id)?.into_iter().filter(UserIssue::is_open).collect())
}

/// The browser as far as it says, for the operator who looks at a request.
fn browser(visit: &Visit) -> String {
    let traits = crate::model::Traits::read(&visit.says, &visit.address);
    format!("{}, {}", traits.browser, traits.system)
}

impl Service {
    /// An address below the portal of a resource.
    fn portal_address(&self, resource: &Resource, page: &str) -> String {
        let alias = resource.portal.as_ref().map_or("", |portal| portal.alias.as_str());
        let begin = self.public_url.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{begin}/selfservice/{alias}/{page}")
    }
}
