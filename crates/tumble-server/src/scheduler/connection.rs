//! One connection: its socket, its protocol state, and its deadlines.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use polling::Event as Readiness;
use tumble_core::average::Evaluation;
use tumble_core::neighbors::NeighborList;
use tumble_ipi::driver::{self, Driver};
use tumble_ipi::extras::extras;
use tumble_ipi::message::{Answer, Fault, put_error};
use tumble_ipi::net::Stream;
use tumble_ipi::shared::Segments;
use tumble_ipi::wire::Structure;

use crate::error::Refusal;
use crate::scheduler::admission::{Admission, MAX_EARLY};
use crate::scheduler::rate_limiter::{BURST, RateLimiter};
use crate::scheduler::request::Request;
use crate::scheduler::session::{Session, SessionConfig};
use crate::scheduler::{Key, Limits, READ_SIZE};

/// How long a refused peer has to read the reason.
const LINGER: Duration = Duration::from_secs(2);

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The peer sent `EXIT`.
    Exit,
    /// The peer closed it between two messages.
    Closed,
    /// It broke: the rest of a sentence that begins with the peer's name.
    Broken(String),
    /// We refused to go on, with this sentence to the peer.
    Refused(String),
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    pub peer: String,
    /// The peer's IP address; for IPv6 its network.
    pub origin: Option<IpAddr>,
    driver: Driver,
    /// `None` before the `INIT`.
    session: Option<Session>,
    segments: Option<Segments>,
    /// Whether it is likely to send a request soon: it was in the last batch, or is new.
    pub active: bool,
    /// Bytes of the output already sent.
    sent: usize,
    /// When it was opened.
    opened: Instant,
    /// When the last message was completely read or sent. Parts do not count: a peer cannot hold its slot by sending a
    /// byte now and then.
    last_activity: Instant,
    /// Whether any bytes were received.
    pub has_received: bool,
    /// Whether its end has been reported.
    pub ended: bool,
    /// Time and sentence of a delayed refusal.
    refusal: Option<(Instant, String)>,
    /// Whether the rate of its messages is limited, as for all accepted connections.
    limited: bool,
    pub limiter: RateLimiter,
    /// Messages before its `INIT`.
    early_messages: usize,
    /// The interest registered with the poller: readable, writable.
    interest: (bool, bool),
}

impl Connection {
    pub fn new(stream: Stream, peer: String, limits: &Limits) -> Self {
        Self {
            origin: stream.origin(),
            stream,
            peer,
            driver: Driver::new(limits.max_text),
            session: None,
            segments: None,
            active: false,
            sent: 0,
            opened: Instant::now(),
            last_activity: Instant::now(),
            has_received: false,
            ended: false,
            refusal: None,
            limited: limits.admission.is_some(),
            limiter: RateLimiter::default(),
            early_messages: 0,
            interest: (true, false),
        }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Closes it from our side.
    pub fn hang_up(&mut self) {
        self.stream.hang_up();
    }

    /// Whether it has a session.
    pub fn begun(&self) -> bool {
        self.session.is_some()
    }

    pub fn begin(&mut self, config: SessionConfig) {
        self.driver.begin(config.species.len(), config.batch, config.transport);
        self.session = Some(Session::new(config));
    }

    /// Reads once; returns whether new bytes came.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<bool, DisconnectReason> {
        self.limiter.start_timer();
        let read = self.stream.read(buffer);
        read.iter().for_each(|length| self.limiter.count_read(*length));
        match read {
            Ok(0) if self.driver.waiting() == 0 && !self.driver.busy() => Err(DisconnectReason::Closed),
            Ok(0) if self.driver.exit_pending() => Err(DisconnectReason::Exit),
            Ok(0) if self.driver.busy() => {
                Err(DisconnectReason::Broken("closed the connection before it had its results".into()))
            }
            Ok(0) => Err(DisconnectReason::Broken("closed the connection in the middle of a message".into())),
            Ok(_) if self.ended => {
                self.limiter.count_messages(BURST);
                Ok(false)
            }
            Ok(length) => {
                if self.driver.waiting() == 0 {
                    self.last_activity = Instant::now();
                }
                self.driver.feed(&buffer[..length]);
                self.has_received = true;
                Ok(true)
            }
            Err(error) if would_block(&error) => Ok(false),
            Err(error) => Err(DisconnectReason::Broken(format!("broke the connection: {error}"))),
        }
    }

