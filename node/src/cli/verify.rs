//! `hefu verify`: an evidence capsule, or a proof against a validator, checked with nothing but the
//! genesis hash.
//!
//! No node, no network, no trust. Three answers are kept apart: was it recorded; how did it stand
//! at the height the capsule shows; what it cannot show (later changes, recognition elsewhere).

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::status;
use hefu_contracts::certificate::{ATTESTATIONS, TYPES};
use hefu_contracts::identity::{AUTHORITIES, KEYS, MEMBERS};
use hefu_contracts::state::{MemoryState, is_proven};
use hefu_primitives::ChainId;
use hefu_primitives::capsule::{Capsule, CapsuleError, Verified, VerifiedStatus};
use hefu_primitives::evidence_file::EquivocationProof;
use hefu_primitives::light::ForkProof;
use hefu_primitives::time::Day;
use serde_json::{Value, json};

use super::app::App;
use super::exit::Exit;
use super::fault::{Done, Fault};

#[derive(Args)]
pub(crate) struct Verify {
    /// The capsule.
    capsule: PathBuf,
    /// Hash of the genesis: the chain id.
    #[arg(long, value_name = "HASH")]
    genesis: ChainId,
    /// The day the status is asked about.
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
}

pub(crate) fn run(app: &App, args: &Verify) -> Done {
    let bytes = app.read(&args.capsule)?;
    if EquivocationProof::is_file(&bytes) {
        return super::evidence::verify(app, &bytes, args.genesis);
    }
    if ForkProof::is_file(&bytes) {
        return super::light::verify_fork(app, &bytes, args.genesis);
    }
    let verified = match Capsule::from_file(&bytes).and_then(|capsule| capsule.verify(args.genesis))
    {
        Ok(verified) => verified,
        Err(error) => return Err(failed(app, &error)),
    };
    if let Some(place) = outside_map(&verified) {
        let step = app.out.text("verify-step-status", &[]);
        let detail = format_args!("status ({step}): record {place} is of no table of the map");
        return Err(Fault::with("cli.invalid", detail));
    }
    let report = report(&verified, args.day)?;
    let prose = prose(app, &verified, &report);
    app.out.done(&report, &prose);
    Ok(Exit::Ok)
}

/// The first record of a table that the authenticated map does not commit to. The map is silent
/// about those: of each it would "prove" the absence, whether it is there or not.
fn outside_map(verified: &Verified) -> Option<usize> {
    let records = &verified.status.as_ref()?.records;
    records.iter().position(|(key, _)| !is_proven(key))
}

/// Names the step that failed.
fn failed(app: &App, error: &CapsuleError) -> Fault {
    let step = match error {
        CapsuleError::Encoding(_) | CapsuleError::Changed | CapsuleError::Format(_) => "encoding",
        CapsuleError::Genesis { .. } => "genesis",
        CapsuleError::Certificate { .. } | CapsuleError::Header(_) => "headers",
        CapsuleError::Transaction(_) | CapsuleError::OtherLedger | CapsuleError::Signature => {
            "transaction"
        }
        CapsuleError::Inclusion(_) => "log",
        CapsuleError::StatusOrder { .. } | CapsuleError::Record(_) => "status",
    };
    let name = app.out.text(&format!("verify-step-{step}"), &[]);
    Fault::with("cli.invalid", format_args!("{step} ({name}): {error}"))
}

fn report(verified: &Verified, day: Option<Day>) -> Result<Value, Fault> {
    let claims = verified.transaction.claims();
    let body = verified.transaction.body();
    let acts = body.acts.iter().map(|act| Act::decode(act));
    let acts: Vec<Act> = acts.collect::<Result<_, _>>().map_err(|code| {
        Fault::with("cli.invalid", format_args!("transaction: E{}", code.number()))
    })?;
    let (header, time) = (&verified.recorded, verified.recorded.time);
    let status = verified.status.as_ref();
    Ok(json!({
        "valid": true,
        "chain": verified.chain,
        "recorded": {
            "tx": verified.transaction.id(),
            "leaf": verified.leaf.to_string(),
            "height": header.height,
            "block_id": header.id(),
            "time": time.to_rfc3339(),
            "issuer": claims.issuer,
            "subject": claims.subject,
            "key": claims.key,
            "acts": acts,
        },
        "status": status.map(|status| status_report(status, &acts, day)),
        "recognised": null,
        "set_changes": verified.set_changes,
    }))
}

