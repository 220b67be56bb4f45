//! One attempt: headers, signature, answer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hefu_primitives::{KeyPair, Millis, PublicKey, Signature};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

use super::guard::Guarded;
use super::{Message, Target};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Of an answer no more than this is looked at, for the log.
const MAX_ANSWER_BYTES: u64 = 4 * 1024;
/// How a signature of Ed25519 begins in Standard Webhooks.
const SCHEME: &str = "v1a";

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// No answer.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that is no success; redirects are not followed.
    #[error("status {0}")]
    Status(u16),
}

/// Sends to one target.
pub struct Sender {
    agent: ureq::Agent,
    url: String,
    key: KeyPair,
}

impl Sender {
    /// For a target, signing with the node's key.
    ///
    /// # Errors
    /// The words for a file of certificates that cannot be read.
    pub fn new(target: &Target, key: KeyPair) -> Result<Self, String> {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!target.allow_plain)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("hefu/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &target.ca_file {
            let pem =
                std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let roots: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(format!("{}: no certificate", file.display()));
            }
            let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots));
            config = config.tls_config(tls.build());
        }
        let guarded = Guarded::new(target.allow_private);
        let agent = ureq::Agent::with_parts(config.build(), DefaultConnector::default(), guarded);
        Ok(Self { agent, url: target.url.clone(), key })
    }

    /// Sends a message once.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn send(&self, message: &Message, now: Millis) -> Result<(), Failed> {
        let seconds = (now.0 / 1000).to_string();
        let signed = self.key.sign(content(&message.id, &seconds, &message.body).as_bytes());
        let request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", &seconds)
            .header("webhook-signature", format!("{SCHEME},{}", STANDARD.encode(signed.0)));
        let answer = request
            .send(message.body.as_bytes())
            .map_err(|error| Failed::Unreachable(error.to_string()))?;
        let status = answer.status().as_u16();
        // Read to its end so that the connection can be used again; what it says is of no matter.
        let _ = answer.into_body().into_with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        if (200..300).contains(&status) { Ok(()) } else { Err(Failed::Status(status)) }
    }
}

/// What is signed.
fn content(id: &str, seconds: &str, body: &str) -> String {
    format!("{id}.{seconds}.{body}")
}

/// What a receiver does: whether one of the signatures is the node's over id, time and body.
pub fn verify(key: &PublicKey, id: &str, seconds: &str, body: &str, signatures: &str) -> bool {
    let content = content(id, seconds, body);
    signatures.split(' ').any(|one| {
        let text =
            one.split_once(',').filter(|(scheme, _)| *scheme == SCHEME).map(|(_, text)| text);
        let bytes = text.and_then(|text| STANDARD.decode(text).ok());
        let signature = bytes.and_then(|bytes| bytes.try_into().ok().map(Signature));
        signature.is_some_and(|signature| key.verify(content.as_bytes(), &signature))
    })
}
