//! What people do with a token of their own in the portal, as a browser sees it.

use axum::http::{StatusCode, header};
use mintmark::model::{PortalAction, TokenSerial, TokenType};
use mintmark::oath::{Generator, HashAlg, MovingFactor};
use mintmark::secret::Seed;
use mintmark::service::{PortalSettings, TokenQuery};
use mintmark::store::Page;

use crate::desk::{ADMIN, Answer, Browser, Desk, PASSWORD, resource, serial};

const ACTIONS: &[PortalAction] = &[
    PortalAction::RegisterNewToken,
    PortalAction::RegisterExistingToken,
    PortalAction::ReassignToken,
    PortalAction::UnassignToken,
    PortalAction::SetupPin,
    PortalAction::RemovePin,
];

fn desk() -> Desk {
    let desk = Desk::open();
    let settings = PortalSettings {
        actions: Some(ACTIONS.to_vec()),
        token_types: Some(vec![TokenType::Software, TokenType::Hardware, TokenType::Universal]),
        ..PortalSettings::default()
    };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    desk
}

/// The app that read the key of a page.
struct App(Generator);

impl App {
    fn of(page: &Answer) -> Self {
        let (_, rest) = page.body.split_once("data-copy-source>").expect("the key is on the page");
        let key: String = rest.split('<').next().unwrap_or_default().split(' ').collect();
        let secret = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
        Self(Generator::new(&Seed::new(secret), HashAlg::Sha1))
    }

    fn code(&self, desk: &Desk, ahead: i64) -> String {
        let step = u64::try_from(desk.clock_secs() / 30 + ahead).expect("after 1970");
        format!("{:06}", self.0.truncated(MovingFactor(step)) % 1_000_000)
    }
}

impl Desk {
    fn clock_secs(&self) -> i64 {
        self.service.now().secs()
    }

    fn tokens(&self) -> usize {
        self.service.tokens(&ADMIN, &TokenQuery::default(), Page::first(100)).expect("read").items.len()
    }
}

/// P20: who brings a token back reads what to do, in the language of the page, and whose the codes are nowhere.
#[tokio::test]
async fn p20_codes_that_do_not_fit_say_what_to_do() {
    const SYNC: &str = "/selfservice/vpn/tokens/synchronize";
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.confirm(&serial(1), &desk.codes(1, 0, 2)).await.leads_to("/selfservice/vpn/tokens/confirm?done");
    desk.later(300);
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let own = desk.codes(1, 0, 2);
    let turned = [("otp1", own[1].as_str()), ("otp2", own[0].as_str())];
    let said = anna.post(SYNC, &turned).await;
    said.says(unfit, "These codes were typed in another order than your token showed them.");
    let other = desk.codes(2, 0, 2);
    let said = anna.post(SYNC, &[("otp1", other[0].as_str()), ("otp2", other[1].as_str())]).await;
    said.says(unfit, "Compare the number on the back of the token in your hand");
    assert!(!said.body.contains(&serial(2)), "{}", said.body);
    let with_pin = own.iter().map(|code| format!("2580{code}")).collect::<Vec<_>>();
    let said = anna.post(SYNC, &[("otp1", with_pin[0].as_str()), ("otp2", with_pin[1].as_str())]).await;
    said.says(unfit, "Type only the digits that your token shows.");
    anna.post("/selfservice/vpn/language", &[("language", "de"), ("here", "")]).await;
    let said = anna.post(SYNC, &turned).await;
    said.says(unfit, "Tippen Sie neue Codes, den ersten zuerst.");
    desk.close();
}

/// Anna signed in with her password, and the page that shows the QR code.
async fn scanned(desk: &Desk) -> (Browser<'_>, Answer) {
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    desk.later(1);
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "Register New Token");
    let page = anna.get("/selfservice/vpn/tokens/register").await;
    page.says(StatusCode::OK, "Show QR Code");
    page.says(StatusCode::OK, "/selfservice/vpn/tokens/register?type=hardware");
    let fields = [("type", "software"), ("name", "my phone")];
    anna.post("/selfservice/vpn/tokens/register", &fields).await.leads_to("/selfservice/vpn/tokens/draft");
    let page = anna.get("/selfservice/vpn/tokens/draft").await;
    page.says(StatusCode::OK, "aria-label=\"QR code of your new token\"");
    (anna, page)
}

