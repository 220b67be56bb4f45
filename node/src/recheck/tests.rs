//! Every kind of damage in a copy of a sound ledger is named; a sound one passes.

use std::sync::Arc;

use hefu_contracts::exec::VerifyAlways;
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{
    Block, Bundle, CommitCertificate, H32, Height, Millis, Round, SignedTransaction, Vote, VoteKind,
};
use proptest::prelude::*;

use super::{Report, Sample, Step, confidence, full, sampled, size_for};
use crate::core::tests::{CREATED, World, memory};
use crate::core::{Contents, StoredBlock};
use crate::store::{BlockFiles, Disk, SimDisk, StoreError};

const TIP: u64 = 6;
const AT: u64 = 3;

/// The certificate of the first validators but one.
fn certify(world: &World, block: &Block, signers: usize) -> CommitCertificate {
    let (set, chain) = (world.genesis.validators(), world.genesis.hash());
    let (height, round, id) = (block.header.height, block.header.round, block.id());
    let sign = |(index, validator): (usize, &hefu_primitives::KeyId)| {
        let keys = &world.keys.members;
        let member = keys.iter().find(|member| member.validator.public().id() == *validator);
        let vote = Vote {
            kind: VoteKind::Precommit,
            height,
            round,
            block: Some(id),
            validator: *validator,
        };
        let signature = vote.sign(&chain, &member.unwrap().validator).signature;
        hefu_primitives::vote::CommitSignature { index: index as u16, signature }
    };
    let signatures = set.ids().iter().enumerate().take(signers).map(sign).collect();
    CommitCertificate { height, round, block: id, signatures }
}

/// Six blocks, with a transaction in each but the last.
fn world() -> World {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    for height in 1..=TIP {
        let bundles: Vec<Arc<Bundle>> = match height {
            TIP => Vec::new(),
            _ => {
                let acts = [world.attest(height as u8).1];
                vec![Arc::new(Bundle::new(vec![world.sign(&acts)]).unwrap())]
            }
        };
        let time = Millis(CREATED.0 + 1_000 * height);
        let proposer = world.genesis.validators().ids()[0];
        let contents = Contents { bundles: &bundles, evidence: &[] };
        let block = ledger.build(Round(0), time, proposer, contents, &VerifyAlways);
        let certificate = certify(&world, &block, 3);
        let done = ledger.commit(block, certificate, &bundles, &VerifyAlways).unwrap();
        assert!(done.positions.iter().all(|(_, p)| matches!(p.result, TxResult::Applied { .. })));
    }
    world
}

/// A copy of the blocks with one of them changed; its frames are whole.
fn copy(world: &World, change: impl FnOnce(&mut StoredBlock)) -> Arc<BlockFiles<SimDisk>> {
    let from = BlockFiles::reading(world.disk.clone(), &mut |_| {}).unwrap();
    let to = BlockFiles::open(SimDisk::new(), 1 << 20, &mut |_| {}).unwrap();
    let mut change = Some(change);
    for height in 1..=TIP {
        let mut stored = StoredBlock::decode(&from.read(height).unwrap().unwrap()).unwrap();
        if height == AT {
            change.take().unwrap()(&mut stored);
        }
        to.append(height, &stored.to_bytes()).unwrap();
    }
    Arc::new(to)
}

fn audit(world: &World, blocks: &Arc<BlockFiles<SimDisk>>) -> Report {
    full(&world.genesis, blocks, memory(), &mut |_, _| {}).unwrap()
}

fn steps(report: &Report) -> Vec<(u64, Step)> {
    report.findings.iter().map(|finding| (finding.height.0, finding.step)).collect()
}

/// A bundle whose transaction has another last bit: that of its signature.
fn forged(stored: &StoredBlock) -> Bundle {
    let mut bytes = stored.transaction(0).unwrap().as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    Bundle::new(vec![SignedTransaction::decode(&bytes).unwrap()]).unwrap()
}

