//! Connections before their `INIT`: their number, their time, and the choice of those to evict.
//!
//! Anyone who reaches the socket can open such connections, with or without a token. Their slots and time limit are
//! separate, as with sshd's MaxStartups and LoginGraceTime: they take nothing from simulations, and can only displace
//! each other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::scheduler::connection::Connection;
use crate::scheduler::{Event, Key, Scheduler};

/// Limits of connections before their `INIT`.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// The most connections; one more evicts another.
    pub max_pending: usize,
    /// How long to wait for the `INIT`.
    pub grace: Duration,
}

/// The most messages before an `INIT`; a client sends one at most.
pub(super) const MAX_EARLY: usize = 100;

impl Scheduler {
    /// Number of connections with a session, without those being refused.
    pub fn simulations(&self) -> usize {
        self.connections.values().filter(|connection| connection.begun() && !connection.ended).count()
    }

    /// Evicts connections before their `INIT` until they are within the limit.
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
            "the server has {most} connections without an INIT already: connect again and send it at once"
        ));
        self.events.push(Event::Evicted(connection.peer));
    }

    /// Refuses a connection after a delay, and handles none of its messages until then.
    pub fn refuse_later(&mut self, key: Key, sentence: String, delay: Duration) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.refuse_at(Instant::now() + delay, sentence);
        }
    }

    /// Charges a connection for time spent by the owner; the first `INIT` is free.
    pub fn charge(&mut self, key: Key, spent: Duration) {
        if let Some(connection) = self.connections.get_mut(&key).filter(|connection| connection.begun()) {
            connection.limiter.charge(spent);
        }
    }

    /// Resumes connections at the end of their pause.
    pub(super) fn resume(&mut self) {
        let now = Instant::now();
        let paused = self.connections.iter_mut().filter(|(_, connection)| connection.limiter.paused_until().is_some());
        let due: Vec<_> =
            paused.filter_map(|(key, connection)| connection.limiter.end_pause(now).then_some(*key)).collect();
        due.into_iter().for_each(|key| self.advance(key));
    }
}

/// Chooses the connection to evict: one already refused, else the oldest of the address with the most. A new connection
/// that sends its `INIT` promptly survives, whatever others do.
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
