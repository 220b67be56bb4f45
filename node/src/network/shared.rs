//! What the handle, the driver and the links share: who this node is, who may connect, the peers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use libp2p::swarm::ConnectionId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::config::Limits;
use super::control::Hello;
use super::events::{EventSender, Refusal};
use super::key::NodeKey;
use super::link::LinkEnd;
use super::lock;
use super::peer::{Line, Peer};
use super::score::Violation;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) key: NodeKey,
    pub(crate) hello: Hello,
    pub(crate) limits: Limits,
    pub(crate) allowed: watch::Receiver<BTreeSet<NodeKey>>,
    pub(crate) partition: Mutex<BTreeSet<NodeKey>>,
    pub(crate) peers: Mutex<BTreeMap<NodeKey, Arc<Peer>>>,
    pub(crate) listening: Mutex<Vec<SocketAddr>>,
}

impl Shared {
    /// Whether a connection to the peer may exist now.
    pub(crate) fn admit(&self, key: &NodeKey) -> Result<(), Refusal> {
        if *key == self.key || !self.allowed.borrow().contains(key) {
            return Err(Refusal::Unregistered);
        }
        if lock(&self.partition).contains(key) {
            return Err(Refusal::Partitioned);
        }
        let banned = self.peer(key).and_then(|peer| peer.score().banned_for(Instant::now()));
        match banned {
            Some(remaining) => Err(Refusal::Banned { remaining }),
            None => Ok(()),
        }
    }

    pub(crate) fn peer(&self, key: &NodeKey) -> Option<Arc<Peer>> {
        lock(&self.peers).get(key).cloned()
    }

    /// The peers there are now; no lock is held while they are used.
    pub(crate) fn all_peers(&self) -> Vec<Arc<Peer>> {
        lock(&self.peers).values().cloned().collect()
    }
}

/// What a link works with.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) events: EventSender,
    pub(crate) reports: mpsc::Sender<Report>,
}

/// What the links tell the driver.
#[derive(Debug)]
pub(crate) enum Report {
    /// Hello was said on both sides: may this line be the one in use?
    Ready { peer: NodeKey, line: Arc<Line>, reply: oneshot::Sender<bool> },
    /// The peer did what no honest node does.
    Violation { peer: NodeKey, violation: Violation },
    /// The link is of no use any more.
    Ended { connection: ConnectionId, end: LinkEnd },
}
