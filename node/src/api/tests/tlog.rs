//! What transparency tools fetch: checkpoints with a quorum, tiles, entries, receipts; and one node
//! as a witness of another ledger.

use hefu_contracts::Act;
use hefu_primitives::hash::H32;
use hefu_primitives::log::{MemoryLog, leaf_hash};
use hefu_primitives::transparency::receipt::ReceiptKey;
use hefu_primitives::transparency::{
    Checkpoint, Es256Endorsement, Es256PublicKey, ReceiptAlg, SignatureKind, TransparentStatement,
    VerifierKey, cosigner_name, origin,
};
use hefu_primitives::{Signature, SignedTransaction};

use super::network::{Client, Network, PATIENCE, fresh, licence, sample_network, serve};
use crate::api::ReadAccess;
use crate::cosign::{FollowedLog, OutsideWitness};
use crate::network::NodeSecret;
use crate::runtime::{self, NodeOptions, Running, Witnessing};
use crate::store::EngineKind;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_for_transparency_tools() {
    let network = Network::start().await;
    let mut sent = Vec::new();
    for province in 0..4 {
        sent.push(submit(&network, province).await);
    }
    let checkpoint = checkpoint(&network, 2).await;
    tiles(&network, &checkpoint, &sent).await;
    receipts(&network, &sent[1]).await;
    network.stop().await;
}

async fn submit(network: &Network, province: usize) -> SignedTransaction {
    let issuer = network.issuer(province);
    let act = licence(issuer, fresh());
    let region = network.provinces[province].keys.region;
    let tx =
        network.sign(issuer, &[Act::from(hefu_contracts::certificate::Attest { region, ..act })]);
    let answer = network.client(province).submit(&tx).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    tx
}

