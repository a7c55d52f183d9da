//! `init` and `formats`: what needs no store yet.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::home;
use super::output::{Outcome, Output, environment, usage};
use super::secrets;
use crate::model::{Actor, Login, Role};
use crate::secret::Passphrase;
use crate::seedfile;
use crate::service::StoreMark;
use crate::vault::check_new_password;

/// Characters that an operator's password has at least.
const OPERATOR_PASSWORD_CHARS: usize = 15;

/// Makes the data directory, the root key and the first operator
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// Login of the first operator, an admin
    #[arg(long, value_name = "LOGIN")]
    admin: Option<String>,
    /// File that holds their password; without it the password is asked for
    #[arg(long, value_name = "FILE", requires = "admin")]
    password_file: Option<PathBuf>,
}

/// Runs `init`.
pub(super) fn run(args: &InitArgs, dir: &Path, out: &mut Output) -> Result<Outcome> {
    // Everything that can be wrong is looked at before anything is made.
    let admin = match &args.admin {
        Some(login) => {
            let login = Login::parse(login).map_err(|error| usage(error.to_string()))?;
            let text = secrets::password(args.password_file.as_deref(), "Password of the operator")?;
            let password = Passphrase::new(text.as_bytes().to_vec());
            check_new_password(&password, OPERATOR_PASSWORD_CHARS)
                .map_err(|error| usage(error.to_string()))?;
            Some((login, password))
        }
        None => None,
    };
    home::make_store(dir, StoreMark::default())?;
    let (store, meta) = home::open_store(dir)?;
    let service = home::open_service(dir, store, &meta, false)?;
    let actor = Actor::local(rustix::process::getuid().as_raw());
    let added = admin
        .as_ref()
        .map(|(login, password)| service.add_operator(&actor, login, password, Role::Admin, None));
    service.close();
    if let Some(Err(error)) = added {
        return Err(environment(error.to_string()));
    }
    let value = json!({
        "data": dir,
        "root_key": dir.join(home::ROOT_KEY),
        "operator": admin.as_ref().map(|(login, _)| login.as_str()),
    });
    out.answer(&value, |out| {
        out.line(format_args!("store and root key made in {}", dir.display()))?;
        match &admin {
            Some((login, _)) => out.line(format_args!("operator {login} added"))?,
            None => out.line("no operator yet; add one: mintmark operator add LOGIN")?,
        }
        let root = dir.join(home::ROOT_KEY);
        out.line(format_args!("keep a copy of {} apart from all backups", root.display()))?;
        out.line("next: mintmark serve")
    })?;
    Ok(Outcome::Done)
}

/// Runs `formats`.
pub(super) fn formats(out: &mut Output) -> Result<Outcome> {
    let formats = seedfile::formats();
    let value = json!({
        "items": formats.iter().map(|f| json!({
            "name": f.name, "title": f.title, "extensions": f.extensions, "needs": f.needs,
        })).collect::<Vec<_>>(),
    });
    let rows: Vec<Vec<String>> = formats
        .iter()
        .map(|f| {
            let needs = if f.needs.is_empty() { "nothing" } else { f.needs };
            vec![f.name.to_owned(), f.title.to_owned(), needs.to_owned()]
        })
        .collect();
    out.answer(&value, |out| out.table(&["FORMAT", "WHAT IT IS", "NEEDS"], &rows))?;
    Ok(Outcome::Done)
}
