//! A token with a keypad as a browser sees it: what is typed into it stands on each page that asks it.

use axum::http::StatusCode;
use mintmark::model::{AssignmentKind, Login, TokenSerial};
use mintmark::oath::{MovingFactor, OcraGenerator, OcraInputs, OcraPosition, OcraSuite, Question};
use mintmark::secret::Seed;
use mintmark::service::{AssignRequest, ImportRequest};

use super::desk::{ADMIN, Answer, Desk, PASSWORD, resource};

const SUITE: &str = "OCRA-1:HOTP-SHA1-6:C-QN08";
const SERIAL: &str = "KP-0001";
const CONFIRM: &str = "/selfservice/vpn/tokens/confirm";

/// The token in a person's hand.
struct Keypad {
    counter: u64,
}

impl Keypad {
    fn secret() -> Vec<u8> {
        (1..=20).map(|n| n * 11).collect()
    }

    /// On *VPN*, with nobody.
    fn on(desk: &Desk) -> Self {
        Self::put(desk, SUITE, AssignmentKind::Token, None);
        Self { counter: 0 }
    }

    /// Brings one with this suite to *VPN*.
    fn put(desk: &Desk, suite: &str, kind: AssignmentKind, user: Option<&str>) -> TokenSerial {
        let line = format!(
            "{SERIAL},{},OCRA,{suite}
",
            data_encoding::HEXLOWER.encode(&Self::secret())
        );
        let request =
            ImportRequest { commit: true, ..ImportRequest::new("keypads.csv", Seed::new(line.into_bytes())) };
        let task = desk.service.begin_import(&ADMIN, request).expect("a task");
        desk.service.run_import(&task);
        let serial = TokenSerial::parse(SERIAL).expect("a serial");
        let user = user.map(|login| Login::parse(login).expect("a login"));
        let request = AssignRequest { kind, user, token: Some(serial.clone()) };
        desk.service.assign(&ADMIN, &resource("VPN"), &request).expect("assigned");
        serial
    }

    fn answer(&mut self, challenge: &str) -> String {
        let suite = OcraSuite::parse(SUITE).expect("a suite");
        let question = Question::new(&suite, challenge).expect("a question");
        let generator =
            OcraGenerator::new(&Seed::new(Self::secret()), &suite, &question, &OcraInputs::default());
        let at = OcraPosition { counter: MovingFactor(self.counter), ..OcraPosition::START };
        self.counter += 1;
        generator.expect("nothing missing").response(at).to_string()
    }

    /// The fields of a form that answers a page.
    fn fields(&mut self, page: &Answer) -> Vec<(String, String)> {
        let asked = challenges(page);
        let name = |n: usize| if asked.len() == 1 { "otp".to_owned() } else { format!("otp{}", n + 1) };
        let beside = |n| format!("{}-challenge", name(n));
        let answers: Vec<String> = asked.iter().map(|text| self.answer(text)).collect();
        let codes = answers.into_iter().enumerate().map(|(n, code)| (name(n), code));
        let hidden = asked.iter().enumerate().map(|(n, text)| (beside(n), text.clone()));
        codes.chain(hidden).collect()
    }
}

/// What a page says to type into the token, in order.
fn challenges(page: &Answer) -> Vec<String> {
    let parts = page.body.split("<strong class=\"code\">").skip(1);
    parts.map(|part| part.split('<').next().unwrap_or_default().to_owned()).collect()
}

fn with<'a>(fields: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let typed = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    more.iter().copied().chain(typed).collect()
}

