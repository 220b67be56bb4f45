//! The acts that make, pause and leave agreements.
//!
//! One governor may propose, since a proposal binds nobody. Everything that binds a province needs
//! its governors, two of three ([`crate::identity::endorse`]): signing, pausing, resuming,
//! leaving. A party signs the digest of the terms, so that nobody signs an id without its content.

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::time::Day;
use hefu_primitives::{Domain, H32, Id16, Region, TypeCode};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::agreement::{
    AGREEMENTS, Agreement, AgreementEntry, AgreementKind, AgreementState, Leave, MAX_LIVE,
    NOTICE_DAYS, PAUSE_DAYS, PartySignature, Pause, PauseReason, Replacement, agreements_between,
    note_end, rows_between, store_signed,
};
use crate::certificate::{ListState, SCENARIOS, TYPE_USES, TYPES};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::endorse::{endorse, require_governor};
use crate::identity::{MEMBERS, MemberState};

/// Most parties: as many as there may be members.
const MAX_PARTIES: usize = hefu_primitives::bounds::MAX_VALIDATORS;
/// Most entries.
const MAX_ENTRIES: usize = 64;
/// Most scenarios of an entry.
const MAX_SCENARIOS: usize = 64;
/// Most pauses in a record, shared out evenly between its parties; those over for a year make
/// room. No party can take the others' right to pause.
const MAX_PAUSES: usize = 256;
/// What each party may have at least, however many there are.
const MIN_PAUSES: usize = 16;
/// Days after which a pause that is over may be forgotten.
const PAUSE_MEMORY_DAYS: i64 = 366;

/// Proposes an agreement, or a new version of one.
///
/// Who: a governor of one of its parties.
///
/// Errors: `E106` `E221` not a governor · `E114` id used · `E118` days for disputes out of range ·
/// `E402` the signer's province is no party · `E405` the amended agreement is unknown · `E401`
/// anything else: parties not ascending, not active, fewer than two or more than the kind allows;
/// entries empty, not ascending, of types or scenarios not adopted, or of scenarios that do not list
/// the type; days in the past or backwards; no digest of the text; an amendment of other parties, of the wrong version, or of what is not signed or is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeAgreement {
    /// Random id.
    #[n(0)]
    pub id: Id16,
    /// The agreement whose place it takes, with the same parties.
    #[n(1)]
    pub amends: Option<Id16>,
    /// 1, or one more than the version amended.
    #[n(2)]
    pub version: u16,
    /// Between two, or among several.
    #[n(3)]
    pub kind: AgreementKind,
    /// The parties, ascending.
    #[n(4)]
    pub parties: Vec<Region>,
    /// What is recognised, ascending by type.
    #[n(5)]
    pub entries: Vec<AgreementEntry>,
    /// First day.
    #[n(6)]
    pub effective: Day,
    /// Last day, if there is one.
    #[n(7)]
    pub until: Option<Day>,
    /// Working days the parties give each other to settle a dispute.
    #[n(8)]
    pub dispute_days: u16,
    /// Digest of the public text.
    #[n(9)]
    pub legal_digest: H32,
}

