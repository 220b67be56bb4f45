//! The acts that make, change and implement service items.
//!
//! One governor may propose, since a proposal binds nobody; a later proposal of the same version
//! takes its place, and what was agreed to before is void. What binds a province needs its
//! governors, two of three: agreeing, also for the lead, and the lead's changes of state. A
//! province agrees to the digest of the terms, so that nobody agrees to a code without its content.

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{BaseCode, Domain, H32, ImplCode, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::item::{
    CaseMode, IMPLEMENTATIONS, IMPLEMENTATIONS_OF, ITEM_VERSIONS, ITEMS, ITEMS_BY_LEAD,
    Implementation, Item, ItemChange, ItemConsent, ItemKind, ItemState, ItemTerms, ItemVersion,
    MAX_ITEM_CHANGES,
};
use crate::certificate::SCENARIOS;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::endorse::{endorse, require_governor};
use crate::identity::{MEMBERS, Role, public_name};
use crate::state::{MemoryState, State, StateView, Writes};

/// Most participants: as many as there may be members.
const MAX_PARTICIPANTS: usize = hefu_primitives::bounds::MAX_VALIDATORS;
/// Most scenarios of an item.
const MAX_SCENARIOS: usize = 32;
/// Most working days a limit of an item may have: two years of them.
const MAX_DAYS: u16 = 500;
/// Longest single pause an item may allow, in working days.
const MAX_PAUSE_DAYS: u16 = 120;
/// Working days in which what is decided at once may be promised.
const INSTANT_DAYS: u16 = 1;

impl ItemTerms {
    /// What participants agree to: the digest of the canonical terms.
    pub fn digest(&self) -> H32 {
        hash(Domain::Digest, &[&self.to_bytes()])
    }

    /// Checks the terms by themselves.
    ///
    /// # Errors
    /// `E604` the promise is longer than the law allows · `E118` anything else that is malformed ·
    /// `E109` the name holds a personal number.
    pub fn check(&self) -> Result<(), Code> {
        public_name(&self.name)?;
        if self.promise_days > self.legal_days {
            return Err(Code::PromiseExceedsLegal);
        }
        let instant = self.kind == ItemKind::Instant;
        let limits = (1..=MAX_DAYS).contains(&self.legal_days)
            && self.pause_days <= MAX_PAUSE_DAYS
            && !(instant && (self.promise_days > INSTANT_DAYS || self.pause_days > 0));
        let parties = (2..=MAX_PARTICIPANTS).contains(&self.participants.len())
            && ascending(&self.participants)
            && self.participants.contains(&self.lead);
        let lists = !self.modes.is_empty()
            && ascending(&self.modes)
            && self.scenarios.len() <= MAX_SCENARIOS
            && ascending(&self.scenarios);
        let digests = [self.materials_digest, self.guide_digest, self.standard_digest];
        let sound = limits && parties && lists && !digests.contains(&H32::ZERO);
        let coded = self.base.parts().is_ok() && self.version > 0;
        if sound && coded { Ok(()) } else { Err(Code::BadField) }
    }

    /// As [`ItemTerms::check`], and that provinces and scenarios exist.
    fn check_in(&self, view: &dyn StateView) -> Result<(), Code> {
        self.check()?;
        let active =
            |region: &Region| MEMBERS.read(view, region).is_some_and(|member| member.acts());
        if !self.participants.iter().all(active) {
            return Err(Code::UnknownMember);
        }
        let known = |id: &u32| {
            SCENARIOS.read(view, id).is_some_and(|scenario| scenario.terms.item == self.base)
        };
        if self.scenarios.iter().all(known) { Ok(()) } else { Err(Code::UnknownScenario) }
    }
}

fn ascending<T: Ord>(list: &[T]) -> bool {
    list.is_sorted_by(|a, b| a < b)
}

/// Proposes an item, or the next version of one.
///
/// Who: a governor of the lead province.
///
/// Errors: `E106` `E221` not a governor · `E601` the terms name another lead, or another province
/// leads the item · `E615` not the next version · `E604` the promise is longer than the law allows ·
/// `E211` a participant is no active member · `E334` a scenario is unknown or another item's ·
/// `E118` the rest · `E109` the name holds a personal number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeItem {
    /// The terms.
    #[n(0)]
    pub terms: ItemTerms,
}

impl ProposeItem {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let terms = &self.terms;
        let item = ctx.state.get(&ITEMS, &terms.base);
        if terms.lead != ctx.region() || item.is_some_and(|item| item.lead != terms.lead) {
            return Err(Code::NotLead);
        }
        if item.map_or(0, |item| item.latest).checked_add(1) != Some(terms.version) {
            return Err(Code::ItemVersionNotNext);
        }
        terms.check_in(&*ctx.state)?;
        let version = ItemVersion {
            terms: terms.clone(),
            digest: terms.digest(),
            proposed: ctx.stamp_now(),
            consents: Vec::new(),
            history: Vec::new(),
        };
        put_version(ctx.state, &version);
        ctx.emit("item_proposed", subject(&terms.base), vec![format!("version_{}", terms.version)]);
        Ok(())
    }
}

