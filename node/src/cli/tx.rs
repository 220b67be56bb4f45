//! `hefu tx`: transactions as such: any act can be submitted as JSON, also those that have no
//! command of their own yet.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{SignedTransaction, TxId};
use serde_json::{Value, json};

use super::app::App;
use super::args::{AtHeight, Signing, word};
use super::client::Submitted;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list;
use super::origin::{self, Named};
use super::receipt::{self, ReceiptArgs};
use super::sign;
use super::submit::{Ledger, send, submit_governed, tell_applied, tell_pending};

#[derive(Subcommand)]
pub(crate) enum Tx {
    Submit(Submit),
    Show(One),
    Wait(One),
    Evidence(Evidence),
    Receipt(ReceiptArgs),
}

#[derive(Args)]
pub(crate) struct Submit {
    /// A signed transaction, or one act or a list of acts as JSON.
    file: PathBuf,
    /// The role of the key that signs.
    #[arg(long, value_name = "ROLE", value_parser = word::<Role>)]
    role: Option<Role>,
    /// What the acts are about.
    #[arg(long, default_value = "acts")]
    subject: String,
    /// Sign, and write the transaction to a file instead of submitting it.
    #[arg(long, value_name = "FILE")]
    sign_only: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
pub(crate) struct One {
    /// The transaction, or what it recorded: dec:ID, att:ID, …
    #[arg(value_parser = origin::named)]
    tx: Named,
}

#[derive(Args)]
pub(crate) struct Evidence {
    /// The transaction, or what it recorded: dec:ID, att:ID, …
    #[arg(value_parser = origin::named)]
    tx: Named,
    /// Prove this record too, by its full key in hexadecimal.
    #[arg(long = "record", value_name = "RECORD_KEY")]
    records: Vec<String>,
    #[command(flatten)]
    parts: Parts,
    /// The capsule to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: PathBuf,
}

/// What a capsule is to have beside what it always has.
#[derive(Args)]
pub(crate) struct Parts {
    #[command(flatten)]
    at: AtHeight,
    /// Leave the cosigned checkpoint and the receipts away.
    #[arg(long)]
    bare: bool,
}

impl Parts {
    /// As the interface asks for them.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let at = self.at.at_height.map(|height| ("at_height", height.to_string()));
        let bare = self.bare.then(|| ("witness", "false".to_owned()));
        at.into_iter().chain(bare).collect()
    }
}

pub(crate) fn run(app: &App, command: Tx) -> Done {
    match command {
        Tx::Submit(args) => submit(app, &args),
        Tx::Show(args) => {
            let tx = args.tx.resolve(app)?;
            list::show(app, &format!("/transactions/{tx}"), Default::default())
        }
        Tx::Wait(args) => wait(app, args.tx.resolve(app)?),
        Tx::Receipt(args) => receipt::run(app, &args),
        Tx::Evidence(args) => {
            let parts = args.parts.query();
            let parts = parts.iter().map(|(name, value)| (*name, value.as_str()));
            let records = args.records.iter().map(|key| ("records", key.as_str()));
            let query: Vec<(&str, &str)> = records.chain(parts).collect();
            app.expect_new(&args.out)?;
            let tx = args.tx.resolve(app)?;
            let path = format!("/transactions/{tx}/evidence");
            let bytes = app.client()?.download(&path, &query);
            let bytes = bytes.map_err(|fault| if_refused(app, tx, fault))?;
            write_capsule(app, &args.out, &bytes)
        }
    }
}

/// Of what was refused there is no proof: that is said, and not that there is no such thing.
pub(crate) fn if_refused(app: &App, tx: TxId, fault: Fault) -> Fault {
    if fault.code != "api.not_found" {
        return fault;
    }
    let found = app.client().and_then(|client| client.find(&format!("/transactions/{tx}"), &[]));
    let Ok(Some(answer)) = found else { return fault };
    let text = |name: &str| answer[name].as_str().unwrap_or("–").to_owned();
    match text("status").as_str() {
        "refused" => Fault::said(
            "api.not_found",
            "refused-no-proof",
            &[("code", &text("code")), ("height", &text("height"))],
        ),
        _ => fault,
    }
}

/// Writes a capsule, once it is known to be one of this ledger.
pub(crate) fn write_capsule(app: &App, path: &std::path::Path, bytes: &[u8]) -> Done {
    let chain = Ledger::of(app.client()?)?.chain;
    let verified = hefu_primitives::capsule::Capsule::from_file(bytes)?.verify(chain)?;
    let said = hefu_contracts::evidence::read(&verified, None);
    said.map_err(|error| Fault::with("cli.invalid", format_args!("{}: {error}", error.step())))?;
    app.write(path, bytes)?;
    let (file, size, chain) =
        (path.display().to_string(), bytes.len().to_string(), chain.to_string());
    let arguments = [("file", file.as_str()), ("bytes", &size), ("genesis", &chain)];
    let value = json!({ "file": file, "bytes": bytes.len(), "genesis": chain });
    app.out.done(&value, &app.out.text("capsule-written", &arguments));
    Ok(Exit::Ok)
}

