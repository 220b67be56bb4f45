//! How much memory an export needs, however long it is. Not part of the suite:
//! `cargo test --release -p hefu-node --test e2e -- --ignored --nocapture memory`; a debug build says the same
//! of memory, only later. `HEFU_FIGURES_ROWS` is how many rows (a million if nothing is said).
//!
//! The program and four nodes are real. Between the program and one node stands a relay that passes
//! everything on but the pages of rows: of these it sends the node's own rows again and again. A ledger of a
//! million events would take an hour to fill, and what is measured is the program that writes the file.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use serde_json::Value;

use crate::audit::AUDIT;
use crate::harness::http::Http;
use crate::harness::network::Network;

/// Rows of a page, as the program asks for them.
const PAGE: u64 = 5_000;
/// What a long export may need more than one of a hundredth: pages in the allocator, no rows.
const MORE_KB: u64 = 64 * 1024;

#[test]
#[ignore = "takes minutes"]
fn memory_of_an_export_does_not_grow_with_it() {
    let rows = std::env::var("HEFU_FIGURES_ROWS").ok().and_then(|text| text.parse().ok());
    let rows: u64 = rows.unwrap_or(1_000_000);
    let network = Network::start("memory");
    event(&network);
    let height = network.settle();
    for format in ["csv", "jsonl", "parquet"] {
        let few = measure(&network, height, format, rows / 10);
        let many = measure(&network, height, format, rows);
        assert!(many < few + MORE_KB, "{format}: {few} KB, {many} KB");
    }
}

/// What the rows are of.
fn event(network: &Network) {
    let conditions = network.scratch.join("conditions.txt");
    std::fs::write(&conditions, "for the transfer of an insurance alone").expect("a file");
    let publish = ["share", "publish", "310000/insurance-01", "--as", "11310000HEFU01045F"];
    let shanghai = network.provinces[0].hefu(&publish);
    let shanghai = shanghai.args(["--title", "社保参保信息", "--personal", "--items", "参保状态"]);
    let shanghai = shanghai.args(["--share", "conditional", "--conditions"]).arg(&conditions);
    shanghai.run().exits(0);
    crate::audit::follows(&network.provinces[2]);
}

/// The most memory that the program had, in KB.
fn measure(network: &Network, height: u64, format: &str, rows: u64) -> u64 {
    let node = &network.provinces[2];
    let relay = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = relay.local_addr().expect("an address").to_string();
    let behind = node.http();
    std::thread::spawn(move || {
        for stream in relay.incoming().flatten() {
            let _ = answer(stream, &behind, height, rows);
        }
    });
    let file = network.scratch.join(format!("rows-{rows}.{format}"));
    let asked = ["audit", "export", "events", "--as", AUDIT, "--node", &at, "--format", format];
    let begun = Instant::now();
    let mut program = node.hefu(&asked).arg("--out").arg(&file).start();
    let mut most = 0;
    while !program.has_ended() {
        most = most.max(resident(program.id()).unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let done = program.finish().exits(0).json();
    assert_eq!(done["rows"], rows);
    let bytes = std::fs::metadata(&file).expect("the file").len();
    let (took, mb) = (begun.elapsed(), bytes / 1_000_000);
    println!("{format}: {rows} rows, {mb} MB: at most {} MB resident, {took:.1?}", most / 1024);
    std::fs::remove_file(&file).expect("the file");
    most
}

/// The high-water mark of a process.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// One question, one answer.
fn answer(stream: TcpStream, behind: &Http, height: u64, rows: u64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = if path.starts_with("/api/v1/audit/search") {
        let body = page(behind, path, height, rows).to_string().into_bytes();
        (200, "application/json".to_owned(), body)
    } else {
        let found = behind.get(path);
        (found.status, found.kind, found.body)
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// The node's rows, as often as they make a page; the cursor is how many there were.
fn page(behind: &Http, path: &str, height: u64, rows: u64) -> Value {
    let asked = path.split(['?', '&']).find_map(|part| part.strip_prefix("cursor="));
    let before: u64 = asked.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut answer = behind.json(&format!("/api/v1/audit/search?at_height={height}&limit=100"));
    let own = answer["items"].as_array().cloned().expect("rows");
    assert!(!own.is_empty(), "the ledger has no event");
    let count = PAGE.min(rows - before);
    let items: Vec<Value> = own.into_iter().cycle().take(count as usize).collect();
    let next = before + count;
    answer["items"] = items.into();
    answer["next_cursor"] = if next < rows { next.to_string().into() } else { Value::Null };
    answer
}
