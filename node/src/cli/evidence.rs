//! `hefu evidence`: validators that contradicted themselves; and the check of a proof, which needs
//! no node.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_primitives::ChainId;
use hefu_primitives::codes::region::province_of;
use hefu_primitives::evidence::{Equivocation, EquivocationId};
use hefu_primitives::evidence_file::{EquivocationProof, ProofError, ProvenEquivocation};
use serde_json::{Value, json};

use super::app::App;
use super::args::{AtHeight, Paging};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::{self, List};
use super::submit::Ledger;
use super::table::{Column, col};
use crate::text::{self, Lang};

const COLUMNS: &[Column] = &[
    col("id", "/id").raw(),
    col("region", "/region"),
    col("contradiction", "/contradiction"),
    col("round", "/round"),
    col("recorded", "/recorded_time").as_time(),
];

#[derive(Subcommand)]
pub(crate) enum Evidence {
    List(Paging),
    Show(Show),
    Export(Export),
}

#[derive(Args)]
pub(crate) struct Show {
    /// The contradiction: KEY-HEIGHT.
    id: EquivocationId,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Export {
    /// The contradiction: KEY-HEIGHT.
    id: EquivocationId,
    /// The file to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(app: &App, command: Evidence) -> Done {
    match command {
        Evidence::List(paging) => {
            List { path: "/evidence", columns: COLUMNS, empty: "evidence-list-empty" }.show(
                app,
                &paging,
                &[],
            )
        }
        Evidence::Show(args) => list::show(app, &format!("/evidence/{}", args.id), args.at),
        Evidence::Export(args) => export(app, &args),
    }
}

/// Writes a proof, once it is known to hold on this ledger.
fn export(app: &App, args: &Export) -> Done {
    let bytes = app.client()?.download(&format!("/evidence/{}/file", args.id), &[])?;
    let chain = Ledger::of(app.client()?)?.chain;
    EquivocationProof::from_file(&bytes)
        .and_then(|proof| proof.verify(chain))
        .map_err(|error| failed(app, &error))?;
    app.write(&args.out, &bytes)?;
    let (file, size) = (args.out.display().to_string(), bytes.len().to_string());
    let genesis = chain.to_string();
    let arguments = [("file", file.as_str()), ("bytes", &size), ("genesis", &genesis)];
    let value = json!({ "file": file, "bytes": bytes.len(), "genesis": chain });
    app.out.done(&value, &app.out.text("evidence-written", &arguments));
    Ok(Exit::Ok)
}

/// Checks a proof with nothing but the genesis hash, and says who, what and when.
pub(crate) fn verify(app: &App, bytes: &[u8], genesis: ChainId) -> Done {
    let proven = EquivocationProof::from_file(bytes).and_then(|proof| proof.verify(genesis));
    let proven = proven.map_err(|error| failed(app, &error))?;
    app.out.done(&report(&proven), &prose(app, &proven));
    Ok(Exit::Ok)
}

/// Names the step that failed.
fn failed(app: &App, error: &ProofError) -> Fault {
    use hefu_primitives::capsule::CapsuleError;
    let step = match error {
        ProofError::Encoding(_) | ProofError::Changed | ProofError::Format(_) => "encoding",
        ProofError::Chain(CapsuleError::Genesis { .. }) => "genesis",
        ProofError::Chain(_) | ProofError::Height { .. } => "headers",
        ProofError::Evidence(_) => "evidence",
    };
    let name = app.out.text(&format!("verify-step-{step}"), &[]);
    let error = text::proof_said(app.out.lang, error);
    Fault::with("cli.invalid", format_args!("{step} ({name}): {error}"))
}

fn report(proven: &ProvenEquivocation) -> Value {
    let evidence = &proven.evidence;
    let province = province_of(proven.validator.region);
    json!({
        "valid": true,
        "kind": "equivocation",
        "chain": proven.chain,
        "id": evidence.id().to_string(),
        "region": proven.validator.region,
        "region_name_zh": province.map(|province| province.name),
        "region_name_en": province.map(|province| province.english),
        "validator": evidence.validator(),
        "key": proven.validator.key,
        "contradiction": evidence.what(),
        "at_height": evidence.height(),
        "round": evidence.round(),
        "decided_at": proven.decided.time.to_rfc3339(),
        "set_changes": proven.set_changes,
        "evidence": evidence,
    })
}

/// Who, what, when, in words.
fn prose(app: &App, proven: &ProvenEquivocation) -> String {
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let evidence = &proven.evidence;
    let region = proven.validator.region;
    let name = province_of(region).map(|province| match app.lang() {
        Lang::Zh => province.name,
        Lang::En => province.english,
    });
    let what = say(&format!("evidence-what-{}", evidence.what().name()), &[]);
    let (first, second) = said(evidence);
    let mut lines = vec![
        say("evidence-ok", &[("chain", &proven.chain.to_string())]),
        say(
            "evidence-who",
            &[
                ("name", name.unwrap_or("–")),
                ("region", &region.to_string()),
                ("key", &evidence.validator().to_string()),
            ],
        ),
        say("evidence-what", &[("what", &what), ("first", &first), ("second", &second)]),
        say(
            "evidence-when",
            &[
                ("height", &evidence.height().to_string()),
                ("round", &evidence.round().to_string()),
                ("time", &proven.decided.time.to_beijing()),
            ],
        ),
        say("evidence-meaning", &[]),
    ];
    if proven.set_changes > 0 {
        lines.push(say("verify-sets", &[("count", &proven.set_changes.to_string())]));
    }
    lines.join("\n")
}

/// What each of the two messages is for.
fn said(evidence: &Equivocation) -> (String, String) {
    let short = |block: String| block.chars().take(16).collect::<String>();
    match evidence {
        Equivocation::Votes(a, b) => {
            let [a, b] = [a, b].map(|signed| {
                signed.vote.block.map_or_else(|| "nil".to_owned(), |block| short(block.to_string()))
            });
            (a, b)
        }
        Equivocation::Proposals(a, b) => {
            let [a, b] = [a, b].map(|signed| {
                let lock = signed.proposal.pol_round;
                let lock = lock.map(|round| format!("@{round}")).unwrap_or_default();
                format!("{}{lock}", short(signed.proposal.block.to_string()))
            });
            (a, b)
        }
    }
}
