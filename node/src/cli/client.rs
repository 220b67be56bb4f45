//! The HTTP interface of a node, as a client sees it.
//!
//! Invariants: every answer is bounded; every failure becomes a [`Fault`] with the stable code the
//! node gave; sending the same transaction twice is harmless, so submitting is tried again when the
//! node is busy or the connection breaks.
//!
//! No TLS: a client talks to its own node over loopback, or through a proxy that ends TLS.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hefu_primitives::bounds::MAX_CAPSULE_BYTES;
use hefu_primitives::{H32, Id16, KeyPair, Region};
use serde_json::Value;

use super::app;
use super::fault::{Fault, chain};
use crate::api::{NODE_HEADER, sign_read};
use crate::keystore::seal;

/// Largest JSON answer read, in bytes: 500 rows of 16 KiB, and room.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// Longest wait the node offers for an outcome, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;
/// How much longer than the node's own wait we wait for its answer.
const GRACE: Duration = Duration::from_secs(5);
/// First pause before trying again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a node may be behind another that has just recorded something.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest pause before trying again.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A connection to one node.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
    timeout: Duration,
    reader: Option<Arc<Reader>>,
}

/// An auditor's key and mandate, and the node for which is signed, once it has said which it is.
struct Reader {
    key: KeyPair,
    mandate: Id16,
    node: OnceLock<Region>,
}

/// What became of a submitted transaction that was not refused.
#[derive(Clone, Debug)]
pub(crate) enum Submitted {
    /// Committed and applied: the node's whole answer.
    Applied(Value),
    /// Handed over; the outcome is not known yet.
    Pending,
}

impl Client {
    /// A client of a node: `host:port`, or a URL that begins with `http://`.
    pub(crate) fn new(node: &str, token: Option<String>, timeout: Duration) -> Result<Self, Fault> {
        if node.starts_with("https://") {
            return Err(Fault::with("cli.tls", node));
        }
        let bare = node.strip_prefix("http://").unwrap_or(node).trim_end_matches('/');
        if bare.is_empty() || bare.contains(['/', '?', '#', '@', ' ']) {
            return Err(Fault::with("cli.usage", format_args!("--node {node}")));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(timeout.min(Duration::from_secs(5))))
            .user_agent(concat!("hefu/", env!("CARGO_PKG_VERSION")))
            .build();
        let base = format!("http://{bare}");
        Ok(Self { agent: config.into(), base, token, timeout, reader: None })
    }

    /// Reads under a mandate, with an auditor's key, from now on.
    pub(crate) fn under(self, mandate: Id16, key: KeyPair) -> Self {
        let reader = Reader { key, mandate, node: OnceLock::new() };
        Self { reader: Some(Arc::new(reader)), ..self }
    }