/// The checkpoint of the newest head, cosigned by a quorum.
async fn checkpoint(network: &Network, province: usize) -> Checkpoint {
    let (service, client) =
        (&network.provinces[province].running.service, network.client(province));
    // Province 3 committed last: here it may come later.
    let newest = network.provinces[3].running.service.log_head();
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = client.get("/checkpoint").await;
            if answer.status == 200 {
                let (checkpoint, note) = Checkpoint::of_note(&answer.body).unwrap();
                // The node's own line comes with its own signature, which may be the last.
                let own = note.signatures().iter().any(|line| line.name == checkpoint.origin);
                if checkpoint.head == newest && own {
                    return answer;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let answer = waited.await.expect("no checkpoint of the newest head");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache");
    let chain = service.chain();
    let key = |name: String, kind, key: &hefu_primitives::KeyPair| {
        VerifierKey::new(name, kind, &key.public()).unwrap()
    };
    let cosigners: Vec<VerifierKey> = network
        .provinces
        .iter()
        .map(|p| cosigner_name(&chain, p.keys.region))
        .zip(network.provinces.iter().map(|p| &p.keys.cosigner))
        .map(|(name, pair)| key(name, SignatureKind::Cosignature, pair))
        .collect();
    let (checkpoint, signed) = Checkpoint::verified(&answer.body, &cosigners).unwrap();
    assert!(signed.len() >= 3, "{} of 4 cosigned", signed.len());
    let log =
        key(origin(&chain), SignatureKind::Ed25519, &network.provinces[province].keys.cosigner);
    let (_, signed) = Checkpoint::verified(&answer.body, &[log]).unwrap();
    assert_eq!(signed.len(), 1, "the node signs as the log");
    assert_eq!(checkpoint.origin, origin(&chain));
    checkpoint
}

async fn tiles(network: &Network, checkpoint: &Checkpoint, sent: &[SignedTransaction]) {
    let (client, size) = (network.client(2), checkpoint.head.size);
    assert!((5..256).contains(&size));
    let answer = client.get(&format!("/tile/0/000.p/{size}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    let hashes: Vec<H32> =
        answer.body.chunks(32).map(|hash| H32(hash.try_into().unwrap())).collect();
    let mut log = MemoryLog::new();
    hashes.iter().for_each(|hash| log.append(*hash).unwrap());
    assert_eq!(log.head(), checkpoint.head);
    let entries = client.get(&format!("/tile/entries/000.p/{size}")).await.body;
    let mut rest = &entries[..];
    let mut found = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (entry, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
        found.push(entry.to_vec());
        rest = tail;
    }
    let hashed: Vec<H32> = found.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(hashed, hashes);
    assert_eq!(found[0], network.genesis.log_leaf());
    assert!(sent.iter().all(|tx| found.contains(&tx.as_bytes().to_vec())));
    let second = client.get("/tile/entries/000.p/2").await.body;
    assert!(entries.starts_with(&second));
    for absent in ["0/000", "0/001.p/1", "1/000.p/1", "0/000.p/256", "0/0", "x", "entries/000"] {
        let problem = client.get(&format!("/tile/{absent}")).await.problem();
        assert_eq!(problem, (404, "api.not_found".into()), "{absent}");
    }
}

async fn receipts(network: &Network, tx: &SignedTransaction) {
    let client = network.client(0);
    let path = format!("/api/v1/transactions/{}/receipt", tx.id());
    // Whoever asks first may find a node that has not cosigned so far yet.
    let statement = loop {
        let answer = client.get(&format!("{path}?alg=both")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/scitt-statement+cose");
        let statement = TransparentStatement::decode(&answer.body).unwrap();
        if statement.receipts().len() == 8 {
            break statement;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(statement.transaction(), tx);
    let keys = client.read("/api/v1/log/cosigners").await;
    assert_eq!(keys["origin"], origin(&network.genesis.hash()));
    for receipt in statement.receipts() {
        let listed = keys["cosigners"].as_array().unwrap();
        let kid = receipt.claims().key.to_string();
        let listed = listed.iter().find(|key| key["key_id"] == kid.as_str()).unwrap();
        assert_eq!(listed["name"], receipt.claims().issuer.as_str());
        let registered: VerifierKey = listed["cosigner"].as_str().unwrap().parse().unwrap();
        let key = match receipt.claims().alg {
            ReceiptAlg::EdDsa => ReceiptKey::EdDsa(registered.key()),
            ReceiptAlg::Es256 => {
                let key: Es256PublicKey = listed["es256"].as_str().unwrap().parse().unwrap();
                let signature: Signature =
                    listed["es256_endorsement"].as_str().unwrap().parse().unwrap();
                assert!(Es256Endorsement { key, signature }.verify(&registered.key()));
                assert_eq!(listed["es256_pem"].as_str(), key.to_pem().as_deref());
                ReceiptKey::Es256(key)
            }
        };
        let head = receipt.verify(statement.leaf(), &key).unwrap();
        assert_eq!(receipt.claims().subject, tx.claims().subject);
        let at = network.provinces[0].running.service.block(receipt.claims().height).unwrap();
        let header = at.unwrap().block.header;
        assert_eq!((head.size, head.root), (header.log_size, header.log_root));
    }
    let one = TransparentStatement::decode(&client.get(&path).await.body).unwrap();
    assert!(one.receipts().iter().all(|receipt| receipt.claims().alg == ReceiptAlg::EdDsa));
    assert_eq!(client.get(&format!("{path}?alg=rsa")).await.problem().0, 400);
    let none = format!("/api/v1/transactions/{}/receipt", "00".repeat(32));
    assert_eq!(client.get(&none).await.problem(), (404, "api.not_found".into()));
}

/// A node of another ledger, alone: a witness needs no quorum of its own.
async fn witness_node(followed: FollowedLog, folder: &std::path::Path) -> (Running, VerifierKey) {
    let (genesis, keys) = sample_network();
    let member = &keys.members[0];
    let name = cosigner_name(&genesis.hash(), member.region);
    let key = VerifierKey::new(name, SignatureKind::Cosignature, &member.cosigner.public());
    let options = NodeOptions {
        data_dir: folder.to_owned(),
        genesis: genesis.into(),
        region: member.region,
        validators: Vec::new(),
        addresses: Default::default(),
        cosigner: Some(member.cosigner.clone()),
        witness: Witnessing { logs: vec![followed], ask: Vec::new() },
        node_secret: NodeSecret::new(member.node.secret_bytes()),
        listen: ([127, 0, 0, 1], 0).into(),
        peers: Vec::new(),
        engine: EngineKind::Memory,
        heartbeat_ms: None,
        proof_blocks: None,
        reads: None,
    };
    (runtime::start(options, &mut |_| {}).await.unwrap(), key.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_ledger_s_node_witnesses() {
    let (genesis, keys) = sample_network();
    let log = origin(&genesis.hash());
    let first = &keys.members[0].cosigner;
    let signs = VerifierKey::new(log.clone(), SignatureKind::Ed25519, &first.public()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let followed = FollowedLog { origin: log.clone(), keys: vec![signs.to_string()] };
    let (witness, key) = witness_node(followed, folder.path()).await;
    let server = serve(&witness, ReadAccess::Open).await;
    let url = format!("http://{}/witness", server.local_addr());
    let ask = OutsideWitness { url, key: key.to_string() };
    let witnessing = Witnessing { logs: Vec::new(), ask: vec![(ask, key.clone())] };
    let network = Network::start_from((genesis, keys), &witnessing).await;
    let client = network.client(0);
    for _ in 0..3 {
        submit(&network, 0).await;
        let newest = network.provinces[0].running.service.log_head();
        let witnessed = async {
            loop {
                let answer = client.get("/checkpoint").await;
                if answer.status == 200
                    && let Ok((checkpoint, signed)) =
                        Checkpoint::verified(&answer.body, &[key.clone(), signs.clone()])
                    && checkpoint.head == newest
                    && signed.len() == 2
                {
                    return answer.body;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, witnessed).await.expect("not witnessed");
    }
    // The witness shows what it signed, under the hash of the origin.
    let hash: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        log.as_bytes(),
    ))
    .into();
    let shown = Client::new(server.local_addr());
    let shown = shown.get(&format!("/witness/{}/checkpoint", H32(hash))).await;
    let (_, signed) = Checkpoint::verified(&shown.body, &[key, signs]).unwrap();
    assert_eq!(signed.len(), 2);
    network.stop().await;
    server.stop().await;
    witness.stop().await.unwrap();
}
