//! Codes that fit nowhere are read in other ways: the mistake that was made is named first, and where none was made
//! nothing is named.
//!
//! `MINTMARK_DIAGNOSIS_TOKENS` sets how many tokens carry each planted mistake (2; a release check takes 200).

use std::fmt::Write as _;

use mintmark::model::{
    Actor, AssignmentKind, BatchPart, ChallengePurpose, ImportState, PinPlacement, Scope, TokenSerial,
};
use mintmark::oath::{Digits, Generator, HashAlg, MovingFactor, Otp};
use mintmark::secret::{Pin, Seed};
use mintmark::service::{
    Advice, AssignRequest, ConfirmRequest, ConfirmResult, Diagnosis, DiagnosisCause, ImportRequest,
    ResyncRequest, SequenceResult, ServiceError, parse_serial_ranges,
};
use mintmark::store::Page;

use super::fixture::{
    Home, StandIn, admin, batch, login, many, operator, request, resource, secret_of, serial, visit,
};
use super::ocra::Keypad;
use super::pin::glued;

fn at_desk<'a>(serial: &'a TokenSerial, otps: &'a [Otp]) -> ResyncRequest<'a> {
    ResyncRequest { reason: Some("Person at the desk, identified"), ..ResyncRequest::new(serial, otps) }
}

