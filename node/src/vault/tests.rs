//! The vault as its callers see it, and what crashes do to it.

use std::collections::{BTreeMap, BTreeSet};

use hefu_primitives::H32;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use hefu_primitives::crypto::KeyPair;
use hefu_primitives::ids::{ChainId, TxId};
use hefu_primitives::transaction::{SignedTransaction, TransactionBody};

use super::licence::Holder;
use super::licence::tests::{numbered, sample};
use super::record::tests::record;
use super::*;

const FAST: Profile = Profile::InsecureFast;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

/// A folder in memory where there is one: these tests sync hundreds of times.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn create(folder: &Path) -> Vault {
    Vault::create(folder, &passphrase("one"), FAST).unwrap()
}

fn open(folder: &Path) -> Result<Vault, VaultError> {
    Vault::open(folder, &passphrase("one"))
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn records_survive_and_are_found() {
    let folder = folder();
    let mut vault = create(folder.path());
    let records: Vec<Record> = (1..=5).map(record).collect();
    records.iter().for_each(|record| vault.put(record).unwrap());
    assert_eq!(vault.get(records[3].att_id).unwrap(), records[3], "before it is synced");
    vault.sync().unwrap();
    drop(vault);

    let vault = open(folder.path()).unwrap();
    assert_eq!(vault.torn_bytes(), 0);
    for record in &records {
        assert_eq!(vault.get(record.att_id).unwrap(), *record);
        assert_eq!(vault.find(&record.licence.identifier), [record.att_id]);
        assert_eq!(vault.find(&record.licence.certificate_number), [record.att_id]);
    }
    assert_eq!(vault.find("nothing"), []);
    assert_eq!(vault.att_ids().collect::<BTreeSet<_>>().len(), 5);
    let unknown = vault.get(Id16([9; 16])).unwrap_err();
    assert!(matches!(unknown, VaultError::Unknown { .. }));
}

#[test]
fn what_does_not_open_or_comes_twice_is_refused() {
    let folder = folder();
    let mut vault = create(folder.path());
    vault.put(&record(1)).unwrap();
    assert!(matches!(vault.put(&record(1)), Err(VaultError::Repeated { .. })));
    let mut wrong = record(2);
    wrong.licence.holder.name.push('x');
    assert!(matches!(vault.put(&wrong), Err(VaultError::Document(_))));
    // A renewal has a number that is there already: both are found.
    let mut renewal = record(3);
    renewal.licence.certificate_number = record(1).licence.certificate_number;
    renewal.commitments = Commitments::new(&renewal.licence, None, &renewal.salts).unwrap();
    vault.put(&renewal).unwrap();
    let both = [record(1).att_id, record(3).att_id];
    assert_eq!(vault.find(&renewal.licence.certificate_number), both);
}

#[test]
fn the_files_say_nothing() {
    let folder = folder();
    let mut vault = create(folder.path());
    let record = Record::new(sample(), None, Millis(1)).unwrap();
    vault.put(&record).unwrap();
    vault.sync().unwrap();
    for (path, bytes) in files(folder.path()) {
        for part in [
            record.att_id.as_bytes().as_slice(),
            record.salts.content.reveal(),
            record.commitments.content.as_bytes(),
            record.licence.identifier.as_bytes(),
            record.licence.certificate_number.as_bytes(),
            record.licence.issuer_code.as_bytes(),
            "示例".as_bytes(),
        ] {
            assert!(!contains(&bytes, part), "{}", path.display());
        }
    }
}

#[test]
fn passphrases_open_and_change() {
    let folder = folder();
    let mut vault = create(folder.path());
    vault.put(&record(1)).unwrap();
    vault.sync().unwrap();
    assert!(matches!(open(folder.path()), Err(VaultError::InUse)));
    let (one, two) = (passphrase("one"), passphrase("two"));
    assert!(vault.change_passphrase(&two, &one, FAST).unwrap_err().is_wrong_passphrase());
    vault.change_passphrase(&one, &two, FAST).unwrap();
    drop(vault);
    assert!(open(folder.path()).unwrap_err().is_wrong_passphrase());
    let vault = Vault::open(folder.path(), &two).unwrap();
    assert_eq!(vault.get(record(1).att_id).unwrap(), record(1));
}

#[test]
fn there_is_one_vault_or_none() {
    let folder = folder();
    let inner = folder.path().join("vault");
    assert!(matches!(open(&inner), Err(VaultError::Missing)));
    assert!(!Vault::exists(&inner));
    let mut vault = create(&inner);
    vault.put(&record(1)).unwrap();
    drop(vault);
    let again = Vault::create(&inner, &passphrase("two"), FAST).unwrap_err();
    assert!(matches!(again, VaultError::Exists));
    std::fs::remove_file(inner.join(wrap::KEY_FILE)).unwrap();
    assert!(matches!(open(&inner), Err(VaultError::KeyMissing)));
    let again = Vault::create(&inner, &passphrase("two"), FAST).unwrap_err();
    assert!(matches!(again, VaultError::KeyMissing), "a log is never thrown away");
}

#[test]
fn any_changed_byte_of_the_key_file_is_refused() {
    let folder = folder();
    drop(create(folder.path()));
    let path = folder.path().join(wrap::KEY_FILE);
    let good = std::fs::read(&path).unwrap();
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 0x04;
        std::fs::write(&path, bytes).unwrap();
        let refused = open(folder.path()).unwrap_err();
        assert!(matches!(refused, VaultError::Wrap(WrapError::Damaged)), "byte {position}");
    }
    for name in ["vault.mark", "vault-0000000001.log"] {
        std::fs::write(&path, &good).unwrap();
        std::fs::remove_file(folder.path().join(name)).unwrap();
        assert!(open(folder.path()).is_err(), "without {name}");
    }
}