/// P14, P15, P37: the whole walk of an app; the page with the secret is kept nowhere.
#[tokio::test]
async fn p14_an_app_is_registered() {
    let desk = desk();
    let before = desk.tokens();
    let (mut anna, page) = scanned(&desk).await;
    assert_eq!(page.headers.get(header::CACHE_CONTROL).expect("said"), "no-store");
    let app = App::of(&page);
    let empty = anna.post("/selfservice/vpn/tokens/draft", &[("otp1", "")]).await;
    empty.says(StatusCode::UNPROCESSABLE_ENTITY, "Type the code that the token shows.");
    let far = anna.post("/selfservice/vpn/tokens/draft", &[("otp1", &app.code(&desk, 20))]).await;
    far.says(StatusCode::UNPROCESSABLE_ENTITY, "The clock of your phone is 10 min fast");
    let wrong = anna.post("/selfservice/vpn/tokens/draft", &[("otp1", "000000")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "8 more tries");
    assert_eq!(desk.tokens(), before, "nothing is there yet");
    let code = app.code(&desk, 0);
    anna.post("/selfservice/vpn/tokens/draft", &[("otp1", &code)])
        .await
        .leads_to("/selfservice/vpn/tokens/draft?done");
    let done = anna.get("/selfservice/vpn/tokens/draft?done").await;
    done.says(StatusCode::OK, "Your new token is ready");
    done.says(StatusCode::OK, "my phone");
    done.says(StatusCode::OK, "A phone with an app that shows codes");
    assert_eq!(desk.tokens(), before + 1);
    let again = anna.get("/selfservice/vpn/tokens/draft").await;
    again.leads_to("/selfservice/vpn/home");
    let mut staff = desk.staff();
    staff.get("/admin/tokens").await.says(StatusCode::OK, "portal, by anna");
    staff.get("/admin/resources/VPN/pairs").await.says(StatusCode::OK, "anna");

    anna.post("/selfservice/vpn/sign-out", &[]).await;
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let used = anna.post("/selfservice/vpn/otp", &[("otp", &code)]).await;
    used.says(StatusCode::UNPROCESSABLE_ENTITY, "already used");
    desk.later(30);
    let next = app.code(&desk, 0);
    anna.post("/selfservice/vpn/otp", &[("otp", &next)]).await.leads_to("/selfservice/vpn/home");
}

/// P14: what is wrong is said in its place, and no secret comes back.
#[tokio::test]
async fn p14_forms_say_what_is_wrong() {
    let desk = desk();
    let (mut anna, _) = scanned(&desk).await;
    let register = "/selfservice/vpn/tokens/register";
    anna.post("/selfservice/vpn/tokens/draft/drop", &[]).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/tokens/register?type=hardware").await.says(StatusCode::OK, "Feitian c200");
    let known = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let model = ("model", "feitian-c200/0");
    let fields = [("type", "hardware"), model, ("serial", "FT-1"), ("secret", known)];
    let weak = anna.post(register, &fields).await;
    weak.says(StatusCode::UNPROCESSABLE_ENTITY, "Everybody knows this secret");
    assert!(!weak.body.contains(known), "a secret does not come back");
    let blank = [("type", "hardware"), model, ("serial", ""), ("secret", "x")];
    anna.post(register, &blank).await.says(StatusCode::UNPROCESSABLE_ENTITY, "Type the serial number");
    let step = [("type", "universal"), ("kind", "time"), ("digits", "6"), ("hash", "sha1"), ("step", "0")];
    anna.post(register, &step).await.says(StatusCode::UNPROCESSABLE_ENTITY, "Type the seconds, 1 to 3600");
    let mail = anna.post(register, &[("type", "mail")]).await;
    mail.says(StatusCode::NOT_FOUND, "That is not possible here");
}

/// P21, P22, P32, P33, P50: a PIN is set, asked for, and removed by its owner and at the desk.
#[tokio::test]
async fn p21_a_pin_is_set_and_removed() {
    let desk = desk();
    let (mut anna, page) = scanned(&desk).await;
    let app = App::of(&page);
    anna.post("/selfservice/vpn/tokens/draft", &[("otp1", &app.code(&desk, 0))]).await;
    let pin = "/selfservice/vpn/tokens/pin";
    anna.get(pin).await.says(StatusCode::OK, "Where you type it");
    let typo = anna.post(pin, &[("pin", "2580"), ("again", "2581")]).await;
    typo.says(StatusCode::UNPROCESSABLE_ENTITY, "The two differ.");
    let easy = anna.post(pin, &[("pin", "1234"), ("again", "1234")]).await;
    easy.says(StatusCode::UNPROCESSABLE_ENTITY, "among the first that anybody tries");
    let fields = [("pin", "2580"), ("again", "2580"), ("placement", "before")];
    anna.post(pin, &fields).await.leads_to("/selfservice/vpn/tokens/pin?done");
    anna.get("/selfservice/vpn/tokens/pin?done").await.says(StatusCode::OK, "the PIN and right after it");

    desk.later(30);
    anna.get("/selfservice/vpn/tokens/pin/remove").await.leads_to("/selfservice/vpn/prove?then=remove-pin");
    anna.get("/selfservice/vpn/prove?then=remove-pin").await.says(StatusCode::OK, "before the PIN");
    let bare = [("then", "remove-pin"), ("otp", &*app.code(&desk, 0))];
    let refused = anna.post("/selfservice/vpn/prove", &bare).await;
    refused.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit.");
    desk.later(30);
    let glued = format!("2580{}", app.code(&desk, 0));
    let proved = anna.post("/selfservice/vpn/prove", &[("then", "remove-pin"), ("otp", &glued)]).await;
    proved.leads_to("/selfservice/vpn/tokens/pin/remove");
    anna.get("/selfservice/vpn/tokens/pin/remove").await.says(StatusCode::OK, "Remove the PIN?");
    anna.post("/selfservice/vpn/tokens/pin/remove", &[])
        .await
        .leads_to("/selfservice/vpn/tokens/pin/remove?done");
    anna.get("/selfservice/vpn/tokens/pin/remove?done").await.says(StatusCode::OK, "has no PIN any more");

    anna.get(pin).await;
    anna.post(pin, &fields).await.leads_to("/selfservice/vpn/tokens/pin?done");
    let tokens = desk.service.tokens(&ADMIN, &TokenQuery::default(), Page::first(100)).expect("read").items;
    let own = tokens.iter().find(|view| view.creator.is_some()).expect("anna's").token.serial.clone();
    let page = format!("/admin/tokens/{}", own.display());
    let mut staff = desk.staff();
    staff.get(&page).await.says(StatusCode::OK, "How you made sure who the person is");
    let silent = staff.post(&format!("{page}/remove-pin"), &[("pin_note", " ")]).await;
    silent.says(StatusCode::UNPROCESSABLE_ENTITY, "Say how you made sure who the person is");
    let removed = staff.post(&format!("{page}/remove-pin"), &[("pin_note", "showed a passport")]).await;
    removed.leads_to(&format!("{page}?done=pin-removed"));
    assert!(desk.service.token(&ADMIN, &own).expect("there").token.pin.is_none());
}

/// P18, P19, P32: replaced by a received token, then given back; each after a proof.
#[tokio::test]
async fn p18_p19_a_token_is_replaced_and_given_back() {
    let desk = desk();
    let (mut anna, page) = scanned(&desk).await;
    let app = App::of(&page);
    anna.post("/selfservice/vpn/tokens/draft", &[("otp1", &app.code(&desk, 0))]).await;
    desk.later(30);
    let reassign = "/selfservice/vpn/tokens/reassign";
    anna.get(reassign).await.leads_to("/selfservice/vpn/prove?then=reassign");
    anna.get("/selfservice/vpn/prove?then=reassign").await;
    let proof = [("then", "reassign"), ("otp", &*app.code(&desk, 0))];
    anna.post("/selfservice/vpn/prove", &proof).await.leads_to(reassign);
    // What was typed while the proof grew too old is kept, but for codes and secrets.
    desk.later(301);
    let late = [
        ("type", "hardware"),
        ("serial", "98-7"),
        ("name", "on my keys"),
        ("secret", "GEZDGNBVGY3TQOJQ4EZDGNBVGY3TQOJX"),
    ];
    let late = anna.post(reassign, &[&late[..], &[("model", "feitian-c200/0")]].concat()).await;
    late.says(StatusCode::OK, "before another token takes the place of yours");
    assert!(
        late.body.contains(r#"name="serial" value="98-7""#) && !late.body.contains("GEZDGNBV"),
        "{}",
        late.body
    );
    let code = app.code(&desk, 0);
    let kept = [
        ("then", "reassign"),
        ("otp", &*code),
        ("type", "hardware"),
        ("serial", "98-7"),
        ("name", "on my keys"),
    ];
    let sent_on = anna.post("/selfservice/vpn/prove", &kept).await;
    let again = anna.onward(&sent_on, &kept).await;
    again.says(StatusCode::OK, "Type the secret once more.");
    again.says(StatusCode::OK, "on my keys");
    desk.later(30);
    let page = anna.get(reassign).await;
    page.says(StatusCode::OK, "I received one");
    page.says(StatusCode::OK, "works until the new one is confirmed");
    desk.later(1);
    let codes = desk.codes(1, 0, 2);
    let typed = serial(1);
    let fields = [
        ("type", "existing"),
        ("serial", typed.as_str()),
        ("otp1", codes[0].as_str()),
        ("otp2", codes[1].as_str()),
    ];
    anna.post(reassign, &fields).await.leads_to("/selfservice/vpn/tokens/reassign?done");
    anna.get("/selfservice/vpn/tokens/reassign?done").await.says(StatusCode::OK, "Your token was replaced");
    let new = TokenSerial::parse(&typed).expect("a serial");
    let view = desk.service.token(&ADMIN, &new).expect("there");
    let old = view.replaces.expect("linked");
    let mut staff = desk.staff();
    staff.get(&format!("/admin/tokens/{typed}")).await.says(StatusCode::OK, "Took the place of");
    staff.get(&format!("/admin/tokens/{old}")).await.says(StatusCode::OK, "Replaced by");

    desk.later(30);
    let unassign = "/selfservice/vpn/tokens/unassign";
    anna.get(unassign).await.leads_to("/selfservice/vpn/prove?then=unassign");
    anna.get("/selfservice/vpn/prove?then=unassign").await;
    let code = desk.codes(1, 0, 1);
    anna.post("/selfservice/vpn/prove", &[("then", "unassign"), ("otp", &code[0])]).await.leads_to(unassign);
    anna.get(unassign).await.says(StatusCode::OK, "Give back token 87-1234561?");
    anna.post(unassign, &[]).await.leads_to("/selfservice/vpn/tokens/unassign?done");
    anna.get("/selfservice/vpn/tokens/unassign?done").await.says(StatusCode::OK, "was given back");
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "Existing Token Registration");
}
