//! `hefu case handover`, `receive`, `accept`, `supplement`: from the window to the handler.

use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::service::{
    AcceptCase, AskSupplement, DeclineCase, Handover as HandoverAct, ReceiveHandover,
    RejectHandover, Supplement as SupplementAct,
};
use hefu_primitives::{H32, Id16};

use super::super::app::{App, now};
use super::super::args::Signing;
use super::super::fault::{Done, Fault};
use super::super::openings::{Openings, Slip, public_digest};
use super::{act, receiver_role};

#[derive(Args)]
pub(crate) struct Handover {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// A document; give all of them.
    #[arg(long = "document", value_name = "FILE", required = true)]
    documents: Vec<PathBuf>,
    /// The slip to write, which goes with the documents.
    #[arg(long, value_name = "FILE")]
    slip: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn handover(app: &App, args: &Handover) -> Done {
    let documents = committed(app, &args.documents, &args.slip)?;
    let (case_id, occurred_at) = (args.case_id, now());
    let role = receiver_role(app, case_id)?;
    let body = HandoverAct { case_id, documents, occurred_at };
    act(app, &args.signing, role, case_id, body)
}

/// Commits to documents and writes the slip that opens the commitments.
fn committed(app: &App, documents: &[PathBuf], slip: &Path) -> Result<Vec<H32>, Fault> {
    let mut openings = Openings::default();
    let commits: Result<Vec<H32>, Fault> =
        documents.iter().map(|path| Ok(openings.evidence(app, path)?.commit)).collect();
    app.write_draft(slip, &openings.slip())?;
    let mut commits = commits?;
    commits.sort_unstable();
    Ok(commits)
}

#[derive(Args)]
pub(crate) struct Receive {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// The slip that came with the documents.
    #[arg(long, value_name = "FILE", required_unless_present = "reject")]
    slip: Option<PathBuf>,
    /// A document received; give all of them.
    #[arg(long = "document", value_name = "FILE", required_unless_present = "reject")]
    documents: Vec<PathBuf>,
    /// Send it back: 1 the list differs · 2 unreadable · 3 incomplete · 4 not ours · 99 other.
    #[arg(long, value_name = "REASON", conflicts_with_all = ["slip", "documents"])]
    reject: Option<u16>,
    #[command(flatten)]
    signing: Signing,
}

/// Every document must open a commitment of the slip, and none may be missing: only then is what
/// was received what is stated.
pub(crate) fn receive(app: &App, args: &Receive) -> Done {
    let case_id = args.case_id;
    if let Some(reason) = args.reject {
        let body = RejectHandover { case_id, reason };
        return act(app, &args.signing, Role::Handler, case_id, body);
    }
    let slip = args.slip.as_ref().ok_or_else(|| Fault::with("cli.usage", "--slip"))?;
    let slip = Slip::read(app, slip)?;
    let mut documents = Vec::new();
    for path in &args.documents {
        let opened = slip.commitment_to(&app.read(path)?);
        documents.push(opened.ok_or_else(|| Fault::with("cli.invalid", path.display()))?);
    }
    documents.sort_unstable();
    documents.dedup();
    if documents.len() != slip.len() {
        let counted = format!("{} / {}", documents.len(), slip.len());
        return Err(Fault::with("cli.invalid", counted));
    }
    let body = ReceiveHandover { case_id, documents, occurred_at: now() };
    act(app, &args.signing, Role::Handler, case_id, body)
}

#[derive(Args)]
pub(crate) struct Accept {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// Do not accept it: reason code.
    #[arg(long, value_name = "REASON", requires = "notice")]
    decline: Option<u16>,
    /// The notice that says why.
    #[arg(long, value_name = "FILE", requires = "decline")]
    notice: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn accept(app: &App, args: &Accept) -> Done {
    let case_id = args.case_id;
    if let (Some(reason), Some(notice)) = (args.decline, &args.notice) {
        let notice = public_digest(app, notice)?;
        let body = DeclineCase { case_id, reason, notice };
        return act(app, &args.signing, Role::Handler, case_id, body);
    }
    let body = AcceptCase { case_id, occurred_at: now() };
    act(app, &args.signing, Role::Handler, case_id, body)
}

#[derive(Args)]
pub(crate) struct Supplement {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// Ask for what is missing: the notice that lists it (handler).
    #[arg(long, value_name = "FILE", required_unless_present = "documents")]
    ask: Option<PathBuf>,
    /// A document supplied; give all of them (receiver).
    #[arg(long = "document", value_name = "FILE", requires = "slip", conflicts_with = "ask")]
    documents: Vec<PathBuf>,
    /// The slip to write, which goes with the documents.
    #[arg(long, value_name = "FILE")]
    slip: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn supplement(app: &App, args: &Supplement) -> Done {
    let case_id = args.case_id;
    match (&args.ask, &args.slip) {
        (Some(notice), _) => {
            let notice = public_digest(app, notice)?;
            act(app, &args.signing, Role::Handler, case_id, AskSupplement { case_id, notice })
        }
        (None, Some(slip)) => {
            let documents = committed(app, &args.documents, slip)?;
            let role = receiver_role(app, case_id)?;
            act(app, &args.signing, role, case_id, SupplementAct { case_id, documents })
        }
        (None, None) => Err(Fault::with("cli.usage", "--slip")),
    }
}
