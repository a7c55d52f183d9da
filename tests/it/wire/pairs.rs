//! Law 6 by the clock: what is known and what is not known takes as long, is answered with the same status
//! and headers, and with as many bytes.
//!
//! Tries of the kinds that must not be told apart are interleaved, in an order that changes; their times are
//! compared by Welch's t. `MINTMARK_LAW6_PAIRS` sets how many pairs there are at each of the three doors, over
//! their kinds and steps; `tests/full-size` asks for 20,000.

use std::ops::Range;
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock};
use mintmark::model::{
    AssignmentKind, BrowserSays, EmailAddress, EnvironmentPolicy, Login, PortalAction, ResourceAlias,
    ResourceName, Visit,
};
use mintmark::secret::Passphrase;
use mintmark::service::{AssignRequest, NewUser, PortalSettings, SecondPage, UserPatch};

use super::browser::Browser;
use super::client::Reply;
use super::{ADMIN, Server, digits, size};
use crate::service::fixture::StandIn;

/// Beyond this, two kinds can be told apart by their times.
const BOUND: f64 = 4.5;
const PASSWORD: &str = "drei Birnen im Korb";

/// A form of *Restore access*: what it is, and its fields.
type Step = (&'static str, &'static [(&'static str, &'static str)]);

fn resource(name: &str) -> ResourceName {
    ResourceName::parse(name).expect("a name")
}

