//! `hefu doctor`: is everything in place for a node to run? Each check is told; one that fails
//! makes the command fail.

use std::net::TcpListener;
use std::path::Path;

use hefu_primitives::PublicKey;
use serde_json::{Value, json};

use super::app::{App, now};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::record;
use super::table::{Column, col};
use crate::config::NodeConfig;
use crate::store::StoreError;

const COLUMNS: &[Column] =
    &[col("result", "/mark"), col("check", "/title"), col("detail", "/detail")];

/// Difference of clocks at which we warn, in milliseconds: what validators tolerate.
const CLOCK_MS: u64 = 2_000;

struct Checks<'a> {
    app: &'a App,
    rows: Vec<Value>,
    failed: usize,
}

impl Checks<'_> {
    fn add(&mut self, name: &str, result: Result<String, String>) {
        let (mark, detail) = match result {
            Ok(detail) => ("ok", detail),
            Err(detail) => {
                self.failed += 1;
                ("failed", detail)
            }
        };
        self.note(name, mark, detail);
    }

    fn note(&mut self, name: &str, mark: &str, detail: String) {
        let say = |key: String| self.app.out.text(&key, &[]);
        let (title, shown) = (say(format!("doctor-{name}")), say(format!("doctor-result-{mark}")));
        self.rows.push(json!({
            "check": name, "title": title, "result": mark, "mark": shown, "detail": detail,
        }));
    }
}

pub(crate) fn run(app: &App) -> Done {
    let mut checks = Checks { app, rows: Vec::new(), failed: 0 };
    let loaded = app.settings()?;
    let config = &loaded.config;
    let file =
        loaded.file.as_ref().map_or_else(|| "–".to_owned(), |file| file.display().to_string());
    checks.add("config", Ok(file));
    for (name, like) in &loaded.stray {
        checks.note("config", "warning", format!("{name} → {}", like.as_deref().unwrap_or("–")));
    }
    checks.add("folder", writable(app, &config.data_dir));
    genesis(&mut checks, config);
    let damaged = blocks(&mut checks, config);
    node(&mut checks, config);
    app.out.list(&json!({ "items": checks.rows }), &checks.rows, COLUMNS, "list-empty");
    if let Some(damage) = damaged {
        return Err(Fault::with("cli.blocks_damaged", damage));
    }
    match checks.failed {
        0 => Ok(Exit::Ok),
        failed => Err(Fault::with("cli.check_failed", failed)),
    }
}

/// Verifies every stored block, also beside a node that runs; what is damaged.
fn blocks(checks: &mut Checks<'_>, config: &NodeConfig) -> Option<String> {
    let folder = config.store_path().join("blocks");
    if !folder.is_dir() {
        let none = checks.app.out.text("doctor-no-blocks", &[]);
        checks.note("blocks", "ok", none);
        return None;
    }
    let error = match super::store::verify(checks.app, &folder) {
        Ok(verified) => {
            let (height, bytes) = (verified.tip.to_string(), verified.bytes.to_string());
            let arguments = [("height", height.as_str()), ("bytes", &bytes)];
            checks.add("blocks", Ok(checks.app.out.text("doctor-blocks-sound", &arguments)));
            return None;
        }
        Err(error) => error,
    };
    let detail = format!("{}: {error}", folder.display());
    checks.add("blocks", Err(detail.clone()));
    matches!(error, StoreError::Corrupt { .. }).then_some(detail)
}

fn writable(app: &App, folder: &Path) -> Result<String, String> {
    let shown = folder.display().to_string();
    match tempfile::Builder::new().prefix(".hefu-").tempfile_in(folder) {
        Ok(_) => Ok(shown),
        Err(error) => Err(particulars(app, Fault::file(folder, &error))),
    }
}

/// The particulars of a fault; what it is about stands in the line already.
fn particulars(app: &App, fault: Fault) -> String {
    let text = fault.detail.as_ref().map(|detail| detail.text(app.lang()));
    text.unwrap_or_else(|| fault.message(app.lang()))
}

