//! Catalogue entries: what data an authority holds and how it may be shared (GB/T 21063).
//!
//! ```text
//! –         ─ publish v1 ─▶ PUBLISHED ─ publish v+1 ─▶ PUBLISHED
//! PUBLISHED ⇄ SUSPENDED, PUBLISHED | SUSPENDED ─▶ WITHDRAWN (final)
//! ```
//!
//! Sharing may be tightened (unconditional → conditional → not shared) only with a reason and a
//! legal basis; grants given before run on until they end or are revoked one by one.
//!
//! Important data is not requested before provinces consented: [`super::consent`].
//!
//! This module does not know the data: no payload, no endpoint, no field name is on the ledger.

use hefu_primitives::{H32, Height, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::text;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::{Role, public_name};
use crate::state::Table;

/// Current catalogue entries by resource code.
pub const CATALOGUE: Table<String, Catalogue> = Table::proven(0x30);
/// Every version of an entry, as it was published.
pub const CATALOGUE_VERSIONS: Table<(String, u16), Catalogue> = Table::unproven(0xb1);
/// Entries of a provider.
pub const CATALOGUE_BY_PROVIDER: Table<(Uscc, String), ()> = Table::unproven(0xb2);

/// Longest limit a provider may promise, in working days.
const MAX_SLA_DAYS: u16 = 60;

/// How an entry is shared. The order is that of tightening.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ShareKind {
    /// 无条件共享: any authority, granted at once.
    #[n(0)]
    Unconditional,
    /// 有条件共享: the provider answers each request.
    #[n(1)]
    Conditional,
    /// 不予共享: only with a law or a State Council rule behind it.
    #[n(2)]
    NotShared,
}

/// What kind of text a legal basis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum BasisKind {
    /// 法律.
    #[n(0)]
    Law,
    /// 行政法规 and other rules of the State Council.
    #[n(1)]
    StateCouncil,
    /// 部门规章.
    #[n(2)]
    Ministry,
    /// 地方性法规 and rules of a province.
    #[n(3)]
    Local,
}

/// A legal basis: what kind of text, and the digest of its public wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Kind of text.
    #[n(0)]
    pub kind: BasisKind,
    /// Digest of the article relied on.
    #[n(1)]
    pub digest: H32,
}

impl Basis {
    /// Whether it names anything: zero is no digest of a wording.
    pub fn is_given(&self) -> bool {
        self.digest != H32::ZERO
    }
}

/// Why sharing is tightened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Tightening {
    /// The law changed.
    #[n(0)]
    LawChanged,
    /// The data was classified anew.
    #[n(1)]
    Reclassified,
    /// A security risk came to light.
    #[n(2)]
    SecurityRisk,
    /// Data was used against its purpose.
    #[n(3)]
    Misused,
}

/// How the data reaches the consumer, outside this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ShareMode {
    /// An interface.
    #[n(0)]
    Api,
    /// Files.
    #[n(1)]
    File,
    /// A database exchange.
    #[n(2)]
    Db,
    /// 核验: yes or no, and nothing else. The mode to prefer.
    #[n(3)]
    VerifyOnly,
}

/// How often the data is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum UpdateCycle {
    /// At once.
    #[n(0)]
    RealTime,
    /// Every day.
    #[n(1)]
    Daily,
    /// Every week.
    #[n(2)]
    Weekly,
    /// Every month.
    #[n(3)]
    Monthly,
    /// Every quarter.
    #[n(4)]
    Quarterly,
    /// Every year.
    #[n(5)]
    Yearly,
    /// At no fixed time.
    #[n(6)]
    Irregular,
}

/// Whether the public may have the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum OpenAttribute {
    /// Open to everybody.
    #[n(0)]
    Open,
    /// On application.
    #[n(1)]
    Conditional,
    /// Not open.
    #[n(2)]
    Closed,
}

/// Class of the data under the Data Security Law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// 一般数据.
    #[n(0)]
    General,
    /// 重要数据: shared with the consent of the provinces.
    #[n(1)]
    Important,
    /// 核心数据: refused here.
    #[n(2)]
    Core,
}

/// Limits the provider promises, in working days from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// To acknowledge a request.
    #[n(0)]
    pub ack: u16,
    /// To answer it.
    #[n(1)]
    pub answer: u16,
    /// To deliver after a grant.
    #[n(2)]
    pub deliver: u16,
}

