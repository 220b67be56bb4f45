//! Sending what a run sends, and counting what becomes of it.
//!
//! Each validator has a few lanes: connections that send a request of some transactions and wait
//! until all of them are committed. A saturating load always has the next request ready; an open
//! load hands over what has become due, and what waits for a free lane waits on the clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hefu_primitives::SignedTransaction;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::nodes::{Nodes, Used};
use super::work::Work;

/// Requests under way at each validator.
pub(super) const LANES: usize = 8;
/// Most requests under way in all, when more comes than can be taken.
const MOST_LANES: usize = 512;
/// Transactions of a request that prepares a load.
const PREPARING: usize = 16;
/// Most acts in a request, but one transaction.
const MOST: usize = 256;
/// How often an open load hands over what has become due.
const TICK: Duration = Duration::from_millis(1);
/// How often a lane looks whether the load is over, if nobody tells it.
const LOOKING: Duration = Duration::from_secs(1);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Quantiles of times, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Times {
    /// Of times in microseconds, each with how many acts it is the time of.
    fn of(mut micros: Vec<(u64, u64)>) -> Self {
        micros.sort_unstable();
        let all: u64 = micros.iter().map(|(_, acts)| acts).sum();
        let at = |quantile: f64| {
            let place = (all.saturating_sub(1) as f64 * quantile).round() as u64;
            let mut before = 0;
            let found = micros.iter().find(|(_, acts)| {
                before += acts;
                before > place
            });
            found.map_or(0.0, |(micros, _)| *micros as f64 / 1e3)
        };
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1.0) }
    }
}

/// When and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
    pub(super) rate: Option<u32>,
    /// Requests under way at each validator.
    pub(super) lanes: usize,
    /// Whether an open load fills its requests as a saturated one does, rather than send each act
    /// when it is due: so that both ask the same of a node for an act.
    pub(super) full: bool,
}

impl Plan {
    /// Transactions that must be due for a request of at most so many.
    fn least(&self, most: usize) -> usize {
        if self.full { most } else { 1 }
    }
}

/// Most transactions in a request.
fn most_in_request(work: &Work) -> usize {
    (MOST / work.acts_per_tx()).max(1)
}

/// Requests under way at each of so many validators, so that they and not the clients say no.
pub(super) fn many_lanes(validators: usize) -> usize {
    (MOST_LANES / validators.max(1)).clamp(LANES, 64)
}

/// What came of a load in the measured time.
pub(super) struct Loaded {
    pub(super) acts: u64,
    pub(super) failed: u64,
    /// Acts that the nodes had no room for and said so.
    pub(super) busy: u64,
    /// Answers that said so without saying when to try again.
    pub(super) without_retry: u64,
    /// Acts that did not apply, by code.
    pub(super) refusals: BTreeMap<String, u64>,
    /// Acts that were answered at all, also before and after the measured time.
    pub(super) answered: u64,
    /// The transactions that were acknowledged as applied, at any time.
    pub(super) acknowledged: Vec<usize>,
    pub(super) left_over: u64,
    pub(super) seconds: f64,
    pub(super) latency_ms: Times,
    pub(super) used: Used,
    pub(super) blocks: u64,
    pub(super) acts_of_second: Vec<u64>,
}

/// What a node told of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Applied,
    /// There was no room for it.
    Busy,
    /// Refused, or without an outcome.
    Failed(String),
}

/// One answered request: what was told of each transaction, and when it was due.
struct Answered {
    of: Vec<(usize, Instant, Told)>,
    at: Instant,
    without_retry: bool,
}

/// Transactions that are due and on no lane yet.
#[derive(Default)]
struct Due {
    waiting: Mutex<VecDeque<(usize, Instant)>>,
    came: Condvar,
}

