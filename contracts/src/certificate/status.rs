//! What the status of an attestation was *about* a day, as *known* at a height.
//!
//! Rules:
//! 1. Only what was recorded up to the known height counts; before its own height an attestation
//!    is unknown.
//! 2. Changes in effect by the day asked about are taken in the order of their effect, then of
//!    their recording. Revocation is for good, from its day of effect on; so is being superseded or
//!    transferred. A suspension with a last day ends by itself; so does an offer to another province,
//!    which leaves the certificate good.
//! 3. Only what is not ended or suspended can be not yet valid, expired, or in question.
//! 4. It is in question while it rests on an act of a compromised key (its making, a resumption,
//!    or what suspended or ended it) that nobody reaffirmed since.
//!
//! Expiry and the end of a suspension cost no transaction: they follow from the day.

use hefu_primitives::Height;
use hefu_primitives::time::Day;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::records::{Attestation, ChangeKind, REAFFIRMED, StatusChange};
use super::transfer::{PendingTransfer, pending_transfer};
use crate::common::Stamp;
use crate::identity::KEYS;
use crate::state::StateView;

/// The status of a certificate.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Good.
    #[n(0)]
    Active,
    /// Suspended.
    #[n(1)]
    Suspended,
    /// Revoked.
    #[n(2)]
    Revoked,
    /// Another took its place.
    #[n(3)]
    Superseded,
    /// Its validity has not begun.
    #[n(4)]
    NotYetValid,
    /// Its validity is over.
    #[n(5)]
    Expired,
    /// It rests on an act of a compromised key.
    #[n(6)]
    Questioned,
    /// Another province took it over.
    #[n(7)]
    Transferred,
}

/// A status and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StatusAnswer {
    /// The status.
    pub status: Status,
    /// The change that decided, as a place in the attestation's history; none when validity or
    /// nothing did.
    pub change: Option<u16>,
    /// That change was recorded after the day asked about: whoever asked earlier was told
    /// otherwise.
    pub retroactive: bool,
    /// It rests on an act of a compromised key, whatever its status.
    pub questioned: bool,
    /// Its salt was destroyed: it cannot be opened any more.
    pub unopenable: bool,
    /// It is offered to another province; it stays good meanwhile.
    pub transfer: Option<PendingTransfer>,
}

/// The status of an attestation about `day`, as known at `height`; none when it was not yet
/// recorded. Inside an act, `view` is the context's state.
pub fn status(
    view: &dyn StateView,
    attestation: &Attestation,
    day: Day,
    height: Height,
) -> Option<StatusAnswer> {
    if attestation.made.height > height {
        return None;
    }
    let decided = attestation.decided(day, height);
    let questioned = attestation.is_questioned(view, day, height);
    let status = match decided.map(|(_, change)| change.kind) {
        Some(ChangeKind::Suspended { .. }) => Status::Suspended,
        Some(ChangeKind::Revoked { .. }) => Status::Revoked,
        Some(ChangeKind::Superseded { .. }) => Status::Superseded,
        Some(ChangeKind::Transferred { .. }) => Status::Transferred,
        _ if day < attestation.valid_from => Status::NotYetValid,
        _ if attestation.valid_until.is_some_and(|last| day > last) => Status::Expired,
        _ if questioned => Status::Questioned,
        _ => Status::Active,
    };
    Some(StatusAnswer {
        status,
        change: decided.and_then(|(place, _)| u16::try_from(place).ok()),
        retroactive: decided.is_some_and(|(_, c)| day < Day::of_beijing(c.stamp.time)),
        questioned,
        unopenable: attestation.salt_destroyed.is_some_and(|stamp| stamp.height <= height),
        transfer: pending_transfer(view, attestation, day, height),
    })
}

/// Whether an act with this stamp is in question, as known at a height: its key was compromised
/// before it, and its authority did not reaffirm a span around it.
pub fn questioned(view: &dyn StateView, act: &Stamp, height: Height) -> bool {
    let compromised = KEYS.read_shared(view, &act.key).is_some_and(|key| {
        key.revocation.is_some_and(|r| r.height <= height) && key.questions(act.time)
    });
    compromised
        && !REAFFIRMED.read_shared(view, &act.key).is_some_and(|reaffirmed| {
            let covers = |span: &super::ReaffirmedSpan| {
                span.stamp.height <= height && span.from <= act.time && act.time <= span.to
            };
            reaffirmed.spans.iter().any(covers)
        })
}

impl Attestation {
    /// The change that decides the status on a day, and its place: a suspension, a revocation, a
    /// supersession, a transfer; or the last one that left the certificate good. Rule 2.
    pub fn decided(&self, day: Day, height: Height) -> Option<(usize, &StatusChange)> {
        let known = |change: &StatusChange| change.stamp.height <= height;
        let mut changes: Vec<_> = self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, change)| known(change) && change.effective <= day)
            .filter(|(_, change)| change.kind != ChangeKind::Reaffirmed)
            .collect();
        changes.sort_by_key(|(place, change)| (change.effective, *place));
        let first = |is: fn(&ChangeKind) -> bool| {
            changes.iter().find(|(_, change)| is(&change.kind)).copied()
        };
        first(|kind| matches!(kind, ChangeKind::Revoked { .. }))
            .or_else(|| first(ChangeKind::ends))
            .or_else(|| changes.last().copied())
            .filter(|(_, change)| match change.kind {
                ChangeKind::Suspended { until, .. } => until.is_none_or(|last| day <= last),
                _ => true,
            })
    }

    /// Rule 4.
    pub fn is_questioned(&self, view: &dyn StateView, day: Day, height: Height) -> bool {
        let known = self.changes.iter().take_while(|change| change.stamp.height <= height);
        let decided = self.decided(day, height).map(|(place, _)| place);
        let mut rests_on = vec![&self.made];
        for (place, change) in known.enumerate() {
            match change.kind {
                ChangeKind::Reaffirmed => rests_on = vec![&change.stamp],
                ChangeKind::Resumed { .. } => rests_on.push(&change.stamp),
                _ if decided == Some(place) => rests_on.push(&change.stamp),
                _ => {}
            }
        }
        rests_on.iter().any(|stamp| questioned(view, stamp, height))
    }

    /// What took its place, or will: at home, or in another province.
    pub fn followed_by(&self) -> Option<hefu_primitives::Id16> {
        self.changes.iter().find_map(|change| match change.kind {
            ChangeKind::Superseded { by, .. } | ChangeKind::Transferred { by } => Some(by),
            _ => None,
        })
    }
}
