//! Four nodes in this process with their interfaces, and a client that hides nothing.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::time::Duration;

use hefu_contracts::Act;
use hefu_contracts::certificate::{Attest, Ident, Marks};
use hefu_contracts::identity::Role;
use hefu_genesis::Genesis;
use hefu_genesis::sample::{self, AuthorityKeys, MemberKeys, SampleKeys};
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, KeyPair, Millis, SignedTransaction, TransactionBody, TypeCode};
use serde_json::Value;

use crate::api::{ApiOptions, ApiServer, Bounds, ReadAccess};
use crate::network::{NodeKey, NodeSecret};
use crate::runtime::{self, NodeOptions, Running, wall_clock};
use crate::store::EngineKind;

/// Business licences: their holders are organisations.
pub(crate) const LICENCE: &str = "11100000HEFU90025A001";
/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A province with a node and its interface.
pub(crate) struct Province {
    pub(crate) keys: MemberKeys,
    pub(crate) running: Running,
    pub(crate) server: ApiServer,
    /// What its node was started with.
    pub(crate) options: NodeOptions,
}

impl Province {
    pub(crate) async fn start(keys: MemberKeys, options: NodeOptions) -> Self {
        let running = runtime::start(options.clone(), &mut |_| {}).await.unwrap();
        let server = serve(&running, ReadAccess::Open).await;
        Self { keys, running, server, options }
    }

    /// Ends it; gives what it takes to start it again.
    pub(crate) async fn stop(self) -> (MemberKeys, NodeOptions) {
        self.server.stop().await;
        self.running.stop().await.unwrap();
        (self.keys, self.options)
    }
}

pub(crate) struct Network {
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) provinces: Vec<Province>,
    _folder: tempfile::TempDir,
}

pub(crate) fn sample_network() -> (Genesis, SampleKeys) {
    let mut number = 0u64;
    let created = Millis(wall_clock().0 - 1);
    let keys = sample::demo(created, &mut |_| {
        number += 1;
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        KeyPair::from_secret(&secret)
    });
    keys.unwrap()
}

/// A loopback port that nobody listens on, below those that systems give to outgoing connections, and
/// given once by this process: so it stays free until its node binds it.
fn free_port() -> SocketAddr {
    const FIRST: u16 = 30_000;
    const COUNT: u16 = 2_500;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id().wrapping_mul(401) % u32::from(COUNT)) as u16;
    let addresses = (0..COUNT).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + (start + step) % COUNT))
    });
    let mut free = addresses.filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("no free port")
}

impl Network {
    /// Starts four nodes and waits until the first is ready.
    pub(crate) async fn start() -> Self {
        Self::start_from(sample_network(), &runtime::Witnessing::default()).await
    }

    /// Starts the nodes of a genesis; the first one witnesses as told.
    pub(crate) async fn start_from(
        (genesis, keys): (Genesis, SampleKeys),
        witness: &runtime::Witnessing,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let genesis = Arc::new(genesis);
        let listen: Vec<SocketAddr> = keys.members.iter().map(|_| free_port()).collect();
        let node_key = |member: &MemberKeys| NodeKey(*member.node.public().as_bytes());
        let all: BTreeMap<NodeKey, SocketAddr> =
            keys.members.iter().map(node_key).zip(listen.iter().copied()).collect();
        let mut provinces = Vec::new();
        for (keys, listen) in keys.members.into_iter().zip(listen) {
            let others = all.iter().filter(|(key, _)| **key != node_key(&keys));
            let options = NodeOptions {
                data_dir: folder.path().join(keys.region.to_string()),
                genesis: genesis.clone(),
                region: keys.region,
                validators: vec![keys.validator.clone()],
                addresses: std::collections::BTreeMap::new(),
                cosigner: Some(keys.cosigner.clone()),
                witness: if provinces.is_empty() { witness.clone() } else { Default::default() },
                node_secret: NodeSecret::new(keys.node.secret_bytes()),
                listen,
                peers: others.map(|(key, at)| (*key, vec![(*at).into()])).collect(),
                engine: EngineKind::Memory,
                heartbeat_ms: None,
                // The last one keeps little, to show what it then says.
                proof_blocks: (provinces.len() == 3).then_some(1),
                reads: keys.operator_key(),
            };
            provinces.push(Province::start(keys, options).await);
        }
        let network = Self { genesis, provinces, _folder: folder };
        network.client(0).until(200, "/readyz").await;
        network
    }

