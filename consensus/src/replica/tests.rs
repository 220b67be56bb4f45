//! One replica, driven by hand: it is validator 0 of four, and its peers are the other three.

use super::*;
use crate::input::SyncedBlock;
use crate::message::{PolkaCertificate, Status};
use crate::testing::{CHAIN, block, keys, set};
use VoteKind::{Precommit, Prevote};
use hefu_primitives::Equivocation;
use hefu_primitives::vote::{CommitSignature, SignedProposal, SignedVote};
use hefu_primitives::{Canonical, KeyPair, Proposal, Vote, VoteKind};

const NOW: Millis = Millis(1_000_000);

struct Bench {
    keys: Vec<KeyPair>,
    set: ValidatorSet,
    tip: Tip,
    replica: Replica,
    log: Vec<WalEntry>,
    now: Millis,
}

fn peer(i: usize) -> PeerKey {
    PeerKey([i as u8; 32])
}

impl Bench {
    fn new() -> Self {
        Self::at(Tip::genesis(CHAIN, NOW), Vec::new())
    }

    fn at(tip: Tip, log: Vec<WalEntry>) -> Self {
        let keys = keys(4);
        let set = set(&keys);
        let config = Config::new(CHAIN, Some(keys[0].clone()));
        let replica = Replica::new(config, tip.clone(), set.clone(), log.clone()).unwrap();
        Self { keys, set, tip, replica, log, now: Millis(NOW.0 + 10) }
    }

    /// Started, with three peers.
    fn started() -> Self {
        let mut bench = Self::new();
        bench.step(Input::Start);
        bench.meet();
        bench
    }

    /// At a height whose first proposer is validator `i`.
    fn led_by(i: usize) -> Self {
        let mut tip = Tip::genesis(CHAIN, NOW);
        tip.height = Height(7 + i as u64);
        assert_eq!(proposer(&set(&keys(4)), tip.height.next(), Round(0)), keys(4)[i].id());
        let mut bench = Self::at(tip, Vec::new());
        bench.step(Input::Start);
        bench.meet();
        bench
    }

    fn meet(&mut self) {
        for i in 1..4 {
            let validator = Some(self.keys[i].id());
            self.step(Input::PeerUp { peer: peer(i), validator });
        }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.replica.step(self.now, input);
        self.log.extend(outputs.iter().filter_map(|output| match output {
            Output::Persist(entry) => Some(entry.clone()),
            _ => None,
        }));
        outputs
    }

    fn hear(&mut self, from: usize, message: &Message) -> Vec<Output> {
        self.step(Input::Message { from: peer(from), bytes: message.to_bytes() })
    }

    fn timer(&mut self, kind: TimerKind, round: u32) -> Vec<Output> {
        let id = self.replica.timer(kind, Round(round));
        self.step(Input::Timer(id))
    }

    fn block(&self, round: u32, salt: u8) -> Block {
        block(&self.tip, &self.set, Round(round), Millis(NOW.0 + 5), salt)
    }

    fn vote(&self, i: usize, kind: VoteKind, round: u32, block: Option<BlockId>) -> SignedVote {
        let (height, round) = (self.tip.height.next(), Round(round));
        Vote { kind, height, round, block, validator: self.keys[i].id() }
            .sign(&CHAIN, &self.keys[i])
    }

    fn proposal(&self, round: u32, block: &Block, pol: Option<u32>) -> Message {
        let height = self.tip.height.next();
        let author = proposer(&self.set, height, Round(round));
        let key = self.keys.iter().find(|key| key.id() == author).unwrap();
        let proposal = Proposal {
            height,
            round: Round(round),
            block: block.id(),
            pol_round: pol.map(Round),
            proposer: author,
        };
        Message::Proposal { proposal: proposal.sign(&CHAIN, key), block: block.clone() }
    }

    fn certificate(&self, round: u32, block: BlockId, who: &[usize]) -> CommitCertificate {
        let signature = |i: &usize| CommitSignature {
            index: *i as u16,
            signature: self.vote(*i, Precommit, round, Some(block)).signature,
        };
        let (height, round) = (self.tip.height.next(), Round(round));
        CommitCertificate { height, round, block, signatures: who.iter().map(signature).collect() }
    }

    fn committed(&mut self, block: &Block) -> Vec<Output> {
        let (height, id) = (block.header.height, block.id());
        let next_validators = self.set.clone();
        let input = Input::Committed { height, block: id, next_validators, pending: false };
        let outputs = self.step(input);
        self.tip = self.replica.tip().clone();
        outputs
    }

    /// A restart with the log so far, as it is on the disk.
    fn restarted(&self, log: Vec<WalEntry>) -> Bench {
        let mut bench = Self::at(self.tip.clone(), log);
        bench.now = self.now;
        bench
    }
}

fn own_votes(outputs: &[Output]) -> Vec<Vote> {
    let me = keys(4)[0].id();
    let votes = outputs.iter().filter_map(|output| match output {
        Output::Broadcast(Message::Votes(votes)) => Some(votes),
        _ => None,
    });
    votes.flatten().map(|signed| signed.vote).filter(|vote| vote.validator == me).collect()
}

