//! `hefu genesis assemble`: the genesis of a draft and one file of each province. Whoever does it
//! gets the same bytes.

use std::path::PathBuf;

use clap::Args;
use hefu_genesis::{MemberFile, SignedGenesis, assemble};
use serde_json::json;

use super::super::app::App;
use super::super::exit::Exit;
use super::super::fault::Done;

#[derive(Args)]
pub(crate) struct Assemble {
    /// The draft.
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,
    /// The provinces' files.
    #[arg(required = true)]
    members: Vec<PathBuf>,
    /// The genesis to write.
    #[arg(long, short = 'O', value_name = "FILE", default_value = "genesis.json")]
    out: PathBuf,
}

pub(crate) fn run(app: &App, args: &Assemble) -> Done {
    app.expect_new(&args.out)?;
    let draft = super::read_draft(app, &args.draft)?;
    let mut files = Vec::new();
    for path in &args.members {
        files.push(MemberFile::from_json(&app.read(path)?)?);
    }
    let signed = SignedGenesis::new(assemble(draft, files)?);
    app.write(&args.out, signed.to_json()?.as_bytes())?;
    let (hash, file) = (signed.genesis.hash().to_string(), args.out.display().to_string());
    let members = signed.genesis.members().len().to_string();
    let arguments = [("file", file.as_str()), ("hash", &hash), ("members", &members)];
    let value = json!({ "file": file, "genesis": hash, "members": signed.genesis.members().len() });
    app.out.done(&value, &app.out.text("genesis-assembled", &arguments));
    Ok(Exit::Ok)
}
