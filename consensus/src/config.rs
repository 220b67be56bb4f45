//! What a replica is told once: the ledger, its key, and how long to wait.
//!
//! Timeouts change how fast a height is decided, never what is decided.

use hefu_primitives::{ChainId, KeyPair, PublicKey, SignatureCheck};

/// A replica's configuration; check it with [`Config::validate`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The ledger.
    pub chain: ChainId,
    /// The consensus key; none for an observer, which follows and never signs.
    pub key: Option<KeyPair>,
    /// How long the steps of a round wait.
    pub timeouts: Timeouts,
    /// Interval of the status exchange while a height is undecided, in milliseconds.
    pub resend_every_ms: u64,
    /// Interval of the status exchange while there is nothing to decide, in milliseconds.
    pub idle_status_every_ms: u64,
    /// Longest time without a block, in milliseconds after the time of the last one.
    pub heartbeat_ms: u64,
    /// How far a new proposal's time may be ahead of our clock, in milliseconds.
    pub max_clock_ahead_ms: u64,
    /// How long a peer may take to answer a request for blocks, in milliseconds.
    pub catch_up_timeout_ms: u64,
    /// Most blocks asked for at once, 1 to [`MAX_CATCH_UP_BLOCKS`](crate::MAX_CATCH_UP_BLOCKS).
    pub catch_up_blocks: u16,
    /// How long the first proposer of a height waits after the block before it, in milliseconds:
    /// what comes meanwhile shares its block, and blocks do not follow each other emptier and
    /// faster than it takes to make them. A bundle is there after one or two in one province, and a
    /// block takes longer than this anywhere; 0 waits for nothing.
    pub gather_ms: u64,
    /// How signatures of votes and proposals are checked.
    pub check: SignatureCheck,
}

impl Config {
    /// A configuration with the default durations.
    pub fn new(chain: ChainId, key: Option<KeyPair>) -> Self {
        Self {
            chain,
            key,
            timeouts: Timeouts::default(),
            resend_every_ms: 100,
            idle_status_every_ms: 1_000,
            heartbeat_ms: 60_000,
            max_clock_ahead_ms: 5_000,
            catch_up_timeout_ms: 5_000,
            catch_up_blocks: 32,
            gather_ms: 3,
            check: PublicKey::verify,
        }
    }

    /// Checks the relations between the fields.
    ///
    /// # Errors
    /// [`ConfigError`] names the first field that does not fit.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.timeouts.validate()?;
        let positive = [
            ("resend_every_ms", self.resend_every_ms),
            ("idle_status_every_ms", self.idle_status_every_ms),
            ("heartbeat_ms", self.heartbeat_ms),
            ("catch_up_timeout_ms", self.catch_up_timeout_ms),
            ("catch_up_blocks", u64::from(self.catch_up_blocks)),
        ];
        if let Some((field, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero { field });
        }
        if self.catch_up_blocks > crate::MAX_CATCH_UP_BLOCKS {
            return Err(ConfigError::TooManyBlocks { found: self.catch_up_blocks });
        }
        if self.idle_status_every_ms < self.resend_every_ms {
            return Err(ConfigError::IdleFasterThanBusy);
        }
        Ok(())
    }
}

/// Durations of the steps: a base, and what each further round adds, up to a cap; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Wait for a proposal.
    pub propose_ms: u64,
    /// Added to it in each further round.
    pub propose_delta_ms: u64,
    /// Wait for more prevotes after a quorum that does not agree.
    pub prevote_ms: u64,
    /// Added to it in each further round.
    pub prevote_delta_ms: u64,
    /// Wait for more precommits after a quorum that does not agree.
    pub precommit_ms: u64,
    /// Added to it in each further round.
    pub precommit_delta_ms: u64,
    /// No step waits longer than this.
    pub cap_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            propose_ms: 2_000,
            propose_delta_ms: 500,
            prevote_ms: 500,
            prevote_delta_ms: 250,
            precommit_ms: 500,
            precommit_delta_ms: 250,
            cap_ms: 60_000,
        }
    }
}

impl Timeouts {
    fn validate(&self) -> Result<(), ConfigError> {
        let bases = [
            ("propose_ms", self.propose_ms),
            ("prevote_ms", self.prevote_ms),
            ("precommit_ms", self.precommit_ms),
        ];
        for (field, base) in bases {
            if base == 0 {
                return Err(ConfigError::Zero { field });
            }
            if base > self.cap_ms {
                return Err(ConfigError::AboveCap { field });
            }
        }
        Ok(())
    }
}

/// Why a configuration does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A duration or count that must be positive is zero.
    #[error("{field} must not be zero")]
    Zero {
        /// Which.
        field: &'static str,
    },
    /// A base duration is longer than the cap.
    #[error("{field} is longer than cap_ms")]
    AboveCap {
        /// Which.
        field: &'static str,
    },
    /// More blocks in one request than a peer serves.
    #[error("catch_up_blocks is {found}, at most {} are served", crate::MAX_CATCH_UP_BLOCKS)]
    TooManyBlocks {
        /// The number configured.
        found: u16,
    },
    /// Idle status is exchanged more often than busy status.
    #[error("idle_status_every_ms is shorter than resend_every_ms")]
    IdleFasterThanBusy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_relations_are_checked() {
        let good = Config::new(ChainId([1; 32]), None);
        assert_eq!(good.validate(), Ok(()));
        let zero = Config { heartbeat_ms: 0, ..good.clone() };
        assert_eq!(zero.validate(), Err(ConfigError::Zero { field: "heartbeat_ms" }));
        let many = Config { catch_up_blocks: crate::MAX_CATCH_UP_BLOCKS + 1, ..good.clone() };
        assert!(matches!(many.validate(), Err(ConfigError::TooManyBlocks { .. })));
        let idle = Config { idle_status_every_ms: 99, ..good.clone() };
        assert_eq!(idle.validate(), Err(ConfigError::IdleFasterThanBusy));
        let timeouts = Timeouts { cap_ms: 1, ..Timeouts::default() };
        assert!(matches!(
            Config { timeouts, ..good }.validate(),
            Err(ConfigError::AboveCap { field: "propose_ms" })
        ));
    }
}
