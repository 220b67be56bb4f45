//! The validators of a run: processes of their own, and what they use of the machine.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use hefu_primitives::KeyPair;
use hefu_primitives::hash::{Domain, hash};
use serde_json::Value;

use super::founding::{Doors, Founding};

/// How long a node may take to start, and all of them to come to one height.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is looked how far one is that joins.
const CLOSE_LOOK: Duration = Duration::from_millis(10);
/// Ticks of processor time in a second (`sysconf(_SC_CLK_TCK)`, 100 on every Linux).
const TICKS: f64 = 100.0;

/// A validator that did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[error("validator {number} {what}; its log ends with:\n{log}")]
pub struct NodeFailed {
    number: usize,
    what: &'static str,
    log: String,
}

/// What processes used up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) cpu: Duration,
    pub(super) written: u64,
}

impl std::ops::Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            written: self.written.saturating_sub(before.written),
        }
    }
}

/// Memory of a process, in MiB.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    pub(super) peak: f64,
    pub(super) now: f64,
}

struct Node {
    home: PathBuf,
    doors: Doors,
    process: Option<Child>,
}

/// All validators of a run; they end when this is dropped.
pub(super) struct Nodes {
    founding: Founding,
    passphrase: String,
    program: PathBuf,
    patience: Duration,
    nodes: Vec<Node>,
}

