//! *Restore access* as a browser sees it, and user issues as an operator does. P38 to P46, law 6.

use axum::http::StatusCode;
use mintmark::model::{AssignmentKind, DisabledBy, EmailAddress, Login, PortalAction, Role, TokenSerial};
use mintmark::secret::Passphrase;
use mintmark::service::{AssignRequest, LookPatch, PortalSettings, UserPatch};
use mintmark::store::Page;

use crate::desk::{ADMIN, Answer, Browser, Desk, PASSWORD, plain, resource, serial};

const RESTORE: &str = "/selfservice/vpn/restore";
const NEW: &str = "vier Quitten im Netz";

/// anna with token 1 and a mail address beside her password.
fn desk() -> Desk {
    let desk = Desk::open();
    let anna = Login::parse("anna").expect("a login");
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(anna.clone()),
        token: Some(TokenSerial::parse(&serial(1)).expect("a serial")),
    };
    desk.service.assign(&ADMIN, &resource("VPN"), &pair).expect("assigned");
    let email = EmailAddress::parse("anna@example.org").expect("an address");
    let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
    desk.service.change_user(&ADMIN, &anna, patch).expect("changed");
    desk
}

/// The nine digits of a page.
fn number(text: &str) -> String {
    let digits = |c: char| c.is_ascii_digit() || c == '-';
    let mut words = text.split(|c| !digits(c));
    let is_number = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.len() == 3 && groups.iter().all(|group| group.len() == 3)
    };
    words.find(is_number).expect("a number").to_owned()
}

fn link(text: &str) -> String {
    let (_, rest) = text.split_once("http://localhost:8080").expect("a link");
    rest.split_whitespace().next().expect("a path").to_owned()
}

/// The newest mail to this address.
fn mail_to(desk: &Desk, to: &str) -> String {
    let mails = desk.service.outbox(&ADMIN, 20).expect("a demonstration");
    mails.iter().find(|mail| mail.mail.to.as_str() == to).expect("a mail").text.to_string()
}

impl Browser<'_> {
    /// Page 1, and on to *Restore access*.
    async fn restoring(&mut self, login: &str) -> Answer {
        self.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
        self.post("/selfservice/vpn/portal", &[("login", login)]).await.leads_to("/selfservice/vpn/verify");
        self.get("/selfservice/vpn/verify").await.says(StatusCode::OK, "Restore access");
        self.get(RESTORE).await
    }

    async fn step(&mut self, step: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> = [("step", step)].into_iter().chain(fields.iter().copied()).collect();
        self.post(RESTORE, &fields).await
    }

    /// A step that is taken, and the page after it.
    async fn on(&mut self, step: &str, fields: &[(&str, &str)]) -> Answer {
        self.step(step, fields).await.leads_to(RESTORE);
        self.get(RESTORE).await
    }
}

fn operator<'d>(desk: &'d Desk, login: &str, role: Role) -> Browser<'d> {
    let name = Login::parse(login).expect("a login");
    let secret = Passphrase::from_text(PASSWORD.to_owned());
    desk.service.add_operator(&ADMIN, &name, &secret, role, None).expect("an operator");
    desk.browser()
}