fn tokens() -> u32 {
    std::env::var("MINTMARK_DIAGNOSIS_TOKENS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// A token that computes in its own way, whatever the file says of it.
struct Real {
    serial: TokenSerial,
    secret: Vec<u8>,
    generator: Generator,
    digits: Digits,
    period: i64,
    epoch: i64,
    drift: i64,
}

impl Real {
    /// With a clock that is off by up to half an hour.
    fn new(prefix: &str, number: u32) -> Self {
        let name = format!("{prefix}{number:05}");
        let secret = secret_of(&name);
        let generator = Generator::new(&Seed::new(secret.clone()), HashAlg::Sha1);
        let drift = i64::from(number) * 7_919 % 3_600 - 1_800;
        Self { serial: serial(&name), secret, generator, digits: Digits::SIX, period: 30, epoch: 0, drift }
    }

    fn hashes(self, hash: HashAlg) -> Self {
        Self { generator: Generator::new(&Seed::new(self.secret.clone()), hash), ..self }
    }

    fn holds(self, secret: Vec<u8>) -> Self {
        Self { generator: Generator::new(&Seed::new(secret), HashAlg::Sha1), ..self }
    }

    fn line(&self, stated: &str) -> String {
        let hex = self.secret.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        format!("{},{hex},{stated}\n", self.serial.display())
    }

    fn step(&self, home: &Home) -> u64 {
        let shown = home.service.now().secs() + self.drift - self.epoch;
        u64::try_from(shown / self.period).expect("after 1970")
    }

    fn codes(&self, from: u64, count: u64) -> Vec<Otp> {
        (from..from + count).map(|at| self.generator.code(MovingFactor(at), self.digits)).collect()
    }

    /// The last codes that it showed.
    fn shown(&self, home: &Home, count: u64) -> Vec<Otp> {
        self.codes(self.step(home) - (count - 1), count)
    }
}

/// What is set beside a file.
type Set = Vec<(String, String)>;

fn import(home: &Home, name: &str, text: &str, set: Set) {
    let view = home.plan(ImportRequest { commit: true, set, ..request(text, name) });
    assert!(matches!(view.import.state, ImportState::Committed { .. }), "{view:?}");
}

fn diagnosed(home: &Home, serial: &TokenSerial, otps: &[Otp]) -> Diagnosis {
    let explained = home.service.resync_explained(&operator(1), &at_desk(serial, otps)).expect("answered");
    explained.diagnosis.unwrap_or_else(|| panic!("{:?}", explained.outcome))
}

fn first(diagnosis: &Diagnosis) -> &'static str {
    diagnosis.findings.first().map_or("nothing", |finding| finding.cause.name())
}

/// Tokens of which a file states `stated`, as `real` makes them; what their codes are taken for.
fn planted(
    expected: &str,
    stated: &str,
    set: &Set,
    real: impl Fn(u32) -> Real,
    typed: impl Fn(&Real, &Home) -> Vec<Otp>,
) {
    let home = Home::new();
    let made: Vec<Real> = (0..tokens()).map(real).collect();
    let text: String = made.iter().map(|real| real.line(stated)).collect();
    import(&home, "planted", &text, set.clone());
    let mut missed = String::new();
    for real in &made {
        let named = diagnosed(&home, &real.serial, &typed(real, &home));
        if first(&named) != expected {
            let _ = writeln!(missed, "{}: {:?}", real.serial, named.findings);
        }
    }
    let most = made.len() / 100;
    assert!(missed.lines().count() <= most, "{expected}, {stated}:\n{missed}");
}

fn hash(alg: HashAlg) -> Set {
    vec![("hash".to_owned(), alg.name().to_owned())]
}

#[test]
fn another_step_than_the_file_says_is_named() {
    for (stated, period) in [("TOTP,6,60", 30), ("TOTP,6,30", 60), ("TOTP,6,30", 15), ("TOTP,6,60", 120)] {
        for count in [2, 3] {
            let real = |number| Real { period, ..Real::new("STP", number) };
            let shown = move |real: &Real, home: &Home| real.shown(home, count);
            planted("step", stated, &Set::new(), real, shown);
        }
    }
}

#[test]
fn another_hash_than_the_file_says_is_named() {
    for (stated, real) in [
        (HashAlg::Sha1, HashAlg::Sha256),
        (HashAlg::Sha1, HashAlg::Sha512),
        (HashAlg::Sha256, HashAlg::Sha1),
        (HashAlg::Sha512, HashAlg::Sha256),
    ] {
        let make = move |number| Real::new("HSH", number).hashes(real);
        planted("hash", "TOTP,6,30", &hash(stated), make, |real, home| real.shown(home, 2));
        planted("hash", "HOTP,6,0", &hash(stated), make, |real, _| real.codes(40, 3));
    }
}

#[test]
fn another_number_of_digits_than_the_file_says_is_named() {
    for (stated, digits) in [("TOTP,6,30", Digits::EIGHT), ("TOTP,8,30", Digits::SIX)] {
        let real = move |number| Real { digits, ..Real::new("DIG", number) };
        planted("digits", stated, &Set::new(), real, |real, home| real.shown(home, 2));
    }
}

#[test]
fn several_wrong_parameters_are_named_together() {
    let minute = move |number| Real { period: 60, digits: Digits::EIGHT, ..Real::new("ALL", number) };
    let real = move |number| minute(number).hashes(HashAlg::Sha256);
    planted("parameters", "TOTP,6,30", &Set::new(), real, |real, home| real.shown(home, 2));
}

#[test]
fn a_token_of_another_kind_or_another_epoch_is_named() {
    let plain = |number| Real::new("KND", number);
    planted("kind", "TOTP,6,30", &Set::new(), plain, |real, _| real.codes(17, 2));
    planted("kind", "HOTP,6,0", &Set::new(), plain, |real, home| real.shown(home, 2));
    let epoch = |number| Real { epoch: 946_684_800, ..Real::new("EPO", number) };
    planted("epoch", "TOTP,6,30", &Set::new(), epoch, |real, home| real.shown(home, 3));
}

#[test]
fn a_secret_that_was_meant_in_another_way_is_named() {
    let letters = |secret: &[u8]| {
        secret.iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}")).into_bytes()
    };
    let upper = move |number| {
        let real = Real::new("ENC", number);
        let text = letters(&real.secret);
        real.holds(text)
    };
    planted("secret", "TOTP,6,30", &Set::new(), upper, |real, home| real.shown(home, 2));
    let turned = |number| {
        let real = Real::new("REV", number);
        let bytes = real.secret.iter().rev().copied().collect();
        real.holds(bytes)
    };
    planted("secret", "HOTP,6,0", &Set::new(), turned, |real, _| real.codes(5, 2));
}

#[test]
fn the_neighbours_token_is_named_with_its_number() {
    let home = Home::new();
    let made: Vec<Real> = (0..tokens().max(12)).map(|number| Real::new("NBR", number)).collect();
    let text: String = made.iter().map(|real| real.line("TOTP,6,30")).collect();
    import(&home, "neighbours", &text, Set::new());
    let mut wrong = Vec::new();
    for (at, real) in made.iter().enumerate() {
        let away = [1, 2, 5, 9][at % 4];
        let other = &made[(at + away) % made.len()];
        for count in [2, 3] {
            let named = diagnosed(&home, &real.serial, &other.shown(&home, count));
            match named.findings.first().map(|finding| (&finding.cause, finding.seconds)) {
                // Two codes have room for the nearest tokens.
                Some((DiagnosisCause::OtherToken { serial, .. }, Some(seconds)))
                    if *serial == other.serial && (seconds - other.drift).abs() <= 30 => {}
                found => wrong.push(format!("{count}: {} for {}: {found:?}", other.serial, real.serial)),
            }
        }
    }
    assert!(wrong.len() <= made.len() * 2 / 100, "{wrong:#?}");
}

