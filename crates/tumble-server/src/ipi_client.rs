//! The client of an i-PI or ASE server, with one or more connections served by one model.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tumble_core::policy::Policy;
use tumble_core::potential::Potential;
use tumble_ipi::message::Transport;
use tumble_ipi::net::{Address, Stream};
use tumble_ipi::{Error as IpiError, init};

use crate::error::{Error, Result};
use crate::scheduler::{BatchStats, DisconnectReason, Event, Key, Limits, Scheduler, SessionConfig, Shutdown};

/// The most structures per message.
const MAX_BATCH: usize = 100_000;

/// The most atoms per message: 240 MB of positions.
const MAX_ATOMS: usize = 10_000_000;

/// Time between two connection attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Options of the i-PI client.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the server.
    pub address: Address,
    /// Atomic numbers `[N]`; i-PI does not send them.
    pub species: Vec<u8>,
    /// Periodic cell vectors; `None`: all nonzero ones.
    pub periodic: Option<[bool; 3]>,
    /// Evaluation of the model: mitigation, kind of forces, correction.
    pub policy: Policy,
    /// Number of connections; their structures are evaluated together.
    pub connections: usize,
    /// Whether structures and results travel through shared memory, as in i-PI's `mode='shm'`.
    pub shared_memory: bool,
    /// Structures per step; `None`: the structures of one message.
    pub beads: Option<u64>,
    /// Whether each structure of a step has its own random rotations.
    pub independent: bool,
    /// Number of the first step.
    pub first_step: u64,
    /// How long to try to connect to a server.
    pub retry: Duration,
    /// Whether to connect again after the server has closed a connection.
    pub reconnect: bool,
}

/// How [`run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server said `EXIT`.
    Exit,
    /// The server closed its connections between two messages.
    Closed,
    /// The shutdown was requested, for example by a signal.
    Interrupted,
}

