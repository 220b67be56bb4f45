//! The index as readers share it: it can be closed under them, so that a stopped node lets go of
//! its folder although handles of its service are still about.

use std::sync::{Arc, PoisonError, RwLock};

use crate::store::{EngineFault, EngineKind, Index, StoreError};

type Row = (Vec<u8>, Vec<u8>);

/// An index that answers `Closed` once it is closed.
pub(super) struct SharedIndex {
    engine: EngineKind,
    index: RwLock<Option<Arc<dyn Index>>>,
}

impl SharedIndex {
    pub(super) fn new(engine: EngineKind, index: Arc<dyn Index>) -> Self {
        Self { engine, index: RwLock::new(Some(index)) }
    }

    /// Lets go of the index; reads under way finish first.
    pub(super) fn close(&self) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&dyn Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.index.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(index) => read(index.as_ref()),
            None => Err(StoreError::Engine { engine: self.engine, fault: EngineFault::Closed }),
        }
    }
}

impl Index for SharedIndex {
    fn height(&self) -> Result<u64, StoreError> {
        self.with(|index| index.height())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|index| index.get(key))
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, StoreError> {
        self.with(|index| index.scan(from, to, limit, reverse))
    }

    fn apply(&self, height: u64, batch: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<(), StoreError> {
        self.with(|index| index.apply(height, batch))
    }

    fn apply_owned(
        &self,
        height: u64,
        batch: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        self.with(|index| index.apply_owned(height, batch))
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with(|index| index.checkpoint())
    }

    fn wipe(&self) -> Result<(), StoreError> {
        self.with(|index| index.wipe())
    }
}
