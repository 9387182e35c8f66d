//! One connection: its socket, its conversation, and how long it may be silent.

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

/// How long a peer that is refused has to read why.
const LINGER: Duration = Duration::from_secs(2);

/// How a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// With an `EXIT`.
    Exit,
    /// The peer closed it between two messages.
    Closed,
    /// It broke: the rest of a sentence that begins with the name of the peer.
    Broken(String),
    /// We refused to go on: a sentence that the peer was told.
    Refused(String),
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    pub peer: String,
    /// The machine that it is from.
    pub origin: Option<IpAddr>,
    driver: Driver,
    /// From its `INIT` on.
    session: Option<Session>,
    segments: Option<Segments>,
    /// Whether it is likely to ask again soon: it was in the last batch, or is new.
    pub active: bool,
    /// How much of the output is sent.
    sent: usize,
    /// When it was opened.
    opened: Instant,
    /// When the last message was taken in, or sent to its end. Parts of messages do not count: who sends a byte now and
    /// then does not keep his place.
    last_activity: Instant,
    /// Whether anything has come.
    pub has_received: bool,
    /// Whether its end has been told.
    pub ended: bool,
    /// When it is to be refused, and why.
    refusal: Option<(Instant, String)>,
    /// Whether it is one that we do not trust, as all that we accept.
    limited: bool,
    pub limiter: RateLimiter,
    /// Messages before its `INIT`.
    early_messages: usize,
    /// What the poller was told last: readable, writable.
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

    /// Ends it from our side.
    pub fn hang_up(&mut self) {
        self.stream.hang_up();
    }

    /// Whether it has begun a session.
    pub fn begun(&self) -> bool {
        self.session.is_some()
    }

    pub fn begin(&mut self, config: SessionConfig) {
        self.driver.begin(config.species.len(), config.batch, config.transport);
        self.session = Some(Session::new(config));
    }

    /// Reads a piece; true if something came.
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

    /// What is to be done next; nothing before what was answered is on its way.
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

    /// Whether nothing is lost once its peer has gone: all that it may still have sent is talk. The poller tells that it
    /// has gone whether we ask or not, so it is to be looked at now, though it is left alone.
    pub fn droppable(&self) -> bool {
        self.ended || self.paused()
    }

    /// Whether it is left alone for a while.
    fn paused(&self) -> bool {
        self.limited && self.limiter.paused_until().is_some()
    }

    /// Takes a request in and says how many structures it has.
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

    /// The request, to be evaluated elsewhere.
    pub fn take_request(&mut self, key: Key) -> Option<Request> {
        Some(self.session.as_mut()?.take_request(key))
    }

    /// Whether it waits for results.
    pub fn awaits_results(&self) -> bool {
        self.driver.busy()
    }

    /// Memory of what is known of neighbors, bytes.
    pub fn kept(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.kept)
    }

    /// Keeps what is known of neighbors for the next request, if there is so much room for it, bytes.
    pub fn keep(&mut self, lists: Vec<NeighborList>, room: usize) {
        let Some(session) = &mut self.session else { return };
        session.keep(lists);
        if session.kept > room {
            session.forget_neighbors();
        }
    }

    /// Makes the reply.
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

    /// Says why it ends.
    pub fn refuse(&mut self, sentence: &str) {
        put_error(sentence, &mut self.driver.output);
        self.forget_request();
        self.active = false;
        self.ended = true;
        self.last_activity = Instant::now();
    }

    /// Says why it will have ended soon.
    pub fn refuse_at(&mut self, when: Instant, sentence: String) {
        self.refusal = Some((when, sentence));
    }

    /// Says why it ends, if its peer listens, and ends it.
    pub fn dismiss(&mut self, sentence: &str) {
        self.refuse(sentence);
        // Nothing is waited for. What is unread would reset the connection, and take the sentence with it.
        let _ = self.write().map(|()| self.stream.read(&mut [0; 4096]));
    }

    fn forget_request(&mut self) {
        self.session.iter_mut().for_each(Session::forget);
    }

    /// Sends what can be sent; an error if the connection is done.
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

    /// How it ends if it cannot be written to: whoever has said `EXIT` need not read any more.
    pub fn drain(&mut self, buffer: &mut [u8], end: DisconnectReason) -> DisconnectReason {
        let length = self.stream.read(buffer).unwrap_or(0);
        self.driver.feed(&buffer[..length]);
        if matches!(self.proceed(), Ok(Some(driver::Event::Exit))) { DisconnectReason::Exit } else { end }
    }

    /// What to tell the poller, if it must be told.
    pub fn interest(&mut self, key: Key) -> Option<Readiness> {
        self.limiter.stop_timer();
        let writing = !self.driver.output.is_empty();
        // Whoever does not read his answers is not read from, and nobody piles up more than a piece of requests.
        let busy = writing || self.driver.busy() && self.driver.waiting() > READ_SIZE;
        let reading = (self.ended || !busy) && !self.paused();
        let interest = (reading, writing);
        let changed = interest != self.interest;
        self.interest = interest;
        changed.then(|| Readiness::new(key, reading, writing))
    }

    /// When something is wrong with it if nothing happens.
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        if self.ended {
            return Some(self.last_activity + LINGER);
        }
        if let Some((when, _)) = self.refusal {
            return Some(when);
        }
        // Who has begun and is left alone owes us nothing meanwhile.
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

    /// When to look at it again.
    pub fn resume(&self) -> Option<Instant> {
        self.limiter.paused_until().filter(|_| self.limited)
    }

    /// Whether it owes us something.
    fn unfinished(&self) -> bool {
        !self.driver.begun() || self.driver.waiting() > 0 || !self.driver.output.is_empty()
    }

    /// What is wrong when a deadline has passed; nothing to say if it has been told.
    pub fn timeout_message(&self) -> Option<&str> {
        match self {
            _ if self.ended => None,
            Self { refusal: Some((_, sentence)), .. } => Some(sentence),
            _ if !self.driver.output.is_empty() => Some("the answer was not read in time"),
            _ if self.driver.waiting() > 0 => Some("the rest of a message did not come in time"),
            _ if !self.driver.begun() => Some("no INIT came in time"),
            _ => Some("nothing was asked for a long time: connect again to go on"),
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
