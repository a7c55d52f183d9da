use std::sync::Arc;
use std::time::Duration;

use mintmark_engine::clock::ManualClock;
use mintmark_engine::oath::{Generator, time_step};
use proptest::prelude::*;

use super::*;
use crate::exchanges::Exchanges;
use crate::simulated::token2::{VirtualToken2, models};
use crate::simulated::{Card, Inserted};
use crate::transport::Lengths;
use crate::transport::scripted::{Scripted, bytes, hex};

const EXCHANGES: &str = include_str!("../../../tests/exchanges/token2_single_profile.json");
const AT: UnixTime = UnixTime::from_secs(1_700_000_000);
const P2: &str = "86596220000001";
const P1: &str = "86596120000007";

fn settings(hash: HashAlg, period: u64, display_secs: u32) -> Settings {
    let period = PeriodSecs::new(period).expect("a period");
    Settings::new(hash, Digits::SIX, period, display_secs).expect("settings")
}

fn rfc_settings() -> Settings {
    settings(HashAlg::Sha1, 30, 30)
}

/// The seed of RFC 6238, cut or repeated.
fn seed(length: usize) -> Seed {
    Seed::new(b"1234567890".iter().copied().cycle().take(length).collect())
}

/// Sends one command to a card that expects what is on record.
fn sends(golden: &Exchanges, name: &str, command: &Command) -> Status {
    let mut card = golden.card(Lengths::Short, &[name]);
    apdu::send(&mut card, command, Rest::GetResponse).expect("answered").status
}

#[test]
fn commands_are_those_on_record() {
    let golden = Exchanges::read(EXCHANGES);
    let at_1700000060 = UnixTime::from_secs(1_700_000_060);
    let slow = configure(settings(HashAlg::Sha256, 60, 120), at_1700000060).expect("in range");
    assert_eq!(sends(&golden, "config", &configure(rfc_settings(), AT).expect("in range")), Status::OK);
    assert_eq!(sends(&golden, "config_60_sha256", &slow), Status::OK);
    for (name, length) in [("seed10", 10), ("seed16", 16), ("seed20", 20), ("seed32", 32)] {
        assert_eq!(sends(&golden, name, &write_seed(&seed(length)).expect("fits")), Status::OK, "{name}");
    }
    assert_eq!(
        sends(&golden, "seed_unauthenticated", &write_seed(&seed(20)).expect("fits")),
        NOT_AUTHENTICATED
    );
    let mut card = golden.card(Lengths::Short, &["info", "auth"]);
    let token = Token2::open(&mut card).expect("read");
    assert_eq!(token.info(), &Info { serial: P2.to_owned(), clock: AT });
    assert!(token.authenticate(&models()).is_ok());
}

