//! Grants: what a provider allows a consumer, and for how long.
//!
//! ```text
//! ACTIVE ⇄ SUSPENDED (provider);  ACTIVE | SUSPENDED ─▶ REVOKED (provider) | GIVEN_UP (consumer)
//! ```
//!
//! Not yet begun, expired, exhausted for today, and suspended because a member is: these are
//! derived ([`Grant::status`]) and cost no transaction. A grant carries the id of its request: a
//! request has at most one.
//!
//! This module does not know uses: see [`super::receipt`].

use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::catalogue::{CATALOGUE, CatalogueState, ShareKind};
use super::request::{Extent, Purpose, Request, RequestState, close, open_for_provider};
use super::signs_for;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::{AUTHORITIES, Role};
use crate::state::Table;

/// Grants by the id of their request.
pub const GRANTS: Table<Id16, Grant> = Table::proven(0x36);
/// Grants a provider gave.
pub const GRANTS_BY_PROVIDER: Table<(Uscc, Id16), ()> = Table::unproven(0xb7);

/// Grants that run, by the province of either side and the last day, written as YYYYMMDD.
pub const RUNNING_GRANTS: Table<(Region, (u32, Id16)), ()> = Table::unproven(0xb0);

/// Most changes of one grant. The last place is kept for its end.
const MAX_CHANGES: usize = 32;

/// A grant's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// May be used.
    #[n(0)]
    Active,
    /// Not for the time being.
    #[n(1)]
    Suspended,
    /// Ended by the provider.
    #[n(2)]
    Revoked,
    /// Ended by the consumer.
    #[n(3)]
    GivenUp,
}

/// What a grant is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantStatus {
    /// May be used.
    Active,
    /// Its term has not begun.
    NotYet,
    /// Its term is over.
    Expired,
    /// The day's cap is used up.
    ExhaustedToday,
    /// Suspended, by the provider or because a member is.
    Suspended,
    /// Ended by the provider.
    Revoked,
    /// Ended by the consumer.
    GivenUp,
}

/// Why a grant changes state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum GrantReason {
    /// Data was used against its purpose.
    #[n(0)]
    Misused,
    /// A security risk or incident.
    #[n(1)]
    Security,
    /// The law changed, or the data was classified anew.
    #[n(2)]
    LawChanged,
    /// No longer needed.
    #[n(3)]
    NotNeeded,
    /// The system behind it is maintained or out of order.
    #[n(4)]
    System,
    /// The cause of a suspension is gone.
    #[n(5)]
    Restored,
}

/// A change of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct GrantChange {
    /// The new state.
    #[n(0)]
    pub state: GrantState,
    /// Why.
    #[n(1)]
    pub reason: Option<GrantReason>,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
    /// Who.
    #[n(3)]
    pub by: Uscc,
}

/// A stored grant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Grant {
    /// Id of the request, and of the grant.
    #[n(0)]
    pub id: Id16,
    /// The catalogue entry.
    #[n(1)]
    pub cat_id: String,
    /// Its version when it was asked for.
    #[n(2)]
    pub cat_version: u16,
    /// Who provides.
    #[n(3)]
    pub provider: Uscc,
    /// Who uses.
    #[n(4)]
    pub consumer: Uscc,
    /// What for.
    #[n(5)]
    pub purpose: Purpose,
    /// What is allowed.
    #[n(6)]
    pub extent: Extent,
    /// The scenario it serves, if one.
    #[n(7)]
    pub scenario: Option<u32>,
    /// Given by the ledger itself, of unconditionally shared data.
    #[n(8)]
    pub automatic: bool,
    /// When it was given.
    #[n(9)]
    pub given: Stamp,
    /// Changes, oldest first.
    #[n(10)]
    pub changes: Vec<GrantChange>,
}

impl Grant {
    /// The state now.
    pub fn state(&self) -> GrantState {
        self.changes.last().map_or(GrantState::Active, |change| change.state)
    }

    /// The state at a block time.
    pub fn state_at(&self, time: Millis) -> GrantState {
        let before = self.changes.iter().take_while(|change| change.stamp.time <= time);
        before.last().map_or(GrantState::Active, |change| change.state)
    }

    /// When it ends or ended: with its last day, or with its revocation.
    pub fn end(&self) -> Millis {
        let ended = self
            .changes
            .last()
            .filter(|change| matches!(change.state, GrantState::Revoked | GrantState::GivenUp));
        let term = self.extent.until.end();
        ended.map_or(term, |change| change.stamp.time.min(term))
    }

    /// What it is worth on a day. `members_active`: the members of both sides are.
    pub fn status(&self, today: Day, used_today: u32, members_active: bool) -> GrantStatus {
        match self.state() {
            GrantState::Revoked => GrantStatus::Revoked,
            GrantState::GivenUp => GrantStatus::GivenUp,
            _ if today > self.extent.until => GrantStatus::Expired,
            GrantState::Suspended => GrantStatus::Suspended,
            GrantState::Active if !members_active => GrantStatus::Suspended,
            GrantState::Active if today < self.extent.from => GrantStatus::NotYet,
            GrantState::Active if used_today >= self.extent.per_day => GrantStatus::ExhaustedToday,
            GrantState::Active => GrantStatus::Active,
        }
    }
}

/// Grants a request, wholly or in part.
///
/// Who: a provider key of the entry's provider or its successor.
///
/// Errors: `E106` · `E517` · `E519` · `E518` already answered · `E118` counts or a digest of zero ·
/// `E511` `E506` the entry is not shared any more, or withdrawn · `E507` nobody consents to its sharing · `E513` the term is backwards or
/// over · `E514` more than was asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAccess {
    /// The request.
    #[n(0)]
    pub req_id: Id16,
    /// What is granted of it.
    #[n(1)]
    pub extent: Extent,
}

