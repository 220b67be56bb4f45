//! What is measured: durations, and what Linux says of this process.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

/// Durations of each block, and the largest backlog.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) execute: Vec<Duration>,
    /// The part of `execute` that looks for used ids whose time is over.
    pub(crate) scan: Vec<Duration>,
    pub(crate) append: Vec<Duration>,
    /// Append and submit.
    pub(crate) commit: Vec<Duration>,
    pub(crate) lag_blocks: usize,
    pub(crate) lag_bytes: usize,
    /// From when a block was due to the end of its commit; meaningful at a rate.
    pub(crate) late: Duration,
}

impl Times {
    pub(crate) fn report(self, acts: u64, committed: Duration, rate: u64, usage: &Usage) -> Value {
        let seconds = usage.since.elapsed().as_secs_f64();
        json!({
            "acts": acts,
            "seconds": seconds,
            "acts_per_s": acts as f64 / seconds,
            "committed_per_s": acts as f64 / committed.as_secs_f64(),
            "commit_ms": distribution(self.commit),
            "append_ms": distribution(self.append),
            "execute_ms": distribution(self.execute),
            "scan_ms": distribution(self.scan),
            "late_max_ms": (rate > 0).then(|| millis(self.late)),
            "lag_max_blocks": self.lag_blocks,
            "lag_max_bytes": self.lag_bytes,
            "peak_rss_bytes": status_bytes("VmHWM:"),
            "peak_is_of_this_phase": usage.is_peak_reset,
            "end_rss_bytes": status_bytes("VmRSS:"),
            "cpu_s": cpu_seconds() - usage.cpu,
            "written_bytes": written_bytes().saturating_sub(usage.written),
            "load": [usage.load.as_str(), &load()],
        })
    }
}

fn distribution(mut times: Vec<Duration>) -> Value {
    times.sort();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied().map(millis)
    };
    json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0) })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

pub(crate) fn timed(action: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    action()?;
    Ok(began.elapsed())
}

/// What the process had used when a phase began.
pub(crate) struct Usage {
    pub(crate) since: Instant,
    cpu: f64,
    written: u64,
    load: String,
    is_peak_reset: bool,
}

impl Usage {
    pub(crate) fn start() -> Self {
        // Linux: the peak of resident memory counts from here.
        let is_peak_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let (cpu, written, load) = (cpu_seconds(), written_bytes(), load());
        Self { since: Instant::now(), cpu, written, load, is_peak_reset }
    }
}

pub(crate) fn status_bytes(field: &str) -> Option<u64> {
    number_after("/proc/self/status", field).map(|kib| kib * 1_024)
}

fn written_bytes() -> u64 {
    number_after("/proc/self/io", "write_bytes:").unwrap_or(0)
}

fn number_after(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time of all threads: the 14th and 15th field, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Load of the last minute, of all processes.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Bytes of all files in a folder and its subfolders. Files may vanish meanwhile.
pub(crate) fn disk_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(data) if data.is_dir() => disk_bytes(&entry.path())?,
            Ok(data) => data.len(),
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
