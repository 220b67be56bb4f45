//! One `hefu run` in a process of its own.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use super::cli::{bare, signal};
use super::http::Http;
use super::{PROGRAM, SOON, wait_for};

/// Lines of a log that are shown when a test fails.
const SHOWN_LINES: usize = 60;

/// A node that runs.
pub(crate) struct NodeProcess {
    child: Child,
    log: PathBuf,
    http: Http,
}

impl NodeProcess {
    /// Starts a node on a data folder; its log is appended to `node.log` there.
    pub(crate) fn start(home: &Path, api: u16) -> Self {
        Self::start_as(PROGRAM.as_ref(), home, api, |_| {})
    }

    /// As [`NodeProcess::start`], of another build or with something changed about the process.
    pub(crate) fn start_as(
        program: &OsStr,
        home: &Path,
        api: u16,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let log = home.join("node.log");
        let file = OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let mut command = bare(program, home);
        command.args(["run", "--data-dir"]).arg(home);
        command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        change(&mut command);
        let child = command.spawn().expect("the program starts");
        Self { child, log, http: Http::new(api) }
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        self.wait_answer("/readyz");
    }

    /// Waits until its interface answers at all.
    #[track_caller]
    pub(crate) fn wait_alive(&mut self) {
        self.wait_answer("/livez");
    }

    #[track_caller]
    fn wait_answer(&mut self, path: &str) {
        wait_for(&format!("{path} of {}", self.log.display()), SOON, || {
            let ended = self.child.try_wait().expect("a process of ours");
            assert!(ended.is_none(), "the node ended ({ended:?}):\n{}", self.log());
            self.http.try_get(path).filter(|answer| answer.status == 200)
        });
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        wait_for("the node ends", SOON, || self.child.try_wait().expect("a process of ours"))
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process of ours").is_none()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a process of ours");
        let _ = self.child.wait();
    }

    /// Stops it as a service manager does, and expects a clean end.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        signal("TERM", self.child.id());
        let status = self.wait_end();
        assert!(status.success(), "{status}\n{}", self.log());
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let from = lines.len().saturating_sub(SHOWN_LINES);
            let last = lines.get(from..).unwrap_or_default().join("\n");
            eprintln!("--- end of {}\n{last}", self.log.display());
        }
    }
}
