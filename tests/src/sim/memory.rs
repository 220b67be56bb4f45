//! Signatures checked once in a run: every machine would check the same ones again, and the answer
//! depends on nothing but key, message and signature.

use std::cell::RefCell;
use std::collections::HashMap;

use hefu_contracts::exec::Verifier;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{H32, PublicKey, Signature, SignedTransaction};

/// Answers kept at most: a run of the longest kind makes some thousands.
const KEPT: usize = 100_000;

thread_local! {
    static ANSWERS: RefCell<HashMap<H32, bool>> = RefCell::default();
}

/// Forgets all answers; a run begins with none, so that no run depends on another.
pub(crate) fn forget() {
    ANSWERS.with_borrow_mut(HashMap::clear);
}

/// [`PublicKey::verify`], remembered by everything it depends on.
pub(crate) fn check(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let suite = [key.suite().number()];
    let parts: [&[u8]; 4] = [&suite, key.as_bytes(), &signature.0, message];
    answer(hash(Domain::Digest, &parts), || key.verify(message, signature))
}

fn answer(question: H32, verify: impl FnOnce() -> bool) -> bool {
    ANSWERS.with_borrow_mut(|answers| {
        if answers.len() >= KEPT {
            answers.clear();
        }
        *answers.entry(question).or_insert_with(verify)
    })
}

/// [`SignedTransaction::verify`], remembered: the id covers all that is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembers;

impl Verifier for Remembers {
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        let (id, suite) = (transaction.id(), [key.suite().number()]);
        let signature = transaction.signature();
        let parts: [&[u8]; 5] = [b"tx", &suite, key.as_bytes(), &signature.0, id.as_ref()];
        answer(hash(Domain::Digest, &parts), || transaction.verify(key))
    }

    /// Each is checked once in a run, with others or not.
    fn knows(&self, _: &SignedTransaction) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::KeyPair;

    #[test]
    fn answers_are_those_of_the_verifier() {
        let (pair, other) = (KeyPair::from_secret(&[1; 32]), KeyPair::from_secret(&[2; 32]));
        let good = pair.sign(b"message");
        let mut bad = good;
        bad.0[3] ^= 1;
        for _ in 0..2 {
            assert!(check(&pair.public(), b"message", &good));
            assert!(!check(&pair.public(), b"massage", &good));
            assert!(!check(&other.public(), b"message", &good));
            assert!(!check(&pair.public(), b"message", &bad));
        }
    }
}
