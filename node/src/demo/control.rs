//! How `hefu demo stop 340000` reaches the demonstration that runs in another terminal: a small
//! HTTP listener on the loopback interface whose address and token stand in a file of the user.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing};
use hefu_primitives::{H32, Region};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// What a demonstration can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Stop a province's node.
    Stop {
        /// The province.
        region: Region,
    },
    /// Start it again.
    Start {
        /// The province.
        region: Region,
    },
    /// Cut these provinces off from the others; none heals all cuts.
    Partition {
        /// The provinces.
        regions: Vec<Region>,
    },
    /// Change a byte of a province's stored blocks, and see what comes of it.
    Tamper {
        /// The province.
        region: Region,
    },
}

/// What came of a command: lines for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// What happened, in order.
    pub lines: Vec<String>,
}

/// Where a running demonstration can be reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Its control address.
    pub control: SocketAddr,
    /// Who may use it.
    pub token: String,
    /// APIs of its provinces.
    pub apis: Vec<(Region, SocketAddr)>,
}

/// A command and where its answer goes.
pub type Request = (Command, oneshot::Sender<Answer>);

#[derive(Clone)]
struct Shared {
    token: String,
    commands: mpsc::Sender<Request>,
}

/// Starts the listener and writes the contact file.
///
/// # Errors
/// When no port, randomness or file can be had.
pub async fn listen(
    apis: Vec<(Region, SocketAddr)>,
) -> anyhow::Result<(mpsc::Receiver<Request>, ContactFile)> {
    let mut token = H32::ZERO;
    getrandom::fill(&mut token.0).map_err(|error| anyhow::anyhow!("randomness: {error}"))?;
    let token = token.to_string();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let contact = Contact { control: listener.local_addr()?, token: token.clone(), apis };
    let (commands, queue) = mpsc::channel(4);
    let router = Router::new()
        .route("/", routing::post(handle))
        .layer(axum::extract::DefaultBodyLimit::max(4096))
        .with_state(Shared { token, commands });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((queue, ContactFile::write(&contact)?))
}

async fn handle(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(command): Json<Command>,
) -> Result<Json<Answer>, StatusCode> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Hashes of equal length are compared, so that time tells nothing about the token.
    let digest = |text: &str| {
        hefu_primitives::hash::hash(hefu_primitives::Domain::Digest, &[text.as_bytes()])
    };
    if digest(given) != digest(&shared.token) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let (reply, answer) = oneshot::channel();
    let sent = shared.commands.send((command, reply)).await;
    sent.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    answer.await.map(Json).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// The contact file; removed when the demonstration ends.
pub struct ContactFile(PathBuf);

impl ContactFile {
    fn write(contact: &Contact) -> anyhow::Result<Self> {
        let path = contact_path();
        let folder = path.parent().context("no folder for the contact file")?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?; // readable by this user alone
        file.write_all(&serde_json::to_vec(contact)?)?;
        file.persist(&path)?;
        Ok(Self(path))
    }
}

impl Drop for ContactFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where the contact file of this user's demonstration is.
pub fn contact_path() -> PathBuf {
    let user = std::env::var("USER").unwrap_or_else(|_| "user".into());
    let user: String = user.chars().filter(char::is_ascii_alphanumeric).collect();
    std::env::temp_dir().join(format!("hefu-demo-{user}.json"))
}

/// Finds the running demonstration.
///
/// # Errors
/// When none runs.
pub fn find() -> anyhow::Result<Contact> {
    let bytes = std::fs::read(contact_path()).context("no demonstration runs here")?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Tells the running demonstration to do something and waits for the answer.
///
/// # Errors
/// When none runs or it does not answer.
pub fn tell(command: &Command) -> anyhow::Result<Answer> {
    let contact = find()?;
    let answer = ureq::post(format!("http://{}/", contact.control))
        .header("authorization", format!("Bearer {}", contact.token))
        .send_json(command)
        .context("the demonstration does not answer")?
        .body_mut()
        .read_json::<Answer>()?;
    Ok(answer)
}
