//! The Self-Service tab of a resource: its address, its actions, what a user would see.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, resource, resource_of};
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::resource as view;
use crate::http::page::{ActionRow, Choice, Fact, Field, segment};
use crate::http::state::AppState;
use crate::http::{action, frame, qr, words};
use crate::model::{
    Actor, EnvironmentPolicy, KeypadQuestion, Login, PinPlacement, PortalAction, Resource, ResourceAlias,
    TokenType,
};
use crate::oath::{Digits, HashAlg};
use crate::service::{OFFERED, PortalSettings};
use crate::words::Words;

/// All actions: the enabled ones in their order, then the others.
fn ordered(resource: &Resource) -> Vec<PortalAction> {
    let enabled = resource.portal.as_ref().map(|portal| portal.actions.clone()).unwrap_or_default();
    let others = OFFERED.iter().copied().filter(|action| !enabled.contains(action));
    enabled.iter().copied().chain(others).collect()
}

fn enabled(resource: &Resource) -> Vec<PortalAction> {
    resource.portal.as_ref().map(|portal| portal.actions.clone()).unwrap_or_default()
}

fn token_types(resource: &Resource) -> Vec<view::TypeGroup> {
    let Some(portal) = &resource.portal else { return Vec::new() };
    // Both make new tokens.
    let makers = [PortalAction::RegisterNewToken, PortalAction::ReassignToken];
    if !makers.iter().any(|action| portal.actions.contains(action)) {
        return Vec::new();
    }
    let types = [
        (TokenType::Hardware, "resource-type-hardware"),
        (TokenType::Software, "resource-type-software"),
        (TokenType::Universal, "resource-type-universal"),
        (TokenType::Mail, "resource-type-mail"),
    ];
    types
        .into_iter()
        .map(|(kind, id)| view::TypeGroup {
            name: Words::ENGLISH.text(id),
            types: vec![Choice {
                value: kind.name().to_owned(),
                label: Words::ENGLISH.text(&format!("{id}.label")),
                selected: portal.token_types.contains(&kind),
            }],
        })
        .collect()
}

/// Whether an action is ruled by what the last form sets.
fn sets_token(action: PortalAction) -> bool {
    use PortalAction::{ReassignToken, RegisterNewToken, SetupPin};
    matches!(action, RegisterNewToken | ReassignToken | SetupPin)
}

fn pin_and_app(resource: &Resource) -> Option<view::PinAndApp> {
    let portal = resource.portal.as_ref()?;
    let (pin, digits) = (portal.pin_length.to_string(), portal.software_digits.get().to_string());
    let lengths = [
        ("4", "resource-pin-length-4"),
        ("5", "resource-pin-length-5"),
        ("6", "resource-pin-length-6"),
        ("7", "resource-pin-length-7"),
        ("8", "resource-pin-length-8"),
    ];
    let places =
        [("free", "resource-pin-free"), ("after", "resource-pin-after"), ("before", "resource-pin-before")];
    let hashes =
        [("sha1", "resource-app-sha1"), ("sha256", "resource-app-sha256"), ("sha512", "resource-app-sha512")];
    let shown = [("6", "resource-app-6"), ("8", "resource-app-8")];
    let choices = |pairs: &[(&str, &str)], chosen: &str| Choice::say(Words::ENGLISH, pairs, chosen);
    Some(view::PinAndApp {
        pin_lengths: choices(&lengths, &pin),
        pin_placements: choices(&places, portal.pin_placement.map_or("free", PinPlacement::name)),
        app_hashes: choices(&hashes, portal.software_hash.name()),
        app_digits: choices(&shown, &digits),
    })
}

/// What a sign-in from an unusual environment may lead to.
fn policies(on: &Resource) -> Vec<Choice> {
    let present = on.portal.as_ref().map_or(EnvironmentPolicy::Off, |portal| portal.environment_policy);
    let id = |policy| match policy {
        EnvironmentPolicy::Off => "resource-policy-off",
        EnvironmentPolicy::Report => "resource-policy-report",
        EnvironmentPolicy::AskOtp => "resource-policy-ask-otp",
        EnvironmentPolicy::Refuse => "resource-policy-refuse",
    };
    let pairs: Vec<_> = EnvironmentPolicy::ALL.iter().map(|one| (one.name(), id(*one))).collect();
    Choice::say(Words::ENGLISH, &pairs, present.name())
}

