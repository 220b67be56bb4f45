//! Proofs in the formats of the transparency world: a checkpoint, a transparent statement, a receipt.
//!
//! They say less than a capsule: what provinces signed of the log, not what the ledger decided.

use std::collections::BTreeSet;
use std::path::Path;

use hefu_primitives::capsule::Capsule;
use hefu_primitives::log::leaf_hash;
use hefu_primitives::transparency::receipt::ReceiptKey;
use hefu_primitives::transparency::{
    Checkpoint, Receipt, ReceiptAlg, TransparentStatement, cosigner_name, origin,
};
use hefu_primitives::{H32, Millis, Region, SignedTransaction};
use serde_json::{Value, json};

use super::keys::KnownKeys;
use super::{Verify, failed};
use crate::cli::app::App;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault};
use crate::cli::table;

/// The first byte of a COSE_Sign1.
const COSE_SIGN1: u8 = 0xd2;

/// Which of them a file is, by its beginning.
pub(super) enum Outside {
    Checkpoint,
    Cose,
}

impl Outside {
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let note = "\n\u{2014} ".as_bytes();
        match bytes.first() {
            Some(&COSE_SIGN1) => Some(Self::Cose),
            _ if bytes.windows(note.len()).any(|part| part == note)
                && core::str::from_utf8(bytes).is_ok() =>
            {
                Some(Self::Checkpoint)
            }
            _ => None,
        }
    }

    pub(super) fn verify(&self, app: &App, args: &Verify, bytes: &[u8]) -> Done {
        let Some(path) = &args.keys else {
            return Err(Fault::needs("--keys", "needs-keys"));
        };
        let keys = KnownKeys::read(app, path, args.genesis)?;
        match self {
            Self::Checkpoint => checkpoint(app, args, bytes, &keys),
            Self::Cose => match TransparentStatement::decode(bytes) {
                Ok(statement) => {
                    let about = Some(statement.transaction());
                    let asked = args.of.as_deref().map(|path| transaction_of(app, path));
                    if let Some(asked) = asked.transpose()?
                        && asked.id() != statement.transaction().id()
                    {
                        return Err(failed(app, "transaction", "the statement is of another one"));
                    }
                    receipts(app, args, statement.leaf(), statement.receipts(), about, &keys)
                }
                Err(statement) => match Receipt::decode(bytes) {
                    Ok(receipt) => alone(app, args, receipt, &keys),
                    Err(_) => Err(failed(app, "encoding", statement)),
                },
            },
        }
    }
}

fn checkpoint(app: &App, args: &Verify, bytes: &[u8], keys: &KnownKeys) -> Done {
    let chain = args.genesis;
    let (found, note) =
        Checkpoint::of_note(bytes).map_err(|error| failed(app, "encoding", error))?;
    if found.origin != origin(&chain) {
        let origin = table::printable(&found.origin);
        return Err(failed(app, "genesis", format_args!("the origin is {origin}")));
    }
    let (mut cosigned, mut doubted, mut lines) = (Vec::new(), Vec::new(), 0);
    for known in &keys.keys {
        let Some(verifier) = known.verifier(&chain) else { continue };
        let time = note.signed_by(&verifier).map_err(|error| failed(app, "checkpoint", error))?;
        if let Some(time) = time {
            lines += 1;
            let at = Millis(time.saturating_mul(1000)).to_rfc3339();
            let mut line = json!({ "region": known.region, "key": known.key.id(), "time": at });
            match known.doubt(Some(time)) {
                None => cosigned.push(line),
                Some(doubt) => {
                    line["doubt"] = json!(doubt);
                    doubted.push(line);
                }
            }
        }
    }
    if cosigned.is_empty() && !doubted.is_empty() {
        return Err(failed(
            app,
            "checkpoint",
            "every cosignature is by a key that was compromised or out of its term",
        ));
    }
    if cosigned.is_empty() {
        return Err(failed(app, "checkpoint", "no cosignature is by a known key"));
    }
    let (size, root) = (found.head.size.to_string(), found.head.root);
    // Provinces, not lines: one may have two keys for a while.
    let of = |regions: &mut dyn Iterator<Item = Region>| regions.collect::<BTreeSet<_>>().len();
    let known = of(&mut keys.keys.iter().map(|known| known.region));
    let signed = of(&mut keys.keys.iter().filter_map(|known| {
        let own = |line: &&Value| line["key"] == json!(known.key.id());
        cosigned.iter().find(own).map(|_| known.region)
    }));
    let quorum = signed.saturating_mul(3) > known.saturating_mul(2);
    let report = json!({
        "valid": true, "kind": "checkpoint", "chain": chain, "size": size, "root": root,
        "cosigned": cosigned, "doubted": doubted, "known_cosigners": known, "quorum": quorum,
        "keys": keys.source,
        "other_lines": note.signatures().len().saturating_sub(lines),
    });
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let (count, of) = (signed.to_string(), known.to_string());
    let mut prose = vec![
        say("verify-note-ok", &[("chain", &chain.to_string())]),
        say("verify-note-says", &[("size", &size), ("root", &root.to_string())]),
        say(
            "verify-note-by",
            &[("count", &count), ("of", &of), ("who", &provinces(app, &cosigned))],
        ),
        say(&format!("verify-keys-{}", keys.source), &[]),
        say("verify-note-not", &[]),
    ];
    if !quorum {
        prose.insert(3, say("verify-note-few", &[]));
    }
    if !doubted.is_empty() {
        prose.insert(3, say("verify-doubted", &[("who", &provinces(app, &doubted))]));
    }
    app.out.done(&report, &prose.join("\n"));
    Ok(Exit::Ok)
}