/// P53, P17, P20, P49: from the page for keypads to the sign-in, and back in time.
#[tokio::test]
async fn p53_a_keypad_is_confirmed_signs_in_and_is_synchronized() {
    let desk = Desk::open();
    let mut keypad = Keypad::on(&desk);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let plain = anna.get(CONFIRM).await;
    plain.says(StatusCode::OK, "My token has a keypad");
    assert_eq!(challenges(&plain), [""; 0]);
    let asked = anna.get("/selfservice/vpn/tokens/confirm?keypad").await;
    asked.says(StatusCode::OK, "Type this into the token first:");
    assert_eq!(challenges(&asked).len(), 2);
    // A serial number that nobody has is answered as this one is.
    let fields = keypad.fields(&asked);
    let unknown = anna.post(CONFIRM, &with(&fields, &[("serial", "KP-0002"), ("keypad", "1")])).await;
    unknown.says(StatusCode::UNPROCESSABLE_ENTITY, "We could not confirm this token.");
    let late = anna.post(CONFIRM, &with(&fields, &[("serial", SERIAL), ("keypad", "1")])).await;
    late.says(StatusCode::UNPROCESSABLE_ENTITY, "We could not confirm this token.");
    assert_eq!(challenges(&unknown).len(), challenges(&late).len());
    assert!(challenges(&unknown).iter().all(|one| !challenges(&late).contains(one)), "each is shown once");
    let fields = keypad.fields(&late);
    let done = anna.post(CONFIRM, &with(&fields, &[("serial", SERIAL), ("keypad", "1")])).await;
    done.leads_to("/selfservice/vpn/tokens/confirm?done");

    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    let fields = keypad.fields(&page);
    let old = fields.clone();
    anna.post("/selfservice/vpn/otp", &with(&fields, &[])).await.leads_to("/selfservice/vpn/home");
    let sync = "/selfservice/vpn/tokens/synchronize";
    keypad.counter += 500;
    let page = anna.get(sync).await;
    let fields = keypad.fields(&page);
    anna.post(sync, &with(&fields, &[])).await.leads_to("/selfservice/vpn/tokens/synchronize?done");

    // On the last page of the sign-in: the answer of before is none, and a token far away is brought back.
    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "Type this into the token first:");
    let again = anna.post("/selfservice/vpn/otp", &with(&old, &[])).await;
    again.says(StatusCode::UNPROCESSABLE_ENTITY, "Synchronize and sign in");
    let asked = challenges(&again);
    assert_eq!(asked.len(), 3, "one to sign in, two to synchronize");
    keypad.counter += 300;
    let codes: Vec<String> = asked[1..].iter().map(|text| keypad.answer(text)).collect();
    let fields = [("synchronize", "1"), ("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
    anna.post("/selfservice/vpn/otp", &fields).await.leads_to("/selfservice/vpn/home");
}

/// A page that was left open for too long says so, and counts nothing.
#[tokio::test]
async fn an_old_challenge_is_said_to_be_over() {
    let desk = Desk::open();
    let mut keypad = Keypad::on(&desk);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let asked = anna.get("/selfservice/vpn/tokens/confirm?keypad").await;
    let fields = keypad.fields(&asked);
    anna.post(CONFIRM, &with(&fields, &[("serial", SERIAL), ("keypad", "1")])).await;
    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    let fields = keypad.fields(&page);
    desk.later(301);
    let late = anna.post("/selfservice/vpn/otp", &with(&fields, &[])).await;
    late.says(StatusCode::UNPROCESSABLE_ENTITY, "That challenge is no longer open.");
    let fields = keypad.fields(&late);
    anna.post("/selfservice/vpn/otp", &with(&fields, &[])).await.leads_to("/selfservice/vpn/home");
}

/// A keypad whose PIN goes into its answers, and nobody has said here which it is: its owner is sent to those who can
/// set it, and can still type an emergency code.
#[tokio::test]
async fn a_keypad_whose_pin_is_not_known_sends_its_owner_to_the_desk() {
    const SUITE_WITH_PIN: &str = "OCRA-1:HOTP-SHA1-6:QN08-PSHA1";
    const SILENT: &str = "Your token cannot be asked now.";
    let desk = Desk::open();
    let serial = Keypad::put(&desk, SUITE_WITH_PIN, AssignmentKind::TokenWithUser, Some("anna"));
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    page.says(StatusCode::OK, SILENT);
    page.says(StatusCode::OK, "it has to be set first. Extension 4455.");
    page.says(StatusCode::OK, "name=\"otp\"");
    assert_eq!(challenges(&page), [""; 0]);
    let sent = anna.post("/selfservice/vpn/otp", &[("otp", "123456")]).await;
    sent.says(StatusCode::UNPROCESSABLE_ENTITY, SILENT);
    assert!(!sent.body.contains("no longer open"), "{}", sent.body);
    let log = desk.service.audit(&ADMIN, None, mintmark::store::Page::first(3)).expect("read").items;
    let why = log.iter().flat_map(|record| &record.detail).find(|(name, _)| name == "result");
    assert_eq!(why.map(|(_, why)| why.as_str()), Some("pin_not_known"));
    // Once it is set the page asks.
    let pin = mintmark::secret::Pin::new(b"1234".to_vec());
    desk.service.set_response_pin(&ADMIN, &serial, &pin).expect("set");
    let page = anna.get("/selfservice/vpn/otp").await;
    assert!(!page.body.contains(SILENT), "{}", page.body);
    assert_eq!(challenges(&page).len(), 1);
}

/// A keypad that was asked all that it knows says so, at the desk and to its owner.
#[tokio::test]
async fn a_keypad_that_was_asked_everything_says_so() {
    let desk = Desk::open();
    let suite = OcraSuite::parse("OCRA-1:HOTP-SHA1-6:QN02").expect("a suite");
    let serial = Keypad::put(&desk, suite.as_str(), AssignmentKind::TokenWithUser, Some("anna"));
    let mut staff = desk.staff();
    let card = format!("/station/token/{SERIAL}");
    let before = desk.service.audit(&ADMIN, None, mintmark::store::Page::first(1)).expect("read").items[0].n;
    assert_eq!(challenges(&staff.get(&card).await).len(), 2);
    let after = desk.service.audit(&ADMIN, None, mintmark::store::Page::first(1)).expect("read").items[0].n;
    assert_eq!(after, before + 1, "one record for the page");
    let ask = || desk.service.issue_challenge(&ADMIN, &serial, mintmark::model::ChallengePurpose::Check);
    // Questions are drawn: the last one may be missed a few times.
    while (0..20).any(|_| ask().is_ok()) {}
    desk.later(30 * 86_400);
    staff.get(&card).await.says(StatusCode::OK, "none is asked twice: give its owner another token");
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "you need another token. Extension 4455.");
}

