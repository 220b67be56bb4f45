//! The ceremony as founders go through it, and what must not get through.

use hefu_primitives::{H32, Region};

use super::*;
use crate::document::MemberSeed;
use crate::error::{CeremonyError, GenesisError, KeyUse};
use crate::genesis::Genesis;
use crate::sample::{self, MemberKeys};
use crate::testing::{CREATED, demo, key};

fn draft() -> Draft {
    sample::draft(CREATED).unwrap()
}

fn member(region: Region) -> (MemberSeed, MemberKeys) {
    sample::member(region, CREATED, &mut key).unwrap()
}

fn file(region: Region) -> MemberFile {
    let (seed, keys) = member(region);
    MemberFile::sign(&draft(), seed, &keys.all()).unwrap()
}

fn files() -> Vec<MemberFile> {
    sample::PROVINCES.map(file).to_vec()
}

#[test]
fn any_order_gives_the_same_genesis() {
    let expected = demo().0;
    let mut files = files();
    for _ in 0..files.len() {
        files.rotate_left(1);
        assert_eq!(assemble(draft(), files.clone()), Ok(expected.clone()));
    }
    let mut shuffled = draft();
    shuffled.invited.reverse();
    shuffled.charter.types.reverse();
    assert_eq!(shuffled.hash(), draft().hash());
    files.iter_mut().for_each(|file| file.member.authorities.reverse());
    assert_eq!(assemble(shuffled, files), Ok(expected));
}

#[test]
fn files_travel_as_json() {
    let (draft, file) = (draft(), file(Region(320_000)));
    assert_eq!(Draft::from_json(draft.to_json().unwrap().as_bytes()), Ok(draft.clone()));
    let text = file.to_json().unwrap();
    let back = MemberFile::from_json(text.as_bytes()).unwrap();
    assert_eq!((back.verify(&draft), &back), (Ok(()), &file));
    for pair in member(Region(320_000)).1.all() {
        let secret = pair.secret_bytes().map(|byte| format!("{byte:02x}")).concat();
        assert!(!text.contains(&secret));
    }
    let unknown = text.replacen("\"draft\"", "\"note\": 1, \"draft\"", 1);
    let refused = MemberFile::from_json(unknown.as_bytes());
    assert!(matches!(refused, Err(CeremonyError::Genesis(GenesisError::Json { .. }))));
}

#[test]
fn every_invited_province_brings_one_file() {
    let all = files();
    let missing = assemble(draft(), all[..3].to_vec());
    assert_eq!(missing, Err(CeremonyError::MissingFile(Region(340_000))));
    let twice = assemble(draft(), [&all[..], &all[..1]].concat());
    assert_eq!(twice, Err(CeremonyError::RepeatedFile(Region(310_000))));
    let mut invited = sample::PROVINCES.to_vec();
    invited[3] = Region(350_000);
    let other = Draft::new(draft().charter, invited);
    let not_for_it = assemble(other.clone(), all);
    assert!(
        matches!(not_for_it, Err(CeremonyError::Genesis(_))),
        "Anhui leads no type it is not in"
    );
    let mut three = draft();
    three.invited.pop();
    assert_eq!(three.check(), Err(CeremonyError::Invited { found: 3 }));
    let mut doubled = draft();
    doubled.invited.push(Region(340_000));
    assert_eq!(doubled.check(), Err(CeremonyError::Invited { found: 4 }));
}

#[test]
fn files_are_bound_to_their_draft() {
    let mut later = draft();
    later.charter.created.0 += 1;
    let (region, found) = (Region(310_000), draft().hash());
    let expected = later.hash();
    let refused = file(region).verify(&later);
    assert_eq!(refused, Err(CeremonyError::OtherDraft { region, expected, found }));
    let mut moved = file(region);
    moved.draft = expected;
    assert!(matches!(moved.verify(&later), Err(CeremonyError::BadProof { .. })));
    let mut invited = draft();
    invited.invited[0] = Region(350_000);
    let (seed, keys) = member(region);
    let uninvited = MemberFile::sign(&invited, seed, &keys.all());
    assert_eq!(uninvited, Err(CeremonyError::NotInvited(region)));
}

#[test]
fn tampering_is_refused() {
    let good = file(Region(310_000));
    let mut renamed = good.clone();
    renamed.member.authorities[2].name.push('x');
    assert!(matches!(renamed.verify(&draft()), Err(CeremonyError::BadProof { .. })));
    let mut mandated = good.clone();
    mandated.member.authorities[2].may_rely.clear();
    assert!(matches!(mandated.verify(&draft()), Err(CeremonyError::BadProof { .. })));
    let mut broken = good.clone();
    broken.proofs[0].signature.0[7] ^= 1;
    let key = broken.proofs[0].key.id();
    let expected = CeremonyError::BadProof { region: Region(310_000), key };
    assert_eq!(broken.verify(&draft()), Err(expected));
    let mut exchanged = good.clone();
    let other = file(Region(320_000)).member.node_key;
    exchanged.member.node_key = other;
    let expected = CeremonyError::MissingProof {
        region: Region(310_000),
        key: other.id(),
        used: KeyUse::Node,
    };
    assert_eq!(exchanged.verify(&draft()), Err(expected));
    let mut extra = good;
    extra.proofs.push(Proof { key: other, signature: hefu_primitives::Signature::ZERO });
    let expected = CeremonyError::ForeignKey { region: Region(310_000), key: other.id() };
    assert_eq!(extra.verify(&draft()), Err(expected));
}