/// What the proven records say about the attestations of the transaction.
fn status_report(status: &VerifiedStatus, acts: &[Act], day: Option<Day>) -> Value {
    let (height, time) = (status.header.height, status.header.time);
    let day = day.unwrap_or_else(|| Day::of_beijing(time));
    let proven = status.records.iter();
    let state = MemoryState(
        proven.filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect(),
    );
    let about = |act: &Act| {
        let Act::Attest(attest) = act else { return None };
        let key = ATTESTATIONS.key(&attest.id);
        let answer = match status.records.iter().find(|(proven, _)| *proven == key)? {
            (_, None) => None,
            // Without the record of the key that attested it, nobody can tell from this file
            // whether that key was later found compromised.
            (_, Some(_)) => ATTESTATIONS
                .read(&state, &attest.id)
                .filter(|attestation| KEYS.read(&state, &attestation.made.key).is_some())
                .and_then(|attestation| self::status(&state, &attestation, day, height)),
        };
        let mut shown = json!(answer);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("att_id".to_owned(), json!(attest.id));
        } else {
            shown = json!({ "att_id": attest.id, "status": "unknown" });
        }
        Some(shown)
    };
    let records: Vec<Value> =
        status.records.iter().map(|(key, value)| record(key, value.as_deref())).collect();
    json!({
        "height": height,
        "time": time.to_rfc3339(),
        "about_day": day,
        "attestations": acts.iter().filter_map(about).collect::<Vec<_>>(),
        "records": records,
    })
}

/// A proven record in words, where its table is known.
fn record(key: &[u8], value: Option<&[u8]>) -> Value {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    macro_rules! known {
        ($($name:literal $table:ident,)*) => {
            match key.first() {
                $(Some(prefix) if *prefix == $table.prefix() => {
                    ($name, value.and_then(|bytes| $table.decode(bytes)).map(|record| json!(record)))
                })*
                _ => ("other", None),
            }
        };
    }
    let (table, content) = known!(
        "attestation" ATTESTATIONS,
        "key" KEYS,
        "authority" AUTHORITIES,
        "member" MEMBERS,
        "type" TYPES,
    );
    json!({ "key": hex, "table": table, "present": value.is_some(), "record": content })
}

