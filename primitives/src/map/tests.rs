//! Against a naive model, and mutations.

use std::collections::BTreeMap;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::codec::Canonical;

type Model = BTreeMap<H32, H32>;

/// Rules 2 and 3 of the module, written down.
fn naive_root(entries: &[(H32, H32)], depth: usize) -> H32 {
    match entries {
        [] => H32::ZERO,
        [(path, value)] => hash::hash(Domain::MapLeaf, &[path.as_bytes(), value.as_bytes()]),
        _ => {
            let (right, left): (Vec<_>, Vec<_>) =
                entries.iter().partition(|(path, _)| bit(path, depth));
            let children = [naive_root(&left, depth + 1), naive_root(&right, depth + 1)];
            hash::hash(Domain::MapNode, &[children[0].as_bytes(), children[1].as_bytes()])
        }
    }
}

fn model_root(model: &Model) -> H32 {
    let entries: Vec<_> = model.iter().map(|(path, value)| (*path, *value)).collect();
    naive_root(&entries, 0)
}

fn value(number: u64) -> H32 {
    value_hash(&number.to_be_bytes())
}

/// Ordinary paths, and some that agree in 240 or 255 bits.
fn path(number: u8) -> H32 {
    match number {
        0..32 => path_of(&[number]),
        32..36 => {
            let mut bytes = [0x5a; 32];
            bytes[31] = number;
            H32(bytes)
        }
        _ => {
            let mut bytes = path_of(&[1]).0;
            bytes[30] ^= number;
            H32(bytes)
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(u8, Option<u64>)>> {
    prop::collection::vec((0..40u8, prop::option::weighted(0.6, 0..4u64)), 0..24)
}

fn batch(changes: &[(u8, Option<u64>)]) -> Vec<Change> {
    changes.iter().map(|(number, new)| (path(*number), new.map(value))).collect()
}

fn filled(count: u64) -> AuthenticatedMap {
    let mut map = AuthenticatedMap::new();
    map.update((0..count).map(|number| (path_of(&number.to_be_bytes()), Some(value(number)))));
    map
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn follows_the_model(batches in prop::collection::vec(changes(), 1..6)) {
        let mut map = AuthenticatedMap::new();
        let mut model = Model::new();
        for changes in batches {
            let batch = batch(&changes);
            let (before, inverse) = (map.root(), map.inverse(&batch));
            for (path, new) in &batch {
                match new {
                    Some(value) => model.insert(*path, *value),
                    None => model.remove(path),
                };
            }
            let root = map.update(batch.iter().copied());
            prop_assert_eq!(root, model_root(&model));
            prop_assert_eq!(map.len(), model.len());

            prop_assert_eq!(map.update(inverse), before, "the inverse takes it back");
            prop_assert_eq!(map.update(batch), root);
        }
        for number in 0..40 {
            let path = path(number);
            let answer = model.get(&path).copied();
            prop_assert_eq!(map.get(&path), answer);
            let proof = map.prove(&path);
            prop_assert_eq!(proof.verify(map.root(), path), Ok(answer));
            let bytes = proof.to_bytes();
            prop_assert_eq!(MapProof::from_bytes(&bytes, MapProof::MAX_BYTES), Ok(proof));
        }
    }

    #[test]
    fn order_and_batching_do_not_matter(changes in changes(), cut in 0..24usize) {
        let model: BTreeMap<u8, Option<u64>> = changes.into_iter().collect();
        let mut changes: Vec<_> = model.into_iter().collect();
        let start = filled(40);
        let mut once = start.clone();
        once.update(batch(&changes));
        changes.reverse();
        let (first, second) = changes.split_at(cut.min(changes.len()));
        let mut twice = start;
        twice.update(batch(first));
        twice.update(batch(second));
        prop_assert_eq!(once.root(), twice.root());
    }
}

#[test]
fn adding_and_removing_leaves_no_trace() {
    let mut map = filled(500);
    let (root, branches) = (map.root(), map.branches.len());
    let extra: Vec<H32> = (500..900u64).map(|number| path_of(&number.to_be_bytes())).collect();
    assert_ne!(map.update(extra.iter().map(|path| (*path, Some(value(1))))), root);
    assert_eq!(map.len(), 900);
    assert_eq!(map.update(extra.iter().map(|path| (*path, None))), root);
    assert_eq!((map.len(), map.branches.len()), (500, branches), "slots are given back");
    let all: Vec<Change> =
        (0..500u64).map(|number| (path_of(&number.to_be_bytes()), None)).collect();
    assert_eq!(map.update(all), H32::ZERO);
    assert_eq!((map.len(), map.branches.len()), (0, 0));
}

#[test]
fn the_last_change_to_a_path_wins() {
    let mut map = AuthenticatedMap::new();
    let (one, two) = (path_of(b"one"), path_of(b"two"));
    map.update([(one, Some(value(1))), (two, Some(value(2))), (one, Some(value(3)))]);
    assert_eq!((map.get(&one), map.get(&two)), (Some(value(3)), Some(value(2))));
    map.update([(two, Some(value(4))), (two, None)]);
    assert_eq!((map.len(), map.get(&two)), (1, None));
}

#[test]
fn nothing_changed_is_nothing_hashed() {
    let mut map = filled(100);
    let root = map.root();
    let same: Vec<Change> = (0..50u64)
        .map(|number| (path_of(&number.to_be_bytes()), Some(value(number))))
        .chain([(path_of(b"absent"), None)])
        .collect();
    assert!(map.apply(map.root, 0, &[]).hash.is_none());
    let mut sorted = same.clone();
    sorted.sort();
    assert!(map.apply(map.root, 0, &sorted).hash.is_none());
    assert_eq!(map.update(same), root);
}

#[test]
fn proofs_of_other_roots_and_paths_are_refused() {
    let map = filled(300);
    let other = filled(301);
    for number in [0u64, 17, 299, 300, 5000] {
        let path = path_of(&number.to_be_bytes());
        let proof = map.prove(&path);
        assert_eq!(proof.verify(map.root(), path), Ok((number < 300).then(|| value(number))));
        assert_eq!(proof.verify(other.root(), path), Err(MapProofError::Root));
        let elsewhere = path_of(b"elsewhere");
        assert!(proof.verify(map.root(), elsewhere).is_err());
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let mut map = filled(12);
    // A pair that agrees in 255 bits makes a proof with many empty siblings.
    map.update([(path(32), Some(value(1))), (path(33), Some(value(2)))]);
    let questions =
        (0..24u64).map(|number| path_of(&number.to_be_bytes())).chain([path(32), path(34)]);
    let mut ends = [0; 3];
    for path in questions {
        let proof = map.prove(&path);
        ends[match proof.end {
            ProofEnd::Empty => 0,
            ProofEnd::Value(_) => 1,
            ProofEnd::Other { .. } => 2,
        }] += 1;
        let bytes = proof.to_bytes();
        for position in 0..bytes.len() {
            for mask in [0x01, 0x02, 0x10, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[position] ^= mask;
                let accepted = MapProof::from_bytes(&changed, MapProof::MAX_BYTES)
                    .is_ok_and(|proof| proof.verify(map.root(), path).is_ok());
                assert!(!accepted, "byte {position} ^ {mask:#x}");
            }
        }
    }
    assert!(ends.iter().all(|count| *count > 0), "each kind of end was tried: {ends:?}");
}

#[test]
fn shapes_no_map_has_are_refused() {
    let map = filled(40);
    let path = path_of(b"absent");
    let proof = map.prove(&path);
    let refused = |change: fn(&mut MapProof)| {
        let mut changed = proof.clone();
        change(&mut changed);
        changed.verify(map.root(), path)
    };
    assert_eq!(refused(|proof| proof.siblings.push(None)), Err(MapProofError::Shape));
    assert_eq!(refused(|proof| proof.siblings.push(Some(H32::ZERO))), Err(MapProofError::Shape));
    assert_eq!(
        refused(|proof| proof.siblings = vec![Some(H32([1; 32])); 257]),
        Err(MapProofError::TooDeep { found: 257 })
    );
    let foreign = ProofEnd::Other { path, value: value(1) };
    let own = MapProof { siblings: vec![], end: foreign };
    assert_eq!(own.verify(map.root(), path), Err(MapProofError::Elsewhere));
    let nothing = MapProof { siblings: vec![], end: ProofEnd::Empty };
    assert_eq!(nothing.verify(H32::ZERO, path), Ok(None));
    assert_eq!(nothing.verify(map.root(), path), Err(MapProofError::Root));
}

#[test]
fn proofs_are_small_and_bounded() {
    let map = filled(4096);
    let longest = (0..4096u64)
        .map(|number| map.prove(&path_of(&number.to_be_bytes())).to_bytes().len())
        .max();
    assert!(longest.is_some_and(|bytes| bytes < 1024), "{longest:?}");
    let deepest = MapProof {
        siblings: vec![Some(value(1)); MAX_DEPTH],
        end: ProofEnd::Other { path: value(2), value: value(3) },
    };
    assert!(deepest.to_bytes().len() <= MapProof::MAX_BYTES);
}

#[test]
fn prepared_contexts_hash_like_the_domains() {
    let (hasher, leaf) = (NodeHasher::new(), Leaf { path: path(1), value: value(2) });
    let both = [leaf.path.as_bytes().as_slice(), leaf.value.as_bytes()];
    assert_eq!(hasher.leaf(&leaf), hash::hash(Domain::MapLeaf, &both));
    assert_eq!(hasher.node(leaf.path, leaf.value), hash::hash(Domain::MapNode, &both));
    assert_eq!(size_of::<Branch>(), 40);
    assert_eq!(size_of::<Leaf>(), 64);
}

/// Frozen: changing one of these changes every state root.
#[test]
fn golden() {
    let digest = |bytes: &[u8]| hash::hash(Domain::Digest, &[bytes]).to_string();
    let map = filled(10);
    assert_eq!(
        filled(1).root().to_string(),
        "306c4ec71dc1dd23c275f4e4450f97337c0ab1a2d972e7846033babe5b72f030"
    );
    assert_eq!(
        map.root().to_string(),
        "65396ed61bf66ecc6ba69da6d3310c534261673992f66ff3bba5b0f932a52f44"
    );
    let present = path_of(&3u64.to_be_bytes());
    let absent = path_of(b"absent");
    assert_eq!(
        digest(&map.prove(&present).to_bytes()),
        "36165f9a7b8302ac35f125df9cb97a2054b17de9054e33686ebe3cc6d5e05047"
    );
    assert_eq!(
        digest(&map.prove(&absent).to_bytes()),
        "9b7d71e68b0b67195bbfa5aab33968587e80e0dba3fca43033c995c6538813c2"
    );
}

/// `cargo test --release -p hefu-primitives --lib map -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, for release builds"]
fn speed() {
    let keys = 1_000_000u64;
    let start = Instant::now();
    let mut map = filled(keys);
    println!("filling {keys} keys in one batch: {:?}", start.elapsed());
    for (name, fresh) in [("changed", false), ("new", true)] {
        let batches: Vec<Vec<Change>> = (0..100u64)
            .map(|block| {
                let numbers = (0..1000u64).map(|item| {
                    let item = block * 1000 + item;
                    if fresh { keys + item } else { item * 7_919 % keys }
                });
                numbers
                    .map(|number| (path_of(&number.to_be_bytes()), Some(value(number + 1))))
                    .collect()
            })
            .collect();
        let start = Instant::now();
        for batch in batches {
            map.update(batch);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{name} keys in batches of 1000: {:.0} updates/s", 100_000.0 / seconds);
    }
    let start = Instant::now();
    let bytes: usize = (0..10_000u64)
        .map(|number| map.prove(&path_of(&number.to_be_bytes())).to_bytes().len())
        .sum();
    println!("proof: {} B, {:?}", bytes / 10_000, start.elapsed() / 10_000);
    let memory = map.leaves.len() * size_of::<Leaf>() + map.branches.len() * size_of::<Branch>();
    println!("nodes: {} B a key", memory / map.len());
}
