//! Validator sets that change under load: five cores over a table of messages, no loss, virtual
//! time. A province joins, a validator key is replaced, a validator is taken away, while acts flow;
//! a node that was away over all of it catches up.

use std::collections::VecDeque;

use hefu_contracts::Act;
use hefu_contracts::identity::*;
use hefu_primitives::block::TxResult;
use hefu_primitives::codes::uscc;
use hefu_primitives::{Header, Id16, Region, TransactionBody, Uscc};

use super::sync::SyncRequest;
use super::tests::{CREATED, World, memory};
use super::*;
use crate::store::SimDisk;

const FIFTH: Region = Region(350_000);
/// Nodes: the four founders, then the newcomer.
const NODES: usize = 5;

fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32])
}

fn operator() -> Uscc {
    uscc::with_checks("11350000HEFU0500").unwrap()
}

struct Net {
    world: World,
    cores: Vec<Core<SimDisk>>,
    away: [bool; NODES],
    queue: VecDeque<(usize, CoreInput)>,
    now: Millis,
    /// Header and certificate of every height, as the first node to commit it had them.
    blocks: Vec<(Header, CommitCertificate)>,
    outcomes: BTreeMap<TxId, Position>,
    nonce: u64,
}

fn peer(node: usize) -> PeerKey {
    PeerKey([node as u8 + 1; 32])
}

fn node_of(peer: PeerKey) -> usize {
    usize::from(peer.0[0]) - 1
}

impl Net {
    fn new() -> Self {
        let world = World::new();
        let mut keys: Vec<KeyPair> =
            world.keys.members.iter().map(|member| member.validator.clone()).collect();
        keys.push(key(0xa1));
        let now = Millis(CREATED.0 + 60_000);
        let mut net = Self {
            cores: Vec::new(),
            away: [false; NODES],
            queue: VecDeque::new(),
            now,
            blocks: Vec::new(),
            outcomes: BTreeMap::new(),
            nonce: 0,
            world,
        };
        for own in keys {
            let ledger = World { disk: SimDisk::new(), ..World::new() };
            let ledger = ledger.open_with(memory()).unwrap();
            let wal = Wal::open(&SimDisk::new()).unwrap();
            let config = Config::new(net.world.genesis.hash(), Some(own));
            let (core, first) =
                Core::start(now, config, ledger, wal, PoolLimits::default()).unwrap();
            net.cores.push(core);
            let node = net.cores.len() - 1;
            net.act(node, first);
        }
        for node in 0..NODES {
            net.meet(node);
        }
        net
    }

    /// A node's links come up, on both sides.
    fn meet(&mut self, node: usize) {
        for other in (0..NODES).filter(|other| *other != node) {
            self.queue.push_back((node, CoreInput::PeerUp { peer: peer(other), validator: None }));
            self.queue.push_back((other, CoreInput::PeerUp { peer: peer(node), validator: None }));
        }
    }

    fn leave(&mut self, node: usize) {
        self.away[node] = true;
        for other in (0..NODES).filter(|other| *other != node) {
            self.queue.push_back((other, CoreInput::PeerDown(peer(node))));
            self.cores[node].step(self.now, CoreInput::PeerDown(peer(other)));
        }
    }

    fn come_back(&mut self, node: usize) {
        self.away[node] = false;
        self.meet(node);
    }

