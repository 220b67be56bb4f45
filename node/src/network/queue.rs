//! The bounded queue of frames that wait to be sent to one peer on one channel.
//!
//! Invariant: neither its frames nor its bytes ever pass the bound. Many put in, one takes out.
//! Frames are shared (`Arc`), so a broadcast holds its bytes once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::lock;

/// A frame's bytes, shared between the peers it goes to.
pub(crate) type Frame = Arc<[u8]>;

/// What happens when a frame does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The oldest frames make room: what is newer supersedes them.
    DropOldest,
    /// The new frame is refused: each frame stands for itself.
    RefuseNewest,
}

/// How much a queue holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueBound {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
    pub(crate) overflow: Overflow,
}

/// What became of a frame and of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Whether the new frame is in the queue.
    pub(crate) accepted: bool,
    /// How many frames were lost, the new one included.
    pub(crate) dropped: u64,
}

/// A queue of frames.
#[derive(Debug)]
pub(crate) struct Queue {
    bound: QueueBound,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(bound: QueueBound) -> Self {
        Self { bound, waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Puts a frame in.
    pub(crate) fn push(&self, frame: Frame) -> Pushed {
        let mut waiting = lock(&self.waiting);
        let mut dropped = 0;
        while !self.fits(&waiting, frame.len()) {
            dropped += 1;
            let oldest = match self.bound.overflow {
                Overflow::DropOldest => waiting.frames.pop_front(),
                Overflow::RefuseNewest => None,
            };
            match oldest {
                Some(oldest) => waiting.bytes -= oldest.len(),
                None => return Pushed { accepted: false, dropped },
            }
        }
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        Pushed { accepted: true, dropped }
    }

    /// Takes the oldest frame, if there is one.
    pub(crate) fn try_pop(&self) -> Option<Frame> {
        let mut waiting = lock(&self.waiting);
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.len();
        Some(frame)
    }

    /// Takes the oldest frame, waiting for one. Dropping the future loses nothing.
    pub(crate) async fn pop(&self) -> Frame {
        loop {
            if let Some(frame) = self.try_pop() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    fn fits(&self, waiting: &Waiting, bytes: usize) -> bool {
        waiting.frames.len() < self.bound.frames && waiting.bytes + bytes <= self.bound.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(overflow: Overflow) -> Queue {
        Queue::new(QueueBound { frames: 3, bytes: 10, overflow })
    }

    fn frame(len: usize, tag: u8) -> Frame {
        vec![tag; len].into()
    }

    #[test]
    fn drops_the_oldest_until_the_new_one_fits() {
        let queue = queue(Overflow::DropOldest);
        for tag in 1..=3 {
            assert_eq!(queue.push(frame(3, tag)), Pushed { accepted: true, dropped: 0 });
        }
        assert_eq!(queue.push(frame(6, 4)), Pushed { accepted: true, dropped: 2 });
        assert_eq!(queue.push(frame(11, 5)), Pushed { accepted: false, dropped: 3 });
        assert!(queue.try_pop().is_none());
    }

    #[test]
    fn refuses_the_newest() {
        let queue = queue(Overflow::RefuseNewest);
        for tag in 1..=3 {
            queue.push(frame(1, tag));
        }
        assert_eq!(queue.push(frame(1, 4)), Pushed { accepted: false, dropped: 1 });
        assert_eq!(queue.try_pop().unwrap()[0], 1);
        assert_eq!(queue.push(frame(8, 5)), Pushed { accepted: true, dropped: 0 });
        assert_eq!(queue.push(frame(1, 6)), Pushed { accepted: false, dropped: 1 });
    }

    #[tokio::test]
    async fn a_waiting_taker_is_woken() {
        let queue = Arc::new(queue(Overflow::DropOldest));
        let taker = tokio::spawn({
            let queue = queue.clone();
            async move { queue.pop().await }
        });
        tokio::task::yield_now().await;
        queue.push(frame(2, 9));
        assert_eq!(taker.await.unwrap()[..], [9, 9]);
    }
}
