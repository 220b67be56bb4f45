//! Registered peers that break the protocol: what it costs them, and what it does not cost us.

use futures::AsyncWriteExt;

use super::rogue::{Rogue, dial, hear, hello, say};
use super::*;
use crate::network::channel::Protocol;
use crate::network::control::{Control, Hello};
use crate::network::frame;

async fn oversize(rogue: &Rogue, channel: Channel) -> Violation {
    let bytes = channel.max_frame_bytes() as u32 + 1;
    let mut stream = rogue.open(channel.protocol()).await;
    stream.write_all(&bytes.to_be_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    Violation::Oversize { channel: Some(channel), bytes, bound: channel.max_frame_bytes() }
}

#[tokio::test]
async fn oversize_frames_cost_the_link_and_then_the_right_to_connect() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2])).await;
    let rogue = Rogue::connect(2, &a).await;
    a.connected(2).await;
    let violation = oversize(&rogue, Channel::Bundles).await;
    assert_eq!(a.refused().await, (Some(key(2)), Refusal::Violation(violation)));
    assert_eq!(a.info(2).since, None);
    assert!((40..60).contains(&a.info(2).score), "{}", a.info(2).score);

    let rogue = Rogue::connect(2, &a).await;
    a.connected(2).await;
    let violation = oversize(&rogue, Channel::Consensus).await;
    assert_eq!(a.refused().await, (Some(key(2)), Refusal::Violation(violation)));
    assert!(matches!(a.refused().await, (Some(_), Refusal::Banned { .. })));
    assert!(a.info(2).banned_for.is_some());

    // Banned: the connection is refused before a single stream.
    let ends = dial(2, &a).await;
    assert!(matches!(a.refused().await, (Some(_), Refusal::Banned { .. })));
    drop(ends);
}

#[tokio::test]
async fn a_largest_frame_passes() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2])).await;
    let rogue = Rogue::connect(2, &a).await;
    for channel in Channel::ALL {
        let mut stream = rogue.open(channel.protocol()).await;
        frame::write(&mut stream, &vec![3; channel.max_frame_bytes()]).await.unwrap();
        stream.flush().await.unwrap();
        let (from, found, bytes) = a.message().await;
        assert_eq!((from, found, bytes.len()), (key(2), channel, channel.max_frame_bytes()));
        // Keep the stream: closing it would end the link.
        std::mem::forget(stream);
    }
}

#[tokio::test]
async fn what_no_honest_node_says_costs_the_link() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2, 3, 4, 5])).await;
    let malformed = Refusal::Violation(Violation::Malformed);
    let too_many = Refusal::Violation(Violation::TooManyStreams);

    let mut rogue = Rogue::connect(2, &a).await;
    say(&mut rogue.link, Control::Hello(hello())).await;
    assert_eq!(a.refused().await, (Some(key(2)), malformed));

    let mut rogue = Rogue::connect(3, &a).await;
    frame::write(&mut rogue.link, b"no control frame").await.unwrap();
    rogue.link.flush().await.unwrap();
    assert_eq!(a.refused().await, (Some(key(3)), malformed));

    let rogue = Rogue::connect(4, &a).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = rogue.open(Protocol::Consensus).await;
        frame::write(&mut stream, b"vote").await.unwrap();
        stream.flush().await.unwrap();
        streams.push(stream);
    }
    assert_eq!(a.refused().await, (Some(key(4)), too_many));

    let mut rogue = Rogue::connect(5, &a).await;
    // One ping a heartbeat is normal; a flood is not. The node may hang up before all is written.
    for number in 0..1_000 {
        let frame = Control::Ping(number).encode();
        if frame::write(&mut rogue.link, &frame).await.is_err() {
            break;
        }
    }
    let _ = rogue.link.flush().await;
    assert_eq!(a.refused().await, (Some(key(5)), malformed));
}

#[tokio::test]
async fn a_rogue_that_reads_nothing_holds_up_nobody() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2, 3])).await;
    let _rogue = Rogue::connect(2, &a).await;
    a.connected(2).await;
    let mut b = Node::start(config(3, &[a.at()]), 3, &allow(&[1, 3])).await;
    a.connected(3).await;
    b.connected(1).await;
    // 120 frames of 320 KiB pass the 16 MiB queue and every window on the way.
    for number in 0..120u8 {
        let frame: Arc<[u8]> = vec![number; Channel::Bundles.max_frame_bytes()].into();
        a.network.send(key(2), Channel::Bundles, frame.clone());
        assert!(a.network.send(key(3), Channel::Bundles, frame));
        assert_eq!(b.message().await.2[0], number);
    }
    let traffic = a.info(2).traffic;
    assert!(traffic.dropped >= 50, "{traffic:?}");
    assert_eq!(a.info(3).traffic.dropped, 0);
}

