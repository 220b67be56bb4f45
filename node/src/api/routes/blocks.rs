//! Blocks: listed newest first, whole, and as stored. A block never changes, so its answer is
//! pinned to its own height.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use hefu_primitives::block::TxResult;
use hefu_primitives::{BlockId, BundleId, CommitCertificate, Header, Height, KeyId, TxId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, Page, immutable, immutable_json};
use crate::api::page::Ask;
use crate::api::params::{Id, Nothing, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Pin, Snapshot};
use crate::api::state::Api;
use crate::core::{StoredBlock, keys};
use crate::runtime::Service;

/// Most blocks in a page: each is read whole.
const MAX_BLOCKS: usize = 100;

/// A height, or a block id.
pub(crate) struct BlockRef(Result<Height, BlockId>);

impl core::str::FromStr for BlockRef {
    type Err = hefu_primitives::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.len() {
            64 => Err(text.parse()?),
            _ => Ok(text.parse()?),
        }))
    }
}

impl BlockRef {
    fn height(&self, service: &Service) -> Result<Height, Problem> {
        let height = match &self.0 {
            Ok(height) => *height,
            Err(id) => {
                let found = service.records().index().get(&keys::block(id))?;
                let bytes = found.and_then(|bytes| bytes.try_into().ok());
                let bytes = bytes.ok_or_else(|| Problem::not_found("block"))?;
                Height(u64::from_be_bytes(bytes))
            }
        };
        if height.0 == 0 {
            let detail = "heights begin with 1; see /api/v1/genesis for what was before";
            return Err(Problem::new(ApiCode::NotFound, detail));
        }
        Ok(height)
    }

    fn read(&self, service: &Service) -> Result<(Height, StoredBlock), Problem> {
        let height = self.height(service)?;
        let stored = service.block(height)?;
        stored.map(|stored| (height, stored)).ok_or_else(|| Problem::not_found("block"))
    }
}

/// A transaction of a block.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlockTransaction {
    /// Its place in the block, from 0.
    number: u32,
    #[schema(value_type = String)]
    tx: TxId,
    /// `{"applied": {"leaf": 7}}` or `{"refused": {"code": 415, "act": 0}}`.
    #[schema(value_type = Object)]
    result: TxResult,
}

/// A block.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlockAnswer {
    #[schema(value_type = String)]
    block_id: BlockId,
    block_time: String,
    block_time_ms: String,
    /// The header; what its hash, the block id, covers.
    #[schema(value_type = Object)]
    header: Header,
    /// The signatures that made it final.
    #[schema(value_type = Object)]
    certificate: CommitCertificate,
    #[schema(value_type = Vec<String>)]
    bundles: Vec<BundleId>,
    transactions: Vec<BlockTransaction>,
}

impl BlockAnswer {
    fn new(stored: StoredBlock) -> Self {
        let StoredBlock { block, certificate, outcomes, .. } = stored;
        let transactions = outcomes.into_iter().enumerate().map(|(number, outcome)| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            BlockTransaction { number, tx: outcome.tx, result: outcome.result }
        });
        Self {
            block_id: block.id(),
            block_time: block.header.time.to_rfc3339(),
            block_time_ms: block.header.time.to_string(),
            certificate,
            bundles: block.bundles,
            header: block.header,
            transactions: transactions.collect(),
        }
    }
}

/// A block, by height or id.
#[utoipa::path(get, path = "/api/v1/blocks/{height}", tag = "ledger", operation_id = "get_block",
    params(("height" = String, Path, description = "Height, or block id")),
    responses((status = 200, body = Answer<BlockAnswer>), (status = 304, description = "As known")))]
pub(crate) async fn block(
    State(api): State<Api>,
    headers: HeaderMap,
    Id(block): Id<BlockRef>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let answer = api.blocking(move |service| {
        let (height, stored) = block.read(service)?;
        Snapshot::new(service, Pin::at(service, Some(height))?).answer(BlockAnswer::new(stored))
    });
    immutable_json(&api, &headers, &answer.await?)
}

/// A block as this node stores it: canonical CBOR of block, certificate, bundles and outcomes.
#[utoipa::path(get, path = "/api/v1/blocks/{height}/raw", tag = "ledger",
    operation_id = "get_block_raw",
    params(("height" = String, Path, description = "Height, or block id")),
    responses((status = 200, body = Vec<u8>, content_type = "application/cbor"),
        (status = 304, description = "As known")))]
