//! Deliberately broken machines: what each breaks, and the checker that must notice.
//!
//! In a run with a mutant the other checkers are deaf, so that each is shown to work by itself.

use std::fmt;

use super::byzantine::Kind;
use super::index::Leak;
use super::plan::{Fault, Plan};
use super::registrar::Change;

/// A broken machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The log of consensus is written and never synced.
    LogNotSynced,
    /// Blocks are written and never synced.
    BlocksNotSynced,
    /// Two of four validators lie, together.
    TooManyLiars,
    /// Bundles from peers are taken without a look at their signatures.
    OpenDoor,
    /// One machine commits what is proposed without waiting for anybody's vote.
    CommitsUnasked,
    /// The ids of committed transactions are forgotten.
    SeenLost,
    /// Records are lost on the way to the index, everywhere alike.
    RecordsLost,
    /// Nobody answers a request for blocks.
    ServesNothing,
    /// The pool has no bound.
    PoolUnbounded,
    /// The log is put back to an earlier copy after a crash.
    OldBackup,
    /// One machine scrambles what it sends.
    Scrambles,
    /// Another validator set decides a height later than it must, everywhere alike.
    SetsLate,
    /// One machine verifies certificates with the validators before the last change.
    FormerSet,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::LogNotSynced,
        Self::BlocksNotSynced,
        Self::TooManyLiars,
        Self::OpenDoor,
        Self::CommitsUnasked,
        Self::SeenLost,
        Self::RecordsLost,
        Self::ServesNothing,
        Self::PoolUnbounded,
        Self::OldBackup,
        Self::Scrambles,
        Self::SetsLate,
        Self::FormerSet,
    ];

    /// The checker that must catch it.
    pub const fn checker(self) -> &'static str {
        match self {
            Self::LogNotSynced => "double-sign",
            Self::BlocksNotSynced => "append-only",
            Self::TooManyLiars => "agreement",
            Self::OpenDoor | Self::CommitsUnasked | Self::SetsLate => "validity",
            Self::SeenLost => "exactly-once",
            Self::RecordsLost => "state-root",
            Self::ServesNothing => "liveness",
            Self::PoolUnbounded => "bounds",
            Self::OldBackup | Self::FormerSet => "steady",
            Self::Scrambles => "accusation",
        }
    }

    /// Adds the faults without which nobody could notice.
    pub(crate) fn prepare(self, plan: Plan) -> Plan {
        use Fault::{Attackers, Crashes, Delay, Loss, Membership, PowerLoss, RoughClients};
        let with = |faults: &[Fault]| {
            let faults = faults.iter().copied().collect();
            Plan { faults, stories: 12, loss: 100, delay_ms: 80, ..plan.clone() }
        };
        let lie = |plan: Plan, attackers| Plan { attackers, ..plan };
        match self {
            Self::LogNotSynced | Self::OldBackup => {
                Plan { crashes: 12, ..with(&[Crashes, PowerLoss, Loss, Delay]) }
            }
            Self::BlocksNotSynced => with(&[Crashes, PowerLoss]),
            Self::TooManyLiars => {
                lie(with(&[Attackers]), vec![(0, Kind::TwoFaced), (1, Kind::TwoFaced)])
            }
            Self::OpenDoor => lie(with(&[Attackers]), vec![(1, Kind::Forger)]),
            Self::CommitsUnasked | Self::Scrambles => with(&[]),
            Self::SeenLost | Self::RecordsLost => with(&[RoughClients]),
            Self::ServesNothing => Plan { crashes: 8, loss: 250, ..with(&[Crashes, Loss]) },
            Self::SetsLate | Self::FormerSet => {
                Plan { change: Change::Join, ..with(&[Membership]) }
            }
            Self::PoolUnbounded => {
                let plan = Plan { loss: 1000, fault_ms: 4_000, ..with(&[Loss]) };
                Plan { stories: 1_500, pool_bytes: usize::MAX, ..plan }
            }
        }
    }

    /// What its index does wrong.
    pub(crate) const fn leak(self) -> Option<Leak> {
        match self {
            Self::SeenLost => Some(Leak::Seen),
            Self::RecordsLost => Some(Leak::Attestations),
            Self::SetsLate => Some(Leak::OldSets),
            _ => None,
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::LogNotSynced => "the log is never synced",
            Self::BlocksNotSynced => "blocks are never synced",
            Self::TooManyLiars => "half of the validators lie",
            Self::OpenDoor => "bundles are taken unverified",
            Self::CommitsUnasked => "a block is committed without votes",
            Self::SeenLost => "committed ids are forgotten",
            Self::RecordsLost => "records are lost in the index",
            Self::ServesNothing => "nobody serves blocks",
            Self::PoolUnbounded => "the pool has no bound",
            Self::OldBackup => "an old log is put back",
            Self::Scrambles => "messages are scrambled",
            Self::SetsLate => "new validators decide a height too late",
            Self::FormerSet => "one machine verifies with former validators",
        };
        f.write_str(name)
    }
}
