//! `hefu case evaluate`, `answer`: what people thought of it, and what followed.

use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_contracts::service::{
    AnswerEvaluation, Channel, Evaluate as EvaluateAct, EvaluationStep, Stage,
};
use hefu_primitives::commitment::Purpose;
use hefu_primitives::{H32, Id16, Uscc};

use super::super::app::{App, now};
use super::super::args::{Paging, Signing, word};
use super::super::fault::{Done, Fault};
use super::super::list::List;
use super::super::openings::{Openings, Slip, public_digest};
use super::super::table::{Column, col};
use super::act;

const EVALUATIONS: &[Column] = &[
    col("case-id", "/body/case_id"),
    col("stage", "/body/stage"),
    col("grade", "/body/grade"),
    col("unit", "/unit"),
    col("state", "/state"),
    col("recorded", "/stamp/time").as_time(),
];

#[derive(Args)]
pub(crate) struct Evaluations {
    /// About this unit.
    #[arg(long, value_name = "USCC")]
    unit: Option<Uscc>,
    /// Only those with this grade, 1 to 5.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    grade: Option<u8>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn list(app: &App, args: &Evaluations) -> Done {
    let unit = args.unit.iter().map(|unit| ("unit", unit.to_string()));
    let grade = args.grade.iter().map(|grade| ("grade", grade.to_string()));
    let filters: Vec<(&str, String)> = unit.chain(grade).collect();
    let list = List { path: "/evaluations", columns: EVALUATIONS, empty: "list-empty" };
    list.show(app, &args.paging, &filters)
}

#[derive(Args)]
pub(crate) struct Evaluate {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// accept, decide or deliver.
    #[arg(long, value_parser = word::<Stage>)]
    stage: Stage,
    /// 5 very satisfied to 1 very dissatisfied.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    grade: u8,
    /// site, app, window, kiosk or hotline.
    #[arg(long, default_value = "window", value_parser = word::<Channel>)]
    channel: Channel,
    /// What it is about, 1 to 6.
    #[arg(long = "indicator", value_name = "N", value_delimiter = ',')]
    indicators: Vec<u8>,
    /// Who evaluates: a commitment to this is recorded.
    #[arg(long, value_name = "TEXT", required_unless_present = "evaluator")]
    person: Option<String>,
    /// The same person as in an earlier evaluation of this case: the commitment.
    #[arg(long, value_name = "HEX", conflicts_with = "person")]
    evaluator: Option<H32>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn evaluate(app: &App, args: Evaluate) -> Done {
    let case_id = args.case_id;
    let evaluator = match (&args.evaluator, &args.person) {
        (Some(evaluator), _) => *evaluator,
        (None, Some(person)) => commitment_to(app, case_id, person)?,
        (None, None) => return Err(Fault::with("cli.usage", "--person")),
    };
    let mut indicators = args.indicators;
    indicators.sort_unstable();
    let body = EvaluateAct {
        case_id,
        stage: args.stage,
        grade: args.grade,
        channel: args.channel,
        indicators,
        evaluator,
        occurred_at: now(),
    };
    act(app, &args.signing, Role::Window, case_id, body)
}

/// The commitment to a person: one for each case, so that the ledger sees who evaluates twice.
fn commitment_to(app: &App, case_id: Id16, person: &str) -> Result<H32, Fault> {
    let begin = format!("evaluator-{case_id}-");
    let earlier = Slip::kept(app, &begin)?;
    if let Some(known) = earlier.iter().find_map(|slip| slip.commitment_to(person.as_bytes())) {
        return Ok(known);
    }
    let mut openings = Openings::default();
    let evaluator = openings.commit("evaluator", Purpose::Evaluator, person.as_bytes())?;
    openings.keep(app, &format!("{begin}{evaluator}"))?;
    Ok(evaluator)
}

#[derive(Args)]
#[group(skip)]
pub(crate) struct Answer {
    /// The case.
    #[arg(value_name = "ID")]
    case_id: Id16,
    /// accept, decide or deliver.
    #[arg(long, value_parser = word::<Stage>)]
    stage: Stage,
    /// The commitment to the evaluator, as the case shows it.
    #[arg(long, value_name = "HEX")]
    evaluator: H32,
    /// It was put right: what was done (unit).
    #[arg(long, value_name = "FILE", group = "step")]
    rectified: Option<PathBuf>,
    /// It is without ground: evidence (unit).
    #[arg(long, value_name = "FILE", group = "step")]
    unfounded: Option<PathBuf>,
    /// The evaluator was called back, and gives this grade now.
    #[arg(long, value_name = "GRADE", group = "step")]
    revisited: Option<u8>,
    /// It is over.
    #[arg(long, group = "step")]
    closed: bool,
    /// Sign with a key of this role: handler, window or auditor.
    #[arg(long, default_value = "handler", value_parser = word::<Role>)]
    role: Role,
    #[command(flatten)]
    signing: Signing,
}

/// Without a step named the unit begins to look into it.
pub(crate) fn answer(app: &App, args: &Answer) -> Done {
    let Answer { case_id, stage, evaluator, .. } = *args;
    let mut openings = Openings::default();
    let step = match (&args.rectified, &args.unfounded, args.revisited) {
        (Some(done), ..) => EvaluationStep::Rectify(public_digest(app, done)?),
        (None, Some(evidence), _) => EvaluationStep::Unfounded(openings.evidence(app, evidence)?),
        (None, None, Some(grade)) => EvaluationStep::Revisit(grade),
        (None, None, None) if args.closed => EvaluationStep::Close,
        (None, None, None) => EvaluationStep::Verify,
    };
    openings.keep(app, &format!("unfounded-{case_id}-{evaluator}"))?;
    let body = AnswerEvaluation { case_id, stage, evaluator, step };
    act(app, &args.signing, args.role, case_id, body)
}
