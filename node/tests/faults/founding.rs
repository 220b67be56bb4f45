//! The ledger of a test: keys that follow from their purpose, and where its nodes are found.

use std::net::SocketAddr;
use std::path::Path;

use hefu_node::bench::founding;
pub(crate) use hefu_node::bench::founding::Founding;
use hefu_primitives::KeyPair;
use hefu_primitives::hash::{Domain, hash};

use crate::harness::PASSPHRASE;

/// Where every node's interface answers, on the loopback of its own machine.
pub(crate) const API: u16 = 8421;
/// Where every node listens for its peers.
const P2P: u16 = 8431;

fn key(purpose: &str) -> KeyPair {
    KeyPair::from_secret(&hash(Domain::Digest, &[b"key of a test ", purpose.as_bytes()]).0)
}

/// A ledger of so many provinces, of which the node of number `n` is found at `address(n)`.
pub(crate) fn found(nodes: usize, address: impl Fn(usize) -> String) -> Founding {
    let address = |number| format!("{}:{P2P}", address(number));
    Founding::new(nodes, address, key).expect("a ledger")
}

/// Prepares the home folder of one node: settings, genesis and keys.
pub(crate) fn settle(founding: &Founding, number: usize, home: &Path, address: &str) {
    let p2p = format!("{address}:{P2P}").parse().expect("an address");
    let doors = founding::Doors { p2p, api: SocketAddr::from(([127, 0, 0, 1], API)) };
    founding.settle(number, home, doors, PASSPHRASE).expect("a home");
}
