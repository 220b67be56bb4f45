//! What the network is told at start. Who may connect is not here: that is the watched set of
//! registered keys, which the ledger changes while the node runs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hefu_primitives::{ChainId, Region};

use super::address::Address;
use super::channel::{Channel, MAX_SYNC_RESPONSE_BYTES};
use super::key::{NodeKey, NodeSecret};
use super::rate::Rate;

/// Most peers that may be listed or connected: every validator and as many followers.
pub const MAX_PEERS: usize = 256;
/// Most addresses kept for one peer.
pub const MAX_ADDRESSES: usize = 8;

/// Configuration of [`super::Network::start`].
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// The secret of this node's key.
    pub secret: NodeSecret,
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Nodes to dial and where. Only registered ones are dialled.
    pub peers: Vec<(NodeKey, Vec<Address>)>,
    /// The ledger. A peer of another ledger is refused.
    pub chain: ChainId,
    /// The province of this node, a label for people.
    pub region: Region,
    /// What a peer may cost.
    pub limits: Limits,
}

/// What a peer may cost, and how patient we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What one peer may send on [`Channel::Consensus`].
    pub consensus: Rate,
    /// What one peer may send on [`Channel::Bundles`].
    pub bundles: Rate,
    /// How much one peer may ask for: requests, and bytes of requests and responses.
    pub requests: Rate,
    /// Most connections that have not yet shown who they are.
    pub max_pending_inbound: u32,
    /// Most inbound connections a second: each costs a handshake before we know who it is.
    pub max_inbound_per_second: u32,
    /// How long the handshake of TCP and Noise, and then the hello, may each take.
    pub handshake: Duration,
    /// A peer held back by its rate for so long without a pause loses points.
    pub overrate: Duration,
    /// How long a peer with no points left is not talked to.
    pub ban: Duration,
    /// Longest pause between two attempts to reach a peer.
    pub retry_cap: Duration,
    /// Pause after a peer turned out to be on another chain or version.
    pub refused_retry: Duration,
    /// Time between two pings.
    pub heartbeat: Duration,
    /// A link on which nothing was heard for so long is cut.
    pub silence: Duration,
}

impl Default for Limits {
    /// Several times what 32 validators need at 5,000 acts/s over 20 ms links: some 3,000 votes
    /// and resends, 4 MiB of bundles a second from all together.
    fn default() -> Self {
        Self {
            consensus: Rate { messages_per_second: 4_000, bytes_per_second: 16 * 1024 * 1024 },
            bundles: Rate { messages_per_second: 2_000, bytes_per_second: 64 * 1024 * 1024 },
            requests: Rate { messages_per_second: 200, bytes_per_second: 64 * 1024 * 1024 },
            max_pending_inbound: 64,
            max_inbound_per_second: 64,
            handshake: Duration::from_secs(5),
            overrate: Duration::from_secs(5),
            ban: Duration::from_secs(60),
            retry_cap: Duration::from_secs(5),
            refused_retry: Duration::from_secs(30),
            heartbeat: Duration::from_secs(1),
            silence: Duration::from_secs(5),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A peer's key is no point of the curve.
    #[error("{0} is not an Ed25519 public key")]
    Key(NodeKey),
    /// A peer is listed twice.
    #[error("{0} is listed twice")]
    Duplicate(NodeKey),
    /// More peers than [`MAX_PEERS`].
    #[error("{0} peers are listed, at most {MAX_PEERS} are allowed")]
    Peers(usize),
    /// More addresses than [`MAX_ADDRESSES`].
    #[error("{0} has more than {MAX_ADDRESSES} addresses")]
    Addresses(NodeKey),
    /// A rate that not even one largest frame a second fits.
    #[error("the rate of {0} does not let one largest frame pass in a second")]
    Rate(&'static str),
    /// A duration is zero, or the silence is shorter than two heartbeats.
    #[error("{0} is too short")]
    Duration(&'static str),
    /// A bound of inbound connections is zero.
    #[error("no inbound connection would ever be let in")]
    Inbound,
}

impl NetworkConfig {
    /// Checks what a single field cannot say.
    ///
    /// # Errors
    /// [`ConfigError`] names the first relation that does not hold.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.peers.len() > MAX_PEERS {
            return Err(ConfigError::Peers(self.peers.len()));
        }
        let mut seen = BTreeSet::new();
        for (key, addresses) in &self.peers {
            if key.peer_id().is_none() {
                return Err(ConfigError::Key(*key));
            }
            if !seen.insert(*key) {
                return Err(ConfigError::Duplicate(*key));
            }
            if addresses.len() > MAX_ADDRESSES {
                return Err(ConfigError::Addresses(*key));
            }
        }
        self.limits.validate()
    }
}

impl Limits {
    /// Checks what a single field cannot say.
    ///
    /// # Errors
    /// [`ConfigError`] names the first relation that does not hold.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rates = [
            ("consensus", self.consensus, Channel::Consensus.max_frame_bytes()),
            ("bundles", self.bundles, Channel::Bundles.max_frame_bytes()),
            ("requests", self.requests, MAX_SYNC_RESPONSE_BYTES),
        ];
        for (name, rate, frame) in rates {
            if rate.messages_per_second == 0 || (rate.bytes_per_second as usize) < frame {
                return Err(ConfigError::Rate(name));
            }
        }
        let durations = [
            ("handshake", self.handshake),
            ("overrate", self.overrate),
            ("ban", self.ban),
            ("retry_cap", self.retry_cap),
            ("refused_retry", self.refused_retry),
            ("heartbeat", self.heartbeat),
        ];
        if let Some((name, _)) = durations.into_iter().find(|(_, duration)| duration.is_zero()) {
            return Err(ConfigError::Duration(name));
        }
        if self.silence < self.heartbeat * 2 {
            return Err(ConfigError::Duration("silence"));
        }
        if self.max_pending_inbound == 0 || self.max_inbound_per_second == 0 {
            return Err(ConfigError::Inbound);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> NetworkConfig {
        NetworkConfig {
            secret: NodeSecret::new([1; 32]),
            listen: ([127, 0, 0, 1], 0).into(),
            peers: vec![],
            chain: ChainId([0; 32]),
            region: Region(310_000),
            limits: Limits::default(),
        }
    }

    #[test]
    fn relations_are_checked() {
        assert_eq!(config().validate(), Ok(()));
        let key = NodeSecret::new([2; 32]).key();
        let twice = NetworkConfig { peers: vec![(key, vec![]), (key, vec![])], ..config() };
        assert_eq!(twice.validate(), Err(ConfigError::Duplicate(key)));
        // y = 2 is on no point of the curve.
        let mut bad = [0; 32];
        bad[0] = 2;
        let bad = NetworkConfig { peers: vec![(NodeKey(bad), vec![])], ..config() };
        assert!(matches!(bad.validate(), Err(ConfigError::Key(_))));
        let mut limits = Limits::default();
        limits.bundles.bytes_per_second = Channel::Bundles.max_frame_bytes() as u32 - 1;
        assert_eq!(limits.validate(), Err(ConfigError::Rate("bundles")));
        let limits = Limits { silence: Duration::from_millis(1_999), ..Limits::default() };
        assert_eq!(limits.validate(), Err(ConfigError::Duration("silence")));
    }
}
