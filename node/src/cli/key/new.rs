//! `hefu key new` and `hefu key passphrase`.

use clap::Args;
use hefu_contracts::identity::Role;

use super::super::app::App;
use super::super::args::word;
use super::super::exit::Exit;
use super::super::fault::Done;
use super::{hint, shown};
use crate::keystore::obtain_passphrase;

#[derive(Args)]
pub(crate) struct New {
    /// The key's name here.
    label: String,
    /// What it is meant for.
    #[arg(long = "role", value_name = "ROLE", value_parser = word::<Role>)]
    roles: Vec<Role>,
}

pub(crate) fn run(app: &App, args: &New) -> Done {
    app.new_passphrase()?;
    let keystore = app.new_keystore()?;
    let roles: Vec<String> = args.roles.iter().map(|role| hint(*role)).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    keystore.create(&args.label, &roles, app.new_passphrase()?)?;
    let value = shown(&keystore.info(args.label.as_str())?);
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let folder = keystore.folder().display().to_string();
    let prose = app.out.text(
        "key-made",
        &[
            ("label", &args.label),
            ("id", &text("id")),
            ("key", &text("public_key")),
            ("folder", &folder),
        ],
    );
    app.out.done(&value, &prose);
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(crate) struct ChangePassphrase {
    /// The key, by label or id.
    key: String,
    /// The file whose first line is the new passphrase; else it is asked for.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<std::path::PathBuf>,
}

pub(crate) fn change_passphrase(app: &App, args: &ChangePassphrase) -> Done {
    let keystore = app.keystore()?;
    let old = app.passphrase()?;
    let new = match &args.new_passphrase_file {
        Some(file) => crate::keystore::passphrase_from_file(file)?,
        // The variables name the old one: only a terminal is asked for the new.
        None => obtain_passphrase(None, &app.out.text("ask-new-passphrase", &[]), true)?,
    };
    new.check_new()?;
    keystore.change_passphrase(args.key.as_str(), old, &new)?;
    let value = shown(&keystore.info(args.key.as_str())?);
    app.out.done(&value, &app.out.text("key-passphrase-changed", &[("label", &args.key)]));
    Ok(Exit::Ok)
}
