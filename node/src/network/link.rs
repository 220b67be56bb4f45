//! The life of one connection: hello, admission, service.
//!
//! 1. The dialling side opens the link stream and says hello; the other answers with its own.
//! 2. Another chain or version ends it here, with the same reason on both sides.
//! 3. The node with the smaller key asks its driver whether this connection is the link, and tells
//!    the peer. Streams that arrive before that wait.
//! 4. In service: a stream for each channel and direction, opened once; requests on streams of
//!    their own; a ping each way every heartbeat. A peer that is silent too long is cut off.
//!
//! Every task of a link lives in its `JoinSet`, so ending the link ends them all.

use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::channel::{Channel, LINGER, MAX_CONCURRENT_REQUESTS, MAX_CONTROL_FRAME_BYTES, Protocol};
use super::control::{Control, Hello};
use super::events::Refusal;
use super::frame::{self, FrameError, Pulse};
use super::handler::{Ends, Opened};
use super::peer::Line;
use super::rate::{Bucket, Rate};
use super::score::Violation;
use super::shared::{Context, Report};
use super::{stream, sync};

/// Most tasks of a link: two channels each way, the link stream, requests served and waiting.
const MAX_TASKS: usize = 5 + 2 * MAX_CONCURRENT_REQUESTS;
/// Control frames a peer may send: a ping and a pong each heartbeat, with room to spare.
const CONTROL_RATE: Rate = Rate { messages_per_second: 100, bytes_per_second: 12_800 };

/// Why a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkEnd {
    /// The connection broke, or the peer closed it.
    Closed,
    /// Nothing was heard for too long.
    Silent,
    /// Another connection to this peer is the link.
    Duplicate,
    /// It may not stay, for this reason.
    Refused(Refusal),
}

impl From<Violation> for LinkEnd {
    fn from(violation: Violation) -> Self {
        LinkEnd::Refused(Refusal::Violation(violation))
    }
}

impl From<FrameError> for LinkEnd {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Oversize(violation) => violation.into(),
            FrameError::Closed | FrameError::Broken(_) => LinkEnd::Closed,
        }
    }
}

impl From<std::io::Error> for LinkEnd {
    fn from(_: std::io::Error) -> Self {
        LinkEnd::Closed
    }
}

/// A connection on its way to become a link.
pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    pub(crate) dialled: bool,
    pub(crate) ends: Ends,
    pub(crate) context: Context,
}

impl Link {
    /// Runs the link to its end.
    pub(crate) async fn run(mut self) -> LinkEnd {
        let pulse = Pulse::new();
        let (mut early, patience) = (Vec::new(), self.context.shared.limits.handshake);
        let shaken = timeout(patience, self.handshake(&pulse, &mut early)).await;
        match shaken {
            Ok(Ok((line, stream))) => self.serve(line, stream, early).await,
            Ok(Err(end)) => end,
            Err(_) => LinkEnd::Silent,
        }
    }

    async fn handshake(
        &mut self,
        pulse: &Pulse,
        early: &mut Vec<Opened>,
    ) -> Result<(Arc<Line>, Stream), LinkEnd> {
        let ours = self.context.shared.hello;
        let (mut stream, theirs) = match self.dialled {
            true => self.say_hello(ours, pulse).await?,
            false => self.answer_hello(ours, pulse, early).await?,
        };
        if let Err(refusal) = ours.accepts(&theirs) {
            // The dialling side has read everything it needs; the other waits until it has.
            if !self.dialled {
                linger(&mut stream).await;
            }
            return Err(LinkEnd::Refused(refusal));
        }
        let opener = self.ends.opener.clone();
        let line = Arc::new(Line::new(self.connection, theirs, opener, pulse.clone()));
        if self.context.shared.key < self.context.peer.key {
            let admitted = self.propose(&line).await;
            let verdict = if admitted { Control::Admitted } else { Control::Duplicate };
            write_control(&mut stream, verdict).await?;
            if !admitted {
                linger(&mut stream).await;
                return Err(LinkEnd::Duplicate);
            }
        } else {
            match read_control(&mut stream, pulse).await? {
                Control::Admitted if self.propose(&line).await => {}
                Control::Admitted => return Err(LinkEnd::Closed),
                Control::Duplicate => return Err(LinkEnd::Duplicate),
                _ => return Err(Violation::Malformed.into()),
            }
        }
        Ok((line, stream))
    }

