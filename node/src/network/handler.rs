//! The libp2p side of one connection: opens streams when asked, hands over those the peer opened.
//!
//! It negotiates and nothing else; what a stream carries is the business of `link`.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use libp2p::Stream;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::channel::{OPEN_TIMEOUT, Protocol};

/// Streams the peer opened that wait to be looked at; more are reset.
const MAX_WAITING_STREAMS: usize = 16;

/// A stream the peer opened.
pub(crate) type Opened = (Protocol, Stream);

/// A connection that cannot give a stream any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection gives no more streams")]
pub(crate) struct OpenError;

/// Asks a connection for streams.
#[derive(Clone, Debug)]
pub(crate) struct Opener(mpsc::Sender<OpenRequest>);

#[derive(Debug)]
struct OpenRequest {
    protocol: Protocol,
    reply: oneshot::Sender<Stream>,
}

impl Opener {
    /// Opens a stream. Costs no round trip: the peer's consent to the protocol comes with its
    /// first answer.
    pub(crate) async fn open(&self, protocol: Protocol) -> Result<Stream, OpenError> {
        let (reply, stream) = oneshot::channel();
        self.0.send(OpenRequest { protocol, reply }).await.map_err(|_| OpenError)?;
        stream.await.map_err(|_| OpenError)
    }
}

/// What the owner of a connection holds of it.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) opener: Opener,
    pub(crate) opened: mpsc::Receiver<Opened>,
}

/// See the head of this file.
pub(crate) struct Handler {
    requests: mpsc::Receiver<OpenRequest>,
    opened: mpsc::Sender<Opened>,
}

impl Handler {
    pub(crate) fn new() -> (Self, Ends) {
        let (request, requests) = mpsc::channel(1);
        let (opened, opened_end) = mpsc::channel(MAX_WAITING_STREAMS);
        (Self { requests, opened }, Ends { opener: Opener(request), opened: opened_end })
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = std::convert::Infallible;
    type InboundProtocol = Upgrade;
    type OutboundProtocol = Upgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = oneshot::Sender<Stream>;

    fn listen_protocol(&self) -> SubstreamProtocol<Upgrade> {
        SubstreamProtocol::new(Upgrade(Protocol::ALL), ()).with_timeout(OPEN_TIMEOUT)
    }

    fn connection_keep_alive(&self) -> bool {
        // Links end by decision of the driver or of the peer, never for being quiet.
        true
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Upgrade, oneshot::Sender<Stream>, Self::ToBehaviour>> {
        let Poll::Ready(Some(request)) = self.requests.poll_recv(cx) else { return Poll::Pending };
        let upgrade = Upgrade(request.protocol.alone());
        let protocol = SubstreamProtocol::new(upgrade, request.reply).with_timeout(OPEN_TIMEOUT);
        Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Upgrade, Upgrade, (), oneshot::Sender<Stream>>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => {
                let taken = self.opened.try_send(inbound.protocol).is_ok();
                tracing::trace!(taken, "the peer opened a stream");
            }
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => {
                // Who asked may have given up; the stream is then reset.
                let _ = outbound.info.send(outbound.protocol.1);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                // Dropping the sender tells who asked.
                tracing::debug!(%error, "a stream could not be opened");
            }
            _ => {}
        }
    }
}

/// Negotiates one of some protocols and hands the stream over as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgrade(&'static [Protocol]);

impl UpgradeInfo for Upgrade {
    type Info = Protocol;
    type InfoIter = std::iter::Copied<std::slice::Iter<'static, Protocol>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().copied()
    }
}

impl InboundUpgrade<Stream> for Upgrade {
    type Output = Opened;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Opened, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, protocol: Protocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}

impl OutboundUpgrade<Stream> for Upgrade {
    type Output = Opened;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Opened, Self::Error>>;

    fn upgrade_outbound(self, stream: Stream, protocol: Protocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}
