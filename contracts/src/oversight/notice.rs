//! Notices of security incidents, and checkpoints handed to somebody outside.

use hefu_primitives::{BlockId, H32, Height, Id16, KeyId, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{is_own, require_acting};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::KEYS;
use crate::sharing::GRANTS;
use crate::state::Table;

/// Incidents by id.
pub const INCIDENTS: Table<Id16, Incident> = Table::proven(0x58);
/// Checkpoints held outside, by height, place and who says so.
pub const CHECKPOINTS: Table<(Height, u8, Uscc), CheckpointRecord> = Table::unproven(0xd8);

/// Most keys, and most grants, of one incident.
const MAX_AFFECTED: usize = 16;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// 泄露
    #[n(0)]
    Leak,
    /// 丢失
    #[n(1)]
    Loss,
    /// 被篡改
    #[n(2)]
    Tampering,
    /// 被窃取
    #[n(3)]
    Theft,
    /// A system is down.
    #[n(4)]
    Outage,
    /// A key is in other hands.
    #[n(5)]
    KeyCompromise,
}

/// Tells the other provinces of an incident.
///
/// Who: any key of an authority but a governor's.
///
/// Errors: `E106` · `E114` id used · `E118` a grade outside 1 to 4, no digest of the report, lists
/// not ascending or longer than 16 · `E112` it begins in the future · `E104` `E526` a key or grant is
/// unknown · `E221` it is another province's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeIncident {
    /// Random id.
    #[n(0)]
    pub incident_id: Id16,
    /// What happened.
    #[n(1)]
    pub kind: IncidentKind,
    /// 1 特别重大 · 2 重大 · 3 较大 · 4 一般.
    #[n(2)]
    pub grade: u8,
    /// Keys affected, ascending.
    #[n(3)]
    #[serde(default)]
    pub keys: Vec<KeyId>,
    /// Grants affected, ascending.
    #[n(4)]
    #[serde(default)]
    pub grants: Vec<Id16>,
    /// Since when.
    #[n(5)]
    pub since: Millis,
    /// Digest of the report.
    #[n(6)]
    pub report: H32,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Incident {
    /// As it was told.
    #[n(0)]
    pub body: NoticeIncident,
    /// Who told it.
    #[n(1)]
    pub by: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// When.
    #[n(3)]
    pub stamp: Stamp,
    /// Digest of the closing report, and when it was closed.
    #[n(4)]
    pub closed: Option<IncidentEnd>,
}

/// The end of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct IncidentEnd {
    /// Digest of the closing report.
    #[n(0)]
    pub report: H32,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
}

impl NoticeIncident {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_acting(ctx)?;
        if ctx.state.has(&INCIDENTS, &self.incident_id) {
            return Err(Code::IdReused);
        }
        let listed = self.keys.is_sorted_by(|a, b| a < b)
            && self.grants.is_sorted_by(|a, b| a < b)
            && self.keys.len() <= MAX_AFFECTED
            && self.grants.len() <= MAX_AFFECTED;
        if !listed || !(1..=4).contains(&self.grade) || self.report == H32::ZERO {
            return Err(Code::BadField);
        }
        ctx.stamp(self.since)?;
        for key in &self.keys {
            let key = ctx.state.get(&KEYS, key).ok_or(Code::UnknownKey)?;
            own(is_own(ctx, &key.owner))?;
        }
        for grant in &self.grants {
            let grant = ctx.state.get(&GRANTS, grant).ok_or(Code::UnknownGrant)?;
            own(is_own(ctx, &grant.provider) || is_own(ctx, &grant.consumer))?;
        }
        let (by, region, stamp) = (ctx.actor(), ctx.region(), ctx.stamp_now());
        let incident = Incident { body: self.clone(), by, region, stamp, closed: None };
        ctx.state.put(&INCIDENTS, &self.incident_id, &incident);
        let flags = vec![format!("grade_{}", self.grade)];
        ctx.emit("incident_noticed", subject(&self.incident_id), flags);
        Ok(())
    }
}

fn own(own: bool) -> Result<(), Code> {
    if own { Ok(()) } else { Err(Code::NotOwn) }
}

/// Closes an incident.
///
/// Who: any key but a governor's, of an authority of the province that told it.
///
/// Errors: `E106` · `E906` no such incident · `E221` another province's · `E907` closed · `E118` no
/// digest of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseIncident {
    /// The incident.
    #[n(0)]
    pub incident_id: Id16,
    /// Digest of the closing report.
    #[n(1)]
    pub report: H32,
}

impl CloseIncident {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_acting(ctx)?;
        let found = ctx.state.get(&INCIDENTS, &self.incident_id);
        let mut incident = found.ok_or(Code::UnknownIncident)?;
        own(incident.region == ctx.region())?;
        if incident.closed.is_some() {
            return Err(Code::IncidentClosed);
        }
        if self.report == H32::ZERO {
            return Err(Code::BadField);
        }
        incident.closed = Some(IncidentEnd { report: self.report, stamp: ctx.stamp_now() });
        ctx.state.put(&INCIDENTS, &self.incident_id, &incident);
        ctx.emit("incident_closed", subject(&self.incident_id), Vec::new());
        Ok(())
    }
}

fn subject(id: &Id16) -> String {
    format!("incident:{id}")
}

/// Who holds a checkpoint outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum AnchorPlace {
    /// An archive.
    #[n(0)]
    Archive,
    /// The national platform.
    #[n(1)]
    NationalPlatform,
    /// A notary.
    #[n(2)]
    Notary,
    /// Printed or published.
    #[n(3)]
    Publication,
}

/// Says that a checkpoint of the ledger is held outside it.
///
/// Who: any key of an authority but a governor's.
///
/// Errors: `E106` · `E414` the height is not before this block · `E118` a zero digest · `E114` said
/// before · `E112`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCheckpoint {
    /// The height.
    #[n(0)]
    pub height: Height,
    /// The block.
    #[n(1)]
    pub block: BlockId,
    /// Its state root.
    #[n(2)]
    pub state_root: H32,
    /// Who holds it.
    #[n(3)]
    pub place: AnchorPlace,
    /// Digest of the receipt.
    #[n(4)]
    pub receipt: H32,
    /// When it was handed over.
    #[n(5)]
    pub occurred_at: Millis,
}

/// A checkpoint held outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// As it was said.
    #[n(0)]
    pub body: RecordCheckpoint,
    /// Who said it.
    #[n(1)]
    pub by: Uscc,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

impl RecordCheckpoint {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_acting(ctx)?;
        if self.height >= ctx.block.height {
            return Err(Code::HeightInFuture);
        }
        let zero = self.block == BlockId::ZERO
            || self.state_root == H32::ZERO
            || self.receipt == H32::ZERO;
        if zero {
            return Err(Code::BadField);
        }
        let (by, stamp) = (ctx.actor(), ctx.stamp(self.occurred_at)?);
        let key = (self.height, self.place as u8, by);
        if ctx.state.has(&CHECKPOINTS, &key) {
            return Err(Code::IdReused);
        }
        ctx.state.put(&CHECKPOINTS, &key, &CheckpointRecord { body: *self, by, stamp });
        ctx.emit("checkpoint_recorded", format!("block:{}", self.height), Vec::new());
        Ok(())
    }
}
