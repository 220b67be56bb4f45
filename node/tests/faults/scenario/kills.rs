//! `kill -9` at moments nobody chose.

use std::time::{Duration, Instant};

use super::{CITY, busy, finish, report, secs, wait_told};
use crate::cluster::Cluster;
use crate::next_random;

/// Longest time a node runs before it is killed, in milliseconds. Short enough that many are
/// killed while they start.
const LONGEST_MS: u64 = 1_200;

/// Kills one node after the other (sometimes two, seldom all) under load, `kills` in all.
pub(crate) fn at_random(kills: usize, seed: u64) {
    let mut cluster = Cluster::start("kills", 4, CITY, seed);
    let load = busy(&cluster);
    wait_told(&load, 8);
    let (mut random, mut left, mut slowest) = (seed, kills, Duration::ZERO);
    while left > 0 {
        std::thread::sleep(Duration::from_millis(next_random(&mut random) % LONGEST_MS));
        let together = match next_random(&mut random) % 20 {
            0 => 4,
            1..=3 => 2,
            _ => 1,
        };
        let first = (next_random(&mut random) % 4) as usize;
        let dead: Vec<usize> = (0..together.min(left)).map(|next| (first + next) % 4).collect();
        left -= dead.len();
        dead.iter().for_each(|node| cluster.kill(*node));
        dead.iter().for_each(|node| cluster.begin(*node));
        // Every other time the next kill does not wait until the node is back.
        if next_random(&mut random).is_multiple_of(2) {
            let began = Instant::now();
            dead.iter().for_each(|node| cluster.wait_ready(*node));
            cluster.wait_whole();
            slowest = slowest.max(began.elapsed());
        }
    }
    (0..4).for_each(|node| cluster.wait_ready(node));
    let recovery = cluster.wait_whole();
    let (told, said) = finish(&mut cluster, load);
    assert!(told.len() > kills, "{} acts during {kills} kills", told.len());
    report(&format!(
        "{kills} kills (seed {seed}): {} acts at height {}; whole {} after the last, at worst {}",
        told.len(),
        said.height,
        secs(recovery),
        secs(slowest),
    ));
}
