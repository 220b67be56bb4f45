//! The executed ledger by hand: blocks built, committed, opened again, damaged.

use std::sync::Arc;

use hefu_contracts::certificate::{
    ATTESTATIONS, Attest, Ident, Marks, Reaffirm, ReaffirmScope, SuspendAttestation,
};
use hefu_contracts::exec::VerifyAlways;
use hefu_contracts::identity::Role;
use hefu_contracts::{Act, StateView};
use hefu_genesis::Genesis;
use hefu_genesis::sample::{self, SampleKeys};
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::map::path_of;
use hefu_primitives::time::Day;
use hefu_primitives::{
    Block, Bundle, CommitCertificate, H32, Height, Id16, KeyId, KeyPair, Millis, Region, Round,
    SignedTransaction, TransactionBody,
};

use super::ledger::{Contents, Ledger, LedgerError};
use super::{Committed, map_at, open};
use crate::store::{BlockFiles, EngineKind, Index, SimDisk, open_index};

pub(crate) const CREATED: Millis = Millis(1_790_000_000_000);
const SHANGHAI: Region = Region(310_000);

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) keys: SampleKeys,
    pub(crate) disk: SimDisk,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut number = 0u64;
        let made = sample::demo(CREATED, &mut |_| {
            number += 1;
            let mut secret = [7; 32];
            secret[..8].copy_from_slice(&number.to_le_bytes());
            KeyPair::from_secret(&secret)
        });
        let (genesis, keys) = made.unwrap();
        Self { genesis, keys, disk: SimDisk::new() }
    }

    pub(crate) fn open_with(&self, index: Arc<dyn Index>) -> Result<Ledger<SimDisk>, LedgerError> {
        let blocks = BlockFiles::open(self.disk.clone(), 1 << 20, &mut |_| {})?;
        open::open(&self.genesis, Arc::new(blocks), index, &mut |_| {})
    }

    pub(crate) fn attest(&self, number: u8) -> (Id16, Act) {
        let issuer = self.keys.member(SHANGHAI).unwrap().department("hrss").unwrap();
        let id = Id16([number; 16]);
        let day = Day::of_beijing(CREATED);
        let act = Attest {
            id,
            type_code: issuer.may_issue[0],
            type_version: 1,
            region: SHANGHAI,
            ident: Ident::Committed(H32([3; 32])),
            holder: H32([1; 32]),
            content: H32([2; 32]),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: day,
            valid_from: day,
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: CREATED,
        };
        (id, act.into())
    }

    fn suspend(&self, id: Id16) -> Act {
        let day = Day::of_beijing(CREATED);
        let act =
            SuspendAttestation { id, reason: 1, effective: day, until: None, occurred_at: CREATED };
        act.into()
    }

    pub(crate) fn sign(&self, acts: &[Act]) -> SignedTransaction {
        let issuer = self.keys.member(SHANGHAI).unwrap().department("hrss").unwrap();
        let body = TransactionBody {
            chain: self.genesis.hash(),
            not_after: Millis(CREATED.0 + 600_000),
            acts: acts.iter().map(|act| act.to_bytes().into()).collect(),
        };
        let key = issuer.key_for(Role::Issuer).unwrap();
        SignedTransaction::sign(&body, issuer.code, "test", key).unwrap()
    }
}

pub(crate) fn memory() -> Arc<dyn Index> {
    open_index(EngineKind::Memory, std::path::Path::new("")).unwrap()
}

fn certificate(block: &Block) -> CommitCertificate {
    CommitCertificate {
        height: block.header.height,
        round: Round(0),
        block: block.id(),
        signatures: Vec::new(),
    }
}

fn commit(world: &World, ledger: &mut Ledger<SimDisk>, acts: &[Act]) -> Committed {
    let bundles = match acts {
        [] => Vec::new(),
        acts => vec![Arc::new(Bundle::new(vec![world.sign(acts)]).unwrap())],
    };
    let time = Millis(CREATED.0 + 1_000 * (ledger.tip().height.0 + 1));
    let proposer = world.genesis.validators().get(0).unwrap().key.id();
    let block = ledger.build(
        Round(0),
        time,
        proposer,
        Contents { bundles: &bundles, evidence: &[] },
        &VerifyAlways,
    );
    let certificate = certificate(&block);
    ledger.commit(block, certificate, &bundles, &VerifyAlways).unwrap()
}

