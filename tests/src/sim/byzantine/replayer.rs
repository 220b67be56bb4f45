//! Repeats what it heard long ago: votes, proposals, certificates, statuses, bundles. Certificates
//! are rare and worth more, so it keeps them apart.

use hefu_consensus::Message;

use super::{Attacker, Parcel, Scene};

/// Messages it remembers, of each kind.
const REMEMBERED: usize = 400;

#[derive(Default)]
pub(super) struct Replayer {
    messages: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    bundles: Vec<Vec<u8>>,
}

impl Attacker for Replayer {
    fn heard(&mut self, scene: &mut Scene<'_>, bytes: &[u8]) -> Vec<Parcel> {
        let certified =
            matches!(Message::decode(bytes), Ok(Message::Polka(_) | Message::Decided(_)));
        let kept = if certified { &mut self.certificates } else { &mut self.messages };
        if kept.len() < REMEMBERED {
            kept.push(bytes.to_vec());
        } else if scene.rng.chance(50) {
            let place = scene.rng.place(REMEMBERED);
            kept[place] = bytes.to_vec();
        }
        Vec::new()
    }

    fn heard_bundle(&mut self, bytes: &[u8]) {
        if self.bundles.len() < REMEMBERED {
            self.bundles.push(bytes.to_vec());
        }
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for kept in [&self.messages, &self.messages, &self.certificates] {
            if !kept.is_empty() {
                let old = kept[scene.rng.place(kept.len())].clone();
                if is_old(scene, &old) {
                    scene.did();
                }
                parcels.push(Parcel::Message(scene.somebody(), old));
            }
        }
        if !self.bundles.is_empty() && scene.rng.chance(200) {
            let old = self.bundles[scene.rng.place(self.bundles.len())].clone();
            parcels.push(Parcel::Bundle(scene.somebody(), old));
        }
        parcels
    }
}

/// Whether a message is of a height that is decided.
fn is_old(scene: &Scene<'_>, bytes: &[u8]) -> bool {
    let height = match Message::decode(bytes) {
        Ok(Message::Proposal { proposal, .. }) => Some(proposal.proposal.height),
        Ok(Message::Votes(votes)) => votes.first().map(|signed| signed.vote.height),
        Ok(Message::Polka(polka)) => Some(polka.height),
        Ok(Message::Decided(certificate)) => Some(certificate.height),
        Ok(Message::Status(status)) => Some(status.height),
        Ok(Message::Evidence(evidence)) => Some(evidence.height()),
        Err(_) => None,
    };
    height.is_some_and(|height| height < scene.height())
}