/// A receipt without its transaction, which somebody else must give.
fn alone(app: &App, args: &Verify, receipt: Receipt, keys: &KnownKeys) -> Done {
    let Some(path) = &args.of else {
        return Err(Fault::needs("--of", "needs-of"));
    };
    let transaction = transaction_of(app, path)?;
    let leaf = leaf_hash(transaction.as_bytes());
    receipts(app, args, leaf, &[receipt], Some(&transaction), keys)
}

/// The transaction in an envelope, a statement or a capsule.
fn transaction_of(app: &App, path: &Path) -> Result<SignedTransaction, Fault> {
    let bytes = app.read(path)?;
    let transaction = SignedTransaction::decode(&bytes)
        .ok()
        .or_else(|| Some(TransparentStatement::decode(&bytes).ok()?.transaction().clone()))
        .or_else(|| SignedTransaction::decode(&Capsule::from_file(&bytes).ok()?.transaction).ok());
    transaction
        .ok_or_else(|| Fault::said("cli.input", "verify-no-tx", &[("file", &path.display())]))
}

fn receipts(
    app: &App,
    args: &Verify,
    leaf: H32,
    receipts: &[Receipt],
    about: Option<&SignedTransaction>,
    keys: &KnownKeys,
) -> Done {
    let chain = args.genesis;
    if about.is_some_and(|transaction| transaction.body().chain != chain) {
        return Err(failed(app, "genesis", "the transaction is for another ledger"));
    }
    let signers: BTreeSet<_> =
        receipts.iter().map(|r| (r.claims().key, r.claims().alg == ReceiptAlg::Es256)).collect();
    if signers.len() != receipts.len() {
        return Err(failed(app, "receipts", "a receipt of the same key stands twice"));
    }
    let shown = receipts.iter().map(|receipt| {
        verified(receipt, leaf, about, args, keys).map_err(|error| failed(app, "receipts", error))
    });
    let shown = shown.collect::<Result<Vec<Value>, Fault>>()?;
    let held: Vec<Value> =
        shown.iter().filter(|receipt| receipt["verified"] == true).cloned().collect();
    if held.is_empty() {
        return Err(failed(app, "receipts", "none is by a known key"));
    }
    let claims = about.map(SignedTransaction::claims);
    let tx = about.map(SignedTransaction::id);
    let report = json!({
        "valid": true, "kind": "statement", "chain": chain, "tx": tx,
        "issuer": claims.map(|claims| claims.issuer),
        "subject": claims.map(|claims| &claims.subject),
        "signer_checked": false, "receipts": shown, "keys": keys.source,
    });
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let (count, of) = (held.len().to_string(), shown.len().to_string());
    let first = &held[0];
    let text = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let (size, height, place) =
        (text(&first["size"]), first["height"].to_string(), text(&first["leaf"]));
    let height = height.trim_matches('"');
    let issuer = claims.map_or("–".to_owned(), |claims| claims.issuer.to_string());
    let mut prose = vec![
        say("verify-receipts-ok", &[("chain", &chain.to_string())]),
        say("verify-receipts-say", &[("leaf", &place), ("size", &size), ("height", height)]),
        say(
            "verify-receipts-by",
            &[("count", &count), ("of", &of), ("who", &provinces(app, &held))],
        ),
        say(&format!("verify-keys-{}", keys.source), &[]),
        say("verify-receipts-not", &[("issuer", &issuer)]),
    ];
    let unchecked = shown.iter().filter(|r| r["verified"] == false && r["doubt"].is_null());
    let unchecked = unchecked.count();
    if unchecked > 0 {
        prose.insert(3, say("verify-receipts-unchecked", &[("count", &unchecked.to_string())]));
    }
    let doubted: Vec<Value> = shown.into_iter().filter(|r| !r["doubt"].is_null()).collect();
    if !doubted.is_empty() {
        prose.insert(3, say("verify-doubted", &[("who", &provinces(app, &doubted))]));
    }
    app.out.done(&report, &prose.join("\n"));
    Ok(Exit::Ok)
}

/// What a receipt says, once it holds; a receipt by a key that is not known is shown as such.
fn verified(
    receipt: &Receipt,
    leaf: H32,
    about: Option<&SignedTransaction>,
    args: &Verify,
    keys: &KnownKeys,
) -> Result<Value, String> {
    let claims = receipt.claims();
    let known = keys.by_id(claims.key);
    let key = known.and_then(|known| match claims.alg {
        ReceiptAlg::EdDsa => Some(ReceiptKey::EdDsa(known.key)),
        ReceiptAlg::Es256 => known.es256.map(ReceiptKey::Es256),
    });
    if let (Some(known), Some(key)) = (known, &key) {
        receipt.verify(leaf, key).map_err(|error| error.to_string())?;
        if claims.issuer != cosigner_name(&args.genesis, known.region) {
            return Err(format!("{} is not the name of the key's province", claims.issuer));
        }
        if about.is_some_and(|transaction| transaction.claims().subject != claims.subject) {
            return Err("the subject is not the transaction's".to_owned());
        }
    }
    let doubt = known.and_then(|known| known.doubt(None));
    let alg = match claims.alg {
        ReceiptAlg::EdDsa => "EdDSA",
        ReceiptAlg::Es256 => "ES256",
    };
    Ok(json!({
        "region": known.map(|known| known.region), "key": claims.key, "alg": alg,
        "leaf": receipt.leaf().to_string(), "size": claims.size.to_string(),
        "height": claims.height, "verified": key.is_some() && doubt.is_none(), "doubt": doubt,
    }))
}

/// Provinces by name, each once.
fn provinces(app: &App, signed: &[Value]) -> String {
    let mut names: Vec<String> = Vec::new();
    for one in signed {
        let code = one["region"].to_string();
        let name = super::capsule::province(app, code.trim_matches('"'));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
