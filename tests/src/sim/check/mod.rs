//! What must never happen, and what must at last: one checker a file.
//!
//! Checkers hear facts of honest machines; what liars do is only heard through them. Each has a
//! mutant that it must catch by itself (see `mutant`).

mod accusation;
mod agreement;
mod append_only;
mod bounds;
mod double_sign;
mod exactly_once;
mod liveness;
mod state_root;
mod steady;
mod validity;

use std::fmt;
use std::sync::Arc;

use hefu_consensus::{Equivocation, Load, Message, PeerFault};
use hefu_node::core::{Committed, StoredBlock, Tip};
use hefu_primitives::{Height, KeyId, SignedTransaction, TxId, ValidatorSet};

use super::founders::Founders;
use super::history::History;
use super::machine::Machine;

/// A rule that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who noticed.
    pub checker: &'static str,
    /// What.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.what)
    }
}

/// Something that happened to an honest machine, or between it and a client.
pub(crate) enum Fact<'a> {
    /// It sends a consensus message.
    Sent { message: &'a Message },
    /// It says that a block is final and durable; who decided its height.
    Committed { node: usize, committed: &'a Committed, validators: Option<&'a ValidatorSet> },
    /// The block of a height is seen to be final for the first time, on any machine; heights come
    /// in their order.
    Final { stored: &'a Arc<StoredBlock>, executed: &'a Result<(), String> },
    /// It has started; it may have lost blocks by no fault of its own.
    Booted { node: usize, tip: &'a Tip, lost_blocks: bool },
    /// It did not start, or stopped itself.
    Stopped { node: usize, reason: &'a str },
    /// It says that a peer misbehaved; whether that one is honest.
    Accused { node: usize, of: usize, honest: bool, fault: PeerFault },
    /// It, or the ledger, says that a validator contradicted itself; who validated that height.
    Evidence {
        node: Option<usize>,
        evidence: &'a Equivocation,
        validators: Option<&'a ValidatorSet>,
    },
    /// A client has made a transaction.
    Submitted { tx: &'a SignedTransaction },
    /// A node has told the client that it is applied.
    Acknowledged { tx: TxId, height: Height },
    /// What it holds after a step, and how much came out of it.
    Measured { node: usize, pool_bytes: usize, outputs: usize, log_bytes: u64, load: Load },
    /// The faults have stopped long ago, and still not everything is settled.
    TimeUp { heights: Vec<Option<u64>>, unsettled: usize },
}

/// The end of a run.
pub(crate) struct End<'a> {
    /// All machines.
    pub(crate) machines: &'a [Machine],
    /// Which of them are honest.
    pub(crate) honest: &'a [bool],
    /// What we executed ourselves.
    pub(crate) history: &'a History,
}

impl<'a> End<'a> {
    /// The honest machines with their places.
    fn honest(&self) -> impl Iterator<Item = (usize, &'a Machine)> {
        self.machines.iter().enumerate().filter(|(place, _)| self.honest[*place])
    }
}

/// A rule. Errors say what was seen.
pub(crate) trait Checker {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Hears a fact.
    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String>;

    /// Looks at what is left at the end.
    fn finish(&mut self, _end: &End<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// All checkers, or one.
pub(crate) struct Panel {
    checkers: Vec<Box<dyn Checker>>,
}

impl Panel {
    /// The checkers of a run; with `only`, that one alone.
    pub(crate) fn new(
        founders: &Arc<Founders>,
        liars: Vec<KeyId>,
        pool_bytes: usize,
        only: Option<&str>,
    ) -> Self {
        let chain = founders.genesis.hash();
        let mut checkers: Vec<Box<dyn Checker>> = vec![
            Box::<agreement::Agreement>::default(),
            Box::new(validity::Validity::new(founders.clone())),
            Box::new(double_sign::DoubleSign::new(liars.clone())),
            Box::<append_only::AppendOnly>::default(),
            Box::new(state_root::StateRoot),
            Box::<exactly_once::ExactlyOnce>::default(),
            Box::new(liveness::Liveness),
            Box::new(bounds::Bounds::new(pool_bytes, founders.validators.len() + 1)),
            Box::new(steady::Steady),
            Box::new(accusation::Accusation::new(chain, liars)),
        ];
        checkers.retain(|checker| only.is_none_or(|only| checker.name() == only));
        Self { checkers }
    }

    pub(crate) fn hear(&mut self, fact: &Fact<'_>) -> Result<(), Violation> {
        self.each(|checker| checker.hear(fact))
    }

    pub(crate) fn finish(&mut self, end: &End<'_>) -> Result<(), Violation> {
        self.each(|checker| checker.finish(end))
    }

    fn each(
        &mut self,
        mut ask: impl FnMut(&mut dyn Checker) -> Result<(), String>,
    ) -> Result<(), Violation> {
        self.checkers.iter_mut().try_for_each(|checker| {
            ask(checker.as_mut()).map_err(|what| Violation { checker: checker.name(), what })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Mutant;

    #[test]
    fn every_checker_has_its_mutant() {
        let founders = super::super::founders::founders(4).unwrap();
        let panel = Panel::new(&founders, Vec::new(), 1, None);
        for checker in &panel.checkers {
            let caught = Mutant::ALL.iter().any(|mutant| mutant.checker() == checker.name());
            assert!(caught, "{} has no negative control", checker.name());
        }
    }
}
