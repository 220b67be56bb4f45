//! A clock that jumps or stands still, and a machine that stops for a while.
//!
//! The clock of one process is moved with libfaketime: a time namespace does not shift the wall
//! clock. Its monotonic clock goes on as it should, as on a machine whose clock is set.

use std::path::Path;
use std::time::{Duration, Instant};

use hefu_node::runtime::wall_clock;

use super::{CITY, busy, finish, report, secs, wait_told};
use crate::cluster::Cluster;
use crate::harness::cli::signal;

/// Whose clock it is.
const NODE: usize = 1;
/// How long a process is paused: longer than links bear silence.
const PAUSE: Duration = Duration::from_secs(7);
/// How far the time of a block may be ahead of any true clock, in milliseconds: the ledger's
/// parameter.
const AHEAD_MS: u64 = 2_000;

/// One node's clock is an hour ahead, an hour behind, stands still, and is right again.
pub(crate) fn jumps(library: &Path, seed: u64) {
    let mut cluster = Cluster::found("clock", 4, CITY, seed);
    let setting = cluster.scratch.join("clock");
    set(&setting, "+0");
    cluster.machines[NODE].variables = vec![
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAKETIME_TIMESTAMP_FILE", setting.to_string_lossy().into_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    cluster.start_all();
    let load = busy(&cluster);
    wait_told(&load, 12);
    for (what, offset) in
        [("ahead", "+3600"), ("behind", "-3600"), ("still", "2026-01-01 00:00:00"), ("right", "+0")]
    {
        set(&setting, offset);
        let began = Instant::now();
        // Two turns of every node, so that the one with the wrong clock had its own.
        let goal = cluster.top() + 8;
        let others = (0..4).filter(|node| *node != NODE);
        others.for_each(|node| wait(&cluster, node, goal));
        report(&format!("clock {what}: eight more blocks in {}", secs(began.elapsed())));
        let block = cluster.doors.block(0, goal).expect("a block");
        let time = block["block_time_ms"].as_str().and_then(|time| time.parse().ok());
        let time: u64 = time.expect("a time");
        assert!(time <= wall_clock().0 + AHEAD_MS, "a block from the future: {block}");
    }
    let recovery = cluster.wait_whole();
    let (told, said) = finish(&mut cluster, load);
    report(&format!(
        "clock right again: whole {} later; {} acts at height {}",
        secs(recovery),
        told.len(),
        said.height
    ));
}

fn set(setting: &Path, offset: &str) {
    // The library must never see half a setting.
    let new = setting.with_extension("new");
    std::fs::write(&new, format!("{offset}\n")).expect("a file");
    std::fs::rename(&new, setting).expect("a file");
}

fn wait(cluster: &Cluster, node: usize, height: u64) {
    crate::harness::wait_for(&format!("node {node} at {height}"), crate::cluster::HEAL, || {
        cluster.doors.height(node).filter(|at| *at >= height)
    });
}

/// A whole process stops, its monotonic clock too as far as it can tell, and goes on.
pub(crate) fn pause(seed: u64) {
    let mut cluster = Cluster::start("pause", 4, CITY, seed);
    let load = busy(&cluster);
    wait_told(&load, 12);
    let process = cluster.process(NODE).id();
    signal("STOP", process);
    let began = Instant::now();
    let goal = cluster.top() + 8;
    (0..4).filter(|node| *node != NODE).for_each(|node| wait(&cluster, node, goal));
    std::thread::sleep(PAUSE.saturating_sub(began.elapsed()));
    signal("CONT", process);
    let recovery = cluster.wait_whole();
    let (told, said) = finish(&mut cluster, load);
    report(&format!(
        "paused for {}: whole {} later; {} acts at height {}",
        secs(PAUSE),
        secs(recovery),
        told.len(),
        said.height,
    ));
}