    /// Returns the next event of the driver; `None` while the connection is paused or refused.
    pub fn proceed(&mut self) -> Result<Option<driver::Event>, Fault> {
        if self.ended || self.paused() {
            return Ok(None);
        }
        self.limiter.start_timer();
        let (waiting, most) = (self.driver.waiting(), if self.limited { BURST } else { usize::MAX });
        let mut left = most;
        let event = self.driver.proceed_within(&mut left);
        if self.driver.waiting() < waiting {
            self.last_activity = Instant::now();
        }
        self.limiter.count_messages(most - left);
        if !self.begun() && self.limited {
            self.early_messages += most - left;
            if self.early_messages > MAX_EARLY {
                return Err(Fault::Talk { limit: MAX_EARLY });
            }
        }
        event
    }

    /// Whether it can be dropped once its peer has gone: only small messages could be unread. The poller reports a
    /// hang-up regardless of the registered interest, so it must be handled now, even in a pause.
    pub fn droppable(&self) -> bool {
        self.ended || self.paused()
    }

    /// Whether it is paused by the rate limiter.
    fn paused(&self) -> bool {
        self.limited && self.limiter.paused_until().is_some()
    }

    /// Stores a request and returns its number of structures.
    pub fn accept_request(&mut self, event: driver::Event) -> Result<usize, Refusal> {
        let structures = match event {
            driver::Event::Evaluate(structures) => structures,
            driver::Event::EvaluateShared(names) => {
                self.read_shared(names).map_err(|source| Refusal::Segments { source })?
            }
            driver::Event::Init { .. } | driver::Event::Exit => vec![],
        };
        let Some(session) = &mut self.session else { return Err(Fault::PositionsBeforeInit.into()) };
        session.accept_request(structures);
        self.limiter.reset();
        self.active = true;
        Ok(self.structures())
    }

    fn read_shared(&mut self, names: Option<[String; 6]>) -> io::Result<Vec<Structure>> {
        if let Some(names) = names {
            self.segments = Some(Segments::open(&names)?);
        }
        let layout = self.driver.layout();
        let segments = self.segments.as_ref().ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        segments.read(layout.batch, layout.atoms)
    }

    /// Structures in the request.
    pub fn structures(&self) -> usize {
        self.session.as_ref().map_or(0, Session::structures)
    }

    /// Returns the request, for the evaluator.
    pub fn take_request(&mut self, key: Key) -> Option<Request> {
        Some(self.session.as_mut()?.take_request(key))
    }

    /// Whether it waits for results.
    pub fn awaits_results(&self) -> bool {
        self.driver.busy()
    }

