//! Why a node did not run as a process, or had to end: one variant for each thing an operator does
//! something else about.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use hefu_primitives::Region;

use super::NodeError;
use crate::keystore::{KeystoreError, PassphraseError};
use crate::store::{DiskTrouble, StoreError};

/// Why a node did not run, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process has the data folder.
    #[error("{}: a node already runs in this folder", folder.display())]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process has the port.
    #[error("{address} is in use ({setting}, {flag})")]
    PortInUse {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// The flag that gives another.
        flag: &'static str,
    },
    /// The address cannot be listened on.
    #[error("{setting} = {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// There is no genesis.
    #[error("{}: no genesis there", path.display())]
    NoGenesis {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The genesis is none, or its signatures are wrong.
    #[error("the genesis, {}: {source}", path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// Why.
        source: hefu_genesis::CeremonyError,
    },
    /// A production ledger that not every founding member has signed.
    #[error("{} is not yet signed by all members", path.display())]
    Unsigned {
        /// The file.
        path: PathBuf,
        /// Who has not.
        missing: Vec<Region>,
    },
    /// There is no passphrase.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// A key cannot be opened.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A key that the node needs is not in the keystore.
    #[error("no key {label} in {}", folder.display())]
    NoNodeKey {
        /// Its label.
        label: String,
        /// The keystore.
        folder: PathBuf,
    },
    /// The node key is not the one the genesis names.
    #[error("the node key in the keystore is not that of {region} in the genesis")]
    OtherNodeKey {
        /// The province.
        region: Region,
    },
    /// The node key is another province's, by the ledger.
    #[error("the node key in the keystore is that of {owner} on the ledger")]
    ForeignNodeKey {
        /// Whose it is.
        owner: Region,
    },
    /// A validator key in the keystore is that of another province.
    #[error("a validator key in the keystore of {region} is another province's")]
    OtherValidatorKey {
        /// The province.
        region: Region,
    },
    /// The address of a peer cannot be read.
    #[error("{region}: {address} is no address")]
    Peer {
        /// The peer.
        region: Region,
        /// What should be its address.
        address: String,
    },
    /// Stored blocks are damaged.
    #[error("{}: {error}", folder.display())]
    Damaged {
        /// The folder of blocks.
        folder: PathBuf,
        /// What is damaged, by file and height; in a box, because all results have room for it.
        error: Box<NodeError>,
    },
    /// The node itself.
    #[error(transparent)]
    Node(NodeError),
    /// The index was not written at the end.
    #[error("the index was not flushed; it is built again at start")]
    Flush(#[source] StoreError),
    /// The node stopped by itself.
    #[error("the node had to stop: {reason}")]
    Halted {
        /// Why, as the node says.
        reason: String,
        /// The trouble of the disk behind it.
        disk: Option<DiskTrouble>,
        /// Whether a signature of its own came that its log does not know.
        own_signature: bool,
    },
    /// The system gives no threads.
    #[error("no runtime: {0}")]
    Runtime(#[source] io::Error),
}

impl RunError {
    /// Why an address could not be listened on.
    pub(super) fn listen(
        address: SocketAddr,
        (setting, flag): (&'static str, &'static str),
        source: io::Error,
    ) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { address, setting, flag },
            _ => Self::Listen { address, setting, source },
        }
    }
}

impl From<NodeError> for RunError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Folder { path, error } if error.kind() == io::ErrorKind::WouldBlock => {
                Self::FolderInUse { folder: path }
            }
            NodeError::Folder { path, error } => Self::File { path, source: error },
            NodeError::Network(crate::network::StartError::Listen { address, error }) => {
                Self::listen(address, super::process::P2P, error)
            }
            other => Self::Node(other),
        }
    }
}