/// The acts of the transaction by name, with how many of each there are.
fn act_counts(report: &Value) -> String {
    let acts = report["recorded"]["acts"].as_array().into_iter().flatten();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in acts.filter_map(|act| act["act"].as_str()) {
        *counts.entry(name).or_default() += 1;
    }
    let counted = counts.iter().map(|(name, count)| match count {
        1 => (*name).to_owned(),
        count => format!("{name} ×{count}"),
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// The three answers, in words.
fn prose(app: &App, verified: &Verified, report: &Value) -> String {
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let text =
        |pointer: &str| report.pointer(pointer).and_then(Value::as_str).unwrap_or("–").to_owned();
    let acts = act_counts(report);
    let mut lines = vec![
        say("verify-ok", &[("chain", &text("/chain"))]),
        say(
            "verify-recorded",
            &[
                ("height", &text("/recorded/height")),
                ("time", &verified.recorded.time.to_beijing()),
                ("leaf", &text("/recorded/leaf")),
            ],
        ),
        say(
            "verify-signed",
            &[
                ("issuer", &text("/recorded/issuer")),
                ("key", &text("/recorded/key")),
                ("acts", &acts),
                ("subject", &text("/recorded/subject")),
            ],
        ),
    ];
    match report["status"].as_object() {
        None => lines.push(say("verify-no-status", &[])),
        Some(_) => {
            let height = text("/status/height");
            let day = text("/status/about_day");
            let attestations = report["status"]["attestations"].as_array();
            for answer in attestations.into_iter().flatten() {
                let status = answer["status"].as_str().unwrap_or("unknown");
                let word = super::table::word_of(status, app.lang());
                let word = word.unwrap_or_else(|| status.to_owned());
                lines.push(say(
                    "verify-status",
                    &[
                        ("id", answer["att_id"].as_str().unwrap_or("–")),
                        ("status", &word),
                        ("height", &height),
                        ("day", &day),
                    ],
                ));
            }
            let count = report["status"]["records"].as_array().map_or(0, Vec::len).to_string();
            lines.push(say("verify-records", &[("count", &count), ("height", &height)]));
        }
    }
    lines.push(say("verify-recognised", &[]));
    if verified.set_changes > 0 {
        let count = verified.set_changes.to_string();
        lines.push(say("verify-sets", &[("count", &count)]));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use hefu_contracts::certificate::SuspendAttestation;
    use hefu_primitives::block::Header;
    use hefu_primitives::capsule::{
        CAPSULE_FORMAT, CertifiedHeader, GenesisAnchor, RecordProof, StatusProof,
    };
    use hefu_primitives::codec::Canonical;
    use hefu_primitives::log::{MemoryLog, inclusion_proof, leaf_hash};
    use hefu_primitives::map::{AuthenticatedMap, path_of, value_hash};
    use hefu_primitives::validators::{Validator, ValidatorSet};
    use hefu_primitives::vote::{CommitSignature, Vote, VoteKind};
    use hefu_primitives::{
        BlockId, CommitCertificate, H32, Height, Id16, KeyPair, Millis, Power, Region, Round,
        SignedTransaction, TransactionBody,
    };

    use super::super::app::{App, Globals};
    use super::super::output::{Format, Output};
    use super::*;
    use crate::text::Lang;

    const RECORD: &[u8] = b"\x04key";
    const VALUE: &[u8] = b"value";

    /// A ledger of one validator and one block, whose capsule proves the records of these keys.
    fn capsule(keys: &[&[u8]]) -> (Capsule, ChainId) {
        let pair = KeyPair::from_secret(&[1; 32]);
        let validator = Validator { region: Region(310_000), key: pair.public(), power: Power(1) };
        let validators = ValidatorSet::new(vec![validator]).unwrap();
        let mut map = AuthenticatedMap::new();
        map.update([(path_of(RECORD), Some(value_hash(VALUE)))]);
        let (format, document, created) = (1, H32([7; 32]), Millis(1));
        let state_root = map.root();
        let anchor = GenesisAnchor { format, document, created, state_root, validators };
        let chain = anchor.chain();
        let act = Act::from(SuspendAttestation {
            id: Id16([1; 16]),
            reason: 1,
            effective: Day::of_beijing(Millis(1)),
            until: None,
            occurred_at: Millis(1),
        });
        let body =
            TransactionBody { chain, not_after: Millis(9), acts: vec![act.to_bytes().into()] };
        let issuer = "11310000HEFU01010W".parse().unwrap();
        let transaction = SignedTransaction::sign(&body, issuer, "att:01", &pair).unwrap();
        let mut log = MemoryLog::new();
        log.append(leaf_hash(&anchor.to_bytes())).unwrap();
        log.append(leaf_hash(transaction.as_bytes())).unwrap();
        let recorded = certified(&anchor, &log, &pair);
        let records = keys.iter().map(|key| RecordProof {
            key: key.to_vec().into(),
            value: (*key == RECORD).then(|| VALUE.to_vec().into()),
            proof: map.prove(&path_of(key)),
        });
        let status = StatusProof { certified: recorded.clone(), records: records.collect() };
        let capsule = Capsule {
            format: CAPSULE_FORMAT,
            anchor,
            set_changes: Vec::new(),
            recorded,
            transaction: transaction.as_bytes().to_vec().into(),
            signer: pair.public(),
            inclusion: inclusion_proof(&log, 1, 2).unwrap(),
            status: Some(status),
            before: None,
        };
        (capsule, chain)
    }

    fn certified(anchor: &GenesisAnchor, log: &MemoryLog, pair: &KeyPair) -> CertifiedHeader {
        let (chain, height, round) = (anchor.chain(), Height(1), Round(0));
        let header = Header {
            protocol: 1,
            chain,
            height,
            round,
            time: Millis(2),
            parent: BlockId([1; 32]),
            bundles_root: H32::ZERO,
            outcomes_root: H32::ZERO,
            log_size: log.head().size,
            log_root: log.head().root,
            state_root: anchor.state_root,
            validators: anchor.validators.hash(),
            next_validators: anchor.validators.hash(),
            parameters: H32::ZERO,
            proposer: pair.id(),
        };
        let (kind, block, validator) = (VoteKind::Precommit, header.id(), pair.id());
        let vote = Vote { kind, height, round, block: Some(block), validator };
        let signature = vote.sign(&chain, pair).signature;
        let signatures = vec![CommitSignature { index: 0, signature }];
        let certificate = CommitCertificate { height, round, block, signatures };
        CertifiedHeader { header, certificate }
    }

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        globals: Globals,
    }

    fn verify(keys: &[&[u8]]) -> Done {
        let (capsule, genesis) = capsule(keys);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capsule");
        std::fs::write(&path, capsule.to_file()).unwrap();
        let nowhere = || Box::new(std::io::sink());
        let output = Output::to(Format::Json, Lang::En, true, nowhere(), nowhere());
        let app = App::new(Line::parse_from(["x"]).globals, output);
        run(&app, &Verify { capsule: path, genesis, day: None })
    }

    #[test]
    fn absence_is_proven_of_tables_in_the_map_only() {
        assert_eq!(verify(&[RECORD]), Ok(Exit::Ok));
        assert_eq!(verify(&[RECORD, b"\x04none"]), Ok(Exit::Ok));
        // The proof itself is sound: the map has no such key, because it never has any of them.
        for outside in [b"\x80key".as_slice(), b"\xff", b""] {
            let (capsule, genesis) = capsule(&[RECORD, outside]);
            assert!(capsule.verify(genesis).is_ok());
            let fault = verify(&[RECORD, outside]).unwrap_err();
            assert_eq!((fault.code.as_str(), fault.exit), ("cli.invalid", Exit::Invalid));
            assert!(fault.message(crate::text::Lang::En).contains("record 1"));
        }
    }
}
