//! Batches from the command line: `hefu recognise batch` and `open`, `hefu share hour` and `hours`.
//!
//! A file of JSON lines becomes one root. What proves a single line later is kept in the data folder,
//! on disk before anything is submitted.

use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::leaf::{self, LeafProof, MAX_LEAVES};
use hefu_contracts::recognition::{Decide, DecideBatch, DecisionOutcome, OpenDecision};
use hefu_contracts::sharing::{PutReceiptBatch, Receipt, WINDOW_MS};
use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::Salt;
use hefu_primitives::log::{MemoryLog, inclusion_proof};
use hefu_primitives::{H32, Id16, Millis, Uscc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::app::{App, random_id};
use super::args::{Paging, Signing, instant, word};
use super::fault::{Done, Fault};
use super::list::List;
use super::submit::submit;
use super::table::{Column, col};
use crate::keystore::seal::random;

const BATCHES: &[Column] = &[
    col("batch-id", "/body/batch_id"),
    col("relying", "/relying"),
    col("scenario", "/body/scenario"),
    col("count", "/body/count"),
    col("recorded", "/made/time").as_time(),
];

const HOURS: &[Column] = &[
    col("hour", "/provider/body/hour|/consumer/body/hour").as_time(),
    col("grant", "/provider/body/grant_id|/consumer/body/grant_id"),
    col("provider", "/provider/body/count"),
    col("consumer", "/consumer/body/count"),
    col("state", "/state"),
    col("flags", "/flags"),
];

#[derive(Args)]
pub(crate) struct Batch {
    /// The decisions: a JSON object a line, as the act `decide` has it; all accept.
    file: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Batches {
    /// Of this authority.
    #[arg(long, value_name = "USCC")]
    relying: Option<Uscc>,
    /// That may rest on this certificate, which was annulled.
    #[arg(long, value_name = "ID")]
    annulled: Option<Id16>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Open {
    /// The batch.
    #[arg(value_name = "ID")]
    batch_id: Id16,
    /// The decision.
    dec_id: Id16,
    /// Sign with a key of this role.
    #[arg(long, default_value = "verifier", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Hour {
    /// The receipts: a JSON object a line, as drafts have them.
    file: PathBuf,
    /// Beginning of the hour; that of the first use when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    hour: Option<Millis>,
    /// Which side states it: provider or consumer; by who signs when not given.
    #[arg(long, value_parser = word::<Role>)]
    role: Option<Role>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Hours {
    /// Under this grant.
    #[arg(long, value_name = "ID")]
    grant: Option<Id16>,
    #[command(flatten)]
    paging: Paging,
}

/// What opens a leaf.
#[derive(Serialize, Deserialize)]
struct Kept {
    salt: Salt,
    decision: Decide,
}

/// Reads a file of JSON objects, a line each or drafts one after the other, and names the line that
/// is none.
fn read_lines<T: DeserializeOwned>(
    app: &App,
    path: &Path,
    complete: impl Fn(&mut Value) -> Result<(), Fault>,
) -> Result<Vec<T>, Fault> {
    objects(path, &app.read_text(path)?, complete)
}

fn objects<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    complete: impl Fn(&mut Value) -> Result<(), Fault>,
) -> Result<Vec<T>, Fault> {
    let wrong = |line: usize, error: &dyn std::fmt::Display| {
        Fault::with("cli.input", format_args!("{}:{line}: {error}", path.display()))
    };
    let mut found = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    // Lines are counted as the reader moves on, not from the beginning for each object.
    let (mut line, mut counted) = (1, 0);
    while let Some(value) = values.next() {
        let mut value = value.map_err(|error| wrong(error.line(), &error))?;
        let end = values.byte_offset();
        let passed = text.as_bytes().get(counted..end).unwrap_or_default();
        line += passed.iter().filter(|byte| **byte == b'\n').count();
        counted = end;
        complete(&mut value)?;
        found.push(serde_json::from_value(value).map_err(|error| wrong(line, &error))?);
    }
    if found.is_empty() || found.len() > MAX_LEAVES as usize {
        let most = MAX_LEAVES;
        return Err(Fault::said("cli.input", "batch-size", &[("most", &most)]));
    }
    Ok(found)
}

fn tree(leaves: impl Iterator<Item = H32>) -> Result<MemoryLog, Fault> {
    let mut tree = MemoryLog::new();
    for hash in leaves {
        tree.append(hash).map_err(|error| Fault::with("cli.fault", error))?;
    }
    Ok(tree)
}

fn tree_of(kept: &[Kept]) -> Result<MemoryLog, Fault> {
    tree(kept.iter().map(|kept| leaf::hash(&kept.salt, &kept.decision.to_bytes())))
}

pub(crate) fn decide(app: &App, args: &Batch) -> Done {
    let new_id = |value: &mut Value| {
        if let Some(fields) = value.as_object_mut().filter(|f| !f.contains_key("dec_id")) {
            fields.insert("dec_id".to_owned(), json!(random_id()?));
        }
        Ok(())
    };
    let decisions: Vec<Decide> = read_lines(app, &args.file, new_id)?;
    let first = &decisions[0];
    let (scenario, agreement) = (first.scenario, first.agreement);
    let one_kind = |d: &Decide| (d.scenario, d.agreement) == (scenario, agreement);
    if !decisions.iter().all(one_kind) {
        return Err(Fault::said("cli.input", "batch-one-kind", &[]));
    }
    let accepted = decisions.iter().filter(|d| d.outcome == DecisionOutcome::Accepted).count();
    let times = || decisions.iter().map(|decision| decision.decided_at);
    let (from, to) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
    let count = u32::try_from(decisions.len()).unwrap_or(u32::MAX);
    let accepted = u32::try_from(accepted).unwrap_or(u32::MAX);
    let salted = |decision| Ok::<_, Fault>(Kept { salt: Salt::new(random()?), decision });
    let kept: Vec<Kept> = decisions.into_iter().map(salted).collect::<Result<_, _>>()?;
    let (root, batch_id) = (tree_of(&kept)?.head().root, random_id()?);
    let path = kept_path(app, batch_id)?;
    let lines: String =
        kept.iter().map(|kept| serde_json::to_string(kept).unwrap_or_default() + "\n").collect();
    app.keep_draft(&path, lines.as_bytes())?;
    let act = DecideBatch { batch_id, root, count, accepted, scenario, agreement, from, to };
    let told = json!({ "batch_id": batch_id, "count": count });
    let subject = format!("dba:{batch_id}");
    submit(app, &args.signing, Role::Verifier, act.into(), &subject, &told)
}

pub(crate) fn batches(app: &App, args: &Batches) -> Done {
    let relying = args.relying.iter().map(|code| ("authority", code.to_string()));
    let annulled = args.annulled.iter().map(|id| ("annulled", id.to_string()));
    let filters: Vec<(&str, String)> = relying.chain(annulled).collect();
    let list = List { path: "/decision-batches", columns: BATCHES, empty: "batch-list-empty" };
    list.show(app, &args.paging, &filters)
}

pub(crate) fn open(app: &App, args: &Open) -> Done {
    let path = kept_path(app, args.batch_id)?;
    if !path.exists() {
        return Err(Fault::said("cli.no_file", "batch-not-here", &[("file", &path.display())]));
    }
    let mut kept: Vec<Kept> = read_lines(app, &path, |_| Ok(()))?;
    let place = kept.iter().position(|kept| kept.decision.dec_id == args.dec_id);
    let place = place.ok_or_else(|| Fault::with("E419", args.dec_id))?;
    let tree = tree_of(&kept)?;
    let proof = inclusion_proof(&tree, place as u64, tree.head().size);
    let path = proof.map_err(|error| Fault::with("cli.fault", error))?.path;
    let Kept { salt, decision } = kept.swap_remove(place);
    let leaf = u32::try_from(place).unwrap_or(u32::MAX);
    let proof = LeafProof { leaf, salt, path };
    let act = OpenDecision { batch_id: args.batch_id, proof, decision };
    let told = json!({ "dec_id": args.dec_id });
    submit(app, &args.signing, args.role, act.into(), &format!("dec:{}", args.dec_id), &told)
}

fn kept_path(app: &App, batch: Id16) -> Result<PathBuf, Fault> {
    let folder = app.settings()?.config.data_dir.join("openings");
    Ok(folder.join(format!("decisions-{batch}.jsonl")))
}

pub(crate) fn hour(app: &App, args: &Hour) -> Done {
    let mut receipts: Vec<Receipt> = read_lines(app, &args.file, |_| Ok(()))?;
    let act = statement(&mut receipts, args.hour)?;
    let told = json!({ "grant": act.grant_id, "hour": act.hour, "count": act.count });
    let subject = format!("grant:{}", act.grant_id);
    let role = match args.role {
        Some(role) => role,
        None => super::share::role_of(app, &args.signing, act.grant_id)?,
    };
    submit(app, &args.signing, role, act.into(), &subject, &told)
}

/// What a side states of its receipts; both sides come to the same from the same receipts.
fn statement(receipts: &mut [Receipt], hour: Option<Millis>) -> Result<PutReceiptBatch, Fault> {
    receipts.sort_by_key(|receipt| receipt.rcp_id);
    let Some(grant_id) = receipts.first().map(|receipt| receipt.grant_id) else {
        return Err(Fault::new("cli.usage"));
    };
    let twice = receipts.windows(2).any(|pair| pair[0].rcp_id == pair[1].rcp_id);
    if twice || receipts.iter().any(|receipt| receipt.grant_id != grant_id) {
        return Err(Fault::said("cli.input", "hour-one-grant", &[]));
    }
    let times = || receipts.iter().map(|receipt| receipt.t0);
    let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
    let hour = hour.unwrap_or(Millis(first.0 / WINDOW_MS * WINDOW_MS));
    let leaves = receipts.iter().map(|receipt| {
        let mut salt = [0; 32];
        salt[..Id16::LEN].copy_from_slice(receipt.rcp_id.as_bytes());
        leaf::hash(&Salt::new(salt), &receipt.to_bytes())
    });
    Ok(PutReceiptBatch {
        grant_id,
        hour,
        count: u32::try_from(receipts.len()).unwrap_or(u32::MAX),
        n_records: receipts.iter().map(|receipt| u64::from(receipt.n_records)).sum(),
        root: tree(leaves)?.head().root,
        first,
        last,
    })
}

pub(crate) fn hours(app: &App, args: &Hours) -> Done {
    let filters: Vec<(&str, String)> =
        args.grant.iter().map(|id| ("grant", id.to_string())).collect();
    let list = List { path: "/receipt-batches", columns: HOURS, empty: "hour-list-empty" };
    list.show(app, &args.paging, &filters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_contracts::sharing::{UseKind, UseResult};

    fn receipt(number: u8) -> Receipt {
        let t0 = Millis(5 * WINDOW_MS + u64::from(number));
        Receipt {
            rcp_id: Id16([number; 16]),
            grant_id: Id16([1; 16]),
            cat_version: 1,
            case: None,
            kind: UseKind::Query,
            n_records: u32::from(number),
            req: H32([2; 32]),
            resp: H32([3; 32]),
            result: UseResult::Ok,
            t0,
            t1: t0,
        }
    }

    /// As `hefu share receipt --draft` writes them, one file after the other, and a line each.
    #[test]
    fn drafts_one_after_the_other_are_read() {
        let drafts = [1, 2].map(|n| serde_json::to_string_pretty(&receipt(n)).unwrap());
        let lines = [3, 4].map(|n| serde_json::to_string(&receipt(n)).unwrap());
        let read = |text: &str| objects::<Receipt>(Path::new("hour.jsonl"), text, |_| Ok(()));
        let file = [drafts.join("\n"), lines.join("\n")].join("\n\n");
        assert_eq!(read(&file).unwrap(), [1, 2, 3, 4].map(receipt));
        let fault = |text: &str| read(text).unwrap_err().message(crate::text::Lang::En);
        let told = fault(&[&lines[0], "", "{\"rcp_id\": 5}", &lines[1]].join("\n"));
        assert!(told.contains("hour.jsonl:3: "), "{told}");
        let told = fault(&[&lines[0], "{"].join("\n"));
        assert!(told.contains("hour.jsonl:2: "), "{told}");
    }

    #[test]
    fn both_sides_state_the_same_whatever_the_order() {
        let mut one: Vec<Receipt> = [3, 1, 2].map(receipt).into();
        let mut other: Vec<Receipt> = [2, 3, 1].map(receipt).into();
        let stated = statement(&mut one, None).unwrap();
        assert_eq!(stated, statement(&mut other, None).unwrap());
        assert_eq!((stated.hour, stated.count), (Millis(5 * WINDOW_MS), 3));
        assert_eq!((stated.n_records, stated.last), (6, Millis(5 * WINDOW_MS + 3)));
        other[0].n_records = 9;
        assert_ne!(stated.root, statement(&mut other, None).unwrap().root);
        assert!(statement(&mut [receipt(1), receipt(1)], None).is_err(), "one twice");
        let elsewhere = Receipt { grant_id: Id16([9; 16]), ..receipt(2) };
        assert!(statement(&mut [receipt(1), elsewhere], None).is_err(), "two grants");
    }
}