#[test]
fn the_simulated_token_answers_what_is_on_record() {
    let world = Arc::new(ManualClock::new(AT));
    let mut token = VirtualToken2::new(P2, world, 0);
    token.power_on();
    let golden = Exchanges::read(EXCHANGES);
    let order = ["info", "seed_unauthenticated", "auth", "config", "seed20", "seed32", "seed10", "seed16"];
    let order = [&order[..], &["config_60_sha256", "bad_mac", "info2", "bad_auth", "short"]].concat();
    for name in [&order[..], &["unknown_instruction", "unknown_class"]].concat() {
        token.challenge_next([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
        for (request, response) in golden.steps(name) {
            assert_eq!(hex(&token.transmit(&bytes(request)).expect("it lies there")), response, "{name}");
        }
    }
}

/// A token and the time that it lies in.
fn lying(serial: &str, drift_ppm: i64) -> (Inserted<VirtualToken2>, Arc<ManualClock>) {
    let world = Arc::new(ManualClock::new(AT));
    (Inserted::new(VirtualToken2::new(serial, world.clone(), drift_ppm), Lengths::Short), world)
}

fn code_at(at: UnixTime, seed: &Seed, alg: HashAlg, period: PeriodSecs) -> mintmark_engine::oath::Otp {
    let step = time_step(at, 0, 0, period).expect("after 1970");
    Generator::new(seed, alg).code(step, Digits::SIX)
}

fn program(
    card: &mut Inserted<VirtualToken2>,
    settings: Settings,
    clock: &dyn Clock,
) -> Result<i64, Token2Error> {
    Token2::open(card)?.authenticate(&models())?.program(settings, &seed(20), clock)
}

#[test]
fn a_programmed_token_shows_the_codes_of_its_seed() {
    for serial in [P1, P2] {
        let (mut card, world) = lying(serial, 100);
        // A year in the drawer: 100 ppm are some 53 minutes.
        world.advance(Duration::from_hours(365 * 24));
        assert_eq!(card.card.clock().secs_since(world.now()), 3153);
        assert_eq!(program(&mut card, settings(HashAlg::Sha256, 60, 60), world.as_ref()), Ok(0));
        let period = PeriodSecs::new(60).expect("a period");
        let code = code_at(world.now(), &seed(20), HashAlg::Sha256, period);
        assert!(card.card.shown().is_some_and(|shown| shown.value(Digits::SIX) == code.value(Digits::SIX)));
    }
}

#[test]
fn the_time_alone_is_set_only_where_it_takes_no_seed_and_of_the_token_that_was_cleared() {
    let (mut card, world) = lying(P1, 100);
    program(&mut card, rfc_settings(), world.as_ref()).expect("programmed");
    world.advance(Duration::from_hours(30 * 24));
    let set = |card: &mut Inserted<VirtualToken2>, cleared: &str| {
        let mut token = Token2::open(card)?.authenticate(&models())?;
        token.set_time(rfc_settings(), Cleared::token(cleared), world.as_ref())
    };
    let error = set(&mut card, P2).expect_err("another one was named").to_string();
    assert_eq!(
        error,
        "token 86596120000007 lies on the reader, and token 86596220000001 was to be set; lay that one on"
    );
    assert_eq!(set(&mut card, P1), Ok(0));
    let code = code_at(world.now(), &seed(20), HashAlg::Sha1, PeriodSecs::DEFAULT);
    assert!(
        card.card.shown().is_some_and(|shown| shown.value(Digits::SIX) == code.value(Digits::SIX)),
        "its seed is still there"
    );

    let (mut card, world) = lying(P2, 0);
    program(&mut card, rfc_settings(), world.as_ref()).expect("programmed");
    assert_eq!(set(&mut card, P2), Err(Token2Error::TimeErasesSeed("OTPC-P2-i".to_owned())));
    assert!(card.card.shown().is_some());
    let command = configure(rfc_settings(), world.now()).expect("in range");
    apdu::send(&mut card, &command, Rest::GetResponse).expect("answered");
    assert!(card.card.shown().is_none(), "this is what the refusal is for");
}

#[test]
fn unknown_models_are_read_and_not_written_to() {
    let (mut card, world) = lying("12345678", 0);
    assert_eq!(Token2::open(&mut card).expect("read").info().serial, "12345678");
    let refused = program(&mut card, rfc_settings(), world.as_ref());
    assert_eq!(refused, Err(Token2Error::UnknownModel("12345678".to_owned())));
    for status in [0x6e00, 0x6d00, 0x6a82] {
        let mut other = Scripted::new(Lengths::Short, &[("80410000020211", &format!("{status:04X}"))]);
        assert_eq!(Token2::open(&mut other).err(), Some(Token2Error::OtherToken(Status(status))));
    }
}

#[test]
fn a_key_that_is_not_taken_is_tried_once() {
    let golden = Exchanges::read(EXCHANGES);
    let mut steps = [golden.steps("info"), golden.steps("auth")].concat();
    steps[2].1 = "6983";
    let mut card = Scripted::new(Lengths::Short, &steps);
    let refused = Token2::open(&mut card).expect("read").authenticate(&models()).err();
    assert_eq!(refused, Some(Token2Error::KeyRefused(P2.to_owned())));
}

#[test]
fn a_token_that_is_taken_away_says_what_it_holds_and_can_be_programmed_again() {
    let steps = [Step::Reading, Step::Authenticating, Step::Authenticating];
    let steps = [&steps[..], &[Step::Configuring, Step::WritingSeed, Step::ReadingBack]].concat();
    for (answers, step) in steps.into_iter().enumerate() {
        let (mut card, world) = lying(P2, 0);
        card.card.faults.unanswered_after = Some(answers);
        let error = program(&mut card, rfc_settings(), world.as_ref()).expect_err("it is taken away");
        assert_eq!(error, Token2Error::Transport { step, source: TransportError::Lost });
        card.put_back();
        assert_eq!(program(&mut card, rfc_settings(), world.as_ref()), Ok(0));
        assert!(card.card.shown().is_some());
    }
    let (mut card, world) = lying(P2, 0);
    card.card.faults.cut_after = Some(80);
    let error = program(&mut card, rfc_settings(), world.as_ref()).expect_err("it is taken away");
    assert_eq!(
        error.to_string(),
        "the token was taken away while it worked; put it back to see what is on it (while its seed was written, \
         after its time was set; it may be without one); programming it again begins anew"
    );
    assert!(card.card.shown().is_none());
}

#[test]
fn tokens_that_lie_are_noticed() {
    let (mut card, world) = lying(P2, 0);
    world.set(AT.plus_secs(3600));
    card.card.faults.forgets = true;
    assert_eq!(program(&mut card, rfc_settings(), world.as_ref()), Err(Token2Error::ClockOff(-3600)));
    let (mut card, world) = lying(P2, 0);
    let mut token = Token2::open(&mut card).expect("read").authenticate(&models()).expect("taken");
    token.info.serial = P1.to_owned();
    let other = token.program(rfc_settings(), &seed(20), world.as_ref());
    assert_eq!(other, Err(Token2Error::AnotherToken { expected: P1.to_owned(), found: P2.to_owned() }));
    let (mut card, world) = lying(P2, 0);
    card.card.faults.endless = true;
    let endless = program(&mut card, rfc_settings(), world.as_ref());
    assert!(matches!(
        endless,
        Err(Token2Error::Transport { step: Step::Reading, source: TransportError::Garbled(_) })
    ));
}

#[test]
fn what_the_tokens_cannot_do_is_refused() {
    let new = |hash, digits, period, display| {
        let period = PeriodSecs::new(period).expect("a period");
        Settings::new(hash, digits, period, display).map(drop).map_err(|error| error.to_string())
    };
    let refusals = [
        (
            new(HashAlg::Sha512, Digits::SIX, 30, 30),
            "these tokens make codes with sha1 or sha256, not sha512",
        ),
        (new(HashAlg::Sha1, Digits::EIGHT, 30, 30), "these tokens show 6 digits, not 8"),
        (new(HashAlg::Sha1, Digits::SIX, 45, 30), "the steps of these tokens are 30 or 60 seconds, not 45"),
        (
            new(HashAlg::Sha1, Digits::SIX, 30, 45),
            "the display of these tokens stays on for 15, 30, 60 or 120 seconds, not 45",
        ),
    ];
    for (refused, text) in refusals {
        assert_eq!(refused, Err(text.to_owned()));
    }
    for length in [0, 64] {
        assert_eq!(write_seed(&seed(length)).err(), Some(Token2Error::SeedLength(length)));
    }
    let before_1970 =
        configure(rfc_settings(), UnixTime::from_secs(-1)).expect_err("no such time").to_string();
    assert_eq!(
        before_1970,
        "the clock of this machine shows 1969-12-31T23:59:59Z, which a token cannot be set to; set the clock first"
    );
}

#[test]
fn a_seed_is_shown_nowhere() {
    let shown = format!("{:?}", write_seed(&seed(20)).expect("fits"));
    assert_eq!(shown, "84C50100 (36 secret bytes)");
}

proptest! {
    #[test]
    fn any_info_is_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_info(&data);
    }

    #[test]
    fn any_command_is_answered(commands in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
        let (card, _) = lying(P2, 0);
        let mut card = card.card;
        for command in &commands {
            prop_assert!(card.transmit(command).is_some_and(|response| response.len() >= 2));
        }
    }
}

#[test]
fn the_longest_beginning_names_the_model() {
    let model = |name: &str, prefix: &str| Model {
        name: name.to_owned(),
        serial_prefix: prefix.to_owned(),
        keeps_seed: false,
    };
    let models = Models::new([model("all", "86"), model("one", "86596")]);
    let named = |serial: &str| models.of_serial(serial).map(|model| model.name.clone());
    assert_eq!(named("86596220000001").as_deref(), Some("one"));
    assert_eq!(named("86000000").as_deref(), Some("all"));
    assert_eq!(named("8"), None);
    assert_eq!(Models::default().of_serial(P2), None);
}
