//! The secret keys of a sample network, for whoever plays all its parts.

use hefu_contracts::identity::Role;
use hefu_primitives::{KeyPair, Region, TypeCode, Uscc};

/// All keys of a sample network.
#[derive(Clone, Debug)]
pub struct SampleKeys {
    /// By member, in the order of regions.
    pub members: Vec<MemberKeys>,
}

/// One member's keys.
#[derive(Clone, Debug)]
pub struct MemberKeys {
    /// The member.
    pub region: Region,
    /// Its operator.
    pub operator: Uscc,
    /// Consensus key.
    pub validator: KeyPair,
    /// Network key.
    pub node: KeyPair,
    /// Key that cosigns checkpoints.
    pub cosigner: KeyPair,
    /// Governor keys.
    pub governors: [KeyPair; 3],
    /// Its authorities' keys, by credit code.
    pub authorities: Vec<AuthorityKeys>,
}

/// One authority's acting keys.
#[derive(Clone, Debug)]
pub struct AuthorityKeys {
    /// The authority.
    pub code: Uscc,
    /// Short name: province and department, as `310000-mr`.
    pub slug: String,
    /// Chinese name.
    pub name: String,
    /// Certificate types it may issue, sorted.
    pub may_issue: Vec<TypeCode>,
    /// Keys with their roles.
    pub keys: Vec<(Vec<Role>, KeyPair)>,
}

impl SampleKeys {
    /// A member's keys.
    pub fn member(&self, region: Region) -> Option<&MemberKeys> {
        self.members.iter().find(|member| member.region == region)
    }

    /// Every authority's keys.
    pub fn authorities(&self) -> impl Iterator<Item = &AuthorityKeys> {
        self.members.iter().flat_map(|member| &member.authorities)
    }

    /// An authority's keys.
    pub fn authority(&self, code: Uscc) -> Option<&AuthorityKeys> {
        self.authorities().find(|authority| authority.code == code)
    }

    /// The authority of a province that issues a type.
    pub fn issuer(&self, region: Region, kind: TypeCode) -> Option<&AuthorityKeys> {
        let issues = |authority: &&AuthorityKeys| authority.may_issue.contains(&kind);
        self.member(region)?.authorities.iter().find(issues)
    }
}

impl MemberKeys {
    /// Every key of the member: what a ceremony needs for its file.
    pub fn all(&self) -> Vec<&KeyPair> {
        let acting = self.authorities.iter().flat_map(|authority| &authority.keys);
        [&self.validator, &self.node, &self.cosigner]
            .into_iter()
            .chain(&self.governors)
            .chain(acting.map(|(_, pair)| pair))
            .collect()
    }

    /// The operator's key for acts of its own.
    pub fn operator_key(&self) -> Option<KeyPair> {
        let operator = self.authorities.iter().find(|authority| authority.code == self.operator)?;
        operator.keys.first().map(|(_, pair)| pair.clone())
    }

    /// The authority with a short name such as `310000-mr`, or just `mr`.
    pub fn department(&self, name: &str) -> Option<&AuthorityKeys> {
        let suffix = |slug: &str| slug.split_once('-').map(|(_, department)| department == name);
        self.authorities.iter().find(|a| a.slug == name || suffix(&a.slug) == Some(true))
    }
}

impl AuthorityKeys {
    /// The key that has a role.
    pub fn key_for(&self, role: Role) -> Option<&KeyPair> {
        self.keys.iter().find(|(roles, _)| roles.contains(&role)).map(|(_, pair)| pair)
    }
}