/// Times of tries of some kinds, in microseconds.
struct Times {
    what: &'static str,
    kinds: Vec<(&'static str, Vec<f64>)>,
}

fn mean_and_variance(times: &[f64]) -> (f64, f64) {
    let count = f64::from(u32::try_from(times.len()).expect("few"));
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

impl Times {
    fn new(what: &'static str, kinds: &[&'static str]) -> Self {
        Self { what, kinds: kinds.iter().map(|kind| (*kind, Vec::new())).collect() }
    }

    /// Welch's t of each kind beside the first, over the tries that no other work on this machine held up:
    /// of both kinds the slowest twentieth is left out, by one bound for both.
    #[expect(clippy::print_stdout, reason = "the figures are for whoever asks for them")]
    fn judge(&self) -> Vec<String> {
        let mut told = Vec::new();
        let (first, base) = &self.kinds[0];
        for (kind, times) in &self.kinds[1..] {
            let mut all: Vec<f64> = base.iter().chain(times).copied().collect();
            all.sort_by(f64::total_cmp);
            let bound = all[all.len() * 19 / 20];
            let kept =
                |times: &[f64]| times.iter().copied().filter(|time| *time <= bound).collect::<Vec<_>>();
            let ((a, va), (b, vb)) = (mean_and_variance(&kept(base)), mean_and_variance(&kept(times)));
            let t = (a - b) / (va + vb).sqrt();
            println!(
                "law 6, {}: {first} {a:.0} us, {kind} {b:.0} us, {} pairs, Welch's t {t:.2}",
                self.what,
                times.len()
            );
            if t.abs() >= BOUND {
                told.push(format!("{}: {kind} is told from {first} by its time, t = {t:.2}", self.what));
            }
        }
        told
    }
}

/// Status, header fields and length of an answer.
type Shape = (u16, Vec<(String, String)>, usize);

/// All of an answer that a stranger can compare: status, headers without the time and with the lengths of
/// cookies, and the number of bytes.
fn shape(reply: &Reply) -> Shape {
    let headers = reply.headers().into_iter().filter(|(name, _)| name != "date").map(|(name, value)| {
        let value = if name == "set-cookie" {
            let (pair, rest) = value.split_once(';').unwrap_or((&value, ""));
            format!("{} letters;{rest}", pair.len())
        } else {
            value
        };
        (name, value)
    });
    (reply.status, headers.collect(), reply.body.len())
}

/// Sends a form; gives the answer's shape and how long it took.
fn timed(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> (Reply, f64) {
    let clock = SystemClock::new();
    let before = clock.monotonic();
    let reply = browser.post(path, fields);
    let took = clock.monotonic().saturating_sub(before);
    (reply, took.as_secs_f64() * 1e6)
}

/// The portal of *VPN*, with people and tokens.
fn server() -> Server {
    let server = Server::new();
    for name in ["VPN", "Mail"] {
        server.service.add_resource(&ADMIN, &resource(name)).expect("made");
    }
    let settings = PortalSettings {
        alias: Some(ResourceAlias::parse("vpn").expect("an alias")),
        actions: Some(vec![PortalAction::RegisterExistingToken, PortalAction::SynchronizeToken]),
        environment_policy: Some(EnvironmentPolicy::Refuse),
        ..PortalSettings::default()
    };
    server.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    server
}

fn add_user(server: &Server, login: &str, password: bool) {
    let new = NewUser {
        login: login.to_owned(),
        password: password.then(|| Passphrase::from_text(PASSWORD.into())),
        email: (!password).then(|| EmailAddress::parse(&format!("{login}@example.org")).expect("an address")),
        resource: Some(resource("VPN")),
        ..NewUser::default()
    };
    server.service.add_user(&ADMIN, new).expect("made");
}

/// Signs in from a browser that no test has: where the others come from is unusual from then on.
fn sign_in_elsewhere(server: &Server, login: &str) {
    let says = BrowserSays {
        user_agent: "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        ..BrowserSays::default()
    };
    let visit = Visit { says, ..Visit::from_address("203.0.113.9") };
    let (alias, login) =
        (ResourceAlias::parse("vpn").expect("an alias"), Login::parse(login).expect("a login"));
    let cookie = server.service.portal_begin(&alias, &login, &visit).expect("begun");
    let portal = server.service.portal_session(&alias, &cookie).expect("read").expect("alive");
    let password = Passphrase::from_text(PASSWORD.into());
    let passed = server.service.portal_second(&portal, &password, &visit).expect("answered");
    assert!(matches!(passed, SecondPage::Passed { .. }), "{passed:?}");
}

/// Both pages of a sign-in that fails.
fn fail_to_sign_in(server: &Server, login: &str, password: &str) -> [(Reply, f64); 2] {
    let mut browser = Browser::new(server.address);
    browser.get("/selfservice/vpn/portal");
    let first = timed(&mut browser, "/selfservice/vpn/portal", &[("login", login)]);
    browser.get("/selfservice/vpn/verify");
    let second = timed(&mut browser, "/selfservice/vpn/verify", &[("secret", password)]);
    [first, second]
}

/// P9, P10: page 1 and page 2 of the sign-in, for people with a password, with an address, with the right password
/// in an environment that is refused, and unknown.
#[test]
fn law6_sign_in_takes_as_long_for_every_login() {
    let rounds = size("MINTMARK_LAW6_PAIRS", 500) / 2;
    let mut times = [
        Times::new("page 1 of the sign-in", &SIGN_IN_KINDS),
        Times::new("page 2 of the sign-in", &SIGN_IN_KINDS),
    ];
    for (page, kind, took) in side_by_side(rounds, sign_in_pairs) {
        times[page].kinds[kind].1.push(took);
    }
    assert_eq!(times.iter().flat_map(Times::judge).collect::<Vec<_>>(), Vec::<String>::new());
}

const SIGN_IN_KINDS: [&str; 4] = ["nobody", "password", "address", "refused"];
/// No answer that may hash a password leaves sooner, in microseconds.
const PASSWORD_BEAT: f64 = 250_000.0;

/// Which page or step, which kind, how long.
type Took = (usize, usize, f64);

/// Almost all of the time is waiting for beats, so parts of the pairs go side by side, each with a server of its
/// own.
fn side_by_side(pairs: u64, part: impl Fn(Range<u64>) -> Vec<Took> + Sync) -> Vec<Took> {
    std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> =
            (0..10).map(|n| scope.spawn(move || part((pairs * n / 10)..(pairs * (n + 1) / 10)))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("none failed")).collect()
    })
}

/// Fails to sign in, for these pairs.
fn sign_in_pairs(rounds: Range<u64>) -> Vec<Took> {
    let server = server();
    let mut times = Vec::new();
    for round in rounds {
        // Logins of one length; each is tried once, as a stranger would who has a list.
        let login = |kind: usize| format!("{}{round:06}", ["nobody", "passwd", "adress", "refuse"][kind]);
        for kind in 1..4 {
            add_user(&server, &login(kind), kind != 2);
        }
        let email = EmailAddress::parse("refuse@example.org").expect("an address");
        let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
        let refused = Login::parse(&login(3)).expect("a login");
        server.service.change_user(&ADMIN, &refused, patch).expect("changed");
        sign_in_elsewhere(&server, &login(3));
        let mut shapes = Vec::new();
        for turn in 0..4 {
            let kind = (turn + usize::try_from(round).expect("small")) % 4;
            let password = if kind == 3 { PASSWORD } else { "not the password at all" };
            let pages = fail_to_sign_in(&server, &login(kind), password);
            assert!(pages[1].1 >= PASSWORD_BEAT, "page 2 is on its beat: {} us", pages[1].1);
            shapes.push((kind, pages.iter().map(|(reply, _)| shape(reply)).collect::<Vec<_>>()));
            times.extend(pages.iter().enumerate().map(|(page, (_, took))| (page, kind, *took)));
        }
        for (kind, seen) in &shapes {
            let (told, beside) = (SIGN_IN_KINDS[*kind], SIGN_IN_KINDS[shapes[0].0]);
            assert_eq!(seen, &shapes[0].1, "round {round}: {told} beside {beside}");
        }
        assert_eq!([shapes[0].1[0].0, shapes[0].1[1].0], [303, 422]);
        // Mails and failures of one address are of other tests.
        server.wait(120);
    }
    times
}

