//! What the provinces agreed on: parameters, calendars, certificate types, scenarios.

use axum::extract::State;
use hefu_contracts::certificate::{CertType, SCENARIOS, Scenario, ScenarioType, TYPES};
use hefu_contracts::identity::{CALENDARS, PARAMETERS, Rule, RuleTable};
use hefu_contracts::service::current_terms;
use hefu_primitives::time::{Day, WorkCalendar};
use hefu_primitives::{Height, TypeCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

/// The ledger's parameters.
#[utoipa::path(get, path = "/api/v1/parameters", tag = "identity",
    operation_id = "get_parameters", params(At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn parameters(
    State(api): State<Api>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, |snapshot| {
        Entry::new(&snapshot.get(&PARAMETERS, &(), "parameters")?, [])
    })
    .await
}

/// The rule table: which share of the provinces must say yes to what.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesAnswer {
    /// One rule for each class, in order.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<Rule>,
    /// Its digest, which every proposal pins.
    digest: String,
}

/// The rule table in force.
#[utoipa::path(get, path = "/api/v1/rules", tag = "identity", operation_id = "get_rules",
    params(At), responses((status = 200, body = Answer<RulesAnswer>)))]
pub(crate) async fn rules(
    State(api): State<Api>,
    Params(at): Params<At>,
) -> Result<Answer<RulesAnswer>, Problem> {
    api.read(at.at_height, |snapshot| {
        let table = RuleTable::read(snapshot);
        let digest = table.digest().to_string();
        Ok(RulesAnswer { rules: table.rules, digest })
    })
    .await
}

/// With the days that differ from the plain week: those off, and weekend days worked in exchange.
fn calendar_entry(found: &Found<WorkCalendar>) -> Result<Entry, Problem> {
    let calendar = &found.value;
    let (mut off, mut worked) = (Vec::new(), Vec::new());
    let first = i16::try_from(calendar.year()).ok().and_then(|year| Day::new(year, 1, 1).ok());
    let days = core::iter::successors(first, |day| Some(day.next()));
    for day in days.take_while(|day| day.year() == calendar.year()).take(366) {
        match (day.is_weekend(), calendar.is_working(day)) {
            (false, false) => off.push(day),
            (true, true) => worked.push(day),
            _ => {}
        }
    }
    let derived = [
        ("working_days", json!(calendar.count())),
        ("days_off", json!(off)),
        ("days_worked", json!(worked)),
    ];
    Entry::new(found, derived)
}

/// The work calendars, by year, with the days that differ from the plain week.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "identity", operation_id = "list_calendars",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn calendars(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("calendars", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, CALENDARS.range(&()), |row| {
            let found = snapshot.decode(&CALENDARS, row);
            found.map(|found| calendar_entry(&found)).transpose()
        })
    })
    .await
}

fn type_entry(found: &Found<CertType>) -> Result<Entry, Problem> {
    Entry::new(found, [("state", json!(found.value.state()))])
}

/// Certificate types, every version.
#[utoipa::path(get, path = "/api/v1/types", tag = "certificates", operation_id = "list_types",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn types(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("types", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, TYPES.range(&()), |row| {
            snapshot.decode(&TYPES, row).map(|found| type_entry(&found)).transpose()
        })
    })
    .await
}

/// Which versions of a type.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Versions {
    /// Only this version.
    version: Option<u16>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// The versions of a certificate type, oldest first.
#[utoipa::path(get, path = "/api/v1/types/{code}", tag = "certificates", operation_id = "get_type",
    params(("code" = String, Path), Versions),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn type_versions(
    State(api): State<Api>,
    Id(code): Id<TypeCode>,
    Params(params): Params<Versions>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("type", &[], Some(500), None, params.at_height)?;
    api.read(ask.at, move |snapshot| {
        let page = ask.page(snapshot, TYPES.range(&code), |row| {
            let found = snapshot.decode(&TYPES, row);
            let wanted = |found: &Found<CertType>| {
                params.version.is_none_or(|version| found.value.terms.version == version)
            };
            found.filter(wanted).map(|found| type_entry(&found)).transpose()
        })?;
        if page.items.is_empty() { Err(Problem::not_found("type")) } else { Ok(page) }
    })
    .await
}

/// With the public names of its item and types, which numbers and codes do not tell.
fn scenario_entry(snapshot: &Snapshot<'_>, found: &Found<Scenario>) -> Result<Entry, Problem> {
    let terms = &found.value.terms;
    let item = current_terms(snapshot, &terms.item).map(|version| version.terms.name);
    let names = |entry: &ScenarioType| {
        let found = TYPES.read(snapshot, &(entry.code, entry.min_version))?.terms;
        Some((found.name_zh, found.name_en))
    };
    let (zh, en): (Vec<_>, Vec<_>) = terms.types.iter().filter_map(names).unzip();
    let more = [
        ("state", json!(found.value.state())),
        ("item_name", json!(item)),
        ("types_zh", json!(zh)),
        ("types_en", json!(en)),
    ];
    Entry::new(found, more)
}

/// Scenarios in which certificates are relied on.
#[utoipa::path(get, path = "/api/v1/scenarios", tag = "certificates",
    operation_id = "list_scenarios", params(List),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn scenarios(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("scenarios", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, SCENARIOS.range(&()), |row| {
            let found = snapshot.decode(&SCENARIOS, row);
            found.map(|found| scenario_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A scenario.
#[utoipa::path(get, path = "/api/v1/scenarios/{code}", tag = "certificates",
    operation_id = "get_scenario", params(("code" = u32, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn scenario(
    State(api): State<Api>,
    Id(code): Id<u32>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        scenario_entry(snapshot, &snapshot.get(&SCENARIOS, &code, "scenario")?)
    })
    .await
}
