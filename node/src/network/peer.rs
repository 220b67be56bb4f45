//! What is known of one registered peer, and the line to it while there is one.
//!
//! Invariant: at most one [`Line`] per peer is in use. Rates, budgets, score and counters belong to
//! the peer and not to the line, so that reconnecting resets none of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hefu_primitives::Region;
use libp2p::swarm::ConnectionId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::channel::{Channel, MAX_CONCURRENT_REQUESTS};
use super::config::Limits;
use super::control::Hello;
use super::events::Refusal;
use super::frame::Pulse;
use super::handler::Opener;
use super::key::NodeKey;
use super::lock;
use super::queue::{Frame, Queue};
use super::rate::Bucket;
use super::score::Score;

/// `Connected` and `Disconnected` events of one peer that may wait to be taken.
const MAX_WAITING_STATUS: usize = 8;

/// A peer as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its key.
    pub key: NodeKey,
    /// The region it says it is from; none before the first link.
    pub region: Option<Region>,
    /// Since when the link is up; none when there is none.
    pub since: Option<SystemTime>,
    /// Time of a ping and its answer, when one was answered on this link.
    pub rtt: Option<Duration>,
    /// Its standing, from 0 to [`super::MAX_SCORE`].
    pub score: u32,
    /// How long it is still banned.
    pub banned_for: Option<Duration>,
    /// Why there is no link, when that is known.
    pub refusal: Option<Refusal>,
    /// What went over its links since this node started.
    pub traffic: Traffic,
}

/// Counters of frames and requests, without heartbeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages received.
    pub messages_in: u64,
    /// Messages handed to the operating system.
    pub messages_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes handed to the operating system.
    pub bytes_out: u64,
    /// Messages not sent: no room in the queue, or no link.
    pub dropped: u64,
}

/// A registered peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) key: NodeKey,
    pub(crate) counters: Counters,
    pub(crate) budgets: [Arc<Semaphore>; 2],
    pub(crate) serving: Arc<Semaphore>,
    pub(crate) asking: Semaphore,
    pub(crate) status: Arc<Semaphore>,
    line: Mutex<Option<Arc<Line>>>,
    region: Mutex<Option<Region>>,
    refusal: Mutex<Option<Refusal>>,
    score: Mutex<Score>,
    rates: [Mutex<Bucket>; 2],
    requests: Mutex<Bucket>,
}

/// A link in use.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: ConnectionId,
    pub(crate) hello: Hello,
    pub(crate) opener: Opener,
    pub(crate) pulse: Pulse,
    pub(crate) since: SystemTime,
    pub(crate) up: Instant,
    queues: [Queue; 2],
    rtt_us: AtomicU64,
}

impl Peer {
    pub(crate) fn new(key: NodeKey, limits: &Limits) -> Self {
        let now = Instant::now();
        let bucket = |rate| Mutex::new(Bucket::new(rate, now));
        Self {
            key,
            counters: Counters::default(),
            budgets: Channel::ALL.map(|channel| Arc::new(Semaphore::new(channel.budget_bytes()))),
            serving: Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS)),
            asking: Semaphore::new(MAX_CONCURRENT_REQUESTS),
            status: Arc::new(Semaphore::new(MAX_WAITING_STATUS)),
            line: Mutex::default(),
            region: Mutex::default(),
            refusal: Mutex::default(),
            score: Mutex::new(Score::new(now)),
            rates: [bucket(limits.consensus), bucket(limits.bundles)],
            requests: bucket(limits.requests),
        }
    }

    /// The line in use.
    pub(crate) fn line(&self) -> Option<Arc<Line>> {
        lock(&self.line).clone()
    }

    /// Puts a line into use, or none.
    pub(crate) fn set_line(&self, line: Option<Arc<Line>>) {
        if let Some(line) = &line {
            *lock(&self.region) = Some(line.hello.region);
            *lock(&self.refusal) = None;
        }
        *lock(&self.line) = line;
    }

    /// Queues a frame on the line; false when it was not.
    pub(crate) fn send(&self, channel: Channel, frame: Frame) -> bool {
        let Some(line) = self.line() else {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        let pushed = line.queue(channel).push(frame);
        self.counters.dropped.fetch_add(pushed.dropped, Ordering::Relaxed);
        pushed.accepted
    }

    /// Takes a received frame from the channel's rate; how long to wait before reading on.
    pub(crate) fn throttle(&self, channel: Channel, bytes: usize) -> Duration {
        lock(&self.rates[channel.index()]).take(bytes, Instant::now())
    }

    /// As [`Peer::throttle`], for a request and later its response.
    pub(crate) fn throttle_requests(&self, bytes: usize) -> Duration {
        lock(&self.requests).take(bytes, Instant::now())
    }

    pub(crate) fn score(&self) -> std::sync::MutexGuard<'_, Score> {
        lock(&self.score)
    }

    /// Remembers why there is no link; true when that is news.
    pub(crate) fn set_refusal(&self, refusal: Refusal) -> bool {
        lock(&self.refusal).replace(refusal) != Some(refusal)
    }

    pub(crate) fn info(&self) -> PeerInfo {
        let (now, line) = (Instant::now(), self.line());
        let (banned_for, score) = {
            let mut score = self.score();
            (score.banned_for(now), score.points(now))
        };
        PeerInfo {
            key: self.key,
            region: *lock(&self.region),
            since: line.as_ref().map(|line| line.since),
            rtt: line.as_ref().and_then(|line| line.rtt()),
            score,
            banned_for,
            refusal: *lock(&self.refusal),
            traffic: self.counters.read(),
        }
    }
}

impl Line {
    pub(crate) fn new(id: ConnectionId, hello: Hello, opener: Opener, pulse: Pulse) -> Self {
        Self {
            id,
            hello,
            opener,
            pulse,
            since: SystemTime::now(),
            up: Instant::now(),
            queues: Channel::ALL.map(|channel| Queue::new(channel.queue())),
            rtt_us: AtomicU64::new(0),
        }
    }

    pub(crate) fn queue(&self, channel: Channel) -> &Queue {
        &self.queues[channel.index()]
    }

    pub(crate) fn set_rtt(&self, rtt: Duration) {
        self.rtt_us.store((rtt.as_micros() as u64).max(1), Ordering::Relaxed);
    }

    fn rtt(&self) -> Option<Duration> {
        // Zero stands for "not measured": no round trip takes less than a microsecond.
        let micros = self.rtt_us.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }
}

/// [`Traffic`] as it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn received(&self, bytes: usize) {
        self.messages_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.messages_out.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn read(&self) -> Traffic {
        Traffic {
            messages_in: self.messages_in.load(Ordering::Relaxed),
            messages_out: self.messages_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}
