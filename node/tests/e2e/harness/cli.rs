//! Running the program as a user does, and judging what came of it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{PASSPHRASE, PROGRAM, wait_for};

/// Longest run of a command.
const LONGEST: Duration = Duration::from_secs(180);

/// A command before it runs.
pub(crate) struct Hefu {
    command: Command,
    folder: PathBuf,
}

/// What came of a command.
pub(crate) struct Outcome {
    shown: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that runs.
pub(crate) struct Started {
    child: Child,
    shown: String,
    out: PathBuf,
    err: PathBuf,
}

/// The program without any settings of whoever runs the tests.
pub(crate) fn bare(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HEFU_") || text.starts_with("LC_") || text == "LANG" {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("XDG_DATA_HOME")
        .env("TMPDIR", folder)
        .env("LANG", "en_US.UTF-8")
        .env("HEFU_PASSPHRASE", PASSPHRASE)
        .stdin(Stdio::null());
    command
}

impl Hefu {
    /// The program, in a folder, with JSON output and English texts.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::plain(folder).args(["--output", "json", "--lang", "en"])
    }

    /// The program, in a folder, as it is.
    pub(crate) fn plain(folder: &Path) -> Self {
        Self { command: bare(PROGRAM.as_ref(), folder), folder: folder.to_owned() }
    }

    /// One more argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Starts it; its output goes to files, so that no pipe can fill up.
    pub(crate) fn start(mut self) -> Started {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = |end: &str| self.folder.join(format!(".run-{number}.{end}"));
        let (out, err) = (file("out"), file("err"));
        let create = |path: &Path| File::create(path).expect("a file for output");
        self.command.stdout(create(&out)).stderr(create(&err));
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let child = self.command.spawn().expect("the program starts");
        Started { child, shown, out, err }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.start().finish()
    }

    /// Runs it, expects success, and reads its JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        self.run().exits(0).json()
    }
}

impl Started {
    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Outcome {
        let code = wait_for(&self.shown, LONGEST, || {
            self.child.try_wait().expect("the command can be waited for")
        });
        let read = |path: &Path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            let _ = std::fs::remove_file(path);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (read(&self.out), read(&self.err));
        Outcome { shown: std::mem::take(&mut self.shown), code: code.code(), stdout, stderr }
    }

    /// Its number among the system's processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the command can be waited for").is_some()
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        signal("INT", self.child.id());
    }

    /// What it has written on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.err).unwrap_or_default()).into_owned()
    }

    /// What it has written on standard output so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.out).unwrap_or_default()).into_owned()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {process}");
}

impl Outcome {
    /// Everything, for a failed assertion.
    pub(crate) fn report(&self) -> String {
        let Self { shown, code, stdout, stderr } = self;
        format!("{shown}\nexit {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }

    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.report());
        self
    }

    /// Expects the stable code of a fault.
    #[track_caller]
    pub(crate) fn fault(self, code: &str) -> Self {
        assert!(self.stderr.contains(code) || self.stdout.contains(code), "{}", self.report());
        self
    }

    /// The JSON on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.report()))
    }
}