    fn act(&mut self, node: usize, outputs: Vec<CoreOutput>) {
        let others = (0..NODES).filter(|other| *other != node);
        for output in outputs {
            let from = peer(node);
            match output {
                CoreOutput::Broadcast(bytes) => {
                    let to = others.clone();
                    let message = |to| (to, CoreInput::Message { from, bytes: bytes.clone() });
                    self.queue.extend(to.map(message));
                }
                CoreOutput::Send(to, bytes) => {
                    self.queue.push_back((node_of(to), CoreInput::Message { from, bytes }));
                }
                CoreOutput::BroadcastBundle(bundle) => {
                    let to = others.clone();
                    let input = |to| (to, CoreInput::Bundle { from, bundle: bundle.clone() });
                    self.queue.extend(to.map(input));
                }
                CoreOutput::SendBundle(to, bundle) => {
                    self.queue.push_back((node_of(to), CoreInput::Bundle { from, bundle }));
                }
                CoreOutput::FetchBlocks { peer: of, from: first, count } => {
                    let request = SyncRequest::Blocks { from: first, count };
                    let blocks = if self.away[node_of(of)] || self.away[node] {
                        Vec::new()
                    } else {
                        self.serve(node_of(of), &request)
                    };
                    self.queue.push_back((node, CoreInput::Blocks { from: of, blocks }));
                }
                CoreOutput::Committed(committed) => self.committed(&committed),
                CoreOutput::FetchBundles { .. }
                | CoreOutput::Rejected(..)
                | CoreOutput::Misbehaviour(..) => {}
                CoreOutput::Evidence(evidence) => panic!("{evidence:?}"),
                CoreOutput::Halt(reason) => panic!("node {node}: {reason:?}"),
            }
        }
    }

    fn serve(&self, node: usize, request: &SyncRequest) -> Vec<StoredBlock> {
        let SyncRequest::Blocks { from, count } = request else { return Vec::new() };
        let blocks = self.cores[node].ledger().blocks();
        let heights = (0..u64::from(*count)).map(|step| from.0 + step);
        let read = heights.map_while(|height| blocks.read(height).unwrap());
        read.map(|bytes| StoredBlock::decode(&bytes).unwrap()).collect()
    }

    fn committed(&mut self, committed: &Committed) {
        let stored = &committed.stored;
        let (header, place) = (&stored.block.header, stored.block.header.height.0 as usize - 1);
        if place == self.blocks.len() {
            self.blocks.push((header.clone(), stored.certificate.clone()));
        }
        assert_eq!(&self.blocks[place].0, header, "one block a height");
        for (tx, position) in &committed.positions {
            self.outcomes.insert(*tx, *position);
        }
    }

    /// One event, or the passing of time until the next timer.
    fn turn(&mut self) {
        if let Some((node, input)) = self.queue.pop_front() {
            if !self.away[node] {
                let outputs = self.cores[node].step(self.now, input);
                self.act(node, outputs);
            }
            return;
        }
        let here = |node: &usize| !self.away[*node];
        let deadlines = (0..NODES).filter(here).filter_map(|n| self.cores[n].next_deadline());
        self.now = deadlines.min().unwrap().max(Millis(self.now.0 + 1));
        for node in (0..NODES).filter(|node| !self.away[*node]).collect::<Vec<_>>() {
            let outputs = self.cores[node].step(self.now, CoreInput::Tick);
            self.act(node, outputs);
        }
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        for _ in 0..200_000 {
            if let Some(found) = look(self) {
                return found;
            }
            self.turn();
        }
        panic!("{what}: not at height {}", self.blocks.len());
    }

    /// Submits an act and waits for where it ends.
    #[track_caller]
    fn submit(&mut self, node: usize, signer: (Uscc, &KeyPair), act: Act) -> Position {
        self.nonce += 1;
        let body = TransactionBody {
            chain: self.world.genesis.hash(),
            not_after: Millis(self.now.0 + 600_000 + self.nonce),
            acts: vec![act.to_bytes().into()],
        };
        let tx = SignedTransaction::sign(&body, signer.0, "test", signer.1).unwrap();
        let id = tx.id();
        self.queue.push_back((node, CoreInput::Submit(vec![tx])));
        self.until("an outcome", |net| net.outcomes.get(&id).copied())
    }

    /// Two governors of a founder sign an act, while licences are attested.
    #[track_caller]
    fn govern(&mut self, member: usize, act: impl Into<Act>) -> Position {
        let act = act.into();
        let keys = self.world.keys.members[member].clone();
        let mut last = None;
        for governor in &keys.governors[..2] {
            self.attest();
            let position = self.submit(member, (keys.operator, governor), act.clone());
            last = Some(position);
            if matches!(position.result, TxResult::Refused { .. }) {
                break;
            }
        }
        last.unwrap()
    }

