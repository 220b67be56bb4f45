//! Real samples of everything that is read: made here, the same in every run.

use std::sync::OnceLock;

use hefu_consensus::{Message, PolkaCertificate, Status};
use hefu_genesis::{Draft, Genesis, SignedGenesis, sample};
use hefu_node::core::StoredBlock;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};
use hefu_node::cosign::{Cosigned, CosignerKeys};
use hefu_primitives::block::{Block, Bundle, Outcome, TxResult, bundles_root, outcomes_root};
use hefu_primitives::capsule::{
    CAPSULE_FORMAT, Capsule, CertifiedHeader, FIRST_FORMAT, GenesisAnchor, RecordProof, StatusProof,
};
use hefu_primitives::evidence::Equivocation;
use hefu_primitives::evidence_file::{EquivocationProof, PROOF_FORMAT};
use hefu_primitives::light::{ForkProof, LightBlock, LightState, Rule};
use hefu_primitives::log::{LogHead, MemoryLog, consistency_proof, inclusion_proof, leaf_hash};
use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
use hefu_primitives::transparency::receipt::{ReceiptKey, ReceiptSigner};
use hefu_primitives::transparency::{
    Checkpoint, Es256Key, Note, Receipt, ReceiptAlg, ReceiptClaims, SignatureKind,
    TransparentStatement, VerifierKey, cosigner_name, origin,
};
use hefu_primitives::vote::{CommitSignature, SignedVote};
use hefu_primitives::{
    BlockId, Canonical, ChainId, CommitCertificate, H32, Header, Height, KeyPair, Millis, Power,
    Proposal, Region, Round, Signature, SignedTransaction, TransactionBody, Validator,
    ValidatorSet, Vote, VoteKind,
};

const RECORD: &[u8] = b"\x04key";

/// A key by its number.
pub fn pair(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32])
}

fn set(numbers: &[u8]) -> ValidatorSet {
    let validator = |(place, number): (usize, &u8)| Validator {
        region: Region(310_000 + 10_000 * place as u32),
        key: pair(*number).public(),
        power: Power(1),
    };
    ValidatorSet::new(numbers.iter().enumerate().map(validator).collect()).expect("a set")
}

/// Three blocks, a change of validators after the second, and what belongs to them.
pub struct Ledger {
    /// The anchor.
    pub anchor: GenesisAnchor,
    /// Its hash.
    pub chain: ChainId,
    /// The blocks, from height 1.
    pub blocks: Vec<LightBlock>,
    log: MemoryLog,
    map: AuthenticatedMap,
    tx: SignedTransaction,
    bundle: Bundle,
}

const SETS: [[u8; 4]; 4] = [[1, 2, 3, 4], [1, 2, 3, 4], [5, 2, 3, 4], [5, 2, 3, 4]];

/// The ledger of all samples.
pub fn ledger() -> &'static Ledger {
    static LEDGER: OnceLock<Ledger> = OnceLock::new();
    LEDGER.get_or_init(Ledger::new)
}

