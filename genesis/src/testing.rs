//! What tests of this crate share.

use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::{KeyPair, Millis};

use crate::document::Document;
use crate::genesis::Genesis;
use crate::sample::{self, SampleKeys};

/// 2026-03-02T00:00:00Z, a working day.
pub(crate) const CREATED: Millis = Millis(1_772_409_600_000);

/// A key that follows from its purpose.
pub(crate) fn key(purpose: &str) -> KeyPair {
    KeyPair::from_secret(&hash(Domain::Digest, &[b"test key ", purpose.as_bytes()]).0)
}

pub(crate) fn demo() -> (Genesis, SampleKeys) {
    sample::demo(CREATED, &mut key).unwrap()
}

pub(crate) fn document() -> Document {
    demo().0.document().clone()
}
