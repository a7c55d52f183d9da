//! *Register New Token* and *Re-Assign Token*: pick a sort, then prove the new token by its code.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{Way, codes_problem, confirm_page, done_page, not_offered, read_home, take_token};
use super::place::Place;
use super::prove;
use super::sign_in::blocked;
use crate::clock::UnixTime;
use crate::device::{self, Profile, SeedOrigin};
use crate::http::codes::{Typed, repeated_at, ring};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::setup::{Draft, Register, SetupSort, SetupTab, Shown};
use crate::http::page::{Choice, Code, Fact, Field, Notice, Tone};
use crate::http::{qr, words};
use crate::model::{OtpSpec, PortalAction, TokenSerial, TokenType};
use crate::oath::{Digits, HashAlg, PeriodSecs};
use crate::secret::Passphrase;
use crate::service::{DraftResult, DraftView, NewToken, PortalSession, PortalState};

type Form<T> = Result<PageForm<T>, ApiError>;

/// The word in addresses and forms for a token that was received.
const EXISTING: &str = "existing";

const fn label(sort: TokenType) -> &'static str {
    match sort {
        TokenType::Software => "Software",
        TokenType::Hardware => "Hardware",
        TokenType::Universal => "Universal",
        TokenType::Mail => "Mail",
    }
}

/// The sorts in the order of the page: what most people want first.
const ORDER: [TokenType; 4] =
    [TokenType::Software, TokenType::Hardware, TokenType::Universal, TokenType::Mail];

/// What is set up: the first token here, or one that takes the place of another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    First,
    Replace,
}

impl Purpose {
    const fn action(self) -> PortalAction {
        match self {
            Self::First => PortalAction::RegisterNewToken,
            Self::Replace => PortalAction::ReassignToken,
        }
    }

    const fn page(self) -> &'static str {
        match self {
            Self::First => "tokens/register",
            Self::Replace => "tokens/reassign",
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::First => "Register New Token",
            Self::Replace => "Re-Assign Token",
        }
    }
}

/// The value of a parameter of the address; its values here are plain words.
fn asked<'a>(query: &'a str, name: &str) -> &'a str {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}

fn tabs(place: &Place, purpose: Purpose, sorts: &[TokenType], here: &str) -> Vec<SetupTab> {
    let tab = |name: &str, label| SetupTab {
        href: format!("{}?type={name}", place.path(purpose.page())),
        label,
        here: name == here,
    };
    let received = (purpose == Purpose::Replace).then(|| tab(EXISTING, "I received one"));
    let offered = ORDER.iter().filter(|sort| sorts.contains(sort));
    received.into_iter().chain(offered.map(|sort| tab(sort.name(), label(*sort)))).collect()
}

/// Models of devices with what they compute, each a choice of its own. Hashes other than the usual one
/// are a matter of the tab for everything else.
fn models() -> impl Iterator<Item = (String, &'static Profile, &'static OtpSpec)> {
    device::profiles().iter().filter(|profile| profile.seed_is != SeedOrigin::Here).flat_map(|profile| {
        let usual = profile.specs.first().and_then(OtpSpec::hash);
        let fits = move |(_, spec): &(usize, &OtpSpec)| spec.hash().is_some() && spec.hash() == usual;
        let named = move |(at, spec)| (format!("{}/{at}", profile.id), profile, spec);
        profile.specs.iter().enumerate().filter(fits).map(named)
    })
}

fn model_choices(selected: &str) -> Vec<Choice> {
    models()
        .map(|(value, profile, spec)| {
            let digits = spec.digits().map_or(0, Digits::get);
            let pace = match spec {
                OtpSpec::Totp { period, .. } => format!("a new code every {} s", period.get()),
                _ => "a new code at each press".to_owned(),
            };
            let label = format!("{}, {digits} digits, {pace}", profile.full_name());
            Choice { selected: value == selected, value, label }
        })
        .collect()
}

/// What was typed into the first page, and what is wrong with it.
struct Filled<'a> {
    typed: Option<&'a Typed>,
    /// Field and problem.
    problem: Option<(&'static str, String)>,
}