impl ProposeAgreement {
    /// What the parties sign: the digest of the canonical terms.
    pub fn digest(&self) -> H32 {
        hash(Domain::Digest, &[&self.to_bytes()])
    }

    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        if ctx.state.has(&AGREEMENTS, &self.id) {
            return Err(Code::IdReused);
        }
        if !(1..=60).contains(&self.dispute_days) {
            return Err(Code::BadField);
        }
        if !self.parties.contains(&ctx.region()) {
            return Err(Code::NotParty);
        }
        let amended = match &self.amends {
            Some(id) => Some(ctx.state.get(&AGREEMENTS, id).ok_or(Code::UnknownAgreement)?),
            None => None,
        };
        let sound = self.parties_are_sound(ctx)
            && self.entries_are_sound(ctx)
            && self.legal_digest != H32::ZERO
            && self.effective >= ctx.today()
            && self.until.is_none_or(|last| last >= self.effective)
            && self.follows(amended.as_ref(), ctx);
        if !sound {
            return Err(Code::AgreementInvalid);
        }
        let record = Agreement {
            terms: self.clone(),
            digest: self.digest(),
            proposer: ctx.region(),
            proposed: ctx.stamp_now(),
            signatures: Vec::new(),
            pauses: Vec::new(),
            leaves: Vec::new(),
            replaced: None,
        };
        ctx.state.put(&AGREEMENTS, &self.id, &record);
        let flags = self.amends.map(|_| "amendment".to_owned());
        ctx.emit("agreement_proposed", subject(&self.id), flags.into_iter().collect());
        Ok(())
    }

    fn parties_are_sound(&self, ctx: &Context<'_, '_>) -> bool {
        let count = match self.kind {
            AgreementKind::Bi => self.parties.len() == 2,
            AgreementKind::Multi => (2..=MAX_PARTIES).contains(&self.parties.len()),
        };
        let active = |party| {
            let member = ctx.state.get(&MEMBERS, party);
            member.is_some_and(|member| member.state == MemberState::Active)
        };
        count && ascending(&self.parties) && self.parties.iter().all(active)
    }

    fn entries_are_sound(&self, ctx: &Context<'_, '_>) -> bool {
        let types: Vec<TypeCode> = self.entries.iter().map(|entry| entry.type_code).collect();
        let covers = |id: &u32, code: &TypeCode| {
            ctx.state.get(&SCENARIOS, id).is_some_and(|scenario| {
                scenario.state() == ListState::Adopted
                    && scenario.terms.types.iter().any(|listed| listed.code == *code)
            })
        };
        (1..=MAX_ENTRIES).contains(&types.len())
            && ascending(&types)
            && self.entries.iter().all(|entry| {
                let version = ctx.state.get(&TYPES, &(entry.type_code, entry.min_version));
                version.is_some_and(|version| version.state() == ListState::Adopted)
                    && (1..=MAX_SCENARIOS).contains(&entry.scenarios.len())
                    && ascending(&entry.scenarios)
                    && entry.scenarios.iter().all(|id| covers(id, &entry.type_code))
            })
    }

    /// Whether the version follows from what is amended.
    fn follows(&self, amended: Option<&Agreement>, ctx: &Context<'_, '_>) -> bool {
        let Some(amended) = amended else { return self.version == 1 };
        let alive = matches!(
            amended.state(ctx.today(), ctx.block.height),
            Some(AgreementState::Signed | AgreementState::InForce)
        );
        alive
            && amended.replaced.is_none()
            && amended.terms.parties == self.parties
            && amended.terms.version.checked_add(1) == Some(self.version)
    }
}

fn ascending<T: Ord>(list: &[T]) -> bool {
    list.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

/// Signs an agreement for one's province. With the last party's signature it is signed, and in
/// force from its effective day.
///
/// Who: the governors of a party, two of three.
///
/// Errors: `E106` `E221` · `E405` no such agreement · `E402` no party · `E401` other terms than
/// proposed, or the amended agreement was replaced meanwhile · `E403` more than 60 days after the
/// proposal · `E213` this governor or the party has signed · `E406` two parties have 64 agreements
/// that are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignAgreement {
    /// The agreement.
    #[n(0)]
    pub agreement: Id16,
    /// Digest of its terms ([`ProposeAgreement::digest`]).
    #[n(1)]
    pub terms: H32,
}

impl SignAgreement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let mut agreement = find(ctx, &self.agreement)?;
        let party = ctx.region();
        if !agreement.terms.parties.contains(&party) {
            return Err(Code::NotParty);
        }
        if agreement.digest != self.terms {
            return Err(Code::AgreementInvalid);
        }
        if agreement.signatures.iter().any(|signature| signature.party == party) {
            return Err(Code::AlreadyEndorsed);
        }
        if ctx.today() > agreement.sign_by() {
            return Err(Code::AgreementLapsed);
        }
        let amended = self.amended(ctx, &agreement)?;
        check_room(ctx, &agreement)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        agreement.signatures.push(PartySignature { party, stamp: ctx.stamp_now() });
        ctx.state.put(&AGREEMENTS, &self.agreement, &agreement);
        let complete = agreement.signatures.len() == agreement.terms.parties.len();
        let flags = complete.then(|| "complete".to_owned());
        ctx.emit("agreement_signed", subject(&self.agreement), flags.into_iter().collect());
        if complete {
            conclude(ctx, &agreement, amended);
        }
        Ok(())
    }

    /// The agreement that this one would replace; only one amendment can.
    fn amended(
        &self,
        ctx: &Context<'_, '_>,
        agreement: &Agreement,
    ) -> Result<Option<Agreement>, Code> {
        let Some(id) = &agreement.terms.amends else { return Ok(None) };
        let amended = find(ctx, id)?;
        if amended.replaced.is_some() { Err(Code::AgreementInvalid) } else { Ok(Some(amended)) }
    }
}

