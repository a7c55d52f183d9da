//! What a person does who is signed in: look, confirm a token.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::sign_in::{blocked, misfit};
use super::{keypad, prove};
use crate::clock::UnixTime;
use crate::device::{Catalogue, ProfilePicture};
use crate::http::action;
use crate::http::codes::{Typed, fields_with, repeated_at, ring};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::{Confirm, DeletedRequest, Done, Home, OwnToken, Picture};
use crate::http::page::setup::SetupTab;
use crate::http::page::{Badge, Code, Field, Notice, Tone};
use crate::model::{Custody, PortalAction, TokenSerial};
use crate::oath::CodeShape;
use crate::service::{ConfirmResult, DeletedIssue, KeypadPage, PortalHome, PortalSession, TokenView};
use crate::words::Words;

/// Answers take this long when serials are being guessed on this resource.
const SLOW_SECS: u64 = 2;

pub(super) async fn read_home(place: &Place, session: &Arc<PortalSession>) -> Result<PortalHome, ApiError> {
    let session = Arc::clone(session);
    place.state.blocking(move |service| service.portal_home(&session)).await
}

fn own_token(words: Words, profiles: &Catalogue, view: &TokenView, now: UnixTime) -> OwnToken {
    let token = &view.token;
    let made = format!("{} {}", token.manufacturer, token.model);
    let name = if token.name.is_empty() { made.trim() } else { &token.name };
    let model = profiles.all().find(|profile| profile.full_name() == made.trim());
    let since = match token.custody {
        Custody::Confirmed { at } => words.with("own-token-confirmed", &[("day", words.day(at, now).into())]),
        _ => String::new(),
    };
    let clock = match view.state.drift {
        Some(drift) if drift.seconds.abs() >= 30 => {
            words.with("own-token-clock", &[("clock", words.clock(drift.seconds).into())])
        }
        Some(_) => words.text("own-token-clock-right"),
        None => String::new(),
    };
    let is_mailed = view.spec.is_mailed();
    let picture = match model.map(|profile| profile.picture) {
        _ if is_mailed => Picture::Mail,
        None if view.spec.public_id().is_some() => Picture::Key,
        Some(ProfilePicture::Card) => Picture::Card,
        Some(ProfilePicture::Key) => Picture::Key,
        Some(ProfilePicture::Phone) => Picture::Phone,
        None if made.to_lowercase().contains("card") => Picture::Card,
        Some(ProfilePicture::Fob) | None => Picture::Fob,
    };
    let state = if token.disabled.is_none() {
        Badge::with_icon(Tone::Good, "badge-check", &words.text("own-token.in-use"))
    } else {
        Badge::with_icon(Tone::Bad, "ban", &words.text("own-token.off"))
    };
    OwnToken {
        serial: token.serial.display().to_owned(),
        name: match name {
            "" if is_mailed => words.text("own-token.mailed"),
            "" => words.text("own-token.nameless"),
            name => name.to_owned(),
        },
        picture,
        state,
        words: format!("{since} {clock}").trim().to_owned(),
    }
}

/// What to say of a request that this sign-in deleted (P46).
fn deleted_request(place: &Place, issue: &DeletedIssue, now: UnixTime) -> DeletedRequest {
    let words = place.words;
    let DeletedIssue { reference, address, browser, only_email, can_change_email, .. } = issue;
    let parts = [
        ("reference", reference.to_string().into()),
        ("when", words.moment(issue.opened_at, now).into()),
        ("address", address.as_str().into()),
        ("browser", browser.as_str().into()),
    ];
    let text =
        words.with(if *only_email { "deleted-request.only-email" } else { "deleted-request.text" }, &parts);
    DeletedRequest {
        notice: Notice::new(Tone::Attention, &words.text("deleted-request"), &text),
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
        let name = home.user.first_name.trim();
        let name = if name.is_empty() { home.user.login.as_str() } else { name }.to_owned();
        let base = place.path("");
        let page = Home {
            page: place.inside(&place.words.text("home-title")),
            portal: place.portal(),
            name,
            tokens: home
                .token
                .iter()
                .map(|token| own_token(place.words, &place.state.profiles, token, now))
                .collect(),
            actions: home.actions.iter().map(|action| action::row(place.words, *action, &base)).collect(),
            nothing: place.whom_to_ask(),
            deleted: deleted.iter().map(|issue| deleted_request(&place, issue, now)).collect(),
            notice: done(place.words, &place.query),
        };
        html(StatusCode::OK, &page)
    });
    place.answer(result)
}

