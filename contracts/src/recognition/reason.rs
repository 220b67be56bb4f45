//! Reasons for not simply accepting a certificate, and what the ledger itself can say of them.
//!
//! Ten reasons speak of things the ledger holds: each is true or false of the [`Facts`] at the
//! height the decision names. The others speak of things outside (a seal, a holder, an unreadable
//! picture); only a dispute with evidence can tell.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $code:literal $name:ident,)*) => {
        /// A reason, by its code of §3.7.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Reason { $($(#[$doc])* $name = $code,)* }

        impl Reason {
            /// Every reason, in order of its code.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The reason of a code.
            pub const fn from_code(code: u16) -> Option<Reason> {
                match code { $($code => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// The type is not recognised here, or not in this version.
    1 TypeNotListed,
    /// No such attestation.
    2 NotFound,
    /// What was presented is not what was attested.
    3 DigestMismatch,
    /// Suspended.
    4 Suspended,
    /// Revoked.
    5 Revoked,
    /// Expired.
    6 Expired,
    /// Another took its place, here or in another province.
    7 Superseded,
    /// The seal is not genuine.
    8 SealInvalid,
    /// The issuer's key was compromised when it signed.
    9 IssuerKeyInvalid,
    /// The holder is another.
    10 HolderMismatch,
    /// A field that is needed is missing.
    11 FieldMissing,
    /// No agreement is in force, or the entry is paused.
    12 AgreementNotInForce,
    /// Recognised, but not in this scenario.
    13 ScenarioNotCovered,
    /// The holder's consent is missing.
    14 NoConsent,
    /// It cannot be read.
    15 Unreadable,
    /// A statute asks for the original; with the digest of the statute.
    16 StatuteRequiresOriginal,
    /// Forgery is suspected; with evidence.
    17 SuspectedForgery,
    /// A system was not available.
    18 SystemUnavailable,
    /// Its validity has not begun.
    19 NotYetValid,
    /// It rests on an act of a compromised key.
    20 QuestionedKey,
    /// Another reason; with evidence.
    99 Other,
}

impl Reason {
    /// The code.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether the ledger can say if it is true.
    pub fn is_checkable(self) -> bool {
        Facts::default().truth(self).is_some()
    }

    /// Whether it must come with evidence.
    pub const fn needs_evidence(self) -> bool {
        matches!(self, Self::SuspectedForgery | Self::Other)
    }

    /// Whether it must come with the digest of a statute.
    pub const fn needs_statute(self) -> bool {
        matches!(self, Self::StatuteRequiresOriginal)
    }
}

/// What the ledger knew about a certificate and its recognition at a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Facts {
    /// It was attested by then. Everything else is false when it was not.
    #[n(0)]
    pub attested: bool,
    /// Its status was suspended.
    #[n(1)]
    pub suspended: bool,
    /// Its status was revoked.
    #[n(2)]
    pub revoked: bool,
    /// Its status was superseded, or transferred to another province.
    #[n(3)]
    pub superseded: bool,
    /// Its last day was over.
    #[n(4)]
    pub expired: bool,
    /// Its first day was still to come.
    #[n(5)]
    pub not_yet_valid: bool,
    /// It rested on an act of a compromised key that nobody had reaffirmed.
    #[n(6)]
    pub questioned: bool,
    /// The scenario's list and an agreement in force named its type and version.
    #[n(7)]
    pub type_listed: bool,
    /// Such an agreement named the scenario, and the scenario was in use.
    #[n(8)]
    pub scenario_covered: bool,
    /// An agreement between the two provinces was in force, and the entry not paused.
    #[n(9)]
    pub agreement_open: bool,
}

impl Facts {
    /// Whether a reason is true; none when the ledger cannot tell. The truth table of the module
    /// doc ([`super`]).
    pub const fn truth(&self, reason: Reason) -> Option<bool> {
        Some(match reason {
            Reason::NotFound => !self.attested,
            Reason::TypeNotListed => self.attested && !self.type_listed,
            Reason::Suspended => self.suspended,
            Reason::Revoked => self.revoked,
            Reason::Expired => self.expired,
            Reason::Superseded => self.superseded,
            Reason::IssuerKeyInvalid | Reason::QuestionedKey => self.questioned,
            Reason::AgreementNotInForce => self.attested && !self.agreement_open,
            Reason::ScenarioNotCovered => self.attested && !self.scenario_covered,
            Reason::NotYetValid => self.not_yet_valid,
            _ => return None,
        })
    }

    /// Whether the certificate itself was good.
    pub const fn is_valid(&self) -> bool {
        self.attested
            && !(self.suspended || self.revoked || self.superseded)
            && !(self.expired || self.not_yet_valid || self.questioned)
    }

    /// Whether any reason the ledger can check is true: there was a ground to refuse.
    pub fn has_ground(&self) -> bool {
        Reason::ALL.iter().any(|reason| self.truth(*reason) == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        attested: true,
        suspended: false,
        revoked: false,
        superseded: false,
        expired: false,
        not_yet_valid: false,
        questioned: false,
        type_listed: true,
        scenario_covered: true,
        agreement_open: true,
    };

    #[test]
    fn codes() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(21), None);
        let checkable: Vec<u16> =
            Reason::ALL.iter().filter(|r| r.is_checkable()).map(|r| r.code()).collect();
        assert_eq!(checkable, [1, 2, 4, 5, 6, 7, 9, 12, 13, 19, 20]);
    }

    #[test]
    fn each_reason_is_true_of_its_fact_alone() {
        let cases: [(Facts, &[u16]); 11] = [
            (GOOD, &[]),
            (Facts::default(), &[2]),
            (Facts { suspended: true, ..GOOD }, &[4]),
            (Facts { revoked: true, ..GOOD }, &[5]),
            (Facts { superseded: true, ..GOOD }, &[7]),
            (Facts { expired: true, ..GOOD }, &[6]),
            (Facts { not_yet_valid: true, ..GOOD }, &[19]),
            (Facts { questioned: true, ..GOOD }, &[9, 20]),
            (Facts { type_listed: false, ..GOOD }, &[1]),
            (Facts { scenario_covered: false, ..GOOD }, &[13]),
            (Facts { agreement_open: false, ..GOOD }, &[12]),
        ];
        for (facts, expected) in cases {
            let is_true = |reason: &&Reason| facts.truth(**reason) == Some(true);
            let found: Vec<u16> =
                Reason::ALL.iter().filter(is_true).map(|reason| reason.code()).collect();
            assert_eq!(found, expected, "{facts:?}");
            assert_eq!(facts.has_ground(), !expected.is_empty());
            let about_itself = expected.iter().any(|code| ![1, 12, 13].contains(code));
            assert_eq!(facts.is_valid(), !about_itself, "{facts:?}");
        }
    }
}
