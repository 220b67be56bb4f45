//! Yamux with bounds of our own.
//!
//! libp2p's own yamux upgrade lets the windows of one connection grow to 1 GiB, on a round-trip
//! time that the peer can inflate by answering late, and its close waits for a peer that reads
//! nothing for ever. Here a connection has few streams, a small common window, and a deadline to
//! close. The wire protocol is unchanged.

use std::future::{Ready, ready};
use std::io;
use std::iter::{Once, once};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use tokio::time::Sleep;

/// Most streams of a connection: 5 long-lived (link, two channels each way), 4 requests each way
/// in service, and as many again in negotiation or closing.
const MAX_STREAMS: usize = 32;
/// Bytes a connection may hold for its streams: 256 KiB each, and 16 MiB to grow fast ones.
const MAX_WINDOW_BYTES: usize = MAX_STREAMS * 256 * 1024 + 16 * 1024 * 1024;
/// Streams opened by the peer and not yet looked at; more are reset.
const MAX_WAITING_STREAMS: usize = 8;
/// How long closing may take before the connection is just dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Upgrades an authenticated connection.
#[derive(Clone, Debug)]
pub(crate) struct MuxerUpgrade;

/// A connection and its streams.
pub(crate) struct Muxer<C> {
    connection: yamux::Connection<C>,
    waiting: std::collections::VecDeque<yamux::Stream>,
    closing: Option<Pin<Box<Sleep>>>,
}

/// A failure of the connection as a whole.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct MuxerError(#[from] yamux::ConnectionError);

impl From<MuxerError> for io::Error {
    fn from(error: MuxerError) -> Self {
        match error.0 {
            yamux::ConnectionError::Io(error) => error,
            other => io::Error::other(other),
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn new(connection: C, mode: yamux::Mode) -> Self {
        let mut config = yamux::Config::default();
        // The order matters: the window must hold all streams at every moment.
        config.set_max_num_streams(MAX_STREAMS);
        config.set_max_connection_receive_window(Some(MAX_WINDOW_BYTES));
        Self {
            connection: yamux::Connection::new(connection, config, mode),
            waiting: Default::default(),
            closing: None,
        }
    }

    /// Yamux makes progress only while it is asked for a new stream.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Result<yamux::Stream, MuxerError>> {
        match self.connection.poll_next_inbound(cx) {
            Poll::Ready(Some(stream)) => Poll::Ready(Ok(stream?)),
            Poll::Ready(None) => Poll::Ready(Err(yamux::ConnectionError::Closed.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = MuxerError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<yamux::Stream, MuxerError>> {
        match self.waiting.pop_front() {
            Some(stream) => Poll::Ready(Ok(stream)),
            None => self.drive(cx),
        }
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<yamux::Stream, MuxerError>> {
        self.connection.poll_new_outbound(cx).map_err(MuxerError)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, MuxerError>> {
        let Poll::Ready(stream) = self.drive(cx) else { return Poll::Pending };
        let stream = stream?;
        if self.waiting.len() < MAX_WAITING_STREAMS {
            self.waiting.push_back(stream);
        }
        // There may be more: come back, after others had their turn. The swarm asks for inbound
        // streams in the same pass, so the stream just put aside needs no waker of its own.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), MuxerError>> {
        if let Poll::Ready(closed) = self.connection.poll_close(cx) {
            return Poll::Ready(closed.map_err(MuxerError));
        }
        let deadline =
            self.closing.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSE_TIMEOUT)));
        deadline.as_mut().poll(cx).map(Ok)
    }
}

impl UpgradeInfo for MuxerUpgrade {
    type Info = &'static str;
    type InfoIter = Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C>
    for MuxerUpgrade
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Muxer<C>, io::Error>>;

    fn upgrade_inbound(self, connection: C, _: &'static str) -> Self::Future {
        ready(Ok(Muxer::new(connection, yamux::Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C>
    for MuxerUpgrade
{
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<Result<Muxer<C>, io::Error>>;

    fn upgrade_outbound(self, connection: C, _: &'static str) -> Self::Future {
        ready(Ok(Muxer::new(connection, yamux::Mode::Client)))
    }
}
