//! What people change of themselves in the portal, as a browser sees it.

use axum::http::StatusCode;
use mintmark::model::{
    AssignmentKind, EmailAddress, EnvironmentPolicy, Language, Login, PortalAction, TokenSerial,
};
use mintmark::service::{AssignRequest, OFFERED, PortalSettings, UserPatch};

use crate::desk::{ADMIN, Answer, Browser, Desk, PASSWORD, resource, serial};

/// A desk whose portal offers these actions.
fn desk_with(actions: &[PortalAction]) -> Desk {
    let desk = Desk::open();
    let settings = PortalSettings { actions: Some(actions.to_vec()), ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    desk
}

/// anna with token 1 on *VPN*.
fn give_token(desk: &Desk) {
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(Login::parse("anna").expect("a login")),
        token: Some(TokenSerial::parse(&serial(1)).expect("a serial")),
    };
    desk.service.assign(&ADMIN, &resource("VPN"), &pair).expect("assigned");
}

fn digits(text: &str) -> String {
    let mut words = text.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 8).expect("a code of eight digits").to_owned()
}

fn newest_code(desk: &Desk) -> String {
    digits(&desk.service.outbox(&ADMIN, 5).expect("a demonstration")[0].text)
}

impl Browser<'_> {
    /// Follows a redirect that sends the form on.
    pub(crate) async fn onward(&mut self, answer: &Answer, fields: &[(&str, &str)]) -> Answer {
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{}", answer.body);
        let path = answer.location().to_owned();
        self.post(&path, fields).await
    }
}

/// P27, P32: the page asks first who is there, and what was typed is not lost.
#[tokio::test]
async fn p32_a_change_of_login_asks_who_is_there() {
    let desk = desk_with(&[PortalAction::ChangeLogin]);
    give_token(&desk);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let code = desk.codes(1, 0, 1);
    anna.post("/selfservice/vpn/otp", &[("otp", &code[0])]).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "Change Login");
    anna.get("/selfservice/vpn/login").await.says(StatusCode::OK, "Others find you by your login.");
    let bad = anna.post("/selfservice/vpn/login", &[("login", "an na\u{7}")]).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", bad.body);
    let taken = anna.post("/selfservice/vpn/login", &[("login", "otto")]).await;
    taken.says(StatusCode::UNPROCESSABLE_ENTITY, "This login is taken: choose another.");

    // Five minutes later the proof is too old: the form leads there, and keeps what was typed.
    desk.later(301);
    let asks = anna.post("/selfservice/vpn/login", &[("login", "anna.k")]).await;
    asks.says(StatusCode::OK, "Is it still you?");
    asks.says(StatusCode::OK, "before your login is changed");
    asks.says(StatusCode::OK, "name=\"login\" value=\"anna.k\"");
    anna.get("/selfservice/vpn/login").await.leads_to("/selfservice/vpn/prove?then=login");
    anna.get("/selfservice/vpn/prove?then=login").await.says(StatusCode::OK, "Type the code");
    for elsewhere in ["prove", "prove?then=", "prove?then=//example.org", "prove?then=home"] {
        let answer = anna.get(&format!("/selfservice/vpn/{elsewhere}")).await;
        answer.says(StatusCode::NOT_FOUND, "That is not possible here");
        anna.get("/selfservice/vpn/prove?then=login").await.says(StatusCode::OK, "Type the code");
    }
    let fields = [("then", "login"), ("login", "anna.k"), ("otp", "000000")];
    let wrong = anna.post("/selfservice/vpn/prove", &fields).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit.");
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "name=\"login\" value=\"anna.k\"");
    let letters = [("then", "login"), ("login", "anna.k"), ("otp", "12345x")];
    let letters = anna.post("/selfservice/vpn/prove", &letters).await;
    letters.says(StatusCode::UNPROCESSABLE_ENTITY, "A code has digits only.");
    let code = desk.codes(1, 0, 1);
    let fields = [("then", "login"), ("login", "anna.k"), ("otp", code[0].as_str())];
    let proved = anna.post("/selfservice/vpn/prove", &fields).await;
    assert_eq!(proved.location(), "/selfservice/vpn/login");
    let changed = anna.onward(&proved, &fields).await;
    changed.leads_to("/selfservice/vpn/home?done=login");
    anna.get("/selfservice/vpn/home?done=login").await.says(StatusCode::OK, "Your login is changed.");
    desk.service.user(&ADMIN, &Login::parse("anna.k").expect("a login")).expect("changed");
    // Without anything typed the proof leads to the page.
    desk.later(301);
    anna.get("/selfservice/vpn/login").await.leads_to("/selfservice/vpn/prove?then=login");
    anna.get("/selfservice/vpn/prove?then=login").await.says(StatusCode::OK, "Type the code");
    let code = desk.codes(1, 0, 1);
    let fields = [("then", "login"), ("otp", code[0].as_str())];
    anna.post("/selfservice/vpn/prove", &fields).await.leads_to("/selfservice/vpn/login");
    anna.get("/selfservice/vpn/login").await.says(StatusCode::OK, "New login");
    desk.close();
}

