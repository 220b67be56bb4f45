//! What the replica asks of the driver.
//!
//! Outputs are in order. The one rule about order: before an output for which
//! [`Output::needs_durable_log`] holds is acted upon, every [`Output::Persist`] given before it (in
//! this list or an earlier one) is durable. Other persists may wait for the next such output:
//! nothing that left this machine depends on them.

use hefu_primitives::vote::CertificateError;
use hefu_primitives::{Block, CommitCertificate, Height, Millis, Round};

use crate::header::HeaderError;
use crate::input::{PeerKey, TimerId};
use crate::message::Message;
use crate::wal::WalEntry;
use hefu_primitives::Equivocation;

/// A request of the replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Append to the write-ahead log.
    Persist(WalEntry),
    /// Send to every connected peer.
    Broadcast(Message),
    /// Send to one peer; dropped silently if it is gone.
    Send(PeerKey, Message),
    /// Feed [`Input::Timer`](crate::Input::Timer) after a delay. Replaces a timer of this id.
    SetTimer {
        /// The timer.
        id: TimerId,
        /// The delay, in milliseconds.
        after_ms: u64,
    },
    /// Forget a timer; it may already have run out.
    CancelTimer(TimerId),
    /// Build and execute a block, make its bundles durable, answer
    /// [`Input::Proposed`](crate::Input::Proposed).
    Propose {
        /// Height to build for.
        height: Height,
        /// Round for the header.
        round: Round,
        /// Time for the header: our clock, but later than the parent's.
        time: Millis,
    },
    /// Fetch missing bundles (first from `from`), make them durable, execute, compare what follows
    /// from execution (protocol, roots, log size, next validators, parameters), answer
    /// [`Input::Validated`](crate::Input::Validated). A request for a height already committed may
    /// be dropped.
    Validate {
        /// The block; the replica has checked the parts of its header that consensus knows.
        block: Block,
        /// The peer that sent it; none when it comes from our own log.
        from: Option<PeerKey>,
    },
    /// The block is final: execute it if that has not happened, store it durably, answer
    /// [`Input::Committed`](crate::Input::Committed). Log entries up to its height may then be
    /// dropped.
    Commit {
        /// The block.
        block: Block,
        /// What makes it final; verified.
        certificate: CommitCertificate,
        /// The bundles when the block was fetched in catch-up; none when the application has
        /// validated or built it.
        body: Option<Vec<u8>>,
    },
    /// Ask a peer for decided blocks, answer [`Input::Blocks`](crate::Input::Blocks).
    RequestBlocks {
        /// Whom to ask.
        peer: PeerKey,
        /// First height wanted.
        from: Height,
        /// How many at most.
        count: u16,
    },
    /// A validator signed two contradicting messages: keep this, record it on the ledger.
    Evidence(Equivocation),
    /// A peer hands on evidence. Nothing about it is verified but that the peer has paid for two
    /// signatures: the driver knows the set of its height.
    Heard {
        /// Who.
        from: PeerKey,
        /// What.
        evidence: Equivocation,
    },
    /// A peer sent something no honest peer sends: lower its score.
    Misbehaviour {
        /// The peer.
        peer: PeerKey,
        /// What it did.
        fault: PeerFault,
    },
    /// Stop this process: a rule of our own is broken. Nothing else is given from here on.
    Halt(Halt),
}

impl Output {
    /// Whether earlier [`Output::Persist`]s must be durable before this is acted upon.
    ///
    /// Only what bears a new signature of ours needs it, and that is always broadcast. What is
    /// sent to single peers was signed by others or broadcast before; a status promises nothing;
    /// and a certificate stands without the log.
    pub const fn needs_durable_log(&self) -> bool {
        matches!(self, Self::Broadcast(message) if !matches!(message, Message::Status(_)))
    }
}

/// What no honest peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerFault {
    /// Bytes that are no message, or too many.
    #[error("not a consensus message")]
    Malformed,
    /// A signature that does not verify, or of nobody in the set.
    #[error("a signature does not verify")]
    Signature,
    /// A proposal from a validator whose turn it was not, or that contradicts its own block.
    #[error("a proposal that is none")]
    Proposal,
    /// A certificate that proves nothing.
    #[error("a certificate that proves nothing")]
    Certificate,
    /// More than its share of bytes and signature checks.
    #[error("too many messages")]
    Budget,
    /// Evidence that proves nothing.
    #[error("evidence that proves nothing")]
    Evidence,
    /// Blocks asked for did not verify.
    #[error("blocks that do not verify")]
    Blocks,
    /// Blocks asked for did not come.
    #[error("no answer to a request for blocks")]
    Silent,
}

/// Why the process must stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The configuration or the log does not fit the stored tip.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The core returned an error; its text is for the operator.
    #[error("the consensus core failed at height {height}: {reason}")]
    Core {
        /// Height being decided.
        height: Height,
        /// The core's words.
        reason: String,
    },
    /// The signer was asked to contradict itself.
    #[error("refused to sign a second, different {what} at height {height}, round {round}")]
    DoubleSign {
        /// What kind of message.
        what: &'static str,
        /// Its height.
        height: Height,
        /// Its round.
        round: Round,
    },
    /// A message with our valid signature exists that our log does not hold: the log was lost or
    /// an old copy restored, or the key runs elsewhere.
    #[error(
        "our signature on a {what} at height {height}, round {round} is not in our log: the log was lost, restored from an old copy, or the key is used elsewhere"
    )]
    UnknownOwnSignature {
        /// What kind of message.
        what: &'static str,
        /// Its height.
        height: Height,
        /// Its round.
        round: Round,
    },
    /// The certificate built from verified precommits does not verify.
    #[error("the certificate of height {height} does not verify: {error}")]
    Certificate {
        /// Height decided.
        height: Height,
        /// Why.
        error: CertificateError,
    },
    /// A block was decided that we do not hold.
    #[error("height {height} was decided on a block that is not here")]
    MissingBlock {
        /// Height decided.
        height: Height,
    },
    /// Our application built a block with a wrong header.
    #[error("our own block for height {height} is wrong: {error}")]
    OwnBlock {
        /// Its height.
        height: Height,
        /// Why.
        error: HeaderError,
    },
    /// The validators given with a commit are not those the header names.
    #[error("the next validators of height {height} are not those of its header")]
    NextValidators {
        /// The height committed.
        height: Height,
    },
    /// The driver broke the contract of inputs.
    #[error("the driver broke the contract: {0}")]
    Contract(&'static str),
}

/// Why a replica cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The log knows heights that the store has not: a disk was lost or an old copy restored.
    /// Fetch blocks as an observer up to the log's height, then start again.
    #[error("the log is at height {log}, the store only at {tip}: blocks were lost")]
    LogAhead {
        /// Highest height in the log.
        log: Height,
        /// The stored tip.
        tip: Height,
    },
    /// The tip's certificate is not of the tip.
    #[error("the certificate of the tip is of another block")]
    TipCertificate,
    /// No heights are left.
    #[error("no height is left after the tip")]
    LastHeight,
}
