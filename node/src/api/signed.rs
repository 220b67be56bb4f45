//! Requests signed with an auditor's key: HTTP Message Signatures (RFC 9421) in one profile.
//!
//! ```text
//! hefu-mandate: <mandate id>
//! hefu-node: <province code of the node that is asked>
//! signature-input: sig1=("@method" "@path" "@query" "hefu-mandate" "hefu-node");
//!     created=<seconds>;keyid="<key id on the ledger>";nonce="<16 to 64 characters>";alg="ed25519";tag="hefu-read"
//! signature: sig1=:<base64>:
//! ```
//!
//! The five components must all be there, in any order; so must the five parameters. A signature is
//! good within five minutes of the node's clock, at the node that it names, once.
//!
//! Knows the ledger's keys; does not know what a mandate covers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method, Uri};
use hefu_contracts::identity::{KEYS, KeyRecord, Role};
use hefu_primitives::{Id16, KeyId, KeyPair, Millis, Region, Signature};

use super::problem::{ApiCode, Problem};
use crate::runtime::Service;

/// How far a signature's time may be from the node's clock, in seconds.
pub(crate) const WINDOW_SECONDS: u64 = 300;
/// Most signatures remembered; more in one window are refused.
const MAX_REMEMBERED: usize = 65_536;
/// Longest header of a signature.
const MAX_HEADER_BYTES: usize = 1024;
/// What must be signed.
const COMPONENTS: [&str; 5] = ["@method", "@path", "@query", "hefu-mandate", "hefu-node"];
const TAG: &str = "hefu-read";
const ALGORITHM: &str = "ed25519";

/// Header that names the mandate.
pub(crate) const MANDATE: &str = "hefu-mandate";
/// Header that names the node's province.
pub(crate) const NODE: &str = "hefu-node";

/// A request that says it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedRead {
    pub(super) key: KeyId,
    pub(super) mandate: Id16,
    pub(super) nonce: String,
    created: u64,
    node: String,
    /// What was signed.
    base: String,
    signature: Signature,
}

impl SignedRead {
    /// Reads the headers; none where there is no signature.
    ///
    /// # Errors
    /// `api.signature` says what is missing or malformed.
    pub(super) fn of(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Problem> {
        let Some(input) = header(headers, "signature-input")? else { return Ok(None) };
        let signature = header(headers, "signature")?.ok_or_else(|| bad("no signature header"))?;
        let mandate = header(headers, MANDATE)?.ok_or_else(|| bad("no hefu-mandate header"))?;
        let node = header(headers, NODE)?.ok_or_else(|| bad("no hefu-node header"))?;
        let (label, params) = input.split_once('=').ok_or_else(|| bad("no label"))?;
        let value = signature.strip_prefix(label).and_then(|rest| rest.strip_prefix('='));
        let value = value.ok_or_else(|| bad("signature and signature-input name other labels"))?;
        let value = value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        let signature = value.and_then(decode).ok_or_else(|| bad("no signature of 64 bytes"))?;
        let (components, named) = parse(params).ok_or_else(|| bad("malformed signature-input"))?;
        let wanted: BTreeSet<&str> = COMPONENTS.into_iter().collect();
        if components.len() != wanted.len()
            || components.iter().copied().collect::<BTreeSet<_>>() != wanted
        {
            return Err(bad("the signed components are not those of this profile"));
        }
        let param =
            |name: &str| named.get(name).copied().ok_or_else(|| bad("a parameter is missing"));
        if param("alg")? != ALGORITHM || param("tag")? != TAG || named.len() != 5 {
            return Err(bad("the parameters are not those of this profile"));
        }
        let nonce = param("nonce")?;
        if !(16..=64).contains(&nonce.len()) {
            return Err(bad("a nonce has 16 to 64 characters"));
        }
        let path = uri.path();
        let query = uri.query().unwrap_or_default();
        Ok(Some(Self {
            key: param("keyid")?.parse().map_err(|_| bad("keyid is no key id"))?,
            mandate: mandate.parse().map_err(|_| bad("hefu-mandate is no id"))?,
            nonce: nonce.to_owned(),
            created: param("created")?.parse().map_err(|_| bad("created is no time"))?,
            node: node.to_owned(),
            base: base(&components, params, |component| match component {
                "@method" => method.as_str().to_owned(),
                "@path" => path.to_owned(),
                "@query" => format!("?{query}"),
                "hefu-mandate" => mandate.to_owned(),
                _ => node.to_owned(),
            }),
            signature,
        }))
    }

    /// Checks it against the ledger and the clock, and that it was not used before.
    ///
    /// # Errors
    /// `api.signature` (401): another node's, not of this time, unknown or unfit key, does not verify,
    /// used before.
    pub(super) fn verify(
        &self,
        service: &Service,
        used: &Used,
        now: Millis,
    ) -> Result<KeyRecord, Problem> {
        if self.node != service.region().to_string() {
            return Err(bad("it is for another node"));
        }
        let seconds = now.0 / 1000;
        if self.created.abs_diff(seconds) > WINDOW_SECONDS {
            return Err(bad("it is not of this time"));
        }
        let record = KEYS.read(service.records(), &self.key).ok_or_else(|| bad("unknown key"))?;
        if !record.roles.contains(&Role::Auditor)
            || !record.is_accepted_at(service.tip().time.max(now))
        {
            return Err(bad("the key is not an auditor's, or is over"));
        }
        if !record.key.verify(self.base.as_bytes(), &self.signature) {
            return Err(bad("it does not verify"));
        }
        used.once(self.key, &self.nonce, self.created + WINDOW_SECONDS, seconds)?;
        Ok(record)
    }
}

/// Signatures that were used, until they are too old to be used again.
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    nonces: BTreeSet<(KeyId, String)>,
    /// The same, by when they can be forgotten.
    until: BTreeSet<(u64, KeyId, String)>,
}

