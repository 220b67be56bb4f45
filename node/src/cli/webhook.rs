//! `hefu webhook`: who is told of events, how far that is, and what was not taken.

use clap::Subcommand;
use serde_json::{Value, json};

use super::app::{App, now, random_id};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::table::{Column, col};
use crate::webhook::{Dead, FOLDER, Failed, Message, Sender, State, Target};

const TARGETS: &[Column] = &[
    col("name", "/name"),
    col("url", "/url").raw(),
    col("height", "/position/height"),
    col("dead", "/dead"),
];
const LETTERS: &[Column] = &[
    col("id", "/id"),
    col("at", "/at").as_time(),
    col("attempts", "/attempts"),
    col("error", "/error").raw(),
];

#[derive(Subcommand)]
pub(crate) enum Webhook {
    List,
    Dead {
        /// The webhook.
        name: String,
    },
    Resend {
        /// The webhook.
        name: String,
        /// Events, by id; every dead letter when none is named.
        ids: Vec<String>,
    },
    Test {
        /// The webhook.
        name: String,
    },
}

pub(crate) fn run(app: &App, command: &Webhook) -> Done {
    match command {
        Webhook::List => list(app),
        Webhook::Dead { name } => dead(app, name),
        Webhook::Resend { name, ids } => resend(app, name, ids),
        Webhook::Test { name } => test(app, name),
    }
}

fn list(app: &App) -> Done {
    let mut rows = Vec::new();
    for target in app.node_settings()?.config.webhook_targets() {
        let state = state(app, &target)?;
        let position = state.position().map_err(file)?;
        let dead = state.dead().map_err(file)?.len();
        let mut row = serde_json::to_value(&target).map_err(|e| Fault::with("cli.fault", e))?;
        row["position"] = json!(position);
        row["dead"] = dead.into();
        rows.push(row);
    }
    app.out.list(&json!({ "items": rows }), &rows, TARGETS, "webhook-none");
    Ok(Exit::Ok)
}

fn dead(app: &App, name: &str) -> Done {
    let letters = state(app, &named(app, name)?)?.dead().map_err(file)?;
    let rows: Vec<Value> = letters.iter().map(shown).collect();
    app.out.list(&json!({ "items": rows }), &rows, LETTERS, "webhook-no-dead");
    Ok(Exit::Ok)
}

fn shown(dead: &Dead) -> Value {
    let event: Value = serde_json::from_str(&dead.body).unwrap_or_default();
    json!({ "id": dead.id, "at": dead.at, "attempts": dead.attempts, "error": dead.error, "event": event })
}

/// Sends dead letters again, now and once each; those that are taken are dead no more.
fn resend(app: &App, name: &str, ids: &[String]) -> Done {
    let target = named(app, name)?;
    let state = state(app, &target)?;
    let letters = state.dead().map_err(file)?;
    if let Some(unknown) = ids.iter().find(|id| !letters.iter().any(|dead| dead.id == **id)) {
        return Err(Fault::with("cli.not_found", unknown));
    }
    let sender = sender(app, &target)?;
    let mut sent = Vec::new();
    for dead in letters.iter().filter(|dead| ids.is_empty() || ids.contains(&dead.id)) {
        let message = Message { id: dead.id.clone(), body: dead.body.clone() };
        sender.send(&message, now()).map_err(|failed| not_taken(&target, &failed))?;
        state.resent(&dead.id).map_err(file)?;
        sent.push(dead.id.clone());
    }
    let count = sent.len().to_string();
    app.out.done(&json!({ "sent": sent }), &app.out.text("webhook-resent", &[("count", &count)]));
    Ok(Exit::Ok)
}

fn test(app: &App, name: &str) -> Done {
    let target = named(app, name)?;
    let path = app.node_settings()?.config.genesis_path();
    let chain = super::genesis::read(app, &path)?.genesis.hash();
    let message = Message::test(&chain, &random_id()?.to_string(), now());
    sender(app, &target)?.send(&message, now()).map_err(|failed| not_taken(&target, &failed))?;
    let told = json!({ "sent": message.id, "url": target.url });
    app.out.done(&told, &app.out.text("webhook-tested", &[("url", &target.url)]));
    Ok(Exit::Ok)
}

fn named(app: &App, name: &str) -> Result<Target, Fault> {
    let targets = app.node_settings()?.config.webhook_targets();
    let found = targets.into_iter().find(|target| target.name == name);
    found.ok_or_else(|| Fault::with("cli.not_found", name))
}

fn state(app: &App, target: &Target) -> Result<State, Fault> {
    let folder = app.node_settings()?.config.store_path().join(FOLDER);
    Ok(State::of(&folder, &target.name))
}

/// Signs as the node does.
fn sender(app: &App, target: &Target) -> Result<Sender, Fault> {
    let label = &app.node_settings()?.config.keystore.node;
    let key = app.keystore()?.load(label.as_str(), app.passphrase()?)?;
    Sender::new(target, key).map_err(|error| Fault::with("cli.file", error))
}

fn not_taken(target: &Target, failed: &Failed) -> Fault {
    Fault::with("cli.unreachable", format_args!("{}: {failed}", target.url))
}

fn file(error: std::io::Error) -> Fault {
    Fault::system("cli.file", "", &error)
}
