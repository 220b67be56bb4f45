//! Makes certificates that prove nothing out of signatures that are good: too few of them, one
//! repeated, those of another block, round, height or kind of vote.

use std::collections::BTreeMap;

use hefu_consensus::{Message, PolkaCertificate};
use hefu_primitives::vote::{CommitSignature, SignedVote};
use hefu_primitives::{BlockId, CommitCertificate, KeyId, VoteKind};

use super::{Attacker, Parcel, Scene};

/// Votes it remembers.
const REMEMBERED: usize = 256;

#[derive(Default)]
pub(super) struct Certifier {
    /// The votes it heard last, by voter and kind.
    votes: BTreeMap<(KeyId, VoteKind), Vec<SignedVote>>,
    certificates: Vec<CommitCertificate>,
}

impl Attacker for Certifier {
    fn heard(&mut self, _scene: &mut Scene<'_>, bytes: &[u8]) -> Vec<Parcel> {
        match Message::decode(bytes) {
            Ok(Message::Votes(votes)) => votes.into_iter().for_each(|vote| {
                let kept = self.votes.entry((vote.vote.validator, vote.vote.kind)).or_default();
                if kept.len() == REMEMBERED {
                    kept.remove(0);
                }
                kept.push(vote);
            }),
            Ok(Message::Decided(certificate)) if self.certificates.len() < REMEMBERED => {
                self.certificates.push(certificate);
            }
            _ => {}
        }
        Vec::new()
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let Some(message) = self.forge(scene) else { return Vec::new() };
        scene.did();
        scene.others.iter().map(|to| Parcel::message(*to, &message)).collect()
    }
}

impl Certifier {
    fn forge(&self, scene: &mut Scene<'_>) -> Option<Message> {
        if !self.certificates.is_empty() && scene.rng.chance(500) {
            let place = scene.rng.place(self.certificates.len());
            return self.altered(scene, self.certificates[place].clone());
        }
        let votes: Vec<&SignedVote> = self.votes.values().filter_map(|kept| kept.last()).collect();
        if votes.is_empty() {
            return None;
        }
        let model = votes[scene.rng.place(votes.len())].vote;
        let nowhere = BlockId(scene.rng.bytes());
        let block = if scene.rng.chance(300) { nowhere } else { model.block.unwrap_or(nowhere) };
        // Good signatures at places where they may or may not belong, and of whatever was voted.
        let mut signatures = Vec::new();
        for place in 0..scene.rng.within(1, scene.others.len() as u64 + 1) {
            let signature = votes[scene.rng.place(votes.len())].signature;
            let index = if scene.rng.chance(900) { place } else { scene.rng.below(4) };
            signatures.push(CommitSignature { index: index as u16, signature });
        }
        let (height, round) = (scene.height(), model.round);
        Some(if scene.rng.chance(500) {
            Message::Polka(PolkaCertificate { height, round, block, signatures })
        } else {
            Message::Decided(CommitCertificate { height, round, block, signatures })
        })
    }

    /// A good certificate of an earlier height with something wrong in it.
    fn altered(&self, scene: &mut Scene<'_>, mut good: CommitCertificate) -> Option<Message> {
        match scene.rng.below(5) {
            0 => good.height = scene.height(),
            1 => {
                good.height = scene.height();
                good.signatures.truncate(1);
            }
            2 => {
                good.height = scene.height();
                let first = *good.signatures.first()?;
                good.signatures = vec![first; 4];
            }
            3 => {
                let CommitCertificate { round, block, signatures, .. } = good;
                let height = scene.height();
                return Some(Message::Polka(PolkaCertificate { height, round, block, signatures }));
            }
            _ => {
                good.height = scene.height();
                good.round = good.round.next();
            }
        }
        Some(Message::Decided(good))
    }
}
