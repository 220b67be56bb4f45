//! One fault each: what is done to the network, and what must be true afterwards.

pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod kills;
pub(crate) mod leader;
pub(crate) mod links;
pub(crate) mod partition;

use std::io::Write;
use std::time::Duration;

use crate::cluster::{Cluster, HEAL, Said};
use crate::harness::wait_for;
use crate::lab::switch::Link;
use crate::load::{Acknowledged, Load};

/// Links across a country: 20 ms each way, give or take 5.
pub(crate) const COUNTRY: Link = Link::new(20, 5, 0);
/// Links within a city, for faults that have nothing to do with distance.
pub(crate) const CITY: Link = Link::new(1, 0, 0);
/// Pause of a client between an answer and its next act.
const PAUSE: Duration = Duration::from_millis(30);

/// Says what was seen, past the capturing of output.
pub(crate) fn report(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "\n    {line}");
}

pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1_000.0)
}

pub(crate) fn secs(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Clients enough to keep every height busy.
fn busy(cluster: &Cluster) -> Load {
    Load::start(&cluster.doors, &cluster.founding, cluster.doors.len(), PAUSE)
}

/// Waits until clients were told of so many more acts.
fn wait_told(load: &Load, more: usize) {
    let goal = load.count() + more;
    wait_for(&format!("{goal} acts"), HEAL, || (load.count() >= goal).then_some(()));
}

/// The end of every scenario: no client is left, every node has the same, and nothing is lost.
fn finish(cluster: &mut Cluster, load: Load) -> (Vec<Acknowledged>, Said) {
    let told = load.stop();
    let said = cluster.assert_intact(&told);
    cluster.stop();
    (told, said)
}
