//! One model for many connections: requests are queued, batched, evaluated in as few runs of the model as possible, and
//! answered.
//!
//! One thread waits for all sockets. Reads and writes never block, so a slow or dead peer delays nobody. Long
//! evaluations run in a background thread (`evaluator.rs`), and are cancelled when their connection closes. Each
//! connection has at most one request in the queue, and the queue is first come, first served, except that short
//! requests are evaluated between two runs of a long one. So no connection can starve the others.
//!
//! Connections come from two sides: the client of i-PI opens them ([`crate::ipi_client`]), and the force server accepts
//! them ([`crate`]).

mod acceptor;
mod admission;
mod batch;
mod connection;
mod evaluator;
mod event;
mod queue;
mod rate_limiter;
mod request;
mod session;
mod shutdown;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Event as Readiness, Events, PollMode, Poller};
use tumble_core::cancel::{Cancel, CancelReason};
use tumble_core::potential::{ModelInfo, Potential};
use tumble_ipi::driver;
use tumble_ipi::net::{Listener, Stream};

use crate::error::Refusal;
use crate::scheduler::acceptor::Acceptor;
pub use crate::scheduler::admission::Admission;
use crate::scheduler::connection::Connection;
pub use crate::scheduler::connection::DisconnectReason;
use crate::scheduler::evaluator::Evaluator;
pub use crate::scheduler::event::{BatchStats, Event};
use crate::scheduler::queue::Queue;
pub use crate::scheduler::session::SessionConfig;
pub use crate::scheduler::shutdown::Shutdown;

/// ID of a connection. IDs are never reused, so no answer reaches the wrong connection.
pub type Key = usize;

/// Key of the listener; connections count up from zero.
const LISTENER: Key = usize::MAX - 1;

/// Key of the shutdown's socket.
const SHUTDOWN: Key = usize::MAX - 2;

/// The most bytes per read.
const READ_SIZE: usize = 256 << 10;

/// Limits of the scheduler.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most structures evaluated together.
    pub max_batch: usize,
    /// How long a request waits for others to join its batch.
    pub max_wait: Duration,
    /// Working memory of the model, bytes; the neighbors of structures evaluated together, and the neighbors cached for
    /// later requests, may each take as much.
    pub memory: usize,
    /// Edges times rotations per message; each structure and rotation counts as at least 1000 edges.
    pub max_work: f64,
    /// The longest text of an `INIT`, bytes.
    pub max_text: usize,
    /// How long to wait for the rest of a message, or for the peer to read an answer; `None`: forever.
    pub io_timeout: Option<Duration>,
    /// Limits of connections before their `INIT`. `None` disables them and the rate limiter, for peers that tumble
    /// connects to.
    pub admission: Option<Admission>,
    /// How long a connection may be idle; `None`: forever.
    pub idle: Option<Duration>,
}

/// A model and its connections.
pub struct Scheduler {
    info: ModelInfo,
    limits: Limits,
    evaluator: Evaluator,
    /// Connections under evaluation, with the means to cancel it.
    evaluating: BTreeMap<Key, Cancel>,
    /// When the last batch was submitted to the evaluator.
    submitted_at: Instant,
    poller: Arc<Poller>,
    shutdown: Arc<Shutdown>,
    acceptor: Option<Acceptor>,
    connections: BTreeMap<Key, Connection>,
    next_key: Key,
    queue: Queue,
    /// Whether a due batch has been postponed already.
    postponed: bool,
    events: Vec<Event>,
    buffer: Vec<u8>,
}

