//! The only place of the command line that runs a node in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use hefu_primitives::{Height, Region};
use serde_json::{Value, json};

use super::fault::Fault;
use crate::config::{Engine, NodeConfig};
use crate::demo::cluster::Cluster;
use crate::demo::control::{Answer, TellError};
pub(super) use crate::demo::control::{Command as DemoCommand, Step as DemoStep};
use crate::demo::scene::Scenario;
use crate::demo::scene::play::{Missed, Played};
use crate::demo::{DemoOptions, Narrator};
use crate::store::EngineKind;
use crate::text::Lang;

/// Runs a node until it is told to stop.
pub(super) fn run_node(config: &NodeConfig) -> Result<(), Fault> {
    Ok(crate::runtime::run_blocking(config)?)
}

/// Builds the index again from the block files; `progress` hears height and goal.
pub(super) fn rebuild(
    config: &NodeConfig,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Value, Fault> {
    let tip =
        crate::runtime::rebuild(config, &mut |replay| progress(replay.height.0, replay.of.0))?;
    Ok(json!({
        "height": tip.height,
        "block_id": tip.block,
        "log_root": tip.log_root,
        "state_root": tip.state_root,
    }))
}

/// How a demonstration runs.
pub(super) struct DemoPlan {
    pub(super) duration: Option<Duration>,
    pub(super) rate: u32,
    pub(super) first_port: u16,
    pub(super) engine: Engine,
    pub(super) scenarios: Vec<&'static Scenario>,
    pub(super) stay: bool,
    pub(super) lang: Lang,
}

/// What the command line says while a demonstration runs.
pub(super) trait DemoTalk: Send {
    fn started(&mut self, provinces: &[(Region, SocketAddr)], genesis: &str, folder: &Path);
    fn begins(&mut self, scenario: &'static Scenario);
    fn played(&mut self, played: &Played);
    fn told(&mut self, steps: &[DemoStep]);
    fn beat(&mut self, height: Height, online: usize, of: usize, p50_ms: f64);
}

/// Runs a demonstration; whether all nodes agreed, the report, and the step of a scenario that came
/// out otherwise than it must.
pub(super) fn demo(
    plan: &DemoPlan,
    talk: &mut dyn DemoTalk,
) -> Result<(bool, Value, Option<Missed>), Fault> {
    let options = DemoOptions {
        duration: plan.duration,
        rate: plan.rate,
        first_port: plan.first_port,
        engine: match plan.engine {
            Engine::Sled => EngineKind::Sled,
            Engine::Fjall => EngineKind::Fjall,
        },
        scenarios: plan.scenarios.clone(),
        stay: plan.stay,
        lang: plan.lang,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::with("cli.fault", error))?;
    let report = runtime.block_on(crate::demo::run(options, &mut Teller(talk)))?;
    let value = serde_json::to_value(&report).map_err(|error| Fault::with("cli.fault", error))?;
    Ok((report.agreed, value, report.missed))
}

/// Tells the demonstration that runs in another terminal; whether it did so, and what came of it.
pub(super) fn tell_demo(command: &DemoCommand) -> Result<(bool, Vec<DemoStep>), Fault> {
    let answer = crate::demo::control::tell(command);
    let Answer { ok, steps } = answer.map_err(|error| match error {
        TellError::NoDemo => Fault::new("cli.no_demo"),
        TellError::Silent { file } => {
            Fault::said("cli.no_demo", "demo-silent", &[("file", &file.display())])
        }
        TellError::Strange(words) => Fault::with("cli.bad_answer", words),
    })?;
    Ok((ok, steps))
}

struct Teller<'a>(&'a mut dyn DemoTalk);

impl Narrator for Teller<'_> {
    fn started(&mut self, cluster: &Cluster, folder: &Path) {
        let provinces: Vec<_> = cluster.provinces.values().map(|p| (p.region, p.api)).collect();
        self.0.started(&provinces, &cluster.genesis.hash().to_string(), folder);
    }

    fn begins(&mut self, scenario: &'static Scenario) {
        self.0.begins(scenario);
    }

    fn played(&mut self, played: &Played) {
        self.0.played(played);
    }

    fn told(&mut self, answer: &Answer) {
        self.0.told(&answer.steps);
    }

    fn beat(&mut self, height: Height, online: usize, of: usize, p50_ms: f64) {
        self.0.beat(height, online, of, p50_ms);
    }
}
