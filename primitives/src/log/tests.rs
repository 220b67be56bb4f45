//! Against the recursive definitions of RFC 9162, the published vectors, and mutations.

use super::*;
use crate::codec::Canonical;
use crate::hash::{self, Domain};

fn hex(text: &str) -> H32 {
    text.parse().unwrap()
}

/// The eight inputs of certificate-transparency's test suite.
const VECTOR_LEAVES: [&[u8]; 8] = [
    b"",
    &[0x00],
    &[0x10],
    &[0x20, 0x21],
    &[0x30, 0x31],
    &[0x40, 0x41, 0x42, 0x43],
    &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
    &[
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
        0x6f,
    ],
];

/// Roots of its first one to eight inputs.
const VECTOR_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn vector_log() -> MemoryLog {
    let mut log = MemoryLog::new();
    for data in VECTOR_LEAVES {
        log.append(leaf_hash(data)).unwrap();
    }
    log
}

fn leaves(count: u64) -> Vec<H32> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn log_of(count: u64) -> MemoryLog {
    let mut log = MemoryLog::new();
    for leaf in leaves(count) {
        log.append(leaf).unwrap();
    }
    log
}

/// MTH of RFC 9162 §2.1.1, over leaf hashes.
fn naive_root(leaves: &[H32]) -> H32 {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(naive_root(left), naive_root(right))
        }
    }
}

/// PATH of RFC 9162 §2.1.3.1.
fn naive_path(index: usize, leaves: &[H32]) -> Vec<H32> {
    if leaves.len() == 1 {
        return vec![];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, aside) = if index < left.len() {
        (naive_path(index, left), right)
    } else {
        (naive_path(index - left.len(), right), left)
    };
    path.push(naive_root(aside));
    path
}

/// SUBPROOF of RFC 9162 §2.1.4.1.
fn naive_subproof(old: usize, leaves: &[H32], known: bool) -> Vec<H32> {
    if old == leaves.len() {
        return if known { vec![] } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, aside) = if old <= left.len() {
        (naive_subproof(old, left, known), right)
    } else {
        (naive_subproof(old - left.len(), right, false), left)
    };
    path.push(naive_root(aside));
    path
}

#[test]
fn published_roots() {
    let mut log = MemoryLog::new();
    assert_eq!(log.head(), LogHead { size: 0, root: EMPTY_ROOT });
    assert_eq!(EMPTY_ROOT, H32(Sha256::digest(b"").into()));
    for (data, root) in VECTOR_LEAVES.iter().zip(VECTOR_ROOTS) {
        log.append(leaf_hash(data)).unwrap();
        assert_eq!(log.head().root, hex(root));
    }
}

#[test]
fn published_inclusion_proofs() {
    let log = vector_log();
    let vectors: [(u64, u64, &[&str]); 4] = [
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, size, path) in vectors {
        let proof = inclusion_proof(&log, index, size).unwrap();
        assert_eq!(proof.path, path.iter().map(|text| hex(text)).collect::<Vec<_>>());
        let head = LogHead { size, root: hex(VECTOR_ROOTS[size as usize - 1]) };
        assert_eq!(proof.verify(leaf_hash(VECTOR_LEAVES[index as usize]), head), Ok(()));
    }
}

#[test]
fn published_consistency_proofs() {
    let log = vector_log();
    let vectors: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    let head = |size: u64| LogHead { size, root: hex(VECTOR_ROOTS[size as usize - 1]) };
    for (old, new, path) in vectors {
        let proof = consistency_proof(&log, old, new).unwrap();
        assert_eq!(proof.path, path.iter().map(|text| hex(text)).collect::<Vec<_>>());
        assert_eq!(proof.verify(head(old), head(new)), Ok(()));
    }
}

