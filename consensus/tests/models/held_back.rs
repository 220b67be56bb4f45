//! One real replica that loses its blocks and keeps its log, with [`HeldBack`] as a node uses it.
//!
//! Two heights are decided by the others, three of four. The search begins when the first is stored
//! here, having been voted for; the log has begun anew since, which is when it says least.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hefu_consensus::{
    Config, HeldBack, Input, Message, Output, PeerKey, Replica, Status, SyncedBlock, TimerId,
    TimerKind, Tip, WalEntry, proposer,
};
use hefu_primitives::block::bundles_root;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::vote::{CommitSignature, SignedVote};
use hefu_primitives::{
    Block, BundleId, Canonical, ChainId, CommitCertificate, H32, Header, Height, KeyPair, Millis,
    Power, Proposal, Region, Round, Validator, ValidatorSet, Vote, VoteKind,
};

use super::explore::Subject;

const CHAIN: ChainId = ChainId([9; 32]);
const NOW: Millis = Millis(1_000_000);
/// Heights that the others have decided.
const DECIDED: u64 = 2;
/// How often blocks may be lost.
const LOSSES: usize = 2;
const PEER: PeerKey = PeerKey([7; 32]);

/// A rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It signs at once.
    NeverHeldBack,
    /// A log that begins anew does not say at which height.
    BeginsSilently,
    /// It goes on following when it is back.
    StaysHeldBack,
    /// When it is back it takes its log for empty.
    ForgetsLog,
}

impl Broken {
    pub(crate) const ALL: [Self; 4] =
        [Self::NeverHeldBack, Self::BeginsSilently, Self::StaysHeldBack, Self::ForgetsLog];
}

/// Something that happens, at the height that is open here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    ProposalA,
    ProposalB,
    PrevotesA,
    PrecommitsA,
    /// A peer's status says that it is beyond all that is decided.
    Ahead,
    /// The blocks that were asked for come.
    Blocks,
    /// No proposal came in time.
    Timeout,
    /// The process ends, and begins.
    Crash,
    /// The same, and all blocks are gone.
    LoseBlocks,
}

struct Fixture {
    keys: Vec<KeyPair>,
    set: ValidatorSet,
    /// Of each height the one that is decided and another.
    blocks: Vec<[Block; 2]>,
    certificates: Vec<CommitCertificate>,
    messages: BTreeMap<(u64, Step), Vec<u8>>,
}

/// The replica, what its node keeps, and what was seen of it.
pub(crate) struct Machine {
    broken: Option<Broken>,
    fixture: &'static Fixture,
    replica: Replica,
    held: Option<HeldBack>,
    stored: u64,
    log: Vec<WalEntry>,
    synced: usize,
    /// The height at which the log began, as it says.
    begun: Option<Height>,
    timers: BTreeSet<TimerId>,
    wants_blocks: bool,
    losses: usize,
    crashes: usize,
    heard: BTreeSet<Step>,
    said: BTreeMap<(Height, u8, Round), Vec<u8>>,
    back: bool,
}

