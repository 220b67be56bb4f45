//! `hefu share request` and `withdraw`: a consumer asks for data.

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::sharing::{Extent, Purpose, PurposeKind, RequestAccess, WithdrawRequest};
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, Id16};
use serde_json::json;

use super::super::app::{App, now, random_id};
use super::super::args::{Signing, word};
use super::super::fault::{Done, Fault};
use super::super::list::record;
use super::super::submit::submit;
use super::show::segment;
use super::{Basis, fields_digest};

/// Days of a term that is not given, the first included.
const TERM_DAYS: i64 = 180;

#[derive(Args)]
pub(crate) struct Request {
    /// Code of the resource.
    cat_id: String,
    /// item (each use names its case) or duty.
    #[arg(long, default_value = "item", value_parser = word::<PurposeKind>)]
    purpose: PurposeKind,
    /// Code of the service item or duty it is for.
    #[arg(long, value_name = "ITEM")]
    item: BaseCode,
    #[command(flatten)]
    basis: Basis,
    /// Names of the fields, separated by commas; only their digest is recorded.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    fields: Vec<String>,
    /// Most uses on a day.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    per_day: u32,
    /// First day; today when not given.
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Last day; 180 days when not given.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    /// The scenario it serves.
    #[arg(long, value_name = "NUMBER")]
    scenario: Option<u32>,
    /// A request that was returned, asked again.
    #[arg(long = "again", value_name = "ID")]
    req_id: Option<Id16>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Request) -> Done {
    if args.basis.kind().is_none() {
        return Err(Fault::needs("--basis-kind --basis-file", "needs-basis-request"));
    }
    let today = Day::of_beijing(now());
    let from = args.from.unwrap_or(today);
    if from < today {
        return Err(Fault::needs("--from", "from-past"));
    }
    if args.until.is_some_and(|until| until < from) {
        return Err(Fault::needs("--until", "until-before"));
    }
    let entry = app.client()?.find_soon(&format!("/catalogue/{}", segment(&args.cat_id)), &[])?;
    let entry = entry.ok_or_else(|| Fault::with("E504", &args.cat_id))?;
    let version = record(&entry).pointer("/entry/version").and_then(serde_json::Value::as_u64);
    let cat_version = version.and_then(|version| u16::try_from(version).ok());
    let basis = args.basis.read(app)?;
    let legal_basis = basis.ok_or_else(|| Fault::new("cli.usage"))?;
    let (fields_digest, field_count) = fields_digest(&args.fields);
    let until = args.until.or_else(|| from.add_days(TERM_DAYS - 1)).unwrap_or(from);
    let req_id = args.req_id.map_or_else(random_id, Ok)?;
    let act = RequestAccess {
        req_id,
        cat_id: args.cat_id.clone(),
        cat_version: cat_version.ok_or_else(|| Fault::with("cli.bad_answer", "version"))?,
        purpose: Purpose { kind: args.purpose, code: args.item },
        legal_basis,
        extent: Extent { fields_digest, field_count, per_day: args.per_day, from, until },
        scenario: args.scenario,
    };
    let told = json!({ "request": req_id });
    submit(app, &args.signing, Role::Consumer, act.into(), &format!("req:{req_id}"), &told)
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The request.
    req_id: Id16,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn withdraw(app: &App, args: &Withdraw) -> Done {
    let id = args.req_id;
    let act = WithdrawRequest { req_id: id };
    let told = json!({ "request": id });
    submit(app, &args.signing, Role::Consumer, act.into(), &format!("req:{id}"), &told)
}
