//! `hefu store`: the files under the ledger. `rebuild` makes the index again from the block files;
//! `refetch` sets damaged block files aside, so that the node fetches the ledger from the others.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::app::{App, now};
use super::engine;
use super::exit::Exit;
use super::fault::{Done, Fault, chain};
use super::progress::Progress;
use crate::store::{AsideError, RealDisk, StoreError, VerifiedBlocks, aside, verify_blocks};

#[derive(Subcommand)]
pub(crate) enum Store {
    Rebuild,
    Refetch,
}

pub(crate) fn run(app: &App, command: Store) -> Done {
    match command {
        Store::Rebuild => rebuild(app),
        Store::Refetch => refetch(app),
    }
}

fn rebuild(app: &App) -> Done {
    let config = &app.node_settings()?.config;
    let mut progress = Progress::new(app, "progress-rebuild", 0);
    let rebuilt = engine::rebuild(config, &mut |height, of| progress.set(height, of));
    progress.finish();
    let report = rebuilt?;
    let field = |name: &str| report[name].as_str().unwrap_or("–").to_owned();
    let arguments = [("height", field("height")), ("root", field("state_root"))];
    let arguments: Vec<(&str, &str)> =
        arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.out.done(&report, &app.out.text("store-rebuilt", &arguments));
    Ok(Exit::Ok)
}

/// Looks, says what it will do, asks, and does it. The locks are held all along.
fn refetch(app: &App) -> Done {
    let config = &app.settings()?.config;
    let held = aside::hold(&config.store_path())?;
    let damage = match verify(app, &held.blocks()) {
        Ok(verified) => {
            app.out.tell("refetch-sound", &[("height", &verified.tip.to_string())]);
            None
        }
        Err(error @ StoreError::Corrupt { .. }) => Some(error.to_string()),
        Err(error) => return Err(Fault::below("cli.file", &error)),
    };
    if let Some(damage) = &damage {
        app.out.tell("refetch-damaged", &[("damage", damage)]);
    }
    let date = now().to_beijing().replace(' ', "-").replace(':', "");
    let to = held.destination(&date);
    let (shown, log) = (to.display().to_string(), held.log().display().to_string());
    app.confirm("confirm-refetch", &[("folder", &shown), ("log", &log)])?;
    held.set_aside(&to)?;
    let value = json!({ "set_aside": shown, "log": log, "damage": damage });
    let data = config.data_dir.display().to_string();
    app.out.done(&value, &app.out.text("refetch-done", &[("folder", &shown), ("data", &data)]));
    Ok(Exit::Ok)
}

/// Verifies every stored block.
pub(super) fn verify(app: &App, blocks: &Path) -> Result<VerifiedBlocks, StoreError> {
    let mut progress = Progress::new(app, "progress-verify", 0);
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let verified = verify_blocks(&RealDisk::reading(blocks), &mut |so_far| {
        progress.set(megabytes(so_far.bytes), megabytes(so_far.total_bytes));
    });
    progress.finish();
    verified
}

impl From<AsideError> for Fault {
    fn from(error: AsideError) -> Self {
        let code = match error {
            AsideError::InUse(_) => "cli.node_runs",
            AsideError::Nothing(_) => "cli.not_found",
            AsideError::NoLog(_) | AsideError::Log { .. } => "cli.log_missing",
            AsideError::Io { .. } => "cli.file",
        };
        Self::with(code, chain(&error))
    }
}
