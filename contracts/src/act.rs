//! Every act there is. An act's number is its place in the encoding and never changes.

use hefu_primitives::bounds::MAX_ACT_BYTES;
use hefu_primitives::codec::Canonical;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::exec::Context;
use crate::{certificate, dispute, identity, oversight, recognition, service, sharing};

macro_rules! acts {
    ($($number:literal $name:ident($body:ty) $label:literal,)*) => {
        /// One act of a transaction. In JSON: `{"act": "attest", …fields}`.
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
        #[serde(tag = "act")]
        #[allow(missing_docs)] // each body documents itself
        #[allow(clippy::large_enum_variant)] // decoded, applied and dropped one at a time
        pub enum Act {
            $(#[n($number)] #[serde(rename = $label)] $name(#[n(0)] $body),)*
        }

        impl Act {
            /// The names of all acts, as JSON and events write them.
            pub const NAMES: &'static [&'static str] = &[$($label,)*];

            /// The act's name.
            pub const fn name(&self) -> &'static str {
                match self { $(Act::$name(_) => $label,)* }
            }

            /// Applies the act.
            ///
            /// # Errors
            /// The [`Code`] of the first rule that is broken.
            pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
                match self { $(Act::$name(body) => body.apply(ctx),)* }
            }
        }

        $(impl From<$body> for Act {
            fn from(body: $body) -> Self {
                Act::$name(body)
            }
        })*
    };
}

