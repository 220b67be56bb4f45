//! A node tells another system of events: what it does not take is a dead letter, which is sent again by
//! hand. The receiver is a plain one of our own, allowed by name in the settings.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::network::Network;
use crate::harness::{SOON, wait_for};

const ZHEJIANG: &str = "11330000HEFU030241";

/// Takes what is posted and answers with a status.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (status, events) = (Arc::new(AtomicU16::new(status)), Arc::default());
        let receiver = Self { url, status, events };
        let (status, events) = (receiver.status.clone(), receiver.events.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(event) = answer(&stream, status.load(Ordering::SeqCst)) {
                    events.lock().expect("no panic").push(event);
                }
            }
        });
        receiver
    }

    fn kinds(&self) -> Vec<String> {
        let events = self.events.lock().expect("no panic");
        events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn answer(mut stream: &TcpStream, status: u16) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn events_reach_a_target_and_what_does_not_is_sent_again() {
    let mut network = Network::found("webhooks");
    let receiver = Receiver::start(500);
    let settings = network.provinces[2].home.join("hefu.toml");
    let mut file = OpenOptions::new().append(true).open(&settings).expect("settings");
    let hook = format!(
        "\n[[webhooks]]\nname = \"archive\"\nurl = \"{}\"\nattempts = 2\npause_ms = 1\nallow_plain = true\nallow_private = true\n",
        receiver.url
    );
    file.write_all(hook.as_bytes()).expect("written");
    for province in &mut network.provinces {
        province.start();
    }
    for province in &mut network.provinces {
        province.node().wait_ready();
    }
    let home = &network.provinces[2];
    let count = |name: &str| home.hefu(&["webhook", "list"]).json()["items"][0][name].clone();
    wait_for("a position", SOON, || count("position").is_object().then_some(()));
    let report = network.scratch.join("report");
    std::fs::write(&report, "report").expect("a report");
    let mut incident = vec!["notice", "incident", "--as", ZHEJIANG, "--kind", "outage"];
    incident.extend(["--severity", "4", "--since", "2026-01-01"]);
    home.hefu(&incident).arg("--report").arg(&report).run().exits(0);
    wait_for("a dead letter", SOON, || (count("dead") == 1).then_some(()));
    assert_eq!(receiver.kinds().len(), 2, "two attempts");
    let dead = home.hefu(&["webhook", "dead", "archive"]).json();
    let letter = &dead["items"][0];
    assert_eq!(
        (&letter["error"], &letter["attempts"]),
        (&"status 500".into(), &2.into()),
        "{dead:#}"
    );
    home.hefu(&["webhook", "resend", "archive"]).run().exits(5).fault("cli.unreachable");

    receiver.status.store(204, Ordering::SeqCst);
    home.hefu(&["webhook", "resend", "archive", "9.9"]).run().exits(4);
    let sent = home.hefu(&["webhook", "resend", "archive"]).json();
    assert_eq!(sent["sent"][0], letter["id"]);
    assert_eq!(count("dead"), 0);
    home.hefu(&["webhook", "test", "archive"]).run().exits(0);
    let kinds = receiver.kinds();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(
        kinds[..4].iter().all(|kind| *kind == kinds[0]) && kinds[4] == "hefu.test",
        "{kinds:?}"
    );
    home.hefu(&["webhook", "test", "elsewhere"]).run().exits(4);

    let plain =
        std::fs::read_to_string(&settings).expect("settings").replace("allow_plain = true", "");
    std::fs::write(&settings, plain).expect("written");
    home.hefu(&["webhook", "list"]).run().exits(2).fault("cli.config");
}
