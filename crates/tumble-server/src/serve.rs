//! The server's loop: who may come in, and what becomes of whom.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tumble_core::potential::Potential;
use tumble_ipi::net::{Listener, Stream};

use crate::error::{Error, Result};
use crate::login_throttle::LoginThrottle;
use crate::scheduler::{BatchStats, DisconnectReason, Event, Key, Limits, Scheduler, SessionConfig, Shutdown};
use crate::session_request::{SessionLimits, WRONG_TOKEN};
use crate::statistics::Statistics;

/// Time between two lines of statistics.
const STATISTICS: Duration = Duration::from_secs(10);

/// Time between two words of a crowd.
const EVICTION_INTERVAL: Duration = Duration::from_secs(10);

/// How to serve.
pub struct Options {
    /// What simulations are granted.
    pub session_limits: SessionLimits,
    /// What may not be exceeded.
    pub limits: Limits,
    /// Connections at a time.
    pub max_connections: usize,
    /// Where a line of statistics goes every 10 seconds, and at the end.
    pub statistics: Option<Box<dyn Write>>,
}

/// What goes on.
#[derive(Debug)]
pub enum Report<'a> {
    /// A simulation begins.
    Begun {
        /// Who.
        peer: &'a str,
        /// Atoms of each of its structures.
        atoms: usize,
    },
    /// A connection has ended.
    Ended {
        /// Whose.
        peer: &'a str,
        /// How.
        end: &'a DisconnectReason,
        /// How many there are now.
        connections: usize,
    },
    /// Somebody could not be accepted.
    NotAccepted(&'a io::Error),
    /// So many connections that had sent no `INIT` had to make room for others.
    Evicted(usize),
    /// Statistics cannot be written; told once until they can.
    NotWritten(&'a io::Error),
    /// A batch was evaluated, and how many connections there are now.
    BatchStats(&'a BatchStats, usize),
}

/// Serves until a signal comes.
///
/// # Errors
/// Those of the system. What a simulation does wrong is its own affair, and statistics that cannot be written are told.
pub fn serve(
    potential: Box<dyn Potential>,
    listener: Listener,
    mut options: Options,
    shutdown: Arc<Shutdown>,
    report: &mut dyn FnMut(Report),
) -> Result<Statistics> {
    let address = listener.address().to_string();
    let broken = |source| Error::Listen { address: address.clone(), source };
    let mut scheduler = Scheduler::new(potential, options.limits, shutdown).map_err(broken)?;
    scheduler.listen(listener).map_err(broken)?;
    let mut server = Server::new(scheduler);
    while !server.scheduler.shutdown_requested() {
        let line = options.statistics.as_ref().map(|_| server.statistics.due(STATISTICS));
        for event in server.scheduler.poll_once(line).map_err(broken)? {
            server.handle(event, &options, report);
        }
        if line.is_some_and(|due| due <= Instant::now()) {
            server.write_line(options.statistics.as_mut(), report);
        }
        server.report_evictions(Instant::now(), report);
    }
    server.scheduler.dismiss("the server was asked to end: ask the next one");
    // What came about in the last turn counts, though nobody comes in any more.
    let last = server.scheduler.take_events().into_iter().filter(|last| matches!(last, Event::Ended { .. }));
    last.for_each(|event| server.handle(event, &options, report));
    server.write_line(options.statistics.as_mut(), report);
    Ok(server.statistics)
}

struct Server {
    scheduler: Scheduler,
    statistics: Statistics,
    login_throttle: LoginThrottle,
    /// Connections that had to make room, of which nothing was told yet.
    evicted: usize,
    reported_at: Option<Instant>,
    /// Whether the last line of statistics could not be written.
    write_failed: bool,
}

impl Server {
    fn new(scheduler: Scheduler) -> Self {
        let (statistics, login_throttle) = (Statistics::default(), LoginThrottle::default());
        Self { scheduler, statistics, login_throttle, evicted: 0, reported_at: None, write_failed: false }
    }

    fn handle(&mut self, event: Event, options: &Options, report: &mut dyn FnMut(Report)) {
        match event {
            Event::Connected(stream, peer) => self.accept(stream, &peer, options),
            Event::Evicted(_) => {
                self.statistics.refuse();
                self.evicted += 1;
            }
            Event::NotAccepted(error) => report(Report::NotAccepted(&error)),
            Event::Init(key, text) => self.begin(key, &text, options, report),
            Event::Evaluated(stats) => {
                self.statistics.add(&stats);
                report(Report::BatchStats(&stats, self.scheduler.connections()));
            }
            Event::Ended { peer, end, .. } => {
                if matches!(end, DisconnectReason::Broken(_) | DisconnectReason::Refused(_)) {
                    self.statistics.refuse();
                }
                report(Report::Ended { peer: &peer, end: &end, connections: self.scheduler.connections() });
            }
        }
    }

    /// Takes somebody in. Whether there is room for a simulation is told when one is asked for.
    fn accept(&mut self, stream: Stream, peer: &str, options: &Options) {
        let pending = options.limits.admission.map_or(0, |admission| admission.max_pending);
        // Beyond twice as many, those who are being told why they are refused included, there is no telling.
        if self.scheduler.connections() >= 2 * (options.max_connections + pending) {
            return self.statistics.refuse();
        }
        self.statistics.accept();
        let number = self.statistics.total().accepted;
        // One that the system does not let us watch is gone.
        let _ = self.scheduler.add(stream, format!("{peer} #{number}"));
    }

    fn begin(&mut self, key: Key, text: &str, options: &Options, report: &mut dyn FnMut(Report)) {
        let start = Instant::now();
        if !options.session_limits.admits(text) {
            let delay = self.login_throttle.record_failure(self.scheduler.origin(key), start);
            return self.scheduler.refuse_later(key, WRONG_TOKEN.into(), delay);
        }
        match self.accept_init(key, text, options) {
            Ok(config) => {
                report(Report::Begun { peer: self.scheduler.peer(key), atoms: config.species.len() });
                self.scheduler.charge(key, start.elapsed());
                self.scheduler.begin(key, config);
            }
            Err(sentence) => self.scheduler.refuse(key, sentence),
        }
    }

    fn accept_init(&self, key: Key, text: &str, options: &Options) -> Result<SessionConfig, String> {
        let most = options.max_connections;
        if !self.scheduler.begun(key) && self.scheduler.simulations() >= most {
            return Err(format!("the server has {most} connections already, the most that it takes"));
        }
        options.session_limits.accept_init(text, self.scheduler.info())
    }

    /// Tells of those who had to make room: once in a while, however many they were.
    fn report_evictions(&mut self, now: Instant, report: &mut dyn FnMut(Report)) {
        if self.evicted > 0
            && self.reported_at.is_none_or(|last| now.saturating_duration_since(last) >= EVICTION_INTERVAL)
        {
            report(Report::Evicted(std::mem::take(&mut self.evicted)));
            self.reported_at = Some(now);
        }
    }

    /// A line of statistics. What cannot be written is told once, and tried again: a disk may have room later.
    fn write_line(&mut self, out: Option<&mut Box<dyn Write>>, report: &mut dyn FnMut(Report)) {
        let Some(out) = out else { return };
        let line = self.statistics.line(self.scheduler.connections());
        // What was written of a line before is not to spoil this one.
        let before = if self.write_failed { "\n" } else { "" };
        let result = out.write_all(format!("{before}{line}\n").as_bytes()).and_then(|()| out.flush());
        let failed = result.is_err();
        if let Err(error) = result
            && !self.write_failed
        {
            report(Report::NotWritten(&error));
        }
        self.write_failed = failed;
    }
}