#[test]
fn what_was_typed_in_another_order_or_with_codes_left_out_is_named() {
    let plain = |number| Real::new("ORD", number);
    let none = Set::new();
    planted("order", "TOTP,6,30", &none, plain, |real, home| real.shown(home, 2).into_iter().rev().collect());
    planted("order", "HOTP,6,0", &none, plain, |real, _| {
        let mut codes = real.codes(10, 3);
        codes.swap(1, 2);
        codes
    });
    planted("left_out", "TOTP,6,30", &none, plain, |real, home| {
        let step = real.step(home);
        [step - 3, step - 1, step].iter().flat_map(|at| real.codes(*at, 1)).collect()
    });
    planted("left_out", "HOTP,6,0", &none, plain, |real, _| {
        [real.codes(10, 1), real.codes(14, 1)].into_iter().flatten().collect()
    });
}

#[test]
fn a_pin_that_the_token_does_not_have_is_named() {
    let plain = |number| Real::new("PIN", number);
    let none = Set::new();
    let beside = |real: &Real, home: &Home, pin: &str, before: bool| -> Vec<Otp> {
        let step = real.step(home);
        (step - 1..=step)
            .map(|at| {
                let value = real.generator.truncated(MovingFactor(at)) % 1_000_000;
                let code = format!("{value:06}");
                let text = if before { format!("{pin}{code}") } else { format!("{code}{pin}") };
                Otp::parse(&text).expect("digits")
            })
            .collect()
    };
    planted("pin", "TOTP,6,30", &none, plain, |real, home| beside(real, home, "1111", false));
    planted("pin", "TOTP,6,30", &none, plain, |real, home| beside(real, home, "472913", true));
}

/// Codes that brought a token back, typed once more at once and some minutes later; with a clock and with a counter.
#[test]
fn codes_that_were_used_are_named() {
    for (prefix, stated) in [("USC", "TOTP,6,30"), ("USH", "HOTP,6")] {
        let home = Home::new();
        let made: Vec<Real> = (0..tokens()).map(|number| Real::new(prefix, number)).collect();
        let text: String = made.iter().map(|real| real.line(stated)).collect();
        import(&home, "used", &text, Set::new());
        let mut missed = 0;
        for real in &made {
            let from = if stated.starts_with("HOTP") { 40 } else { real.step(&home) - 2 };
            let answer = |count| {
                let otps = real.codes(from, count);
                home.service.resync_explained(&operator(1), &at_desk(&real.serial, &otps)).expect("answered")
            };
            let found = answer(3).outcome.result;
            assert!(matches!(found, SequenceResult::Synchronized { .. }), "{stated} {found:?}");
            for wait in [0, 300] {
                home.wait(wait);
                let again = answer(3).outcome.result;
                let is_named = matches!(again, SequenceResult::Replayed | SequenceResult::BehindFloor { .. });
                missed += usize::from(!is_named);
            }
        }
        assert!(missed <= made.len() / 100, "{stated}: {missed} of {} not named", 2 * made.len());
    }
}

#[test]
fn a_counter_that_began_anew_is_named() {
    let none = vec![("counter".to_owned(), "40000".to_owned())];
    let plain = |number| Real::new("BHD", number);
    planted("counter_behind", "HOTP,6", &none, plain, |real, _| real.codes(3, 3));
    planted("counter_behind", "HOTP,6", &none, plain, |real, _| real.codes(39_500, 3));
}

