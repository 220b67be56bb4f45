//! Whole networks on loopback: every rule in the module's head, with honest nodes (`honest`) and
//! with peers that keep to none (`hostile`, driven by `rogue`).

mod honest;
mod hostile;
mod rogue;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hefu_primitives::{ChainId, Region};
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const CHAIN: ChainId = ChainId([0xC1; 32]);

type Allowed = watch::Sender<BTreeSet<NodeKey>>;

/// A node under test.
struct Node {
    network: Network,
    events: NetworkEvents,
    seed: u8,
    /// Who is connected, as far as the events taken so far say.
    met: BTreeSet<NodeKey>,
}

fn secret(seed: u8) -> NodeSecret {
    NodeSecret::new([seed; 32])
}

fn key(seed: u8) -> NodeKey {
    secret(seed).key()
}

fn allow(seeds: &[u8]) -> Allowed {
    watch::Sender::new(seeds.iter().map(|seed| key(*seed)).collect())
}

/// Two seeds, the one with the smaller key first: that node decides between crossing dials.
fn ordered(a: u8, b: u8) -> (u8, u8) {
    if key(a) < key(b) { (a, b) } else { (b, a) }
}

/// Patient where the machine may be slow, quick where tests would wait.
fn limits() -> Limits {
    Limits {
        retry_cap: Duration::from_millis(400),
        refused_retry: Duration::from_secs(60),
        heartbeat: Duration::from_millis(500),
        silence: Duration::from_secs(10),
        ..Limits::default()
    }
}

fn config(seed: u8, peers: &[(u8, SocketAddr)]) -> NetworkConfig {
    NetworkConfig {
        secret: secret(seed),
        listen: ([127, 0, 0, 1], 0).into(),
        peers: peers.iter().map(|(seed, at)| (key(*seed), vec![(*at).into()])).collect(),
        chain: CHAIN,
        region: Region(310_000 + u32::from(seed)),
        limits: limits(),
    }
}

impl Node {
    async fn start(config: NetworkConfig, seed: u8, allowed: &Allowed) -> Self {
        let (network, events) = Network::start(config, allowed.subscribe()).await.unwrap();
        Self { network, events, seed, met: BTreeSet::new() }
    }

    fn key(&self) -> NodeKey {
        key(self.seed)
    }

    fn address(&self) -> SocketAddr {
        self.network.listen_addrs()[0]
    }

    fn at(&self) -> (u8, SocketAddr) {
        (self.seed, self.address())
    }

    async fn next(&mut self) -> NetworkEvent {
        let event = timeout(PATIENCE, self.events.recv()).await.expect("an event in time");
        let event = event.expect("a running network");
        match &event {
            NetworkEvent::Connected { peer, .. } => assert!(self.met.insert(*peer)),
            NetworkEvent::Disconnected { peer } => assert!(self.met.remove(peer)),
            // A link is told of before anything that comes over it.
            NetworkEvent::Message { from, .. } | NetworkEvent::Request { from, .. } => {
                assert!(self.met.contains(from));
            }
            NetworkEvent::Refused { .. } => {}
        }
        event
    }

    /// Waits for the first event that `pick` accepts; others are dropped.
    async fn wait<T>(&mut self, pick: impl Fn(NetworkEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await) {
                return found;
            }
        }
    }

    /// Waits until the peer is connected; other events are dropped.
    async fn connected(&mut self, seed: u8) {
        while !self.met.contains(&key(seed)) {
            self.next().await;
        }
    }

    /// Waits until the peer is not connected; other events are dropped.
    async fn disconnected(&mut self, seed: u8) {
        while self.met.contains(&key(seed)) {
            self.next().await;
        }
    }

    async fn refused(&mut self) -> (Option<NodeKey>, Refusal) {
        self.wait(|event| match event {
            NetworkEvent::Refused { peer, reason } => Some((peer, reason)),
            _ => None,
        })
        .await
    }

    async fn message(&mut self) -> (NodeKey, Channel, Vec<u8>) {
        self.wait(|event| match event {
            NetworkEvent::Message { from, channel, bytes } => Some((from, channel, bytes)),
            _ => None,
        })
        .await
    }

    fn info(&self, seed: u8) -> PeerInfo {
        self.network.peers().into_iter().find(|peer| peer.key == key(seed)).expect("registered")
    }
}

/// Checks again until it holds, giving way in between; for states that have no event.
async fn eventually(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("to hold in time");
}
