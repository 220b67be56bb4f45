//! # Webhooks: events of the ledger, told to other systems
//!
//! CloudEvents 1.0 in structured JSON, sent by POST over https to the targets of the settings, signed
//! with the node's key as Standard Webhooks has it (`v1a`, Ed25519): receivers check with the node key
//! of the province, which stands on the ledger, and share no secret with anybody.
//!
//! Invariants:
//! - The ledger is the queue: an event is read from the store when it is its turn. A position on disk
//!   says what was delivered or given up, so nothing is lost over a restart; what was sent and not
//!   noted is sent again. Its id is the event's: receivers drop what they have.
//! - Only the configured targets are ever asked, no redirect is followed, and no internal address is
//!   connected to unless the target says so: the check is made on the very addresses connected to.
//! - What a target does not take in its attempts goes to a bounded file of dead letters, and the next
//!   event is sent: one that nobody takes does not hold up the others for ever.
//!
//! Does not know who reads, nor any rule of a contract.

mod guard;
mod run;
mod send;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use hefu_contracts::Event;
use hefu_contracts::event::OF_BLOCK;
use hefu_primitives::{ChainId, Height, Millis, Region};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use run::start;
pub use send::{Failed, Sender, verify};
pub use state::{Dead, State};

/// Folder of positions and dead letters, in the folder of blocks and index.
pub(crate) const FOLDER: &str = "webhooks";
/// Most targets.
pub const MAX_TARGETS: usize = 16;
/// Most attempts that can be configured.
pub const MAX_ATTEMPTS: u32 = 20;
/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// A target, as the settings have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name in commands, logs and files: letters, digits, `-`.
    pub name: String,
    /// Where to send: `https://…`.
    pub url: String,
    /// Only events of these kinds; all when empty.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Only by authorities of these provinces; all when empty.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Only events with one of these flags; all when empty.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Certificates, in PEM, that sign the target's; else those that browsers trust.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether internal addresses may be connected to: private, loopback, link-local and the like.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether `http://` may be used; for tests and for a proxy on the same machine.
    #[serde(default)]
    pub allow_plain: bool,
    /// How often an event is tried before it is a dead letter.
    #[serde(default = "default_attempts")]
    pub attempts: u32,
    /// The first pause after a failure, in milliseconds; it doubles up to five minutes.
    #[serde(default = "default_pause")]
    pub pause_ms: u64,
}

const fn default_attempts() -> u32 {
    10
}

const fn default_pause() -> u64 {
    1_000
}

impl Target {
    /// Whether it can be used: name, scheme and numbers.
    pub fn is_sound(&self) -> bool {
        let name = !self.name.is_empty()
            && self.name.len() <= 32
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let secure = self.url.starts_with("https://");
        let plain = self.allow_plain && self.url.starts_with("http://");
        // A name and password in a URL would end up in logs.
        let bare = self.url.len() <= 2_048
            && !self.url.contains(['@', '#', ' '])
            && self.url.parse::<ureq::http::Uri>().is_ok_and(|uri| uri.host().is_some());
        let numbers =
            (1..=MAX_ATTEMPTS).contains(&self.attempts) && (1..=60_000).contains(&self.pause_ms);
        name && bare && numbers && (secure || plain)
    }

    /// Whether it wants an event.
    pub fn wants(&self, event: &Event) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.regions.is_empty() || self.regions.contains(&event.region))
            && (self.flags.is_empty() || self.flags.iter().any(|flag| event.flags.contains(flag)))
    }

    /// The pause after a failed attempt, from 1, of which a random part is taken.
    fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.pause_ms.saturating_mul(1 << attempt.saturating_sub(1).min(30));
        Duration::from_millis(doubled).min(MAX_PAUSE)
    }
}

/// A place among all events: the next one that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Its height.
    pub height: Height,
    /// Its number in the height.
    pub number: u32,
}

impl Position {
    /// The one after it.
    pub fn next(self) -> Self {
        match self.number.checked_add(1) {
            Some(number) => Self { number, ..self },
            None => Self { height: self.height.next(), number: 0 },
        }
    }
}

/// What is sent: an id, and the body as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id of the event.
    pub id: String,
    /// A CloudEvent.
    pub body: String,
}

impl Message {
    /// Of an event.
    pub fn of(chain: &ChainId, place: Position, time: Millis, event: &Event) -> Self {
        let id = format!("{}.{}", place.height, place.number);
        let of_block = event.transaction == OF_BLOCK;
        let data = json!({
            "id": id,
            "height": place.height,
            "transaction": (!of_block).then_some(event.transaction),
            "act": (!of_block).then_some(event.act),
            "kind": event.kind,
            "subject": event.subject,
            "actor": event.actor,
            "region": event.region,
            "flags": event.flags,
        });
        Self::cloud(chain, id, &format!("hefu.{}", event.kind), Some(&event.subject), time, data)
    }

    /// One that says nothing but that it arrived.
    pub fn test(chain: &ChainId, id: &str, time: Millis) -> Self {
        Self::cloud(chain, format!("test.{id}"), "hefu.test", None, time, json!({}))
    }

    fn cloud(
        chain: &ChainId,
        id: String,
        kind: &str,
        subject: Option<&str>,
        time: Millis,
        data: Value,
    ) -> Self {
        let mut event = json!({
            "specversion": "1.0",
            "id": id,
            "source": format!("urn:hefu:{chain}"),
            "type": kind,
            "time": time.to_rfc3339(),
            "datacontenttype": "application/json",
            "data": data,
        });
        if let Some(subject) = subject.filter(|subject| !subject.is_empty()) {
            event["subject"] = subject.into();
        }
        Self { id, body: event.to_string() }
    }
}