#[test]
fn records_are_read_now_and_as_of_earlier_heights() {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    let (id, act) = world.attest(1);
    let first = commit(&world, &mut ledger, &[act]);
    assert!(matches!(first.positions[0].1.result, TxResult::Applied { leaf: 1 }));
    commit(&world, &mut ledger, &[]);
    commit(&world, &mut ledger, &[world.suspend(id)]);
    let (key, records) = (ATTESTATIONS.key(&id), ledger.records().clone());
    let at = |height| records.at(&key, Height(height)).unwrap();
    assert_eq!(at(0), None);
    assert_eq!(at(1), at(2));
    assert_ne!(at(2), at(3));
    assert_eq!(at(3).map(|(_, value)| value), StateView::get(&records, &key));
    assert_eq!(records.heights_of(&key).unwrap(), [Height(1), Height(3)]);
}

#[test]
fn a_ledger_opened_again_is_the_same_with_or_without_its_index() {
    let world = World::new();
    let kept = memory();
    let mut ledger = world.open_with(kept.clone()).unwrap();
    for number in 1..=5 {
        commit(&world, &mut ledger, &[world.attest(number).1]);
    }
    let tip = ledger.tip().clone();
    drop(ledger);
    let again = world.open_with(kept).unwrap();
    assert_eq!(again.tip(), &tip);
    drop(again);
    let replayed = world.open_with(memory()).unwrap();
    assert_eq!(replayed.tip(), &tip);
}

#[test]
fn an_index_that_lies_is_built_again() {
    let world = World::new();
    let index = memory();
    let mut ledger = world.open_with(index.clone()).unwrap();
    let (id, act) = world.attest(1);
    commit(&world, &mut ledger, &[act]);
    let tip = ledger.tip().clone();
    drop(ledger);
    let key = super::keys::state(&ATTESTATIONS.key(&id));
    let mut value = index.get(&key).unwrap().unwrap();
    *value.last_mut().unwrap() ^= 1;
    index.apply(1, &[(key.clone(), Some(value.clone()))]).unwrap();
    let healed = world.open_with(index.clone()).unwrap();
    assert_eq!(healed.tip(), &tip);
    assert_ne!(index.get(&key).unwrap().unwrap(), value);
}

#[test]
fn an_index_of_an_older_layout_is_built_again() {
    let world = World::new();
    let index = memory();
    let mut ledger = world.open_with(index.clone()).unwrap();
    for number in 1..=3 {
        commit(&world, &mut ledger, &[world.attest(number).1]);
    }
    let tip = ledger.tip().clone();
    drop(ledger);
    let rows = || index.scan(&[1], &[0xff; 4], 4_096, false).unwrap();
    let whole = rows();
    // It named the ledger alone, and had a row for each node of the log.
    let chain = chain_of(&whole);
    let log = super::keys::log_node(1, 0);
    let old = [(super::keys::CHAIN.to_vec(), Some(chain)), (log, None)];
    index.apply(3, &old).unwrap();
    assert_eq!(world.open_with(index.clone()).unwrap().tip(), &tip);
    assert_eq!(rows(), whole);
}

fn chain_of(rows: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let (_, mark) = rows.iter().find(|(key, _)| key == super::keys::CHAIN).unwrap();
    mark[..32].to_vec()
}

#[test]
fn an_index_that_lies_where_no_root_looks_is_built_again() {
    let world = World::new();
    let index = memory();
    let mut ledger = world.open_with(index.clone()).unwrap();
    let (_, act) = world.attest(1);
    commit(&world, &mut ledger, std::slice::from_ref(&act));
    let behind: Vec<_> = index.scan(&[0], &[0xff; 4], 4_096, false).unwrap();
    commit(&world, &mut ledger, &[act]);
    let tip = ledger.tip().clone();
    drop(ledger);
    // As the first block left it, but for where the transaction stands, so that it was not seen.
    let index = memory();
    let kept = behind.into_iter().filter(|(key, _)| !key.starts_with(b"t"));
    let batch: Vec<_> = kept.map(|(key, value)| (key, Some(value))).collect();
    index.apply(1, &batch).unwrap();
    assert_eq!(world.open_with(index).unwrap().tip(), &tip);
}