impl Ledger {
    fn new() -> Self {
        let mut map = AuthenticatedMap::new();
        map.update([(path_of(RECORD), Some(value_hash(b"value")))]);
        let anchor = GenesisAnchor {
            format: 1,
            document: H32([7; 32]),
            created: Millis(1),
            state_root: map.root(),
            validators: set(&SETS[0]),
        };
        let chain = anchor.chain();
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&anchor.to_bytes())).expect("a leaf");
        let acts = [acts_kept(), vec![vec![0x80]]].concat();
        let acts = acts.into_iter().take(3).map(Into::into).collect();
        let body = TransactionBody { chain, not_after: Millis(9_999), acts };
        let issuer = "11310000HEFU01010W".parse().expect("a code");
        let tx = SignedTransaction::sign(&body, issuer, "att:00", &pair(1)).expect("a transaction");
        let bundle = Bundle::new(vec![tx.clone()]).expect("a bundle");
        let mut ledger = Self { anchor, chain, blocks: Vec::new(), log, map, tx, bundle };
        for height in 1..=3u64 {
            let leaf = if height == 1 { leaf() } else { leaf_hash(&[height as u8]) };
            ledger.log.append(leaf).expect("a leaf");
            let block = ledger.block(height, 0, 0);
            ledger.blocks.push(block);
        }
        ledger
    }

    /// A block, signed by three of four; `mark` tells it from another of the height.
    fn block(&self, height: u64, round: u32, mark: u8) -> LightBlock {
        let place = height as usize - 1;
        let (by, next) = (SETS[place], SETS[place + 1]);
        let outcome = Outcome { tx: self.tx.id(), result: TxResult::Applied { leaf: 1 } };
        let header = Header {
            protocol: 1,
            chain: self.chain,
            height: Height(height),
            round: Round(round),
            time: Millis(1_000 * height),
            parent: match place {
                0 => BlockId(self.chain.0),
                place => self.blocks[place - 1].certified.header.id(),
            },
            bundles_root: bundles_root(&[self.bundle.id()]),
            outcomes_root: outcomes_root(&[outcome]),
            log_size: self.log.head().size,
            log_root: self.log.head().root,
            state_root: self.map.root(),
            validators: set(&by).hash(),
            next_validators: set(&next).hash(),
            parameters: H32([mark; 32]),
            proposer: pair(by[0]).id(),
        };
        let (height, block) = (header.height, header.id());
        let signature = |place: usize| {
            let vote = vote(by[place], VoteKind::Precommit, height, Round(round), block);
            CommitSignature {
                index: place as u16,
                signature: vote.sign(&self.chain, &pair(by[place])).signature,
            }
        };
        let signatures = vec![signature(0), signature(1), signature(3)];
        let certificate = CommitCertificate { height, round: Round(round), block, signatures };
        LightBlock::new(CertifiedHeader { header, certificate }, set(&by), set(&next))
    }

    /// What a light client believes of it.
    pub fn state(&self) -> &'static LightState {
        static STATE: OnceLock<LightState> = OnceLock::new();
        STATE.get_or_init(|| {
            let mut state = LightState::new(self.anchor.clone(), self.chain).expect("a state");
            let mut way = state.follow(Height(3), Rule::Whole).expect("a way");
            while let Some(height) = way.wanted() {
                let block = self.blocks[height.0 as usize - 1].clone();
                way.supply(block, Millis(u64::MAX)).expect("a true block");
            }
            state.advance(way.finish());
            state
        })
    }
}

fn vote(key: u8, kind: VoteKind, height: Height, round: Round, block: BlockId) -> Vote {
    Vote { kind, height, round, block: Some(block), validator: pair(key).id() }
}

/// The leaf of the sample transaction; of none while the ledger is being made.
pub fn leaf() -> H32 {
    leaf_hash(b"the sample transaction")
}

/// The head of the sample log.
pub fn head() -> LogHead {
    ledger().log.head()
}

fn acts_kept() -> Vec<Vec<u8>> {
    crate::corpus::kept("act")
}

/// Acts: those that were kept, one of each kind.
pub fn acts() -> Vec<Vec<u8>> {
    vec![vec![0x82, 0x00, 0x80], vec![0x82, 0x18, 0x20, 0x81, 0x80]]
}

/// Transactions.
pub fn transactions() -> Vec<Vec<u8>> {
    vec![ledger().tx.as_bytes().to_vec()]
}

/// Bundles.
pub fn bundles() -> Vec<Vec<u8>> {
    let tx = &ledger().tx;
    let two = Bundle::new(vec![tx.clone(), tx.clone()]).expect("a bundle");
    vec![ledger().bundle.as_bytes().to_vec(), two.as_bytes().to_vec()]
}

/// Blocks and headers.
pub fn blocks() -> Vec<Vec<u8>> {
    let header = &ledger().blocks[0].certified.header;
    let bundles = vec![ledger().bundle.id()];
    let plain = Block { header: header.clone(), bundles: bundles.clone(), evidence: Vec::new() };
    let evidence = vec![equivocation(), proposals()];
    let with = Block { header: header.clone(), bundles, evidence };
    vec![header.to_bytes(), plain.to_bytes(), with.to_bytes()]
}