#[test]
fn every_key_proves_possession() {
    let (seed, keys) = member(Region(330_000));
    let mut file = MemberFile::new(&draft(), seed);
    let count = file.missing_proofs().len();
    assert_eq!(count, 3 + 3 + 12);
    for (done, pair) in keys.all().into_iter().enumerate() {
        assert_eq!(file.missing_proofs().len(), count - done);
        assert!(matches!(file.verify(&draft()), Err(CeremonyError::MissingProof { .. })));
        file.prove(pair).unwrap();
        file.prove(pair).unwrap();
    }
    assert_eq!(file.verify(&draft()), Ok(()));
    let stranger = key("stranger");
    let refused = CeremonyError::ForeignKey { region: Region(330_000), key: stranger.id() };
    assert_eq!(file.prove(&stranger), Err(refused));
}

/// A key that one province proved cannot be claimed by another: the proof covers the seed.
#[test]
fn keys_of_others_cannot_be_claimed() {
    let (mut seed, keys) = member(Region(310_000));
    let (_, other) = member(Region(320_000));
    seed.authorities[2].keys[0].key = other.authorities[2].keys[0].1.public();
    let refused = MemberFile::sign(&draft(), seed, &keys.all());
    assert!(matches!(refused, Err(CeremonyError::ForeignKey { .. })), "{refused:?}");
}

#[test]
fn one_key_serves_one_purpose_within_a_file() {
    let (mut seed, keys) = member(Region(310_000));
    seed.node_key = seed.validator_key;
    let named: Vec<_> = keys.all().into_iter().filter(|k| k.id() != keys.node.id()).collect();
    let refused = MemberFile::sign(&draft(), seed, &named);
    assert!(matches!(refused, Err(CeremonyError::Genesis(GenesisError::RepeatedKey { .. }))));
}

fn signed_by(genesis: &Genesis, region: Region, governors: &[usize]) -> SignedGenesis {
    let keys = member(region).1;
    let mut signed = SignedGenesis::new(genesis.clone());
    for place in governors {
        signed.sign(&keys.governors[*place]).unwrap();
    }
    signed
}

#[test]
fn governors_sign_copies_that_merge() {
    let genesis = demo().0;
    let mut whole = SignedGenesis::new(genesis.clone());
    assert_eq!(whole.verify(true), Err(CeremonyError::Unsigned(sample::PROVINCES.to_vec())));
    for region in sample::PROVINCES {
        whole.merge(&signed_by(&genesis, region, &[2])).unwrap();
        whole.merge(&signed_by(&genesis, region, &[2])).unwrap();
        let report = whole.verify(false).unwrap();
        assert!(report.missing().contains(&region), "one of three is not enough");
        whole.merge(&signed_by(&genesis, region, &[0])).unwrap();
        assert!(!whole.verify(false).unwrap().missing().contains(&region));
    }
    assert!(whole.verify(true).unwrap().is_complete());
    assert_eq!(whole.signatures.len(), 8);
    let text = whole.to_json().unwrap();
    assert_eq!(SignedGenesis::from_json(text.as_bytes()), Ok(whole));
}

#[test]
fn only_governors_sign_only_this_genesis() {
    let genesis = demo().0;
    let keys = member(Region(310_000)).1;
    let mut signed = SignedGenesis::new(genesis.clone());
    for pair in [&keys.validator, &keys.node, &keys.authorities[0].keys[0].1] {
        assert_eq!(signed.sign(pair), Err(CeremonyError::NotGovernor(pair.id())));
    }
    let good = signed_by(&genesis, Region(310_000), &[0, 1]);
    let mut elsewhere = good.clone();
    elsewhere.signatures[0].region = Region(320_000);
    assert!(matches!(elsewhere.verify(false), Err(CeremonyError::NotGovernor(_))));
    let mut broken = good.clone();
    broken.signatures[1].signature.0[40] ^= 1;
    assert!(matches!(broken.verify(false), Err(CeremonyError::BadSignature { .. })));
    assert!(signed.merge(&broken).is_err());
    assert!(signed.signatures.is_empty());
    let mut document = genesis.document().clone();
    document.charter.created.0 += 1;
    let later = Genesis::new(document).unwrap();
    let mut copied = SignedGenesis::new(later.clone());
    assert_eq!(copied.merge(&good), Err(CeremonyError::OtherGenesis));
    copied.signatures = good.signatures.clone();
    assert!(matches!(copied.verify(false), Err(CeremonyError::BadSignature { .. })));
}

/// The same signature listed twice counts once.
#[test]
fn repeated_signatures_count_once() {
    let genesis = demo().0;
    let mut signed = signed_by(&genesis, Region(310_000), &[0]);
    signed.signatures.push(signed.signatures[0]);
    assert!(signed.verify(false).unwrap().missing().contains(&Region(310_000)));
}

#[test]
fn drafts_have_hashes_of_their_own() {
    assert_ne!(draft().hash(), H32::ZERO);
    assert_ne!(draft().hash(), demo().0.hash().into());
}

/// People edit the file: the order of its lists hides nothing and breaks nothing.
#[test]
fn drafts_are_checked_in_order() {
    let mut second = draft().charter.types[0].clone();
    second.version = 2;
    let mut edited = draft();
    edited.charter.types.insert(0, second);
    assert_eq!(edited.check(), Ok(()));
    let mut doubled = draft();
    doubled.charter.scenarios.push(doubled.charter.scenarios[0].clone());
    assert!(doubled.check().is_err());
}