#[test]
fn reading_the_map_does_not_disturb_what_is_staged() {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    let bundles = vec![Arc::new(Bundle::new(vec![world.sign(&[world.attest(1).1])]).unwrap())];
    let proposer = world.genesis.validators().get(0).unwrap().key.id();
    let before = ledger.with_map(|map| map.root());
    let block = ledger.build(
        Round(0),
        Millis(CREATED.0 + 1_000),
        proposer,
        Contents { bundles: &bundles, evidence: &[] },
        &VerifyAlways,
    );
    for _ in 0..2 {
        assert_eq!(ledger.with_map(|map| map.root()), before);
    }
    ledger.validate(&block, &bundles, &VerifyAlways).unwrap();
    let (root, certificate) = (block.header.state_root, certificate(&block));
    ledger.commit(block, certificate, &bundles, &VerifyAlways).unwrap();
    assert_eq!(ledger.with_map(|map| map.root()), root);
    assert_ne!(root, before);
}

/// The map of every height there was, by both ways, also while a block is staged and after a start.
#[test]
fn the_map_of_an_earlier_height_is_put_together_again() {
    let (world, index) = (World::new(), memory());
    let mut ledger = world.open_with(index.clone()).unwrap();
    let mut roots = vec![ledger.tip().state_root];
    for number in 1..6 {
        let (id, act) = world.attest(number);
        let acts = if number == 4 { vec![act, world.suspend(id)] } else { vec![act] };
        roots.push(commit(&world, &mut ledger, &acts).tip.state_root);
        roots.push(commit(&world, &mut ledger, &[]).tip.state_root);
    }
    let key = ATTESTATIONS.key(&Id16([4; 16]));
    for (height, root) in roots.iter().enumerate() {
        let height = Height(height as u64);
        let back = ledger.with_map_at(height, |map| (map.root(), map.get(&path_of(&key))));
        let anew = map_at(&index, height).unwrap();
        assert_eq!(back, Some((*root, anew.get(&path_of(&key)))), "{height}");
        assert_eq!(anew.root(), *root, "{height}");
        assert_eq!(ledger.with_map(|map| map.root()), ledger.tip().state_root);
    }
    assert_eq!(ledger.with_map_at(Height(99), |map| map.root()), None);
    let mut again = world.open_with(index.clone()).unwrap();
    assert_eq!(again.with_map_at(Height(3), |map| map.root()), None, "not kept in memory");
    assert_eq!(again.with_map_at(again.tip().height, |map| map.root()), roots.last().copied());
    assert_eq!(map_at(&index, Height(3)).unwrap().root(), roots[3]);
}

#[test]
fn lost_blocks_and_other_ledgers_are_named() {
    let world = World::new();
    let index = memory();
    let mut ledger = world.open_with(index.clone()).unwrap();
    commit(&world, &mut ledger, &[world.attest(1).1]);
    drop(ledger);
    let empty = World { genesis: world.genesis.clone(), keys: world.keys, disk: SimDisk::new() };
    assert!(matches!(
        empty.open_with(index.clone()),
        Err(LedgerError::BlocksLost { index: Height(1), blocks: Height(0) })
    ));
    let (mut other, keys) = (World::new(), empty.keys);
    let mut document = other.genesis.document().clone();
    document.charter.name_en = "Another network".to_owned();
    other.genesis = Genesis::new(document).unwrap();
    other.keys = keys;
    assert!(matches!(other.open_with(index), Err(LedgerError::WrongChain { .. })));
}

#[test]
fn a_block_with_another_root_is_refused_and_leaves_no_trace() {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    let bundles = vec![Arc::new(Bundle::new(vec![world.sign(&[world.attest(1).1])]).unwrap())];
    let proposer = world.genesis.validators().get(0).unwrap().key.id();
    let time = Millis(CREATED.0 + 1_000);
    let good = ledger.build(
        Round(0),
        time,
        proposer,
        Contents { bundles: &bundles, evidence: &[] },
        &VerifyAlways,
    );
    for (field, change) in [
        ("state_root", (|b: &mut Block| b.header.state_root = H32([9; 32])) as fn(&mut Block)),
        ("log_root", |b| b.header.log_root = H32([9; 32])),
        ("outcomes_root", |b| b.header.outcomes_root = H32([9; 32])),
        ("next_validators", |b| b.header.next_validators = H32([9; 32])),
        ("parameters", |b| b.header.parameters = H32([9; 32])),
    ] {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = ledger.validate(&bad, &bundles, &VerifyAlways);
        assert!(
            matches!(refused, Err(LedgerError::Diverged { field: found, .. }) if found == field),
            "{field}"
        );
    }
    assert!(ledger.validate(&good, &[], &VerifyAlways).is_err());
    ledger.validate(&good, &bundles, &VerifyAlways).unwrap();
    // A second proposal for the same height replaces the first without a trace.
    let later =
        ledger.build(Round(1), Millis(time.0 + 1), proposer, Contents::default(), &VerifyAlways);
    let certificate = certificate(&later);
    let committed = ledger.commit(later, certificate, &[], &VerifyAlways).unwrap();
    assert_eq!(committed.tip.log_size, 1);
    assert_eq!(committed.tip.state_root, ledger.with_map(|map| map.root()));
}