async fn seen(state: &AppState, actor: &Actor, on: &Resource, login: &str) -> (Field, Option<view::Seen>) {
    if login.is_empty() {
        return (Field::default(), None);
    }
    let parsed = match Login::parse(login) {
        Ok(parsed) => parsed,
        Err(error) => return (Field::wrong(login, &words::sentence(&error.to_string())), None),
    };
    let (actor, name) = (actor.clone(), on.name.clone());
    match state.blocking(move |service| service.portal_preview(&actor, &name, &parsed)).await {
        Ok(rows) => {
            let title = |action: &PortalAction| action::title(Words::ENGLISH, *action);
            let shown: Vec<_> = rows.iter().filter(|(_, why)| why.is_none()).map(|(a, _)| title(a)).collect();
            let hidden = rows.iter().filter_map(|(a, why)| Some(Fact::new(&title(a), why.as_ref()?.text())));
            let answer =
                [("login", login.into()), ("actions", words::counted(shown.len() as u64, "action").into())];
            let words = Words::ENGLISH.with("resource-seen", &answer);
            let seen = view::Seen { words, hidden: hidden.collect(), shown };
            (Field::of(login), Some(seen))
        }
        Err(error) => (Field::wrong(login, &words::sentence(&error.message)), None),
    }
}

async fn tab(
    state: &AppState,
    actor: &Actor,
    on: &Resource,
    asked: &Asked,
    alias: Option<Field>,
) -> view::ResourceTab {
    let base = format!("/admin/resources/{}/selfservice", segment(on.name.as_str()));
    let known = on.portal.as_ref().map_or("", |portal| portal.alias.as_str());
    let portal_state = match on.open_portal() {
        Some(_) => view::PortalState::On,
        None if alias.is_some() || !asked.enable.is_empty() => view::PortalState::Asking,
        None => view::PortalState::Off,
    };
    let address = format!("{}/selfservice/{known}", state.settings.public_url);
    let on_now = enabled(on);
    let (see_login, seen) = seen(state, actor, on, asked.see.trim()).await;
    let is_on = portal_state == view::PortalState::On;
    // It is only looked at.
    let row =
        |action: &PortalAction| ActionRow { href: String::new(), ..action::row(Words::ENGLISH, *action, "") };
    view::ResourceTab::SelfService(Box::new(view::SelfService {
        state: portal_state,
        enable_href: format!("{base}?enable=1"),
        alias: alias.unwrap_or_else(|| Field::of(known)),
        qr: if is_on {
            qr::svg(&address, &Words::ENGLISH.text("resource-address.qr"))
        } else {
            String::new()
        },
        address,
        actions: ordered(on)
            .into_iter()
            .map(|action| view::ActionSwitch {
                code: action.name(),
                title: action::title(Words::ENGLISH, action),
                on: on_now.contains(&action),
            })
            .collect(),
        token_types: token_types(on),
        pin_and_app: on_now.iter().copied().any(sets_token).then(|| pin_and_app(on)).flatten(),
        preview: on_now.iter().map(row).collect(),
        policies: policies(on),
        score: Field::of(&on.portal.as_ref().map(|p| p.environment_score.to_string()).unwrap_or_default()),
        restore_wait: Field::of(
            &on.portal.as_ref().map(|p| p.restore_wait_hours.to_string()).unwrap_or_default(),
        ),
        keypad_question: Field::of(&on.keypad_question.to_string()),
        see_login,
        seen,
    }))
}

/// The tab.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let on = resource::find(&state, &actor, &name).await?;
    let tab = tab(&state, &actor, &on, &asked, None).await;
    let mut page = resource::shell(&state, &caller, &actor, &on, "selfservice", tab).await?;
    page.page = frame::with_done(page.page, asked.done.as_deref());
    Ok(frame::html(StatusCode::OK, &page))
}

fn path(on: &Resource) -> String {
    format!("/admin/resources/{}/selfservice", segment(on.name.as_str()))
}

