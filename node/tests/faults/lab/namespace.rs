//! A network namespace: a machine's network without the machine.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::{Interface, Tun};

use super::{tool, unique};

/// The one interface of a namespace besides loopback.
const INTERFACE: &str = "hefu0";

/// A namespace with loopback up; removed when dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new() -> Result<Self, String> {
        let name = unique("n");
        tool("ip", &["netns", "add", &name])?;
        let made = Self { name };
        made.ip(&["link", "set", "lo", "up"])?;
        Ok(made)
    }

    fn ip(&self, arguments: &[&str]) -> Result<String, String> {
        tool("ip", &[&["-n", &self.name], arguments].concat())
    }

    /// Does something on a thread inside: sockets it opens and processes it starts belong here.
    pub(crate) fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            let door = File::open(self.door()).expect("the namespace is there");
            move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("the namespace lets us in");
            act()
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    fn door(&self) -> PathBuf {
        ["/var/run/netns", &self.name].iter().collect()
    }

    /// Gives it an address, all packets of which come to whoever holds the device.
    pub(crate) fn attach(&self, address: &str) -> Result<Tun, String> {
        let device = self.enter(|| Interface::new(INTERFACE).and_then(Tun::new_named));
        let device = device.map_err(|error| format!("a tun device: {error}"))?;
        self.ip(&["addr", "add", address, "dev", INTERFACE])?;
        self.ip(&["link", "set", INTERFACE, "up"])?;
        Ok(device)
    }

    /// Takes the interface away, which ends every read of its device.
    pub(crate) fn detach(&self) {
        let _ = self.ip(&["link", "del", INTERFACE]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = tool("ip", &["netns", "del", &self.name]);
    }
}
