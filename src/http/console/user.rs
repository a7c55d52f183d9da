//! Users: the list, and one user.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, login_of, token, typed, user_code};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::user as view;
use crate::http::page::{Badge, Choice, Fact, Field, Notice, Pager, Tone, segment};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{Actor, AssignmentKind, EmailAddress, Language, Login, PhoneNumber, User};
use crate::secret::Passphrase;
use crate::service::{NewUser, ServiceError, UserPatch, UserView};
use crate::words::Words;

fn state_badge(user: &UserView) -> Badge {
    if !user.blocked.is_empty() {
        Badge::with_icon(Tone::Bad, "lock", &Words::ENGLISH.text("users-blocked"))
    } else if user.user.password.is_none() && user.user.email.is_none() {
        Badge::new(Tone::Attention, &Words::ENGLISH.text("users-stranded"))
    } else {
        Badge::new(Tone::Good, &Words::ENGLISH.text("users-active"))
    }
}

fn signs_in(user: &UserView) -> String {
    let token = user.assignments.iter().any(|(_, kind, _)| *kind == AssignmentKind::TokenWithUser);
    Words::ENGLISH.text(match (user.user.password.is_some(), user.user.email.is_some(), token) {
        (true, _, true) => "users-signs-in-password-token",
        (true, _, false) => "users-signs-in-password",
        (false, true, true) => "users-signs-in-mail-token",
        (false, true, false) => "users-signs-in-mail",
        (false, false, _) => "users-signs-in-nothing",
    })
}

fn row(user: &UserView) -> view::UserRow {
    let mut serials: Vec<_> = user.assignments.iter().filter_map(|(_, _, token)| token.as_deref()).collect();
    serials.dedup();
    view::UserRow {
        login: user.user.login.as_str().to_owned(),
        name: format!("{} {}", user.user.first_name, user.user.last_name).trim().to_owned(),
        email: user.user.email.as_ref().map_or("", EmailAddress::as_str).to_owned(),
        state: state_badge(user),
        signs_in: signs_in(user),
        tokens: serials.join(", "),
    }
}

async fn listed(
    state: &AppState,
    caller: &Caller,
    actor: Actor,
    asked: &Asked,
    form: view::UserForm,
) -> Result<view::Users, ApiError> {
    let (text, page) = (asked.q.clone(), asked.page());
    let slice = state.blocking(move |service| service.users(&actor, Some(&text), None, page)).await?;
    let rows: Vec<_> = slice.items.iter().map(row).collect();
    let pager: Pager = asked.pager("/admin/users", rows.len(), "user", slice.next);
    let frame = frame::page(state, caller, &Words::ENGLISH.text("frame-users"), "users");
    let page = frame::with_done(frame, asked.done.as_deref());
    Ok(view::Users { page, q: asked.q.clone(), rows, pager, form })
}

/// The list of users.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let page = listed(
        &state,
        &caller,
        actor,
        &asked,
        view::UserForm { languages: languages(""), ..view::UserForm::default() },
    )
    .await?;
    Ok(frame::html(StatusCode::OK, &page))
}

fn given<T>(
    field: &'static str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, crate::model::NameError>,
) -> Result<Option<T>, ServiceError> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(text).map(Some).map_err(ServiceError::name(field))
}

/// The languages of mails; `chosen` is a tag.
pub(super) fn languages(chosen: &str) -> Vec<Choice> {
    let unknown = Words::ENGLISH.text("user-page-language.unknown");
    let mut all = vec![("", unknown.as_str())];
    all.extend(Language::ALL.map(|language| (language.tag(), language.name())));
    Choice::list(&all, chosen)
}

/// The form as it was typed, with what is wrong in its place.
fn form(error: &ApiError, fields: &Fields) -> view::UserForm {
    let field = |name: &str| typed(error, name, fields.get(name));
    let mut form = view::UserForm {
        login: field("login"),
        email: field("email"),
        phone: field("phone"),
        first_name: field("first_name"),
        last_name: field("last_name"),
        password: typed(error, "password", ""),
        languages: languages(fields.get("language")),
    };
    let all = [&form.login, &form.email, &form.phone, &form.first_name, &form.last_name, &form.password];
    if all.iter().all(|field| field.error.is_none()) {
        form.login.error = Some(words::sentence(&error.message));
    }
    form
}

