//! A token bucket for messages and bytes. It takes the time as an argument and reads no clock.
//!
//! Invariant: over any span `t`, no more passes than `rate × (t + 1 s)` and one frame. Taking
//! always succeeds and says how long to wait first: whoever sends too much is slowed by the
//! pressure on its stream, which costs us neither memory nor CPU.

use std::time::Duration;

use tokio::time::Instant;

/// How much one peer may send on one channel. A second's worth may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second.
    pub messages_per_second: u32,
    /// Bytes a second.
    pub bytes_per_second: u32,
}

/// What is left of a [`Rate`] at a moment; negative when in debt.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    messages: f64,
    bytes: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        let (messages, bytes) = (rate.messages_per_second.into(), rate.bytes_per_second.into());
        Self { rate, messages, bytes, at: now }
    }

    /// Takes one message only if it passes without waiting.
    pub(crate) fn try_take(&mut self, now: Instant) -> bool {
        let before = (self.messages, self.bytes, self.at);
        let passes = self.take(0, now).is_zero();
        if !passes {
            (self.messages, self.bytes, self.at) = before;
        }
        passes
    }

    /// Takes one message of `bytes` bytes. The caller waits for the answer before it reads on.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        let (messages, bytes_rate): (f64, f64) =
            (self.rate.messages_per_second.into(), self.rate.bytes_per_second.into());
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.messages = (self.messages + elapsed * messages).min(messages) - 1.0;
        self.bytes = (self.bytes + elapsed * bytes_rate).min(bytes_rate) - bytes as f64;
        let debt = (-self.messages / messages).max(-self.bytes / bytes_rate).max(0.0);
        // A frame is bounded, so the debt is too; the cap only guards the conversion.
        Duration::from_secs_f64(debt.min(3_600.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { messages_per_second: 10, bytes_per_second: 1_000 };

    #[test]
    fn a_second_passes_at_once_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        for _ in 0..10 {
            assert_eq!(bucket.take(1, start), Duration::ZERO);
        }
        assert_eq!(bucket.take(1, start), Duration::from_millis(100));
        assert_eq!(bucket.take(1, start + Duration::from_millis(200)), Duration::ZERO);
    }

    #[test]
    fn trying_makes_no_debt() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert_eq!((0..100).filter(|_| bucket.try_take(start)).count(), 10);
        assert!(bucket.try_take(start + Duration::from_millis(100)));
    }

    #[test]
    fn bytes_count_too() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        assert_eq!(bucket.take(1_000, start), Duration::ZERO);
        assert_eq!(bucket.take(500, start), Duration::from_millis(500));
    }

    #[test]
    fn time_that_runs_backwards_gives_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start + Duration::from_secs(9));
        for _ in 0..10 {
            bucket.take(1, start);
        }
        assert!(bucket.take(1, start) > Duration::ZERO);
    }

    proptest::proptest! {
        #[test]
        fn invariant_never_more_than_the_rate(
            steps in proptest::collection::vec((0u64..300, 1usize..400), 1..200)
        ) {
            let start = Instant::now();
            let (mut bucket, mut now, mut messages, mut bytes) =
                (Bucket::new(RATE, start), start, 0u64, 0usize);
            for (pause, size) in steps {
                now += Duration::from_millis(pause);
                messages += 1;
                bytes += size;
                now += bucket.take(size, now);
                let allowed = (now - start).as_secs_f64() + 1.0 + 1e-6;
                proptest::prop_assert!(messages as f64 <= 10.0 * allowed + 1.0);
                proptest::prop_assert!(bytes as f64 <= 1_000.0 * allowed + 1.0);
            }
        }
    }
}
