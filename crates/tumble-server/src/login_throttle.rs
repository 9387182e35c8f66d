//! The login throttle: answers to wrong tokens are delayed, so that tokens cannot be guessed by trying many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Delay of the first answer; each further wrong token doubles it.
const INITIAL_DELAY: Duration = Duration::from_millis(250);

/// The longest delay: a delayed connection occupies a slot that others could use.
const MAX_DELAY: Duration = Duration::from_secs(8);

/// Time without a wrong token before the count of an address is reset.
const EXPIRY: Duration = Duration::from_secs(600);

/// The most addresses remembered, by their latest wrong token.
const MAX_ORIGINS: usize = 1024;

/// Number and time of the latest wrong token of each address (for IPv6 each network, see
/// [`Stream::origin`](tumble_ipi::net::Stream::origin)).
#[derive(Debug, Default)]
pub struct LoginThrottle {
    failures: HashMap<Option<IpAddr>, (u32, Instant)>,
}

impl LoginThrottle {
    /// Counts a wrong token and returns the delay of its answer.
    pub fn record_failure(&mut self, origin: Option<IpAddr>, now: Instant) -> Duration {
        self.failures.retain(|_, (_, last)| now.saturating_duration_since(*last) < EXPIRY);
        if self.failures.len() >= MAX_ORIGINS && !self.failures.contains_key(&origin) {
            let oldest = self.failures.iter().min_by_key(|(_, (_, last))| *last).map(|(origin, _)| *origin);
            oldest.map(|oldest| self.failures.remove(&oldest));
        }
        let (count, last) = self.failures.entry(origin).or_insert((0, now));
        (*count, *last) = (count.saturating_add(1), now);
        (INITIAL_DELAY * 2u32.saturating_pow(*count - 1)).min(MAX_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(i: u32) -> Option<IpAddr> {
        Some(IpAddr::from(i.to_be_bytes()))
    }

    #[test]
    fn delay_doubles_up_to_eight_seconds_for_one_origin_only() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        let delays: Vec<_> = (0..40).map(|_| throttle.record_failure(origin(1), now).as_millis()).collect();
        assert_eq!(delays[..7], [250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert!(delays[7..].iter().all(|&delay| delay == 8000));
        assert_eq!(throttle.record_failure(origin(2), now), INITIAL_DELAY);
        assert_eq!(throttle.record_failure(origin(1), now + EXPIRY), INITIAL_DELAY);
    }

    #[test]
    fn throttle_remembers_the_latest_of_many_origins() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        let at = |i: u32| now + Duration::from_millis(i.into());
        for i in 0..3000 {
            throttle.record_failure(origin(i), at(i));
        }
        assert_eq!(throttle.failures.len(), MAX_ORIGINS);
        assert_eq!(throttle.record_failure(origin(2999), at(3000)), 2 * INITIAL_DELAY);
        assert_eq!(throttle.record_failure(origin(0), at(3001)), INITIAL_DELAY);
    }
}
