//! The whole interface over real nodes: four in this process, with real sockets and consensus.

mod document;
mod elsewhere;
mod exchange;
mod ledger;
mod machine;
mod mandates;
pub(crate) mod network;
mod overload;
mod services;
mod tlog;