pub(crate) async fn raw(
    State(api): State<Api>,
    headers: HeaderMap,
    Id(block): Id<BlockRef>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let bytes = api.blocking(move |service| {
        let (_, stored) = block.read(service)?;
        Ok(hefu_primitives::Canonical::to_bytes(&stored))
    });
    Ok(immutable(&api, &headers, "application/cbor", bytes.await?))
}

/// What a light client needs of a block: header, commit certificate and the validator sets on both
/// sides, as canonical CBOR.
#[utoipa::path(get, path = "/api/v1/blocks/{height}/light", tag = "ledger",
    operation_id = "get_block_light",
    params(("height" = String, Path, description = "Height, or block id")),
    responses((status = 200, body = Vec<u8>, content_type = "application/cbor"),
        (status = 304, description = "As known")))]
pub(crate) async fn light(
    State(api): State<Api>,
    headers: HeaderMap,
    Id(block): Id<BlockRef>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let bytes = api.blocking(move |service| {
        let block = service.light_block(block.height(service)?)?;
        Ok(hefu_primitives::Canonical::to_bytes(&block))
    });
    Ok(immutable(&api, &headers, "application/cbor", bytes.await?))
}

/// A block in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct BlockSummary {
    #[schema(value_type = String)]
    height: Height,
    #[schema(value_type = String)]
    block_id: BlockId,
    block_time: String,
    block_time_ms: String,
    #[schema(value_type = String)]
    proposer: KeyId,
    round: u32,
    /// Signatures in the certificate.
    signatures: usize,
    transactions: usize,
    /// How many of them applied.
    applied: usize,
    log_size: String,
    log_root: String,
    state_root: String,
}

impl BlockSummary {
    fn new(stored: &StoredBlock) -> Self {
        let header = &stored.block.header;
        let applied = |result: &TxResult| matches!(result, TxResult::Applied { .. });
        Self {
            height: header.height,
            block_id: header.id(),
            block_time: header.time.to_rfc3339(),
            block_time_ms: header.time.to_string(),
            proposer: header.proposer,
            round: header.round.0,
            signatures: stored.certificate.signatures.len(),
            transactions: stored.outcomes.len(),
            applied: stored.outcomes.iter().filter(|o| applied(&o.result)).count(),
            log_size: header.log_size.to_string(),
            log_root: header.log_root.to_string(),
            state_root: header.state_root.to_string(),
        }
    }
}

/// A list of blocks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BlockList {
    /// The highest height of the list; the tip if absent.
    #[param(value_type = Option<String>)]
    from: Option<Height>,
    /// Most items: 1 to 500, of which at most 100 come at a time.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
}

/// Blocks, newest first.
#[utoipa::path(get, path = "/api/v1/blocks", tag = "ledger", operation_id = "list_blocks",
    params(BlockList), responses((status = 200, body = Answer<Page<BlockSummary>>)))]
pub(crate) async fn blocks(
    State(api): State<Api>,
    Params(list): Params<BlockList>,
) -> Result<Answer<Page<BlockSummary>>, Problem> {
    let filter = list.from.map(|from| from.to_string()).unwrap_or_default();
    let ask = Ask::new("blocks", &[&filter], list.limit, list.cursor.as_deref(), None)?;
    api.read(ask.at, move |snapshot| {
        let pinned = snapshot.pin.height;
        let resumed = ask.from().and_then(|key| key.try_into().ok()).map(u64::from_be_bytes);
        let top = resumed.unwrap_or_else(|| list.from.unwrap_or(pinned).0).min(pinned.0);
        let least = top.saturating_sub(ask.limit.min(MAX_BLOCKS) as u64).saturating_add(1).max(1);
        let mut items = Vec::new();
        for height in (least..=top).rev() {
            let stored = snapshot.service.block(Height(height))?;
            match stored {
                Some(stored) => items.push(BlockSummary::new(&stored)),
                None => snapshot.mark_incomplete("pruned"),
            }
        }
        let rest = (least > 1 && top > 0).then(|| least.saturating_sub(1));
        let next_cursor = rest.map(|rest| ask.next(pinned, &rest.to_be_bytes()));
        Ok(Page { items, next_cursor })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_by_height_or_id() {
        assert!(matches!("7".parse::<BlockRef>(), Ok(BlockRef(Ok(Height(7))))));
        assert!(matches!("ab".repeat(32).parse::<BlockRef>(), Ok(BlockRef(Err(_)))));
        assert!("x".parse::<BlockRef>().is_err());
        assert!("-1".parse::<BlockRef>().is_err());
    }
}
