//! How fast one address may submit: a bucket of tokens for each, in a bounded table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Transactions a second, in the long run. Bulk import through one gateway stays below it.
const PER_SECOND: f64 = 2_000.0;
/// Most at once.
const BURST: f64 = 4_000.0;
/// Most addresses remembered.
const MAX_ADDRESSES: usize = 4_096;

struct Bucket {
    tokens: f64,
    filled: Instant,
}

#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<IpAddr, Bucket>>);

impl Rates {
    /// Whether an address may submit one more now.
    pub(super) fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            // Full buckets say no more than absent ones.
            buckets.retain(|_, bucket| bucket.level(now) < BURST);
            if buckets.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: BURST, filled: now });
        bucket.tokens = bucket.level(now);
        bucket.filled = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }
}

impl Bucket {
    fn level(&self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * PER_SECOND;
        (self.tokens + gained).min(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_refills() {
        let (rates, now) = (Rates::default(), Instant::now());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = (0..10_000).filter(|_| rates.take(address, now)).count();
        assert_eq!(taken, BURST as usize);
        assert!(rates.take(address, now + Duration::from_millis(1)));
        assert!(rates.take(Ipv4Addr::new(127, 0, 0, 2).into(), now), "others are not concerned");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_quiet() {
        let (rates, now) = (Rates::default(), Instant::now());
        let address = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        for n in 0..MAX_ADDRESSES as u32 {
            assert!(rates.take(address(n), now));
        }
        assert!(!rates.take(address(u32::MAX), now), "all of them spent something just now");
        assert!(rates.take(address(u32::MAX), now + Duration::from_secs(5)));
        assert!(rates.0.lock().unwrap().len() < 3);
    }
}