impl GrantAccess {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let request = open_for_provider(ctx, &self.req_id)?;
        self.extent.check()?;
        let catalogue = ctx.state.get(&CATALOGUE, &request.body.cat_id);
        let catalogue = catalogue.ok_or(Code::UnknownCatalogue)?;
        if catalogue.state == CatalogueState::Withdrawn {
            return Err(Code::CatalogueState);
        }
        if catalogue.entry.share == ShareKind::NotShared {
            return Err(Code::NotShared);
        }
        if catalogue.awaits_consent() {
            return Err(Code::ConsentMissing);
        }
        let today = Day::of_beijing(ctx.block.time);
        if self.extent.until < self.extent.from || self.extent.until < today {
            return Err(Code::TermInvalid);
        }
        if !self.extent.is_within(&request.body.extent) {
            return Err(Code::ExceedsRequest);
        }
        give(ctx, request, &self.extent, false);
        Ok(())
    }
}

/// Writes the grant of a request and closes the request.
pub(super) fn give(ctx: &mut Context<'_, '_>, request: Request, extent: &Extent, automatic: bool) {
    let body = &request.body;
    let grant = Grant {
        id: body.req_id,
        cat_id: body.cat_id.clone(),
        cat_version: body.cat_version,
        provider: request.provider,
        consumer: request.consumer,
        purpose: body.purpose,
        extent: *extent,
        scenario: body.scenario,
        automatic,
        given: ctx.stamp_now(),
        changes: Vec::new(),
    };
    let whole = *extent == body.extent;
    ctx.state.put(&GRANTS, &grant.id, &grant);
    ctx.state.put(&GRANTS_BY_PROVIDER, &(grant.provider, grant.id), &());
    for region in regions(ctx, &grant) {
        ctx.state.put(&RUNNING_GRANTS, &(region, (grant.extent.until.number(), grant.id)), &());
    }
    let state = if whole { RequestState::Granted } else { RequestState::PartlyGranted };
    let kind = if whole { "request_granted" } else { "request_partly_granted" };
    close(ctx, request, state, kind);
    let flags = automatic.then(|| "automatic".to_owned());
    ctx.emit("grant_given", format!("grant:{}", grant.id), flags.into_iter().collect());
}

/// The provinces of its two sides.
fn regions(ctx: &Context<'_, '_>, grant: &Grant) -> impl Iterator<Item = Region> + use<> {
    let region = |code| ctx.state.get(&AUTHORITIES, code).map(|authority| authority.member);
    [region(&grant.provider), region(&grant.consumer)].into_iter().flatten()
}

/// Suspends, resumes, revokes or gives up a grant.
///
/// Who: a provider key of its provider (suspend, resume, revoke) or a consumer key of its consumer
/// (give up); or of the successor.
///
/// Errors: `E106` · `E526` no such grant · `E519` `E520` not this side's to do · `E527` that state
/// does not follow, the term is over, or it changed too often · `E322` suspending and revoking
/// need a reason.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetGrantState {
    /// The grant.
    #[n(0)]
    pub grant_id: Id16,
    /// The state it shall have.
    #[n(1)]
    pub state: GrantState,
    /// Why.
    #[n(2)]
    pub reason: Option<GrantReason>,
}

impl SetGrantState {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let by_consumer = self.state == GrantState::GivenUp;
        ctx.require(if by_consumer { Role::Consumer } else { Role::Provider })?;
        let mut grant = ctx.state.get(&GRANTS, &self.grant_id).ok_or(Code::UnknownGrant)?;
        if by_consumer && !signs_for(ctx, grant.consumer) {
            return Err(Code::NotConsumer);
        }
        if !by_consumer && !signs_for(ctx, grant.provider) {
            return Err(Code::NotProvider);
        }
        let kind = self.transition(&grant, ctx)?;
        let needs_reason = matches!(self.state, GrantState::Suspended | GrantState::Revoked);
        if needs_reason && self.reason.is_none() {
            return Err(Code::ReasonRequired);
        }
        let (state, reason) = (self.state, self.reason);
        let change = GrantChange { state, reason, stamp: ctx.stamp_now(), by: ctx.actor() };
        grant.changes.push(change);
        ctx.state.put(&GRANTS, &self.grant_id, &grant);
        if matches!(self.state, GrantState::Revoked | GrantState::GivenUp) {
            for region in regions(ctx, &grant) {
                let row = (region, (grant.extent.until.number(), grant.id));
                ctx.state.delete(&RUNNING_GRANTS, &row);
            }
        }
        ctx.emit(kind, format!("grant:{}", self.grant_id), Vec::new());
        Ok(())
    }

    /// The event of an allowed change.
    fn transition(&self, grant: &Grant, ctx: &Context<'_, '_>) -> Result<&'static str, Code> {
        let expired = Day::of_beijing(ctx.block.time) > grant.extent.until;
        let room = grant.changes.len().saturating_add(1) < MAX_CHANGES;
        match (grant.state(), self.state) {
            _ if expired => Err(Code::GrantState),
            (GrantState::Active, GrantState::Suspended) if room => Ok("grant_suspended"),
            (GrantState::Suspended, GrantState::Active) if room => Ok("grant_resumed"),
            (GrantState::Active | GrantState::Suspended, GrantState::Revoked) => {
                Ok("grant_revoked")
            }
            (GrantState::Active | GrantState::Suspended, GrantState::GivenUp) => {
                Ok("grant_given_up")
            }
            _ => Err(Code::GrantState),
        }
    }
}
