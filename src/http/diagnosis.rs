//! What operators read of codes that fit nowhere: the cause, where they fit, the next step.

use serde::Serialize;
use utoipa::ToSchema;

use super::page::Notice;
use super::words;
use crate::model::TokenKind;
use crate::seedfile::SecretReading;
use crate::service::{Diagnosis, DiagnosisCause, Finding, Parameters};
use crate::words::{Value, Words};

type Variables = Vec<(&'static str, Value<'static>)>;

/// The message of a cause and what it names.
fn message(finding: &Finding) -> (&'static str, Variables) {
    match &finding.cause {
        DiagnosisCause::Drift => ("diagnosis-drift", Vec::new()),
        DiagnosisCause::Order => ("diagnosis-order", Vec::new()),
        DiagnosisCause::LeftOut => ("diagnosis-left-out", Vec::new()),
        DiagnosisCause::Pin { digits, before } => {
            let before = if *before { "yes" } else { "no" };
            ("diagnosis-pin", vec![("digits", (*digits).into()), ("before", before.into())])
        }
        DiagnosisCause::Parameters { stated, shown } => ("diagnosis-parameters", differences(stated, shown)),
        DiagnosisCause::Secret(reading) => ("diagnosis-secret", reading_words(*reading)),
        DiagnosisCause::CounterBehind { expected } => {
            let counter = words::count(finding.counter.unwrap_or_default());
            let expected = words::count(*expected);
            ("diagnosis-behind", vec![("counter", counter.into()), ("expected", expected.into())])
        }
        DiagnosisCause::OtherToken { serial, custody } => {
            let custody = super::custody::custody_badge(custody).text.to_lowercase();
            let serial = serial.display().to_owned();
            ("diagnosis-other", vec![("serial", serial.into()), ("custody", custody.into())])
        }
    }
}

/// What differs, in words, as it stands and as the codes show it; and what sets it right in an import.
fn differences(stated: &Parameters, shown: &Parameters) -> Variables {
    let (mut here, mut there, mut set) = (Vec::new(), Vec::new(), Vec::new());
    let mut differ = |before: String, after: String, right: Option<String>| {
        here.push(before);
        there.push(after);
        set.extend(right);
    };
    let kind = |of: &Parameters| {
        Words::ENGLISH.text(if of.kind == TokenKind::Hotp { "diagnosis-hotp" } else { "diagnosis-totp" })
    };
    if stated.kind != shown.kind {
        differ(kind(stated), kind(shown), Some(format!("kind={}", shown.kind.name())));
    }
    if stated.hash != shown.hash {
        let name = |of: &Parameters| of.hash.name().to_uppercase().replace("SHA", "SHA-");
        let hash = |of| Words::ENGLISH.with("diagnosis-hash", &[("hash", name(of).into())]);
        differ(hash(stated), hash(shown), Some(format!("hash={}", shown.hash.name())));
    }
    if stated.digits != shown.digits {
        let digits = |of: &Parameters| {
            Words::ENGLISH.with("diagnosis-digits", &[("digits", of.digits.get().to_string().into())])
        };
        differ(digits(stated), digits(shown), Some(format!("digits={}", shown.digits.get())));
    }
    if let (Some(before), Some(after)) = (stated.period, shown.period)
        && before != after
    {
        let step = |secs: i64| Words::ENGLISH.with("diagnosis-step", &[("secs", secs.to_string().into())]);
        differ(step(before.get()), step(after.get()), Some(format!("step={}", after.get())));
    }
    if stated.epoch_secs != shown.epoch_secs {
        let epoch = |of: &Parameters| {
            let id = if of.epoch_secs == 0 { "diagnosis-epoch-1970" } else { "diagnosis-epoch-2000" };
            Words::ENGLISH.text(id)
        };
        differ(epoch(stated), epoch(shown), None);
    }
    // What no setting of an import says must come from the vendor.
    if set.is_empty() {
        set.push(there.join(", "));
    }
    vec![("stated", all_of(here).into()), ("shown", all_of(there).into()), ("set", set.join(", ").into())]
}

