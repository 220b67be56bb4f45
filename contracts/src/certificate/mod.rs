//! Certificate types, scenarios, attestations and their status, seen from any height about any
//! day.
//!
//! This module does not know who recognises a certificate, or why.

pub mod attest;
pub mod batch;
#[cfg(test)]
mod border_model;
pub mod change;
#[cfg(test)]
mod list_model;
pub mod listing;
#[cfg(test)]
mod model;
pub mod records;
pub mod request;
pub mod seal;
#[cfg(test)]
mod seal_model;
pub mod status;
#[cfg(test)]
mod tests;
pub mod transfer;

pub use attest::Attest;
pub use batch::*;
pub use change::{
    Reaffirm, ReaffirmScope, ResumeAttestation, RevokeAttestation, SaltDestroyed,
    SuspendAttestation,
};
pub use listing::{is_scenario_adopted, is_type_adopted, versions};
pub use records::*;
pub use request::*;
pub use seal::*;
pub use status::{Status, StatusAnswer, questioned, status};
pub use transfer::{
    CancelTransfer, PendingTransfer, TRANSFER_DAYS, TransferIn, TransferOut, pending_transfer,
};
