//! A second verifier of votes, proposals and certificates, against ours: on what honest validators
//! sign, on every kind of change to it, and on the keys and signatures that verifiers of Ed25519
//! are known to disagree about.

#[path = "second/verifier.rs"]
mod verifier;

#[path = "second/forge.rs"]
mod forge;

use std::collections::BTreeMap;

use forge::{Forge, Kind};
use hefu_consensus::PolkaCertificate;
use hefu_primitives::{ChainId, CommitCertificate, ValidatorSet, VoteKind};
use proptest::prelude::*;
use verifier::{Bent, Second};

/// How often each sort of certificate was valid and was not.
type Tally = BTreeMap<&'static str, [usize; 2]>;

fn ours(case: &forge::Case, chain: ChainId, set: &ValidatorSet) -> bool {
    let CommitCertificate { height, round, block, signatures } = case.certificate.clone();
    match case.kind {
        VoteKind::Precommit => case.certificate.verify(&chain, set).is_ok(),
        VoteKind::Prevote => {
            PolkaCertificate { height, round, block, signatures }.verify(&chain, set)
        }
    }
}

fn second(case: &forge::Case, chain: ChainId, set: &ValidatorSet, bent: Option<Bent>) -> bool {
    let second = Second { chain: chain.0, bent };
    second.certificate(case.kind, &case.certificate, set)
}

/// Many cases of one seed; whoever is bent disagrees somewhere.
fn compare(seed: u64, cases: usize, bent: Option<Bent>, tally: &mut Tally) -> usize {
    let mut forge = Forge::new(seed);
    let mut disagreements = 0;
    for _ in 0..cases {
        let case = forge.case();
        let (chain, set) = (case.chain, &case.set);
        let (ours, theirs) = (ours(&case, chain, set), second(&case, chain, set, bent));
        tally.entry(case.what.name()).or_default()[usize::from(ours)] += 1;
        disagreements += usize::from(ours != theirs);
        if bent.is_none() {
            assert_eq!(ours, theirs, "{}: {:?}", case.what.name(), case.certificate);
        }
    }
    disagreements
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn both_say_the_same_of_certificates(seed: u64) {
        prop_assert_eq!(compare(seed, 12, None, &mut Tally::new()), 0);
    }

    #[test]
    fn both_say_the_same_of_votes_and_proposals(seed: u64) {
        let mut forge = Forge::new(seed);
        for _ in 0..12 {
            let (chain, set, vote, proposal) = forge.messages();
            let second = Second { chain: chain.0, bent: None };
            prop_assert_eq!(vote.verify(&chain, &set), second.vote(&vote, &set));
            prop_assert_eq!(proposal.verify(&chain, &set), second.proposal(&proposal, &set));
        }
    }
}

/// Every kind of change occurs, and both answers do where both are possible.
#[test]
fn every_kind_of_change_is_tried() {
    let mut tally = Tally::new();
    compare(1, 500, None, &mut tally);
    for (what, [invalid, valid]) in &tally {
        println!("{what}: {valid} valid, {invalid} not");
    }
    for kind in Kind::ALL {
        let [invalid, valid] = tally.get(kind.name()).copied().unwrap_or_default();
        assert!(invalid + valid > 0, "{} was never tried", kind.name());
        assert!(!kind.always_valid() || invalid == 0, "{} must be valid", kind.name());
        assert!(!kind.never_valid() || valid == 0, "{} must not be valid", kind.name());
    }
}

/// The comparison notices: a verifier that is wrong in one point disagrees with ours.
#[test]
fn a_bent_verifier_is_noticed() {
    for bent in Bent::ALL {
        let found = compare(2, 500, Some(bent), &mut Tally::new());
        println!("{bent:?}: {found} disagreements");
        assert!(found > 0, "nobody noticed {bent:?}");
    }
}