impl Scheduler {
    /// A scheduler without connections; the shutdown makes [`Scheduler::poll_once`] return.
    ///
    /// # Errors
    /// System errors.
    pub fn new(potential: Box<dyn Potential>, limits: Limits, shutdown: Arc<Shutdown>) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        // SAFETY: `drop` deletes the shutdown's socket from the poller before it can be closed.
        unsafe { poller.add_with_mode(shutdown.stream(), Readiness::readable(SHUTDOWN), PollMode::Level)? };
        Ok(Self {
            info: potential.info().clone(),
            limits,
            evaluator: Evaluator::new(potential, limits, Arc::clone(&poller)),
            evaluating: BTreeMap::new(),
            submitted_at: Instant::now(),
            poller,
            shutdown,
            acceptor: None,
            connections: BTreeMap::new(),
            next_key: 0,
            queue: Queue::default(),
            postponed: false,
            events: vec![],
            buffer: vec![0; READ_SIZE],
        })
    }

    /// The model's metadata.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Whether the shutdown was requested.
    pub fn shutdown_requested(&self) -> bool {
        self.shutdown.asked()
    }

    /// Number of connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Starts to accept connections.
    ///
    /// # Errors
    /// System errors.
    pub fn listen(&mut self, listener: Listener) -> io::Result<()> {
        self.acceptor = Some(Acceptor::open(listener, &self.poller)?);
        Ok(())
    }

    /// Adds a connection.
    ///
    /// # Errors
    /// System errors.
    pub fn add(&mut self, stream: Stream, peer: String) -> io::Result<Key> {
        stream.set_nonblocking(true)?;
        let key = self.next_key;
        // SAFETY: a connection is deleted from the poller before it is dropped.
        unsafe { self.poller.add_with_mode(&stream.as_fd(), Readiness::readable(key), PollMode::Level)? };
        self.next_key += 1;
        self.connections.insert(key, Connection::new(stream, peer, &self.limits));
        self.make_room();
        Ok(key)
    }

    /// Whether the next [`Scheduler::poll_once`] returns events at once.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether a connection has received anything.
    pub fn has_received(&self, key: Key) -> bool {
        self.connections.get(&key).is_none_or(|connection| connection.has_received)
    }

    /// Whether a connection has begun a simulation.
    pub fn begun(&self, key: Key) -> bool {
        self.connections.get(&key).is_some_and(Connection::begun)
    }

    /// The IP address of a connection's peer, for IPv6 its network; `None` for a Unix socket.
    pub fn origin(&self, key: Key) -> Option<IpAddr> {
        self.connections.get(&key).and_then(|connection| connection.origin)
    }

    /// The name of a connection's peer.
    pub fn peer(&self, key: Key) -> &str {
        self.connections.get(&key).map_or("a connection that has ended", |connection| &connection.peer)
    }

    /// Begins the session of a connection, after its `INIT`.
    pub fn begin(&mut self, key: Key, config: SessionConfig) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.begin(config);
            self.advance(key);
        }
    }

    /// Refuses a connection with a sentence for the peer.
    pub fn refuse(&mut self, key: Key, sentence: String) {
        self.cancel_evaluation(key);
        let Some(connection) = self.connections.get_mut(&key) else { return };
        self.queue.forget(key);
        connection.refuse(&sentence);
        let peer = connection.peer.clone();
        self.events.push(Event::Ended { key, peer, end: DisconnectReason::Refused(sentence) });
        self.flush(key);
    }

    /// Refuses all connections that wait for results.
    pub fn dismiss(&mut self, sentence: &str) {
        let waiting: Vec<_> =
            self.connections.iter().filter(|(_, c)| !c.ended && c.awaits_results()).map(|(key, _)| *key).collect();
        waiting.into_iter().for_each(|key| self.refuse(key, sentence.into()));
    }

    /// Waits for sockets, results and deadlines, at most until `until`, handles them, and returns the events for the
    /// owner.
    ///
    /// # Errors
    /// Errors of the system's poller; no connection causes them.
    pub fn poll_once(&mut self, until: Option<Instant>) -> io::Result<Vec<Event>> {
        if self.events.is_empty() {
            let mut readiness = Events::new();
            self.wait(&mut readiness, until)?;
            self.acceptor.iter_mut().for_each(|acceptor| acceptor.reopen(&self.poller));
            // The listener comes last: an accepted connection may evict another with unread input.
            let (doors, others): (Vec<_>, Vec<_>) = readiness.iter().partition(|event| event.key == LISTENER);
            others.into_iter().chain(doors).for_each(|event| self.handle(event));
            self.resume();
            self.check_deadlines();
            self.collect();
        }
        // Let the owner handle events before anything is evaluated: an `INIT` may add a request to the batch. But
        // postpone a batch only once: new connections might never cease.
        let due = self.next_batch().is_some_and(|next| next <= Instant::now());
        self.postponed = due && !self.postponed && !self.events.is_empty();
        if due && !self.postponed {
            self.submit_batch();
            self.collect();
        }
        Ok(self.take_events())
    }

    /// Returns the events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn wait(&self, readiness: &mut Events, until: Option<Instant>) -> io::Result<()> {
        let deadlines = self.connections.values().filter_map(|connection| connection.deadline(&self.limits));
        let resume = self.connections.values().filter_map(Connection::resume);
        let resume = resume.chain(self.acceptor.as_ref().and_then(Acceptor::resume));
        let next = deadlines.chain(self.next_batch()).chain(until).chain(resume).min();
        let timeout = next.map(|next| next.saturating_duration_since(Instant::now()));
        match self.poller.wait(readiness, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Number of connections that are likely to send a request soon.
    fn active(&self) -> usize {
        self.connections.values().filter(|connection| connection.active).count()
    }

    fn handle(&mut self, event: Readiness) {
        match event.key {
            LISTENER => self.acceptor.iter_mut().for_each(|acceptor| acceptor.accept(&self.poller, &mut self.events)),
            SHUTDOWN => {}
            key if event.is_interrupt() && self.connections.get(&key).is_some_and(Connection::droppable) => {
                self.end(key, DisconnectReason::Closed);
            }
            key => {
                if event.readable {
                    self.read(key);
                }
                if event.writable {
                    self.flush(key);
                }
            }
        }
    }

    fn read(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        match connection.read(&mut self.buffer) {
            Ok(true) => self.advance(key),
            Ok(false) => self.flush(key),
            Err(end) => self.end(key, end),
        }
    }

    /// Answers messages up to the next request for the evaluator or the owner.
    fn advance(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        match connection.proceed() {
            Ok(Some(driver::Event::Init { text })) => self.events.push(Event::Init(key, text)),
            Ok(Some(driver::Event::Exit)) => {
                // A peer that sent GETFORCE and EXIT together may still read its results.
                let _ = connection.write();
                return self.end(key, DisconnectReason::Exit);
            }
            Ok(Some(event)) => match connection.accept_request(event) {
                Ok(structures) => self.queue.push(key, structures),
                Err(refusal) => return self.refuse(key, refusal.to_string()),
            },
            Ok(None) => {}
            Err(fault) => return self.refuse(key, Refusal::from(fault).to_string()),
        }
        self.flush(key);
    }

    fn flush(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        match connection.write() {
            Ok(()) => {
                let readiness = connection.interest(key);
                if let Some(readiness) = readiness
                    && let Err(error) = self.poller.modify_with_mode(connection.fd(), readiness, PollMode::Level)
                {
                    self.end(key, DisconnectReason::Broken(error.to_string()));
                }
            }
            Err(end) => {
                let end = connection.drain(&mut self.buffer, end);
                self.end(key, end);
            }
        }
    }

    fn end(&mut self, key: Key, end: DisconnectReason) {
        self.queue.forget(key);
        self.cancel_evaluation(key);
        if let Some(connection) = self.connections.remove(&key) {
            // It fails only for a socket that the poller has lost already.
            let _ = self.poller.delete(connection.fd());
            if !connection.ended {
                self.events.push(Event::Ended { key, peer: connection.peer, end });
            }
        }
    }

    fn check_deadlines(&mut self) {
        let now = Instant::now();
        let over = |connection: &Connection| connection.deadline(&self.limits).is_some_and(|deadline| deadline <= now);
        let late: Vec<_> = self.connections.iter().filter(|(_, c)| over(c)).map(|(key, _)| *key).collect();
        for key in late {
            let reason = self.connections[&key].timeout_message().map(String::from);
            match reason {
                Some(sentence) => self.refuse(key, sentence),
                None => self.end(key, DisconnectReason::Closed),
            }
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.evaluating.values().for_each(|cancel| cancel.cancel(CancelReason::Signal));
        let _ = self.poller.delete(self.shutdown.stream());
        for connection in self.connections.values_mut() {
            let _ = self.poller.delete(connection.fd());
            connection.hang_up();
        }
        self.acceptor.iter().for_each(|acceptor| acceptor.close(&self.poller));
    }
}
