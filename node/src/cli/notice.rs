//! `hefu notice`: incidents, and checkpoints held outside; standards and regions adopted by vote.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hefu_contracts::identity::Role;
use hefu_contracts::oversight::{
    AnchorPlace, CloseIncident, IncidentKind, NoticeIncident, RecordCheckpoint,
};
use hefu_primitives::{Height, Id16, KeyId, Millis};
use serde_json::json;

use super::app::{App, now, random_id};
use super::args::{AtHeight, Paging, Signing, instant, word};
use super::fault::{Done, Fault};
use super::list::{self, List, text_at};
use super::openings::public_digest;
use super::submit::submit;
use super::table::{Column, col};

const INCIDENTS: &[Column] = &[
    col("incident-id", "/body/incident_id"),
    col("kind", "/body/kind"),
    col("grade", "/body/grade"),
    col("by", "/by"),
    col("since", "/body/since").as_time(),
    col("closed", "/closed/stamp/time").as_time(),
];

const STANDARDS: &[Column] = &[
    col("name", "/standard/name"),
    col("version", "/standard/version"),
    col("effective", "/standard/effective"),
    col("digest", "/standard/digest").short(),
];

const REGIONS: &[Column] = &[
    col("region", "/entry/code"),
    col("name", "/entry/name_zh@zh|/entry/name_en@en"),
    col("effective", "/effective"),
    col("retired", "/entry/retired"),
];

const CHECKPOINTS: &[Column] = &[
    col("height", "/body/height"),
    col("place", "/body/place"),
    col("by", "/by"),
    col("state-root", "/body/state_root").short(),
];

const CALENDARS: &[Column] = &[
    col("year", "/year"),
    col("working-days", "/working_days"),
    col("days-off", "/days_off").count(),
    col("days-worked", "/days_worked"),
];

const READ_LOGS: &[Column] = &[
    col("region", "/region"),
    col("day", "/body/day"),
    col("auditor", "/body/auditor"),
    col("count", "/body/count"),
    col("root", "/body/root").short(),
];

/// What notices there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Incidents.
    #[default]
    Incidents,
    /// Standards adopted by vote.
    Standards,
    /// Region codes changed by vote.
    Regions,
    /// Checkpoints held outside the ledger.
    Checkpoints,
    /// Work calendars, by year.
    Calendars,
    /// Roots of the nodes' logs of reads, by province and day.
    ReadLogs,
}

#[derive(Subcommand)]
pub(crate) enum Notice {
    List(NoticeList),
    Show(Show),
    Incident(Box<Incident>),
    Close(Close),
    Checkpoint(Checkpoint),
}

#[derive(Args)]
pub(crate) struct NoticeList {
    /// incidents, standards, regions, checkpoints, calendars or read-logs.
    #[arg(value_enum, default_value_t)]
    what: Kind,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The incident.
    #[arg(value_name = "ID")]
    incident_id: Id16,
    #[command(flatten)]
    at: AtHeight,
}

#[derive(Args)]
pub(crate) struct Incident {
    /// leak, loss, tampering, theft, outage or key-compromise.
    #[arg(long, value_parser = word::<IncidentKind>)]
    kind: IncidentKind,
    /// 1 the gravest, to 4.
    #[arg(long, value_name = "GRADE", value_parser = clap::value_parser!(u8).range(1..=4))]
    severity: u8,
    /// A key that is affected.
    #[arg(long = "affected-key", value_name = "ID")]
    affected_keys: Vec<KeyId>,
    /// A grant that is affected.
    #[arg(long = "affected-grant", value_name = "ID")]
    affected_grants: Vec<Id16>,
    /// Since when.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Millis,
    /// The report; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
    /// Sign with a key of this role.
    #[arg(long, default_value = "provider", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Close {
    /// The incident.
    #[arg(value_name = "ID")]
    incident_id: Id16,
    /// The closing report; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
    /// Sign with a key of this role.
    #[arg(long, default_value = "provider", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct Checkpoint {
    /// The height.
    height: Height,
    /// archive, national-platform, notary or publication.
    #[arg(long, value_parser = word::<AnchorPlace>)]
    place: AnchorPlace,
    /// Their receipt; only its digest is recorded.
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// Sign with a key of this role.
    #[arg(long, default_value = "provider", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, command: Notice) -> Done {
    match command {
        Notice::List(args) => {
            let (path, columns) = match args.what {
                Kind::Incidents => ("/notices", INCIDENTS),
                Kind::Standards => ("/standards", STANDARDS),
                Kind::Regions => ("/regions", REGIONS),
                Kind::Checkpoints => ("/checkpoints", CHECKPOINTS),
                Kind::Calendars => ("/calendars", CALENDARS),
                Kind::ReadLogs => ("/audit/read-logs", READ_LOGS),
            };
            List { path, columns, empty: "list-empty" }.show(app, &args.paging, &[])
        }
        Notice::Show(args) => list::show(app, &format!("/notices/{}", args.incident_id), args.at),
        Notice::Incident(args) => incident(app, *args),
        Notice::Close(args) => {
            let (incident_id, report) = (args.incident_id, public_digest(app, &args.report)?);
            let act = CloseIncident { incident_id, report };
            told(app, &args.signing, args.role, incident_id, act.into())
        }
        Notice::Checkpoint(args) => checkpoint(app, &args),
    }
}

fn told(app: &App, signing: &Signing, role: Role, id: Id16, act: hefu_contracts::Act) -> Done {
    submit(app, signing, role, act, &format!("incident:{id}"), &json!({ "incident_id": id }))
}

fn incident(app: &App, args: Incident) -> Done {
    let incident_id = random_id()?;
    let (mut keys, mut grants) = (args.affected_keys, args.affected_grants);
    keys.sort_unstable();
    grants.sort_unstable();
    let act = NoticeIncident {
        incident_id,
        kind: args.kind,
        grade: args.severity,
        keys,
        grants,
        since: args.since,
        report: public_digest(app, &args.report)?,
    };
    told(app, &args.signing, args.role, incident_id, act.into())
}

/// Says of a block of this ledger that somebody outside holds its roots.
fn checkpoint(app: &App, args: &Checkpoint) -> Done {
    let height = args.height;
    let block = app.client()?.get(&format!("/blocks/{height}"), &[])?;
    let bad = |name: &'static str| Fault::with("cli.bad_answer", name);
    let id = text_at(&block, "/block_id")?.parse().map_err(|_| bad("block_id"))?;
    let state_root = text_at(&block, "/state_root")?.parse().map_err(|_| bad("state_root"))?;
    let act = RecordCheckpoint {
        height,
        block: id,
        state_root,
        place: args.place,
        receipt: public_digest(app, &args.receipt)?,
        occurred_at: now(),
    };
    let told = json!({ "height": height });
    submit(app, &args.signing, args.role, act.into(), &format!("block:{height}"), &told)
}
