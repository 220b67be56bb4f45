//! Signatures of many transactions, checked together.
//!
//! What is checked together is quicker and gets the same answers: the predicate of
//! [`hefu_primitives::crypto`] does not let a signature's company decide.

use std::collections::BTreeSet;

use hefu_primitives::crypto::batch::{SignedMessage, verify_all, verify_each};
use hefu_primitives::{PublicKey, Signature, SignedTransaction, TxId};

use crate::exec::Verifier;
use crate::identity::KEYS;
use crate::state::StateView;

/// Remembers which transactions of a batch are signed with the key they name.
#[derive(Clone, Debug, Default)]
pub struct VerifiedTogether(BTreeSet<(TxId, Signature)>);

impl VerifiedTogether {
    /// For transactions of many sources: finds those that are signed with the keys in `view`,
    /// whatever the others are.
    pub fn each<'t>(
        transactions: impl IntoIterator<Item = &'t SignedTransaction>,
        view: &dyn StateView,
    ) -> Self {
        let (found, signed) = with_keys(transactions, view);
        let valid = found.into_iter().zip(verify_each(&signed)).filter(|(_, valid)| *valid);
        Self(valid.map(|(tx, _)| named(tx)).collect())
    }

    /// For transactions that are taken together or not at all: where one signature is not valid
    /// none is remembered, and who looks for it stops at the first.
    pub fn all<'t>(
        transactions: impl IntoIterator<Item = &'t SignedTransaction>,
        view: &dyn StateView,
    ) -> Self {
        let (found, signed) = with_keys(transactions, view);
        match verify_all(&signed) {
            true => Self(found.into_iter().map(named).collect()),
            false => Self::default(),
        }
    }
}

/// Those whose named key is known, and what is to be checked of each.
fn with_keys<'t>(
    transactions: impl IntoIterator<Item = &'t SignedTransaction>,
    view: &dyn StateView,
) -> (Vec<&'t SignedTransaction>, Vec<SignedMessage<'t>>) {
    let with_key = |tx: &'t SignedTransaction| {
        let record = KEYS.read_shared(view, &tx.claims().key)?;
        Some((tx, tx.signed_message(&record.key)?))
    };
    transactions.into_iter().filter_map(with_key).unzip()
}

fn named(tx: &SignedTransaction) -> (TxId, Signature) {
    (tx.id(), *tx.signature())
}

impl Verifier for VerifiedTogether {
    /// A transaction that is not remembered is checked on its own.
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        let known = self.0.contains(&named(transaction));
        (known && key.id() == transaction.claims().key) || transaction.verify(key)
    }
}
