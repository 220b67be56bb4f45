//! Files that belong to what a command is about to submit: openings, slips, decisions of a batch.
//!
//! They are written before anything is sent: whatever happens then, what opens a commitment that is
//! on the ledger is on the disk. When the ledger refused, or nothing was sent, they are of nothing,
//! and go again; a file that was replaced comes back. When the outcome is not known they stay.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use super::app::App;
use super::fault::Fault;
use crate::keystore::disk;

/// One file, with what it held before.
struct Draft {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

/// The files of a command.
#[derive(Default)]
pub(crate) struct Drafts {
    files: RefCell<Vec<Draft>>,
    /// What is told of them once they are there to stay.
    told: RefCell<Vec<String>>,
    /// Whether something that was sent is, or may be, on the ledger.
    sent: Cell<bool>,
}

impl Drafts {
    /// Notes a file about to be written.
    fn note(&self, path: &Path, before: Option<Vec<u8>>) {
        self.files.borrow_mut().push(Draft { path: path.to_owned(), before });
    }

    /// Takes the outcome of something that was sent.
    pub(crate) fn sent<T>(&self, outcome: &Result<T, Fault>) {
        if !matches!(outcome, Err(fault) if is_refusal(&fault.code)) {
            self.sent.set(true);
        }
    }

    /// The command is over.
    pub(crate) fn settle(&self, app: &App, failed: bool) {
        let files = self.files.take();
        if !failed || self.sent.get() {
            self.told.take().iter().for_each(|line| app.out.say(line));
            return;
        }
        for Draft { path, before } in files {
            let undone = match before {
                Some(bytes) => disk::replace(&path, &bytes),
                None => std::fs::remove_file(&path),
            };
            if let Err(error) = undone {
                app.out.warn(&Fault::file(&path, &error).message(app.lang()));
            }
        }
    }
}

/// Whether an outcome says for certain that nothing was recorded: a rule refused it, or it was not
/// let in.
fn is_refusal(code: &str) -> bool {
    let rule = code.strip_prefix('E').is_some_and(|number| number.parse::<u16>().is_ok());
    let door = ["bad_request", "unknown_field", "too_large", "unauthorised", "forbidden"];
    rule || code.strip_prefix("api.").is_some_and(|name| door.contains(&name))
}

impl App {
    /// Writes a new file of what is about to be submitted; one that is there is replaced only with
    /// `--yes`.
    pub(crate) fn write_draft(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        if path == Path::new("-") {
            return self.write(path, bytes);
        }
        let before = if self.globals.yes { std::fs::read(path).ok() } else { None };
        self.write(path, bytes)?;
        self.drafts.note(path, before);
        Ok(())
    }

    /// As [`App::write_draft`], of a file in the data folder, whose name is new; it is told of when
    /// it is there to stay.
    pub(crate) fn keep_draft(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        let fault = |error: std::io::Error| Fault::file(path, &error);
        if let Some(folder) = path.parent() {
            disk::ensure_folder(folder).map_err(|error| Fault::file(folder, &error))?;
        }
        disk::write_new(path, bytes).map_err(fault)?;
        self.drafts.note(path, None);
        let file = path.display().to_string();
        self.drafts.told.borrow_mut().push(self.out.text("openings-kept", &[("file", &file)]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::app::Globals;
    use super::super::output::{Format, Output};
    use super::*;
    use crate::text::Lang;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        globals: Globals,
    }

    fn app(arguments: &[&str]) -> App {
        let line = Line::parse_from(["hefu"].iter().chain(arguments));
        let sink = || Box::new(std::io::sink());
        App::new(line.globals, Output::to(Format::Table, Lang::En, true, sink(), sink()))
    }

    /// What is in a folder after a slip was written and its act had an outcome.
    fn after(outcome: Option<Result<(), Fault>>, failed: bool) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let (slip, opening) = (folder.path().join("slip"), folder.path().join("o/case-1.json"));
        std::fs::write(&slip, "old").unwrap();
        let app = app(&["--yes"]);
        app.write_draft(&slip, b"new").unwrap();
        app.keep_draft(&opening, b"salt").unwrap();
        assert_eq!(std::fs::read(&slip).unwrap(), b"new", "on disk before anything is sent");
        if let Some(outcome) = outcome {
            app.drafts.sent(&outcome);
        }
        app.drafts.settle(&app, failed);
        (opening.exists(), std::fs::read_to_string(&slip).unwrap())
    }

    #[test]
    fn what_was_refused_or_never_sent_leaves_nothing() {
        let nothing = (false, "old".to_owned());
        for refusal in ["E620", "E102", "api.forbidden"] {
            assert_eq!(after(Some(Err(Fault::new(refusal))), true), nothing, "{refusal}");
        }
        assert_eq!(after(None, true), nothing);
    }

    #[test]
    fn what_is_or_may_be_on_the_ledger_keeps_its_openings() {
        let kept = (true, "new".to_owned());
        assert_eq!(after(Some(Ok(())), false), kept);
        for unknown in ["cli.unreachable", "api.timeout", "api.busy", "cli.bad_answer"] {
            assert_eq!(after(Some(Err(Fault::new(unknown))), true), kept, "{unknown}");
        }
        assert_eq!(after(Some(Ok(())), true), kept, "one governor's signature was taken");
    }

    #[test]
    fn a_slip_that_is_there_is_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let slip = folder.path().join("slip");
        std::fs::write(&slip, "old").unwrap();
        let app = app(&[]);
        assert_eq!(app.write_draft(&slip, b"new").unwrap_err().code, "cli.conflict");
        app.drafts.settle(&app, true);
        assert_eq!(std::fs::read(&slip).unwrap(), b"old", "what was not written is not undone");
    }
}
