//! Who has given wrong tokens, and how long the next answer takes: nobody is to try many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long the first answer takes; each further one twice as long.
const FIRST: Duration = Duration::from_millis(250);

/// No answer takes longer: who waits has a connection that others could have.
const LONGEST: Duration = Duration::from_secs(8);

/// After this time without a wrong token a machine begins anew.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Machines that are remembered: the ones of the last wrong tokens.
const MACHINES: usize = 1024;

/// The wrong tokens of each machine (or network, see [`Stream::origin`](tumble_ipi::net::Stream::origin)): how many, and when
/// the last one came.
#[derive(Debug, Default)]
pub struct Guesses {
    machines: HashMap<Option<IpAddr>, (u32, Instant)>,
}

impl Guesses {
    /// Counts one; after how long it is to be answered.
    pub fn add(&mut self, origin: Option<IpAddr>, now: Instant) -> Duration {
        self.machines.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGOTTEN);
        if self.machines.len() >= MACHINES && !self.machines.contains_key(&origin) {
            let oldest = self.machines.iter().min_by_key(|(_, (_, last))| *last).map(|(origin, _)| *origin);
            oldest.map(|oldest| self.machines.remove(&oldest));
        }
        let (count, last) = self.machines.entry(origin).or_insert((0, now));
        (*count, *last) = (count.saturating_add(1), now);
        (FIRST * 2u32.saturating_pow(*count - 1)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(i: u32) -> Option<IpAddr> {
        Some(IpAddr::from(i.to_be_bytes()))
    }

    #[test]
    fn each_answer_takes_twice_as_long_up_to_eight_seconds_and_others_do_not_suffer() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let delays: Vec<_> = (0..40).map(|_| guesses.add(machine(1), now).as_millis()).collect();
        assert_eq!(delays[..7], [250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert!(delays[7..].iter().all(|&delay| delay == 8000));
        assert_eq!(guesses.add(machine(2), now), FIRST);
        assert_eq!(guesses.add(machine(1), now + FORGOTTEN), FIRST);
    }

    #[test]
    fn guesses_remember_the_latest_of_many_machines() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let at = |i: u32| now + Duration::from_millis(i.into());
        for i in 0..3000 {
            guesses.add(machine(i), at(i));
        }
        assert_eq!(guesses.machines.len(), MACHINES);
        assert_eq!(guesses.add(machine(2999), at(3000)), 2 * FIRST);
        assert_eq!(guesses.add(machine(0), at(3001)), FIRST);
    }
}
