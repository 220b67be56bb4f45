//! A node's interface, asked directly.

use std::time::Duration;

use serde_json::Value;

/// A client of one node.
#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The answer as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Http {
    /// A client of the node at a port.
    pub(crate) fn new(port: u16) -> Self {
        Self::with_patience(port, Duration::from_secs(60))
    }

    /// As [`Http::new`], with the longest time that a call may take.
    pub(crate) fn with_patience(port: u16, patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(patience))
            .build();
        Self { agent: config.into(), base: format!("http://127.0.0.1:{port}") }
    }

    /// Reads a path; none when the node does not answer.
    pub(crate) fn try_get(&self, path: &str) -> Option<Answer> {
        read(self.agent.get(format!("{}{path}", self.base)).call().ok()?)
    }

    /// Reads a path.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|| panic!("{}{path} does not answer", self.base))
    }

    /// Reads JSON and expects success.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Submits bytes as a transaction.
    #[track_caller]
    pub(crate) fn submit(&self, bytes: &[u8]) -> Answer {
        let answer = self.try_submit(bytes, Duration::from_secs(20));
        answer.unwrap_or_else(|| panic!("{} does not answer", self.base))
    }

    /// Submits bytes as a transaction; none when the node does not answer.
    pub(crate) fn try_submit(&self, bytes: &[u8], wait: Duration) -> Option<Answer> {
        let wait = wait.as_millis();
        let url = format!("{}/api/v1/transactions?wait=true&timeout_ms={wait}", self.base);
        read(self.agent.post(url).content_type("application/cose").send(bytes).ok()?)
    }

    /// Height of the node's last block.
    pub(crate) fn height(&self) -> Option<u64> {
        let answer = self.try_get("/api/v1/node")?.json();
        answer["height"].as_str()?.parse().ok()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Option<Answer> {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let body = response.body_mut().with_config().limit(32 << 20).read_to_vec().ok()?;
    Some(Answer { status: response.status().as_u16(), kind, body })
}
