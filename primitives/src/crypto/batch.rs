//! Many signatures at once, by the one predicate of [`crypto`](super).
//!
//! For signatures `(Aᵢ, Rᵢ, Sᵢ)` with challenges `kᵢ` and coefficients `zᵢ`, all are valid exactly when
//!
//! ```text
//! [8]( Σ zᵢ·Rᵢ + Σ (zᵢ·kᵢ)·Aᵢ − [Σ zᵢ·Sᵢ]B ) = identity
//! ```
//!
//! but for a chance of 2⁻¹²⁸ in the choice of the coefficients ("Fast batch verification for modular
//! exponentiation and digital signatures", Bellare, Garay, Rabin, 1998, §3; for Ed25519: "High-speed
//! high-security signatures", Bernstein et al., 2012, §5). The factor 8 is that of ZIP-215: every
//! error of small order vanishes here as it does in [`PublicKey::verify`], so that what a signature
//! is batched with never decides. Terms of equal keys are added up before they are multiplied.
//!
//! The coefficients are hashed from the whole batch instead of drawn: a forger fixes its signatures
//! before it can know them, and the same batch gives the same answer on every machine.

use std::collections::BTreeMap;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};

use super::{PublicKey, Signature, challenge, split};
use crate::hash::{Domain, hasher};

/// A signature to be checked.
#[derive(Clone, Copy, Debug)]
pub struct SignedMessage<'a> {
    /// Who is said to have signed.
    pub key: PublicKey,
    /// What.
    pub message: &'a [u8],
    /// With which signature.
    pub signature: Signature,
}

impl SignedMessage<'_> {
    /// As [`PublicKey::verify`].
    #[must_use]
    pub fn verify(&self) -> bool {
        self.key.verify(self.message, &self.signature)
    }
}

/// Fewer signatures than this are not quicker together.
const LEAST: usize = 3;

