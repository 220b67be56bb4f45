//! A registered peer that says hello properly and then does what the test tells it.

use std::collections::BTreeSet;

use futures::AsyncWriteExt;
use libp2p::Stream;
use libp2p::swarm::dial_opts::DialOpts;

use super::*;
use crate::network::channel::{MAX_CONTROL_FRAME_BYTES, Protocol};
use crate::network::control::{Control, Hello, PROTOCOL_VERSION};
use crate::network::frame::{self, Pulse};
use crate::network::handler::Ends;

/// A connection made by hand. It answers no pings and reads nothing unless told to.
pub(super) struct Rogue {
    pub(super) ends: Ends,
    pub(super) link: Stream,
}

impl Rogue {
    /// Connects to a node that has registered `seed` and gets itself admitted.
    pub(super) async fn connect(seed: u8, to: &Node) -> Self {
        let ends = dial(seed, to).await;
        let mut link = ends.opener.open(Protocol::Link).await.unwrap();
        say(&mut link, Control::Hello(hello())).await;
        assert!(matches!(hear(&mut link).await, Some(Control::Hello(_))));
        if key(seed) < to.key() {
            say(&mut link, Control::Admitted).await;
        } else {
            assert_eq!(hear(&mut link).await, Some(Control::Admitted));
        }
        Self { ends, link }
    }

    pub(super) async fn open(&self, protocol: Protocol) -> Stream {
        self.ends.opener.open(protocol).await.unwrap()
    }
}

/// Connects without a word.
pub(super) async fn dial(seed: u8, to: &Node) -> Ends {
    let shared = Arc::new(Shared {
        key: key(seed),
        hello: hello(),
        limits: limits(),
        allowed: watch::Sender::new(BTreeSet::from([to.key()])).subscribe(),
        partition: Mutex::default(),
        peers: Mutex::default(),
        listening: Mutex::default(),
    });
    let mut swarm = build_swarm(&secret(seed), shared).unwrap();
    let address = address::to_multiaddr(to.address());
    let peer = to.key().peer_id().unwrap();
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
    let (give, take) = oneshot::channel();
    tokio::spawn(async move {
        let mut give = Some(give);
        loop {
            let event = swarm.select_next_some().await;
            if let SwarmEvent::ConnectionEstablished { connection_id, .. } = event {
                let ends = swarm.behaviour_mut().admission.take(connection_id).unwrap();
                let _ = give.take().unwrap().send(ends);
            }
        }
    });
    take.await.unwrap()
}

pub(super) fn hello() -> Hello {
    Hello { version: PROTOCOL_VERSION, chain: CHAIN, region: Region(1), session: 666 }
}

pub(super) async fn say(stream: &mut Stream, control: Control) {
    frame::write(stream, &control.encode()).await.unwrap();
    stream.flush().await.unwrap();
}

/// The next control frame; none when the stream ended.
pub(super) async fn hear(stream: &mut Stream) -> Option<Control> {
    let pulse = Pulse::new();
    let length = frame::read_length(stream, None, MAX_CONTROL_FRAME_BYTES, &pulse).await.ok()?;
    Control::decode(&frame::read_body(stream, length, &pulse).await.unwrap())
}
