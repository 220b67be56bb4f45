//! `hefu genesis verify` and `hash`.

use std::path::PathBuf;

use clap::Args;
use hefu_genesis::{Draft, Kind};
use hefu_primitives::ChainId;
use serde_json::{Value, json};

use super::super::app::App;
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::table::{Column, col};

const MEMBERS: &[Column] = &[
    col("region", "/region"),
    col("name", "/name_zh@zh|/name_en@en"),
    col("operator", "/operator"),
    col("authorities", "/authorities"),
    col("signed", "/signed"),
    col("complete", "/complete"),
];

#[derive(Args)]
pub(crate) struct Verify {
    /// The genesis.
    genesis: PathBuf,
    /// The chain id it must have.
    #[arg(long, value_name = "HASH")]
    hash: Option<ChainId>,
    /// Missing signatures are no fault.
    #[arg(long)]
    unsigned: bool,
}

pub(crate) fn run(app: &App, args: &Verify) -> Done {
    let signed = super::read(app, &args.genesis)?;
    let (genesis, report) = (&signed.genesis, signed.verify(false)?);
    let chain = genesis.hash();
    if let Some(expected) = args.hash.filter(|expected| *expected != chain) {
        return Err(Fault::said(
            "cli.invalid",
            "genesis-differs",
            &[("found", &chain), ("expected", &expected)],
        ));
    }
    let rows: Vec<Value> = genesis
        .members()
        .iter()
        .zip(&report.members)
        .map(|(member, signatures)| {
            json!({
                "region": member.region,
                "name_zh": member.name_zh,
                "name_en": member.name_en,
                "operator": member.operator,
                "authorities": member.authorities.len(),
                "signed": signatures.signed.len(),
                "complete": signatures.complete,
            })
        })
        .collect();
    let charter = genesis.charter();
    let value = json!({
        "genesis": chain,
        "kind": charter.kind,
        "name_zh": charter.name_zh,
        "name_en": charter.name_en,
        "created": charter.created.to_rfc3339(),
        "complete": report.is_complete(),
        "members": rows,
    });
    app.out.list(&value, &rows, MEMBERS, "list-empty");
    let key = if charter.kind == Kind::Demo { "genesis-is-demo" } else { "genesis-is-production" };
    app.out.tell(key, &[("hash", &chain.to_string())]);
    if !report.is_complete() && !args.unsigned {
        let missing = report.missing();
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let missing = missing.join(" ");
        return Err(Fault::said("cli.genesis", "genesis-missing", &[("missing", &missing)]));
    }
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(crate) struct Hash {
    /// A genesis or a draft.
    file: PathBuf,
}

pub(crate) fn hash(app: &App, args: &Hash) -> Done {
    let (kind, hash) = match super::read(app, &args.file) {
        Ok(signed) => ("genesis", signed.genesis.hash().to_string()),
        Err(fault) => match Draft::from_json(&app.read(&args.file)?) {
            Ok(draft) => ("draft", draft.hash().to_string()),
            Err(_) => return Err(fault),
        },
    };
    app.out.done(&json!({ "kind": kind, "hash": hash }), &hash);
    Ok(Exit::Ok)
}