/// Certificates and validator sets.
pub fn certificates() -> Vec<Vec<u8>> {
    let block = &ledger().blocks[1];
    vec![block.certified.certificate.to_bytes(), block.validators.to_bytes()]
}

/// Capsules, as files and without their digest.
pub fn capsules() -> Vec<Vec<u8>> {
    let ledger = ledger();
    let record = |key: &[u8], value: Option<&[u8]>| RecordProof {
        key: key.to_vec().into(),
        value: value.map(|value| value.to_vec().into()),
        proof: ledger.map.prove(&path_of(key)),
    };
    let records = vec![record(RECORD, Some(b"value")), record(b"\x04none", None)];
    let capsule = Capsule {
        format: CAPSULE_FORMAT,
        anchor: ledger.anchor.clone(),
        set_changes: ledger.state().changes().unwrap_or_default().to_vec(),
        recorded: ledger.blocks[0].certified.clone(),
        transaction: ledger.tx.as_bytes().to_vec().into(),
        signer: pair(1).public(),
        inclusion: inclusion_proof(&ledger.log, 1, 2).expect("a proof"),
        status: Some(StatusProof { certified: ledger.blocks[2].certified.clone(), records }),
        before: None,
        witness: None,
    };
    let golden: [&[u8]; 4] = [
        include_bytes!("../../../verify/golden/smallest.hefu"),
        include_bytes!("../../../verify/golden/whole.hefu"),
        include_bytes!("../../../verify/golden/compact.hefu"),
        include_bytes!("../../../verify/golden/witnessed.hefu"),
    ];
    let whole = [Ok(capsule.clone()), Ok(Capsule { format: FIRST_FORMAT, ..capsule })];
    let read = golden.into_iter().map(Capsule::from_file);
    let both = |capsule: Capsule| [capsule.to_file(), capsule.to_inner()];
    let all = whole.into_iter().chain(read).flat_map(|capsule| both(capsule.expect("a capsule")));
    all.map(|bytes| bytes.expect("a capsule")).collect()
}

fn equivocation() -> Equivocation {
    let chain = ledger().chain;
    let signed = |mark: u8| -> SignedVote {
        let block = BlockId([mark; 32]);
        vote(2, VoteKind::Prevote, Height(2), Round(1), block).sign(&chain, &pair(2))
    };
    Equivocation::votes(signed(1), signed(2))
}

fn proposals() -> Equivocation {
    let (chain, key) = (ledger().chain, pair(2));
    let signed = |pol_round| {
        let (height, round, block) = (Height(2), Round(1), BlockId([1; 32]));
        Proposal { height, round, block, pol_round, proposer: key.id() }.sign(&chain, &key)
    };
    Equivocation::proposals(signed(None), signed(Some(Round(0))))
}

/// Contradictions, and proofs of them.
pub fn evidence() -> Vec<Vec<u8>> {
    let proof = EquivocationProof {
        format: PROOF_FORMAT,
        anchor: ledger().anchor.clone(),
        set_changes: Vec::new(),
        decided: ledger().blocks[1].certified.clone(),
        evidence: equivocation(),
    };
    let plain = [equivocation().to_bytes(), proposals().to_bytes()];
    plain.into_iter().chain([proof.to_file(), proof.to_bytes()]).collect()
}

/// Proofs of forks, in one round and in two.
pub fn forks() -> Vec<Vec<u8>> {
    let proof = |round| -> ForkProof {
        let other = ledger().block(3, round, 1);
        ledger().state().compare(&other).expect("a fork").expect("a proof")
    };
    [0, 1].into_iter().flat_map(|round| [proof(round).to_file(), proof(round).to_bytes()]).collect()
}

/// Blocks for light clients, and what such a client keeps.
pub fn light() -> Vec<Vec<u8>> {
    let blocks = ledger().blocks.iter().map(Canonical::to_bytes);
    blocks.chain([ledger().state().to_file()]).collect()
}

/// Genesis documents.
pub fn genesis() -> Vec<Vec<u8>> {
    vec![sample_genesis().0.as_bytes().to_vec()]
}

