//! `hefu audit mandate`, `openings`, `read-log`: under what auditors read, and what they leave
//! behind.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_contracts::dispute::Subject;
use hefu_contracts::identity::{Action, Propose, Role};
use hefu_contracts::oversight::{
    GrantMandate, MandateTerms, PutReadLogRoot, RecordKind, RequestOpenings, RevokeMandate,
};
use hefu_primitives::log::{MemoryLog, leaf_hash};
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, Region, Uscc};
use serde_json::json;

use super::app::{App, random_id};
use super::args::{AtHeight, Paging, Signing, region, word};
use super::dispute::subject;
use super::fault::{Done, Fault};
use super::list::List;
use super::openings::public_digest;
use super::same_id;
use super::sign;
use super::submit::{Ledger, submit, submit_governed};
use super::table::{Column, col};
use super::waiting;

const MANDATES: &[Column] = &[
    col("mandate", "/terms/mandate_id"),
    col("auditor", "/terms/auditor"),
    col("members", "/terms/members"),
    col("kinds", "/terms/kinds"),
    col("from", "/terms/from"),
    col("to", "/terms/to"),
    col("until", "/terms/until"),
    col("status", "/status"),
];

#[derive(Subcommand)]
pub(crate) enum Mandate {
    List(MandateList),
    Show(Show),
    Grant(Box<Grant>),
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct MandateList {
    /// Of this auditor.
    #[arg(long, value_name = "USCC")]
    auditor: Option<Uscc>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The mandate.
    #[arg(value_name = "ID")]
    mandate_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Grant {
    /// Who may read.
    #[arg(long, value_name = "USCC")]
    auditor: Uscc,
    /// A province whose records may be read; several take a vote.
    #[arg(long = "of", value_name = "PROVINCE", required = true, value_delimiter = ',',
          value_parser = region)]
    of: Vec<Region>,
    /// identity, certificate, recognition, sharing, service, dispute.
    #[arg(long = "kind", value_name = "KIND", required = true, value_delimiter = ',',
          value_parser = word::<RecordKind>)]
    kinds: Vec<RecordKind>,
    /// First day of the records.
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// Last day of the records.
    #[arg(long, value_name = "DAY")]
    to: Day,
    /// Last day of the mandate.
    #[arg(long, value_name = "DAY")]
    until: Day,
    /// What orders the audit; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    instrument: PathBuf,
    /// The province that signs.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The mandate.
    #[arg(value_name = "ID")]
    mandate_id: Id16,
    /// The province that signs.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Openings {
    /// The mandate.
    #[arg(long, value_name = "ID")]
    mandate: Id16,
    /// A record, as events name it: att:ID, dec:ID, req:ID, grant:ID, rcp:ID or case:ID.
    #[arg(value_name = "RECORD", required = true, value_parser = subject)]
    refs: Vec<Subject>,
    /// The written purpose; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    purpose: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct ReadLog {
    /// The day that is over.
    #[arg(value_name = "DAY")]
    day: Day,
    /// Who read.
    #[arg(long, value_name = "USCC")]
    auditor: Uscc,
    /// The log of reads, a line each; none when nothing was read.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Sign with a key of this role.
    #[arg(long, default_value = "provider", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Mandate) -> Done {
    match command {
        Mandate::List(args) => {
            let auditor = args.auditor.iter().map(|code| ("auditor", code.to_string()));
            let filters: Vec<_> = auditor.collect();
            let empty = "mandate-list-empty";
            List { path: "/audit/mandates", columns: MANDATES, empty }.show(
                app,
                &args.paging,
                &filters,
            )
        }
        Mandate::Show(args) => {
            let id = args.mandate_id;
            let (path, subject) = (format!("/audit/mandates/{id}"), format!("mandate:{id}"));
            waiting::show(app, &path, args.at, &subject)
        }
        Mandate::Grant(args) => grant(app, *args),
        Mandate::Revoke(args) => {
            let id = args.mandate_id;
            let act = RevokeMandate { mandate_id: id }.into();
            let (subject, told) = (format!("mandate:{id}"), json!({ "mandate": id }));
            submit_governed(app, &args.signing, args.member, act, &subject, &told)
        }
    }
}

