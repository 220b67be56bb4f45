//! Showing a certificate to somebody else: chosen fields as a file and as a QR code, the document it
//! was issued as, and what does not pass for either.

use std::path::Path;

use serde_json::{Value, json};

use crate::four_provinces::{
    Desk, ITEM, JIANGSU, SCENARIO, food_licence, height_of, valid_licence,
};
use crate::harness::cli::Hefu;
use crate::harness::network::Network;

/// Made in Shanghai, where the vault is; verified in Anhui, which has nothing but the ledger.
pub(crate) fn presentations(network: &Network, desk: &Desk, licences: &[Value]) {
    let (licence, id) = valid_licence(&network.provinces[0].http(), licences, 0);
    let identifier = licence["identifier"].as_str().expect("an identifier");
    let (file, qr) = (network.scratch.join("shown.json"), network.scratch.join("shown.svg"));
    let fields = "证照名称,holder.name,valid_until";
    let present =
        desk.hefu(network, &["cert", "present", "--find", identifier, "--fields", fields]);
    let present = present.args(["--purpose", "inspection", "--sign", "--qr"]).arg(&qr);
    let made = present.arg("-O").arg(&file).json();
    assert_eq!(made["att_id"], id.as_str());
    let svg = std::fs::read_to_string(&qr).expect("a QR code");
    assert!(svg.contains("<svg"));
    let shown = std::fs::read_to_string(&file).expect("a presentation");
    let hidden = licence["fields"]["住所"].as_str().expect("an address");
    let opened = licence["fields"]["证照名称"].as_str().expect("a name");
    assert!(shown.contains(opened) && !shown.contains(hidden), "only what was chosen is in it");

    let elsewhere = &network.provinces[3];
    let verify = |file: &Path| elsewhere.hefu(&["cert", "verify"]).arg(file);
    let verdict = verify(&file).json();
    assert_eq!(verdict["valid"], true, "{verdict:#}");
    assert_eq!(verdict["status"]["status"], "active");
    assert_eq!(verdict["content"]["fields"]["fields.证照名称"], opened);
    assert_eq!(verdict["content"]["signature"], true);
    assert_eq!(verdict["content"]["fields"].as_object().map(serde_json::Map::len), Some(3));

    let document = network.scratch.join("licence.json");
    std::fs::write(&document, licence.to_string()).expect("a licence");
    let compared = verify(&file).arg("--file").arg(&document).json();
    assert_eq!(compared["content"]["file"]["matches"], true, "{compared:#}");
    let whole = desk.hefu(network, &["cert", "verify"]).arg(&file).arg("--file").arg(&document);
    assert_eq!(whole.json()["content"]["file"]["compared"], "document");
    let mut other = licence.clone();
    other["holder"]["name"] = json!("另一家有限公司(虚构)");
    std::fs::write(&document, other.to_string()).expect("another licence");
    verify(&file).arg("--file").arg(&document).run().exits(3);

    scanned(network, desk, identifier, &verify);
    of_a_document(network, desk, licences);

    let forged = network.scratch.join("forged.json");
    std::fs::write(&forged, shown.replace(opened, "药品经营许可证")).expect("a forgery");
    let refused = verify(&forged).run().exits(3).json();
    assert_eq!((&refused["valid"], &refused["content"]["fields"]), (&json!(false), &Value::Null));
    let accept = ["recognise", "decide", "--as", JIANGSU, "--scenario", SCENARIO, "--item", ITEM];
    let accept = network.provinces[1].hefu(&accept).args(["--outcome", "accepted"]);
    accept.arg("--presentation").arg(&forged).run().exits(3).fault("cli.invalid");
    std::fs::write(&forged, &shown.as_bytes()[..shown.len() / 2]).expect("a fragment");
    verify(&forged).run().exits(3).fault("cli.presentation");
}

/// The QR code as PNG: what a scanner reads is a presentation.
fn scanned(network: &Network, desk: &Desk, identifier: &str, verify: &dyn Fn(&Path) -> Hefu) {
    let (file, qr) = (network.scratch.join("scanned.json"), network.scratch.join("shown.png"));
    let present = ["cert", "present", "--find", identifier, "--fields", "证照名称"];
    let present = desk.hefu(network, &present).arg("--qr").arg(&qr);
    present.arg("-O").arg(&file).run().exits(0);
    let text = network.scratch.join("scanned.txt");
    std::fs::write(&text, read_qr(&qr)).expect("a file");
    let [shown, scanned] = [&file, &text].map(|file| verify(file).json());
    assert_eq!(scanned["valid"], true, "{scanned:#}");
    assert_eq!(scanned["content"]["fields"], shown["content"]["fields"]);
}

/// The text of a QR code in a PNG.
fn read_qr(path: &Path) -> String {
    let file = std::io::BufReader::new(std::fs::File::open(path).expect("a picture"));
    let mut decoder = png::Decoder::new(file);
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("its size")];
    let info = reader.next_frame(&mut pixels).expect("its pixels");
    let (width, height) = (info.width as usize, info.height as usize);
    let grey = |x: usize, y: usize| pixels[y * info.line_size + x];
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = picture.detect_grids();
    assert_eq!(grids.len(), 1, "one code in {}", path.display());
    grids[0].decode().expect("a text").1
}

/// A licence and the document as it was issued: both are committed to, and both can be checked.
fn of_a_document(network: &Network, desk: &Desk, licences: &[Value]) {
    let path = |name: &str| network.scratch.join(name);
    let (licence, document) = (path("filed.json"), path("licence.pdf"));
    std::fs::write(&licence, food_licence(licences, "FILED").to_string()).expect("a licence");
    let content = b"%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n";
    std::fs::write(&document, content).expect("a document");
    let attest = desk.hefu(network, &["cert", "attest"]).arg(&licence);
    let attested = attest.arg("--file").arg(&document).json();
    let id = attested["att_id"].as_str().expect("an id");
    let http = network.provinces[3].http();
    network.wait_height(height_of(&attested));
    let record = http.json(&format!("/api/v1/certificates/{id}"));
    let commitment = record["record"]["file"].as_str().expect("a commitment to the document");
    assert_eq!(commitment.len(), 64);
    let plain = blake3::hash(content).to_string();
    assert_ne!(commitment, plain, "salted: nobody can guess what it is of");

    let shown = path("filed-shown.json");
    let present = desk.hefu(network, &["cert", "present", "--att", id, "--fields", "证照名称"]);
    present.arg("-O").arg(&shown).run().exits(0);
    let verify = |document: &Path| {
        desk.hefu(network, &["cert", "verify"]).arg(&shown).arg("--file").arg(document).run()
    };
    let found = verify(&document).exits(0).json();
    assert_eq!(found["content"]["file"]["compared"], "file", "{found:#}");
    assert_eq!(found["content"]["file"]["matches"], true, "{found:#}");
    assert_eq!(verify(&licence).exits(0).json()["content"]["file"]["compared"], "document");
    std::fs::write(&document, [content.as_slice(), b"x"].concat()).expect("another document");
    assert_eq!(verify(&document).exits(3).json()["content"]["file"]["matches"], false);
    // An import knows what was attested by itself.
    let lines = path("filed.jsonl");
    std::fs::copy(&licence, &lines).expect("a file");
    let report = desk.import(network, &lines).json();
    assert_eq!(report, json!({ "accepted": 1, "already": 1, "refused": [] }));
}
