//! The rule table: which share of which provinces must say yes to what.
//!
//! | class | what is voted on | default | may be | without the subject |
//! |---|---|---|---|---|
//! | `catalogue` | certificate types, scenarios | two thirds | majority, two thirds | |
//! | `parameters` | ledger parameters, work calendars | two thirds | majority, two thirds | |
//! | `membership` | who joins | two thirds | two thirds | |
//! | `suspension` | suspend, reinstate, expel | two thirds | two thirds | yes |
//! | `recovery` | governors of a member that cannot replace them itself | two thirds | two thirds | yes |
//! | `keys` | a key is compromised | two thirds | two thirds | |
//! | `rules` | this table | two thirds | two thirds | |
//!
//! Each means *more than*: of 4 provinces 3, of 31 provinces 21; without the subject of 4 provinces
//! all 3 others. The table is a record on the ledger, changed by vote; every proposal pins the
//! digest of the table that its threshold came from.
//!
//! What concerns who governs has no lower threshold, because fewer could then take over from the
//! others, and no higher one, because a single absent province could then block the ledger for good.

use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::state::{StateView, Table};

/// The rule table, one record; none while it is the default.
pub const RULES: Table<(), RuleTable> = Table::proven(0x0a);

/// What kinds of proposals have a rule of their own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ActionClass {
    /// Certificate types and scenarios.
    #[n(0)]
    Catalogue,
    /// Ledger parameters, work calendars, standards, region codes.
    #[n(1)]
    Parameters,
    /// Who joins, and who audits the records of several provinces.
    #[n(2)]
    Membership,
    /// Suspension, reinstatement, expulsion.
    #[n(3)]
    Suspension,
    /// New governors for a member.
    #[n(4)]
    Recovery,
    /// Compromised keys.
    #[n(5)]
    Keys,
    /// The rule table.
    #[n(6)]
    Rules,
}

impl ActionClass {
    /// Every class, in order.
    pub const ALL: [Self; 7] = [
        Self::Catalogue,
        Self::Parameters,
        Self::Membership,
        Self::Suspension,
        Self::Recovery,
        Self::Keys,
        Self::Rules,
    ];

    /// Whether the member that the proposal is about has no vote.
    pub const fn excludes_subject(self) -> bool {
        matches!(self, Self::Suspension | Self::Recovery)
    }

    const fn allows(self, threshold: Threshold) -> bool {
        matches!(threshold, Threshold::TwoThirds)
            || matches!(self, Self::Catalogue | Self::Parameters)
    }
}

/// A share that must be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// More than half.
    #[n(0)]
    Majority,
    /// More than two thirds.
    #[n(1)]
    TwoThirds,
}

impl Threshold {
    /// How many of `electors` must say yes; of none, one, so that nothing passes.
    pub const fn needed(self, electors: u16) -> u16 {
        match self {
            Self::Majority => (electors / 2).saturating_add(1),
            Self::TwoThirds => (electors.saturating_mul(2) / 3).saturating_add(1),
        }
    }
}

/// The rule of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The class.
    #[n(0)]
    pub class: ActionClass,
    /// What must be exceeded.
    #[n(1)]
    pub threshold: Threshold,
}

/// Every class once, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// The rules.
    #[n(0)]
    pub rules: Vec<Rule>,
}

impl Default for RuleTable {
    fn default() -> Self {
        let rule = |class| Rule { class, threshold: Threshold::TwoThirds };
        Self { rules: ActionClass::ALL.map(rule).into() }
    }
}

impl RuleTable {
    /// The table in force.
    pub fn read(view: &dyn StateView) -> Self {
        RULES.read(view, &()).unwrap_or_default()
    }

    /// The threshold of a class.
    pub fn threshold(&self, class: ActionClass) -> Threshold {
        let rule = self.rules.iter().find(|rule| rule.class == class);
        rule.map_or(Threshold::TwoThirds, |rule| rule.threshold)
    }

    /// Checks that the table is complete, in order, and allows what may be allowed.
    ///
    /// # Errors
    /// `E118`.
    pub fn validate(&self) -> Result<(), Code> {
        let complete = self.rules.iter().map(|rule| rule.class).eq(ActionClass::ALL);
        let allowed = self.rules.iter().all(|rule| rule.class.allows(rule.threshold));
        if complete && allowed { Ok(()) } else { Err(Code::BadField) }
    }

    /// The digest that proposals pin.
    pub fn digest(&self) -> H32 {
        hash(Domain::Digest, &[&self.to_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exceeded() {
        let needed =
            |threshold: Threshold| [0, 1, 2, 3, 4, 5, 6, 30, 31].map(|n| threshold.needed(n));
        assert_eq!(needed(Threshold::TwoThirds), [1, 1, 2, 3, 3, 4, 5, 21, 21]);
        assert_eq!(needed(Threshold::Majority), [1, 1, 2, 2, 3, 3, 4, 16, 16]);
    }

    #[test]
    fn who_governs_is_never_decided_by_fewer() {
        let with = |place: usize, threshold| {
            let mut table = RuleTable::default();
            table.rules[place].threshold = threshold;
            table.validate()
        };
        assert_eq!(RuleTable::default().validate(), Ok(()));
        for (place, class) in ActionClass::ALL.iter().enumerate() {
            let technical = matches!(class, ActionClass::Catalogue | ActionClass::Parameters);
            let expected = if technical { Ok(()) } else { Err(Code::BadField) };
            assert_eq!(with(place, Threshold::Majority), expected, "{class:?}");
        }
        let mut short = RuleTable::default();
        short.rules.pop();
        assert_eq!(short.validate(), Err(Code::BadField));
        let mut mixed = RuleTable::default();
        mixed.rules.swap(0, 1);
        assert_eq!(mixed.validate(), Err(Code::BadField));
    }
}
