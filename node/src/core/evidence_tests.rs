//! A validator that contradicts itself among real cores: from the first sight to the record on
//! every ledger.

use hefu_consensus::Message;
use hefu_contracts::equivocation::EQUIVOCATIONS;
use hefu_primitives::vote::SignedVote;
use hefu_primitives::{BlockId, KeyPair, Round, Vote, VoteKind};

use super::tests::{CREATED, World, memory};
use super::*;
use crate::store::SimDisk;

/// The liar's place in the set; the others are honest, and enough to decide.
const LIAR: usize = 3;

struct Node {
    core: Core<SimDisk>,
    world: World,
    log: SimDisk,
    up: bool,
    blocks: Vec<Arc<StoredBlock>>,
    events: Vec<String>,
    heard: usize,
    accused: Vec<PeerFault>,
}

/// Cores that hear each other at once and in order, over one clock.
struct Net {
    nodes: Vec<Node>,
    now: Millis,
    wire: VecDeque<(usize, usize, Vec<u8>)>,
    sent: usize,
}

fn peer(node: usize) -> PeerKey {
    PeerKey([node as u8 + 1; 32])
}

fn key(world: &World, place: usize) -> KeyPair {
    let id = world.genesis.validators().get(place).unwrap().key.id();
    let mut members = world.keys.members.iter();
    members.find(|member| member.validator.id() == id).unwrap().validator.clone()
}

fn start(
    now: Millis,
    world: &World,
    log: &SimDisk,
    place: usize,
) -> (Core<SimDisk>, Vec<CoreOutput>) {
    let ledger = world.open_with(memory()).unwrap();
    let config = Config::new(world.genesis.hash(), Some(key(world, place)));
    Core::start(now, config, ledger, Wal::open(log).unwrap(), PoolLimits::default()).unwrap()
}

impl Net {
    fn new() -> Self {
        let now = Millis(CREATED.0 + 60_000);
        let (mut nodes, mut first) = (Vec::new(), Vec::new());
        for place in 0..LIAR {
            let (world, log) = (World::new(), SimDisk::new());
            let (core, outputs) = start(now, &world, &log, place);
            let (blocks, events, accused) = (Vec::new(), Vec::new(), Vec::new());
            nodes.push(Node { core, world, log, up: true, blocks, events, heard: 0, accused });
            first.push(outputs);
        }
        let mut net = Self { nodes, now, wire: VecDeque::new(), sent: 0 };
        first.into_iter().enumerate().for_each(|(node, outputs)| net.act(node, outputs));
        for a in 0..LIAR {
            for b in (0..LIAR).filter(|b| *b != a) {
                net.connect(a, b);
            }
            let validator = Some(key(&net.nodes[a].world, LIAR).id());
            net.step(a, CoreInput::PeerUp { peer: peer(LIAR), validator });
        }
        net.quiet();
        net
    }

    fn connect(&mut self, node: usize, other: usize) {
        let validator = Some(key(&self.nodes[node].world, other).id());
        self.step(node, CoreInput::PeerUp { peer: peer(other), validator });
    }

    fn step(&mut self, node: usize, input: CoreInput) {
        let outputs = self.nodes[node].core.step(self.now, input);
        self.act(node, outputs);
    }

    fn act(&mut self, node: usize, outputs: Vec<CoreOutput>) {
        for output in outputs {
            match output {
                CoreOutput::Broadcast(bytes) => {
                    let is_evidence = matches!(Message::decode(&bytes), Ok(Message::Evidence(_)));
                    self.sent += usize::from(is_evidence);
                    for to in (0..LIAR).filter(|to| *to != node) {
                        self.wire.push_back((node, to, bytes.clone()));
                    }
                }
                CoreOutput::Send(to, bytes) => {
                    let to = usize::from(to.0[0]) - 1;
                    self.wire.push_back((node, to, bytes));
                }
                CoreOutput::Committed(committed) => {
                    let node = &mut self.nodes[node];
                    node.blocks.push(committed.stored.clone());
                    node.events.extend(committed.events.iter().map(|event| event.kind.clone()));
                }
                CoreOutput::Evidence(_) => self.nodes[node].heard += 1,
                CoreOutput::Misbehaviour(_, fault) => self.nodes[node].accused.push(fault),
                CoreOutput::Halt(reason) => panic!("node {node} halts: {reason}"),
                _ => {}
            }
        }
    }

