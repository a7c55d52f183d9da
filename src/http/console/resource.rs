//! Resources: the list, and one resource with who and what stands on it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, missing, resource_of, serial_of, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::custody::custody_badge;
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::resource as view;
use crate::http::page::{Badge, Fact, Field, Tone, segment};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{Actor, AssignmentId, AssignmentKind, Login, Resource, ResourceName, TokenSerial};
use crate::service::{AssignRequest, AssignmentView, Service, ServiceError, TokenQuery, TokenView};
use crate::store::Page as ListPage;
use crate::words::Words;

/// Things that a count looks at.
const COUNTED: usize = 500;

/// Users, tokens, pairs and unconfirmed tokens of a resource.
fn counts(service: &Service, actor: &Actor, name: &ResourceName) -> Result<[String; 4], ServiceError> {
    let counts = service.resource_counts(actor, name, COUNTED + 1)?;
    Ok(counts.map(|count| {
        let more = if count > COUNTED { "+" } else { "" };
        format!("{}{more}", words::count(count.min(COUNTED) as u64))
    }))
}

fn portal_badge(resource: &Resource) -> Badge {
    if resource.open_portal().is_some() {
        Badge::new(Tone::Good, &Words::ENGLISH.text("resource-on"))
    } else {
        Badge::with_icon(Tone::Neutral, "circle", &Words::ENGLISH.text("resource-off"))
    }
}

async fn listed(
    state: &AppState,
    caller: &Caller,
    actor: Actor,
    name: Field,
    done: Option<&str>,
) -> Result<view::Resources, ApiError> {
    let found = state
        .blocking(move |service| {
            let items = service.resources(&actor, ListPage::first(500))?.items;
            items
                .into_iter()
                .map(|item| {
                    let counts = counts(service, &actor, &item.resource.name)?;
                    Ok((item.resource, counts))
                })
                .collect::<Result<Vec<_>, ServiceError>>()
        })
        .await?;
    let rows = found.into_iter().map(|(resource, [users, tokens, pairs, unconfirmed])| view::ResourceRow {
        portal: portal_badge(&resource),
        alias: resource.portal.as_ref().map_or("", |portal| portal.alias.as_str()).to_owned(),
        name: resource.name.as_str().to_owned(),
        users,
        tokens,
        pairs,
        unconfirmed,
    });
    let frame = frame::page(state, caller, &Words::ENGLISH.text("frame-resources"), "resources");
    Ok(view::Resources { page: frame::with_done(frame, done), rows: rows.collect(), name })
}

/// The list of resources.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let page = listed(&state, &caller, actor, Field::default(), asked.done.as_deref()).await?;
    Ok(frame::html(StatusCode::OK, &page))
}

