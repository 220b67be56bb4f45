//! Requests: each has a stream of its own, which ends with the response.

use std::io;
use std::sync::Arc;

use futures::AsyncWriteExt;
use libp2p::Stream;
use tokio::time::timeout;

use super::channel::{
    MAX_SYNC_REQUEST_BYTES, MAX_SYNC_RESPONSE_BYTES, Protocol, REPLY_TIMEOUT, REQUEST_TIMEOUT,
    RESPONSE_TIMEOUT,
};
use super::frame::{self, FrameError, Pulse};
use super::link::LinkEnd;
use super::peer::Peer;
use super::score::Violation;
use super::shared::Context;

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no link to this node.
    #[error("not connected")]
    NotConnected,
    /// The request is longer than [`MAX_SYNC_REQUEST_BYTES`].
    #[error("a request of {0} bytes, at most {MAX_SYNC_REQUEST_BYTES} are allowed")]
    TooLarge(usize),
    /// No response in time.
    #[error("no response in time")]
    Timeout,
    /// The peer ended the stream without a response: it has none, or is too busy.
    #[error("the peer gave no response")]
    NoResponse,
    /// The response broke a rule of the protocol; the link is cut.
    #[error("{0}")]
    Violation(Violation),
}

impl From<FrameError> for RequestError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Oversize(violation) => RequestError::Violation(violation),
            FrameError::Closed | FrameError::Broken(_) => RequestError::NoResponse,
        }
    }
}

/// Asks a peer, without a limit of time.
pub(crate) async fn ask(peer: &Peer, request: &[u8]) -> Result<Vec<u8>, RequestError> {
    let line = peer.line().ok_or(RequestError::NotConnected)?;
    let _turn = peer.asking.acquire().await.map_err(|_| RequestError::NotConnected)?;
    let opened = line.opener.open(Protocol::Sync).await;
    let mut stream = opened.map_err(|_| RequestError::NotConnected)?;
    write(&mut stream, request).await.map_err(|_| RequestError::NoResponse)?;
    peer.counters.sent(request.len());
    let bound = MAX_SYNC_RESPONSE_BYTES;
    let length = frame::read_length(&mut stream, None, bound, &line.pulse).await?;
    let response = frame::read_body(&mut stream, length, &line.pulse).await?;
    peer.counters.received(length);
    Ok(response)
}

/// Serves one request of the peer.
pub(crate) async fn serve(mut stream: Stream, pulse: Pulse, context: Context) -> Option<LinkEnd> {
    let peer = context.peer.clone();
    // Held until both the response is sent and the event is taken.
    let slot = Arc::new(peer.serving.clone().acquire_owned().await.ok()?);
    let request = match timeout(REQUEST_TIMEOUT, read_request(&mut stream, &pulse)).await {
        Ok(Ok(request)) => request,
        Ok(Err(FrameError::Oversize(violation))) => return Some(violation.into()),
        Ok(Err(FrameError::Closed | FrameError::Broken(_))) | Err(_) => return None,
    };
    peer.counters.received(request.len());
    tokio::time::sleep(peer.throttle_requests(request.len())).await;
    let answer = context.events.request(peer.key, request, slot.clone());
    let response = timeout(REPLY_TIMEOUT, answer).await.ok()?.ok()?;
    if response.len() > MAX_SYNC_RESPONSE_BYTES {
        tracing::error!(peer = %peer.key, bytes = response.len(), "a response above its bound");
        return None;
    }
    // What is answered now is paid for before the next request.
    let _ = peer.throttle_requests(response.len());
    if let Ok(Ok(())) = timeout(RESPONSE_TIMEOUT, write(&mut stream, &response)).await {
        peer.counters.sent(response.len());
    }
    None
}

async fn read_request(stream: &mut Stream, pulse: &Pulse) -> Result<Vec<u8>, FrameError> {
    let length = frame::read_length(stream, None, MAX_SYNC_REQUEST_BYTES, pulse).await?;
    frame::read_body(stream, length, pulse).await
}

/// Writes the only frame of this side and closes it.
async fn write(stream: &mut Stream, body: &[u8]) -> io::Result<()> {
    frame::write(stream, body).await?;
    stream.close().await
}
