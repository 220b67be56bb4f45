//! One real replica, and what its driver does, among three others that have decided a block.
//!
//! Of the others one lies: it proposes two blocks in round 0 and votes for both. The two honest
//! ones vote for the first block, which is decided without us. So whatever we hear, and in
//! whatever order, we may commit that block alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hefu_consensus::{
    Config, Input, Message, Output, PeerKey, Replica, SyncedBlock, TimerId, TimerKind, Tip,
    WalEntry, proposer,
};
use hefu_primitives::block::bundles_root;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::vote::CommitSignature;
use hefu_primitives::{
    Block, BlockId, BundleId, Canonical, ChainId, CommitCertificate, H32, Header, Height, KeyPair,
    Millis, Power, Proposal, Region, Round, Validator, ValidatorSet, Vote, VoteKind,
};

use super::explore::Subject;

const CHAIN: ChainId = ChainId([9; 32]);
const NOW: Millis = Millis(1_000_000);
const HEIGHT: Height = Height(1);
/// The peer that answers requests for blocks.
const PEER: PeerKey = PeerKey([7; 32]);

/// Which events can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Everything, one crash.
    Validator,
    /// Few messages, two crashes.
    Crashes,
    /// No key.
    Observer,
}

/// A rule broken on purpose, in what stands around the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Messages leave before the log is durable.
    SendsBeforeSync,
    /// A crash loses the whole log.
    ForgetsLog,
    /// A certificate is believed unseen: what a peer sends is committed.
    CommitsAnything,
    /// A node that should only follow has the key.
    ObserverSigns,
}

impl Broken {
    pub(crate) const ALL: [Self; 4] =
        [Self::SendsBeforeSync, Self::ForgetsLog, Self::CommitsAnything, Self::ObserverSigns];
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    ProposalA,
    ProposalB,
    AgainA,
    LiarPrevotesB,
    LiarPrevotesA,
    PrevotesA,
    PrecommitsA,
    NilPrecommits,
    Decided,
    /// A peer's status says that it is ahead.
    Ahead,
    /// The application answers what it was asked first.
    Answer,
    /// The blocks that were asked for come: the right one, or one that nobody decided.
    Blocks(bool),
    /// A timer runs out.
    Timer(TimerKind),
    /// The process ends; so many of the unsynced entries survive.
    Crash(usize),
}

/// All messages that can come, each once a life.
const ALPHABET: [Step; 10] = [
    Step::ProposalA,
    Step::ProposalB,
    Step::AgainA,
    Step::LiarPrevotesB,
    Step::LiarPrevotesA,
    Step::PrevotesA,
    Step::PrecommitsA,
    Step::NilPrecommits,
    Step::Decided,
    Step::Ahead,
];

/// What the application was asked.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Asked {
    Validate(BlockId),
    Commit(BlockId),
}

/// What all machines share, signed once.
struct Fixture {
    keys: Vec<KeyPair>,
    set: ValidatorSet,
    blocks: [Block; 2],
    certificates: Vec<CommitCertificate>,
    messages: Vec<(Step, Vec<u8>)>,
}

/// The replica, its disk, and what was seen of it.
pub(crate) struct Machine {
    scene: Scene,
    broken: Option<Broken>,
    replica: Replica,
    fixture: &'static Fixture,
    log: Vec<WalEntry>,
    synced: usize,
    stored: Option<Tip>,
    timers: BTreeSet<TimerId>,
    asked: VecDeque<Asked>,
    wants_blocks: bool,
    crashes: usize,
    heard: BTreeSet<Step>,
    said: BTreeMap<(Height, u8, Round), Vec<u8>>,
    committed: bool,
}

fn keys() -> Vec<KeyPair> {
    (1..=4).map(|i| KeyPair::from_secret(&[i; 32])).collect()
}

fn set(keys: &[KeyPair]) -> ValidatorSet {
    let validator = |(place, key): (usize, &KeyPair)| Validator {
        region: Region(110_000 + 10_000 * place as u32),
        key: key.public(),
        power: Power(1),
    };
    ValidatorSet::new(keys.iter().enumerate().map(validator).collect()).unwrap()
}

