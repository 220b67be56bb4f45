//! What a province says about itself before its keys are known: a seed that names keys by their
//! labels in the province's own keystore.

use hefu_contracts::identity::Role;
use hefu_genesis::{AuthoritySeed, KeySeed, MemberSeed};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{BaseCode, KeyPair, Millis, Region, TypeCode, Uscc};
use serde::Deserialize;

/// Most days of a founding key's term.
const TERM_DAYS: u64 = 731;

/// A province's plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) region: Region,
    operator: Uscc,
    name_zh: Option<String>,
    name_en: Option<String>,
    #[serde(default)]
    addresses: Vec<String>,
    authorities: Vec<PlannedAuthority>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedAuthority {
    code: Uscc,
    name: String,
    #[serde(default = "province_level")]
    level: u8,
    region: Option<Region>,
    #[serde(default)]
    central_vertical: bool,
    #[serde(default)]
    may_issue: Vec<TypeCode>,
    #[serde(default)]
    may_rely: Vec<u32>,
    #[serde(default)]
    may_handle: Vec<BaseCode>,
    #[serde(default)]
    keys: Vec<PlannedKey>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedKey {
    label: String,
    roles: Vec<Role>,
    not_before: Option<Millis>,
    not_after: Option<Millis>,
}

impl PlannedKey {
    /// The key every validator cosigns with, where a plan names none.
    fn cosigner() -> Self {
        let (label, roles) = ("cosigner".to_owned(), vec![Role::Cosigner]);
        Self { label, roles, not_before: None, not_after: None }
    }
}

fn province_level() -> u8 {
    2
}

impl Plan {
    /// The seed, with the public keys of the labels. `key` gives the pair of a label and what it
    /// is meant for; those it gave are in the second part, each once.
    pub(super) fn seed<E>(
        &self,
        created: Millis,
        mut key: impl FnMut(&str, &[Role]) -> Result<KeyPair, E>,
    ) -> Result<(MemberSeed, Vec<KeyPair>), E> {
        let mut pairs = Vec::new();
        let mut take = |label: &str, roles: &[Role]| {
            let pair = key(label, roles)?;
            pairs.push(pair.clone());
            Ok::<_, E>(pair.public())
        };
        let validator_key = take("validator", &[])?;
        let node_key = take("node", &[])?;
        let governor = &[Role::Governor];
        let governor_keys = [
            take("governor-1", governor)?,
            take("governor-2", governor)?,
            take("governor-3", governor)?,
        ];
        let cosigns = |key: &PlannedKey| key.roles.contains(&Role::Cosigner);
        let cosigner = PlannedKey::cosigner();
        let mut authorities = Vec::new();
        for planned in &self.authorities {
            let mut keys = Vec::new();
            let own = planned.code == self.operator && !planned.keys.iter().any(cosigns);
            for wanted in planned.keys.iter().chain(own.then_some(&cosigner)) {
                let longest = Millis(created.0.saturating_add(TERM_DAYS * DAY_MS));
                keys.push(KeySeed {
                    key: take(&wanted.label, &wanted.roles)?,
                    roles: wanted.roles.clone(),
                    not_before: wanted.not_before.unwrap_or(created),
                    not_after: wanted.not_after.unwrap_or(longest),
                });
            }
            authorities.push(planned.seed(self.region, keys));
        }
        let province = province_of(self.region);
        let name = |own: &Option<String>, known: Option<&str>| {
            own.clone().unwrap_or_else(|| known.unwrap_or_default().to_owned())
        };
        let seed = MemberSeed {
            region: self.region,
            operator: self.operator,
            name_zh: name(&self.name_zh, province.map(|province| province.name)),
            name_en: name(&self.name_en, province.map(|province| province.english)),
            validator_key,
            node_key,
            governor_keys,
            addresses: self.addresses.clone(),
            authorities,
        };
        Ok((seed, pairs))
    }
}

impl PlannedAuthority {
    fn seed(&self, province: Region, keys: Vec<KeySeed>) -> AuthoritySeed {
        AuthoritySeed {
            code: self.code,
            name: self.name.clone(),
            level: self.level,
            region: self.region.unwrap_or(province),
            central_vertical: self.central_vertical,
            may_issue: self.may_issue.clone(),
            may_rely: self.may_rely.clone(),
            may_handle: self.may_handle.clone(),
            keys,
        }
    }
}
