//! What auditors ask, answered from the query index: rows, the height they are pinned to, whether the
//! index had all of it, and where the evidence of each row is.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use hefu_audit::question::{As, Column, QUESTIONS, Question};
use hefu_audit::scope::Limit;
use hefu_audit::{AuditError, Row};
use hefu_contracts::oversight::RecordKind;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis, Region};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::Answer;
use crate::api::mandate::Scope;
use crate::api::params::{DEFAULT_LIMIT, Id, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::state::Api;

/// Most rows of a page for an export.
const MAX_ROWS: usize = 10_000;

macro_rules! asked {
    ($($name:ident $about:literal,)*) => {
        /// What a question is asked with; each takes some of these.
        #[derive(Deserialize, IntoParams)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct Asked {
            $(#[doc = $about] $name: Option<String>,)*
            /// Most rows: 1 to 10000, 100 if absent.
            limit: Option<usize>,
            /// Where the last page ended; pinned to that page's height.
            cursor: Option<String>,
        }

        impl Asked {
            fn pairs(self) -> BTreeMap<String, String> {
                [$((stringify!($name), self.$name),)*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                    .collect()
            }
        }
    };
}

asked! {
    at_height "As known at this height; the last one in the index if absent",
    day "About this day; the day of that height if absent",
    from "From this day or time on",
    to "Up to this day, with it, or time",
    from_height "From this height on",
    to_height "Up to this height",
    certificate "The attestation",
    commitment "The commitment to its identifier, in the place of the attestation",
    authority "The authority",
    actor "The authority that acted",
    region "Its province",
    kind "The kind of event",
    subject "What it is about",
    flag "A flag",
    key "The key",
    issuer_region "Province of the issuer",
    relying_region "Province that relied, or did not",
    reason "Code of the reason",
    wrong "1: only those that were wrong",
    state "Only in this state",
    catalogue "The resource code",
    consumer "The consumer",
    provider "The provider",
    province "A province on either side, or the provider's",
    other "The other province",
    item "The service item",
    lead "The lead province",
    handler "The handler",
    pauses "List from this many pauses on",
    pause_days "List from this many days paused on",
    power "A type, scenario or item that it may act on",
    in_force "1: only what was in force",
    action "What a proposal is for",
    opposed "Only what this province opposed",
    member "The province that recorded",
    hours "Later than so many hours",
}

/// A column of an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct ColumnItem {
    /// Its name: a field of each item.
    name: &'static str,
    /// How to read it: `text`, `number`, `time`, `day`, `height`, `bool`, `list`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What is said of all rows together.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotalsItem {
    /// Columns.
    columns: Vec<ColumnItem>,
    /// Items.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
}

/// The answer to a question.
#[derive(Serialize, ToSchema)]
pub(crate) struct Findings {
    /// The question.
    question: &'static str,
    /// The last height in the index.
    #[schema(value_type = String)]
    indexed_height: Height,
    /// Heights that the index is behind the ledger.
    lag: u64,
    /// Columns of the items.
    columns: Vec<ColumnItem>,
    /// Rows: the columns, and `height`, `time`, `tx`, `evidence`.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    /// Of all rows together; with the first page.
    totals: Option<TotalsItem>,
    /// The mandate under which this was asked, and what it covers; none without one.
    scope: Option<ScopeItem>,
    /// Where the next page begins; none after the last one.
    next_cursor: Option<String>,
}

/// What the mandate covers under which was asked.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ScopeItem {
    /// The mandate.
    #[schema(value_type = String)]
    mandate: Id16,
    /// Whose records.
    #[schema(value_type = Vec<u32>)]
    members: Vec<Region>,
    /// Which kinds.
    #[schema(value_type = Vec<String>)]
    kinds: Vec<RecordKind>,
    /// First day of the records.
    #[schema(value_type = String)]
    from: Day,
    /// Last day of the records.
    #[schema(value_type = String)]
    to: Day,
    /// Whether the question reaches beyond it, so that rows may be left out: then the answer is not
    /// complete.
    restricts: bool,
}

/// A parameter of a question.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParamItem {
    name: &'static str,
    expected: &'static str,
    required: bool,
    zh: &'static str,
    en: &'static str,
}

