//! `hefu key import` and `export`: encrypted key files, moved as they are.

use std::path::PathBuf;

use clap::Args;

use super::super::app::App;
use super::super::exit::Exit;
use super::super::fault::Done;
use super::shown;

#[derive(Args)]
pub(crate) struct Import {
    /// Encrypted key files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn import(app: &App, args: &Import) -> Done {
    let keystore = app.new_keystore()?;
    for file in &args.files {
        let info = keystore.import(file)?;
        let id = info.id.to_string();
        let prose = app.out.text("key-imported", &[("label", &info.label), ("id", &id)]);
        app.out.done(&shown(&info), &prose);
    }
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(crate) struct Export {
    /// The key, by label or id.
    key: String,
    /// The file to write; it stays encrypted.
    file: PathBuf,
}

pub(crate) fn export(app: &App, args: &Export) -> Done {
    let info = app.keystore()?.export(args.key.as_str(), &args.file)?;
    let file = args.file.display().to_string();
    let prose = app.out.text("key-exported", &[("label", &info.label), ("file", &file)]);
    app.out.done(&shown(&info), &prose);
    Ok(Exit::Ok)
}
