//! Votes between provinces: proposal, one vote a province, resolution, all on the ledger.
//!
//! Rules:
//! 1. Who votes is fixed by a digest when the proposal is made: the members active then, but for
//!    the one it is about where the rule table says so. A member that is suspended later cannot
//!    vote, and still counts; one that joins later does not vote. The digest of the rule table that
//!    gave the threshold is kept with it ([`super::rules`]).
//! 2. A province proposes and votes through its governors ([`super::endorse`]). Proposing is its
//!    yes.
//! 3. A proposal is done with the vote that completes its threshold, rejected with the vote that
//!    puts it out of reach, and lapses after the parameters' `ballot_days`.
//! 4. What needs the coordinator's consent ([`super::coordinator`]) is done once both are there: the
//!    votes and the consent.
//! 5. When what was decided has become impossible, the votes stay and the proposal has failed,
//!    with the error that says why. What is possible, but not in this block (`E117`), is no
//!    failure: the vote is refused and may be cast again.

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32, Id16, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::coordinator;
use super::endorse::{active_members, closes_at, endorse, require_governor};
use super::membership::{CANDIDACIES, MemberState};
use super::records::{BALLOTS, Ballot, BallotState, BallotVote};
use super::rules::RuleTable;
use crate::code::Code;
use crate::exec::Context;

/// Proposes something to the provinces, and votes yes for the proposer.
///
/// Who: governors of an active member (`E210`) that has a vote on it (`E206`). Pre: the id is new
/// (`E114`), and the action could be done now (its own errors).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propose {
    /// Random id of the proposal.
    #[n(0)]
    pub id: Id16,
    /// What is to be done.
    #[n(1)]
    pub action: Action,
}

impl Propose {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let member = require_governor(ctx)?;
        if member.state != MemberState::Active {
            return Err(Code::MemberNotActive);
        }
        if ctx.state.has(&BALLOTS, &self.id) {
            return Err(Code::IdReused);
        }
        self.action.propose(ctx)?;
        let (electors, needed) = electors(ctx, &self.action);
        if !electors.contains(&member.region) {
            return Err(Code::VoteClosed);
        }
        if !endorse(ctx)? {
            return Ok(());
        }
        if let Action::AdmitMember(candidate) = &self.action {
            ctx.state.put(&CANDIDACIES, &candidate.region, &self.id);
        }
        let ballot = Ballot {
            id: self.id,
            needed,
            subject: excluded(&self.action),
            rules: RuleTable::read(&*ctx.state).digest(),
            action: self.action.clone(),
            proposer: ctx.region(),
            electorate: electorate(&electors),
            electors,
            closes_at: closes_at(ctx),
            votes: Vec::new(),
            state: BallotState::Open,
            consent: coordinator::needed(&self.action, ctx.parameters),
        };
        ctx.emit("proposed", subject(&self.id), vec![self.action.name().to_owned()]);
        cast(ctx, ballot, true)
    }
}

/// The member that a proposal is about and that has no vote on it.
fn excluded(action: &Action) -> Option<Region> {
    action.subject().filter(|_| action.class().excludes_subject())
}

/// Who would vote on an action that is proposed now, and how many must say yes.
pub(super) fn electors(ctx: &Context<'_, '_>, action: &Action) -> (Vec<Region>, u16) {
    let mut electors = active_members(ctx);
    electors.retain(|region| Some(*region) != excluded(action));
    let count = u16::try_from(electors.len()).unwrap_or(u16::MAX);
    let threshold =
        RuleTable::read(&*ctx.state).threshold(coordinator::class_of(action, ctx.parameters));
    (electors, threshold.needed(count))
}

/// Casts a province's vote.
///
/// Who: governors of an elector. Pre: the proposal is known (`E212`), open, not lapsed, and the
/// member among its electors (`E206`); the member has not voted (`E205`); when the vote decides,
/// what it decides is possible in this block (`E117`: vote again).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CastVote {
    /// The proposal.
    #[n(0)]
    pub proposal: Id16,
    /// Yes or no.
    #[n(1)]
    pub approve: bool,
}

impl CastVote {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let member = require_governor(ctx)?;
        let ballot = ctx.state.get(&BALLOTS, &self.proposal).ok_or(Code::UnknownProposal)?;
        if ballot.votes.iter().any(|vote| vote.region == member.region) {
            return Err(Code::AlreadyVoted);
        }
        let closed = ballot.state != BallotState::Open || ballot.closes_at < ctx.block.time;
        if closed || !ballot.electors.contains(&member.region) {
            return Err(Code::VoteClosed);
        }
        if endorse(ctx)? { cast(ctx, ballot, self.approve) } else { Ok(()) }
    }
}

/// Counts a vote, and resolves the ballot when it decides.
fn cast(ctx: &mut Context<'_, '_>, mut ballot: Ballot, approve: bool) -> Result<(), Code> {
    ballot.votes.push(BallotVote { region: ctx.region(), approve, stamp: ctx.stamp_now() });
    let mut flags = vec![if approve { "yes" } else { "no" }.to_owned()];
    if approve && has_votes(&ballot) && !has_consent(&ballot) {
        flags.push("awaits_consent".to_owned());
    }
    ctx.emit("voted", subject(&ballot.id), flags);
    resolve(ctx, ballot)
}

fn count(ballot: &Ballot, approve: bool) -> usize {
    ballot.votes.iter().filter(|vote| vote.approve == approve).count()
}

fn has_votes(ballot: &Ballot) -> bool {
    count(ballot, true) >= usize::from(ballot.needed)
}

/// Whether no consent is needed, or it was given.
fn has_consent(ballot: &Ballot) -> bool {
    ballot.consent.is_none_or(|consent| consent.given.is_some())
}

/// Does what is decided, once it is, and stores the ballot.
pub(super) fn resolve(ctx: &mut Context<'_, '_>, mut ballot: Ballot) -> Result<(), Code> {
    let left = ballot.electors.len().saturating_sub(count(&ballot, false));
    if ballot.state == BallotState::Rejected || left < usize::from(ballot.needed) {
        ballot.state = BallotState::Rejected;
    } else if has_votes(&ballot) && has_consent(&ballot) {
        ballot.state = match ballot.action.apply(ctx) {
            Ok(()) => BallotState::Applied,
            Err(Code::NotYetApplicable) => return Err(Code::NotYetApplicable),
            Err(code) => BallotState::Failed { code: code.number() },
        };
    }
    ctx.state.put(&BALLOTS, &ballot.id, &ballot);
    let action = ballot.action.name().to_owned();
    match ballot.state {
        BallotState::Open => {}
        BallotState::Applied => ctx.emit("ballot_applied", subject(&ballot.id), vec![action]),
        BallotState::Rejected => ctx.emit("ballot_rejected", subject(&ballot.id), vec![action]),
        BallotState::Failed { code } => {
            ctx.emit("ballot_failed", subject(&ballot.id), vec![action, format!("e{code}")]);
        }
    }
    Ok(())
}

/// The digest that pins who votes.
pub fn electorate(electors: &[Region]) -> H32 {
    hash(Domain::Digest, &[&electors.to_vec().to_bytes()])
}

fn subject(id: &Id16) -> String {
    format!("prop:{id}")
}
