//! The acts by which cases come in: opened, checked, refused; and themes that group them.

use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, ImplCode, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::{
    ApplicantClass, CASES, CASES_BY_HANDLER, CASES_BY_ITEM, CASES_BY_RECEIVER, CASES_BY_THEME,
    Case, CaseEnd, CaseState, Channel, FormalCheck, Limits, THEMES, Theme,
};
use super::item::{CaseMode, IMPLEMENTATIONS, ItemKind, ItemTerms};
use super::item_acts::live_terms;
use super::{as_receiver, put, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::unit::acting_unit;
use crate::identity::{AUTHORITIES, AuthorityState, Role};

/// Most items of a theme.
const MAX_THEME: usize = 16;

/// Opens a case (收件).
///
/// Who: a window key of the authority that takes it in; for an online case a handler key of the
/// authority that handles it, for itself.
///
/// Errors: `E106` · `E114` id used · `E613` no such item · `E614` it is not live · `E603` the item
/// does not allow the mode, or the mode does not fit who opens it · `E617` the receiver's or the
/// handler's province does not take part · `E605` the handler is not active, or the item not in
/// its mandate · `E618` the implementation is unknown, ended, or another's · `E624` no such theme ·
/// `E625` the theme is another receiver's, without this item, or has a case of it · `E118` a zero
/// number, a unit that is no code · `E230` the authority keeps a list of units, without this one ·
/// `E109` the unit holds a personal number · `E112`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenCase {
    /// Random id.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitment to the case number (办件号, 43 characters).
    #[n(1)]
    pub no: H32,
    /// The item.
    #[n(2)]
    pub base: BaseCode,
    /// The handler's implementation, if one is registered.
    #[n(3)]
    pub implementation: Option<ImplCode>,
    /// How it is handled.
    #[n(4)]
    pub mode: CaseMode,
    /// Code of the window, at most 16 letters, digits and hyphens.
    #[n(5)]
    pub unit: Option<String>,
    /// The territorial authority that decides.
    #[n(6)]
    pub handler: Uscc,
    /// Where the applicant came in.
    #[n(7)]
    pub channel: Channel,
    /// Who applies.
    #[n(8)]
    pub applicant: ApplicantClass,
    /// The theme it belongs to.
    #[n(9)]
    pub theme: Option<Id16>,
    /// When it came in.
    #[n(10)]
    pub occurred_at: Millis,
}

impl OpenCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let online = self.mode == CaseMode::Online;
        ctx.require(if online { Role::Handler } else { Role::Window })?;
        if self.no == H32::ZERO {
            return Err(Code::BadField);
        }
        acting_unit(&ctx.signer.authority, self.unit.as_deref())?;
        let opened = ctx.stamp(self.occurred_at)?;
        if ctx.state.has(&CASES, &self.case_id) {
            return Err(Code::IdReused);
        }
        let terms = live_terms(&*ctx.state, &self.base, self.mode)?;
        let own = ctx.actor() == self.handler;
        if (online && !own) || (self.mode == CaseMode::Proxy && own) {
            return Err(Code::ModeNotAllowed);
        }
        let handler_region = may_handle(ctx, &self.handler, &self.base)?;
        let takes_part = |region: Region| terms.participants.contains(&region);
        if !takes_part(ctx.region()) || !takes_part(handler_region) {
            return Err(Code::NotParticipant);
        }
        let limits = self.limits(ctx, &terms)?;
        self.join_theme(ctx)?;
        let case = Case {
            body: self.clone(),
            receiver: ctx.actor(),
            receiver_region: ctx.region(),
            handler_region,
            limits,
            state: CaseState::Received,
            opened,
            check: None,
            handover: None,
            sent_back: 0,
            arrived: None,
            supplement: None,
            accepted: None,
            pauses: Vec::new(),
            extension: None,
            subs: Vec::new(),
            decision: None,
            dispatched: None,
            delivered: None,
            end: None,
            fees: None,
        };
        let (id, height) = (self.case_id, ctx.block.height);
        ctx.state.put(&CASES_BY_HANDLER, &(self.handler, height, id), &());
        ctx.state.put(&CASES_BY_RECEIVER, &(case.receiver, height, id), &());
        ctx.state.put(&CASES_BY_ITEM, &(self.base, height, id), &());
        put(ctx, &case, "case_opened", Vec::new());
        Ok(())
    }

    fn limits(&self, ctx: &Context<'_, '_>, terms: &ItemTerms) -> Result<Limits, Code> {
        let promise_days = match &self.implementation {
            None => terms.promise_days,
            Some(code) => {
                let found = ctx.state.get(&IMPLEMENTATIONS, code);
                let fits = |i: &super::item::Implementation| {
                    i.live && i.authority == self.handler && i.code.base() == self.base
                };
                let found = found.filter(fits).ok_or(Code::ImplementationInvalid)?;
                found.promise_days.min(terms.promise_days)
            }
        };
        Ok(Limits {
            version: terms.version,
            legal_days: terms.legal_days,
            promise_days,
            pause_days: terms.pause_days,
            instant: terms.kind == ItemKind::Instant,
        })
    }

    fn join_theme(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let Some(id) = self.theme else { return Ok(()) };
        let theme = ctx.state.get(&THEMES, &id).ok_or(Code::UnknownTheme)?;
        let row = (id, self.base);
        let fits = theme.receiver == ctx.actor() && theme.items.contains(&self.base);
        if !fits || ctx.state.has(&CASES_BY_THEME, &row) {
            return Err(Code::ThemeInvalid);
        }
        ctx.state.put(&CASES_BY_THEME, &row, &self.case_id);
        Ok(())
    }
}