/// Adds a resource.
pub(super) async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let added = match ResourceName::parse(fields.get("name")) {
        Ok(name) => {
            let actor = actor.clone();
            state.blocking(move |service| service.add_resource(&actor, &name).map(|()| name)).await
        }
        Err(error) => Err(ApiError::field("name", "name_invalid", error.to_string())),
    };
    match added {
        Ok(name) => {
            let path = format!("/admin/resources/{}", segment(name.as_str()));
            Ok(frame::done(&path, "resource-added"))
        }
        Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
            let name = Field::wrong(fields.get("name"), &words::sentence(&error.message));
            let page = listed(&state, &caller, actor, name, None).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// A resource's page with one of its tabs open.
pub(super) async fn shell(
    state: &AppState,
    caller: &Caller,
    actor: &Actor,
    resource: &Resource,
    here: &str,
    tab: view::ResourceTab,
) -> Result<view::Resource, ApiError> {
    let (actor, name) = (actor.clone(), resource.name.clone());
    let counts = state.blocking(move |service| counts(service, &actor, &name)).await?;
    let name = resource.name.as_str().to_owned();
    Ok(view::Resource {
        page: frame::page(state, caller, &name, "resources"),
        tabs: view::Resource::tabs(&name, here, counts.each_ref().map(String::as_str)),
        tab,
        name,
    })
}

/// The counts beside the names of a resource's tabs.
pub(super) async fn tab_counts(
    state: &AppState,
    actor: &Actor,
    name: &ResourceName,
) -> Result<[String; 4], ApiError> {
    let (actor, name) = (actor.clone(), name.clone());
    state.blocking(move |service| counts(service, &actor, &name)).await
}

/// The resource of an address.
pub(super) async fn find(state: &AppState, actor: &Actor, name: &str) -> Result<Resource, ApiError> {
    let (actor, name) = (actor.clone(), resource_of(name)?);
    Ok(state.blocking(move |service| service.resource(&actor, &name)).await?.resource)
}

/// The facts of a resource.
pub(super) async fn overview(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let resource = find(&state, &actor, &name).await?;
    let href = format!("/admin/resources/{}/selfservice", segment(resource.name.as_str()));
    let portal = match resource.open_portal() {
        Some(portal) => {
            let actions = words::counted(portal.actions.len() as u64, "action").into();
            Words::ENGLISH.with("resource-portal-on", &[("actions", actions)])
        }
        None => Words::ENGLISH.text("resource-portal-off"),
    };
    let created = words::moment(resource.created_at, state.service.now());
    let mut facts = vec![
        Fact::new(&Words::ENGLISH.text("resource-selfservice"), &portal).to(&href),
        Fact::new(&Words::ENGLISH.text("resource-failure-limit"), &resource.failure_limit.to_string()),
    ];
    if let Some(portal) = &resource.portal {
        let window = [
            ("duration", words::duration(u64::from(portal.window_secs)).into()),
            ("counters", words::count(u64::from(portal.window_counters)).into()),
        ];
        let width = Words::ENGLISH.with("resource-window.text", &window);
        facts.push(Fact::new(&Words::ENGLISH.text("resource-window"), &width));
    }
    facts.push(Fact {
        exact: created.exact,
        ..Fact::new(&Words::ENGLISH.text("frame-created"), &created.words)
    });
    let tab = view::ResourceTab::Overview(facts);
    let mut page = shell(&state, &caller, &actor, &resource, "", tab).await?;
    page.page = frame::with_done(page.page, asked.done.as_deref());
    Ok(frame::html(StatusCode::OK, &page))
}

/// The tabs with assignments.
#[derive(Clone, Copy)]
enum Tab {
    Users,
    Tokens,
    Pairs,
    Unconfirmed,
}

impl Tab {
    const fn part(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Pairs => "pairs",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// What the list is, when it is empty, and the heading of its form.
    const fn message(self) -> &'static str {
        match self {
            Self::Users => "resource-tab-users",
            Self::Tokens => "resource-tab-tokens",
            Self::Pairs => "resource-tab-pairs",
            Self::Unconfirmed => "resource-tab-unconfirmed",
        }
    }

    /// What its form assigns.
    const fn kind(self) -> Option<&'static str> {
        match self {
            Self::Users => Some("user"),
            Self::Tokens => Some("token"),
            Self::Pairs => Some("token_with_user"),
            Self::Unconfirmed => None,
        }
    }

    fn of_kind(kind: &str) -> Option<Self> {
        [Self::Users, Self::Tokens, Self::Pairs].into_iter().find(|tab| tab.kind() == Some(kind))
    }
}

fn assignment_row(item: &AssignmentView, now: UnixTime) -> view::AssignedRow {
    let state = match item.assignment.parties.kind() {
        AssignmentKind::TokenWithUser => {
            Badge::with_icon(Tone::Good, "badge-check", &Words::ENGLISH.text("resource-pair"))
        }
        _ => Badge::with_icon(Tone::Neutral, "network", &Words::ENGLISH.text("resource-assigned")),
    };
    view::AssignedRow {
        user: item.user.clone(),
        serial: item.token.clone(),
        state,
        since: words::moment(item.assignment.created_at, now),
        unassign: Some(item.assignment.id.0.to_string()),
    }
}

