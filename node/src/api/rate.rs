//! How fast one address may submit: a bucket of tokens for each, in a bounded table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Most addresses remembered.
const MAX_ADDRESSES: usize = 4_096;

struct Bucket {
    tokens: f64,
    filled: Instant,
}

pub(super) struct Rates {
    /// Transactions a second of one address, in the long run; twice as many at once.
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Rates {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), buckets: Mutex::default() }
    }

    /// Whether an address may submit so many more now.
    pub(super) fn take(&self, address: IpAddr, count: usize, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = 2.0 * self.per_second;
        let level = |bucket: &Bucket| {
            let gained = now.saturating_duration_since(bucket.filled).as_secs_f64();
            gained.mul_add(self.per_second, bucket.tokens).min(full)
        };
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            // Full buckets say no more than absent ones.
            buckets.retain(|_, bucket| level(bucket) < full);
            if buckets.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: full, filled: now });
        let left = level(bucket) - count as f64;
        *bucket =
            Bucket { tokens: if left < 0.0 { left + count as f64 } else { left }, filled: now };
        left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_refills() {
        let (rates, now) = (Rates::new(2_000), Instant::now());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(!rates.take(address, 4_001, now), "more than it ever holds");
        assert!(rates.take(address, 1_000, now));
        let taken = (0..10_000).filter(|_| rates.take(address, 1, now)).count();
        assert_eq!(taken, 3_000);
        assert!(rates.take(address, 1, now + Duration::from_millis(1)));
        assert!(rates.take(Ipv4Addr::new(127, 0, 0, 2).into(), 1, now), "others are not concerned");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_quiet() {
        let (rates, now) = (Rates::new(2_000), Instant::now());
        let address = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        for n in 0..MAX_ADDRESSES as u32 {
            assert!(rates.take(address(n), 1, now));
        }
        assert!(!rates.take(address(u32::MAX), 1, now), "all of them spent something just now");
        assert!(rates.take(address(u32::MAX), 1, now + Duration::from_secs(5)));
        assert!(rates.buckets.lock().unwrap().len() < 3);
    }
}