/// An event for the log.
#[derive(Debug)]
pub enum Report<'a> {
    /// A connection was made.
    Connected {
        /// Connections now.
        connections: usize,
    },
    /// The server does not listen yet.
    Waiting(&'a io::Error),
    /// Some connections could not be made in time; the client goes on with the others.
    Fewer {
        /// Missing connections.
        missing: usize,
    },
    /// A batch was evaluated.
    BatchStats(&'a BatchStats),
    /// A connection has ended.
    Ended(&'a DisconnectReason),
}

/// Serves a server until it ends.
///
/// # Errors
/// [`Connect`](IpiError::Connect) if the server cannot be reached in time, [`Error::Peer`] if it breaks the protocol or
/// the connection, [`Error::Unanswered`] for a structure that cannot be evaluated.
pub fn run(
    potential: Box<dyn Potential>,
    limits: Limits,
    options: &Options,
    shutdown: Arc<Shutdown>,
    report: &mut dyn FnMut(Report),
) -> Result<Ending> {
    let peer = options.address.to_string();
    let broken = |source| IpiError::Connection { peer: peer.clone(), source };
    let scheduler = Scheduler::new(potential, limits, shutdown).map_err(broken)?;
    let mut client = Client::new(scheduler, options);
    loop {
        if client.scheduler.shutdown_requested() {
            return Ok(Ending::Interrupted);
        }
        if let Some(ending) = client.connect(report)? {
            return Ok(ending);
        }
        for event in client.scheduler.poll_once(client.next_attempt()).map_err(broken)? {
            client.handle(event, report)?;
        }
        if client.missing == 0 && client.scheduler.connections() == 0 && !client.scheduler.has_events() {
            return client.ending();
        }
    }
}

struct Client<'a> {
    scheduler: Scheduler,
    options: &'a Options,
    counter: Arc<AtomicU64>,
    /// Connections still to make.
    missing: usize,
    newest: Option<Key>,
    attempt: Instant,
    give_up: Instant,
    /// Connections with an `INIT`.
    initialized: HashSet<Key>,
    last: Option<DisconnectReason>,
}

impl<'a> Client<'a> {
    fn new(scheduler: Scheduler, options: &'a Options) -> Self {
        Self {
            scheduler,
            options,
            counter: Arc::default(),
            missing: options.connections,
            newest: None,
            attempt: Instant::now(),
            give_up: Instant::now() + options.retry,
            initialized: HashSet::new(),
            last: None,
        }
    }

    /// The time of the next connection attempt. Connections are made one after the other: i-PI accepts one, and talks
    /// to it, before the next.
    fn next_attempt(&self) -> Option<Instant> {
        let free = self.newest.is_none_or(|key| self.scheduler.has_received(key));
        (self.missing > 0 && free).then_some(self.attempt)
    }

    /// Makes a missing connection; returns the ending once there is no hope of one.
    fn connect(&mut self, report: &mut dyn FnMut(Report)) -> Result<Option<Ending>> {
        let now = Instant::now();
        if self.next_attempt().is_none_or(|attempt| attempt > now) {
            return Ok(None);
        }
        let (address, peer) = (&self.options.address, self.options.address.to_string());
        match Stream::connect(address).and_then(|stream| self.scheduler.add(stream, peer.clone())) {
            Ok(key) => {
                self.newest = Some(key);
                self.missing -= 1;
                report(Report::Connected { connections: self.scheduler.connections() });
                Ok(None)
            }
            Err(error) if !is_retryable(&error) => Err(IpiError::Connect { address: peer, source: error }.into()),
            Err(_) if now >= self.give_up && self.scheduler.connections() > 0 => {
                report(Report::Fewer { missing: std::mem::take(&mut self.missing) });
                Ok(None)
            }
            Err(_) if now >= self.give_up && self.last.is_some() => self.ending().map(Some),
            Err(error) if now >= self.give_up => Err(IpiError::Connect { address: peer, source: error }.into()),
            Err(error) => {
                report(Report::Waiting(&error));
                self.attempt = now + RETRY_INTERVAL;
                Ok(None)
            }
        }
    }

    fn handle(&mut self, event: Event, report: &mut dyn FnMut(Report)) -> Result<()> {
        match event {
            Event::Init(key, text) => {
                self.initialized.insert(key);
                self.begin(key, &text);
            }
            Event::Evaluated(stats) => report(Report::BatchStats(&stats)),
            Event::Ended { key, end, .. } => {
                report(Report::Ended(&end));
                return self.ended(key, end);
            }
            Event::Connected(..) | Event::NotAccepted(_) | Event::Evicted(_) => {}
        }
        Ok(())
    }

    fn begin(&mut self, key: Key, text: &str) {
        match init::batch(text, (MAX_ATOMS / self.options.species.len().max(1)).clamp(1, MAX_BATCH)) {
            Ok(batch) => self.scheduler.begin(key, self.config(batch)),
            Err(error) => self.scheduler.refuse(key, error.to_string()),
        }
    }

    fn config(&self, batch: usize) -> SessionConfig {
        let Options { species, policy, shared_memory, beads, independent, first_step, .. } = self.options;
        let beads = beads.unwrap_or(batch as u64).max(1);
        let streams = if *independent { beads as u32 } else { 1 };
        SessionConfig {
            species: species.clone(),
            batch,
            periodic: self.options.periodic,
            transport: if *shared_memory { Transport::Unnamed } else { Transport::Socket },
            policy: policy.clone(),
            streams,
            beads,
            first_step: *first_step,
            counter: Arc::clone(&self.counter),
        }
    }

    /// Records how a connection ended; an error if the client cannot go on.
    fn ended(&mut self, key: Key, end: DisconnectReason) -> Result<()> {
        if let DisconnectReason::Refused(sentence) = end {
            return Err(Error::Unanswered { peer: self.options.address.to_string(), sentence });
        }
        if self.options.reconnect {
            let now = Instant::now();
            // After a delay: a server that closes every connection would be flooded otherwise.
            (self.missing, self.attempt, self.give_up) =
                (self.missing + 1, now + RETRY_INTERVAL, now + self.options.retry);
        }
        // A server that exits still accepts connections for a moment: those without an `INIT` say nothing about its
        // ending.
        if self.initialized.remove(&key) || end == DisconnectReason::Exit || self.last.is_none() {
            self.last = Some(end);
        }
        Ok(())
    }

    fn ending(&self) -> Result<Ending> {
        let peer = || self.options.address.to_string();
        match self.last.clone() {
            None | Some(DisconnectReason::Exit) => Ok(Ending::Exit),
            Some(DisconnectReason::Closed) => Ok(Ending::Closed),
            Some(DisconnectReason::Broken(fault)) => Err(Error::Peer { peer: peer(), fault }),
            Some(DisconnectReason::Refused(sentence)) => Err(Error::Unanswered { peer: peer(), sentence }),
        }
    }
}

/// Whether the connection may succeed later, once the server has started.
fn is_retryable(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NotFound, TimedOut, WouldBlock};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | HostUnreachable | NotFound | TimedOut | WouldBlock)
}
