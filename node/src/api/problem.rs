//! Errors as RFC 9457 problem documents. A code says what to do about it and never changes; the
//! detail is for people and may.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hefu_contracts::Code;
use hefu_primitives::TxId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::core::Position;
use crate::runtime::service::ProofError;
use crate::store::StoreError;
use crate::text::{self, Lang};

/// Seconds after which a client that was too fast, or a node that was not ready, may try again.
const RETRY_SECONDS: &str = "1";

macro_rules! api_codes {
    ($($name:ident $code:literal $status:ident $title:literal,)*) => {
        /// What can be wrong with a request, or with the node, but not with an act.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ApiCode { $($name,)* }

        impl ApiCode {
            #[cfg(test)]
            pub(crate) const ALL: &'static [ApiCode] = &[$(ApiCode::$name,)*];

            /// The stable name.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(ApiCode::$name => $code,)* }
            }

            const fn status(self) -> StatusCode {
                match self { $(ApiCode::$name => StatusCode::$status,)* }
            }

            const fn title(self) -> &'static str {
                match self { $(ApiCode::$name => $title,)* }
            }
        }
    };
}

api_codes! {
    NotFound "api.not_found" NOT_FOUND "Not found",
    BadRequest "api.bad_request" BAD_REQUEST "Malformed request",
    UnknownField "api.unknown_field" BAD_REQUEST "Unknown parameter",
    TooLarge "api.too_large" PAYLOAD_TOO_LARGE "Too large",
    Unauthorised "api.unauthorised" UNAUTHORIZED "Credential needed",
    Forbidden "api.forbidden" FORBIDDEN "Not allowed",
    Signature "api.signature" UNAUTHORIZED "Signature not accepted",
    MandateNone "api.mandate_none" FORBIDDEN "No such mandate",
    MandateOver "api.mandate_over" FORBIDDEN "Mandate over",
    MandatePath "api.mandate_path" FORBIDDEN "Not open to mandates",
    MandateKind "api.mandate_kind" FORBIDDEN "Kind outside the mandate",
    MandateMember "api.mandate_member" FORBIDDEN "Province outside the mandate",
    MandatePeriod "api.mandate_period" FORBIDDEN "Day outside the mandate",
    Busy "api.busy" TOO_MANY_REQUESTS "Busy",
    Timeout "api.timeout" GATEWAY_TIMEOUT "Not in time",
    HeightInFuture "api.height_in_future" BAD_REQUEST "Height in the future",
    Pruned "api.pruned" GONE "No longer kept",
    Unavailable "api.unavailable" SERVICE_UNAVAILABLE "Unavailable",
    Internal "api.internal" INTERNAL_SERVER_ERROR "Internal error",
}

/// An error document.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub(crate) struct ProblemDocument {
    /// `urn:hefu:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words; the name of a contract code.
    title: String,
    /// The HTTP status.
    status: u16,
    /// This occurrence, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The stable code: `E415`, `api.not_found`.
    code: String,
    /// Which act of the transaction was refused, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<u16>,
    /// The transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    tx: Option<String>,
    /// The height at which the refusal was recorded; absent when nothing was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<String>,
    /// The place in that block.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
}

/// What a handler returns instead of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<ProblemDocument>);

