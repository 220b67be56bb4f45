//! Machines of our own on this one: network namespaces that reach each other only through a
//! switch of ours, and file systems that can fill up or break.
//!
//! No part of it knows what runs on the machines.

pub(crate) mod namespace;
pub(crate) mod switch;
pub(crate) mod volume;

use std::process::Command;

/// Runs a system tool; what it printed is the error when it fails.
pub(crate) fn tool(program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = || format!("{program} {}", arguments.join(" "));
    let run = Command::new(program).args(arguments).output();
    let run = run.map_err(|error| format!("{}: {error}", shown()))?;
    if run.status.success() {
        return Ok(String::from_utf8_lossy(&run.stdout).into_owned());
    }
    Err(format!("{}: {}", shown(), String::from_utf8_lossy(&run.stderr).trim()))
}

/// A name that no other run on this machine uses.
pub(crate) fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("hefu{}{what}{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
