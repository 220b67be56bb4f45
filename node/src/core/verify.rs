//! Signatures of a block that nobody here has checked yet: of blocks that are fetched or replayed.
//!
//! They are checked together, on all cores when they are many; answers are those that each would get
//! alone.

use std::num::NonZero;
use std::panic::resume_unwind;

use hefu_contracts::exec::Verifier;
use hefu_contracts::signatures::VerifiedTogether;
use hefu_primitives::{PublicKey, SignedTransaction};

use super::view::Records;

/// Transactions for which another thread is worth its start.
const WORTH_A_THREAD: usize = 256;

/// What was known before, and what was checked together.
pub(super) struct Verified<'v> {
    before: &'v dyn Verifier,
    together: Vec<VerifiedTogether>,
}

impl<'v> Verified<'v> {
    /// Checks those that `before` does not know yet, under the keys in `records`.
    ///
    /// Unwinds as reads of [`Records`] do when the store fails.
    pub(super) fn of(
        transactions: &[&SignedTransaction],
        records: &Records,
        before: &'v dyn Verifier,
    ) -> Self {
        let known = |tx: &&&SignedTransaction| before.knows(tx);
        let new: Vec<&SignedTransaction> =
            transactions.iter().filter(|tx| !known(tx)).copied().collect();
        let check =
            |part: &[&SignedTransaction]| VerifiedTogether::each(part.iter().copied(), records);
        let together = match new.len() {
            0 => Vec::new(),
            few if few <= WORTH_A_THREAD => vec![check(&new)],
            many => std::thread::scope(|scope| {
                // Asked only here: the system reads files to answer.
                let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
                let each = many.div_ceil(cores).max(WORTH_A_THREAD);
                let parts: Vec<_> =
                    new.chunks(each).map(|part| scope.spawn(move || check(part))).collect();
                let done = parts.into_iter().map(|part| part.join());
                done.map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
            }),
        };
        Self { before, together }
    }
}

impl Verifier for Verified<'_> {
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        match self.together.iter().find(|part| part.knows(transaction)) {
            Some(part) => part.verify(transaction, key),
            None => self.before.verify(transaction, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::{World, memory};
    use hefu_contracts::exec::VerifyAlways;

    #[test]
    fn each_gets_the_answer_it_would_get_alone_on_any_number_of_threads() {
        let world = World::new();
        let ledger = world.open_with(memory()).unwrap();
        let sign =
            |number: usize| world.sign(&[world.attest(u8::try_from(number % 250).unwrap()).1]);
        let mut signed: Vec<SignedTransaction> = (0..2 * WORTH_A_THREAD + 3).map(sign).collect();
        for place in [0, WORTH_A_THREAD, 2 * WORTH_A_THREAD + 2] {
            let mut bytes = signed[place].as_bytes().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            signed[place] = SignedTransaction::decode(&bytes).unwrap();
        }
        let named = hefu_contracts::identity::KEYS
            .read(ledger.records(), &signed[0].claims().key)
            .expect("the signer is registered");
        for few in [0, 1, 3, signed.len()] {
            let some: Vec<_> = signed.iter().take(few).collect();
            let verified = Verified::of(&some, ledger.records(), &VerifyAlways);
            let valid = some.iter().filter(|tx| verified.verify(tx, &named.key)).count();
            assert_eq!(valid, some.iter().filter(|tx| tx.verify(&named.key)).count());
            assert_eq!(valid, few - few.min(1) - 2 * usize::from(few > 3));
        }
    }
}
