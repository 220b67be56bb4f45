//! Attesting a certificate, and taking the place of an earlier one.
//!
//! Rules:
//! 1. What could point at a person stands on the ledger as salted commitments alone, and at
//!    prefecture precision; only organisations' identifiers may be plain, and then they are whole
//!    (GB/T 36904), the issuer's own, and unique.
//! 2. Being superseded takes effect from the day the new certificate is valid, and not before it
//!    is recorded: there is no day without one of the two.
//! 3. A chain of certificates does not fork: one is superseded once.
//!
//! Whether a committed identifier was used before cannot be seen here; the issuer answers for it.

use std::rc::Rc;

use hefu_primitives::codes::Identifier;
use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{H32, Id16, Millis, Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::batch::FromBatch;
use super::listing::versions;
use super::records::{
    ATTESTATIONS, Attestation, CertType, CertTypeTerms, ChangeKind, IDENTS, IdPolicy, Ident,
    ListState, MAX_CHANGES, Marks, Previous, SealEvidence, SealVerdict, StatusChange,
    SupersedeReason, TYPES, Validity,
};
use super::seal::seal_borne_out;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::{Role, succeeds};
use crate::state::StateView;

/// How late a record may be without saying that it knows.
const BACKFILL_AFTER_MS: u64 = 30 * DAY_MS;

/// Attests a certificate the signer's authority issued.
///
/// Who: issuer. Pre: a new id (`E114`); the type's version is adopted (`E301`) and within the
/// mandate (`E302`); the region is the member's (`E118`), and a prefecture or wider for what could
/// point at a person (`E319`); the identifier as its type allows (`E303`–`E306`); days in order, and
/// within the type's validity (`E307`); a good seal where one is required (`E308`), and one in force
/// where the issuer keeps a registry (`E340`); what it takes the place of (`E309`, `E317`, `E321`); commitments and digests that are not zero (`E118`);
/// neither it nor its sealing happened in the future (`E112`), nor was it issued more than 30 days
/// ago without the mark (`E307`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attest {
    /// Random id.
    #[n(0)]
    pub id: Id16,
    /// The type.
    #[n(1)]
    pub type_code: TypeCode,
    /// The type's version.
    #[n(2)]
    pub type_version: u16,
    /// Where the certificate belongs.
    #[n(3)]
    pub region: Region,
    /// The identifier.
    #[n(4)]
    pub ident: Ident,
    /// Salted commitment to the holder.
    #[n(5)]
    pub holder: H32,
    /// Root of the salted field-wise commitment to the content.
    #[n(6)]
    pub content: H32,
    /// Salted commitment to the file, if there is one.
    #[n(7)]
    pub file: Option<H32>,
    /// Evidence of its electronic seal.
    #[n(8)]
    pub seal: Option<SealEvidence>,
    /// The certificate's own version, 1 to 999.
    #[n(9)]
    pub cert_version: u16,
    /// Day of issue.
    #[n(10)]
    pub issued_on: Day,
    /// First day of validity.
    #[n(11)]
    pub valid_from: Day,
    /// Last day of validity; none without an end.
    #[n(12)]
    pub valid_until: Option<Day>,
    /// What it takes the place of.
    #[n(13)]
    pub previous: Option<Previous>,
    /// Where it comes from.
    #[n(14)]
    #[serde(default)]
    pub marks: Marks,
    /// When it was issued, as the signer says.
    #[n(15)]
    pub occurred_at: Millis,
}

