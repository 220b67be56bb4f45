//! A province that is proposed as a member.

use std::collections::BTreeSet;

use hefu_primitives::codes::region::is_member_eligible;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Height, Millis, PublicKey, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::is_taken;
use super::records::{Approval, CANDIDACIES, MEMBERS, Member, MemberState, keep_member, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::authority::{check_code, keep};
use crate::identity::endorse::closes_at;
use crate::identity::key::{check_term, store_key};
use crate::identity::operator::operates;
use crate::identity::records::{
    AUTHORITIES, Authority, AuthorityState, BALLOTS, BallotState, KEYS, KeyRecord, KeyState, Role,
};
use crate::identity::text::public_name;

/// Governors of a member.
pub const GOVERNORS: usize = 3;
/// How many of them act together.
const THRESHOLD: u8 = 2;
/// Most addresses of a node.
pub const MAX_ADDRESSES: usize = 8;
/// Longest address: a name of 253 bytes, a colon and a port.
pub const MAX_ADDRESS_BYTES: usize = 259;

/// What is voted on when a province is to join. It holds public keys only; that the candidate has
/// the private ones it proves once it is approved ([`super::ProveKeys`]).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The province.
    #[n(0)]
    pub region: Region,
    /// Its data administration, which becomes an authority and owns the governors' keys.
    #[n(1)]
    pub operator: Uscc,
    /// The operator's public name.
    #[n(2)]
    pub operator_name: String,
    /// Chinese name of the province.
    #[n(3)]
    pub name_zh: String,
    /// English name.
    #[n(4)]
    pub name_en: String,
    /// Signs votes and proposals, nothing else.
    #[n(5)]
    pub validator_key: PublicKey,
    /// Identifies its node to other nodes.
    #[n(6)]
    pub node_key: PublicKey,
    /// Govern the member, two of three.
    #[n(7)]
    pub governors: Vec<PublicKey>,
    /// First block time the governors' keys are accepted at.
    #[n(8)]
    pub not_before: Millis,
    /// Last block time the governors' keys are accepted at.
    #[n(9)]
    pub not_after: Millis,
    /// Where other nodes dial its node, as `host:port`.
    #[n(10)]
    pub addresses: Vec<String>,
}

impl Candidate {
    /// Whether it may be proposed, or approved.
    ///
    /// # Errors
    /// `E201`, `E202`, `E203`, `E204`, `E231` a key that proves nothing, `E236`, `E118`, `E109`.
    pub(crate) fn check(&self, ctx: &Context<'_, '_>, proposing: bool) -> Result<(), Code> {
        if !is_member_eligible(self.region) {
            return Err(Code::RegionInvalid);
        }
        if self.is_known(ctx) || (proposing && self.is_proposed(ctx)) {
            return Err(Code::MemberExists);
        }
        self.check_operator(ctx)?;
        for name in [&self.operator_name, &self.name_zh, &self.name_en] {
            public_name(name)?;
        }
        check_addresses(&self.addresses)?;
        self.check_keys(ctx)?;
        check_term(ctx, (self.not_before, self.not_after))
    }

    /// A member, or one that may still become it.
    fn is_known(&self, ctx: &Context<'_, '_>) -> bool {
        ctx.state.get(&MEMBERS, &self.region).is_some_and(|member| match member.state {
            MemberState::Left | MemberState::Expelled => false,
            MemberState::Approved => {
                member.approval.is_some_and(|approval| ctx.block.time <= approval.closes_at)
            }
            _ => true,
        })
    }

    fn is_proposed(&self, ctx: &Context<'_, '_>) -> bool {
        let ballot = ctx.state.get(&CANDIDACIES, &self.region);
        let ballot = ballot.and_then(|id| ctx.state.get(&BALLOTS, &id));
        ballot.is_some_and(|b| b.state == BallotState::Open && ctx.block.time <= b.closes_at)
    }

    fn check_operator(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        let well_made = check_code(&self.operator, ctx.parameters).is_ok();
        let free = ctx.state.get(&AUTHORITIES, &self.operator).is_none_or(|found| {
            found.member == self.region && found.state == AuthorityState::Active
        });
        let own = well_made && self.operator.belongs_to(self.region) && free;
        let own = own && !operates(&*ctx.state, &self.operator);
        if own { Ok(()) } else { Err(Code::OperatorUsccInvalid) }
    }

