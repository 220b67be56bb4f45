//! What a run found. Times are in milliseconds and microseconds as their names say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::floor::Machine;
use super::{History, Times, Workload};

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Validators.
    pub validators: usize,
    /// What the acts were.
    pub workload: Workload,
    /// Acts in each transaction.
    pub acts_per_tx: usize,
    /// Acts a second that were due; none when saturated.
    pub rate: Option<u32>,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Acts committed, durable and answered in that time, a second.
    pub committed_acts_per_s: f64,
    /// Acts a second of the floor, the mean of before and after.
    pub floor_acts_per_s: f64,
    /// Committed by floor.
    pub efficiency: f64,
    /// Acts that were refused or got no outcome.
    pub failed_acts: u64,
    /// Acts that a node had no room for, and said so.
    pub busy_acts: u64,
    /// Acts that failed, by code.
    pub refusals: BTreeMap<String, u64>,
    /// Acts that waited at the end of an open load: it was more than the ledger takes.
    pub left_over_acts: u64,
    /// Acts that were acknowledged, at any time of the run, and are not in the block files of every
    /// validator after all were killed.
    pub lost_acts: u64,
    /// From when an act was due to the answer that it is durably committed.
    pub latency_ms: Times,
    /// Processor time of all validators.
    pub cpu_us_per_act: f64,
    /// Bytes that all validators wrote to storage, per act and validator.
    pub bytes_written_per_act: f64,
    /// Mean size of an act's share of its transaction.
    pub bytes_per_act: f64,
    /// Bytes written by bytes of an act.
    pub written_to_size: f64,
    /// Memory of the largest validator once it had started: what the history takes.
    pub rss_mb_start: f64,
    /// Peak memory of the largest validator up to the end of the load.
    pub rss_mb_load: f64,
    /// The same up to the end of an overload.
    pub rss_mb_max: f64,
    /// Blocks in the measured time.
    pub blocks: u64,
    /// Committed acts of each second, for a plot.
    pub acts_of_second: Vec<u64>,
    /// The machine, in the same run.
    pub machine: Machine,
    /// What was on the ledger before.
    pub history: Option<History>,
    /// What came of twice as much.
    pub overload: Option<Overload>,
    /// How fast one caught up that had lost everything.
    pub catch_up: Option<CatchUp>,
    /// Whether all validators ended with the same roots.
    pub agreed: bool,
}

/// What came of twice the acts that were taken before. Each is sent once.
#[derive(Clone, Debug, Serialize)]
pub struct Overload {
    /// Acts that were due, a second.
    pub offered_acts_per_s: f64,
    /// Acts committed, a second.
    pub committed_acts_per_s: f64,
    /// Acts committed a second afterwards, when no more came than was taken.
    pub recovered_acts_per_s: f64,
    /// Acts committed a second by the mean of what was committed before and after.
    pub of_most: f64,
    /// Acts that were sent, and of them
    pub sent_acts: u64,
    /// were applied,
    pub applied_acts: u64,
    /// were told to come again,
    pub busy_acts: u64,
    /// were refused or got no outcome.
    pub failed_acts: u64,
    /// Answers with status 429 that did not say when to come again.
    pub without_retry: u64,
    /// Acts that were due and not sent, since all connections waited.
    pub unsent_acts: u64,
    /// Acts that failed, by code.
    pub refusals: BTreeMap<String, u64>,
    /// Of the acts that were applied.
    pub latency_ms: Times,
    /// Peak memory of the largest validator before.
    pub rss_mb_before: f64,
    /// And after.
    pub rss_mb_after: f64,
}

/// How fast a validator that had lost everything caught up with the others, which idled.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CatchUp {
    /// Acts of the history.
    pub history_acts: u64,
    /// Seconds from its start until it had those; zero with no history.
    pub history_seconds: f64,
    /// Acts after the history.
    pub acts: u64,
    /// Seconds until it had those as well.
    pub seconds: f64,
    /// Acts after the history, a second.
    pub acts_per_s: f64,
    /// The same, by what the load committed.
    pub of_live: f64,
}
