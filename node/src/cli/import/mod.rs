//! `hefu cert import`: licences in bulk, one file, many issuers; safe to interrupt and to repeat.
//!
//! 1. The id and the salts of a line are decided once and durable in the vault's journal before
//!    anything is sent; a transaction is durable before it is sent. Running the same command again
//!    goes on where it stopped: nothing is lost and nothing is recorded twice.
//! 2. Lines of one issuer share transactions. Acts of a transaction apply all or none, so when one
//!    is refused the others are sent again without it.
//! 3. A transaction without an outcome is sent again as it is, which is harmless; only when its
//!    time is over, and the ledger does not have it, are its lines signed anew.
//! 4. A licence is known by its document, whatever file or line it comes in: what the vault holds and
//!    the ledger has is not attested again, and is reported as there `already`.
//! 5. What was refused is tried again by a later run: its cause may be gone.
//!
//! With `--stock` rules 1 and 3 to 5 hold as well; lines share a batch, which is taken or refused as a
//! whole ([`stock`]).
//!
//! [`plan`] makes acts of lines, [`courier`] sends transactions side by side, [`ledger`] keeps the
//! order between journal and network.

mod courier;
mod ledger;
mod plan;
mod report;
mod stock;

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::ledger::Importer;
use self::report::Report;
use super::app::App;
use super::exit::Exit;
use super::fault::{Done, Fault};
use crate::vault::source::{SourceLine, file_digest};
use crate::vault::{Source, SourceFormat};

/// Lines that share a transaction unless told otherwise. An evidence capsule holds the whole
/// transaction, some 230 bytes a line, and some 5.5 kB of proofs, checkpoint and receipts: 12 lines
/// give capsules of 8.6 kB (6.3 kB without checkpoint and receipts), where 50 would give 17 kB.
const BATCH: u16 = 12;
/// Transactions under way unless told otherwise. Small ones wait for more commits, so that more of
/// them are sent at a time: the import is then a fifth slower than with 50 lines, and not by half.
/// docs/import.md has the figures.
const PARALLEL: u16 = 16;

#[derive(Args)]
pub(crate) struct Import {
    /// The licences: JSON lines, or CSV.
    file: PathBuf,
    /// The form; by the file's name when not given.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Most lines in one transaction.
    #[arg(long, default_value_t = BATCH, value_parser = clap::value_parser!(u16).range(1..=128))]
    batch: u16,
    /// Transactions under way at a time.
    #[arg(long, default_value_t = PARALLEL, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Identifiers that break GB/T 36904 are committed to, with the mark "legacy".
    #[arg(long)]
    legacy: bool,
    /// One act for all lines of an issuer and type; a line becomes a record when it is needed.
    #[arg(long, conflicts_with_all = ["batch", "parallel"])]
    stock: bool,
}

/// The form of a file of licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated, with a header.
    Csv,
}

pub(crate) fn run(app: &App, args: &Import) -> Done {
    let fault = |error: std::io::Error| Fault::file(&args.file, &error);
    let reader = || Ok::<_, Fault>(BufReader::new(File::open(&args.file).map_err(fault)?));
    let digest = file_digest(reader()?).map_err(fault)?;
    let lines = Source::new(reader()?, args.source_format()?)?.count() as u64;
    let mut importer = Importer::open(app, digest, args, lines)?;
    let outcome = importer.resume().and_then(|()| {
        for line in Source::new(reader()?, args.source_format()?)? {
            let SourceLine { line, licence } = line?;
            importer.take(line, licence)?;
        }
        importer.finish()
    });
    let report = importer.close();
    match outcome {
        Ok(()) => tell(app, &report),
        Err(fault) => {
            // What is done is done, and said; the fault ends the command.
            app.out.tell(
                "import-interrupted",
                &report.counts(lines).iter().map(|(n, v)| (*n, v.as_str())).collect::<Vec<_>>(),
            );
            Err(fault)
        }
    }
}

fn tell(app: &App, report: &Report) -> Done {
    report.show(app);
    Ok(match (report.is_clean(), report.pending) {
        (_, pending) if pending > 0 => Exit::Pending,
        (true, _) => Exit::Ok,
        (false, _) => Exit::Denied,
    })
}

impl Import {
    fn source_format(&self) -> Result<SourceFormat, Fault> {
        match self.format {
            Some(FileFormat::Jsonl) => Ok(SourceFormat::JsonLines),
            Some(FileFormat::Csv) => Ok(SourceFormat::Csv),
            None => {
                let name = self.file.to_string_lossy();
                SourceFormat::of_name(&name)
                    .ok_or_else(|| Fault::needs("--format jsonl|csv", "format-unknown"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
