//! What a person does who is signed in: look, confirm a token, bring it back.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::prove;
use super::sign_in::{blocked, misfit};
use crate::clock::UnixTime;
use crate::device::{self, ProfilePicture};
use crate::http::codes::{Typed, fields_with, repeated_at, ring, ring_of};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::{Confirm, DeletedRequest, Done, Home, OwnToken, Picture, Synchronize};
use crate::http::page::setup::SetupTab;
use crate::http::page::{ActionRow, Badge, Choice, Code, Field, Notice, Tone};
use crate::http::words;
use crate::model::{Custody, PortalAction, TokenSerial};
use crate::service::{ConfirmResult, DeletedIssue, PortalHome, PortalSession, SequenceResult, TokenView};
use crate::words::Words;

/// Answers take this long when serials are being guessed on this resource.
const SLOW_SECS: u64 = 2;

pub(super) async fn read_home(place: &Place, session: &Arc<PortalSession>) -> Result<PortalHome, ApiError> {
    let session = Arc::clone(session);
    place.state.blocking(move |service| service.portal_home(&session)).await
}

fn own_token(view: &TokenView, now: UnixTime) -> OwnToken {
    let token = &view.token;
    let made = format!("{} {}", token.manufacturer, token.model);
    let name = if token.name.is_empty() { made.trim() } else { &token.name };
    let model = device::profiles().iter().find(|profile| profile.full_name() == made.trim());
    let since = match token.custody {
        Custody::Confirmed { at } => format!("Confirmed on {}.", words::day(at, now)),
        _ => String::new(),
    };
    let clock = match view.state.drift {
        Some(drift) if drift.seconds.abs() >= 30 => {
            format!(" Its clock is {}; we know that.", words::clock(drift.seconds))
        }
        Some(_) => " Its clock is right.".to_owned(),
        None => String::new(),
    };
    let is_mailed = view.spec.is_mailed();
    let picture = match model.map(|profile| profile.picture) {
        _ if is_mailed => Picture::Mail,
        Some(ProfilePicture::Card) => Picture::Card,
        Some(ProfilePicture::Key) => Picture::Key,
        Some(ProfilePicture::Phone) => Picture::Phone,
        None if made.to_lowercase().contains("card") => Picture::Card,
        Some(ProfilePicture::Fob) | None => Picture::Fob,
    };
    let state = if token.disabled.is_none() {
        Badge::with_icon(Tone::Good, "badge-check", "Yours, in use")
    } else {
        Badge::with_icon(Tone::Bad, "ban", "Switched off")
    };
    OwnToken {
        serial: token.serial.display().to_owned(),
        name: match name {
            "" if is_mailed => "Codes by mail".into(),
            "" => "Your token".into(),
            name => name.to_owned(),
        },
        picture,
        state,
        words: format!("{since}{clock}").trim().to_owned(),
    }
}

fn action_row(place: &Place, action: PortalAction) -> Option<ActionRow> {
    let (page, icon, title, line) = match action {
        PortalAction::RegisterExistingToken => (
            "tokens/confirm",
            "badge-check",
            "Existing Token Registration",
            "You have received a token: make it yours.",
        ),
        PortalAction::SynchronizeToken => (
            "tokens/synchronize",
            "refresh-cw",
            "Token Synchronization",
            "Your codes are refused: bring the token back in time.",
        ),
        PortalAction::RegisterNewToken => {
            ("tokens/register", "plus", "Register New Token", "Set up an app or another token by yourself.")
        }
        PortalAction::ReassignToken => {
            ("tokens/reassign", "refresh-cw", "Re-Assign Token", "Change to another token; the old one ends.")
        }
        PortalAction::UnassignToken => {
            ("tokens/unassign", "undo-2", "Unassign Token", "Give your token back.")
        }
        PortalAction::SetupPin => (
            "tokens/pin",
            "lock",
            "PIN Setup",
            "Type a PIN with each code, so that a found token is of no use.",
        ),
        PortalAction::RemovePin => ("tokens/pin/remove", "lock", "Remove PIN", "Use the code alone again."),
        PortalAction::CreatePassword => (
            "password/new",
            "key-round",
            "Create Password",
            "Sign in with a password instead of mailed codes.",
        ),
        PortalAction::ChangePassword => {
            ("password", "key-round", "Change Password", "Choose a new password; the old one is asked first.")
        }
        PortalAction::ChangeEmail => {
            ("email", "mail", "Change Email Address", "Have codes and notices sent to another address.")
        }
        PortalAction::ChangePhone => {
            ("phone", "smartphone", "Change Contact Phone Number", "Be reached at another number.")
        }
        PortalAction::ChangeLogin => ("login", "user", "Change Login", "Sign in with another login."),
        PortalAction::ChangeName => {
            ("name", "pencil", "Change First Name and Last Name", "Be called otherwise.")
        }
        PortalAction::ManageEnvironment => (
            "environment",
            "network",
            "Manage User Environment",
            "See from where you sign in, trust or forget it.",
        ),
    };
    Some(ActionRow { href: place.path(page), icon, title: title.into(), line: line.into() })
}

