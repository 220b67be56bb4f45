//! A query index that is in trouble: in a database elsewhere, over TLS, while it is away and after it is
//! back; in a file that is damaged.

#[path = "../../../audit/tests/planted/server.rs"]
#[allow(dead_code, reason = "the tests of the index itself use the rest")]
mod server;

use std::time::Duration;

use serde_json::Value;
use tokio::task::block_in_place;

use super::network::{Client, Network, PATIENCE, fresh, licence};

const SEARCH: &str = "/api/v1/audit/search?kind=attested";

async fn attest(network: &Network) {
    let issuer = network.issuer(0);
    let act = licence(issuer, fresh());
    let answer = network.client(0).submit(&network.sign(issuer, &[act.into()])).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// What the index says of itself, once it is so.
async fn until(client: &Client, so: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let told = client.read("/api/v1/audit/index").await;
            if so(&told) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_index_elsewhere_goes_on_when_its_database_is_back() {
    let Some(mut server) = block_in_place(|| server::Server::start_with_tls("127.0.0.1")) else {
        return;
    };
    block_in_place(|| server.database("audit"));
    server.stop();
    let network = Network::start().await;
    let client = network.client(0);
    let there = server.through_network("audit", "", Some(server.authority()));
    network.provinces[0].running.service.keep_audit_index(there);

    // Away from the beginning: the ledger goes on, and the fault is told.
    attest(&network).await;
    let told = until(&client, |index| !index["fault"].is_null()).await;
    assert_eq!(told["engine"], "postgres");
    assert!(!told["fault"].as_str().unwrap().contains("planted"), "a password is nobody's to read");
    block_in_place(|| server.again());
    let here = |index: &Value| index["fault"].is_null() && index["lag"] == 0;
    until(&client, here).await;
    let found = |answer: Value| answer["items"].as_array().unwrap().len();
    assert_eq!(found(client.read(SEARCH).await), 1);

    // Away in between: connections that were open are opened again.
    server.stop();
    assert_eq!(client.get(SEARCH).await.status, 503);
    block_in_place(|| server.again());
    attest(&network).await;
    until(&client, here).await;
    let answer = client.read(SEARCH).await;
    assert_eq!(answer["complete"], true);
    assert_eq!(found(answer), 2);
    network.stop().await;
}

/// Before a node begins to follow, and under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_index_file_that_is_damaged_is_built_again() {
    let network = Network::start().await;
    let client = network.client(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index.sqlite");
    let found = |answer: Value| answer["items"].as_array().unwrap().len();
    let write = |ending: &str, damage: &dyn Fn(usize) -> Vec<u8>| {
        let file = folder.path().join(format!("index.sqlite{ending}"));
        let length = std::fs::metadata(&file).map_or(0, |found| found.len() as usize);
        std::fs::write(&file, damage(length)).unwrap();
    };
    let aside = || std::fs::read(folder.path().join("index.sqlite.damaged")).unwrap();
    // Before it is followed; then under it, as it is and as it is about to be.
    for licences in [1, 2] {
        attest(&network).await;
        match licences {
            1 => write("", &|_| b"no database".to_vec()),
            _ => ["", "-wal"].iter().for_each(|ending| write(ending, &|length| vec![0xaa; length])),
        }
        let there = hefu_audit::Location::Sqlite(file.clone());
        network.provinces[0].running.service.keep_audit_index(there);
        // Whoever asks finds it out, if nobody did before.
        let answered = async {
            loop {
                let answer = client.get(SEARCH).await;
                if answer.status == 200 && found(answer.json()) == licences {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap();
        let said: &[u8] = if licences == 1 { b"no database" } else { &[0xaa; 11] };
        assert!(aside().starts_with(said), "the damaged file is set aside");
        let told = until(&client, |index| index["lag"] == 0).await;
        assert!(told["fault"].is_null() && client.read(SEARCH).await["complete"] == true);
    }
    network.stop().await;
}
