//! Nodes on machines of their own, and what must hold of them when a fault is over.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hefu_consensus::proposer;
use hefu_primitives::{Height, Round};
use serde_json::Value;

use crate::founding::{self, API, Founding};
use crate::harness::http::Http;
use crate::harness::node::NodeProcess;
use crate::harness::{PROGRAM, SOON, Scratch, wait_for};
use crate::lab::namespace::Namespace;
use crate::lab::switch::{Link, Switch, address};
use crate::load::Acknowledged;

/// How long a network may take to be whole again after a fault, on a busy machine.
pub(crate) const HEAL: Duration = Duration::from_secs(120);

/// How long a node that hangs is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One province's machine: its folder, and its node while it runs.
pub(crate) struct Machine {
    pub(crate) home: PathBuf,
    pub(crate) process: Option<NodeProcess>,
    /// Variables its process starts with.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// How clients reach the nodes; it can be handed to threads.
#[derive(Clone)]
pub(crate) struct Doors {
    machines: Arc<Vec<Namespace>>,
    http: Vec<Http>,
}

/// The machines and the wires between them.
pub(crate) struct Cluster {
    pub(crate) machines: Vec<Machine>,
    pub(crate) founding: Arc<Founding>,
    pub(crate) doors: Doors,
    pub(crate) switch: Switch,
    pub(crate) scratch: Scratch,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) height: u64,
    pub(crate) block: String,
}

impl Doors {
    pub(crate) fn len(&self) -> usize {
        self.http.len()
    }

    /// Asks a node something, from its own machine.
    pub(crate) fn ask<T: Send>(&self, node: usize, ask: impl FnOnce(&Http) -> T + Send) -> T {
        let http = &self.http[node];
        self.machines[node].enter(|| ask(http))
    }

    pub(crate) fn height(&self, node: usize) -> Option<u64> {
        self.ask(node, Http::height)
    }

    /// A block's answer; none when the node does not have it or does not answer.
    pub(crate) fn block(&self, node: usize, height: u64) -> Option<Value> {
        let path = format!("/api/v1/blocks/{height}");
        let answer = self.ask(node, |http| http.try_get(&path))?;
        (answer.status == 200).then(|| answer.json())
    }
}

impl Cluster {
    /// So many nodes, prepared but not started.
    pub(crate) fn found(name: &str, nodes: usize, link: Link, seed: u64) -> Self {
        let scratch = Scratch::new(name);
        let founding = founding::found(nodes, address);
        let mut machines = Vec::new();
        for number in 0..nodes {
            let home = scratch.join(founding.founders[number].region.to_string());
            founding::settle(&founding, number, &home, &address(number));
            machines.push(Machine { home, process: None, variables: Vec::new() });
        }
        let switch = Switch::new(nodes, link, seed).expect("machines of our own");
        let http = (0..nodes).map(|_| Http::with_patience(API, PATIENCE)).collect();
        let doors = Doors { machines: switch.machines().clone(), http };
        Self { machines, founding: Arc::new(founding), doors, switch, scratch }
    }

    /// As [`Cluster::found`], with every node running and ready.
    pub(crate) fn start(name: &str, nodes: usize, link: Link, seed: u64) -> Self {
        let mut cluster = Self::found(name, nodes, link, seed);
        cluster.start_all();
        cluster
    }

    pub(crate) fn start_all(&mut self) {
        (0..self.machines.len()).for_each(|node| self.begin(node));
        (0..self.machines.len()).for_each(|node| self.wait_ready(node));
    }

    /// Starts a node without waiting for it.
    pub(crate) fn begin(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        let (home, variables) = (&machine.home, &machine.variables);
        let change = |command: &mut Command| {
            command.envs(variables.iter().map(|(name, value)| (name, value)));
        };
        // A program to measure in place of the one that was built with the tests.
        let other = std::env::var_os("HEFU_FAULTS_PROGRAM");
        let program = other.as_deref().unwrap_or(PROGRAM.as_ref());
        let start = || NodeProcess::start_as(program, home, API, change);
        machine.process = Some(self.doors.machines[node].enter(start));
    }

