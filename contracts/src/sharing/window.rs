//! Receipts by the hour: each side of a grant states how often it was used, under one root, and the
//! ledger compares the two.
//!
//! ```text
//! –         ─ one side ─▶ ONE_SIDED ─ the other ─▶ CONFIRMED | DIFFERS (final)
//! ```
//!
//! Rules:
//! 1. A window is a whole hour, so that windows of a grant never overlap. Each side states it once.
//! 2. A leaf is a receipt whose id, known to both sides and to nobody else, is also the salt of its
//!    leaf: both sides come to the same root from the same receipts, in the order of their ids.
//! 3. A use counts once, whichever side states it; where the two numbers differ the larger counts.
//! 4. That the two differ is no refusal: it is what auditors look for, and stands with its flag.
//!
//! This module does not know the receipts themselves: both sides keep theirs.

use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{H32, Id16, Millis};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::grant::{GRANTS, GrantState};
use super::receipt::{ReceiptFlag, Side, USAGE, side_of};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::leaf::is_batch;
use crate::state::Table;

/// What the two sides stated, by grant and the beginning of the hour.
pub const RECEIPT_WINDOWS: Table<(Id16, Millis), ReceiptWindow> = Table::proven(0x3a);

/// An hour, in milliseconds. A day in Beijing is made of whole ones.
pub const WINDOW_MS: u64 = DAY_MS / 24;

/// States the uses of a grant in one hour.
///
/// Who: a provider key of the grant's provider or a consumer key of its consumer, or of the
/// successor.
///
/// Errors: `E118` not the beginning of an hour, no use or more than 2^20, no root, or uses outside the
/// hour or backwards · `E112` the hour is not over · `E526` no such grant · `E522` neither side ·
/// `E106` · `E525` this side has stated it · `E521` the grant did not exist then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutReceiptBatch {
    /// The grant.
    #[n(0)]
    pub grant_id: Id16,
    /// Beginning of the hour.
    #[n(1)]
    pub hour: Millis,
    /// How many uses.
    #[n(2)]
    pub count: u32,
    /// How many records came back in all.
    #[n(3)]
    pub n_records: u64,
    /// Root of the tree over the receipts.
    #[n(4)]
    pub root: H32,
    /// When the first use began.
    #[n(5)]
    pub first: Millis,
    /// When the last one did.
    #[n(6)]
    pub last: Millis,
}

/// What one side stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct StatedUses {
    /// The statement.
    #[n(0)]
    pub body: PutReceiptBatch,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
}

/// The uses of one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ReceiptWindow {
    /// What the provider stated.
    #[n(0)]
    pub provider: Option<StatedUses>,
    /// What the consumer stated.
    #[n(1)]
    pub consumer: Option<StatedUses>,
    /// What the ledger noticed.
    #[n(2)]
    pub flags: Vec<ReceiptFlag>,
}

/// What the two sides say of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// One side stated it.
    OneSided,
    /// Both stated the same.
    Confirmed,
    /// They differ.
    Differs,
}

impl ReceiptWindow {
    /// The state.
    pub fn state(&self) -> WindowState {
        match (&self.provider, &self.consumer) {
            (Some(one), Some(other)) if one.body == other.body => WindowState::Confirmed,
            (Some(_), Some(_)) => WindowState::Differs,
            _ => WindowState::OneSided,
        }
    }

    fn most(&self) -> u32 {
        let count = |side: &Option<StatedUses>| side.map_or(0, |stated| stated.body.count);
        count(&self.provider).max(count(&self.consumer))
    }

    fn records(&self) -> u64 {
        let records = |side: &Option<StatedUses>| side.map_or(0, |stated| stated.body.n_records);
        records(&self.provider).max(records(&self.consumer))
    }

