//! Cases handled across provinces, as stored.
//!
//! The ledger holds who did what when, and digests; never an application, a name or a file. What
//! was done is the record; whether it was in time is derived from it ([`super::clock`]).

use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Height, Id16, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::fee::FeeRecord;
use super::item::CaseMode;
use super::open::OpenCase;
use crate::common::Stamp;
use crate::state::Table;

/// Cases by id.
pub const CASES: Table<Id16, Case> = Table::proven(0x44);
/// Themes (一件事) by id.
pub const THEMES: Table<Id16, Theme> = Table::proven(0x45);
/// Cases of a handler, in the order they were opened.
pub const CASES_BY_HANDLER: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xc4);
/// Cases of a receiver, in the order they were opened.
pub const CASES_BY_RECEIVER: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xc5);
/// Cases of an item, in the order they were opened.
pub const CASES_BY_ITEM: Table<(BaseCode, Height, Id16), ()> = Table::unproven(0xc6);
/// Cases of a theme, by their item.
pub const CASES_BY_THEME: Table<(Id16, BaseCode), Id16> = Table::unproven(0xc7);

/// Cases that wait for a decision, by the province of the receiver and that of the handler.
pub const OPEN_CASES: Table<(Region, Id16), ()> = Table::unproven(0xc9);

/// Where the applicant came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A province's or the region's service site.
    #[n(0)]
    Site,
    /// An app or a mini-program.
    #[n(1)]
    App,
    /// A window in a hall.
    #[n(2)]
    Window,
    /// A self-service terminal.
    #[n(3)]
    Kiosk,
    /// The hotline.
    #[n(4)]
    Hotline,
}

/// Who applies; more is nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ApplicantClass {
    /// A natural person.
    #[n(0)]
    Natural,
    /// A legal person or other organisation.
    #[n(1)]
    Legal,
}

/// A case's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Taken in (收件).
    #[n(0)]
    Received,
    /// Checked; waits to be handed over.
    #[n(1)]
    Ready,
    /// Not taken in (不予收件). Over.
    #[n(2)]
    ClosedRefused,
    /// On its way to the handler.
    #[n(3)]
    HandedOver,
    /// With the handler.
    #[n(4)]
    AtHandler,
    /// Accepted (受理): the decision clocks run.
    #[n(5)]
    Accepted,
    /// Not accepted (不予受理). Over.
    #[n(6)]
    ClosedNotAccepted,
    /// Waits for what the applicant has yet to supply (补正).
    #[n(7)]
    Supplement,
    /// The decision clocks are paused.
    #[n(8)]
    Paused,
    /// Decided.
    #[n(9)]
    Decided,
    /// The result was sent.
    #[n(10)]
    Dispatched,
    /// The applicant has the result.
    #[n(11)]
    Delivered,
    /// Archived. Over.
    #[n(12)]
    Closed,
    /// Withdrawn by the applicant. Over.
    #[n(13)]
    Withdrawn,
}

impl CaseState {
    /// Whether the applicant still waits for a decision.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Received
                | Self::Ready
                | Self::HandedOver
                | Self::AtHandler
                | Self::Accepted
                | Self::Supplement
                | Self::Paused
        )
    }
}

/// The limits of the item when the case was opened: later versions do not change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Limits {
    /// The item's version.
    #[n(0)]
    pub version: u16,
    /// Working days of the law.
    #[n(1)]
    pub legal_days: u16,
    /// Working days promised, by the implementation if one is named.
    #[n(2)]
    pub promise_days: u16,
    /// Longest single pause in working days.
    #[n(3)]
    pub pause_days: u16,
    /// 即办件: neither paused nor extended.
    #[n(4)]
    pub instant: bool,
}

/// The formal check (形式审查) and check of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct FormalCheck {
    /// Salted commitment to the applicant's consent.
    #[n(0)]
    pub consent: H32,
    /// Level of assurance of the identity check, 1 to 4.
    #[n(1)]
    pub assurance: u8,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
    /// Salted commitment to the assertion of the identity service, if one vouched for the applicant.
    #[n(3)]
    #[serde(default)]
    pub assertion: Option<H32>,
}

/// What was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct HandoverRecord {
    /// Digest of the list of commitments to the documents.
    #[n(0)]
    pub list: H32,
    /// How many documents.
    #[n(1)]
    pub count: u16,
    /// When it was sent.
    #[n(2)]
    pub sent: Stamp,
    /// When the handler received it or sent it back.
    #[n(3)]
    pub answered: Option<Stamp>,
    /// Why it was sent back; 0 when it was not.
    #[n(4)]
    pub rejected: u16,
}

/// What the applicant was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SupplementRecord {
    /// Digest of the notice that lists all that is missing.
    #[n(0)]
    pub notice: H32,
    /// When it was asked for.
    #[n(1)]
    pub asked: Stamp,
    /// What came: digest of the list of commitments.
    #[n(2)]
    pub list: Option<H32>,
    /// When it came.
    #[n(3)]
    pub answered: Option<Stamp>,
}

/// What stops the decision clocks by law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum PauseKind {
    /// 听证
    #[n(0)]
    Hearing,
    /// 招标
    #[n(1)]
    Tender,
    /// 拍卖
    #[n(2)]
    Auction,
    /// 检验
    #[n(3)]
    Inspection,
    /// 检测
    #[n(4)]
    Testing,
    /// 检疫
    #[n(5)]
    Quarantine,
    /// 鉴定
    #[n(6)]
    Appraisal,
    /// 专家评审
    #[n(7)]
    ExpertReview,
    /// 公示
    #[n(8)]
    PublicNotice,
}

