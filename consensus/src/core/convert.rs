//! The core's inputs as log entries and back, and its certificates as ours.

use hefu_primitives::vote::{CommitSignature, SignedVote};
use hefu_primitives::{CommitCertificate, Height, KeyId, Round, Signature, ValidatorSet};
use malachite::{Input, ProposedValue};
use malachite_types as mt;

use super::context::{self, Addr, CoreHeight, CoreValue, Ctx, to_core_proposal, to_core_vote};
use crate::message::PolkaCertificate;
use crate::wal::{WaitStep, WalEntry};

/// The input that a log entry stands for; none when it names nobody of the set.
pub(super) fn to_input(entry: &WalEntry, validators: &ValidatorSet) -> Option<Input<Ctx>> {
    Some(match entry {
        WalEntry::Vote(signed) => Input::Vote(to_core_vote(signed)),
        WalEntry::Proposal(signed) => Input::Proposal(to_core_proposal(signed)),
        WalEntry::Block { round, proposer, valid, block } => {
            let value = ProposedValue {
                height: CoreHeight(block.header.height),
                round: context::to_core_round(*round),
                valid_round: mt::Round::Nil,
                proposer: Addr(*proposer),
                value: CoreValue(block.id()),
                validity: mt::Validity::from_bool(*valid),
            };
            Input::ProposedValue(value, mt::ValueOrigin::Consensus)
        }
        WalEntry::Timeout { round, step, .. } => Input::TimeoutElapsed(to_timeout(*step, *round)),
        WalEntry::Polka(polka) => {
            let votes = polka.votes(validators)?;
            Input::PolkaCertificate(to_core_polka(polka, &votes))
        }
    })
}

/// What the core wants logged.
#[allow(clippy::large_enum_variant)] // few exist at a time
pub(super) enum Logged {
    /// This entry.
    Entry(WalEntry),
    /// A block, which the replica logs itself, since the core knows only its id.
    ByReplica,
    /// Something that is never fed.
    Never,
}

/// The log entry of an input.
pub(super) fn to_entry(height: Height, input: &Input<Ctx>, validators: &ValidatorSet) -> Logged {
    match input {
        Input::Vote(vote) => Logged::Entry(WalEntry::Vote(context::signed_vote(vote))),
        Input::Proposal(proposal) => {
            Logged::Entry(WalEntry::Proposal(context::signed_proposal(proposal)))
        }
        Input::PolkaCertificate(polka) => {
            Logged::Entry(WalEntry::Polka(from_core_polka(polka, validators)))
        }
        Input::TimeoutElapsed(timeout) => {
            let step = match timeout.kind {
                mt::TimeoutKind::Propose => WaitStep::Propose,
                mt::TimeoutKind::Prevote => WaitStep::Prevote,
                mt::TimeoutKind::Precommit => WaitStep::Precommit,
                mt::TimeoutKind::Rebroadcast | mt::TimeoutKind::FinalizeHeight(_) => {
                    return Logged::Never;
                }
            };
            let round = context::round(timeout.round);
            Logged::Entry(WalEntry::Timeout { height, round, step })
        }
        Input::ProposedValue(..) => Logged::ByReplica,
        Input::StartHeight(..)
        | Input::RoundCertificate(_)
        | Input::Propose(_)
        | Input::SyncValueResponse(_) => Logged::Never,
    }
}

pub(super) fn to_timeout(step: WaitStep, round: Round) -> mt::Timeout {
    let kind = match step {
        WaitStep::Propose => mt::TimeoutKind::Propose,
        WaitStep::Prevote => mt::TimeoutKind::Prevote,
        WaitStep::Precommit => mt::TimeoutKind::Precommit,
    };
    mt::Timeout::new(context::to_core_round(round), kind)
}

fn to_core_polka(polka: &PolkaCertificate, votes: &[SignedVote]) -> mt::PolkaCertificate<Ctx> {
    let signature = |signed: &SignedVote| {
        mt::PolkaSignature::new(Addr(signed.vote.validator), signed.signature)
    };
    mt::PolkaCertificate {
        height: CoreHeight(polka.height),
        round: context::to_core_round(polka.round),
        value_id: polka.block,
        polka_signatures: votes.iter().map(signature).collect(),
    }
}

/// Places in the set, in order; signers outside it cannot be there, since they were verified.
fn by_place(
    signers: impl Iterator<Item = (KeyId, Signature)>,
    validators: &ValidatorSet,
) -> Vec<CommitSignature> {
    let mut signatures: Vec<_> = signers
        .filter_map(|(key, signature)| {
            let (place, _) = validators.by_key(key)?;
            Some(CommitSignature { index: u16::try_from(place).ok()?, signature })
        })
        .collect();
    signatures.sort_by_key(|entry| entry.index);
    signatures.dedup_by_key(|entry| entry.index);
    signatures
}

pub(super) fn from_core_polka(
    polka: &mt::PolkaCertificate<Ctx>,
    validators: &ValidatorSet,
) -> PolkaCertificate {
    let signers = polka.polka_signatures.iter().map(|s| (s.address.0, s.signature));
    PolkaCertificate {
        height: polka.height.0,
        round: context::round(polka.round),
        block: polka.value_id,
        signatures: by_place(signers, validators),
    }
}

pub(super) fn from_core_commit(
    commit: &mt::CommitCertificate<Ctx>,
    validators: &ValidatorSet,
) -> CommitCertificate {
    let signers = commit.commit_signatures.iter().map(|s| (s.address.0, s.signature));
    CommitCertificate {
        height: commit.height.0,
        round: context::round(commit.round),
        block: commit.value_id,
        signatures: by_place(signers, validators),
    }
}