/// No page knows the session of a program.
#[tokio::test]
async fn pages_say_that_only_a_program_asks_for_session_data() {
    let desk = Desk::open();
    let suite = "OCRA-1:HOTP-SHA1-6:C-QN08-S064";
    Keypad::put(&desk, suite, AssignmentKind::TokenWithUser, Some("anna"));
    let mut staff = desk.staff();
    for path in ["/station/token/KP-0001", "/admin/tokens/KP-0001/check", "/admin/tokens/KP-0001/resync"] {
        let page = staff.get(path).await;
        page.says(StatusCode::OK, "which only the program knows that asks");
        assert_eq!(challenges(&page), [""; 0]);
    }
    staff.get("/admin/tokens/KP-0001").await.says(StatusCode::OK, "Filled up with zeros on the left");
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    page.says(StatusCode::OK, "it is used there, not on these pages. Extension 4455.");
}

/// At the desk one page asks, and what is done next with its answers is the operator's choice.
#[tokio::test]
async fn station_and_console_ask_a_keypad() {
    let desk = Desk::open();
    let mut keypad = Keypad::on(&desk);
    let mut staff = desk.staff();
    let card = format!("/station/token/{SERIAL}");
    let page = staff.get(&card).await;
    assert_eq!(challenges(&page).len(), 2);
    keypad.counter += 700;
    let fields = keypad.fields(&page);
    let steps = format!("/station/tokens/{SERIAL}");
    let back = staff.post(&format!("{steps}/resync"), &with(&fields, &[("reason", "at the desk")])).await;
    back.says(StatusCode::OK, "Synchronised");
    let spent = staff.post(&format!("{steps}/resync"), &with(&fields, &[("reason", "at the desk")])).await;
    spent.says(StatusCode::OK, "Already used");
    let page = staff.get(&card).await;
    let fields = keypad.fields(&page);
    let checked = staff.post(&format!("{steps}/check"), &with(&fields, &[])).await;
    checked.says(StatusCode::OK, "used up");
    let page = staff.get(&format!("/admin/tokens/{SERIAL}/check")).await;
    assert_eq!(challenges(&page).len(), 1);
    let fields = keypad.fields(&page);
    let checked = staff.post(&format!("/admin/tokens/{SERIAL}/check"), &with(&fields, &[])).await;
    checked.says(StatusCode::OK, "used up");
    let page = staff.get(&format!("/admin/tokens/{SERIAL}/resync")).await;
    assert_eq!(challenges(&page).len(), 3);
    keypad.counter += 2_000;
    let fields = keypad.fields(&page);
    let path = format!("/admin/tokens/{SERIAL}/resync");
    let back = staff.post(&path, &with(&fields, &[("reason", "at the desk")])).await;
    back.says(StatusCode::OK, "Synchronised");
}
