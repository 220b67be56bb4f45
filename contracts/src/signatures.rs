//! Signatures of many transactions, checked together.
//!
//! What is checked together is quicker and gets the same answers: the predicate of
//! [`hefu_primitives::crypto`] does not let a signature's company decide.

use std::collections::BTreeSet;

use hefu_primitives::crypto::batch::{SignedMessage, verify_all, verify_each};
use hefu_primitives::{ChainId, H32, KeyId, PublicKey, Signature, SignedTransaction, Suite, TxId};

use crate::act::Act;
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

/// Signatures that stand inside the acts of a block, checked together before the first is needed.
#[derive(Debug, Default)]
pub(crate) struct Cosignatures(BTreeSet<(H32, Signature, KeyId)>);

impl Cosignatures {
    /// Finds those that are valid under the keys in `view`. A key's id is its hash: one that a block
    /// binds, or binds again, is the same key.
    pub(crate) fn of<'a>(
        chain: &ChainId,
        acts: impl IntoIterator<Item = &'a Act>,
        view: &dyn StateView,
    ) -> Self {
        let cosigned = |act: &'a Act| {
            let Act::PutReceipt(put) = act else { return None };
            let cosignature = put.cosignature.as_ref()?;
            let key = KEYS.read_shared(view, &cosignature.key)?.key;
            let named = key.suite() == Suite::Ed25519Blake3 && key.id() == cosignature.key;
            named.then(|| (put.receipt.cosigned(chain), cosignature, key))
        };
        let found: Vec<_> = acts.into_iter().filter_map(cosigned).collect();
        let signed: Vec<_> = found
            .iter()
            .map(|(message, cosignature, key)| SignedMessage {
                key: *key,
                message: message.as_bytes(),
                signature: cosignature.signature,
            })
            .collect();
        let valid = found.iter().zip(verify_each(&signed)).filter(|(_, valid)| *valid);
        Self(valid.map(|((message, by, _), _)| (*message, by.signature, by.key)).collect())
    }

    /// Whether `key` signed the message; one that is not remembered is checked on its own.
    pub(crate) fn verify(&self, key: &PublicKey, message: H32, signature: &Signature) -> bool {
        self.0.contains(&(message, *signature, key.id()))
            || key.verify(message.as_bytes(), signature)
    }
}

impl Verifier for VerifiedTogether {
    /// A transaction that is not remembered is checked on its own.
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        let known = self.knows(transaction);
        (known && key.id() == transaction.claims().key) || transaction.verify(key)
    }

    fn knows(&self, transaction: &SignedTransaction) -> bool {
        self.0.contains(&named(transaction))
    }
}
