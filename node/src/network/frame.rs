//! Frames on a stream: a length of four bytes (big-endian), then that many bytes.
//!
//! Invariant: the length is checked before anything is allocated, and memory follows what has
//! arrived, not what was announced. Reading also tells the [`Pulse`] that the peer is alive.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::channel::Channel;
use super::score::Violation;

/// Bytes of the length.
pub(crate) const HEADER_BYTES: usize = 4;
/// Step in which a frame's memory grows.
const STEP_BYTES: usize = 64 * 1024;

/// Why a frame was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The peer closed the stream between two frames.
    #[error("the stream was closed")]
    Closed,
    /// The stream broke.
    #[error("the stream broke")]
    Broken(#[from] io::Error),
    /// The length is above the bound.
    #[error(transparent)]
    Oversize(Violation),
}

/// When a peer was last heard of, shared by everything that reads from it.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    start: Instant,
    heard_ms: Arc<AtomicU64>,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), heard_ms: Arc::default() }
    }

    fn beat(&self) {
        self.heard_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long nothing has been heard.
    pub(crate) fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(heard)
    }
}

/// Reads the length of the next frame.
pub(crate) async fn read_length<R: AsyncRead + Unpin>(
    stream: &mut R,
    channel: Option<Channel>,
    bound: usize,
    pulse: &Pulse,
) -> Result<usize, FrameError> {
    let mut header = [0; HEADER_BYTES];
    let first = stream.read(&mut header).await?;
    if first == 0 {
        return Err(FrameError::Closed);
    }
    stream.read_exact(&mut header[first..]).await?;
    pulse.beat();
    let bytes = u32::from_be_bytes(header);
    if bytes as usize > bound {
        return Err(FrameError::Oversize(Violation::Oversize { channel, bytes, bound }));
    }
    Ok(bytes as usize)
}

/// Reads a frame of `length` bytes.
pub(crate) async fn read_body<R: AsyncRead + Unpin>(
    stream: &mut R,
    length: usize,
    pulse: &Pulse,
) -> Result<Vec<u8>, FrameError> {
    let mut body = Vec::new();
    while body.len() < length {
        let start = body.len();
        let end = length.min(start + STEP_BYTES);
        body.resize(end, 0);
        stream.read_exact(&mut body[start..]).await?;
        pulse.beat();
    }
    Ok(body)
}

/// Writes a frame without flushing it.
pub(crate) async fn write<W: AsyncWrite + Unpin>(stream: &mut W, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(body).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    async fn read(bytes: Vec<u8>, bound: usize) -> Result<Vec<u8>, FrameError> {
        let (mut stream, pulse) = (Cursor::new(bytes), Pulse::new());
        let length = read_length(&mut stream, None, bound, &pulse).await?;
        read_body(&mut stream, length, &pulse).await
    }

    #[tokio::test]
    async fn round_trips_across_steps() {
        for length in [0, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES] {
            let (body, mut bytes) = (vec![5; length], Vec::new());
            write(&mut bytes, &body).await.unwrap();
            assert_eq!(bytes.len(), HEADER_BYTES + length);
            assert_eq!(read(bytes, length).await.unwrap(), body);
        }
    }

    #[tokio::test]
    async fn one_byte_above_the_bound_is_refused_unread() {
        let announced = 11u32.to_be_bytes().to_vec();
        assert!(matches!(
            read(announced, 10).await,
            Err(FrameError::Oversize(Violation::Oversize { bytes: 11, bound: 10, .. }))
        ));
    }

    #[tokio::test]
    async fn an_end_between_frames_is_no_break() {
        assert!(matches!(read(vec![], 10).await, Err(FrameError::Closed)));
        assert!(matches!(read(vec![0, 0], 10).await, Err(FrameError::Broken(_))));
        assert!(matches!(read(vec![0, 0, 0, 2, 1], 10).await, Err(FrameError::Broken(_))));
    }
}
