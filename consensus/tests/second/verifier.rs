//! Verification written a second time, from the description of the formats: its own bytes to sign,
//! its own key ids, its own counting, and another implementation of ZIP-215 (ed25519-zebra, on
//! another release of the curve). Of our code it uses the decoded types and nothing that computes.

use ed25519_zebra::{Signature, VerificationKey};
use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{CommitCertificate, ValidatorSet, VoteKind};

/// A point in which a verifier can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bent {
    /// Two thirds are enough.
    TwoThirds,
    /// A place may stand twice.
    Twice,
    /// The chain is not signed.
    AnyChain,
    /// Prevotes count as precommits.
    AnyKind,
    /// Power is one each.
    EqualPower,
    /// Signatures are checked without the cofactor.
    Cofactorless,
}

impl Bent {
    pub(crate) const ALL: [Self; 6] = [
        Self::TwoThirds,
        Self::Twice,
        Self::AnyChain,
        Self::AnyKind,
        Self::EqualPower,
        Self::Cofactorless,
    ];
}

/// The second verifier, for one ledger.
pub(crate) struct Second {
    pub(crate) chain: [u8; 32],
    pub(crate) bent: Option<Bent>,
}

/// The bytes of a CBOR head: major type and number in their shortest form.
fn head(out: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    match number {
        0..=23 => out.push(major | number as u8),
        24..=0xff => out.extend([major | 24, number as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend((number as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    head(out, 2, content.len() as u64);
    out.extend(content);
}

fn key_id(key: &[u8; 32]) -> [u8; 20] {
    let mut hasher = blake3::Hasher::new_derive_key("hefu v1 key id");
    hasher.update(&[1]).update(key);
    let digest = hasher.finalize();
    digest.as_bytes()[..20].try_into().unwrap()
}

impl Second {
    fn is_bent(&self, in_what: Bent) -> bool {
        self.bent == Some(in_what)
    }

    /// What is signed: a digest of chain and message in the context of their kind.
    fn digest(&self, context: &str, message: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.chain).update(message);
        *hasher.finalize().as_bytes()
    }

    fn vote_bytes(
        kind: u8,
        height: u64,
        round: u32,
        block: Option<[u8; 32]>,
        voter: &[u8; 20],
    ) -> Vec<u8> {
        let mut out = vec![0x85];
        head(&mut out, 0, u64::from(kind));
        head(&mut out, 0, height);
        head(&mut out, 0, u64::from(round));
        match block {
            Some(block) => bytes(&mut out, &block),
            None => out.push(0xf6),
        }
        bytes(&mut out, voter);
        out
    }

    fn is_signed(&self, key: &[u8; 32], digest: &[u8; 32], signature: &[u8; 64]) -> bool {
        if self.is_bent(Bent::Cofactorless) {
            let key = ed25519_dalek::VerifyingKey::from_bytes(key);
            let signature = ed25519_dalek::Signature::from_bytes(signature);
            use ed25519_dalek::Verifier;
            return key.is_ok_and(|key| key.verify(digest, &signature).is_ok());
        }
        let key = VerificationKey::try_from(*key);
        key.is_ok_and(|key| key.verify(&Signature::from(*signature), digest).is_ok())
    }

    pub(crate) fn vote(&self, signed: &SignedVote, set: &ValidatorSet) -> bool {
        let vote = &signed.vote;
        let kind = match vote.kind {
            VoteKind::Prevote => 0,
            VoteKind::Precommit => 1,
        };
        let mut members = set.validators().iter().map(|validator| *validator.key.as_bytes());
        let Some(key) = members.find(|key| key_id(key) == vote.validator.0) else { return false };
        let block = vote.block.map(|block| block.0);
        let message = Self::vote_bytes(kind, vote.height.0, vote.round.0, block, &vote.validator.0);
        self.is_signed(&key, &self.digest("hefu v1 vote", &message), &signed.signature.0)
    }

    pub(crate) fn proposal(&self, signed: &SignedProposal, set: &ValidatorSet) -> bool {
        let proposal = &signed.proposal;
        let mut members = set.validators().iter().map(|validator| *validator.key.as_bytes());
        let key = members.find(|key| key_id(key) == proposal.proposer.0);
        let Some(key) = key else { return false };
        let mut message = vec![0x85];
        head(&mut message, 0, proposal.height.0);
        head(&mut message, 0, u64::from(proposal.round.0));
        bytes(&mut message, &proposal.block.0);
        match proposal.pol_round {
            Some(round) => head(&mut message, 0, u64::from(round.0)),
            None => message.push(0xf6),
        }
        bytes(&mut message, &proposal.proposer.0);
        self.is_signed(&key, &self.digest("hefu v1 proposal", &message), &signed.signature.0)
    }

    /// Signatures of one kind of vote by strictly more than two thirds of the power.
    pub(crate) fn certificate(
        &self,
        kind: VoteKind,
        certificate: &CommitCertificate,
        set: &ValidatorSet,
    ) -> bool {
        let validators = set.validators();
        let mut signed = 0u128;
        let mut places = std::collections::BTreeSet::new();
        let mut before = None;
        for entry in &certificate.signatures {
            let place = usize::from(entry.index);
            let Some(validator) = validators.get(place) else { return false };
            let ordered = before.is_none_or(|before| before < place);
            let tolerated = self.is_bent(Bent::Twice) && before == Some(place);
            if !ordered && !tolerated {
                return false;
            }
            before = Some(place);
            let key = *validator.key.as_bytes();
            let kinds: &[u8] = match (self.is_bent(Bent::AnyKind), kind) {
                (true, _) => &[0, 1],
                (false, VoteKind::Prevote) => &[0],
                (false, VoteKind::Precommit) => &[1],
            };
            let (height, round) = (certificate.height.0, certificate.round.0);
            let good = kinds.iter().any(|kind| {
                let block = Some(certificate.block.0);
                let message = Self::vote_bytes(*kind, height, round, block, &key_id(&key));
                let mut digests = vec![self.digest("hefu v1 vote", &message)];
                if self.is_bent(Bent::AnyChain) {
                    let other = Self { chain: super::forge::OTHER_CHAIN, bent: None };
                    digests.push(other.digest("hefu v1 vote", &message));
                }
                digests.iter().any(|digest| self.is_signed(&key, digest, &entry.signature.0))
            });
            if !good {
                return false;
            }
            let power = if self.is_bent(Bent::EqualPower) { 1 } else { validator.power.0 };
            signed += u128::from(power);
            places.insert(place);
        }
        let all = validators.iter().map(|v| match self.is_bent(Bent::EqualPower) {
            true => 1,
            false => u128::from(v.power.0),
        });
        let all: u128 = all.sum();
        match self.is_bent(Bent::TwoThirds) {
            true => signed * 3 >= all * 2,
            false => signed * 3 > all * 2,
        }
    }
}