    /// Load: a licence, not waited for.
    fn attest(&mut self) {
        self.nonce += 1;
        let issuer = self.world.keys.members[0].department("hrss").unwrap();
        let (_, act) = self.world.attest(self.nonce as u8);
        let body = TransactionBody {
            chain: self.world.genesis.hash(),
            not_after: Millis(self.now.0 + 600_000 + self.nonce),
            acts: vec![act.to_bytes().into()],
        };
        let key = issuer.key_for(Role::Issuer).unwrap();
        let tx = SignedTransaction::sign(&body, issuer.code, "test", key).unwrap();
        self.queue.push_back((0, CoreInput::Submit(vec![tx])));
    }

    /// Proposes and votes; the height of the deciding vote.
    #[track_caller]
    fn decide(&mut self, number: u8, action: Action, voters: &[usize]) -> usize {
        let proposal = Id16([number; 16]);
        let mut height = applied(self.govern(voters[0], Propose { id: proposal, action }));
        for voter in &voters[1..] {
            height = applied(self.govern(*voter, CastVote { proposal, approve: true }));
        }
        height
    }

    fn validators(&self, height: usize) -> hefu_primitives::H32 {
        self.blocks[height - 1].0.validators
    }

    /// A change made at a height is named by the next header and decides from the one after it,
    /// no sooner; where that is.
    #[track_caller]
    fn decides_two_later(&mut self, changed: usize) -> usize {
        self.until("two blocks more", |net| (net.blocks.len() >= changed + 2).then_some(()));
        let next = |height: usize| self.blocks[height - 1].0.next_validators;
        let before = self.validators(changed);
        assert_eq!((next(changed), self.validators(changed + 1)), (before, before));
        assert_ne!(next(changed + 1), before);
        assert_eq!(next(changed + 1), self.validators(changed + 2));
        changed + 2
    }

    fn same_everywhere(&mut self) {
        let top = self.until("all at one height", |net| {
            let heights = (0..NODES).map(|node| net.cores[node].ledger().tip().height);
            let top = heights.clone().max()?;
            (heights.min() == Some(top)).then_some(top)
        });
        let tips: Vec<_> = self.cores.iter().map(|core| core.ledger().tip().clone()).collect();
        assert!(tips.iter().all(|tip| tip == &tips[0]), "at {top}");
    }
}

fn candidate(now: Millis) -> Candidate {
    Candidate {
        region: FIFTH,
        operator: operator(),
        operator_name: "示例数据局(虚构)".to_owned(),
        name_zh: "福建省".to_owned(),
        name_en: "Fujian".to_owned(),
        validator_key: key(0xa1).public(),
        node_key: key(0xa2).public(),
        governors: [0xa3, 0xa4, 0xa5].map(|number| key(number).public()).into(),
        not_before: now,
        not_after: Millis(now.0 + 86_400_000),
        addresses: vec!["127.0.0.1:9435".to_owned()],
    }
}

fn prove(net: &Net) -> ProveKeys {
    let member = MEMBERS.read(net.cores[0].ledger().records(), &FIFTH).unwrap();
    let governors = [0xa3, 0xa4, 0xa5].map(key);
    let public: Vec<_> = governors.iter().map(KeyPair::public).collect();
    let chain = net.world.genesis.hash();
    let statement = MemberProof::of_admission(chain, &member, &public).unwrap();
    ProveKeys {
        member: FIFTH,
        validator: statement.sign(&key(0xa1)),
        node: statement.sign(&key(0xa2)),
        governors: governors.iter().map(|key| statement.sign(key)).collect(),
    }
}

/// The height at which something applied.
#[track_caller]
fn applied(position: Position) -> usize {
    assert!(matches!(position.result, TxResult::Applied { .. }), "{position:?}");
    position.height.0 as usize
}

