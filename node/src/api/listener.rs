//! A bounded number of connections, and of connections from one address; each is cut when nothing
//! moves on it, or when a request takes too long to come and be answered.
//!
//! The idle limit is longer than the heartbeat of an event stream, so that only dead or stalled
//! peers are cut. What a peer sends prolongs nothing: one that sends a byte now and then does not
//! keep its place.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Most connections at a time; the next one waits in the system's queue.
const MAX_CONNECTIONS: usize = 512;
/// Most of them from one address: one host alone cannot take them all.
const MAX_OF_ADDRESS: usize = 128;
/// Longest time without a byte sent, and longest time for a request to come and its answer to
/// begin; a request may wait a minute for its transaction.
const MAX_IDLE: Duration = Duration::from_secs(90);

pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    addresses: Addresses,
}

/// How many connections each address has.
type Addresses = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// A connection's share of its address's bound.
struct Share {
    addresses: Addresses,
    address: IpAddr,
}

impl Share {
    /// Takes a place of an address, if it has one left.
    fn take(addresses: &Addresses, address: IpAddr) -> Option<Self> {
        let mut counts = addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= MAX_OF_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Self { addresses: addresses.clone(), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

impl Bounded {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            addresses: Addresses::default(),
        }
    }
}

impl Listener for Bounded {
    type Io = Idle;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Idle, SocketAddr) {
        loop {
            // Never closed, so there always is a permit in the end.
            let Ok(permit) = self.room.clone().acquire_owned().await else { continue };
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let Some(share) = Share::take(&self.addresses, address.ip()) else { continue };
            if stream.set_nodelay(true).is_ok() {
                let timer = Box::pin(sleep(MAX_IDLE));
                return (Idle { stream, timer, _permit: permit, _share: share }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing moves on it.
pub(super) struct Idle {
    stream: TcpStream,
    timer: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

impl Idle {
    /// An error once the time is over; until then, what the stream said.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => poll,
        }
    }
}

impl AsyncRead for Idle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.in_time(cx, poll)
    }
}

impl AsyncWrite for Idle {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if poll.is_ready() {
            self.timer.as_mut().reset(Instant::now() + MAX_IDLE);
        }
        self.in_time(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The address a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(stream.remote_addr().ip())
    }
}
