//! What the network tells its owner, and the bounded way there.
//!
//! Invariants: every queued event holds a permit of the peer it comes from (or, for strangers, of a
//! small common pool) and gives it back when the owner takes the event, so an owner that is slow
//! slows down the peers and never fills the memory; consensus messages overtake bundles and
//! requests; `Connected` comes before anything else from a peer, and `Disconnected` is never lost.

use std::sync::Arc;
use std::time::Duration;

use hefu_primitives::{ChainId, Region};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::channel::Channel;
use super::key::NodeKey;
use super::score::Violation;

/// Refusals waiting to be taken; more are only counted and logged.
const MAX_WAITING_REFUSALS: usize = 64;

/// Something that happened on the network.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A link to a registered node of this chain is ready.
    Connected {
        /// The node.
        peer: NodeKey,
        /// The region it says it is from: a label, not a proof.
        region: Region,
    },
    /// The link is gone. If the node stays registered, it is dialled again.
    Disconnected {
        /// The node.
        peer: NodeKey,
    },
    /// A one-way frame.
    Message {
        /// Who sent it.
        from: NodeKey,
        /// On which channel.
        channel: Channel,
        /// The frame, within the channel's bound.
        bytes: Vec<u8>,
    },
    /// A request. Dropping `reply` tells the peer that there is no answer.
    Request {
        /// Who asks.
        from: NodeKey,
        /// The request, within its bound.
        bytes: Vec<u8>,
        /// Takes the response, of at most [`super::MAX_SYNC_RESPONSE_BYTES`] bytes.
        reply: oneshot::Sender<Vec<u8>>,
    },
    /// A connection was refused or cut for a reason that an operator should see. While a peer
    /// keeps coming back for the same reason, it is told once; [`super::PeerInfo`] keeps it.
    Refused {
        /// Who it was; none when it has no Ed25519 key.
        peer: Option<NodeKey>,
        /// Why.
        reason: Refusal,
    },
}

/// Why there is no link to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its key is not registered on the ledger.
    #[error("its node key is not registered on this ledger")]
    Unregistered,
    /// It violated the protocol too often and is not talked to for a while.
    #[error("it is banned for another {} s", remaining.as_secs())]
    Banned {
        /// Time until the ban ends.
        remaining: Duration,
    },
    /// It was started with another genesis.
    #[error("it is on chain {theirs}, this node on {ours}: it was started with another genesis")]
    WrongChain {
        /// Our chain.
        ours: ChainId,
        /// Its chain.
        theirs: ChainId,
    },
    /// It speaks another version of the network protocol.
    #[error("it speaks protocol version {theirs}, this node speaks {ours}")]
    WrongVersion {
        /// Our version.
        ours: u32,
        /// Its version.
        theirs: u32,
    },
    /// It violated the protocol; the connection was cut.
    #[error("it violated the protocol: {0}")]
    Violation(Violation),
    /// It closed the connection before saying hello.
    #[error("it closed the connection during the handshake: it may not have registered this node")]
    Declined,
    /// This node was told to cut the link ([`super::Network::set_partition`]).
    #[error("the link is cut by hand")]
    Partitioned,
}

/// An event and what it holds until it is taken.
type Queued = (NetworkEvent, Permit);

/// What a queued event holds.
#[derive(Debug)]
pub(crate) enum Permit {
    /// Its own share of a budget.
    Own { _permit: OwnedSemaphorePermit },
    /// A slot that whoever serves the request holds too.
    Shared { _slot: Arc<OwnedSemaphorePermit> },
}

impl From<OwnedSemaphorePermit> for Permit {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Permit::Own { _permit: permit }
    }
}

/// The owner's end.
#[derive(Debug)]
pub struct NetworkEvents {
    urgent: mpsc::UnboundedReceiver<Queued>,
    bulk: mpsc::UnboundedReceiver<Queued>,
}

impl NetworkEvents {
    /// The next event, urgent ones first; none when the network has shut down. Dropping the future
    /// loses nothing, so it may stand in a `select!`.
    pub async fn recv(&mut self) -> Option<NetworkEvent> {
        let queued = tokio::select! {
            biased;
            Some(queued) = self.urgent.recv() => Some(queued),
            Some(queued) = self.bulk.recv() => Some(queued),
            else => None,
        };
        queued.map(|(event, _permit)| event)
    }

