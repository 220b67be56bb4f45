//! The layout of format 1: every header, certificate and proof whole. It is read and written as it
//! was, for ever.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::{
    Capsule, CapsuleError, CertifiedHeader, FIRST_FORMAT, GenesisAnchor, SetChange, StatusProof,
};
use crate::block::Header;
use crate::bounds::MAX_CAPSULE_BYTES;
use crate::codec::{Canonical, CodecError};
use crate::crypto::PublicKey;
use crate::log::InclusionProof;

/// The evidence capsule, format 1.
#[derive(Encode, Decode)]
pub(super) struct FirstCapsule {
    /// 1.
    #[n(0)]
    format: u16,
    /// The genesis anchor.
    #[n(1)]
    anchor: GenesisAnchor,
    /// Changes of the validator set up to the latest header, oldest first.
    #[n(2)]
    set_changes: Vec<SetChange>,
    /// The block that recorded the transaction.
    #[n(3)]
    recorded: CertifiedHeader,
    /// The transaction's envelope.
    #[n(4)]
    transaction: ByteVec,
    /// The key that signed it.
    #[n(5)]
    signer: PublicKey,
    /// Its place in the audit log of `recorded`.
    #[n(6)]
    inclusion: InclusionProof,
    /// Records at a later (or the same) height.
    #[n(7)]
    status: Option<StatusProof>,
    /// The header before `recorded`; none at height 1.
    #[n(8)]
    before: Option<Header>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Capsule, CapsuleError> {
    let first = FirstCapsule::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
    Ok(Capsule {
        format: first.format,
        anchor: first.anchor,
        set_changes: first.set_changes,
        recorded: first.recorded,
        before: first.before,
        transaction: first.transaction,
        signer: first.signer,
        inclusion: first.inclusion,
        status: first.status,
        witness: None,
    })
}

pub(super) fn write(capsule: &Capsule) -> Result<Vec<u8>, CapsuleError> {
    if capsule.witness.is_some() {
        return Err(CodecError::NotCanonical.into());
    }
    let capsule = capsule.clone();
    let first = FirstCapsule {
        format: FIRST_FORMAT,
        anchor: capsule.anchor,
        set_changes: capsule.set_changes,
        recorded: capsule.recorded,
        transaction: capsule.transaction,
        signer: capsule.signer,
        inclusion: capsule.inclusion,
        status: capsule.status,
        before: capsule.before,
    };
    Ok(first.to_bytes())
}