impl Problem {
    /// A problem of this interface.
    pub(crate) fn new(code: ApiCode, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDocument {
            kind: format!("urn:hefu:problem:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code: code.name().to_owned(),
            act: None,
            tx: None,
            height: None,
            number: None,
        }))
    }

    /// Nothing of that name.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ApiCode::NotFound, format!("{what}: there is none here"))
    }

    /// A refused transaction; `number` may be one that this program does not know yet.
    pub(crate) fn refused(number: u16) -> Self {
        let name = Code::from_number(number).map(Code::name).unwrap_or_default();
        let code = format!("E{number}");
        let cause = crate::text::explain(crate::text::Lang::En, &code);
        let mut problem = Self::new(ApiCode::BadRequest, cause.map_or("", |(cause, _)| cause));
        problem.0.kind = format!("urn:hefu:problem:{code}");
        problem.0.title = name;
        problem.0.status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
        problem.0.code = code;
        problem
    }

    /// Says more about this occurrence.
    pub(crate) fn because(mut self, why: &str) -> Self {
        let cause = std::mem::take(&mut self.0.detail);
        self.0.detail = if cause.is_empty() { why.to_owned() } else { format!("{cause} ({why})") };
        self
    }

    /// Names the transaction.
    pub(crate) fn of(mut self, tx: TxId) -> Self {
        self.0.tx = Some(tx.to_string());
        self
    }

    /// Says where the refusal is recorded.
    pub(crate) fn recorded(mut self, position: &Position, act: u16) -> Self {
        self.0.act = Some(act);
        self.0.height = Some(position.height.to_string());
        self.0.number = Some(position.number);
        self
    }

    /// The same in a language: the title of an [`ApiCode`], and the detail where the catalogue has it.
    /// Codes and names stay.
    pub(crate) fn in_language(mut self, lang: Lang) -> Self {
        let document = &mut *self.0;
        let Some((cause, _)) = text::explain(lang, &document.code) else { return self };
        let own = document.code.starts_with("api.");
        let english = text::explain(Lang::En, &document.code).map_or("", |(english, _)| english);
        let said = |detail: &str| text::said(lang, detail).unwrap_or_else(|| detail.to_owned());
        if own {
            document.title = cause.to_owned();
        }
        document.detail = match document.detail.strip_prefix(english).filter(|_| !own) {
            Some(rest) => format!("{cause}{rest}"),
            None => said(&document.detail),
        };
        self
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(&*self.0)).into_response();
        // For whoever knows the caller's language (`guard`).
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

/// What the store says is for the operator's log, not for the caller.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed while it was read");
        Self::new(ApiCode::Unavailable, "the store cannot be read")
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::NotRecorded => Self::new(ApiCode::NotFound, error.to_string()),
            ProofError::Future { .. } => Self::new(ApiCode::HeightInFuture, error.to_string()),
            ProofError::Before { .. } => Self::new(ApiCode::BadRequest, error.to_string()),
            ProofError::Pruned { .. } => Self::new(ApiCode::Pruned, error.to_string()),
            ProofError::NoBlock | ProofError::Stopped | ProofError::Unsigned => {
                Self::new(ApiCode::Unavailable, error.to_string())
            }
            ProofError::Store => {
                tracing::error!("a proof cannot be given");
                Self::new(ApiCode::Unavailable, error.to_string())
            }
        }
    }
}

/// No such path.
pub(crate) async fn not_found(uri: Uri) -> Problem {
    Problem::not_found(uri.path())
}

/// The path exists, for other methods.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not possible on {}", uri.path());
    let mut problem = Problem::new(ApiCode::BadRequest, detail);
    problem.0.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        let ours: Vec<&str> = ApiCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(ours, crate::text::API_CODES);
    }

    #[test]
    fn problems_have_their_type_and_headers() {
        let response = Problem::new(ApiCode::Busy, "x").into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        let refused = Problem::refused(415).of(TxId::ZERO);
        assert_eq!(refused.status(), 422);
        assert_eq!((refused.code(), refused.0.title.as_str()), ("E415", "NO_RELYING_MANDATE"));
        assert!(!refused.0.detail.is_empty());
        assert_eq!(Problem::refused(9999).code(), "E9999");
    }

    #[test]
    fn problems_are_told_in_chinese() {
        let zh = |problem: Problem| {
            let Problem(document) = problem.in_language(Lang::Zh);
            (document.title, document.detail, document.code)
        };
        let (title, detail, code) = zh(Problem::not_found("block"));
        assert_eq!((detail.as_str(), code.as_str()), ("区块:没有此项", "api.not_found"));
        assert!(title.starts_with("账本上没有"), "{title}");
        let (title, detail, code) = zh(Problem::refused(415).because("act 3"));
        assert_eq!((title.as_str(), code.as_str()), ("NO_RELYING_MANDATE", "E415"));
        assert!(detail.ends_with(" (act 3)") && !detail.contains("authority"), "{detail}");
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let document = serde_json::to_value(&*Problem::not_found("x").0).unwrap();
        let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "detail", "status", "title", "type"]);
    }
}