/// P32: password, or mailed code.
#[tokio::test]
async fn p32_without_a_token_password_or_mailed_code() {
    let desk = desk_with(&[PortalAction::ChangeLogin]);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    desk.later(301);
    anna.get("/selfservice/vpn/prove?then=login").await.says(StatusCode::OK, "Your password");
    let empty = anna.post("/selfservice/vpn/prove", &[("then", "login")]).await;
    empty.says(StatusCode::UNPROCESSABLE_ENTITY, "Type your password.");
    let right = anna.post("/selfservice/vpn/prove", &[("then", "login"), ("proof", PASSWORD)]).await;
    right.leads_to("/selfservice/vpn/login");

    let mut otto = desk.browser();
    otto.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
    otto.post("/selfservice/vpn/portal", &[("login", "otto")]).await.leads_to("/selfservice/vpn/verify");
    let code = newest_code(&desk);
    otto.post("/selfservice/vpn/verify", &[("secret", &code)]).await.leads_to("/selfservice/vpn/home");
    desk.later(301);
    otto.get("/selfservice/vpn/prove?then=login")
        .await
        .says(StatusCode::OK, "We mail a code to o…@example.org");
    let sent = otto.post("/selfservice/vpn/prove", &[("then", "login"), ("mail", "1")]).await;
    sent.says(StatusCode::OK, "A code is on its way to o…@example.org.");
    let code = newest_code(&desk);
    let wrong = otto.post("/selfservice/vpn/prove", &[("then", "login"), ("proof", "12345678")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "Only the newest code works");
    let fields = [("then", "login"), ("proof", code.as_str()), ("login", "otto.o")];
    let right = otto.post("/selfservice/vpn/prove", &fields).await;
    otto.onward(&right, &fields).await.leads_to("/selfservice/vpn/home?done=login");
    desk.close();
}

/// P23, P24: typed twice, by the rules, the old one asked; P6 says why each action shows or not.
#[tokio::test]
async fn p23_p24_passwords_are_created_and_changed() {
    let desk = desk_with(&[PortalAction::CreatePassword, PortalAction::ChangePassword]);
    let mut otto = desk.browser();
    otto.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
    otto.post("/selfservice/vpn/portal", &[("login", "otto")]).await.leads_to("/selfservice/vpn/verify");
    let code = newest_code(&desk);
    otto.post("/selfservice/vpn/verify", &[("secret", &code)]).await.leads_to("/selfservice/vpn/home");
    let home = otto.get("/selfservice/vpn/home").await;
    home.says(StatusCode::OK, "Create Password");
    assert!(!home.body.contains("Change Password"));
    let hidden = otto.get("/selfservice/vpn/password").await;
    hidden.says(StatusCode::NOT_FOUND, "That is not possible here");
    otto.get("/selfservice/vpn/password/new").await.says(StatusCode::OK, "At least 15 characters");
    let mut tries = Vec::new();
    for (new, again, words) in [
        ("", "", "Type the new password."),
        ("drei Birnen im Korb", "drei Birnen im Kor", "The two are not the same"),
        ("drei Birnen", "drei Birnen", "at least 15 are needed"),
        ("passwordpassword", "passwordpassworD", "The two are not the same"),
    ] {
        let answer = otto.post("/selfservice/vpn/password/new", &[("new", new), ("again", again)]).await;
        answer.says(StatusCode::UNPROCESSABLE_ENTITY, words);
        tries.push(answer.body);
    }
    assert!(tries.iter().all(|body| !body.contains("Birnen")), "passwords are never shown again");
    let new = "drei Birnen im Korb";
    let made = otto.post("/selfservice/vpn/password/new", &[("new", new), ("again", new)]).await;
    made.leads_to("/selfservice/vpn/home?done=password-created");
    let home = otto.get("/selfservice/vpn/home?done=password-created").await;
    home.says(StatusCode::OK, "You have a password now.");
    home.says(StatusCode::OK, "Change Password");
    let gone = otto.post("/selfservice/vpn/password/new", &[("new", new), ("again", new)]).await;
    gone.says(StatusCode::NOT_FOUND, "That is not possible here");

    otto.get("/selfservice/vpn/password").await.says(StatusCode::OK, "Old password");
    let next = "vier Quitten im Netz";
    let fields = |old| [("old", old), ("new", next), ("again", next)];
    let wrong = otto.post("/selfservice/vpn/password", &fields("not the old one")).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That is not the password on record.");
    let same = [("old", new), ("new", new), ("again", new)];
    let same = otto.post("/selfservice/vpn/password", &same).await;
    same.says(StatusCode::UNPROCESSABLE_ENTITY, "choose another");
    let changed = otto.post("/selfservice/vpn/password", &fields(new)).await;
    changed.leads_to("/selfservice/vpn/home?done=password");
    let mut again = desk.browser();
    again.sign_in("otto", next).await.leads_to("/selfservice/vpn/home");
    for _ in 0..5 {
        let wrong = again.post("/selfservice/vpn/password", &fields("not it")).await;
        wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That is not the password on record.");
    }
    let blocked = again.post("/selfservice/vpn/password", &fields(next)).await;
    assert_eq!(blocked.status, StatusCode::UNPROCESSABLE_ENTITY, "old and new are the same");
    let fields = [("old", next), ("new", new), ("again", new)];
    let blocked = again.post("/selfservice/vpn/password", &fields).await;
    blocked.says(StatusCode::TOO_MANY_REQUESTS, "There were too many tries that did not fit.");
    assert!(blocked.headers.contains_key("retry-after"));
    desk.close();
}

/// P25: the address that was typed is kept over the proof; the code makes it the user's.
#[tokio::test]
async fn p25_an_address_is_proved_by_its_code() {
    let desk = desk_with(&[PortalAction::ChangeEmail]);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/email").await.says(StatusCode::OK, "No address is on record yet.");
    let bad = anna.post("/selfservice/vpn/email", &[("email", "anna")]).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "like name@example.org");
    let early = anna.post("/selfservice/vpn/email/code", &[("code", "12345678")]).await;
    early.says(StatusCode::UNPROCESSABLE_ENTITY, "Have another one mailed.");
    desk.later(301);
    let typed = ("email", "anna@example.net");
    let asks = anna.post("/selfservice/vpn/email", &[typed]).await;
    asks.says(StatusCode::OK, "before your e-mail address is changed");
    asks.says(StatusCode::OK, "value=\"anna@example.net\"");
    let fields = [("then", "email"), typed, ("proof", PASSWORD)];
    let proved = anna.post("/selfservice/vpn/prove", &fields).await;
    anna.onward(&proved, &fields).await.leads_to("/selfservice/vpn/email");
    anna.get("/selfservice/vpn/email").await.says(StatusCode::OK, "anna@example.net");
    let code = newest_code(&desk);
    let empty = anna.post("/selfservice/vpn/email/code", &[]).await;
    empty.says(StatusCode::UNPROCESSABLE_ENTITY, "Type the code that we mailed you.");
    let wrong = anna.post("/selfservice/vpn/email/code", &[("code", "00000000")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That code did not fit.");
    let right = anna.post("/selfservice/vpn/email/code", &[("code", &code)]).await;
    right.leads_to("/selfservice/vpn/home?done=email");
    anna.get("/selfservice/vpn/home?done=email")
        .await
        .says(StatusCode::OK, "Your e-mail address is changed.");
    let same = anna.post("/selfservice/vpn/email", &[typed]).await;
    same.says(StatusCode::UNPROCESSABLE_ENTITY, "This is your address already.");
    for _ in 0..2 {
        anna.post("/selfservice/vpn/email", &[("email", "a@example.net")]).await;
    }
    let enough = anna.post("/selfservice/vpn/email", &[("email", "a@example.net")]).await;
    enough.says(StatusCode::TOO_MANY_REQUESTS, "There were enough mails for now.");
    desk.close();
}

/// P26, P28: on record, no way in.
#[tokio::test]
async fn p26_p28_phone_and_name() {
    let desk = desk_with(&[PortalAction::ChangePhone, PortalAction::ChangeName]);
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/phone").await.says(StatusCode::OK, "With the country code");
    let bad = anna.post("/selfservice/vpn/phone", &[("phone", "030 123456")]).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "030 123456");
    let set = anna.post("/selfservice/vpn/phone", &[("phone", "0049 (30) 12-34 56")]).await;
    set.leads_to("/selfservice/vpn/home?done=phone");
    anna.get("/selfservice/vpn/phone").await.says(StatusCode::OK, "value=\"+4930123456\"");
    anna.post("/selfservice/vpn/phone", &[("phone", " ")])
        .await
        .leads_to("/selfservice/vpn/home?done=phone-removed");
    anna.get("/selfservice/vpn/name").await.says(StatusCode::OK, "value=\"Anna\"");
    let long = "x".repeat(65);
    let bad = anna.post("/selfservice/vpn/name", &[("first_name", "Anne"), ("last_name", &long)]).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "at most 64 characters");
    let names = [("first_name", "Anne"), ("last_name", "Müller-Lüdenscheidt")];
    anna.post("/selfservice/vpn/name", &names).await.leads_to("/selfservice/vpn/home?done=name");
    anna.get("/selfservice/vpn/home?done=name").await.says(StatusCode::OK, "Hello, Anne");
    let user = desk.service.user(&ADMIN, &Login::parse("anna").expect("a login")).expect("there").user;
    assert_eq!((user.phone, user.last_name.as_str()), (None, "Müller-Lüdenscheidt"));
    desk.close();
}

