//! `demo`: a store of its own with people and a resource, for a first walk through the program.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::home;
use super::output::{Outcome, Output, environment};
use super::secrets;
use super::serve;
use crate::config::{Config, DEFAULT_LISTEN, Flags};
use crate::model::{
    Actor, AssignmentKind, EmailAddress, Login, PortalAction, ResourceAlias, ResourceName, Role,
};
use crate::service::{AssignRequest, NewUser, PortalSettings, Service, StoreMark};
use crate::store::{RedbStore, StoreError};

/// Where the demonstration writes its logins.
const LOGINS: &str = "demo-logins.txt";
/// There until the first start is complete.
const UNFINISHED: &str = "first-start";
/// Where it writes the vendor's files.
const SEED_FILES: &str = "seed-files";
/// The vendor's files and what opens the first.
const FILES: [(&str, &[u8]); 3] = [
    ("vendor-batch.pskcxml", include_bytes!("../../tests/data/demo/vendor-batch.pskcxml")),
    ("oath.csv", include_bytes!("../../tests/data/demo/oath.csv")),
    ("passphrase.txt", b"mintmark demo\n"),
];
/// 41 days behind, as a token is that lay in a drawer.
const DRIFT_SECS: i64 = -41 * 86_400;

/// Starts the demonstration
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Address to listen on, of this machine only
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN)]
    listen: String,
}

/// The demonstration's directory.
pub(super) fn dir(flag: Option<&Path>) -> Result<PathBuf> {
    flag.map_or_else(|| home::user_data("mintmark-demo"), |dir| Ok(dir.to_owned()))
}

/// Runs the command; returns after the stop.
pub(super) fn run(args: &DemoArgs, dir: &Path, out: &mut Output) -> Result<Outcome> {
    let flags = Flags { listen: Some(args.listen.clone()), ..Flags::default() };
    let filter = std::env::var("MINTMARK_LOG").unwrap_or_else(|_| "warn".to_owned());
    crate::telemetry::start(&filter).map_err(|error| environment(format!("MINTMARK_LOG: {error}")))?;
    let config = Config::load(dir, &flags, |_| None).map_err(|error| environment(error.to_string()))?;
    if !config.listen.ip().is_loopback() || config.portal_listen.is_some() {
        return Err(environment("a demonstration listens on one loopback address only"));
    }
    serve::check_socket(dir)?;
    clear_unfinished(dir)?;
    let is_new = home::is_empty(dir)?;
    if is_new {
        home::make_dir(dir)?;
        write_new(
            &dir.join(UNFINISHED),
            b"A first start writes here; it takes this file away at its end.\n",
        )?;
        home::make_store(dir, StoreMark { demo: true, simulated: false })?;
    }
    let (store, meta) = home::open_store(dir)?;
    if !meta.demo {
        let shown = dir.display();
        return Err(environment(format!("the store in {shown} is no demonstration; it was not touched")));
    }
    let service = home::open_service(dir, store, &meta, false)?;
    if is_new {
        furnish(&service, dir)?;
    }
    let address = config.listen;
    let actor = Actor::local(rustix::process::getuid().as_raw());
    let vpn = ResourceName::parse("VPN").map(|name| service.resource(&actor, &name));
    let codes = vpn.ok().and_then(Result::ok).map_or(2, |view| view.confirm_codes);
    let logins = dir.join(LOGINS);
    let shown = dir.to_owned();
    serve::serve(dir, &config, &service, out, |out| {
        let text = std::fs::read_to_string(&logins).unwrap_or_default();
        greet(out, &format!("http://{address}"), &shown, &text, is_new, codes).map_err(Into::into)
    })
}

fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content))
        .map_err(|error| environment(format!("{}: {error}", path.display())))
}

/// Fills a new demonstration.
fn furnish(service: &Service, dir: &Path) -> Result<()> {
    let files = dir.join(SEED_FILES);
    std::fs::create_dir_all(&files).map_err(|error| environment(format!("{}: {error}", files.display())))?;
    for (name, content) in FILES {
        write_new(&files.join(name), content)?;
    }
    let admin = home::add_operator(service, "admin", Role::Admin)?;
    let helpdesk = home::add_operator(service, "helpdesk", Role::Helpdesk)?;
    let anna = people(service).map_err(|error| environment(format!("{error:#}")))?;
    let text = format!(
        "console  admin     {admin}\n\
         console  helpdesk  {helpdesk}\n\
         portal   anna      {anna}\n\
         portal   ben       signs in by a code mailed to ben@example.org; read it in the console's outbox\n"
    );
    write_new(&dir.join(LOGINS), text.as_bytes())?;
    let unfinished = dir.join(UNFINISHED);
    std::fs::remove_file(&unfinished)
        .map_err(|error| environment(format!("{}: {error}", unfinished.display())))
}

