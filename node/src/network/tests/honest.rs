//! Nodes that keep to the rules, while links, sets and processes come and go.

use super::*;

#[tokio::test]
async fn four_nodes_use_every_channel() {
    let allowed = allow(&[1, 2, 3, 4]);
    let mut nodes: Vec<Node> = Vec::new();
    for seed in 1..=4 {
        let known: Vec<_> = nodes.iter().map(Node::at).collect();
        nodes.push(Node::start(config(seed, &known), seed, &allowed).await);
    }
    for node in &mut nodes {
        while node.met.len() < 3 {
            node.next().await;
        }
        assert_eq!(node.network.connected().len(), 3);
    }
    for node in &nodes {
        assert_eq!(node.network.broadcast(Channel::Consensus, vec![node.seed; 100]), 3);
        assert_eq!(node.network.broadcast(Channel::Bundles, vec![node.seed; 300_000]), 3);
    }
    for node in &mut nodes {
        let mut seen = BTreeSet::new();
        for _ in 0..6 {
            let (from, channel, bytes) = node.message().await;
            let expected = if channel == Channel::Consensus { 100 } else { 300_000 };
            assert_eq!(bytes.len(), expected);
            assert_eq!(key(bytes[0]), from);
            seen.insert((from, channel));
        }
        assert_eq!(seen.len(), 6);
    }
    let (first, others) = nodes.split_first_mut().unwrap();
    let answering = async {
        let (from, bytes, reply) = others[0]
            .wait(|event| match event {
                NetworkEvent::Request { from, bytes, reply } => Some((from, bytes, reply)),
                _ => None,
            })
            .await;
        assert_eq!((from, bytes), (key(1), b"block 7".to_vec()));
        reply.send(vec![7; MAX_SYNC_RESPONSE_BYTES]).unwrap();
    };
    let asking = first.network.request(key(2), b"block 7", PATIENCE);
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer.unwrap().len(), MAX_SYNC_RESPONSE_BYTES);
    let info = nodes[0].info(2);
    assert_eq!(info.region, Some(Region(310_002)));
    assert_eq!((info.score, info.refusal, info.traffic.dropped), (MAX_SCORE, None, 0));
    assert!(info.since.is_some() && info.traffic.bytes_in > MAX_SYNC_RESPONSE_BYTES as u64);
    eventually(|| nodes[0].info(2).rtt.is_some()).await;
}

#[tokio::test]
async fn requests_fail_with_a_reason() {
    let allowed = allow(&[1, 2]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let nobody = a.network.request(key(2), b"?", PATIENCE).await;
    assert_eq!(nobody, Err(RequestError::NotConnected));
    let large = vec![0; MAX_SYNC_REQUEST_BYTES + 1];
    let refused = a.network.request(key(2), &large, PATIENCE).await;
    assert_eq!(refused, Err(RequestError::TooLarge(large.len())));
    let mut b = Node::start(config(2, &[a.at()]), 2, &allowed).await;
    a.connected(2).await;
    b.connected(1).await;
    let late = a.network.request(key(2), b"?", Duration::from_millis(50)).await;
    assert_eq!(late, Err(RequestError::Timeout));
    let dropping = b.wait(|event| match event {
        NetworkEvent::Request { bytes, .. } if bytes == b"drop" => Some(()),
        _ => None,
    });
    let (none, ()) = tokio::join!(a.network.request(key(2), b"drop", PATIENCE), dropping);
    assert_eq!(none, Err(RequestError::NoResponse));
}

#[tokio::test]
async fn a_stranger_is_refused_and_gets_nothing() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2])).await;
    // The stranger's own set says that all is well.
    let mut stranger = Node::start(config(9, &[a.at()]), 9, &allow(&[1, 9])).await;
    assert_eq!(a.refused().await, (Some(key(9)), Refusal::Unregistered));
    assert_eq!(stranger.refused().await, (Some(key(1)), Refusal::Declined));
    assert_eq!(a.network.broadcast(Channel::Consensus, vec![1]), 0);
    assert!(!stranger.network.send(key(1), Channel::Consensus, vec![1]));
    assert!(a.network.connected().is_empty() && stranger.network.connected().is_empty());
    // Refusals of the same kind go on, but no link, no message.
    assert_eq!(a.refused().await, (Some(key(9)), Refusal::Unregistered));
}