    fn check_keys(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        let keys = self.keys();
        let distinct: BTreeSet<&PublicKey> = keys.iter().collect();
        let taken =
            keys.iter().any(|key| is_taken(ctx, key, self.region) && !self.was_ours(ctx, key));
        if self.governors.len() != GOVERNORS || distinct.len() != keys.len() || taken {
            return Err(Code::KeysNotDistinct);
        }
        if keys.iter().all(PublicKey::is_registrable) {
            Ok(())
        } else {
            Err(Code::BadKeyPossession)
        }
    }

    /// Whether a key was a governor's in an earlier candidacy that came to nothing.
    fn was_ours(&self, ctx: &Context<'_, '_>, key: &PublicKey) -> bool {
        let candidate = ctx.state.get(&MEMBERS, &self.region);
        let unproven = candidate
            .is_some_and(|m| m.state == MemberState::Approved && m.governors.contains(&key.id()));
        let untouched = ctx.state.get(&KEYS, &key.id());
        unproven && untouched.is_some_and(|record| record.state == KeyState::Active)
    }

    /// Its keys in the order in which they are proven: validator, node, governors.
    pub fn keys(&self) -> Vec<PublicKey> {
        let own = [self.validator_key, self.node_key];
        own.into_iter().chain(self.governors.iter().copied()).collect()
    }

    /// Makes the candidate known: with its governors' keys it proves that it has all of them.
    pub(crate) fn approve(&self, ctx: &mut Context<'_, '_>) {
        if !ctx.state.has(&AUTHORITIES, &self.operator) {
            keep(ctx, &self.authority());
        }
        for key in &self.governors {
            store_key(ctx.state, &self.governor(*key, ctx.block.height, ctx.block.time));
        }
        let approval = Approval { stamp: ctx.stamp_now(), closes_at: closes_at(ctx) };
        keep_member(ctx, &self.member(approval));
        ctx.emit("member_approved", subject(self.region), Vec::new());
    }

    fn member(&self, approval: Approval) -> Member {
        Member {
            region: self.region,
            operator: self.operator,
            name_zh: self.name_zh.clone(),
            name_en: self.name_en.clone(),
            validator_key: self.validator_key,
            node_key: self.node_key,
            governors: self.governors.iter().map(PublicKey::id).collect(),
            threshold: THRESHOLD,
            state: MemberState::Approved,
            joined_at: Millis(0),
            addresses: Some(self.addresses.clone()),
            suspension: None,
            notice: None,
            approval: Some(approval),
            ended: None,
            rotated_at: None,
        }
    }

    fn authority(&self) -> Authority {
        Authority {
            code: self.operator,
            member: self.region,
            level: 2,
            region: self.region,
            name: self.operator_name.clone(),
            central_vertical: false,
            may_issue: Vec::new(),
            may_rely: Vec::new(),
            may_handle: Vec::new(),
            state: AuthorityState::Active,
            successor: None,
            succession: None,
            inherited: None,
            units: None,
            operated_by: None,
        }
    }

    fn governor(&self, key: PublicKey, bound_at: Height, bound_time: Millis) -> KeyRecord {
        KeyRecord {
            key,
            owner: self.operator,
            roles: vec![Role::Governor],
            not_before: self.not_before,
            not_after: self.not_after,
            state: KeyState::Active,
            retires_at: None,
            revocation: None,
            bound_at,
            bound_time,
            first_revocation: None,
        }
    }

    /// A term for governors' keys that begins now and is as long as the parameters allow.
    pub fn longest_term(now: Millis, key_term_days: u16) -> (Millis, Millis) {
        let span = u64::from(key_term_days).saturating_mul(DAY_MS);
        (now, Millis(now.0.saturating_add(span)))
    }
}

/// Checks a list of addresses.
///
/// # Errors
/// `E118` more than [`MAX_ADDRESSES`], or one that is no address.
pub(super) fn check_addresses(addresses: &[String]) -> Result<(), Code> {
    let good = addresses.len() <= MAX_ADDRESSES && addresses.iter().all(|text| check_address(text));
    if good { Ok(()) } else { Err(Code::BadField) }
}

/// Whether a text is `host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets.
pub fn check_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(bare) => bare.parse::<core::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
            !host.is_empty() && host.bytes().all(allowed)
        }
    };
    let digits = port.bytes().all(|c| c.is_ascii_digit());
    let is_port = digits && port.parse::<u16>().is_ok_and(|port| port != 0);
    text.len() <= MAX_ADDRESS_BYTES && is_host && is_port
}