    async fn say_hello(&self, ours: Hello, pulse: &Pulse) -> Result<(Stream, Hello), LinkEnd> {
        // A peer that does not admit us closes right after Noise, before any hello.
        let declined = LinkEnd::Refused(Refusal::Declined);
        let opened = self.ends.opener.open(Protocol::Link).await;
        let mut stream = opened.map_err(|_| declined)?;
        write_control(&mut stream, Control::Hello(ours)).await.map_err(|_| declined)?;
        match read_control(&mut stream, pulse).await {
            Ok(Control::Hello(theirs)) => Ok((stream, theirs)),
            Ok(_) => Err(Violation::Malformed.into()),
            Err(LinkEnd::Closed) => Err(declined),
            Err(end) => Err(end),
        }
    }

    async fn answer_hello(
        &mut self,
        ours: Hello,
        pulse: &Pulse,
        early: &mut Vec<Opened>,
    ) -> Result<(Stream, Hello), LinkEnd> {
        let mut stream = loop {
            match self.ends.opened.recv().await {
                Some((Protocol::Link, stream)) => break stream,
                Some(other) if early.len() < MAX_TASKS => early.push(other),
                Some(_) => return Err(Violation::TooManyStreams.into()),
                None => return Err(LinkEnd::Closed),
            }
        };
        let Control::Hello(theirs) = read_control(&mut stream, pulse).await? else {
            return Err(Violation::Malformed.into());
        };
        write_control(&mut stream, Control::Hello(ours)).await?;
        Ok((stream, theirs))
    }

    /// Asks the driver whether this is the link; if so, it is in use from now on.
    async fn propose(&self, line: &Arc<Line>) -> bool {
        let (reply, answer) = oneshot::channel();
        let report = Report::Ready { peer: self.context.peer.key, line: line.clone(), reply };
        self.context.reports.send(report).await.is_ok() && answer.await.unwrap_or(false)
    }

    async fn serve(mut self, line: Arc<Line>, link: Stream, early: Vec<Opened>) -> LinkEnd {
        let mut service = Service::new(self.context, line);
        let (link_in, mut link_out) = link.split();
        let (heard, mut control) = mpsc::channel(4);
        service.tasks.spawn(hear(link_in, service.line.pulse.clone(), heard));
        for opened in early {
            if let Err(violation) = service.accept(opened) {
                return violation.into();
            }
        }
        let mut heartbeat = tokio::time::interval(service.context.shared.limits.heartbeat);
        loop {
            let answer = tokio::select! {
                _ = heartbeat.tick() => service.beat(),
                Some(frame) = control.recv() => service.on_control(frame),
                Some(opened) = self.ends.opened.recv() => service.accept(opened).map(|()| None).map_err(LinkEnd::from),
                Some(done) = service.tasks.join_next() => match done {
                    Ok(Some(end)) => Err(end),
                    Ok(None) => Ok(None),
                    // A task that panicked must not leave half a link behind.
                    Err(_) => Err(LinkEnd::Closed),
                },
            };
            let frame = match answer {
                Ok(Some(frame)) => frame,
                Ok(None) => continue,
                Err(end) => return end,
            };
            // A peer that does not even read heartbeats is as good as silent.
            let patience = service.context.shared.limits.silence;
            match timeout(patience, write_control(&mut link_out, frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return LinkEnd::Silent,
            }
        }
    }
}

/// A link in service.
struct Service {
    context: Context,
    line: Arc<Line>,
    tasks: JoinSet<Option<LinkEnd>>,
    receiving: [bool; 2],
    control_rate: Bucket,
    pinged: Option<(u64, Instant)>,
    pings: u64,
}

impl Service {
    fn new(context: Context, line: Arc<Line>) -> Self {
        let mut tasks = JoinSet::new();
        for channel in Channel::ALL {
            tasks.spawn(stream::send(channel, line.clone(), context.peer.clone()));
        }
        let control_rate = Bucket::new(CONTROL_RATE, Instant::now());
        Self { context, line, tasks, receiving: [false; 2], control_rate, pinged: None, pings: 0 }
    }

