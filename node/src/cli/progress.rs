//! How far long work is: a bar at a terminal, a plain line now and then where there is none, and
//! nothing when quiet was asked for. Always on standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::app::App;

/// Longest silence in a log, while something moves.
const SILENCE: Duration = Duration::from_secs(10);
/// Steps below which a log is told nothing of tenths: it is over in a moment.
const SMALL: u64 = 500;

/// Work that takes a while.
pub(crate) struct Progress<'a> {
    app: &'a App,
    /// The text of a plain line, with `done` and `of`.
    key: &'static str,
    bar: ProgressBar,
    plain: bool,
    of: u64,
    said: u64,
    said_at: Instant,
}

impl<'a> Progress<'a> {
    /// Begins; `of` may be set later.
    pub(crate) fn new(app: &'a App, key: &'static str, of: u64) -> Self {
        let at_terminal = std::io::stderr().is_terminal();
        let bar = match at_terminal && !app.out.quiet {
            true => ProgressBar::new(of).with_style(style()),
            false => ProgressBar::hidden(),
        };
        let plain = !at_terminal && !app.out.quiet;
        Self { app, key, bar, plain, of, said: 0, said_at: Instant::now() }
    }

    /// So far, of how much.
    pub(crate) fn set(&mut self, done: u64, of: u64) {
        self.of = of;
        self.bar.set_length(of);
        self.bar.set_position(done);
        if self.plain && self.is_due(done) {
            (self.said, self.said_at) = (done, Instant::now());
            let (done, of) = (done.to_string(), of.to_string());
            self.app.out.tell(self.key, &[("done", &done), ("of", &of)]);
        }
    }

    /// At each tenth of what is large, and after a silence.
    fn is_due(&self, done: u64) -> bool {
        let tenth = self.of / 10;
        let tenths = self.of >= SMALL && done / tenth > self.said / tenth;
        done > self.said && (tenths || self.said_at.elapsed() >= SILENCE)
    }

    /// Ends: the bar goes.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let template = "{wide_bar} {human_pos}/{human_len} {per_sec} {eta} {msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
