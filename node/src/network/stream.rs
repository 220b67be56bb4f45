//! The long-lived one-way streams of a link: one for each channel and direction.
//!
//! A frame costs no round trip: the stream is open before it is needed. Streams take turns of
//! 16 KiB on the connection, so a vote never waits for a bundle to pass.

use std::sync::Arc;
use std::time::Duration;

use futures::io::{BufWriter, ReadHalf, WriteHalf};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;

use super::channel::{Channel, FRAME_OVERHEAD_BYTES};
use super::frame::{self, FrameError, Pulse};
use super::link::LinkEnd;
use super::peer::{Line, Peer};
use super::score::Violation;
use super::shared::{Context, Report};

/// Small frames waiting together leave in one write of up to so many bytes.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// Sends what is queued until the link ends.
pub(crate) async fn send(channel: Channel, line: Arc<Line>, peer: Arc<Peer>) -> Option<LinkEnd> {
    let Ok(stream) = line.opener.open(channel.protocol()).await else {
        return Some(LinkEnd::Closed);
    };
    let (read, write) = stream.split();
    let writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, write);
    Some(match send_frames(channel, &line, &peer, read, writer).await {
        Ok(end) => end,
        Err(error) => error.into(),
    })
}

async fn send_frames(
    channel: Channel,
    line: &Line,
    peer: &Peer,
    mut read: ReadHalf<Stream>,
    mut write: BufWriter<WriteHalf<Stream>>,
) -> std::io::Result<LinkEnd> {
    let (queue, mut nothing) = (line.queue(channel), [0]);
    loop {
        let first = tokio::select! {
            frame = queue.pop() => frame,
            // Nothing ever comes back on a one-way stream but its end.
            read = read.read(&mut nothing) => return Ok(match read? {
                0 => LinkEnd::Closed,
                _ => Violation::Malformed.into(),
            }),
        };
        let mut next = Some(first);
        while let Some(frame) = next {
            frame::write(&mut write, &frame).await?;
            peer.counters.sent(frame.len());
            next = queue.try_pop();
        }
        write.flush().await?;
    }
}

/// Receives frames until the link ends. The next frame is read only when the peer's rate and its
/// budget allow, so a peer that sends too much, or whose frames nobody takes, waits for itself.
pub(crate) async fn receive(
    channel: Channel,
    mut stream: Stream,
    pulse: Pulse,
    context: Context,
) -> Option<LinkEnd> {
    let mut held_back = Duration::ZERO;
    loop {
        match receive_frame(channel, &mut stream, &pulse, &context).await {
            Ok(Duration::ZERO) => held_back = Duration::ZERO,
            Ok(waited) => held_back += waited,
            Err(error) => return Some(error.into()),
        }
        if held_back > context.shared.limits.overrate {
            held_back = Duration::ZERO;
            let (peer, violation) = (context.peer.key, Violation::Overrate);
            context.reports.send(Report::Violation { peer, violation }).await.ok()?;
        }
    }
}

/// Receives one frame; how long the peer was held back by its rate.
async fn receive_frame(
    channel: Channel,
    stream: &mut Stream,
    pulse: &Pulse,
    context: &Context,
) -> Result<Duration, FrameError> {
    let (peer, bound) = (&context.peer, channel.max_frame_bytes());
    let length = frame::read_length(stream, Some(channel), bound, pulse).await?;
    let wait = peer.throttle(channel, length);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let cost = (length + FRAME_OVERHEAD_BYTES) as u32;
    let budget = peer.budgets[channel.index()].clone();
    // The semaphore is never closed; were it, the link would be of no use.
    let permit = budget.acquire_many_owned(cost).await.map_err(|_| FrameError::Closed)?;
    let body = frame::read_body(stream, length, pulse).await?;
    peer.counters.received(length);
    context.events.message(peer.key, channel, body, permit);
    Ok(wait)
}