/// Sends everything once, a part to each validator in turn, and gives the height at which all is
/// there.
pub(super) fn send_all(nodes: &Nodes, transactions: &[SignedTransaction]) -> anyhow::Result<u64> {
    let (apis, next) = (nodes.apis(), AtomicUsize::new(0));
    let parts: Vec<_> = transactions.chunks(PREPARING).collect();
    let lane = |api: SocketAddr| {
        let agent = agent();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (told, _) = send(&agent, api, &part.iter().collect::<Vec<_>>())?;
            let other = told.iter().find(|told| **told != Told::Applied);
            anyhow::ensure!(other.is_none(), "of what prepares the load: {other:?}");
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = apis.iter().map(|api| scope.spawn(|| lane(*api))).collect();
        lanes
            .into_iter()
            .try_for_each(|lane| lane.join().map_err(|_| anyhow::anyhow!("a lane failed"))?)
    })?;
    nodes.height()
}

pub(super) fn run(
    nodes: &Nodes,
    work: &Work,
    plan: Plan,
    tell: &(dyn Fn(Stage) + Sync),
) -> anyhow::Result<Loaded> {
    let (apis, per_tx) = (nodes.apis(), work.acts_per_tx() as u64);
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (committed, due) = (AtomicU64::new(0), Due::default());
    let began = Instant::now();
    let from = began + plan.warm_up;
    let until = from + plan.measured;
    let lane = |api: SocketAddr| {
        let (agent, mut answered) = (agent(), Vec::new());
        while let Some(request) = next_request(work, plan, &next, &due, &over) {
            let answer = ask(&agent, api, work, request);
            let applied = answer.of.iter().filter(|(_, _, told)| *told == Told::Applied).count();
            committed.fetch_add(applied as u64 * per_tx, Ordering::Relaxed);
            answered.push(answer);
        }
        answered
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..plan.lanes)
            .flat_map(|_| &apis)
            .map(|api| {
                let lane = &lane;
                scope.spawn(move || lane(*api))
            })
            .collect();
        let mut watch = Watch { nodes, plan, began, from, until, next: &next, due: &due, sent: 0 };
        let watched = watch.run(work, &committed, tell);
        over.store(true, Ordering::Relaxed);
        due.came.notify_all();
        let mut answered = Vec::new();
        for lane in lanes {
            answered.extend(lane.join().map_err(|_| anyhow::anyhow!("a lane failed"))?);
        }
        let (until, used, blocks, left_over) = watched?;
        let mut loaded = count(&answered, from, until, per_tx);
        (loaded.used, loaded.blocks, loaded.left_over) = (used, blocks, left_over * per_tx);
        Ok(loaded)
    })
}

/// What a lane sends next; nothing when the load is over.
fn next_request(
    work: &Work,
    plan: Plan,
    next: &AtomicUsize,
    due: &Due,
    over: &AtomicBool,
) -> Option<Vec<(usize, Instant)>> {
    let most = most_in_request(work);
    if over.load(Ordering::Relaxed) {
        return None;
    }
    if plan.rate.is_none() {
        let first = next.fetch_add(most, Ordering::Relaxed);
        let last = (first + most).min(work.transactions().len());
        let now = Instant::now();
        return (first < last).then(|| (first..last).map(|number| (number, now)).collect());
    }
    let least = plan.least(most);
    let mut waiting = due.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    while waiting.len() < least {
        if over.load(Ordering::Relaxed) {
            return None;
        }
        let waited = due.came.wait_timeout(waiting, LOOKING);
        waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let count = waiting.len().min(most);
    Some(waiting.drain(..count).collect())
}

/// Keeps the time of a run.
struct Watch<'a> {
    nodes: &'a Nodes,
    plan: Plan,
    began: Instant,
    from: Instant,
    until: Instant,
    /// Transactions that a saturating load has taken.
    next: &'a AtomicUsize,
    due: &'a Due,
    sent: usize,
}