    /// A stream the peer opened.
    fn accept(&mut self, (protocol, stream): Opened) -> Result<(), Violation> {
        let (context, pulse) = (self.context.clone(), self.line.pulse.clone());
        let channel = match protocol {
            Protocol::Consensus => Channel::Consensus,
            Protocol::Bundles => Channel::Bundles,
            Protocol::Link => return Err(Violation::TooManyStreams),
            Protocol::Sync => {
                // Our own client never has so many under way: dropping the stream refuses it.
                if self.tasks.len() < MAX_TASKS {
                    self.tasks.spawn(sync::serve(stream, pulse, context));
                }
                return Ok(());
            }
        };
        if std::mem::replace(&mut self.receiving[channel.index()], true) {
            return Err(Violation::TooManyStreams);
        }
        self.tasks.spawn(stream::receive(channel, stream, pulse, context));
        Ok(())
    }

    fn beat(&mut self) -> Result<Option<Control>, LinkEnd> {
        if self.line.pulse.silence() > self.context.shared.limits.silence {
            return Err(LinkEnd::Silent);
        }
        self.pings += 1;
        self.pinged = Some((self.pings, Instant::now()));
        Ok(Some(Control::Ping(self.pings)))
    }

    fn on_control(&mut self, frame: Control) -> Result<Option<Control>, LinkEnd> {
        if self.control_rate.take(0, Instant::now()) > Duration::ZERO {
            return Err(Violation::Malformed.into());
        }
        match frame {
            Control::Ping(number) => Ok(Some(Control::Pong(number))),
            Control::Pong(number) => {
                if let Some((_, sent)) = self.pinged.take_if(|(pinged, _)| *pinged == number) {
                    self.line.set_rtt(sent.elapsed());
                }
                Ok(None)
            }
            Control::Hello(_) | Control::Admitted | Control::Duplicate => {
                Err(Violation::Malformed.into())
            }
        }
    }
}

/// Reads control frames in a task of its own: reading in a `select!` would lose half-read ones.
async fn hear(
    mut stream: futures::io::ReadHalf<Stream>,
    pulse: Pulse,
    heard: mpsc::Sender<Control>,
) -> Option<LinkEnd> {
    loop {
        match read_control(&mut stream, &pulse).await {
            Ok(frame) => heard.send(frame).await.ok()?,
            Err(end) => return Some(end),
        }
    }
}

async fn read_control<R: futures::AsyncRead + Unpin>(
    stream: &mut R,
    pulse: &Pulse,
) -> Result<Control, LinkEnd> {
    let length = frame::read_length(stream, None, MAX_CONTROL_FRAME_BYTES, pulse).await?;
    let body = frame::read_body(stream, length, pulse).await?;
    Control::decode(&body).ok_or(Violation::Malformed.into())
}

async fn write_control<W: futures::AsyncWrite + Unpin>(
    stream: &mut W,
    control: Control,
) -> Result<(), LinkEnd> {
    frame::write(stream, &control.encode()).await?;
    Ok(stream.flush().await?)
}

/// Waits until the peer has read the refusal and hung up, but not long.
async fn linger(stream: &mut Stream) {
    let _ = timeout(LINGER, stream.read(&mut [0])).await;
}
