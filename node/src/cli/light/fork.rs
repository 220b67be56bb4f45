//! A proof that the ledger forked: kept when it is met, and told to whoever checks the file.

use std::path::Path;

use hefu_primitives::codes::region::province_of;
use hefu_primitives::light::{ForkError, ForkProof, ForkSigner, ProvenFork, Signed};
use hefu_primitives::{ChainId, Header};
use serde_json::{Value, json};

use super::failed;
use crate::cli::app::App;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault};
use crate::text::Lang;

/// Keeps a proof; the fault that tells of it. A file that is there already is kept: it is evidence.
pub(super) fn keep(
    app: &App,
    path: &Path,
    genesis: ChainId,
    proof: &ForkProof,
) -> Result<Fault, Fault> {
    let proven = proof.verify(genesis).map_err(|error| failed(app, "headers", &error))?;
    app.write(path, &proof.to_file())?;
    app.out.warn(&prose(app, &proven));
    let (height, file) = (proven.ours.height, path.display());
    Ok(Fault::said("cli.fork", "light-fork-kept", &[("height", &height), ("file", &file)]))
}

/// Checks a proof with nothing but the genesis hash.
pub(crate) fn verify(app: &App, bytes: &[u8], genesis: ChainId) -> Done {
    let proven = ForkProof::from_file(bytes).and_then(|proof| proof.verify(genesis));
    let proven = proven.map_err(|error| {
        let step = match &error {
            ForkError::Encoding(_) | ForkError::Changed | ForkError::Format(_) => "encoding",
            ForkError::Chain(hefu_primitives::capsule::CapsuleError::Genesis { .. }) => "genesis",
            _ => "headers",
        };
        failed(app, step, &error)
    })?;
    app.out.done(&report(&proven), &prose(app, &proven));
    Ok(Exit::Ok)
}

const fn word(signed: Signed) -> &'static str {
    match signed {
        Signed::Contradicted => "contradicted",
        Signed::Both => "both",
        Signed::Other => "other",
    }
}

fn report(proven: &ProvenFork) -> Value {
    let block = |header: &Header| {
        json!({
            "block_id": header.id(),
            "time": header.time.to_rfc3339(),
            "log_size": header.log_size.to_string(),
            "log_root": header.log_root,
            "state_root": header.state_root,
        })
    };
    let signer = |signer: &ForkSigner| {
        let province = province_of(signer.validator.region);
        json!({
            "region": signer.validator.region,
            "region_name_zh": province.map(|province| province.name),
            "region_name_en": province.map(|province| province.english),
            "validator": signer.validator.key.id(),
            "signed": word(signer.signed),
        })
    };
    json!({
        "valid": true,
        "kind": "fork",
        "chain": proven.chain,
        "height": proven.ours.height,
        "one": block(&proven.ours),
        "other": block(&proven.theirs),
        "signers": proven.signers.iter().map(signer).collect::<Vec<_>>(),
        "contradictions": proven.contradictions,
        "set_changes": proven.set_changes,
    })
}

fn prose(app: &App, proven: &ProvenFork) -> String {
    let say = |key: &str, arguments: &[(&str, &str)]| app.out.text(key, arguments);
    let names = |signed: Signed| -> String {
        let of_kind = proven.signers.iter().filter(|signer| signer.signed == signed);
        let name = |signer: &ForkSigner| {
            let region = signer.validator.region;
            let province = province_of(region).map(|province| match app.lang() {
                Lang::Zh => province.name,
                Lang::En => province.english,
            });
            province.map_or_else(|| region.to_string(), str::to_owned)
        };
        of_kind.map(name).collect::<Vec<_>>().join(", ")
    };
    let (height, chain) = (proven.ours.height.to_string(), proven.chain.to_string());
    let (one, other) = (proven.ours.id().to_string(), proven.theirs.id().to_string());
    let mut lines = vec![
        say("fork-ok", &[("chain", &chain), ("height", &height)]),
        say("fork-blocks", &[("one", &one), ("other", &other)]),
    ];
    for (signed, key) in [
        (Signed::Contradicted, "fork-contradicted"),
        (Signed::Both, "fork-both"),
        (Signed::Other, "fork-other"),
    ] {
        let names = names(signed);
        if !names.is_empty() {
            lines.push(say(key, &[("names", &names)]));
        }
    }
    lines.push(say("fork-meaning", &[]));
    lines.join("\n")
}
