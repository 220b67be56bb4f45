//! `hefu store rebuild`: the index made again from the block files.

use clap::Subcommand;

use super::app::App;
use super::engine;
use super::exit::Exit;
use super::fault::Done;
use super::progress::Progress;

#[derive(Subcommand)]
pub(crate) enum Store {
    Rebuild,
}

pub(crate) fn run(app: &App, command: Store) -> Done {
    let Store::Rebuild = command;
    let config = &app.settings()?.config;
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
