//! Mail tokens, emergency codes and unusual places as browsers and programs see them.

use axum::http::StatusCode;
use mintmark::model::{
    AssignmentKind, EmailAddress, EnvironmentPolicy, Login, MailKind, PortalAction, TokenSerial, TokenType,
};
use mintmark::service::{AssignRequest, PortalSettings, UserPatch};

use crate::desk::{ADMIN, Browser, Desk, PASSWORD, resource, serial};

fn settings(desk: &Desk, settings: &PortalSettings) {
    desk.service.set_portal(&ADMIN, &resource("VPN"), settings).expect("set");
}

fn give_address(desk: &Desk) {
    let email = EmailAddress::parse("anna@example.org").expect("an address");
    let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
    desk.service.change_user(&ADMIN, &Login::parse("anna").expect("a login"), patch).expect("changed");
}

fn give_token(desk: &Desk) {
    let request = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(Login::parse("anna").expect("a login")),
        token: Some(TokenSerial::parse(&serial(1)).expect("a serial")),
    };
    desk.service.assign(&ADMIN, &resource("VPN"), &request).expect("assigned");
}

fn newest_code(desk: &Desk) -> String {
    let mails = desk.service.outbox(&ADMIN, 20).expect("a demonstration");
    let mail = mails.iter().find(|mail| mail.mail.kind == MailKind::Code).expect("a code was mailed");
    let mut words = mail.text.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 8).expect("eight digits").to_owned()
}