/// P38 to P41: *Restore access* step by step, with a wrong proof and with everything lost, for somebody who has
/// a token, a password and an address, and for nobody.
#[test]
fn law6_restore_access_takes_as_long_for_every_login() {
    const KINDS: [&str; 2] = ["nobody", "somebody"];
    const ALL: &[(&str, &str)] = &[("step", "lost"), ("token", "1"), ("password", "1"), ("email", "1")];
    const NEW: &[(&str, &str)] =
        &[("step", "password"), ("new", "vier Quitten im Netz"), ("again", "vier Quitten im Netz")];
    let steps: [Step; 7] = [
        ("a lost token", &[("step", "lost"), ("token", "1")]),
        ("a wrong proof", &[("step", "proof"), ("password", "not the password"), ("code", "12345678")]),
        ("begun again", &[("step", "again")]),
        ("everything lost", ALL),
        ("a new password", NEW),
        ("a new address", &[("step", "email"), ("email", "new@example.net")]),
        ("sent", &[("step", "send")]),
    ];
    let rounds = size("MINTMARK_LAW6_PAIRS", 500) / 5;
    let mut times = steps.map(|(what, _)| Times::new(what, &KINDS));
    for (at, kind, took) in side_by_side(rounds, |rounds| restore_pairs(&steps, rounds)) {
        times[at].kinds[kind].1.push(took);
    }
    assert_eq!(times.iter().flat_map(Times::judge).collect::<Vec<_>>(), Vec::<String>::new());
}

/// Walks through the steps of *Restore access* for these pairs; gives which step, which kind and how long.
fn restore_pairs(steps: &[Step; 7], rounds: Range<u64>) -> Vec<Took> {
    const PATH: &str = "/selfservice/vpn/restore";
    let server = server();
    let lines: String =
        rounds.clone().map(|round| StandIn::totp(&format!("PAIR-{round:05}")).line()).collect();
    server.caller(mintmark::model::Role::Admin).import(&[], "tokens.csv", lines.as_bytes());
    let mut times = Vec::new();
    for round in rounds {
        let logins = [format!("nobody{round:06}"), format!("person{round:06}")];
        add_user(&server, &logins[1], true);
        let login = Login::parse(&logins[1]).expect("a login");
        let email = EmailAddress::parse(&format!("{}@example.org", logins[1])).expect("an address");
        let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
        server.service.change_user(&ADMIN, &login, patch).expect("changed");
        let token = Some(StandIn::totp(&format!("PAIR-{round:05}")).serial);
        let pair = AssignRequest { kind: AssignmentKind::TokenWithUser, user: Some(login), token };
        server.service.assign(&ADMIN, &resource("VPN"), &pair).expect("assigned");
        let mut shapes = Vec::new();
        for turn in 0..2 {
            let kind = (turn + usize::try_from(round).expect("small")) % 2;
            let mut browser = Browser::new(server.address);
            browser.get("/selfservice/vpn/portal");
            browser.post("/selfservice/vpn/portal", &[("login", &logins[kind])]);
            let mut seen = Vec::new();
            for (at, (what, fields)) in steps.iter().enumerate() {
                let page = browser.get(PATH);
                assert_eq!(page.status, 200, "{}", page.text());
                let (reply, took) = timed(&mut browser, PATH, fields);
                assert_eq!(reply.status, if *what == "a wrong proof" { 422 } else { 303 }, "{what}");
                assert!(took >= PASSWORD_BEAT, "{what} is on its beat: {took} us");
                times.push((at, kind, took));
                seen.extend([shape(&page), shape(&reply)]);
            }
            seen.push(shape(&browser.get(PATH)));
            shapes.push(seen);
        }
        assert_eq!(shapes[0], shapes[1], "round {round}");
        // Requests of one address are limited, and so are mails and failures.
        server.wait(Duration::from_hours(1).as_secs());
    }
    times
}