/// A mandate for one's own records is granted; one for several provinces' is proposed to them.
fn grant(app: &App, args: Grant) -> Done {
    if args.to < args.from {
        return Err(Fault::needs("--from --to", "days-backwards"));
    }
    let instrument = public_digest(app, &args.instrument)?;
    let (mut members, mut kinds) = (args.of, args.kinds);
    members.sort_unstable();
    members.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    let one = members.len() == 1;
    let member = args.member.or(members.first().copied().filter(|_| one));
    let Grant { auditor, from, to, until, .. } = args;
    let mandate_id = Id16([0; 16]);
    let terms = MandateTerms { mandate_id, auditor, members, kinds, from, to, instrument, until };
    let terms = same_id::mandate(app, terms)?;
    let mandate_id = terms.mandate_id;
    if one {
        let (subject, told) = (format!("mandate:{mandate_id}"), json!({ "mandate": mandate_id }));
        let act = GrantMandate { terms }.into();
        return submit_governed(app, &args.signing, member, act, &subject, &told);
    }
    let action = Action::GrantMandate(terms);
    let id = same_id::proposal(app, &action)?;
    let told = json!({ "mandate": mandate_id, "proposal": id });
    let act = Propose { id, action }.into();
    submit_governed(app, &args.signing, member, act, &format!("prop:{id}"), &told)
}

/// Asks for openings: vaults answer outside the ledger.
pub(crate) fn openings(app: &App, args: Openings) -> Done {
    let (request_id, purpose) = (random_id()?, public_digest(app, &args.purpose)?);
    let act = RequestOpenings { request_id, mandate_id: args.mandate, refs: args.refs, purpose };
    let told = json!({ "request": request_id });
    let subject = format!("opening:{request_id}");
    submit(app, &args.signing, Role::Auditor, act.into(), &subject, &told)
}

/// States the root of a read log: the RFC 9162 tree over its lines.
pub(crate) fn read_log(app: &App, args: &ReadLog) -> Done {
    let day = args.day.to_string();
    if Day::of_beijing(Ledger::of(app.client()?)?.block_time) <= args.day {
        return Err(Fault::said("E112", "day-not-over", &[("day", &day)]));
    }
    if args.log.is_none() {
        let auditor = args.auditor.to_string();
        app.confirm("confirm-no-reads", &[("day", &day), ("auditor", &auditor)])?;
    }
    let text = args.log.as_ref().map(|path| app.read_text(path)).transpose()?.unwrap_or_default();
    let (count, root) = read_log_root(&text)?;
    let act = PutReadLogRoot { day: args.day, auditor: args.auditor, count, root };
    let told = json!({ "count": count, "root": root });
    let subject = format!("readlog:{}", args.day);
    let mut signing = args.signing.clone();
    if signing.authority.is_none() && signing.key.is_none() {
        // Only the operator of a node may say what was read there.
        signing.authority = sign::operator_here(app, args.role)?;
    }
    submit(app, &signing, args.role, act.into(), &subject, &told)
}

fn read_log_root(text: &str) -> Result<(u64, H32), Fault> {
    let mut log = MemoryLog::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let full = |error| Fault::below("cli.input", &error);
        log.append(leaf_hash(line.as_bytes())).map_err(full)?;
    }
    let head = log.head();
    Ok((head.size, if head.size == 0 { H32::ZERO } else { head.root }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_read_log_is_that_of_its_lines() {
        assert_eq!(read_log_root("").unwrap(), (0, H32::ZERO));
        assert_eq!(read_log_root("\n\n").unwrap().0, 0);
        let (one, two) = (read_log_root("a\n").unwrap(), read_log_root("a\nb\n").unwrap());
        assert_eq!(one, (1, leaf_hash(b"a")));
        let root = hefu_primitives::log::node_hash(leaf_hash(b"a"), leaf_hash(b"b"));
        assert_eq!(two, (2, root));
    }
}