/// Whether any two parties may have one agreement more.
fn check_room(ctx: &Context<'_, '_>, agreement: &Agreement) -> Result<(), Code> {
    let (today, amended) = (ctx.today().next(), agreement.terms.amends);
    let full = |pair: (Region, Region)| {
        let live = agreements_between(&*ctx.state, [pair.0, pair.1], today);
        live.iter().filter(|id| amended != Some(**id)).count() >= MAX_LIVE
    };
    let any = rows_between(agreement).into_iter().any(|(pair, _)| full(pair));
    if any { Err(Code::AgreementState) } else { Ok(()) }
}

/// Every party has signed: the agreement can be found by its parties, and takes the place of what
/// it amends.
fn conclude(ctx: &mut Context<'_, '_>, agreement: &Agreement, amended: Option<Agreement>) {
    let id = agreement.terms.id;
    store_signed(ctx.state, None, agreement);
    for entry in &agreement.terms.entries {
        ctx.state.put(&TYPE_USES, &(entry.type_code, id), &());
    }
    if let Some(last) = agreement.terms.until {
        note_end(ctx.state, agreement, last.next());
    }
    if let Some(before) = amended {
        let from = agreement.terms.effective.max(ctx.today());
        let replaced = Some(Replacement { by: id, from, height: ctx.block.height });
        let amended = Agreement { replaced, ..before.clone() };
        note_end(ctx.state, &amended, from);
        store_signed(ctx.state, Some(&before), &amended);
        ctx.emit("agreement_replaced", subject(&amended.terms.id), Vec::new());
    }
}

/// Pauses an entry, or one of its scenarios, for one's own province, in both directions.
///
/// Who: the governors of a party, two of three.
///
/// Errors: `E106` `E221` · `E405` · `E402` no party, or left · `E406` not in force, paused
/// already, or paused too often · `E404` no such entry or scenario · `E118` the last day is past
/// or more than 30 days ahead · `E213` this governor has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseEntry {
    /// The agreement.
    #[n(0)]
    pub agreement: Id16,
    /// The entry's type.
    #[n(1)]
    pub type_code: TypeCode,
    /// One of its scenarios; none for all.
    #[n(2)]
    pub scenario: Option<u32>,
    /// Why.
    #[n(3)]
    pub reason: PauseReason,
    /// Last day.
    #[n(4)]
    pub until: Day,
}

impl PauseEntry {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let mut agreement = in_force_for_signer(ctx, &self.agreement)?;
        check_entry(&agreement, &self.type_code, self.scenario)?;
        let last = ctx.today().add_days(PAUSE_DAYS);
        if self.until < ctx.today() || last.is_none_or(|last| self.until > last) {
            return Err(Code::BadField);
        }
        if active_pause(ctx, &mut agreement, &self.type_code, self.scenario).is_some() {
            return Err(Code::AgreementState);
        }
        make_room(ctx, &mut agreement)?;
        if !endorse(ctx)? {
            return Ok(());
        }
        agreement.pauses.push(Pause {
            party: ctx.region(),
            type_code: self.type_code,
            scenario: self.scenario,
            reason: self.reason,
            until: self.until,
            begun: ctx.stamp_now(),
            resumed: None,
        });
        ctx.state.put(&AGREEMENTS, &self.agreement, &agreement);
        ctx.emit("agreement_entry_paused", subject(&self.agreement), Vec::new());
        Ok(())
    }
}

/// Ends a pause of one's own province early.
///
/// Who: the governors of a party, two of three.
///
/// Errors: `E106` `E221` · `E405` · `E402` no party, or left · `E404` no such entry or scenario ·
/// `E406` not in force, or not paused · `E213` this governor has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeEntry {
    /// The agreement.
    #[n(0)]
    pub agreement: Id16,
    /// The entry's type.
    #[n(1)]
    pub type_code: TypeCode,
    /// The scenario, as it was paused.
    #[n(2)]
    pub scenario: Option<u32>,
}

impl ResumeEntry {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let mut agreement = in_force_for_signer(ctx, &self.agreement)?;
        check_entry(&agreement, &self.type_code, self.scenario)?;
        let stamp = ctx.stamp_now();
        let pause = active_pause(ctx, &mut agreement, &self.type_code, self.scenario)
            .ok_or(Code::AgreementState)?;
        pause.resumed = Some(stamp);
        if !endorse(ctx)? {
            return Ok(());
        }
        ctx.state.put(&AGREEMENTS, &self.agreement, &agreement);
        ctx.emit("agreement_entry_resumed", subject(&self.agreement), Vec::new());
        Ok(())
    }
}

