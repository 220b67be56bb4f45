//! `hefu audit reads`: what was read from this node under audit mandates, by day and auditor; whether
//! the roots that the node stated on the ledger are those of its log; a proof for one entry.

use std::path::Path;

use clap::Args;
use hefu_primitives::log::leaf_hash;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Uscc};
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault};
use crate::cli::list::{items, record};
use crate::cli::table::{Column, col};
use crate::reads::{Page, lines, pages, prove, root};
use crate::runtime::service::READS;

const PAGES: &[Column] = &[
    col("day", "/day"),
    col("auditor", "/auditor"),
    col("count", "/count"),
    col("root", "/root").short(),
    col("status", "/shown"),
];
const ENTRIES: &[Column] = &[
    col("number", "/number"),
    col("at", "/entry/at").as_time(),
    col("mandate", "/entry/mandate").short(),
    col("question", "/entry/question").raw(),
    col("height", "/entry/height"),
];

#[derive(Args)]
pub(crate) struct Reads {
    /// The entries of this day.
    #[arg(long, value_name = "DAY", requires = "auditor")]
    day: Option<Day>,
    /// Only of this auditor.
    #[arg(long, value_name = "USCC")]
    auditor: Option<Uscc>,
    /// Prove that this entry, from 0, is in the root that the ledger has.
    #[arg(long, value_name = "NUMBER", requires = "day")]
    prove: Option<u64>,
}

pub(crate) fn run(app: &App, args: &Reads) -> Done {
    let config = &app.node_settings()?.config;
    let folder = config.store_path().join(READS);
    match (args.day, args.auditor) {
        (Some(day), Some(auditor)) => {
            let page = Page { day, auditor };
            let lines = read(&folder, page)?;
            if lines.is_empty() {
                return Err(Fault::with("cli.not_found", format_args!("{day} {auditor}")));
            }
            match args.prove {
                Some(number) => proof(app, page, &lines, number),
                None => entries(app, &lines),
            }
        }
        _ => list(app, &folder, args.auditor),
    }
}

fn list(app: &App, folder: &Path, auditor: Option<Uscc>) -> Done {
    let found = pages(folder).map_err(|error| Fault::file(folder, &error))?;
    let (mut rows, mut differs) = (Vec::new(), None);
    for page in found.into_iter().filter(|page| auditor.is_none_or(|one| one == page.auditor)) {
        let (count, root) = root(&read(folder, page)?);
        let on_ledger = stated(app, page)?;
        let status = match &on_ledger {
            None => "not_stated",
            Some((stated, of, _)) if (*stated, *of) == (root, count) => "stated",
            Some(_) => "differs",
        };
        if status == "differs" {
            differs = differs.or(Some(page));
        }
        let shown = app.out.text(&format!("reads-{status}"), &[]);
        rows.push(json!({ "day": page.day, "auditor": page.auditor, "count": count, "root": root,
            "status": status, "shown": shown,
            "ledger": on_ledger.map(|(root, count, height)| json!({ "root": root, "count": count, "height": height })) }));
    }
    app.out.list(&json!({ "items": rows }), &rows, PAGES, "reads-none");
    match differs {
        Some(page) => Err(Fault::said("cli.audit_failed", "reads-altered", &[("day", &page.day)])),
        None => Ok(Exit::Ok),
    }
}

fn entries(app: &App, lines: &[String]) -> Done {
    let rows: Vec<Value> = (0_u64..).zip(lines).map(|(number, line)| row(number, line)).collect();
    app.out.list(&json!({ "items": rows }), &rows, ENTRIES, "reads-none");
    Ok(Exit::Ok)
}

fn row(number: u64, line: &str) -> Value {
    json!({ "number": number, "line": line, "leaf": leaf_hash(line.as_bytes()),
        "entry": serde_json::from_str::<Value>(line).unwrap_or(Value::Null) })
}

/// The proof, made here and verified here against what the ledger has.
fn proof(app: &App, page: Page, lines: &[String], number: u64) -> Done {
    let none = || Fault::with("cli.not_found", number);
    let line = usize::try_from(number).ok().and_then(|place| lines.get(place)).ok_or_else(none)?;
    let (root, count, height) = stated(app, page)?
        .ok_or_else(|| Fault::said("cli.not_found", "reads-not-yet", &[("day", &page.day)]))?;
    // More lines than were stated, or others, give another root.
    let (proof, head) = prove(lines, number).ok_or_else(none)?;
    let holds = head.root == root
        && head.size == count
        && proof.verify(leaf_hash(line.as_bytes()), head).is_ok();
    if !holds {
        return Err(Fault::said("cli.audit_failed", "reads-altered", &[("day", &page.day)]));
    }
    let path: Vec<H32> = proof.path.clone();
    let mut value = row(number, line);
    value["proof"] = json!({ "size": head.size, "root": head.root, "path": path });
    value["height"] = height;
    let told =
        [("number", number.to_string()), ("count", count.to_string()), ("root", root.to_string())];
    let told: Vec<_> = told.iter().map(|(name, text)| (*name, text.as_str())).collect();
    app.out.done(&value, &app.out.text("reads-proven", &told));
    Ok(Exit::Ok)
}

fn read(folder: &Path, page: Page) -> Result<Vec<String>, Fault> {
    lines(folder, page).map_err(|error| Fault::file(folder, &error))
}

/// Root and count on the ledger, and the height that has them.
fn stated(app: &App, page: Page) -> Result<Option<(H32, u64, Value)>, Fault> {
    let region = app.node_settings()?.config.region.unwrap_or_default().to_string();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("region", region.as_str()), ("limit", "500")];
        query.extend(cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
        let answer = app.client()?.get("/audit/read-logs", &query)?;
        for item in items(&answer) {
            let body = &record(item)["body"];
            let same = body["day"] == json!(page.day) && body["auditor"] == json!(page.auditor);
            if same {
                let count = &body["count"];
                let count = count.as_u64().or_else(|| count.as_str()?.parse().ok());
                let root = body["root"].as_str().and_then(|root| root.parse().ok());
                let both = root.zip(count).ok_or_else(|| Fault::with("cli.bad_answer", item))?;
                return Ok(Some((both.0, both.1, record(item)["stamp"]["height"].clone())));
            }
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(None);
        }
    }
}