/// Genesis documents, drafts and signed ones as JSON.
pub fn genesis_json() -> Vec<Vec<u8>> {
    let (genesis, _) = sample_genesis();
    let draft: Draft = sample::draft(Millis(1_790_000_000_000)).expect("a draft");
    let signed = SignedGenesis { genesis: genesis.clone(), signatures: Vec::new() };
    [genesis.to_json().ok(), draft.to_json().ok(), signed.to_json().ok()]
        .into_iter()
        .flatten()
        .map(String::into_bytes)
        .collect()
}

fn sample_genesis() -> &'static (Genesis, sample::SampleKeys) {
    static SAMPLE: OnceLock<(Genesis, sample::SampleKeys)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let mut number = 0u8;
        sample::demo(Millis(1_790_000_000_000), &mut |_| {
            number += 1;
            pair(number)
        })
        .expect("the sample")
    })
}

/// Consensus messages of every kind.
pub fn messages() -> Vec<Vec<u8>> {
    let (chain, block) = (ledger().chain, &ledger().blocks[1].certified);
    let (height, round, id) = (Height(2), Round(0), block.header.id());
    let proposal = Proposal { height, round, block: id, pol_round: None, proposer: pair(1).id() };
    let proposed = Block {
        header: block.header.clone(),
        bundles: vec![ledger().bundle.id()],
        evidence: vec![equivocation()],
    };
    let votes = [1, 2, 3]
        .map(|key| vote(key, VoteKind::Prevote, height, round, id).sign(&chain, &pair(key)));
    let signatures = block.certificate.signatures.clone();
    let polka = PolkaCertificate { height, round, block: id, signatures };
    [
        Message::Proposal { proposal: proposal.sign(&chain, &pair(1)), block: proposed },
        Message::Votes(votes.to_vec()),
        Message::Polka(polka),
        Message::Decided(block.certificate.clone()),
        Message::Status(Status::default()),
        Message::Evidence(equivocation()),
    ]
    .iter()
    .map(Canonical::to_bytes)
    .collect()
}

/// Requests and answers between nodes.
pub fn sync() -> Vec<Vec<u8>> {
    let ledger = ledger();
    let block = &ledger.blocks[0].certified;
    let stored = StoredBlock {
        block: Block {
            header: block.header.clone(),
            bundles: vec![ledger.bundle.id()],
            evidence: Vec::new(),
        },
        certificate: block.certificate.clone(),
        bundles: vec![ledger.bundle.as_bytes().to_vec().into()],
        outcomes: vec![Outcome { tx: ledger.tx.id(), result: TxResult::Applied { leaf: 1 } }],
    };
    let line =
        cosigners()[0].sign(&pair(1), 60, &Checkpoint::new(origin(&ledger.chain), head()).text());
    let signature = Signature(line.bytes[8..].try_into().expect("64 bytes"));
    let cosigned = Cosigned { key: pair(1).id(), head: head(), time: 60, signature };
    let es256 = Es256Key::derive(&pair(1)).expect("a key");
    let keys = CosignerKeys::new(pair(1).id(), &es256.endorse(&pair(1)));
    let requests = [
        SyncRequest::Blocks { from: Height(1), count: 3 },
        SyncRequest::Bundles(vec![ledger.bundle.id()]),
        SyncRequest::Cosigned(Some(cosigned)),
        SyncRequest::Cosigned(None),
        SyncRequest::CosignerKeys,
        SyncRequest::Receipt { leaf: 1, es256: true },
    ];
    let items = vec![stored.to_bytes(), cosigned.to_bytes(), keys.to_bytes()];
    let answer = SyncAnswer::collect(items.clone().into_iter());
    requests.iter().map(Canonical::to_bytes).chain(items).chain([answer.to_bytes()]).collect()
}

fn cosigners() -> Vec<VerifierKey> {
    let key = |number: u8| {
        let name = cosigner_name(&ledger().chain, Region(300_000 + 10_000 * u32::from(number)));
        VerifierKey::new(name, SignatureKind::Cosignature, &pair(number).public()).expect("a key")
    };
    vec![key(1), key(2)]
}

