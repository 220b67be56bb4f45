//! The coordinator (统筹协调机构): optional, a secretariat at the level of the state.
//!
//! Rules:
//! 1. It does nothing by itself: it consents, or does not, to what provinces have voted on, and rules
//!    in a dispute that a party brings before it instead of a panel.
//! 2. It is an authority of the centre that a province hosts, and one key of it; both are named in
//!    the ledger's parameters, so that the host cannot put another in its place. Naming, changing
//!    or dropping it takes more than two thirds, whatever the table says of parameters, and not its
//!    own consent: an absent coordinator holds nobody for good.
//! 3. Its consent is needed to admit a province, to expel one, and to share important data. The key is pinned when the proposal
//!    is made, like the electorate; consent may come before the last vote or after it.
//! 4. Its key has no other role and signs nothing else. Its host's suspension does not silence it, and
//!    the host cannot suspend, merge or dissolve it while it is named.

use hefu_primitives::codes::region::CENTRE;
use hefu_primitives::{Id16, KeyId, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::ballot::resolve;
use super::records::{
    AUTHORITIES, AuthorityState, BALLOTS, BallotState, KEYS, KeyState, Parameters, Role,
};
use super::rules::ActionClass;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::state::StateView;

/// Who coordinates, and with which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinator {
    /// The authority: of the centre, hosted by a province.
    #[n(0)]
    pub authority: Uscc,
    /// The key that speaks for it.
    #[n(1)]
    pub key: KeyId,
}

/// Consent that a ballot needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct BallotConsent {
    /// The key whose consent it is.
    #[n(0)]
    pub key: KeyId,
    /// When it was given.
    #[n(1)]
    pub given: Option<Stamp>,
}

impl Coordinator {
    /// Whether the authority and the key are there and fit to be named.
    ///
    /// # Errors
    /// `E118`.
    pub(crate) fn check(&self, view: &dyn StateView) -> Result<(), Code> {
        let authority = AUTHORITIES.read(view, &self.authority);
        let hosted = authority.is_some_and(|found| {
            found.state == AuthorityState::Active && may_coordinate(&found.code)
        });
        let key = KEYS.read(view, &self.key).is_some_and(|key| {
            key.owner == self.authority
                && key.roles == [Role::Coordinator]
                && key.state == KeyState::Active
        });
        if hosted && key { Ok(()) } else { Err(Code::BadField) }
    }
}

impl Parameters {
    /// Whether an authority is the coordinator.
    pub(crate) fn coordinated_by(&self, authority: &Uscc) -> bool {
        self.coordinator.is_some_and(|named| named.authority == *authority)
    }
}

/// Whether a coordinator's key may belong to an authority with this code: one of the centre.
pub(crate) fn may_coordinate(code: &Uscc) -> bool {
    code.region() == Some(CENTRE)
}

/// The class whose rule an action is under: who coordinates is no technical parameter.
pub(super) fn class_of(action: &Action, parameters: &Parameters) -> ActionClass {
    match action {
        Action::SetParameters(new) if new.coordinator != parameters.coordinator => {
            ActionClass::Rules
        }
        _ => action.class(),
    }
}

/// The consent that a proposal needs if it is made now.
pub(super) fn needed(action: &Action, parameters: &Parameters) -> Option<BallotConsent> {
    let concerned = match action {
        Action::AdmitMember(_) | Action::ExpelMember { .. } => true,
        Action::ConsentCatalogue(change) => change.consent,
        _ => false,
    };
    let named = parameters.coordinator.filter(|_| concerned)?;
    Some(BallotConsent { key: named.key, given: None })
}

/// Consents to a proposal for the coordinator, or refuses, which ends it.
///
/// Who: the coordinator's key that was named when the proposal was made. Errors: `E106` not a
/// coordinator's key · `E212` no such proposal · `E206` it needs no consent, is not open or has
/// lapsed · `E221` another key was named · `E205` given already · `E117` as of a vote that decides.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveConsent {
    /// The proposal.
    #[n(0)]
    pub proposal: Id16,
    /// Consent, or refusal.
    #[n(1)]
    pub approve: bool,
}

impl GiveConsent {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Coordinator)?;
        let mut ballot = ctx.state.get(&BALLOTS, &self.proposal).ok_or(Code::UnknownProposal)?;
        let consent = ballot.consent.ok_or(Code::VoteClosed)?;
        if consent.key != ctx.signer.key_id {
            return Err(Code::NotOwn);
        }
        if ballot.state != BallotState::Open || ballot.closes_at < ctx.block.time {
            return Err(Code::VoteClosed);
        }
        if consent.given.is_some() {
            return Err(Code::AlreadyVoted);
        }
        let flag = if self.approve { "yes" } else { "no" };
        ctx.emit("consent_given", format!("prop:{}", ballot.id), vec![flag.to_owned()]);
        if self.approve {
            ballot.consent = Some(BallotConsent { given: Some(ctx.stamp_now()), ..consent });
        } else {
            ballot.state = BallotState::Rejected;
        }
        resolve(ctx, ballot)
    }
}
