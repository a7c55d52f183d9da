//! Mails through a real mail server: aiosmtpd, which puts what it takes into a maildir.

#![expect(clippy::disallowed_methods, reason = "another process answers when it can: real time passes")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use mintmark::mail::{Mailer, SmtpSecurity, SmtpSettings};
use mintmark::model::{Actor, ActorOrigin, EmailAddress, Login, OperatorId, PortalAction, Role, TokenType};
use mintmark::secret::Passphrase;
use mintmark::service::{MailMode, PortalSettings, UserPatch};
use mintmark::store::Page;

use crate::desk::{ADMIN, Desk, PASSWORD, resource};

/// A mail server on this machine; stopped when dropped.
struct MailServer {
    child: Child,
    port: u16,
    folder: PathBuf,
}

/// A Python that has aiosmtpd: the first of the path, or the one that Debian's package is for.
fn python() -> &'static str {
    let has = |python: &&str| {
        let mut test = Command::new(python);
        test.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        test.status().is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has).expect("aiosmtpd is installed by make test")
}

impl MailServer {
    fn start(dir: &Path, port: u16) -> Self {
        let folder = dir.join("mails");
        let child = Command::new(python())
            .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c"])
            .arg("aiosmtpd.handlers.Mailbox")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let server = Self { child, port, folder };
        until("the mail server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        server
    }

    fn mails(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.join("new")) else { return Vec::new() };
        entries
            .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a mail"))
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // It may have ended by itself; nothing else can be done about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not within 30 s");
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

fn mailer(port: u16) -> Mailer {
    let from = EmailAddress::parse("mintmark@example.org").expect("an address");
    let host = "127.0.0.1".to_owned();
    let settings = SmtpSettings { host, port, security: SmtpSecurity::None, credentials: None, from };
    Mailer::new(&settings).expect("settings")
}

/// Eight digits of their own.
fn code_in(mail: &str) -> String {
    let mut words = mail.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 8).expect("eight digits").to_owned()
}

/// P8, P10: the code goes through the mail server, and only it opens the portal.
#[tokio::test]
async fn mailed_code_goes_through_the_mail_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = MailServer::start(dir.path(), free_port());
    let desk = Desk::open_with(MailMode::Smtp, Some(mailer(server.port)));
    let mut otto = desk.browser();
    otto.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
    otto.post("/selfservice/vpn/portal", &[("login", "otto")]).await.leads_to("/selfservice/vpn/verify");
    otto.get("/selfservice/vpn/verify").await.says(StatusCode::OK, "otto");
    let mail = until("the mail arrives", || server.mails().pop());
    for part in ["From: Mintmark <mintmark@example.org>", "To: otto@example.org", "Subject: VPN: your code"] {
        assert!(mail.contains(part), "{part} is missing in {mail}");
    }
    let code = code_in(mail.split_once("\n\n").expect("a body").1);
    otto.post("/selfservice/vpn/verify", &[("secret", &code)]).await.leads_to("/selfservice/vpn/home");
    desk.close();
    assert_eq!(server.mails().len(), 1, "one mail for one request");
}

/// A server that is away costs nothing: the mail waits, and goes out when the server is there again.
#[tokio::test]
async fn mail_waits_for_a_server_that_is_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let desk = Desk::open_with(MailMode::Smtp, Some(mailer(port)));
    let mut otto = desk.browser();
    otto.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
    otto.post("/selfservice/vpn/portal", &[("login", "otto")]).await.leads_to("/selfservice/vpn/verify");
    std::thread::sleep(Duration::from_millis(500));
    let server = MailServer::start(dir.path(), port);
    // Tries are spaced out by the service's clock.
    let mail = until("the mail arrives", || {
        desk.clock.advance(Duration::from_secs(5));
        server.mails().pop()
    });
    assert!(mail.contains("To: otto@example.org"), "{mail}");
    desk.close();
}

/// The address that a mail holds, below the portal.
fn link_in(mail: &str) -> String {
    let (_, rest) = mail.split_once("http://localhost:8080").expect("a link");
    rest.split_whitespace().next().expect("a path").to_owned()
}