/// Every cause at once would be believed of nothing: a healthy token of which somebody mistypes a code, and a device
/// that is not from here.
#[test]
fn healthy_tokens_and_strangers_are_not_explained() {
    let home = Home::new();
    let made: Vec<Real> = (0..tokens() * 4).map(|number| Real::new("WEL", number)).collect();
    let text: String = made.iter().map(|real| real.line("TOTP,6,30")).collect();
    import(&home, "well", &text, Set::new());
    let (mut false_alarms, mut asked) = (Vec::new(), 0);
    for (number, real) in made.iter().enumerate() {
        for count in [2, 3] {
            let mut codes = real.shown(&home, count);
            let value = codes[1].value(Digits::SIX).expect("six digits");
            let place = 10u32.pow(u32::try_from(number % 6).expect("small"));
            codes[1] = Otp::from_value(value + place, Digits::SIX);
            let stranger = Real::new("FAR", u32::try_from(number).expect("few")).shown(&home, count);
            for codes in [codes, stranger] {
                // Ten failures in a row close a token: each is asked twice.
                let named = diagnosed(&home, &real.serial, &codes);
                asked += 1;
                if !named.findings.is_empty() {
                    false_alarms.push(format!("{}: {:?}", real.serial, named.findings));
                }
            }
        }
    }
    assert!(
        false_alarms.len() * 1_000 < asked.max(1_000),
        "{} of {asked}: {false_alarms:#?}",
        false_alarms.len()
    );
}

#[test]
fn a_diagnosis_spends_nothing_and_stands_in_the_log() {
    let home = Home::new();
    let real = Real { period: 60, ..Real::new("ONE", 1) };
    import(&home, "one", &real.line("TOTP,6,30"), Set::new());
    let named = diagnosed(&home, &real.serial, &real.shown(&home, 2));
    assert_eq!(first(&named), "step");
    let view = home.service.token(&operator(1), &real.serial).expect("there");
    assert!(!view.state.used && view.state.drift.is_none(), "{:?}", view.state);
    assert_eq!(view.state.budget.failures, 1, "the try counts once");
    let log = home.service.token_history(&operator(1), &real.serial, mintmark::store::Page::first(9));
    let actions: Vec<_> = log.expect("read").items.iter().map(|record| record.action).collect();
    assert!(actions.contains(&"diagnosed"), "{actions:?}");
    // A right answer is not explained.
    let right = home.service.resync_explained(
        &operator(1),
        &at_desk(&real.serial, &StandIn::totp("ONE00001").from(home.step() - 1, 2)),
    );
    assert!(right.expect("answered").diagnosis.is_none());
}

#[test]
fn tokens_outside_the_scope_are_not_named() {
    let home = Home::new();
    let pair = many("TWO", 2);
    home.import("two", &pair.iter().collect::<Vec<_>>());
    home.add_vpn();
    home.service
        .assign_batch(
            &admin(),
            &batch("two"),
            &resource("VPN"),
            BatchPart::Serials(parse_serial_ranges(&["TWO00000".to_owned()]).expect("one")),
        )
        .expect("assigned");
    let vpn = home.service.resource(&admin(), &resource("VPN")).expect("there").resource.id;
    let scoped = Actor { scope: Scope::Resources(vec![vpn]), ..operator(1) };
    let ask = |actor: &Actor| {
        let codes = pair[1].from(home.step() - 1, 2);
        let said = home.service.resync_explained(actor, &at_desk(&pair[0].serial, &codes));
        first(&said.expect("answered").diagnosis.expect("not found"))
    };
    assert_eq!(ask(&operator(1)), "other_token");
    assert_eq!(ask(&scoped), "nothing");
}

#[test]
fn codes_that_no_reading_explains_keep_their_refusal() {
    let home = Home::new();
    let token = StandIn::totp("LEN-1");
    home.import("one", &[&token]);
    let odd: Vec<Otp> = ["1234567", "7654321"].map(|text| Otp::parse(text).expect("digits")).into();
    let said = home.service.resync_explained(&operator(1), &at_desk(&token.serial, &odd));
    assert!(matches!(said, Err(ServiceError::Invalid { code: "otp_length", .. })), "{said:?}");
}

#[test]
fn a_confirmation_at_the_desk_is_explained_too() {
    let home = Home::new();
    let pair = many("DSK", 2);
    home.import("two", &pair.iter().collect::<Vec<_>>());
    home.add_vpn();
    home.assign_batch("two");
    home.add_user("anna");
    let codes = pair[1].from(home.step() - 1, 2);
    let (vpn, anna) = (resource("VPN"), login("anna"));
    let asked = ConfirmRequest { resource: &vpn, user: &anna, serial: &pair[0].serial, otps: &codes };
    let said = home.service.confirm_explained(&operator(1), &asked, &[]).expect("answered");
    assert!(matches!(said.outcome, ConfirmResult::Refused { .. }), "{said:?}");
    let named = said.diagnosis.expect("explained");
    let cause = &named.findings.first().expect("one").cause;
    assert!(matches!(cause, DiagnosisCause::OtherToken { serial, .. } if *serial == pair[1].serial));
}