/// Agrees to a version for one's province. With the last participant's word it is agreed.
///
/// Who: the governors of a participant, two of three; of the lead too.
///
/// Errors: `E106` `E221` · `E613` no such version · `E617` no participant · `E616` other terms
/// than proposed · `E614` agreed by all already · `E213` this governor or the province has agreed ·
/// `E601` another province came to lead the item meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreeItem {
    /// The item.
    #[n(0)]
    pub base: BaseCode,
    /// The province that proposed it.
    #[n(1)]
    pub lead: Region,
    /// The version.
    #[n(2)]
    pub version: u16,
    /// Digest of its terms ([`ItemTerms::digest`]).
    #[n(3)]
    pub terms: H32,
}

impl AgreeItem {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let mut version = find(ctx, &self.base, self.lead, self.version)?;
        let region = ctx.region();
        if !version.terms.participants.contains(&region) {
            return Err(Code::NotParticipant);
        }
        if version.digest != self.terms {
            return Err(Code::ItemTermsDiffer);
        }
        if version.state() != ItemState::Proposed {
            return Err(Code::ItemState);
        }
        let item = ctx.state.get(&ITEMS, &self.base);
        if item.is_some_and(|item| item.lead != self.lead) {
            return Err(Code::NotLead);
        }
        if !version.missing().any(|missing| missing == region) {
            return Err(Code::AlreadyEndorsed);
        }
        if !endorse(ctx)? {
            return Ok(());
        }
        version.consents.push(ItemConsent { region, stamp: ctx.stamp_now() });
        let complete = version.missing().next().is_none();
        if complete {
            let stamp = ctx.stamp_now();
            version.history.push(ItemChange { state: ItemState::Agreed, reason: 0, stamp });
            let current = item.and_then(|item| item.current);
            let (base, lead, latest) = (self.base, self.lead, self.version);
            put_item(ctx.state, &Item { base, lead, latest, current });
        }
        put_version(ctx.state, &version);
        let flags = complete.then(|| "complete".to_owned());
        ctx.emit("item_agreed", subject(&self.base), flags.into_iter().collect());
        Ok(())
    }
}

/// Brings an agreed version into use, suspends, resumes or retires one. A version that goes live
/// retires the one before it; cases already open keep the terms they were opened under.
///
/// Who: the governors of the lead, two of three.
///
/// Errors: `E106` `E221` · `E613` no such item or version · `E601` not the lead · `E602` not all
/// participants have agreed · `E614` no such transition, or another version than the last agreed
/// is to go live · `E322` suspended or retired without a reason · `E213` this governor has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetItemState {
    /// The item.
    #[n(0)]
    pub base: BaseCode,
    /// The version.
    #[n(1)]
    pub version: u16,
    /// Live, suspended or retired.
    #[n(2)]
    pub state: ItemState,
    /// Reason code; needed but for going live.
    #[n(3)]
    pub reason: u16,
}

impl SetItemState {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let region = ctx.region();
        let version = ctx.state.get(&ITEM_VERSIONS, &((self.base, region), self.version));
        let item = ctx.state.get(&ITEMS, &self.base);
        let (item, mut version) = match (item, version) {
            (Some(item), _) if item.lead != region => return Err(Code::NotLead),
            (Some(item), Some(version)) => (item, version),
            (None, Some(_)) => return Err(Code::NotAllConsent),
            (_, None) => return Err(Code::UnknownItem),
        };
        self.check(&item, &version)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        let change = ItemChange { state: self.state, reason: self.reason, stamp: ctx.stamp_now() };
        if self.state == ItemState::Live {
            retire_before(ctx.state, &item, self.version, change.stamp);
        }
        version.history.push(change);
        let current = match self.state {
            ItemState::Retired if item.current == Some(self.version) => None,
            ItemState::Retired => item.current,
            _ => Some(self.version),
        };
        put_item(ctx.state, &Item { current, ..item });
        put_version(ctx.state, &version);
        let flag = match self.state {
            ItemState::Live => "live",
            ItemState::Suspended => "suspended",
            _ => "retired",
        };
        ctx.emit("item_state_set", subject(&self.base), vec![flag.to_owned()]);
        Ok(())
    }

    fn check(&self, item: &Item, version: &ItemVersion) -> Result<(), Code> {
        use ItemState::{Agreed, Live, Proposed, Retired, Suspended};
        let room = MAX_ITEM_CHANGES.saturating_sub(usize::from(self.state != Retired));
        match (version.state(), self.state) {
            (Proposed, _) => return Err(Code::NotAllConsent),
            (Agreed, Live) if self.version == item.latest => {}
            (Suspended, Live) | (Live, Suspended) => {}
            (Agreed | Live | Suspended, Retired) => {}
            _ => return Err(Code::ItemState),
        }
        if version.history.len() >= room {
            return Err(Code::ItemState);
        }
        let named = self.state == Live || self.reason != 0;
        if named { Ok(()) } else { Err(Code::ReasonRequired) }
    }
}

