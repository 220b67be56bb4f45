//! The command against nodes that lie: small servers that answer with blocks signed by the sample
//! provinces' own keys, as whoever had stolen those could.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use hefu_genesis::{Genesis, sample};
use hefu_primitives::capsule::CertifiedHeader;
use hefu_primitives::codec::Canonical;
use hefu_primitives::light::LightBlock;
use hefu_primitives::log::{MemoryLog, consistency_proof, leaf_hash};
use hefu_primitives::vote::{CommitCertificate, CommitSignature, Vote, VoteKind};
use hefu_primitives::{BlockId, H32, Header, Height, KeyPair, Millis, Round, ValidatorSet};
use serde_json::json;

use crate::cli::app::now;
use crate::cli::run_with;

/// A ledger whose every block all four provinces signed.
struct Liar {
    genesis: Genesis,
    keys: Vec<KeyPair>,
    log: MemoryLog,
    blocks: Vec<LightBlock>,
}

impl Liar {
    fn new(created: Millis) -> Self {
        let mut number = 0u8;
        let (genesis, keys) = sample::demo(created, &mut |_| {
            number += 1;
            KeyPair::from_secret(&[number; 32])
        })
        .unwrap();
        let validators: ValidatorSet = genesis.anchor().validators;
        let of = |id| keys.members.iter().find(|m| m.validator.id() == id).unwrap();
        let keys = validators.ids().iter().map(|id| of(*id).validator.clone()).collect();
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&genesis.log_leaf())).unwrap();
        Self { genesis, keys, log, blocks: Vec::new() }
    }

    /// One more block, with one more leaf in the log. `mark` tells forks apart.
    fn block(&mut self, mark: u8, time: Millis) {
        self.log.append(leaf_hash(&[mark, self.blocks.len() as u8])).unwrap();
        let anchor = self.genesis.anchor();
        let set = anchor.validators.clone();
        let (chain, height) = (anchor.chain(), Height(self.blocks.len() as u64 + 1));
        let parent = self.blocks.last().map(|block| block.certified.header.id());
        let header = Header {
            protocol: 1,
            chain,
            height,
            round: Round(0),
            time,
            parent: parent.unwrap_or(BlockId(chain.0)),
            bundles_root: H32([mark; 32]),
            outcomes_root: H32::ZERO,
            log_size: self.log.head().size,
            log_root: self.log.head().root,
            state_root: H32::ZERO,
            validators: set.hash(),
            next_validators: set.hash(),
            parameters: H32::ZERO,
            proposer: self.keys[0].id(),
        };
        let (kind, round, block) = (VoteKind::Precommit, Round(0), header.id());
        let signatures = self.keys.iter().enumerate().map(|(place, key)| {
            let vote = Vote { kind, height, round, block: Some(block), validator: key.id() };
            CommitSignature { index: place as u16, signature: vote.sign(&chain, key).signature }
        });
        let signatures = signatures.collect();
        let certificate = CommitCertificate { height, round, block, signatures };
        self.blocks.push(LightBlock::new(
            CertifiedHeader { header, certificate },
            set.clone(),
            set,
        ));
    }

    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        let path = path.strip_prefix("/api/v1")?;
        let number = |text: &str| text.parse::<usize>().ok();
        if path == "/genesis/raw" {
            return Some(self.genesis.as_bytes().to_vec());
        }
        if path == "/blocks?limit=1" {
            let height = self.blocks.len().to_string();
            return Some(json!({ "items": [{ "height": height }] }).to_string().into_bytes());
        }
        if let Some(height) = path.strip_prefix("/blocks/") {
            let height = number(height.strip_suffix("/light")?)?;
            return self.blocks.get(height.checked_sub(1)?).map(Canonical::to_bytes);
        }
        let (old, new) = path.strip_prefix("/log/consistency?old=")?.split_once("&new=")?;
        let proof = consistency_proof(&self.log, number(old)? as u64, number(new)? as u64).ok()?;
        Some(json!({ "path": proof.path }).to_string().into_bytes())
    }
}