/// A catalogue entry's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CatalogueState {
    /// Can be requested.
    #[n(0)]
    Published,
    /// Not for the time being.
    #[n(1)]
    Suspended,
    /// Never again.
    #[n(2)]
    Withdrawn,
}

/// Publishes version 1 of a catalogue entry, or the next version of one's own.
///
/// Who: a provider key; a later version, of the entry's provider or its successor.
///
/// Errors: `E106` not a provider · `E115` the code is no resource code · `E109` code or title holds
/// a personal number · `E118` title, class, counts or limits out of range, or conditional sharing
/// without conditions · `E505` core data · `E519` another's entry · `E506` entry not published ·
/// `E503` version is not the next · `E501` not shared without a law or State Council rule · `E502`
/// tightening without reason and basis · `E221` the code begins with another province's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishCatalogue {
    /// Resource code (§2.7), at most 64 characters. Codes are given out in each province by itself:
    /// one with a province's six digits and a colon in front is that province's alone.
    #[n(0)]
    pub cat_id: String,
    /// 1, or one more than the current version.
    #[n(1)]
    pub version: u16,
    /// Public title, at most 60 characters.
    #[n(2)]
    pub title: String,
    /// Class of the resource, 1 to 3.
    #[n(3)]
    pub class: u8,
    /// How it is shared.
    #[n(4)]
    pub share: ShareKind,
    /// Digest of the conditions, for conditional sharing.
    #[n(5)]
    pub conditions_digest: Option<H32>,
    /// Legal basis of not sharing, or of tightening.
    #[n(6)]
    pub basis: Option<Basis>,
    /// Why this version is tighter than the one before.
    #[n(7)]
    pub tightening: Option<Tightening>,
    /// Digest of the list of information items.
    #[n(8)]
    pub items_digest: H32,
    /// How many information items there are.
    #[n(9)]
    pub item_count: u16,
    /// How the data is handed over.
    #[n(10)]
    pub mode: ShareMode,
    /// How often it is renewed.
    #[n(11)]
    pub update_cycle: UpdateCycle,
    /// Whether the public may have it.
    #[n(12)]
    pub open_attr: OpenAttribute,
    /// Whether the data is personal information.
    #[n(13)]
    pub personal: bool,
    /// Class under the Data Security Law.
    #[n(14)]
    pub data_class: DataClass,
    /// Promised limits.
    #[n(15)]
    pub sla: Sla,
}

/// A stored catalogue entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Catalogue {
    /// What was published.
    #[n(0)]
    pub entry: PublishCatalogue,
    /// Who provides the data.
    #[n(1)]
    pub provider: Uscc,
    /// State.
    #[n(2)]
    pub state: CatalogueState,
    /// Height of this version.
    #[n(3)]
    pub published_at: Height,
    /// Block time of this version.
    #[n(4)]
    pub published_time: Millis,
    /// Height of the last change of state.
    #[n(5)]
    pub changed_at: Height,
    /// When provinces consented to the sharing of important data.
    #[n(6)]
    #[serde(default)]
    pub consent: Option<Stamp>,
}