#[test]
fn a_transaction_commits_once() {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    let act = world.attest(1).1;
    let first = commit(&world, &mut ledger, std::slice::from_ref(&act));
    let again = commit(&world, &mut ledger, &[act]);
    assert_eq!(first.positions[0].0, again.positions[0].0);
    assert!(matches!(again.positions[0].1.result, TxResult::Refused { code: 107, .. }));
    let kept = ledger.position(&first.positions[0].0).unwrap().unwrap();
    assert_eq!(kept, first.positions[0].1);
}

#[test]
fn a_block_beyond_its_bounds_is_inadmissible() {
    let world = World::new();
    let bundle = Arc::new(Bundle::new(vec![world.sign(&[world.attest(1).1])]).unwrap());
    assert!(super::proposal::admissible(std::slice::from_ref(&bundle)).is_ok());
    let twice = super::proposal::admissible(&[bundle.clone(), bundle.clone()]);
    assert!(matches!(twice, Err(super::proposal::Inadmissible::Twice)));
    let many = vec![bundle; hefu_primitives::bounds::MAX_BLOCK_BUNDLES + 1];
    assert!(matches!(
        super::proposal::admissible(&many),
        Err(super::proposal::Inadmissible::Count(_))
    ));
}

/// Commits bundles as they are.
fn commit_bundles(
    world: &World,
    ledger: &mut Ledger<SimDisk>,
    bundles: &[Arc<Bundle>],
) -> Committed {
    let time = Millis(CREATED.0 + 1_000 * (ledger.tip().height.0 + 1));
    let proposer = world.genesis.validators().get(0).unwrap().key.id();
    let block =
        ledger.build(Round(0), time, proposer, Contents { bundles, evidence: &[] }, &VerifyAlways);
    let certificate = certificate(&block);
    ledger.commit(block, certificate, bundles, &VerifyAlways).unwrap()
}

#[test]
fn a_transaction_twice_in_one_block_stands_where_it_was_applied() {
    let world = World::new();
    let index = memory();
    let mut ledger = world.open_with(index).unwrap();
    let (tx, other) = (world.sign(&[world.attest(1).1]), world.sign(&[world.attest(2).1]));
    let bundles = [
        Arc::new(Bundle::new(vec![tx.clone()]).unwrap()),
        Arc::new(Bundle::new(vec![other, tx.clone()]).unwrap()),
    ];
    commit_bundles(&world, &mut ledger, &bundles);
    let position = ledger.position(&tx.id()).unwrap().unwrap();
    assert!(position.is_authentic());
    assert_eq!((position.number, position.result), (0, TxResult::Applied { leaf: 1 }));
}

#[test]
fn a_forged_copy_hides_nothing_and_a_refusal_by_an_act_is_its_signers() {
    let world = World::new();
    let mut ledger = world.open_with(memory()).unwrap();
    let unknown = ReaffirmScope::Span { key: KeyId([9; 20]), from: CREATED, to: CREATED };
    let tx = world.sign(&[Reaffirm { scope: unknown }.into()]);
    let mut forged = tx.as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = SignedTransaction::decode(&forged).unwrap();
    assert_eq!(forged.id(), tx.id());
    let refused = |code| TxResult::Refused { code, act: 0 };
    let alone = [Arc::new(Bundle::new(vec![forged.clone()]).unwrap())];
    commit_bundles(&world, &mut ledger, &alone);
    let position = ledger.position(&tx.id()).unwrap().unwrap();
    assert!(!position.is_authentic() && position.result == refused(102));
    let both = [Arc::new(Bundle::new(vec![forged.clone(), tx.clone(), forged]).unwrap())];
    commit_bundles(&world, &mut ledger, &both);
    let position = ledger.position(&tx.id()).unwrap().unwrap();
    assert!(position.is_authentic(), "a key that an act names and nobody knows is E104 too");
    assert_eq!((position.number, position.result), (1, refused(104)));
}