impl Used {
    fn once(&self, key: KeyId, nonce: &str, until: u64, now: u64) -> Result<(), Problem> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((end, _, _)) = used.until.first()
            && *end < now
            && let Some((_, key, nonce)) = used.until.pop_first()
        {
            used.nonces.remove(&(key, nonce));
        }
        if used.nonces.contains(&(key, nonce.to_owned())) {
            return Err(bad("it was used before"));
        }
        if used.nonces.len() >= MAX_REMEMBERED {
            return Err(Problem::new(ApiCode::Busy, "too many signed requests"));
        }
        used.nonces.insert((key, nonce.to_owned()));
        used.until.insert((until, key, nonce.to_owned()));
        Ok(())
    }
}

/// The headers with which an auditor's key signs a GET.
pub(crate) fn sign(
    key: &KeyPair,
    mandate: Id16,
    node: Region,
    path_and_query: &str,
    nonce: &str,
    now: Millis,
) -> [(&'static str, String); 4] {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let listed = COMPONENTS.map(|component| format!("\"{component}\"")).join(" ");
    let params = format!(
        "({listed});created={};keyid=\"{}\";nonce=\"{nonce}\";alg=\"{ALGORITHM}\";tag=\"{TAG}\"",
        now.0 / 1000,
        key.id()
    );
    let base = base(&COMPONENTS, &params, |component| match component {
        "@method" => "GET".to_owned(),
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        "hefu-mandate" => mandate.to_string(),
        _ => node.to_string(),
    });
    let signature = encode(&key.sign(base.as_bytes()));
    [
        (MANDATE, mandate.to_string()),
        (NODE, node.to_string()),
        ("signature-input", format!("sig1={params}")),
        ("signature", format!("sig1=:{signature}:")),
    ]
}

/// RFC 9421, section 2.5.
fn base(components: &[&str], params: &str, value: impl Fn(&str) -> String) -> String {
    let mut base = String::new();
    for component in components {
        base.push_str(&format!("\"{component}\": {}\n", value(component)));
    }
    base + "\"@signature-params\": " + params
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains(['"', '\\']))
}

/// Components and parameters of an inner list of strings without escapes.
fn parse(params: &str) -> Option<(Vec<&str>, BTreeMap<&str, &str>)> {
    let (listed, rest) = params.strip_prefix('(')?.split_once(')')?;
    let components = listed.split(' ').map(quoted).collect::<Option<Vec<_>>>()?;
    let mut named = BTreeMap::new();
    for param in rest.strip_prefix(';')?.split(';') {
        let (name, value) = param.split_once('=')?;
        let value = match value.bytes().all(|byte| byte.is_ascii_digit()) {
            true => value,
            false => quoted(value)?,
        };
        if named.insert(name, value).is_some() {
            return None;
        }
    }
    Some((components, named))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut all = headers.get_all(name).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.len() <= MAX_HEADER_BYTES);
    match (text, all.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(bad("a header is repeated, too long, or not ASCII")),
    }
}

