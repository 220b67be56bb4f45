//! Every error code is provoked by a test, through the execution of a block.
//!
//! The tests of this crate run once more in a process of their own, without the random ones, and
//! note each code a transaction was refused with. What they noted is compared with the registry: a
//! code that nothing provokes is a rule that nothing shows, or one that cannot be reached.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::Mutex;

use hefu_primitives::block::{Outcome, TxResult};
use hefu_primitives::bounds::{MAX_ACT_BYTES, MAX_ACTS, MAX_TRANSACTION_BYTES};
use hefu_primitives::{SignedTransaction, TransactionBody};

use crate::code::Code;
use crate::testkit::{Ledger, office};

/// Names the file that a process notes its codes in.
const NOTES: &str = "HEFU_TEST_CODES";

/// Notes the codes of a block's outcomes.
pub(crate) fn note(outcomes: &[Outcome]) {
    let refused = outcomes.iter().filter_map(|outcome| match outcome.result {
        TxResult::Refused { code, .. } => Some(code),
        TxResult::Applied { .. } => None,
    });
    note_all(refused);
}

/// Notes codes, where a file is named.
fn note_all(codes: impl IntoIterator<Item = u16>) {
    static NOTED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let Some(path) = std::env::var_os(NOTES) else { return };
    let mut noted = NOTED.lock().unwrap();
    for code in codes {
        if noted.insert(code) {
            let mut file = std::fs::File::options().append(true).create(true).open(&path).unwrap();
            writeln!(file, "{code}").unwrap();
        }
    }
}

/// What no block holds is refused where bytes come in, with codes of the same registry.
#[test]
fn bytes_that_are_no_transaction() {
    let mut ledger = Ledger::new();
    let actor = office(0, 0);
    let good = ledger.sign(&actor, &[ledger.driving_licence(1).into()]);
    let with = |acts: Vec<Vec<u8>>| {
        let acts = acts.into_iter().map(Into::into).collect();
        let body = TransactionBody { acts, ..good.body().clone() };
        SignedTransaction::sign(&body, actor.authority, "test", &actor.key).map(|_| ())
    };
    let mut other = good.as_bytes().to_vec();
    // The algorithm of the protected header: -8 is EdDSA, -7 is ECDSA.
    let place = other.windows(2).position(|pair| pair == [0x01, 0x27]).unwrap();
    other[place + 1] = 0x26;
    for (decoded, code) in [
        (SignedTransaction::decode(&other).map(|_| ()), Code::SuiteNotAllowed),
        (with(vec![vec![0x40; MAX_ACT_BYTES + 1]]), Code::TooLarge),
        (with(vec![vec![0x80]; MAX_ACTS + 1]), Code::TooLarge),
        (with(vec![]), Code::BadEncoding),
        (SignedTransaction::decode(&[0; MAX_TRANSACTION_BYTES + 1]).map(|_| ()), Code::TooLarge),
        (SignedTransaction::decode(b"no transaction").map(|_| ()), Code::BadEncoding),
    ] {
        let found = Code::from(&decoded.unwrap_err());
        assert_eq!(found, code);
        note_all([found.number()]);
    }
    // An act of the right size that is none is found by execution alone.
    let acts = vec![vec![0x80].into()];
    let body = TransactionBody { acts, ..good.body().clone() };
    let tx = SignedTransaction::sign(&body, actor.authority, "test", &actor.key).unwrap();
    let refused = TxResult::Refused { code: Code::BadEncoding.number(), act: 0 };
    assert_eq!(ledger.block(&[&tx]).outcomes[0].result, refused);
}

#[test]
fn every_code_is_provoked() {
    if std::env::var_os(NOTES).is_some() {
        return;
    }
    let path = std::env::temp_dir().join(format!("hefu-codes-{}", std::process::id()));
    let run = Command::new(std::env::current_exe().unwrap())
        // What is drawn at random proves nothing about the next run.
        .args(["--skip", "model", "--skip", "execution_is_deterministic"])
        .args(["--skip", "tests::guard", "--skip", "tests::elsewhere"])
        .env(NOTES, &path)
        .output()
        .unwrap();
    let notes = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    let provoked: BTreeSet<u16> = notes.lines().map(|line| line.parse().unwrap()).collect();
    let known: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    let missing: Vec<String> = known
        .difference(&provoked)
        .filter_map(|number| Some(Code::from_number(*number)?.to_string()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "no test provokes these");
    assert_eq!(provoked, known);
}
