//! The whole machine by hand: one validator's core, fed with what peers send.

use hefu_consensus::{Message, WalEntry};
use hefu_contracts::Act;
use hefu_contracts::certificate::Ident;
use hefu_contracts::exec::VerifyAlways;
use hefu_primitives::block::bundles_root;
use hefu_primitives::bounds::{MAX_BLOCK_BYTES, MAX_BUNDLE_BYTES};
use hefu_primitives::{KeyPair, Proposal, Round, VoteKind};

use super::ledger::Ledger;
use super::proposal::FETCH_AGAIN_MS;
use super::tests::{CREATED, World, memory};
use super::*;
use crate::store::SimDisk;

/// A validator's core, and another node's ledger to build blocks with.
struct Bench {
    world: World,
    core: Core<SimDisk>,
    log: SimDisk,
    peers: Vec<PeerKey>,
    other: Ledger<SimDisk>,
}

const START: Millis = Millis(CREATED.0 + 60_000);

impl Bench {
    /// The validator whose turn is in `round` of height 1 is not the one under test, for rounds 0
    /// to 2.
    fn new() -> (Self, Vec<CoreOutput>) {
        let world = World::new();
        let ledger = world.open_with(memory()).unwrap();
        let log = SimDisk::new();
        let wal = Wal::open(&log).unwrap();
        let mine = proposer(&world, 3);
        let config = Config::new(world.genesis.hash(), Some(mine));
        let limits = PoolLimits::default();
        let (core, first) = Core::start(START, config, ledger, wal, limits).unwrap();
        let observer = World { disk: SimDisk::new(), ..World::new() };
        let other = observer.open_with(memory()).unwrap();
        let peers = (1..=3).map(|number| PeerKey([number; 32])).collect();
        let mut bench = Self { world, core, log, peers, other };
        for peer in bench.peers.clone() {
            bench.core.step(START, CoreInput::PeerUp { peer, validator: None });
        }
        (bench, first)
    }

    fn block(&mut self, round: u32, bundles: &[Arc<Bundle>]) -> Block {
        let key = proposer(&self.world, round).id();
        let time = Millis(START.0 + u64::from(round));
        self.other.build(
            Round(round),
            time,
            key,
            Contents { bundles, evidence: &[] },
            &VerifyAlways,
        )
    }

    fn propose(&mut self, block: &Block) -> Vec<CoreOutput> {
        let key = proposer(&self.world, block.header.round.0);
        let (height, round) = (block.header.height, block.header.round);
        let proposal =
            Proposal { height, round, block: block.id(), pol_round: None, proposer: key.id() };
        let proposal = proposal.sign(&self.world.genesis.hash(), &key);
        let bytes = Message::Proposal { proposal, block: block.clone() }.to_bytes();
        let from = self.peers[0];
        self.core.step(START, CoreInput::Message { from, bytes })
    }

    fn bundles_in_log(&self) -> usize {
        let wal = Wal::open(&self.log).unwrap();
        wal.entries().iter().filter(|entry| entry.first() == Some(&ENTRY_BUNDLE)).count()
    }
}

fn proposer(world: &World, round: u32) -> KeyPair {
    let set = world.genesis.validators();
    let id = hefu_consensus::proposer(set, Height(1), Round(round));
    let mut members = world.keys.members.iter();
    members.find(|member| member.validator.id() == id).unwrap().validator.clone()
}

/// What the core under test prevoted for; none when it did not.
fn prevoted(outputs: &[CoreOutput]) -> Option<Option<hefu_primitives::BlockId>> {
    outputs.iter().find_map(|output| match output {
        CoreOutput::Broadcast(bytes) => match Message::decode(bytes) {
            Ok(Message::Votes(votes)) => votes
                .iter()
                .find(|vote| vote.vote.kind == VoteKind::Prevote)
                .map(|vote| vote.vote.block),
            _ => None,
        },
        _ => None,
    })
}

fn asked(outputs: &[CoreOutput]) -> Vec<Option<PeerKey>> {
    let asked = outputs.iter().filter_map(|output| match output {
        CoreOutput::FetchBundles { peer, .. } => Some(*peer),
        _ => None,
    });
    asked.collect()
}

fn forged(tx: &SignedTransaction) -> SignedTransaction {
    let mut bytes = tx.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    SignedTransaction::decode(&bytes).unwrap()
}

fn bundle(tx: &SignedTransaction) -> Arc<Bundle> {
    Arc::new(Bundle::new(vec![tx.clone()]).unwrap())
}