/// P14: the tab, the first code, page 3 with its words, and mailing again.
#[tokio::test]
async fn p14_a_mail_token_from_the_tab_to_the_sign_in() {
    let desk = Desk::open();
    settings(
        &desk,
        &PortalSettings {
            actions: Some(vec![PortalAction::RegisterNewToken, PortalAction::SynchronizeToken]),
            token_types: Some(vec![TokenType::Software, TokenType::Mail]),
            ..PortalSettings::default()
        },
    );
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let register = "/selfservice/vpn/tokens/register";
    let page = anna.get(register).await;
    assert!(!page.body.contains("?type=mail"), "without an address it is not offered: {}", page.body);
    give_address(&desk);
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get(register).await.says(StatusCode::OK, "?type=mail");
    let tab = anna.get("/selfservice/vpn/tokens/register?type=mail").await;
    tab.says(StatusCode::OK, "At each sign-in a code is mailed to a…@example.org");
    anna.post(register, &[("type", "mail"), ("name", "my mailbox")])
        .await
        .leads_to("/selfservice/vpn/tokens/draft");
    let draft = "/selfservice/vpn/tokens/draft";
    anna.get(draft).await.says(StatusCode::OK, "It is on its way to a…@example.org");
    anna.post(draft, &[("mail", "1")]).await.says(StatusCode::OK, "An earlier one is useless now.");
    let wrong = anna.post(draft, &[("otp1", "00000000")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "Only the newest code works");
    anna.post(draft, &[("otp1", &newest_code(&desk))]).await.leads_to("/selfservice/vpn/tokens/draft?done");
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "my mailbox");
    anna.post("/selfservice/vpn/sign-out", &[]).await;
    desk.later(901);

    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let otp = "/selfservice/vpn/otp";
    anna.get(otp).await.says(StatusCode::OK, "A code is on its way to a…@example.org: type it");
    let old = newest_code(&desk);
    anna.post(otp, &[("mail", "1")]).await.says(StatusCode::OK, "A code is on its way.");
    let late = anna.post(otp, &[("otp", &old)]).await;
    late.says(StatusCode::UNPROCESSABLE_ENTITY, "This code does not hold any more.");
    let wrong = anna.post(otp, &[("otp", "00000000")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "Only the newest code works, once and for ten minutes.");
    assert!(!wrong.body.contains("Synchronize and sign in"), "{}", wrong.body);
    anna.post(otp, &[("mail", "1")]).await.says(StatusCode::OK, "A code is on its way.");
    let last = newest_code(&desk);
    anna.post(otp, &[("mail", "1")]).await.says(StatusCode::OK, "There were enough mails for now.");
    anna.post(otp, &[("otp", &last)]).await.leads_to("/selfservice/vpn/home");

    // The console says why there is nothing to check.
    let view = desk.service.tokens_of_user(&ADMIN, &Login::parse("anna").expect("a login")).expect("read");
    let number = view[0].token.serial.display().to_owned();
    let mut staff = desk.staff();
    let page = format!("/admin/tokens/{number}");
    staff.get(&page).await.says(StatusCode::OK, "Codes by mail, 8 digits");
    staff.get(&format!("{page}/check")).await.says(StatusCode::OK, "The codes of this token are mailed.");
    let checked = staff.post(&format!("{page}/check"), &[("otp", "12345678")]).await;
    checked.says(StatusCode::CONFLICT, "mailed when it is asked for at sign-in");
    staff.get(&format!("{page}/resync")).await.says(StatusCode::OK, "The codes of this token are mailed.");
    let types = staff.get("/admin/resources/VPN/selfservice").await;
    types.says(StatusCode::OK, "Codes by mail, beside a password");
    desk.close();
}

async fn asked_from(browser: &mut Browser<'_>, words: &str) {
    browser.get("/selfservice/vpn/unusual").await.says(StatusCode::OK, words);
}

/// P29: what is said of a mailed code is true, and who cannot be mailed one is told whom to ask.
#[tokio::test]
async fn p29_what_an_unusual_place_says_is_true() {
    let desk = Desk::open();
    let policy = Some(EnvironmentPolicy::AskOtp);
    settings(&desk, &PortalSettings { environment_policy: policy, ..PortalSettings::default() });
    let mut usual = desk.browser();
    usual.agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    usual.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let mut other = desk.browser();
    other.agent = "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0";
    let stopped = other.sign_in("anna", PASSWORD).await;
    stopped.says(StatusCode::FORBIDDEN, "You cannot be let in from here.");
    stopped.says(StatusCode::FORBIDDEN, "Extension 4455.");
    give_address(&desk);
    for _ in 0..3 {
        other.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/unusual");
        asked_from(&mut other, "A code is on its way to your e-mail address").await;
    }
    other.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/unusual");
    asked_from(&mut other, "none is on its way now").await;
    let enough = other.post("/selfservice/vpn/unusual", &[("mail", "1")]).await;
    enough.says(StatusCode::OK, "There were enough mails for now.");
    desk.close();
}

/// P48: issued on the user's page by the helpdesk, shown once, typed on page 3, taken back.
#[tokio::test]
async fn p48_an_emergency_code_from_the_desk_to_the_sign_in() {
    let desk = Desk::open();
    give_token(&desk);
    let mut staff = desk.staff();
    let page = "/admin/users/anna";
    staff.get(page).await.says(StatusCode::OK, "Issue a code");
    let silent = staff.post(&format!("{page}/emergency-code"), &[("note", ""), ("hours", "24")]).await;
    silent.says(StatusCode::UNPROCESSABLE_ENTITY, "Say how you made sure who the person is.");
    let fields = [("note", "showed a passport"), ("hours", "8"), ("uses", "once")];
    let issued = staff.post(&format!("{page}/emergency-code"), &fields).await;
    issued.says(StatusCode::OK, "it is not shown again");
    let (_, rest) = issued.body.split_once("<code data-copy-source>").expect("shown");
    let code = rest.split('<').next().expect("ends").to_owned();
    assert_eq!(code.len(), 24, "{code}");
    let again = staff.get(page).await;
    again.says(StatusCode::OK, "One works once, until");
    assert!(!again.body.contains(&code), "shown once");

    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "Did the desk give you an emergency code?");
    let wrong = anna.post("/selfservice/vpn/otp", &[("otp", "1234-5678-9012-3456-7890")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That code did not fit.");
    anna.post("/selfservice/vpn/otp", &[("otp", &code)]).await.leads_to("/selfservice/vpn/home");
    let spent = staff.get(page).await;
    assert!(!spent.body.contains("One works once"), "{}", spent.body);

    staff.post(&format!("{page}/emergency-code"), &fields).await;
    staff.get(page).await.says(StatusCode::OK, "Take it back");
    let revoked = staff.post(&format!("{page}/emergency-code/revoke"), &[]).await;
    revoked.leads_to("/admin/users/anna?done=code-revoked");
    // Who is asked for no token has no such section.
    let otto = staff.get("/admin/users/otto").await;
    assert!(!otto.body.contains("Issue a code"), "{}", otto.body);
    desk.close();
}