impl PublishCatalogue {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Provider)?;
        let province = self.check()?;
        let current = ctx.state.get(&CATALOGUE, &self.cat_id);
        if current.is_none() && province.is_some_and(|province| province != ctx.region()) {
            return Err(Code::NotOwn);
        }
        let provider = current.as_ref().map_or(ctx.actor(), |current| current.provider);
        let tightened = self.check_against(current.as_ref(), ctx)?;
        let record = Catalogue {
            entry: self.clone(),
            provider,
            state: CatalogueState::Published,
            published_at: ctx.block.height,
            published_time: ctx.block.time,
            changed_at: ctx.block.height,
            consent: current.as_ref().and_then(|current| current.consent_for(self)),
        };
        ctx.state.put(&CATALOGUE, &self.cat_id, &record);
        ctx.state.put(&CATALOGUE_VERSIONS, &(self.cat_id.clone(), self.version), &record);
        ctx.state.put(&CATALOGUE_BY_PROVIDER, &(provider, self.cat_id.clone()), &());
        let kind = if current.is_some() { "catalogue_updated" } else { "catalogue_published" };
        let flags = [(tightened, "tightened"), (record.awaits_consent(), "awaits_consent")];
        let flags = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| (*flag).to_owned());
        ctx.emit(kind, format!("cat:{}", self.cat_id), flags.collect());
        Ok(())
    }

    /// What can be said of the entry by itself; returns the province that its code begins with.
    fn check(&self) -> Result<Option<Region>, Code> {
        let province = text::resource_code(&self.cat_id)?;
        public_name(&self.title)?;
        let Sla { ack, answer, deliver } = self.sla;
        let limits = 1 <= ack && ack <= answer && answer <= deliver && deliver <= MAX_SLA_DAYS;
        let zero = Some(H32::ZERO);
        let conditions = self.share != ShareKind::Conditional || self.conditions_digest.is_some();
        let digests = self.conditions_digest != zero && Some(self.items_digest) != zero;
        let counts = (1..=3).contains(&self.class) && self.item_count > 0;
        if !counts || !limits || !conditions || !digests {
            return Err(Code::BadField);
        }
        if self.data_class == DataClass::Core {
            return Err(Code::CoreDataRefused);
        }
        Ok(province)
    }

    /// What depends on the version before; says whether sharing is tightened.
    fn check_against(
        &self,
        current: Option<&Catalogue>,
        ctx: &Context<'_, '_>,
    ) -> Result<bool, Code> {
        if let Some(current) = current {
            if !super::signs_for(ctx, current.provider) {
                return Err(Code::NotProvider);
            }
            if current.state != CatalogueState::Published {
                return Err(Code::CatalogueState);
            }
        }
        let version = current.map_or(0, |current| current.entry.version);
        if version.checked_add(1) != Some(self.version) {
            return Err(Code::CatalogueVersionNotNext);
        }
        let basis = self.basis.filter(Basis::is_given);
        let high = |basis: Basis| matches!(basis.kind, BasisKind::Law | BasisKind::StateCouncil);
        if self.share == ShareKind::NotShared && !basis.is_some_and(high) {
            return Err(Code::BasisRequired);
        }
        let tightened = current.is_some_and(|current| self.share > current.entry.share);
        if tightened && (self.tightening.is_none() || basis.is_none()) {
            return Err(Code::TighteningUnfounded);
        }
        Ok(tightened)
    }
}

/// Why an entry changes state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CatalogueReason {
    /// The system behind it is maintained or out of order.
    #[n(0)]
    System,
    /// The quality of the data is in doubt.
    #[n(1)]
    Quality,
    /// A security risk or incident.
    #[n(2)]
    Security,
    /// The duty to hold the data moved or ended.
    #[n(3)]
    DutyEnded,
    /// The cause of a suspension is gone.
    #[n(4)]
    Restored,
}

/// Suspends, resumes or withdraws a catalogue entry.
///
/// Who: a provider key of the entry's provider or its successor.
///
/// Errors: `E106` · `E504` no such entry · `E519` another's entry · `E506` that state does not
/// follow from this one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetCatalogueState {
    /// The entry.
    #[n(0)]
    pub cat_id: String,
    /// The state it shall have.
    #[n(1)]
    pub state: CatalogueState,
    /// Why.
    #[n(2)]
    pub reason: CatalogueReason,
}

impl SetCatalogueState {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Provider)?;
        let mut record = ctx.state.get(&CATALOGUE, &self.cat_id).ok_or(Code::UnknownCatalogue)?;
        if !super::signs_for(ctx, record.provider) {
            return Err(Code::NotProvider);
        }
        let kind = match (record.state, self.state) {
            (CatalogueState::Published, CatalogueState::Suspended) => "catalogue_suspended",
            (CatalogueState::Suspended, CatalogueState::Published) => "catalogue_resumed",
            (CatalogueState::Published | CatalogueState::Suspended, CatalogueState::Withdrawn) => {
                "catalogue_withdrawn"
            }
            _ => return Err(Code::CatalogueState),
        };
        record.state = self.state;
        record.changed_at = ctx.block.height;
        ctx.state.put(&CATALOGUE, &self.cat_id, &record);
        ctx.emit(kind, format!("cat:{}", self.cat_id), Vec::new());
        Ok(())
    }
}