#[test]
fn a_block_is_voted_for_once_its_bundles_came_and_only_if_its_transactions_are_signed() {
    for good in [true, false] {
        let (mut bench, _) = Bench::new();
        let tx = bench.world.sign(&[bench.world.attest(1).1]);
        let bundle = bundle(&if good { tx } else { forged(&tx) });
        let block = bench.block(0, std::slice::from_ref(&bundle));
        let outputs = bench.propose(&block);
        assert_eq!(asked(&outputs), [Some(bench.peers[0])]);
        assert_eq!(prevoted(&outputs), None);
        let came = CoreInput::Bundles(vec![Bundle::decode(bundle.as_bytes()).unwrap()]);
        let outputs = bench.core.step(START, came);
        assert_eq!(prevoted(&outputs), Some(good.then(|| block.id())));
        assert_eq!(bench.bundles_in_log(), usize::from(good));
    }
}

#[test]
fn a_block_with_a_persons_number_is_not_voted_for() {
    let (mut bench, _) = Bench::new();
    let (_, act) = bench.world.attest(1);
    let Act::Attest(mut attest) = act else { unreachable!() };
    attest.ident = Ident::Plain("999999194901010000".to_owned());
    let hidden = bundle(&bench.world.sign(&[attest.into()]));
    let block = bench.block(0, std::slice::from_ref(&hidden));
    bench.propose(&block);
    let came = CoreInput::Bundles(vec![Bundle::decode(hidden.as_bytes()).unwrap()]);
    assert_eq!(prevoted(&bench.core.step(START, came)), Some(None));
    assert_eq!(bench.bundles_in_log(), 0, "and it is not even logged");
}

#[test]
fn a_proposal_of_more_than_a_block_is_refused_before_it_fills_the_memory() {
    let (mut bench, _) = Bench::new();
    let key = KeyPair::from_secret(&[1; 32]);
    let large = |number: u8| {
        let body = hefu_primitives::TransactionBody {
            chain: bench.world.genesis.hash(),
            not_after: START,
            acts: vec![vec![number; 4_096].into(); 15],
        };
        let issuer = "11310000HEFU01010W".parse().unwrap();
        let tx = SignedTransaction::sign(&body, issuer, "", &key).unwrap();
        Bundle::new(vec![tx; 4]).unwrap()
    };
    let bundles: Vec<Bundle> = (0..20).map(large).collect();
    assert!(bundles.iter().map(|b| b.as_bytes().len()).sum::<usize>() > MAX_BLOCK_BYTES);
    let mut block = bench.block(0, &[]);
    block.bundles = bundles.iter().map(Bundle::id).collect();
    block.header.bundles_root = bundles_root(&block.bundles);
    assert_eq!(prevoted(&bench.propose(&block)), None);
    let mut refused = None;
    for few in bundles.chunks(5) {
        let few = few.iter().map(|b| Bundle::decode(b.as_bytes()).unwrap()).collect();
        let outputs = bench.core.step(START, CoreInput::Bundles(few));
        refused = refused.or(prevoted(&outputs));
        assert!(bench.core.pool().bytes() <= MAX_BLOCK_BYTES + MAX_BUNDLE_BYTES);
    }
    assert_eq!(refused, Some(None));
}

#[test]
fn the_log_holds_a_bundle_once_however_many_proposals_name_it() {
    let (mut bench, _) = Bench::new();
    let bundle = bundle(&bench.world.sign(&[bench.world.attest(1).1]));
    let from = bench.peers[1];
    bench.core.step(START, CoreInput::Bundle { from, bundle: bundle.clone() });
    for round in 0..3 {
        let block = bench.block(round, std::slice::from_ref(&bundle));
        let outputs = bench.propose(&block);
        assert_eq!(prevoted(&outputs).is_some(), round == 0);
    }
    // The log is synced by the next message that must not be lost.
    bench.core.wal.sync().unwrap();
    assert_eq!(bench.bundles_in_log(), 1);
}

#[test]
fn one_peer_after_the_other_is_asked_for_what_is_missing() {
    let (mut bench, _) = Bench::new();
    let bundle = bundle(&bench.world.sign(&[bench.world.attest(1).1]));
    let block = bench.block(0, std::slice::from_ref(&bundle));
    bench.propose(&block);
    let (mut now, mut asked_so_far) = (START, Vec::new());
    while asked_so_far.len() < 3 {
        now = Millis(now.0 + FETCH_AGAIN_MS);
        let peers = asked(&bench.core.step(now, CoreInput::Tick));
        assert!(peers.len() <= 1);
        asked_so_far.extend(peers.into_iter().flatten());
    }
    asked_so_far.sort();
    assert_eq!(asked_so_far, bench.peers);
}

