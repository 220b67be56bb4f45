//! A PostgreSQL of our own for a test: in a folder that goes away with it, on a socket there, and no
//! network.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The user that runs it where the test is root: PostgreSQL refuses to be.
const NOBODY: u32 = 65_534;

pub(crate) struct Server {
    folder: tempfile::TempDir,
    process: Child,
}

impl Server {
    /// Starts one; none, with a word, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: postgresql (no initdb in PATH or /usr/lib/postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let root = is_root();
        if root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path()).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made = run("initdb")
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=hefu"])
            .arg("--pgdata")
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let process = run("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .spawn()
            .unwrap();
        Some(Self { folder, process })
    }

    /// The address of a database, made if it is not there.
    pub(crate) fn database(&self, name: &str) -> String {
        let at = |database: &str| {
            let socket = self.folder.path().display().to_string().replace('/', "%2F");
            format!("postgres://hefu@{socket}/{database}")
        };
        // The socket is there once it takes connections.
        let mut tries = 0;
        let mut client = loop {
            match postgres::Client::connect(&at("postgres"), postgres::NoTls) {
                Ok(client) => break client,
                Err(error) => {
                    tries += 1;
                    assert!(tries < 600, "{error}");
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
            }
        };
        client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        at(name)
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