/// What to say of a request that this sign-in deleted (P46).
fn deleted_request(place: &Place, issue: &DeletedIssue, now: UnixTime) -> DeletedRequest {
    let when = words::moment(issue.opened_at, now).words;
    let DeletedIssue { reference, address, browser, only_email, can_change_email, .. } = issue;
    let was = format!(
        "It had the number {reference} and was made {when} from the network address {address} ({browser})."
    );
    let advice = if *only_email {
        "If it was you: you are signed in now, so your e-mail address can be put right from here. If not, ask for help."
    } else {
        "If it was you, there is nothing to do. If not, somebody else acted in your name: ask for help."
    };
    let title = "A request for access in your name is deleted now.";
    DeletedRequest {
        notice: Notice::new(Tone::Attention, title, &format!("{was} {advice}")),
        change_email: (*only_email && *can_change_email).then(|| place.path("email")),
        again: only_email.then(|| place.path("restore")),
    }
}

/// The person's page.
pub(super) async fn home(Inside { place, session }: Inside) -> Response {
    let asked = Arc::clone(&session);
    let read = place
        .state
        .blocking(move |service| Ok((service.portal_home(&asked)?, service.portal_deleted_issues(&asked)?)));
    let result = read.await.map(|(home, deleted)| {
        let now = place.state.service.now();
        let portal = place.portal();
        let nothing =
            portal.help.clone().unwrap_or_else(|| "Ask the people who gave you this address.".to_owned());
        let name = home.user.first_name.trim();
        let name = if name.is_empty() { home.user.login.as_str() } else { name }.to_owned();
        let page = Home {
            page: place.inside("Your page"),
            portal,
            name,
            tokens: home.token.iter().map(|token| own_token(token, now)).collect(),
            actions: home.actions.iter().filter_map(|action| action_row(&place, *action)).collect(),
            nothing,
            deleted: deleted.iter().map(|issue| deleted_request(&place, issue, now)).collect(),
            notice: done(&place.query),
        };
        html(StatusCode::OK, &page)
    });
    place.answer(result)
}

/// What `?done=` may say on the person's page: a word of this table, never text from the address.
fn done(query: &str) -> Option<Notice> {
    if query == "draft-ended" {
        let text = "If your new token stands on this page, it is yours already. If not, it took too long, too many codes did not fit, or you changed something else meanwhile: begin again.";
        return Some(Notice::new(Tone::Attention, "Nothing is being set up any more.", text));
    }
    let (title, text) = match query.strip_prefix("done=")? {
        "login" => ("Your login is changed.", "Sign in with the new one from now on."),
        "name" => ("Your name is changed.", ""),
        "phone" => ("Your phone number is changed.", ""),
        "phone-removed" => ("Your phone number is removed.", ""),
        "password" => ("Your password is changed.", "Wherever else you were signed in, you were signed out."),
        "password-created" => {
            ("You have a password now.", "Sign in with it from now on; no code is mailed any more.")
        }
        "email" => ("Your e-mail address is changed.", "Codes and notices go there from now on."),
        _ => return None,
    };
    Some(Notice::new(Tone::Good, title, text))
}

pub(super) fn not_offered() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no action of this name")
}

pub(super) fn done_page(
    place: &Place,
    home: &PortalHome,
    heading: &str,
    text: &str,
    next: String,
) -> Response {
    let now = place.state.service.now();
    let page = Done {
        page: place.inside(heading),
        portal: place.portal(),
        notice: Notice::new(Tone::Good, "Done", text),
        heading: heading.to_owned(),
        token: home.token.as_ref().map(|token| own_token(token, now)),
        next,
        home: place.path("home"),
    };
    html(StatusCode::OK, &page)
}

/// For what a token that was received is confirmed.
pub(super) enum Way {
    /// It is the first one here.
    First,
    /// It takes the place of another; the page has these tabs.
    Replace { tabs: Vec<SetupTab> },
}

impl Way {
    const fn action(&self) -> PortalAction {
        match self {
            Self::First => PortalAction::RegisterExistingToken,
            Self::Replace { .. } => PortalAction::ReassignToken,
        }
    }

    const fn page(&self) -> &'static str {
        match self {
            Self::First => "tokens/confirm",
            Self::Replace { .. } => "tokens/reassign",
        }
    }
}

