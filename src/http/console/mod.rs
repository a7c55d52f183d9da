//! The console: sign-in of operators and every page under `/admin`.

mod batch;
mod drift;
mod import;
mod look;
mod notification;
mod operation;
mod portal;
mod resource;
mod sign_in;
mod token;
mod token_code;
mod user;
mod user_code;
mod user_import;
mod user_issue;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use serde::Deserialize;

use super::UPLOAD_BYTES;
use super::error::ApiError;
use super::page::{Choice, Field, Pager};
use super::permission::{Permission, Rule};
use super::state::AppState;
use super::words;
use crate::model::{Login, ResourceName, TokenSerial};
use crate::service::ServiceError;
use crate::store::Page as ListPage;
use crate::words::Words;

/// Rows on one page of a list.
const ROWS: usize = 50;

/// The rules of these routes.
pub const RULES: &[Rule] = &[
    Rule::new("GET", "/", Permission::Anyone),
    Rule::new("POST", "/sign-in", Permission::Anyone),
    Rule::new("POST", "/sign-out", Permission::Anyone),
    Rule::new("GET", "/admin/batches", Permission::Read),
    Rule::new("GET", "/admin/batches/{name}", Permission::Read),
    Rule::new("POST", "/admin/batches/{name}/assign", Permission::Administer),
    Rule::new("POST", "/admin/batches/{name}/unassign", Permission::Administer),
    Rule::new("GET", "/admin/import", Permission::Administer),
    Rule::new("POST", "/admin/import", Permission::Administer),
    Rule::new("GET", "/admin/import/{id}", Permission::Administer),
    Rule::new("POST", "/admin/import/{id}/commit", Permission::Administer),
    Rule::new("POST", "/admin/import/{id}/drop", Permission::Administer),
    Rule::new("GET", "/admin/tokens", Permission::Read),
    Rule::new("GET", "/admin/tokens/{serial}", Permission::Read),
    Rule::new("GET", "/admin/tokens/{serial}/check", Permission::Read),
    Rule::new("POST", "/admin/tokens/{serial}/check", Permission::Check),
    Rule::new("GET", "/admin/tokens/{serial}/resync", Permission::Read),
    Rule::new("POST", "/admin/tokens/{serial}/resync", Permission::Resync),
    Rule::new("GET", "/admin/tokens/{serial}/history", Permission::Read),
    Rule::new("POST", "/admin/tokens/{serial}/edit", Permission::Disable),
    Rule::new("POST", "/admin/tokens/{serial}/custody", Permission::Custody),
    Rule::new("POST", "/admin/tokens/{serial}/remove-pin", Permission::RemovePin),
    Rule::new("GET", "/admin/drift", Permission::Read),
    Rule::new("GET", "/admin/resources", Permission::Read),
    Rule::new("POST", "/admin/resources", Permission::Administer),
    Rule::new("GET", "/admin/resources/{name}", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/selfservice", Permission::Read),
    Rule::new("POST", "/admin/resources/{name}/selfservice", Permission::Administer),
    Rule::new("POST", "/admin/resources/{name}/selfservice/actions", Permission::Administer),
    Rule::new("GET", "/admin/resources/{name}/look", Permission::Read),
    Rule::new("POST", "/admin/resources/{name}/look", Permission::Administer),
    Rule::new("GET", "/admin/resources/{name}/look.css", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/logo", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/users", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/tokens", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/pairs", Permission::Read),
    Rule::new("GET", "/admin/resources/{name}/unconfirmed", Permission::Read),
    Rule::new("POST", "/admin/resources/{name}/unconfirmed/remind", Permission::Confirm),
    Rule::new("POST", "/admin/resources/{name}/assign", Permission::Administer),
    Rule::new("POST", "/admin/resources/{name}/unassign", Permission::Administer),
    Rule::new("GET", "/admin/users", Permission::Read),
    Rule::new("POST", "/admin/users", Permission::Administer),
    Rule::new("GET", "/admin/users/import", Permission::Administer),
    Rule::new("POST", "/admin/users/import", Permission::Administer),
    Rule::new("GET", "/admin/users/{login}", Permission::Read),
    Rule::new("POST", "/admin/users/{login}/edit", Permission::Administer),
    Rule::new("POST", "/admin/users/{login}/unblock", Permission::Unblock),
    Rule::new("GET", "/admin/user-issues", Permission::Read),
    Rule::new("GET", "/admin/user-issues/{id}", Permission::Read),
    Rule::new("POST", "/admin/user-issues/{id}/verify", Permission::DecideIssues),
    Rule::new("POST", "/admin/user-issues/{id}/link", Permission::DecideIssues),
    Rule::new("POST", "/admin/user-issues/{id}/delete", Permission::DecideIssues),
    Rule::new("POST", "/admin/users/{login}/emergency-code", Permission::EmergencyCode),
    Rule::new("POST", "/admin/users/{login}/emergency-code/revoke", Permission::EmergencyCode),
    Rule::new("GET", "/admin/audit", Permission::Audit),
    Rule::new("POST", "/admin/audit/verify", Permission::Audit),
    Rule::new("POST", "/admin/audit/clock", Permission::Administer),
    Rule::new("GET", "/admin/operators", Permission::Read),
    Rule::new("POST", "/admin/operators", Permission::Administer),
    Rule::new("GET", "/admin/keys", Permission::Read),
    Rule::new("POST", "/admin/keys", Permission::Administer),
    Rule::new("POST", "/admin/keys/{name}/revoke", Permission::Administer),
    Rule::new("GET", "/admin/outbox", Permission::Administer),
    Rule::new("GET", "/admin/notifications", Permission::Read),
    Rule::new("POST", "/admin/notifications", Permission::Subscribe),
    Rule::new("POST", "/admin/notifications/{id}/trial", Permission::Subscribe),
    Rule::new("POST", "/admin/notifications/{id}/remove", Permission::Subscribe),
];

/// The routes.
pub fn router() -> Router<AppState> {
    let upload = get(import::new).post(import::upload).layer(DefaultBodyLimit::max(UPLOAD_BYTES));
    // The text of a list comes back with its commit, and browsers write each line end as two bytes.
    let list = DefaultBodyLimit::max(UPLOAD_BYTES + (1 << 20));
    let users = get(user_import::new).post(user_import::upload).layer(list);
    Router::new()
        .route("/", get(sign_in::start))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/admin/batches", get(batch::list))
        .route("/admin/batches/{name}", get(batch::show))
        .route("/admin/batches/{name}/assign", post(batch::assign))
        .route("/admin/batches/{name}/unassign", post(batch::unassign))
        .route("/admin/import", upload)
        .route("/admin/import/{id}", get(import::show))
        .route("/admin/import/{id}/commit", post(import::commit))
        .route("/admin/import/{id}/drop", post(import::discard))
        .route("/admin/tokens", get(token::list))
        .route("/admin/tokens/{serial}", get(token::overview))
        .route("/admin/tokens/{serial}/check", get(token_code::check_form).post(token_code::check))
        .route("/admin/tokens/{serial}/resync", get(token_code::resync_form).post(token_code::resync))
        .route("/admin/tokens/{serial}/history", get(token::history))
        .route("/admin/tokens/{serial}/edit", post(token::edit))
        .route("/admin/tokens/{serial}/custody", post(token::custody))
        .route("/admin/tokens/{serial}/remove-pin", post(token::remove_pin))
        .route("/admin/drift", get(drift::fleet))
        .route("/admin/resources", get(resource::list).post(resource::add))
        .route("/admin/resources/{name}", get(resource::overview))
        .route("/admin/resources/{name}/selfservice", get(portal::show).post(portal::save))
        .route("/admin/resources/{name}/selfservice/actions", post(portal::actions))
        .route("/admin/resources/{name}/look", get(look::show).post(look::save))
        .route("/admin/resources/{name}/look.css", get(look::stylesheet))
        .route("/admin/resources/{name}/logo", get(look::logo))
        .route("/admin/resources/{name}/users", get(resource::users))
        .route("/admin/resources/{name}/tokens", get(resource::tokens))
        .route("/admin/resources/{name}/pairs", get(resource::pairs))
        .route("/admin/resources/{name}/unconfirmed", get(resource::unconfirmed))
        .route("/admin/resources/{name}/unconfirmed/remind", post(resource::remind))
        .route("/admin/resources/{name}/assign", post(resource::assign))
        .route("/admin/resources/{name}/unassign", post(resource::unassign))
        .route("/admin/users", get(user::list).post(user::add))
        .route("/admin/users/import", users)
        .route("/admin/users/{login}", get(user::show))
        .route("/admin/users/{login}/edit", post(user::edit))
        .route("/admin/users/{login}/unblock", post(user::unblock))
        .route("/admin/user-issues", get(user_issue::list))
        .route("/admin/user-issues/{id}", get(user_issue::show))
        .route("/admin/user-issues/{id}/verify", post(user_issue::verify))
        .route("/admin/user-issues/{id}/link", post(user_issue::link))
        .route("/admin/user-issues/{id}/delete", post(user_issue::delete))
        .route("/admin/users/{login}/emergency-code", post(user_code::issue))
        .route("/admin/users/{login}/emergency-code/revoke", post(user_code::revoke))
        .route("/admin/audit", get(operation::audit))
        .route("/admin/audit/verify", post(operation::verify))
        .route("/admin/audit/clock", post(operation::accept_clock))
        .route("/admin/operators", get(operation::operators).post(operation::add_operator))
        .route("/admin/keys", get(operation::keys).post(operation::add_key))
        .route("/admin/keys/{name}/revoke", post(operation::revoke_key))
        .route("/admin/outbox", get(operation::outbox))
        .route("/admin/notifications", get(notification::list).post(notification::add))
        .route("/admin/notifications/{id}/trial", post(notification::trial))
        .route("/admin/notifications/{id}/remove", post(notification::remove))
}

/// What an address of the console may say; each page reads its part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    batch: String,
    resource: String,
    custody: String,
    enabled: String,
    unconfirmed: String,
    user: String,
    action: String,
    enable: String,
    see: String,
    cursor: String,
    done: Option<String>,
}

