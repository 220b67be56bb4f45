//! Proofs over the audit log (RFC 9162).

use axum::extract::State;
use hefu_primitives::H32;
use hefu_primitives::log::Frontier;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::Answer;
use crate::api::params::Params;
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::Snapshot;
use crate::api::state::Api;
use crate::core::runs::{self, IndexLog};

/// Which leaf to prove.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProofParams {
    /// The leaf; 0 is genesis.
    leaf: u64,
    /// Leaves of the log to prove it in; those of the last block if absent.
    size: Option<u64>,
}

/// An inclusion proof.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inclusion {
    leaf: String,
    size: String,
    /// Root of the log of that size.
    root: String,
    leaf_hash: String,
    #[schema(value_type = Vec<String>)]
    path: Vec<H32>,
}

/// Proves that a leaf is in the audit log.
#[utoipa::path(get, path = "/api/v1/log/proof", tag = "ledger", operation_id = "prove_inclusion",
    params(ProofParams), responses((status = 200, body = Answer<Inclusion>)))]
pub(crate) async fn proof(
    State(api): State<Api>,
    Params(params): Params<ProofParams>,
) -> Result<Answer<Inclusion>, Problem> {
    api.read(None, move |snapshot| {
        let size = size(snapshot, params.size)?;
        if params.leaf >= size {
            return Err(Problem::not_found(&format!("leaf {} of {size}", params.leaf)));
        }
        let proof = snapshot.service.prove_leaf(params.leaf, size)?;
        let index = snapshot.service.records().index();
        let leaf = runs::log_node(index.as_ref(), 0, params.leaf)?;
        Ok(Inclusion {
            leaf: proof.index.to_string(),
            size: proof.size.to_string(),
            root: root(snapshot, size)?.to_string(),
            leaf_hash: leaf.ok_or_else(missing)?.to_string(),
            path: proof.path,
        })
    })
    .await
}

/// Which two sizes to compare.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyParams {
    /// Leaves of the older log.
    old: u64,
    /// Leaves of the newer log; those of the last block if absent.
    new: Option<u64>,
}

/// A consistency proof.
#[derive(Serialize, ToSchema)]
pub(crate) struct Consistency {
    old: String,
    new: String,
    old_root: String,
    new_root: String,
    #[schema(value_type = Vec<String>)]
    path: Vec<H32>,
}

/// Proves that the newer log continues the older one.
#[utoipa::path(get, path = "/api/v1/log/consistency", tag = "ledger",
    operation_id = "prove_consistency", params(ConsistencyParams),
    responses((status = 200, body = Answer<Consistency>)))]
pub(crate) async fn consistency(
    State(api): State<Api>,
    Params(params): Params<ConsistencyParams>,
) -> Result<Answer<Consistency>, Problem> {
    api.read(None, move |snapshot| {
        let (old, new) = (params.old, size(snapshot, params.new)?);
        if old == 0 || old > new {
            return Err(Problem::new(ApiCode::BadRequest, "`old` is 1 to `new`"));
        }
        let proof = snapshot.service.prove_consistency(old, new)?;
        Ok(Consistency {
            old: proof.old.to_string(),
            new: proof.new.to_string(),
            old_root: root(snapshot, old)?.to_string(),
            new_root: root(snapshot, new)?.to_string(),
            path: proof.path,
        })
    })
    .await
}

fn size(snapshot: &Snapshot<'_>, asked: Option<u64>) -> Result<u64, Problem> {
    let all = snapshot.service.tip().log_size;
    match asked {
        Some(size) if size > all => {
            let detail = format!("the log has {all} leaves");
            Err(Problem::new(ApiCode::HeightInFuture, detail))
        }
        Some(0) => Err(Problem::new(ApiCode::BadRequest, "an empty log proves nothing")),
        asked => Ok(asked.unwrap_or(all)),
    }
}

fn root(snapshot: &Snapshot<'_>, size: u64) -> Result<H32, Problem> {
    let index = snapshot.service.records().index();
    let frontier = Frontier::from_reader(&IndexLog(index.as_ref()), size);
    frontier.map(|frontier| frontier.root()).map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::new(ApiCode::Unavailable, "the log cannot be read")
}
