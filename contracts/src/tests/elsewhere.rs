//! The same blocks executed elsewhere: in other processes, under another locale, time zone, home,
//! hash seed and memory layout, from genesis in one go and with restarts in between. All roots are
//! the same.

use std::process::Command;

use hefu_primitives::SignedTransaction;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};

use super::transaction;
use crate::state::{MemoryState, is_proven};
use crate::testkit::Ledger;

/// Blocks of the history.
const BLOCKS: usize = 24;
/// Says that this process is to print its roots, and whether it restarts.
const ELSEWHERE: &str = "HEFU_TEST_ELSEWHERE";

/// The digest over everything that executing a fixed history gives: outcomes, events, writes and
/// the root of the authenticated map after each block.
fn history(restarts: bool) -> String {
    let mut ledger = Ledger::new();
    let mut map = map_of(&ledger.state);
    let (mut seed, mut digests) = (7usize, Vec::new());
    let mut draw = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for number in 0..BLOCKS {
        let steps = (0..4).map(|_| (draw(3), draw(5), draw(100))).collect::<Vec<_>>();
        let signed: Vec<SignedTransaction> =
            steps.into_iter().map(|step| transaction(&mut ledger, step)).collect();
        let done = ledger.block(&signed.iter().collect::<Vec<_>>());
        for (key, value) in &done.writes {
            digests.extend_from_slice(&hash(Domain::Digest, &[key]).0);
            digests.extend_from_slice(&hash(Domain::Digest, &[value.as_deref().unwrap_or(b"-")]).0);
        }
        digests.extend(done.outcomes.iter().flat_map(|outcome| outcome.to_bytes()));
        digests.extend(done.events.iter().flat_map(|event| event.to_bytes()));
        if restarts && number % 7 == 3 {
            ledger.state = reloaded(&ledger.state);
            map = map_of(&ledger.state);
        } else {
            let proven = done.writes.iter().filter(|(key, _)| is_proven(key));
            map.update(proven.map(|(key, value)| (path_of(key), value.as_deref().map(value_hash))));
        }
        digests.extend_from_slice(&map.root().0);
    }
    hash(Domain::Digest, &[&digests]).to_string()
}

/// What a store would give back, put together in another order.
fn reloaded(state: &MemoryState) -> MemoryState {
    let mut fresh = MemoryState::default();
    fresh.0.extend(state.0.iter().rev().map(|(key, value)| (key.clone(), value.clone())));
    fresh
}

/// The map built from the state alone, as a node does when it starts.
fn map_of(state: &MemoryState) -> AuthenticatedMap {
    let mut map = AuthenticatedMap::new();
    let proven = state.0.iter().filter(|(key, _)| is_proven(key));
    map.update(proven.map(|(key, value)| (path_of(key), Some(value_hash(value)))));
    map
}

/// What another process prints.
fn elsewhere(restarts: bool, environment: &[(&str, &str)]) -> String {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::elsewhere::the_same_blocks_give_the_same_roots", "--nocapture"])
        .env_clear()
        .envs(environment.iter().copied())
        .env(ELSEWHERE, if restarts { "restarts" } else { "goes on" })
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).unwrap();
    let line = printed.lines().find_map(|line| line.split_once("roots ")).map(|(_, roots)| roots);
    line.unwrap_or_else(|| panic!("no roots in {printed}")).to_owned()
}

#[test]
fn the_same_blocks_give_the_same_roots() {
    if let Some(how) = std::env::var_os(ELSEWHERE) {
        println!("\nroots {}", history(how == "restarts"));
        return;
    }
    let here = history(false);
    let turkish: &[(&str, &str)] = &[("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Pacific/Kiritimati")];
    let chinese = &[("LANG", "zh_CN.GB18030"), ("TZ", "America/St_Johns"), ("HOME", "/nowhere")];
    assert_eq!(history(true), here);
    assert_eq!(elsewhere(false, turkish), here);
    assert_eq!(elsewhere(true, chinese), here);
}
