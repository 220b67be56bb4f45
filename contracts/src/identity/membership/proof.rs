//! Proof that a member has the private keys of what it registers.

use hefu_primitives::codec::Canonical;
use hefu_primitives::{ChainId, Domain, Height, KeyPair, PublicKey, Region, Signature};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::records::{MEMBERS, Member, MemberState, keep_member, subject};
use crate::code::Code;
use crate::exec::Context;
use crate::identity::records::{KEYS, Role};
use crate::identity::validators::schedule_validators;

/// What the keys of a [`MemberProof`] are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyPurpose {
    /// All keys of a member that joins: validator, node, governors.
    #[n(0)]
    Admission,
    /// The old validator key and the new one.
    #[n(1)]
    Validator,
    /// The old node key and the new one.
    #[n(2)]
    Node,
}

/// What each key signs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MemberProof {
    /// The ledger.
    #[n(0)]
    pub chain: ChainId,
    /// The member.
    #[n(1)]
    pub member: Region,
    /// What the keys are for.
    #[n(2)]
    pub purpose: KeyPurpose,
    /// The height of the approval; zero when a key is replaced, which names the old one instead.
    #[n(3)]
    pub height: Height,
    /// The keys.
    #[n(4)]
    pub keys: Vec<PublicKey>,
}

impl MemberProof {
    /// The statement that `old` is replaced by `new`.
    pub fn of_change(
        chain: ChainId,
        member: Region,
        purpose: KeyPurpose,
        (old, new): (PublicKey, PublicKey),
    ) -> Self {
        Self { chain, member, purpose, height: Height(0), keys: vec![old, new] }
    }

    /// The statement that an approved member has its keys; none for a member that was not approved.
    /// `governors` are the keys of [`Member::governors`], in that order.
    pub fn of_admission(chain: ChainId, member: &Member, governors: &[PublicKey]) -> Option<Self> {
        let own = [member.validator_key, member.node_key];
        let keys = own.into_iter().chain(governors.iter().copied()).collect();
        let height = member.approval?.stamp.height;
        Some(Self { chain, member: member.region, purpose: KeyPurpose::Admission, height, keys })
    }

    /// Signs the statement.
    pub fn sign(&self, key: &KeyPair) -> Signature {
        key.sign_tagged(Domain::Possession, &[&self.to_bytes()])
    }

    /// Whether `key` signed the statement.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, signature: &Signature) -> bool {
        key.verify_tagged(Domain::Possession, &[&self.to_bytes()], signature)
    }
}

/// Proves the keys of an approved member; with that it is active, and validates from the second
/// next block on.
///
/// Who: a governor of the candidate, or of any member that acts; one is enough, because all three
/// of the candidate's signed the proof. Pre: the member is known (`E211`), approved and not for
/// longer than the parameters' `ballot_days` (`E206`); every proof is good (`E207`); no other
/// change of validators in this block (`E117`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProveKeys {
    /// The candidate.
    #[n(0)]
    pub member: Region,
    /// The validator key's signature over the [`MemberProof`].
    #[n(1)]
    pub validator: Signature,
    /// The node key's.
    #[n(2)]
    pub node: Signature,
    /// The governors', in the order of the member's record.
    #[n(3)]
    pub governors: Vec<Signature>,
}

impl ProveKeys {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Governor)?;
        let validator = super::can_reach(ctx, self.member)?;
        let mut member = ctx.state.get(&MEMBERS, &self.member).ok_or(Code::UnknownMember)?;
        self.check(ctx, &member)?;
        schedule_validators(ctx.state, |set| [set, &[validator]].concat())?;
        member.state = MemberState::Active;
        member.joined_at = ctx.block.time;
        keep_member(ctx, &member);
        ctx.emit("member_joined", subject(member.region), Vec::new());
        Ok(())
    }

    fn check(&self, ctx: &Context<'_, '_>, member: &Member) -> Result<(), Code> {
        let keys = member.governors.iter().map(|id| ctx.state.get(&KEYS, id).map(|key| key.key));
        let governors: Vec<PublicKey> = keys.collect::<Option<_>>().ok_or(Code::BadPossession)?;
        let statement = MemberProof::of_admission(ctx.block.chain, member, &governors)
            .ok_or(Code::BadPossession)?;
        let signatures = [&self.validator, &self.node].into_iter().chain(&self.governors);
        let complete = self.governors.len() == governors.len();
        let good = |(key, signature)| statement.verify(key, signature);
        if complete && statement.keys.iter().zip(signatures).all(good) {
            Ok(())
        } else {
            Err(Code::BadPossession)
        }
    }
}
