//! Connections that have begun no simulation: how many there may be, for how long, and which of them has to go.
//!
//! Anybody who reaches the socket can open one, token or not. They have slots and time of their own, as with sshd's
//! MaxStartups and LoginGraceTime: they take nothing from simulations, and can only be in the way of each other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::scheduler::connection::Connection;
use crate::scheduler::{Event, Key, Scheduler};

/// What is granted to connections that have begun no simulation.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// How many there may be; one more takes the place of another.
    pub max_pending: usize,
    /// How long an `INIT` is waited for.
    pub grace: Duration,
}

/// Messages before an `INIT`: more than a client needs, who sends at most one.
pub(super) const MAX_EARLY: usize = 100;

impl Scheduler {
    /// Number of connections that have begun a simulation and may go on with it.
    pub fn simulations(&self) -> usize {
        self.connections.values().filter(|connection| connection.begun() && !connection.ended).count()
    }

    /// Ends connections that have begun nothing, until there are as few as may be.
    pub(super) fn make_room(&mut self) {
        let Some(Admission { max_pending, .. }) = self.limits.admission else { return };
        while self.connections.values().filter(|connection| !connection.begun()).count() > max_pending {
            let Some(key) = eviction_candidate(&self.connections) else { return };
            self.evict(key, max_pending);
        }
    }

    fn evict(&mut self, key: Key, most: usize) {
        let Some(mut connection) = self.connections.remove(&key) else { return };
        // It fails only for a socket that the poller has lost already.
        let _ = self.poller.delete(connection.fd());
        if connection.ended {
            return;
        }
        connection.dismiss(&format!(
            "the server has {most} connections already that have sent no INIT: connect again, and send it at once"
        ));
        self.events.push(Event::Evicted(connection.peer));
    }

    /// Ends a connection with a sentence, but later; it is not listened to until then.
    pub fn refuse_later(&mut self, key: Key, sentence: String, delay: Duration) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.refuse_at(Instant::now() + delay, sentence);
        }
    }

    /// Counts time that a connection has cost its owner, other than for its first `INIT`.
    pub fn charge(&mut self, key: Key, spent: Duration) {
        if let Some(connection) = self.connections.get_mut(&key).filter(|connection| connection.begun()) {
            connection.limiter.charge(spent);
        }
    }

    /// Goes on with those whose pause is over.
    pub(super) fn resume(&mut self) {
        let now = Instant::now();
        let paused = self.connections.iter_mut().filter(|(_, connection)| connection.limiter.paused_until().is_some());
        let due: Vec<_> =
            paused.filter_map(|(key, connection)| connection.limiter.end_pause(now).then_some(*key)).collect();
        due.into_iter().for_each(|key| self.advance(key));
    }
}

/// Which of those that have begun nothing has to go: one that has been refused already, else the oldest one of the
/// machine that has most of them. Who has just come and is quick stays, whatever others do.
fn eviction_candidate(connections: &BTreeMap<Key, Connection>) -> Option<Key> {
    let pending = || connections.iter().filter(|(_, connection)| !connection.begun());
    if let Some((key, _)) = pending().find(|(_, connection)| connection.ended) {
        return Some(*key);
    }
    let mut counts = BTreeMap::new();
    pending().for_each(|(_, connection)| *counts.entry(connection.origin).or_insert(0) += 1);
    let most = counts.values().max().copied();
    pending().find(|(_, connection)| counts.get(&connection.origin).copied() == most).map(|(key, _)| *key)
}