impl Filled<'_> {
    const NOTHING: Self = Self { typed: None, problem: None };

    fn text(&self, name: &str) -> &str {
        self.typed.map_or("", |typed| typed.text(name))
    }

    fn field(&self, name: &str, or: &str, kept: bool) -> Field {
        let typed = self.text(name);
        let value = if !kept {
            ""
        } else if typed.is_empty() {
            or
        } else {
            typed
        };
        match &self.problem {
            Some((at, what)) if *at == name => Field::wrong(value, &words::sentence(what)),
            _ => Field::of(value),
        }
    }

    fn chosen(&self, name: &str, pairs: &[(&str, &str)]) -> Vec<Choice> {
        Choice::list(pairs, self.text(name))
    }
}

fn register_page(
    place: &Place,
    purpose: Purpose,
    sorts: &[TokenType],
    sort: TokenType,
    filled: &Filled<'_>,
) -> Response {
    let known = ["name", "serial", "secret", "step", "counter"];
    let elsewhere = filled.problem.as_ref().filter(|(at, _)| !known.contains(at));
    let page = Register {
        page: place.inside(purpose.heading()),
        portal: place.portal(),
        heading: purpose.heading(),
        lead: match purpose {
            Purpose::First => "Nothing is changed until a code of the new token was right.",
            Purpose::Replace => "The token that you have works until a code of the new one was right.",
        }
        .to_owned(),
        tabs: tabs(place, purpose, sorts, sort.name()),
        sort: match sort {
            TokenType::Hardware => SetupSort::Hardware,
            TokenType::Universal => SetupSort::Universal,
            TokenType::Software | TokenType::Mail => SetupSort::Software,
        },
        sort_name: sort.name(),
        action: place.path(purpose.page()),
        name: filled.field("name", "", true),
        serial: filled.field("serial", "", true),
        secret: filled.field("secret", "", false),
        models: model_choices(filled.text("model")),
        kinds: filled.chosen("kind", &[("time", "With time"), ("press", "At the press of a button")]),
        digits: filled.chosen("digits", &[("6", "6"), ("7", "7"), ("8", "8")]),
        hashes: filled.chosen("hash", &[("sha1", "SHA-1"), ("sha256", "SHA-256"), ("sha512", "SHA-512")]),
        step: filled.field("step", "30", true),
        counter: filled.field("counter", "0", true),
        notice: elsewhere
            .map(|(_, what)| Notice::new(Tone::Bad, "That cannot be used.", &words::sentence(what))),
    };
    let status = if filled.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

async fn shown(place: Place, purpose: Purpose) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = first_page(&place, &session, purpose).await;
    place.answer(result)
}

async fn first_page(
    place: &Place,
    session: &Arc<PortalSession>,
    purpose: Purpose,
) -> Result<Response, ApiError> {
    let home = read_home(place, session).await?;
    if purpose == Purpose::Replace && place.query == "done" && home.token.is_some() {
        let next = "The old one is switched off. From now on, use the new one.".to_owned();
        return Ok(done_page(place, &home, "Your token was replaced", "The number and the codes fit.", next));
    }
    if !home.actions.contains(&purpose.action()) {
        return Err(not_offered());
    }
    if purpose == Purpose::Replace
        && let Some(elsewhere) = place.prove_first(session, &prove::REASSIGN).await?
    {
        return Ok(elsewhere);
    }
    let sorts = place.state.service.portal_token_types(session);
    let wanted = asked(&place.query, "type");
    if purpose == Purpose::Replace && (wanted == EXISTING || wanted.is_empty()) {
        let way = Way::Replace { tabs: tabs(place, purpose, &sorts, EXISTING) };
        let codes = Code::fields(home.confirm_codes);
        return Ok(confirm_page(place, &way, StatusCode::OK, Field::default(), codes, None));
    }
    let first = ORDER.into_iter().find(|sort| sorts.contains(sort));
    let sort = TokenType::from_name(wanted).filter(|sort| sorts.contains(sort)).or(first);
    let sort = sort.ok_or_else(not_offered)?;
    Ok(register_page(place, purpose, &sorts, sort, &Filled::NOTHING))
}

/// *Register New Token*.
pub(super) async fn register(place: Place) -> Response {
    shown(place, Purpose::First).await
}

/// *Re-Assign Token*.
pub(super) async fn reassign(place: Place) -> Response {
    shown(place, Purpose::Replace).await
}

/// *Register New Token*, sent.
pub(super) async fn begin(place: Place, form: Form<Typed>) -> Response {
    sent(place, form, Purpose::First).await
}

/// *Re-Assign Token*, sent.
pub(super) async fn replace(place: Place, form: Form<Typed>) -> Response {
    sent(place, form, Purpose::Replace).await
}

