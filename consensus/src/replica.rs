//! The replica.

use hefu_primitives::{Height, Millis, ValidatorSet};

use crate::config::Config;
use crate::input::{Input, Tip};
use crate::output::{Output, StartError};
use crate::wal::WalEntry;

/// One replica of the ledger's consensus, without input and output.
#[derive(Debug)]
pub struct Replica {
    tip: Tip,
}

impl Replica {
    /// A replica on top of the stored tip. `validators` decide the height after the tip; `wal`
    /// holds the entries of the log in order (those of stored heights are ignored).
    ///
    /// # Errors
    /// [`StartError`] when the parts do not fit each other.
    pub fn new(
        config: Config,
        tip: Tip,
        validators: ValidatorSet,
        wal: Vec<WalEntry>,
    ) -> Result<Self, StartError> {
        config.validate()?;
        let _ = (validators, wal);
        Ok(Self { tip })
    }

    /// Advances by one event. Deterministic; `now` is the wall clock and may stand still or jump.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Output> {
        let _ = (now, input);
        Vec::new()
    }

    /// The height being decided.
    pub fn height(&self) -> Height {
        self.tip.height.next()
    }
}