/// Serves a ledger until the tests end.
fn serve(liar: Arc<Mutex<Liar>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let path = first.split(' ').nth(1).unwrap_or_default();
            let (status, body) = match liar.lock().unwrap().answer(path) {
                Some(body) => ("200 OK", body),
                None => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

/// A ledger of so many blocks of the last minute, and its address.
fn ledger(marks: &[u8]) -> (Arc<Mutex<Liar>>, SocketAddr) {
    // One genesis for all: its time is a constant, and long ago.
    let mut liar = Liar::new(Millis(1_790_000_000_000));
    let begin = now().0 - 1_000 * marks.len() as u64;
    for (place, mark) in marks.iter().enumerate() {
        liar.block(*mark, Millis(begin + 1_000 * place as u64));
    }
    let liar = Arc::new(Mutex::new(liar));
    let address = serve(liar.clone());
    (liar, address)
}

fn light(node: SocketAddr, genesis: &str, file: &Path, more: &[&str]) -> u8 {
    let node = format!("http://{node}");
    let mut line = vec!["hefu", "light", "--node", &node, "--genesis", genesis, "-o", "json"];
    line.push(file.to_str().unwrap());
    line.extend(more);
    run_with(line.into_iter().map(Into::into).collect()).number()
}

fn genesis(liar: &Arc<Mutex<Liar>>) -> String {
    liar.lock().unwrap().genesis.anchor().chain().to_string()
}

#[test]
fn follows_keeps_and_refuses_what_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("light.hefu");
    let (liar, node) = ledger(&[0; 3]);
    let hash = genesis(&liar);
    assert_eq!(light(node, &"ab".repeat(32), &file, &[]), 3, "another ledger's hash");
    assert!(!file.exists());
    assert_eq!(light(node, &hash, &file, &[]), 0);
    let kept = std::fs::read(&file).unwrap();
    assert_eq!(light(node, &hash, &file, &[]), 0, "nothing new");
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    liar.lock().unwrap().block(0, now());
    assert_eq!(light(node, &hash, &file, &["--skip", "7"]), 0);
    assert_ne!(std::fs::read(&file).unwrap(), kept);

    // A node that is behind, and a ledger that rests for too long.
    let (_, behind) = ledger(&[0; 2]);
    assert_eq!(light(behind, &hash, &file, &[]), 3);
    let mut resting = Liar::new(Millis(1_790_000_000_000));
    resting.block(0, Millis(1_790_000_001_000));
    let old = serve(Arc::new(Mutex::new(resting)));
    let other = folder.path().join("old.hefu");
    assert_eq!(light(old, &hash, &other, &[]), 3);
    assert_eq!(light(old, &hash, &other, &["--max-age", "100000000000"]), 0);

    // A damaged file.
    let mut broken = kept;
    broken[40] ^= 1;
    std::fs::write(&file, broken).unwrap();
    assert_eq!(light(node, &hash, &file, &[]), 3);
}

#[test]
fn a_fork_is_refused_and_its_proof_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("light.hefu");
    let (liar, node) = ledger(&[0, 0, 0]);
    let (_, forked) = ledger(&[0, 1, 1, 1]);
    let hash = genesis(&liar);
    assert_eq!(light(node, &hash, &file, &[]), 0);
    let kept = std::fs::read(&file).unwrap();
    assert_eq!(light(forked, &hash, &file, &[]), 3);
    assert_eq!(std::fs::read(&file).unwrap(), kept, "what was believed stays");
    let proof = folder.path().join("light.fork");
    let verify = |genesis: &str| {
        let line = ["hefu", "verify", proof.to_str().unwrap(), "--genesis", genesis];
        run_with(line.iter().map(Into::into).collect()).number()
    };
    assert_eq!((verify(&hash), verify(&"ab".repeat(32))), (0, 3));
    // Evidence is never written over.
    assert_eq!(light(forked, &hash, &file, &[]), 7);

    // The same seen at once, by asking two nodes.
    let fresh = folder.path().join("fresh.hefu");
    let other = format!("http://{forked}");
    let out = folder.path().join("both.fork");
    let more = ["--also", other.as_str(), "--out", out.to_str().unwrap()];
    assert_eq!(light(node, &hash, &fresh, &more), 3);
    assert!(out.exists() && !fresh.exists());
    let same = format!("http://{node}");
    assert_eq!(light(node, &hash, &fresh, &["--also", same.as_str()]), 0);
}

/// All sign a header whose log forgets a leaf: signatures do not show it, the log's proof does.
#[test]
fn a_log_that_was_rewritten_by_all_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("light.hefu");
    let (liar, node) = ledger(&[0, 0, 0]);
    let hash = genesis(&liar);
    assert_eq!(light(node, &hash, &file, &[]), 0);
    let kept = std::fs::read(&file).unwrap();
    {
        let mut liar = liar.lock().unwrap();
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&liar.genesis.log_leaf())).unwrap();
        (0..3u8).for_each(|leaf| log.append(leaf_hash(&[9, leaf])).unwrap());
        liar.log = log;
        liar.block(0, now());
    }
    assert_eq!(light(node, &hash, &file, &[]), 3);
    assert_eq!(std::fs::read(&file).unwrap(), kept);
}
