//! Over a real receiver: signed, again after failures, in order, once more after a restart, and buried
//! in the end; never to where it must not go.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hefu_primitives::{ChainId, H32, Height, KeyPair, Millis};
use serde_json::Value;

use super::{Dead, FOLDER, Failed, Message, Position, Sender, State, Target, start, verify};
use crate::api::tests::network::{Network, PATIENCE, fresh, licence};

#[derive(Clone, Debug)]
struct Taken {
    id: String,
    seconds: String,
    signature: String,
    body: String,
}

/// Answers with the statuses it was given, then with 204.
#[derive(Clone, Default)]
struct Receiver {
    taken: Arc<Mutex<Vec<Taken>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = Router::new().route("/hook", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{at}/hook")
    }

    fn seen(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    async fn wait(&self, count: usize) -> Vec<Taken> {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.seen().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{:?}", self.seen()));
        self.seen()
    }
}

async fn take(
    Shared(receiver): Shared<Receiver>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
    receiver.taken.lock().unwrap().push(Taken {
        id: header("webhook-id"),
        seconds: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let mut answers = receiver.answers.lock().unwrap();
    let status = if answers.is_empty() { 204 } else { answers.remove(0) };
    (StatusCode::from_u16(status).unwrap(), [("location", "/elsewhere")])
}

fn target(url: &str) -> Target {
    Target {
        name: "archive".into(),
        url: url.into(),
        kinds: vec!["attested".into()],
        regions: Vec::new(),
        flags: Vec::new(),
        ca_file: None,
        allow_private: true,
        allow_plain: true,
        attempts: 3,
        pause_ms: 1,
    }
}

async fn attest(network: &Network) -> String {
    let issuer = network.issuer(0);
    let number = fresh();
    let answer =
        network.client(0).submit(&network.sign(issuer, &[licence(issuer, number).into()])).await;
    assert_eq!(answer.status, 200);
    format!("att:{}", format!("{number:02x}").repeat(16))
}

fn subjects(taken: &[Taken]) -> Vec<String> {
    let event = |taken: &Taken| serde_json::from_str::<Value>(&taken.body).unwrap();
    taken.iter().map(|taken| event(taken)["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_are_sent_signed_in_order_and_survive_failures_and_restarts() {
    let network = Network::start().await;
    let service = network.provinces[0].running.service.clone();
    let folder = tempfile::tempdir().unwrap();
    let (receiver, key) = (Receiver::default(), KeyPair::from_secret(&[5; 32]));
    let target = target(&receiver.start().await);
    let state = State::of(&folder.path().join(FOLDER), "archive");
    attest(&network).await;
    let run = || start(&service, folder.path(), std::slice::from_ref(&target), &key);
    let tasks = run();
    let began = tokio::time::timeout(PATIENCE, async {
        while state.position().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    began.await.unwrap();
    receiver.answers.lock().unwrap().extend([500, 302]);
    let first = attest(&network).await;
    let taken = receiver.wait(3).await;
    assert_eq!(
        subjects(&taken),
        vec![first.clone(); 3],
        "what was before is not told; again after a failure and a redirect"
    );
    assert!(taken.iter().all(|one| one.id == taken[0].id), "one event, one id");
    let event: Value = serde_json::from_str(&taken[0].body).unwrap();
    assert_eq!((&event["specversion"], &event["type"]), (&"1.0".into(), &"hefu.attested".into()));
    assert_eq!(
        (&event["id"], &event["data"]["kind"]),
        (&taken[0].id.clone().into(), &"attested".into())
    );
    assert_eq!(event["source"], format!("urn:hefu:{}", service.chain()));
    assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    for one in &taken {
        let Taken { id, seconds, signature, body } = one;
        assert!(verify(&key.public(), id, seconds, body, signature));
        assert!(!verify(
            &key.public(),
            id,
            seconds,
            &body.replace("attested", "revoked"),
            signature
        ));
        assert!(!verify(&key.public(), "1.1", seconds, body, signature));
    }

    // Nothing is lost while nobody sends, and what nobody takes is buried and not in the way.
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    receiver.taken.lock().unwrap().clear();
    let (lost, next) = (attest(&network).await, attest(&network).await);
    receiver.answers.lock().unwrap().extend([503; 3]);
    let tasks = run();
    let taken = receiver.wait(4).await;
    assert_eq!(subjects(&taken), [lost.clone(), lost.clone(), lost, next]);
    let dead = state.dead().unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].error.as_str()), (1, 3, "status 503"));
    assert_eq!((&dead[0].id, &dead[0].body), (&taken[0].id, &taken[0].body));
    state.resent(&dead[0].id).unwrap();
    assert_eq!(state.dead().unwrap(), []);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    network.stop().await;
}

/// Takes one request over TLS and answers 204; what it was sent, none where no connection came about.
fn take_over_tls(
    config: Arc<rustls::ServerConfig>,
) -> (u16, std::thread::JoinHandle<Option<String>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = std::thread::spawn(move || {
        let (stream, _) = listener.accept().ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let connection = rustls::ServerConnection::new(config).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut some).ok().filter(|read| *read > 0)?;
            all.extend_from_slice(&some[..read]);
            let text = String::from_utf8_lossy(&all).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
            });
            if body.len() >= length?.ok()? {
                stream.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").ok()?;
                stream.flush().ok()?;
                return Some(text);
            }
        }
    });
    (port, taken)
}