acts! {
    0 RegisterAuthority(identity::RegisterAuthority) "register_authority",
    1 SetMandate(identity::SetMandate) "set_mandate",
    2 SuspendAuthority(identity::SuspendAuthority) "suspend_authority",
    3 ResumeAuthority(identity::ResumeAuthority) "resume_authority",
    4 BindKey(identity::BindKey) "bind_key",
    5 RotateKey(identity::RotateKey) "rotate_key",
    6 RevokeKey(identity::RevokeKey) "revoke_key",
    7 Propose(identity::Propose) "propose",
    8 Vote(identity::CastVote) "vote",
    9 ProveKeys(identity::ProveKeys) "prove_keys",
    10 GiveNotice(identity::GiveNotice) "give_notice",
    11 Leave(identity::Leave) "leave",
    12 RotateValidator(identity::RotateValidator) "rotate_validator",
    13 SetNode(identity::SetNode) "set_node",
    14 SucceedAuthority(identity::SucceedAuthority) "succeed_authority",
    15 DissolveAuthority(identity::DissolveAuthority) "dissolve_authority",
    16 SetOperator(identity::SetOperator) "set_operator",
    18 GiveConsent(identity::GiveConsent) "give_consent",
    19 SetUnits(identity::SetUnits) "set_units",
    20 Attest(certificate::Attest) "attest",
    21 SuspendAttestation(certificate::SuspendAttestation) "suspend_attestation",
    22 ResumeAttestation(certificate::ResumeAttestation) "resume_attestation",
    23 RevokeAttestation(certificate::RevokeAttestation) "revoke_attestation",
    24 Reaffirm(certificate::Reaffirm) "reaffirm",
    25 SaltDestroyed(certificate::SaltDestroyed) "salt_destroyed",
    26 TransferOut(certificate::TransferOut) "transfer_out",
    27 CancelTransfer(certificate::CancelTransfer) "cancel_transfer",
    28 TransferIn(certificate::TransferIn) "transfer_in",
    29 RequestStatus(certificate::RequestStatus) "request_status",
    30 AnswerStatusRequest(certificate::AnswerStatusRequest) "answer_status_request",
    31 WithdrawStatusRequest(certificate::WithdrawStatusRequest) "withdraw_status_request",
    32 AttestBatch(certificate::AttestBatch) "attest_batch",
    33 Materialise(certificate::Materialise) "materialise",
    34 RegisterSeal(certificate::RegisterSeal) "register_seal",
    35 SetSealState(certificate::SetSealState) "set_seal_state",
    40 ProposeAgreement(recognition::ProposeAgreement) "propose_agreement",
    41 SignAgreement(recognition::SignAgreement) "sign_agreement",
    42 PauseEntry(recognition::PauseEntry) "pause_entry",
    43 ResumeEntry(recognition::ResumeEntry) "resume_entry",
    44 WithdrawAgreement(recognition::WithdrawAgreement) "withdraw_agreement",
    45 Decide(recognition::Decide) "decide",
    46 CorrectDecision(recognition::CorrectDecision) "correct_decision",
    47 DecideBatch(recognition::DecideBatch) "decide_batch",
    48 OpenDecision(recognition::OpenDecision) "open_decision",
    60 PublishCatalogue(sharing::PublishCatalogue) "publish_catalogue",
    61 SetCatalogueState(sharing::SetCatalogueState) "set_catalogue_state",
    62 RequestAccess(sharing::RequestAccess) "request_access",
    63 Acknowledge(sharing::Acknowledge) "acknowledge",
    64 GrantAccess(sharing::GrantAccess) "grant_access",
    65 Deny(sharing::Deny) "deny",
    66 ReturnRequest(sharing::ReturnRequest) "return_request",
    67 WithdrawRequest(sharing::WithdrawRequest) "withdraw_request",
    68 SetGrantState(sharing::SetGrantState) "set_grant_state",
    69 PutReceipt(sharing::PutReceipt) "put_receipt",
    70 AnswerReceipt(sharing::AnswerReceipt) "answer_receipt",
    71 PutReceiptBatch(sharing::PutReceiptBatch) "put_receipt_batch",
    100 ProposeItem(service::ProposeItem) "propose_item",
    101 AgreeItem(service::AgreeItem) "agree_item",
    102 SetItemState(service::SetItemState) "set_item_state",
    103 PutImplementation(service::PutImplementation) "put_implementation",
    110 OpenCase(service::OpenCase) "open_case",
    111 CheckCase(service::CheckCase) "check_case",
    112 RefuseCase(service::RefuseCase) "refuse_case",
    113 Handover(service::Handover) "handover",
    114 ReceiveHandover(service::ReceiveHandover) "receive_handover",
    115 RejectHandover(service::RejectHandover) "reject_handover",
    116 AcceptCase(service::AcceptCase) "accept_case",
    117 DeclineCase(service::DeclineCase) "decline_case",
    118 AskSupplement(service::AskSupplement) "ask_supplement",
    119 Supplement(service::Supplement) "supplement",
    120 PauseCase(service::PauseCase) "pause_case",
    121 ContinueCase(service::ContinueCase) "continue_case",
    122 ExtendCase(service::ExtendCase) "extend_case",
    123 DecideCase(service::DecideCase) "decide_case",
    124 DispatchCase(service::DispatchCase) "dispatch_case",
    125 DeliverCase(service::DeliverCase) "deliver_case",
    126 CloseCase(service::CloseCase) "close_case",
    127 WithdrawCase(service::WithdrawCase) "withdraw_case",
    128 OpenSub(service::OpenSub) "open_sub",
    129 DecideSub(service::DecideSub) "decide_sub",
    130 OpenTheme(service::OpenTheme) "open_theme",
    131 SettleFee(service::SettleFee) "settle_fee",
    140 Evaluate(service::Evaluate) "evaluate",
    141 AnswerEvaluation(service::AnswerEvaluation) "answer_evaluation",
    160 OpenDispute(dispute::OpenDispute) "open_dispute",
    161 AckDispute(dispute::AckDispute) "ack_dispute",
    162 AddEvidence(dispute::AddEvidence) "add_evidence",
    163 ProposeSettlement(dispute::ProposeSettlement) "propose_settlement",
    164 AgreeSettlement(dispute::AgreeSettlement) "agree_settlement",
    165 EscalateDispute(dispute::EscalateDispute) "escalate_dispute",
    166 RuleDispute(dispute::RuleDispute) "rule_dispute",
    167 WithdrawDispute(dispute::WithdrawDispute) "withdraw_dispute",
    168 ReportFulfilment(dispute::ReportFulfilment) "report_fulfilment",
    180 NoticeIncident(oversight::NoticeIncident) "notice_incident",
    181 CloseIncident(oversight::CloseIncident) "close_incident",
    182 RecordCheckpoint(oversight::RecordCheckpoint) "record_checkpoint",
    190 GrantMandate(oversight::GrantMandate) "grant_mandate",
    191 RevokeMandate(oversight::RevokeMandate) "revoke_mandate",
    192 RequestOpenings(oversight::RequestOpenings) "request_openings",
    193 PutReadLogRoot(oversight::PutReadLogRoot) "put_read_log_root",
}

impl Act {
    /// Decodes one act of a transaction.
    ///
    /// # Errors
    /// `E110` over the bound, `E101` for everything else that is not one canonical act.
    pub fn decode(bytes: &[u8]) -> Result<Self, Code> {
        if bytes.len() > MAX_ACT_BYTES {
            return Err(Code::TooLarge);
        }
        Self::from_bytes(bytes, MAX_ACT_BYTES).map_err(|_| Code::BadEncoding)
    }
}
