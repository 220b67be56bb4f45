//! `hefu status`: how the node and its network are, in words.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::app::App;
use super::exit::Exit;
use super::fault::Done;
use super::output::Format;
use super::table::printable;

#[derive(Args)]
pub(crate) struct Status {
    /// Again every second, until Ctrl-C.
    #[arg(long, short)]
    watch: bool,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 1, value_name = "SECONDS", requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

pub(crate) fn run(app: &App, args: &Status) -> Done {
    loop {
        let node = app.client()?.get("/node", &[])?;
        match app.out.format {
            Format::Table if args.watch => app.out.line(&line(app, &node)),
            Format::Table => app.out.line(&prose(app, &node)),
            Format::Json if args.watch => app.out.line(&node.to_string()),
            _ => app.out.record(&node),
        }
        if !args.watch {
            return Ok(Exit::Ok);
        }
        std::thread::sleep(Duration::from_secs(args.every));
    }
}

fn word(node: &Value, pointer: &str) -> String {
    match node.pointer(pointer) {
        Some(Value::String(text)) => printable(text),
        Some(Value::Null) | None => "–".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// The quorum in words: how many more may fail.
fn margin(app: &App, node: &Value) -> String {
    let value = |pointer: &str| word(node, pointer);
    let (online, of) = (value("/quorum/online"), value("/quorum/validators"));
    let (needed, margin) = (value("/quorum/needed"), value("/quorum/margin"));
    let key = match margin.parse::<i64>() {
        Ok(margin) if margin < 0 => "status-no-quorum",
        Ok(0) => "status-no-margin",
        _ => "status-margin",
    };
    app.out.text(key, &[("online", &online), ("of", &of), ("needed", &needed), ("margin", &margin)])
}

/// Peers that are connected, of those that are known.
fn peers(app: &App, node: &Value) -> String {
    let Some(peers) = node["peers"].as_array() else { return "–".to_owned() };
    let connected = peers.iter().filter(|peer| peer["connected"] == true).count().to_string();
    let known = peers.len().to_string();
    app.out.text("status-peers", &[("connected", &connected), ("known", &known)])
}

fn line(app: &App, node: &Value) -> String {
    let time = time_of(node);
    format!(
        "{} {}  {}  {time}",
        app.out.text("col-height", &[]),
        word(node, "/height"),
        margin(app, node)
    )
}

fn time_of(node: &Value) -> String {
    let millis = word(node, "/block_time_ms").parse::<hefu_primitives::Millis>();
    millis.map_or_else(|_| "–".to_owned(), hefu_primitives::Millis::to_beijing)
}

fn prose(app: &App, node: &Value) -> String {
    let name = match app.lang() {
        crate::text::Lang::Zh => word(node, "/network_name_zh"),
        crate::text::Lang::En => word(node, "/network_name_en"),
    };
    let yes_no = |pointer: &str| {
        let yes = node.pointer(pointer).and_then(Value::as_bool) == Some(true);
        app.out.text(if yes { "yes" } else { "no" }, &[])
    };
    let rows = [
        ("network", name),
        ("chain", word(node, "/chain")),
        ("region", word(node, "/region")),
        ("validator", yes_no("/validator")),
        ("height", word(node, "/height")),
        ("block-time", format!("{} ({})", time_of(node), app.out.text("beijing-time", &[]))),
        ("state-root", word(node, "/state_root")),
        ("quorum", margin(app, node)),
        ("peers", peers(app, node)),
        ("pool", word(node, "/pool/transactions")),
        ("syncing", yes_no("/syncing")),
        ("version", word(node, "/version")),
    ];
    super::table::lines(
        rows.map(|(name, value)| (app.out.text(&format!("col-{name}"), &[]), value)),
    )
}
