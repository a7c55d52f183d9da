//! Tokens whose codes are no digits, as a browser sees them: keys that type by themselves, apps with letters.

use axum::http::StatusCode;
use mintmark::model::{AssignmentKind, TokenSerial};
use mintmark::secret::Seed;
use mintmark::service::{AssignRequest, ImportRequest};

use super::desk::{ADMIN, Desk, PASSWORD, resource};
use super::service::fixture::StandIn;

const CONFIRM: &str = "/selfservice/vpn/tokens/confirm";

/// On *VPN*, with nobody.
fn put(desk: &Desk, token: &StandIn) {
    let file = Seed::new(token.line().into_bytes());
    let request = ImportRequest { commit: true, ..ImportRequest::new("tokens.csv", file) };
    let task = desk.service.begin_import(&ADMIN, request).expect("a task");
    desk.service.run_import(&task);
    let token: Option<TokenSerial> = Some(token.serial.clone());
    let request = AssignRequest { kind: AssignmentKind::Token, user: None, token };
    desk.service.assign(&ADMIN, &resource("VPN"), &request).expect("assigned");
}

/// The step of 30 s.
fn step(desk: &Desk) -> u64 {
    u64::try_from(desk.service.now().secs()).expect("after 1970") / 30
}

/// P17, P20, P49: an app with mOTP from the page for letters to the sign-in, and back in time.
#[tokio::test]
async fn an_app_with_letters_is_confirmed_signs_in_and_is_synchronized() {
    let desk = Desk::open();
    let app = StandIn::motp("MO-0001");
    put(&desk, &app);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let plain = anna.get(CONFIRM).await;
    plain.says(StatusCode::OK, "My token shows letters, too");
    assert!(plain.body.contains("inputmode=\"numeric\""));
    let page = anna.get("/selfservice/vpn/tokens/confirm?letters").await;
    page.says(StatusCode::OK, "Type your PIN into the app again for the next code.");
    assert!(!page.body.contains("inputmode=\"numeric\""), "no keyboard of digits");
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let now = step(&desk);
    let codes = [app.text(now - 1), app.text(now)];
    let fields = [("serial", "MO-0001"), ("letters", "1"), ("otp1", &codes[0]), ("otp2", &codes[1])];
    // The PIN is not known here yet; one that nobody has is answered alike.
    let early = anna.post(CONFIRM, &fields).await;
    early.says(unfit, "We could not confirm this token.");
    early.says(unfit, "name=\"letters\"");
    app.tell_pin(&desk.service);
    anna.post(CONFIRM, &fields).await.leads_to("/selfservice/vpn/tokens/confirm?done");

    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp")
        .await
        .says(StatusCode::OK, "Type your PIN into the app, and the six digits");
    desk.later(60);
    let post = "/selfservice/vpn/otp";
    anna.post(post, &[("otp", "12345g")]).await.says(unfit, "six characters: 0 to 9 and a to f");
    anna.post(post, &[("otp", &codes[1])]).await.says(unfit, "This code was already used.");
    let capitals = app.text(step(&desk)).to_uppercase();
    anna.post(post, &[("otp", &capitals)]).await.leads_to("/selfservice/vpn/home");

    // Two hours fast, as after a journey.
    desk.later(300);
    let ahead = step(&desk) + 240;
    let sync = "/selfservice/vpn/tokens/synchronize";
    let codes = [app.text(ahead), app.text(ahead + 1)];
    let fields = [("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
    anna.post(sync, &fields).await.leads_to("/selfservice/vpn/tokens/synchronize?done");
    // Where access is asked for again nobody is known yet: the keyboard is the same for each login, and has letters.
    let restore = "/selfservice/vpn/restore";
    for login in ["anna", "nora"] {
        let mut person = desk.browser();
        person.get("/selfservice/vpn/portal").await;
        let typed = person.post("/selfservice/vpn/portal", &[("login", login)]).await;
        typed.leads_to("/selfservice/vpn/verify");
        person.get(restore).await.says(StatusCode::OK, "name=\"email\"");
        person.post(restore, &[("step", "lost"), ("email", "1")]).await.leads_to(restore);
        let page = person.get(restore).await;
        page.says(StatusCode::OK, "name=\"otp\"");
        assert!(!page.body.contains("inputmode=\"numeric\""), "{login}: {}", page.body);
    }
    let shown = desk.staff().get("/admin/tokens/MO-0001").await;
    shown.says(StatusCode::OK, "mOTP, 6 hexadecimal digits, 10 s");
}

/// P17, P20, P32: two touches confirm a key, one signs in, and its pages speak of touches.
#[tokio::test]
async fn a_key_is_confirmed_by_two_touches_and_signs_in() {
    let desk = Desk::open();
    let (key, other) = (StandIn::key("12345678"), StandIn::key("12345679"));
    put(&desk, &key);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    // A key that nobody has is answered as this one with the codes of another.
    for serial in ["12345678", "99999999"] {
        let one = anna.post(CONFIRM, &[("serial", serial), ("otp1", &other.text(300))]).await;
        one.says(StatusCode::UNPROCESSABLE_ENTITY, "name=\"otp2\"");
        let (first, second) = (other.text(300), other.text(301));
        let wrong = anna.post(CONFIRM, &[("serial", serial), ("otp1", &first), ("otp2", &second)]).await;
        wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "We could not confirm this token.");
    }
    let layout = key.text(300).replace(['c', 'b', 'd', 'e'], "x");
    let wrong = anna.post(CONFIRM, &[("serial", "12345678"), ("otp1", &layout)]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "switch the keyboard to English");
    let done = anna
        .post(CONFIRM, &[("serial", "12345678"), ("otp1", &key.text(299)), ("otp2", &key.text(300))])
        .await;
    done.leads_to("/selfservice/vpn/tokens/confirm?done");
    let home = anna.get("/selfservice/vpn/home").await;
    assert!(!home.body.contains("Token Synchronization"), "nothing drifts");

    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    page.says(StatusCode::OK, "The code of your key");
    page.says(StatusCode::OK, "it types the code by itself");
    assert!(!page.body.contains("inputmode=\"numeric\""), "no keyboard of digits");
    let post = "/selfservice/vpn/otp";
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    anna.post(post, &[("otp", "123456")]).await.says(unfit, "Your key types the code by itself");
    anna.post(post, &[("otp", &other.text(301))]).await.says(unfit, "Touch the key once more.");
    anna.post(post, &[("otp", &key.text(300))]).await.says(unfit, "This code was already used.");
    anna.post(post, &[("otp", &key.text(301))]).await.leads_to("/selfservice/vpn/home");
}

/// The desk: a touch says which key it is, is checked, and cannot be synchronised.
#[tokio::test]
async fn a_key_at_the_desk() {
    let desk = Desk::open();
    let key = StandIn::key("12345678");
    put(&desk, &key);
    let mut staff = desk.staff();
    staff.get("/station").await.says(StatusCode::OK, "Mintmark");
    let found = staff.post("/station/whose", &[("otp1", &key.text(300))]).await;
    found.says(StatusCode::OK, "12345678");
    let checked = staff.post("/station/tokens/12345678/check", &[("otp1", &key.text(300))]).await;
    checked.says(StatusCode::OK, "12345678");
    let again = staff.post("/station/tokens/12345678/check", &[("otp1", &key.text(300))]).await;
    again.says(StatusCode::OK, "used");
    let digits = staff.post("/station/tokens/12345678/check", &[("otp1", "123456")]).await;
    digits.says(StatusCode::UNPROCESSABLE_ENTITY, "Your key types the code by itself");
    let both = [("otp1", key.text(301)), ("otp2", key.text(302))];
    let both: Vec<(&str, &str)> = both.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let refused = staff.post("/station/tokens/12345678/resync", &both).await;
    refused.says(StatusCode::CONFLICT, "says its own position");
    let shown = staff.get("/admin/tokens/12345678").await;
    shown.says(StatusCode::OK, "Yubico OTP, public id ");
    let resync = staff.get("/admin/tokens/12345678/resync").await;
    resync.says(StatusCode::OK, "There is nothing to synchronise.");
}
