//! Members, authorities, mandates, keys, endorsements by governors, and votes between provinces.
//!
//! This module does not know certificates beyond their types and scenarios, which provinces adopt
//! by vote.

pub mod action;
pub mod authority;
#[cfg(test)]
mod authority_model;
pub mod ballot;
pub mod coordinator;
#[cfg(test)]
mod coordinator_tests;
pub mod endorse;
pub mod key;
#[cfg(test)]
mod key_model;
pub mod membership;
pub mod operator;
pub mod records;
pub mod rules;
pub mod succession;
#[cfg(test)]
mod tests;
pub mod text;
pub mod unit;
pub mod validators;

pub use action::Action;
pub use authority::{
    Mandate, RegisterAuthority, ResumeAuthority, SetMandate, SuspendAuthority, succeeds,
};
pub use ballot::{CastVote, Propose};
pub use coordinator::{BallotConsent, Coordinator, GiveConsent};
pub use key::{BindKey, Possession, RevokeKey, RotateKey, keys_of};
pub use membership::*;
pub use operator::SetOperator;
pub use records::*;
pub use rules::{ActionClass, RULES, Rule, RuleTable, Threshold};
pub use succession::{DissolveAuthority, SucceedAuthority};
pub use text::public_name;
pub use unit::{SetUnits, Unit};
pub use validators::schedule_validators;
