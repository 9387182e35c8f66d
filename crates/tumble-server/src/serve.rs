//! The server's loop: accepts connections, grants sessions, reports events.

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

/// Time between two reports of evicted connections.
const EVICTION_INTERVAL: Duration = Duration::from_secs(10);

/// Options of the server.
pub struct Options {
    /// Limits and defaults of a session.
    pub session_limits: SessionLimits,
    /// Limits of the scheduler.
    pub limits: Limits,
    /// The most simulations at a time.
    pub max_connections: usize,
    /// Output of the statistics: one line every 10 seconds and at the end.
    pub statistics: Option<Box<dyn Write>>,
}

/// An event for the log.
#[derive(Debug)]
pub enum Report<'a> {
    /// A simulation begins.
    Begun {
        /// The simulation.
        peer: &'a str,
        /// Atoms per structure.
        atoms: usize,
    },
    /// A connection has ended.
    Ended {
        /// The peer.
        peer: &'a str,
        /// The reason.
        end: &'a DisconnectReason,
        /// Connections now.
        connections: usize,
    },
    /// A connection could not be accepted.
    NotAccepted(&'a io::Error),
    /// Number of connections without an `INIT` closed to make room for others.
    Evicted(usize),
    /// The statistics cannot be written; reported once, until writing succeeds again.
    NotWritten(&'a io::Error),
    /// A batch was evaluated; with the number of connections now.
    BatchStats(&'a BatchStats, usize),
}

/// Serves until the shutdown is requested.
///
/// # Errors
/// System errors. Errors of a simulation end that simulation only, and a failure to write statistics is reported.
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
    server.scheduler.dismiss("the server is shutting down: connect to the next one");
    // Connections that ended in the last turn still count; new ones are not served any more.
    let last = server.scheduler.take_events().into_iter().filter(|last| matches!(last, Event::Ended { .. }));
    last.for_each(|event| server.handle(event, &options, report));
    server.write_line(options.statistics.as_mut(), report);
    Ok(server.statistics)
}

struct Server {
    scheduler: Scheduler,
    statistics: Statistics,
    login_throttle: LoginThrottle,
    /// Evicted connections not reported yet.
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

    /// Accepts a connection. The limit of simulations is checked at its `INIT`, where it can be refused with a
    /// sentence.
    fn accept(&mut self, stream: Stream, peer: &str, options: &Options) {
        let pending = options.limits.admission.map_or(0, |admission| admission.max_pending);
        // Beyond twice the limit, counting connections being refused, it is closed without a word.
        if self.scheduler.connections() >= 2 * (options.max_connections + pending) {
            return self.statistics.refuse();
        }
        self.statistics.accept();
        let number = self.statistics.total().accepted;
        // A stream that the poller cannot watch is dropped.
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
            return Err(format!("the server has {most} connections already, its limit"));
        }
        options.session_limits.accept_init(text, self.scheduler.info())
    }

    /// Reports evictions, at most once per interval.
    fn report_evictions(&mut self, now: Instant, report: &mut dyn FnMut(Report)) {
        if self.evicted > 0
            && self.reported_at.is_none_or(|last| now.saturating_duration_since(last) >= EVICTION_INTERVAL)
        {
            report(Report::Evicted(std::mem::take(&mut self.evicted)));
            self.reported_at = Some(now);
        }
    }

    /// Writes a line of statistics. A failure is reported once, and writing is tried again: the disk may have space
    /// later.
    fn write_line(&mut self, out: Option<&mut Box<dyn Write>>, report: &mut dyn FnMut(Report)) {
        let Some(out) = out else { return };
        let line = self.statistics.line(self.scheduler.connections());
        // End the rest of an incomplete line, so that it does not spoil this one.
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
