//! What the driver tells the replica.

use hefu_primitives::{
    Block, BlockId, ChainId, CommitCertificate, Height, KeyId, Millis, Round, ValidatorSet,
};

/// A connected peer, by its 32-byte node key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

/// The last block the application has stored durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its height; 0 before the first block.
    pub height: Height,
    /// Its id; the chain id's bytes before the first block.
    pub block: BlockId,
    /// Its header's time; the genesis time before the first block.
    pub time: Millis,
    /// Its certificate, to help peers that miss only this; none before the first block.
    pub certificate: Option<CommitCertificate>,
}

impl Tip {
    /// The state before height 1.
    pub fn genesis(chain: ChainId, time: Millis) -> Self {
        Self { height: Height(0), block: BlockId(chain.0), time, certificate: None }
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// No proposal came.
    Propose,
    /// Prevotes do not agree.
    Prevote,
    /// Precommits do not agree.
    Precommit,
    /// The proposer has waited long enough for something to record.
    Patience,
    /// No block for too long.
    Heartbeat,
    /// Exchange status with the peers.
    Status,
    /// A peer has not answered a request for blocks.
    CatchUp,
}

/// Names a timer. To the driver it is an opaque key: setting a timer again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    /// What it is for.
    pub kind: TimerKind,
    /// The height it belongs to.
    pub height: Height,
    /// The round it belongs to; 0 where rounds do not matter.
    pub round: Round,
}

/// A decided block fetched from a peer. The driver has checked that `body` holds exactly the
/// bundles that `block` names; the replica checks everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedBlock {
    /// Header and bundle ids.
    pub block: Block,
    /// What makes it final.
    pub certificate: CommitCertificate,
    /// The bundles, opaque to the replica and handed back with the commit.
    pub body: Vec<u8>,
}

/// An event for [`Replica::step`](crate::Replica::step).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // few exist at a time
pub enum Input {
    /// Once, first: replays the log and begins.
    Start,
    /// A timer set by [`Output::SetTimer`](crate::Output::SetTimer) has run out.
    Timer(TimerId),
    /// Bytes of a consensus message from a connected peer; nothing about them is trusted.
    Message {
        /// Who sent them (not necessarily who signed what is inside).
        from: PeerKey,
        /// The encoded [`Message`](crate::Message).
        bytes: Vec<u8>,
    },
    /// A registered peer is connected.
    PeerUp {
        /// Its node key.
        peer: PeerKey,
        /// The consensus key of the validator that runs it, if it is one. Votes of a validator
        /// that a peer is linked with need not be relayed to that peer.
        validator: Option<KeyId>,
    },
    /// A peer is no longer connected.
    PeerDown {
        /// Its node key.
        peer: PeerKey,
    },
    /// Whether the application has something to record. Holds until said otherwise, here or in
    /// [`Input::Committed`].
    Pending(bool),
    /// The answer to [`Output::Propose`](crate::Output::Propose): a block built, executed, and
    /// its bundles durable; or none, which leaves the round to its timeout.
    Proposed {
        /// As asked.
        height: Height,
        /// As asked.
        round: Round,
        /// The block.
        block: Option<Block>,
    },
    /// The answer to [`Output::Validate`](crate::Output::Validate). `valid` only after every
    /// bundle is durable and execution gave the header's roots.
    Validated {
        /// The block asked about.
        block: BlockId,
        /// Whether it may be voted for.
        valid: bool,
    },
    /// The answer to [`Output::Commit`](crate::Output::Commit): the block is durable.
    Committed {
        /// The height committed.
        height: Height,
        /// The block committed.
        block: BlockId,
        /// The validators of the *next* height; their hash must be the header's
        /// `next_validators`.
        next_validators: ValidatorSet,
        /// Whether there is still something to record (as [`Input::Pending`]).
        pending: bool,
    },
    /// The answer to [`Output::RequestBlocks`](crate::Output::RequestBlocks): consecutive blocks
    /// from the height asked for, no more bytes than the driver is willing to hold; empty when the
    /// peer has none or sent rubbish.
    Blocks {
        /// Who answered.
        from: PeerKey,
        /// Lowest height first.
        blocks: Vec<SyncedBlock>,
    },
}