/// The keys that sample notes are signed with.
pub fn verifiers() -> Vec<VerifierKey> {
    let log = VerifierKey::new(origin(&ledger().chain), SignatureKind::Ed25519, &pair(1).public());
    log.into_iter().chain(cosigners()).collect()
}

fn sample_note() -> Note {
    let text = Checkpoint::new(origin(&ledger().chain), head()).text();
    let keys = verifiers();
    let lines = vec![
        keys[0].sign(&pair(1), 0, &text),
        keys[1].sign(&pair(1), 60, &text),
        keys[2].sign(&pair(2), 61, &text),
    ];
    Note::new(text, lines).expect("a note")
}

/// Checkpoints, and verifier keys.
pub fn notes() -> Vec<Vec<u8>> {
    let keys = verifiers().into_iter().map(|key| key.to_string().into_bytes());
    keys.chain([sample_note().to_string().into_bytes()]).collect()
}

/// Bodies of `add-checkpoint`.
pub fn witness() -> Vec<Vec<u8>> {
    let body = |old: u64, lines: &str| format!("old {old}\n{lines}\n{}", sample_note());
    let line = sample_note().text().lines().nth(2).unwrap_or_default().to_owned() + "\n";
    vec![
        body(0, "").into_bytes(),
        body(3, &line).into_bytes(),
        body(2, &line.repeat(3)).into_bytes(),
    ]
}

/// Paths of tiles.
pub fn tiles() -> Vec<Vec<u8>> {
    ["0/000", "0/x001/067", "1/000.p/7", "entries/000.p/255", "entries/x001/x234/067", "5/999"]
        .map(|path| path.as_bytes().to_vec())
        .to_vec()
}

/// Proofs of the log and of the map.
pub fn proofs() -> Vec<Vec<u8>> {
    let (log, map) = (&ledger().log, &ledger().map);
    let mut large = MemoryLog::new();
    (0..100u8).for_each(|leaf| large.append(leaf_hash(&[leaf])).expect("a leaf"));
    vec![
        inclusion_proof(log, 1, 4).expect("a proof").to_bytes(),
        inclusion_proof(&large, 77, 100).expect("a proof").to_bytes(),
        consistency_proof(log, 2, 4).expect("a proof").to_bytes(),
        consistency_proof(&large, 37, 100).expect("a proof").to_bytes(),
        map.prove(&path_of(RECORD)).to_bytes(),
        map.prove(&path_of(b"\x04none")).to_bytes(),
    ]
}

/// The keys of sample receipts.
pub fn receipt_keys() -> [ReceiptKey; 2] {
    let es256 = Es256Key::derive(&pair(1)).expect("a key");
    [ReceiptKey::EdDsa(pair(1).public()), ReceiptKey::Es256(es256.public())]
}

/// Receipts of both algorithms, and a transparent statement.
pub fn receipts() -> Vec<Vec<u8>> {
    let ledger = ledger();
    let es256 = Es256Key::derive(&pair(1)).expect("a key");
    let receipt = |alg| {
        let claims = ReceiptClaims {
            alg,
            key: pair(1).id(),
            issuer: cosigner_name(&ledger.chain, Region(310_000)),
            subject: "att:00".into(),
            size: head().size,
            height: Height(3),
        };
        let pair = pair(1);
        let signer = match alg {
            ReceiptAlg::EdDsa => ReceiptSigner::EdDsa(&pair),
            ReceiptAlg::Es256 => ReceiptSigner::Es256(&es256),
        };
        let proof = inclusion_proof(&ledger.log, 1, head().size).expect("a proof");
        Receipt::sign(claims, proof, head().root, signer).expect("a receipt")
    };
    let both = [receipt(ReceiptAlg::EdDsa), receipt(ReceiptAlg::Es256)];
    let statement = TransparentStatement::new(ledger.tx.clone(), both.to_vec());
    let statement = statement.expect("a statement").bytes();
    both.iter().map(Receipt::bytes).chain([statement]).collect()
}

/// Presentations: those that were kept.
pub fn presentations() -> Vec<Vec<u8>> {
    vec![b"HEFU1:".to_vec(), b"{\"version\":1}".to_vec()]
}
