//! # The network: frames between registered nodes
//!
//! TCP, Noise and Yamux through libp2p; on top of them three protocols that move opaque, bounded
//! bytes. Nothing here knows what a block, a vote or a contract is, and there is no channel for
//! payload data or files.
//!
//! ## Rules
//!
//! 1. **Registered keys only.** A connection is refused the moment Noise has shown its key, unless
//!    the key is in the watched set ([`Network::start`]); it is cut when the key leaves the set.
//!    Nobody else gets a single stream.
//! 2. **One ledger.** Nodes say hello with chain, version and region before anything else. Another
//!    chain or version is refused on both sides with the reason ([`Refusal`]).
//! 3. **One link per pair.** When both dial at once, the node with the smaller key decides which
//!    connection is admitted; only an admitted one is ever used, so nothing is lost or reordered.
//! 4. **Everything is bounded**: frames, queues, budgets, streams, rates ([`channel`]'s table). A
//!    peer that sends too much is slowed by the pressure on its own streams; one that breaks the
//!    protocol loses points, its connection, and at zero the right to connect for a while.
//! 5. **Urgent before bulk.** Consensus and bundles have streams and queues of their own on both
//!    sides; sending costs no round trip.
//! 6. **Best effort.** A frame is delivered whole, in order and at most once, or not at all. After
//!    [`NetworkEvent::Connected`] the owner sends what the peer may have missed.
//! 7. **Lost links come back.** Silence is noticed by heartbeats; redialling pauses exponentially,
//!    with jitter, up to a few seconds.
//!
//! | file | about |
//! |---|---|
//! | `key`, `address`, `config` | who, where, how much |
//! | `channel`, `control`, `frame`, `events` | what goes over the wire and to the owner |
//! | `rate`, `score`, `queue`, `contact` | pure policies: time is an argument |
//! | `muxer`, `handler`, `behaviour` | the libp2p side |
//! | `link`, `stream`, `sync` | one connection's tasks |
//! | `driver`, `peer`, `shared` | the task that decides, and what is known of peers |

mod address;
mod behaviour;
pub mod channel;
mod config;
mod contact;
mod control;
mod driver;
mod events;
mod frame;
mod handler;
mod key;
mod link;
mod muxer;
mod peer;
mod queue;
mod rate;
mod score;
mod shared;
mod stream;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::upgrade::Version;
use libp2p::swarm::SwarmEvent;
use libp2p::{Swarm, SwarmBuilder, noise, tcp};
use tokio::sync::{mpsc, oneshot, watch};

pub use address::{Address, AddressError};
pub use channel::{
    Channel, MAX_BUNDLE_FRAME_BYTES, MAX_CONSENSUS_FRAME_BYTES, MAX_SYNC_REQUEST_BYTES,
    MAX_SYNC_RESPONSE_BYTES,
};
pub use config::{ConfigError, Limits, MAX_ADDRESSES, MAX_PEERS, NetworkConfig};
pub use events::{NetworkEvent, NetworkEvents, Refusal};
pub use key::{NodeKey, NodeSecret};
pub use peer::{PeerInfo, Traffic};
pub use rate::Rate;
pub use score::{MAX_SCORE, Violation};
pub use sync::RequestError;

use behaviour::Behaviour;
use driver::{Command, Driver};
use events::EventSender;
use shared::Shared;

/// Inbound streams of one connection that may be in negotiation at once.
const MAX_NEGOTIATING: usize = 8;
/// Connections that wait to be accepted by this process.
const BACKLOG: u32 = 128;

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
    /// The handshake could not be set up.
    #[error("the Noise handshake could not be set up")]
    Noise(#[from] noise::Error),
}

/// The owner's handle: cheap to clone. The network ends with [`Network::shutdown`] or when the last
/// handle is dropped.
#[derive(Clone, Debug)]
pub struct Network {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Network {
    /// Starts listening and dialling. `allowed` is the set of registered node keys, now and later.
    ///
    /// # Errors
    /// [`StartError`] when the configuration is wrong or the port is taken.
    pub async fn start(
        config: NetworkConfig,
        allowed: watch::Receiver<BTreeSet<NodeKey>>,
    ) -> Result<(Network, NetworkEvents), StartError> {
        config.validate()?;
        let session = getrandom::u64().map_err(|_| StartError::Randomness)?;
        let shared = Arc::new(Shared {
            key: config.secret.key(),
            hello: control::Hello {
                version: control::PROTOCOL_VERSION,
                chain: config.chain,
                region: config.region,
                session,
            },
            limits: config.limits,
            allowed,
            partition: Mutex::default(),
            peers: Mutex::default(),
            listening: Mutex::default(),
        });
        let mut swarm = build_swarm(&config.secret, shared.clone())?;
        let listening = listen(&mut swarm, config.listen).await;
        let error = |error| StartError::Listen { address: config.listen, error };
        lock(&shared.listening).push(listening.map_err(error)?);
        tracing::info!(key = %shared.key, chain = %config.chain, "network started");

        let (events, events_end) = EventSender::new();
        let (commands, commands_end) = mpsc::channel(64);
        let addresses: BTreeMap<_, _> = config.peers.into_iter().collect();
        let driver = Driver::new(swarm, shared.clone(), events, commands_end, addresses);
        tokio::spawn(driver.run());
        Ok((Network { shared, commands }, events_end))
    }

