//! Authorities and their mandates: who exists, and who may issue, rely on and handle what.
//!
//! Every act here is a governor's, for authorities of the governor's own member, and applies with
//! the last endorsement needed ([`super::endorse`]). Each change leaves a copy of the record by its
//! height, so that it can be told who had which power when.

use hefu_primitives::codes::uscc;
use hefu_primitives::{BaseCode, Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::endorse::{endorse, endorse_jointly, require_governor};
use super::membership::Member;
use super::operator::operates;
use super::records::{AUTHORITIES, AUTHORITY_HISTORY, Authority, AuthorityState, Parameters};
use super::text::public_name;
use crate::certificate;
use crate::code::Code;
use crate::exec::Context;

/// Most certificate types, scenarios or items in one mandate of an authority.
pub const MAX_MANDATE: usize = 512;
/// Characters 3 to 8 of the codes of central bodies.
const CENTRE: Region = Region(100_000);

/// Registers an authority of the signer's member.
///
/// Who: governors of `member`; for a central body that a province hosts, governors of a second
/// member too. Pre: the code passes both checks, is made up exactly on a demonstration ledger, was
/// given by the department of staffing or is admitted by the parameters (`E222`); its region is
/// the member's, or `central_vertical` is set and it is the centre's (`E223`); not registered
/// (`E228`); level 1 to 6 and a region of the member (`E118`); a public name without personal
/// numbers (`E118`, `E109`); no company that runs an authority's systems (`E238`). Errors besides:
/// `E106`, `E213`, `E221`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterAuthority {
    /// The member it is to belong to.
    #[n(0)]
    pub member: Region,
    /// Its credit code.
    #[n(1)]
    pub code: Uscc,
    /// Level 1 (state) to 6 (village).
    #[n(2)]
    pub level: u8,
    /// Its own region.
    #[n(3)]
    pub region: Region,
    /// Public name, at most 60 characters.
    #[n(4)]
    pub name: String,
    /// Whether it belongs to a ministry's vertical line.
    #[n(5)]
    pub central_vertical: bool,
}

impl RegisterAuthority {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let signer = require_governor(ctx)?;
        let joint = self.check(ctx.parameters, &signer)?;
        if ctx.state.has(&AUTHORITIES, &self.code) {
            return Err(Code::AuthorityExists);
        }
        if operates(&*ctx.state, &self.code) {
            return Err(Code::OperatorInvalid);
        }
        let applies = if joint { endorse_jointly(ctx, self.member)? } else { endorse(ctx)? };
        if applies {
            keep(ctx, &self.record());
            ctx.emit("authority_registered", subject(&self.code), Vec::new());
        }
        Ok(())
    }

    /// Whether a second member must endorse.
    fn check(&self, parameters: &Parameters, signer: &Member) -> Result<bool, Code> {
        check_code(&self.code, parameters)?;
        let hosted = !self.code.belongs_to(self.member);
        if hosted && !(self.central_vertical && self.code.region() == Some(CENTRE)) {
            return Err(Code::PrefixMismatch);
        }
        if signer.region != self.member && !hosted {
            return Err(Code::NotOwn);
        }
        if !(1..=6).contains(&self.level)
            || self.region.level().is_none()
            || self.region.province() != self.member
        {
            return Err(Code::BadField);
        }
        public_name(&self.name)?;
        Ok(hosted)
    }

    fn record(&self) -> Authority {
        Authority {
            code: self.code,
            member: self.member,
            level: self.level,
            region: self.region,
            name: self.name.clone(),
            central_vertical: self.central_vertical,
            may_issue: Vec::new(),
            may_rely: Vec::new(),
            may_handle: Vec::new(),
            state: AuthorityState::Active,
            successor: None,
            succession: None,
            inherited: None,
            units: None,
            operated_by: None,
        }
    }
}

/// Whether a code may be an authority's on a ledger with these parameters.
///
/// # Errors
/// `E222`.
pub fn check_code(code: &Uscc, parameters: &Parameters) -> Result<(), Code> {
    let staffed = code.as_str().starts_with('1') || parameters.admitted.contains(code);
    let well_made = uscc::check(code).is_ok() && code.is_fictitious() == parameters.fictitious;
    if staffed && well_made { Ok(()) } else { Err(Code::UsccInvalid) }
}

/// What to add to a mandate, or to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mandate {
    /// Certificate types it may issue.
    #[n(0)]
    pub types: Vec<TypeCode>,
    /// Scenarios in which it may rely on certificates.
    #[n(1)]
    pub scenarios: Vec<u32>,
    /// Service items it may handle, and request data for.
    #[n(2)]
    pub items: Vec<BaseCode>,
}

/// Adds to an authority's mandate and takes from it.
///
/// Who: governors of its member. Pre: what is added is adopted, well made and not there yet; what
/// is removed is there; at most 512 of each remain; something changes (`E224`); the authority is
/// known (`E229`), the member's own (`E221`) and active (`E227`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMandate {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
    /// What it gains.
    #[n(1)]
    #[serde(default)]
    pub add: Mandate,
    /// What it loses.
    #[n(2)]
    #[serde(default)]
    pub remove: Mandate,
}

