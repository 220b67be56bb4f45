//! `hefu tx receipt`: a transaction with the receipts of the provinces, as one file that any COSE
//! tool can check. Each receipt is verified before the file is written, with the keys that the node
//! says are registered; their records can be proven like any other.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hefu_primitives::Signature;
use hefu_primitives::transparency::receipt::ReceiptKey;
use hefu_primitives::transparency::{
    Es256Endorsement, Receipt, ReceiptAlg, TransparentStatement, VerifierKey,
};
use serde_json::{Value, json};

use super::app::App;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::origin::{self, Named};

#[derive(Clone, Copy, ValueEnum)]
enum Algorithm {
    Eddsa,
    Es256,
    Both,
}

#[derive(Args)]
pub(crate) struct ReceiptArgs {
    /// The transaction, or what it recorded: dec:ID, att:ID, …
    #[arg(value_parser = origin::named)]
    tx: Named,
    /// The algorithm.
    #[arg(long, value_enum, default_value = "eddsa")]
    alg: Algorithm,
    /// The statement to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(app: &App, args: &ReceiptArgs) -> Done {
    let alg = match args.alg {
        Algorithm::Eddsa => "eddsa",
        Algorithm::Es256 => "es256",
        Algorithm::Both => "both",
    };
    let client = app.client()?;
    let tx = args.tx.resolve(app)?;
    let path = format!("/transactions/{tx}/receipt");
    let bytes = client.download(&path, &[("alg", alg)]);
    let bytes = bytes.map_err(|fault| super::tx::if_refused(app, tx, fault))?;
    let wrong = |what: &str| Fault::with("cli.bad_answer", what);
    let statement = TransparentStatement::decode(&bytes).map_err(|e| wrong(&e.to_string()))?;
    if statement.transaction().id() != tx {
        return Err(wrong("another transaction"));
    }
    let keys = client.get("/log/cosigners", &[])?;
    let keys = keys["cosigners"].as_array().cloned().unwrap_or_default();
    let mut shown = Vec::new();
    for receipt in statement.receipts() {
        let listed = keys.iter().find(|key| key["key_id"] == receipt.claims().key.to_string());
        // A key that was replaced since is not listed; the node checked its receipt.
        let verified = match listed {
            Some(listed) => {
                let key = key_of(receipt, listed).ok_or_else(|| wrong("a cosigner's keys"))?;
                let checked = receipt.verify(statement.leaf(), &key);
                checked.map_err(|error| Fault::with("cli.invalid", error))?;
                true
            }
            None => false,
        };
        shown.push(show(receipt, verified));
    }
    app.write(&args.out, &bytes)?;
    let file = args.out.display().to_string();
    let value = json!({ "file": file, "tx": tx, "bytes": bytes.len(), "receipts": shown });
    let (count, size) = (shown.len().to_string(), bytes.len().to_string());
    let arguments = [("file", file.as_str()), ("count", count.as_str()), ("bytes", size.as_str())];
    app.out.done(&value, &app.out.text("receipts-written", &arguments));
    Ok(Exit::Ok)
}

/// The key of a receipt; that of ES256 only with the registered key's endorsement.
fn key_of(receipt: &Receipt, listed: &Value) -> Option<ReceiptKey> {
    let registered: VerifierKey = listed["cosigner"].as_str()?.parse().ok()?;
    match receipt.claims().alg {
        ReceiptAlg::EdDsa => Some(ReceiptKey::EdDsa(registered.key())),
        ReceiptAlg::Es256 => {
            let key = listed["es256"].as_str()?.parse().ok()?;
            let signature: Signature = listed["es256_endorsement"].as_str()?.parse().ok()?;
            let endorsed = Es256Endorsement { key, signature }.verify(&registered.key());
            endorsed.then_some(ReceiptKey::Es256(key))
        }
    }
}

fn show(receipt: &Receipt, verified: bool) -> Value {
    let claims = receipt.claims();
    let alg = match claims.alg {
        ReceiptAlg::EdDsa => "EdDSA",
        ReceiptAlg::Es256 => "ES256",
    };
    json!({ "issuer": claims.issuer, "key": claims.key, "alg": alg, "leaf": receipt.leaf().to_string(),
        "size": claims.size.to_string(), "height": claims.height, "verified": verified })
}