#[test]
fn validators_join_change_keys_and_go_while_acts_flow() {
    let mut net = Net::new();
    let asked = Action::AdmitMember(candidate(net.now));
    net.decide(1, asked, &[0, 1, 2]);
    let act = prove(&net);
    // The newcomer follows already, and brings its proof through its own node.
    let proven = applied(net.submit(4, (operator(), &key(0xa3)), act.into()));
    net.attest();
    net.decides_two_later(proven);

    // Away from here on: over a rotation and a removal.
    net.leave(2);
    let new = key(0xb1);
    net.cores[0].hold_keys([new.clone()]);
    let (chain, shanghai) = (net.world.genesis.hash(), net.world.keys.members[0].clone());
    let change = (shanghai.validator.public(), new.public());
    let statement = MemberProof::of_change(chain, shanghai.region, KeyPurpose::Validator, change);
    let act = RotateValidator {
        member: shanghai.region,
        key: new.public(),
        possession: statement.sign(&new),
    };
    let change = applied(net.govern(0, act));
    net.attest();
    let rotated = net.decides_two_later(change);
    // The new key proposes and votes; the old one is heard no more.
    net.until("a block by the new key", |net| {
        net.blocks[rotated - 1..].iter().find(|(header, _)| header.proposer == new.id()).map(|_| ())
    });
    assert!(net.blocks[rotated - 1..].iter().all(|(h, _)| h.proposer != shanghai.validator.id()));

    let anhui = net.world.keys.members[3].region;
    let evidence = hefu_primitives::H32([9; 32]);
    let suspend =
        |member| SuspendMember { member, kind: SuspensionKind::Full, reason: 1, evidence };
    net.come_back(2);
    net.until("a node that was away", |net| {
        let (back, top) = (net.cores[2].ledger().tip().height, net.cores[0].ledger().tip().height);
        (back == top).then_some(())
    });
    let change = net.decide(2, Action::SuspendMember(suspend(anhui)), &[0, 1, 2]);
    net.attest();
    let removed = net.decides_two_later(change);
    let four = net.cores[0].ledger().tip().validators.clone();
    assert_eq!((four.len(), four.hash()), (4, net.validators(removed)));
    let next = Propose {
        id: Id16([3; 16]),
        action: Action::SuspendMember(suspend(net.world.keys.members[2].region)),
    };
    assert_eq!(net.govern(0, next).result, TxResult::Refused { code: 214, act: 0 });
    net.same_everywhere();
}

#[test]
fn a_node_away_over_every_change_catches_up_through_them() {
    let mut net = Net::new();
    let asked = Action::AdmitMember(candidate(net.now));
    net.decide(1, asked, &[0, 1, 2]);
    net.leave(3);
    let act = prove(&net);
    net.submit(0, (operator(), &key(0xa3)), act.into());
    for place in 0..3 {
        // One after the other the others replace their keys.
        let (of, new) = (net.world.keys.members[place].clone(), key(0xc0 + place as u8));
        net.cores[place].hold_keys([new.clone()]);
        let (chain, member) = (net.world.genesis.hash(), of.region);
        let change = (of.validator.public(), new.public());
        let statement = MemberProof::of_change(chain, member, KeyPurpose::Validator, change);
        let act = RotateValidator { member, key: new.public(), possession: statement.sign(&new) };
        applied(net.govern(place, act));
    }
    let distinct: BTreeSet<_> = net.blocks.iter().map(|(header, _)| header.validators).collect();
    assert!(distinct.len() >= 4, "{} sets", distinct.len());
    net.come_back(3);
    net.same_everywhere();
}

/// Voted pauses and clock bounds count from the block that changes them on, not from a restart on.
#[test]
fn voted_parameters_are_followed_at_once() {
    let mut net = Net::new();
    net.cores.iter_mut().for_each(Core::follow_heartbeat);
    let before = PARAMETERS.read(net.cores[0].ledger().records(), &()).unwrap();
    let parameters = Parameters { heartbeat_ms: 1_000, max_clock_ahead_ms: 700, ..before };
    net.decide(1, Action::SetParameters(parameters), &[0, 1, 2]);
    net.attest();
    net.until("quiet", |net| net.queue.is_empty().then_some(()));
    let from = net.blocks.len();
    net.until("a few empty blocks", |net| (net.blocks.len() > from + 4).then_some(()));
    let times: Vec<u64> = net.blocks[from..].iter().map(|(header, _)| header.time.0).collect();
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (900..=3_000).contains(pause)), "{pauses:?}");
    for core in &net.cores[..4] {
        assert_eq!((core.config.heartbeat_ms, core.config.max_clock_ahead_ms), (1_000, 700));
    }
}
