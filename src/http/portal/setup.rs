//! *Register New Token* and *Re-Assign Token*: pick a sort and say what it is. `draft` proves it by its code.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{Sight, Way, done_page, empty_confirm_page, not_offered, read_home, take_token};
use super::place::{Inside, Place, Sent};
use super::prove::{self, Then};
use crate::device::{Catalogue, Profile, SeedOrigin};
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::setup::{Register, SetupSort, SetupTab};
use crate::http::page::{Choice, Field, Notice, Tone};
use crate::model::{EmailAddress, OtpSpec, PortalAction, TokenSerial, TokenType};
use crate::oath::{Digits, HashAlg, PeriodSecs};
use crate::secret::Passphrase;
use crate::service::{NewToken, PortalSession};
use crate::words::Words;

/// The word in addresses and forms for a token that was received.
const EXISTING: &str = "existing";

const fn label(sort: TokenType) -> &'static str {
    match sort {
        TokenType::Software => "register-sorts.software",
        TokenType::Hardware => "register-sorts.hardware",
        TokenType::Universal => "register-sorts.universal",
        TokenType::Mail => "register-sorts.mail",
    }
}

/// The sorts in the order of the page: what most people want first.
const ORDER: [TokenType; 4] =
    [TokenType::Software, TokenType::Hardware, TokenType::Universal, TokenType::Mail];

/// What is set up: the first token here, or one that takes the place of another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
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

    const fn proof(self) -> &'static Then {
        match self {
            Self::First => &prove::REGISTER,
            Self::Replace => &prove::REASSIGN,
        }
    }

    /// The message of its heading.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::First => "action-register-new-token",
            Self::Replace => "action-reassign-token",
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
        label: place.words.text(label),
        here: name == here,
    };
    let received = (purpose == Purpose::Replace).then(|| tab(EXISTING, "register-sorts.received"));
    let offered = ORDER.iter().filter(|sort| sorts.contains(sort));
    received.into_iter().chain(offered.map(|sort| tab(sort.name(), label(*sort)))).collect()
}

/// Models of devices with what they compute, each a choice of its own. Hashes other than the usual one
/// are a matter of the tab for everything else.
fn models(profiles: &Catalogue) -> impl Iterator<Item = (String, &Profile, &OtpSpec)> {
    profiles.all().filter(|profile| profile.seed_is != SeedOrigin::Here).flat_map(|profile| {
        let usual = profile.specs.first().and_then(OtpSpec::hash);
        let fits = move |(_, spec): &(usize, &OtpSpec)| spec.suite().is_none() && spec.hash() == usual;
        let named = move |(at, spec)| (format!("{}/{at}", profile.id), profile, spec);
        profile.specs.iter().enumerate().filter(fits).map(named)
    })
}

