//! The server's loop: who may come in, and what becomes of whom.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::request::Terms;
use super::statistics::Statistics;
use crate::error::{Error, Result};
use crate::net::{Listener, Stream};
use crate::potential::Potential;
use crate::scheduler::{End, Happening, Interrupt, Key, Limits, Round, Scheduler};

/// Time between two lines of statistics.
const STATISTICS: Duration = Duration::from_secs(10);

/// How to serve.
pub struct Options {
    /// What simulations are granted.
    pub terms: Terms,
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
        end: &'a End,
        /// How many there are now.
        connections: usize,
    },
    /// Somebody could not be accepted.
    NotAccepted(&'a io::Error),
    /// A batch was evaluated, and how many connections there are now.
    Round(&'a Round, usize),
}

/// Serves until a signal comes.
///
/// # Errors
/// Those of the system, and of writing statistics. What a simulation does wrong is its own affair.
pub fn serve(
    potential: Box<dyn Potential>,
    listener: Listener,
    mut options: Options,
    interrupt: Arc<Interrupt>,
    report: &mut dyn FnMut(Report),
) -> Result<Statistics> {
    let address = listener.address().to_string();
    let broken = |cause| Error::Listen { address: address.clone(), cause };
    let mut scheduler = Scheduler::new(potential, options.limits, interrupt).map_err(broken)?;
    scheduler.listen(listener).map_err(broken)?;
    let mut server = Server { scheduler, statistics: Statistics::default() };
    while !server.scheduler.interrupted() {
        let line = options.statistics.as_ref().map(|_| server.statistics.due(STATISTICS));
        for happening in server.scheduler.turn(line).map_err(broken)? {
            server.take(happening, &options, report);
        }
        if line.is_some_and(|due| due <= Instant::now()) {
            server.write_line(options.statistics.as_mut())?;
        }
    }
    // What came about in the last turn counts, though nobody comes in any more.
    let last = server.scheduler.rest().into_iter().filter(|last| matches!(last, Happening::Ended { .. }));
    last.for_each(|happening| server.take(happening, &options, report));
    server.write_line(options.statistics.as_mut())?;
    Ok(server.statistics)
}

struct Server {
    scheduler: Scheduler,
    statistics: Statistics,
}

impl Server {
    fn take(&mut self, happening: Happening, options: &Options, report: &mut dyn FnMut(Report)) {
        match happening {
            Happening::Connected(stream, peer) => self.accept(stream, peer, options),
            Happening::NotAccepted(error) => report(Report::NotAccepted(&error)),
            Happening::Init(key, text) => self.begin(key, &text, options, report),
            Happening::Evaluated(round) => {
                self.statistics.add(&round);
                report(Report::Round(&round, self.scheduler.connections()));
            }
            Happening::Ended { peer, end, .. } => {
                if matches!(end, End::Broken(_) | End::Refused(_)) {
                    self.statistics.refuse();
                }
                report(Report::Ended { peer: &peer, end: &end, connections: self.scheduler.connections() });
            }
        }
    }

    fn accept(&mut self, stream: Stream, peer: String, options: &Options) {
        let connections = self.scheduler.connections();
        // Beyond twice as many, those who are being told why they are refused included, there is no telling.
        if connections >= 2 * options.max_connections {
            return self.statistics.refuse();
        }
        self.statistics.accept();
        let number = self.statistics.total().accepted;
        let Ok(key) = self.scheduler.add(stream, format!("{peer} #{number}")) else { return };
        if connections >= options.max_connections {
            let most = options.max_connections;
            self.scheduler.refuse(key, format!("the server has {most} connections already, the most that it takes"));
        }
    }

    fn begin(&mut self, key: Key, text: &str, options: &Options, report: &mut dyn FnMut(Report)) {
        match options.terms.grant(text, self.scheduler.potential().info()) {
            Ok(setup) => {
                report(Report::Begun { peer: self.scheduler.peer(key), atoms: setup.species.len() });
                self.scheduler.begin(key, setup);
            }
            Err(sentence) => self.scheduler.refuse(key, sentence),
        }
    }

    fn write_line(&mut self, out: Option<&mut Box<dyn Write>>) -> Result<()> {
        let Some(out) = out else { return Ok(()) };
        let line = self.statistics.line(self.scheduler.connections());
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|cause| Error::Write { path: "the statistics".into(), cause }),
        }
    }
}
