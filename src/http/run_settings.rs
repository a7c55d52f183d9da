//! What a programming run is asked for with, read against the profile of its model.

use serde::Deserialize;
use utoipa::ToSchema;

use super::error::ApiError;
use crate::device::{Catalogue, Profile};
use crate::model::{Application, BatchName, OtpSpec};
use crate::oath::{Digits, HashAlg, PeriodSecs, YubicoPublicId};
use crate::service::{NewRun, ServiceError};

/// A programming run that somebody wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunBody {
    /// Which model, by the name of its profile.
    pub profile: String,
    /// Where on the device: oath, `otp_slot` or `single_profile`.
    pub application: String,
    /// Of an `otp_slot`: 1 (a short touch) or 2 (a long one).
    pub slot: Option<u8>,
    /// The batch that its tokens come with.
    pub batch: String,
    /// How many tokens.
    pub count: u32,
    /// Readers that are used for it; absent or empty: all, also those that come later.
    #[serde(default)]
    pub readers: Vec<String>,
    /// What the tokens compute; what is absent is as the model ships.
    #[serde(default)]
    pub settings: SettingsBody,
}

/// What tokens compute.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsBody {
    /// totp or hotp; in an `otp_slot` hotp or `yubico_otp`.
    pub kind: Option<String>,
    /// sha1, sha256 or sha512.
    pub hash: Option<String>,
    /// 6 to 8.
    pub digits: Option<u32>,
    /// Seconds, of a totp.
    pub step: Option<u64>,
    /// What a credential is filed under, in the application oath.
    pub issuer: Option<String>,
    /// Codes want a touch, in the application oath; absent: no.
    pub touch: Option<bool>,
    /// Each device gets a key that opens it for changes; absent: yes, where the application has one.
    pub protect: Option<bool>,
    /// What lies in its place on a device, from elsewhere, is overwritten; absent: no, such a device is refused. Keys are
    /// delivered with slot 1 in use.
    pub replace: Option<bool>,
}

fn wrong(code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::field("settings", code, detail)
}

/// Where on a model secrets can be written.
fn applications(profile: &Profile) -> Vec<Application> {
    let is_there = |one: &Application| !profile.specs_of((*one).into()).is_empty();
    Application::ALL.into_iter().filter(is_there).collect()
}

/// The place on the model.
fn application(body: &RunBody, profile: &Profile) -> Result<Application, ApiError> {
    let possible = applications(profile);
    if possible.is_empty() {
        let detail = format!("{} cannot be written to here: choose another profile", profile.full_name());
        return Err(ApiError::field("profile", "not_programmable", detail));
    }
    let mut names: Vec<&str> = possible.iter().map(|one| one.name()).collect();
    names.dedup();
    if !names.contains(&body.application.as_str()) {
        let detail = format!("an application of {} is one of: {}", profile.full_name(), names.join(", "));
        return Err(ApiError::field("application", "application_unknown", detail));
    }
    let asked = Application::from_name(&body.application, body.slot);
    asked.filter(|asked| possible.contains(asked)).ok_or_else(|| {
        let detail = if body.application == "otp_slot" {
            "slot is 1 (a short touch) or 2 (a long one)".to_owned()
        } else {
            format!("the application {} has no slots: leave the slot out", body.application)
        };
        ApiError::field("slot", "slot_unknown", detail)
    })
}

/// What the tokens compute: as the model ships, but for what is asked for.
fn spec(settings: &SettingsBody, specs: &[OtpSpec]) -> Result<OtpSpec, ApiError> {
    let hash = match &settings.hash {
        Some(name) => Some(
            HashAlg::from_name(name)
                .ok_or_else(|| wrong("hash_unknown", "hash is sha1, sha256 or sha512"))?,
        ),
        None => None,
    };
    let digits = settings.digits.map(Digits::new).transpose();
    let digits = digits.map_err(|error| wrong("digits_range", error.to_string()))?;
    let period = settings.step.map(PeriodSecs::new).transpose();
    let period = period.map_err(|error| wrong("step_range", error.to_string()))?;
    let first = specs.first().ok_or_else(ApiError::unexpected)?;
    let kind = settings.kind.as_deref().unwrap_or_else(|| first.kind().name());
    let ships = specs.iter().find(|spec| spec.kind().name() == kind).unwrap_or(first);
    let hash = hash.or(ships.hash()).unwrap_or(HashAlg::Sha1);
    let digits = digits.or(ships.digits()).unwrap_or(Digits::SIX);
    match kind {
        "totp" => {
            let shipped = ships.clock().map(|(period, _)| period);
            let period = period.or(shipped).unwrap_or(PeriodSecs::DEFAULT);
            Ok(OtpSpec::Totp { hash, digits, period, epoch_secs: 0 })
        }
        "hotp" if period.is_some() => {
            Err(wrong("step_not_expected", "codes of a counter have no step: leave it out"))
        }
        "hotp" => Ok(OtpSpec::Hotp { hash, digits }),
        "yubico_otp" if settings.hash.is_some() || settings.digits.is_some() || period.is_some() => {
            let detail = "codes of Yubico OTP have neither hash nor digits nor step: leave them out";
            Err(wrong("settings_not_expected", detail))
        }
        "yubico_otp" => Ok(OtpSpec::YubicoOtp { public_id: YubicoPublicId::NONE }),
        _ => Err(wrong("kind_unknown", "kind is totp, hotp or yubico_otp")),
    }
}

/// The run that is asked for.
pub(super) fn read(profiles: &Catalogue, body: RunBody) -> Result<NewRun, ApiError> {
    let profile = profiles.get(&body.profile).ok_or_else(|| {
        let possible = profiles.all().filter(|one| !applications(one).is_empty());
        let known: Vec<&str> = possible.map(|profile| profile.id.as_str()).collect();
        let detail = format!("a profile is one of: {}", known.join(", "));
        ApiError::field("profile", "profile_unknown", detail)
    })?;
    let application = application(&body, profile)?;
    let specs = profile.specs_of(application.into());
    let settings = body.settings;
    let spec = spec(&settings, &specs)?;
    let touch = settings.touch.unwrap_or(false);
    let is_oath = application == Application::Oath;
    if touch && !is_oath {
        return Err(wrong("touch_not_expected", "only the application oath can want a touch for each code"));
    }
    if settings.issuer.as_ref().is_some_and(|issuer| !issuer.trim().is_empty()) && !is_oath {
        return Err(wrong(
            "issuer_not_expected",
            "only the application oath has names: leave the issuer out",
        ));
    }
    let can_protect = application != Application::SingleProfile;
    if settings.protect == Some(true) && !can_protect {
        return Err(wrong("protect_not_expected", "this model knows no key that opens it for changes"));
    }
    Ok(NewRun {
        profile: profile.id.clone(),
        manufacturer: profile.manufacturer.clone(),
        model: profile.name.clone(),
        specs,
        seed_bytes: profile.seed_bytes_of(application.into()),
        application,
        spec,
        batch: BatchName::parse(&body.batch).map_err(ServiceError::name("batch"))?,
        count: body.count,
        issuer: settings.issuer.unwrap_or_default(),
        touch,
        protect: settings.protect.unwrap_or(can_protect),
        replaces: settings.replace.unwrap_or(false),
        readers: body.readers,
    })
}