fn block(set: &ValidatorSet, salt: u8) -> Block {
    let tip = Tip::genesis(CHAIN, Millis(5));
    let bundles = vec![BundleId([salt; 32])];
    let header = Header {
        protocol: 1,
        chain: CHAIN,
        height: HEIGHT,
        round: Round(0),
        time: Millis(10),
        parent: tip.block,
        bundles_root: bundles_root(&bundles),
        outcomes_root: H32::ZERO,
        log_size: 1,
        log_root: H32::ZERO,
        state_root: H32([salt; 32]),
        validators: set.hash(),
        next_validators: set.hash(),
        parameters: H32::ZERO,
        proposer: proposer(set, HEIGHT, Round(0)),
    };
    Block { header, bundles, evidence: Vec::new() }
}

impl Fixture {
    fn get() -> &'static Self {
        static MADE: std::sync::OnceLock<Fixture> = std::sync::OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let keys = keys();
        let set = set(&keys);
        // The liar proposes in round 0, an honest one in round 1, and we in neither.
        let place = |round| {
            let id = proposer(&set, HEIGHT, Round(round));
            keys.iter().position(|key| key.id() == id).unwrap()
        };
        let order = [place(3), place(1), place(2), place(0)];
        let keys: Vec<KeyPair> = order.iter().map(|place| keys[*place].clone()).collect();
        let blocks = [block(&set, 1), block(&set, 2)];
        let (certificates, messages) = (Vec::new(), Vec::new());
        let mut made = Self { keys, set, blocks, certificates, messages };
        made.certificates = vec![made.certificate(0), made.certificate(1)];
        let all = ALPHABET.iter().map(|step| (*step, made.message(*step).unwrap().to_bytes()));
        made.messages = all.collect();
        made
    }

    fn vote(
        &self,
        who: usize,
        kind: VoteKind,
        block: Option<usize>,
    ) -> hefu_primitives::vote::SignedVote {
        let (round, validator) = (Round(0), self.keys[who].id());
        let block = block.map(|at| self.blocks[at].id());
        Vote { kind, height: HEIGHT, round, block, validator }.sign(&CHAIN, &self.keys[who])
    }

    fn votes(&self, who: &[usize], kind: VoteKind, block: Option<usize>) -> Message {
        Message::Votes(who.iter().map(|who| self.vote(*who, kind, block)).collect())
    }

    fn proposal(&self, who: usize, round: u32, block: usize, pol_round: Option<Round>) -> Message {
        let block = self.blocks[block].clone();
        let (round, id, proposer) = (Round(round), block.id(), self.keys[who].id());
        let proposal = Proposal { height: HEIGHT, round, block: id, pol_round, proposer };
        Message::Proposal { proposal: proposal.sign(&CHAIN, &self.keys[who]), block }
    }

    /// What makes a block final; for the second block nobody but the liar has signed.
    fn certificate(&self, block: usize) -> CommitCertificate {
        let who: &[usize] = if block == 0 { &[1, 2, 3] } else { &[3] };
        let mut signatures: Vec<CommitSignature> = who
            .iter()
            .map(|who| {
                let (place, _) = self.set.by_key(self.keys[*who].id()).unwrap();
                let signature = self.vote(*who, VoteKind::Precommit, Some(block)).signature;
                CommitSignature { index: place as u16, signature }
            })
            .collect();
        signatures.sort_by_key(|entry| entry.index);
        let block = self.blocks[block].id();
        CommitCertificate { height: HEIGHT, round: Round(0), block, signatures }
    }

    /// A message of the alphabet.
    fn message(&self, step: Step) -> Option<Message> {
        use VoteKind::{Precommit, Prevote};
        Some(match step {
            Step::ProposalA => self.proposal(3, 0, 0, None),
            Step::ProposalB => self.proposal(3, 0, 1, None),
            Step::AgainA => self.proposal(1, 1, 0, Some(Round(0))),
            Step::LiarPrevotesB => self.votes(&[3], Prevote, Some(1)),
            Step::LiarPrevotesA => self.votes(&[3], Prevote, Some(0)),
            Step::PrevotesA => self.votes(&[1, 2], Prevote, Some(0)),
            Step::PrecommitsA => self.votes(&[1, 2], Precommit, Some(0)),
            Step::NilPrecommits => self.votes(&[3], Precommit, None),
            Step::Decided => Message::Decided(self.certificate(0)),
            Step::Ahead => {
                let height = Height(HEIGHT.0 + 2);
                let status = hefu_consensus::Status { height, ..Default::default() };
                Message::Status(status)
            }
            _ => return None,
        })
    }
}