#[test]
fn what_is_erased_cannot_be_opened() {
    let folder = folder();
    let mut vault = create(folder.path());
    (1..=3).for_each(|number| vault.put(&record(number)).unwrap());
    vault.sync().unwrap();
    let (gone, kept) = (record(2), record(3));
    let before = files(folder.path());

    let unknown = vault.erase_salts(&[gone.att_id, Id16([9; 16])], Millis(7)).unwrap_err();
    assert!(matches!(unknown, VaultError::Unknown { .. }));
    assert!(vault.get(gone.att_id).is_ok(), "all or none");
    vault.erase_salt(gone.att_id, Millis(7)).unwrap();
    vault.erase_salt(gone.att_id, Millis(8)).unwrap();
    for _ in 0..2 {
        let erased = vault.erased(gone.att_id).unwrap();
        assert_eq!((erased.at, erased.issuer), (Millis(7), gone.licence.issuer_code));
        assert!(
            matches!(vault.get(gone.att_id), Err(VaultError::Erased(found)) if found == erased)
        );
        assert_eq!(vault.find(&gone.licence.identifier), []);
        assert!(matches!(vault.put(&gone), Err(VaultError::Repeated { .. })));
        assert_eq!(vault.get(kept.att_id).unwrap(), kept);
        drop(vault);
        vault = open(folder.path()).unwrap();
    }
    // Not even who knows the passphrase finds a salt or a word of the document.
    vault
        .log
        .entries(|_, plain| {
            let salts = &gone.salts;
            for salt in [&salts.holder, &salts.content, &salts.identifier, &salts.file] {
                assert!(!contains(plain, salt.reveal()));
            }
            assert!(!contains(plain, gone.licence.certificate_number.as_bytes()));
            Ok::<_, VaultError>(())
        })
        .unwrap();
    // The generation before is gone, and its log key with it.
    let after = files(folder.path());
    let old = before.keys().find(|path| path.extension().is_some_and(|end| end == "log")).unwrap();
    assert!(!after.contains_key(old));
}

const IMPORT: H32 = H32([7; 32]);

/// A ledger that knows each transaction and each attestation once.
#[derive(Default)]
struct Ledger {
    transactions: BTreeSet<TxId>,
    attested: Vec<Id16>,
}

impl Ledger {
    fn submit(&mut self, transaction: &SignedTransaction) {
        if self.transactions.insert(transaction.id()) {
            let acts = transaction.body().acts.iter();
            self.attested.extend(acts.map(|act| Id16(act.as_slice().try_into().unwrap())));
        }
    }
}

fn transaction(att_ids: &[Id16], not_after: u64) -> SignedTransaction {
    let acts = att_ids.iter().map(|att_id| att_id.as_bytes().to_vec().into()).collect();
    let body = TransactionBody { chain: ChainId([1; 32]), not_after: Millis(not_after), acts };
    let issuer = "11320000HEFU0203X4".parse().unwrap();
    SignedTransaction::sign(&body, issuer, "import", &KeyPair::from_secret(&[1; 32])).unwrap()
}

