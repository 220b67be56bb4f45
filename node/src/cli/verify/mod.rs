//! `hefu verify`: whatever proof the ledger gives out, checked with nothing but the genesis hash: no
//! node, no network, no trust.
//!
//! | file | also needs |
//! |---|---|
//! | evidence capsule | – |
//! | proof against a validator, proof of a fork | – |
//! | manifest of an export | the exported file: beside it, or `--of` |
//! | checkpoint (signed note) | the cosigners' keys |
//! | transparent statement, receipt | the same; a receipt alone also the transaction |
//!
//! The keys come from a capsule or from the genesis document, where the hash proves them, or from a
//! node's list, which is believed and said to be.

mod capsule;
mod keys;
mod outside;
#[cfg(test)]
mod tests;

#[cfg(feature = "report")]
pub(crate) use capsule::Topic;
pub(crate) use capsule::{Examined, examine};

use std::path::PathBuf;

use clap::Args;
use hefu_primitives::ChainId;
use hefu_primitives::evidence_file::EquivocationProof;
use hefu_primitives::light::ForkProof;
use hefu_primitives::time::Day;

use super::app::App;
use super::fault::{Done, Fault};
use crate::text;

#[derive(Args)]
pub(crate) struct Verify {
    /// The capsule, proof, checkpoint, statement or receipt.
    file: PathBuf,
    /// Hash of the genesis: the chain id.
    #[arg(long, value_name = "HASH")]
    genesis: ChainId,
    /// The day the status is asked about.
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    /// Where the cosigners' keys are: a capsule, a genesis document, or a node's list.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The transaction that a receipt alone is of: its envelope, a statement or a capsule.
    #[arg(long, value_name = "FILE")]
    of: Option<PathBuf>,
    /// Write the checkpoint and the statement that a capsule holds into this folder.
    #[arg(long, value_name = "FOLDER")]
    extract: Option<PathBuf>,
}

pub(crate) fn run(app: &App, args: &Verify) -> Done {
    let bytes = app.read(&args.file)?;
    if EquivocationProof::is_file(&bytes) {
        return super::evidence::verify(app, &bytes, args.genesis);
    }
    if ForkProof::is_file(&bytes) {
        return super::light::verify_fork(app, &bytes, args.genesis);
    }
    if super::export::is_manifest(&bytes) {
        let of = args.of.as_deref();
        return super::export::verify(app, &args.file, &bytes, args.genesis, of);
    }
    match outside::Outside::of(&bytes) {
        Some(outside) => outside.verify(app, args, &bytes),
        // A list of two: the capsule and its digest.
        None if bytes.first() == Some(&0x82) => capsule::verify(app, args, &bytes),
        None => {
            let file = args.file.display().to_string();
            Err(Fault::with("cli.input", app.out.text("verify-unknown-file", &[("file", &file)])))
        }
    }
}

/// A fault that names the step.
fn failed(app: &App, step: &'static str, error: impl core::fmt::Display) -> Fault {
    let step = match step {
        "digest" | "format" => "encoding",
        "header" | "certificate" => "headers",
        step => step,
    };
    let name = app.out.text(&format!("verify-step-{step}"), &[]);
    let error = text::proof_said(app.out.lang, &error);
    let fault = Fault::with("cli.invalid", format_args!("{step} ({name}): {error}"));
    Fault { step: Some(step), ..fault }
}