/// Whether every one of `signed` is valid; true for none. Time grows with their number, and with
/// that of their keys.
#[must_use]
pub fn verify_all(signed: &[SignedMessage<'_>]) -> bool {
    if signed.len() < LEAST {
        return signed.iter().all(SignedMessage::verify);
    }
    let mut terms = Vec::with_capacity(signed.len());
    for signed in signed {
        let Some(term) = Term::new(signed) else { return false };
        terms.push(term);
    }
    holds(&terms)
}

/// For each of `signed` whether it is valid. One that is not costs about twice the logarithm of the
/// number more batches, so a caller bounds how many it takes from one source.
#[must_use]
pub fn verify_each(signed: &[SignedMessage<'_>]) -> Vec<bool> {
    let mut valid = Vec::with_capacity(signed.len());
    // Halves that are still to be checked, the first one last.
    let mut open = vec![signed];
    while let Some(part) = open.pop() {
        if verify_all(part) {
            valid.extend(part.iter().map(|_| true));
        } else if part.len() < LEAST {
            valid.extend(part.iter().map(SignedMessage::verify));
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            open.extend([second, first]);
        }
    }
    valid
}

/// What one signature adds to the sum.
struct Term {
    key: [u8; 32],
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
    /// `R ‖ S`.
    signature: Signature,
}

impl Term {
    /// Nothing where a point or the scalar does not decode: such a signature is not valid.
    fn new(signed: &SignedMessage<'_>) -> Option<Self> {
        let (r, s) = split(&signed.signature)?;
        Some(Self {
            key: *signed.key.as_bytes(),
            r: r.decompress()?,
            s,
            k: challenge(&r, signed.key.as_bytes(), signed.message),
            signature: signed.signature,
        })
    }
}

#[allow(clippy::arithmetic_side_effects)] // group operations, not integers
fn holds(terms: &[Term]) -> bool {
    let mut base = Scalar::ZERO;
    let mut keys: BTreeMap<[u8; 32], Scalar> = BTreeMap::new();
    let coefficients = coefficients(terms);
    for (term, z) in terms.iter().zip(&coefficients) {
        base -= z * term.s;
        *keys.entry(term.key).or_insert(Scalar::ZERO) += z * term.k;
    }
    let mut points = Vec::with_capacity(keys.len());
    for key in keys.keys() {
        let Some(point) = CompressedEdwardsY(*key).decompress() else { return false };
        points.push(point);
    }
    let scalars = coefficients.iter().chain(keys.values()).chain([&base]);
    let points = terms.iter().map(|term| &term.r).chain(&points).chain([&ED25519_BASEPOINT_POINT]);
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// 128 bits for each term, which depend on everything in the batch.
fn coefficients(terms: &[Term]) -> Vec<Scalar> {
    let mut hasher = hasher(Domain::SignatureBatch);
    for term in terms {
        // The challenge stands for the message.
        hasher.update(&term.key).update(&term.signature.0).update(term.k.as_bytes());
    }
    let mut bits = hasher.finalize_xof();
    let draw = |_: &Term| {
        let mut z = [0; 16];
        bits.fill(&mut z);
        Scalar::from(u128::from_le_bytes(z))
    };
    terms.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::super::KeyPair;
    use super::super::tests::{small_order_encodings, with_order_added};
    use super::*;
    use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
    use proptest::prelude::*;

    /// A signature with what is to be signed, owned.
    #[derive(Clone, Debug)]
    struct Owned(PublicKey, Vec<u8>, Signature);

    fn borrowed(all: &[Owned]) -> Vec<SignedMessage<'_>> {
        let borrow = |Owned(key, message, signature): &Owned| (*key, message.len(), *signature);
        let of = all.iter().map(borrow).zip(all);
        of.map(|((key, _, signature), owned)| SignedMessage { key, message: &owned.1, signature })
            .collect()
    }

    fn good(key: u8, number: u8) -> Owned {
        let pair = KeyPair::from_secret(&[key; 32]);
        let message = vec![number; usize::from(number)];
        Owned(pair.public(), message.clone(), pair.sign(&message))
    }

    /// Valid under the cofactored rule alone: `R` carries a point of small order.
    fn torsioned(secret: u8, torsion: usize) -> Owned {
        let secret = [secret; 32];
        let pair = KeyPair::from_secret(&secret);
        let a = ed25519_dalek::SigningKey::from_bytes(&secret).to_scalar();
        let message = b"torsion".to_vec();
        let nonce = Scalar::from(9_u8);
        let r = (ED25519_BASEPOINT_TABLE * &nonce + EIGHT_TORSION[torsion]).compress();
        let k = challenge(&r, pair.public().as_bytes(), &message);
        let mut signature = Signature::ZERO;
        signature.0[..32].copy_from_slice(r.as_bytes());
        signature.0[32..].copy_from_slice((nonce + k * a).as_bytes());
        Owned(pair.public(), message, signature)
    }

    /// One signature of each kind, with whether it is valid.
    fn kind(kind: u8, number: u8) -> Owned {
        let mut owned = good(number % 3 + 1, number);
        match kind {
            0..=3 => owned,
            4 => torsioned(number % 3 + 1, usize::from(number % 8)),
            5 => {
                let encodings = small_order_encodings();
                owned.0 = PublicKey::ed25519(encodings[usize::from(number) % encodings.len()]);
                owned.2 = Signature::ZERO;
                owned.2.0[..32].copy_from_slice(&encodings[usize::from(number / 14) % 14]);
                owned
            }
            6 => {
                owned.2.0[usize::from(number) % 64] ^= 1 << (number % 8);
                owned
            }
            7 => {
                owned.1.push(0);
                owned
            }
            8 => {
                owned.2 = with_order_added(owned.2);
                owned
            }
            // No point has this encoding.
            _ => {
                owned.0 = PublicKey::ed25519([2; 32]);
                owned
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever a signature stands beside, and in whichever order: the answer is that of the
        /// single check.
        #[test]
        fn a_batch_says_what_each_check_says(
            drawn in prop::collection::vec((0..10_u8, 0..=255_u8), 0..24),
            turn in 0..24_usize,
        ) {
            let mut all: Vec<_> = drawn.iter().map(|(k, n)| kind(*k, *n)).collect();
            let turn = turn.min(all.len());
            all.rotate_left(turn);
            let signed = borrowed(&all);
            let single: Vec<_> = signed.iter().map(SignedMessage::verify).collect();
            prop_assert_eq!(verify_all(&signed), single.iter().all(|valid| *valid));
            prop_assert_eq!(verify_each(&signed), single);
        }

        /// Every batch around a crafted signature accepts it: a cofactorless rule accepts it or not
        /// by what stands beside it.
        #[test]
        fn company_does_not_decide(torsion in 0..8_usize, others in 3..12_u8, equal in any::<bool>()) {
            let crafted = torsioned(1, torsion);
            let mut all: Vec<_> = (0..others).map(|n| good(if equal { 1 } else { n + 1 }, n)).collect();
            all.push(crafted.clone());
            all.push(crafted);
            prop_assert!(verify_all(&borrowed(&all)));
        }
    }

    #[test]
    fn the_published_small_order_pairs_hold_together() {
        let encodings = small_order_encodings();
        let pair = |a: &[u8; 32], r: &[u8; 32]| {
            let mut signature = Signature::ZERO;
            signature.0[..32].copy_from_slice(r);
            Owned(PublicKey::ed25519(*a), b"Zcash".to_vec(), signature)
        };
        let all: Vec<_> =
            encodings.iter().flat_map(|a| encodings.iter().map(move |r| pair(a, r))).collect();
        assert_eq!(all.len(), 196);
        assert!(verify_all(&borrowed(&all)));
        let mut one_bad = all;
        one_bad[77].2.0[32] = 1;
        assert!(!verify_all(&borrowed(&one_bad)));
        let valid = verify_each(&borrowed(&one_bad));
        assert_eq!(valid.iter().position(|valid| !valid), Some(77));
        assert_eq!(valid.iter().filter(|valid| !**valid).count(), 1);
    }

    /// Two errors that cancel each other without coefficients do not cancel with them.
    #[test]
    fn errors_do_not_cancel() {
        let mut all: Vec<_> = (0..8).map(|number| good(number + 1, number)).collect();
        let one = Scalar::ONE;
        for (place, by) in [(2, one), (5, -one)] {
            let s: [u8; 32] = all[place].2.0[32..].try_into().unwrap();
            let moved = Scalar::from_canonical_bytes(s).unwrap() + by;
            all[place].2.0[32..].copy_from_slice(moved.as_bytes());
        }
        let valid = verify_each(&borrowed(&all));
        assert_eq!(valid, [true, true, false, true, true, false, true, true]);
    }
}