    pub(crate) async fn stop(self) {
        for province in self.provinces {
            province.server.stop().await;
            province.running.stop().await.unwrap();
        }
    }

    pub(crate) fn client(&self, province: usize) -> Client {
        Client::new(self.provinces[province].server.local_addr())
    }

    /// The authority of a province that issues licences.
    pub(crate) fn issuer(&self, province: usize) -> &AuthorityKeys {
        let kind: TypeCode = LICENCE.parse().unwrap();
        let issues = |authority: &&AuthorityKeys| authority.may_issue.contains(&kind);
        self.provinces[province].keys.authorities.iter().find(issues).unwrap()
    }

    /// Signs acts with the one key that sample authorities have.
    pub(crate) fn sign(&self, issuer: &AuthorityKeys, acts: &[Act]) -> SignedTransaction {
        let body = TransactionBody {
            chain: self.genesis.hash(),
            not_after: Millis(wall_clock().0 + 600_000),
            acts: acts.iter().map(|act| act.to_bytes().into()).collect(),
        };
        let key = issuer.key_for(Role::Issuer).unwrap();
        SignedTransaction::sign(&body, issuer.code, "att:test", key).unwrap()
    }
}

pub(crate) async fn serve(running: &Running, read: ReadAccess) -> ApiServer {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ApiServer::start(
        running.service.clone(),
        ApiOptions { listen, read, bounds: Bounds::default() },
    )
    .await
    .unwrap()
}

/// A licence whose id and serial are made of one number.
pub(crate) fn licence(issuer: &AuthorityKeys, number: u8) -> Attest {
    let kind: TypeCode = LICENCE.parse().unwrap();
    let today = Day::of_beijing(wall_clock());
    let serial = format!("TEST{}", char::from(b'A' + number % 26)).repeat(1 + number as usize / 26);
    Attest {
        id: Id16([number; 16]),
        type_code: kind,
        type_version: 1,
        region: hefu_primitives::Region(310_000),
        ident: Ident::Plain(Identifier::new(kind, issuer.code, &serial, 1).unwrap().to_string()),
        holder: H32([number; 32]),
        content: H32([number; 32]),
        file: None,
        seal: None,
        cert_version: 1,
        issued_on: today,
        valid_from: today,
        valid_until: None,
        previous: None,
        marks: Marks::default(),
        occurred_at: wall_clock(),
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a problem document.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        (self.status, json["code"].as_str().unwrap().to_owned())
    }
}

/// Blocking calls on blocking threads, every status an answer.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    pub(crate) at: SocketAddr,
}

impl Client {
    pub(crate) fn new(at: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build();
        Self { agent: config.into(), at }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("http://{}{path}", self.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        call(move || request.call()).await
    }

    /// A JSON answer that must be 200.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) async fn post(&self, query: &str, kind: &str, body: &[u8]) -> Answer {
        let url = format!("http://{}/api/v1/transactions{query}", self.at);
        let (request, body) = (self.agent.post(url).header("content-type", kind), body.to_vec());
        call(move || request.send(&body[..])).await
    }

    pub(crate) async fn submit(&self, tx: &SignedTransaction) -> Answer {
        self.post("", "application/cose", tx.as_bytes()).await
    }

    /// Asks until the status is the one wanted.
    pub(crate) async fn until(&self, status: u16, path: &str) -> Answer {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let answer = self.get(path).await;
                if answer.status == status {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{path} never answered {status}"))
    }
}

async fn call(
    request: impl FnOnce() -> Result<ureq::http::Response<ureq::Body>, ureq::Error> + Send + 'static,
) -> Answer {
    let called = tokio::task::spawn_blocking(move || {
        let (parts, body) = request().unwrap().into_parts();
        let body = body.into_with_config().limit(64 << 20).read_to_vec().unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    });
    called.await.unwrap()
}

/// Fresh numbers for licences, so that parts of a test do not meet.
pub(crate) fn fresh() -> u8 {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