impl Machine {
    pub(crate) fn new(scene: Scene, broken: Option<Broken>) -> Self {
        let fixture = Fixture::get();
        let log = Vec::new();
        let replica = start(key_of(scene, broken, fixture), &fixture.set, None, &log);
        let mut machine = Self {
            scene,
            broken,
            replica,
            fixture,
            log,
            synced: 0,
            stored: None,
            timers: BTreeSet::new(),
            asked: VecDeque::new(),
            wants_blocks: false,
            crashes: 0,
            heard: BTreeSet::new(),
            said: BTreeMap::new(),
            committed: false,
        };
        machine.begin().unwrap();
        machine
    }

    fn begin(&mut self) -> Result<(), String> {
        self.feed(Input::Start)?;
        self.feed(Input::PeerUp { peer: PEER, validator: None })?;
        if self.scene != Scene::Observer {
            self.feed(Input::Pending(true))?;
        }
        Ok(())
    }

    fn alphabet(&self) -> &'static [Step] {
        match self.scene {
            Scene::Crashes => &[
                Step::ProposalA,
                Step::ProposalB,
                Step::PrevotesA,
                Step::LiarPrevotesB,
                Step::PrecommitsA,
            ],
            _ => &ALPHABET,
        }
    }

    fn feed(&mut self, input: Input) -> Result<(), String> {
        let outputs = self.replica.step(NOW, input);
        outputs.into_iter().try_for_each(|output| self.act(output))
    }

    /// What the driver does, and what must never come.
    fn act(&mut self, output: Output) -> Result<(), String> {
        if output.needs_durable_log() && self.broken != Some(Broken::SendsBeforeSync) {
            self.synced = self.log.len();
        }
        match output {
            Output::Persist(entry) => self.log.push(entry),
            Output::Broadcast(Message::Votes(votes)) => {
                let me = self.fixture.keys[0].id();
                for signed in votes.iter().filter(|v| v.vote.validator == me) {
                    let kind = u8::from(signed.vote.kind == VoteKind::Precommit);
                    self.say((signed.vote.height, kind, signed.vote.round), signed.to_bytes())?;
                }
            }
            Output::Broadcast(Message::Proposal { proposal, .. })
                if proposal.proposal.proposer == self.fixture.keys[0].id() =>
            {
                let at = (proposal.proposal.height, 2, proposal.proposal.round);
                self.say(at, proposal.to_bytes())?;
            }
            Output::SetTimer { id, .. } => {
                self.timers.insert(id);
            }
            Output::CancelTimer(id) => {
                self.timers.remove(&id);
            }
            Output::Validate { block, .. } => self.asked.push_back(Asked::Validate(block.id())),
            Output::Commit { block, certificate, .. } => {
                if block.id() != self.fixture.blocks[0].id() || certificate.block != block.id() {
                    return Err("a block is committed that was not decided".into());
                }
                if certificate.verify(&CHAIN, &self.fixture.set).is_err() || self.stored.is_some() {
                    return Err("a commit without proof, or a second one".into());
                }
                self.asked.push_back(Asked::Commit(block.id()));
            }
            Output::RequestBlocks { .. } => self.wants_blocks = true,
            Output::Halt(halt) => return Err(format!("it halts: {halt}")),
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, at: (Height, u8, Round), bytes: Vec<u8>) -> Result<(), String> {
        if self.scene == Scene::Observer {
            return Err("an observer signs".into());
        }
        if self.stored.as_ref().is_some_and(|tip| at.0 <= tip.height) {
            return Err("a vote for a height that is stored".into());
        }
        let before = self.said.entry(at).or_insert_with(|| bytes.clone());
        if *before == bytes { Ok(()) } else { Err(format!("contradicts itself at {at:?}")) }
    }

    fn answer(&mut self) -> Result<(), String> {
        match self.asked.pop_front() {
            Some(Asked::Validate(block)) => self.feed(Input::Validated { block, valid: true }),
            Some(Asked::Commit(block)) => self.store(block),
            None => Ok(()),
        }
    }

    /// The block is durable; what the log holds of its height may go.
    fn store(&mut self, block: BlockId) -> Result<(), String> {
        let certificate = Some(self.fixture.certificates[0].clone());
        self.stored = Some(Tip { height: HEIGHT, block, time: Millis(10), certificate });
        self.committed = true;
        self.log.clear();
        self.synced = 0;
        let next_validators = self.fixture.set.clone();
        self.feed(Input::Committed { height: HEIGHT, block, next_validators, pending: false })
    }

    fn crash(&mut self, kept: usize) -> Result<(), String> {
        self.crashes += 1;
        let left = (self.synced + kept).min(self.log.len());
        self.log.truncate(if self.broken == Some(Broken::ForgetsLog) { 0 } else { left });
        self.synced = self.log.len();
        self.timers.clear();
        self.asked.clear();
        self.heard.clear();
        self.wants_blocks = false;
        let key = key_of(self.scene, self.broken, self.fixture);
        self.replica = start(key, &self.fixture.set, self.stored.clone(), &self.log);
        self.begin()
    }

    fn blocks_come(&mut self, right: bool) -> Result<(), String> {
        self.wants_blocks = false;
        let place = usize::from(!right);
        let (block, certificate) =
            (self.fixture.blocks[place].clone(), self.fixture.certificates[place].clone());
        if self.broken == Some(Broken::CommitsAnything) {
            return self.act(Output::Commit { block, certificate, body: None });
        }
        let blocks = vec![SyncedBlock { block, certificate, body: Vec::new() }];
        self.feed(Input::Blocks { from: PEER, blocks })
    }
}