    /// As [`NetworkEvents::recv`], without waiting.
    pub fn try_recv(&mut self) -> Option<NetworkEvent> {
        let queued = self.urgent.try_recv().or_else(|_| self.bulk.try_recv()).ok()?;
        Some(queued.0)
    }
}

/// The network's end.
#[derive(Clone, Debug)]
pub(crate) struct EventSender {
    urgent: mpsc::UnboundedSender<Queued>,
    bulk: mpsc::UnboundedSender<Queued>,
    refusals: Arc<Semaphore>,
}

impl EventSender {
    pub(crate) fn new() -> (Self, NetworkEvents) {
        // Unbounded in form only: nothing is sent without a permit.
        let (urgent, urgent_end) = mpsc::unbounded_channel();
        let (bulk, bulk_end) = mpsc::unbounded_channel();
        let refusals = Arc::new(Semaphore::new(MAX_WAITING_REFUSALS));
        let events = NetworkEvents { urgent: urgent_end, bulk: bulk_end };
        (Self { urgent, bulk, refusals }, events)
    }

    pub(crate) fn message(
        &self,
        from: NodeKey,
        channel: Channel,
        bytes: Vec<u8>,
        permit: OwnedSemaphorePermit,
    ) {
        let queue = match channel {
            Channel::Consensus => &self.urgent,
            Channel::Bundles => &self.bulk,
        };
        // An owner that dropped its end wants no events; the network ends with its handle.
        let _ = queue.send((NetworkEvent::Message { from, channel, bytes }, permit.into()));
    }

    pub(crate) fn request(
        &self,
        from: NodeKey,
        bytes: Vec<u8>,
        slot: Arc<OwnedSemaphorePermit>,
    ) -> oneshot::Receiver<Vec<u8>> {
        let (reply, answer) = oneshot::channel();
        let event = NetworkEvent::Request { from, bytes, reply };
        let _ = self.bulk.send((event, Permit::Shared { _slot: slot }));
        answer
    }

    pub(crate) fn connected(&self, peer: NodeKey, region: Region, permit: OwnedSemaphorePermit) {
        let _ = self.urgent.send((NetworkEvent::Connected { peer, region }, permit.into()));
    }

    pub(crate) fn disconnected(&self, peer: NodeKey, permit: OwnedSemaphorePermit) {
        let _ = self.urgent.send((NetworkEvent::Disconnected { peer }, permit.into()));
    }

    /// False when too many refusals wait already and this one was left out.
    pub(crate) fn refused(&self, peer: Option<NodeKey>, reason: Refusal) -> bool {
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return false };
        let _ = self.urgent.send((NetworkEvent::Refused { peer, reason }, permit.into()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn consensus_overtakes_bundles_and_taking_frees_the_budget() {
        let (sender, mut events) = EventSender::new();
        let budget = Arc::new(Semaphore::new(10));
        for channel in [Channel::Bundles, Channel::Consensus] {
            let permit = budget.clone().acquire_many_owned(5).await.unwrap();
            sender.message(NodeKey([1; 32]), channel, vec![], permit);
        }
        assert_eq!(budget.available_permits(), 0);
        for expected in [Channel::Consensus, Channel::Bundles] {
            let Some(NetworkEvent::Message { channel, .. }) = events.recv().await else { panic!() };
            assert_eq!(channel, expected);
        }
        assert_eq!(budget.available_permits(), 10);
        drop(sender);
        assert!(events.recv().await.is_none());
    }

    #[test]
    fn refusals_of_strangers_are_bounded() {
        let (sender, mut events) = EventSender::new();
        for _ in 0..MAX_WAITING_REFUSALS {
            assert!(sender.refused(None, Refusal::Unregistered));
        }
        assert!(!sender.refused(None, Refusal::Unregistered));
        assert!(events.try_recv().is_some());
        assert!(sender.refused(None, Refusal::Unregistered));
    }
}
