//! The node whose turn it is goes away: others wait for it once, and then decide without it.

use std::time::Duration;

use super::{COUNTRY, report, secs};
use crate::cluster::Cluster;
use crate::load::Client;

/// How the leader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Its links are cut; it does not know.
    Isolated,
    /// `kill -9`.
    Killed,
}

/// Takes the leader of the next height away `times` times, and prints how long an act sent right
/// then took.
pub(crate) fn lost(away: Away, times: usize, seed: u64) {
    let mut cluster = Cluster::start("leader", 4, COUNTRY, seed);
    let mut client = Client::new(&cluster.doors, &cluster.founding, 0);
    let (mut told, mut waits, mut backs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..=times {
        told.push(client.send_new(number % 4).expect("all nodes are there"));
        let height = cluster.top();
        cluster.wait_height(height);
        if number == times {
            break;
        }
        let leader = cluster.leader(height + 1);
        match away {
            Away::Isolated => cluster.switch.cut(&[leader]),
            Away::Killed => cluster.kill(leader),
        }
        let answer = client.send_new((leader + 1) % 4).expect("three of four go on");
        waits.push(answer.took);
        told.push(answer);
        match away {
            Away::Isolated => cluster.switch.cut(&[]),
            Away::Killed => cluster.begin(leader),
        }
        cluster.wait_ready(leader);
        backs.push(cluster.wait_height(cluster.top()));
    }
    cluster.assert_intact(&told);
    cluster.stop();
    report(&format!(
        "leader {away:?}: the next block after {} (worst of {times}); the leader is back {} \
         after its return",
        secs(waits.iter().max().copied().unwrap_or_default()),
        secs(backs.iter().max().copied().unwrap_or(Duration::ZERO)),
    ));
}
