//! nomt, with its defaults but a table that has room.

use std::path::Path;

use bitvec::prelude::Msb0;
use bitvec::view::BitView;
use nomt::hasher::Blake3Hasher;
use nomt::trie::LeafData;
use nomt::{KeyReadWrite, Nomt, Options, SessionParams};

use crate::{Item, Map};

pub struct NearlyOptimal(Nomt<Blake3Hasher>);

impl NearlyOptimal {
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut options = Options::new();
        options.path(folder.join("nomt"));
        options.hashtable_buckets(1_000_000);
        options.preallocate_ht(false);
        Ok(Self(Nomt::open(options)?))
    }
}

impl Map for NearlyOptimal {
    fn update(&mut self, mut batch: Vec<Item>) -> anyhow::Result<()> {
        batch.sort_unstable();
        let session = self.0.begin_session(SessionParams::default());
        for (path, _) in &batch {
            session.warm_up(*path);
        }
        let writes = batch
            .into_iter()
            .map(|(path, value)| (path, KeyReadWrite::Write(Some(value.to_vec()))));
        session.finish(writes.collect())?.commit(&self.0)
    }

    fn prove(&self, path: [u8; 32]) -> anyhow::Result<usize> {
        let session = self.0.begin_session(SessionParams::default());
        Ok(borsh::to_vec(&session.prove(path)?)?.len())
    }

    fn verifies(&self, (path, value): Item, absent: [u8; 32]) -> anyhow::Result<bool> {
        let root = self.0.root().into_inner();
        let session = self.0.begin_session(SessionParams::default());
        let present = session.prove(path)?.verify::<Blake3Hasher>(path.view_bits::<Msb0>(), root);
        let missing =
            session.prove(absent)?.verify::<Blake3Hasher>(absent.view_bits::<Msb0>(), root);
        let leaf = LeafData { key_path: path, value_hash: *blake3::hash(&value).as_bytes() };
        let held = |proof: Result<_, _>, error: &str| {
            proof.map_err(|found| anyhow::anyhow!("{error}: {found:?}"))
        };
        let (present, missing) = (held(present, "presence")?, held(missing, "absence")?);
        Ok(present.confirm_value(&leaf).unwrap_or(false)
            && missing.confirm_nonexistence(&absent).unwrap_or(false))
    }
}