#[test]
fn every_proof_up_to_64_leaves() {
    let leaves = leaves(64);
    let log = log_of(64);
    let heads: Vec<LogHead> =
        (0..=64).map(|size| LogHead { size, root: naive_root(&leaves[..size as usize]) }).collect();
    for new in 0..=64u64 {
        let head = heads[new as usize];
        for index in 0..new {
            let proof = inclusion_proof(&log, index, new).unwrap();
            assert_eq!(proof.path, naive_path(index as usize, &leaves[..new as usize]));
            assert_eq!(proof.verify(leaves[index as usize], head), Ok(()));
            let other = leaf_hash(b"other");
            assert_eq!(proof.verify(other, head), Err(LogProofError::Root));
        }
        for old in 0..=new {
            let proof = consistency_proof(&log, old, new).unwrap();
            if old > 0 {
                let path = naive_subproof(old as usize, &leaves[..new as usize], true);
                assert_eq!(proof.path, path, "{old} to {new}");
            }
            assert_eq!(proof.verify(heads[old as usize], head), Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn frontier_follows_the_log_and_restarts_from_it() {
    let leaves = leaves(130);
    let mut log = MemoryLog::new();
    for size in 0..130u64 {
        let frontier = Frontier::from_reader(&log, size).unwrap();
        assert_eq!(&frontier, log.frontier());
        assert_eq!(frontier.root(), naive_root(&leaves[..size as usize]));
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes, Frontier::MAX_BYTES), Ok(frontier));
        log.append(leaves[size as usize]).unwrap();
    }
    // Every complete subtree was emitted, in its place.
    for level in 0..8u8 {
        let width = 1usize << level;
        for (index, subtree) in leaves.chunks_exact(width).enumerate() {
            assert_eq!(log.hash(level, index as u64), Some(naive_root(subtree)));
        }
        assert_eq!(log.hash(level, (130 / width) as u64), None);
    }
}

#[test]
fn frontier_refuses_peaks_that_do_not_fit() {
    let wire = |size: u64, peaks: usize| (size, vec![H32::ZERO; peaks]).to_bytes();
    let read = |bytes: &[u8]| Frontier::from_bytes(bytes, Frontier::MAX_BYTES);
    assert!(read(&wire(5, 2)).is_ok());
    assert!(read(&wire(5, 1)).is_err());
    assert!(read(&wire(5, 3)).is_err());
    assert!(read(&wire(MAX_LEAVES, 1)).is_ok());
    assert!(read(&wire(MAX_LEAVES + 1, 2)).is_err());
    let mut full = read(&wire(MAX_LEAVES, 1)).unwrap();
    let before = full.clone();
    assert!(matches!(full.append(H32::ZERO, &mut |_, _, _| ()), Err(LogError::TooLarge { .. })));
    assert_eq!(full, before);
}

#[test]
fn missing_hashes_and_bad_questions_are_named() {
    let log = log_of(5);
    assert_eq!(
        Frontier::from_reader(&log, 6),
        Err(LogError::Missing { level: 1, index: 2 }),
        "a log shorter than asked"
    );
    assert_eq!(inclusion_proof(&log, 5, 5), Err(LogError::Index { index: 5, size: 5 }));
    assert_eq!(inclusion_proof(&log, 0, 0), Err(LogError::Index { index: 0, size: 0 }));
    assert!(matches!(inclusion_proof(&log, 4, 6), Err(LogError::Missing { .. })));
    assert_eq!(consistency_proof(&log, 5, 4), Err(LogError::Order { old: 5, new: 4 }));
    assert!(matches!(consistency_proof(&log, 5, 9), Err(LogError::Missing { .. })));
    let size = MAX_LEAVES + 1;
    assert_eq!(inclusion_proof(&log, 0, size), Err(LogError::TooLarge { size }));
}

#[test]
fn lengths_and_ranges_are_strict() {
    let log = log_of(11);
    let (head, leaf) = (log.head(), leaves(11)[6]);
    let proof = inclusion_proof(&log, 6, 11).unwrap();
    let with =
        |index, size, path: Vec<H32>| InclusionProof { index, size, path }.verify(leaf, head);
    let mut long = proof.path.clone();
    long.push(H32::ZERO);
    assert_eq!(with(6, 11, long), Err(LogProofError::Length { found: 5 }));
    let short = proof.path[..3].to_vec();
    assert_eq!(with(6, 11, short), Err(LogProofError::Length { found: 3 }));
    assert_eq!(with(6, 11, vec![H32::ZERO; 65]), Err(LogProofError::Length { found: 65 }));
    assert_eq!(with(11, 11, proof.path.clone()), Err(LogProofError::Range { index: 11, size: 11 }));
    // 12 leaves would lead along the same hashes: the head's size decides.
    assert_eq!(
        with(6, 12, proof.path.clone()),
        Err(LogProofError::Size { expected: 11, found: 12 })
    );

    let growth = consistency_proof(&log, 6, 11).unwrap();
    let old = log_of(6).head();
    for path in [vec![], growth.path[..1].to_vec(), [&growth.path[..], &[H32::ZERO]].concat()] {
        let found = path.len();
        let refused = ConsistencyProof { path, ..growth.clone() }.verify(old, head);
        assert_eq!(refused, Err(LogProofError::Length { found }));
    }
    let backwards = ConsistencyProof { old: 11, new: 6, path: growth.path.clone() };
    assert_eq!(backwards.verify(head, old), Err(LogProofError::Range { index: 11, size: 6 }));
    let forked = LogHead { root: leaf_hash(b"fork"), ..old };
    assert_eq!(growth.verify(forked, head), Err(LogProofError::OldRoot));
    let nothing = LogHead { size: 0, root: H32::ZERO };
    let trivial = ConsistencyProof { old: 0, new: 11, path: vec![] };
    assert_eq!(trivial.verify(nothing, head), Err(LogProofError::OldRoot));
}

#[test]
fn every_changed_byte_is_refused() {
    let log = log_of(23);
    let leaves = leaves(23);
    for size in [1u64, 2, 3, 7, 8, 13, 23] {
        let head = Frontier::from_reader(&log, size).unwrap().head();
        for index in 0..size {
            let bytes = inclusion_proof(&log, index, size).unwrap().to_bytes();
            for_each_change(&bytes, |changed| {
                InclusionProof::from_bytes(changed, InclusionProof::MAX_BYTES)
                    .is_ok_and(|proof| proof.verify(leaves[index as usize], head).is_ok())
            });
        }
        for old in 0..=size {
            let old_head = Frontier::from_reader(&log, old).unwrap().head();
            let bytes = consistency_proof(&log, old, size).unwrap().to_bytes();
            for_each_change(&bytes, |changed| {
                ConsistencyProof::from_bytes(changed, ConsistencyProof::MAX_BYTES)
                    .is_ok_and(|proof| proof.verify(old_head, head).is_ok())
            });
        }
    }
}

fn for_each_change(bytes: &[u8], accepted: impl Fn(&[u8]) -> bool) {
    assert!(accepted(bytes));
    for position in 0..bytes.len() {
        for mask in [0x01, 0x02, 0x10, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[position] ^= mask;
            assert!(!accepted(&changed), "byte {position} ^ {mask:#x}");
        }
    }
}

/// Frozen: changing one of these changes what stored logs and issued proofs mean.
#[test]
fn golden() {
    let log = vector_log();
    let digest = |bytes: &[u8]| hash::hash(Domain::Digest, &[bytes]).to_string();
    assert_eq!(
        digest(&Frontier::from_reader(&log, 7).unwrap().to_bytes()),
        "ee9ba62a9650cc0822d4699a7ff1ae4851a74297e8d7d77f6da69c42a1b771a0"
    );
    assert_eq!(
        digest(&inclusion_proof(&log, 5, 8).unwrap().to_bytes()),
        "65d6e3af6c15af60cfaa21a4bf8ece48e11701b80f0cbf1414dee1b2aeb59d77"
    );
    assert_eq!(
        digest(&consistency_proof(&log, 6, 8).unwrap().to_bytes()),
        "a6b2f98cf7e4b0f971e07f299a42af1dd2c24e2b8a02751b1fe78cce73fc1b3d"
    );
    assert_eq!(
        digest(&log.head().to_bytes()),
        "411223296aa7108a8cbc058ce697374f3bc58c5f121c6d359d4bb345cc18b908"
    );
}

/// A log of any size without its leaves: they are all alike, so a level has one hash. Counts what is
/// read, and the pages of 64 neighbours of a level that this touches.
struct Alike {
    levels: Vec<H32>,
    size: u64,
    reads: std::cell::RefCell<Vec<(u8, u64)>>,
}

impl Alike {
    fn new(size: u64) -> Self {
        let first = leaf_hash(b"alike");
        let levels = core::iter::successors(Some(first), |hash| Some(node_hash(*hash, *hash)));
        Self { levels: levels.take(49).collect(), size, reads: Default::default() }
    }

    /// Reads since the last time, and the pages of them below level 10.
    fn counted(&self) -> (usize, usize) {
        let reads = self.reads.take();
        let pages: std::collections::BTreeSet<(u8, u64)> =
            reads.iter().filter(|(level, _)| *level < 10).map(|(l, i)| (*l, i / 64)).collect();
        (reads.len(), pages.len())
    }
}

impl HashReader for Alike {
    fn hash(&self, level: u8, index: u64) -> Option<H32> {
        self.reads.borrow_mut().push((level, index));
        let complete = (index + 1) << level <= self.size;
        complete.then(|| self.levels[usize::from(level)])
    }
}

/// At a hundred million leaves a proof reads one hash for each of its 27 levels and the right edge.
/// All levels from 10 on are 200,000 hashes, 12 MB of an index, and stay in memory; below them it
/// touches a page for each level, and a few at the right edge.
#[test]
fn proofs_of_a_hundred_million_leaves_read_little() {
    let size = 100_000_000u64;
    let log = Alike::new(size);
    let head = Frontier::from_reader(&log, size).unwrap().head();
    let old = 76_543_210;
    let old_head = Frontier::from_reader(&log, old).unwrap().head();
    log.counted();
    let mut most = (0, 0);
    for index in [0, 1, 255, 256, 12_345_678, 67_108_863, 67_108_864, size - 2, size - 1] {
        let proof = inclusion_proof(&log, index, size).unwrap();
        let (reads, pages) = log.counted();
        assert_eq!(proof.verify(log.levels[0], head), Ok(()));
        assert!(proof.path.len() <= 27 && proof.to_bytes().len() < 1024);
        most = (most.0.max(reads), most.1.max(pages));
    }
    let proof = consistency_proof(&log, old, size).unwrap();
    let (reads, pages) = log.counted();
    assert_eq!(proof.verify(old_head, head), Ok(()));
    assert!(most.0 <= 37 && reads <= 37, "{most:?} {reads}");
    assert!(most.1 <= 13 && pages <= 13, "{most:?} {pages}");
}

#[test]
fn a_proof_is_made_of_the_left_half_of_another() {
    let mut log = MemoryLog::new();
    for leaf in 0..70u8 {
        log.append(leaf_hash(&[leaf])).unwrap();
    }
    for index in 0..70 {
        for (from, to) in (index + 1..=70).flat_map(|a| [(a, 70), (70, a), (a, (a + 7).min(70))]) {
            let [old, new] = [from, to].map(|size| inclusion_proof(&log, index, size).unwrap());
            let right = new.right_siblings().unwrap();
            assert_eq!(old.resized(to, &right), Some(new.clone()), "{index}: {from} to {to}");
            assert_eq!(old.resized(to, &[&right[..], &[H32::ZERO]].concat()), None);
            if let Some((_, fewer)) = right.split_last() {
                assert_eq!(old.resized(to, fewer), None);
            }
        }
    }
    let proof = inclusion_proof(&log, 5, 70).unwrap();
    assert_eq!(proof.resized(5, &[]), None, "a log without the leaf");
}
