//! # `hefu demo`
//!
//! Four provinces in one process, for a first look and for CI: the same network, storage and
//! consensus as in production, over the loopback interface, in a folder that is removed at the
//! end. Synthetic acts flow; provinces can be stopped, cut off and damaged from another terminal.
//! Commands can be typed in the provinces' folders ([`home`]), and scenarios played there ([`scene`]).

pub mod cluster;
pub mod control;
pub mod home;
pub mod scene;
pub mod traffic;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hefu_genesis::sample::SampleKeys;
use hefu_primitives::time::Day;
use hefu_primitives::{BlockId, H32, Height, Region};
use serde::Serialize;
use tokio::sync::mpsc;

use self::cluster::Cluster;
use self::control::{Answer, Command, Step};
use self::home::Operators;
use self::scene::Scenario;
use self::scene::play::{Missed, Played};
use self::traffic::Tally;
use crate::runtime::{Service, wall_clock};
use crate::store::EngineKind;
use crate::text::Lang;

/// Longest wait for the nodes to agree at the end.
const SETTLE: Duration = Duration::from_secs(30);

/// How a demonstration runs.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// How long; without an end until Ctrl-C.
    pub duration: Option<Duration>,
    /// Synthetic acts a second.
    pub rate: u32,
    /// First API port; a busy one gives way to the next.
    pub first_port: u16,
    /// The key-value engine.
    pub engine: EngineKind,
    /// Scenarios to play, in order.
    pub scenarios: Vec<&'static Scenario>,
    /// Whether it goes on when they are played, although no duration is given.
    pub stay: bool,
    /// The language in which the output of their commands is shown.
    pub lang: Lang,
}

/// What a demonstration tells while it runs. Texts are the command line's.
pub trait Narrator: Send {
    /// The nodes run and the first block is made; commands can be typed in the folder.
    fn started(&mut self, cluster: &Cluster, folder: &Path);
    /// A scenario begins.
    fn begins(&mut self, scenario: &'static Scenario);
    /// A step of it came out as it must.
    fn played(&mut self, played: &Played);
    /// Something was done by command.
    fn told(&mut self, answer: &Answer);
    /// Every second: height, validators that can vote, of how many, commit p50 in ms.
    fn beat(&mut self, height: Height, online: usize, of: usize, p50_ms: f64);
}

/// One node at the common height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// The province.
    pub region: Region,
    /// The common height.
    pub height: Height,
    /// Its block there.
    pub block_id: BlockId,
    /// Root of its audit log there.
    pub log_root: H32,
    /// Root of its records there.
    pub state_root: H32,
}

/// Quantiles of the time from submission to durable commit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CommitTimes {
    /// Median, in milliseconds.
    pub p50: f64,
    /// 99th percentile, in milliseconds.
    pub p99: f64,
}

/// What a demonstration ends with.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every node was there and all agree on block, log root and state root.
    pub agreed: bool,
    /// The nodes, at one common height.
    pub nodes: Vec<NodeReport>,
    /// Acts applied.
    pub acts_applied: u64,
    /// Acts that were refused or whose outcome did not come in time.
    pub acts_failed: u64,
    /// Latencies seen by submitters of synthetic acts; none without any.
    pub commit_ms: Option<CommitTimes>,
    /// The steps of scenarios that were played.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Played>,
    /// The step at which a scenario came out otherwise than it must.
    #[serde(skip)]
    pub missed: Option<Missed>,
}

/// Runs a demonstration to its end.
///
/// # Errors
/// When it cannot start. Disagreement is no error but a report.
pub async fn run(options: DemoOptions, narrator: &mut dyn Narrator) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("hefu-demo-").tempdir()?;
    let mut cluster = Cluster::start(folder.path(), options.first_port, options.engine).await?;
    let apis = cluster.provinces.values().map(|p| (p.region, p.api)).collect();
    let (mut commands, _contact) = control::listen(apis).await?;
    let tally = Arc::new(Tally::default());
    let nodes = Arc::new(std::sync::RwLock::new(cluster.running()));
    let traffic = tokio::spawn(traffic::run(
        reader(&nodes),
        Arc::new(sample_keys(&cluster)),
        options.rate,
        tally.clone(),
    ));
    wait_first_block(&cluster).await?;
    home::furnish(&cluster)?;
    narrator.started(&cluster, folder.path());
    let mut stage = Stage::open(&options, folder.path(), &cluster)?;
    let end = async {
        match options.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let told_to_stop = crate::runtime::told_to_stop();
    tokio::pin!(told_to_stop);
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = &mut end => break,
            () = &mut told_to_stop => break,
            _ = beat.tick() => tell_beat(&cluster, &tally, narrator),
            Some(news) = stage.news.recv() => {
                if stage.hear(news, narrator) && options.duration.is_none() && !options.stay {
                    break;
                }
            }
            Some((command, reply)) = commands.recv() => {
                let answer = obey(&mut cluster, &command).await;
                *nodes.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    cluster.running();
                narrator.told(&answer);
                let _ = reply.send(answer);
            }
        }
    }
    traffic.abort();
    let mut report = report(&cluster, &tally).await;
    (report.steps, report.missed) = (stage.steps, stage.missed);
    drain(&mut commands);
    cluster.stop().await;
    Ok(report)
}