pub(super) fn confirm_page(
    place: &Place,
    way: &Way,
    status: StatusCode,
    serial: Field,
    codes: Vec<Code>,
    notice: Option<Notice>,
) -> Response {
    let (heading, lead, tabs) = match way {
        Way::First => (
            "Existing Token Registration",
            "You have a token in your hand. Three lines, and it is yours.",
            Vec::new(),
        ),
        Way::Replace { tabs } => {
            ("Re-Assign Token", "The token that you have works until the new one is confirmed.", tabs.clone())
        }
    };
    let page = Confirm {
        page: place.inside(heading),
        portal: place.portal(),
        heading,
        lead,
        tabs,
        action: place.path(way.page()),
        serial,
        codes,
        // The usual step, whatever the token: nothing here depends on the serial.
        ring: Some(ring(30, place.state.service.now())),
        notice,
    };
    html(status, &page)
}

/// *Existing Token Registration*, and `?done` after it.
pub(super) async fn confirm(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        if place.query == "done" && home.token.is_some() {
            let next = format!(
                "From now on, {} asks for the code on this token when you sign in.",
                place.resource.name
            );
            let text = "The number and the codes fit.";
            return Ok(done_page(&place, &home, "This token is yours now", text, next));
        }
        if !home.actions.contains(&PortalAction::RegisterExistingToken) {
            return Err(not_offered());
        }
        if let Some(elsewhere) = place.prove_code_first(&session, &prove::CONFIRM).await? {
            return Ok(elsewhere);
        }
        let codes = Code::fields(place.words, home.confirm_codes);
        Ok(confirm_page(&place, &Way::First, StatusCode::OK, Field::default(), codes, None))
    };
    let result = result.await;
    place.answer(result)
}

/// *Existing Token Registration*, sent.
pub(super) async fn confirmed(Sent { place, session, typed }: Sent) -> Response {
    let result = take_token(&place, session, &typed, &Way::First).await;
    place.answer_or_prove(result, &prove::CONFIRM, &typed).await
}

pub(super) async fn take_token(
    place: &Place,
    session: Arc<PortalSession>,
    typed: &Typed,
    way: &Way,
) -> Result<Response, ApiError> {
    let home = read_home(place, &session).await?;
    if !home.actions.contains(&way.action()) {
        return Err(not_offered());
    }
    let count = home.confirm_codes;
    let text = typed.text("serial").to_owned();
    if prove::was_sent_on(typed) {
        let (serial, codes) = (Field::of(&text), Code::fields(place.words, count));
        return Ok(confirm_page(
            place,
            way,
            StatusCode::OK,
            serial,
            codes,
            Some(prove::type_again(place.words, "type-again-codes")),
        ));
    }
    let again = |serial, codes, notice| {
        confirm_page(place, way, StatusCode::UNPROCESSABLE_ENTITY, serial, codes, notice)
    };
    let serial = match TokenSerial::parse(&text) {
        Ok(serial) => serial,
        Err(error) => {
            let field = Field::wrong(&text, &words::sentence(&error.to_string()));
            return Ok(again(field, Code::fields(place.words, count), None));
        }
    };
    // One code is enough for a token that was handed to this person by name.
    let codes = match typed.codes(place.words, 1) {
        Ok(codes) => codes,
        Err(mut fields) => {
            fields.extend(Code::fields(place.words, count).into_iter().skip(fields.len()));
            return Ok(again(Field::of(&text), fields, None));
        }
    };
    let (given, repeated, visit) = (codes.len(), repeated_at(&codes), place.visit());
    let replaces = matches!(way, Way::Replace { .. });
    let outcome = place.state.blocking(move |service| {
        if replaces {
            service.portal_reassign(&session, &serial, &codes, &visit)
        } else {
            service.portal_confirm(&session, &serial, &codes, &visit)
        }
    });
    let outcome = match outcome.await {
        Ok(outcome) => outcome,
        Err(error) => {
            return match misfit(place.words, &error, given.max(count), repeated) {
                Some(fields) => Ok(again(Field::of(&text), fields, None)),
                None => Err(error),
            };
        }
    };
    Ok(match outcome {
        ConfirmResult::Confirmed { .. } => place.go(&format!("{}?done", way.page())),
        ConfirmResult::MoreOtpsNeeded { otps_needed } => {
            let fields = fields_with(place.words, otps_needed, given, "Type the next code, too.");
            again(Field::of(&text), fields, None)
        }
        ConfirmResult::Refused { slow, .. } => {
            if slow {
                tokio::time::sleep(Duration::from_secs(SLOW_SECS)).await;
            }
            let notice = Notice::new(
                Tone::Bad,
                "We could not confirm this token.",
                "Check the number on the back and the codes; the codes must come one after the other.",
            );
            again(Field::of(&text), Code::fields(place.words, count), Some(notice))
        }
        ConfirmResult::Blocked { until } => {
            let notice = Some(blocked(place.words, until, place.state.service.now()));
            let status = StatusCode::TOO_MANY_REQUESTS;
            confirm_page(place, way, status, Field::of(&text), Code::fields(place.words, count), notice)
        }
    })
}