fn model_choices(words: Words, profiles: &Catalogue, selected: &str) -> Vec<Choice> {
    models(profiles)
        .map(|(value, profile, spec)| {
            let model = ("model", profile.full_name().into());
            let digits = ("digits", spec.digits().map_or(0, Digits::get).into());
            let label = match spec {
                OtpSpec::Totp { period, .. } => {
                    words.with("register-model-time", &[model, digits, ("secs", period.get().into())])
                }
                _ => words.with("register-model-press", &[model, digits]),
            };
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
            Some((at, what)) if *at == name => Field::wrong(value, what),
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
    let words = place.words;
    let heading = words.text(purpose.heading());
    let (time, press) = (words.text("register-kind.time"), words.text("register-kind.press"));
    let page = Register {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead: words.text(match purpose {
            Purpose::First => "register-lead",
            Purpose::Replace => "reassign-lead",
        }),
        tabs: tabs(place, purpose, sorts, sort.name()),
        sort: match sort {
            TokenType::Hardware => SetupSort::Hardware,
            TokenType::Universal => SetupSort::Universal,
            TokenType::Software => SetupSort::Software,
            TokenType::Mail => SetupSort::Mail,
        },
        mail_hint: place
            .session
            .as_ref()
            .and_then(|session| session.user.as_ref()?.email.as_ref().map(EmailAddress::hint))
            .unwrap_or_default(),
        sort_name: sort.name(),
        action: place.path(purpose.page()),
        name: filled.field("name", "", true),
        serial: filled.field("serial", "", true),
        secret: filled.field("secret", "", false),
        models: model_choices(words, &place.state.profiles, filled.text("model")),
        kinds: filled.chosen("kind", &[("time", &time), ("press", &press)]),
        digits: filled.chosen("digits", &[("6", "6"), ("7", "7"), ("8", "8")]),
        hashes: filled.chosen("hash", &[("sha1", "SHA-1"), ("sha256", "SHA-256"), ("sha512", "SHA-512")]),
        step: filled.field("step", "30", true),
        counter: filled.field("counter", "0", true),
        notice: match elsewhere {
            Some((_, what)) => Some(Notice::new(Tone::Bad, &words.text("register-refused"), what)),
            None if filled.problem.is_none() && filled.typed.is_some() => {
                Some(prove::type_again(place.words, "type-again-secret"))
            }
            None => None,
        },
    };
    let status = if filled.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

async fn shown(Inside { place, session }: Inside, purpose: Purpose) -> Response {
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
        let next = place.words.text("reassign-done.next");
        let heading = place.words.text("reassign-done");
        return Ok(done_page(place, &home, &heading, &place.words.text("token-number-fits"), next));
    }
    if !home.actions.contains(&purpose.action()) {
        return Err(not_offered());
    }
    let elsewhere = match purpose {
        Purpose::First => place.prove_code_first(session, purpose.proof()).await?,
        Purpose::Replace => place.prove_first(session, purpose.proof()).await?,
    };
    if let Some(elsewhere) = elsewhere {
        return Ok(elsewhere);
    }
    let sorts = place.state.service.portal_token_types(session);
    let wanted = asked(&place.query, "type");
    if purpose == Purpose::Replace && (wanted == EXISTING || wanted.is_empty()) {
        let way = Way::Replace { tabs: tabs(place, purpose, &sorts, EXISTING) };
        return empty_confirm_page(place, session, &way, Sight::asked(&place.query), home.confirm_codes)
            .await;
    }
    let first = ORDER.into_iter().find(|sort| sorts.contains(sort));
    let sort = TokenType::from_name(wanted).filter(|sort| sorts.contains(sort)).or(first);
    let sort = sort.ok_or_else(not_offered)?;
    Ok(register_page(place, purpose, &sorts, sort, &Filled::NOTHING))
}

/// *Register New Token*.
pub(super) async fn register(inside: Inside) -> Response {
    shown(inside, Purpose::First).await
}

/// *Re-Assign Token*.
pub(super) async fn reassign(inside: Inside) -> Response {
    shown(inside, Purpose::Replace).await
}

/// *Register New Token*, sent.
pub(super) async fn begin(form: Sent) -> Response {
    sent(form, Purpose::First).await
}

/// *Re-Assign Token*, sent.
pub(super) async fn replace(form: Sent) -> Response {
    sent(form, Purpose::Replace).await
}

async fn sent(Sent { place, session, typed }: Sent, purpose: Purpose) -> Response {
    let result = async {
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
    place.answer_or_prove(result, purpose.proof(), &typed).await
}

/// The parameters that a form of the universal tab says; else the field that cannot be read.
fn typed_spec(typed: &Typed) -> Result<(OtpSpec, u64), &'static str> {
    let digits = typed.text("digits").parse().ok().and_then(|digits| Digits::new(digits).ok());
    let digits = digits.ok_or("digits")?;
    let hash = HashAlg::from_name(typed.text("hash")).ok_or("hash")?;
    if typed.text("kind") == "press" {
        let counter = match typed.text("counter") {
            "" => Some(0),
            text => text.parse::<u64>().ok().filter(|counter| i64::try_from(*counter).is_ok()),
        };
        return Ok((OtpSpec::Hotp { hash, digits }, counter.ok_or("counter")?));
    }
    let period = match typed.text("step") {
        "" => Some(PeriodSecs::DEFAULT),
        text => text.parse().ok().and_then(|secs| PeriodSecs::new(secs).ok()),
    };
    Ok((OtpSpec::Totp { hash, digits, period: period.ok_or("step")?, epoch_secs: 0 }, 0))
}

async fn draft(
    place: &Place,
    session: Arc<PortalSession>,
    purpose: Purpose,
    sorts: &[TokenType],
    sort: TokenType,
    typed: &Typed,
) -> Result<Response, ApiError> {
    let unread = |at: &str| place.words.text(&format!("problem-{at}"));
    let again = |at, what: String| {
        let filled = Filled { typed: Some(typed), problem: Some((at, what)) };
        register_page(place, purpose, sorts, sort, &filled)
    };
    // An app's secret is made here: the form is whole.
    if prove::was_sent_on(typed) && matches!(sort, TokenType::Hardware | TokenType::Universal) {
        let filled = Filled { typed: Some(typed), problem: None };
        return Ok(register_page(place, purpose, sorts, sort, &filled));
    }
    let mut serial = None;
    let (mut model, mut spec, mut counter) = (None, None, 0);
    match sort {
        TokenType::Hardware => {
            serial = match TokenSerial::parse(typed.text("serial")) {
                Ok(serial) => Some(serial),
                Err(error) => return Ok(again("serial", place.name_problem(&error))),
            };
            let chosen = models(&place.state.profiles).find(|(value, ..)| value == typed.text("model"));
            let Some((_, profile, computes)) = chosen else {
                return Ok(again("model", unread("model")));
            };
            (model, spec) = (Some(profile.clone()), Some(computes.clone()));
        }
        TokenType::Universal => match typed_spec(typed) {
            Ok((computes, presses)) => (spec, counter) = (Some(computes), presses),
            Err(at) => return Ok(again(at, unread(at))),
        },
        TokenType::Software => model = place.state.profiles.get("authenticator-app").cloned(),
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
            manufacturer: model.as_ref().map_or("", |profile| &profile.manufacturer),
            model: model.as_ref().map_or("", |profile| &profile.name),
            seed_bytes: model.as_ref().map(|profile| profile.seed_bytes.clone()),
            secret: secret.as_ref(),
            spec,
            counter,
        };
        service.portal_draft(&session, &new, purpose == Purpose::Replace, &visit)
    });
    match begun.await {
        Ok(()) => Ok(place.go("tokens/draft")),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            Ok(again(error.field.unwrap_or("secret"), place.problem(&error)))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_is_offered_with_what_it_computes() {
        let chosen = "feitian-c200/0";
        let labels = model_choices(Words::ENGLISH, &Catalogue::built_in(), chosen);
        let first = labels.iter().find(|choice| choice.selected).expect("listed");
        assert_eq!(first.label, "Feitian c200, 6 digits, a new code every 60 s");
        assert!(labels.iter().all(|choice| !choice.label.contains("app")));
    }

    #[test]
    fn models_of_the_data_directory_are_offered_too() {
        let data = tempfile::tempdir().expect("a directory");
        let folder = data.path().join(crate::device::FOLDER);
        std::fs::create_dir(&folder).expect("made");
        let text = include_str!("../../../firmware-profiles/feitian-c200.toml").replace("c200", "c300");
        std::fs::write(folder.join("feitian-c300.toml"), text).expect("written");
        let profiles = Catalogue::with_folder_of(data.path());
        let labels = model_choices(Words::ENGLISH, &profiles, "feitian-c300/0");
        let first = labels.iter().find(|choice| choice.selected).expect("listed");
        assert_eq!(first.label, "Feitian c300, 6 digits, a new code every 60 s");
    }

    #[test]
    fn addresses_say_which_tab() {
        assert_eq!(asked("type=hardware&x=1", "type"), "hardware");
        assert_eq!(asked("types=hardware", "type"), "");
    }
}
