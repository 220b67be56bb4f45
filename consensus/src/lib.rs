//! # hefu-consensus
//!
//! A sans-IO BFT [`Replica`]: it is told events ([`Input`]) with the time, and returns what to do
//! ([`Output`]). It knows neither sockets, disks, clocks nor what a transaction means. The core is
//! Tendermint (`arc-malachitebft-core-consensus`, whose types do not leave this crate); around it
//! stands what a core leaves open: signing, the log, timers, dissemination, catch-up, evidence and
//! changes of the validator set.
//!
//! ## Contract of the driver
//!
//! Call [`Replica::new`], feed [`Input::Start`], then every event through [`Replica::step`], one
//! at a time, and act on the outputs in their order:
//!
//! | output | the driver |
//! |---|---|
//! | `Persist` | appends to the log; all entries so far are durable before an output for which [`Output::needs_durable_log`] holds is acted upon; one sync for several entries is fine, other entries may stay unsynced until then |
//! | `Broadcast`, `Send` | encodes and sends; may lose, duplicate, delay, reorder |
//! | `SetTimer`, `CancelTimer` | keeps one timer for each [`TimerId`]; feeds `Timer` when it runs out; a timer that is late, or fires after it was cancelled, does no harm |
//! | `Propose` | builds and executes a block on the tip, makes its bundles durable, answers `Proposed`; an empty block is welcome (the heartbeat is due, or another validator's turn to record must come) |
//! | `Validate` | gets the bundles, makes them durable, executes, compares the header's protocol, roots, log size, next validators and parameters, answers `Validated`; `valid: true` only once they are durable, `false` only if the block can never be valid; while bundles are missing it does not answer |
//! | `Commit` | executes if it has not, stores block and certificate durably, answers `Committed`; other inputs may be fed in between; log entries up to this height may be dropped after the block is durable |
//! | `RequestBlocks` | asks the peer; checks that bodies are the bundles that the blocks name; answers `Blocks` (empty on failure) |
//! | `Evidence` | keeps it, hands it on ([`Message::Evidence`]) and has it recorded on the ledger (after a restart it may come again) |
//! | `Heard` | verifies it against the set of its height, then as `Evidence` |
//! | `Misbehaviour` | lowers the peer's score |
//! | `Halt` | stops the process with the reason; the replica gives nothing more |
//!
//! `Pending` is a level, not an edge. After a restart the driver builds a new replica from the
//! stored tip and the log. If executing a `Commit` gives other roots than its header, this machine
//! computes otherwise than two thirds of the validators: stop, never skip.
//!
//! ## The protocol
//!
//! 1. **Heights and rounds** are Tendermint's (Buchman, Kwon, Milosevic, 2018): proposal, prevote,
//!    precommit; a block is final with precommits of more than 2/3 of the power in one round.
//! 2. **Turns** go round-robin over the set by height + round ([`rotation`]).
//! 3. **Proposals** carry the block: header and bundle ids. A block keeps the round and proposer
//!    of its first proposal; proposed again it names the round of the quorum that allows it.
//! 4. **A block is voted for** only if its header follows from the tip (chain, height, parent,
//!    set, turn, later time), its bundle ids are the header's, and the application executed it to
//!    the same roots. It is executed once its round has begun, so that no proposer makes us execute
//!    its later turns now. A first proposal more than `max_clock_ahead_ms` ahead of our clock waits
//!    for the clock; no clock touches anything else. Prevotes of more than 1/3 end either wait.
//! 5. **A height begins** when there is something to record, when a verified proposal or vote of
//!    it arrives, or when the heartbeat is due. A proposer with nothing to record waits half the
//!    proposal timeout before it proposes an empty block.
//!    The wait for more precommits ends at once when those for nil rule a decision out.
//! 6. **Log**: whatever is fed to the core is logged, in order; what bears a new signature of ours
//!    is broadcast only when the log is durable that far. Replayed, the log gives the same state.
//! 7. **Signer**: it refuses a second, different message for a height, round and kind, whatever
//!    the core says. A valid signature of ours that it does not know stops the process.
//! 8. **Dissemination**: our messages are broadcast; a message of others is relayed once to peers
//!    that are not linked with its author. Every interval each replica broadcasts what it holds
//!    ([`Status`]) and is sent what it lacks: votes, proposal, quorums, the last certificate.
//! 9. **Admission**: bytes are bounded and paid for by the peer, then decoded, then verified
//!    (membership, signature), then kept and fed. Only this height is handled, the next one
//!    waits, 10 rounds ahead are accepted; further only votes of more than 1/3 of the power.
//! 10. **Catch-up**: a replica behind asks one peer at a time for blocks, verifies each against
//!     the set that the commit before gave, and commits them by the path of rule 1's blocks.
//! 11. **Sets**: `Committed` brings the set of the next height, whose hash the header named.
//! 12. **Evidence** ([`Equivocation`]) is given the moment a contradiction is seen.
//!
//! **Deviations.** From Tendermint: rule 5; a replica counts both of two contradicting votes
//! towards a certificate (it proves what it proves), where the core counts the first. From the
//! core: its rebroadcast, its queue of later heights, its sync and its evidence are not used.
//!
//! **Safety.** Two blocks of one height need two quorums of precommits, which share an honest
//! validator. In one round it precommits once (rules 6, 7). Across rounds, having precommitted it
//! is locked and prevotes another block only with a later quorum of prevotes for it, none of which
//! can be the first to exist; the lock survives a crash because everything that led to it stands
//! in the log before the precommit does, and a log cut off later than what was sent replays to a
//! state at or after the one that sent it. The fetched block of rule 10 has the same certificate.
//!
//! **Liveness.** After the network calms, rule 8 brings every honest replica what any of them
//! holds within some intervals for each link between them, and timeouts grow with the round.
//!
//! ## The core's traps, and the test of each
//!
//! | trap | here | test |
//! |---|---|---|
//! | 1 a handler's error is logged and passed over | the handler cannot fail; it remembers, and the replica halts | `the_signer_refuses_what_the_log_forbids` |
//! | 2 little is sent again | rule 8 | `helps_a_peer_with_what_it_lacks`, every simulation |
//! | 3 later heights are queued unverified | rule 9 | `far_heights_and_rounds_are_dropped`, `messages_of_the_next_height_wait`, `few_bytes_wait_for_the_next_height`, `a_flood_is_cut_off_once` |
//! | 4 every value is valid in one mode | the other mode; value = block id | `votes_nil_for_what_the_application_refuses` |
//! | 5 timeouts carry no height | [`TimerId`] does | `stale_timers_are_dropped` |
//! | 6 replay publishes the whole height again | only the latest round | `a_restart_repeats_only_the_latest_round` |
//! | 7 a bad certificate panics; replay may diverge | verified here, both halt | `a_diverging_replay_halts` |
//! | 8 a proposal before its body is durable | block, then proposal, both after `Validated` | `votes_nil_for_what_the_application_refuses` |
//! | 9 a target time reads a clock | none is given | `a_seed_is_a_history` |
//! | 10 evidence lives for one height in memory | rule 12 | `two_votes_of_one_validator_are_evidence_once_and_relayed` |
//! | 11 one lock against double signing | rule 7 | `signs_again_but_never_otherwise`, `our_signature_that_the_log_does_not_hold_halts` |

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::disallowed_types, clippy::disallowed_methods))]
#![cfg_attr(not(test), deny(clippy::float_arithmetic))]
#![cfg_attr(test, allow(clippy::disallowed_types, clippy::disallowed_methods))] // tests measure and start processes

pub mod config;
pub mod header;
pub mod held_back;
pub mod input;
pub mod message;
pub mod output;
pub mod rotation;
pub mod wal;

mod core;
mod peers;
mod replica;
mod signer;
#[cfg(test)]
mod testing;
mod votes;

pub use config::{Config, ConfigError, Timeouts};
pub use header::HeaderError;
pub use hefu_primitives::evidence::{self, Equivocation};
pub use held_back::HeldBack;
pub use input::{Input, PeerKey, SyncedBlock, TimerId, TimerKind, Tip};
pub use message::{Message, PolkaCertificate, Status};
pub use output::{Halt, Output, PeerFault, StartError};
pub use replica::{Load, Replica};
pub use rotation::proposer;
pub use wal::{WaitStep, WalEntry};

/// Most blocks in one answer to a request for blocks.
pub const MAX_CATCH_UP_BLOCKS: u16 = 64;