fn all_of(parts: Vec<String>) -> String {
    parts
        .into_iter()
        .reduce(|first, second| {
            Words::ENGLISH.with("diagnosis-and", &[("first", first.into()), ("second", second.into())])
        })
        .unwrap_or_default()
}

fn reading_words(reading: SecretReading) -> Variables {
    let (text, set) = match reading {
        SecretReading::Text(of) => {
            (Words::ENGLISH.with("diagnosis-text", &[("encoding", of.name().into())]), None)
        }
        SecretReading::Decoded(meant) => {
            (Words::ENGLISH.with("diagnosis-decoded", &[("encoding", meant.name().into())]), None)
        }
        SecretReading::Instead { taken, meant } => {
            let variables = [("encoding", meant.name().into()), ("taken", taken.name().into())];
            let set = format!("encoding={}", meant.name());
            (Words::ENGLISH.with("diagnosis-instead", &variables), Some(set))
        }
        SecretReading::Reversed => (Words::ENGLISH.text("diagnosis-reversed"), None),
    };
    vec![("reading", text.into()), ("set", set.unwrap_or_else(|| "none".to_owned()).into())]
}

/// Where the codes lie in this reading.
fn place(finding: &Finding) -> String {
    match (finding.seconds, finding.counter) {
        (Some(seconds), _) => {
            Words::ENGLISH.with("diagnosis-at-clock", &[("clock", words::clock(seconds).into())])
        }
        (None, Some(counter)) => {
            Words::ENGLISH.with("diagnosis-at-counter", &[("counter", words::count(counter).into())])
        }
        (None, None) => String::new(),
    }
}

/// A finding as title, sentence and next step.
fn told(finding: &Finding) -> [String; 3] {
    let (id, mut variables) = message(finding);
    variables.push(("place", place(finding).into()));
    let text = |part: &str| Words::ENGLISH.with(&format!("{id}{part}"), &variables).trim().to_owned();
    [text(""), text(".text"), text(".next")]
}

/// Says in a notice what was found out, in place of "nothing fits"; other readings that fit come behind the first.
pub(super) fn explain(notice: Notice, diagnosis: Option<&Diagnosis>) -> Notice {
    let Some(diagnosis) = diagnosis else { return notice };
    let mut findings = diagnosis.findings.iter().map(told);
    let Some([title, text, next]) = findings.next() else {
        let text = format!("{} {}", notice.text, Words::ENGLISH.text("diagnosis-nothing"));
        return Notice { text, ..notice };
    };
    let more = findings.map(|[_, text, _]| Words::ENGLISH.with("diagnosis-or", &[("text", text.into())]));
    let text = [text, next].into_iter().chain(more).collect::<Vec<_>>().join(" ");
    Notice { title, text, ..notice }
}

/// One reading that fits.
#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisFinding)]
pub(super) struct FindingDto {
    /// drift, order, `left_out`, pin, step, hash, digits, kind, epoch, parameters, secret, `counter_behind` or
    /// `other_token`.
    cause: &'static str,
    /// How far the clock is off in this reading; positive: fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    /// The counter of the first code in this reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<u64>,
    /// The token that shows the codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// How the secret must be read, for example `text_of_hex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reading: Option<String>,
    /// As it stands here, where that is the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    stated: Option<ParametersDto>,
    /// As the codes show.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<ParametersDto>,
    /// What was found, in a sentence.
    detail: String,
    /// What to do.
    next: String,
}

/// How a token computes its codes.
#[derive(Serialize, ToSchema)]
#[schema(as = DiagnosisParameters)]
pub(super) struct ParametersDto {
    kind: &'static str,
    hash: &'static str,
    digits: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<i64>,
    /// From when steps are counted, in Unix seconds.
    epoch: i64,
}

impl ParametersDto {
    const fn of(parameters: &Parameters) -> Self {
        Self {
            kind: parameters.kind.name(),
            hash: parameters.hash.name(),
            digits: parameters.digits.get(),
            step: match parameters.period {
                Some(period) => Some(period.get()),
                None => None,
            },
            epoch: parameters.epoch_secs,
        }
    }
}

