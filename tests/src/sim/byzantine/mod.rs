//! Validators that lie, each way in a file of its own.
//!
//! An attacker wraps an otherwise correct core that runs under its key: it sees what comes in and
//! decides what goes out, so that it always knows the height, the round and the ledger. It cannot
//! sign for others. Its core never hears its own contradictions, since it would stop.

mod amnesia;
mod certifier;
mod equivocating_voter;
mod flooder;
mod forger;
mod garbage;
mod hoarder;
mod replayer;
mod time_liar;
mod twin;
mod two_faced;
mod withholder;
mod wrong_roots;

use std::fmt;

use hefu_consensus::Message;
use hefu_node::core::CoreOutput;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};
use hefu_primitives::codec::Canonical;
use hefu_primitives::vote::SignedVote;
use hefu_primitives::{BlockId, ChainId, Height, KeyPair, Round, Vote, VoteKind};

use super::cover::Told;
use super::machine::SimCore;
use super::rng::Rng;

/// A way to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two blocks and two votes for each round, one for each half of the others.
    TwoFaced,
    /// Votes differently to everybody.
    EquivocatingVoter,
    /// Sends proposals and bundles to some, and serves nothing.
    Withholder,
    /// Proposes blocks whose roots are wrong.
    WrongRoots,
    /// Lies about blocks, heights and transactions to those who ask, and to those who do not.
    Forger,
    /// Makes certificates that prove nothing out of signatures that are good.
    Certifier,
    /// Repeats old messages.
    Replayer,
    /// Sends messages of heights and rounds to come.
    Flooder,
    /// Sends bytes that are no messages, and too many.
    Garbage,
    /// Bundles others' transactions over and over.
    Hoarder,
    /// Proposes blocks of another time.
    TimeLiar,
    /// Forgets its log.
    Amnesia,
    /// Runs on two machines.
    Twin,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::TwoFaced,
        Self::EquivocatingVoter,
        Self::Withholder,
        Self::WrongRoots,
        Self::Forger,
        Self::Certifier,
        Self::Replayer,
        Self::Flooder,
        Self::Garbage,
        Self::Hoarder,
        Self::TimeLiar,
        Self::Amnesia,
        Self::Twin,
    ];

    pub(crate) fn attacker(self) -> Box<dyn Attacker> {
        match self {
            Self::TwoFaced => Box::<two_faced::TwoFaced>::default(),
            Self::EquivocatingVoter => Box::new(equivocating_voter::EquivocatingVoter),
            Self::Withholder => Box::new(withholder::Withholder),
            Self::WrongRoots => Box::new(wrong_roots::WrongRoots),
            Self::Forger => Box::<forger::Forger>::default(),
            Self::Certifier => Box::<certifier::Certifier>::default(),
            Self::Replayer => Box::<replayer::Replayer>::default(),
            Self::Flooder => Box::new(flooder::Flooder),
            Self::Garbage => Box::<garbage::Garbage>::default(),
            Self::Hoarder => Box::<hoarder::Hoarder>::default(),
            Self::TimeLiar => Box::new(time_liar::TimeLiar),
            Self::Amnesia => Box::new(amnesia::Amnesia),
            Self::Twin => Box::new(twin::Twin),
        }
    }

    /// How its lies show on honest machines, over enough runs. Old messages and bundles made anew
    /// show nowhere: that is the point.
    pub(crate) const fn shows(self) -> &'static [Told] {
        match self {
            Self::TwoFaced | Self::EquivocatingVoter | Self::Amnesia | Self::Twin => {
                &[Told::Proven]
            }
            Self::Withholder => &[Told::Rounds, Told::Accused],
            Self::WrongRoots | Self::TimeLiar => &[Told::Rounds],
            Self::Forger => &[Told::Accused, Told::Refused],
            Self::Certifier | Self::Flooder => &[Told::Accused],
            Self::Replayer => &[],
            Self::Garbage => &[Told::Accused, Told::Refused],
            Self::Hoarder => &[Told::Taken],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoFaced => "two-faced",
            Self::EquivocatingVoter => "an equivocating voter",
            Self::Withholder => "a withholder",
            Self::WrongRoots => "a proposer of wrong roots",
            Self::Forger => "a forger",
            Self::Certifier => "a forger of certificates",
            Self::Replayer => "a replayer",
            Self::Flooder => "a flooder",
            Self::Garbage => "a sender of garbage",
            Self::Hoarder => "a hoarder",
            Self::TimeLiar => "a liar about time",
            Self::Amnesia => "amnesic",
            Self::Twin => "a twin",
        })
    }
}