impl Asked {
    /// The part of a list that is asked for.
    fn page(&self) -> ListPage {
        ListPage { after: self.cursor.parse().ok(), limit: ROWS }
    }

    /// Words and links under a list of `shown` things.
    fn pager(&self, path: &str, shown: usize, one: &str, next: Option<u64>) -> Pager {
        let words = match (shown, next.is_some() || !self.cursor.is_empty()) {
            (0, _) => String::new(),
            (shown, false) => words::counted(shown as u64, one),
            (shown, true) => {
                let things = words::counted(shown as u64, one);
                Words::ENGLISH.with("frame-on-this-page", &[("things", things.into())])
            }
        };
        let filters = [
            ("q", &self.q),
            ("batch", &self.batch),
            ("resource", &self.resource),
            ("custody", &self.custody),
            ("enabled", &self.enabled),
            ("unconfirmed", &self.unconfirmed),
            ("user", &self.user),
            ("action", &self.action),
        ];
        let next = next.map(|cursor| {
            let mut href = format!("{path}?cursor={cursor}");
            for (name, value) in filters.iter().filter(|(_, value)| !value.is_empty()) {
                href.push('&');
                href.push_str(name);
                href.push('=');
                href.push_str(&super::page::segment(value).to_string());
            }
            href
        });
        Pager { words, previous: None, next }
    }
}