fn token_row(token: &TokenView, since: UnixTime, now: UnixTime, removable: bool) -> view::AssignedRow {
    let serial = token.token.serial.display();
    view::AssignedRow {
        user: token.user.clone(),
        serial: Some(serial.to_owned()),
        state: custody_badge(token.custody),
        since: words::moment(since, now),
        unassign: removable.then(|| format!("token:{serial}")),
    }
}

async fn rows(
    state: &AppState,
    actor: &Actor,
    name: &ResourceName,
    tab: Tab,
    page: ListPage,
) -> Result<(Vec<view::AssignedRow>, Option<u64>), ApiError> {
    let (actor, name, now) = (actor.clone(), name.clone(), state.service.now());
    state
        .blocking(move |service| {
            let kind = match tab {
                Tab::Users => AssignmentKind::User,
                Tab::Pairs => AssignmentKind::TokenWithUser,
                Tab::Tokens => {
                    let query = TokenQuery { resource: Some(name), ..TokenQuery::default() };
                    let slice = service.tokens(&actor, &query, page)?;
                    return Ok((
                        slice.items.iter().map(|t| token_row(t, t.token.created_at, now, true)).collect(),
                        slice.next,
                    ));
                }
                Tab::Unconfirmed => {
                    let slice = service.unconfirmed(&actor, &name, page)?;
                    let row = |(token, since): &(TokenView, UnixTime)| token_row(token, *since, now, false);
                    return Ok((slice.items.iter().map(row).collect(), slice.next));
                }
            };
            let slice = service.assignments(&actor, &name, Some(kind), page)?;
            Ok((slice.items.iter().map(|item| assignment_row(item, now)).collect(), slice.next))
        })
        .await
}

async fn assigned(
    state: &AppState,
    caller: &Caller,
    actor: &Actor,
    name: &str,
    tab: Tab,
    asked: &Asked,
    fields: [Field; 2],
) -> Result<view::Resource, ApiError> {
    let resource = find(state, actor, name).await?;
    let (rows, next) = rows(state, actor, &resource.name, tab, asked.page()).await?;
    let path = format!("/admin/resources/{}/{}", segment(resource.name.as_str()), tab.part());
    let say = |part: &str| Words::ENGLISH.text(&format!("{}{part}", tab.message()));
    let [user, token] = fields;
    let one = match tab {
        Tab::Users => "user",
        Tab::Pairs => "pair",
        Tab::Tokens | Tab::Unconfirmed => "token",
    };
    let list = view::Assigned {
        words: say(""),
        shows_user: matches!(tab, Tab::Users | Tab::Pairs),
        shows_token: !matches!(tab, Tab::Users),
        pager: asked.pager(&path, rows.len(), one, next),
        rows,
        empty_title: say(".empty"),
        empty_text: say(".text"),
        reminders: match tab {
            Tab::Unconfirmed => Some(reminders(state, actor, &resource.name).await?),
            _ => None,
        },
        form: tab.kind().map(|kind| view::AssignForm { title: say(".form"), kind, user, token }),
    };
    let open = view::ResourceTab::Assigned(Box::new(list));
    let mut page = shell(state, caller, actor, &resource, tab.part(), open).await?;
    page.page = frame::with_done(page.page, asked.done.as_deref());
    Ok(page)
}

macro_rules! tab_pages {
    ($($(#[$doc:meta])* $name:ident => $tab:expr;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            State(state): State<AppState>,
            caller: Caller,
            Acting(actor): Acting,
            Path(name): Path<String>,
            ApiQuery(asked): ApiQuery<Asked>,
        ) -> Result<Response, ApiError> {
            let page = assigned(&state, &caller, &actor, &name, $tab, &asked, Default::default()).await?;
            Ok(frame::html(StatusCode::OK, &page))
        }
    )*};
}

tab_pages! {
    /// Users of a resource.
    users => Tab::Users;
    /// Tokens on a resource.
    tokens => Tab::Tokens;
    /// Tokens with users.
    pairs => Tab::Pairs;
    /// Tokens that wait for their confirmation.
    unconfirmed => Tab::Unconfirmed;
}