impl Attest {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let stamp = self.admit(ctx)?;
        if let Some(previous) = &self.previous {
            self.supersede(ctx, previous, stamp)?;
        }
        self.keep(ctx, stamp);
        Ok(())
    }

    /// Everything but what it takes the place of: whether the signer may attest this now.
    pub(super) fn admit(&self, ctx: &Context<'_, '_>) -> Result<Stamp, Code> {
        ctx.require(Role::Issuer)?;
        if ctx.state.has(&ATTESTATIONS, &self.id) {
            return Err(Code::IdReused);
        }
        let kind = adopted_type(ctx, &(self.type_code, self.type_version))?;
        if !ctx.signer.authority.may_issue.contains(&self.type_code) {
            return Err(Code::NoMandate);
        }
        let made = ctx.stamp(self.occurred_at)?;
        let word = Word { issuer: ctx.actor(), region: ctx.region(), made };
        self.check(ctx, &kind.terms, &word)?;
        Ok(made)
    }

    /// Checks the certificate as somebody's word at some time.
    pub(super) fn check(
        &self,
        ctx: &Context<'_, '_>,
        terms: &CertTypeTerms,
        word: &Word,
    ) -> Result<(), Code> {
        self.check_alone(terms, word)?;
        if let Ident::Plain(text) = &self.ident
            && ctx.state.has(&IDENTS, text.as_str())
        {
            return Err(Code::DuplicateId);
        }
        self.check_seal(ctx, word)
    }

    /// What can be said of a certificate before it is put into a batch: nobody sees what is wrong with
    /// a leaf until it is to become a record, and then it is too late.
    ///
    /// # Errors
    /// The [`Code`] with which [`Materialise`](super::Materialise) would be refused.
    pub fn check_as_leaf(
        &self,
        terms: &CertTypeTerms,
        issuer: Uscc,
        now: Millis,
    ) -> Result<(), Code> {
        if self.previous.is_some() {
            return Err(Code::PrevInvalid);
        }
        let (height, key) = (hefu_primitives::Height(0), hefu_primitives::KeyId::ZERO);
        let made = Stamp { height, time: now, occurred_at: self.occurred_at, key };
        self.check_alone(terms, &Word { issuer, region: self.region.province(), made })
    }

    /// What needs nothing but the type's terms.
    fn check_alone(&self, terms: &CertTypeTerms, word: &Word) -> Result<(), Code> {
        self.check_region(word.region, terms)?;
        self.check_commitments()?;
        self.check_ident(terms, word.issuer)?;
        self.check_days(Day::of_beijing(word.made.time), &terms.validity)?;
        let good = self.seal.is_some_and(|seal| seal.verdict != SealVerdict::Invalid);
        if terms.seal_required && !good {
            return Err(Code::SealRequired);
        }
        // Whoever says it happened just now, and was issued long ago, is late as well.
        let happened = word.made.occurred_at.min(self.issued_on.end());
        let late = word.made.time.0.saturating_sub(happened.0);
        if late > BACKFILL_AFTER_MS && !self.marks.backfill {
            return Err(Code::BadDates);
        }
        Ok(())
    }

    /// Writes the signer's attestation.
    pub(super) fn keep(&self, ctx: &mut Context<'_, '_>, made: Stamp) {
        let issuer = ctx.actor();
        self.write(ctx, self.record(issuer, made, None), "attested");
    }

    /// Writes an attestation.
    pub(super) fn write(&self, ctx: &mut Context<'_, '_>, record: Attestation, event: &str) {
        if let Ident::Plain(text) = &self.ident {
            ctx.state.put(&IDENTS, text.as_str(), &self.id);
        }
        ctx.state.put(&ATTESTATIONS, &self.id, &record);
        ctx.emit(event, subject(&self.id), self.flags());
    }

    /// Whether the identifier may stand in the clear, as far as the type alone can tell.
    ///
    /// # Errors
    /// `E304`.
    pub(crate) fn check_in_the_clear(&self, view: &dyn StateView) -> Result<(), Code> {
        let found = TYPES.read_shared(view, &(self.type_code, self.type_version));
        let hidden = found.is_some_and(|found| must_commit(&found.terms));
        match self.ident {
            Ident::Plain(_) if hidden => Err(Code::PlainIdentForbidden),
            _ => Ok(()),
        }
    }

    fn check_region(&self, home: Region, terms: &CertTypeTerms) -> Result<(), Code> {
        if self.region.level().is_none() || self.region.province() != home {
            return Err(Code::BadField);
        }
        let precise = self.region.prefecture() != self.region;
        if terms.holder_class.is_personal() && precise {
            return Err(Code::RegionTooPrecise);
        }
        Ok(())
    }

    /// Zero is no commitment: it would open to nothing, or to everything.
    fn check_commitments(&self) -> Result<(), Code> {
        let zero = self.holder == H32::ZERO
            || self.content == H32::ZERO
            || self.file == Some(H32::ZERO)
            || self.ident == Ident::Committed(H32::ZERO)
            || self.seal.is_some_and(|seal| seal.has_zero());
        if zero { Err(Code::BadField) } else { Ok(()) }
    }

    fn check_ident(&self, terms: &CertTypeTerms, issuer: Uscc) -> Result<(), Code> {
        if self.cert_version == 0 || self.cert_version > 999 {
            return Err(Code::BadIdent);
        }
        let Ident::Plain(text) = &self.ident else {
            return Ok(());
        };
        if must_commit(terms) {
            return Err(Code::PlainIdentForbidden);
        }
        let ident: Identifier = text.parse().map_err(|_| Code::BadIdent)?;
        crate::screen::serial(ident.serial())?;
        let own = ident.type_code() == self.type_code
            && ident.issuer() == issuer
            && ident.version() == self.cert_version;
        if own { Ok(()) } else { Err(Code::BadIdent) }
    }

    fn check_days(&self, today: Day, validity: &Validity) -> Result<(), Code> {
        let ordered = self.issued_on <= today.next()
            && self.valid_until.is_none_or(|last| self.valid_from <= last);
        let within = match (validity, self.valid_until) {
            (Validity::None, _) | (Validity::Years(_), None) => true,
            (Validity::Years(years), Some(last)) => {
                let longest = u32::from(*years).saturating_mul(10_000);
                last.number() <= self.valid_from.number().saturating_add(longest)
            }
            (Validity::Fixed(day), until) => until == Some(*day),
        };
        if ordered && within { Ok(()) } else { Err(Code::BadDates) }
    }

    fn check_seal(&self, ctx: &Context<'_, '_>, word: &Word) -> Result<(), Code> {
        let Some(seal) = &self.seal else { return Ok(()) };
        if seal.signed_at.0 > word.made.time.0.saturating_add(ctx.parameters.max_future_ms) {
            return Err(Code::FutureTime);
        }
        let known = seal_borne_out(&*ctx.state, &word.issuer, seal, word.made.height);
        if known == Some(false) { Err(Code::SealNotInForce) } else { Ok(()) }
    }

    fn supersede(
        &self,
        ctx: &mut Context<'_, '_>,
        previous: &Previous,
        stamp: Stamp,
    ) -> Result<(), Code> {
        let mut old = ctx.state.get(&ATTESTATIONS, &previous.id).ok_or(Code::PrevInvalid)?;
        if previous.reason == SupersedeReason::Transfer {
            return Err(Code::PrevInvalid);
        }
        if !succeeds(&*ctx.state, &old.issuer, &ctx.actor()) {
            return Err(Code::NotIssuer);
        }
        if old.followed_by().is_some() {
            return Err(Code::Fork);
        }
        let merged = old.type_code != self.type_code && is_merged(ctx, &old, &self.type_code);
        let follows = match self.ident {
            // The first of the type that took the other's place.
            _ if merged => true,
            Ident::Plain(_) => self.cert_version == old.cert_version.saturating_add(1),
            Ident::Committed(_) => true,
        };
        let correction = previous.reason == SupersedeReason::Correction;
        let head = match old.decided(ctx.today(), ctx.block.height).map(|(_, c)| c.kind) {
            Some(ChangeKind::Revoked { .. }) => correction,
            Some(ChangeKind::Suspended { .. }) => false,
            _ => true,
        };
        if (old.type_code != self.type_code && !merged) || !follows || !head {
            return Err(Code::PrevInvalid);
        }
        if old.changes.len() >= MAX_CHANGES {
            return Err(Code::BadState);
        }
        old.changes.push(StatusChange {
            kind: ChangeKind::Superseded { by: self.id, reason: previous.reason },
            effective: self.valid_from.max(ctx.today()),
            stamp,
            by: ctx.actor(),
            request: None,
        });
        ctx.state.put(&ATTESTATIONS, &old.id, &old);
        ctx.emit("attestation_superseded", subject(&old.id), vec![format!("by_{}", self.id)]);
        Ok(())
    }

    pub(super) fn record(&self, issuer: Uscc, made: Stamp, leaf: Option<FromBatch>) -> Attestation {
        Attestation {
            id: self.id,
            type_code: self.type_code,
            type_version: self.type_version,
            issuer,
            region: self.region,
            ident: self.ident.clone(),
            holder: self.holder,
            content: self.content,
            file: self.file,
            seal: self.seal,
            cert_version: self.cert_version,
            issued_on: self.issued_on,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            previous: self.previous,
            marks: self.marks,
            made,
            changes: Vec::new(),
            salt_destroyed: None,
            leaf,
        }
    }

    fn flags(&self) -> Vec<String> {
        let Marks { legacy, backfill, paper_origin } = self.marks;
        let named = [(legacy, "legacy"), (backfill, "backfill"), (paper_origin, "paper_origin")];
        named.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect()
    }
}