/// P29: an unusual browser gives a mailed code, too; the page lists both, names, trusts and forgets them.
#[tokio::test]
async fn p29_environments_as_their_owner_sees_them() {
    let desk = desk_with(&[PortalAction::ManageEnvironment]);
    let policy = Some(EnvironmentPolicy::AskOtp);
    let settings = PortalSettings { environment_policy: policy, ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    let email = EmailAddress::parse("anna@example.org").expect("an address");
    let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
    desk.service.change_user(&ADMIN, &Login::parse("anna").expect("a login"), patch).expect("changed");
    let mut usual = desk.browser();
    usual.agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    usual.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");

    let mut other = desk.browser();
    other.agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
    other.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/unusual");
    other.get("/selfservice/vpn/home").await.leads_to("/selfservice/vpn/unusual");
    other.get("/selfservice/vpn/unusual").await.says(StatusCode::OK, "A code, too");
    let empty = other.post("/selfservice/vpn/unusual", &[]).await;
    empty.says(StatusCode::UNPROCESSABLE_ENTITY, "Type the code that we mailed you.");
    let wrong = other.post("/selfservice/vpn/unusual", &[("code", "1234")]).await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit.");
    let again = other.post("/selfservice/vpn/unusual", &[("mail", "1")]).await;
    again.says(StatusCode::OK, "Another code is on its way.");
    let code = newest_code(&desk);
    other.post("/selfservice/vpn/unusual", &[("code", &code)]).await.leads_to("/selfservice/vpn/home");
    other.get("/selfservice/vpn/unusual").await.leads_to("/selfservice/vpn/home");

    let page = other.get("/selfservice/vpn/environment").await;
    for words in ["Chrome on Windows", "Firefox on Linux", "This one", "23 of 100", "a code is mailed to you"]
    {
        page.says(StatusCode::OK, words);
    }
    let long = "x".repeat(65);
    let fields = [("number", "1"), ("step", "name"), ("name", long.as_str())];
    let bad = other.post("/selfservice/vpn/environment", &fields).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "at most 64 characters");
    let fields = [("number", "1"), ("step", "name"), ("name", "At <home>")];
    let named = other.post("/selfservice/vpn/environment", &fields).await;
    named.leads_to("/selfservice/vpn/environment?done=named");
    other.get("/selfservice/vpn/environment?done=named").await.says(StatusCode::OK, "At &#60;home&#62;");
    desk.later(301);
    let asks = other.post("/selfservice/vpn/environment/trust", &[("number", "1")]).await;
    asks.says(StatusCode::OK, "before an environment is trusted");
    let fields = [("then", "environment"), ("number", "1"), ("proof", PASSWORD)];
    let proved = other.post("/selfservice/vpn/prove", &fields).await;
    other.onward(&proved, &fields).await.leads_to("/selfservice/vpn/environment?done=trusted");
    other.get("/selfservice/vpn/environment?done=trusted").await.says(StatusCode::OK, "Trust it no longer");
    let fields = [("number", "1"), ("no", "1")];
    let no_longer = other.post("/selfservice/vpn/environment/trust", &fields).await;
    no_longer.leads_to("/selfservice/vpn/environment?done=untrusted");
    let fields = [("number", "1"), ("step", "forget")];
    let forgotten = other.post("/selfservice/vpn/environment", &fields).await;
    forgotten.leads_to("/selfservice/vpn/environment?done=forgotten");
    let gone = other.post("/selfservice/vpn/environment", &fields).await;
    gone.says(StatusCode::NOT_FOUND, "That is not possible here");
    other.get("/selfservice/vpn/environment").await.says(StatusCode::OK, "Your last sign-ins");
    let out = other.post("/selfservice/vpn/sign-out-everywhere", &[]).await;
    out.leads_to("/selfservice/vpn/portal?signed-out");
    usual.get("/selfservice/vpn/home").await.leads_to("/selfservice/vpn/portal");
    desk.close();
}