/// What `?done=` may say on the person's page: a word of this table, never text from the address.
fn done(words: Words, query: &str) -> Option<Notice> {
    if query == "draft-ended" {
        return Some(Notice::say(Tone::Attention, words, "home-draft-ended"));
    }
    let (id, has_text) = match query.strip_prefix("done=")? {
        "login" => ("home-login", true),
        "name" => ("home-name", false),
        "phone" => ("home-phone", false),
        "phone-removed" => ("home-phone-removed", false),
        "password" => ("home-password", true),
        "password-created" => ("home-password-created", true),
        "email" => ("home-email", true),
        _ => return None,
    };
    let notice = Notice::new(Tone::Good, &words.text(id), "");
    Some(if has_text { Notice::say(Tone::Good, words, id) } else { notice })
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
        notice: Notice::new(Tone::Good, &place.words.text("token-done"), text),
        heading: heading.to_owned(),
        token: home.token.as_ref().map(|token| own_token(place.words, &place.state.profiles, token, now)),
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

/// What can be read on a token that was received.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its number and its codes.
    Number,
    /// The same, once something was typed into it.
    Keypad,
    /// The same, and its codes have letters, too.
    Letters,
    /// Its codes only: the number is worn off.
    CodesOnly,
}

impl Sight {
    /// Those that are chosen by a word, in the address and as the name of a hidden field.
    const CHOSEN: [(Self, &'static str); 3] =
        [(Self::CodesOnly, "unread"), (Self::Keypad, "keypad"), (Self::Letters, "letters")];

    /// As the address says.
    pub(super) fn asked(query: &str) -> Self {
        Self::chosen(|word| query.split('&').any(|part| part == word))
    }

    /// As the form says.
    fn typed(typed: &Typed) -> Self {
        Self::chosen(|field| !typed.text(field).is_empty())
    }

    fn chosen(says: impl Fn(&str) -> bool) -> Self {
        Self::CHOSEN.into_iter().find(|(_, word)| says(word)).map_or(Self::Number, |(sight, _)| sight)
    }
}

/// The form for a token that was received, as it is shown.
pub(super) struct TokenForm {
    pub(super) status: StatusCode,
    pub(super) serial: Field,
    pub(super) codes: Vec<Code>,
    pub(super) notice: Option<Notice>,
}

impl TokenForm {
    /// Nothing was typed yet.
    fn empty(codes: Vec<Code>) -> Self {
        Self { status: StatusCode::OK, serial: Field::default(), codes, notice: None }
    }

    /// There are too many tokens to find one by its codes: nothing can be typed.
    fn too_many(place: &Place) -> Self {
        let notice = whom_to_ask(place, Tone::Attention, "confirm-unread-many");
        Self { notice: Some(notice), ..Self::empty(Vec::new()) }
    }

    fn again(serial: Field, codes: Vec<Code>, notice: Option<Notice>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, serial, codes, notice }
    }
}

/// A notice that ends with whom to ask.
pub(super) fn whom_to_ask(place: &Place, tone: Tone, id: &str) -> Notice {
    Notice::tell(tone, place.words, id, &[("whom", place.whom_to_ask().into())])
}

/// Codes that the form asks for; `None` where it cannot ask. `usual`: of a token whose number can be read.
async fn codes_asked(
    place: &Place,
    session: &Arc<PortalSession>,
    sight: Sight,
    usual: usize,
) -> Result<Option<usize>, ApiError> {
    if sight != Sight::CodesOnly {
        return Ok(Some(usual));
    }
    let session = Arc::clone(session);
    match place.state.blocking(move |service| service.portal_unread_codes(&session)).await {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.code == "too_many_tokens" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Shows the form with nothing typed yet.
pub(super) async fn empty_confirm_page(
    place: &Place,
    session: &Arc<PortalSession>,
    way: &Way,
    sight: Sight,
    usual: usize,
) -> Result<Response, ApiError> {
    let form = match codes_asked(place, session, sight, usual).await? {
        Some(count) => TokenForm::empty(Code::fields(place.words, count)),
        None => TokenForm::too_many(place),
    };
    confirm_page(place, session, way, sight, form).await
}

/// Shows it. For a keypad each code has a challenge, the same for every serial.
async fn confirm_page(
    place: &Place,
    session: &Arc<PortalSession>,
    way: &Way,
    sight: Sight,
    form: TokenForm,
) -> Result<Response, ApiError> {
    let words = place.words;
    let unread = (sight == Sight::CodesOnly).then(|| words.text("confirm-unread.lead"));
    let (heading, lead, tabs) = match (way, unread) {
        (Way::First, None) => ("action-register-existing-token", words.text("confirm-lead"), Vec::new()),
        (Way::First, Some(unread)) => ("action-register-existing-token", unread, Vec::new()),
        (Way::Replace { tabs }, unread) => {
            let lead = [words.text("reassign-lead-received"), unread.unwrap_or_default()].join(" ");
            ("action-reassign-token", lead.trim_end().to_owned(), tabs.clone())
        }
    };
    let heading = words.text(heading);
    let TokenForm { status, serial, mut codes, mut notice } = form;
    let keypad = sight == Sight::Keypad;
    if sight == Sight::Letters {
        codes = Code::shaped(codes, Some(CodeShape::Hex));
    }
    if keypad {
        let asked = keypad::asked(place, session, KeypadPage::Confirmation, codes).await?;
        (codes, notice) = (asked.fields, asked.notice.or(notice));
    }
    let page = Confirm {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead,
        tabs,
        action: place.path(way.page()),
        keypad,
        letters: sight == Sight::Letters,
        unread: sight == Sight::CodesOnly,
        serial,
        // The usual step, whatever the token: nothing here depends on the serial.
        ring: (!keypad && !codes.is_empty()).then(|| ring(30, place.state.service.now())),
        codes,
        notice,
    };
    Ok(html(status, &page))
}

/// *Existing Token Registration*, and `?done` after it.
pub(super) async fn confirm(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        if place.query == "done" && home.token.is_some() {
            let name = [("place", place.shown_name().into())];
            let next = place.words.with("confirm-done.next", &name);
            let heading = place.words.text("confirm-done");
            let text = place.words.text("token-number-fits");
            return Ok(done_page(&place, &home, &heading, &text, next));
        }
        if !home.actions.contains(&PortalAction::RegisterExistingToken) {
            return Err(not_offered());
        }
        if let Some(elsewhere) = place.prove_code_first(&session, &prove::CONFIRM).await? {
            return Ok(elsewhere);
        }
        let sight = Sight::asked(&place.query);
        empty_confirm_page(&place, &session, &Way::First, sight, home.confirm_codes).await
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
    let (sight, asked) = (Sight::typed(typed), Arc::clone(&session));
    let form = match codes_asked(place, &session, sight, home.confirm_codes).await? {
        Some(count) => match taken(place, session, typed, way, sight, count).await? {
            Ok(elsewhere) => return Ok(elsewhere),
            Err(form) => form,
        },
        None => TokenForm::too_many(place),
    };
    confirm_page(place, &asked, way, sight, form).await
}

/// Looks at what was sent: it is done, or the form is shown again.
async fn taken(
    place: &Place,
    session: Arc<PortalSession>,
    typed: &Typed,
    way: &Way,
    sight: Sight,
    count: usize,
) -> Result<Result<Response, TokenForm>, ApiError> {
    let text = typed.text("serial").to_owned();
    if prove::was_sent_on(typed) {
        let (serial, codes) = (Field::of(&text), Code::fields(place.words, count));
        let notice = Some(prove::type_again(place.words, "type-again-codes"));
        return Ok(Err(TokenForm { status: StatusCode::OK, serial, codes, notice }));
    }
    let again = TokenForm::again;
    let is_read = sight != Sight::CodesOnly;
    let serial = match is_read.then(|| TokenSerial::parse(&text)).transpose() {
        Ok(serial) => serial,
        Err(error) => {
            let field = Field::wrong(&text, &place.name_problem(&error));
            return Ok(Err(again(field, Code::fields(place.words, count), None)));
        }
    };
    // Without a number only tokens that show digits are looked for.
    let shape = (!is_read).then_some(CodeShape::Digits);
    // One code is enough for a token that was handed to this person by name.
    let codes = match typed.codes(place.words, if is_read { 1 } else { count }, shape) {
        Ok(codes) => codes,
        Err(mut fields) => {
            fields.extend(Code::fields(place.words, count).into_iter().skip(fields.len()));
            return Ok(Err(again(Field::of(&text), fields, None)));
        }
    };
    let (given, repeated, visit) = (codes.len(), repeated_at(&codes), place.visit());
    let replaces = matches!(way, Way::Replace { .. });
    let outcome = place.state.blocking(move |service| match serial {
        None => service.portal_confirm_unread(&session, replaces, &codes, &visit),
        Some(serial) if replaces => service.portal_reassign(&session, &serial, &codes, &visit),
        Some(serial) => service.portal_confirm(&session, &serial, &codes, &visit),
    });
    let outcome = match outcome.await {
        Ok(outcome) => outcome,
        Err(error) => {
            return match misfit(place.words, &error, given.max(count), repeated) {
                Some(fields) => Ok(Err(again(Field::of(&text), fields, None))),
                None => Err(error),
            };
        }
    };
    Ok(Err(match outcome {
        ConfirmResult::Confirmed { .. } => return Ok(Ok(place.go(&format!("{}?done", way.page())))),
        ConfirmResult::MoreOtpsNeeded { otps_needed } => {
            let fields = fields_with(place.words, otps_needed, given, &place.words.text("code-next-too"));
            again(Field::of(&text), fields, None)
        }
        ConfirmResult::Refused { slow, .. } => {
            if slow {
                tokio::time::sleep(Duration::from_secs(SLOW_SECS)).await;
            }
            let notice = if is_read {
                Notice::say(Tone::Bad, place.words, "confirm-refused")
            } else {
                whom_to_ask(place, Tone::Bad, "confirm-unread-refused")
            };
            again(Field::of(&text), Code::fields(place.words, count), Some(notice))
        }
        ConfirmResult::Blocked { until } => {
            let notice = Some(blocked(place.words, until, place.state.service.now()));
            let status = StatusCode::TOO_MANY_REQUESTS;
            TokenForm { status, serial: Field::of(&text), codes: Code::fields(place.words, count), notice }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_outlives_a_proof() {
        for (_, word) in Sight::CHOSEN {
            assert!(prove::CONFIRM.fields.contains(&word), "{word}");
            assert!(prove::REGISTER.fields.contains(&word), "{word}");
        }
    }
}
