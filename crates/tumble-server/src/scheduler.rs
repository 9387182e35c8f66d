//! One model for many connections: requests are queued, batched, evaluated in as few runs of the model as possible, and
//! answered.
//!
//! One thread waits for all sockets at once. A slow or dead peer holds up nobody: reading and writing never wait. Neither
//! does a long evaluation, which is done in a thread of its own (`evaluator.rs`), and ends when nobody waits for it any
//! more. Each connection has at most one request in the queue, and the queue is first come, first served, except that
//! short requests come between two runs of long ones. So no connection can crowd out another.
//!
//! Two doors lead here: connections that we open ([`crate::ipi_client`]), and connections that we accept
//! ([`crate`]).

mod acceptor;
mod admission;
mod batch;
mod connection;
mod evaluator;
mod event;
mod pace;
mod queue;
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
use tumble_core::cancel::{Cancel, Reason};
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

/// Connections are told apart by numbers that are never used again, so that no answer can go astray.
pub type Key = usize;

/// Key of the listener; connections count up from zero.
const LISTENER: Key = usize::MAX - 1;

/// Key of the interrupt.
const INTERRUPT: Key = usize::MAX - 2;

/// What is read from a socket at a time, bytes.
const PIECE: usize = 256 << 10;

/// What may not be exceeded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Structures evaluated together.
    pub max_batch: usize,
    /// How long a request waits for others to come along.
    pub max_wait: Duration,
    /// Working memory that the model may take, bytes; and as much for neighbors of structures that are evaluated together,
    /// and of those that are kept.
    pub memory: usize,
    /// Edges times rotations of one message; at least 1000 are counted for each structure and rotation.
    pub max_work: f64,
    /// The longest text of an `INIT`, bytes.
    pub max_text: usize,
    /// How long half a message, or room for an answer, is waited for; `None`: forever.
    pub io_timeout: Option<Duration>,
    /// What is granted to connections that have begun no simulation; `None`: whatever they like, as peers that we have
    /// chosen ourselves, which may also talk as fast as they like.
    pub admission: Option<Admission>,
    /// How long a connection may be silent; `None`: forever.
    pub idle: Option<Duration>,
}

/// A model and the connections that it serves.
pub struct Scheduler {
    info: ModelInfo,
    limits: Limits,
    evaluator: Evaluator,
    /// Connections whose requests are evaluated, and how to end that.
    evaluating: BTreeMap<Key, Cancel>,
    /// When a batch was last handed over to the evaluator.
    handed_over: Instant,
    poller: Arc<Poller>,
    interrupt: Arc<Shutdown>,
    entrance: Option<Acceptor>,
    connections: BTreeMap<Key, Connection>,
    next_key: Key,
    queue: Queue,
    /// Whether a batch that was due has been put off already.
    put_off: bool,
    happenings: Vec<Event>,
    piece: Vec<u8>,
}