/// The pages speak the language that was chosen, with what is wrong and its numbers; signing in puts it on record.
#[tokio::test]
async fn pages_about_oneself_speak_the_chosen_language() {
    let desk = desk_with(OFFERED);
    let pin_of_six = PortalSettings { pin_length: Some(6), ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &pin_of_six).expect("set");
    give_token(&desk);
    let mut anna = desk.browser();
    anna.agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    anna.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "<html lang=\"en\"");
    let german = [("language", "de"), ("here", "/selfservice/vpn/portal")];
    anna.post("/selfservice/vpn/language", &german).await.leads_to("/selfservice/vpn/portal");
    anna.post("/selfservice/vpn/portal", &[("login", "anna")]).await.leads_to("/selfservice/vpn/verify");
    anna.post("/selfservice/vpn/verify", &[("secret", PASSWORD)]).await.leads_to("/selfservice/vpn/otp");
    let language =
        || desk.service.user(&ADMIN, &Login::parse("anna").expect("a login")).expect("there").user.language;
    assert_eq!(language(), None);
    let code = desk.codes(1, 0, 1);
    anna.post("/selfservice/vpn/otp", &[("otp", &code[0])]).await.leads_to("/selfservice/vpn/home");
    assert_eq!(language(), Some(Language::German));

    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    anna.get("/selfservice/vpn/login").await.says(StatusCode::OK, "Ihr Anmeldename ist anna.");
    anna.get("/selfservice/vpn/name").await.says(StatusCode::OK, "Vor- und Nachnamen ändern");
    anna.get("/selfservice/vpn/email").await.says(StatusCode::OK, "Noch ist keine Adresse hinterlegt.");
    anna.get("/selfservice/vpn/password").await.says(StatusCode::OK, "Mindestens 8 Zeichen.");
    let long = "x".repeat(65);
    for (page, fields, problem) in [
        ("login", &[("login", "otto")][..], "Dieser Anmeldename ist vergeben"),
        ("login", &[("login", "import")], "deshalb kann niemand so heißen"),
        ("login", &[("login", "an na")], "Das Zeichen an der Stelle 3"),
        ("name", &[("first_name", "Anna"), ("last_name", &long)], "höchstens 64 Zeichen"),
        ("phone", &[("phone", "030 123456")], "Eine Telefonnummer hat ihre Ländervorwahl"),
        ("email", &[("email", "anna")], "Eine E-Mail-Adresse sieht aus wie name@example.org."),
        ("password", &[("old", PASSWORD), ("new", "kurz"), ("again", "kurz")], "hat 4 Zeichen, mindestens 8"),
        (
            "password",
            &[("old", PASSWORD), ("new", PASSWORD), ("again", PASSWORD)],
            "als altes Passwort getippt",
        ),
        ("tokens/pin", &[("pin", "1"), ("again", "1")], "Eine PIN hat 4 bis 6 Ziffern, getippt wurde 1."),
        ("tokens/pin", &[("pin", "123a"), ("again", "123a")], "Eine PIN besteht nur aus Ziffern."),
        ("tokens/pin", &[("pin", "1234"), ("again", "1234")], "gehört zu den ersten, die jeder probiert"),
    ] {
        anna.post(&format!("/selfservice/vpn/{page}"), fields).await.says(unfit, problem);
    }
    anna.get("/selfservice/vpn/tokens/unassign").await.says(StatusCode::OK, "Token 87-1234561 zurückgeben?");
    let page = anna.get("/selfservice/vpn/environment").await;
    for words in ["Firefox unter Linux", "nicht angegeben", "Diese hier", "heute 00:00 UTC"] {
        page.says(StatusCode::OK, words);
    }

    // Another browser, which tells nothing of itself.
    desk.later(30);
    let mut other = desk.browser();
    other.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let code = desk.codes(1, 0, 1);
    other.post("/selfservice/vpn/otp", &[("otp", &code[0])]).await.leads_to("/selfservice/vpn/home");
    let page = other.get("/selfservice/vpn/environment").await;
    page.says(StatusCode::OK, "Unbekannter Browser unter unbekanntem System");
    page.says(StatusCode::OK, "23 von 100: Browser unbekannt statt Firefox; System unbekannt statt Linux");
    desk.close();
}
