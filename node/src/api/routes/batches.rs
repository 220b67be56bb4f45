//! Batches: of certificates, of decisions, and the hours of a grant.

use axum::extract::State;
use hefu_contracts::certificate::{
    ATTESTATIONS, BATCHES, BATCHES_BY_ISSUER, CertificateBatch, LEAVES, SCENARIOS,
};
use hefu_contracts::recognition::{
    DECISION_BATCHES, DECISION_BATCHES_BY_AUTHORITY, DECISION_LEAVES, DECISIONS, DecisionBatch,
};
use hefu_contracts::sharing::{RECEIPT_WINDOWS, ReceiptWindow};
use hefu_primitives::{Height, Id16, Uscc};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::services::last_id;
use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::Found;
use crate::api::state::Api;

/// A list of batches.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchList {
    /// Only those of this authority, in the order they were recorded.
    #[param(value_type = Option<String>)]
    authority: Option<Uscc>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

impl BatchList {
    fn ask(&self, name: &'static str) -> Result<Ask, Problem> {
        let filter = self.authority.map(|code| code.to_string()).unwrap_or_default();
        Ask::new(name, &[&filter], self.limit, self.cursor.as_deref(), self.at_height)
    }
}

/// A list of batches of decisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionBatchList {
    /// Only those of this authority, in the order they were recorded.
    #[param(value_type = Option<String>)]
    authority: Option<Uscc>,
    /// Only those that may rest on this certificate, which was annulled from before them on: what
    /// was decided in a batch is found only by asking its authority.
    #[param(value_type = Option<String>)]
    annulled: Option<Id16>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// A page of what became records of a batch.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeafPage {
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Batches of certificates.
#[utoipa::path(get, path = "/api/v1/batches", tag = "certificates", operation_id = "list_batches",
    params(BatchList), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn batches(
    State(api): State<Api>,
    Params(list): Params<BatchList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = list.ask("batches")?;
    api.read(ask.at, move |snapshot| {
        let range = match list.authority {
            Some(code) => BATCHES_BY_ISSUER.range(&code),
            None => BATCHES.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found: Option<Found<CertificateBatch>> = snapshot.find(&BATCHES, &id)?;
            found.map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}

/// A batch of certificates.
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "certificates",
    operation_id = "get_batch", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn batch(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| Entry::new(&snapshot.get(&BATCHES, &id, "batch")?, []))
        .await
}

/// The certificates of a batch that are records by now, in the order of their leaves.
#[utoipa::path(get, path = "/api/v1/batches/{id}/certificates", tag = "certificates",
    operation_id = "list_batch_certificates", params(("id" = String, Path), LeafPage),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn certificates(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(page): Params<LeafPage>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let (filter, cursor) = (id.to_string(), page.cursor.as_deref());
    let ask = Ask::new("batch-certificates", &[&filter], page.limit, cursor, page.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, LEAVES.range(&id), |row| {
            let Some(leaf) = snapshot.decode(&LEAVES, row) else { return Ok(None) };
            let found = snapshot.find(&ATTESTATIONS, &leaf.value)?;
            found.map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}

/// Batches of decisions.
#[utoipa::path(get, path = "/api/v1/decision-batches", tag = "recognition",
    operation_id = "list_decision_batches", params(DecisionBatchList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn decision_batches(
    State(api): State<Api>,
    Params(list): Params<DecisionBatchList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let DecisionBatchList { authority, annulled, limit, cursor, at_height } = list;
    let filters = [
        authority.map(|code| code.to_string()).unwrap_or_default(),
        annulled.map(|id| id.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("decision-batches", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let certificate = annulled.map(|id| snapshot.get(&ATTESTATIONS, &id, "certificate"));
        let certificate = certificate.transpose()?.map(|found| found.value);
        let height = snapshot.pin.height;
        let wanted = |batch: &DecisionBatch| match &certificate {
            None => true,
            Some(certificate) => SCENARIOS
                .read(snapshot, &batch.body.scenario)
                .is_some_and(|found| batch.may_rest_on(certificate, &found.terms, height)),
        };
        let range = match authority {
            Some(code) => DECISION_BATCHES_BY_AUTHORITY.range(&code),
            None => DECISION_BATCHES.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let Some(id) = last_id(&row) else { return Ok(None) };
            let found: Option<Found<DecisionBatch>> = snapshot.find(&DECISION_BATCHES, &id)?;
            found
                .filter(|found| wanted(&found.value))
                .map(|found| Entry::new(&found, []))
                .transpose()
        })
    })
    .await
}

/// A batch of decisions.
#[utoipa::path(get, path = "/api/v1/decision-batches/{id}", tag = "recognition",
    operation_id = "get_decision_batch", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn decision_batch(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        Entry::new(&snapshot.get(&DECISION_BATCHES, &id, "decision batch")?, [])
    })
    .await
}

/// The decisions of a batch that are records by now, in the order of their leaves.
#[utoipa::path(get, path = "/api/v1/decision-batches/{id}/decisions", tag = "recognition",
    operation_id = "list_batch_decisions", params(("id" = String, Path), LeafPage),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn decisions(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(page): Params<LeafPage>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let (filter, cursor) = (id.to_string(), page.cursor.as_deref());
    let ask = Ask::new("batch-decisions", &[&filter], page.limit, cursor, page.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, DECISION_LEAVES.range(&id), |row| {
            let Some(leaf) = snapshot.decode(&DECISION_LEAVES, row) else { return Ok(None) };
            let found = snapshot.find(&DECISIONS, &leaf.value)?;
            found.map(|found| Entry::new(&found, [])).transpose()
        })
    })
    .await
}

/// A list of hours.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowList {
    /// Only under this grant, in the order of time.
    #[param(value_type = Option<String>)]
    grant: Option<Id16>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// What the two sides of grants stated for each hour, and how that compares.
#[utoipa::path(get, path = "/api/v1/receipt-batches", tag = "sharing",
    operation_id = "list_receipt_batches", params(WindowList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn windows(
    State(api): State<Api>,
    Params(list): Params<WindowList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let filter = list.grant.map(|grant| grant.to_string()).unwrap_or_default();
    let cursor = list.cursor.as_deref();
    let ask = Ask::new("receipt-batches", &[&filter], list.limit, cursor, list.at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match list.grant {
            Some(grant) => RECEIPT_WINDOWS.range(&grant),
            None => RECEIPT_WINDOWS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let found: Option<Found<ReceiptWindow>> = snapshot.decode(&RECEIPT_WINDOWS, row);
            let show = |found: Found<ReceiptWindow>| {
                let state = json!(found.value.state());
                Entry::new(&found, [("state", state)])
            };
            found.map(show).transpose()
        })
    })
    .await
}
