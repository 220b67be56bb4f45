//! The capsule beside a manifest: it proves, from the genesis hash alone, the block of the manifest's
//! height and the record of the key that signed, and has the cosigned checkpoint of the audit log.

use std::path::Path;

use hefu_contracts::identity::{KEYS, KeyRecord, Role};
use hefu_primitives::{ChainId, KeyId};
use serde_json::{Value, json};

use super::Signed;
use super::pages::Part;
use crate::cli::app::App;
use crate::cli::fault::Fault;
use crate::cli::list::items;
use crate::cli::verify::{Examined, examine};

/// What the capsule showed.
pub(super) struct Proven {
    /// None where there is no capsule.
    pub(super) key_in_force: Option<bool>,
    pub(super) block: bool,
    pub(super) prose: String,
}

/// A capsule with the record of a key at the height of an export, or at the last one that can still be
/// proven; none where the node gives none, or the mandate does not open one.
pub(super) fn fetch(app: &App, part: &Part, key: KeyId) -> Option<Vec<u8>> {
    let client = app.client().ok()?;
    let tx = part.tx.clone().or_else(|| {
        let any = client.get("/audit/search", &[("limit", "1")]).ok()?;
        Some(items(&any).first()?.get("tx")?.as_str()?.to_owned())
    })?;
    let record: String = KEYS.key(&key).iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/transactions/{tx}/evidence");
    let then = [("records", record.as_str()), ("at_height", part.height.as_str())];
    client.download(&path, &then).or_else(|_| client.download(&path, &then[..1])).ok()
}

/// The cosigned checkpoint in a capsule.
pub(super) fn checkpoint(app: &App, capsule: &[u8], genesis: ChainId) -> Option<Value> {
    let examined = examine(app, capsule, genesis, None).ok()?;
    let found = examined.report.pointer("/witness/checkpoint")?;
    found.is_object().then(|| found.clone())
}

/// Checks the capsule that a manifest names.
///
/// # Errors
/// When it is there and shows something else than the manifest says.
pub(super) fn check(app: &App, manifest: &Path, signed: &Signed) -> Result<Proven, Fault> {
    let invalid = |why: &str| Fault::with("cli.invalid", app.out.text(why, &[]));
    let (id, of) = (signed.key.id(), &signed.manifest);
    let mut said = vec![tell_log(app, of.log.as_ref())];
    let path = of.evidence.as_ref().and_then(|named| {
        let name = Path::new(&named.file).file_name()?;
        let path = manifest.parent().unwrap_or(Path::new("")).join(name);
        path.exists().then_some((path, &named.blake3))
    });
    let Some((path, digest)) = path else {
        said.push(app.out.text("export-key-unknown", &[("key", &id.to_string())]));
        return Ok(Proven { key_in_force: None, block: false, prose: joined(said) });
    };
    let bytes = app.read(&path)?;
    if blake3::hash(&bytes).to_hex().as_str() != digest {
        let file = path.display();
        return Err(Fault::said("cli.invalid", "export-other-evidence", &[("file", &file)]));
    }
    let examined = examine(app, &bytes, of.genesis, None)?;
    let (record, at) = record_of(&examined, id).ok_or_else(|| invalid("export-key-not"))?;
    let fit = record.owner == signed.authority
        && record.key == signed.key
        && record.roles.contains(&Role::Auditor)
        && record.is_accepted_at(at.time);
    if !fit {
        return Err(invalid("export-key-not"));
    }
    let (height, file) = (at.height.to_string(), path.display().to_string());
    let authority = signed.authority.to_string();
    let words = [("height", height.as_str()), ("file", &file), ("authority", &authority)];
    said.push(app.out.text("export-key-in-force", &words));
    let same_height = height == of.height;
    if same_height && of.checkpoint.get("block") != Some(&json!(at.id())) {
        return Err(invalid("export-block-other"));
    }
    if same_height {
        said.push(app.out.text("export-block-proven", &[("height", &height)]));
    }
    Ok(Proven { key_in_force: Some(true), block: same_height, prose: joined(said) })
}

fn record_of(
    examined: &Examined,
    key: KeyId,
) -> Option<(KeyRecord, &hefu_primitives::block::Header)> {
    let status = examined.verified.status.as_ref()?;
    let wanted = KEYS.key(&key);
    let (_, value) = status.records.iter().find(|(key, _)| key.as_slice() == wanted.as_slice())?;
    Some((KEYS.decode(value.as_deref()?)?, &status.header))
}

fn tell_log(app: &App, log: Option<&Value>) -> String {
    let Some(log) = log else { return String::new() };
    let of = |name: &str| log.get(name).and_then(Value::as_str).unwrap_or("–").to_owned();
    app.out.text("export-log", &[("size", &of("size")), ("root", &of("root"))])
}

fn joined(mut lines: Vec<String>) -> String {
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}
