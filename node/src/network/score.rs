//! A peer's standing: violations lower it, time restores it, and at zero the peer is banned for a
//! bounded time. It takes the time as an argument and reads no clock.
//!
//! This file does not know how a violation was found or what a ban does.

use std::time::Duration;

use tokio::time::Instant;

use super::channel::Channel;

/// The best standing.
pub const MAX_SCORE: u32 = 100;
/// Standing after a ban has ended: the next grave violation bans again.
const SCORE_AFTER_BAN: f64 = 50.0;
/// Points that a second without violations restores.
const POINTS_PER_SECOND: f64 = 1.0;

/// What a peer did that no honest node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame announced more bytes than its channel allows.
    #[error("a frame of {bytes} bytes on {channel:?}, at most {bound} are allowed")]
    Oversize {
        /// The channel; none for control frames, requests and responses.
        channel: Option<Channel>,
        /// Announced length, in bytes.
        bytes: u32,
        /// Largest length allowed, in bytes.
        bound: usize,
    },
    /// A control frame that is none, or that does not belong here.
    #[error("a malformed or unexpected control frame")]
    Malformed,
    /// More than the channel's rate, for seconds on end.
    #[error("more than the allowed rate for several seconds")]
    Overrate,
    /// More streams than the protocol uses.
    #[error("more streams than the protocol uses")]
    TooManyStreams,
    /// The caller found what the peer sent to be invalid.
    #[error("what it sent was found to be invalid")]
    Reported {
        /// Points the caller takes off.
        points: u32,
    },
}

impl Violation {
    /// Points it costs.
    pub(crate) const fn points(self) -> u32 {
        match self {
            Violation::Oversize { .. } | Violation::Malformed => 60,
            Violation::TooManyStreams => 30,
            Violation::Overrate => 10,
            Violation::Reported { points } => points,
        }
    }
}

/// The standing of one peer.
#[derive(Debug)]
pub(crate) struct Score {
    points: f64,
    at: Instant,
    banned_until: Option<Instant>,
}

impl Score {
    pub(crate) fn new(now: Instant) -> Self {
        Self { points: MAX_SCORE.into(), at: now, banned_until: None }
    }

    /// Takes the violation's points off; true when the peer is banned from now on.
    pub(crate) fn lower(&mut self, violation: Violation, ban: Duration, now: Instant) -> bool {
        self.advance(now);
        self.points -= f64::from(violation.points());
        if self.points > 0.0 {
            return false;
        }
        self.points = 0.0;
        self.banned_until = Some(now + ban);
        true
    }

    /// The standing, from 0 to [`MAX_SCORE`].
    pub(crate) fn points(&mut self, now: Instant) -> u32 {
        self.advance(now);
        self.points as u32
    }

    /// How long the peer is still banned.
    pub(crate) fn banned_for(&mut self, now: Instant) -> Option<Duration> {
        self.advance(now);
        self.banned_until.map(|until| until - now)
    }

    fn advance(&mut self, now: Instant) {
        if let Some(until) = self.banned_until {
            if now < until {
                self.at = now;
                return;
            }
            (self.banned_until, self.points, self.at) = (None, SCORE_AFTER_BAN, until);
        }
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.points = (self.points + elapsed * POINTS_PER_SECOND).min(MAX_SCORE.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAN: Duration = Duration::from_secs(60);

    #[test]
    fn two_grave_violations_ban_for_a_bounded_time() {
        let start = Instant::now();
        let mut score = Score::new(start);
        assert!(!score.lower(Violation::Malformed, BAN, start));
        assert_eq!((score.points(start), score.banned_for(start)), (40, None));
        assert!(score.lower(Violation::Malformed, BAN, start));
        assert_eq!((score.points(start), score.banned_for(start)), (0, Some(BAN)));
        let last = start + BAN - Duration::from_millis(1);
        assert_eq!(score.banned_for(last), Some(Duration::from_millis(1)));
        assert_eq!((score.banned_for(start + BAN), score.points(start + BAN)), (None, 50));
    }

    #[test]
    fn time_restores_but_not_beyond_the_best() {
        let start = Instant::now();
        let mut score = Score::new(start);
        score.lower(Violation::Overrate, BAN, start);
        assert_eq!(score.points(start + Duration::from_secs(4)), 94);
        assert_eq!(score.points(start + Duration::from_secs(400)), MAX_SCORE);
    }
}
