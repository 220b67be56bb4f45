//! Stable error numbers: the same in outcomes, HTTP, CLI and logs.
//!
//! 1xx envelope · 2xx member, authority, key · 3xx type, attestation · 4xx recognition ·
//! 5xx catalogue, access, receipt · 6xx item, case · 7xx evaluation · 8xx dispute ·
//! 9xx audit, notices. A number is never given a new meaning.

use hefu_primitives::codec::CodecError;
use hefu_primitives::transaction::TransactionError;

macro_rules! codes {
    ($($number:literal $name:ident,)*) => {
        /// Why an act was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // the catalogue of messages explains each in two languages
        #[repr(u16)]
        pub enum Code { $($name = $number,)* }

        impl Code {
            /// Every code, in order of its number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code of a number.
            pub const fn from_number(number: u16) -> Option<Code> {
                match number { $($number => Some(Code::$name),)* _ => None }
            }

            /// The name in capitals, as domain.md writes it.
            pub fn name(self) -> String {
                let camel = match self { $(Code::$name => stringify!($name),)* };
                let mut name = String::new();
                for (place, c) in camel.chars().enumerate() {
                    if place > 0 && c.is_ascii_uppercase() {
                        name.push('_');
                    }
                    name.push(c.to_ascii_uppercase());
                }
                name
            }
        }
    };
}

codes! {
    101 BadEncoding,
    102 BadSignature,
    103 WrongNetwork,
    104 UnknownKey,
    105 KeyNotActive,
    106 RoleMissing,
    107 DuplicateAct,
    108 ExpiredTx,
    109 PersonalDataPattern,
    110 TooLarge,
    111 NoCalendar,
    112 FutureTime,
    113 SuiteNotAllowed,
    114 IdReused,
    115 FreeTextForbidden,
    116 IssuerMismatch,
    117 NotYetApplicable,
    118 BadField,
    201 RegionInvalid,
    202 MemberExists,
    203 OperatorUsccInvalid,
    204 KeysNotDistinct,
    205 AlreadyVoted,
    206 VoteClosed,
    207 BadPossession,
    208 SuspensionUnfounded,
    210 MemberNotActive,
    211 UnknownMember,
    212 UnknownProposal,
    213 AlreadyEndorsed,
    214 ValidatorSetTooSmall,
    215 MemberState,
    216 RotationTooSoon,
    221 NotOwn,
    222 UsccInvalid,
    223 PrefixMismatch,
    224 MandateInvalid,
    225 SuccessorInvalid,
    226 OrphanAttestations,
    227 AuthorityNotActive,
    228 AuthorityExists,
    229 UnknownAuthority,
    230 UnknownUnit,
    231 BadKeyPossession,
    232 TooManyKeys,
    233 RotationInvalid,
    234 CompromiseInFuture,
    235 KeyExists,
    236 KeyTerm,
    237 RolesInvalid,
    238 OperatorInvalid,
    301 TypeNotAdopted,
    302 NoMandate,
    303 DuplicateId,
    304 PlainIdentForbidden,
    305 BadIdent,
    306 IdentHasCitizenId,
    307 BadDates,
    308 SealRequired,
    309 PrevInvalid,
    311 CommittedRequired,
    312 BadTypeCode,
    313 VersionNotNext,
    314 TypeInUse,
    315 BadBatch,
    316 BadProof,
    317 Fork,
    318 UnknownAttestation,
    319 RegionTooPrecise,
    320 BadState,
    321 NotIssuer,
    322 ReasonRequired,
    323 RetroactiveNotAllowed,
    324 KindInvalid,
    325 Terminal,
    330 TransferRegion,
    331 NotTransferring,
    332 TransferLapsed,
    333 NotQuestioned,
    334 UnknownScenario,
    335 UnknownStatusRequest,
    336 StatusRequestState,
    337 StatusRequestInvalid,
    340 SealNotInForce,
    341 UnknownSeal,
    342 SealStateInvalid,
    401 AgreementInvalid,
    402 NotParty,
    403 AgreementLapsed,
    404 EntryUnknown,
    405 UnknownAgreement,
    406 AgreementState,
    411 DecisionReasonRequired,
    412 ReasonUnknown,
    413 EvidenceRequired,
    414 HeightInFuture,
    415 NoRelyingMandate,
    416 AttestationUnknown,
    417 BatchHasRefusal,
    418 CorrectionInvalid,
    419 UnknownDecision,
    420 UnknownDecisionBatch,
    501 BasisRequired,
    502 TighteningUnfounded,
    503 CatalogueVersionNotNext,
    504 UnknownCatalogue,
    505 CoreDataRefused,
    506 CatalogueState,
    507 ConsentMissing,
    511 NotShared,
    512 PurposeOutsideMandate,
    513 TermInvalid,
    514 ExceedsRequest,
    515 DenialReasonRequired,
    516 SecondReturn,
    517 UnknownRequest,
    518 RequestState,
    519 NotProvider,
    520 NotConsumer,
    521 NoGrantAtTime,
    522 NotReceiptParty,
    523 SameSide,
    524 UnknownReceipt,
    525 ReceiptState,
    526 UnknownGrant,
    527 GrantState,
    601 NotLead,
    602 NotAllConsent,
    603 ModeNotAllowed,
    604 PromiseExceedsLegal,
    605 NoHandlingMandate,
    606 RefusalReasonRequired,
    607 DigestListDiffers,
    608 SecondSupplement,
    609 PauseInvalid,
    610 ExtensionInvalid,
    611 CaseDecisionInvalid,
    612 SubsOpen,
    613 UnknownItem,
    614 ItemState,
    615 ItemVersionNotNext,
    616 ItemTermsDiffer,
    617 NotParticipant,
    618 ImplementationInvalid,
    619 UnknownCase,
    620 CaseState,
    621 NotReceiver,
    622 NotHandler,
    623 SubInvalid,
    624 UnknownTheme,
    625 ThemeInvalid,
    701 EvaluatedAlready,
    702 StageNotReached,
    703 GradeInvalid,
    704 OwnEvaluation,
    705 EvaluationState,
    706 UnknownEvaluation,
    707 NotEvaluationParty,
    801 NotDisputeParty,
    802 SubjectUnknown,
    803 DuplicateDispute,
    804 TooEarly,
    805 PanelConflict,
    806 DisputeKindMismatch,
    807 NoPanel,
    808 UnknownDispute,
    809 DisputeState,
    810 NotRespondent,
    811 SettlementDiffers,
    901 NoAuditMandate,
    902 OutOfScope,
    903 MandateExpired,
    904 ReadLogRecorded,
    906 UnknownIncident,
    907 IncidentClosed,
    908 MandateState,
}

impl Code {
    /// The stable number.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// What bytes that are no transaction are refused with, where they come in.
impl From<&TransactionError> for Code {
    fn from(error: &TransactionError) -> Self {
        match error {
            TransactionError::ActCount(count) if *count > 0 => Self::TooLarge,
            TransactionError::ActSize { .. }
            | TransactionError::Codec(CodecError::TooLarge { .. }) => Self::TooLarge,
            TransactionError::Algorithm(_) => Self::SuiteNotAllowed,
            _ => Self::BadEncoding,
        }
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "E{} {}", self.number(), self.name())
    }
}

impl core::error::Error for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(Code::PersonalDataPattern.to_string(), "E109 PERSONAL_DATA_PATTERN");
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
    }
}