async fn sent(place: Place, form: Form<Typed>, purpose: Purpose) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        let sorts = place.state.service.portal_token_types(&session);
        if purpose == Purpose::Replace && typed.text("type") == EXISTING {
            let way = Way::Replace { tabs: tabs(&place, purpose, &sorts, EXISTING) };
            return take_token(&place, session, &typed, &way).await;
        }
        let sort = TokenType::from_name(typed.text("type")).filter(|sort| sorts.contains(sort));
        let sort = sort.ok_or_else(not_offered)?;
        draft(&place, session, purpose, &sorts, sort, &typed).await
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::REASSIGN, "").await
}

/// The parameters that a form of the universal tab says.
fn typed_spec(typed: &Typed) -> Result<(OtpSpec, u64), (&'static str, String)> {
    let digits = typed.text("digits").parse().ok().and_then(|digits| Digits::new(digits).ok());
    let digits = digits.ok_or_else(|| ("digits", "a code has 6, 7 or 8 digits".to_owned()))?;
    let hash = HashAlg::from_name(typed.text("hash"));
    let hash = hash.ok_or_else(|| ("hash", "the hash is SHA-1, SHA-256 or SHA-512".to_owned()))?;
    if typed.text("kind") == "press" {
        let counter = match typed.text("counter") {
            "" => Some(0),
            text => text.parse::<u64>().ok().filter(|counter| i64::try_from(*counter).is_ok()),
        };
        let counter =
            counter.ok_or_else(|| ("counter", "type how often it was pressed, in digits".to_owned()))?;
        return Ok((OtpSpec::Hotp { hash, digits }, counter));
    }
    let period = match typed.text("step") {
        "" => Some(PeriodSecs::DEFAULT),
        text => text.parse().ok().and_then(|secs| PeriodSecs::new(secs).ok()),
    };
    let period = period.ok_or_else(|| ("step", "type the seconds, 1 to 3600".to_owned()))?;
    Ok((OtpSpec::Totp { hash, digits, period, epoch_secs: 0 }, 0))
}

async fn draft(
    place: &Place,
    session: Arc<PortalSession>,
    purpose: Purpose,
    sorts: &[TokenType],
    sort: TokenType,
    typed: &Typed,
) -> Result<Response, ApiError> {
    let again = |at, what: String| {
        let filled = Filled { typed: Some(typed), problem: Some((at, what)) };
        register_page(place, purpose, sorts, sort, &filled)
    };
    let mut serial = None;
    let (mut model, mut spec, mut counter) = (None, None, 0);
    match sort {
        TokenType::Hardware => {
            serial = match TokenSerial::parse(typed.text("serial")) {
                Ok(serial) => Some(serial),
                Err(error) => return Ok(again("serial", error.to_string())),
            };
            let chosen = models().find(|(value, ..)| value == typed.text("model"));
            let Some((_, profile, computes)) = chosen else {
                return Ok(again("model", "choose a model of the list".to_owned()));
            };
            (model, spec) = (Some(profile), Some(computes.clone()));
        }
        TokenType::Universal => match typed_spec(typed) {
            Ok((computes, presses)) => (spec, counter) = (Some(computes), presses),
            Err((at, what)) => return Ok(again(at, what)),
        },
        TokenType::Software => model = device::profile("authenticator-app"),
        TokenType::Mail => {}
    }
    let typed_secret = typed.text("secret");
    let secret = (!typed_secret.is_empty()).then(|| Passphrase::from_text(typed_secret.to_owned()));
    let (name, visit) = (typed.text("name").to_owned(), place.visit());
    let begun = place.state.blocking(move |service| {
        let new = NewToken {
            token_type: sort,
            name: &name,
            serial: serial.as_ref(),
            manufacturer: model.map_or("", |profile| &profile.manufacturer),
            model: model.map_or("", |profile| &profile.name),
            seed_bytes: model.map(|profile| profile.seed_bytes.clone()),
            secret: secret.as_ref(),
            spec,
            counter,
        };
        service.portal_draft(&session, &new, purpose == Purpose::Replace, &visit)
    });
    match begun.await {
        Ok(()) => Ok(place.go("tokens/draft")),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            Ok(again(error.field.unwrap_or("secret"), error.message.clone()))
        }
        Err(error) => Err(error),
    }
}