impl Fixture {
    fn get() -> &'static Self {
        static MADE: std::sync::OnceLock<Fixture> = std::sync::OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let mut keys: Vec<KeyPair> = (1..=4).map(|i| KeyPair::from_secret(&[i; 32])).collect();
        let validator = |(place, key): (usize, &KeyPair)| Validator {
            region: Region(110_000 + 10_000 * place as u32),
            key: key.public(),
            power: Power(1),
        };
        let set = ValidatorSet::new(keys.iter().enumerate().map(validator).collect()).unwrap();
        // We come first, and nobody waits for a proposal of ours.
        let turns: Vec<_> =
            (1..=DECIDED).map(|height| proposer(&set, Height(height), Round(0))).collect();
        let own = keys.iter().position(|key| !turns.contains(&key.id())).unwrap();
        keys.swap(0, own);
        let blocks = Vec::new();
        let (certificates, messages) = (Vec::new(), BTreeMap::new());
        let mut made = Self { keys, set, blocks, certificates, messages };
        let mut parent = Tip::genesis(CHAIN, Millis(5)).block;
        for height in 1..=DECIDED {
            let pair = [1, 2].map(|salt| made.block(height, salt, parent));
            parent = pair[0].id();
            made.blocks.push(pair);
            made.certificates.push(made.certificate(height));
            for step in [Step::ProposalA, Step::ProposalB, Step::PrevotesA, Step::PrecommitsA] {
                let bytes = made.message(height, step).to_bytes();
                made.messages.insert((height, step), bytes);
            }
        }
        let ahead = Status { height: Height(DECIDED + 1), ..Default::default() };
        let ahead = Message::Status(ahead).to_bytes();
        for height in 1..=DECIDED + 1 {
            made.messages.insert((height, Step::Ahead), ahead.clone());
        }
        made
    }

    fn block(&self, height: u64, salt: u8, parent: hefu_primitives::BlockId) -> Block {
        let bundles = vec![BundleId([salt; 32])];
        let header = Header {
            protocol: 1,
            chain: CHAIN,
            height: Height(height),
            round: Round(0),
            time: Millis(10 * height),
            parent,
            bundles_root: bundles_root(&bundles),
            outcomes_root: H32::ZERO,
            log_size: height,
            log_root: H32::ZERO,
            state_root: H32([salt; 32]),
            validators: self.set.hash(),
            next_validators: self.set.hash(),
            parameters: H32::ZERO,
            proposer: proposer(&self.set, Height(height), Round(0)),
        };
        Block { header, bundles, evidence: Vec::new() }
    }

    fn vote(&self, who: usize, kind: VoteKind, height: u64) -> SignedVote {
        let (round, validator) = (Round(0), self.keys[who].id());
        let block = Some(self.blocks[height as usize - 1][0].id());
        let vote = Vote { kind, height: Height(height), round, block, validator };
        vote.sign(&CHAIN, &self.keys[who])
    }

    fn message(&self, height: u64, step: Step) -> Message {
        let votes = |kind| Message::Votes([1, 2].map(|who| self.vote(who, kind, height)).to_vec());
        match step {
            Step::PrevotesA => votes(VoteKind::Prevote),
            Step::PrecommitsA => votes(VoteKind::Precommit),
            _ => {
                let block =
                    self.blocks[height as usize - 1][usize::from(step == Step::ProposalB)].clone();
                let turn = block.header.proposer;
                let key = self.keys.iter().find(|key| key.id() == turn).unwrap();
                let (height, round, id) = (Height(height), Round(0), block.id());
                let proposal =
                    Proposal { height, round, block: id, pol_round: None, proposer: turn };
                Message::Proposal { proposal: proposal.sign(&CHAIN, key), block }
            }
        }
    }

    fn certificate(&self, height: u64) -> CommitCertificate {
        let sign = |who: usize| {
            let (place, _) = self.set.by_key(self.keys[who].id()).unwrap();
            let signature = self.vote(who, VoteKind::Precommit, height).signature;
            CommitSignature { index: place as u16, signature }
        };
        let mut signatures = [1, 2, 3].map(sign).to_vec();
        signatures.sort_by_key(|entry| entry.index);
        let block = self.blocks[height as usize - 1][0].id();
        CommitCertificate { height: Height(height), round: Round(0), block, signatures }
    }

    fn tip(&self, stored: u64) -> Tip {
        let Some(place) = (stored as usize).checked_sub(1) else {
            return Tip::genesis(CHAIN, Millis(5));
        };
        let (block, certificate) = (&self.blocks[place][0], self.certificates[place].clone());
        let (height, time) = (block.header.height, block.header.time);
        Tip { height, block: block.id(), time, certificate: Some(certificate) }
    }

    fn replica(&self, key: bool, stored: u64, log: Vec<WalEntry>) -> Replica {
        let key = key.then(|| self.keys[0].clone());
        // All that comes was signed by whom it says.
        let config = Config { check: |_, _, _| true, ..Config::new(CHAIN, key) };
        Replica::new(config, self.tip(stored), self.set.clone(), log).unwrap()
    }
}