    /// Memory of the cached neighbor lists, bytes.
    pub fn kept(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.kept)
    }

    /// Caches the neighbor lists for the next request if they fit into `room` bytes.
    pub fn keep(&mut self, lists: Vec<NeighborList>, room: usize) {
        let Some(session) = &mut self.session else { return };
        session.keep(lists);
        if session.kept > room {
            session.forget_neighbors();
        }
    }

    /// Queues the results as the reply.
    pub fn answer(&mut self, evaluations: Vec<Evaluation>) -> Result<(), Refusal> {
        let answers: Vec<_> = evaluations.into_iter().map(answer).collect();
        if let Some(segments) = &self.segments {
            segments.write(&answers).map_err(|source| Refusal::Results { source })?;
        }
        self.forget_request();
        self.driver.answer(&answers);
        self.last_activity = Instant::now();
        Ok(())
    }

    /// Queues an `ERROR` with the reason, the last message of the connection.
    pub fn refuse(&mut self, sentence: &str) {
        put_error(sentence, &mut self.driver.output);
        self.forget_request();
        self.active = false;
        self.ended = true;
        self.last_activity = Instant::now();
    }

    /// Schedules a refusal.
    pub fn refuse_at(&mut self, when: Instant, sentence: String) {
        self.refusal = Some((when, sentence));
    }

    /// Sends the reason without waiting for the peer; the caller then drops the connection.
    pub fn dismiss(&mut self, sentence: &str) {
        self.refuse(sentence);
        // Unread input would reset the connection on closing, and the peer would lose the sentence.
        let _ = self.write().map(|()| self.stream.read(&mut [0; 4096]));
    }

    fn forget_request(&mut self) {
        self.session.iter_mut().for_each(Session::forget);
    }

    /// Sends as much output as the socket takes; an error once the connection is over.
    pub fn write(&mut self) -> Result<(), DisconnectReason> {
        if self.driver.output.is_empty() {
            return Ok(());
        }
        while self.sent < self.driver.output.len() {
            match self.stream.write(&self.driver.output[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if would_block(&error) => return Ok(()),
                Err(error) => return Err(DisconnectReason::Broken(format!("broke the connection: {error}"))),
            }
        }
        self.last_activity = Instant::now();
        self.driver.output.clear();
        self.sent = 0;
        if self.ended && self.stream.finish().is_err() {
            return Err(DisconnectReason::Closed);
        }
        Ok(())
    }

    /// The reason after a failed write: a peer that has sent `EXIT` need not read any more.
    pub fn drain(&mut self, buffer: &mut [u8], end: DisconnectReason) -> DisconnectReason {
        let length = self.stream.read(buffer).unwrap_or(0);
        self.driver.feed(&buffer[..length]);
        if matches!(self.proceed(), Ok(Some(driver::Event::Exit))) { DisconnectReason::Exit } else { end }
    }

    /// The new interest for the poller, if it has changed.
    pub fn interest(&mut self, key: Key) -> Option<Readiness> {
        self.limiter.stop_timer();
        let writing = !self.driver.output.is_empty();
        // A peer that does not read its answers is not read from, and none may buffer more requests than one read.
        let busy = writing || self.driver.busy() && self.driver.waiting() > READ_SIZE;
        let reading = (self.ended || !busy) && !self.paused();
        let interest = (reading, writing);
        let changed = interest != self.interest;
        self.interest = interest;
        changed.then(|| Readiness::new(key, reading, writing))
    }

    /// The time to refuse or close it if nothing happens before.
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        if self.ended {
            return Some(self.last_activity + LINGER);
        }
        if let Some((when, _)) = self.refusal {
            return Some(when);
        }
        // A simulation in a pause has nothing due.
        if self.begun() && self.paused() {
            return None;
        }
        let (since, wait) = match self.unfinished() {
            _ if self.driver.busy() => return None,
            true if self.driver.begun() => (self.last_activity, limits.io_timeout),
            true => (self.opened, limits.admission.map(|Admission { grace, .. }| grace)),
            false => (self.last_activity, limits.idle),
        };
        wait.map(|wait| since + wait)
    }

    /// The end of its pause.
    pub fn resume(&self) -> Option<Instant> {
        self.limiter.paused_until().filter(|_| self.limited)
    }

    /// Whether the peer has something due: its `INIT`, the rest of a message, or reading our output.
    fn unfinished(&self) -> bool {
        !self.driver.begun() || self.driver.waiting() > 0 || !self.driver.output.is_empty()
    }

    /// The sentence for a passed deadline; `None` if one was sent already.
    pub fn timeout_message(&self) -> Option<&str> {
        match self {
            _ if self.ended => None,
            Self { refusal: Some((_, sentence)), .. } => Some(sentence),
            _ if !self.driver.output.is_empty() => Some("the answer was not read in time"),
            _ if self.driver.waiting() > 0 => Some("the rest of a message did not come in time"),
            _ if !self.driver.begun() => Some("no INIT came in time"),
            _ => Some("no request came for a long time: connect again to go on"),
        }
    }
}

fn answer(evaluation: Evaluation) -> Answer {
    Answer {
        extras: extras(&evaluation),
        energy: evaluation.energy,
        forces: evaluation.forces,
        virial: evaluation.virial.unwrap_or([[f64::NAN; 3]; 3]),
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