fn is_about_input(error: &ApiError) -> bool {
    matches!(error.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
}

fn password(fields: &mut Fields) -> Option<Passphrase> {
    Some(fields.take("password")).filter(|text| !text.is_empty()).map(Passphrase::from_text)
}

/// Adds a user.
pub(super) async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(mut fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let password = password(&mut fields);
    let parsed = given("email", fields.get("email"), EmailAddress::parse)
        .and_then(|email| Ok((email, given("phone", fields.get("phone"), PhoneNumber::parse)?)));
    let added = match parsed {
        Ok((email, phone)) => {
            let new = NewUser {
                login: fields.get("login").to_owned(),
                email,
                phone,
                first_name: fields.get("first_name").to_owned(),
                last_name: fields.get("last_name").to_owned(),
                password,
                language: Language::of_tag(fields.get("language")),
                ..NewUser::default()
            };
            let actor = actor.clone();
            state.blocking(move |service| service.add_user(&actor, new)).await
        }
        Err(error) => Err(error.into()),
    };
    match added {
        Ok(_) => {
            let path = format!("/admin/users/{}", segment(fields.get("login")));
            Ok(frame::done(&path, "user-added"))
        }
        Err(error) if is_about_input(&error) => {
            let form = form(&error, &fields);
            let page = listed(&state, &caller, actor, &Asked::default(), form).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

fn form_of(user: &User) -> view::UserForm {
    view::UserForm {
        login: Field::of(user.login.as_str()),
        email: Field::of(user.email.as_ref().map_or("", EmailAddress::as_str)),
        phone: Field::of(user.phone.as_ref().map_or("", PhoneNumber::as_str)),
        first_name: Field::of(&user.first_name),
        last_name: Field::of(&user.last_name),
        password: Field::default(),
        languages: languages(user.language.map_or("", Language::tag)),
    }
}

fn blocked(user: &UserView, now: UnixTime) -> Option<Notice> {
    let told: Vec<_> = user
        .blocked
        .iter()
        .map(|(what, until)| match until {
            Some(at) => {
                let moment = words::moment(*at, now).words;
                Words::ENGLISH
                    .with("user-page-block-until", &[("what", (*what).into()), ("moment", moment.into())])
            }
            None => Words::ENGLISH.with("user-page-block-lasts", &[("what", (*what).into())]),
        })
        .collect();
    let blocks = [("blocks", told.join("; ").into())];
    (!told.is_empty()).then(|| Notice::tell(Tone::Bad, Words::ENGLISH, "user-page-blocked", &blocks))
}

fn resource_fact((name, kind, token): &(String, AssignmentKind, Option<String>)) -> Fact {
    let (tab, id) = match (kind, token) {
        (AssignmentKind::TokenWithUser, Some(_)) => ("pairs", "user-page-with-token"),
        (_, Some(_)) => ("users", "user-page-beside-token"),
        (_, None) => ("users", "user-page-without-token"),
    };
    let serial = [("serial", token.as_deref().unwrap_or_default().into())];
    Fact::new(name, &Words::ENGLISH.with(id, &serial))
        .to(&format!("/admin/resources/{}/{tab}", segment(name)))
}

pub(super) async fn shown(
    state: &AppState,
    caller: &Caller,
    actor: Actor,
    login: &Login,
    form: Option<view::UserForm>,
    done: Option<&str>,
) -> Result<view::User, ApiError> {
    let login = login.clone();
    let (user, tokens) = state
        .blocking(move |service| Ok((service.user(&actor, &login)?, service.tokens_of_user(&actor, &login)?)))
        .await?;
    let now = state.service.now();
    let created = words::moment(user.user.created_at, now);
    let mut facts = vec![
        Fact { exact: created.exact, ..Fact::new(&Words::ENGLISH.text("frame-created"), &created.words) },
        Fact::new(&Words::ENGLISH.text("users-signs-in"), &signs_in(&user)),
    ];
    if !user.user.old_logins.is_empty() {
        let old: Vec<_> = user.user.old_logins.iter().map(Login::as_str).collect();
        facts.push(Fact::new(&Words::ENGLISH.text("user-page-former-logins"), &old.join(", ")));
    }
    let stranded = user.user.password.is_none() && user.user.email.is_none();
    let login = user.user.login.as_str().to_owned();
    let title = Words::ENGLISH.with("user-page-title", &[("login", login.as_str().into())]);
    let frame = frame::page(state, caller, &title, "users");
    Ok(view::User {
        page: frame::with_done(frame, done),
        name: user.user.display_name(),
        state: state_badge(&user),
        warning: stranded.then(|| Notice::say(Tone::Attention, Words::ENGLISH, "user-page-stranded")),
        blocked: blocked(&user, now),
        rows: tokens.iter().map(|it| token::row(it, state.service.now())).collect(),
        facts,
        resources: user.assignments.iter().map(resource_fact).collect(),
        form: form.unwrap_or_else(|| form_of(&user.user)),
        emergency: user_code::section(&user, now),
        login,
    })
}

/// One user.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(login): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let login = login_of(&login)?;
    let page = shown(&state, &caller, actor, &login, None, asked.done.as_deref()).await?;
    Ok(frame::html(StatusCode::OK, &page))
}

/// Changes what is on record about a user.
pub(super) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(login): Path<String>,
    PageForm(mut fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let login = login_of(&login)?;
    let password = password(&mut fields);
    let renamed = Login::parse(fields.get("login")).is_ok_and(|new| new.normal() != login.normal());
    let parsed = if renamed {
        let message = "a login cannot be changed here yet: add the person again under the new one";
        Err(ServiceError::invalid("login", "login_fixed", message))
    } else {
        given("email", fields.get("email"), EmailAddress::parse)
            .and_then(|email| Ok((email, given("phone", fields.get("phone"), PhoneNumber::parse)?)))
    };
    let changed = match parsed {
        Ok((email, phone)) => {
            let patch = UserPatch {
                email: Some(email),
                phone: Some(phone),
                first_name: Some(fields.get("first_name").to_owned()),
                last_name: Some(fields.get("last_name").to_owned()),
                password: password.map(Some),
                language: Some(Language::of_tag(fields.get("language"))),
            };
            let (actor, login) = (actor.clone(), login.clone());
            state.blocking(move |service| service.change_user(&actor, &login, patch)).await
        }
        Err(error) => Err(error.into()),
    };
    match changed {
        Ok(()) => {
            let path = format!("/admin/users/{}", segment(login.as_str()));
            Ok(frame::done(&path, "user-changed"))
        }
        Err(error) if is_about_input(&error) => {
            let form = form(&error, &fields);
            let page = shown(&state, &caller, actor, &login, Some(form), None).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// Clears a user's failures.
pub(super) async fn unblock(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(login): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let login = login_of(&login)?;
    let path = format!("/admin/users/{}", segment(login.as_str()));
    state.blocking(move |service| service.unblock_user(&actor, &login)).await?;
    Ok(frame::done(&path, "user-unblocked"))
}