#[tokio::test]
async fn another_genesis_is_refused_on_both_sides() {
    let allowed = allow(&[1, 2]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let other = ChainId([0xC2; 32]);
    let mut b =
        Node::start(NetworkConfig { chain: other, ..config(2, &[a.at()]) }, 2, &allowed).await;
    let seen_by_a = Refusal::WrongChain { ours: CHAIN, theirs: other };
    let seen_by_b = Refusal::WrongChain { ours: other, theirs: CHAIN };
    assert_eq!(a.refused().await, (Some(key(2)), seen_by_a));
    assert_eq!(b.refused().await, (Some(key(1)), seen_by_b));
    assert_eq!(b.info(1).refusal, Some(seen_by_b));
    assert!(seen_by_a.to_string().contains("another genesis"));
    assert_eq!(a.network.broadcast(Channel::Consensus, vec![1]), 0);
    // Nobody hammers: the next attempt is a minute away, so nothing more has happened.
    assert!(a.events.try_recv().is_none() && b.events.try_recv().is_none());
}

#[tokio::test]
async fn leaving_the_set_cuts_the_link_and_joining_makes_it() {
    let allowed = allow(&[1, 2]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let mut b = Node::start(config(2, &[a.at()]), 2, &allow(&[1, 2])).await;
    a.connected(2).await;
    b.connected(1).await;
    allowed.send_replace([key(1)].into());
    a.disconnected(2).await;
    b.disconnected(1).await;
    assert!(!a.network.send(key(2), Channel::Consensus, vec![1]));
    assert!(a.network.peers().is_empty());
    assert_eq!(a.refused().await, (Some(key(2)), Refusal::Unregistered));
    allowed.send_replace([key(1), key(2)].into());
    a.connected(2).await;
    b.connected(1).await;
}

#[tokio::test]
async fn crossing_dials_settle_on_one_link() {
    for round in 0..5u8 {
        let (low, high) = (2 * round + 1, 2 * round + 2);
        let allowed = allow(&[low, high]);
        let mut a = Node::start(config(low, &[]), low, &allowed).await;
        let mut b = Node::start(config(high, &[]), high, &allowed).await;
        let (to_a, to_b) = (a.address().into(), b.address().into());
        tokio::join!(
            a.network.add_peer_address(b.key(), to_b),
            b.network.add_peer_address(a.key(), to_a)
        );
        a.connected(high).await;
        b.connected(low).await;
        for number in 0..20u8 {
            assert!(a.network.send(key(high), Channel::Consensus, vec![number]));
            assert!(b.network.send(key(low), Channel::Bundles, vec![number]));
        }
        // Nothing lost, nothing out of order, no second `Connected` or `Disconnected` in between.
        for number in 0..20u8 {
            for node in [&mut a, &mut b] {
                match node.next().await {
                    NetworkEvent::Message { bytes, .. } => assert_eq!(bytes, [number]),
                    other => panic!("expected a message, found {other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_partition_cuts_and_heals() {
    let allowed = allow(&[1, 2, 3]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let mut b = Node::start(config(2, &[a.at()]), 2, &allowed).await;
    let mut c = Node::start(config(3, &[a.at(), b.at()]), 3, &allowed).await;
    for (node, others) in [(&mut a, [2, 3]), (&mut b, [1, 3]), (&mut c, [1, 2])] {
        for other in others {
            node.connected(other).await;
        }
    }
    a.network.set_partition([key(2)].into()).await;
    a.disconnected(2).await;
    b.disconnected(1).await;
    assert_eq!(a.info(2).refusal, Some(Refusal::Partitioned));
    assert_eq!(a.network.broadcast(Channel::Consensus, vec![1]), 1);
    assert_eq!(c.message().await.0, key(1));
    a.network.set_partition(BTreeSet::new()).await;
    a.connected(2).await;
    b.connected(1).await;
    assert_eq!(a.info(2).refusal, None);
}

#[tokio::test]
async fn a_restarted_node_is_found_again_on_its_port() {
    let allowed = allow(&[1, 2]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let address = a.address();
    let mut b = Node::start(config(2, &[a.at()]), 2, &allowed).await;
    a.connected(2).await;
    b.connected(1).await;
    a.network.shutdown().await;
    b.disconnected(1).await;
    assert!(!a.network.send(key(2), Channel::Consensus, vec![1]));
    while a.events.recv().await.is_some() {}
    let mut a = Node::start(NetworkConfig { listen: address, ..config(1, &[]) }, 1, &allowed).await;
    a.connected(2).await;
    b.connected(1).await;
    assert!(b.network.send(key(1), Channel::Consensus, vec![5]));
    assert_eq!(a.message().await, (key(2), Channel::Consensus, vec![5]));
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let allowed = allow(&[1, 2]);
    let a = Node::start(config(1, &[]), 1, &allowed).await;
    let second = NetworkConfig { listen: a.address(), ..config(2, &[]) };
    let error = Network::start(second, allowed.subscribe()).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { address, .. } if address == a.address()));
}

#[tokio::test]
async fn an_owner_that_takes_nothing_stalls_only_itself() {
    let allowed = allow(&[1, 2, 3]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let mut slow = Node::start(config(2, &[a.at()]), 2, &allowed).await;
    let mut quick = Node::start(config(3, &[a.at()]), 3, &allowed).await;
    a.connected(2).await;
    a.connected(3).await;
    slow.connected(1).await;
    quick.connected(1).await;
    // Far more than the slow node's budget and every buffer on the way hold; the quick one takes
    // each before the next is sent.
    let largest = Channel::Consensus.max_frame_bytes();
    for number in 0..600u32 {
        let mut frame = vec![0; largest];
        frame[..4].copy_from_slice(&number.to_be_bytes());
        assert_eq!(a.network.broadcast(Channel::Consensus, frame), 2);
        assert_eq!(quick.message().await.2[..4], number.to_be_bytes());
    }
    assert!(a.info(2).traffic.dropped > 0, "the queue for the slow node never filled");
    assert_eq!(a.info(3).traffic.dropped, 0);
    let waiting = slow.info(1).traffic.bytes_in as usize;
    assert!(waiting <= Channel::Consensus.budget_bytes(), "{waiting} bytes wait at the slow node");
    // Once it takes events again, the newest message arrives, though the oldest were dropped.
    let newest = 599u32.to_be_bytes();
    while slow.message().await.2[..4] != newest {}
}

#[tokio::test]
async fn votes_overtake_bundles() {
    let allowed = allow(&[1, 2]);
    let mut a = Node::start(config(1, &[]), 1, &allowed).await;
    let mut b = Node::start(config(2, &[a.at()]), 2, &allowed).await;
    a.connected(2).await;
    b.connected(1).await;
    for _ in 0..40 {
        a.network.send(key(2), Channel::Bundles, vec![0; 320 * 1024]);
    }
    a.network.send(key(2), Channel::Consensus, vec![1]);
    let mut before = 0;
    while b.message().await.1 == Channel::Bundles {
        before += 1;
    }
    assert!(before < 20, "{before} bundles came before the vote");
}