fn validates(outputs: &[Output]) -> Option<BlockId> {
    outputs.iter().find_map(|output| match output {
        Output::Validate { block, .. } => Some(block.id()),
        _ => None,
    })
}

fn commits(outputs: &[Output]) -> Option<&CommitCertificate> {
    outputs.iter().find_map(|output| match output {
        Output::Commit { certificate, .. } => Some(certificate),
        _ => None,
    })
}

fn requests(outputs: &[Output]) -> Option<(PeerKey, Height, u16)> {
    outputs.iter().find_map(|output| match output {
        Output::RequestBlocks { peer, from, count } => Some((*peer, *from, *count)),
        _ => None,
    })
}

fn accused(outputs: &[Output]) -> Option<PeerFault> {
    outputs.iter().find_map(|output| match output {
        Output::Misbehaviour { fault, .. } => Some(*fault),
        _ => None,
    })
}

fn halted(outputs: &[Output]) -> Option<&Halt> {
    match outputs {
        [Output::Halt(halt)] => Some(halt),
        _ => None,
    }
}

fn waits(outputs: &[Output], wanted: TimerKind) -> Option<u64> {
    outputs.iter().find_map(|output| match output {
        Output::SetTimer { id, after_ms } if id.kind == wanted => Some(*after_ms),
        _ => None,
    })
}

/// Everything from proposal to commit, with the votes of 1 and 2.
fn decide(bench: &mut Bench, block: &Block) -> Vec<Vec<Output>> {
    let id = block.id();
    let mut all = vec![bench.hear(1, &bench.proposal(0, block, None))];
    all.push(bench.step(Input::Validated { block: id, valid: true }));
    for kind in [Prevote, Precommit] {
        for i in [1, 2] {
            let vote = bench.vote(i, kind, 0, Some(id));
            all.push(bench.hear(i, &Message::Votes(vec![vote])));
        }
    }
    all
}

#[test]
fn is_send() {
    fn check<T: Send>() {}
    check::<Replica>();
}

#[test]
fn a_follower_votes_and_commits() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let steps = decide(&mut bench, &block);
    assert_eq!(validates(&steps[0]), Some(block.id()));
    let prevote = Vote { validator: bench.keys[0].id(), ..bench.vote(0, Prevote, 0, None).vote };
    assert_eq!(own_votes(&steps[1]), [Vote { block: Some(block.id()), ..prevote }]);
    assert_eq!(own_votes(&steps[3])[0].kind, Precommit);
    let certificate = commits(&steps[5]).unwrap();
    assert_eq!(certificate.verify(&CHAIN, &bench.set), Ok(()));
    assert_eq!(certificate.signatures.len(), 3);
    let outputs = bench.committed(&block);
    assert_eq!(bench.replica.height(), block.header.height.next());
    assert!(waits(&outputs, TimerKind::Heartbeat).is_some(), "then it is idle");
    assert!(!bench.replica.is_deciding());
}

/// Rule: persist before send, in every list of outputs.
#[test]
fn what_is_signed_is_logged_first() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let mut logged = Vec::new();
    for outputs in decide(&mut bench, &block) {
        for output in outputs {
            match output {
                Output::Persist(WalEntry::Vote(vote)) => logged.push(vote),
                Output::Broadcast(Message::Votes(votes)) => {
                    assert!(votes.iter().all(|vote| logged.contains(vote)));
                }
                _ => {}
            }
        }
    }
    assert_eq!(logged.len(), 6, "two of ours and four of theirs");
}

#[test]
fn a_proposer_with_nothing_to_record_waits() {
    let mut bench = Bench::led_by(0);
    assert!(!bench.replica.is_deciding());
    // Others are awake: it gives their bundles half a timeout, then proposes anyway.
    let nil = bench.vote(2, Prevote, 0, None);
    let outputs = bench.hear(2, &Message::Votes(vec![nil]));
    assert_eq!(waits(&outputs, TimerKind::Patience), Some(1_000));
    let outputs = bench.timer(TimerKind::Patience, 0);
    assert!(outputs.iter().any(|o| matches!(o, Output::Propose { .. })), "{outputs:?}");
}

/// What is handed over with a commit shares the next block; what comes later does not wait.
#[test]
fn a_proposer_gathers_after_a_commit() {
    let proposes = |outputs: &[Output]| outputs.iter().any(|o| matches!(o, Output::Propose { .. }));
    let after_commit = |ms: u64| {
        let mut bench = Bench::led_by(3);
        bench.replica.config.gather_ms = 3;
        let block = bench.block(0, 1);
        decide(&mut bench, &block);
        bench.committed(&block);
        bench.now.0 += ms;
        let outputs = bench.step(Input::Pending(true));
        (bench, outputs)
    };
    let (mut bench, outputs) = after_commit(1);
    assert_eq!(waits(&outputs, TimerKind::Patience), Some(2));
    assert!(!proposes(&outputs));
    bench.now.0 += 2;
    assert!(proposes(&bench.timer(TimerKind::Patience, 0)));

    let (_, outputs) = after_commit(3);
    assert!(proposes(&outputs) && waits(&outputs, TimerKind::Patience).is_none());
}