/// What is heard of the scenarios.
enum News {
    Begins(&'static Scenario),
    Played(Box<Played>),
    Missed(Box<Missed>),
    Over,
}

/// Scenarios being played on a thread of their own, and what came of them.
struct Stage {
    news: mpsc::Receiver<News>,
    steps: Vec<Played>,
    missed: Option<Missed>,
}

impl Stage {
    fn open(options: &DemoOptions, folder: &Path, cluster: &Cluster) -> anyhow::Result<Self> {
        let (teller, news) = mpsc::channel(16);
        let (scenarios, lang) = (options.scenarios.clone(), options.lang);
        if !scenarios.is_empty() {
            let mut operators = Operators::new(folder, cluster)?;
            let folder = folder.to_owned();
            // Not a blocking task: at an early end nobody waits for the command that runs.
            std::thread::spawn(move || {
                let today = Day::of_beijing(wall_clock());
                for scenario in scenarios {
                    let _ = teller.blocking_send(News::Begins(scenario));
                    let mut tell =
                        |step| teller.blocking_send(News::Played(Box::new(step))).is_ok();
                    let played = scene::play::prepare(scenario, &folder, today)
                        .map_err(|error| Box::new(Missed::before(scenario, &error)))
                        .and_then(|()| {
                            scene::play::play(scenario, today, &[lang], &mut operators, &mut tell)
                        });
                    if let Err(missed) = played {
                        let _ = teller.blocking_send(News::Missed(missed));
                        break;
                    }
                }
                let _ = teller.blocking_send(News::Over);
            });
        }
        Ok(Self { news, steps: Vec::new(), missed: None })
    }

