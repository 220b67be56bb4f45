//! Service items, cases handled across provinces, themes, and evaluations.

use axum::extract::State;
use hefu_contracts::identity::CALENDARS;
use hefu_contracts::service::{
    CASES, CASES_BY_HANDLER, CASES_BY_ITEM, CASES_BY_RECEIVER, CASES_BY_THEME, Case, CaseState,
    EVALUATIONS, EVALUATIONS_OF, Evaluation, EvaluationKey, IMPLEMENTATIONS, IMPLEMENTATIONS_OF,
    ITEM_VERSIONS, ITEMS, ITEMS_BY_LEAD, Item, ItemVersion, THEMES, Theme, case_clocks,
    current_terms, evaluation_clocks, sub_clocks,
};
use hefu_primitives::{BaseCode, H32, Height, Id16, ImplCode, Region, Uscc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Row, Snapshot};
use crate::api::state::Api;

/// Most implementations, cases of a theme or evaluations shown with one record.
const MAX_SHOWN: usize = 200;

/// The code of `N` characters at the end of a key.
fn last_code<const N: usize, T: core::str::FromStr>(key: &[u8]) -> Option<T> {
    core::str::from_utf8(key.last_chunk::<N>()?).ok()?.parse().ok()
}

fn item_entry(snapshot: &Snapshot<'_>, found: &Found<Item>) -> Result<Entry, Problem> {
    let version = current_terms(snapshot, &found.value.base);
    let state = version.as_ref().map(ItemVersion::state);
    let terms = version.map(|version| version.terms);
    Entry::new(found, [("state", json!(state)), ("terms", json!(terms))])
}

/// A list of items.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemList {
    /// Only those that this province leads.
    #[param(value_type = Option<u32>)]
    lead: Option<Region>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Service items on which all participants agreed, with the version in use or else the last one;
