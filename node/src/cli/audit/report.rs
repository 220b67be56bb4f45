//! `hefu audit report`: an evidence report as PDF/A on a certificate or a decision, and the capsule that
//! proves it beside it.
//!
//! Invariants:
//! 1. What the report says was read out of the capsule after it was checked against the genesis hash;
//!    nothing is taken from the node's word.
//! 2. What looks like a person's number is not written, wherever it should come from.

use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::dispute::Subject;
use hefu_primitives::codes::guard::{PersonalData, personal_data};
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, ChainId, Millis, TypeCode, Uscc};
use hefu_report::{FontError, FontFile, Language, Moment, Part, Report as Paper, render};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cli::app::App;
use crate::cli::dispute::subject;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault};
use crate::cli::list::items;
use crate::cli::submit::Ledger;
use crate::cli::verify::{Examined, Topic, examine};
use crate::text::Lang;

/// Characters of the genesis hash in the QR code.
const PREFIX: usize = 16;
/// Longest label of a line, in characters.
const LABEL: usize = 12;

#[derive(Args)]
pub(crate) struct Report {
    /// The certificate or the decision: att:ID or dec:ID.
    #[arg(value_name = "RECORD", value_parser = subject)]
    record: Subject,
    /// The file to write; the capsule stands beside it, with .hefu in the place of .pdf.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
    /// Hash of the genesis: the chain id; that of the node if left out.
    #[arg(long, value_name = "HASH")]
    genesis: Option<ChainId>,
    /// A font with Chinese; one of the system's if left out.
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
}

/// What the report is about.
struct About {
    record: String,
    height: String,
    genesis: String,
    time: Millis,
    capsule: String,
    blake3: String,
    sha256: String,
}

pub(crate) fn run(app: &App, args: &Report) -> Done {
    let beside = args.out.with_extension("hefu");
    app.expect_new(&args.out)?;
    app.expect_new(&beside)?;
    let genesis = match args.genesis {
        Some(genesis) => genesis,
        None => Ledger::of(app.client()?)?.chain,
    };
    let bytes = capsule(app, &args.record)?;
    let examined = examine(app, &bytes, genesis, None)?;
    let about = about(args, &beside, &bytes, &examined);
    let paper = paper(app, &args.record, &about, &examined);
    let font = font(args.font.as_deref(), &paper)?;
    let pdf = render(&paper, &font).map_err(|error| Fault::with("cli.report", error))?;
    app.write(&beside, &bytes)?;
    app.write(&args.out, &pdf)?;
    tell(app, args, &about, &beside, &font);
    Ok(Exit::Ok)
}

/// The evidence of the record, from the node.
fn capsule(app: &App, record: &Subject) -> Result<Vec<u8>, Fault> {
    let client = app.client()?;
    match record {
        Subject::Attestation(id) => client.download(&format!("/certificates/{id}/evidence"), &[]),
        Subject::Decision(_) => {
            let about = record.to_string();
            let asked = [("subject", about.as_str()), ("kind", "decision_recorded")];
            let found = client.get("/audit/search", &asked)?;
            let tx = items(&found).first().and_then(|row| row.get("tx")?.as_str());
            let tx = tx.ok_or_else(|| Fault::with("cli.not_found", &about))?;
            client.download(&format!("/transactions/{tx}/evidence"), &[])
        }
        other => Err(Fault::said("cli.input", "report-of-what", &[("record", other)])),
    }
}