#[test]
fn a_sound_copy_passes_and_everything_is_counted() {
    let world = world();
    let blocks = Arc::new(BlockFiles::reading(world.disk.clone(), &mut |_| {}).unwrap());
    let mut heard = Vec::new();
    let report =
        full(&world.genesis, &blocks, memory(), &mut |done, of| heard.push((done, of))).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.height, report.checked_to, report.blocks), (Height(TIP), Height(TIP), TIP));
    assert_eq!((report.transactions, report.signatures, report.certificates), (5, 5, TIP));
    let ledger = world.open_with(memory()).unwrap();
    let tip = ledger.tip();
    assert_eq!((report.log_size, report.log_root), (6, tip.log_root));
    assert_eq!(report.state_root, Some(tip.state_root));
    assert_eq!(heard, (1..=TIP).map(|done| (done, TIP)).collect::<Vec<_>>());
    assert!(blocks.append(TIP + 1, b"x").is_err(), "files that are read are not written");
}

#[test]
fn a_header_that_was_changed_is_named() {
    let world = world();
    let round = audit(&world, &copy(&world, |stored| stored.block.header.round = Round(7)));
    assert_eq!(steps(&round), [(AT, Step::Header), (AT + 1, Step::Header)]);
    assert_eq!(round.checked_to, Height(AT));
    let state = audit(&world, &copy(&world, |stored| stored.block.header.state_root.0[0] ^= 1));
    assert_eq!(steps(&state), [(AT, Step::Header), (AT, Step::State)]);
    assert_eq!(state.checked_to, Height(AT - 1));
    let height = audit(&world, &copy(&world, |stored| stored.block.header.height = Height(9)));
    assert!(steps(&height).contains(&(AT, Step::Header)), "{height:?}");
}

#[test]
fn a_certificate_that_proves_nothing_is_named_and_the_audit_goes_on() {
    let world = world();
    let flipped = |stored: &mut StoredBlock| stored.certificate.signatures[1].signature.0[7] ^= 1;
    let few = |stored: &mut StoredBlock| stored.certificate.signatures.truncate(2);
    let other = |stored: &mut StoredBlock| stored.certificate.height = Height(4);
    let none = |stored: &mut StoredBlock| stored.certificate.block.0[0] ^= 1;
    let changes: [fn(&mut StoredBlock); 4] = [flipped, few, other, none];
    for change in changes {
        let report = audit(&world, &copy(&world, change));
        assert_eq!(steps(&report), [(AT, Step::Certificate)]);
        assert_eq!((report.checked_to, report.certificates), (Height(TIP), TIP));
    }
}

#[test]
fn a_body_or_a_signature_that_was_changed_is_named() {
    let world = world();
    let lost = audit(&world, &copy(&world, |stored| stored.bundles.clear()));
    assert_eq!(steps(&lost), [(AT, Step::Contents)]);
    assert_eq!(lost.checked_to, Height(AT - 1));
    let signature = audit(
        &world,
        &copy(&world, |stored| stored.bundles = vec![forged(stored).as_bytes().to_vec().into()]),
    );
    assert_eq!(steps(&signature), [(AT, Step::Contents), (AT, Step::Signature)]);
    assert!(signature.findings[1].transaction.is_some());
}

/// Even where all validators agreed on it.
#[test]
fn what_validators_signed_wrongly_is_named() {
    let world = world();
    let lie = |change: fn(&mut StoredBlock)| {
        let blocks = copy(&world, |stored| {
            change(stored);
            stored.certificate = certify(&world, &stored.block, 4);
        });
        steps(&audit(&world, &blocks))
    };
    let forgery = lie(|stored| {
        let bundle = forged(stored);
        stored.block.bundles = vec![bundle.id()];
        stored.block.header.bundles_root = stored.block.contents_root();
        stored.bundles = vec![bundle.as_bytes().to_vec().into()];
    });
    assert_eq!(forgery, [(AT, Step::Signature), (AT, Step::Outcome)]);
    assert_eq!(lie(|stored| stored.block.header.state_root.0[0] ^= 1), [(AT, Step::State)]);
    assert_eq!(lie(|stored| stored.block.header.log_root.0[0] ^= 1), [(AT, Step::Log)]);
    assert_eq!(lie(|stored| stored.block.header.parameters.0[0] ^= 1), [(AT, Step::Execution)]);
}