/// What the codes mean that fit nowhere.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnosis)]
pub(super) struct DiagnosisDto {
    /// The likeliest first; empty: nothing that was tried explains them.
    findings: Vec<FindingDto>,
    evaluated: u64,
    elapsed_us: u64,
}

impl From<&Diagnosis> for DiagnosisDto {
    fn from(diagnosis: &Diagnosis) -> Self {
        let one = |finding: &Finding| {
            let [_, detail, next] = told(finding);
            let (mut serial, mut reading, mut parameters) = (None, None, None);
            match &finding.cause {
                DiagnosisCause::OtherToken { serial: other, .. } => serial = Some(other.display().to_owned()),
                DiagnosisCause::Secret(other) => reading = Some(other.name()),
                DiagnosisCause::Parameters { stated, shown } => parameters = Some((stated, shown)),
                _ => {}
            }
            FindingDto {
                cause: finding.cause.name(),
                seconds: finding.seconds,
                counter: finding.counter,
                serial,
                reading,
                stated: parameters.map(|(stated, _)| ParametersDto::of(stated)),
                shown: parameters.map(|(_, shown)| ParametersDto::of(shown)),
                detail,
                next,
            }
        };
        let findings = diagnosis.findings.iter().map(one).collect();
        Self { findings, evaluated: diagnosis.evaluated, elapsed_us: diagnosis.elapsed_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::Tone;
    use crate::model::TokenSerial;
    use crate::oath::{Digits, HashAlg, PeriodSecs};
    use crate::seedfile::SecretEncoding;

    fn said(cause: DiagnosisCause, seconds: Option<i64>, counter: Option<u64>) -> String {
        let finding = Finding { cause, seconds, counter };
        let diagnosis = Diagnosis { findings: vec![finding], ..Diagnosis::default() };
        let notice = explain(Notice::new(Tone::Bad, "No position fits", "Nothing."), Some(&diagnosis));
        format!("{}. {}", notice.title, notice.text)
    }

    #[test]
    fn a_cause_is_told_with_its_evidence_and_the_next_step() {
        let stated = Parameters {
            kind: TokenKind::Totp,
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: PeriodSecs::new(60).ok(),
            epoch_secs: 0,
        };
        let shown = Parameters { period: PeriodSecs::new(30).ok(), hash: HashAlg::Sha256, ..stated };
        let text = said(DiagnosisCause::Parameters { stated, shown }, Some(-12), None);
        assert!(
            text.contains("fit with SHA-256 and steps of 30 s; here it stands with SHA-1 and steps of 60 s. Its clock is 12 s slow then."),
            "{text}"
        );
        assert!(text.contains("import it again with hash=sha256, step=30 and replace"), "{text}");
        let serial = TokenSerial::parse("87-1234568").expect("a serial");
        let text = said(DiagnosisCause::OtherToken { serial, custody: "handed_out" }, None, Some(7));
        assert!(
            text.starts_with("These codes are from another token. Token 87-1234568 shows them"),
            "{text}"
        );
        let instead = SecretReading::Instead { taken: SecretEncoding::Hex, meant: SecretEncoding::Base32 };
        let text = said(DiagnosisCause::Secret(instead), None, Some(1));
        assert!(text.contains("read as base32, not as hex") && text.contains("encoding=base32"), "{text}");
        let text = said(DiagnosisCause::Secret(SecretReading::Text(SecretEncoding::Hex)), None, None);
        assert!(text.contains("the letters of its hex text") && text.contains("ask the vendor"), "{text}");
        let text = said(DiagnosisCause::Pin { digits: 4, before: true }, Some(0), None);
        assert!(text.contains("without the first 4 digits"), "{text}");
    }

    #[test]
    fn where_nothing_was_found_that_is_said() {
        let notice = Notice::new(Tone::Bad, "No position fits", "Look.");
        assert_eq!(explain(notice.clone(), None).text, "Look.");
        let text = explain(notice, Some(&Diagnosis::default())).text;
        assert!(text.starts_with("Look. Other steps"), "{text}");
    }
}
