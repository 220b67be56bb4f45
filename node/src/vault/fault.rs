//! Crash points for tests: every write, sync and rename of the vault passes one.
//!
//! In the product they are nothing. In a test a countdown runs for each thread; when it is at its
//! end every further operation fails, as after a crash, and a write leaves half its bytes.

#[cfg(test)]
pub(super) use imp::crash_after;
pub(super) use imp::crashed;

/// The error of an operation that fell to the crash.
pub(super) fn point() -> std::io::Result<()> {
    if crashed() { Err(std::io::Error::other("crash point")) } else { Ok(()) }
}

#[cfg(not(test))]
mod imp {
    pub(in crate::vault) const fn crashed() -> bool {
        false
    }
}

#[cfg(test)]
mod imp {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Whether this operation falls to the crash.
    pub(in crate::vault) fn crashed() -> bool {
        LEFT.with(|left| match left.get() {
            None => false,
            Some(0) => true,
            Some(count) => {
                left.set(Some(count - 1));
                false
            }
        })
    }

    /// Lets `count` operations pass, or all with `None`.
    pub(in crate::vault) fn crash_after(count: Option<usize>) {
        LEFT.with(|left| left.set(count));
    }
}