/// Whom a reminder would reach, and whom not.
async fn reminders(
    state: &AppState,
    actor: &Actor,
    name: &ResourceName,
) -> Result<view::RemindForm, ApiError> {
    let (actor, name) = (actor.clone(), name.clone());
    let found = state.blocking(move |service| service.reminders(&actor, &name)).await?;
    let tell = |id, people: usize| Words::ENGLISH.with(id, &[("people", people.into())]);
    let mut told = vec![tell("resource-reminders-can", found.people)];
    if found.reminded_today > 0 {
        told.push(tell("resource-reminders-had", found.reminded_today));
    }
    let more = found.unreachable - found.without_address.len();
    Ok(view::RemindForm {
        words: told.join(" "),
        can: found.people > 0 && found.obstacle.is_none(),
        obstacle: found.obstacle.map(|(_, detail)| words::sentence(detail)),
        more_without: (more > 0)
            .then(|| Words::ENGLISH.with("resource-reminders-no-address.more", &[("number", more.into())])),
        without_address: found.without_address,
    })
}

/// Sends the reminders.
pub(super) async fn remind(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let resource = resource_of(&name)?;
    let path = format!("/admin/resources/{}/unconfirmed", segment(resource.as_str()));
    let url = state.settings.public_url.clone();
    let found = state.blocking(move |service| service.remind(&actor, &resource, &url)).await?;
    Ok(frame::done(&path, if found.people > 0 { "reminded" } else { "reminded-nobody" }))
}

fn request_of(tab: Tab, fields: &Fields) -> Result<AssignRequest, ServiceError> {
    let user = Login::parse(fields.get("user")).map_err(ServiceError::name("user"));
    let token = TokenSerial::parse(fields.get("token")).map_err(ServiceError::name("token"));
    Ok(match tab {
        Tab::Users => AssignRequest { kind: AssignmentKind::User, user: Some(user?), token: None },
        Tab::Pairs => {
            AssignRequest { kind: AssignmentKind::TokenWithUser, user: Some(user?), token: Some(token?) }
        }
        Tab::Tokens | Tab::Unconfirmed => {
            AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(token?) }
        }
    })
}

/// Assigns a user, a token or both.
pub(super) async fn assign(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let resource = resource_of(&name)?;
    let unknown = || ApiError::field("kind", "kind_unknown", "choose what to assign");
    let tab = Tab::of_kind(fields.get("kind")).ok_or_else(unknown)?;
    let answer = match request_of(tab, &fields) {
        Ok(request) => {
            let (actor, resource) = (actor.clone(), resource.clone());
            state.blocking(move |service| service.assign(&actor, &resource, &request)).await
        }
        Err(error) => Err(error.into()),
    };
    match answer {
        Ok(_) => {
            let path = format!("/admin/resources/{}/{}", segment(resource.as_str()), tab.part());
            Ok(frame::done(&path, "assigned"))
        }
        Err(error) if matches!(error.status.as_u16(), 404 | 409 | 422) => {
            let mut user = typed(&error, "user", fields.get("user"));
            let mut token = typed(&error, "token", fields.get("token"));
            if user.error.is_none() && token.error.is_none() {
                let of_token = matches!(tab, Tab::Tokens) || error.message.contains("token");
                let place = if of_token && !matches!(tab, Tab::Users) { &mut token } else { &mut user };
                place.error = Some(words::sentence(&error.message));
            }
            let page =
                assigned(&state, &caller, &actor, &name, tab, &Asked::default(), [user, token]).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// Takes an assignment away; a token that stands with its batch is named by its serial.
pub(super) async fn unassign(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let resource = resource_of(&name)?;
    let path = format!("/admin/resources/{}", segment(resource.as_str()));
    if let Some(serial) = fields.get("assignment").strip_prefix("token:") {
        let serial = serial_of(serial)?;
        state.blocking(move |service| service.unassign_token(&actor, &serial, Some(&resource))).await?;
    } else {
        let id = fields.get("assignment").parse().map(AssignmentId).map_err(|_| missing("assignment"))?;
        state.blocking(move |service| service.unassign(&actor, &resource, id)).await?;
    }
    Ok(frame::done(&path, "unassigned"))
}
