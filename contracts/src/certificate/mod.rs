//! Certificate types, scenarios, attestations and their status, seen from any height about any
//! day.
//!
//! This module does not know who recognises a certificate, or why.

pub mod listing;
pub mod records;
pub mod status;

pub use listing::{is_scenario_adopted, is_type_adopted, versions};
pub use records::*;
pub use status::{Status, StatusAnswer, questioned, status};