    /// Delivers everything that is on its way.
    fn quiet(&mut self) {
        while let Some((from, to, bytes)) = self.wire.pop_front() {
            if to < LIAR && self.nodes[to].up {
                self.step(to, CoreInput::Message { from: peer(from), bytes });
            }
        }
    }

    /// Lets time pass.
    fn run(&mut self, ms: u64) {
        let end = self.now.0 + ms;
        while self.now.0 < end {
            self.now = Millis(self.now.0 + 10);
            for node in 0..LIAR {
                if self.nodes[node].up {
                    self.step(node, CoreInput::Tick);
                }
            }
            self.quiet();
        }
    }

    fn vote(&self, kind: VoteKind, round: u32, block: Option<u8>) -> SignedVote {
        let world = &self.nodes[0].world;
        let key = key(world, LIAR);
        let height = self.nodes[0].core.ledger().tip().height.next();
        let block = block.map(|byte| BlockId([byte; 32]));
        let vote = Vote { kind, height, round: Round(round), block, validator: key.id() };
        vote.sign(&world.genesis.hash(), &key)
    }

    /// The liar says something to one node.
    fn tell(&mut self, node: usize, message: &Message) {
        self.step(node, CoreInput::Message { from: peer(LIAR), bytes: message.to_bytes() });
    }

    /// The liar contradicts itself to one node.
    fn lie(&mut self, node: usize, kind: VoteKind) -> Equivocation {
        let (a, b) = (self.vote(kind, 0, None), self.vote(kind, 0, Some(9)));
        self.tell(node, &Message::Votes(vec![a]));
        self.tell(node, &Message::Votes(vec![b]));
        Equivocation::votes(a, b)
    }

    fn restart(&mut self, node: usize) {
        let Node { world, log, .. } = &self.nodes[node];
        log.power_loss(7);
        world.disk.power_loss(8);
        let (core, outputs) = start(self.now, world, log, node);
        self.nodes[node].core = core;
        self.act(node, outputs);
    }

    /// Blocks that hold evidence, as every node stored them.
    fn recorded(&self, node: usize) -> Vec<Equivocation> {
        self.nodes[node].blocks.iter().flat_map(|stored| stored.block.evidence.clone()).collect()
    }
}

#[test]
fn a_contradiction_is_recorded_once_on_every_ledger() {
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        let mut net = Net::new();
        let evidence = net.lie(0, kind);
        net.run(15_000);
        assert_eq!(net.sent, LIAR, "each hands it on once");
        let mut roots = BTreeSet::new();
        for node in 0..LIAR {
            assert_eq!(net.recorded(node), [evidence], "{kind:?}: once, on node {node}");
            let events = &net.nodes[node].events;
            assert_eq!(events.iter().filter(|e| *e == "equivocation_recorded").count(), 1);
            let core = &net.nodes[node].core;
            let key = (evidence.validator(), evidence.height());
            let record = EQUIVOCATIONS.read(core.ledger().records(), &key).unwrap();
            assert_eq!(record.evidence, evidence);
            assert!(core.evidence.is_empty() && net.nodes[node].accused.is_empty());
            let tip = core.ledger().tip();
            roots.insert((tip.height, tip.state_root));
            // What is on the ledger is not taken again.
            let heard = net.nodes[node].heard;
            net.tell(node, &Message::Evidence(evidence));
            assert_eq!(net.nodes[node].heard, heard);
        }
        assert_eq!(roots.len(), 1);
    }
}

/// Seen before a power loss, recorded after it, also when the log began anew in between.
#[test]
fn what_was_seen_survives_a_restart() {
    let mut net = Net::new();
    for other in 1..LIAR {
        net.nodes[other].up = false;
    }
    let evidence = net.lie(0, VoteKind::Prevote);
    net.quiet();
    for _ in 0..2 {
        net.restart(0);
        assert_eq!(net.nodes[0].core.waiting_evidence().collect::<Vec<_>>(), [&evidence]);
    }
    // A log that begins anew takes it along with its first sync.
    let core = &mut net.nodes[0].core;
    core.wal.reset().unwrap();
    core.log_waiting().unwrap();
    core.wal.sync().unwrap();
    net.restart(0);
    assert_eq!(net.nodes[0].core.evidence.iter().count(), 1);
    for node in 0..LIAR {
        net.nodes[node].up = true;
        (0..LIAR).filter(|other| *other != node).for_each(|other| net.connect(node, other));
    }
    net.quiet();
    net.run(15_000);
    (0..LIAR).for_each(|node| assert_eq!(net.recorded(node), [evidence]));
    net.restart(0);
    assert!(net.nodes[0].core.evidence.is_empty(), "what is recorded waits no longer");
}

