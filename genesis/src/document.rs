//! The document as written: what all founders agree on, and what each member brings.
//!
//! Invariants: none beyond the shape. These are plain words; [`crate::Genesis`] is the document
//! that passed every rule. Lists that are sets are sorted before anything is hashed
//! ([`Document::sort`]), so their order in a file carries no meaning.

use hefu_contracts::certificate::{CertTypeTerms, ScenarioTerms};
use hefu_contracts::identity::{Parameters, Role};
use hefu_contracts::recognition::ProposeAgreement;
use hefu_contracts::service::ItemTerms;
use hefu_primitives::time::WorkCalendar;
use hefu_primitives::{BaseCode, Millis, PublicKey, Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Version of the format this crate writes and reads.
pub const FORMAT: u16 = 1;
/// Governor keys of a member.
pub const GOVERNORS: usize = 3;
/// How many of them act together for the member.
pub const GOVERNOR_THRESHOLD: u8 = 2;

/// A genesis document, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Format version, [`FORMAT`].
    #[n(0)]
    pub format: u16,
    /// What all founders agree on.
    #[n(1)]
    pub charter: Charter,
    /// The founding members, by region.
    #[n(2)]
    pub members: Vec<MemberSeed>,
}

/// What all founders agree on before any of them brings keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Chinese name of the network.
    #[n(0)]
    pub name_zh: String,
    /// English name of the network.
    #[n(1)]
    pub name_en: String,
    /// Real or for demonstration.
    #[n(2)]
    pub kind: Kind,
    /// When the ledger begins: no block is earlier.
    #[n(3)]
    pub created: Millis,
    /// Ledger parameters.
    #[n(4)]
    pub parameters: Parameters,
    /// Certificate types adopted from the start, by code and version.
    #[n(5)]
    pub types: Vec<CertTypeTerms>,
    /// Scenarios adopted from the start, by code.
    #[n(6)]
    pub scenarios: Vec<ScenarioTerms>,
    /// Work calendars, by year.
    #[n(7)]
    pub calendars: Vec<WorkCalendar>,
    /// Recognition agreements by id; the founders sign them with the document itself.
    #[n(8)]
    pub agreements: Vec<ProposeAgreement>,
    /// Service items live from the start, by base code; founders agree with the document itself.
    #[n(9)]
    #[serde(default)]
    pub items: Vec<ItemTerms>,
}

/// Whether a ledger is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Real bodies only.
    #[n(0)]
    Production,
    /// Fictitious bodies only.
    #[n(1)]
    Demo,
}

/// A founding province.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSeed {
    /// Its province.
    #[n(0)]
    pub region: Region,
    /// Its data administration, one of the authorities below; owner of the governor keys.
    #[n(1)]
    pub operator: Uscc,
    /// Chinese name.
    #[n(2)]
    pub name_zh: String,
    /// English name.
    #[n(3)]
    pub name_en: String,
    /// Signs votes and proposals, nothing else.
    #[n(4)]
    pub validator_key: PublicKey,
    /// Identifies the member's node to other nodes.
    #[n(5)]
    pub node_key: PublicKey,
    /// Govern the member, [`GOVERNOR_THRESHOLD`] together.
    #[n(6)]
    pub governor_keys: [PublicKey; GOVERNORS],
    /// Where other nodes first dial the node, as `host:port`; no part of the ledger's state.
    #[n(7)]
    pub addresses: Vec<String>,
    /// Its authorities, by credit code.
    #[n(8)]
    pub authorities: Vec<AuthoritySeed>,
}

/// An authority of a founding province.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoritySeed {
    /// Credit code.
    #[n(0)]
    pub code: Uscc,
    /// Public name.
    #[n(1)]
    pub name: String,
    /// Level 1 (state) to 6 (village).
    #[n(2)]
    pub level: u8,
    /// Its own region.
    #[n(3)]
    pub region: Region,
    /// Whether it belongs to a ministry's vertical line.
    #[n(4)]
    pub central_vertical: bool,
    /// Certificate types it may issue.
    #[n(5)]
    pub may_issue: Vec<TypeCode>,
    /// Scenarios in which it may rely on certificates.
    #[n(6)]
    pub may_rely: Vec<u32>,
    /// Service items it may handle.
    #[n(7)]
    pub may_handle: Vec<BaseCode>,
    /// Its acting keys.
    #[n(8)]
    pub keys: Vec<KeySeed>,
}

/// An acting key of an authority.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySeed {
    /// The public key.
    #[n(0)]
    pub key: PublicKey,
    /// What it may sign.
    #[n(1)]
    pub roles: Vec<Role>,
    /// First block time it is accepted at.
    #[n(2)]
    pub not_before: Millis,
    /// Last block time it is accepted at.
    #[n(3)]
    pub not_after: Millis,
}

impl Document {
    /// Sorts every list that is a set, so that order carries no meaning.
    pub fn sort(&mut self) {
        self.charter.sort();
        self.members.sort_by_key(|member| member.region);
        self.members.iter_mut().for_each(MemberSeed::sort);
    }
}

impl Charter {
    /// Sorts every list that is a set.
    pub fn sort(&mut self) {
        self.parameters.admitted.sort_unstable();
        self.types.sort_by_key(|terms| (terms.code, terms.version));
        self.types.iter_mut().for_each(|terms| terms.holder_codes.sort_unstable());
        self.scenarios.sort_by_key(|scenario| scenario.id);
        for scenario in &mut self.scenarios {
            scenario.types.sort_by_key(|listed| (listed.code, listed.min_version));
        }
        self.calendars.sort_by_key(WorkCalendar::year);
        self.agreements.sort_by_key(|agreement| agreement.id);
        for agreement in &mut self.agreements {
            agreement.parties.sort_unstable();
            agreement.entries.sort_by_key(|entry| entry.type_code);
            agreement.entries.iter_mut().for_each(|entry| entry.scenarios.sort_unstable());
        }
        self.items.sort_by_key(|item| item.base);
        for item in &mut self.items {
            item.participants.sort_unstable();
            item.modes.sort_unstable();
            item.scenarios.sort_unstable();
        }
    }
}

impl MemberSeed {
    /// Sorts every list that is a set. Addresses keep their order: it is that of dialling.
    pub fn sort(&mut self) {
        self.governor_keys.sort_unstable();
        self.authorities.sort_by_key(|authority| authority.code);
        for authority in &mut self.authorities {
            authority.may_issue.sort_unstable();
            authority.may_rely.sort_unstable();
            authority.may_handle.sort_unstable();
            authority.keys.sort_by_key(|key| key.key);
            authority.keys.iter_mut().for_each(|key| key.roles.sort_unstable());
        }
    }
}