fn about(args: &Report, beside: &Path, bytes: &[u8], examined: &Examined) -> About {
    let header = &examined.verified.recorded;
    let shown = examined.verified.status.as_ref().map_or(header, |status| &status.header);
    let name = beside.file_name().map(|name| name.to_string_lossy().into_owned());
    About {
        record: args.record.to_string(),
        height: shown.height.to_string(),
        genesis: examined.verified.chain.to_string(),
        time: shown.time,
        capsule: name.unwrap_or_default(),
        blake3: blake3::hash(bytes).to_hex().to_string(),
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What the QR code says: the record, the height, and how the genesis hash begins.
fn qr(about: &About) -> String {
    let prefix = about.genesis.get(..PREFIX).unwrap_or(&about.genesis);
    format!("hefu:{}?height={}&genesis={prefix}", about.record, about.height)
}

fn paper(app: &App, record: &Subject, about: &About, examined: &Examined) -> Paper {
    let title = match record {
        Subject::Decision(_) => "report-title-decision",
        _ => "report-title-certificate",
    };
    let text = |key: &str| app.out.text(key, &[]);
    let said = [
        ("record", about.record.as_str()),
        ("height", &about.height),
        ("time", &about.time.to_beijing()),
        ("genesis", &about.genesis),
        ("file", &about.capsule),
        ("blake3", &about.blake3),
        ("sha256", &about.sha256),
    ];
    let mut parts = vec![Part::Text(app.out.text("report-about", &said))];
    let sections = [
        ("report-happened", Topic::Happened),
        ("report-signed", Topic::Signed),
        ("report-rules", Topic::Rules),
        ("report-checked", Topic::Checked),
    ];
    for (heading, topic) in sections {
        parts.push(Part::Heading(text(heading)));
        if topic == Topic::Signed {
            let certificate = &examined.capsule.recorded.certificate;
            let count = certificate.signatures.len().to_string();
            parts.push(pair(app, &app.out.text("report-validators", &[("count", &count)])));
        }
        let lines = examined.lines.iter().filter(|(of, _)| *of == topic);
        parts.extend(lines.map(|(_, line)| pair(app, line)));
    }
    parts.push(Part::Heading(text("report-verify")));
    parts.push(Part::Text(app.out.text("report-how", &said)));
    let day = Day::of_beijing(about.time).number();
    let (year, month, date) = (day / 10_000, day / 100 % 100, day % 100);
    Paper {
        language: if app.lang() == Lang::Zh { Language::Chinese } else { Language::English },
        title: text(title),
        subtitle: app.out.text("report-subtitle", &said),
        date: Moment { year: year as u16, month: month as u8, day: date as u8 },
        qr: qr(about),
        foot: qr(about),
        parts,
    }
}

/// A line of the report as a name and a value, as far as it has a name.
fn pair(app: &App, line: &str) -> Part {
    let trimmed = line.trim();
    let indented = line.starts_with(' ');
    let found = trimmed.split_once("  ").or_else(|| match indented {
        true => None,
        false => trimmed.split_once(':'),
    });
    let (name, value) = match found {
        Some((name, value)) if name.chars().count() <= LABEL || indented => (name, value.trim()),
        _ => ("", trimmed),
    };
    let value = match is_personal(value) {
        true => app.out.text("report-withheld", &[]),
        false => value.to_owned(),
    };
    Part::Pair(name.to_owned(), value)
}

/// Whether it looks like a person's number: codes that are typed are none, however long their digits.
fn is_personal(value: &str) -> bool {
    let typed = |word: &str| {
        let hash = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = word.parse::<Uscc>().is_ok()
            || word.parse::<TypeCode>().is_ok()
            || word.parse::<BaseCode>().is_ok();
        // A citizen id has the length of a credit code, and a check of its own.
        hash || code && personal_data(word) != Some(PersonalData::CitizenId)
    };
    let words = value.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let rest =
        words.filter(|word| !typed(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())));
    personal_data(&rest.collect::<String>()).is_some()
}

/// A font that has every character.
fn font(path: Option<&Path>, paper: &Paper) -> Result<FontFile, Fault> {
    let text = paper.text();
    let found = match path {
        Some(path) => FontFile::read(path, &text),
        None => FontFile::find(&text),
    };
    found.map_err(|error| match error {
        FontError::File { path, error } => Fault::file(&path, &error),
        error => Fault::with("cli.no_font", error),
    })
}

fn tell(app: &App, args: &Report, about: &About, beside: &Path, font: &FontFile) {
    let (file, capsule) = (args.out.display().to_string(), beside.display().to_string());
    let font = font.path().display().to_string();
    let said = [
        ("file", file.as_str()),
        ("capsule", &capsule),
        ("genesis", &about.genesis),
        ("font", &font),
    ];
    let value = json!({
        "file": file, "capsule": capsule, "record": about.record, "height": about.height,
        "genesis": about.genesis, "blake3": about.blake3, "sha256": about.sha256, "font": font,
        "qr": qr(about),
    });
    app.out.done(&value, &app.out.text("report-written", &said));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_numbers_are_seen_and_codes_are_none() {
        assert!(is_personal("serial 11010519491231002X"));
        assert!(is_personal("13800138000"));
        assert!(!is_personal("11310000HEFU01010W, key 0101010101010101010101010101010101010101"));
        assert!(!is_personal("2026-11-23 09:30:00, height 12"));
        assert!(!is_personal(&"1234567890".repeat(7)[..64]));
    }
}