#[tokio::test]
async fn a_silent_peer_is_cut_off() {
    let quick = Limits {
        heartbeat: Duration::from_millis(50),
        silence: Duration::from_millis(300),
        ..limits()
    };
    let mut a =
        Node::start(NetworkConfig { limits: quick, ..config(1, &[]) }, 1, &allow(&[1, 2])).await;
    let _rogue = Rogue::connect(2, &a).await;
    a.connected(2).await;
    a.disconnected(2).await;
    // Silence is no violation: a dead line looks the same.
    assert_eq!(a.info(2).score, MAX_SCORE);
}

#[tokio::test]
async fn too_much_for_too_long_is_slowed_and_costs_points() {
    // 20 a second: a flood is in debt at once.
    let slow = Rate { messages_per_second: 20, bytes_per_second: 1 << 20 };
    let limits = Limits { consensus: slow, overrate: Duration::from_millis(500), ..limits() };
    let mut a = Node::start(NetworkConfig { limits, ..config(1, &[]) }, 1, &allow(&[1, 2])).await;
    let rogue = Rogue::connect(2, &a).await;
    a.connected(2).await;
    let mut stream = rogue.open(Protocol::Consensus).await;
    let start = std::time::Instant::now();
    for _ in 0..60 {
        frame::write(&mut stream, b"again").await.unwrap();
    }
    stream.flush().await.unwrap();
    let mut link = rogue.link;
    let answering = tokio::spawn(async move {
        while let Some(Control::Ping(number)) = hear(&mut link).await {
            say(&mut link, Control::Pong(number)).await;
        }
    });
    assert_eq!(a.refused().await, (Some(key(2)), Refusal::Violation(Violation::Overrate)));
    assert!(a.info(2).since.is_some(), "being slowed does not cost the link");
    let (passed, elapsed) = (a.info(2).traffic.messages_in, start.elapsed().as_secs_f64());
    assert!(passed as f64 <= 20.0 * (elapsed + 1.0) + 1.0, "{passed} in {elapsed} s");
    answering.abort();
}

#[tokio::test]
async fn what_the_owner_reports_counts() {
    let mut a = Node::start(config(1, &[]), 1, &allow(&[1, 2])).await;
    let mut b = Node::start(config(2, &[a.at()]), 2, &allow(&[1, 2])).await;
    a.connected(2).await;
    b.connected(1).await;
    a.network.penalise(key(2), MAX_SCORE + 1).await;
    a.disconnected(2).await;
    b.disconnected(1).await;
    assert!(a.info(2).banned_for.is_some());
}

#[tokio::test]
async fn of_two_connections_the_smaller_key_keeps_the_living_one() {
    let (low, high) = ordered(1, 2);
    let mut a = Node::start(config(low, &[]), low, &allow(&[low, high])).await;
    let first = Rogue::connect(high, &a).await;
    a.connected(high).await;
    // The same process dials again while its first connection lives: a duplicate.
    let second = dial(high, &a).await;
    let mut link = second.opener.open(Protocol::Link).await.unwrap();
    say(&mut link, Control::Hello(hello())).await;
    assert!(matches!(hear(&mut link).await, Some(Control::Hello(_))));
    assert_eq!(hear(&mut link).await, Some(Control::Duplicate));
    assert!(a.events.try_recv().is_none());
    // A restarted one takes over at once, however alive the old connection looks.
    let third = dial(high, &a).await;
    let mut link = third.opener.open(Protocol::Link).await.unwrap();
    say(&mut link, Control::Hello(Hello { session: 667, ..hello() })).await;
    assert!(matches!(hear(&mut link).await, Some(Control::Hello(_))));
    assert_eq!(hear(&mut link).await, Some(Control::Admitted));
    a.disconnected(high).await;
    a.connected(high).await;
    drop((first, third));
}

#[tokio::test]
async fn knocking_without_a_word_times_out() {
    let limits = Limits { handshake: Duration::from_millis(300), ..limits() };
    let mut a = Node::start(NetworkConfig { limits, ..config(1, &[]) }, 1, &allow(&[1, 2])).await;
    let mut ends = dial(2, &a).await;
    // Nothing is opened towards a peer that has not said hello; at last it is hung up on.
    let opened = timeout(PATIENCE, ends.opened.recv()).await.expect("to be hung up on in time");
    assert!(opened.is_none());
    assert!(a.events.try_recv().is_none() && a.network.connected().is_empty());
}

#[tokio::test]
async fn a_flood_of_knocking_is_not_even_shaken_hands_with() {
    let limits =
        Limits { max_inbound_per_second: 3, handshake: Duration::from_secs(60), ..limits() };
    let a = Node::start(NetworkConfig { limits, ..config(1, &[]) }, 1, &allow(&[1, 2])).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(tokio::net::TcpStream::connect(a.address()).await.unwrap());
    }
    // A handshake may take a minute here, so a socket that ends sooner was turned away before it.
    let mut byte = [0];
    let mut closed = 0;
    eventually(|| {
        sockets.retain(|socket| match socket.try_read(&mut byte) {
            Ok(0) => false,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            Ok(_) => true,
        });
        closed = 20 - sockets.len();
        closed >= 10
    })
    .await;
    assert!(closed <= 17, "{closed} of 20 were turned away");
}
