//! The keystore as its callers see it.

use super::*;

struct Home {
    _folder: tempfile::TempDir,
    keys: Keystore,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keystore::with_profile(folder.path().join("keys"), Profile::InsecureFast).unwrap();
    Home { _folder: folder, keys }
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

#[test]
fn creates_loads_lists() {
    let Home { keys, .. } = &home();
    let secret = passphrase("one");
    let pair = keys.create("issuer-1", &["ISSUER"], &secret).unwrap();
    let other = keys.create("governor-1", &["GOVERNOR"], &secret).unwrap();
    assert_ne!(pair.public(), other.public());

    assert_eq!(keys.load("issuer-1", &secret).unwrap().public(), pair.public());
    assert_eq!(keys.load(pair.id(), &secret).unwrap().public(), pair.public());
    let id = pair.id().to_string();
    assert_eq!(keys.load(id.as_str(), &secret).unwrap().public(), pair.public());

    let listed = keys.list().unwrap();
    let labels: Vec<&str> = listed.iter().map(|info| info.label.as_str()).collect();
    assert_eq!(labels, ["governor-1", "issuer-1"]);
    assert_eq!(listed[1].roles, ["ISSUER"]);
    assert_eq!(listed[1].id, pair.id());
    assert!(listed[1].created > Millis(1_600_000_000_000));
    assert!(listed[1].kdf.is_weak());
}

#[test]
fn refusals_are_typed() {
    let Home { keys, .. } = &home();
    let secret = passphrase("one");
    keys.create("a", &[], &secret).unwrap();
    assert!(keys.load("a", &passphrase("two")).unwrap_err().is_wrong_passphrase());
    assert!(matches!(keys.load("b", &secret), Err(KeystoreError::Unknown { .. })));
    assert!(matches!(keys.load(KeyId([1; 20]), &secret), Err(KeystoreError::Unknown { .. })));
    assert!(matches!(keys.create("a", &[], &secret), Err(KeystoreError::Exists { .. })));
    for label in ["", "../a", "A", "a/b"] {
        let refused = keys.create(label, &[], &secret).unwrap_err();
        assert!(
            matches!(refused, KeystoreError::File { source: KeyFileError::Label, .. }),
            "{label}"
        );
    }
    let refused = keys.create("c", &["issuer"], &secret).unwrap_err();
    assert!(matches!(refused, KeystoreError::File { source: KeyFileError::Role, .. }));
    assert_eq!(keys.list().unwrap().len(), 1, "a refused key leaves no file");
}

#[test]
fn files_move_as_they_are() {
    let (here, there) = (home(), home());
    let secret = passphrase("one");
    let pair = here.keys.create("a", &["ISSUER"], &secret).unwrap();
    let parcel = here.keys.folder().join("parcel");
    here.keys.export("a", &parcel).unwrap();
    assert!(here.keys.export("a", &parcel).is_err(), "never over another file");
    let info = there.keys.import(&parcel).unwrap();
    assert_eq!(info, here.keys.info("a").unwrap());
    assert_eq!(there.keys.load("a", &secret).unwrap().public(), pair.public());
    assert!(matches!(there.keys.import(&parcel), Err(KeystoreError::Exists { .. })));
    there.keys.create("b", &[], &secret).unwrap();
    std::fs::rename(there.keys.folder().join("b.key"), there.keys.folder().join("c.key")).unwrap();
    assert!(matches!(there.keys.load("c", &secret), Err(KeystoreError::Misnamed { .. })));
}

#[test]
fn passphrases_change() {
    let Home { keys, .. } = &home();
    let (old, new) = (passphrase("old"), passphrase("new"));
    let pair = keys.create("a", &["ISSUER"], &old).unwrap();
    let before = keys.info("a").unwrap();
    assert!(keys.change_passphrase("a", &new, &old).unwrap_err().is_wrong_passphrase());
    keys.change_passphrase("a", &old, &new).unwrap();
    assert_eq!(keys.info("a").unwrap(), before);
    assert!(keys.load("a", &old).unwrap_err().is_wrong_passphrase());
    assert_eq!(keys.load("a", &new).unwrap().public(), pair.public());
}

#[test]
fn damage_is_told_from_a_wrong_passphrase() {
    let Home { keys, .. } = &home();
    let secret = passphrase("one");
    let good = keys.create("good", &[], &secret).unwrap();
    keys.create("bad", &[], &secret).unwrap();
    let path = keys.folder().join("bad.key");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = keys.load("bad", &secret).unwrap_err();
    assert!(matches!(refused, KeystoreError::File { source: KeyFileError::Damaged, .. }));
    assert!(keys.list().is_err());
    assert!(keys.load(good.id(), &secret).is_ok(), "other keys still work");
    std::fs::write(&path, vec![0; 1 << 20]).unwrap();
    assert!(matches!(keys.load("bad", &secret), Err(KeystoreError::File { .. })));
}

#[cfg(unix)]
#[test]
fn key_files_are_private() {
    use std::os::unix::fs::MetadataExt;
    let Home { keys, .. } = &home();
    let (one, two) = (passphrase("one"), passphrase("two"));
    keys.create("a", &[], &one).unwrap();
    let mode = || std::fs::metadata(keys.folder().join("a.key")).unwrap().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    keys.change_passphrase("a", &one, &two).unwrap();
    assert_eq!(mode(), 0o600);
}
