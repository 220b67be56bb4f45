//! `hefu light`: follows a ledger through somebody else's node, believing signatures alone.
//!
//! What is believed stands in a file. Each run goes on from there to the node's last block, through
//! every change of validators, checks that the audit log only grew, and asks other nodes whether
//! they have the same block. A node that is behind, forges, or shows another certified block than
//! the one known ends the run with code 3; of a fork the proof is kept.

mod fork;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use hefu_genesis::Genesis;
use hefu_primitives::light::{ForkError, LightBlock, LightError, LightState, Rule, StateError};
use hefu_primitives::log::{ConsistencyProof, LogHead, leaf_hash};
use hefu_primitives::{ChainId, H32, Height, Millis};
use serde_json::{Value, json};

pub(crate) use self::fork::verify as verify_fork;
use super::app::{App, now};
use super::client::Client;
use super::exit::Exit;
use super::fault::{Done, Fault};
use crate::text;

/// How long another node may be behind the first.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(200);
const DAY_MS: u64 = 86_400_000;

#[derive(Args)]
pub(crate) struct Light {
    /// The file that keeps what is believed.
    state: PathBuf,
    /// Hash of the genesis: the chain id.
    #[arg(long, value_name = "HASH")]
    genesis: ChainId,
    /// Other nodes, which must have the same block.
    #[arg(long, value_name = "URL")]
    also: Vec<String>,
    /// Where to keep the proof of a fork.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
    /// How old the last block may be.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    max_age: u64,
    /// Step over changes of validators that more than a third of the known power survives.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    skip: Option<u64>,
}

pub(crate) fn run(app: &App, args: &Light) -> Done {
    let node = Node { name: None, client: app.client()?.clone() };
    let state = opened(app, args, &node)?;
    let tip = node.tip()?;
    if tip < state.height() {
        let known = state.height();
        return Err(Fault::said(
            "cli.stale",
            "light-behind",
            &[("height", &tip), ("known", &known)],
        ));
    }
    agree(app, args, &state, &node)?;
    let (next, headers) = follow(app, args, &state, &node, tip)?;
    check_log(app, &state, &next, &node)?;
    let agreeing = ask_others(app, args, &next)?;
    if next != state {
        let written = crate::keystore::disk::replace(&args.state, &next.to_file());
        written.map_err(|error| Fault::file(&args.state, &error))?;
    }
    let last = next.last().ok_or_else(|| Fault::new("api.unavailable"))?;
    check_age(args, last)?;
    let told = Told { from: state.height(), headers, agreeing, state: &next, last };
    app.out.done(&told.report(), &told.prose(app));
    Ok(Exit::Ok)
}

/// The state in the file; the genesis when there is none yet.
fn opened(app: &App, args: &Light, node: &Node<'_>) -> Result<LightState, Fault> {
    let opened = match args.state.exists() {
        true => LightState::from_file(&app.read(&args.state)?, args.genesis),
        false => {
            let document = node.client.download("/genesis/raw", &[])?;
            let genesis =
                Genesis::from_bytes(&document).map_err(|error| failed(app, "genesis", &error))?;
            LightState::new(genesis.anchor(), args.genesis)
        }
    };
    opened.map_err(|error| {
        let step = match &error {
            StateError::Encoding(_) | StateError::Changed | StateError::Format(_) => "encoding",
            StateError::Genesis { .. } => "genesis",
            StateError::Chain(_) | StateError::Header(_) => "headers",
        };
        let file = args.state.display();
        failed(app, step, &format_args!("{file}, which this command keeps (move it away to begin at the genesis again): {error}"))
    })
}

/// Goes to a height through what the node answers; how many headers that took.
fn follow(
    app: &App,
    args: &Light,
    state: &LightState,
    node: &Node<'_>,
    tip: Height,
) -> Result<(LightState, u64), Fault> {
    let rule = match args.skip {
        Some(days) => Rule::Third { period: Millis(days.saturating_mul(DAY_MS)) },
        None => Rule::Whole,
    };
    let refused = |error: &LightError| failed(app, "headers", error);
    let mut follower = state.follow(tip, rule).map_err(|error| refused(&error))?;
    let mut headers = 0u64;
    while let Some(height) = follower.wanted() {
        follower.supply(node.block(height)?, now()).map_err(|error| refused(&error))?;
        headers += 1;
    }
    let mut next = state.clone();
    next.advance(follower.finish());
    Ok((next, headers))
}

/// That a node has the block that is believed. Another certified one is a fork.
fn agree(app: &App, args: &Light, state: &LightState, node: &Node<'_>) -> Result<(), Fault> {
    if state.last().is_none() {
        return Ok(());
    }
    let theirs = node.block(state.height())?;
    match state.compare(&theirs) {
        Ok(None) => Ok(()),
        Ok(Some(proof)) => Err(fork::keep(app, &args.fork_file(), args.genesis, &proof)?),
        Err(error @ ForkError::Unlinked) => {
            Err(Fault::with("cli.fork", text::proof_said(app.out.lang, &error)))
        }
        Err(error) => Err(failed(app, "headers", &error)),
    }
}

/// That the log which the new header names continues the one before: signatures alone would not
/// show a log that was rewritten by all.
fn check_log(app: &App, old: &LightState, new: &LightState, node: &Node<'_>) -> Result<(), Fault> {
    let head = |block: &LightBlock| {
        let header = &block.certified.header;
        LogHead { size: header.log_size, root: header.log_root }
    };
    let Some(after) = new.last().map(head) else { return Ok(()) };
    let genesis = || LogHead { size: 1, root: leaf_hash(&old.anchor_bytes()) };
    let before = old.last().map_or_else(genesis, head);
    let path = match before.size == after.size {
        true => Vec::new(),
        false => node.consistency(before.size, after.size)?,
    };
    let proof = ConsistencyProof { old: before.size, new: after.size, path };
    proof.verify(before, after).map_err(|error| failed(app, "log", &error))
}

