//! How an authority ends: another takes over (机构改革), or it is dissolved and a custodian keeps
//! what it issued.
//!
//! Rules:
//! 1. Who takes over has the powers of the old authority over all that it made, from the first day
//!    without it on ([`super::succeeds`]). Until that day the old one acts.
//! 2. A reform that is recorded late counts from its recording, whatever its day: nothing is undone.
//! 3. Two provinces are concerned when the successor belongs to another: the governors of both sign
//!    the same act.
//! 4. A dissolved authority names a custodian unless it never did anything that somebody must answer
//!    for (`E226`): it has no mandate to issue, and published no data.
//! 5. The member's operator cannot end: its keys are the governors'. Nor can the coordinator.

use hefu_primitives::Uscc;
use hefu_primitives::time::Day;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::authority::{MAX_SUCCESSIONS, keep, subject, succeeds};
use super::endorse::{endorse, endorse_jointly, require_governor};
use super::membership::MEMBERS;
use super::records::{
    AUTHORITIES, AUTHORITY_HISTORY, Authority, AuthorityState, SUCCESSIONS_DUE, Succession,
};
use crate::code::Code;
use crate::exec::{BlockInfo, Context};
use crate::state::{State, StateView};

/// Most days ahead that a succession may be recorded.
const MAX_AHEAD_DAYS: i64 = 366;
/// Most changes of an authority that are looked through for what it may have made.
const MAX_HISTORY: usize = 256;
/// Most successions that come into effect in one block; the others do in the next.
const MAX_DUE: usize = 64;

/// Lets another authority take over.
///
/// Who: governors of the member; with a successor of another member that member's too. Pre: the
/// authority is known (`E229`), of the signer's member or taken over by one of it (`E221`), active
/// or suspended and without a successor yet (`E227`); the successor is known and active, not itself,
/// has no successor, the chain of successions stays at most 8 long, the day at most a year ahead, and
/// the authority neither a member's operator nor the coordinator (`E225`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SucceedAuthority {
    /// The authority that ends.
    #[n(0)]
    pub authority: Uscc,
    /// Who takes over.
    #[n(1)]
    pub to: Uscc,
    /// First day without the old authority.
    #[n(2)]
    pub effective_day: Day,
}

impl SucceedAuthority {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let ending = ending(ctx, &self.authority, Some(&self.to))?;
        let latest = ctx.today().add_days(MAX_AHEAD_DAYS);
        if latest.is_none_or(|latest| self.effective_day > latest) {
            return Err(Code::SuccessorInvalid);
        }
        if ending.agree(ctx)? {
            let flag = format!("from_{}", self.effective_day);
            ending.end(ctx, self.to, self.effective_day, AuthorityState::Merged);
            ctx.emit("authority_succeeded", subject(&self.authority), vec![flag]);
        }
        Ok(())
    }
}

/// Dissolves an authority, at once.
///
/// Who: governors of the member; with a custodian of another member that member's too. Pre: as
/// [`SucceedAuthority`] for the authority and the custodian; without a custodian nothing must be
/// left to answer for (`E226`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DissolveAuthority {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
    /// Who keeps what it made.
    #[n(1)]
    pub custodian: Option<Uscc>,
}

impl DissolveAuthority {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let ending = ending(ctx, &self.authority, self.custodian.as_ref())?;
        if self.custodian.is_none() && has_obligations(&*ctx.state, &ending.old) {
            return Err(Code::OrphanAttestations);
        }
        if ending.agree(ctx)? {
            let flags = self.custodian.map(|to| format!("custodian_{to}")).into_iter().collect();
            match self.custodian {
                Some(to) => {
                    let today = ctx.today();
                    ending.end(ctx, to, today, AuthorityState::Dissolved);
                }
                None => keep(ctx, &Authority { state: AuthorityState::Dissolved, ..ending.old }),
            }
            ctx.emit("authority_dissolved", subject(&self.authority), flags);
        }
        Ok(())
    }
}

