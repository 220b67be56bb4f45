//! The channels between two nodes and the one table of what they may cost.
//!
//! | per peer | frame | waiting to be sent | received, not yet taken |
//! |---|---|---|---|
//! | consensus | 64 KiB | 1,024 frames, 2 MiB, oldest dropped | 2 MiB |
//! | bundles | 320 KiB | 128 frames, 16 MiB, newest refused | 8 MiB |
//! | sync request | 4 KiB | 4 at a time | 4 at a time |
//! | sync response | 8 MiB + 64 KiB | 4 at a time (served) | 4 at a time (asked) |
//! | yamux | – | 16 KiB a stream | 24 MiB a connection |
//!
//! Frames waiting to be sent are shared between peers, so a broadcast costs its bytes once. A peer
//! that reads nothing and sends all it may thus holds at most about 2 + 16 + 2 + 8 + 66 + 24 MiB,
//! and only what it has really sent: nothing is allocated from a length it merely announced.
//!
//! This file does not know what the frames mean.

use std::time::Duration;

use super::queue::{Overflow, QueueBound};

/// Largest frame of [`Channel::Consensus`], in bytes: twice the largest consensus message.
pub const MAX_CONSENSUS_FRAME_BYTES: usize = 64 * 1024;
/// Largest frame of [`Channel::Bundles`], in bytes: the largest bundle and 64 KiB around it.
pub const MAX_BUNDLE_FRAME_BYTES: usize = 320 * 1024;
/// Largest request, in bytes.
pub const MAX_SYNC_REQUEST_BYTES: usize = 4 * 1024;
/// Largest response, in bytes: the largest stored block and 64 KiB around it.
pub const MAX_SYNC_RESPONSE_BYTES: usize = 8 * 1024 * 1024 + 64 * 1024;

/// Most requests of one peer served at a time, and most of ours under way to one peer.
pub(crate) const MAX_CONCURRENT_REQUESTS: usize = 4;
/// Largest control frame, in bytes: a hello is about 60.
pub(crate) const MAX_CONTROL_FRAME_BYTES: usize = 128;
/// What a received frame costs beside its bytes, so that empty frames are not free.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 256;

/// How long opening a stream may take.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may take to send the request it has opened a stream for.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the owner of the ledger may take to answer a request.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a peer may take to receive a response.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a refused peer is waited for, so that it reads the reason before the line is cut.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// A one-way channel to a peer: frames arrive in order, whole, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Proposals, votes, certificates: small and urgent. The newest supersede the oldest.
    Consensus,
    /// Bundles of transactions: bulk.
    Bundles,
}

impl Channel {
    /// Both channels.
    pub const ALL: [Channel; 2] = [Channel::Consensus, Channel::Bundles];

    /// Largest frame, in bytes.
    pub const fn max_frame_bytes(self) -> usize {
        match self {
            Channel::Consensus => MAX_CONSENSUS_FRAME_BYTES,
            Channel::Bundles => MAX_BUNDLE_FRAME_BYTES,
        }
    }

    /// How much may wait to be sent to one peer.
    pub(crate) const fn queue(self) -> QueueBound {
        match self {
            Channel::Consensus => {
                QueueBound { frames: 1_024, bytes: 2 * 1024 * 1024, overflow: Overflow::DropOldest }
            }
            Channel::Bundles => QueueBound {
                frames: 128,
                bytes: 16 * 1024 * 1024,
                overflow: Overflow::RefuseNewest,
            },
        }
    }

    /// How much received from one peer may wait to be taken, in bytes.
    pub(crate) const fn budget_bytes(self) -> usize {
        match self {
            Channel::Consensus => 2 * 1024 * 1024,
            Channel::Bundles => 8 * 1024 * 1024,
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Channel::Consensus => 0,
            Channel::Bundles => 1,
        }
    }

    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Channel::Consensus => Protocol::Consensus,
            Channel::Bundles => Protocol::Bundles,
        }
    }
}

/// What a stream between two nodes is for. The names are part of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Hello, admission and heartbeats.
    Link,
    /// [`Channel::Consensus`].
    Consensus,
    /// [`Channel::Bundles`].
    Bundles,
    /// One request and its response.
    Sync,
}

impl Protocol {
    /// All of them, for a listener.
    pub(crate) const ALL: &'static [Protocol] =
        &[Protocol::Link, Protocol::Consensus, Protocol::Bundles, Protocol::Sync];

    /// As [`Protocol::ALL`], but one.
    pub(crate) const fn alone(self) -> &'static [Protocol] {
        match self {
            Protocol::Link => &[Protocol::Link],
            Protocol::Consensus => &[Protocol::Consensus],
            Protocol::Bundles => &[Protocol::Bundles],
            Protocol::Sync => &[Protocol::Sync],
        }
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        match self {
            Protocol::Link => "/hefu/link/1",
            Protocol::Consensus => "/hefu/consensus/1",
            Protocol::Bundles => "/hefu/bundles/1",
            Protocol::Sync => "/hefu/sync/1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::bounds;

    #[test]
    fn frames_hold_what_the_ledger_sends() {
        const { assert!(MAX_CONSENSUS_FRAME_BYTES >= bounds::MAX_CONSENSUS_MESSAGE_BYTES) };
        const { assert!(MAX_BUNDLE_FRAME_BYTES > bounds::MAX_BUNDLE_BYTES) };
        const { assert!(MAX_SYNC_RESPONSE_BYTES > bounds::MAX_STORED_BLOCK_BYTES) };
        for channel in Channel::ALL {
            let frame = channel.max_frame_bytes();
            assert!(channel.budget_bytes() >= 8 * (frame + FRAME_OVERHEAD_BYTES));
            assert!(channel.queue().bytes >= 8 * frame);
        }
    }
}
