//! What a request asks for, read strictly: unknown parameters are errors, so that a misspelt
//! filter never looks like an answer.

use core::fmt::Display;
use core::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use hefu_primitives::Height;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::{ApiCode, Problem};

/// Longest query looked at, in bytes.
const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Rows in a page, if the request does not say.
pub(super) const DEFAULT_LIMIT: usize = 100;
/// Most rows in a page.
pub(super) const MAX_LIMIT: usize = 500;

/// Query parameters: `T` documents them and says which there are.
pub(super) struct Params<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Params<T>
where
    T: DeserializeOwned + IntoParams,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let known = T::into_params(|| None);
        let known: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
        for (name, _) in pairs(parts)? {
            if !known.contains(&name.as_str()) {
                let detail = format!("`{name}`; there are: {}", known.join(", "));
                return Err(Problem::new(ApiCode::UnknownField, detail));
            }
        }
        let Query(params) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(ApiCode::BadRequest, error.body_text()))?;
        Ok(Self(params))
    }
}

fn pairs(parts: &Parts) -> Result<Vec<(String, String)>, Problem> {
    if parts.uri.query().is_some_and(|query| query.len() > MAX_QUERY_BYTES) {
        return Err(Problem::new(ApiCode::TooLarge, "the query is too long"));
    }
    let Query(pairs) = Query::try_from_uri(&parts.uri)
        .map_err(|error| Problem::new(ApiCode::BadRequest, error.body_text()))?;
    Ok(pairs)
}

/// Values of parameters that may repeat, or hold several values with commas between.
pub(super) struct Repeated(Vec<(String, String)>);

impl Repeated {
    /// The values of any of the names.
    pub(super) fn values(&self, names: &[&str]) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(name, _)| names.contains(&name.as_str()));
        let values = named.flat_map(|(_, value)| value.split(','));
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        values.into_iter()
    }

    /// An error when there is any other name.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => {
                let detail = format!("`{name}`; there are: {}", names.join(", "));
                Err(Problem::new(ApiCode::UnknownField, detail))
            }
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Repeated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        pairs(parts).map(Self)
    }
}

/// One part of the path.
pub(super) struct Id<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |error: &dyn Display| Problem::new(ApiCode::BadRequest, error.to_string());
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|error| bad(&error))?;
        text.parse().map(Self).map_err(|error| bad(&format_args!("`{text}`: {error}")))
    }
}

/// No parameters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Nothing {}

/// A read of one record.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    pub(super) at_height: Option<Height>,
}

/// A plain list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct List {
    /// Most items: 1 to 500, 100 if absent.
    pub(super) limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    pub(super) cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    pub(super) at_height: Option<Height>,
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse<T: DeserializeOwned + IntoParams>(query: &str) -> Result<T, String> {
        let uri: axum::http::Uri = format!("/x?{query}").parse().unwrap();
        let request = axum::http::Request::builder().uri(uri).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        match Params::<T>::from_request_parts(&mut parts, &()).await {
            Ok(Params(params)) => Ok(params),
            Err(problem) => Err(problem.code().to_owned()),
        }
    }

    #[tokio::test]
    async fn queries_are_strict() {
        let list: List = parse("limit=3&at_height=18446744073709551615").await.unwrap();
        assert_eq!((list.limit, list.at_height), (Some(3), Some(Height(u64::MAX))));
        let code = |result: Result<List, String>| result.err().unwrap_or_default();
        assert_eq!(code(parse("limti=3").await), "api.unknown_field");
        assert_eq!(code(parse("limit=three").await), "api.bad_request");
        assert_eq!(code(parse("limit=-1").await), "api.bad_request");
        assert_eq!(code(parse("at_height=").await), "api.bad_request");
        assert_eq!(code(parse("limit=1&limit=2").await), "api.bad_request");
        assert_eq!(code(parse(&"x".repeat(MAX_QUERY_BYTES + 1)).await), "api.too_large");
        assert!(parse::<Nothing>("").await.is_ok());
        assert_eq!(parse::<Nothing>("a=b").await.err().unwrap(), "api.unknown_field");
    }

    #[test]
    fn repeated_values() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let repeated = Repeated(vec![pair("records", "a,b"), pair("status", "c"), pair("x", "")]);
        let values: Vec<&str> = repeated.values(&["records", "status"]).collect();
        assert_eq!(values, ["a", "b", "c"]);
        assert!(repeated.only(&["records", "status", "x"]).is_ok());
        assert_eq!(repeated.only(&["records"]).unwrap_err().code(), "api.unknown_field");
    }
}