const CONFIRM_KINDS: [&str; 7] =
    ["nobody's", "free", "elsewhere", "another's", "disabled", "an app's", "a key's"];
/// What codes are, that are typed without a number.
const UNREAD_KINDS: [&str; 5] = ["nobody's", "free", "elsewhere", "another's", "disabled"];
/// No answer to a confirmation leaves sooner, in microseconds.
const CONFIRM_BEAT: f64 = 50_000.0;

/// P17: serials that nobody has, of other resources, of other people, disabled, and right ones with wrong codes.
#[test]
fn law6_confirmation_takes_as_long_for_every_serial() {
    let rounds = size("MINTMARK_LAW6_PAIRS", 500) / 4;
    let mut times = Times::new("confirmation", &CONFIRM_KINDS);
    for (_, kind, took) in side_by_side(rounds, |rounds| refusals(rounds, Way::Number)) {
        times.kinds[kind].1.push(took);
    }
    assert_eq!(times.judge(), Vec::<String>::new());
}

/// P17: codes alone, of a token that nobody has, and right ones of tokens elsewhere, of other people, disabled, and
/// one that lies there with a wrong second code.
#[test]
fn law6_confirmation_by_codes_takes_as_long_for_every_token() {
    let rounds = size("MINTMARK_LAW6_PAIRS", 500) / 8;
    let mut times = Times::new("confirmation by codes alone", &UNREAD_KINDS);
    for (_, kind, took) in side_by_side(rounds, |rounds| refusals(rounds, Way::Codes)) {
        times.kinds[kind].1.push(took);
    }
    assert_eq!(times.judge(), Vec::<String>::new());
}

/// What is typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Number,
    Codes,
}

/// What answers challenges, or does not.
const KEYPAD_KINDS: [&str; 3] = ["nobody's", "fast keypad", "slow keypad"];

/// P53: answers to the challenges of the page, with serials that nobody has, and of keypads whose answers cost little and
/// much. A token that shows codes is not among them: what its codes cost beside answers is right in optimised builds alone.
#[test]
fn law6_confirmation_of_a_keypad_takes_as_long_for_every_serial() {
    let rounds = size("MINTMARK_LAW6_PAIRS", 500) / 8;
    let mut times = Times::new("confirmation of a keypad", &KEYPAD_KINDS);
    for (_, kind, took) in side_by_side(rounds, keypad_refusals) {
        times.kinds[kind].1.push(took);
    }
    assert_eq!(times.judge(), Vec::<String>::new());
}

/// Somebody who gave their password.
fn signed_in(server: &Server, login: &str) -> Browser {
    let mut browser = Browser::new(server.address);
    browser.get("/selfservice/vpn/portal");
    browser.post("/selfservice/vpn/portal", &[("login", login)]);
    browser.get("/selfservice/vpn/verify");
    assert_eq!(browser.post("/selfservice/vpn/verify", &[("secret", PASSWORD)]).status, 303);
    browser
}

/// The answers of a round are refusals that differ in nothing.
fn all_look_alike(shapes: &[(usize, Shape)], kinds: &[&str], round: u64) {
    for (kind, seen) in shapes {
        let (told, beside) = (kinds[*kind], kinds[shapes[0].0]);
        assert_eq!(seen, &shapes[0].1, "round {round}: {told} beside {beside}");
    }
    assert_eq!(shapes[0].1.0, 422);
}

/// Fails to confirm keypads, for these rounds.
fn keypad_refusals(rounds: Range<u64>) -> Vec<Took> {
    let server = server();
    let names = ["FAST-00001", "SLOW-00001"];
    let suites = ["OCRA-1:HOTP-SHA1-6:QN08-T1M", "OCRA-1:HOTP-SHA512-6:C-QN08-T1M"];
    let keypads = names.iter().zip(suites).map(|(name, suite)| {
        let secret = crate::service::fixture::secret_of(name);
        format!("{name},{},OCRA,{suite}\n", data_encoding::HEXLOWER.encode(&secret))
    });
    let lines: String = keypads.collect();
    server.caller(mintmark::model::Role::Admin).import(&[], "tokens.csv", lines.as_bytes());
    for name in names {
        let token = Some(mintmark::model::TokenSerial::parse(name).expect("a serial"));
        let asked = AssignRequest { kind: AssignmentKind::Token, user: None, token };
        server.service.assign(&ADMIN, &resource("VPN"), &asked).expect("assigned");
    }
    let mut times = Vec::new();
    let begin = rounds.start;
    for round in rounds {
        let login = format!("user{:06}", (round - begin) / 2);
        if (round - begin).is_multiple_of(2) {
            add_user(&server, &login, true);
        }
        let mut browser = signed_in(&server, &login);
        let mut shapes = Vec::new();
        for turn in 0..KEYPAD_KINDS.len() {
            let kind = (turn + usize::try_from(round).expect("small")) % KEYPAD_KINDS.len();
            let serial = if kind == 0 { "NONE-00001" } else { names[kind - 1] };
            assert_eq!(browser.get("/selfservice/vpn/tokens/confirm?keypad").status, 200);
            let codes = [("serial", serial), ("otp1", "111111"), ("otp2", "222222"), ("keypad", "1")];
            let (reply, took) = timed(&mut browser, "/selfservice/vpn/tokens/confirm", &codes);
            assert!(took >= CONFIRM_BEAT, "the answer is on its beat: {took} us");
            shapes.push((kind, shape(&reply)));
            times.push((0, kind, took));
        }
        all_look_alike(&shapes, &KEYPAD_KINDS, round);
        server.wait(Duration::from_mins(8).as_secs());
    }
    times
}

