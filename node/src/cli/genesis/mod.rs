//! `hefu genesis`: the ceremony in which provinces make a ledger together, and its documents.
//!
//! Private keys never leave their province: each makes its own keys and contributes a signed file.

mod assemble;
mod join;
mod new;
mod plan;
mod sign;
mod verify;

use std::path::Path;

use clap::Subcommand;
use hefu_genesis::{Draft, Genesis as Document, SignedGenesis};

use super::app::App;
use super::fault::{Done, Fault};

#[derive(Subcommand)]
pub(crate) enum Genesis {
    New(new::New),
    Join(join::Join),
    Assemble(assemble::Assemble),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Hash(verify::Hash),
}

pub(crate) fn run(app: &App, command: Genesis) -> Done {
    match command {
        Genesis::New(args) => new::run(app, args),
        Genesis::Join(args) => join::run(app, &args),
        Genesis::Assemble(args) => assemble::run(app, &args),
        Genesis::Sign(args) => sign::run(app, &args),
        Genesis::Verify(args) => verify::run(app, &args),
        Genesis::Hash(args) => verify::hash(app, &args),
    }
}

/// Reads a genesis, signed or not.
pub(crate) fn read(app: &App, path: &Path) -> Result<SignedGenesis, Fault> {
    let bytes = app.read(path)?;
    match SignedGenesis::from_json(&bytes) {
        Ok(signed) => Ok(signed),
        Err(error) => match Document::from_json(&bytes) {
            Ok(genesis) => Ok(SignedGenesis::new(genesis)),
            // Of the two complaints the first is about the form that ceremonies end with.
            Err(_) => Err(error.into()),
        },
    }
}

fn read_draft(app: &App, path: &Path) -> Result<Draft, Fault> {
    let draft = Draft::from_json(&app.read(path)?)?;
    draft.check()?;
    Ok(draft)
}
