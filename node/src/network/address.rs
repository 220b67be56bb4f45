//! Where a node can be dialled: a host and a port, resolved anew at each attempt.
//!
//! Names are resolved by the operating system, so that a node which moved to another machine is
//! found again without a restart of the others. This file opens no connection.

use std::net::{IpAddr, SocketAddr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Longest host name, in bytes (RFC 1035).
const MAX_HOST_BYTES: usize = 253;
/// Most socket addresses taken from one name.
const MAX_RESOLVED: usize = 8;

/// A `host:port` where a node listens; the host is a name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

/// Why a text is not an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `:port` at the end, or not a number from 1 to 65535.
    #[error("expected host:port with a port from 1 to 65535")]
    Port,
    /// The host is empty, too long or holds a character that no name has.
    #[error("the host is neither a name nor an IP address")]
    Host,
}

impl Address {
    /// The socket addresses behind the name, now.
    pub(crate) async fn resolve(&self) -> Vec<SocketAddr> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return vec![SocketAddr::new(ip, self.port)];
        }
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(found) => found.take(MAX_RESOLVED).collect(),
            Err(error) => {
                tracing::debug!(address = %self, %error, "cannot resolve the name of a peer");
                Vec::new()
            }
        }
    }
}

impl core::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Port)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(AddressError::Port)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        let fits = !host.is_empty() && host.len() <= MAX_HOST_BYTES;
        if !fits || !(is_name || host.parse::<IpAddr>().is_ok()) {
            return Err(AddressError::Host);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl core::fmt::Display for Address {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

/// The socket address as libp2p writes it.
pub(crate) fn to_multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// The socket address in a libp2p TCP address.
pub(crate) fn from_multiaddr(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["127.0.0.1:7000", "node-3.example:1", "[::1]:65535"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("host".parse::<Address>(), Err(AddressError::Port));
        assert_eq!("host:0".parse::<Address>(), Err(AddressError::Port));
        assert_eq!("host:65536".parse::<Address>(), Err(AddressError::Port));
        assert_eq!(":7000".parse::<Address>(), Err(AddressError::Host));
        assert_eq!("a b:7000".parse::<Address>(), Err(AddressError::Host));
        assert_eq!(format!("{}:1", "a".repeat(254)).parse::<Address>(), Err(AddressError::Host));
    }

    #[test]
    fn multiaddr_round_trips() {
        for text in ["127.0.0.1:7000", "[::1]:9"] {
            let socket: SocketAddr = text.parse().unwrap();
            assert_eq!(from_multiaddr(&to_multiaddr(socket)), Some(socket));
        }
    }

    #[tokio::test]
    async fn numbers_resolve_to_themselves() {
        let socket: SocketAddr = "127.0.0.1:7000".parse().unwrap();
        assert_eq!(Address::from(socket).resolve().await, [socket]);
    }
}