fn submit(app: &App, args: &Submit) -> Done {
    let bytes = app.read(&args.file)?;
    if let Ok(transaction) = SignedTransaction::decode(&bytes) {
        return hand_over(app, &transaction, args.signing.no_wait);
    }
    let acts = acts(&bytes).map_err(|error| {
        Fault::with("cli.input", format_args!("{}: {error}", args.file.display()))
    })?;
    let role = args.role.unwrap_or_else(|| role_of(&acts));
    if let (Role::Governor, [act], None) = (role, acts.as_slice(), &args.sign_only) {
        return submit_governed(app, &args.signing, None, act.clone(), &args.subject, &Value::Null);
    }
    let ledger = Ledger::of(app.client()?)?;
    let signer = match role {
        Role::Governor => sign::governors(app, &args.signing, None)?.0.swap_remove(0),
        role => sign::signer(app, &args.signing, role)?,
    };
    let transaction = ledger.sign(&acts, &args.subject, &signer)?;
    match &args.sign_only {
        None => hand_over(app, &transaction, args.signing.no_wait),
        Some(path) => {
            app.write(path, transaction.as_bytes())?;
            let (file, tx) = (path.display().to_string(), transaction.id().to_string());
            let prose = app.out.text("tx-signed", &[("file", &file), ("tx", &tx)]);
            app.out.done(&json!({ "file": file, "tx": tx }), &prose);
            Ok(Exit::Ok)
        }
    }
}

fn hand_over(app: &App, transaction: &SignedTransaction, no_wait: bool) -> Done {
    match send(app, transaction, no_wait)? {
        Submitted::Applied(answer) => {
            tell_applied(app, &answer, &Value::Null);
            Ok(Exit::Ok)
        }
        Submitted::Pending => Ok(tell_pending(app, transaction, &Value::Null)),
    }
}

/// One act, or a list of them.
fn acts(bytes: &[u8]) -> Result<Vec<Act>, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let acts = match value {
        Value::Array(acts) => acts,
        act => vec![act],
    };
    let acts: Result<Vec<Act>, _> = acts.into_iter().map(serde_json::from_value).collect();
    let acts = acts.map_err(|error| error.to_string())?;
    // What cannot be encoded canonically is refused here, not by the ledger.
    match acts.iter().find(|act| Act::decode(&act.to_bytes()).is_err()) {
        None => Ok(acts),
        Some(act) => Err(act.name().to_owned()),
    }
}

/// The role that an act usually needs.
fn role_of(acts: &[Act]) -> Role {
    match acts.first() {
        Some(
            Act::Attest(_)
            | Act::SuspendAttestation(_)
            | Act::ResumeAttestation(_)
            | Act::RevokeAttestation(_)
            | Act::Reaffirm(_)
            | Act::SaltDestroyed(_)
            | Act::TransferOut(_)
            | Act::CancelTransfer(_)
            | Act::TransferIn(_)
            | Act::AnswerStatusRequest(_)
            | Act::AttestBatch(_)
            | Act::Materialise(_)
            | Act::RegisterSeal(_)
            | Act::SetSealState(_),
        ) => Role::Issuer,
        Some(Act::RequestStatus(_) | Act::WithdrawStatusRequest(_)) => Role::Handler,
        Some(
            Act::Decide(_) | Act::CorrectDecision(_) | Act::DecideBatch(_) | Act::OpenDecision(_),
        ) => Role::Verifier,
        Some(Act::GiveConsent(_)) => Role::Coordinator,
        Some(Act::RequestAccess(_) | Act::WithdrawRequest(_)) => Role::Consumer,
        Some(
            Act::PublishCatalogue(_)
            | Act::SetCatalogueState(_)
            | Act::Acknowledge(_)
            | Act::GrantAccess(_)
            | Act::Deny(_)
            | Act::ReturnRequest(_)
            | Act::SetGrantState(_)
            | Act::PutReceipt(_)
            | Act::AnswerReceipt(_)
            | Act::PutReceiptBatch(_),
        ) => Role::Provider,
        _ => Role::Governor,
    }
}

/// Asks until the transaction is final or the timeout is over.
fn wait(app: &App, tx: TxId) -> Done {
    let deadline = Instant::now() + Duration::from_secs(app.globals.timeout);
    loop {
        if let Some(answer) = app.client()?.find(&format!("/transactions/{tx}"), &[])? {
            return match answer["status"].as_str() {
                Some("refused") => Err(refusal(&answer, tx)),
                _ => {
                    list::show_answer(app, &answer);
                    Ok(Exit::Ok)
                }
            };
        }
        if Instant::now() >= deadline {
            let tx = Some(tx.to_string());
            return Err(Fault { tx, ..Fault::new("cli.not_final") });
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// The fault of a transaction that was committed as refused.
pub(crate) fn refusal(answer: &Value, tx: TxId) -> Fault {
    let code = match &answer["code"] {
        Value::String(code) => code.clone(),
        Value::Number(number) => format!("E{number}"),
        _ => "cli.bad_answer".to_owned(),
    };
    Fault {
        tx: Some(tx.to_string()),
        act: answer["act"].as_u64(),
        height: answer["height"].as_str().map(str::to_owned),
        ..Fault::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_read_strictly() {
        let one = br#"{"act":"resume_authority","authority":"11310000HEFU01010W"}"#;
        assert_eq!(acts(one).unwrap().len(), 1);
        assert_eq!(role_of(&acts(one).unwrap()), Role::Governor);
        let two = [b"[".as_slice(), one, b",", one, b"]"].concat();
        assert_eq!(acts(&two).unwrap().len(), 2);
        let unknown = br#"{"act":"resume_authority","authority":"11310000HEFU01010W","x":1}"#;
        assert!(acts(unknown).is_err());
        assert!(acts(b"{}").is_err());
    }
}