/// A pause. The days after the one on which it began do not count, up to the one on which it
/// ended, and for no longer than it may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct PauseRecord {
    /// Why.
    #[n(0)]
    pub kind: PauseKind,
    /// For how many working days at most.
    #[n(1)]
    pub days: u16,
    /// When it began.
    #[n(2)]
    pub begun: Stamp,
    /// When it ended.
    #[n(3)]
    pub ended: Option<Stamp>,
}

/// An extension of the legal limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Extension {
    /// Working days more.
    #[n(0)]
    pub days: u16,
    /// Digest of the head's approval.
    #[n(1)]
    pub approval: H32,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// Approved.
    #[n(0)]
    Approved,
    /// Denied, with reasons.
    #[n(1)]
    Denied,
    /// Approved in part, with reasons for the rest.
    #[n(2)]
    Partly,
}

/// 秒批: decided by a program, which can be run again on the same input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Automated {
    /// Digest of the version of the rules.
    #[n(0)]
    pub rule_digest: H32,
    /// Salted commitment to the input.
    #[n(1)]
    pub input: H32,
}

/// A decision with its time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CaseDecision {
    /// What.
    #[n(0)]
    pub outcome: CaseOutcome,
    /// Reason codes, at most eight.
    #[n(1)]
    pub reasons: Vec<u16>,
    /// Whether a program decided.
    #[n(2)]
    pub automated: Option<Automated>,
    /// The certificate that came of it.
    #[n(3)]
    pub result: Option<Id16>,
    /// When.
    #[n(4)]
    pub stamp: Stamp,
}

/// A part of a joint case that a territorial authority decides.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct SubCase {
    /// Its number in the case.
    #[n(0)]
    pub number: u8,
    /// The item.
    #[n(1)]
    pub base: BaseCode,
    /// Who decides it.
    #[n(2)]
    pub handler: Uscc,
    /// The handler's province.
    #[n(3)]
    pub region: Region,
    /// Working days it has.
    #[n(4)]
    pub days: u16,
    /// When it was opened.
    #[n(5)]
    pub opened: Stamp,
    /// What was decided.
    #[n(6)]
    pub decision: Option<CaseDecision>,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CaseEnd {
    /// Reason code of a refusal, else 0.
    #[n(0)]
    pub reason: u16,
    /// Digest of the archive, the notice of refusal, or the applicant's request.
    #[n(1)]
    pub digest: H32,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Case {
    /// As it was opened.
    #[n(0)]
    pub body: OpenCase,
    /// Who took it in.
    #[n(1)]
    pub receiver: Uscc,
    /// The receiver's province.
    #[n(2)]
    pub receiver_region: Region,
    /// The handler's province.
    #[n(3)]
    pub handler_region: Region,
    /// The limits that hold for it.
    #[n(4)]
    pub limits: Limits,
    /// State.
    #[n(5)]
    pub state: CaseState,
    /// When it was opened.
    #[n(6)]
    pub opened: Stamp,
    /// The formal check.
    #[n(7)]
    pub check: Option<FormalCheck>,
    /// The last handover.
    #[n(8)]
    pub handover: Option<HandoverRecord>,
    /// How often a handover was sent back.
    #[n(9)]
    pub sent_back: u16,
    /// When it came to the handler.
    #[n(10)]
    pub arrived: Option<Stamp>,
    /// What the applicant was asked for.
    #[n(11)]
    pub supplement: Option<SupplementRecord>,
    /// When it was accepted.
    #[n(12)]
    pub accepted: Option<Stamp>,
    /// Pauses, in order; at most [`super::MAX_PAUSES`].
    #[n(13)]
    pub pauses: Vec<PauseRecord>,
    /// The extension.
    #[n(14)]
    pub extension: Option<Extension>,
    /// Parts that others decide.
    #[n(15)]
    pub subs: Vec<SubCase>,
    /// The decision.
    #[n(16)]
    pub decision: Option<CaseDecision>,
    /// When the result was sent.
    #[n(17)]
    pub dispatched: Option<Stamp>,
    /// When the applicant had it.
    #[n(18)]
    pub delivered: Option<Stamp>,
    /// How it ended.
    #[n(19)]
    pub end: Option<CaseEnd>,
    /// Fees that were settled, once there is one.
    #[n(20)]
    #[serde(default)]
    pub fees: Option<Vec<FeeRecord>>,
}

impl Case {
    /// Whether the receiver handles the case itself: nothing is handed over.
    pub fn is_local(&self) -> bool {
        self.receiver == self.body.handler
    }

    /// Whether it was opened without a receiving window.
    pub fn is_online(&self) -> bool {
        self.body.mode == CaseMode::Online
    }
}

/// 一件事: items that belong together for whoever applies, each handled as a case of its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Theme {
    /// Its id.
    #[n(0)]
    pub id: Id16,
    /// Salted commitment to its number.
    #[n(1)]
    pub no: H32,
    /// The items, ascending.
    #[n(2)]
    pub items: Vec<BaseCode>,
    /// Who took it in.
    #[n(3)]
    pub receiver: Uscc,
    /// When.
    #[n(4)]
    pub stamp: Stamp,
    /// The day by which everything should be decided, if one was promised.
    #[n(5)]
    pub until: Option<Day>,
}