/// A question.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuestionItem {
    name: &'static str,
    title_zh: &'static str,
    title_en: &'static str,
    about_zh: &'static str,
    about_en: &'static str,
    params: Vec<ParamItem>,
    columns: Vec<ColumnItem>,
}

/// All questions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Questions {
    items: Vec<QuestionItem>,
}

/// How far the query index is.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexItem {
    /// What keeps it.
    engine: &'static str,
    /// The last height in it.
    #[schema(value_type = String)]
    indexed_height: Height,
    /// Heights that it is behind the ledger.
    lag: u64,
    /// Why it no longer follows, if it does not.
    fault: Option<String>,
}

/// What can be asked, with what, and what the answers have.
#[utoipa::path(get, path = "/api/v1/audit/questions", tag = "audit", operation_id = "list_questions",
    responses((status = 200, body = Questions)))]
pub(crate) async fn questions() -> axum::Json<Questions> {
    axum::Json(Questions { items: QUESTIONS.iter().map(|question| described(question)).collect() })
}

fn described(question: &'static Question) -> QuestionItem {
    let param = |param: &'static hefu_audit::question::Param| ParamItem {
        name: param.name,
        expected: param.kind.expected(),
        required: param.required,
        zh: param.about.zh,
        en: param.about.en,
    };
    QuestionItem {
        name: question.name,
        title_zh: question.title.zh,
        title_en: question.title.en,
        about_zh: question.about.zh,
        about_en: question.about.en,
        params: question.all_params().map(param).collect(),
        columns: columns(question.columns),
    }
}

/// How far the query index is.
#[utoipa::path(get, path = "/api/v1/audit/index", tag = "audit", operation_id = "get_audit_index",
    responses((status = 200, body = Answer<IndexItem>)))]
pub(crate) async fn index(State(api): State<Api>) -> Result<Answer<IndexItem>, Problem> {
    api.read(None, |snapshot| {
        let index = snapshot.service.audit_index().ok_or_else(none)?;
        let indexed = index.height();
        Ok(IndexItem {
            engine: index.engine(),
            indexed_height: indexed,
            lag: snapshot.pin.height.0.saturating_sub(indexed.0),
            fault: index.fault(),
        })
    })
    .await
}

/// Asks one of the questions: `q01` to `q22`, or `search` over all events. Under a mandate, within its
/// scope.
#[utoipa::path(get, path = "/api/v1/audit/{question}", tag = "audit", operation_id = "ask",
    params(("question" = String, Path, description = "The question"), Asked),
    responses((status = 200, body = Answer<Findings>)))]
pub(crate) async fn ask(
    State(api): State<Api>,
    scope: Option<Extension<Scope>>,
    Id(question): Id<String>,
    Params(asked): Params<Asked>,
) -> Result<Answer<Findings>, Problem> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_ROWS {
        return Err(Problem::new(ApiCode::BadRequest, "limit: 1 to 10000"));
    }
    let name = if question == "search" { "events".to_owned() } else { question };
    let cursor = asked.cursor.clone();
    let scope = scope.map(|Extension(scope)| scope.of_index());
    let under = scope.clone();
    let asked = hefu_audit::Ask { question: name, params: asked.pairs(), cursor, limit, scope };
    let (found, tip, fault) = api
        .blocking(move |service| {
            let index = service.audit_index().ok_or_else(none)?;
            let tip = service.tip().height;
            let found = index.ask(&asked).map_err(|error| problem(&error))?;
            Ok((found, tip, index.fault().is_some()))
        })
        .await?;
    let reason = match (found.complete, fault) {
        (_, true) => Some("index_stopped"),
        (false, false) => Some("index_lags"),
        (true, false) => found.restricted.then_some("mandate_scope"),
    };
    let scope = under.map(|scope| ScopeItem {
        mandate: scope.mandate,
        members: scope.members,
        kinds: scope.kinds,
        from: scope.from,
        to: scope.to,
        restricts: found.restricted,
    });
    api.read(Some(found.height), move |snapshot| {
        if let Some(reason) = reason {
            snapshot.mark_incomplete(reason);
        }
        Ok(findings(&found, tip, scope.clone()))
    })
    .await
}

