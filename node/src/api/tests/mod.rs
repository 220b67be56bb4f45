//! The whole interface over real nodes: four in this process, with real sockets and consensus.

mod document;
mod ledger;
mod network;