fn key_of(scene: Scene, broken: Option<Broken>, fixture: &Fixture) -> Option<KeyPair> {
    let follows = scene == Scene::Observer && broken != Some(Broken::ObserverSigns);
    (!follows).then(|| fixture.keys[0].clone())
}

fn start(
    key: Option<KeyPair>,
    set: &ValidatorSet,
    stored: Option<Tip>,
    log: &[WalEntry],
) -> Replica {
    let tip = stored.unwrap_or_else(|| Tip::genesis(CHAIN, Millis(5)));
    Replica::new(Config::new(CHAIN, key), tip, set.clone(), log.to_vec()).unwrap()
}

impl Subject for Machine {
    type Step = Step;

    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> =
            self.alphabet().iter().filter(|step| !self.heard.contains(*step)).copied().collect();
        if !self.asked.is_empty() {
            steps.push(Step::Answer);
        }
        if self.wants_blocks {
            steps.extend([Step::Blocks(true), Step::Blocks(false)]);
        }
        let waits = [TimerKind::Propose, TimerKind::Prevote, TimerKind::Precommit];
        let waits =
            waits.into_iter().chain((self.scene == Scene::Validator).then_some(TimerKind::CatchUp));
        steps.extend(
            waits.filter(|kind| self.timers.iter().any(|id| id.kind == *kind)).map(Step::Timer),
        );
        let most = if self.scene == Scene::Crashes { 2 } else { 1 };
        if self.crashes < most {
            // Any number of entries may have reached the disk beyond those that were synced.
            let unsynced = self.log.len() - self.synced;
            steps.extend((0..=unsynced.min(2)).map(Step::Crash));
        }
        steps
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        if let Some((_, bytes)) = self.fixture.messages.iter().find(|(of, _)| of == step) {
            self.heard.insert(*step);
            return self.feed(Input::Message { from: PEER, bytes: bytes.clone() });
        }
        match *step {
            Step::Answer => self.answer(),
            Step::Blocks(right) => self.blocks_come(right),
            Step::Timer(kind) => match self.timers.iter().copied().find(|id| id.kind == kind) {
                Some(id) => {
                    self.timers.remove(&id);
                    self.feed(Input::Timer(id))
                }
                None => Ok(()),
            },
            Step::Crash(kept) => self.crash(kept),
            _ => Ok(()),
        }
    }

    /// The replica shows all that it holds; the rest is ours.
    fn fingerprint(&self) -> [u8; 32] {
        let ours = format!(
            "{:?}|{:?}|{}|{:?}|{:?}|{:?}|{}|{}|{:?}|{:?}",
            self.replica,
            self.log,
            self.synced,
            self.stored.is_some(),
            self.timers,
            self.asked,
            self.wants_blocks,
            self.crashes,
            self.heard,
            self.said,
        );
        hash(Domain::Digest, &[ours.as_bytes()]).0
    }

    fn has_committed(&self) -> bool {
        self.committed
    }
}