fn synchronize_page(
    place: &Place,
    status: StatusCode,
    token: &TokenView,
    codes: Vec<Code>,
    notice: Option<Notice>,
) -> Response {
    let serial = token.token.serial.display();
    let page = Synchronize {
        page: place.inside("Token Synchronization"),
        portal: place.portal(),
        serials: Choice::list(&[(serial, serial)], serial),
        codes,
        ring: ring_of(token, place.state.service.now()),
        notice,
    };
    html(status, &page)
}

/// *Token Synchronization*, and `?done` after it.
pub(super) async fn synchronize(Inside { place, session }: Inside) -> Response {
    let result = read_home(&place, &session).await.and_then(|home| {
        if place.query == "done" && home.token.is_some() {
            let next = "Its codes are accepted again. Use the next one when you sign in.".to_owned();
            return Ok(done_page(&place, &home, "Your token is back in time", "The codes fit.", next));
        }
        match &home.token {
            Some(token) if home.actions.contains(&PortalAction::SynchronizeToken) => {
                let codes = Code::fields(place.words, home.confirm_codes);
                Ok(synchronize_page(&place, StatusCode::OK, token, codes, None))
            }
            _ => Err(not_offered()),
        }
    });
    place.answer(result)
}

/// *Token Synchronization*, sent.
pub(super) async fn synchronized(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        let token = home.token.as_ref().ok_or_else(not_offered)?;
        let again = |fields, notice| {
            synchronize_page(&place, StatusCode::UNPROCESSABLE_ENTITY, token, fields, notice)
        };
        let codes = match typed.codes(place.words, home.confirm_codes) {
            Ok(codes) => codes,
            Err(fields) => return Ok(again(fields, None)),
        };
        let (given, repeated, visit) = (codes.len(), repeated_at(&codes), place.visit());
        let outcome =
            place.state.blocking(move |service| service.portal_synchronize(&session, &codes, &visit));
        match outcome.await {
            Ok(outcome) => match outcome.result {
                SequenceResult::Synchronized { .. } => Ok(place.go("tokens/synchronize?done")),
                other => {
                    let notice = sequence_notice(place.words, other, place.state.service.now());
                    Ok(again(
                        Code::fields(place.words, outcome.otps_needed.max(home.confirm_codes)),
                        Some(notice),
                    ))
                }
            },
            Err(error) => match codes_problem(place.words, &error, given, repeated) {
                Some((fields, notice)) => Ok(again(fields, notice)),
                None => Err(error),
            },
        }
    };
    let result = result.await;
    place.answer(result)
}

/// Why consecutive codes did not bring the token back, for its owner.
pub(super) fn sequence_notice(words: Words, result: SequenceResult, now: UnixTime) -> Notice {
    let (tone, title, text) = match result {
        SequenceResult::Replayed => (
            Tone::Attention,
            "These codes were already used.",
            "Wait for the next one, then type it and those after it.".to_owned(),
        ),
        SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous => (
            Tone::Attention,
            "One more code is needed.",
            "Type new codes that follow one another, one more than before.".to_owned(),
        ),
        SequenceResult::BehindFloor { usable_from, .. } => {
            let when = usable_from.map(|at| format!(" It works again from {}.", words::moment(at, now).words));
            let text = format!(
                "The clock of your token was set back, behind a code that it already used.{} Ask for help if you need it before.",
                when.unwrap_or_default(),
            );
            (Tone::Bad, "These codes fit, but they are too old.", text)
        }
        SequenceResult::Blocked { until } => return blocked(words, until, now),
        SequenceResult::Synchronized { .. } | SequenceResult::NotFound => (
            Tone::Bad,
            "These codes did not fit.",
            "Check that it is your token, and that the codes came one after the other. If it fails again, ask for help: it may be further off than we may search here.".to_owned(),
        ),
    };
    Notice::new(tone, title, &text)
}

/// What of an error can be said beside the codes.
pub(super) fn codes_problem(
    words: Words,
    error: &ApiError,
    given: usize,
    repeated: usize,
) -> Option<(Vec<Code>, Option<Notice>)> {
    if let Some(fields) = misfit(words, error, given, repeated) {
        return Some((fields, None));
    }
    // A token that is switched off answers like one that does not fit.
    let off = matches!(error.code, "token_disabled" | "token_not_yet_valid");
    off.then(|| {
        (Code::fields(words, given), Some(sequence_notice(words, SequenceResult::NotFound, UnixTime::EPOCH)))
    })
}
