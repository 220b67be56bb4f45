//! Consent to share important data (重要数据, domain.md §2.11 R7): provinces vote on it, and the
//! coordinator consents to the vote where one is named.
//!
//! Rules:
//! 1. An entry of important data is published like any other, so that everybody sees what there is;
//!    nobody may request the data, and nobody may be granted it, before there is consent (`E507`).
//! 2. Consent is to a version. A later one keeps it if it offers no more: the same items in the same
//!    way under the same conditions, shared no more widely. Else it waits for consent of its own.
//! 3. Consent may be taken back by the same vote. Grants run on until they end or are revoked one by
//!    one, as with every tightening.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::catalogue::{
    CATALOGUE, CATALOGUE_VERSIONS, Catalogue, CatalogueState, DataClass, PublishCatalogue,
};
use super::text;
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::state::StateView;

/// Consents to the sharing of an entry of important data, or takes consent back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueConsent {
    /// The entry.
    #[n(0)]
    pub cat_id: String,
    /// Its current version.
    #[n(1)]
    pub version: u16,
    /// Consent, or none any more.
    #[n(2)]
    pub consent: bool,
}

impl CatalogueConsent {
    /// The entry, if this would change something about it.
    ///
    /// # Errors
    /// `E115`, `E109` no resource code · `E504` no such entry · `E506` withdrawn, or not in this
    /// version · `E118` no important data, or nothing would change.
    pub(crate) fn check(&self, view: &dyn StateView) -> Result<Catalogue, Code> {
        text::resource_code(&self.cat_id)?;
        let found = CATALOGUE.read(view, &self.cat_id).ok_or(Code::UnknownCatalogue)?;
        if found.state == CatalogueState::Withdrawn || found.entry.version != self.version {
            return Err(Code::CatalogueState);
        }
        let important = found.entry.data_class == DataClass::Important;
        if !important || found.consent.is_some() == self.consent {
            return Err(Code::BadField);
        }
        Ok(found)
    }

    /// Does it.
    ///
    /// # Errors
    /// As [`CatalogueConsent::check`].
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>, stamp: Stamp) -> Result<(), Code> {
        let found = self.check(&*ctx.state)?;
        let record = Catalogue { consent: self.consent.then_some(stamp), ..found };
        ctx.state.put(&CATALOGUE, &self.cat_id, &record);
        ctx.state.put(&CATALOGUE_VERSIONS, &(self.cat_id.clone(), self.version), &record);
        let kind = if self.consent { "catalogue_consented" } else { "catalogue_consent_ended" };
        ctx.emit(kind, format!("cat:{}", self.cat_id), vec![format!("version_{}", self.version)]);
        Ok(())
    }
}

impl Catalogue {
    /// Whether it is important data that nobody consented to sharing yet.
    pub fn awaits_consent(&self) -> bool {
        self.entry.data_class == DataClass::Important && self.consent.is_none()
    }

    /// The consent that a next version keeps: rule 2.
    pub(super) fn consent_for(&self, next: &PublishCatalogue) -> Option<Stamp> {
        let now = &self.entry;
        let conditions =
            now.conditions_digest.is_none() || now.conditions_digest == next.conditions_digest;
        let same = (now.items_digest, now.item_count, now.mode, now.open_attr, now.personal)
            == (next.items_digest, next.item_count, next.mode, next.open_attr, next.personal);
        let no_more = same && conditions && next.share >= now.share;
        self.consent.filter(|_| next.data_class == DataClass::Important && no_more)
    }
}
