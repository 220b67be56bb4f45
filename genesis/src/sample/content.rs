//! The sample data as delivered, and who may do what in it.

use hefu_contracts::certificate::HolderClass;
use hefu_primitives::{BaseCode, Region, TypeCode, Uscc};
use serde::Deserialize;

use crate::error::GenesisError;

/// The part of the sample data that a genesis needs; the rest is for demonstrations.
#[derive(Deserialize)]
pub(super) struct Content {
    authorities: Vec<SampleAuthority>,
    cert_types: Vec<SampleType>,
    service_items: Vec<SampleItem>,
}

#[derive(Deserialize)]
pub(super) struct SampleAuthority {
    #[serde(rename = "credit_code")]
    pub(super) code: Uscc,
    pub(super) name_zh: String,
    pub(super) slug: String,
}

#[derive(Deserialize)]
pub(super) struct SampleType {
    pub(super) code: TypeCode,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    pub(super) holder_class: HolderClass,
    pub(super) holder_code_types: Vec<String>,
    pub(super) validity_years: u8,
}

#[derive(Deserialize)]
pub(super) struct SampleItem {
    pub(super) lead: String,
    pub(super) name_zh: String,
    pub(super) base_code: BaseCode,
}

/// What a department does, from the end of its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Department {
    /// Issues the types of one definer and more.
    Issuing(&'static [&'static str]),
    /// The province's data administration.
    Data,
    /// Audit and cyberspace administration.
    Watching,
}

impl Content {
    pub(super) fn read(text: &str) -> Result<Self, GenesisError> {
        serde_json::from_str(text).map_err(|error| crate::file::json_error(&error))
    }

    pub(super) fn types(&self) -> impl Iterator<Item = &SampleType> {
        self.cert_types.iter()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &SampleItem> {
        self.service_items.iter()
    }

    pub(super) fn authorities_of(&self, region: Region) -> impl Iterator<Item = &SampleAuthority> {
        self.authorities.iter().filter(move |authority| authority.code.belongs_to(region))
    }

    pub(super) fn operator(&self, region: Region) -> Option<Uscc> {
        let data = |authority: &&SampleAuthority| authority.department() == Department::Data;
        self.authorities_of(region).find(data).map(|authority| authority.code)
    }

    /// Types whose definer is the department's ministry.
    pub(super) fn issued_by(&self, department: Department) -> Vec<TypeCode> {
        let Department::Issuing(definers) = department else { return Vec::new() };
        let issues = |kind: &&SampleType| definers.contains(&definer_number(&kind.code));
        self.types().filter(issues).map(|kind| kind.code).collect()
    }
}

impl SampleAuthority {
    pub(super) fn department(&self) -> Department {
        // A definer is known by the number in its credit code; education has no sample
        // department, so human resources issues its one type.
        match self.slug.split_once('-').map_or("", |(_, department)| department) {
            "ps" => Department::Issuing(&["9001"]),
            "mr" => Department::Issuing(&["9002"]),
            "hrss" => Department::Issuing(&["9003", "9010"]),
            "ca" => Department::Issuing(&["9004"]),
            "hc" => Department::Issuing(&["9005"]),
            "hc2" => Department::Issuing(&["9006"]),
            "tr" => Department::Issuing(&["9007"]),
            "nr" => Department::Issuing(&["9008"]),
            "mi" => Department::Issuing(&["9009"]),
            "data" => Department::Data,
            _ => Department::Watching,
        }
    }
}

/// The four digits after HEFU in the definer's credit code.
fn definer_number(code: &TypeCode) -> &str {
    code.as_str().get(12..16).unwrap_or_default()
}