#[test]
fn a_proposer_with_something_to_record_proposes() {
    let mut bench = Bench::led_by(0);
    let outputs = bench.step(Input::Pending(true));
    let (height, round) = (bench.tip.height.next(), Round(0));
    let time = bench.now;
    assert!(outputs.contains(&Output::Propose { height, round, time }));
    let block = bench.block(0, 1);
    let outputs = bench.step(Input::Proposed { height, round, block: Some(block.clone()) });
    let place = |wanted: &dyn Fn(&Output) -> bool| outputs.iter().position(wanted).unwrap();
    let body = place(&|o| matches!(o, Output::Persist(WalEntry::Block { valid: true, .. })));
    let signed = place(&|o| matches!(o, Output::Persist(WalEntry::Proposal(_))));
    let sent = place(&|o| matches!(o, Output::Broadcast(Message::Proposal { .. })));
    assert!(body < signed && signed < sent);
    assert_eq!(own_votes(&outputs)[0].block, Some(block.id()));
    // A second answer finds nobody waiting.
    assert_eq!(bench.step(Input::Proposed { height, round, block: Some(block) }), []);
}

#[test]
fn a_wrong_block_of_our_own_halts() {
    let mut bench = Bench::led_by(0);
    bench.step(Input::Pending(true));
    let (height, round) = (bench.tip.height.next(), Round(0));
    let mut block = bench.block(0, 1);
    block.header.time = bench.tip.time;
    let outputs = bench.step(Input::Proposed { height, round, block: Some(block) });
    assert!(matches!(halted(&outputs), Some(Halt::OwnBlock { .. })));
    assert_eq!(bench.step(Input::Pending(true)), [], "nothing follows a halt");
}

#[test]
fn the_heartbeat_wakes() {
    let mut bench = Bench::new();
    bench.now = Millis(NOW.0 + 10_000);
    let outputs = bench.step(Input::Start);
    assert_eq!(waits(&outputs, TimerKind::Heartbeat), Some(50_000));
    let outputs = bench.timer(TimerKind::Heartbeat, 0);
    assert!(waits(&outputs, TimerKind::Propose).is_some() && bench.replica.is_deciding());
    // However wrong the clock is, no longer than one interval.
    let mut early = Bench::new();
    early.now = Millis(5);
    assert_eq!(waits(&early.step(Input::Start), TimerKind::Heartbeat), Some(60_000));
}

/// Trap 4: nothing is valid before the application says so; trap 8: nothing is fed before.
#[test]
fn votes_nil_for_what_the_application_refuses() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let outputs = bench.hear(1, &bench.proposal(0, &block, None));
    assert!(own_votes(&outputs).is_empty());
    assert!(!bench.log.iter().any(|e| matches!(e, WalEntry::Proposal(_))));
    let outputs = bench.step(Input::Validated { block: block.id(), valid: false });
    assert_eq!(own_votes(&outputs)[0].block, None);
    assert_eq!(bench.step(Input::Validated { block: block.id(), valid: true }), []);
}

#[test]
fn votes_nil_for_a_wrong_header_without_asking() {
    let mut bench = Bench::led_by(1);
    let mut block = bench.block(0, 1);
    block.header.parent = BlockId([1; 32]);
    let outputs = bench.hear(1, &bench.proposal(0, &block, None));
    assert_eq!((validates(&outputs), accused(&outputs)), (None, None));
    assert_eq!(own_votes(&outputs)[0].block, None);
}

#[test]
fn accuses_who_sends_what_nobody_honest_sends() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let Message::Proposal { proposal, .. } = bench.proposal(0, &block, None) else { panic!() };
    let other = bench.block(0, 2);
    let swapped = Message::Proposal { proposal, block: other.clone() };
    assert_eq!(accused(&bench.hear(1, &swapped)), Some(PeerFault::Proposal));
    let lock_from_now = bench.proposal(0, &block, Some(0));
    assert_eq!(accused(&bench.hear(1, &lock_from_now)), Some(PeerFault::Proposal));
    let not_its_turn = Proposal { proposer: bench.keys[2].id(), ..proposal.proposal };
    let not_its_turn = not_its_turn.sign(&CHAIN, &bench.keys[2]);
    let message = Message::Proposal { proposal: not_its_turn, block: block.clone() };
    assert_eq!(accused(&bench.hear(1, &message)), Some(PeerFault::Proposal));
    let forged = SignedProposal { signature: hefu_primitives::Signature([1; 64]), ..proposal };
    let message = Message::Proposal { proposal: forged, block: block.clone() };
    assert_eq!(accused(&bench.hear(1, &message)), Some(PeerFault::Signature));
    let mut vote = bench.vote(2, Prevote, 0, None);
    vote.signature = forged.signature;
    assert_eq!(accused(&bench.hear(1, &Message::Votes(vec![vote]))), Some(PeerFault::Signature));
    let stranger = Vote { validator: KeyId([9; 20]), ..vote.vote }.sign(&CHAIN, &bench.keys[1]);
    let message = Message::Votes(vec![stranger]);
    assert_eq!(accused(&bench.hear(1, &message)), Some(PeerFault::Signature));
    let mixed = vec![bench.vote(2, Prevote, 0, None), bench.vote(2, Prevote, 1, None)];
    assert_eq!(accused(&bench.hear(1, &Message::Votes(mixed))), Some(PeerFault::Malformed));
    let bytes = vec![0xff];
    let outputs = bench.step(Input::Message { from: peer(1), bytes });
    assert_eq!(accused(&outputs), Some(PeerFault::Malformed));
    let certificate = bench.certificate(0, block.id(), &[1, 2]);
    let outputs = bench.hear(1, &Message::Decided(certificate.clone()));
    assert_eq!(accused(&outputs), Some(PeerFault::Certificate));
    let (height, round, block) = (certificate.height, Round(0), block.id());
    let polka = PolkaCertificate { height, round, block, signatures: certificate.signatures };
    assert_eq!(accused(&bench.hear(1, &Message::Polka(polka))), Some(PeerFault::Certificate));
    assert!(!bench.replica.is_deciding() && bench.log.is_empty(), "none of it did anything");
    // Who is not connected is not heard.
    let outputs = bench.hear(9, &bench.proposal(0, &other, None));
    assert_eq!(outputs, []);
}

