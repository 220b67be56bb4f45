//! `hefu case open`, `check`, `withdraw`, `theme`: how cases come in.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::service::{
    ApplicantClass, CaseMode, Channel, CheckCase, OpenCase, OpenTheme, RefuseCase, WithdrawCase,
};
use hefu_primitives::commitment::Purpose;
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, Id16, ImplCode, Millis, Uscc};
use serde_json::json;

use super::super::app::{App, now, random_id};
use super::super::args::{Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::openings::{Openings, public_digest};
use super::super::submit::submit;
use super::{act, receiver_role};

#[derive(Args)]
pub(crate) struct Open {
    /// The item's base code.
    #[arg(long, value_name = "CODE")]
    item: BaseCode,
    /// The authority that decides.
    #[arg(long, value_name = "USCC")]
    handler: Uscc,
    /// online, proxy or joint.
    #[arg(long, default_value = "proxy", value_parser = word::<CaseMode>)]
    mode: CaseMode,
    /// The case number: a commitment to it is recorded.
    #[arg(long, value_name = "TEXT")]
    number: String,
    /// The handler's implementation code.
    #[arg(long, value_name = "CODE")]
    implementation: Option<ImplCode>,
    /// Code of the window.
    #[arg(long, value_name = "CODE")]
    unit: Option<String>,
    /// site, app, window, kiosk or hotline.
    #[arg(long, default_value = "window", value_parser = word::<Channel>)]
    channel: Channel,
    /// natural or legal.
    #[arg(long, default_value = "natural", value_parser = word::<ApplicantClass>)]
    applicant: ApplicantClass,
    /// The theme it belongs to.
    #[arg(long, value_name = "ID")]
    theme: Option<Id16>,
    /// When it came in; now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn open(app: &App, args: Open) -> Done {
    let case_id = random_id()?;
    let mut openings = Openings::default();
    let no = openings.commit("number", Purpose::Case, args.number.as_bytes())?;
    openings.keep(app, &format!("case-{case_id}"))?;
    let body = OpenCase {
        case_id,
        no,
        base: args.item,
        implementation: args.implementation,
        mode: args.mode,
        unit: args.unit,
        handler: args.handler,
        channel: args.channel,
        applicant: args.applicant,
        theme: args.theme,
        occurred_at: args.at.unwrap_or_else(now),
    };
    let role = if args.mode == CaseMode::Online { Role::Handler } else { Role::Window };
    act(app, &args.signing, role, case_id, body)
}

#[derive(Args)]
pub(crate) struct Check {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// The applicant's consent: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE", required_unless_present = "refuse")]
    consent: Option<PathBuf>,
    /// Level of assurance of the identity check, 1 to 4.
    #[arg(long, value_name = "LEVEL", default_value_t = 3)]
    assurance: u8,
    /// What the identity service asserted: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE", conflicts_with = "refuse")]
    assertion: Option<PathBuf>,
    /// Do not take it in: reason code.
    #[arg(long, value_name = "REASON", requires = "notice", conflicts_with = "consent")]
    refuse: Option<u16>,
    /// The notice that says why.
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn check(app: &App, args: &Check) -> Done {
    let (case_id, role) = (args.case_id, receiver_role(app, args.case_id)?);
    if let (Some(reason), Some(notice)) = (args.refuse, &args.notice) {
        let notice = public_digest(app, notice)?;
        return act(app, &args.signing, role, case_id, RefuseCase { case_id, reason, notice });
    }
    let consent = args.consent.as_ref().ok_or_else(|| Fault::with("cli.usage", "--consent"))?;
    let mut openings = Openings::default();
    let consent = openings.evidence(app, consent)?.commit;
    let assertion = match &args.assertion {
        Some(path) => Some(openings.evidence(app, path)?.commit),
        None => None,
    };
    openings.keep(app, &format!("consent-{case_id}"))?;
    let body = CheckCase { case_id, consent, assurance: args.assurance, assertion };
    act(app, &args.signing, role, case_id, body)
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// The applicant's request: a commitment to this file is recorded.
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn withdraw(app: &App, args: &Withdraw) -> Done {
    let (case_id, role) = (args.case_id, receiver_role(app, args.case_id)?);
    let mut openings = Openings::default();
    let request = openings.evidence(app, &args.request)?.commit;
    openings.keep(app, &format!("withdrawal-{case_id}"))?;
    act(app, &args.signing, role, case_id, WithdrawCase { case_id, request })
}

#[derive(Args)]
pub(crate) struct Theme {
    /// An item of the theme; give all of them.
    #[arg(long = "item", value_name = "CODE", required = true, value_delimiter = ',')]
    theme_items: Vec<BaseCode>,
    /// Its number: a commitment to it is recorded.
    #[arg(long, value_name = "TEXT")]
    number: String,
    /// The day by which everything is promised.
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn theme(app: &App, args: Theme) -> Done {
    let theme_id = random_id()?;
    let mut openings = Openings::default();
    let no = openings.commit("number", Purpose::Case, args.number.as_bytes())?;
    openings.keep(app, &format!("theme-{theme_id}"))?;
    let mut items = args.theme_items;
    items.sort_unstable();
    items.dedup();
    let body = OpenTheme { theme_id, no, items, until: args.until };
    let told = json!({ "theme": theme_id });
    let subject = format!("theme:{theme_id}");
    submit(app, &args.signing, Role::Window, body.into(), &subject, &told)
}