const LINES: u32 = 7;

/// What `hefu cert import` does, with a crash possible before and after each step.
fn import(folder: &Path, ledger: &mut Ledger) -> Result<(), VaultError> {
    let crash = || fault::point().map_err(|source| VaultError::Io { path: "".into(), source });
    let mut vault = match open(folder) {
        Err(VaultError::Missing) => Vault::create(folder, &passphrase("one"), FAST)?,
        opened => opened?,
    };
    for pending in vault.pending(IMPORT)? {
        ledger.submit(&pending.transaction);
        crash()?;
        vault.settle(IMPORT, pending.transaction.id(), Outcome::Applied { height: 1 })?;
    }
    let lines: Vec<u32> = (1..=LINES).collect();
    for batch in lines.chunks(3) {
        let (mut open, mut att_ids) = (Vec::new(), Vec::new());
        for line in batch {
            let planned = vault.plan(IMPORT, *line, || {
                let licence = numbered(*line as usize);
                Ok::<_, VaultError>(Record::new(licence, None, Millis(1)).unwrap())
            })?;
            if planned.state == LineState::Planned {
                open.push(*line);
                att_ids.push(planned.att_id);
            }
        }
        if open.is_empty() {
            continue;
        }
        let transaction = transaction(&att_ids, 1);
        vault.stage(IMPORT, &open, &transaction)?;
        crash()?;
        ledger.submit(&transaction);
        crash()?;
        vault.settle(IMPORT, transaction.id(), Outcome::Applied { height: 1 })?;
    }
    vault.sync()
}

fn crash(folder: &Path, ledger: &mut Ledger, count: usize, lose: bool) -> bool {
    fault::crash_after(Some(count));
    let done = import(folder, ledger);
    fault::crash_after(None);
    if let (true, Ok(key)) = (lose, wrap::read(folder, &passphrase("one"))) {
        log::lose_unsynced(folder, &key);
    }
    done.is_err()
}

fn invariant_each_line_once(folder: &Path, ledger: &Ledger) {
    let vault = open(folder).unwrap();
    let summary = vault.import_summary(IMPORT);
    assert_eq!(summary, ImportSummary { applied: u64::from(LINES), ..Default::default() });
    let planned: Vec<Id16> = vault.lines(IMPORT).map(|(_, line)| line.att_id).collect();
    assert_eq!(ledger.attested, planned, "every line once, in order, under the id decided first");
    for (line, known) in vault.lines(IMPORT) {
        let record = vault.get(known.att_id).unwrap();
        assert_eq!(record.licence, numbered(line as usize));
        assert!(record.open().is_ok());
    }
    assert_eq!(vault.att_ids().count(), LINES as usize, "and no record beside");
}

/// Crashes at every write, sync and rename, once and once more while resuming.
#[test]
fn an_interrupted_import_loses_and_doubles_nothing() {
    for lose in [false, true] {
        let mut finished = false;
        for count in 0..200 {
            let folder = folder();
            let mut ledger = Ledger::default();
            finished = !crash(folder.path(), &mut ledger, count, lose);
            crash(folder.path(), &mut ledger, count / 2, lose);
            import(folder.path(), &mut ledger).unwrap();
            invariant_each_line_once(folder.path(), &ledger);
            if finished {
                assert!(count > 20);
                break;
            }
        }
        assert!(finished);
    }
}

