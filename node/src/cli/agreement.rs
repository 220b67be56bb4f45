//! `hefu agreement`: provinces agree to recognise each other's certificates. Governors' acts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_contracts::recognition::{
    AgreementEntry, AgreementKind, EntryMode, PauseEntry, PauseReason, ProposeAgreement,
    ResumeEntry, SignAgreement, WithdrawAgreement,
};
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Region, TypeCode};
use serde_json::json;

use super::app::{App, random_id};
use super::args::{AtHeight, Paging, Signing, region, word};
use super::fault::{Done, Fault};
use super::list::{self, List, record, text_at};
use super::openings::public_digest;
use super::sign;
use super::submit::{Ledger, send, submit_governed, tell_applied, tell_pending};
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("id", "/terms/id"),
    col("kind", "/terms/kind"),
    col("parties", "/terms/parties"),
    col("entries", "/terms/entries").count(),
    col("effective", "/terms/effective"),
    col("until", "/terms/until"),
    col("state", "/state"),
    col("signed", "/signatures").count(),
];

#[derive(Subcommand)]
pub(crate) enum Agreement {
    List(Paging),
    Show(Show),
    Propose(Propose),
    Sign(Sign),
    Withdraw(Sign),
    Pause(Pause),
    Resume(Resume),
}

#[derive(Args)]
pub(crate) struct Show {
    /// The agreement.
    id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Propose {
    /// A party; give all of them.
    #[arg(long = "party", value_name = "PROVINCE", required = true, value_parser = region)]
    parties: Vec<Region>,
    /// What is recognised: TYPE[@VERSION]=SCENARIO,SCENARIO,…
    #[arg(long = "entry", value_name = "TYPE=SCENARIO,…", required = true, value_parser = entry)]
    entries: Vec<AgreementEntry>,
    /// What recognition means: full or reference.
    #[arg(long, default_value = "full", value_parser = word::<EntryMode>)]
    entry_mode: EntryMode,
    /// The public text.
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// First day.
    #[arg(long, value_name = "DAY")]
    effective: Day,
    /// Last day; without an end when not given.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// Working days to settle a dispute.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    dispute_days: u16,
    /// The agreement whose place it takes.
    #[arg(long, value_name = "ID", requires = "version")]
    amends: Option<Id16>,
    /// Its version.
    #[arg(long, default_value_t = 1)]
    version: u16,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The agreement.
    id: Id16,
    /// The province that signs; the one whose governor keys are here when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Pause {
    /// The type whose entry is paused.
    #[arg(long = "type", value_name = "TYPE")]
    type_code: TypeCode,
    /// One of its scenarios; all when not given.
    #[arg(long, value_name = "NUMBER")]
    scenario: Option<u32>,
    /// system, quality, security or law-changed.
    #[arg(long, value_parser = word::<PauseReason>)]
    reason: PauseReason,
    /// Last day, at most 30 days from now.
    #[arg(long, value_name = "DAY")]
    until: Day,
    #[command(flatten)]
    sign: Sign,
}

#[derive(Args)]
pub(crate) struct Resume {
    /// The type whose entry is resumed.
    #[arg(long = "type", value_name = "TYPE")]
    type_code: TypeCode,
    /// One of its scenarios; all when not given.
    #[arg(long, value_name = "NUMBER")]
    scenario: Option<u32>,
    #[command(flatten)]
    sign: Sign,
}

pub(crate) fn run(app: &App, command: Agreement) -> Done {
    match command {
        Agreement::List(paging) => {
            List { path: "/agreements", columns: COLUMNS, empty: "agreement-list-empty" }.show(
                app,
                &paging,
                &[],
            )
        }
        Agreement::Show(args) => list::show(app, &format!("/agreements/{}", args.id), args.at),
        Agreement::Propose(args) => propose(app, args),
        Agreement::Sign(args) => {
            let answer = app.client()?.find(&format!("/agreements/{}", args.id), &[])?;
            let answer = answer.ok_or_else(|| Fault::with("E405", args.id))?;
            let terms = text_at(record(&answer), "/digest")?.parse();
            let terms = terms.map_err(|_| Fault::with("cli.bad_answer", "digest"))?;
            governed(app, &args, SignAgreement { agreement: args.id, terms }.into())
        }
        Agreement::Pause(args) => {
            let Pause { type_code, scenario, reason, until, sign } = args;
            let act = PauseEntry { agreement: sign.id, type_code, scenario, reason, until };
            governed(app, &sign, act.into())
        }
        Agreement::Resume(args) => {
            let Resume { type_code, scenario, sign } = args;
            governed(app, &sign, ResumeEntry { agreement: sign.id, type_code, scenario }.into())
        }
        Agreement::Withdraw(args) => {
            app.confirm("confirm-withdraw", &[("id", &args.id.to_string())])?;
            governed(app, &args, WithdrawAgreement { agreement: args.id }.into())
        }
    }
}

fn governed(app: &App, args: &Sign, act: hefu_contracts::Act) -> Done {
    let (subject, told) = (format!("agr:{}", args.id), json!({ "agreement": args.id }));
    submit_governed(app, &args.signing, args.member, act, &subject, &told)
}

impl Propose {
    /// What can be seen to be wrong without the ledger.
    fn check(&self) -> Result<(), Fault> {
        let mut parties = self.parties.clone();
        parties.sort_unstable();
        parties.dedup();
        if parties.len() < 2 || parties.len() != self.parties.len() {
            return Err(Fault::needs("--party", "needs-parties"));
        }
        if self.until.is_some_and(|until| until < self.effective) {
            return Err(Fault::needs("--until", "until-before"));
        }
        Ok(())
    }
}

/// A proposal binds nobody: one governor is enough.
fn propose(app: &App, args: Propose) -> Done {
    args.check()?;
    let legal_digest = public_digest(app, &args.text)?;
    let Propose { mut parties, mut entries, entry_mode, signing, .. } = args;
    parties.sort_unstable();
    entries.iter_mut().for_each(|entry| entry.mode = entry_mode);
    entries.sort_by_key(|entry| entry.type_code);
    let id = random_id()?;
    let act = ProposeAgreement {
        id,
        amends: args.amends,
        version: args.version,
        kind: if parties.len() == 2 { AgreementKind::Bi } else { AgreementKind::Multi },
        parties,
        entries,
        effective: args.effective,
        until: args.until,
        dispute_days: args.dispute_days,
        legal_digest,
    };
    let ledger = Ledger::of(app.client()?)?;
    let (signers, _) = sign::governors(app, &signing, None)?;
    let signer = signers.first().ok_or_else(|| Fault::new("cli.no_key"))?;
    let transaction = ledger.sign(&[act.into()], &format!("agr:{id}"), signer)?;
    let told = json!({ "agreement": id });
    match send(app, &transaction, signing.no_wait)? {
        super::client::Submitted::Applied(answer) => {
            tell_applied(app, &answer, &told);
            Ok(super::exit::Exit::Ok)
        }
        super::client::Submitted::Pending => Ok(tell_pending(app, &transaction, &told)),
    }
}

/// `TYPE[@VERSION]=SCENARIO,…`
fn entry(text: &str) -> Result<AgreementEntry, String> {
    let form = || "form-entry".to_owned();
    let (kind, scenarios) = text.split_once('=').ok_or_else(form)?;
    let (kind, version) = kind.split_once('@').unwrap_or((kind, "1"));
    let scenarios: Result<Vec<u32>, _> = scenarios.split(',').map(str::parse).collect();
    let mut scenarios = scenarios.map_err(|_| form())?;
    scenarios.sort_unstable();
    scenarios.dedup();
    Ok(AgreementEntry {
        type_code: kind.parse().map_err(|_| form())?,
        min_version: version.parse().map_err(|_| form())?,
        scenarios,
        mode: EntryMode::Full,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let read = entry("11100000HEFU90025A001@2=3,1,3").unwrap();
        assert_eq!((read.min_version, read.scenarios), (2, vec![1, 3]));
        assert_eq!(entry("11100000HEFU90025A001=1").unwrap().min_version, 1);
        for bad in ["", "11100000HEFU90025A001", "x=1", "11100000HEFU90025A001=a"] {
            assert!(entry(bad).is_err(), "{bad}");
        }
    }
}