/// The version in use before another one goes live.
fn retire_before(state: &mut State<'_>, item: &Item, next: u16, stamp: Stamp) {
    let Some(before) = item.current.filter(|current| *current != next) else { return };
    if let Some(mut version) = state.get(&ITEM_VERSIONS, &((item.base, item.lead), before)) {
        version.history.push(ItemChange { state: ItemState::Retired, reason: 0, stamp });
        put_version(state, &version);
    }
}

/// Registers how an authority implements an item, changes its promise, or ends it.
///
/// Who: a handler key of the authority in the code.
///
/// Errors: `E106` · `E118` the code or its level is wrong · `E605` another authority's code, or
/// the item is not in its mandate · `E613` no such item · `E617` its province does not take part ·
/// `E604` the promise is longer than the item's · `E618` it is to end and does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutImplementation {
    /// 实施编码: authority, level, item.
    #[n(0)]
    pub code: ImplCode,
    /// Working days promised.
    #[n(1)]
    pub promise_days: u16,
    /// Whether cases may name it.
    #[n(2)]
    pub live: bool,
}

impl PutImplementation {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Handler)?;
        let parts = self.code.parts().map_err(|_| Code::BadField)?;
        let authority = &ctx.signer.authority;
        let mandated = authority.may_handle.contains(&parts.base) || !self.live;
        if parts.authority != authority.code || !mandated {
            return Err(Code::NoHandlingMandate);
        }
        if parts.level.digit() != authority.level {
            return Err(Code::BadField);
        }
        let terms = current_terms(ctx.state, &parts.base).ok_or(Code::UnknownItem)?.terms;
        if !terms.participants.contains(&ctx.region()) {
            return Err(Code::NotParticipant);
        }
        if self.promise_days > terms.promise_days {
            return Err(Code::PromiseExceedsLegal);
        }
        if !self.live && !ctx.state.has(&IMPLEMENTATIONS, &self.code) {
            return Err(Code::ImplementationInvalid);
        }
        let implementation = Implementation {
            code: self.code,
            authority: ctx.actor(),
            region: ctx.region(),
            promise_days: self.promise_days,
            live: self.live,
            stamp: ctx.stamp_now(),
        };
        ctx.state.put(&IMPLEMENTATIONS, &self.code, &implementation);
        ctx.state.put(&IMPLEMENTATIONS_OF, &(parts.base, self.code), &());
        let kind = if self.live { "implementation_put" } else { "implementation_ended" };
        ctx.emit(kind, subject(&parts.base), Vec::new());
        Ok(())
    }
}

/// The version of an item that is in use, or else the last one agreed.
pub fn current_terms<V: StateView + ?Sized>(view: &V, base: &BaseCode) -> Option<ItemVersion> {
    let item = ITEMS.read(view, base)?;
    let version = item.current.unwrap_or(item.latest);
    ITEM_VERSIONS.read(view, &((*base, item.lead), version))
}

/// The version of an item under which a case may be opened now.
///
/// # Errors
/// `E613` no such item, `E614` it is not live, `E603` it does not allow the mode.
pub(super) fn live_terms(
    view: &dyn StateView,
    base: &BaseCode,
    mode: CaseMode,
) -> Result<ItemTerms, Code> {
    let version = current_terms(view, base).ok_or(Code::UnknownItem)?;
    if version.state() != ItemState::Live {
        return Err(Code::ItemState);
    }
    let allowed = version.terms.modes.contains(&mode);
    if allowed { Ok(version.terms) } else { Err(Code::ModeNotAllowed) }
}

/// The records of an item that comes with genesis: all its participants agreed with the document
/// itself, and it is live.
pub fn founding_item(terms: &ItemTerms, stamp: Stamp) -> Writes {
    let consent = |region: &Region| ItemConsent { region: *region, stamp };
    let change = |state| ItemChange { state, reason: 0, stamp };
    let version = ItemVersion {
        terms: terms.clone(),
        digest: terms.digest(),
        proposed: stamp,
        consents: terms.participants.iter().map(consent).collect(),
        history: vec![change(ItemState::Agreed), change(ItemState::Live)],
    };
    let nothing = MemoryState::default();
    let mut state = State::new(&nothing);
    put_version(&mut state, &version);
    let ItemTerms { base, lead, version, .. } = *terms;
    put_item(&mut state, &Item { base, lead, latest: version, current: Some(version) });
    state.keep_transaction();
    state.into_writes()
}

fn find(
    ctx: &Context<'_, '_>,
    base: &BaseCode,
    lead: Region,
    version: u16,
) -> Result<ItemVersion, Code> {
    ctx.state.get(&ITEM_VERSIONS, &((*base, lead), version)).ok_or(Code::UnknownItem)
}

fn put_version(state: &mut State<'_>, version: &ItemVersion) {
    let ItemTerms { base, lead, version: number, .. } = version.terms;
    state.put(&ITEM_VERSIONS, &((base, lead), number), version);
}

fn put_item(state: &mut State<'_>, item: &Item) {
    state.put(&ITEMS, &item.base, item);
    state.put(&ITEMS_BY_LEAD, &(item.lead, item.base), &());
}

/// How events name an item.
fn subject(base: &BaseCode) -> String {
    format!("item:{base}")
}