#[test]
fn outcomes_that_were_changed_are_named() {
    let world = world();
    let blocks = copy(&world, |stored| {
        stored.outcomes[0].result = TxResult::Refused { code: 999, act: 0 };
    });
    let report = audit(&world, &blocks);
    assert_eq!(steps(&report), [(AT, Step::Outcome)]);
    assert_eq!(report.checked_to, Height(TIP), "the header, not the copy of it, says what follows");
}

#[test]
fn a_frame_that_rots_is_named_by_its_height() {
    let world = world();
    let name = world.disk.list().unwrap()[0].clone();
    let middle = world.disk.content(&name).unwrap().len() / 2;
    assert!(world.disk.flip(&name, middle, 1));
    let error = BlockFiles::reading(world.disk.clone(), &mut |_| {}).unwrap_err();
    let StoreError::Corrupt { height, .. } = &error else { panic!("{error}") };
    let report = super::damaged(*height, &error);
    assert!(!report.is_sound() && report.findings[0].step == Step::Frame);
}

#[test]
fn a_sample_of_all_finds_what_needs_no_execution() {
    let world = world();
    let all = Sample::draw(H32([1; 32]), TIP, TIP);
    assert_eq!(all.heights, (1..=TIP).map(Height).collect::<Vec<_>>());
    let look = |change: fn(&mut StoredBlock)| {
        let blocks = copy(&world, change);
        sampled(&world.genesis, &blocks, &all, &mut |_, _| {}).unwrap()
    };
    let sound = look(|_| {});
    assert_eq!(sound.findings, []);
    assert_eq!((sound.signatures, sound.signatures_open), (5, 0));
    assert_eq!((sound.certificates, sound.certificates_open), (TIP, 0));
    assert_eq!((sound.log_size, sound.state_root), (6, None));
    let certificate = look(|stored| stored.certificate.signatures[0].signature.0[0] ^= 1);
    assert_eq!(steps(&certificate), [(AT, Step::Certificate)]);
    let header = look(|stored| stored.block.header.round = Round(1));
    assert_eq!(steps(&header), [(AT, Step::Header), (AT + 1, Step::Header)]);
    let outcome = look(|stored| stored.outcomes[0].result = TxResult::Refused { code: 9, act: 0 });
    assert!(steps(&outcome).starts_with(&[(AT, Step::Outcome), (AT, Step::Log)]), "{outcome:?}");
    let body = look(|stored| stored.bundles = vec![forged(stored).as_bytes().to_vec().into()]);
    assert!(steps(&body).contains(&(AT, Step::Signature)), "{body:?}");
    assert!(steps(&body).contains(&(AT, Step::Contents)), "{body:?}");
}

#[test]
fn sizes_and_confidences_are_those_of_the_textbook() {
    // 1 - 0.99^459 is the first over 99 % for a share of 1 %, without end.
    assert_eq!(size_for(0.99, 0.01, 1_000_000_000), 459);
    assert_eq!(size_for(0.95, 0.05, 1_000_000_000), 59);
    // Of ten with one bad: each of them as likely.
    for count in 0..=10 {
        assert!((confidence(count, 10, 1) - count as f64 / 10.0).abs() < 1e-9);
    }
    assert_eq!((confidence(0, 0, 0), size_for(0.99, 0.01, 0)), (0.0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_sample_is_drawn_without_repetition_and_again(seed: [u8; 32], tip in 1..400_u64, part in 0..=400_u64) {
        let count = part.min(tip);
        let sample = Sample::draw(H32(seed), count, tip);
        prop_assert_eq!(sample.heights.len() as u64, count);
        prop_assert!(sample.heights.is_sorted_by(|a, b| a < b));
        prop_assert!(sample.heights.iter().all(|height| (1..=tip).contains(&height.0)));
        prop_assert_eq!(Sample::draw(H32(seed), count, tip), sample);
    }

    #[test]
    fn a_size_is_the_smallest_that_is_enough(of in 1..5_000_u64, share in 0.001..0.5_f64, wanted in 0.5..0.999_f64) {
        let (size, bad) = (size_for(wanted, share, of), super::bad_of(share, of));
        prop_assert!(confidence(size, of, bad) >= wanted);
        prop_assert!(size == 0 || confidence(size - 1, of, bad) < wanted);
    }
}