/// A whole import, seen from the two ends of a crash between staging and submitting.
#[test]
fn staged_transactions_come_back_as_they_were() {
    let folder = folder();
    let mut vault = create(folder.path());
    for number in [1, 2, 4] {
        vault.plan(IMPORT, number, || Ok::<_, VaultError>(record(number as usize))).unwrap();
    }
    let again = vault.plan(IMPORT, 1, || -> Result<_, VaultError> { panic!("decided once") });
    assert_eq!(again.unwrap().att_id, record(1).att_id);
    let tx = transaction(&[record(1).att_id, record(4).att_id], 1);
    vault.stage(IMPORT, &[1, 4], &tx).unwrap();
    drop(vault);

    let mut vault = open(folder.path()).unwrap();
    let pending = vault.pending(IMPORT).unwrap();
    assert_eq!(pending, [PendingTransaction { transaction: tx.clone(), lines: vec![1, 4] }]);
    assert_eq!(vault.line(IMPORT, 4).unwrap().state, LineState::Staged(tx.id()));
    assert_eq!(vault.line(IMPORT, 2).unwrap().state, LineState::Planned);
    assert_eq!(vault.line(IMPORT, 3), None);
    assert_eq!(vault.line(H32([8; 32]), 1), None);

    // It lapsed; the lines go into another, are refused, and go into a third.
    vault.settle(IMPORT, tx.id(), Outcome::Lapsed).unwrap();
    let second = transaction(&[record(1).att_id, record(4).att_id], 2);
    vault.stage(IMPORT, &[4, 1], &second).unwrap();
    vault.settle(IMPORT, second.id(), Outcome::Refused { code: 302 }).unwrap();
    assert_eq!(vault.line(IMPORT, 1).unwrap().state, LineState::Refused { code: 302 });
    let third = transaction(&[record(1).att_id], 3);
    vault.stage(IMPORT, &[1], &third).unwrap();
    vault.settle(IMPORT, third.id(), Outcome::Applied { height: 5 }).unwrap();
    let summary = ImportSummary { planned: 1, staged: 0, applied: 1, refused: 1 };
    assert_eq!(vault.import_summary(IMPORT), summary);
    vault.compact().unwrap();
    assert_eq!(vault.import_summary(IMPORT), summary);
    drop(vault);
    let vault = open(folder.path()).unwrap();
    assert_eq!(vault.import_summary(IMPORT), summary);
    assert_eq!(vault.pending(IMPORT).unwrap(), []);
}