impl Nodes {
    /// Prepares a ledger and the homes of its nodes under `folder`.
    pub(super) fn found(count: usize, folder: &Path, program: &Path) -> anyhow::Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("randomness: {error}"))?;
        let doors = doors(count)?;
        let key = |purpose: &str| {
            KeyPair::from_secret(&hash(Domain::Digest, &[&secret, purpose.as_bytes()]).0)
        };
        let address =
            |number: usize| doors.get(number).map_or_else(String::new, |d| d.p2p.to_string());
        let founding = Founding::new(count, address, key)?;
        let passphrase = hash(Domain::Digest, &[&secret, b"passphrase"]).to_string();
        let mut nodes = Vec::new();
        for (number, doors) in doors.into_iter().enumerate() {
            let home = folder.join(format!("validator-{}", number + 1));
            founding.settle(number, &home, doors, &passphrase)?;
            nodes.push(Node { home, doors, process: None });
        }
        let (program, patience) = (program.to_owned(), PATIENCE);
        Ok(Self { founding, passphrase, program, patience, nodes })
    }

    pub(super) fn founding(&self) -> &Founding {
        &self.founding
    }

    /// Where clients find them.
    pub(super) fn apis(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.doors.api).collect()
    }

    /// Where they keep what they know.
    pub(super) fn homes(&self) -> Vec<&Path> {
        self.nodes.iter().map(|node| node.home.as_path()).collect()
    }

    /// Gives them longer to start: they read a history first.
    pub(super) fn be_patient(&mut self, records: u64) {
        self.patience = PATIENCE + Duration::from_millis(records / 10);
    }

    /// Starts all, and waits until each follows the others.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        (0..self.nodes.len()).try_for_each(|number| self.launch(number))?;
        for number in 0..self.nodes.len() {
            while ask(self.nodes[number].doors.api, "/readyz").is_err() {
                self.check()?;
                if began.elapsed() > self.patience {
                    return Err(self.failed(number, "does not get ready").into());
                }
                std::thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    fn launch(&mut self, number: usize) -> anyhow::Result<()> {
        let node = self.nodes.get_mut(number).context("no such validator")?;
        let log = File::options().create(true).append(true).open(node.home.join("log"))?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--data-dir").arg(&node.home);
        command.env("HEFU_PASSPHRASE", &self.passphrase).env("HEFU_LOG_FILTER", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        node.process = Some(command.spawn().context("a validator cannot be started")?);
        Ok(())
    }

    /// Stops the last validator, takes from it all it knows of the ledger, starts it again, and
    /// says how long it took until it had the blocks up to `first`, and all of them.
    pub(super) fn join_anew(&mut self, first: u64) -> anyhow::Result<[Duration; 2]> {
        let last = self.nodes.len() - 1;
        let target = self.height()?;
        let node = &mut self.nodes[last];
        if let Some(mut process) = node.process.take() {
            process.kill()?;
            process.wait()?;
        }
        super::history::empty(&node.home)?;
        let api = node.doors.api;
        let (began, mut at) = (Instant::now(), [None; 2]);
        self.launch(last)?;
        loop {
            self.check()?;
            // It answers once it has opened its folder.
            let height = ask(api, "/api/v1/node").and_then(|node| height_of(&node)).unwrap_or(0);
            for (at, reached) in at.iter_mut().zip([height >= first, height >= target]) {
                *at = at.or(reached.then(|| began.elapsed()));
            }
            if let [Some(first), Some(all)] = at {
                return Ok([first, all]);
            }
            if began.elapsed() > self.patience + PATIENCE * 10 {
                return Err(self.failed(last, "does not catch up").into());
            }
            std::thread::sleep(CLOSE_LOOK);
        }
    }

    /// Whether all processes still run.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        for number in 0..self.nodes.len() {
            let process = self.nodes[number].process.as_mut();
            if let Some(process) = process
                && process.try_wait()?.is_some()
            {
                return Err(self.failed(number, "ended").into());
            }
        }
        Ok(())
    }

    fn failed(&self, number: usize, what: &'static str) -> NodeFailed {
        let log = fs::read_to_string(self.nodes[number].home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let log = lines[lines.len().saturating_sub(10)..].join("\n");
        NodeFailed { number: number + 1, what, log }
    }

    /// The height of the first node.
    pub(super) fn height(&self) -> anyhow::Result<u64> {
        let node = ask(self.nodes[0].doors.api, "/api/v1/node")?;
        height_of(&node)
    }

    /// Waits until all have the same height, and says whether they have the same roots there.
    pub(super) fn settle(&mut self) -> anyhow::Result<bool> {
        let began = Instant::now();
        loop {
            self.check()?;
            let told: Vec<Value> = self
                .apis()
                .into_iter()
                .map(|api| ask(api, "/api/v1/node"))
                .collect::<Result<_, _>>()?;
            let heights: Vec<u64> = told.iter().map(height_of).collect::<Result<_, _>>()?;
            if heights.iter().all(|height| height == &heights[0]) {
                let root = |node: &Value| (node["state_root"].clone(), node["log_root"].clone());
                return Ok(told.iter().all(|node| root(node) == root(&told[0])));
            }
            anyhow::ensure!(
                began.elapsed() < self.patience,
                "the validators do not come to one height"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// What all of them have used since they started.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        let mut sum = Used::default();
        for node in &self.nodes {
            let Some(id) = node.process.as_ref().map(Child::id) else { continue };
            // After the name, which may hold anything: state is field 3, user time 14, system 15.
            let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
            let fields = stat.rsplit_once(") ").context("/proc has no fields")?.1;
            let ticks = |number: usize| {
                let field = fields.split(' ').nth(number - 3).unwrap_or_default();
                field.parse::<u64>().context("/proc has no number")
            };
            sum.cpu += Duration::from_secs_f64((ticks(14)? + ticks(15)?) as f64 / TICKS);
            sum.written += field(&format!("/proc/{id}/io"), "write_bytes:")?;
        }
        Ok(sum)
    }

    /// Memory of the largest, in MiB: the peak so far, and now.
    pub(super) fn rss_mb(&self) -> anyhow::Result<Memory> {
        let mut most = Memory::default();
        for id in self.nodes.iter().filter_map(|node| Some(node.process.as_ref()?.id())) {
            let mb = |name| Ok(field(&format!("/proc/{id}/status"), name)? as f64 / 1024.0);
            let (peak, now): (anyhow::Result<f64>, _) = (mb("VmHWM:"), mb("VmRSS:"));
            most = Memory { peak: most.peak.max(peak?), now: most.now.max(now?) };
        }
        Ok(most)
    }

    pub(super) fn stop(&mut self) {
        for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
            let _ = process.kill();
        }
        for mut process in self.nodes.iter_mut().filter_map(|node| node.process.take()) {
            let _ = process.wait();
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Free ports, all taken before the first is given back.
fn doors(count: usize) -> std::io::Result<Vec<Doors>> {
    let take = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let taken: Vec<_> =
        (0..count).map(|_| Ok((take()?, take()?))).collect::<std::io::Result<_>>()?;
    let door = |(p2p, api): &(TcpListener, TcpListener)| {
        Ok(Doors { p2p: p2p.local_addr()?, api: api.local_addr()? })
    };
    taken.iter().map(door).collect()
}

fn ask(api: SocketAddr, path: &str) -> anyhow::Result<Value> {
    let answer = ureq::get(format!("http://{api}{path}")).call()?.body_mut().read_to_string()?;
    Ok(serde_json::from_str(&answer).unwrap_or(Value::Null))
}

fn height_of(node: &Value) -> anyhow::Result<u64> {
    let height = &node["height"];
    let number = height.as_u64().or_else(|| height.as_str()?.parse().ok());
    number.context("the node does not say its height")
}

/// A number in a file of lines that begin with a name.
fn field(file: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).with_context(|| format!("{file} has no {name}"))
}