/// Trap 3: heights and rounds out of reach are dropped, the next height waits.
#[test]
fn far_heights_and_rounds_are_dropped() {
    let mut bench = Bench::led_by(1);
    let near = bench.vote(2, Prevote, ROUNDS_AHEAD, None);
    let far = bench.vote(2, Prevote, ROUNDS_AHEAD + 1, None);
    assert_eq!(bench.hear(2, &Message::Votes(vec![far])), []);
    assert!(!bench.hear(2, &Message::Votes(vec![near])).is_empty());
    // A third of the power takes us there, however far.
    let votes = (1..4).map(|i| bench.vote(i, Prevote, 500, None)).collect();
    bench.hear(2, &Message::Votes(votes));
    assert_eq!(bench.replica.round(), Round(500));
    let distant = Vote { height: Height(99), ..near.vote }.sign(&CHAIN, &bench.keys[2]);
    assert_eq!(bench.hear(2, &Message::Votes(vec![distant])), []);
}

#[test]
fn messages_of_the_next_height_wait() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let ahead = Vote { height: block.header.height.next(), ..bench.vote(2, Prevote, 0, None).vote };
    let ahead = Message::Votes(vec![ahead.sign(&CHAIN, &bench.keys[2])]);
    assert_eq!(bench.hear(2, &ahead), []);
    decide(&mut bench, &block);
    let outputs = bench.committed(&block);
    assert!(bench.replica.is_deciding(), "the vote that waited wakes the height");
    assert!(outputs.iter().any(|o| matches!(o, Output::Persist(WalEntry::Vote(_)))));
}

#[test]
fn a_time_too_far_ahead_waits_for_the_clock_or_for_a_third() {
    let ahead = |bench: &Bench| {
        let limit = bench.now.0 + bench.replica.config.max_clock_ahead_ms;
        block(&bench.tip, &bench.set, Round(0), Millis(limit + 1), 1)
    };
    let mut bench = Bench::led_by(1);
    let block = ahead(&bench);
    let outputs = bench.hear(1, &bench.proposal(0, &block, None));
    assert_eq!((validates(&outputs), own_votes(&outputs)), (None, vec![]));
    bench.now = Millis(bench.now.0 + 1);
    assert_eq!(validates(&bench.timer(TimerKind::Status, 0)), Some(block.id()));

    let mut bench = Bench::led_by(1);
    let block = ahead(&bench);
    bench.hear(1, &bench.proposal(0, &block, None));
    let votes = [1, 2].map(|i| bench.vote(i, Prevote, 0, Some(block.id())));
    assert_eq!(validates(&bench.hear(1, &Message::Votes(vec![votes[0]]))), None);
    let outputs = bench.hear(2, &Message::Votes(vec![votes[1]]));
    assert_eq!(validates(&outputs), Some(block.id()));

    // Proposed again with a quorum behind it: no clock is asked.
    let mut bench = Bench::led_by(1);
    let block = ahead(&bench);
    let votes = [1, 3].map(|i| bench.vote(i, Prevote, 1, None));
    bench.hear(1, &Message::Votes(votes.to_vec()));
    let outputs = bench.hear(2, &bench.proposal(1, &block, Some(0)));
    assert_eq!(validates(&outputs), Some(block.id()));
}

#[test]
fn a_proposal_of_a_later_round_is_executed_when_that_begins() {
    for pol in [None, Some(0)] {
        let mut bench = Bench::led_by(1);
        let later = bench.block(if pol.is_some() { 0 } else { 2 }, 1);
        let outputs = bench.hear(3, &bench.proposal(2, &later, pol));
        assert_eq!((validates(&outputs), accused(&outputs)), (None, None));
        let votes = [1, 2].map(|i| bench.vote(i, Prevote, 2, None));
        let outputs = bench.hear(1, &Message::Votes(votes.to_vec()));
        assert_eq!(validates(&outputs), Some(later.id()));
    }
}