/// Over https: to whom the named authority vouches for, under the name that was asked for, and to nobody
/// else.
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_receiver_has_to_be_who_it_is_said_to_be() {
    let issued = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        rcgen::generate_simple_self_signed(names).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (issued(&["localhost"]), issued(&["elsewhere.example"]));
    let written = |name: &str, pem: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let trusted = written("good.pem", good.cert.pem());
    let wrong_name = written("other.pem", other.cert.pem());
    let served = |issued: &rcgen::CertifiedKey| {
        let key = rustls::pki_types::PrivateKeyDer::try_from(issued.key_pair.serialize_der());
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(ring);
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let chain = vec![issued.cert.der().clone()];
        Arc::new(config.with_single_cert(chain, key.unwrap()).unwrap())
    };
    let key = KeyPair::from_secret(&[5; 32]);
    let message = Message::test(&ChainId([1; 32]), "x", Millis(1_790_000_000_000));
    for (issued, ca_file, taken) in [
        (&good, Some(trusted.clone()), true),
        (&good, None, false),
        (&good, Some(wrong_name.clone()), false),
        (&other, Some(wrong_name), false),
    ] {
        let (port, receiver) = take_over_tls(served(issued));
        let url = format!("https://localhost:{port}/hook");
        let target = Target { ca_file, allow_plain: false, ..target(&url) };
        let sender = Sender::new(&target, key.clone()).unwrap();
        let sent = message.clone();
        let sent = tokio::task::spawn_blocking(move || sender.send(&sent, Millis(1_000)));
        let sent = sent.await.unwrap();
        assert_eq!(sent.is_ok(), taken, "{sent:?}");
        let seen = receiver.join().unwrap();
        assert_eq!(seen.is_some(), taken);
        if let Some(seen) = seen {
            assert!(seen.starts_with("POST /hook HTTP/1.1\r\n"), "{seen}");
            assert!(seen.to_lowercase().contains("\r\nwebhook-signature: v1a,"), "{seen}");
        }
        if let Err(failed) = sent {
            assert!(matches!(failed, Failed::Unreachable(_)), "{failed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_address_is_not_connected_to() {
    let receiver = Receiver::default();
    let url = receiver.start().await;
    let message = Message::test(&ChainId([1; 32]), "x", Millis(1_790_000_000_000));
    let key = KeyPair::from_secret(&[5; 32]);
    let port = url.rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let guarded = Target { allow_private: false, ..target(&format!("http://{host}:{port}")) };
        let sender = Sender::new(&guarded, key.clone()).unwrap();
        let sent = message.clone();
        let sent = tokio::task::spawn_blocking(move || sender.send(&sent, Millis(1_000)));
        let failed = sent.await.unwrap().unwrap_err();
        assert!(
            matches!(&failed, Failed::Unreachable(why) if why.contains("internal")),
            "{host}: {failed}"
        );
    }
    assert!(receiver.seen().is_empty());
    let open = Sender::new(&target(&url), key).unwrap();
    tokio::task::spawn_blocking(move || open.send(&message, Millis(1_000))).await.unwrap().unwrap();
    assert_eq!(receiver.seen().len(), 1);
}

#[test]
fn targets_that_cannot_be_are_told() {
    let plain = target("http://a.example/hook");
    assert!(plain.is_sound());
    assert!(!Target { allow_plain: false, ..plain.clone() }.is_sound());
    assert!(Target { allow_plain: false, ..target("https://a.example/hook") }.is_sound());
    for url in ["ftp://a/", "https://user:word@a/", "https://", "https://a b/", "a.example"] {
        assert!(!target(url).is_sound(), "{url}");
    }
    for name in ["", "Big", "a/b", "..", "a b"] {
        assert!(!Target { name: name.into(), ..plain.clone() }.is_sound(), "{name}");
    }
    assert!(!Target { attempts: 0, ..plain.clone() }.is_sound());
    assert!(!Target { attempts: 21, ..plain }.is_sound());
}

#[test]
fn pauses_double_up_to_a_bound() {
    let slow = Target { pause_ms: 1_000, ..target("http://a/") };
    let pauses: Vec<u64> = [1, 2, 3, 9, 10, 20].map(|n| slow.pause(n).as_secs()).to_vec();
    assert_eq!(pauses, [1, 2, 4, 256, 300, 300]);
}

#[test]
fn positions_and_dead_letters_are_kept_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::of(folder.path(), "a");
    assert_eq!((state.position().unwrap(), state.dead().unwrap()), (None, Vec::new()));
    let place = Position { height: Height(7), number: u32::MAX };
    state.advance(place).unwrap();
    assert_eq!(state.position().unwrap(), Some(place));
    assert_eq!(place.next(), Position { height: Height(8), number: 0 });
    let body = H32([7; 32]).to_string().repeat(4 * 1024);
    for number in 0..40 {
        let (id, error) = (format!("1.{number}"), "status 500".to_owned());
        state.bury(&Dead { id, at: Millis(1), attempts: 1, error, body: body.clone() }).unwrap();
    }
    let dead = state.dead().unwrap();
    assert!(dead.len() < 40 && dead.last().unwrap().id == "1.39", "the oldest went");
    assert!(std::fs::metadata(folder.path().join("a/dead.jsonl")).unwrap().len() <= 8 << 20);
}
