//! Cosigning, as a running node does it: what may be signed, what others' signatures are worth, and
//! the checkpoint that is served.
//!
//! These read the index and wait for disks: they run on blocking threads.

use hefu_contracts::identity::{KEYS, keys_of};
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{Frontier, LogHead, consistency_proof};
use hefu_primitives::transparency::{
    Checkpoint, Es256Endorsement, Note, NoteSignature, Refusal, SignatureKind, VerifierKey,
    cosigner_name, note,
};
use hefu_primitives::{KeyId, Power, PublicKey, Region};

use super::Service;
use crate::core::runs::IndexLog;
use crate::core::sync::SyncAnswer;
use crate::cosign::guard::{Guard, GuardError};
use crate::cosign::{Cosigned, CosignerKeys, Cosigning, Served, Signing};
use crate::network::NodeKey;
use crate::runtime::wall_clock;

/// Cosigning.
impl Service {
    pub(in crate::runtime) fn cosigning(&self) -> &Cosigning {
        &self.0.cosigning
    }

    /// The newest checkpoint that a quorum of provinces cosigned.
    pub fn checkpoint(&self) -> Option<Served> {
        self.cosigning().served()
    }

    /// Head of the log after the last block.
    pub fn log_head(&self) -> LogHead {
        let tip = self.tip();
        LogHead { size: tip.log_size, root: tip.log_root }
    }

    /// The log as it was at a size.
    pub(super) fn log_head_at(&self, size: u64) -> Option<LogHead> {
        if size > self.tip().log_size {
            return None;
        }
        let index = self.records().index();
        Frontier::from_reader(&IndexLog(index.as_ref()), size).ok().map(|log| log.head())
    }

    /// The province that a registered cosigning key is accepted for now, and the key.
    pub(super) fn cosigner(&self, id: &KeyId) -> Option<(Region, PublicKey)> {
        let record = KEYS.read(self.records(), id)?;
        let member = self.members().into_iter().find(|member| record.cosigns_for(member))?;
        record.is_accepted_at(self.tip().time).then_some((member.region, record.key))
    }

    /// Our secret key, when the ledger accepts it for our province.
    pub(super) fn registered(&self) -> Option<&Signing> {
        let signing = self.cosigning().signing.as_ref()?;
        let (region, _) = self.cosigner(&signing.id)?;
        (region == self.region()).then_some(signing)
    }

    /// Whether validators of a quorum, this node included, have said what they know of our
    /// signatures. Before that a restored backup might sign what its later self contradicts.
    pub(in crate::runtime) fn may_cosign(&self) -> bool {
        let validators = self.tip().validators;
        let answered = self.cosigning().answered();
        let known = |region| region == self.region() || answered.contains(&region);
        let power = validators.validators().iter().filter(|v| known(v.region)).map(|v| v.power.0);
        Power(power.sum()) >= validators.quorum()
    }

    /// Cosigns a head of our log: kept durably first, and only if it continues what was signed
    /// before.
    pub(in crate::runtime) fn cosign(&self, head: LogHead) -> Option<Cosigned> {
        let signing = self.registered().filter(|_| self.may_cosign())?;
        match self.keep_signed(head) {
            Ok(()) => {}
            Err(CosignRefusal::Guard(error @ GuardError::Back { .. })) => {
                tracing::debug!(%error, "a larger head was cosigned already");
                return None;
            }
            Err(error) => {
                tracing::error!(%error, size = head.size, "not cosigned");
                return None;
            }
        }
        let time = wall_clock().0 / 1000;
        let text = Checkpoint::new(self.cosigning().origin.clone(), head).text();
        let line = signing.cosigner.sign(&signing.pair, time, &text);
        let signature = line.bytes.get(8..)?.try_into().ok()?;
        let signature = hefu_primitives::Signature(signature);
        let cosigned = Cosigned { key: signing.id, head, time, signature };
        self.cosigning().board().add(self.region(), cosigned);
        self.refresh_checkpoint();
        Some(cosigned)
    }

    /// Keeps a head as signed, durably.
    pub(super) fn keep_signed(&self, head: LogHead) -> Result<(), CosignRefusal> {
        let mut guard = self.cosigning().guard();
        let guard = guard.as_mut().map_err(|_| CosignRefusal::Unknown)?;
        let signed = guard.last().size;
        if signed > head.size {
            return Err(GuardError::Back { signed, asked: head.size }.into());
        }
        let index = self.records().index();
        let proof = consistency_proof(&IndexLog(index.as_ref()), signed, head.size);
        Ok(guard.advance(head, &proof.map_err(|_| CosignRefusal::Log)?)?)
    }

