//! Who may read: everybody the operator lets in, or bearers of tokens known by their hash.
//!
//! Tokens are never stored or logged; hashes are compared in constant time. A token is expected
//! to be random (256 bits): its plain BLAKE3 hash then gives nothing away.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::problem::{ApiCode, Problem};

/// Longest token looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// The BLAKE3 hash of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A text that is no token hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token hash is 64 hexadecimal digits (b3sum of the token)")]
pub struct TokenHashError;

impl TokenHash {
    /// Of a token.
    pub fn of(token: &str) -> Self {
        Self(*blake3::hash(token.as_bytes()).as_bytes())
    }

    /// A hash as configured.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Looks at every byte, whatever differs.
    fn matches(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        std::hint::black_box(pairs.fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
    }
}

impl core::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl core::str::FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest: hefu_primitives::H32 = text.parse().map_err(|_| TokenHashError)?;
        Ok(Self(digest.0))
    }
}

/// Who may read.
#[derive(Clone, Debug)]
pub enum ReadAccess {
    /// Everybody who can connect.
    Open,
    /// Bearers of one of these tokens.
    Tokens(Vec<TokenHash>),
}

impl ReadAccess {
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Self::Tokens(known) = self else { return Ok(()) };
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' '));
        let Some((scheme, token)) = token else {
            return Err(Problem::new(ApiCode::Unauthorised, "a bearer token is needed to read"));
        };
        if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN_BYTES {
            return Err(Problem::new(ApiCode::Unauthorised, "a bearer token is needed to read"));
        }
        let given = TokenHash::of(token.trim());
        // No early end: how many tokens there are is all that time tells.
        let matching = known.iter().filter(|known| known.matches(&given)).count();
        if matching > 0 {
            Ok(())
        } else {
            Err(Problem::new(ApiCode::Forbidden, "this token may not read here"))
        }
    }

    /// Whether answers may be kept by shared caches.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// Names the scheme in the OpenAPI document.
pub(super) struct BearerScheme;

impl utoipa::Modify for BearerScheme {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let bearer = bearer.description(Some("Needed to read unless the operator opened reading."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(access: &ReadAccess, header: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        access.check(&headers).err().map(|problem| problem.code().to_owned())
    }

    #[test]
    fn tokens_open_and_others_do_not() {
        let tokens = ReadAccess::Tokens(vec![TokenHash::of("one"), TokenHash::of("two")]);
        assert_eq!(check(&ReadAccess::Open, None), None);
        assert_eq!(check(&tokens, None).as_deref(), Some("api.unauthorised"));
        assert_eq!(check(&tokens, Some("Basic one")).as_deref(), Some("api.unauthorised"));
        assert_eq!(check(&tokens, Some("Bearer three")).as_deref(), Some("api.forbidden"));
        assert_eq!(check(&tokens, Some("Bearer two")), None);
        assert_eq!(check(&tokens, Some("bearer one")), None);
        assert_eq!(
            check(&ReadAccess::Tokens(vec![]), Some("Bearer x")).as_deref(),
            Some("api.forbidden")
        );
    }

    #[test]
    fn hashes_are_b3sums_and_print_nothing() {
        let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        let empty: TokenHash = text.parse().unwrap();
        assert_eq!(empty, TokenHash::of(""));
        assert_eq!(format!("{empty:?}"), "TokenHash(…)");
        assert_eq!("12".parse::<TokenHash>(), Err(TokenHashError));
    }
}