/// The key in groups of four.
fn grouped(base32: &str) -> String {
    let fours: Vec<&str> =
        base32.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    fours.join(" ")
}

fn time_of_day(at: UnixTime, seconds: bool) -> String {
    let utc = at.to_utc();
    if seconds {
        format!("{:02}:{:02}:{:02} UTC", utc.hour(), utc.minute(), utc.second())
    } else {
        format!("{:02}:{:02} UTC", utc.hour(), utc.minute())
    }
}

fn facts(place: &Place, view: &DraftView) -> Vec<Fact> {
    let draft = &view.draft;
    let mut facts = Vec::new();
    if !draft.name.is_empty() {
        facts.push(Fact::new("Name", &draft.name));
    }
    facts.push(Fact::new("Service", place.resource.name.as_str()));
    if view.shown.is_some()
        && let Some(user) = place.session.as_ref().and_then(|session| session.user.as_ref())
    {
        facts.push(Fact::new("Account", user.login.as_str()));
    }
    if draft.token_type == TokenType::Hardware {
        let model = format!("{} {}", draft.manufacturer, draft.model);
        facts.push(Fact::new("Model", model.trim()));
        facts.push(Fact::new("Serial number", draft.serial.display()));
    }
    match draft.spec {
        OtpSpec::Totp { period, .. } => {
            facts.push(Fact::new("A new code", &format!("every {} s", period.get())));
        }
        _ => facts.push(Fact::new("A new code", "at each press")),
    }
    if let Some(digits) = draft.spec.digits() {
        facts.push(Fact::new("Digits", &digits.get().to_string()));
    }
    if let Some(hash) = draft.spec.hash() {
        let name = match hash {
            HashAlg::Sha1 => "SHA-1",
            HashAlg::Sha256 => "SHA-256",
            HashAlg::Sha512 => "SHA-512",
        };
        facts.push(Fact::new("Hash", name));
    }
    facts
}

/// The fields that the page shows: a second code, not needed, for devices whose clock may be off.
fn code_fields(view: &DraftView) -> Vec<Code> {
    let draft = &view.draft;
    let second = draft.failures > 0 && draft.token_type != TokenType::Software;
    let mut fields = Code::fields(if second { view.codes.max(2) } else { view.codes });
    if let [only] = fields.as_mut_slice() {
        "Code".clone_into(&mut only.label);
    }
    if view.codes == 1 && fields.len() == 2 {
        "Next code, if its clock may be off".clone_into(&mut fields[1].label);
    }
    fields
}

fn draft_page(
    place: &Place,
    status: StatusCode,
    view: &DraftView,
    codes: Vec<Code>,
    notice: Option<Notice>,
) -> Response {
    let now = place.state.service.now();
    let purpose = if view.draft.replaces.is_some() { Purpose::Replace } else { Purpose::First };
    let page = Draft {
        page: place.inside(purpose.heading()),
        portal: place.portal(),
        heading: purpose.heading(),
        shown: view.shown.as_ref().map(|shown| Shown {
            qr: qr::svg(&shown.uri, "QR code of your new token"),
            key: grouped(&shown.base32),
        }),
        facts: facts(place, view),
        codes,
        ring: match view.draft.spec {
            OtpSpec::Totp { period, .. } => Some(ring(u32::try_from(period.get()).unwrap_or(30), now)),
            _ => None,
        },
        clock: time_of_day(now, true),
        until: time_of_day(view.draft.ends_at(), false),
        notice,
    };
    html(status, &page)
}

async fn drafted(place: &Place, session: &Arc<PortalSession>) -> Result<Option<DraftView>, ApiError> {
    let session = Arc::clone(session);
    place.state.blocking(move |service| service.portal_drafted(&session)).await
}

/// The code that proves the new token, and `?done` after it.
pub(super) async fn proof(place: Place) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        if matches!(place.query.as_str(), "done" | "replaced") {
            let home = read_home(&place, &session).await?;
            if home.token.is_some() {
                let service = &place.resource.name;
                let (heading, next) = if place.query == "done" {
                    let next = format!("From now on, {service} asks for its code when you sign in.");
                    ("Your new token is ready", next)
                } else {
                    let next = "The old one is switched off. From now on, use the new one.".to_owned();
                    ("Your token was replaced", next)
                };
                return Ok(done_page(&place, &home, heading, "The code fits.", next));
            }
        }
        match drafted(&place, &session).await? {
            Some(view) => Ok(draft_page(&place, StatusCode::OK, &view, code_fields(&view), None)),
            None => Ok(place.go("home")),
        }
    };
    let result = result.await;
    place.answer(result)
}