    /// Takes a cosignature that somebody sent; false when it is of nobody.
    pub(in crate::runtime) fn take_cosigned(&self, cosigned: Cosigned) -> bool {
        if self.cosigning().board().knows(&cosigned) {
            return true;
        }
        let Some((region, key)) = self.cosigner(&cosigned.key) else {
            // A peer may know a key that we have not executed yet.
            return true;
        };
        if !cosigned.verify(&self.chain(), region, &key) {
            return false;
        }
        let head = cosigned.head;
        if self.cosigning().signing.as_ref().is_some_and(|signing| signing.id == cosigned.key)
            && let Ok(guard) = self.cosigning().guard().as_mut()
            && let Err(error) = guard.raise(head)
        {
            tracing::error!(%error, "what this node cosigned before cannot be kept");
            return true;
        }
        if head.size > 0 && self.log_head_at(head.size).is_some_and(|ours| ours != head) {
            tracing::error!(%region, size = head.size, root = %head.root,
                "A FORK: a province cosigned a log that is not ours");
        }
        self.cosigning().board().add(region, cosigned);
        self.refresh_checkpoint();
        true
    }

    /// Serves the largest head that a quorum signed, with every signature there is of it.
    pub(in crate::runtime) fn refresh_checkpoint(&self) {
        let validators = self.tip().validators;
        let mut board = self.cosigning().board();
        board.keep_of(|region, key| self.cosigner(key).is_some_and(|(of, _)| of == region));
        let ours = |head: LogHead| self.log_head_at(head.size) == Some(head);
        let Some(head) = board.best(&validators, ours) else { return };
        let lines = board.lines(head);
        drop(board);
        if self.checkpoint().is_some_and(|served| served.head.size > head.size) {
            return;
        }
        let text = Checkpoint::new(self.cosigning().origin.clone(), head).text();
        let mut signatures: Vec<NoteSignature> = self.log_line(head, &text).into_iter().collect();
        signatures.extend(lines.iter().filter_map(|(region, cosigned)| {
            let key = KEYS.read(self.records(), &cosigned.key)?.key;
            let name = cosigner_name(&self.chain(), *region);
            let verifier = VerifierKey::new(name, SignatureKind::Cosignature, &key).ok()?;
            Some(verifier.cosignature(cosigned.time, &cosigned.signature))
        }));
        signatures.extend(self.cosigning().outside(head));
        signatures.truncate(note::MAX_NOTE_SIGNATURES);
        if let Ok(note) = Note::new(text, signatures) {
            let note = note.to_string().into();
            self.cosigning().serve(Served { head, note, provinces: lines.len() });
            self.0.checkpoints.send_replace(head.size);
        }
    }

    /// The line by which this node signs as the log, which outside witnesses ask for: under the
    /// same guard as a cosignature.
    fn log_line(&self, head: LogHead, text: &str) -> Option<NoteSignature> {
        let signing = self.registered()?;
        self.covers(head).then(|| signing.log.sign(&signing.pair, 0, text))
    }

    /// Whether a head of our log may be signed, in whatever form: one that was kept, one that the
    /// kept one continues, or one that can be kept now.
    pub(in crate::runtime) fn covers(&self, head: LogHead) -> bool {
        let Ok(kept) = self.cosigning().guard().as_ref().map(Guard::last) else { return false };
        if head.size > kept.size {
            return self.may_cosign() && self.keep_signed(head).is_ok();
        }
        // A guard that is ahead of our log, or of another one, covers nothing of ours.
        let of_ours = |head: LogHead| self.log_head_at(head.size) == Some(head);
        of_ours(kept) && of_ours(head)
    }

    /// Loads the checkpoint that was served before the start; what no longer verifies is dropped.
    pub(in crate::runtime) fn load_checkpoint(&self) {
        let Some(kept) = self.cosigning().kept() else { return };
        let Ok((checkpoint, note)) = Checkpoint::of_note(&kept) else { return };
        for member in self.members() {
            let keys = keys_of(self.records(), &member.operator);
            for record in keys.iter().filter(|record| record.cosigns_for(&member)) {
                let name = cosigner_name(&self.chain(), member.region);
                let kind = SignatureKind::Cosignature;
                let Ok(verifier) = VerifierKey::new(name, kind, &record.key) else { continue };
                let own = note.signatures().iter().filter(|line| verifier.claims(line));
                for line in own {
                    let Some(time) = verifier.verify(note.text(), line) else { continue };
                    let Some(Ok(bytes)) = line.bytes.get(8..).map(TryInto::try_into) else {
                        continue;
                    };
                    let signature = hefu_primitives::Signature(bytes);
                    let (key, head) = (record.key.id(), checkpoint.head);
                    self.take_cosigned(Cosigned { key, head, time, signature });
                }
            }
        }
    }

