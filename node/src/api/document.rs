//! The OpenAPI document around the paths, and what holds for every operation.

use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::access::BearerScheme;
use super::problem::ProblemDocument;

/// What the OpenAPI document says before any path.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "hefu",
        description = "HTTP interface of a hefu node. Every answer names the height and the state \
                       root it rests on; numbers of 64 bits are strings; errors are RFC 9457 \
                       problem documents with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemDocument)),
    modifiers(&BearerScheme),
    tags(
        (name = "node", description = "This node, the network and its quorum"),
        (name = "identity", description = "Members, authorities, keys and votes between provinces"),
        (name = "ledger", description = "Blocks, transactions, log proofs and evidence"),
        (name = "certificates", description = "Certificate types, scenarios, attestations and status"),
        (name = "recognition", description = "Agreements and recognition decisions"),
        (name = "sharing", description = "Catalogue, requests, grants and receipts"),
        (name = "audit", description = "Events, stored and live"),
        (name = "health", description = "Probes and metrics"),
    )
)]
pub(super) struct Document;

impl Document {
    /// The document without paths.
    pub(super) fn base() -> OpenApi {
        Self::openapi()
    }
}

/// Adds what every operation has: the problem document, and the credential for reading.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (reads, operation) in operations(item) {
            let problem = RefOr::T(problem());
            operation.responses.responses.entry("default".into()).or_insert(problem);
            if reads && !super::guard::is_unguarded(path) {
                // Either nothing (the operator opened reading) or a token.
                let token = SecurityRequirement::new("bearer", Vec::<String>::new());
                operation.security = Some(vec![SecurityRequirement::default(), token]);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let reads = item.get.as_mut().map(|operation| (true, operation));
    reads.into_iter().chain(item.post.as_mut().map(|operation| (false, operation)))
}

fn problem() -> Response {
    let schema = Ref::from_schema_name("ProblemDocument");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description("What went wrong, with a stable code (RFC 9457)")
        .content("application/problem+json", content)
        .build()
}