/// What an attacker knows and can use.
pub(crate) struct Scene<'a> {
    pub(crate) chain: ChainId,
    pub(crate) key: &'a KeyPair,
    /// All other machines, linked or not.
    pub(crate) others: &'a [usize],
    /// Those among them that lie too.
    pub(crate) liars: &'a [usize],
    pub(crate) rng: &'a mut Rng,
    /// Its core, while it is up.
    pub(crate) core: Option<&'a mut SimCore>,
    /// Lies so far in this scene.
    pub(crate) deeds: u64,
}

impl Scene<'_> {
    /// Counts a lie.
    pub(crate) const fn did(&mut self) {
        self.deeds += 1;
    }

    /// The height it is deciding.
    pub(crate) fn height(&self) -> Height {
        self.core.as_ref().map_or(Height(1), |core| core.ledger().tip().height.next())
    }

    pub(crate) fn vote(
        &self,
        kind: VoteKind,
        height: Height,
        round: Round,
        block: Option<BlockId>,
    ) -> SignedVote {
        Vote { kind, height, round, block, validator: self.key.id() }.sign(&self.chain, self.key)
    }

    pub(crate) fn somebody(&mut self) -> usize {
        self.others[self.rng.place(self.others.len())]
    }
}

/// Something an attacker sends.
pub(crate) enum Parcel {
    /// What its core wanted, as an honest machine would do it.
    Core(CoreOutput),
    /// A consensus message.
    Message(usize, Vec<u8>),
    /// A bundle.
    Bundle(usize, Vec<u8>),
    /// A crash of its own.
    Crash,
}

impl Parcel {
    pub(crate) fn message(to: usize, message: &Message) -> Self {
        Self::Message(to, message.to_bytes())
    }
}

/// A way to lie. What is not said here is done honestly.
pub(crate) trait Attacker {
    /// Its core wants to do something.
    fn outgoing(&mut self, _scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        vec![Parcel::Core(output)]
    }

    /// A consensus message comes in.
    fn heard(&mut self, _scene: &mut Scene<'_>, _bytes: &[u8]) -> Vec<Parcel> {
        Vec::new()
    }

    /// A bundle comes in.
    fn heard_bundle(&mut self, _bytes: &[u8]) {}

    /// Now and then.
    fn idle(&mut self, _scene: &mut Scene<'_>) -> Vec<Parcel> {
        Vec::new()
    }

    /// Somebody asks for blocks or bundles.
    fn serve(
        &mut self,
        _scene: &mut Scene<'_>,
        _request: &SyncRequest,
        honest: Option<SyncAnswer>,
    ) -> Option<SyncAnswer> {
        honest
    }

    /// What its clock is off, in milliseconds.
    fn skew(&self, _rng: &mut Rng) -> i64 {
        0
    }

    /// Whether its log is gone after a crash.
    fn forgets(&self) -> bool {
        false
    }
}

/// Takes out of a message what an attacker has signed itself: its core would stop if it heard what
/// it has no memory of. None if nothing is left.
pub(crate) fn without_own(bytes: &[u8], key: &KeyPair, place: Option<usize>) -> Option<Vec<u8>> {
    let Ok(message) = Message::decode(bytes) else { return Some(bytes.to_vec()) };
    let me = key.id();
    match message {
        Message::Votes(votes) => {
            let others: Vec<_> = votes.into_iter().filter(|v| v.vote.validator != me).collect();
            (!others.is_empty()).then(|| Message::Votes(others).to_bytes())
        }
        Message::Proposal { proposal, .. } if proposal.proposal.proposer == me => None,
        Message::Polka(polka) => {
            let own = polka.signatures.iter().any(|entry| Some(usize::from(entry.index)) == place);
            (!own).then(|| bytes.to_vec())
        }
        _ => Some(bytes.to_vec()),
    }
}

/// The message in what a core wants to broadcast.
pub(crate) fn broadcast(output: &CoreOutput) -> Option<Message> {
    match output {
        CoreOutput::Broadcast(bytes) => Message::decode(bytes).ok(),
        _ => None,
    }
}