    pub(crate) fn process(&mut self, node: usize) -> &mut NodeProcess {
        self.machines[node].process.as_mut().expect("the node runs")
    }

    /// Waits until a node can make submissions final.
    pub(crate) fn wait_ready(&mut self, node: usize) {
        let process = self.machines[node].process.as_mut().expect("the node runs");
        self.doors.machines[node].enter(|| process.wait_ready());
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, node: usize) {
        self.machines[node].process.take().expect("the node runs").kill();
    }

    /// Ends every node as a service manager does.
    pub(crate) fn stop(&mut self) {
        for machine in &mut self.machines {
            if let Some(process) = machine.process.take() {
                process.stop();
            }
        }
    }

    pub(crate) fn is_running(&self, node: usize) -> bool {
        self.machines[node].process.is_some()
    }

    /// Numbers of the nodes that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.machines.len()).filter(|node| self.is_running(*node)).collect()
    }

    /// Whose turn it is at a height, in its first round.
    pub(crate) fn leader(&self, height: u64) -> usize {
        let validators = self.founding.genesis.validators();
        let turn = proposer(validators, Height(height), Round(0));
        let founders = &self.founding.founders;
        let found = founders.iter().position(|founder| founder.validator.id() == turn);
        found.expect("a founder's turn")
    }

    /// The highest block of any node that runs.
    pub(crate) fn top(&self) -> u64 {
        let heights = self.running().into_iter().filter_map(|node| self.doors.height(node));
        heights.max().expect("a node runs")
    }

    /// Waits until every node that runs has a block at `height`; how long it took.
    pub(crate) fn wait_height(&self, height: u64) -> Duration {
        let began = Instant::now();
        for node in self.running() {
            let what = format!("node {node} at height {height}");
            wait_for(&what, HEAL, || self.doors.height(node).filter(|at| *at >= height));
        }
        began.elapsed()
    }

    /// Waits until every running node has what the furthest has, and the furthest has one block
    /// more than it had: the network is whole. Needs load.
    pub(crate) fn wait_whole(&self) -> Duration {
        let began = Instant::now();
        let goal = self.top() + 1;
        self.wait_height(goal);
        began.elapsed()
    }

    /// Asserts that all running nodes hold one ledger, and every act in it that a client was told
    /// is applied.
    pub(crate) fn assert_intact(&self, acknowledged: &[Acknowledged]) -> Said {
        let height = self.top();
        self.wait_height(height);
        let mut first: Option<Value> = None;
        for node in self.running() {
            let block = self.doors.block(node, height).expect("a block it has");
            let header = &block["header"];
            for root in [&block["block_id"], &header["log_root"], &header["state_root"]] {
                assert_eq!(root.as_str().map(str::len), Some(64), "{block}");
            }
            let expected = first.get_or_insert_with(|| block.clone());
            assert_eq!(expected["block_id"], block["block_id"], "node {node} at {height}");
            assert_eq!(&expected["header"], header, "node {node} at {height}");
            self.assert_recorded(node, acknowledged);
        }
        let block = first.expect("a node runs")["block_id"].as_str().unwrap_or_default().to_owned();
        Said { height, block }
    }

    fn assert_recorded(&self, node: usize, acknowledged: &[Acknowledged]) {
        self.doors.ask(node, |http| {
            for act in acknowledged {
                let answer = http.get(&format!("/api/v1/transactions/{}", act.tx));
                let (told, said) = (act.height, answer.json());
                let height = said["as_of"]["height"].as_str().or(said["height"].as_str());
                assert_eq!(answer.status, 200, "node {node} lost {} of {told}: {said}", act.tx);
                assert_eq!(said["status"], "applied", "node {node}: {said}");
                assert_eq!(height, Some(told.to_string().as_str()), "node {node}: {said}");
            }
        });
    }

    /// Waits for a message in a node's log.
    pub(crate) fn wait_end(&mut self, node: usize) -> (std::process::ExitStatus, String) {
        let mut process = self.machines[node].process.take().expect("the node runs");
        let status =
            wait_for("the node ends", SOON, || (!process.is_running()).then(|| process.wait_end()));
        (status, process.log())
    }
}