impl SetMandate {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut authority = governed(ctx, &self.authority, AuthorityState::Active)?;
        self.check(ctx)?;
        change(&mut authority.may_issue, &self.add.types, &self.remove.types)?;
        change(&mut authority.may_rely, &self.add.scenarios, &self.remove.scenarios)?;
        change(&mut authority.may_handle, &self.add.items, &self.remove.items)?;
        if endorse(ctx)? {
            keep(ctx, &authority);
            ctx.emit("mandate_set", subject(&self.authority), Vec::new());
        }
        Ok(())
    }

    fn check(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        let Mandate { types, scenarios, items } = &self.add;
        let good = types.iter().all(|code| certificate::is_type_adopted(ctx.state, code))
            && scenarios.iter().all(|id| certificate::is_scenario_adopted(ctx.state, *id))
            && items.iter().all(|item| item.parts().is_ok());
        let nothing = self.add == Mandate::default() && self.remove == Mandate::default();
        if good && !nothing { Ok(()) } else { Err(Code::MandateInvalid) }
    }
}

/// Applies removals, then additions, to a sorted list.
fn change<T: Copy + Ord>(list: &mut Vec<T>, add: &[T], remove: &[T]) -> Result<(), Code> {
    for item in remove {
        let place = list.binary_search(item).map_err(|_| Code::MandateInvalid)?;
        list.remove(place);
    }
    for item in add {
        match list.binary_search(item) {
            Ok(_) => return Err(Code::MandateInvalid),
            Err(place) => list.insert(place, *item),
        }
    }
    if list.len() > MAX_MANDATE { Err(Code::MandateInvalid) } else { Ok(()) }
}

/// Suspends an authority: its acts are refused until it is resumed.
///
/// Who: governors of its member. Pre: known (`E229`), the member's own (`E221`), active (`E227`),
/// a reason (`E322`), and neither the member's operator, whose keys are the governors', nor the
/// coordinator (`E118`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendAuthority {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
    /// Reason code, not zero.
    #[n(1)]
    pub reason: u16,
}

impl SuspendAuthority {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let authority = governed(ctx, &self.authority, AuthorityState::Active)?;
        if self.reason == 0 {
            return Err(Code::ReasonRequired);
        }
        let coordinates = ctx.parameters.coordinated_by(&self.authority);
        if ctx.signer.member.operator == self.authority || coordinates {
            return Err(Code::BadField);
        }
        if endorse(ctx)? {
            keep(ctx, &Authority { state: AuthorityState::Suspended, ..authority });
            let reason = vec![format!("reason_{}", self.reason)];
            ctx.emit("authority_suspended", subject(&self.authority), reason);
        }
        Ok(())
    }
}

/// Ends the suspension of an authority.
///
/// Who: governors of its member. Pre: known (`E229`), the member's own (`E221`), suspended
/// (`E227`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeAuthority {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
}

impl ResumeAuthority {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let authority = governed(ctx, &self.authority, AuthorityState::Suspended)?;
        if endorse(ctx)? {
            keep(ctx, &Authority { state: AuthorityState::Active, ..authority });
            ctx.emit("authority_resumed", subject(&self.authority), Vec::new());
        }
        Ok(())
    }
}

/// An authority of the governor's own member, in a state.
pub(crate) fn governed(
    ctx: &Context<'_, '_>,
    code: &Uscc,
    state: AuthorityState,
) -> Result<Authority, Code> {
    let member = require_governor(ctx)?;
    let authority = ctx.state.get(&AUTHORITIES, code).ok_or(Code::UnknownAuthority)?;
    if authority.member != member.region {
        return Err(Code::NotOwn);
    }
    if authority.state == state { Ok(authority) } else { Err(Code::AuthorityNotActive) }
}

/// Stores an authority, and what it is from this height on.
pub(crate) fn keep(ctx: &mut Context<'_, '_>, authority: &Authority) {
    ctx.state.put(&AUTHORITIES, &authority.code, authority);
    ctx.state.put(&AUTHORITY_HISTORY, &(authority.code, ctx.block.height), authority);
}

/// How events name an authority.
pub(crate) fn subject(code: &Uscc) -> String {
    format!("auth:{code}")
}

/// Most successions followed from one authority to the next.
pub const MAX_SUCCESSIONS: usize = 8;

/// Whether `actor` has the powers of `origin`: it is the same authority, or took over from it,
/// directly or through others.
pub fn succeeds<V: crate::state::StateView + ?Sized>(
    view: &V,
    origin: &Uscc,
    actor: &Uscc,
) -> bool {
    let mut current = *origin;
    for _ in 0..=MAX_SUCCESSIONS {
        if current == *actor {
            return true;
        }
        match AUTHORITIES.read_shared(view, &current).and_then(|authority| authority.successor) {
            Some(next) => current = next,
            None => return false,
        }
    }
    false
}