/// Whether an authority may have made something that somebody must answer for: it had a mandate to
/// issue, at any time, or published data.
fn has_obligations(view: &dyn StateView, authority: &Authority) -> bool {
    let published = crate::sharing::CATALOGUE_BY_PROVIDER.read_all(view, &authority.code, 1);
    let issued = |history: &(Vec<u8>, Authority)| !history.1.may_issue.is_empty();
    let history = AUTHORITY_HISTORY.read_all(view, &authority.code, MAX_HISTORY);
    !published.is_empty() || history.len() >= MAX_HISTORY || history.iter().any(issued)
}

/// An authority that is about to end.
struct Ending {
    old: Authority,
    /// Both members must agree.
    joint: bool,
}

fn ending(ctx: &Context<'_, '_>, code: &Uscc, to: Option<&Uscc>) -> Result<Ending, Code> {
    let signer = require_governor(ctx)?;
    let old = ctx.state.get(&AUTHORITIES, code).ok_or(Code::UnknownAuthority)?;
    let heir = match to {
        Some(to) => Some(ctx.state.get(&AUTHORITIES, to).ok_or(Code::SuccessorInvalid)?),
        None => None,
    };
    let heirs_member = heir.as_ref().map_or(old.member, |heir| heir.member);
    if signer.region != old.member && signer.region != heirs_member {
        return Err(Code::NotOwn);
    }
    let ends = matches!(old.state, AuthorityState::Active | AuthorityState::Suspended);
    if !ends || old.succession.is_some() {
        return Err(Code::AuthorityNotActive);
    }
    let operator = ctx.state.get(&MEMBERS, &old.member).is_none_or(|m| m.operator == *code);
    let can_take = |heir: &Authority| {
        heir.state == AuthorityState::Active
            && heir.succession.is_none()
            && !succeeds(&*ctx.state, &heir.code, code)
            && usize::from(old.inherited.unwrap_or_default()) < MAX_SUCCESSIONS
    };
    if operator
        || ctx.parameters.coordinated_by(code)
        || heir.as_ref().is_some_and(|heir| !can_take(heir))
    {
        return Err(Code::SuccessorInvalid);
    }
    Ok(Ending { joint: heirs_member != old.member, old })
}

impl Ending {
    fn agree(&self, ctx: &mut Context<'_, '_>) -> Result<bool, Code> {
        if self.joint { endorse_jointly(ctx, self.old.member) } else { endorse(ctx) }
    }

    fn end(self, ctx: &mut Context<'_, '_>, to: Uscc, day: Day, state: AuthorityState) {
        let succession = Succession { to, effective: day, stamp: ctx.stamp_now() };
        let old = Authority { succession: Some(succession), ..self.old };
        if let Some(heir) = ctx.state.get(&AUTHORITIES, &to) {
            let depth = old.inherited.unwrap_or_default().saturating_add(1);
            let inherited = Some(heir.inherited.unwrap_or_default().max(depth));
            keep(ctx, &Authority { inherited, ..heir });
        }
        if day > ctx.today() {
            ctx.state.put(&SUCCESSIONS_DUE, &(day.number(), old.code), &());
            keep(ctx, &old);
        } else {
            keep(ctx, &Authority { state, successor: Some(to), ..old });
        }
    }
}

/// What happens at the start of every block: successions whose day has come take effect.
pub(crate) fn begin_block(block: &BlockInfo, state: &mut State<'_>) {
    let today = Day::of_beijing(block.time).number();
    for (key, ()) in state.scan(&SUCCESSIONS_DUE, &(), MAX_DUE) {
        let (Some(day), Some(code)) = (key.get(1..5), key.get(5..)) else { continue };
        let Ok(day) = day.try_into().map(u32::from_be_bytes) else { continue };
        let code = core::str::from_utf8(code).ok().and_then(|code| code.parse::<Uscc>().ok());
        let Some(code) = code else { continue };
        if day > today {
            break;
        }
        state.delete(&SUCCESSIONS_DUE, &(day, code));
        let Some(old) = state.get(&AUTHORITIES, &code) else { continue };
        let successor = old.succession.map(|succession| succession.to);
        let merged = Authority { state: AuthorityState::Merged, successor, ..old };
        state.put(&AUTHORITIES, &code, &merged);
        state.put(&AUTHORITY_HISTORY, &(code, block.height), &merged);
    }
}
