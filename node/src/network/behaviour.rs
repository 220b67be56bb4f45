//! Admission: the moment Noise has shown a peer's key, the connection is kept or refused.
//!
//! Invariant: a connection that is not admitted never gets a handler, so no stream of it is ever
//! negotiated: an unregistered peer gets nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::FromSwarm;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, NetworkBehaviour, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::config::MAX_PEERS;
use super::events::Refusal;
use super::handler::{Ends, Handler};
use super::key::NodeKey;
use super::rate::{Bucket, Rate};
use super::shared::Shared;

/// Most connections to one peer: two crossing dials, and a stale one not yet noticed.
const MAX_PER_PEER: u32 = 3;

/// The node's behaviour as the swarm wants it.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    // First, so that a connection above a limit leaves no trace in `admission`.
    limits: connection_limits::Behaviour,
    pub(crate) admission: Admission,
}

impl Behaviour {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let per_second = shared.limits.max_inbound_per_second;
        let rate = Rate { messages_per_second: per_second, bytes_per_second: 1 };
        let inbound = Bucket::new(rate, Instant::now());
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(shared.limits.max_pending_inbound))
            .with_max_established_per_peer(Some(MAX_PER_PEER))
            .with_max_established(Some(MAX_PEERS as u32 * MAX_PER_PEER));
        Self {
            limits: connection_limits::Behaviour::new(limits),
            admission: Admission { inbound, shared, ends: BTreeMap::new() },
        }
    }
}

/// Why a connection was denied, for the driver to read from the swarm's event.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Denied {
    pub(crate) peer: Option<NodeKey>,
    pub(crate) reason: Refusal,
}

/// More inbound connections in a second than we look at.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too many inbound connections in this second")]
struct TooManyInbound;

/// See the head of this file.
pub(crate) struct Admission {
    inbound: Bucket,
    shared: Arc<Shared>,
    /// Admitted connections until the driver takes them, in the same turn of the swarm.
    ends: BTreeMap<ConnectionId, Ends>,
}

impl Admission {
    /// What an established connection is used through.
    pub(crate) fn take(&mut self, connection: ConnectionId) -> Option<Ends> {
        self.ends.remove(&connection)
    }

    fn admit(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
    ) -> Result<Handler, ConnectionDenied> {
        let key = NodeKey::from_peer_id(&peer);
        let admitted = key.ok_or(Refusal::Unregistered).and_then(|key| self.shared.admit(&key));
        if let Err(reason) = admitted {
            return Err(ConnectionDenied::new(Denied { peer: key, reason }));
        }
        let (handler, ends) = Handler::new();
        self.ends.insert(connection, ends);
        Ok(handler)
    }
}

impl NetworkBehaviour for Admission {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        // Before Noise, so that knocking costs us next to nothing. Our own dials are not counted:
        // a flood of strangers does not keep registered nodes apart.
        if self.inbound.try_take(Instant::now()) {
            return Ok(());
        }
        Err(ConnectionDenied::new(TooManyInbound))
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(connection, peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(connection, peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = event {
            self.ends.remove(&closed.connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