#[test]
fn what_does_not_hold_is_blamed_on_who_hands_it_on() {
    let mut net = Net::new();
    let good = Equivocation::votes(
        net.vote(VoteKind::Prevote, 0, None),
        net.vote(VoteKind::Prevote, 0, Some(1)),
    );
    let Equivocation::Votes(a, b) = good else { panic!("votes") };
    let forged = SignedVote { signature: a.signature, ..b };
    for (false_one, blamed) in [
        (Equivocation::votes(a, forged), true),
        (Equivocation::votes(a, a), true),
        (Equivocation::Votes(b, a), true),
        (good, false),
    ] {
        // In whichever order the good pair is, one of the two orders is wrong.
        let wrong = false_one != good
            && false_one
                .verify(&net.nodes[0].world.genesis.hash(), net.nodes[0].world.genesis.validators())
                .is_err();
        assert_eq!(wrong, blamed);
        net.nodes[0].accused.clear();
        net.tell(0, &Message::Evidence(false_one));
        let expected: &[PeerFault] = if blamed { &[PeerFault::Evidence] } else { &[] };
        assert_eq!(net.nodes[0].accused, expected);
    }
    assert_eq!(net.nodes[0].heard, 1);
}

/// A proposer cannot have evidence recorded that proves nothing, or twice.
#[test]
fn a_block_with_evidence_that_is_none_is_not_valid() {
    let net = Net::new();
    let mut ledger = net.nodes[0].world.open_with(memory()).unwrap();
    let (a, b) = (net.vote(VoteKind::Prevote, 0, None), net.vote(VoteKind::Prevote, 0, Some(1)));
    let good = Equivocation::votes(a, b);
    let proposer = key(&net.nodes[0].world, 0).id();
    let contents = Contents { bundles: &[], evidence: &[good, Equivocation::votes(a, a)] };
    let build = |ledger: &mut Ledger<SimDisk>| {
        let verifier = hefu_contracts::exec::VerifyAlways;
        ledger.build(Round(0), net.now, proposer, contents, &verifier)
    };
    let block = build(&mut ledger);
    assert_eq!(block.evidence, [good], "an honest proposer leaves out what proves nothing");
    assert_eq!(block.contents_root(), block.header.bundles_root);
    let verifier = hefu_contracts::exec::VerifyAlways;
    for evidence in [vec![Equivocation::votes(a, a)], vec![good, good]] {
        let mut wrong = Block { evidence, ..block.clone() };
        wrong.header.bundles_root = wrong.contents_root();
        let refused = ledger.validate(&wrong, &[], &verifier);
        assert!(matches!(refused, Err(LedgerError::Evidence { .. })), "{refused:?}");
    }
    // Left out, or put in afterwards, it is another block.
    let wrong = Block { evidence: Vec::new(), ..block.clone() };
    assert!(matches!(ledger.validate(&wrong, &[], &verifier), Err(LedgerError::Diverged { .. })));
    assert!(ledger.validate(&block, &[], &verifier).is_ok());
}

#[test]
fn only_so_much_waits() {
    let net = Net::new();
    let key = key(&net.nodes[0].world, LIAR);
    let mut waiting = evidence::Waiting::default();
    let at = |height: u64, block: u8| {
        let vote = net.vote(VoteKind::Prevote, 0, Some(block)).vote;
        Vote { height: Height(height), ..vote }.sign(&net.nodes[0].world.genesis.hash(), &key)
    };
    for height in 1..100 {
        waiting.keep(Equivocation::votes(at(height, 1), at(height, 2)));
    }
    assert_eq!(waiting.iter().count(), 8);
    assert!(waiting.proposal().len() <= hefu_primitives::bounds::MAX_BLOCK_EVIDENCE);
}
