//! Slow links that lose packets.

use std::time::Duration;

use super::{COUNTRY, finish, ms, report, wait_told};
use crate::cluster::Cluster;
use crate::lab::switch::Link;
use crate::load::{Acknowledged, Client, Load, quantile};
use crate::next_random;

/// Acts before anything is measured.
const WARM: usize = 3;
/// Pause between two acts at light load: longer than a commit and the votes that come after it.
const LIGHT: Duration = Duration::from_millis(150);

/// `loss` in thousandths; `acts` one after the other, then as many under load.
pub(crate) fn slow_and_lossy(nodes: usize, loss: u32, acts: usize, seed: u64) {
    let link = Link { loss, ..COUNTRY };
    let mut cluster = Cluster::start("links", nodes, link, seed);
    let mut random = seed;
    let mut told = light(&cluster, WARM, &mut random);
    let quiet = light(&cluster, acts, &mut random);
    let load = Load::start(&cluster.doors, &cluster.founding, 2 * nodes, Duration::ZERO);
    wait_told(&load, acts);
    let busy = load.stop();
    let (from_leader, from_others): (Vec<_>, Vec<_>) =
        quiet.iter().cloned().partition(|act| cluster.leader(act.height) == act.node);
    let again = quiet.iter().chain(&busy).filter(|act| round_of(&cluster, act) > 0).count();
    report(&format!(
        "{nodes} nodes, 20 ± 5 ms, {} % loss: light load p50 {} p99 {} ({} acts; sent to the \
         leader p50 {}, to others p50 {}); {} clients p50 {} p99 {} ({} acts); {again} in a later \
         round",
        f64::from(loss) / 10.0,
        ms(quantile(&quiet, 0.5)),
        ms(quantile(&quiet, 0.99)),
        quiet.len(),
        ms(quantile(&from_leader, 0.5)),
        ms(quantile(&from_others, 0.5)),
        2 * nodes,
        ms(quantile(&busy, 0.5)),
        ms(quantile(&busy, 0.99)),
        busy.len(),
    ));
    told.extend(quiet);
    told.extend(busy);
    let load = Load::start(&cluster.doors, &cluster.founding, 0, LIGHT);
    cluster.assert_intact(&told);
    finish(&mut cluster, load);
}

/// One act at a time, each to any node.
fn light(cluster: &Cluster, acts: usize, random: &mut u64) -> Vec<Acknowledged> {
    let mut client = Client::new(&cluster.doors, &cluster.founding, 0);
    let mut told = Vec::new();
    for _ in 0..acts {
        let node = next_random(random) % cluster.doors.len() as u64;
        let answer = client.send_new(node as usize);
        told.push(answer.expect("nobody is away: the outcome comes"));
        std::thread::sleep(LIGHT);
    }
    told
}

fn round_of(cluster: &Cluster, act: &Acknowledged) -> u64 {
    let block = cluster.doors.block(act.node, act.height).expect("a block it told of");
    let round = &block["header"]["round"];
    round.as_u64().or_else(|| round.as_str()?.parse().ok()).expect("a round")
}