/// Switches the portal on or off, or changes its alias.
pub(super) async fn save(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let on = resource::find(&state, &actor, &name).await?;
    let was_on = on.open_portal().is_some();
    let enable = fields.is_true("enabled");
    let alias = match (enable, ResourceAlias::parse(fields.get("alias"))) {
        (false, _) => Ok(None),
        (true, Ok(alias)) => Ok(Some(alias)),
        (true, Err(error)) => Err(ApiError::field("alias", "name_invalid", error.to_string())),
    };
    let saved = match alias {
        Ok(alias) => {
            let settings = PortalSettings { alias, enabled: Some(enable), ..PortalSettings::default() };
            let (actor, name) = (actor.clone(), on.name.clone());
            state.blocking(move |service| service.set_portal(&actor, &name, &settings)).await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => {
            let word = match (was_on, enable) {
                (_, false) => "portal-off",
                (false, true) => "portal-on",
                (true, true) => "portal-changed",
            };
            Ok(frame::done(&path(&on), word))
        }
        Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
            let alias = Field::wrong(fields.get("alias"), &words::sentence(&error.message));
            let tab = tab(&state, &actor, &on, &Asked::default(), Some(alias)).await;
            let page = resource::shell(&state, &caller, &actor, &on, "selfservice", tab).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// The enabled actions after a form: one switched or moved, or all put in an order.
fn rearranged(on: &Resource, fields: &Fields) -> Option<Vec<PortalAction>> {
    let mut list = ordered(on);
    let mut enabled = enabled(on);
    let action = |name: &str| PortalAction::from_name(fields.get(name));
    if let Some(action) = action("toggle") {
        if enabled.contains(&action) {
            enabled.retain(|one| *one != action);
        } else {
            enabled.push(action);
        }
    } else if let Some(at) = action("up").and_then(|action| list.iter().position(|one| *one == action)) {
        list.swap(at, at.saturating_sub(1));
    } else if let Some(at) = action("down").and_then(|action| list.iter().position(|one| *one == action)) {
        let below = (at + 1).min(list.len() - 1);
        list.swap(at, below);
    } else {
        let order = fields.get("order").split(',').map(|name| PortalAction::from_name(name.trim()));
        list = order.collect::<Option<Vec<_>>>()?;
        // What the order leaves out stays enabled, at the end.
        list.extend(enabled.clone().into_iter().filter(|one| !list.contains(one)).collect::<Vec<_>>());
    }
    let newly: Vec<_> = enabled.iter().copied().filter(|one| !list.contains(one)).collect();
    list.extend(newly);
    list.retain(|one| enabled.contains(one));
    Some(list)
}

/// Changes the actions or the token types.
pub(super) async fn actions(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let on = resource::find(&state, &actor, &resource_of(&name)?.to_string()).await?;
    let settings = if fields.is_true("pin_and_app") {
        let unknown = |field| ApiError::field(field, "unknown_word", "there is no such choice");
        let placement = match fields.get("pin_placement") {
            "free" => None,
            word => Some(PinPlacement::from_name(word).ok_or_else(|| unknown("pin_placement"))?),
        };
        let digits = fields.get("app_digits").parse().ok().and_then(|digits| Digits::new(digits).ok());
        PortalSettings {
            pin_length: Some(fields.get("pin_length").parse().map_err(|_| unknown("pin_length"))?),
            pin_placement: Some(placement),
            software_hash: Some(
                HashAlg::from_name(fields.get("app_hash")).ok_or_else(|| unknown("app_hash"))?,
            ),
            software_digits: Some(digits.ok_or_else(|| unknown("app_digits"))?),
            ..PortalSettings::default()
        }
    } else if fields.is_true("types") {
        let chosen = |kind: &&TokenType| fields.is_true(&format!("type.{}", kind.name()));
        let types = TokenType::ALL.iter().filter(chosen).copied().collect();
        PortalSettings { token_types: Some(types), ..PortalSettings::default() }
    } else if fields.is_true("environments") {
        let unknown = || ApiError::field("policy", "unknown_word", "there is no such choice");
        let policy = EnvironmentPolicy::from_name(fields.get("policy")).ok_or_else(unknown)?;
        let range = || {
            ApiError::field(
                "score",
                "environment_score_range",
                "the least likeness is a number from 0 to 100",
            )
        };
        let score = fields.get("score").parse().map_err(|_| range())?;
        PortalSettings {
            environment_policy: Some(policy),
            environment_score: Some(score),
            ..PortalSettings::default()
        }
    } else if fields.is_true("restore") {
        let range = || {
            ApiError::field(
                "restore_wait_hours",
                "restore_wait_range",
                "the wait is 0 to 336 hours, which are two weeks",
            )
        };
        let hours = fields.get("restore_wait").parse().map_err(|_| range())?;
        PortalSettings { restore_wait_hours: Some(hours), ..PortalSettings::default() }
    } else if fields.is_true("keypads") {
        let message = "the question is Q, then N, A or H, then 04 to 64: QN08";
        let unknown = || ApiError::field("keypad_question", "keypad_question_unknown", message);
        let question = KeypadQuestion::parse(fields.get("keypad_question")).ok_or_else(unknown)?;
        PortalSettings { keypad_question: Some(question), ..PortalSettings::default() }
    } else {
        let unknown = || ApiError::field("order", "action_unknown", "there is no such action");
        let actions = rearranged(&on, &fields).ok_or_else(unknown)?;
        PortalSettings { actions: Some(actions), ..PortalSettings::default() }
    };
    let (named, to) = (on.name.clone(), path(&on));
    state.blocking(move |service| service.set_portal(&actor, &named, &settings)).await?;
    Ok(frame::done(&to, "portal-changed"))
}