impl Scheduler {
    /// A scheduler without connections; an interrupt makes [`Scheduler::turn`] return.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(potential: Box<dyn Potential>, limits: Limits, interrupt: Arc<Shutdown>) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        // SAFETY: the interrupt is deleted from the poller before it can be dropped.
        unsafe { poller.add_with_mode(interrupt.stream(), Readiness::readable(INTERRUPT), PollMode::Level)? };
        Ok(Self {
            info: potential.info().clone(),
            limits,
            evaluator: Evaluator::new(potential, limits, Arc::clone(&poller)),
            evaluating: BTreeMap::new(),
            handed_over: Instant::now(),
            poller,
            interrupt,
            entrance: None,
            connections: BTreeMap::new(),
            next_key: 0,
            queue: Queue::default(),
            put_off: false,
            happenings: vec![],
            piece: vec![0; PIECE],
        })
    }

    /// What the model says of itself.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Whether it was asked to end.
    pub fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }

    /// Number of connections.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Accepts connections from now on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen(&mut self, listener: Listener) -> io::Result<()> {
        self.entrance = Some(Acceptor::open(listener, &self.poller)?);
        Ok(())
    }

    /// Takes a connection in.
    ///
    /// # Errors
    /// Those of the system.
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

    /// Whether something has happened that the next [`Scheduler::turn`] will tell.
    pub fn has_news(&self) -> bool {
        !self.happenings.is_empty()
    }

    /// Whether a connection has been spoken to.
    pub fn has_received(&self, key: Key) -> bool {
        self.connections.get(&key).is_none_or(|connection| connection.has_received)
    }

    /// Whether a connection has begun a simulation.
    pub fn begun(&self, key: Key) -> bool {
        self.connections.get(&key).is_some_and(Connection::begun)
    }

    /// The machine that a connection is from; `None` for a file.
    pub fn origin(&self, key: Key) -> Option<IpAddr> {
        self.connections.get(&key).and_then(|connection| connection.origin)
    }

    /// Who is at the other side of a connection.
    pub fn peer(&self, key: Key) -> &str {
        self.connections.get(&key).map_or("a connection that has ended", |connection| &connection.peer)
    }

    /// Lets a connection begin, after its `INIT`.
    pub fn begin(&mut self, key: Key, setup: SessionConfig) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.begin(setup);
            self.advance(key);
        }
    }

    /// Ends a connection with a sentence that its peer is told.
    pub fn refuse(&mut self, key: Key, sentence: String) {
        self.give_up(key);
        let Some(connection) = self.connections.get_mut(&key) else { return };
        self.queue.forget(key);
        connection.refuse(&sentence);
        let peer = connection.peer.clone();
        self.happenings.push(Event::Ended { key, peer, end: DisconnectReason::Refused(sentence) });
        self.flush(key);
    }

    /// Tells whoever waits for results why there will be none.
    pub fn dismiss(&mut self, sentence: &str) {
        let waiting: Vec<_> =
            self.connections.iter().filter(|(_, c)| !c.ended && c.waits()).map(|(key, _)| *key).collect();
        waiting.into_iter().for_each(|key| self.refuse(key, sentence.into()));
    }

    /// Waits for something to happen, but not beyond `until`, and does what there is to do.
    ///
    /// # Errors
    /// Those of the system's poller, which are nobody's fault in particular.
    pub fn turn(&mut self, until: Option<Instant>) -> io::Result<Vec<Event>> {
        if self.happenings.is_empty() {
            let mut events = Events::new();
            self.wait(&mut events, until)?;
            self.entrance.iter_mut().for_each(|entrance| entrance.reopen(&self.poller));
            // Who comes in next may take the place of one who has something to say.
            let (doors, others): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.key == LISTENER);
            others.into_iter().chain(doors).for_each(|event| self.handle(event));
            self.resume();
            self.check_deadlines();
            self.collect();
        }
        // The door has its say before anything is evaluated: an `INIT` may let another request come along. But once
        // only: there may be a crowd at it that never ends.
        let due = self.next_batch().is_some_and(|next| next <= Instant::now());
        self.put_off = due && !self.put_off && !self.happenings.is_empty();
        if due && !self.put_off {
            self.hand_over();
            self.collect();
        }
        Ok(self.rest())
    }

    /// What has happened since the last turn.
    pub fn rest(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.happenings)
    }

    fn wait(&self, events: &mut Events, until: Option<Instant>) -> io::Result<()> {
        let deadlines = self.connections.values().filter_map(|connection| connection.deadline(&self.limits));
        let resume = self.connections.values().filter_map(Connection::resume);
        let resume = resume.chain(self.entrance.as_ref().and_then(Acceptor::resume));
        let next = deadlines.chain(self.next_batch()).chain(until).chain(resume).min();
        let timeout = next.map(|next| next.saturating_duration_since(Instant::now()));
        match self.poller.wait(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Number of connections that are likely to ask again soon.
    fn active(&self) -> usize {
        self.connections.values().filter(|connection| connection.active).count()
    }

    fn handle(&mut self, event: Readiness) {
        match event.key {
            LISTENER => {
                self.entrance.iter_mut().for_each(|entrance| entrance.accept(&self.poller, &mut self.happenings))
            }
            INTERRUPT => {}
            key if event.is_interrupt() && self.connections.get(&key).is_some_and(Connection::expendable) => {
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
        match connection.read(&mut self.piece) {
            Ok(true) => self.advance(key),
            Ok(false) => self.flush(key),
            Err(end) => self.end(key, end),
        }
    }

    /// Answers what can be answered, up to the next request.
    fn advance(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        match connection.proceed() {
            Ok(Some(driver::Event::Init { text })) => self.happenings.push(Event::Init(key, text)),
            Ok(Some(driver::Event::Exit)) => {
                // Whoever asks for results and leaves in one breath may still read them.
                let _ = connection.write();
                return self.end(key, DisconnectReason::Exit);
            }
            Ok(Some(event)) => match connection.ask(event) {
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
                let end = connection.drain(&mut self.piece, end);
                self.end(key, end);
            }
        }
    }

    fn end(&mut self, key: Key, end: DisconnectReason) {
        self.queue.forget(key);
        self.give_up(key);
        if let Some(connection) = self.connections.remove(&key) {
            // It fails only for a socket that the poller has lost already.
            let _ = self.poller.delete(connection.fd());
            if !connection.ended {
                self.happenings.push(Event::Ended { key, peer: connection.peer, end });
            }
        }
    }

    fn check_deadlines(&mut self) {
        let now = Instant::now();
        let over = |connection: &Connection| connection.deadline(&self.limits).is_some_and(|deadline| deadline <= now);
        let late: Vec<_> = self.connections.iter().filter(|(_, c)| over(c)).map(|(key, _)| *key).collect();
        for key in late {
            let reason = self.connections[&key].lateness().map(String::from);
            match reason {
                Some(sentence) => self.refuse(key, sentence),
                None => self.end(key, DisconnectReason::Closed),
            }
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.evaluating.values().for_each(|cancel| cancel.cancel(Reason::Signal));
        let _ = self.poller.delete(self.interrupt.stream());
        for connection in self.connections.values_mut() {
            let _ = self.poller.delete(connection.fd());
            connection.hang_up();
        }
        self.entrance.iter().for_each(|entrance| entrance.close(&self.poller));
    }
}
