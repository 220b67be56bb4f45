//! The state before height 1, as the contracts store it.

use hefu_contracts::Writes;

use crate::genesis::Genesis;

/// Every record a genesis begins with.
pub(crate) fn initial_writes(_genesis: &Genesis) -> Writes {
    Writes::new()
}