#[test]
fn the_journal_refuses_what_would_double() {
    let folder = folder();
    let mut vault = create(folder.path());
    for number in [1, 2] {
        vault.plan(IMPORT, number, || Ok::<_, VaultError>(record(number as usize))).unwrap();
    }
    let tx = transaction(&[record(1).att_id], 1);
    let refused = |result: Result<(), VaultError>| match result {
        Err(VaultError::Journal(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(vault.stage(IMPORT, &[3], &tx)), JournalError::NotPlanned { line: 3 });
    assert_eq!(refused(vault.stage(IMPORT, &[], &tx)), JournalError::Ranges { ranges: 0 });
    assert_eq!(refused(vault.stage(IMPORT, &[1, 1], &tx)), JournalError::Repeated { line: 1 });
    vault.stage(IMPORT, &[1], &tx).unwrap();
    assert_eq!(refused(vault.stage(IMPORT, &[2, 1], &tx)), JournalError::Taken { line: 1 });
    let tx_id = TxId([3; 32]);
    let unknown = vault.settle(IMPORT, tx_id, Outcome::Lapsed);
    assert_eq!(refused(unknown), JournalError::NotPending { tx_id });
    let pending = vault.erase_salt(record(1).att_id, Millis(7)).unwrap_err();
    assert!(matches!(pending, VaultError::Pending { .. }));
    vault.settle(IMPORT, tx.id(), Outcome::Applied { height: 1 }).unwrap();

    // Erased lines stay known, so a repeated import does not bring them back.
    vault.erase_salts(&[record(1).att_id, record(2).att_id], Millis(7)).unwrap();
    drop(vault);
    let mut vault = open(folder.path()).unwrap();
    assert_eq!(vault.line(IMPORT, 1).unwrap().state, LineState::Applied { height: 1 });
    assert_eq!(vault.line(IMPORT, 2).unwrap().state, LineState::Planned);
    let erased = vault.stage(IMPORT, &[2], &transaction(&[record(2).att_id], 2));
    assert!(matches!(erased, Err(VaultError::Erased(_))));
}

#[test]
fn a_crash_while_erasing_leaves_all_or_nothing() {
    for count in 0..100 {
        let folder = folder();
        let mut vault = create(folder.path());
        (1..=3).for_each(|number| vault.put(&record(number)).unwrap());
        vault.sync().unwrap();
        fault::crash_after(Some(count));
        let done = vault.erase_salts(&[record(1).att_id, record(2).att_id], Millis(7));
        fault::crash_after(None);
        let finished = done.is_ok();
        drop(vault);
        let vault = open(folder.path()).unwrap();
        let erased = [1, 2].map(|number| vault.erased(record(number).att_id).is_some());
        assert_eq!(erased[0], erased[1], "after {count} operations");
        assert!(erased[0] || done.is_err());
        assert_eq!(vault.get(record(3).att_id).unwrap(), record(3));
        if finished {
            assert!(count > 5);
            return;
        }
    }
    panic!("erasing never finished");
}

#[test]
fn a_crash_while_the_passphrase_changes_leaves_one_that_opens() {
    for count in 0..10 {
        let folder = folder();
        let mut vault = create(folder.path());
        vault.put(&record(1)).unwrap();
        vault.sync().unwrap();
        fault::crash_after(Some(count));
        let done = vault.change_passphrase(&passphrase("one"), &passphrase("two"), FAST);
        fault::crash_after(None);
        drop(vault);
        let opened =
            open(folder.path()).or_else(|_| Vault::open(folder.path(), &passphrase("two")));
        assert_eq!(opened.unwrap().get(record(1).att_id).unwrap(), record(1));
        if done.is_ok() {
            return;
        }
    }
    panic!("the change never finished");
}

#[test]
fn a_large_import_fits() {
    let folder = folder();
    let mut vault = create(folder.path());
    for number in 0..300 {
        vault.put(&record(number)).unwrap();
    }
    vault.sync().unwrap();
    drop(vault);
    let vault = open(folder.path()).unwrap();
    assert_eq!(vault.att_ids().count(), 300);
    assert_eq!(vault.find(&numbered(250).certificate_number), [record(250).att_id]);
}

#[test]
fn one_document_has_one_record() {
    let folder = folder();
    let mut vault = create(folder.path());
    let (first, second) = (H32([1; 32]), H32([2; 32]));
    let plan = |vault: &mut Vault, file, line, number| {
        vault.plan(file, line, || Ok::<_, VaultError>(record(number))).unwrap().att_id
    };
    let (one, two) = (plan(&mut vault, first, 1, 1), plan(&mut vault, first, 2, 2));
    assert_eq!(vault.find_document(&record(1).licence), Some(one));
    assert_eq!(vault.find_document(&record(3).licence), None);
    let mut almost = record(1).licence;
    almost.fields.0.insert("备注".into(), "另".into());
    assert_eq!(vault.find_document(&almost), None, "every value counts");

    let transaction = transaction(&[one], 1);
    vault.stage(first, &[1], &transaction).unwrap();
    assert!(vault.is_under_way(one) && !vault.is_under_way(two) && !vault.is_applied(one));
    assert_eq!(vault.unsettled_files(), [first]);
    assert_eq!(vault.plan_as(second, 9, one).unwrap().att_id, one);
    assert!(
        matches!(vault.plan_as(second, 9, two), Err(VaultError::Journal(_))),
        "decided already"
    );
    assert!(vault.plan_as(second, 10, Id16([9; 16])).is_err(), "no such record");
    vault.settle(first, transaction.id(), Outcome::Applied { height: 3 }).unwrap();
    vault.sync().unwrap();
    drop(vault);

    let mut vault = open(folder.path()).unwrap();
    assert!(vault.is_applied(one) && !vault.is_under_way(one) && !vault.is_applied(two));
    assert_eq!(vault.unsettled_files(), []);
    assert_eq!(vault.line(second, 9).map(|line| line.att_id), Some(one));
    // Of two with the same document, the one on the ledger.
    let mut twin = record(2);
    twin.att_id = Id16([7; 16]);
    vault.put(&twin).unwrap();
    assert_eq!(vault.find_document(&twin.licence), Some(two));
    vault.erase_salt(one, Millis(5)).unwrap();
    assert_eq!(vault.find_document(&record(1).licence), None, "nothing tells what it was");
    assert_eq!(vault.line(second, 9).map(|line| line.att_id), Some(one));
    assert!(vault.is_applied(one));
}

/// Every run of 32 bytes: whatever somebody may take for a salt.
fn runs(bytes: &[u8]) -> BTreeSet<[u8; 32]> {
    bytes.windows(32).map(|run| run.try_into().unwrap()).collect()
}

/// Tries a dictionary of holders against a commitment, with everything that may be a salt.
fn attack<'a>(
    commitment: Commitment,
    salts: &BTreeSet<[u8; 32]>,
    dictionary: &'a [Holder],
) -> Option<&'a Holder> {
    dictionary.iter().find(|holder| {
        let opens = |salt: &[u8; 32]| {
            Commitment::new(Purpose::Holder, &Salt::new(*salt), *holder) == commitment
        };
        salts.iter().any(opens)
    })
}