/// Trap 5: timers of another height, another round, or cancelled, change nothing.
/// Waiting for the last precommits is for a decision; none can come when too many are for nil.
#[test]
fn precommits_that_rule_out_a_decision_are_not_waited_out() {
    let hear = |bench: &mut Bench, i: usize, block: Option<BlockId>| {
        let vote = bench.vote(i, Precommit, 0, block);
        bench.hear(i, &Message::Votes(vec![vote]))
    };
    let usual = Config::new(CHAIN, None).timeouts.precommit_ms;
    let mut bench = Bench::led_by(1);
    let id = bench.block(0, 1).id();
    bench.step(Input::Pending(true));
    // Two for a block, one for nil: the fourth may still decide.
    for (i, block) in [(1, Some(id)), (2, Some(id))] {
        assert_eq!(waits(&hear(&mut bench, i, block), TimerKind::Precommit), None);
    }
    assert_eq!(waits(&hear(&mut bench, 3, None), TimerKind::Precommit), Some(usual));
    // Two for nil: it may not, whether this is seen before the wait begins or during it.
    let mut bench = Bench::led_by(1);
    bench.step(Input::Pending(true));
    for (i, block) in [(1, Some(id)), (2, None)] {
        assert_eq!(waits(&hear(&mut bench, i, block), TimerKind::Precommit), None);
    }
    assert_eq!(waits(&hear(&mut bench, 3, None), TimerKind::Precommit), Some(0));
    let outputs = bench.timer(TimerKind::Precommit, 0);
    assert!(waits(&outputs, TimerKind::Propose).is_some(), "the next round: {outputs:?}");
}

#[test]
fn a_wait_ends_when_the_last_precommit_rules_out_a_decision() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let id = block.id();
    bench.hear(1, &bench.proposal(0, &block, None));
    bench.step(Input::Validated { block: id, valid: true });
    for i in [1, 2] {
        bench.hear(i, &Message::Votes(vec![bench.vote(i, Prevote, 0, Some(id))]));
    }
    // We precommitted the block: with 1 it is one of two for it, 2 and 3 are for nil.
    let mut seen = Vec::new();
    for (i, of) in [(1, Some(id)), (2, None), (3, None)] {
        let outputs = bench.hear(i, &Message::Votes(vec![bench.vote(i, Precommit, 0, of)]));
        seen.push(waits(&outputs, TimerKind::Precommit));
    }
    let usual = Config::new(CHAIN, None).timeouts.precommit_ms;
    assert_eq!(seen, [None, Some(usual), Some(0)]);
}

#[test]
fn stale_timers_are_dropped() {
    let mut bench = Bench::led_by(1);
    bench.step(Input::Pending(true));
    let id = bench.replica.timer(TimerKind::Propose, Round(0));
    assert_eq!(bench.step(Input::Timer(TimerId { height: Height(1), ..id })), []);
    assert_eq!(bench.step(Input::Timer(TimerId { round: Round(1), ..id })), []);
    assert_eq!(own_votes(&bench.step(Input::Timer(id)))[0].block, None);
    assert_eq!(bench.step(Input::Timer(id)), [], "once");
}

#[test]
fn two_votes_of_one_validator_are_evidence_once_and_relayed() {
    let mut bench = Bench::led_by(1);
    let a = bench.vote(3, Prevote, 0, None);
    let b = bench.vote(3, Prevote, 0, Some(BlockId([1; 32])));
    bench.hear(3, &Message::Votes(vec![a]));
    let outputs = bench.hear(3, &Message::Votes(vec![b]));
    let evidence = outputs.iter().find_map(|o| match o {
        Output::Evidence(evidence) => Some(*evidence),
        _ => None,
    });
    assert_eq!(evidence.unwrap().verify(&CHAIN, &bench.set), Ok(()));
    assert!(outputs.iter().any(|o| matches!(o, Output::Send(to, _) if *to == peer(1))));
    let again = bench.vote(3, Precommit, 0, Some(BlockId([2; 32])));
    let other = bench.vote(3, Precommit, 0, None);
    bench.hear(3, &Message::Votes(vec![again]));
    let outputs = bench.hear(3, &Message::Votes(vec![other]));
    assert!(!outputs.iter().any(|o| matches!(o, Output::Evidence(_))), "one is enough");
}

#[test]
fn two_proposals_of_one_round_are_evidence() {
    let mut bench = Bench::led_by(1);
    let (a, b, c) = (bench.block(0, 1), bench.block(0, 2), bench.block(0, 3));
    bench.hear(1, &bench.proposal(0, &a, None));
    let outputs = bench.hear(1, &bench.proposal(0, &b, None));
    assert!(outputs.iter().any(|o| matches!(
        o,
        Output::Evidence(e @ Equivocation::Proposals(..)) if e.verify(&CHAIN, &bench.set).is_ok()
    )));
    assert_eq!(validates(&outputs), Some(b.id()), "either may be the one that is decided");
    assert_eq!(bench.hear(1, &bench.proposal(0, &c, None)), [], "no third");
    let votes = [1, 2].map(|i| bench.vote(i, Prevote, 0, Some(c.id()))).to_vec();
    bench.hear(1, &Message::Votes(votes));
    let outputs = bench.hear(1, &bench.proposal(0, &c, None));
    assert_eq!(validates(&outputs), Some(c.id()), "unless a third vouch for it");
}

