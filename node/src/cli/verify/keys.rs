//! The keys that cosigners sign with, and how far they are to be believed.

use std::path::Path;

use hefu_contracts::identity::KEYS;
use hefu_contracts::identity::Role;
use hefu_genesis::{Genesis, SignedGenesis};
use hefu_primitives::capsule::Capsule;
use hefu_primitives::transparency::{
    Es256Endorsement, Es256PublicKey, SignatureKind, VerifierKey, cosigner_name,
};
use hefu_primitives::{ChainId, KeyId, PublicKey, Region, Signature};
use serde_json::Value;

use super::failed;
use crate::cli::app::App;
use crate::cli::fault::Fault;

/// A province's key.
pub(super) struct CosignerKey {
    pub(super) region: Region,
    pub(super) key: PublicKey,
    /// The key for JavaScript verifiers, when its endorsement is here.
    pub(super) es256: Option<Es256PublicKey>,
}

/// Keys, and where they are from: `capsule` and `genesis` prove them, `list` says them.
pub(super) struct KnownKeys {
    pub(super) source: &'static str,
    pub(super) keys: Vec<CosignerKey>,
}

impl CosignerKey {
    /// The key of cosignatures under its province's name.
    pub(super) fn verifier(&self, chain: &ChainId) -> Option<VerifierKey> {
        let name = cosigner_name(chain, self.region);
        VerifierKey::new(name, SignatureKind::Cosignature, &self.key).ok()
    }
}

impl KnownKeys {
    /// Reads the keys of a ledger's cosigners from a file of any of the three kinds.
    pub(super) fn read(app: &App, path: &Path, chain: ChainId) -> Result<Self, Fault> {
        let bytes = app.read(path)?;
        let known = if let Ok(capsule) = Capsule::from_file(&bytes) {
            let verified =
                capsule.verify(chain).map_err(|error| failed(app, error.step(), error))?;
            let records = verified.status.map(|status| status.records).unwrap_or_default();
            let keys = records.iter().filter(|(key, _)| key.first() == Some(&KEYS.prefix()));
            let keys = keys.filter_map(|(_, value)| of_record(value.as_deref()?)).collect();
            Self { source: "capsule", keys }
        } else if let Some(genesis) = genesis_of(&bytes) {
            if genesis.hash() != chain {
                let found = genesis.hash();
                let error = format_args!("{} is the genesis {found}", path.display()).to_string();
                return Err(failed(app, "genesis", error));
            }
            let writes = genesis.initial_writes();
            let (from, to) = KEYS.range(&());
            let keys = writes.range(from..to);
            let keys = keys.filter_map(|(_, value)| of_record(value.as_deref()?)).collect();
            Self { source: "genesis", keys }
        } else {
            let list: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let listed = list["cosigners"].as_array().into_iter().flatten();
            Self { source: "list", keys: listed.filter_map(of_list).collect() }
        };
        match known.keys.is_empty() {
            true => Err(Fault::said("cli.input", "verify-no-keys", &[("file", &path.display())])),
            false => Ok(known),
        }
    }

    pub(super) fn by_id(&self, id: KeyId) -> Option<&CosignerKey> {
        self.keys.iter().find(|known| known.key.id() == id)
    }
}

fn genesis_of(bytes: &[u8]) -> Option<Genesis> {
    let signed = SignedGenesis::from_json(bytes).map(|signed| signed.genesis);
    signed.or_else(|_| Genesis::from_json(bytes)).ok()
}

/// A cosigner's key by its record; none for another's.
fn of_record(value: &[u8]) -> Option<CosignerKey> {
    let record = KEYS.decode(value).filter(|record| record.roles == [Role::Cosigner])?;
    let region = record.owner.region()?.province();
    Some(CosignerKey { region, key: record.key, es256: None })
}

/// A cosigner's key by a node's list; that of ES256 only with the registered key's endorsement.
fn of_list(listed: &Value) -> Option<CosignerKey> {
    let verifier: VerifierKey = listed["cosigner"].as_str()?.parse().ok()?;
    let (_, region) = verifier.name().rsplit_once('/')?;
    let key = verifier.key();
    let endorsed = || {
        let endorsement = Es256Endorsement {
            key: listed["es256"].as_str()?.parse().ok()?,
            signature: listed["es256_endorsement"].as_str()?.parse::<Signature>().ok()?,
        };
        endorsement.verify(&key).then_some(endorsement.key)
    };
    Some(CosignerKey { region: Region(region.parse().ok()?), key, es256: endorsed() })
}
