//! What a light client keeps between two runs, as a file.
//!
//! The file is believed no more than a capsule: reading it verifies the chain of validator sets from
//! the genesis on, where the chain was kept, and the last header's certificate.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::follow::Followed;
use super::fork::{ForkError, ForkProof};
use super::verify::{LightError, Rule, Trusted, check_certificate, check_parts};
use super::{Follower, LightBlock};
use crate::bounds::MAX_CAPSULE_BYTES;
use crate::capsule::{CapsuleError, GenesisAnchor, SetChange, Trust};
use crate::codec::{Canonical, CodecError};
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, Height};

/// Version of the file that this program writes.
const STATE_FORMAT: u16 = 1;

/// What a light client believes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LightState {
    #[n(0)]
    format: u16,
    #[n(1)]
    anchor: GenesisAnchor,
    /// Every change of the validator set so far; none when some were stepped over.
    #[n(2)]
    changes: Option<Vec<SetChange>>,
    /// The last block; none before the first.
    #[n(3)]
    last: Option<LightBlock>,
}

/// Why a file is no state of a light client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The encoding.
    #[error("encoding: {0}")]
    Encoding(#[from] CodecError),
    /// The file is not as it was written.
    #[error("digest: the file was changed or damaged")]
    Changed,
    /// Of another format version.
    #[error("format: version {0} is not known")]
    Format(u16),
    /// The anchor is not that of the expected ledger.
    #[error("genesis: the file is of ledger {found}, not {expected}")]
    Genesis {
        /// The hash the reader knows.
        expected: ChainId,
        /// The hash of the anchor.
        found: ChainId,
    },
    /// The chain of validator sets.
    #[error(transparent)]
    Chain(#[from] CapsuleError),
    /// The last header.
    #[error(transparent)]
    Header(#[from] LightError),
}

#[derive(Encode, Decode)]
struct StateFile {
    #[n(0)]
    state: ByteVec,
    #[n(1)]
    digest: H32,
}

impl LightState {
    /// The state of a client that knows the genesis hash and was given the anchor.
    ///
    /// # Errors
    /// [`StateError::Genesis`] when the anchor is another's.
    pub fn new(anchor: GenesisAnchor, genesis: ChainId) -> Result<Self, StateError> {
        let found = anchor.chain();
        if found != genesis {
            return Err(StateError::Genesis { expected: genesis, found });
        }
        Ok(Self { format: STATE_FORMAT, anchor, changes: Some(Vec::new()), last: None })
    }

    /// The bytes of the file.
    pub fn to_file(&self) -> Vec<u8> {
        let state = self.to_bytes();
        let digest = hash(Domain::LightState, &[&state]);
        StateFile { state: state.into(), digest }.to_bytes()
    }

    /// Reads a file, and verifies what it says.
    ///
    /// # Errors
    /// [`StateError`] names the first step that fails.
    pub fn from_file(bytes: &[u8], genesis: ChainId) -> Result<Self, StateError> {
        let file = StateFile::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
        if hash(Domain::LightState, &[&file.state]) != file.digest {
            return Err(StateError::Changed);
        }
        let state = Self::from_bytes(&file.state, MAX_CAPSULE_BYTES)?;
        if state.format != STATE_FORMAT {
            return Err(StateError::Format(state.format));
        }
        Self::new(state.anchor.clone(), genesis)?;
        if let Some(last) = &state.last {
            check_parts(last, genesis)?;
            check_certificate(last)?;
        }
        if let Some(changes) = &state.changes {
            let trust = Trust::new(genesis, &state.anchor, changes);
            trust.check_changes()?;
            state.last.as_ref().map(|last| trust.check(&last.certified)).transpose()?;
            state.check_handover(changes)?;
        }
        Ok(state)
    }

    /// That a change which the last header announces is the last of the chain.
    fn check_handover(&self, changes: &[SetChange]) -> Result<(), CapsuleError> {
        let last = changes.last().map(|change| change.certified.header.height);
        let announces = self.last.as_ref().is_some_and(|block| block.next.is_some());
        let within = last.is_none_or(|last| last <= self.height());
        if within && announces == (last == Some(self.height())) {
            return Ok(());
        }
        Err(CapsuleError::Header(self.height()))
    }

    /// The ledger.
    pub fn chain(&self) -> ChainId {
        self.anchor.chain()
    }

    /// The anchor's bytes: leaf 0 of the audit log.
    pub fn anchor_bytes(&self) -> Vec<u8> {
        self.anchor.to_bytes()
    }

    /// The last block; none before the first.
    pub const fn last(&self) -> Option<&LightBlock> {
        self.last.as_ref()
    }

    /// Its height; 0 before the first.
    pub fn height(&self) -> Height {
        self.last.as_ref().map_or(Height(0), LightBlock::height)
    }

    /// Every change of the validator set so far; none when some were stepped over.
    pub fn changes(&self) -> Option<&[SetChange]> {
        self.changes.as_deref()
    }

    /// What is believed.
    pub fn trusted(&self) -> Trusted {
        self.last.as_ref().map_or_else(|| Trusted::genesis(&self.anchor), Trusted::of)
    }

    /// A way from here to a height.
    ///
    /// # Errors
    /// [`LightError::Stale`] when it lies behind.
    pub fn follow(&self, target: Height, rule: Rule) -> Result<Follower, LightError> {
        Follower::new(self.trusted(), target, rule)
    }

    /// Moves to the end of a way that was gone from here.
    pub fn advance(&mut self, followed: Followed) {
        let Some(last) = followed.last else { return };
        self.last = Some(last);
        self.changes = match (self.changes.take(), followed.changes) {
            (Some(mut known), Some(more)) => {
                known.extend(more);
                Some(known)
            }
            _ => None,
        };
    }

    /// Judges another's block of the height that is believed: nothing when it is the same one, the
    /// proof of a fork when it is another that holds too.
    ///
    /// # Errors
    /// [`ForkError`] when the block proves nothing: it is forged, or of another height.
    pub fn compare(&self, theirs: &LightBlock) -> Result<Option<ForkProof>, ForkError> {
        let Some(ours) = &self.last else { return Ok(None) };
        if ours.certified.header == theirs.certified.header {
            return Ok(None);
        }
        // A change that the last header itself announces decides only what follows.
        let before = |change: &&SetChange| change.certified.header.height < ours.height();
        let known = self.changes.iter().flatten().filter(before).cloned().collect();
        let proof = ForkProof::new(self.anchor.clone(), known, ours.certified.clone(), theirs);
        proof.check_theirs(self.chain(), &ours.validators)?;
        self.changes.as_ref().ok_or(ForkError::Unlinked)?;
        proof.verify(self.chain())?;
        Ok(Some(proof))
    }
}