impl Machine {
    pub(crate) fn new(broken: Option<Broken>) -> Self {
        let fixture = Fixture::get();
        let mut machine = Self {
            broken,
            fixture,
            replica: fixture.replica(true, 0, Vec::new()),
            held: None,
            stored: 0,
            log: Vec::new(),
            synced: 0,
            begun: None,
            timers: BTreeSet::new(),
            wants_blocks: false,
            losses: 0,
            crashes: 0,
            heard: BTreeSet::new(),
            said: BTreeMap::new(),
            back: false,
        };
        machine.begin().unwrap();
        for step in [Step::ProposalA, Step::PrevotesA, Step::PrecommitsA] {
            machine.take(&step).unwrap();
        }
        assert_eq!((machine.stored, machine.said.len()), (1, 2), "voted twice and committed");
        machine
    }

    fn open(&self) -> u64 {
        self.stored + 1
    }

    fn begin(&mut self) -> Result<(), String> {
        self.timers.clear();
        self.heard.clear();
        self.wants_blocks = false;
        self.feed(Input::Start)?;
        self.feed(Input::PeerUp { peer: PEER, validator: None })?;
        self.feed(Input::Pending(true))
    }

    /// What a node does when it starts.
    fn start(&mut self) -> Result<(), String> {
        let entries = self.above(self.stored);
        let begun = self.begun.filter(|_| self.broken != Some(Broken::BeginsSilently));
        self.held = HeldBack::if_log_is_ahead(Height(self.stored), begun, &entries);
        if self.broken == Some(Broken::NeverHeldBack) {
            self.held = None;
        }
        self.back = false;
        let entries = if self.held.is_some() { Vec::new() } else { entries };
        // A log that says more than the blocks is of no use to a replica that ignores the rule.
        let entries = entries.into_iter().filter(|entry| entry.height().0 == self.open());
        self.replica = self.fixture.replica(self.held.is_none(), self.stored, entries.collect());
        self.begin()
    }

    fn above(&self, stored: u64) -> Vec<WalEntry> {
        self.log.iter().filter(|entry| entry.height().0 > stored).cloned().collect()
    }

    fn feed(&mut self, input: Input) -> Result<(), String> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.replica.step(NOW, input) {
                if self.act(output, &mut inputs)? {
                    return self.begin();
                }
            }
        }
        Ok(())
    }

    /// What a node does, and what must never come; whether there is another replica now.
    fn act(&mut self, output: Output, inputs: &mut VecDeque<Input>) -> Result<bool, String> {
        if output.needs_durable_log() {
            self.synced = self.log.len();
        }
        match output {
            Output::Persist(entry) => self.log.push(entry),
            Output::Broadcast(Message::Votes(votes)) => {
                let me = self.fixture.keys[0].id();
                for signed in votes.iter().filter(|signed| signed.vote.validator == me) {
                    self.say(signed)?;
                }
            }
            Output::SetTimer { id, .. } => _ = self.timers.insert(id),
            Output::CancelTimer(id) => _ = self.timers.remove(&id),
            Output::Validate { block, .. } => {
                inputs.push_back(Input::Validated { block: block.id(), valid: true });
            }
            Output::Propose { height, round, .. } => {
                inputs.push_back(Input::Proposed { height, round, block: None });
            }
            Output::Commit { block, .. } => return self.commit(&block, inputs),
            Output::RequestBlocks { .. } => self.wants_blocks = true,
            Output::Halt(halt) => return Err(format!("it halts: {halt}")),
            _ => {}
        }
        Ok(false)
    }

    fn say(&mut self, signed: &SignedVote) -> Result<(), String> {
        if self.held.is_some() {
            return Err("it signs while it is behind its log".into());
        }
        let vote = signed.vote;
        let at = (vote.height, u8::from(vote.kind == VoteKind::Precommit), vote.round);
        let bytes = signed.to_bytes();
        let before = self.said.entry(at).or_insert_with(|| bytes.clone());
        if *before == bytes { Ok(()) } else { Err(format!("contradicts itself at {at:?}")) }
    }

    /// The block is durable, and the log begins anew unless it is needed; then, if it is back, the
    /// node signs again.
    fn commit(&mut self, block: &Block, inputs: &mut VecDeque<Input>) -> Result<bool, String> {
        let height = block.header.height;
        if block.id() != self.fixture.blocks[self.stored as usize][0].id() {
            return Err("a block is committed that was not decided".into());
        }
        self.stored = height.0;
        self.heard.clear();
        if self.held.is_none() {
            self.log.clear();
            self.synced = 0;
            self.begun = Some(height.next());
        }
        let stays = self.broken == Some(Broken::StaysHeldBack);
        if self.held.take_if(|held| held.may_sign(height) && !stays).is_some() {
            let forgets = self.broken == Some(Broken::ForgetsLog);
            let entries = if forgets { Vec::new() } else { self.above(self.stored) };
            self.replica = self.fixture.replica(true, self.stored, entries);
            self.back = true;
            return Ok(true);
        }
        if self.held.is_some_and(|held| height.next() >= held.until()) {
            return Err("it is back and does not sign".into());
        }
        let (block, next_validators) = (block.id(), self.fixture.set.clone());
        inputs.push_back(Input::Committed { height, block, next_validators, pending: true });
        Ok(false)
    }
}

