//! The keys that cosigners sign with, and how far they are to be believed.

use std::collections::BTreeSet;
use std::path::Path;

use hefu_contracts::evidence::Doubt;
use hefu_contracts::identity::{KEYS, KeyRecord, Role};
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

/// Largest list of a node, in bytes.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// A province's key.
pub(super) struct CosignerKey {
    pub(super) region: Region,
    pub(super) key: PublicKey,
    /// Its record, where that is proven.
    pub(super) record: Option<KeyRecord>,
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

impl CosignerKey {
    /// Why what it signed counts for nothing, as far as its record is here.
    pub(super) fn doubt(&self, cosigned: Option<u64>) -> Option<Doubt> {
        Doubt::of(self.record.as_ref()?, cosigned)
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
            let (of, keys): (BTreeSet<ChainId>, Vec<CosignerKey>) =
                listed(&bytes).unwrap_or_default().into_iter().unzip();
            if let Some(found) = of.into_iter().find(|of| *of != chain) {
                let error = format_args!("{} is of the ledger {found}", path.display()).to_string();
                return Err(failed(app, "genesis", error));
            }
            Self { source: "list", keys }
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
    Some(CosignerKey { region, key: record.key, record: Some(record), es256: None })
}

/// The keys of a node's list of cosigners, each with the ledger it is of; none of a list with
/// anything else in it, or with a key twice.
fn listed(bytes: &[u8]) -> Option<Vec<(ChainId, CosignerKey)>> {
    if bytes.len() > MAX_LIST_BYTES {
        return None;
    }
    let list: Value = serde_json::from_slice(bytes).ok()?;
    let entries = list["cosigners"].as_array()?.iter();
    let keys = entries.map(of_list).collect::<Option<Vec<_>>>()?;
    let distinct: BTreeSet<KeyId> = keys.iter().map(|(_, known)| known.key.id()).collect();
    (distinct.len() == keys.len()).then_some(keys)
}

/// A cosigner's key by a node's list; that of ES256 only with the registered key's endorsement.
fn of_list(listed: &Value) -> Option<(ChainId, CosignerKey)> {
    let verifier: VerifierKey = listed["cosigner"].as_str()?.parse().ok()?;
    let (ledger, region) = verifier.name().rsplit_once('/')?;
    let chain: ChainId = ledger.rsplit_once('/')?.1.parse().ok()?;
    let region = Region(region.parse().ok()?);
    let named = verifier.name() == cosigner_name(&chain, region);
    if !named || verifier.kind() != SignatureKind::Cosignature {
        return None;
    }
    let key = verifier.key();
    let endorsed = || {
        let endorsement = Es256Endorsement {
            key: listed["es256"].as_str()?.parse().ok()?,
            signature: listed["es256_endorsement"].as_str()?.parse::<Signature>().ok()?,
        };
        endorsement.verify(&key).then_some(endorsement.key)
    };
    Some((chain, CosignerKey { region, key, record: None, es256: endorsed() }))
}