/// Gives notice: the province is no party any more after 30 days.
///
/// Who: the governors of a party, two of three.
///
/// Errors: `E106` `E221` · `E405` · `E402` no party, or left · `E406` not signed or in force, or
/// notice was given · `E213` this governor has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawAgreement {
    /// The agreement.
    #[n(0)]
    pub agreement: Id16,
}

impl WithdrawAgreement {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_governor(ctx)?;
        let before = find(ctx, &self.agreement)?;
        let mut agreement = before.clone();
        let (party, today) = (ctx.region(), ctx.today());
        if !agreement.has_party(party, today, ctx.block.height) {
            return Err(Code::NotParty);
        }
        let state = agreement.state(today, ctx.block.height);
        let alive = matches!(state, Some(AgreementState::Signed | AgreementState::InForce));
        if !alive || agreement.leaves.iter().any(|leave| leave.party == party) {
            return Err(Code::AgreementState);
        }
        if !endorse(ctx)? {
            return Ok(());
        }
        let from = today.add_days(NOTICE_DAYS).unwrap_or(Day::MAX);
        agreement.leaves.push(Leave { party, from, stamp: ctx.stamp_now() });
        store_signed(ctx.state, Some(&before), &agreement);
        let last = agreement.terms.parties.len().saturating_sub(agreement.leaves.len()) < 2;
        if last {
            note_end(ctx.state, &agreement, from);
        }
        let flags = last.then(|| "terminates".to_owned());
        ctx.emit("agreement_notice", subject(&self.agreement), flags.into_iter().collect());
        Ok(())
    }
}

fn find(ctx: &Context<'_, '_>, id: &Id16) -> Result<Agreement, Code> {
    ctx.state.get(&AGREEMENTS, id).ok_or(Code::UnknownAgreement)
}

/// An agreement in force, of which the signer's province still is a party.
fn in_force_for_signer(ctx: &Context<'_, '_>, id: &Id16) -> Result<Agreement, Code> {
    let agreement = find(ctx, id)?;
    if !agreement.has_party(ctx.region(), ctx.today(), ctx.block.height) {
        return Err(Code::NotParty);
    }
    match agreement.state(ctx.today(), ctx.block.height) {
        Some(AgreementState::InForce) => Ok(agreement),
        _ => Err(Code::AgreementState),
    }
}

fn check_entry(
    agreement: &Agreement,
    type_code: &TypeCode,
    scenario: Option<u32>,
) -> Result<(), Code> {
    let entry = agreement.entry(type_code).ok_or(Code::EntryUnknown)?;
    let known = scenario.is_none_or(|scenario| entry.scenarios.contains(&scenario));
    if known { Ok(()) } else { Err(Code::EntryUnknown) }
}

/// The signer's own pause of exactly this entry and scenario.
fn active_pause<'a>(
    ctx: &Context<'_, '_>,
    agreement: &'a mut Agreement,
    type_code: &TypeCode,
    scenario: Option<u32>,
) -> Option<&'a mut Pause> {
    let (party, today, height) = (ctx.region(), ctx.today(), ctx.block.height);
    agreement.pauses.iter_mut().find(|pause| {
        pause.party == party
            && pause.type_code == *type_code
            && pause.scenario == scenario
            && pause.is_on(today, height)
    })
}

/// Forgets the signer's pauses that are over for a year when its share is full.
fn make_room(ctx: &Context<'_, '_>, agreement: &mut Agreement) -> Result<(), Code> {
    let (party, today) = (ctx.region(), ctx.today());
    let parties = agreement.terms.parties.len();
    let share = MAX_PAUSES.checked_div(parties).unwrap_or(MAX_PAUSES).max(MIN_PAUSES);
    let own = |a: &Agreement| a.pauses.iter().filter(|pause| pause.party == party).count();
    if own(agreement) >= share {
        let oldest = today.add_days(PAUSE_MEMORY_DAYS.saturating_neg());
        let recent = |pause: &Pause| oldest.is_none_or(|oldest| pause.until >= oldest);
        agreement.pauses.retain(|pause| pause.party != party || recent(pause));
    }
    if own(agreement) >= share { Err(Code::AgreementState) } else { Ok(()) }
}

fn subject(id: &Id16) -> String {
    format!("agr:{id}")
}
