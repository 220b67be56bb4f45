//! The targets: one for each thing that outsiders can hand us.

use core::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use hefu_consensus::Message;
use hefu_contracts::Act;
use hefu_genesis::{Draft, Genesis, MemberFile, SignedGenesis};
use hefu_node::core::StoredBlock;
use hefu_node::core::sync::{MAX_ANSWER_BYTES, SyncAnswer, SyncRequest};
use hefu_node::cosign::{Cosigned, CosignerKeys};
use hefu_node::vault::presentation::Presentation;
use hefu_primitives::block::{Block, Bundle};
use hefu_primitives::bounds::{MAX_CAPSULE_BYTES, MAX_CERTIFICATE_BYTES, MAX_PROPOSED_BLOCK_BYTES};
use hefu_primitives::capsule::Capsule;
use hefu_primitives::evidence::Equivocation;
use hefu_primitives::evidence_file::EquivocationProof;
use hefu_primitives::light::{ForkProof, LightBlock, LightState, Rule, Trusted, verify};
use hefu_primitives::log::{ConsistencyProof, InclusionProof, LogHead};
use hefu_primitives::map::MapProof;
use hefu_primitives::transparency::receipt::ReceiptKey;
use hefu_primitives::transparency::{
    AddCheckpoint, Checkpoint, Note, Receipt, Tile, TransparentStatement, VerifierKey,
};
use hefu_primitives::{
    Canonical, CommitCertificate, H32, Header, Millis, SignedTransaction, ValidatorSet,
};

use crate::seeds;

/// What a decoder said, as a number: the same for the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said(pub u64);