/// P40, P43, P45: the links of a request go through the mail server: one to the old address, which would cancel
/// it, and after approval one to the new address, which proves it.
#[tokio::test]
async fn links_of_a_request_go_through_the_mail_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = MailServer::start(dir.path(), free_port());
    let desk = Desk::open_with(MailMode::Smtp, Some(mailer(server.port)));
    let restore = "/selfservice/vpn/restore";
    let mut otto = desk.browser();
    otto.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
    otto.post("/selfservice/vpn/portal", &[("login", "otto")]).await.leads_to("/selfservice/vpn/verify");
    let everything = [("step", "lost"), ("token", "1"), ("password", "1"), ("email", "1")];
    otto.post(restore, &everything).await.leads_to(restore);
    let new = "vier Quitten im Netz";
    otto.post(restore, &[("step", "password"), ("new", new), ("again", new)]).await.leads_to(restore);
    otto.post(restore, &[("step", "email"), ("email", "otto@example.net")]).await.leads_to(restore);
    otto.post(restore, &[("step", "send")]).await.leads_to(restore);
    let to = |who: &str, words: &str| {
        let mails = server.mails().into_iter();
        mails
            .map(|mail| mail.replace("=\n", "").replace("=3D", "="))
            .find(|mail| mail.contains(who) && mail.contains(words))
    };
    let asked = until("the old address is told", || to("To: otto@example.org", "asked for access"));
    otto.get(&link_in(&asked)).await.says(StatusCode::OK, "Cancel the request");
    assert!(to("To: otto@example.net", "").is_none(), "nothing goes to the new address before approval");

    let issue = desk.service.user_issues(&ADMIN, Page::first(1)).expect("listed").items.remove(0).issue;
    // The operators get the first numbers of their kind.
    for (id, name) in [(1, "hella"), (2, "horst")] {
        let login = Login::parse(name).expect("a login");
        let password = Passphrase::from_text(PASSWORD.to_owned());
        desk.service.add_operator(&ADMIN, &login, &password, Role::Helpdesk, None).expect("an operator");
        let origin = ActorOrigin::Operator { id: OperatorId(id), login };
        let actor = Actor { origin, role: Some(Role::Helpdesk), ..ADMIN };
        let reference = issue.reference.to_string();
        desk.service.verify_user_issue(&actor, issue.id, &reference, "saw the passport").expect("noted");
    }
    until("it is told when it takes effect", || to("To: otto@example.org", "approved by two operators"));
    desk.clock.advance(Duration::from_hours(24));
    desk.service.sweep().expect("swept");
    let link = link_in(&until("the link arrives", || to("To: otto@example.net", "?k=")));
    otto.get(&link).await.says(StatusCode::OK, "Use this address");
    let key = link.split_once("?k=").expect("a key").1.to_owned();
    let used = otto.post("/selfservice/vpn/restore/link", &[("k", &key)]).await;
    used.says(StatusCode::OK, "Your e-mail address is changed");
    until("both addresses are told", || to("To: otto@example.net", "was changed from"));
}

/// P14: the codes of a mail token go through the mail server, from the first one on.
#[tokio::test]
async fn p14_codes_of_a_mail_token_go_through_the_mail_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = MailServer::start(dir.path(), free_port());
    let desk = Desk::open_with(MailMode::Smtp, Some(mailer(server.port)));
    let settings = PortalSettings {
        actions: Some(vec![PortalAction::RegisterNewToken]),
        token_types: Some(vec![TokenType::Mail]),
        ..PortalSettings::default()
    };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &settings).expect("set");
    let email = EmailAddress::parse("anna@example.org").expect("an address");
    let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
    desk.service.change_user(&ADMIN, &Login::parse("anna").expect("a login"), patch).expect("changed");
    let code = |what: &str, before: &str| {
        until(what, || {
            let found = server.mails().into_iter().filter(|mail| mail.contains("Your code for VPN is "));
            let codes = found.map(|mail| code_in(mail.split_once("\n\n").expect("a body").1));
            codes.into_iter().find(|code| code != before)
        })
    };
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/tokens/register").await.says(StatusCode::OK, "a…@example.org");
    let draft = "/selfservice/vpn/tokens/draft";
    anna.post("/selfservice/vpn/tokens/register", &[("type", "mail")]).await.leads_to(draft);
    anna.get(draft).await.says(StatusCode::OK, "It is on its way");
    let first = code("the first code arrives", "");
    anna.post(draft, &[("otp1", &first)]).await.leads_to("/selfservice/vpn/tokens/draft?done");
    anna.get("/selfservice/vpn/home").await;
    anna.post("/selfservice/vpn/sign-out", &[]).await;
    desk.later(60);
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "A code is on its way to a…@example.org");
    let second = code("the second code arrives", &first);
    anna.post("/selfservice/vpn/otp", &[("otp", &second)]).await.leads_to("/selfservice/vpn/home");
    desk.close();
}