/// The core counts a validator's first vote only; a quorum may need the second.
#[test]
fn a_contradicting_vote_can_complete_the_decision() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let id = Some(block.id());
    bench.hear(1, &bench.proposal(0, &block, None));
    bench.step(Input::Validated { block: block.id(), valid: true });
    let mut last = Vec::new();
    for kind in [Prevote, Precommit] {
        for (i, choice) in [(3, None), (1, id), (3, id)] {
            let vote = bench.vote(i, kind, 0, choice);
            last = bench.hear(i, &Message::Votes(vec![vote]));
        }
        if kind == Prevote {
            assert_eq!(own_votes(&last)[0].block, id, "the quorum of prevotes was seen");
        }
    }
    assert_eq!(commits(&last).unwrap().block, block.id());
}

#[test]
fn our_signature_that_the_log_does_not_hold_halts() {
    let mut bench = Bench::led_by(1);
    let vote = bench.vote(0, Precommit, 0, None);
    let outputs = bench.hear(1, &Message::Votes(vec![vote]));
    assert!(matches!(halted(&outputs), Some(Halt::UnknownOwnSignature { .. })));
    let mut bench = Bench::led_by(0);
    let message = bench.proposal(0, &bench.block(0, 1), None);
    let outputs = bench.hear(1, &message);
    assert!(matches!(halted(&outputs), Some(Halt::UnknownOwnSignature { .. })));
}

#[test]
fn a_restart_continues_where_the_log_ends() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    let steps = decide(&mut bench, &block);
    let signed: Vec<Vote> = steps.iter().flat_map(|outputs| own_votes(outputs)).collect();
    for cut in 0..=bench.log.len() {
        // Whatever the crash cut off, no vote differs from one that was sent.
        let mut again = bench.restarted(bench.log[..cut].to_vec());
        let outputs = again.step(Input::Start);
        assert_eq!(halted(&outputs), None, "cut {cut}");
        for vote in own_votes(&outputs) {
            assert!(signed.contains(&vote), "cut {cut}: {vote:?}");
        }
        let logged = WalEntry::Vote(bench.vote(0, Prevote, 0, Some(block.id())));
        if bench.log[..cut].contains(&logged) {
            let sends = !own_votes(&outputs).is_empty() || commits(&outputs).is_some();
            assert!(sends, "cut {cut}: what the round needs is sent again");
            assert!(!outputs.contains(&Output::Persist(logged)), "cut {cut}: logged twice");
        }
    }
    let mut whole = bench.restarted(bench.log.clone());
    assert_eq!(commits(&whole.step(Input::Start)).unwrap().block, block.id());
}

/// Trap 6: of many rounds in the log, only the last one's votes are sent again.
#[test]
fn a_restart_repeats_only_the_latest_round() {
    let mut bench = Bench::led_by(1);
    bench.step(Input::Pending(true));
    for round in 0..3 {
        bench.timer(TimerKind::Propose, round);
        for kind in [Prevote, Precommit] {
            let votes = (1..4).map(|i| bench.vote(i, kind, round, None)).collect();
            bench.hear(1, &Message::Votes(votes));
        }
        bench.timer(TimerKind::Precommit, round);
    }
    assert_eq!(bench.replica.round(), Round(3));
    bench.timer(TimerKind::Propose, 3);
    let mut again = bench.restarted(bench.log.clone());
    let outputs = again.step(Input::Start);
    let votes = own_votes(&outputs);
    assert!(votes.iter().all(|vote| vote.round == Round(3)) && votes.len() == 1, "{votes:?}");
    assert_eq!(again.replica.round(), Round(3));
}

/// The second lock: the log holds a vote whose reasons are gone; the core would contradict it.
#[test]
fn the_signer_refuses_what_the_log_forbids() {
    let bench = Bench::led_by(1);
    let vote = bench.vote(0, Prevote, 0, Some(BlockId([1; 32])));
    let mut again = bench.restarted(vec![WalEntry::Vote(vote)]);
    again.step(Input::Start);
    again.meet();
    let outputs = again.timer(TimerKind::Propose, 0);
    assert!(matches!(halted(&outputs), Some(Halt::DoubleSign { .. })), "{outputs:?}");
}

/// Trap 7: a log that gives another vote than the one it holds stops the process.
#[test]
fn a_diverging_replay_halts() {
    let mut bench = Bench::led_by(1);
    bench.step(Input::Pending(true));
    bench.timer(TimerKind::Propose, 0);
    let other = WalEntry::Vote(bench.vote(0, Prevote, 0, Some(BlockId([1; 32]))));
    let log = bench.log.iter().map(|entry| match entry {
        WalEntry::Vote(_) => other.clone(),
        entry => entry.clone(),
    });
    let mut again = bench.restarted(log.collect());
    let outputs = again.step(Input::Start);
    assert!(matches!(halted(&outputs), Some(Halt::Core { .. })), "{outputs:?}");
}