impl Said {
    /// The number of an answer.
    pub fn of(answer: &impl Debug) -> Self {
        let mut hasher = DefaultHasher::new();
        format!("{answer:?}").hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Hands it bytes. Panics when a rule is broken.
    pub run: fn(&[u8]) -> Said,
    /// Real samples of what it reads.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "act", run: act, seeds: seeds::acts },
    Target { name: "block", run: block, seeds: seeds::blocks },
    Target { name: "bundle", run: bundle, seeds: seeds::bundles },
    Target { name: "capsule", run: capsule, seeds: seeds::capsules },
    Target { name: "certificate", run: certificate, seeds: seeds::certificates },
    Target { name: "checkpoint", run: checkpoint, seeds: seeds::notes },
    Target { name: "evidence", run: evidence, seeds: seeds::evidence },
    Target { name: "fork", run: fork, seeds: seeds::forks },
    Target { name: "genesis", run: genesis, seeds: seeds::genesis },
    Target { name: "genesis_json", run: genesis_json, seeds: seeds::genesis_json },
    Target { name: "light", run: light, seeds: seeds::light },
    Target { name: "message", run: message, seeds: seeds::messages },
    Target { name: "note", run: note, seeds: seeds::notes },
    Target { name: "presentation", run: presentation, seeds: seeds::presentations },
    Target { name: "proof", run: proof, seeds: seeds::proofs },
    Target { name: "receipt", run: receipt, seeds: seeds::receipts },
    Target { name: "sync", run: sync, seeds: seeds::sync },
    Target { name: "tile", run: tile, seeds: seeds::tiles },
    Target { name: "transaction", run: transaction, seeds: seeds::transactions },
    Target { name: "witness", run: witness, seeds: seeds::witness },
];

/// A target by its name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// What was decoded encodes to the same bytes; why not, when it was not decoded.
fn identity<T, E: Debug>(
    bytes: &[u8],
    decoded: Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Result<T, Said> {
    let value = decoded.map_err(|error| Said::of(&error))?;
    assert_eq!(encode(&value), bytes, "what was decoded encodes to other bytes");
    Ok(value)
}

fn canonical<T: Canonical>(bytes: &[u8], bound: usize) -> Result<T, Said> {
    identity(bytes, T::from_bytes(bytes, bound), Canonical::to_bytes)
}

fn transaction(bytes: &[u8]) -> Said {
    let decoded = SignedTransaction::decode(bytes);
    let tx = match identity(bytes, decoded, |tx| tx.as_bytes().to_vec()) {
        Ok(tx) => tx,
        Err(said) => return said,
    };
    let valid = tx.verify(&seeds::pair(1).public());
    let acts: Vec<_> = tx.body().acts.iter().map(|act| act_of(act).err()).collect();
    Said::of(&(valid, acts))
}

fn act_of(bytes: &[u8]) -> Result<Act, Said> {
    identity(bytes, Act::decode(bytes), Canonical::to_bytes)
}

fn act(bytes: &[u8]) -> Said {
    act_of(bytes).map_or_else(|said| said, |act| Said::of(&act.name()))
}

fn bundle(bytes: &[u8]) -> Said {
    let decoded = identity(bytes, Bundle::decode(bytes), |bundle| bundle.as_bytes().to_vec());
    match decoded {
        Ok(bundle) => {
            let again = Bundle::new(bundle.transactions().to_vec());
            assert_eq!(again.as_ref(), Ok(&bundle), "bundled again it is another");
            Said::of(&bundle.transactions().len())
        }
        Err(said) => said,
    }
}

fn block(bytes: &[u8]) -> Said {
    if let Ok(header) = canonical::<Header>(bytes, MAX_PROPOSED_BLOCK_BYTES) {
        return Said::of(&(
            "header",
            header.id() == seeds::ledger().blocks[0].certified.header.id(),
        ));
    }
    match canonical::<Block>(bytes, MAX_PROPOSED_BLOCK_BYTES) {
        Ok(block) => Said::of(&(block.bundles.len(), block.evidence.len(), block.contents_root())),
        Err(said) => said,
    }
}

fn certificate(bytes: &[u8]) -> Said {
    let ledger = seeds::ledger();
    if let Ok(set) = canonical::<ValidatorSet>(bytes, MAX_CERTIFICATE_BYTES) {
        return Said::of(&(set.len(), set.quorum()));
    }
    match canonical::<CommitCertificate>(bytes, MAX_CERTIFICATE_BYTES) {
        Ok(certificate) => Said::of(&certificate.verify(&ledger.chain, &ledger.anchor.validators)),
        Err(said) => said,
    }
}

fn capsule(bytes: &[u8]) -> Said {
    // As a file, and as what is in one: a digest keeps most changed files out.
    let decoded = match Capsule::from_file(bytes) {
        Ok(capsule) => {
            identity(bytes, Ok::<_, ()>(capsule), |read| read.to_file().unwrap_or_default())
        }
        Err(_) => {
            identity(bytes, Capsule::from_inner(bytes), |read| read.to_inner().unwrap_or_default())
        }
    };
    match decoded {
        Ok(capsule) => Said::of(&capsule.verify(capsule.anchor.chain()).err()),
        Err(said) => said,
    }
}

fn evidence(bytes: &[u8]) -> Said {
    let ledger = seeds::ledger();
    if let Ok(found) = identity(bytes, Equivocation::decode(bytes), Canonical::to_bytes) {
        return Said::of(&found.verify(&ledger.chain, &ledger.anchor.validators));
    }
    let decoded = match EquivocationProof::from_file(bytes) {
        Ok(proof) => {
            assert!(EquivocationProof::is_file(bytes));
            identity(bytes, Ok::<_, ()>(proof), EquivocationProof::to_file)
        }
        Err(_) => canonical::<EquivocationProof>(bytes, MAX_CAPSULE_BYTES),
    };
    match decoded {
        Ok(proof) => Said::of(&proof.verify(proof.anchor.chain()).err()),
        Err(said) => said,
    }
}

fn fork(bytes: &[u8]) -> Said {
    let decoded = match ForkProof::from_file(bytes) {
        Ok(proof) => {
            assert!(ForkProof::is_file(bytes));
            identity(bytes, Ok::<_, ()>(proof), ForkProof::to_file)
        }
        Err(_) => canonical::<ForkProof>(bytes, MAX_CAPSULE_BYTES),
    };
    match decoded {
        Ok(proof) => Said::of(&proof.verify(seeds::ledger().chain).err()),
        Err(said) => said,
    }
}

fn light(bytes: &[u8]) -> Said {
    let ledger = seeds::ledger();
    if let Ok(state) = LightState::from_file(bytes, ledger.chain) {
        assert_eq!(state.to_file(), bytes);
        return Said::of(&state.height());
    }
    match identity(bytes, LightBlock::decode(bytes), Canonical::to_bytes) {
        Ok(block) => {
            let genesis = Trusted::genesis(&ledger.anchor);
            let now = Millis(u64::MAX);
            let rules = [Rule::Whole, Rule::Third { period: Millis(u64::MAX) }];
            let said = rules.map(|rule| verify(&genesis, &block, rule, now).err());
            Said::of(&(said, ledger.state().compare(&block).err()))
        }
        Err(said) => said,
    }
}

fn note(bytes: &[u8]) -> Said {
    if let Ok(text) = core::str::from_utf8(bytes)
        && let Ok(key) = text.parse::<VerifierKey>()
    {
        assert_eq!(key.to_string(), text);
        return Said::of(&key.kind());
    }
    match identity(bytes, Note::parse(bytes), |note| note.to_string().into_bytes()) {
        Ok(note) => {
            let keys = seeds::verifiers();
            let signed: Vec<_> = keys.iter().map(|key| note.signed_by(key)).collect();
            Said::of(&(note.signatures().len(), signed))
        }
        Err(said) => said,
    }
}

fn checkpoint(bytes: &[u8]) -> Said {
    match Checkpoint::of_note(bytes) {
        Ok((checkpoint, note)) => {
            assert_eq!(checkpoint.text(), note.text());
            assert_eq!(Checkpoint::parse(note.text()), Ok(checkpoint.clone()));
            Said::of(&(checkpoint.extensions.len(), checkpoint.head.size.leading_zeros()))
        }
        Err(error) => Said::of(&error),
    }
}

fn witness(bytes: &[u8]) -> Said {
    match AddCheckpoint::parse(bytes) {
        Ok(add) => {
            let head = LogHead { size: add.old, root: H32([7; 32]) };
            Said::of(&(add.proof.len(), add.decide(&seeds::verifiers(), Some(head))))
        }
        Err(error) => Said::of(&error),
    }
}

fn tile(bytes: &[u8]) -> Said {
    let Ok(path) = core::str::from_utf8(bytes) else { return Said(0) };
    match Tile::parse(path) {
        Ok(tile) => {
            assert_eq!(tile.to_string(), path);
            Said::of(&(tile.level, tile.width == 256, tile.first(1 << 40), tile.first(u64::MAX)))
        }
        Err(error) => Said::of(&error),
    }
}

fn receipt(bytes: &[u8]) -> Said {
    let verified = |receipt: &Receipt| {
        let leaf = seeds::leaf();
        let keys = seeds::receipt_keys();
        keys.map(|key: ReceiptKey| receipt.verify(leaf, &key).err())
    };
    if let Ok(receipt) = identity(bytes, Receipt::decode(bytes), Receipt::bytes) {
        return Said::of(&verified(&receipt));
    }
    let decoded = TransparentStatement::decode(bytes);
    match identity(bytes, decoded, TransparentStatement::bytes) {
        Ok(statement) => Said::of(&statement.receipts().iter().map(verified).collect::<Vec<_>>()),
        Err(said) => said,
    }
}

fn proof(bytes: &[u8]) -> Said {
    let (leaf, head) = (seeds::leaf(), seeds::head());
    let mut said = Vec::new();
    if let Ok(proof) = canonical::<InclusionProof>(bytes, InclusionProof::MAX_BYTES) {
        said.push(Said::of(&(proof.verify(leaf, head), proof.root_from(leaf).is_ok())));
    }
    if let Ok(proof) = canonical::<ConsistencyProof>(bytes, ConsistencyProof::MAX_BYTES) {
        let old = LogHead { size: proof.old, root: leaf };
        said.push(Said::of(&(proof.verify(old, head), proof.verify(head, head))));
    }
    match canonical::<MapProof>(bytes, MapProof::MAX_BYTES) {
        Ok(proof) => said.push(Said::of(&proof.verify(head.root, leaf))),
        Err(error) if said.is_empty() => return error,
        Err(_) => {}
    }
    Said::of(&said)
}

fn message(bytes: &[u8]) -> Said {
    match identity(bytes, Message::decode(bytes), Canonical::to_bytes) {
        Ok(message) => {
            let ledger = seeds::ledger();
            let (chain, set) = (&ledger.chain, &ledger.anchor.validators);
            Said::of(&match &message {
                Message::Proposal { proposal, block } => (
                    0,
                    u64::from(proposal.verify(chain, set)),
                    u64::from(block.id() == proposal.proposal.block),
                ),
                Message::Votes(votes) => {
                    (1, votes.len() as u64, u64::from(votes.iter().all(|v| v.verify(chain, set))))
                }
                Message::Polka(polka) => (2, polka.signatures.len() as u64, 0),
                Message::Decided(decided) => (3, u64::from(decided.verify(chain, set).is_ok()), 0),
                Message::Status(_) => (4, 0, 0),
                Message::Evidence(proof) => (5, u64::from(proof.verify(chain, set).is_ok()), 0),
            })
        }
        Err(said) => said,
    }
}

fn sync(bytes: &[u8]) -> Said {
    let mut said = Vec::new();
    if let Ok(request) = identity(bytes, SyncRequest::decode(bytes), Canonical::to_bytes) {
        said.push(Said::of(&core::mem::discriminant(&request)));
    }
    if let Ok(answer) = identity(bytes, SyncAnswer::decode(bytes), Canonical::to_bytes) {
        assert!(bytes.len() <= MAX_ANSWER_BYTES);
        said.extend(answer.0.iter().map(|item| sync_item(item)));
    }
    match sync_item(bytes) {
        item if said.is_empty() => item,
        _ => Said::of(&said),
    }
}

/// What an answer's item may be.
fn sync_item(bytes: &[u8]) -> Said {
    if let Ok(cosigned) = canonical::<Cosigned>(bytes, Cosigned::MAX_BYTES) {
        return Said::of(&("cosigned", cosigned.head.size > 0));
    }
    if let Ok(keys) = canonical::<CosignerKeys>(bytes, CosignerKeys::MAX_BYTES) {
        return Said::of(&("keys", keys.endorsement().verify(&seeds::pair(1).public())));
    }
    match identity(bytes, StoredBlock::decode(bytes), Canonical::to_bytes) {
        Ok(stored) => {
            let found = stored.transaction(0).is_some();
            Said::of(&(stored.bundles.len(), stored.outcomes.len(), found))
        }
        Err(said) => said,
    }
}

fn genesis(bytes: &[u8]) -> Said {
    match identity(bytes, Genesis::from_bytes(bytes), |genesis| genesis.as_bytes().to_vec()) {
        Ok(genesis) => Said::of(&(genesis.members().len(), genesis.initial_writes().len())),
        Err(said) => said,
    }
}

fn genesis_json(bytes: &[u8]) -> Said {
    // Spaces and order are free in JSON: what it means must survive, not its bytes.
    if let Ok(genesis) = Genesis::from_json(bytes) {
        let text = genesis.to_json().expect("what was read can be written");
        assert_eq!(Genesis::from_json(text.as_bytes()).as_ref(), Ok(&genesis));
        return Said::of(&genesis.anchor().chain());
    }
    if let Ok(draft) = Draft::from_json(bytes) {
        return Said::of(&draft.check());
    }
    if let Ok(file) = MemberFile::from_json(bytes) {
        return Said::of(&file.missing_proofs().len());
    }
    match SignedGenesis::from_json(bytes) {
        Ok(signed) => Said::of(&signed.verify(false).is_ok()),
        Err(error) => Said::of(&core::mem::discriminant(&error)),
    }
}

fn presentation(bytes: &[u8]) -> Said {
    if let Ok(made) = Presentation::from_cbor(bytes) {
        assert_eq!(made.to_cbor(), bytes, "what was decoded encodes to other bytes");
    }
    match Presentation::from_any(bytes) {
        Ok(made) => {
            assert_eq!(Presentation::from_text(&made.to_text()).as_ref(), Ok(&made));
            assert_eq!(Presentation::from_json(made.to_json().as_bytes()).as_ref(), Ok(&made));
            Said::of(&made.is_signed_by(&seeds::pair(1).public()))
        }
        Err(error) => Said::of(&error.to_string()),
    }
}
