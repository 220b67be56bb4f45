//! Two halves that cannot reach each other: neither may go on, and neither may have gone astray.

use std::time::{Duration, Instant};

use super::{CITY, busy, finish, report, secs, wait_told};
use crate::cluster::{Cluster, HEAL};
use crate::harness::wait_for;

/// How long nothing may be decided. Longer than the timeouts of two rounds.
const CUT: Duration = Duration::from_secs(6);
/// How long heights must have stood still before that: what was on its way has come.
const CALM: Duration = Duration::from_secs(2);

pub(crate) fn two_and_two(seed: u64) {
    let mut cluster = Cluster::start("partition", 4, CITY, seed);
    let load = busy(&cluster);
    wait_told(&load, 20);
    cluster.switch.cut(&[0, 1]);
    wait_calm(&cluster);
    let before = tips(&cluster);
    let began = Instant::now();
    while began.elapsed() < CUT {
        let now = tips(&cluster);
        assert_eq!(now, before, "a half without a quorum has decided something");
        std::thread::sleep(Duration::from_millis(100));
    }
    cluster.switch.cut(&[]);
    let recovery = cluster.wait_whole();
    wait_told(&load, 20);
    // What either half ended with is in the one ledger.
    for (height, id) in &before {
        for node in cluster.running() {
            let block = cluster.doors.block(node, *height).expect("a block before the cut");
            assert_eq!(block["block_id"], id.as_str(), "node {node} at {height}");
        }
    }
    let (told, said) = finish(&mut cluster, load);
    report(&format!(
        "2|2: nothing decided for {}; whole {} after healing; {} acts at height {}",
        secs(CUT),
        secs(recovery),
        told.len(),
        said.height,
    ));
}

/// Height and block id of each node's last block.
fn tips(cluster: &Cluster) -> Vec<(u64, String)> {
    let tip = |node| {
        let height = cluster.doors.height(node).expect("a node that is cut off still answers");
        let block = cluster.doors.block(node, height).expect("its own last block");
        (height, block["block_id"].as_str().expect("an id").to_owned())
    };
    cluster.running().into_iter().map(tip).collect()
}

fn wait_calm(cluster: &Cluster) {
    let mut last = (tips(cluster), Instant::now());
    wait_for("both halves stand still", HEAL, || {
        let now = tips(cluster);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() >= CALM).then_some(())
    });
}