#[test]
fn answers_of_a_keypad_in_another_order_or_from_another_are_named() {
    let home = Home::new();
    let suite = "OCRA-1:HOTP-SHA1-6:QN08-T1M";
    let mut pair = [Keypad::new("KEY-1", suite), Keypad::new("KEY-2", suite)];
    let lines: String = pair.iter().map(Keypad::line).collect();
    import(&home, "keypads", &lines, Set::new());
    let named = pair[0].serial.clone();
    let mut ask = |of: usize, turned: bool| {
        let asked = [0; 2].map(|_| {
            home.service
                .issue_challenge(&operator(1), &named, ChallengePurpose::Synchronization)
                .expect("asked")
                .text
        });
        let mut codes: Vec<Otp> = asked.iter().map(|text| pair[of].answer(&home, text)).collect();
        if turned {
            codes.reverse();
        }
        let request = ResyncRequest { challenges: &asked, ..at_desk(&named, &codes) };
        let said = home.service.resync_explained(&operator(1), &request);
        let said = said.expect("answered");
        assert_ne!(said.outcome.result.name(), "synchronized");
        first(&said.diagnosis.expect("not found"))
    };
    assert_eq!(ask(0, true), "order");
    assert_eq!(ask(1, false), "other_token");
}

/// One beside it that cannot be asked takes nothing from the answer.
#[test]
fn a_neighbour_whose_pin_is_unknown_is_passed_over() {
    let home = Home::new();
    let mut pair = ["PIN-1", "PIN-2"].map(|name| Keypad::new(name, "OCRA-1:HOTP-SHA1-6:QN08-PSHA1-T1M"));
    let lines: String = pair.iter().map(Keypad::line).collect();
    import(&home, "keypads", &lines, Set::new());
    let named = pair[0].serial.clone();
    home.service.set_response_pin(&admin(), &named, &Pin::new(b"1234".to_vec())).expect("set");
    pair[0].pin = Some("1234");
    let asked = [0; 2].map(|_| {
        home.service
            .issue_challenge(&operator(1), &named, ChallengePurpose::Synchronization)
            .expect("asked")
            .text
    });
    let mut codes: Vec<Otp> = asked.iter().map(|text| pair[0].answer(&home, text)).collect();
    codes.reverse();
    let request = ResyncRequest { challenges: &asked, ..at_desk(&named, &codes) };
    let said = home.service.resync_explained(&operator(1), &request).expect("answered");
    assert_eq!(first(&said.diagnosis.expect("not found")), "order");
}

/// Law 2: what is read in other ways without a search is an attempt all the same.
#[test]
fn codes_of_another_length_are_attempts_and_end_with_them() {
    let home = Home::new();
    let token = StandIn::totp("LEN-1");
    home.import("one", &[&token]);
    let odd: Vec<Otp> = ["1234567", "7654321"].map(|text| Otp::parse(text).expect("digits")).into();
    let ask = || home.service.resync_explained(&operator(1), &at_desk(&token.serial, &odd));
    for _ in 0..5 {
        assert!(matches!(ask(), Err(ServiceError::Invalid { code: "otp_length", .. })));
    }
    let closed = ask().expect("answered");
    assert!(matches!(closed.outcome.result, SequenceResult::Blocked { until: Some(_) }), "{closed:?}");
    assert!(closed.diagnosis.is_none());
    // Waiting opens it until ten were tried: then another operator must.
    for _ in 0..20 {
        home.wait(7_200);
        let _ = ask();
    }
    assert!(matches!(ask().expect("answered").outcome.result, SequenceResult::Blocked { until: None }));
}

/// The PIN of a token that has one is taken off first.
#[test]
fn a_token_with_a_pin_is_read_without_it() {
    let home = super::register::home();
    let (_, app) = super::pin::with_pin(&home, PinPlacement::After);
    home.wait(300);
    let step = home.step();
    let typed = [step, step - 1].map(|at| glued("", &app.at(at), "2580"));
    assert_eq!(first(&diagnosed(&home, &app.serial, &typed)), "order");
}

