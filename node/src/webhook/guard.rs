//! Which addresses may be connected to. The resolver asks the system, judges every address it got,
//! and hands on exactly those: nothing is resolved a second time between the check and the connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Asks the system, and refuses a name of which any address is internal.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    system: DefaultResolver,
    pub(super) allow_private: bool,
}

impl Guarded {
    pub(super) fn new(allow_private: bool) -> Self {
        Self { system: DefaultResolver::default(), allow_private }
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        // A name that has both is a name that leads inside.
        match found.iter().find(|address| !self.allow_private && !is_public(address.ip())) {
            None => Ok(found),
            Some(address) => {
                let said = format!("{} is an internal address", address.ip());
                Err(ureq::Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, said)))
            }
        }
    }
}

/// Whether an address is one of the open internet (IANA's special-purpose registries).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [first, second, ..] = address.segments();
    // Global unicast only, less documentation, benchmarks, and what carries another address in it.
    let global = (0x2000..=0x3fff).contains(&first);
    let special = matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _))
        || (first == 0x3fff && second <= 0x0fff);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_told_from_public_ones() {
        let public = [
            "1.1.1.1",
            "114.114.114.114",
            "172.32.0.1",
            "192.0.1.1",
            "2400:3200::1",
            "2606:4700::1111",
        ];
        for text in public {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        let internal = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ];
        for text in internal {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