fn refused(view: &DraftView, clock_secs: Option<i64>, left: u32, now: UnixTime) -> Notice {
    let tries = words::counted(u64::from(left), "more try").replace("trys", "tries");
    let device = if view.draft.token_type == TokenType::Software { "phone" } else { "token" };
    if let Some(secs) = clock_secs {
        let text = format!(
            "The clock of your {device} is {}; ours was checked and shows {}. Set it right (on a phone: date and time by themselves; some apps have a time correction of their own), then type the next code. {tries}.",
            words::clock(secs),
            time_of_day(now, true),
        );
        return Notice::new(Tone::Attention, "Your code fits, but for another time.", &text);
    }
    let check = match view.draft.token_type {
        TokenType::Software => "Scan the code anew, and look at the date and time of your phone",
        TokenType::Hardware => {
            "Check the serial number, the model and the secret, and the clock of the token"
        }
        TokenType::Universal | TokenType::Mail => {
            "Check the secret and what you said about the token, and its clock"
        }
    };
    let text = format!(
        "{check}; some apps have a time correction. Our clock was checked and shows {}. Then type the next code. {tries}.",
        time_of_day(now, true),
    );
    Notice::new(Tone::Bad, "We could not set up this token.", &text)
}

/// The code, sent.
pub(super) async fn prove(place: Place, form: Form<Typed>) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        let Some(view) = drafted(&place, &session).await? else { return Ok(gone(&place)) };
        let unfit = StatusCode::UNPROCESSABLE_ENTITY;
        let codes = match typed.codes(view.codes) {
            Ok(codes) => codes,
            Err(fields) => return Ok(draft_page(&place, unfit, &view, fields, None)),
        };
        let (given, repeated) = (codes.len(), repeated_at(&codes));
        let (asked, visit) = (Arc::clone(&session), place.visit());
        let outcome = place.state.blocking(move |service| service.portal_finish(&asked, &codes, &visit));
        let outcome = match outcome.await {
            Ok(outcome) => outcome,
            Err(error) => {
                return match codes_problem(&error, given, repeated) {
                    Some((fields, notice)) => Ok(draft_page(&place, unfit, &view, fields, notice)),
                    None => Err(error),
                };
            }
        };
        let now = place.state.service.now();
        Ok(match outcome {
            DraftResult::Made { .. } if view.draft.replaces.is_some() => place.go("tokens/draft?replaced"),
            DraftResult::Made { .. } => place.go("tokens/draft?done"),
            DraftResult::Refused { clock_secs, left } => match drafted(&place, &session).await? {
                Some(view) => {
                    let notice = Some(refused(&view, clock_secs, left, now));
                    draft_page(&place, unfit, &view, code_fields(&view), notice)
                }
                None => gone(&place),
            },
            DraftResult::Blocked { until } => {
                let notice = Some(blocked(until, now));
                draft_page(&place, StatusCode::TOO_MANY_REQUESTS, &view, code_fields(&view), notice)
            }
            DraftResult::Gone => gone(&place),
        })
    };
    let result = result.await;
    place.answer(result)
}

/// There is nothing to prove any more.
fn gone(place: &Place) -> Response {
    place.go("home?draft-ended")
}

/// The user does not want it.
pub(super) async fn drop_draft(place: Place, form: Form<Typed>) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        form?;
        let visit = place.visit();
        place.state.blocking(move |service| service.portal_drop_draft(&session, &visit)).await?;
        Ok(place.go("home"))
    };
    let result = result.await;
    place.answer(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_in_fours() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }

    #[test]
    fn each_model_is_offered_with_what_it_computes() {
        let labels: Vec<_> = model_choices("feitian-c200/0").into_iter().collect();
        let first = labels.iter().find(|choice| choice.selected).expect("listed");
        assert_eq!(first.label, "Feitian c200, 6 digits, a new code every 60 s");
        assert!(labels.iter().all(|choice| !choice.label.contains("app")));
    }

    #[test]
    fn addresses_say_which_tab() {
        assert_eq!(asked("type=hardware&x=1", "type"), "hardware");
        assert_eq!(asked("types=hardware", "type"), "");
    }
}