    /// Tells it on; whether that was the end.
    fn hear(&mut self, news: News, narrator: &mut dyn Narrator) -> bool {
        match news {
            News::Begins(scenario) => narrator.begins(scenario),
            News::Played(step) => {
                narrator.played(&step);
                self.steps.push(*step);
            }
            News::Missed(missed) => self.missed = Some(*missed),
            News::Over => return true,
        }
        false
    }
}

type Nodes = Arc<std::sync::RwLock<Vec<(Region, Service)>>>;

fn reader(nodes: &Nodes) -> impl Fn() -> Vec<(Region, Service)> + use<> {
    let nodes = nodes.clone();
    move || nodes.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

fn sample_keys(cluster: &Cluster) -> SampleKeys {
    SampleKeys { members: cluster.provinces.values().map(|p| p.keys.clone()).collect() }
}

async fn wait_first_block(cluster: &Cluster) -> anyhow::Result<()> {
    let running = cluster.running();
    let waits = running.iter().map(|(_, service)| service.wait_height(Height(1)));
    tokio::time::timeout(SETTLE, futures::future::join_all(waits))
        .await
        .map_err(|_| anyhow::anyhow!("no block was made within {} s", SETTLE.as_secs()))?;
    Ok(())
}

fn tell_beat(cluster: &Cluster, tally: &Tally, narrator: &mut dyn Narrator) {
    let running = cluster.running();
    let height = running.iter().map(|(_, service)| service.tip().height).max();
    let p50 = tally.commit_ms(&[0.5]).first().copied().unwrap_or_default();
    narrator.beat(height.unwrap_or_default(), running.len(), cluster.provinces.len(), p50);
}

async fn obey(cluster: &mut Cluster, command: &Command) -> Answer {
    if let Some(step) = in_the_way(cluster, command) {
        return Answer { ok: false, steps: vec![step] };
    }
    let mut steps = Vec::new();
    let done = match command {
        Command::Stop { region } => {
            steps.push(Step::Stopped { region: *region });
            cluster.stop_node(*region).await
        }
        Command::Start { region } => {
            steps.push(Step::Started { region: *region });
            cluster.start_node(*region).await
        }
        Command::Partition { regions } => {
            let cut: BTreeSet<Region> = regions.iter().copied().collect();
            cluster.partition(&cut).await;
            let others = cluster.provinces.keys().filter(|region| !cut.contains(region));
            let others = others.copied().collect();
            steps.push(match cut.is_empty() {
                true => Step::Healed,
                false => Step::CutOff { regions: cut.into_iter().collect(), others },
            });
            Ok(())
        }
        Command::Tamper { region } => tamper(cluster, *region, &mut steps).await,
    };
    if let Err(error) = &done {
        steps.push(Step::Failed { why: format!("{error:#}") });
    }
    Answer { ok: done.is_ok(), steps }
}

/// What makes a command pointless: a province that is none of these, or is in that state already.
fn in_the_way(cluster: &Cluster, command: &Command) -> Option<Step> {
    let regions = match command {
        Command::Partition { regions } => regions.clone(),
        Command::Stop { region } | Command::Start { region } | Command::Tamper { region } => {
            vec![*region]
        }
    };
    if let Some(region) = regions.into_iter().find(|region| cluster.runs(*region).is_none()) {
        let known = cluster.provinces.keys().copied().collect();
        return Some(Step::NoProvince { region, known });
    }
    match command {
        Command::Stop { region } | Command::Tamper { region } => {
            let stopped = cluster.runs(*region) == Some(false);
            stopped.then_some(Step::StoppedAlready { region: *region })
        }
        Command::Start { region } => {
            let runs = cluster.runs(*region) == Some(true);
            runs.then_some(Step::RunsAlready { region: *region })
        }
        Command::Partition { .. } => None,
    }
}

/// Damages a node's blocks, shows that it will not start on them, keeps the damaged files, and
/// lets it fetch the ledger again from the others.
async fn tamper(
    cluster: &mut Cluster,
    region: Region,
    steps: &mut Vec<Step>,
) -> anyhow::Result<()> {
    cluster.stop_node(region).await?;
    let (path, offset) = cluster.damage_blocks(region)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    steps.push(Step::Damaged { region, file, offset });
    match cluster.start_node(region).await {
        Ok(()) => anyhow::bail!("{region} started on damaged blocks"),
        Err(error) => steps.push(Step::RefusedToStart { region, why: format!("{error:#}") }),
    }
    let folder = cluster.set_data_aside(region)?;
    steps.push(Step::Kept { region, folder });
    cluster.start_node(region).await?;
    let height = cluster.settle(SETTLE).await?;
    steps.push(Step::Fetched { region, height });
    Ok(())
}

/// Compares all nodes at the highest height that every one of them has.
async fn report(cluster: &Cluster, tally: &Tally) -> Report {
    let settled = cluster.settle(SETTLE).await;
    let running = cluster.running();
    let common = running.iter().map(|(_, service)| service.tip().height).min();
    let common = common.unwrap_or_default();
    let node = |(region, service): &(Region, Service)| {
        let tip = cluster::at_height(service, common)?;
        Some(NodeReport {
            region: *region,
            height: common,
            block_id: tip.block,
            log_root: tip.log_root,
            state_root: tip.state_root,
        })
    };
    let nodes: Vec<NodeReport> = running.iter().filter_map(node).collect();
    let same = nodes.windows(2).all(|pair| {
        let key = |n: &NodeReport| (n.block_id, n.log_root, n.state_root);
        matches!(pair, [a, b] if key(a) == key(b))
    });
    let times = tally.commit_ms(&[0.5, 0.99]);
    // To a tenth of a millisecond: more would be noise.
    let tenths = |ms: f64| (ms * 10.0).round() / 10.0;
    let time = |place: usize| times.get(place).copied().map(tenths).unwrap_or_default();
    Report {
        agreed: settled.is_ok() && same && !nodes.is_empty() && nodes.len() == running.len(),
        nodes,
        acts_applied: tally.applied.load(Ordering::Relaxed),
        acts_failed: tally.failed.load(Ordering::Relaxed),
        commit_ms: tally.has_times().then(|| CommitTimes { p50: time(0), p99: time(1) }),
        steps: Vec::new(),
        missed: None,
    }
}

fn drain(commands: &mut mpsc::Receiver<control::Request>) {
    commands.close();
    while commands.try_recv().is_ok() {}
}
