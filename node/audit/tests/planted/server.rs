//! A PostgreSQL of our own for a test: in a folder that goes away with it, on a socket there; on the
//! network of this machine only over TLS.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hefu_audit::{Database, Location};

/// The user that runs it where the test is root: PostgreSQL refuses to be.
const NOBODY: u32 = 65_534;

/// The user that owns the databases, and her password where one is asked for.
const USER: &str = "hefu";
const PASSWORD: &str = "planted";
/// Tries at a port that nobody else has taken in the meantime, and at a first connection.
const PORTS: u16 = 20;
const TRIES: usize = 600;

pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    arguments: Vec<String>,
    process: Child,
    /// Where it listens besides its socket, and shows a certificate.
    port: Option<u16>,
}

impl Server {
    /// Starts one on a socket; none, with a word, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        let (folder, programs) = cluster()?;
        let arguments = vec!["-c".to_owned(), "listen_addresses=".to_owned()];
        let process = run(&folder, &programs, &arguments);
        let made = Self { folder, programs, arguments, process, port: None };
        made.connected().unwrap();
        Some(made)
    }

    /// Starts one that also listens on 127.0.0.1, there for TLS and a password alone. It shows a
    /// certificate of `name`, which that of the authority in [`Self::authority`] vouches for.
    pub(crate) fn start_with_tls(name: &str) -> Option<Self> {
        let (folder, programs) = cluster()?;
        certificates(folder.path(), name);
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        give(&folder.path().join("data/pg_hba.conf"), rules);
        let settings = ["listen_addresses=127.0.0.1", "ssl=on"].map(str::to_owned);
        let files = [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key")];
        let files =
            files.map(|(name, file)| format!("{name}={}", folder.path().join(file).display()));
        let first = 20_000 + (std::process::id() % 10_000) as u16;
        let mut folder = Some(folder);
        for port in first..first + PORTS {
            let place = folder.take().unwrap();
            let mut arguments = vec!["-p".to_owned(), port.to_string()];
            arguments
                .extend(settings.iter().chain(&files).flat_map(|s| ["-c".to_owned(), s.clone()]));
            let process = run(&place, &programs, &arguments);
            let programs = programs.clone();
            let made = Self { folder: place, programs, arguments, process, port: Some(port) };
            match made.connected() {
                Ok(mut client) => {
                    let set = format!("ALTER USER {USER} PASSWORD '{PASSWORD}'");
                    client.batch_execute(&set).unwrap();
                    return Some(made);
                }
                Err(_) if made.is_over() => folder = Some(made.taken_apart()),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no port from {first} on is free");
    }

    /// The certificate of who vouches for the server.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A database through the network; `more` of the address, such as `?sslmode=disable`.
    pub(crate) fn through_network(&self, name: &str, more: &str, ca: Option<PathBuf>) -> Location {
        let port = self.port.unwrap();
        let address = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{name}{more}");
        Location::Postgres(Database { address, ca_file: ca })
    }

    /// A database through the socket, made if it is not there.
    pub(crate) fn database(&self, name: &str) -> Location {
        self.connected().unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Location::parse(&self.address(name))
    }

    /// Ends it at once; what it holds stays.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
    }

    /// Starts it once more.
    pub(crate) fn again(&mut self) {
        self.process = run(&self.folder, &self.programs, &self.arguments);
        self.connected().unwrap();
    }

    fn address(&self, name: &str) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("postgres://{USER}@{socket}{port}/{name}")
    }

    /// Waits until it takes connections: its socket is there then.
    fn connected(&self) -> Result<postgres::Client, String> {
        let mut tries = 0;
        loop {
            match postgres::Client::connect(&self.address("postgres"), postgres::NoTls) {
                Ok(client) => return Ok(client),
                Err(error) if tries >= TRIES || self.is_over() => return Err(error.to_string()),
                Err(_) => tries += 1,
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Whether the process gave up, as it does where its port is another's.
    fn is_over(&self) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        state.map_or(true, |state| state.contains(") Z "))
    }

    fn taken_apart(mut self) -> tempfile::TempDir {
        self.stop();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

/// An empty cluster in a folder of its own.
fn cluster() -> Option<(tempfile::TempDir, PathBuf)> {
    let Some(programs) = programs() else {
        println!("skipped: postgresql (no initdb in PATH or /usr/lib/postgresql)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let made = command(&folder, &programs, "initdb")
        .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER])
        .arg("--pgdata")
        .arg(folder.path().join("data"))
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed");
    Some((folder, programs))
}

fn run(folder: &tempfile::TempDir, programs: &Path, arguments: &[String]) -> Child {
    command(folder, programs, "postgres")
        .arg("-D")
        .arg(folder.path().join("data"))
        .arg("-k")
        .arg(folder.path())
        .args(["-c", "fsync=off"])
        .args(arguments)
        .spawn()
        .unwrap()
}

fn command(folder: &tempfile::TempDir, programs: &Path, program: &str) -> Command {
    let mut command = Command::new(programs.join(program));
    command.current_dir(folder.path()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// An authority, and a certificate of it for the server.
fn certificates(folder: &Path, name: &str) {
    let mut of_ca = rcgen::CertificateParams::default();
    of_ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = of_ca.self_signed(&ca_key).unwrap();
    let own_key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &ca, &ca_key).unwrap();
    give(&folder.join("ca.pem"), &ca.pem());
    give(&folder.join("server.pem"), &own.pem());
    give(&folder.join("server.key"), &own_key.serialize_pem());
}

/// Writes a file for the server's user alone.
fn give(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten();
    let installed = installed.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path).chain(installed).collect();
    found.retain(|folder: &PathBuf| has(folder, "initdb") && has(folder, "postgres"));
    found.pop()
}

fn has(folder: &Path, program: &str) -> bool {
    folder.join(program).is_file()
}