    /// Reads a JSON answer of `/api/v1`.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Fault> {
        let (status, bytes) = self.get_bytes(path, query, MAX_ANSWER_BYTES)?;
        parse(status, &bytes)
    }

    /// As [`Client::get`]; none when there is no such thing.
    pub(crate) fn find(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Fault> {
        match self.get(path, query) {
            Ok(value) => Ok(Some(value)),
            Err(fault) if fault.code == "api.not_found" => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// As [`Client::find`] of what another province may have recorded a moment ago: this node may be
    /// a block behind theirs, and is asked again for a little while.
    pub(crate) fn find_soon(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, Fault> {
        let deadline = Instant::now() + self.timeout.min(PATIENCE);
        loop {
            let found = self.find(path, query)?;
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Reads a file: an evidence capsule, a raw block.
    pub(crate) fn download(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, Fault> {
        let bound = 2 * MAX_CAPSULE_BYTES as u64;
        let (status, bytes) = self.get_bytes(path, query, bound)?;
        if (200..300).contains(&status) { Ok(bytes) } else { Err(problem(status, &bytes)) }
    }

    fn get_bytes(
        &self,
        path: &str,
        query: &[(&str, &str)],
        bound: u64,
    ) -> Result<(u16, Vec<u8>), Fault> {
        // Written here and not by the library: a signature covers it as it is sent.
        let target = format!("/api/v1{path}{}", written(query));
        let request = self.agent.get(format!("{}{target}", self.base));
        let mut request = request.config().timeout_global(Some(self.timeout)).build();
        if let Some(reader) = &self.reader {
            let (node, nonce) = (self.node_of(reader)?, H32(seal::random()?).to_string());
            let signed =
                sign_read(&reader.key, reader.mandate, node, &target, &nonce[..32], app::now());
            for (name, value) in signed {
                request = request.header(name, value);
            }
        }
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        self.read(request.call(), bound)
    }

    /// The province of the node, which it says to who has no credential.
    fn node_of(&self, reader: &Reader) -> Result<Region, Fault> {
        if let Some(node) = reader.node.get() {
            return Ok(*node);
        }
        let url = format!("{}/api/v1/node", self.base);
        let request = self.agent.get(url).header("signature-input", "ask");
        let request = request.config().timeout_global(Some(self.timeout)).build();
        let answer =
            request.call().map_err(|error| Fault::with("cli.unreachable", chain(&error)))?;
        let named = answer.headers().get(NODE_HEADER).and_then(|value| value.to_str().ok());
        let node = named.and_then(|named| named.parse().ok());
        let node = node.ok_or_else(|| Fault::with("cli.bad_answer", NODE_HEADER))?;
        Ok(*reader.node.get_or_init(|| node))
    }

    /// Submits a transaction, with the outcome when `wait`. Tries again until the timeout while
    /// the node is busy, starting, or away.
    pub(crate) fn submit(&self, tx: &str, bytes: &[u8], wait: bool) -> Result<Submitted, Fault> {
        let deadline = Instant::now() + self.timeout;
        let mut pause = PAUSE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fault = match self.post(bytes, wait, left) {
                Ok(submitted) => return Ok(submitted),
                Err(fault) => Fault { tx: Some(tx.to_owned()), ..fault },
            };
            let again =
                matches!(fault.code.as_str(), "api.busy" | "api.unavailable" | "cli.unreachable");
            if !again || left < pause {
                return Err(fault);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    fn post(&self, bytes: &[u8], wait: bool, left: Duration) -> Result<Submitted, Fault> {
        let wait_ms = u64::try_from(left.as_millis()).unwrap_or(MAX_WAIT_MS).clamp(1, MAX_WAIT_MS);
        let url = format!("{}/api/v1/transactions", self.base);
        let request = self
            .agent
            .post(url)
            .query("wait", if wait { "true" } else { "false" })
            .query("timeout_ms", wait_ms.to_string())
            .header("content-type", "application/cose")
            .config()
            .timeout_global(Some(Duration::from_millis(wait_ms) + GRACE))
            .build();
        let (status, bytes) = self.read(request.send(bytes), MAX_ANSWER_BYTES)?;
        match status {
            202 => Ok(Submitted::Pending),
            504 => Ok(Submitted::Pending),
            _ => parse(status, &bytes).map(Submitted::Applied),
        }
    }

    fn read(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        bound: u64,
    ) -> Result<(u16, Vec<u8>), Fault> {
        let unreachable = |error: ureq::Error| match &error {
            ureq::Error::Io(system) => Fault::system("cli.unreachable", &self.base, system),
            ureq::Error::Timeout(_) => {
                let system = std::io::ErrorKind::TimedOut.into();
                Fault::system("cli.unreachable", &self.base, &system)
            }
            ureq::Error::ConnectionFailed => {
                let system = std::io::ErrorKind::ConnectionRefused.into();
                Fault::system("cli.unreachable", &self.base, &system)
            }
            ureq::Error::HostNotFound => {
                Fault::said("cli.unreachable", "system-no-host", &[("what", &self.base)])
            }
            other => {
                Fault::with("cli.unreachable", format_args!("{}: {}", self.base, chain(other)))
            }
        };
        let answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().into_with_config().limit(bound).read_to_vec();
        match body {
            Ok(bytes) => Ok((status, bytes)),
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                Err(Fault::with("cli.bad_answer", "too large"))
            }
            Err(error) => Err(unreachable(error)),
        }
    }
}

/// A query as it is sent.
fn written(query: &[(&str, &str)]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escaped = |text: &str| {
        text.bytes().fold(String::new(), |mut out, byte| {
            match plain(byte) {
                true => out.push(char::from(byte)),
                false => out.push_str(&format!("%{byte:02X}")),
            }
            out
        })
    };
    let pairs = query.iter().enumerate().map(|(number, (name, value))| {
        let mark = if number == 0 { '?' } else { '&' };
        format!("{mark}{}={}", escaped(name), escaped(value))
    });
    pairs.collect()
}

fn parse(status: u16, bytes: &[u8]) -> Result<Value, Fault> {
    if !(200..300).contains(&status) {
        return Err(problem(status, bytes));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Fault::with("cli.bad_answer", format_args!("HTTP {status}: {error}")))
}

/// The fault of a problem document (RFC 9457); of anything else, one by its status.
fn problem(status: u16, bytes: &[u8]) -> Fault {
    let problem: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |name: &str| match &problem[name] {
        Value::String(text) => Some(super::table::printable(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let code = text("code").unwrap_or_else(|| by_status(status).to_owned());
    // Of a contract code the node says the cause, which the catalogue says in the user's language.
    let cause = crate::text::explain(crate::text::Lang::En, &code).map(|(cause, _)| cause);
    Fault {
        detail: text("detail")
            .filter(|detail| Some(detail.as_str()) != cause)
            .map(|detail| Box::new(super::fault::Detail::Node(detail))),
        tx: text("tx"),
        act: problem["act"].as_u64(),
        height: text("height"),
        ..Fault::new(code)
    }
}

const fn by_status(status: u16) -> &'static str {
    match status {
        400 => "api.bad_request",
        401 => "api.unauthorised",
        403 => "api.forbidden",
        404 => "api.not_found",
        410 => "api.pruned",
        413 => "api.too_large",
        429 => "api.busy",
        500 => "api.internal",
        503 => "api.unavailable",
        504 => "api.timeout",
        _ => "cli.bad_answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn addresses() {
        let base = |node: &str| {
            Client::new(node, None, PAUSE).map(|client| client.base).map_err(|fault| fault.code)
        };
        assert_eq!(base("127.0.0.1:1"), Ok("http://127.0.0.1:1".into()));
        assert_eq!(base("http://h:1/"), Ok("http://h:1".into()));
        assert_eq!(base("https://h"), Err("cli.tls".into()));
        for bad in ["", "http://a/b", "ftp://x", "a b"] {
            assert_eq!(base(bad), Err("cli.usage".into()), "{bad}");
        }
    }

    #[test]
    fn problems_keep_their_codes() {
        let body = br#"{"code":"E302","detail":"x","tx":"ab","act":3,"height":"7"}"#;
        let fault = problem(422, body);
        assert_eq!((fault.code.as_str(), fault.exit), ("E302", Exit::Denied));
        assert_eq!((fault.act, fault.height.as_deref()), (Some(3), Some("7")));
        assert_eq!(problem(404, b"<html>").code, "api.not_found");
        assert_eq!(problem(404, b"<html>").exit, Exit::NotFound);
        assert_eq!(problem(302, b"").code, "cli.bad_answer");
    }

    #[test]
    fn nobody_there() {
        let client = Client::new("127.0.0.1:9", None, Duration::from_secs(2)).unwrap();
        let fault = client.get("/node", &[]).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.exit), ("cli.unreachable", Exit::Unreachable));
    }
}
