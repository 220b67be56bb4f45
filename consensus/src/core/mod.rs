//! The Tendermint core, wrapped so that its types end here.
//!
//! Whatever is fed has been verified before: signatures are answered with "valid". Failures of
//! the core or of the signer become a [`Halt`], because the core itself only logs what its effect
//! handler returns (trap 1). The core gets no target time, or it would read a clock (trap 9).
//! Its own rebroadcast timer, its queue of future heights, its sync and its evidence are unused.

mod context;
mod convert;

use context::{Addr, CoreHeight, CoreSet, CoreValue, Ctx, to_core_proposal, to_core_vote};
use convert::{Logged, from_core_commit, from_core_polka, to_entry, to_input, to_timeout};
use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{BlockId, CommitCertificate, Height, Round, ValidatorSet};
use malachite::{
    Effect, Input, LivenessMsg, LocallyProposedValue, Params, Resumable, Resume,
    SignedConsensusMsg, State, ValuePayload, process,
};
use malachite_types as mt;

use crate::message::PolkaCertificate;
use crate::output::Halt;
use crate::signer::Signer;
use crate::wal::{WaitStep, WalEntry};

/// What the core wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // few exist at a time
pub(crate) enum Event {
    /// A round begins.
    Round(Round),
    /// Log before anything later is sent.
    Persist(WalEntry),
    /// Publish our vote.
    Vote(SignedVote),
    /// Publish a proposal (ours, or one we locked on in a late round).
    Proposal(SignedProposal),
    /// Publish a quorum of prevotes.
    Polka(PolkaCertificate),
    /// Publish the votes that justify the round we enter.
    RoundVotes(Vec<SignedVote>),
    /// Wait.
    Wait(WaitStep, Round),
    /// Wait no longer.
    StopWaiting(WaitStep, Round),
    /// Wait for nothing any longer.
    StopAllWaiting,
    /// It is our turn and we are free to propose anything.
    NeedBlock(Round),
    /// Decided.
    Decided(CommitCertificate),
}

/// The core at one height.
pub(crate) struct Core {
    state: State<Ctx>,
    desk: Desk,
}

impl core::fmt::Debug for Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Core").field("driver", &self.state.driver).finish_non_exhaustive()
    }
}

/// What handling an effect needs besides the core's state.
struct Desk {
    signer: Signer,
    validators: ValidatorSet,
    events: Vec<Event>,
    failure: Option<Halt>,
}