impl Watch<'_> {
    /// When the measured time was over, what the validators used and made in it, and what waited
    /// at its end.
    fn run(
        &mut self,
        work: &Work,
        committed: &AtomicU64,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<(Instant, Used, u64, u64)> {
        self.pass(self.from, work, committed, tell);
        let (used, height) = (self.nodes.used()?, self.nodes.height()?);
        self.pass(self.until, work, committed, tell);
        let until = Instant::now().min(self.until);
        anyhow::ensure!(until > self.from, "what was signed for the load was sent before it");
        let used = self.nodes.used()? - used;
        let blocks = self.nodes.height()?.saturating_sub(height);
        let left = self.due.waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
        Ok((until, used, blocks, left as u64))
    }

    /// Hands over what becomes due until a time, or the end of all that was signed.
    fn pass(
        &mut self,
        until: Instant,
        work: &Work,
        committed: &AtomicU64,
        tell: &(dyn Fn(Stage) + Sync),
    ) {
        let mut told = Instant::now();
        while Instant::now() < until && !self.has_sent(work) {
            if let Some(rate) = self.plan.rate {
                self.hand_over(f64::from(rate) / work.acts_per_tx() as f64, work);
            }
            if told.elapsed() > Duration::from_millis(500) {
                told = Instant::now();
                tell(Stage::Loading(committed.load(Ordering::Relaxed)));
            }
            std::thread::sleep(TICK);
        }
    }

    fn has_sent(&self, work: &Work) -> bool {
        self.next.load(Ordering::Relaxed).max(self.sent) >= work.transactions().len()
    }

    fn hand_over(&mut self, per_second: f64, work: &Work) {
        let due = (self.began.elapsed().as_secs_f64() * per_second) as usize;
        let due = due.min(work.transactions().len());
        let mut waiting = self.due.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for number in self.sent..due {
            let at = Duration::from_secs_f64(number as f64 / per_second);
            waiting.push_back((number, self.began + at));
        }
        self.sent = self.sent.max(due);
        let requests = waiting.len() / self.plan.least(most_in_request(work));
        drop(waiting);
        // A lane for each at most: every thread that wakes for nothing takes time from the nodes.
        for _ in 0..requests.min(self.plan.lanes * self.nodes.apis().len()) {
            self.due.came.notify_one();
        }
    }
}

fn count(answered: &[Answered], from: Instant, until: Instant, per_tx: u64) -> Loaded {
    let seconds = until.duration_since(from).as_secs_f64();
    let mut loaded = Loaded {
        acts: 0,
        failed: 0,
        busy: 0,
        without_retry: 0,
        refusals: BTreeMap::new(),
        answered: 0,
        acknowledged: Vec::new(),
        left_over: 0,
        seconds,
        latency_ms: Times::default(),
        used: Used::default(),
        blocks: 0,
        acts_of_second: vec![0; seconds.ceil() as usize],
    };
    let mut micros = Vec::new();
    for answer in answered {
        let is_measured = answer.at >= from && answer.at < until;
        let second = answer.at.saturating_duration_since(from).as_secs() as usize;
        loaded.without_retry += u64::from(answer.without_retry);
        for (number, due, told) in &answer.of {
            loaded.answered += per_tx;
            match told {
                Told::Applied => loaded.acknowledged.push(*number),
                Told::Busy => loaded.busy += per_tx,
                Told::Failed(code) => {
                    loaded.failed += per_tx;
                    *loaded.refusals.entry(code.clone()).or_default() += per_tx;
                }
            }
            if is_measured && *told == Told::Applied {
                loaded.acts += per_tx;
                if let Some(of_second) = loaded.acts_of_second.get_mut(second) {
                    *of_second += per_tx;
                }
                micros.push((answer.at.duration_since(*due).as_micros() as u64, per_tx));
            }
        }
    }
    loaded.latency_ms = Times::of(micros);
    loaded
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build();
    config.into()
}

/// Sends what is due and waits for what becomes of it.
fn ask(
    agent: &ureq::Agent,
    api: SocketAddr,
    work: &Work,
    request: Vec<(usize, Instant)>,
) -> Answered {
    let transactions: Vec<_> =
        request.iter().filter_map(|(number, _)| work.transactions().get(*number)).collect();
    // A request without an answer counts as failed, and its node may have ended.
    let unanswered = |_| (vec![Told::Failed("unanswered".to_owned()); request.len()], false);
    let (told, without_retry) = send(agent, api, &transactions).unwrap_or_else(unanswered);
    let of = request.iter().zip(told).map(|((number, due), told)| (*number, *due, told));
    Answered { of: of.collect(), at: Instant::now(), without_retry }
}