/// Whose word a certificate is, and when it was given: what it is checked against.
pub(super) struct Word {
    /// The issuer.
    pub(super) issuer: Uscc,
    /// Its province.
    pub(super) region: Region,
    /// When it was recorded.
    pub(super) made: Stamp,
}

/// A type's version that is adopted.
pub(super) fn adopted_type(
    ctx: &Context<'_, '_>,
    version: &(TypeCode, u16),
) -> Result<Rc<CertType>, Code> {
    let found = ctx.state.shared(&TYPES, version);
    found.filter(|found| found.state() == ListState::Adopted).ok_or(Code::TypeNotAdopted)
}

fn must_commit(terms: &CertTypeTerms) -> bool {
    terms.id_policy == IdPolicy::Committed || terms.holder_class.is_personal()
}

/// How events name an attestation.
pub(super) fn subject(id: &Id16) -> String {
    format!("att:{id}")
}

/// Most mergers that a certificate's type is followed through.
const MAX_MERGERS: usize = 8;

/// Whether the type of a certificate was merged into another, at once or by way of others: what took
/// a type's place may be merged in its turn, and then its last version says into what.
fn is_merged(ctx: &Context<'_, '_>, old: &Attestation, into: &TypeCode) -> bool {
    let found = ctx.state.get(&TYPES, &(old.type_code, old.type_version));
    let mut next = found.and_then(|found| found.merged_into);
    for _ in 0..MAX_MERGERS {
        match next {
            Some(next) if next == *into => return true,
            Some(through) => {
                next = versions(&*ctx.state, &through).last().and_then(|last| last.merged_into);
            }
            None => return false,
        }
    }
    false
}