#[test]
fn a_start_that_does_not_fit_is_refused() {
    let bench = Bench::led_by(1);
    let start = |tip: &Tip, log| {
        let config = Config::new(CHAIN, None);
        Replica::new(config, tip.clone(), bench.set.clone(), log).map(|_| ())
    };
    let vote = WalEntry::Vote(bench.vote(1, Prevote, 0, None));
    let height = bench.tip.height;
    assert_eq!(start(&bench.tip, vec![vote.clone()]), Ok(()));
    let older = Tip { height: height.previous(), ..bench.tip.clone() };
    let error = StartError::LogAhead { log: height.next(), tip: height.previous() };
    assert_eq!(start(&older, vec![vote.clone()]), Err(error));
    let newer = Tip { height: height.next(), ..bench.tip.clone() };
    assert_eq!(start(&newer, vec![vote]), Ok(()), "entries of stored heights are ignored");
    let certificate = Some(bench.certificate(0, BlockId([1; 32]), &[1, 2, 3]));
    let tip = Tip { certificate, ..bench.tip.clone() };
    assert_eq!(start(&tip, vec![]), Err(StartError::TipCertificate));
    let last = Tip { height: Height(u64::MAX), ..bench.tip.clone() };
    assert_eq!(start(&last, vec![]), Err(StartError::LastHeight));
}

#[test]
fn breaking_the_contract_halts() {
    let contract =
        |outputs: Vec<Output>| assert!(matches!(halted(&outputs), Some(Halt::Contract(_))));
    contract(Bench::new().step(Input::Pending(true)));
    contract(Bench::started().step(Input::Start));
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    contract(bench.committed(&block));
    let mut bench = Bench::led_by(1);
    decide(&mut bench, &block);
    let (height, next_validators) = (block.header.height, set(&keys(3)));
    let wrong = Input::Committed { height, block: block.id(), next_validators, pending: false };
    assert!(matches!(halted(&bench.step(wrong)), Some(Halt::NextValidators { .. })));
}

#[test]
fn a_decision_told_by_a_peer() {
    // With the block here, the certificate is enough.
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    bench.hear(1, &bench.proposal(0, &block, None));
    bench.step(Input::Validated { block: block.id(), valid: true });
    let certificate = bench.certificate(0, block.id(), &[1, 2, 3]);
    let outputs = bench.hear(1, &Message::Decided(certificate.clone()));
    assert_eq!(commits(&outputs), Some(&certificate));

    // Without, the block is fetched from whoever told.
    let mut bench = Bench::led_by(1);
    let outputs = bench.hear(2, &Message::Decided(certificate.clone()));
    assert_eq!(requests(&outputs), Some((peer(2), block.header.height, 1)));
    let body = vec![1, 2, 3];
    let fetched = SyncedBlock { block, certificate, body: body.clone() };
    let outputs = bench.step(Input::Blocks { from: peer(2), blocks: vec![fetched] });
    let given = outputs.iter().find_map(|o| match o {
        Output::Commit { body, .. } => body.clone(),
        _ => None,
    });
    assert_eq!(given, Some(body));
}

/// Who votes is what peers say with their keys, not who is linked: an observer says nothing.
#[test]
fn peers_say_which_key_they_vote_with() {
    let mut bench = Bench::started();
    let own = bench.keys[0].id();
    let said = |outputs: Vec<Output>| {
        outputs.into_iter().find_map(|output| match output {
            Output::Send(_, Message::Status(status)) => Some(status.voter),
            _ => None,
        })
    };
    let outputs = bench.step(Input::PeerUp { peer: peer(9), validator: None });
    assert_eq!(said(outputs), Some(Some(own)));
    assert_eq!(bench.replica.voters().count(), 0, "links alone are no voters");
    let voter = Some(bench.keys[1].id());
    bench.hear(1, &Message::Status(Status { voter, ..Status::default() }));
    bench.hear(2, &Message::Status(Status::default()));
    let voters: Vec<_> = bench.replica.voters().collect();
    assert_eq!(voters, [(peer(1), bench.keys[1].id())]);
    bench.step(Input::PeerDown { peer: peer(1) });
    assert_eq!(bench.replica.voters().count(), 0);

    let config = Config::new(CHAIN, None);
    let mut observer =
        Replica::new(config, bench.tip.clone(), bench.set.clone(), Vec::new()).unwrap();
    observer.step(NOW, Input::Start);
    let outputs = observer.step(NOW, Input::PeerUp { peer: peer(1), validator: None });
    assert_eq!(said(outputs), Some(None));
}