/// The others that have the block, by name.
fn ask_others(app: &App, args: &Light, state: &LightState) -> Result<Vec<String>, Fault> {
    let timeout = Duration::from_secs(app.globals.timeout);
    let mut agreeing = Vec::new();
    for name in &args.also {
        // A token is for the node it was made for; others are not told.
        let client = Client::new(name, None, timeout)?;
        let node = Node { name: Some(name), client };
        let (deadline, height) = (Instant::now() + PATIENCE, state.height());
        let mut tip = node.tip()?;
        while tip < height && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
            tip = node.tip()?;
        }
        if tip < height {
            let arguments: [(&str, &dyn core::fmt::Display); 3] =
                [("node", name), ("height", &tip), ("known", &height)];
            return Err(Fault::said("cli.stale", "light-other-behind", &arguments));
        }
        agree(app, args, state, &node)?;
        agreeing.push(name.clone());
    }
    Ok(agreeing)
}

fn check_age(args: &Light, last: &LightBlock) -> Result<(), Fault> {
    let age = now().0.saturating_sub(last.certified.header.time.0) / 1_000;
    if age <= args.max_age {
        return Ok(());
    }
    let (height, seconds, most) = (last.height(), age, args.max_age);
    let arguments: [(&str, &dyn core::fmt::Display); 3] =
        [("height", &height), ("seconds", &seconds), ("most", &most)];
    Err(Fault::said("cli.stale", "light-old", &arguments))
}

impl Light {
    /// The file for the proof of a fork: beside the state, unless said otherwise.
    fn fork_file(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| self.state.with_extension("fork"))
    }
}

/// A step that failed, by name.
fn failed(app: &App, step: &str, error: &dyn core::fmt::Display) -> Fault {
    let name = app.out.text(&format!("verify-step-{step}"), &[]);
    let error = text::proof_said(app.out.lang, error);
    Fault::with("cli.invalid", format_args!("{step} ({name}): {error}"))
}

/// A node that is asked.
struct Node<'a> {
    /// Its address, when it is one of several.
    name: Option<&'a str>,
    client: Client,
}

impl Node<'_> {
    fn bad(&self, what: &str) -> Fault {
        let of = self.name.map(|name| format!("{name}: ")).unwrap_or_default();
        Fault::with("cli.bad_answer", format_args!("{of}{what}"))
    }

    /// The height of its last block; 0 before the first.
    fn tip(&self) -> Result<Height, Fault> {
        let answer = self.client.get("/blocks", &[("limit", "1")])?;
        match &answer["items"] {
            Value::Array(items) => items.first().map_or(Ok(Height(0)), |block| {
                let height = block["height"].as_str().and_then(|text| text.parse().ok());
                height.ok_or_else(|| self.bad("height"))
            }),
            _ => Err(self.bad("items")),
        }
    }

    fn block(&self, height: Height) -> Result<LightBlock, Fault> {
        let bytes = self.client.download(&format!("/blocks/{height}/light"), &[])?;
        LightBlock::decode(&bytes).map_err(|error| self.bad(&error.to_string()))
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<H32>, Fault> {
        let (old, new) = (old.to_string(), new.to_string());
        let answer = self.client.get("/log/consistency", &[("old", &old), ("new", &new)])?;
        let hash = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let path = answer["path"].as_array().and_then(|path| path.iter().map(hash).collect());
        path.ok_or_else(|| self.bad("path"))
    }
}

/// What a run tells.
struct Told<'a> {
    from: Height,
    headers: u64,
    agreeing: Vec<String>,
    state: &'a LightState,
    last: &'a LightBlock,
}

impl Told<'_> {
    fn report(&self) -> Value {
        let header = &self.last.certified.header;
        json!({
            "valid": true,
            "chain": self.state.chain(),
            "height": header.height,
            "block_id": header.id(),
            "time": header.time.to_rfc3339(),
            "log_size": header.log_size.to_string(),
            "log_root": header.log_root,
            "state_root": header.state_root,
            "validators": self.last.validators,
            "next_validators": self.last.next,
            "signatures": self.last.certified.certificate.signatures.len(),
            "from": self.from,
            "headers": self.headers,
            "set_changes": self.state.changes().map(<[_]>::len),
            "agreeing": self.agreeing,
        })
    }

    fn prose(&self, app: &App) -> String {
        let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
        let header = &self.last.certified.header;
        let signed = self.last.certified.certificate.signatures.len().to_string();
        let of = self.last.validators.len().to_string();
        let (height, time) = (header.height.to_string(), header.time.to_beijing());
        let chain = self.state.chain().to_string();
        let mut lines = vec![
            say("light-ok", &[("chain", &chain), ("height", &height), ("time", &time)]),
            say("light-signed", &[("signed", &signed), ("of", &of)]),
            say(
                "light-log",
                &[("size", &header.log_size.to_string()), ("root", &header.log_root.to_string())],
            ),
            say("light-state", &[("root", &header.state_root.to_string())]),
            say(
                "light-way",
                &[("from", &self.from.to_string()), ("headers", &self.headers.to_string())],
            ),
        ];
        match self.state.changes() {
            Some([]) => {}
            Some(some) => lines.push(say("verify-sets", &[("count", &some.len().to_string())])),
            None => lines.push(say("light-skipped", &[])),
        }
        if !self.agreeing.is_empty() {
            lines.push(say("light-agree", &[("nodes", &self.agreeing.join(", "))]));
        }
        lines.join("\n")
    }
}