fn bad(why: &str) -> Problem {
    Problem::new(ApiCode::Signature, why)
}

fn encode(signature: &Signature) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(signature.0)
}

fn decode(text: &str) -> Option<Signature> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    bytes.try_into().ok().map(Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/v1/audit/events?kind=attested&limit=3";

    fn signed() -> Vec<(&'static str, String)> {
        let (key, now) = (KeyPair::from_secret(&[3; 32]), Millis(1_790_000_000_500));
        let nonce = "0123456789abcdef";
        sign(&key, Id16([5; 16]), Region(310_000), PATH, nonce, now).to_vec()
    }

    fn read(path: &str, pairs: &[(&'static str, String)]) -> Result<Option<SignedRead>, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        SignedRead::of(&Method::GET, &path.parse().unwrap(), &headers)
    }

    #[test]
    fn what_is_signed_is_read_back() {
        assert_eq!(read(PATH, &[]).unwrap(), None);
        let found = read(PATH, &signed()).unwrap().unwrap();
        let key = KeyPair::from_secret(&[3; 32]).public();
        assert_eq!(
            (found.key, found.mandate, found.created),
            (key.id(), Id16([5; 16]), 1_790_000_000)
        );
        assert!(key.verify(found.base.as_bytes(), &found.signature));
        let lines: Vec<&str> = found.base.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "\"@method\": GET",
                "\"@path\": /api/v1/audit/events",
                "\"@query\": ?kind=attested&limit=3",
            ]
        );
        assert!(lines[5].starts_with("\"@signature-params\": (\"@method\" \"@path\""));
        let other = read("/api/v1/audit/events?kind=attested&limit=4", &signed()).unwrap().unwrap();
        assert!(!key.verify(other.base.as_bytes(), &other.signature));
    }

    #[test]
    fn headers_that_are_not_of_the_profile_are_refused() {
        let change = |name: &str, change: &dyn Fn(&str) -> String| {
            let mut all = signed();
            for (found, value) in &mut all {
                if *found == name {
                    *value = change(value);
                }
            }
            read(PATH, &all).map(|_| ()).map_err(|problem| problem.code().to_owned())
        };
        let refused = Err("api.signature".to_owned());
        let replaced: [(&str, &str, &str); 9] = [
            ("signature-input", "\"@query\" ", ""),
            ("signature-input", "\"@query\"", "\"@path\""),
            ("signature-input", ";tag=\"hefu-read\"", ""),
            ("signature-input", "hefu-read", "other"),
            ("signature-input", "ed25519", "rsa-v1_5-sha256"),
            ("signature-input", "0123456789abcdef", "short"),
            ("signature-input", "sig1", "sig2"),
            ("signature", ":", ""),
            ("hefu-mandate", "05", "zz"),
        ];
        for (header, from, to) in replaced {
            assert_eq!(
                change(header, &|value| value.replace(from, to)),
                refused,
                "{header} {from}"
            );
        }
        let mut twice = signed();
        twice.push(twice[0].clone());
        assert!(read(PATH, &twice).is_err());
        for missing in 0..4 {
            let mut some = signed();
            let name = some.remove(missing).0;
            let found = read(PATH, &some);
            assert!(found.is_err() || name == "signature-input", "{name}");
        }
    }

    #[test]
    fn a_signature_is_used_once_and_forgotten_when_it_is_too_old() {
        let (used, key) = (Used::default(), KeyId([1; KeyId::LEN]));
        assert!(used.once(key, "a", 400, 100).is_ok());
        assert!(used.once(key, "a", 401, 101).is_err());
        assert!(used.once(KeyId([2; KeyId::LEN]), "a", 400, 102).is_ok());
        assert!(used.once(key, "a", 400, 400).is_err(), "the last second counts");
        assert!(used.once(key, "b", 900, 401).is_ok());
        assert_eq!(
            used.0.lock().unwrap().nonces.len(),
            1,
            "nothing is kept for longer than it matters"
        );
    }
}