impl Subject for Machine {
    type Step = Step;

    fn steps(&self) -> Vec<Step> {
        let all =
            [Step::ProposalA, Step::ProposalB, Step::PrevotesA, Step::PrecommitsA, Step::Ahead];
        let can = |step: &Step| {
            let known = self.fixture.messages.contains_key(&(self.open(), *step));
            known && !self.heard.contains(step)
        };
        let mut steps: Vec<Step> = all.into_iter().filter(can).collect();
        steps.extend(self.wants_blocks.then_some(Step::Blocks));
        let waits = self.timers.iter().any(|id| id.kind == TimerKind::Propose);
        steps.extend((waits && self.open() <= DECIDED).then_some(Step::Timeout));
        steps.extend((self.crashes < 1).then_some(Step::Crash));
        steps.extend((self.losses < LOSSES && self.stored > 0).then_some(Step::LoseBlocks));
        steps
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Blocks => {
                self.wants_blocks = false;
                let Some(pair) = self.fixture.blocks.get(self.stored as usize) else {
                    return Ok(());
                };
                let block = pair[0].clone();
                let certificate = self.fixture.certificates[self.stored as usize].clone();
                let blocks = vec![SyncedBlock { block, certificate, body: Vec::new() }];
                self.feed(Input::Blocks { from: PEER, blocks })
            }
            Step::Timeout => {
                let id = self.timers.iter().copied().find(|id| id.kind == TimerKind::Propose);
                let Some(id) = id else { return Ok(()) };
                self.timers.remove(&id);
                self.feed(Input::Timer(id))
            }
            Step::Crash | Step::LoseBlocks => {
                self.log.truncate(self.synced);
                if *step == Step::LoseBlocks {
                    self.losses += 1;
                    self.stored = 0;
                } else {
                    self.crashes += 1;
                }
                self.start()
            }
            message => {
                self.heard.insert(*message);
                let bytes = self.fixture.messages.get(&(self.open(), *message));
                let Some(bytes) = bytes.cloned() else { return Ok(()) };
                self.feed(Input::Message { from: PEER, bytes })
            }
        }
    }

    fn fingerprint(&self) -> [u8; 32] {
        let node = (&self.replica, &self.held, self.stored, &self.log, self.synced, self.begun);
        let rest = (&self.timers, self.wants_blocks, self.losses, self.crashes, self.back);
        let seen = (&self.heard, &self.said);
        hash(Domain::Digest, &[format!("{node:?}|{rest:?}|{seen:?}").as_bytes()]).0
    }

    fn has_committed(&self) -> bool {
        self.back
    }
}
