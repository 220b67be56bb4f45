//! `hefu store rebuild`: the index made again from the block files.

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::app::App;
use super::engine;
use super::exit::Exit;
use super::fault::Done;

#[derive(Subcommand)]
pub(crate) enum Store {
    Rebuild,
}

pub(crate) fn run(app: &App, command: Store) -> Done {
    let Store::Rebuild = command;
    let config = &app.settings()?.config;
    let bar = bar(app, 0);
    let rebuilt = engine::rebuild(config, &mut |height, of| {
        bar.set_length(of);
        bar.set_position(height);
    });
    bar.finish_and_clear();
    let report = rebuilt?;
    let field = |name: &str| report[name].as_str().unwrap_or("–").to_owned();
    let arguments = [("height", field("height")), ("root", field("state_root"))];
    let arguments: Vec<(&str, &str)> =
        arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.out.done(&report, &app.out.text("store-rebuilt", &arguments));
    Ok(Exit::Ok)
}

/// A progress bar on standard error, shown at a terminal only.
pub(super) fn bar(app: &App, length: u64) -> ProgressBar {
    if app.out.quiet {
        return ProgressBar::hidden();
    }
    let template = "{wide_bar} {human_pos}/{human_len} {per_sec} {eta} {msg}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}
