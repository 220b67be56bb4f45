//! Faults of machines, networks, disks and clocks against real nodes.
//!
//! Every node is a `hefu run` in a process, a network namespace and a folder of its own; links go
//! through a switch of ours. Each scenario ends with the same block ids, log root and state root
//! on all nodes, with every act on all of them that a client was told is applied, and prints how
//! long recovery took. Nothing asserts a time: deadlines are generous, figures are for reading.
//!
//! One scenario runs at a time. What the machine does not allow (no root, no namespaces, no loop
//! devices) is named and counted as ignored, not as passed. Longer runs:
//! `HEFU_FAULTS_KILLS`, `HEFU_FAULTS_ACTS` and `HEFU_FAULTS_SEED`.

mod cluster;
mod founding;
#[path = "../e2e/harness/mod.rs"]
#[allow(dead_code)] // shared with the tests of commands, which use the rest of it
mod harness;
mod lab;
mod load;
mod scenario;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use lab::switch::{Link, Switch};
use lab::volume::Volume;
use scenario::disk::Trouble;
use scenario::leader::Away;
use scenario::{clock, disk, kills, leader, links, partition, report};

/// The next number of a seeded sequence (splitmix64).
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}"))
}

/// What this machine lets us do, or why not.
struct Allowed {
    netns: Result<(), String>,
    volume: Result<(), String>,
    clock: Result<std::path::PathBuf, String>,
}

impl Allowed {
    fn look() -> Self {
        let netns = Switch::new(1, Link::default(), 0).map(drop);
        let volume = netns.clone().and_then(|()| {
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            let made = Volume::new(&folder.path().join("image"), &folder.path().join("on"), 16);
            made.map(drop)
        });
        let clock = netns.clone().and_then(|()| {
            harness::faketime().ok_or_else(|| "libfaketime is not installed".to_owned())
        });
        Self { netns, volume, clock }
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(&Allowed::nothing())).exit_code();
    }
    let allowed = Allowed::look();
    for (name, refused) in [
        ("netns", allowed.netns.as_ref().err()),
        ("loop", allowed.volume.as_ref().err()),
        ("faketime", allowed.clock.as_ref().err()),
    ] {
        if let Some(reason) = refused {
            report(&format!("skipped: {name} ({reason})"));
        }
    }
    libtest_mimic::run(&arguments, trials(&allowed)).exit_code()
}

impl Allowed {
    /// For listing only.
    fn nothing() -> Self {
        let no = || "listing".to_owned();
        Self { netns: Err(no()), volume: Err(no()), clock: Err(no()) }
    }
}

fn trials(allowed: &Allowed) -> Vec<Trial> {
    let (kills, acts) = (setting("HEFU_FAULTS_KILLS", 20), setting("HEFU_FAULTS_ACTS", 20));
    let (kills, acts) = (kills as usize, acts as usize);
    let seed = setting("HEFU_FAULTS_SEED", hefu_node::runtime::wall_clock().0);
    let (netns, volume) = (allowed.netns.is_ok(), allowed.volume.is_ok());
    let library = allowed.clock.clone();
    let has_clock = library.is_ok();
    vec![
        trial("four_nodes_lose_one_percent", netns, move || {
            links::slow_and_lossy(4, 10, acts, seed);
        }),
        trial("four_nodes_lose_five_percent", netns, move || {
            links::slow_and_lossy(4, 50, acts, seed);
        }),
        trial("seven_nodes_lose_one_percent", netns, move || {
            links::slow_and_lossy(7, 10, acts, seed);
        }),
        trial("two_against_two", netns, move || partition::two_and_two(seed)),
        trial("leader_isolated", netns, move || {
            leader::lost(Away::Isolated, acts.div_ceil(10), seed);
        }),
        trial("leader_killed", netns, move || {
            leader::lost(Away::Killed, acts.div_ceil(10), seed);
        }),
        trial("kills_at_random", netns, move || kills::at_random(kills, seed)),
        trial("disk_full", volume, move || disk::trouble(Trouble::Full, seed)),
        trial("disk_broken", volume, move || disk::trouble(Trouble::Broken, seed)),
        trial("process_paused", netns, move || clock::pause(seed)),
        trial("clock_jumps", has_clock, move || {
            clock::jumps(&library.expect("only where it is installed"), seed);
        }),
    ]
}

fn trial(name: &str, is_allowed: bool, run: impl FnOnce() + Send + 'static) -> Trial {
    let run = move || {
        run();
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(!is_allowed)
}