impl Core {
    pub(crate) fn new(signer: Signer, height: Height, validators: ValidatorSet) -> Self {
        let params = Params {
            address: Addr(signer.id()),
            threshold_params: mt::ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        let set = CoreSet::from(&validators);
        let state = State::new(Ctx, CoreHeight(height), set, params, 1, 1);
        let desk = Desk { signer, validators, events: Vec::new(), failure: None };
        Self { state, desk }
    }

    /// Moves to the next height; it begins with [`Core::start`].
    pub(crate) fn begin(&mut self, height: Height, validators: ValidatorSet) {
        let set = CoreSet::from(&validators);
        let params = self.state.params.clone();
        self.state = State::new(Ctx, CoreHeight(height), set, params, 1, 1);
        self.desk.signer.begin(height);
        self.desk.validators = validators;
    }

    pub(crate) const fn signer(&self) -> &Signer {
        &self.desk.signer
    }

    pub(crate) const fn signer_mut(&mut self) -> &mut Signer {
        &mut self.desk.signer
    }

    /// The round; 0 before the start.
    pub(crate) fn round(&self) -> Round {
        context::round(self.state.round())
    }

    /// Whether the core holds a quorum of prevotes for a block in a round.
    pub(crate) fn has_polka(&self, round: Round, block: &BlockId) -> bool {
        self.state.polka_certificate(context::to_core_round(round), block).is_some()
    }

    /// The block that the core would propose again.
    pub(crate) fn valid_block(&self) -> Option<BlockId> {
        self.state.driver.valid_value().map(|valid| valid.value.0)
    }

    /// Enters round 0.
    pub(crate) fn start(&mut self) -> Result<Vec<Event>, Halt> {
        let height = self.state.height();
        let set = CoreSet::from(&self.desk.validators);
        let policy = mt::VoteExtensionPolicy::Disabled;
        self.feed(Input::StartHeight(height, set, false, None, policy))
    }

    /// Begins a replay: from here until [`Core::end_replay`] our own messages among the entries
    /// are taken from the log instead of being signed again.
    pub(crate) fn begin_replay(&mut self, entries: &[WalEntry]) {
        let validators = &self.desk.validators;
        let inputs: Vec<_> = entries.iter().filter_map(|e| to_input(e, validators)).collect();
        self.state.index_wal_entries(&inputs);
    }

    pub(crate) fn end_replay(&mut self) {
        self.state.reset_entries_index();
    }

    /// Feeds an entry of the log, or something verified that is logged as this entry.
    pub(crate) fn entry(&mut self, entry: &WalEntry) -> Result<Vec<Event>, Halt> {
        let height = self.state.height().0;
        let input = to_input(entry, &self.desk.validators).ok_or_else(|| {
            let reason = "a log entry names no validator of its height".into();
            Halt::Core { height, reason }
        })?;
        self.feed(input)
    }

    /// Feeds a verified vote.
    pub(crate) fn vote(&mut self, vote: &SignedVote) -> Result<Vec<Event>, Halt> {
        self.feed(Input::Vote(to_core_vote(vote)))
    }

    /// Feeds a verified proposal whose block was fed before.
    pub(crate) fn proposal(&mut self, proposal: &SignedProposal) -> Result<Vec<Event>, Halt> {
        self.feed(Input::Proposal(to_core_proposal(proposal)))
    }

    /// Feeds verified votes of more than a third of the power in a later round, however late.
    pub(crate) fn skip(&mut self, round: Round, votes: &[SignedVote]) -> Result<Vec<Event>, Halt> {
        let signature = |signed: &SignedVote| {
            let vote = to_core_vote(signed);
            mt::RoundSignature::new(
                mt::Vote::vote_type(&vote.message),
                *mt::Vote::value(&vote.message),
                Addr(signed.vote.validator),
                signed.signature,
            )
        };
        self.feed(Input::RoundCertificate(mt::RoundCertificate {
            height: self.state.height(),
            round: context::to_core_round(round),
            cert_type: mt::RoundCertificateType::Skip,
            round_signatures: votes.iter().map(signature).collect(),
        }))
    }

    /// Proposes a block of ours.
    pub(crate) fn propose(&mut self, round: Round, block: BlockId) -> Result<Vec<Event>, Halt> {
        let height = self.state.height();
        let round = context::to_core_round(round);
        let value = LocallyProposedValue::new(height, round, CoreValue(block));
        self.feed(Input::Propose(value))
    }

    /// A wait of this height is over.
    pub(crate) fn timeout(&mut self, step: WaitStep, round: Round) -> Result<Vec<Event>, Halt> {
        self.feed(Input::TimeoutElapsed(to_timeout(step, round)))
    }

    fn feed(&mut self, input: Input<Ctx>) -> Result<Vec<Event>, Halt> {
        let height = self.state.height().0;
        let desk = &mut self.desk;
        desk.events.clear();
        let result: Result<(), malachite::Error<Ctx>> = process!(
            input: input,
            state: &mut self.state,
            metrics: &(),
            with: effect => Ok::<_, malachite::Error<Ctx>>(desk.handle(effect))
        );
        if let Some(halt) = self.desk.failure.take() {
            return Err(halt);
        }
        result.map_err(|error| Halt::Core { height, reason: error.to_string() })?;
        Ok(core::mem::take(&mut self.desk.events))
    }
}

impl Desk {
    /// Handles one effect. A failure is remembered and stops the replica once the core returns;
    /// where the core waits for a signature, the wrong answer makes it stop at once.
    fn handle(&mut self, effect: Effect<Ctx>) -> Resume<Ctx> {
        match effect {
            Effect::CancelAllTimeouts(r) => self.push(Event::StopAllWaiting, r),
            Effect::CancelTimeout(timeout, r) => self.timeout(timeout, r, Event::StopWaiting),
            Effect::ScheduleTimeout(timeout, r) => self.timeout(timeout, r, Event::Wait),
            Effect::StartRound(_, round, _, _, r) => {
                self.push(Event::Round(context::round(round)), r)
            }
            Effect::PublishConsensusMsg(SignedConsensusMsg::Vote(vote), r)
            | Effect::PublishLivenessMsg(LivenessMsg::Vote(vote), r)
            | Effect::RepublishVote(vote, r) => {
                self.push(Event::Vote(context::signed_vote(&vote)), r)
            }
            Effect::PublishConsensusMsg(SignedConsensusMsg::Proposal(proposal), r) => {
                self.push(Event::Proposal(context::signed_proposal(&proposal)), r)
            }
            Effect::PublishLivenessMsg(LivenessMsg::PolkaCertificate(polka), r) => {
                let polka = from_core_polka(&polka, &self.validators);
                self.push(Event::Polka(polka), r)
            }
            Effect::PublishLivenessMsg(LivenessMsg::SkipRoundCertificate(certificate), r)
            | Effect::RepublishRoundCertificate(certificate, r) => {
                let votes = certificate.votes(&Ctx).map(|v| context::signed_vote(&v)).collect();
                self.push(Event::RoundVotes(votes), r)
            }
            Effect::GetValue(_, round, _, r) => {
                self.push(Event::NeedBlock(context::round(round)), r)
            }
            // Our proposal messages carry the block.
            Effect::RestreamProposal(_, _, _, _, _, r) => r.resume_with(()),
            Effect::Decide(certificate, _, r) => {
                let certificate = from_core_commit(&certificate, &self.validators);
                self.push(Event::Decided(certificate), r)
            }
            // Comes right after `Decide`; equivocations were reported when they were seen.
            Effect::Finalize(_, _, _, r) => r.resume_with(()),
            Effect::SignVote(vote, r) => match self.signer.sign_vote(context::vote(&vote)) {
                Ok(signed) => r.resume_with(mt::SignedMessage::new(vote, signed.signature)),
                Err(halt) => self.fail(halt),
            },
            Effect::SignProposal(proposal, r) => {
                match self.signer.sign_proposal(context::proposal(&proposal)) {
                    Ok(signed) => r.resume_with(mt::SignedMessage::new(proposal, signed.signature)),
                    Err(halt) => self.fail(halt),
                }
            }
            Effect::WalAppend(height, input, r) => {
                match to_entry(height.0, &input, &self.validators) {
                    Logged::Entry(entry) => self.push(Event::Persist(entry), r),
                    Logged::ByReplica => r.resume_with(()),
                    Logged::Never => self.unexpected(height.0, "an input that has no log entry"),
                }
            }
            // Everything fed was verified before, and the log is our own.
            Effect::VerifySignature(_, _, r) => r.resume_with(true),
            Effect::VerifyPolkaCertificate(_, _, _, r) => r.resume_with(Ok(())),
            Effect::VerifyRoundCertificate(_, _, _, r) => r.resume_with(Ok(())),
            // Built by the core from verified votes; the replica verifies it at `Decided` and
            // halts, where the core would panic (trap 7).
            Effect::VerifyCommitCertificate(_, _, _, r) => r.resume_with(Ok(())),
            Effect::CertVerifiedSyncValue(..)
            | Effect::CertRejectedSyncValue(..)
            | Effect::VerifyExtendedCommitCertificate(..)
            | Effect::ExtendVote(..)
            | Effect::VerifyVoteExtension(..) => {
                self.unexpected(Height(0), "an effect of a part that is not used")
            }
        }
    }

    fn push(&mut self, event: Event, resume: impl Resumable<Ctx, Value = ()>) -> Resume<Ctx> {
        self.events.push(event);
        resume.resume_with(())
    }

    fn timeout(
        &mut self,
        timeout: mt::Timeout,
        resume: impl Resumable<Ctx, Value = ()>,
        event: impl Fn(WaitStep, Round) -> Event,
    ) -> Resume<Ctx> {
        let step = match timeout.kind {
            mt::TimeoutKind::Propose => WaitStep::Propose,
            mt::TimeoutKind::Prevote => WaitStep::Prevote,
            mt::TimeoutKind::Precommit => WaitStep::Precommit,
            // We resend by status; nothing is finalized late without a target time.
            mt::TimeoutKind::Rebroadcast | mt::TimeoutKind::FinalizeHeight(_) => {
                return resume.resume_with(());
            }
        };
        self.push(event(step, context::round(timeout.round)), resume)
    }

    fn unexpected(&mut self, height: Height, reason: &str) -> Resume<Ctx> {
        self.fail(Halt::Core { height, reason: reason.into() })
    }

    fn fail(&mut self, halt: Halt) -> Resume<Ctx> {
        self.failure.get_or_insert(halt);
        Resume::Continue
    }
}
