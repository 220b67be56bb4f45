//! `hefu cert materialise`, `batches` and `find`: certificates that were attested with many others in one
//! act, and become records when they are needed.
//!
//! A change of status does it by itself: the leaf goes into the same transaction.

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::Materialise;
use hefu_contracts::identity::Role;
use hefu_primitives::{Id16, Uscc};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Paging, Signing, word};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::list::{List, record, text_at};
use super::super::submit::submit_acts;
use super::super::table::{Column, col};
use crate::vault::Leaf;

const BATCHES: &[Column] = &[
    col("batch-id", "/body/batch_id"),
    col("type", "/body/type_code"),
    col("issuer", "/issuer"),
    col("count", "/body/count"),
    col("recorded", "/made/time").as_time(),
];

const FOUND: &[Column] = &[
    col("att-id", "/att_id"),
    col("batch", "/batch"),
    col("leaf", "/leaf"),
    col("status", "/status"),
    col("salt-destroyed", "/salt_destroyed").as_time(),
];

#[derive(Args)]
pub(crate) struct Materialised {
    /// The attestations.
    #[arg(value_name = "ATT_ID", required = true)]
    att_ids: Vec<Id16>,
    /// Sign with a key of this role.
    #[arg(long, default_value = "issuer", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Batches {
    /// Of this issuer.
    #[arg(long, value_name = "USCC")]
    issuer: Option<Uscc>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn batches(app: &App, args: &Batches) -> Done {
    let list = List { path: "/batches", columns: BATCHES, empty: "batch-list-empty" };
    let filters: Vec<(&str, String)> =
        args.issuer.iter().map(|code| ("authority", code.to_string())).collect();
    list.show(app, &args.paging, &filters)
}

#[derive(Args)]
pub(crate) struct Find {
    /// Identifier or number of a certificate, or the id of an attestation.
    #[arg(value_name = "TEXT")]
    what: String,
}

/// What the vault here holds: the way from a licence to its attestation, also while that is a leaf and
/// the ledger cannot find it.
pub(crate) fn find(app: &App, args: &Find) -> Done {
    let vault = app.vault(false)?;
    let mut ids = vault.find(&args.what);
    let named = args.what.parse().ok();
    ids.extend(named.filter(|id| vault.erased(*id).is_some() || vault.get(*id).is_ok()));
    let mut rows = Vec::new();
    for id in ids {
        let leaf = vault.leaf(id)?;
        let (batch, place) = leaf.map(|leaf| (leaf.batch, leaf.proof.leaf)).unzip();
        let erased = vault.erased(id).map(|erased| erased.at);
        rows.push(json!({
            "att_id": id, "batch": batch, "leaf": place, "salt_destroyed": erased,
            "status": status_here(app, id),
        }));
    }
    app.out.list(&json!({ "items": rows }), &rows, FOUND, "list-empty");
    if rows.is_empty() { Ok(Exit::NotFound) } else { Ok(Exit::Ok) }
}

/// What the ledger says of it: `unknown` when it has no such record, as of a leaf or of what was
/// refused; nothing when no node answers, since the vault is asked without one too.
fn status_here(app: &App, id: Id16) -> Option<String> {
    let found = app.client().ok()?.find(&format!("/certificates/{id}/status"), &[]).ok()?;
    let status = found.as_ref().and_then(|answer| answer["status"].as_str());
    Some(status.unwrap_or("unknown").to_owned())
}

/// One transaction for each: what is a record already holds nothing up.
pub(crate) fn materialise(app: &App, args: &Materialised) -> Done {
    let mut last = Exit::Ok;
    for id in &args.att_ids {
        if app.client()?.find(&format!("/certificates/{id}"), &[])?.is_some() {
            let id = id.to_string();
            app.out.tell("leaf-already", &[("id", &id)]);
            continue;
        }
        let leaf = leaf_of(app, *id)?;
        let signing = Signing {
            authority: args.signing.authority.or(Some(leaf.issuer)),
            ..args.signing.clone()
        };
        let told = json!({ "att_id": id, "batch": leaf.batch });
        let subject = format!("att:{id}");
        let done = submit_acts(app, &signing, args.role, &[act(leaf)], &subject, &told)?;
        if done != Exit::Ok {
            last = done;
        }
    }
    Ok(last)
}

/// What stands before a change of a certificate: its issuer, and its leaf where it is no record yet.
pub(super) struct Ground {
    pub(super) issuer: Uscc,
    pub(super) acts: Vec<Act>,
}

/// Looks a certificate up on the ledger, else among the leaves of the vault; `E318` when it is
/// neither.
pub(super) fn ground(app: &App, id: Id16) -> Result<Ground, Fault> {
    if let Some(answer) = app.client()?.find(&format!("/certificates/{id}"), &[])? {
        let issuer = text_at(record(&answer), "/issuer")?.parse();
        let issuer = issuer.map_err(|_| Fault::with("cli.bad_answer", "issuer"))?;
        return Ok(Ground { issuer, acts: Vec::new() });
    }
    let leaf = leaf_of(app, id)?;
    let issuer = leaf.issuer;
    app.out.tell("leaf-goes-along", &[("id", &id.to_string())]);
    Ok(Ground { issuer, acts: vec![act(leaf)] })
}

fn leaf_of(app: &App, id: Id16) -> Result<Leaf, Fault> {
    let unknown = || Fault::said("E318", "leaf-not-here", &[("id", &id)]);
    let folder = app.settings()?.config.vault_path();
    if !crate::vault::Vault::exists(&folder) {
        return Err(unknown());
    }
    app.vault(false)?.leaf(id)?.ok_or_else(unknown)
}

fn act(leaf: Leaf) -> Act {
    let Leaf { batch, proof, body, .. } = leaf;
    Materialise { batch_id: batch, proof, attestation: body }.into()
}