async fn signed_in(browser: &mut Browser<'_>, login: &str) {
    browser.get("/").await.says(StatusCode::OK, "Sign in");
    let answer = browser.post("/sign-in", &[("login", login), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// P38 to P40, P42, P44: a token is lost; the password proves who asks, one operator decides.
#[tokio::test]
async fn p38_a_lost_token_from_the_first_page_to_the_next_sign_in() {
    let desk = desk();
    let mut anna = desk.browser();
    anna.get(RESTORE).await.leads_to("/selfservice/vpn/portal");
    anna.restoring("anna").await.says(StatusCode::OK, "What can you not use?");
    anna.step("lost", &[]).await.says(StatusCode::UNPROCESSABLE_ENTITY, "Tick what you cannot use.");
    let proof = anna.on("lost", &[("token", "1")]).await;
    proof.says(StatusCode::OK, "What do you still have?");
    assert!(proof.body.contains("name=\"password\"") && proof.body.contains("name=\"code\""));
    assert!(!proof.body.contains("name=\"otp\""), "what is lost is not asked for");
    anna.step("proof", &[]).await.says(StatusCode::UNPROCESSABLE_ENTITY, "Type one of these.");
    let wrong = anna.step("proof", &[("password", "not the password")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit.");
    assert!(!wrong.body.contains("not the password"));
    let send = anna.on("proof", &[("password", PASSWORD)]).await;
    send.says(StatusCode::OK, "it is switched off");
    // A step of another page leads to where the request stands.
    anna.step("email", &[("email", "a@example.net")]).await.leads_to(RESTORE);
    let sent = anna.on("send", &[]).await;
    sent.says(StatusCode::OK, "Your request has a number");
    sent.says(StatusCode::OK, "Extension 4455.");
    let reference = number(&sent.body);
    anna.get(RESTORE).await.says(StatusCode::OK, &reference);

    let mut hella = operator(&desk, "hella", Role::Helpdesk);
    signed_in(&mut hella, "hella").await;
    let corner = hella.get("/admin/users").await;
    corner.says(StatusCode::OK, "User Issues (1)");
    let list = hella.get("/admin/user-issues").await;
    for words in
        [reference.as_str(), "anna", "Token lost", "Password proved", "E-mail not proved", "anna@example.org"]
    {
        list.says(StatusCode::OK, words);
    }
    let page = hella.get("/admin/user-issues/1").await;
    page.says(StatusCode::OK, "How identity was established");
    let verify = "/admin/user-issues/1/verify";
    let wrong = hella.post(verify, &[("reference", "000000000"), ("note", "saw the passport")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "This is not the number of this request");
    let empty = hella.post(verify, &[("reference", &reference), ("note", "")]).await;
    empty.says(StatusCode::UNPROCESSABLE_ENTITY, "Note how identity was established");
    let done = hella.post(verify, &[("reference", &reference), ("note", "saw the passport")]).await;
    done.leads_to("/admin/user-issues?done=issue-approved");
    hella.get("/admin/user-issues?done=issue-approved").await.says(StatusCode::OK, "Approved");
    let again = hella.post(verify, &[("reference", &reference), ("note", "saw the passport")]).await;
    again.says(StatusCode::CONFLICT, "This request is approved by now.");
    hella.get("/admin/user-issues/99").await.says(StatusCode::NOT_FOUND, "There is nothing here");
    let token =
        desk.service.token(&ADMIN, &TokenSerial::parse(&serial(1)).expect("a serial")).expect("there");
    assert_eq!(token.token.disabled, Some(DisabledBy::Issue));

    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    let home = anna.get("/selfservice/vpn/home").await;
    home.says(StatusCode::OK, "Existing Token Registration");
    let codes = desk.codes(2, 0, 2);
    anna.get("/selfservice/vpn/tokens/confirm").await.says(StatusCode::OK, "Serial number");
    anna.confirm(&serial(2), &codes).await.leads_to("/selfservice/vpn/tokens/confirm?done");
    let token =
        desk.service.token(&ADMIN, &TokenSerial::parse(&serial(1)).expect("a serial")).expect("there");
    assert_eq!(token.token.disabled, Some(DisabledBy::Replaced));
    desk.close();
}

/// P38, P39: on the page that asks for the code the password is proved already.
#[tokio::test]
async fn p38_from_the_page_of_the_code() {
    let desk = desk();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "Restore access");
    let boxes = anna.get(RESTORE).await;
    boxes.says(StatusCode::OK, "name=\"token\"");
    assert!(!boxes.body.contains("name=\"password\""), "it was just typed");
    anna.on("lost", &[("token", "1")]).await.says(StatusCode::OK, "Send the request");
    anna.on("again", &[]).await.says(StatusCode::OK, "What can you not use?");
    anna.on("lost", &[("token", "1")]).await.says(StatusCode::OK, "Send the request");
    anna.on("send", &[]).await.says(StatusCode::OK, "Write it down");
    desk.close();
}

/// P40, P43, P45: everything lost: two operators, the wait, the link to the new address.
#[tokio::test]
async fn p43_p45_everything_lost() {
    let desk = desk();
    let mut anna = desk.browser();
    anna.restoring("anna").await.says(StatusCode::OK, "Restore access");
    let all = [("token", "1"), ("password", "1"), ("email", "1")];
    anna.on("lost", &all).await.says(StatusCode::OK, "Your new password");
    let short = anna.step("password", &[("new", "too short"), ("again", "too short")]).await;
    short.says(StatusCode::UNPROCESSABLE_ENTITY, "at least 15 are needed");
    let other = anna.step("password", &[("new", NEW), ("again", "something else")]).await;
    other.says(StatusCode::UNPROCESSABLE_ENTITY, "The two are not the same");
    anna.on("password", &[("new", NEW), ("again", NEW)])
        .await
        .says(StatusCode::OK, "Your new e-mail address");
    let bad = anna.step("email", &[("email", "anna")]).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "like name@example.org");
    let summary = anna.on("email", &[("email", "anna@example.net")]).await;
    summary.says(StatusCode::OK, "anna@example.net");
    let sent = anna.on("send", &[]).await;
    sent.says(StatusCode::OK, "two of them must agree, and it takes effect 1 day later");
    let reference = number(&sent.body);
    assert!(mail_to(&desk, "anna@example.org").contains("asked for access in your name"));

    let mut first = operator(&desk, "hella", Role::Helpdesk);
    signed_in(&mut first, "hella").await;
    let mut second = operator(&desk, "adam", Role::Admin);
    signed_in(&mut second, "adam").await;
    let fields = [("reference", reference.as_str()), ("note", "saw the passport")];
    let verify = "/admin/user-issues/1/verify";
    first.get("/admin/user-issues").await.says(StatusCode::OK, "Nothing was proved.");
    first.post(verify, &fields).await.leads_to("/admin/user-issues?done=issue-first");
    first.get("/admin/user-issues/1").await.says(StatusCode::OK, "Needs another operator");
    let twice = first.post(verify, &fields).await;
    twice.says(StatusCode::FORBIDDEN, "another operator must, too");
    let mut local = desk.staff();
    local.get("/admin/user-issues/1").await.says(StatusCode::OK, "saw the passport");
    local.post(verify, &fields).await.says(StatusCode::FORBIDDEN, "two signed-in operators");
    second.get("/admin/user-issues/1").await.says(StatusCode::OK, "saw the passport");
    second.post(verify, &fields).await.leads_to("/admin/user-issues?done=issue-waits");
    let waits = second.get("/admin/user-issues").await;
    waits.says(StatusCode::OK, "Takes effect tomorrow");
    assert!(!waits.body.contains("Verify Identity<"), "nothing is left to verify");
    assert!(mail_to(&desk, "anna@example.org").contains("approved by two operators"));

    desk.later(86_400);
    desk.service.sweep().expect("swept");
    // An operator mails the link again; the one before is useless then.
    let before = link(&mail_to(&desk, "anna@example.net"));
    local.get("/admin/user-issues/1").await.says(StatusCode::OK, "Mail the link again");
    let again = "/admin/user-issues/1/link";
    local.post(again, &[]).await.says(StatusCode::CONFLICT, "A link was mailed within the last minute");
    desk.later(90);
    local.post(again, &[]).await.leads_to("/admin/user-issues?done=issue-link");
    let path = link(&mail_to(&desk, "anna@example.net"));
    let mut anna = desk.browser();
    anna.get(&before).await.says(StatusCode::NOT_FOUND, "This link does not work any more");
    anna.get(&path).await.says(StatusCode::OK, "Use this address");
    anna.get(&path).await.says(StatusCode::OK, "anna@example.net");
    let key = path.split_once("?k=").expect("a key").1.to_owned();
    let used = anna.post("/selfservice/vpn/restore/link", &[("k", &key)]).await;
    used.says(StatusCode::OK, "Your e-mail address is changed");
    let again = anna.post("/selfservice/vpn/restore/link", &[("k", &key)]).await;
    again.says(StatusCode::NOT_FOUND, "This link does not work any more");
    anna.get(&path).await.says(StatusCode::NOT_FOUND, "This link does not work any more");
    let none = anna.get("/selfservice/vpn/restore/link").await;
    none.says(StatusCode::NOT_FOUND, "This link does not work any more");
    anna.sign_in("anna", NEW).await.leads_to("/selfservice/vpn/home");
    desk.close();
}

/// P43: the link in the mail to the old address cancels; P41: *Delete* throws away.
#[tokio::test]
async fn p43_cancelled_by_mail_and_deleted_by_an_operator() {
    let desk = desk();
    let everything = [("token", "1"), ("password", "1"), ("email", "1")];
    for _ in 0..2 {
        let mut anna = desk.browser();
        anna.restoring("anna").await.says(StatusCode::OK, "Restore access");
        anna.on("lost", &everything).await;
        anna.on("password", &[("new", NEW), ("again", NEW)]).await;
        anna.on("email", &[("email", "anna@example.net")]).await;
        anna.on("send", &[]).await.says(StatusCode::OK, "Write it down");
    }
    let path = link(&mail_to(&desk, "anna@example.org"));
    let mut owner = desk.browser();
    owner.get(&path).await.says(StatusCode::OK, "Cancel the request");
    let key = path.split_once("?k=").expect("a key").1.to_owned();
    let used = owner.post("/selfservice/vpn/restore/link", &[("k", &key)]).await;
    used.says(StatusCode::OK, "The request is cancelled");
    let mut staff = desk.staff();
    staff.get("/admin/user-issues").await.says(StatusCode::OK, "Cancelled by mail");
    let deleted = staff.post("/admin/user-issues/1/delete", &[]).await;
    deleted.leads_to("/admin/user-issues?done=issue-deleted");
    let list = staff.get("/admin/user-issues").await;
    list.says(StatusCode::OK, "Deleted by an operator");
    assert!(!list.body.contains("Verify Identity<"));
    desk.close();
}

/// P46: the page after a full sign-in says that a request had been made; the address can be put right.
#[tokio::test]
async fn p46_the_page_after_signing_in_says_so() {
    let desk = desk();
    let settings =
        PortalSettings { actions: Some(vec![PortalAction::ChangeEmail]), ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    let mut anna = desk.browser();
    anna.restoring("anna").await.says(StatusCode::OK, "Restore access");
    anna.on("lost", &[("email", "1")]).await.says(StatusCode::OK, "The code on your token");
    anna.on("proof", &[("password", PASSWORD)]).await.says(StatusCode::OK, "Your new e-mail address");
    anna.on("email", &[("email", "anna@example.net")]).await;
    let reference = number(&anna.on("send", &[]).await.body);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "Restore access");
    let codes = desk.codes(1, 0, 1);
    anna.post("/selfservice/vpn/otp", &[("otp", &codes[0])]).await.leads_to("/selfservice/vpn/home");
    let home = anna.get("/selfservice/vpn/home").await;
    home.says(StatusCode::OK, "A request for access in your name is deleted now.");
    home.says(StatusCode::OK, &reference);
    home.says(StatusCode::OK, "from the network address 127.0.0.1");
    home.says(StatusCode::OK, "Change Email Address");
    home.says(StatusCode::OK, "Ask again");
    let again = anna.get(RESTORE).await;
    again.says(StatusCode::OK, "name=\"email\"");
    assert!(!again.body.contains("name=\"password\"") && !again.body.contains("name=\"token\""));
    anna.on("lost", &[("email", "1")]).await.says(StatusCode::OK, "Your new e-mail address");
    desk.close();
}

/// A request: its method, the step that it answers, and the fields.
type Step = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// P41, law 6: known against unknown logins, step by step: status, headers, words and length. The pairs take
/// turns, so that what the service remembers of the one stands beside the other.
#[tokio::test]
async fn p41_known_and_unknown_logins_get_equal_pages() {
    const GUESS: &[(&str, &str)] = &[("password", "not the password")];
    const CODE_GUESS: &[(&str, &str)] = &[("code", "12345678"), ("otp", "000000")];
    const EVERYTHING: &[(&str, &str)] = &[("token", "1"), ("password", "1"), ("email", "1")];
    const PASSWORDS: &[(&str, &str)] = &[("new", NEW), ("again", NEW)];
    let desk = desk();
    // With everything, with a mail address, not there.
    let logins = ["anna", "otto", "nora"];
    let mut browsers: Vec<_> = logins.iter().map(|_| desk.browser()).collect();
    let mut walk: Vec<Step> = vec![
        ("GET", "", &[]),
        ("POST", "lost", &[]),
        ("POST", "lost", &[("token", "1")]),
        ("GET", "", &[]),
        ("POST", "proof", &[]),
        ("POST", "proof", &[("otp", "12345x")]),
        ("POST", "proof", GUESS),
        ("POST", "again", &[]),
        ("POST", "lost", &[("password", "1")]),
        ("GET", "", &[]),
        ("POST", "send", &[]),
        ("POST", "proof", CODE_GUESS),
        ("POST", "proof", CODE_GUESS),
        ("POST", "proof", CODE_GUESS),
        ("POST", "proof", CODE_GUESS),
        ("POST", "proof", CODE_GUESS),
        ("POST", "proof", CODE_GUESS),
        ("POST", "again", &[]),
        ("POST", "lost", EVERYTHING),
        ("GET", "", &[]),
        ("POST", "password", &[("new", "short"), ("again", "short")]),
        ("POST", "password", PASSWORDS),
        ("GET", "", &[]),
        ("POST", "email", &[("email", "not an address")]),
        ("POST", "email", &[("email", "new@example.net")]),
        ("GET", "", &[]),
        ("POST", "send", &[]),
        ("GET", "", &[]),
        ("POST", "send", &[]),
        ("POST", "again", &[]),
    ];
    // Three wait at most: beyond that the pages are the same, too.
    for _ in 0..3 {
        walk.extend([
            ("POST", "lost", EVERYTHING),
            ("POST", "password", PASSWORDS),
            ("POST", "email", &[("email", "new@example.net")]),
            ("POST", "send", &[]),
            ("GET", "", &[]),
            ("POST", "again", &[]),
        ]);
    }
    for (login, browser) in logins.iter().zip(&mut browsers) {
        browser.restoring(login).await.says(StatusCode::OK, "What can you not use?");
    }
    let mut statuses = Vec::new();
    for (at, (method, step, fields)) in walk.iter().enumerate() {
        let mut seen = Vec::new();
        for (login, browser) in logins.iter().zip(&mut browsers) {
            let answer = match *method {
                "GET" => browser.get(RESTORE).await,
                _ => browser.step(step, fields).await,
            };
            let length = answer.body.len();
            let (status, headers, body) = plain(&answer, login, &browser.form_token);
            let body =
                if body.contains("Write it down") { body.replace(&number(&body), "NUMBER") } else { body };
            seen.push((status, headers, body, length));
        }
        assert_eq!(seen[0], seen[2], "step {at} {step}: anna and nobody");
        assert_eq!(seen[1], seen[2], "step {at} {step}: otto and nobody");
        statuses.push(seen[0].0);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "blocked, too");
    let issues = desk.service.user_issues(&ADMIN, Page::first(20)).expect("listed").items;
    let open = |login: &str| issues.iter().filter(|i| i.user.login.as_str() == login).count();
    assert_eq!((open("anna"), open("otto")), (3, 3));
    // Back at the sign-in all three are told the same as well.
    let mut told = Vec::new();
    for (login, browser) in logins.iter().zip(&mut browsers) {
        browser.get("/selfservice/vpn/verify").await.says(StatusCode::OK, login);
        let answer = browser.post("/selfservice/vpn/verify", &[("secret", "99999999")]).await;
        told.push(plain(&answer, login, &browser.form_token));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]));
    desk.close();
}

/// The pages speak the language that was chosen, with what is wrong and its numbers.
#[tokio::test]
async fn restore_access_speaks_the_chosen_language() {
    let desk = desk();
    let mut anna = desk.browser();
    anna.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "<html lang=\"en\"");
    let ukrainian = [("language", "uk"), ("here", "/selfservice/vpn/portal")];
    anna.post("/selfservice/vpn/language", &ukrainian).await.leads_to("/selfservice/vpn/portal");
    anna.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Ваш токен для VPN");
    anna.post("/selfservice/vpn/portal", &[("login", "anna")]).await.leads_to("/selfservice/vpn/verify");
    let second = anna.get("/selfservice/vpn/verify").await;
    second.says(StatusCode::OK, "<html lang=\"uk\"");
    second.says(StatusCode::OK, "Ще один крок, anna");
    anna.get(RESTORE).await.says(StatusCode::OK, "Не можете увійти як anna?");
    let nothing = anna.step("lost", &[]).await;
    nothing.says(StatusCode::UNPROCESSABLE_ENTITY, "Позначте, чим ви не можете скористатися.");
    anna.on("lost", &[("token", "1"), ("password", "1"), ("email", "1")]).await;
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    for (typed, problem) in [
        ("я", "У паролі 1 символ, а треба щонайменше 15."),
        ("яка", "У паролі 3 символи, а треба щонайменше 15."),
        ("пароль", "У паролі 6 символів, а треба щонайменше 15."),
        ("password1234567890", "Цей пароль серед перших, які пробують; виберіть інший."),
        (&"яка ".repeat(33), "У паролі 132 символи, а поміщається щонайбільше 128."),
    ] {
        let refused = anna.step("password", &[("new", typed), ("again", typed)]).await;
        refused.says(unfit, problem);
    }
    anna.on("password", &[("new", NEW), ("again", NEW)]).await;
    anna.on("email", &[("email", "anna@example.net")]).await.says(StatusCode::OK, "На anna@example.net буде");
    let sent = anna.on("send", &[]).await;
    sent.says(StatusCode::OK, "Ваш запит має номер");
    sent.says(StatusCode::OK, "через 1 день після цього");
    desk.close();
}

/// P40: what comes next is said of the resource by the name that the frame shows.
#[tokio::test]
async fn p40_pages_call_the_resource_as_the_portal_does() {
    let desk = desk();
    let look = LookPatch { shown_name: Some("Remote access".into()), ..LookPatch::default() };
    desk.service.set_look(&ADMIN, &resource("VPN"), look).expect("set");
    let mut nobody = desk.browser();
    nobody.restoring("nobody").await.says(StatusCode::OK, "What can you not use?");
    nobody.on("lost", &[("token", "1"), ("password", "1"), ("email", "1")]).await;
    nobody.on("password", &[("new", NEW), ("again", NEW)]).await;
    nobody.on("email", &[("email", "nobody@example.net")]).await;
    let sent = nobody.on("send", &[]).await;
    sent.says(StatusCode::OK, "Remote access");
    assert!(!sent.body.contains("VPN"), "{}", sent.body);
    desk.close();
}