/// The fields of a posted form, in their order.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Takes a value as typed, blanks included: passwords.
    fn take(&mut self, name: &str) -> String {
        let found = self.0.iter_mut().find(|(key, _)| key == name);
        found.map(|(_, value)| std::mem::take(value)).unwrap_or_default()
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name) == "true"
    }
}

/// A field as typed, with the problem in its place when it is the one meant.
fn typed(error: &ApiError, name: &str, value: &str) -> Field {
    let meant = error.field == Some(name);
    Field { value: value.to_owned(), error: meant.then(|| words::sentence(&error.message)) }
}

/// The names of a scope, typed with commas between; `None`: nothing was typed, which means all.
fn scope(text: &str) -> Result<Option<Vec<ResourceName>>, ServiceError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let names = text.split(',').map(str::trim);
    names
        .map(|name| ResourceName::parse(name).map_err(ServiceError::name("scope")))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn chosen(pairs: &[(&str, &str)], selected: &str) -> Vec<Choice> {
    Choice::list(pairs, selected)
}

/// A name in an address that cannot be one leads nowhere.
fn missing(what: &'static str) -> ApiError {
    ServiceError::NotFound { what }.into()
}

fn serial_of(text: &str) -> Result<TokenSerial, ApiError> {
    TokenSerial::parse(text).map_err(|_| missing("token"))
}

fn login_of(text: &str) -> Result<Login, ApiError> {
    Login::parse(text).map_err(|_| missing("user"))
}

fn resource_of(text: &str) -> Result<ResourceName, ApiError> {
    ResourceName::parse(text).map_err(|_| missing("resource"))
}