/// Three heights fetched; the first answer is forged, the second peer silent.
#[test]
fn catches_up_with_whoever_tells_the_truth() {
    let mut bench = Bench::led_by(1);
    let start = bench.tip.clone();
    let mut blocks = Vec::new();
    for salt in 0..3 {
        let block = block(&bench.tip, &bench.set, Round(0), Millis(NOW.0 + 5 + salt), salt as u8);
        let certificate = bench.certificate(0, block.id(), &[1, 2, 3]);
        let (height, id, time) = (block.header.height, block.id(), block.header.time);
        bench.tip = Tip { height, block: id, time, certificate: None };
        blocks.push(SyncedBlock { block, certificate, body: vec![] });
    }
    bench.tip = start;
    let status = Status { height: blocks[2].block.header.height.next(), ..Status::default() };
    let first = requests(&bench.hear(1, &Message::Status(status))).unwrap();
    assert_eq!(first, (peer(1), blocks[0].block.header.height, 3));
    bench.hear(2, &Message::Status(status));
    bench.hear(3, &Message::Status(status));

    let mut forged = blocks.clone();
    forged[0].certificate.signatures.pop();
    let outputs = bench.step(Input::Blocks { from: peer(1), blocks: forged });
    assert_eq!(accused(&outputs), Some(PeerFault::Blocks));
    assert_eq!(requests(&outputs).unwrap().0, peer(2));
    let outputs = bench.timer(TimerKind::CatchUp, 0);
    assert_eq!(accused(&outputs), Some(PeerFault::Silent));
    assert_eq!(requests(&outputs).unwrap().0, peer(3));
    assert_eq!(bench.step(Input::Blocks { from: peer(1), blocks: vec![] }), [], "unasked");

    let mut outputs = bench.step(Input::Blocks { from: peer(3), blocks: blocks.clone() });
    for fetched in &blocks {
        assert_eq!(commits(&outputs), Some(&fetched.certificate));
        outputs = bench.committed(&fetched.block);
    }
    assert_eq!(bench.replica.height(), status.height);
}

#[test]
fn one_behind_waits_for_votes_on_their_way() {
    let mut bench = Bench::led_by(1);
    let status = Status { height: bench.tip.height.next().next(), ..Status::default() };
    assert_eq!(requests(&bench.hear(1, &Message::Status(status))), None);
    assert_eq!(requests(&bench.timer(TimerKind::Status, 0)), None);
    assert!(requests(&bench.timer(TimerKind::Status, 0)).is_some());
    // Who goes away is asked no longer.
    let outputs = bench.step(Input::PeerDown { peer: peer(1) });
    assert_eq!(requests(&outputs), None);
    assert_eq!(bench.replica.peers.highest(), Height(0));
}

/// Trap 2: whatever a peer's status lacks is sent, and nothing else.
#[test]
fn helps_a_peer_with_what_it_lacks() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    bench.hear(1, &bench.proposal(0, &block, None));
    bench.step(Input::Validated { block: block.id(), valid: true });
    let theirs = bench.vote(1, Prevote, 0, Some(block.id()));
    bench.hear(1, &Message::Votes(vec![theirs]));
    let height = bench.tip.height.next();
    let nothing = Status { height, ..Status::default() };
    let ours = bench.vote(0, Prevote, 0, Some(block.id()));
    let proposal = bench.proposal(0, &block, None);
    assert_eq!(
        bench.hear(3, &Message::Status(nothing)),
        [
            Output::Send(peer(3), Message::Votes(vec![ours, theirs])),
            Output::Send(peer(3), proposal)
        ]
    );
    let most = Status { prevotes: 0b1, proposal: true, ..nothing };
    assert_eq!(
        bench.hear(3, &Message::Status(most)),
        [Output::Send(peer(3), Message::Votes(vec![theirs]))]
    );
    let all = Status { prevotes: 0b11, ..most };
    assert_eq!(bench.hear(3, &Message::Status(all)), []);
}

#[test]
fn helps_the_last_height_with_its_certificate() {
    let mut bench = Bench::led_by(1);
    let block = bench.block(0, 1);
    decide(&mut bench, &block);
    bench.committed(&block);
    let behind = |height| Message::Status(Status { height, ..Status::default() });
    let outputs = bench.hear(3, &behind(block.header.height));
    assert!(
        matches!(&outputs[..], [Output::Send(_, Message::Decided(c))] if c.block == block.id())
    );
    let outputs = bench.hear(3, &behind(Height(1)));
    assert!(matches!(&outputs[..], [Output::Send(_, Message::Status(_))]));
}

#[test]
fn an_observer_follows_and_signs_nothing() {
    let bench = Bench::led_by(1);
    let config = Config::new(CHAIN, None);
    let replica = Replica::new(config, bench.tip.clone(), bench.set.clone(), vec![]).unwrap();
    let mut bench = Bench { replica, ..bench };
    bench.step(Input::Start);
    bench.meet();
    let block = bench.block(0, 1);
    let mut steps = decide(&mut bench, &block);
    let last = bench.vote(3, Precommit, 0, Some(block.id()));
    steps.push(bench.hear(3, &Message::Votes(vec![last])));
    assert!(steps.iter().all(|outputs| own_votes(outputs).is_empty()));
    assert_eq!(commits(&steps[6]).unwrap().block, block.id());
}

#[test]
fn a_flood_is_cut_off_once() {
    let mut bench = Bench::led_by(1);
    let bytes = vec![0u8; 1024 * 1024];
    let mut faults = Vec::new();
    for _ in 0..10 {
        faults.extend(accused(&bench.step(Input::Message { from: peer(1), bytes: bytes.clone() })));
    }
    assert_eq!(faults.iter().filter(|fault| **fault == PeerFault::Budget).count(), 1);
    assert_eq!(faults.iter().filter(|fault| **fault == PeerFault::Malformed).count(), 4);
}
