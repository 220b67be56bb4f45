//! The acts of a workload. Each transaction is of one kind, by one authority; the kinds of a mixed
//! load come in the shares that its name promises, spread evenly.
//!
//! Nothing a load sends depends on the order in which it is taken: a licence whose status changes
//! is in one transaction only, and nobody decides on it.

use hefu_contracts::Act;
use hefu_contracts::certificate::{
    ResumeAttestation, RevocationKind, RevokeAttestation, SuspendAttestation,
};
use hefu_contracts::identity::Role;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, SignedTransaction};

use super::founding::Founding;
use super::sharing::Grants;
use super::work::{Licences, Work, attestation, in_parallel, office};
use super::{Stage, Workload};
use crate::demo::traffic::{decision, sign};
use crate::runtime::wall_clock;

/// Licences that decisions are on, if there are no more.
pub(super) const DECIDED: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Attest,
    Decide,
    Receipt,
    Status,
}

use Kind::{Attest as A, Decide as D, Receipt as R, Status as S};

/// 12 decisions, 5 receipts, 2 attestations and a change of status.
const MIXED: [Kind; 20] = [A, D, R, D, D, S, R, D, D, R, A, D, D, R, D, D, D, R, D, D];

/// The kind of a transaction, and how many of its kind came before it.
fn turn_of(workload: Workload, number: usize) -> (Kind, usize) {
    match workload {
        Workload::Attest => (A, number),
        Workload::Decide => (D, number),
        Workload::Mixed => {
            let place = number % MIXED.len();
            let kind = MIXED[place];
            let of_kind = |kinds: &[Kind]| kinds.iter().filter(|other| **other == kind).count();
            (kind, number / MIXED.len() * of_kind(&MIXED) + of_kind(&MIXED[..place]))
        }
    }
}

/// Licences whose status so many transactions change.
pub(super) fn statuses(workload: Workload, transactions: usize, acts_per_tx: usize) -> usize {
    match workload {
        Workload::Attest | Workload::Decide => 0,
        // Every office has as many.
        Workload::Mixed => {
            transactions.div_ceil(MIXED.len()).next_multiple_of(4) * acts_per_tx.div_ceil(2)
        }
    }
}

/// Makes the transactions of a load.
pub(super) struct Maker<'a> {
    pub(super) founding: &'a Founding,
    pub(super) workload: Workload,
    pub(super) acts_per_tx: usize,
    pub(super) licences: Licences,
    /// Of the licences, the last so many are those whose status changes.
    pub(super) statuses: usize,
    pub(super) grants: Grants,
    /// Where the licences and grants are on the ledger.
    pub(super) height: Height,
}

impl Maker<'_> {
    /// The transactions of a range of numbers.
    pub(super) fn make(
        &self,
        range: std::ops::Range<usize>,
        tell: &(dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Work> {
        let transactions = in_parallel(range, tell, |number| self.one(number))?;
        Ok(Work { transactions, acts_per_tx: self.acts_per_tx })
    }

    fn one(&self, number: usize) -> anyhow::Result<SignedTransaction> {
        let (kind, turn) = turn_of(self.workload, number);
        let chain = self.founding.genesis.hash();
        let (_, signer) = office(self.founding, turn)?;
        let places = 0..self.acts_per_tx;
        let (role, subject, acts): (_, _, Vec<Act>) = match kind {
            A => return attestation(self.founding, turn, self.acts_per_tx),
            D => {
                let acts =
                    places.map(|place| self.decide(turn, place)).collect::<Result<_, _>>()?;
                (Role::Verifier, "dec:bench", acts)
            }
            R => {
                let receipt = |place| self.grants.receipt(self.founding, turn, place);
                let acts = places.map(receipt).collect::<Result<_, _>>()?;
                (Role::Consumer, "rcp:bench", acts)
            }
            S => (Role::Issuer, "att:bench", places.map(|at| self.status(turn, at)).collect()),
        };
        sign(chain, signer, role, subject, &acts)
    }

    /// On a licence of another office, anywhere among all there are.
    fn decide(&self, turn: usize, place: usize) -> anyhow::Result<Act> {
        let offices = self.founding.issuers.len();
        let count = (self.licences.count() - self.statuses).max(1);
        // A large odd step: neighbours in time are far apart, and none is left out for long.
        let any = (turn * self.acts_per_tx + place).wrapping_mul(0x9e37_79b9_7f4a_7c15) % count;
        let own = any % offices == turn % offices;
        let number = if own { (any + 1) % count } else { any };
        Ok(decision(self.licences.id(number), self.height)?.into())
    }

    /// Of single acts in turn a suspension and a revocation, of several each suspension with its
    /// end.
    fn status(&self, turn: usize, place: usize) -> Act {
        let (offices, each) = (self.founding.issuers.len(), self.acts_per_tx.div_ceil(2));
        let of_office = turn / offices * each + place / 2;
        let first = self.licences.count() - self.statuses;
        let id = self.licences.id(first + of_office * offices + turn % offices);
        let (occurred_at, reason) = (wall_clock(), 1);
        let effective = Day::of_beijing(occurred_at);
        if place % 2 == 1 {
            return ResumeAttestation { id, reason, effective, occurred_at }.into();
        }
        if self.acts_per_tx == 1 && turn / offices % 2 == 1 {
            let kind = RevocationKind::Deregister;
            let (retroactive, evidence) = (false, None);
            return RevokeAttestation {
                id,
                kind,
                effective,
                retroactive,
                reason,
                evidence,
                occurred_at,
            }
            .into();
        }
        SuspendAttestation { id, reason, effective, until: None, occurred_at }.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_mixed_load_has_the_shares_that_it_promises() {
        let share = |kind| {
            let of_kind = (0..1_000).filter(|n| turn_of(Workload::Mixed, *n).0 == kind);
            of_kind.count() / 10
        };
        assert_eq!([D, R, A, S].map(share), [60, 25, 10, 5]);
    }

    #[test]
    fn turns_of_a_kind_count_from_zero_without_a_gap() {
        for kind in [A, D, R, S] {
            let turns = (0..200).map(|number| turn_of(Workload::Mixed, number));
            let turns: Vec<_> = turns.filter(|of| of.0 == kind).map(|of| of.1).collect();
            assert_eq!(turns, (0..turns.len()).collect::<Vec<_>>(), "{kind:?}");
        }
    }

    #[test]
    fn there_are_licences_for_every_change_of_status() {
        for (transactions, acts) in [(1, 1), (20, 1), (77, 1), (161, 100), (4_000, 3)] {
            let statuses = statuses(Workload::Mixed, transactions, acts);
            let each = acts.div_ceil(2);
            let mut seen = BTreeSet::new();
            for number in 0..transactions {
                let (kind, turn) = turn_of(Workload::Mixed, number);
                for place in (0..each).filter(|_| kind == S) {
                    let licence = (turn / 4 * each + place) * 4 + turn % 4;
                    assert!(licence < statuses, "{transactions} of {acts}");
                    assert!(seen.insert(licence));
                }
            }
        }
    }
}