/// Removes what a first start left behind that was cut off: nobody saw its passwords, so nothing is lost.
/// The directory was empty when that start began, or the file would not be there.
fn clear_unfinished(dir: &Path) -> Result<()> {
    if !dir.join(UNFINISHED).exists() {
        return Ok(());
    }
    if let Err(error @ StoreError::Locked) = RedbStore::open(dir) {
        return Err(home::store_fault(dir, &error));
    }
    let refuse = |error: std::io::Error| environment(format!("{}: {error}", dir.display()));
    std::fs::remove_dir_all(dir).map_err(refuse)
}

/// The resource with its portal, and two users on it; the answer is anna's password.
fn people(service: &Service) -> Result<String> {
    let actor = Actor::local(rustix::process::getuid().as_raw());
    let vpn = ResourceName::parse("VPN")?;
    service.add_resource(&actor, &vpn)?;
    let portal = PortalSettings {
        alias: Some(ResourceAlias::parse("portal")?),
        enabled: Some(true),
        actions: Some(vec![PortalAction::RegisterExistingToken, PortalAction::SynchronizeToken]),
        help_text: Some("Ask the helpdesk of this demonstration.".to_owned()),
        ..PortalSettings::default()
    };
    service.set_portal(&actor, &vpn, &portal)?;
    let (shown, secret) = secrets::random_password()?;
    let anna = NewUser {
        login: "anna".to_owned(),
        first_name: "Anna".to_owned(),
        password: Some(secret),
        ..NewUser::default()
    };
    let ben = NewUser {
        login: "ben".to_owned(),
        first_name: "Ben".to_owned(),
        email: Some(EmailAddress::parse("ben@example.org")?),
        ..NewUser::default()
    };
    for user in [anna, ben] {
        let login = Login::parse(&user.login)?;
        service.add_user(&actor, user)?;
        let request = AssignRequest { kind: AssignmentKind::User, user: Some(login), token: None };
        service.assign(&actor, &vpn, &request)?;
    }
    Ok(shown)
}

fn greet(
    out: &mut Output,
    url: &str,
    dir: &Path,
    logins: &str,
    is_new: bool,
    codes: usize,
) -> std::io::Result<()> {
    let program = std::env::current_exe().map_or_else(|_| "mintmark".to_owned(), |p| p.display().to_string());
    let files = dir.join(SEED_FILES);
    let (pskc, oath) = (files.join("vendor-batch.pskcxml"), files.join("oath.csv"));
    let phrase = files.join("passphrase.txt");
    let kept = if is_new { "new" } else { "kept from the last start" };
    out.line(format_args!("\nA demonstration, its data ({kept}) in {}", dir.display()))?;
    out.line(format_args!("\n  Console  {url}/\n  Station  {url}/station"))?;
    out.line(format_args!("  Portal   {url}/selfservice/portal/portal\n\nLogins"))?;
    for login in logins.lines() {
        out.line(format_args!("  {login}"))?;
    }
    let otp = format!("{program} otp --file {}", pskc.display());
    let open = format!("--passphrase-file {}", phrase.display());
    out.line("\nNext")?;
    out.line("  1. Import the vendor's file, in the console under Import, or:")?;
    out.line(format_args!(
        "       {program} --data {} import {} {open} --batch demo-batch",
        dir.display(),
        pskc.display()
    ))?;
    out.line(format_args!("     The passphrase is: mintmark demo. Another file: {}", oath.display()))?;
    out.line(
        "  2. Assign demo-batch to VPN; sign in to the portal as anna and confirm 87-1234501. Its codes:",
    )?;
    let data = dir.display();
    out.line(format_args!("       {program} --data {data} batch assign demo-batch --resource VPN"))?;
    out.line(format_args!("       {otp} 87-1234501 {open} --count {codes}"))?;
    out.line(
        "  3. Bring back 87-1234502, which is 41 days behind, in the console or at once here. Its codes:",
    )?;
    let drifted = format!("{otp} 87-1234502 {open} --drift {DRIFT_SECS} --count 3");
    out.line(format_args!("       {drifted}"))?;
    out.line(format_args!(
        "       {program} --data {data} token resync 87-1234502 $({drifted}) --window 42d --reason rehearsal"
    ))?;
    out.line("  4. Let an integration ask whether anna's code is right, once, with a key of its own:")?;
    out.line(format_args!(
        "       {program} --data {data} apikey add gateway --role verifier --resource VPN"
    ))?;
    out.line(format_args!(
        "       curl {url}/api/v1/resources/VPN/authenticate -H 'Authorization: Bearer KEY' \\\n         \
         -H 'Content-Type: application/json' -d '{{\"user\":\"anna\",\"otp\":\"CODE\"}}'"
    ))?;
    out.line("  5. Let people do more by themselves: in the console under Resources, VPN, Self-Service, switch actions")?;
    out.line("     on (Register New Token with an app, PIN Setup, Change Password ...), then look as anna.")?;
    out.line("\nStop with Ctrl-C; the data stays.")
}

/// Whether this directory holds a demonstration.
pub(super) fn is_in(dir: &Path) -> bool {
    dir.join(LOGINS).exists()
}