    /// This node's key.
    pub fn key(&self) -> NodeKey {
        self.shared.key
    }

    /// Queues a frame for one peer; false when it was dropped: no link, no room, or above the
    /// channel's bound. True does not mean that it arrives.
    pub fn send(&self, to: NodeKey, channel: Channel, bytes: impl Into<Arc<[u8]>>) -> bool {
        let frame = bytes.into();
        if frame.len() > channel.max_frame_bytes() {
            tracing::error!(?channel, bytes = frame.len(), "a frame above its bound is not sent");
            return false;
        }
        self.shared.peer(&to).is_some_and(|peer| peer.send(channel, frame))
    }

    /// Queues a frame for every connected peer; for how many.
    pub fn broadcast(&self, channel: Channel, bytes: impl Into<Arc<[u8]>>) -> usize {
        let frame = bytes.into();
        if frame.len() > channel.max_frame_bytes() {
            tracing::error!(?channel, bytes = frame.len(), "a frame above its bound is not sent");
            return 0;
        }
        let peers = self.shared.all_peers();
        peers.iter().filter(|peer| peer.send(channel, frame.clone())).count()
    }

    /// Asks a peer and waits for its response.
    ///
    /// # Errors
    /// [`RequestError`] says what went wrong; asking another peer is always sensible.
    pub async fn request(
        &self,
        to: NodeKey,
        bytes: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, RequestError> {
        if bytes.len() > MAX_SYNC_REQUEST_BYTES {
            return Err(RequestError::TooLarge(bytes.len()));
        }
        let peer = self.shared.peer(&to).ok_or(RequestError::NotConnected)?;
        let answer = tokio::time::timeout(timeout, sync::ask(&peer, bytes)).await;
        let answer = answer.unwrap_or(Err(RequestError::Timeout));
        if let Err(RequestError::Violation(violation)) = answer {
            let _ = self.commands.send(Command::Violation(to, violation)).await;
        }
        answer
    }

    /// Every registered peer, connected or not, in the order of their keys.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.shared.all_peers().iter().map(|peer| peer.info()).collect()
    }

    /// The keys of the connected peers.
    pub fn connected(&self) -> Vec<NodeKey> {
        let peers = self.shared.all_peers();
        peers.iter().filter(|peer| peer.line().is_some()).map(|peer| peer.key).collect()
    }

    /// Where this node listens; the real port when the configured one was 0.
    pub fn listen_addrs(&self) -> Vec<SocketAddr> {
        lock(&self.shared.listening).clone()
    }

    /// Adds an address of a node and dials it at once, if it is registered and not connected.
    pub async fn add_peer_address(&self, key: NodeKey, address: Address) {
        let _ = self.commands.send(Command::AddAddress(key, address)).await;
    }

    /// Takes points off a peer that sent something invalid, up to [`MAX_SCORE`]; at zero it is
    /// banned for a while.
    pub async fn penalise(&self, key: NodeKey, points: u32) {
        let violation = Violation::Reported { points };
        let _ = self.commands.send(Command::Violation(key, violation)).await;
    }

    /// Cuts the links to these peers and keeps them cut until they are left out of a later call.
    /// For demonstrations and tests.
    pub async fn set_partition(&self, cut: BTreeSet<NodeKey>) {
        let _ = self.commands.send(Command::Partition(cut)).await;
    }

    /// Closes every connection and the listener; when this returns, the port is free.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Shutdown(done)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}

fn build_swarm(secret: &NodeSecret, shared: Arc<Shared>) -> Result<Swarm<Behaviour>, StartError> {
    let tcp = tcp::Config::default().nodelay(true).listen_backlog(BACKLOG);
    let handshake = shared.limits.handshake;
    let swarm = SwarmBuilder::with_existing_identity(secret.keypair())
        .with_tokio()
        .with_tcp(tcp, noise::Config::new, || muxer::MuxerUpgrade)?
        .with_behaviour(|_| Behaviour::new(shared))
        .unwrap_or_else(|never| match never {})
        .with_swarm_config(|config| {
            config
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
        })
        .with_connection_timeout(handshake)
        .build();
    Ok(swarm)
}

/// Listens, and returns where.
async fn listen(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> std::io::Result<SocketAddr> {
    if address.port() != 0 {
        // libp2p shares its port with whoever shares theirs: two nodes on one port would each get
        // half of the connections. A plain socket refuses, with a clear error.
        drop(std::net::TcpListener::bind(address)?);
    }
    let listener =
        swarm.listen_on(address::to_multiaddr(address)).map_err(std::io::Error::other)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address, .. } if listener_id == listener => {
                return address::from_multiaddr(&address)
                    .ok_or_else(|| std::io::Error::other("not a TCP address"));
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == listener => {
                return Err(reason.err().unwrap_or_else(|| std::io::Error::other("closed")));
            }
            _ => {}
        }
    }
}

/// Locks a mutex. None of ours guards an invariant that a panic could break half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