fn findings(found: &hefu_audit::Answer, tip: Height, scope: Option<ScopeItem>) -> Findings {
    let of = found.question.columns;
    let totals = found.totals.as_ref().map(|totals| TotalsItem {
        columns: columns(totals.columns),
        items: totals.rows.iter().map(|row| Value::Object(fields(totals.columns, row))).collect(),
    });
    Findings {
        question: found.question.name,
        indexed_height: found.indexed,
        lag: tip.0.saturating_sub(found.indexed.0),
        columns: columns(of),
        items: found.rows.iter().map(|row| item(of, row)).collect(),
        totals,
        scope,
        next_cursor: found.cursor.clone(),
    }
}

fn item(columns: &[Column], row: &Row) -> Value {
    let mut item = fields(columns, &row.values);
    item.insert("height".to_owned(), json!(row.at.height().to_string()));
    item.insert("time".to_owned(), json!(row.time.to_rfc3339()));
    item.insert("tx".to_owned(), json!(row.tx));
    let evidence = row.tx.map(|tx| format!("/api/v1/transactions/{tx}/evidence"));
    item.insert("evidence".to_owned(), json!(evidence));
    Value::Object(item)
}

fn fields(columns: &[Column], values: &[hefu_audit::Value]) -> Map<String, Value> {
    let field = |(column, value): (&Column, &hefu_audit::Value)| {
        (column.name.to_owned(), shown(column.read_as, value))
    };
    columns.iter().zip(values).map(field).collect()
}

/// A value as the interface writes it.
pub(crate) fn shown(read_as: As, value: &hefu_audit::Value) -> Value {
    let number = value.int().map(i64::unsigned_abs);
    match (read_as, number) {
        (As::Time, Some(at)) => json!(Millis(at).to_rfc3339()),
        (As::Height, Some(height)) => json!(height.to_string()),
        (As::YesNo, Some(yes)) => json!(yes == 1),
        (As::Day, Some(day)) => {
            let day = u32::try_from(day).ok().and_then(|day| Day::from_number(day).ok());
            json!(day.map(|day| day.to_string()))
        }
        (As::List, None) => {
            json!(value.text().map(|t| t.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>()))
        }
        _ => json!(value),
    }
}

fn columns(columns: &'static [Column]) -> Vec<ColumnItem> {
    let kind = |read_as| match read_as {
        As::Plain => "text",
        As::Number => "number",
        As::Time => "time",
        As::Day => "day",
        As::Height => "height",
        As::YesNo => "bool",
        As::List => "list",
    };
    columns
        .iter()
        .map(|column| ColumnItem { name: column.name, kind: kind(column.read_as) })
        .collect()
}

fn none() -> Problem {
    Problem::new(ApiCode::Unavailable, "this node keeps no query index (audit.index is empty)")
}

fn problem(error: &AuditError) -> Problem {
    match error {
        AuditError::UnknownQuestion(_) => Problem::new(ApiCode::NotFound, error.to_string()),
        AuditError::OutOfScope(limit) => {
            let code = match limit {
                Limit::Kind => ApiCode::MandateKind,
                Limit::Member => ApiCode::MandateMember,
                Limit::Period => ApiCode::MandatePeriod,
            };
            Problem::new(code, error.to_string())
        }
        AuditError::UnknownParameter { .. } => {
            Problem::new(ApiCode::UnknownField, error.to_string())
        }
        error if error.is_of_asker() => Problem::new(ApiCode::BadRequest, error.to_string()),
        AuditError::Empty => Problem::new(ApiCode::Unavailable, error.to_string()),
        error => {
            tracing::error!(%error, "the query index does not answer");
            Problem::new(ApiCode::Unavailable, "the query index does not answer; the log says why")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_audit::question::Kind;

    #[test]
    fn every_parameter_of_every_question_can_be_asked_with() {
        let known = Asked::into_params(|| None);
        let known: Vec<&str> = known.iter().map(|param| param.name.as_str()).collect();
        for question in QUESTIONS {
            for param in question.all_params() {
                assert!(known.contains(&param.name), "{} {}", question.name, param.name);
                assert!(param.kind != Kind::Word || param.default.is_none());
            }
        }
    }
}