    /// Where the two sides differ.
    fn differences(&self) -> impl Iterator<Item = ReceiptFlag> + use<> {
        let both = self.provider.zip(self.consumer).map(|(one, other)| (one.body, other.body));
        let counts = both.is_some_and(|(one, other)| {
            (one.count, one.n_records) != (other.count, other.n_records)
        });
        let roots = both.is_some_and(|(one, other)| {
            (one.root, one.first, one.last) != (other.root, other.first, other.last)
        });
        [(counts, ReceiptFlag::CountMismatch), (roots && !counts, ReceiptFlag::RootMismatch)]
            .into_iter()
            .filter_map(|(set, flag)| set.then_some(flag))
    }
}

impl PutReceiptBatch {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        self.check()?;
        if ctx.block.time < self.end() {
            return Err(Code::FutureTime);
        }
        let grant = ctx.state.get(&GRANTS, &self.grant_id).ok_or(Code::UnknownGrant)?;
        let side = side_of(ctx, &grant, ctx.actor()).ok_or(Code::NotReceiptParty)?;
        ctx.require(side.role())?;
        let key = (self.grant_id, self.hour);
        let mut window = ctx.state.get(&RECEIPT_WINDOWS, &key).unwrap_or_default();
        let before = (window.most(), window.records());
        let place = match side {
            Side::Provider => &mut window.provider,
            Side::Consumer => &mut window.consumer,
        };
        if place.is_some() {
            return Err(Code::ReceiptState);
        }
        *place = Some(StatedUses { body: *self, stamp: ctx.stamp_now() });
        let begin = grant.given.time.max(grant.extent.from.start());
        let late = u64::from(ctx.parameters.late_use_hours).saturating_mul(WINDOW_MS);
        if self.first < begin || self.last.0 >= grant.end().0.saturating_add(late) {
            return Err(Code::NoGrantAtTime);
        }
        let suspended = |at| grant.state_at(at) == GrantState::Suspended;
        let flags = [
            (self.last >= grant.end(), ReceiptFlag::AfterExpiry),
            (suspended(self.first) || suspended(self.last), ReceiptFlag::WhileSuspended),
            (self.count_uses(ctx, &window, before) > grant.extent.per_day, ReceiptFlag::OverCap),
        ];
        window.flags.extend(flags.into_iter().filter_map(|(set, flag)| set.then_some(flag)));
        let differences = window.differences();
        window.flags.extend(differences);
        window.flags.sort();
        window.flags.dedup();
        ctx.state.put(&RECEIPT_WINDOWS, &key, &window);
        let kind = match window.state() {
            WindowState::OneSided => "receipts_one_sided",
            WindowState::Confirmed => "receipts_confirmed",
            WindowState::Differs => "receipts_differ",
        };
        let names = window.flags.iter().map(|flag| flag.name().to_owned()).collect();
        let subject = format!("rwin:{}:{}", self.grant_id, self.hour.0 / WINDOW_MS);
        ctx.emit(kind, subject, names);
        Ok(())
    }

    fn end(&self) -> Millis {
        Millis(self.hour.0.saturating_add(WINDOW_MS))
    }

    fn check(&self) -> Result<(), Code> {
        let within = self.hour <= self.first && self.first <= self.last && self.last < self.end();
        let whole = self.hour.0.is_multiple_of(WINDOW_MS);
        if whole && within && is_batch(self.root, self.count) {
            Ok(())
        } else {
            Err(Code::BadField)
        }
    }

    /// Rule 3: counts what this statement adds; returns the uses of the day.
    fn count_uses(
        &self,
        ctx: &mut Context<'_, '_>,
        window: &ReceiptWindow,
        (uses, records): (u32, u64),
    ) -> u32 {
        let key = (self.grant_id, Day::of_beijing(self.hour).number());
        let mut usage = ctx.state.get(&USAGE, &key).unwrap_or_default();
        usage.uses = usage.uses.saturating_add(window.most().saturating_sub(uses));
        usage.records = usage.records.saturating_add(window.records().saturating_sub(records));
        ctx.state.put(&USAGE, &key, &usage);
        usage.uses
    }
}