/// Fails to confirm, for these rounds.
fn refusals(rounds: Range<u64>, way: Way) -> Vec<Took> {
    let server = server();
    let names = ["FREE-00001", "MAIL-00001", "PAIR-00001", "OFF--00001", "APP--00001", "7000000001"];
    let mut tokens: Vec<StandIn> = names[..4].iter().map(|name| StandIn::totp(name)).collect();
    tokens.extend([StandIn::motp(names[4]), StandIn::key(names[5])]);
    for (batch, some) in [("digits", &tokens[..5]), ("keys", &tokens[5..])] {
        let lines: String = some.iter().map(StandIn::line).collect();
        let mut admin = server.caller(mintmark::model::Role::Admin);
        admin.import(&[("batch", batch)], "tokens.csv", lines.as_bytes());
    }
    tokens[4].tell_pin(&server.service);
    add_user(&server, "bert", true);
    add_user(&server, "otto", true);
    let put = |token: usize, on: &str, kind, user: Option<&str>| {
        let user = user.map(|login| Login::parse(login).expect("a login"));
        let asked = AssignRequest { kind, user, token: Some(tokens[token].serial.clone()) };
        server.service.assign(&ADMIN, &resource(on), &asked).expect("assigned");
    };
    put(0, "VPN", AssignmentKind::Token, None);
    put(1, "Mail", AssignmentKind::Token, None);
    put(2, "VPN", AssignmentKind::TokenWithUser, Some("bert"));
    put(3, "VPN", AssignmentKind::Token, None);
    put(4, "VPN", AssignmentKind::Token, None);
    put(5, "VPN", AssignmentKind::Token, None);
    server.service.set_token_enabled(&ADMIN, &tokens[3].serial, false).expect("disabled");

    let kinds: &[&str] = if way == Way::Codes { &UNREAD_KINDS } else { &CONFIRM_KINDS };
    let mut times = Vec::new();
    let begin = rounds.start;
    for round in rounds {
        // Ten failures a day are a person's: one round each.
        let login = format!("user{:06}", round - begin);
        add_user(&server, &login, true);
        let mut browser = signed_in(&server, &login);
        let mut shapes = Vec::new();
        for turn in 0..kinds.len() {
            let kind = (turn + usize::try_from(round).expect("small")) % kinds.len();
            let serial = if kind == 0 { "NONE-00001" } else { names[kind - 1] };
            let page = if way == Way::Codes { "?unread" } else { "" };
            assert_eq!(browser.get(&format!("/selfservice/vpn/tokens/confirm{page}")).status, 200);
            // What the token shows, but for the one that would be confirmed.
            let shown = |ahead| digits(&StandIn::totp(serial).at(server.step() - 1 + ahead));
            let (first, mut second) = (shown(0), shown(1));
            if kind == 1 {
                second = digits(&tokens[0].wrong(server.step()));
            }
            let codes = match way {
                Way::Number => [("serial", serial), ("otp1", "111111"), ("otp2", "222222")],
                Way::Codes => [("unread", "1"), ("otp1", first.as_str()), ("otp2", &second)],
            };
            let (reply, took) = timed(&mut browser, "/selfservice/vpn/tokens/confirm", &codes);
            assert!(took >= CONFIRM_BEAT, "the answer is on its beat: {took} us");
            shapes.push((kind, shape(&reply)));
            times.push((0, kind, took));
        }
        all_look_alike(&shapes, kinds, round);
        // A hundred failures in an hour slow a resource down.
        server.wait(Duration::from_mins(8).as_secs());
    }
    times
}