    /// What this node answers to a cosignature: those it has of the same head (of its own checkpoint
    /// when none came), and the largest it knows of the asking province.
    pub(in crate::runtime) fn answer_cosigned(
        &self,
        from: &NodeKey,
        told: Option<Cosigned>,
    ) -> Option<SyncAnswer> {
        if let Some(cosigned) = told
            && !self.take_cosigned(cosigned)
        {
            self.penalise(*from);
            return None;
        }
        let asker = self.region_of(from);
        let board = self.cosigning().board();
        let head = told.map(|told| told.head).or_else(|| self.checkpoint().map(|c| c.head));
        let lines = head.map(|head| board.lines(head)).unwrap_or_default();
        let theirs = asker.and_then(|region| board.latest(region));
        let others = lines.into_iter().map(|(_, cosigned)| cosigned);
        let all = theirs.into_iter().chain(others.filter(|c| Some(*c) != told));
        Some(SyncAnswer::collect(all.map(|cosigned| cosigned.to_bytes())))
    }

    /// The province whose node has a key.
    pub(in crate::runtime) fn region_of(&self, node: &NodeKey) -> Option<Region> {
        let members = self.members();
        members.iter().find(|m| m.node_key.as_bytes() == &node.0).map(|m| m.region)
    }

    /// The keys of this node's cosigner, endorsed.
    pub(in crate::runtime) fn own_cosigner_keys(&self) -> Option<CosignerKeys> {
        let signing = self.registered()?;
        Some(CosignerKeys::new(signing.id, &signing.es256.as_ref()?.endorse(&signing.pair)))
    }

    /// Whether the endorsed keys of a province's cosigner are known.
    pub(in crate::runtime) fn knows_keys_of(&self, region: Region) -> bool {
        let known = self.cosigning().keys();
        self.cosigners()
            .iter()
            .filter(|(of, _)| *of == region)
            .all(|(_, key)| known.contains_key(&key.id()))
    }

    /// Takes the keys that a registered cosigner endorsed.
    pub(in crate::runtime) fn take_cosigner_keys(&self, keys: &CosignerKeys) {
        let endorsed =
            self.cosigner(&keys.key).is_some_and(|(_, key)| keys.endorsement().verify(&key));
        if endorsed {
            self.cosigning().keys().insert(keys.key, *keys);
        }
    }

    /// The endorsed keys of a registered cosigner, as far as they are known here.
    pub fn endorsed(&self, key: &KeyId) -> Option<Es256Endorsement> {
        let own = self.own_cosigner_keys().filter(|own| own.key == *key);
        let known = own.or_else(|| self.cosigning().keys().get(key).copied());
        known.map(|keys| keys.endorsement())
    }

    /// Sizes of served checkpoints, as they are served.
    pub(in crate::runtime) fn checkpoint_sizes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.checkpoints.subscribe()
    }

    /// Cosigning keys of every member that the ledger accepts now.
    pub fn cosigners(&self) -> Vec<(Region, PublicKey)> {
        let mut found = Vec::new();
        for member in self.members() {
            let records = keys_of(self.records(), &member.operator);
            let accepted = records.iter().filter(|record| {
                record.cosigns_for(&member) && record.is_accepted_at(self.tip().time)
            });
            found.extend(accepted.map(|record| (member.region, record.key)));
        }
        found
    }

    /// Answers a request to witness another log.
    ///
    /// # Errors
    /// [`Refusal`], with the status the protocol has for it.
    pub fn witness(&self, body: &[u8]) -> Result<NoteSignature, Refusal> {
        let signing = self.cosigning().signing.as_ref();
        let signing = signing.ok_or(Refusal::UnknownLog)?;
        self.cosigning().witness.add_checkpoint(body, signing, wall_clock().0 / 1000)
    }

    /// The checkpoint cosigned last of a log that this node witnesses, by the hash of its origin.
    pub fn witnessed(&self, origin_hash: &str) -> Option<Vec<u8>> {
        self.cosigning().witness.checkpoint(origin_hash)
    }
}

/// Why a head was not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CosignRefusal {
    #[error("what was cosigned before is not known")]
    Unknown,
    #[error("the log cannot be read")]
    Log,
    #[error(transparent)]
    Guard(#[from] GuardError),
}