#[test]
fn a_clock_that_is_put_back_delays_nothing() {
    let (mut bench, _) = Bench::new();
    let wait = bench.core.next_deadline().unwrap().0 - START.0;
    let earlier = Millis(START.0 - 3_600_000);
    bench.core.step(earlier, CoreInput::PeerDown(bench.peers[2]));
    assert_eq!(bench.core.next_deadline().unwrap().0, earlier.0 + wait);
}

/// Others' votes for a block of round 0. Their precommits come first, so that the last prevote makes
/// us precommit and decide at once.
fn decide(bench: &mut Bench, block: &Block) -> Vec<CoreOutput> {
    let chain = bench.world.genesis.hash();
    let votes = [
        (VoteKind::Precommit, 0),
        (VoteKind::Precommit, 1),
        (VoteKind::Prevote, 0),
        (VoteKind::Prevote, 1),
    ];
    let mut outputs = Vec::new();
    for (kind, voter) in votes {
        let key = proposer(&bench.world, voter);
        let (height, round, block) = (Height(1), Round(0), Some(block.id()));
        let vote = hefu_primitives::Vote { kind, height, round, block, validator: key.id() };
        let bytes = Message::Votes(vec![vote.sign(&chain, &key)]).to_bytes();
        let from = bench.peers[0];
        outputs.extend(bench.core.step(START, CoreInput::Message { from, bytes }));
    }
    outputs
}

/// The votes that the core under test has let out.
fn own_votes(bench: &Bench, outputs: &[CoreOutput]) -> Vec<hefu_primitives::vote::SignedVote> {
    let me = proposer(&bench.world, 3).id();
    let messages = outputs.iter().filter_map(|output| match output {
        CoreOutput::Broadcast(bytes) => Message::decode(bytes).ok(),
        _ => None,
    });
    let votes = messages.filter_map(|message| match message {
        Message::Votes(votes) => Some(votes),
        _ => None,
    });
    votes.flatten().filter(|vote| vote.vote.validator == me).collect()
}

/// Whether a log that was opened holds a vote.
fn holds(wal: &Wal<SimDisk>, vote: &hefu_primitives::vote::SignedVote) -> bool {
    let entry = WalEntry::Vote(*vote).to_bytes();
    wal.entries().iter().any(|found| found.get(1..) == Some(entry.as_slice()))
}

/// A commit that begins a new log dropped the votes that the same step had put into the old one.
/// They were sent, and when the block was then lost, nothing kept the node from voting otherwise.
#[test]
fn what_was_said_is_in_the_log_that_a_commit_ends() {
    let (mut bench, _) = Bench::new();
    bench.core.set_log_bound(0);
    let block = bench.block(0, &[]);
    let mut outputs = bench.propose(&block);
    outputs.extend(decide(&mut bench, &block));
    assert!(outputs.iter().any(|output| matches!(output, CoreOutput::Committed(_))));
    bench.log.power_loss(1);
    let wal = Wal::open(&bench.log).unwrap();
    let own = own_votes(&bench, &outputs);
    assert_eq!(own.len(), 2, "a prevote and a precommit");
    assert!(own.iter().all(|vote| holds(&wal, vote)));
}