/// What an answer says of the transactions of a request.
#[derive(Deserialize)]
struct Many<'a> {
    #[serde(borrow)]
    items: Vec<OfMany<'a>>,
}

#[derive(Deserialize)]
struct OfMany<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

impl OfMany<'_> {
    fn told(self) -> Told {
        match (self.status.as_ref(), self.code) {
            ("applied", _) => Told::Applied,
            (_, Some(code)) if code == "api.busy" => Told::Busy,
            (status, code) => Told::Failed(code.map_or(status.to_owned(), Cow::into_owned)),
        }
    }
}

/// What is told of each, and whether it was told to try again without being told when.
fn send(
    agent: &ureq::Agent,
    api: SocketAddr,
    transactions: &[&SignedTransaction],
) -> anyhow::Result<(Vec<Told>, bool)> {
    let body: Vec<u8> = transactions.iter().flat_map(|tx| tx.as_bytes()).copied().collect();
    let request = agent.post(format!("http://{api}/api/v1/transactions/many?timeout_ms=60000"));
    let mut answer = request.header("content-type", "application/cbor-seq").send(&body[..])?;
    if answer.status() == 429 {
        let without_retry = !answer.headers().contains_key("retry-after");
        return Ok((vec![Told::Busy; transactions.len()], without_retry));
    }
    let text = answer.body_mut().read_to_string()?;
    let many: Many<'_> = serde_json::from_str(&text)?;
    anyhow::ensure!(many.items.len() == transactions.len(), "an answer of another length");
    Ok((many.items.into_iter().map(OfMany::told).collect(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_count_acts() {
        let times = Times::of(vec![(4_000, 1), (1_000, 98), (9_000, 1)]);
        assert_eq!(times, Times { p50: 1.0, p90: 1.0, p99: 4.0, max: 9.0 });
        assert_eq!(Times::of(Vec::new()), Times::default());
    }

    #[test]
    fn a_node_without_room_is_not_one_that_refuses() {
        let told = |text: &str| serde_json::from_str::<OfMany<'_>>(text).unwrap().told();
        assert_eq!(told(r#"{"tx":"00","status":"applied","height":"3"}"#), Told::Applied);
        assert_eq!(told(r#"{"status":"unknown","code":"api.busy"}"#), Told::Busy);
        assert_eq!(told(r#"{"status":"refused","code":"E320"}"#), Told::Failed("E320".into()));
        assert_eq!(told(r#"{"status":"unknown"}"#), Told::Failed("unknown".into()));
    }

    #[test]
    fn only_the_measured_time_counts_and_an_act_is_late_from_when_it_was_due() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let answer = |due: u64, done: u64, applied| {
            let told = |place| match place {
                place if place < applied => Told::Applied,
                _ => Told::Failed("E1".to_owned()),
            };
            let of = (0..2).map(|place| (place, at(due), told(place))).collect();
            Answered { of, at: at(done), without_retry: false }
        };
        let answers = [
            answer(0, 900, 2),
            answer(500, 1_500, 2),
            answer(1_000, 2_500, 1),
            answer(0, 3_000, 2),
        ];
        let loaded = count(&answers, at(1_000), at(3_000), 10);
        assert_eq!((loaded.acts, loaded.failed, loaded.busy), (30, 10, 0));
        assert_eq!((loaded.answered, loaded.acknowledged.len()), (80, 7));
        assert_eq!(loaded.refusals, BTreeMap::from([("E1".to_owned(), 10)]));
        assert_eq!(loaded.acts_of_second, [20, 10]);
        assert_eq!((loaded.latency_ms.p50, loaded.latency_ms.max), (1_000.0, 1_500.0));
    }
}