/// with `lead` the lead-province table.
#[utoipa::path(get, path = "/api/v1/items", tag = "services", operation_id = "list_items",
    params(ItemList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn items(
    State(api): State<Api>,
    Params(list): Params<ItemList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.lead.map(|lead| lead.to_string()).unwrap_or_default();
    let ask = Ask::new("items", &[&filter], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.lead {
            Some(lead) => ITEMS_BY_LEAD.range(&lead),
            None => ITEMS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(base) = last_code::<12, BaseCode>(&row.key) else { return Ok(None) };
            let found = snapshot.find(&ITEMS, &base)?;
            found.map(|found| item_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A service item with the implementations of authorities, up to 200.
#[utoipa::path(get, path = "/api/v1/items/{base}", tag = "services", operation_id = "get_item",
    params(("base" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn item(
    State(api): State<Api>,
    Id(base): Id<BaseCode>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        let found = snapshot.get(&ITEMS, &base, "item")?;
        let mut entry = item_entry(snapshot, &found)?;
        let rows = IMPLEMENTATIONS_OF.read_all(snapshot, &base, MAX_SHOWN);
        let codes = rows.iter().filter_map(|(key, ())| last_code::<31, ImplCode>(key));
        let all: Vec<_> = codes.filter_map(|code| IMPLEMENTATIONS.read(snapshot, &code)).collect();
        entry.derive("implementations", json!(all));
        Ok(entry)
    })
    .await
}

/// The versions of an item, proposals included, with their state and who has not agreed.
#[utoipa::path(get, path = "/api/v1/items/{base}/versions", tag = "services",
    operation_id = "list_item_versions", params(("base" = String, Path), List),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn versions(
    State(api): State<Api>,
    Id(base): Id<BaseCode>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let (filter, cursor) = (base.to_string(), list.cursor.as_deref());
    let ask = Ask::new("item-versions", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, ITEM_VERSIONS.range(&base), |row| {
            let found = snapshot.decode(&ITEM_VERSIONS, row);
            let entry = |found: Found<ItemVersion>| {
                let (state, missing) = (found.value.state(), found.value.missing());
                let missing: Vec<Region> = missing.collect();
                Entry::new(&found, [("state", json!(state)), ("missing", json!(missing))])
            };
            found.map(entry).transpose()
        })
    })
    .await
}

fn case_entry(snapshot: &Snapshot<'_>, found: &Found<Case>) -> Result<Entry, Problem> {
    let (case, now) = (&found.value, snapshot.pin.time);
    let calendar = |year| CALENDARS.read(snapshot, &year);
    let clocks = case_clocks(case, now, calendar);
    let subs: Vec<_> = case.subs.iter().map(|sub| sub_clocks(sub, now, calendar)).collect();
    Entry::new(found, [("clocks", json!(clocks)), ("sub_clocks", json!(subs))])
}

/// A list of cases.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaseList {
    /// Only those of this handler.
    #[param(value_type = Option<String>)]
    handler: Option<Uscc>,
    /// Only those this authority took in.
    #[param(value_type = Option<String>)]
    receiver: Option<Uscc>,
    /// Only those of this item.
    #[param(value_type = Option<String>)]
    item: Option<BaseCode>,
    /// Only those in this state: `accepted`, …
    #[param(value_type = Option<String>)]
    state: Option<CaseState>,
    /// Only those that are, or are not, past what was promised or what the law allows.
    overdue: Option<bool>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Cases: those of a handler, receiver or item in the order they were opened, all in the order of
/// their ids. Each with its clocks as of the answer's height.
#[utoipa::path(get, path = "/api/v1/cases", tag = "services", operation_id = "list_cases",
    params(CaseList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn cases(
    State(api): State<Api>,
    Params(list): Params<CaseList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let CaseList { handler, receiver, item, state, overdue, limit, cursor, at_height } = list;
    let filters = [
        handler.map(|code| code.to_string()).unwrap_or_default(),
        receiver.map(|code| code.to_string()).unwrap_or_default(),
        item.map(|base| base.to_string()).unwrap_or_default(),
        state.map(|state| format!("{state:?}")).unwrap_or_default(),
        overdue.map(|overdue| overdue.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("cases", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match (handler, receiver, item) {
            (Some(handler), ..) => CASES_BY_HANDLER.range(&handler),
            (None, Some(receiver), _) => CASES_BY_RECEIVER.range(&receiver),
            (None, None, Some(item)) => CASES_BY_ITEM.range(&item),
            (None, None, None) => CASES.range(&()),
        };
        let wanted = |found: &Found<Case>| {
            let case = &found.value;
            let late = || {
                let calendar = |year| CALENDARS.read(snapshot, &year);
                let clocks = case_clocks(case, snapshot.pin.time, calendar);
                [clocks.overdue_promise, clocks.overdue_legal].contains(&Some(true))
            };
            handler.is_none_or(|handler| case.body.handler == handler)
                && receiver.is_none_or(|receiver| case.receiver == receiver)
                && item.is_none_or(|item| case.body.base == item)
                && state.is_none_or(|state| case.state == state)
                && overdue.is_none_or(|overdue| late() == overdue)
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found = snapshot.find(&CASES, &id)?.filter(wanted);
            found.map(|found| case_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// The id at the end of a key: of a record, or of an index of records.
pub(super) fn last_id(row: &Row) -> Option<Id16> {
    row.key.last_chunk().copied().map(Id16)
}

/// A case with its clocks and its evaluations, up to 200.
#[utoipa::path(get, path = "/api/v1/cases/{id}", tag = "services", operation_id = "get_case",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn case(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        let mut entry = case_entry(snapshot, &snapshot.get(&CASES, &id, "case")?)?;
        let evaluations = EVALUATIONS.read_all(snapshot, &id, MAX_SHOWN);
        let evaluations: Vec<_> = evaluations.into_iter().map(|(_, found)| found).collect();
        entry.derive("evaluations", json!(evaluations));
        Ok(entry)
    })
    .await
}

fn theme_entry(snapshot: &Snapshot<'_>, found: &Found<Theme>) -> Result<Entry, Problem> {
    let theme = &found.value;
    let case = |base: &BaseCode| {
        let case = CASES_BY_THEME.read(snapshot, &(theme.id, *base));
        let state = case.and_then(|id| CASES.read(snapshot, &id)).map(|case| case.state);
        json!({ "base": base, "case_id": case, "state": state })
    };
    let cases: Vec<_> = theme.items.iter().map(case).collect();
    Entry::new(found, [("cases", json!(cases))])
}

/// Themes (一件事), each with the case of each of its items.
#[utoipa::path(get, path = "/api/v1/themes", tag = "services", operation_id = "list_themes",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn themes(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("themes", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, THEMES.range(&()), |row| {
            let found = snapshot.decode(&THEMES, row);
            found.map(|found| theme_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A theme (一件事) with the case of each of its items.
#[utoipa::path(get, path = "/api/v1/themes/{id}", tag = "services", operation_id = "get_theme",
    params(("id" = String, Path), At), responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn theme(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        theme_entry(snapshot, &snapshot.get(&THEMES, &id, "theme")?)
    })
    .await
}

/// A list of evaluations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvaluationList {
    /// Only those about this unit, in the order they were recorded.
    #[param(value_type = Option<String>)]
    unit: Option<Uscc>,
    /// Only those with this grade, 1 to 5.
    grade: Option<u8>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Evaluations with their clocks.
#[utoipa::path(get, path = "/api/v1/evaluations", tag = "services",
    operation_id = "list_evaluations", params(EvaluationList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn evaluations(
    State(api): State<Api>,
    Params(list): Params<EvaluationList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let EvaluationList { unit, grade, limit, cursor, at_height } = list;
    let filters = [
        unit.map(|code| code.to_string()).unwrap_or_default(),
        grade.map(|grade| grade.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("evaluations", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match unit {
            Some(unit) => EVALUATIONS_OF.range(&unit),
            None => EVALUATIONS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(key) = evaluation_key(&row) else { return Ok(None) };
            let found = snapshot.find(&EVALUATIONS, &key)?;
            let found = found.filter(|found| grade.is_none_or(|g| found.value.body.grade == g));
            found.map(|found| evaluation_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

fn evaluation_entry(snapshot: &Snapshot<'_>, found: &Found<Evaluation>) -> Result<Entry, Problem> {
    let calendar = |year| CALENDARS.read(snapshot, &year);
    let clocks = evaluation_clocks(&found.value, snapshot.pin.time, calendar);
    Entry::new(found, [("clocks", json!(clocks))])
}

/// Keys of evaluations and of their index end with case, stage and evaluator.
fn evaluation_key(row: &Row) -> Option<EvaluationKey> {
    let [id @ .., stage] = *row.key.get(..row.key.len().checked_sub(32)?)?.last_chunk::<17>()?;
    Some((Id16(id), stage, H32(*row.key.last_chunk()?)))
}