/// The power goes at each write that a vote, a commit and the log it begins anew make, on either
/// disk: what was said is in the log or the block is there, what was told is there, and whatever is
/// proposed after the restart, nothing that is said then contradicts what was said before.
#[test]
fn no_crash_of_a_commit_makes_a_validator_contradict_itself() {
    for (of_log, seed) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        for writes in 0.. {
            let (mut bench, _) = Bench::new();
            bench.core.set_log_bound(0);
            let block = bench.block(0, &[]);
            let disk = if of_log { bench.log.clone() } else { bench.world.disk.clone() };
            disk.crash_after(writes);
            let mut outputs = bench.propose(&block);
            outputs.extend(decide(&mut bench, &block));
            let crashed = disk.is_down();
            bench.log.power_loss(seed);
            bench.world.disk.power_loss(seed);
            let ledger = bench.world.open_with(memory()).unwrap();
            let wal = Wal::open(&bench.log).unwrap();
            let decided = ledger.tip().height == Height(1);
            let said = own_votes(&bench, &outputs);
            let place = format!("write {writes}, log {of_log}, seed {seed}");
            assert!(decided || said.iter().all(|vote| holds(&wal, vote)), "{place}");
            let told = outputs.iter().any(|output| matches!(output, CoreOutput::Committed(_)));
            assert!(decided || !told, "{place}");
            let config = Config::new(bench.world.genesis.hash(), Some(proposer(&bench.world, 3)));
            let limits = PoolLimits::default();
            let (core, mut later) = Core::start(START, config, ledger, wal, limits).unwrap();
            bench.core = core;
            for peer in bench.peers.clone() {
                later.extend(bench.core.step(START, CoreInput::PeerUp { peer, validator: None }));
            }
            let contents = Contents { bundles: &[], evidence: &[] };
            let time = Millis(START.0 + 7);
            let other =
                bench.other.build(Round(0), time, block.header.proposer, contents, &VerifyAlways);
            assert_ne!(other.id(), block.id());
            later.extend(bench.propose(&other));
            for vote in own_votes(&bench, &later).iter().map(|signed| signed.vote) {
                let same = |before: &hefu_primitives::Vote| {
                    (before.kind, before.height, before.round)
                        != (vote.kind, vote.height, vote.round)
                        || before.block == vote.block
                };
                assert!(said.iter().all(|signed| same(&signed.vote)), "{place}: {vote:?}");
            }
            if !crashed {
                assert!(told && said.len() == 2 && writes > 1, "{place}");
                break;
            }
        }
    }
}

/// A log that has just begun anew held nothing of the replica, but evidence that came first and was
/// synced: with the blocks lost then, nothing told that the node had voted for them.
#[test]
fn a_log_that_begins_anew_remembers_its_height() {
    let (mut bench, _) = Bench::new();
    bench.core.set_log_bound(0);
    let block = bench.block(0, &[]);
    let mut outputs = bench.propose(&block);
    outputs.extend(decide(&mut bench, &block));
    assert_eq!(own_votes(&bench, &outputs).len(), 2);
    let (chain, liar) = (bench.world.genesis.hash(), proposer(&bench.world, 0));
    let vote = |block| {
        let (kind, height, round) = (VoteKind::Prevote, Height(1), Round(0));
        let validator = liar.id();
        hefu_primitives::Vote { kind, height, round, block, validator }.sign(&chain, &liar)
    };
    let evidence = Equivocation::votes(vote(None), vote(Some(block.id())));
    bench.core.take_evidence(evidence, &mut outputs).unwrap();
    bench.log.power_loss(1);
    let wal = Wal::open(&bench.log).unwrap();
    let kinds: Vec<u8> = wal.entries().iter().map(|entry| entry[0]).collect();
    assert_eq!(kinds, [ENTRY_BEGUN, ENTRY_EVIDENCE], "nothing of the replica yet");
    bench.world.disk = SimDisk::new();
    let ledger = bench.world.open_with(memory()).unwrap();
    let config = Config::new(chain, Some(proposer(&bench.world, 3)));
    let (core, _) = Core::start(START, config, ledger, wal, PoolLimits::default()).unwrap();
    assert!(core.is_held_back());
}

/// A bundle on its way to the proposer was lost, and the others waited for its proposal until their
/// patience was over. Whoever sealed the bundle gives it to a silent proposer again.
#[test]
fn a_silent_proposer_gets_the_bundle_again() {
    let (mut bench, _) = Bench::new();
    let turn = Some(proposer(&bench.world, 0).id());
    let (first, second) = (bench.peers[0], bench.peers[1]);
    bench.core.step(START, CoreInput::PeerUp { peer: second, validator: turn });
    let tx = bench.world.sign(&[bench.world.attest(1).1]);
    bench.core.step(START, CoreInput::Submit(vec![tx]));
    let again = |outputs: &[CoreOutput]| -> Vec<PeerKey> {
        let sent = outputs.iter().filter_map(|output| match output {
            CoreOutput::SendBundle(peer, _) => Some(*peer),
            _ => None,
        });
        sent.collect()
    };
    let mut sent = Vec::new();
    for after in 1..=450 {
        sent.extend(again(&bench.core.step(Millis(START.0 + after), CoreInput::Tick)));
    }
    let every = Config::new(bench.world.genesis.hash(), None).resend_every_ms as usize;
    assert_eq!(sent, vec![second; 445 / every], "once every interval of status");
    let block = bench.block(0, &[]);
    bench.propose(&block);
    for after in 451..=900 {
        let outputs = bench.core.step(Millis(START.0 + after), CoreInput::Tick);
        assert_eq!(again(&outputs), Vec::new(), "it has spoken");
    }
    assert_ne!(first, second);
}