/// The province of an authority that may handle an item.
///
/// # Errors
/// `E605`.
pub(super) fn may_handle(
    ctx: &Context<'_, '_>,
    handler: &Uscc,
    base: &BaseCode,
) -> Result<Region, Code> {
    let authority = ctx.state.get(&AUTHORITIES, handler).filter(|authority| {
        authority.state == AuthorityState::Active && authority.may_handle.contains(base)
    });
    authority.map(|authority| authority.member).ok_or(Code::NoHandlingMandate)
}

/// Records that form and identity were checked (形式审查、身份核验). What nobody hands over is
/// then with its handler.
///
/// Who: the receiver, with a window key; of an online case with a handler key.
///
/// Errors: `E106` · `E619` no such case · `E621` another's · `E620` not newly received · `E118` no
/// consent, a level outside 1 to 4, or a commitment of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitment to the applicant's consent (服务同意书).
    #[n(1)]
    pub consent: H32,
    /// Level of assurance of the identity check, 1 to 4.
    #[n(2)]
    pub assurance: u8,
    /// Salted commitment to the assertion of the identity service that vouched for the applicant, if
    /// one did; never the assertion.
    #[n(3)]
    #[serde(default)]
    pub assertion: Option<H32>,
}

impl CheckCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_receiver(ctx, &self.case_id, &[CaseState::Received])?;
        let zero = self.consent == H32::ZERO || self.assertion == Some(H32::ZERO);
        if zero || !(1..=4).contains(&self.assurance) {
            return Err(Code::BadField);
        }
        let stamp = ctx.stamp_now();
        let Self { consent, assurance, assertion, .. } = *self;
        case.check = Some(FormalCheck { consent, assurance, stamp, assertion });
        case.state = CaseState::Ready;
        if case.is_local() {
            case.state = CaseState::AtHandler;
            case.arrived = Some(stamp);
        }
        put(ctx, &case, "case_checked", Vec::new());
        Ok(())
    }
}

/// Does not take the case in (不予收件).
///
/// Who: as [`CheckCase`].
///
/// Errors: `E106` · `E619` · `E621` · `E620` · `E606` no reason, or no digest of the notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Reason code, not zero.
    #[n(1)]
    pub reason: u16,
    /// Digest of the notice that says why.
    #[n(2)]
    pub notice: H32,
}

impl RefuseCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_receiver(ctx, &self.case_id, &[CaseState::Received])?;
        if self.reason == 0 || self.notice == H32::ZERO {
            return Err(Code::RefusalReasonRequired);
        }
        case.state = CaseState::ClosedRefused;
        let stamp = ctx.stamp_now();
        case.end = Some(CaseEnd { reason: self.reason, digest: self.notice, stamp });
        put(ctx, &case, "case_refused", vec![format!("reason_{}", self.reason)]);
        Ok(())
    }
}

/// Withdraws a case at the applicant's request, before it is decided.
///
/// Who: as [`CheckCase`].
///
/// Errors: `E106` · `E619` · `E621` · `E620` decided or over · `E118` no commitment to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawCase {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitment to the applicant's request.
    #[n(1)]
    pub request: H32,
}

impl WithdrawCase {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let mut case = as_receiver(ctx, &self.case_id, super::OPEN)?;
        if self.request == H32::ZERO {
            return Err(Code::BadField);
        }
        case.state = CaseState::Withdrawn;
        let stamp = ctx.stamp_now();
        case.end = Some(CaseEnd { reason: 0, digest: self.request, stamp });
        put(ctx, &case, "case_withdrawn", Vec::new());
        Ok(())
    }
}

/// Opens a theme (一件事): items for which cases follow.
///
/// Who: a window key of the authority that takes it in.
///
/// Errors: `E106` · `E114` id used · `E625` fewer than two items, more than 16, or not ascending ·
/// `E613` an item is unknown · `E118` a zero number, or a day that is past.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTheme {
    /// Random id.
    #[n(0)]
    pub theme_id: Id16,
    /// Salted commitment to its number.
    #[n(1)]
    pub no: H32,
    /// The items, ascending.
    #[n(2)]
    pub items: Vec<BaseCode>,
    /// The day by which everything should be decided, if one was promised.
    #[n(3)]
    pub until: Option<Day>,
}

impl OpenTheme {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Window)?;
        if ctx.state.has(&THEMES, &self.theme_id) {
            return Err(Code::IdReused);
        }
        let listed =
            (2..=MAX_THEME).contains(&self.items.len()) && self.items.is_sorted_by(|a, b| a < b);
        if !listed {
            return Err(Code::ThemeInvalid);
        }
        if self.no == H32::ZERO || self.until.is_some_and(|until| until < ctx.today()) {
            return Err(Code::BadField);
        }
        if !self.items.iter().all(|base| ctx.state.has(&super::item::ITEMS, base)) {
            return Err(Code::UnknownItem);
        }
        let theme = Theme {
            id: self.theme_id,
            no: self.no,
            items: self.items.clone(),
            receiver: ctx.actor(),
            stamp: ctx.stamp_now(),
            until: self.until,
        };
        ctx.state.put(&THEMES, &self.theme_id, &theme);
        ctx.emit("theme_opened", subject("theme", &self.theme_id), Vec::new());
        Ok(())
    }
}