/// Who has the salt finds the holder among a few guesses. Once it is erased, nobody does: not with
/// the whole ledger, nor with the vault, its passphrase, and every guess right.
#[test]
fn an_erased_salt_leaves_nothing_to_guess_with() {
    let folder = folder();
    let mut vault = create(folder.path());
    let gone = Record::new(numbered(7), None, Millis(1)).unwrap();
    vault.put(&gone).unwrap();
    vault.put(&record(8)).unwrap();
    vault.sync().unwrap();
    let guess =
        |number: usize| Holder { code: format!("G{number:05}"), ..gone.licence.holder.clone() };
    let mut dictionary: Vec<Holder> = (0..20).map(guess).collect();
    dictionary.insert(13, gone.licence.holder.clone());
    // What the ledger has: the act, in its transaction, and what is derived from it.
    let act = hefu_contracts::Act::from(hefu_contracts::certificate::Attest {
        id: gone.att_id,
        type_code: gone.licence.type_code,
        type_version: 1,
        region: hefu_primitives::Region(310_000),
        ident: hefu_contracts::certificate::Ident::Plain(gone.licence.identifier.clone()),
        holder: gone.commitments.holder.into(),
        content: gone.commitments.content.into(),
        file: None,
        seal: None,
        cert_version: 1,
        issued_on: hefu_primitives::time::Day::of_beijing(Millis(1_790_000_000_000)),
        valid_from: hefu_primitives::time::Day::of_beijing(Millis(1_790_000_000_000)),
        valid_until: None,
        previous: None,
        marks: Default::default(),
        occurred_at: Millis(1_790_000_000_000),
    });
    let body = TransactionBody {
        chain: ChainId([1; 32]),
        not_after: Millis(1),
        acts: vec![hefu_primitives::Canonical::to_bytes(&act).into()],
    };
    let issuer = "11320000HEFU0203X4".parse().unwrap();
    let tx = SignedTransaction::sign(&body, issuer, "x", &KeyPair::from_secret(&[1; 32])).unwrap();
    let mut ledger = runs(tx.as_bytes());
    let mut plain: [u8; 32] = [0; 32];
    plain[..16].copy_from_slice(gone.att_id.as_bytes());
    let digests = [
        hefu_primitives::log::leaf_hash(tx.as_bytes()).0,
        hefu_primitives::hash::hash(hefu_primitives::Domain::Digest, &[gone.att_id.as_ref()]).0,
        hefu_primitives::hash::hash(hefu_primitives::Domain::Commitment, &[]).0,
        tx.id().0,
        plain,
        [0; 32],
    ];
    ledger.extend(digests);
    let commitment = gone.commitments.holder;
    let opened = |vault: &Vault| {
        let mut found = BTreeSet::new();
        let read = vault.log.entries(|_, plain| {
            found.extend(runs(plain));
            Ok::<_, VaultError>(())
        });
        read.unwrap();
        found
    };

    let salt = BTreeSet::from([*vault.get(gone.att_id).unwrap().salts.holder.reveal()]);
    assert_eq!(attack(commitment, &salt, &dictionary), Some(&gone.licence.holder));
    assert_eq!(attack(commitment, &opened(&vault), &dictionary), Some(&gone.licence.holder));
    assert_eq!(attack(commitment, &ledger, &dictionary), None, "the ledger alone never does");

    vault.erase_salt(gone.att_id, Millis(9)).unwrap();
    let sealed = files(folder.path()).into_values().map(|bytes| runs(&bytes));
    let all = sealed.chain([opened(&vault), ledger]).flatten().collect();
    assert_eq!(attack(commitment, &all, &dictionary), None);
    drop(vault);
    let vault = open(folder.path()).unwrap();
    assert!(matches!(vault.get(gone.att_id), Err(VaultError::Erased(_))));
    // The attack itself still works: the other record's salt is there.
    let other = record(8);
    let of_other = [other.licence.holder.clone()];
    let found = attack(other.commitments.holder, &opened(&vault), &of_other);
    assert_eq!(found, Some(&other.licence.holder));
}