/// P20: the owner of a token is told what to do, never what was found; each look is one attempt.
#[test]
fn p20_owners_are_told_what_to_do() {
    let tokens = [StandIn::totp("OWN-1"), StandIn::totp("OWN-2")];
    let hidden = StandIn::totp("OWN-3");
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    home.import("box", &[&tokens[0], &tokens[1], &hidden]);
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home.give_to_anna(&tokens[0]);
    for (token, on) in [(&tokens[1], "VPN"), (&hidden, "Mail")] {
        let token = Some(token.serial.clone());
        let alone = AssignRequest { kind: AssignmentKind::Token, user: None, token };
        home.service.assign(&admin(), &resource(on), &alone).expect("assigned");
    }
    let portal = home.sign_in_full("anna", &tokens[0]);
    home.wait(300);
    let step = home.step();
    let state = || home.service.token(&admin(), &tokens[0].serial).expect("there").state;
    let ask =
        |otps: &[Otp]| home.service.portal_synchronize_advised(&portal, otps, &visit()).expect("answered");
    let at = |token: &StandIn, steps: [u64; 2]| steps.map(|at| token.at(at));
    let counted = [
        (at(&tokens[0], [step, step - 1]), Some(Advice::Order)),
        (at(&tokens[0], [step - 3, step - 1]), Some(Advice::LeftOut)),
        (at(&tokens[1], [step - 1, step]), Some(Advice::OtherToken)),
        // Beside it in the box, but on another resource: of those nothing is said.
        (at(&hidden, [step - 1, step]), None),
    ];
    for (n, (otps, advice)) in (1..).zip(counted) {
        let said = ask(&otps);
        assert_eq!((said.outcome.result, said.advice), (SequenceResult::NotFound, advice), "{n}");
        assert_eq!(state().budget.failures, n, "one attempt each");
    }
    let floor = state().floor;
    // What looks like a PIN is told without a look at the secret: it costs no attempt, and is the same for any digits.
    for code in [tokens[0].at(step), tokens[0].wrong(step)] {
        let said = ask(&[glued("2580", &code, ""), glued("2580", &tokens[0].at(step + 1), "")]);
        assert_eq!(said.advice, Some(Advice::Pin));
    }
    assert_eq!((state().budget.failures, state().floor), (4, floor));
    let log = home.service.audit(&admin(), None, Page::first(20)).expect("read").items;
    let looked: Vec<_> = log.iter().filter(|record| record.action == "diagnosed").collect();
    assert_eq!(looked.len(), 4);
    assert!(looked[1].detail.iter().any(|(name, value)| *name == "serial" && value == "OWN-2"), "{looked:?}");
    // The fifth failure closes it; what comes then is not looked at.
    ask(&at(&hidden, [step - 1, step]));
    let closed = ask(&at(&tokens[0], [step, step - 1]));
    assert!(matches!(closed.outcome.result, SequenceResult::Blocked { .. }), "{closed:?}");
    assert_eq!(closed.advice, None);
}

/// What no owner can set right is for the desk: a wrong step, wrong digits, a counter that began anew.
#[test]
fn p20_what_a_file_states_wrongly_is_for_the_desk() {
    let eight = Digits::new(8).expect("eight");
    let rows = [
        (Real { period: 60, ..Real::new("DSK", 7) }, "TOTP,6,30", true),
        (Real { digits: eight, ..Real::new("DSK", 8) }, "TOTP,6,30", false),
        (Real::new("DSK", 9), "HOTP,6", true),
    ];
    for (real, stated, is_counted) in rows {
        let home = Home::new();
        home.add_vpn();
        home.add_user("anna");
        let set = match stated {
            "HOTP,6" => vec![("counter".to_owned(), "40000".to_owned())],
            _ => Set::new(),
        };
        import(&home, "box", &real.line(stated), set);
        home.assign_batch("box");
        let portal = home.sign_in("anna");
        let pair = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login("anna")),
            token: Some(real.serial.clone()),
        };
        home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
        let codes = if stated == "HOTP,6" { real.codes(3, 3) } else { real.shown(&home, 2) };
        let said = home.service.portal_synchronize_advised(&portal, &codes, &visit()).expect("answered");
        let told = (said.outcome.result, said.advice);
        assert_eq!(told, (SequenceResult::NotFound, Some(Advice::Helpdesk)), "{stated}");
        let failures = home.service.token(&admin(), &real.serial).expect("there").state.budget.failures;
        assert_eq!(failures, u32::from(is_counted), "{stated}: a look at the secret counts");
    }
}
