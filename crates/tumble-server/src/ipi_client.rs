//! The client of an i-PI or ASE server: connections that we open, one or many, all served by one model.

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

/// Structures that come in one message at most.
const MAX_BATCH: usize = 100_000;

/// Atoms that come in one message at most: 240 MB of positions.
const MAX_ATOMS: usize = 10_000_000;

/// Time between two attempts to reach a server.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// What to be to an i-PI server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server listens.
    pub address: Address,
    /// Atomic numbers `[N]`, which i-PI does not send.
    pub species: Vec<u8>,
    /// Along which cell vectors structures repeat; `None`: along all that are not zero.
    pub periodic: Option<[bool; 3]>,
    /// What is wanted of the model.
    pub policy: Policy,
    /// Number of connections, evaluated together.
    pub connections: usize,
    /// Whether structures and results travel through shared memory, as in i-PI's `mode='shm'`.
    pub shared_memory: bool,
    /// How many structures make a step; `None`: those of one message.
    pub beads: Option<u64>,
    /// Whether the structures of a step are turned by rotations of their own.
    pub independent: bool,
    /// Number of the first step.
    pub first_step: u64,
    /// How long a server is waited for.
    pub retry: Duration,
    /// Whether to look for a server again when one has gone.
    pub reconnect: bool,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server said `EXIT`.
    Exit,
    /// The server closed its connections between two messages.
    Closed,
    /// A signal asked for it.
    Interrupted,
}

/// What goes on.
#[derive(Debug)]
pub enum Report<'a> {
    /// A connection was made.
    Connected {
        /// How many there are now.
        connections: usize,
    },
    /// Nobody listens yet.
    Waiting(&'a io::Error),
    /// No more connections could be made in time; it goes on with those that there are.
    Fewer {
        /// How many are missing.
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
/// [`Connect`](IpiError::Connect) if no server is found in time, [`Error::Peer`] for one that breaks the protocol or the connection,
/// [`Error::Unanswered`] for a structure that cannot be evaluated.
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
    /// Connections yet to be made.
    missing: usize,
    newest: Option<Key>,
    attempt: Instant,
    give_up: Instant,
    /// Connections that have sent an `INIT`.
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

    /// When to try to connect again. One connection after the other: i-PI accepts one, and talks to it, before the next.
    fn next_attempt(&self) -> Option<Instant> {
        let free = self.newest.is_none_or(|key| self.scheduler.has_received(key));
        (self.missing > 0 && free).then_some(self.attempt)
    }

    /// Makes a connection if one is missing; the ending if it is hopeless.
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

    /// Remembers how a connection ended; an error if there is no use in going on.
    fn ended(&mut self, key: Key, end: DisconnectReason) -> Result<()> {
        if let DisconnectReason::Refused(sentence) = end {
            return Err(Error::Unanswered { peer: self.options.address.to_string(), sentence });
        }
        if self.options.reconnect {
            let now = Instant::now();
            // Not at once: a server that only closes connections would be stormed.
            (self.missing, self.attempt, self.give_up) =
                (self.missing + 1, now + RETRY_INTERVAL, now + self.options.retry);
        }
        // A server that goes still takes connections for a moment: those it never spoke to say nothing of its ending.
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

/// Whether a server that starts later would make it good.
fn is_retryable(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NotFound, TimedOut, WouldBlock};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | HostUnreachable | NotFound | TimedOut | WouldBlock)
}
