//! How `hefu demo stop 340000` reaches the demonstration that runs in another terminal: a small
//! HTTP listener on the loopback interface whose address and token stand in a file of the user.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing};
use hefu_primitives::{H32, Height, Region};
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

/// Something that happened on a command. The words for it are the command line's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A node was stopped.
    Stopped {
        /// The province.
        region: Region,
    },
    /// A node was started.
    Started {
        /// The province.
        region: Region,
    },
    /// It did not run, so nothing was done.
    StoppedAlready {
        /// The province.
        region: Region,
    },
    /// It ran, so nothing was done.
    RunsAlready {
        /// The province.
        region: Region,
    },
    /// No such province is in the demonstration.
    NoProvince {
        /// The province.
        region: Region,
        /// Those that are.
        known: Vec<Region>,
    },
    /// Links were cut.
    CutOff {
        /// On one side.
        regions: Vec<Region>,
        /// On the other.
        others: Vec<Region>,
    },
    /// Every link is back.
    Healed,
    /// One bit of a node's blocks was changed.
    Damaged {
        /// The province.
        region: Region,
        /// The file.
        file: String,
        /// The byte.
        offset: u64,
    },
    /// The node did not start on damaged blocks.
    RefusedToStart {
        /// The province.
        region: Region,
        /// What it said.
        why: String,
    },
    /// The damaged files were moved aside.
    Kept {
        /// The province.
        region: Region,
        /// Where they are until the demonstration ends.
        folder: PathBuf,
    },
    /// The node got the ledger from the others again.
    Fetched {
        /// The province.
        region: Region,
        /// Its height.
        height: Height,
    },
    /// It went wrong.
    Failed {
        /// Why.
        why: String,
    },
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// Why the running demonstration was not told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// None runs.
    #[error("no demonstration runs here")]
    NoDemo,
    /// One left its contact file behind and does not answer.
    #[error("the demonstration of {} does not answer", file.display())]
    Silent {
        /// The contact file.
        file: PathBuf,
    },
    /// Its answer is of another version of this program.
    #[error("the demonstration answers strangely: {0}")]
    Strange(String),
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

/// The contact file; removed when the demonstration ends. While one that can be told things runs,
/// another one has none: what comes and goes beside it neither takes its place nor removes it.
pub struct ContactFile(Option<PathBuf>);

impl ContactFile {
    fn write(contact: &Contact) -> anyhow::Result<Self> {
        Self::write_at(contact_path(), contact)
    }

    fn write_at(path: PathBuf, contact: &Contact) -> anyhow::Result<Self> {
        if read(&path).is_ok_and(|other| answers(&other)) {
            return Ok(Self(None));
        }
        let folder = path.parent().context("no folder for the contact file")?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?; // readable by this user alone
        file.write_all(&serde_json::to_vec(contact)?)?;
        file.persist(&path)?;
        Ok(Self(Some(path)))
    }
}

impl Drop for ContactFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
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
pub fn find() -> Result<Contact, TellError> {
    read(&contact_path())
}

/// Whether something listens where a contact file says.
fn answers(contact: &Contact) -> bool {
    let patience = std::time::Duration::from_millis(500);
    std::net::TcpStream::connect_timeout(&contact.control, patience).is_ok()
}

fn read(path: &std::path::Path) -> Result<Contact, TellError> {
    let bytes = std::fs::read(path).map_err(|_| TellError::NoDemo)?;
    serde_json::from_slice(&bytes).map_err(|error| TellError::Strange(error.to_string()))
}

/// Tells the running demonstration to do something and waits for the answer.
///
/// # Errors
/// When none runs or it does not answer.
pub fn tell(command: &Command) -> Result<Answer, TellError> {
    let contact = find()?;
    let mut answer = ureq::post(format!("http://{}/", contact.control))
        .header("authorization", format!("Bearer {}", contact.token))
        .send_json(command)
        .map_err(|_| TellError::Silent { file: contact_path() })?;
    let read = answer.body_mut().read_json::<Answer>();
    read.map_err(|error| TellError::Strange(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_demonstration_leaves_the_first_ones_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contact.json");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let control = listener.local_addr().unwrap();
        let contact = |token: &str| Contact { control, token: token.into(), apis: Vec::new() };
        let token = || read(&path).unwrap().token;
        let first = ContactFile::write_at(path.clone(), &contact("first")).unwrap();
        drop(ContactFile::write_at(path.clone(), &contact("second")).unwrap());
        assert_eq!(token(), "first");
        drop(listener);
        let third = ContactFile::write_at(path.clone(), &contact("third")).unwrap();
        assert_eq!(token(), "third", "one that is dead is in nobody's way");
        drop((first, third));
        assert!(!path.exists());
    }
}