fn genesis(checks: &mut Checks<'_>, config: &NodeConfig) {
    let lang = checks.app.lang();
    let signed = match super::genesis::read(checks.app, &config.genesis_path()) {
        Ok(signed) => signed,
        Err(fault) => return checks.add("genesis", Err(fault.message(lang))),
    };
    let chain = signed.genesis.hash().to_string();
    match signed.verify(true) {
        Ok(_) => checks.add("genesis", Ok(chain)),
        Err(error) => checks.note("genesis", "warning", Fault::from(error).message(lang)),
    }
    let Some(region) = config.region else {
        return checks.note("keys", "warning", checks.app.out.text("doctor-no-region", &[]));
    };
    let Some(member) = signed.genesis.member(region) else {
        let region = region.to_string();
        let text = checks.app.out.text("doctor-no-member", &[("region", &region)]);
        return checks.note("keys", "warning", text);
    };
    let keystore = match checks.app.keystore() {
        Ok(keystore) => keystore,
        Err(fault) => return checks.add("keys", Err(fault.message(lang))),
    };
    // A founder's keys may have been replaced: a node that answers knows better than the genesis.
    let told =
        checks.app.client().and_then(|client| client.get(&format!("/members/{region}"), &[]));
    let now = |name: &str, first: PublicKey| {
        let told = told.as_ref().ok().and_then(|answer| record(answer).get(name)?.as_str());
        told.and_then(|key| key.parse().ok()).unwrap_or(first)
    };
    for (label, expected) in [
        (&config.keystore.validator, now("validator_key", member.validator_key)),
        (&config.keystore.node, now("node_key", member.node_key)),
    ] {
        let found = keystore.info(label.as_str()).map(|info| info.public).ok();
        let suffixed = format!("{label}-");
        let listed = keystore.list().unwrap_or_default().into_iter();
        let later = listed
            .filter(|info| info.public == expected && info.label.starts_with(&suffixed))
            .map(|info| info.public)
            .next();
        checks.add("keys", matching(checks.app, label, later.or(found), expected));
    }
}

fn matching(
    app: &App,
    label: &str,
    found: Option<PublicKey>,
    expected: PublicKey,
) -> Result<String, String> {
    let expected = expected.id().to_string();
    match found.map(|found| found.id().to_string()) {
        Some(found) if found == expected => Ok(format!("{label} {found}")),
        Some(found) => {
            let ids = [("label", label), ("found", &found), ("expected", &expected)];
            Err(app.out.text("doctor-key-other", &ids))
        }
        None => {
            Err(app.out.text("doctor-key-missing", &[("label", label), ("expected", &expected)]))
        }
    }
}

/// A node that runs is asked how it is; otherwise its ports must be free.
fn node(checks: &mut Checks<'_>, config: &NodeConfig) {
    let lang = checks.app.lang();
    match checks.app.client().and_then(|client| client.get("/node", &[])) {
        Ok(node) => {
            let text = |name: &str| node[name].as_str().unwrap_or("–").to_owned();
            let (version, height) = (text("version"), text("height"));
            let arguments = [("version", version.as_str()), ("height", &height)];
            checks.add("node", Ok(checks.app.out.text("doctor-runs", &arguments)));
            let block = text("block_time_ms").parse::<u64>().unwrap_or_default();
            clock(checks, block, now().0);
        }
        Err(fault) if fault.code == "cli.unreachable" => {
            // Whether it should run now is the operator's to say.
            checks.note("node", "note", checks.app.out.text("doctor-not-running", &[]));
            for (name, address) in
                [("api.listen", config.api.listen), ("p2p.listen", config.p2p.listen)]
            {
                let bound = TcpListener::bind(address).map(|_| format!("{name} {address}"));
                let told = bound.map_err(|error| {
                    let what = format_args!("{name} {address}");
                    particulars(checks.app, Fault::system("cli.port_in_use", what, &error))
                });
                checks.add("ports", told);
            }
        }
        Err(fault) => checks.note("node", "warning", fault.message(lang)),
    }
}

/// The time of the last block against this computer's clock. Only a clock that is behind shows: a
/// block may be old because nothing happened since.
fn clock(checks: &mut Checks<'_>, block_ms: u64, now_ms: u64) {
    let seconds = |ms: u64| (ms / 1000).to_string();
    match block_ms.checked_sub(now_ms) {
        Some(behind) if behind > CLOCK_MS => {
            let text = checks.app.out.text("doctor-clock-behind", &[("seconds", &seconds(behind))]);
            checks.note("clock", "warning", text);
        }
        _ => {
            let since = seconds(now_ms.saturating_sub(block_ms));
            let text = checks.app.out.text("doctor-clock-good", &[("seconds", &since)]);
            checks.add("clock", Ok(text));
        }
    }
}
