//! `tumble serve`: the force server.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tumble::{Error, Result};
use tumble_core::Settings;
use tumble_core::policy::Policy;
use tumble_ipi::client::ClientSettings;
use tumble_ipi::net::{Address, Listener};
use tumble_server::Options as ServerOptions;
use tumble_server::Report;
use tumble_server::SessionLimits;
use tumble_server::scheduler::{Admission, DisconnectReason, Limits, Shutdown};
use tumble_server::serve;

use crate::log::{Log, LogFormat};
use crate::options::{Models, above_zero, limit, microseconds, positive, seconds};
use crate::settings::Options;

/// Smallest number of characters of a token if other machines can guess it. 16 random digits of openssl are 64 bits,
/// too many for the few guesses per second that are answered; words and dates are shorter.
const SHORTEST_TOKEN: usize = 16;

/// Serve the energies and forces of one model to many simulations at once
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,

    /// Address to listen on: unix:PATH or tcp:HOST:PORT (port 0 for any free port)
    #[arg(long, value_name = "ADDRESS")]
    listen: Address,

    /// Largest number of structures evaluated together
    #[arg(long, value_name = "N", default_value = "1024", value_parser = positive)]
    max_batch: usize,

    /// Time that a structure waits for structures of other connections, microseconds
    #[arg(long, value_name = "US", default_value = "1000", value_parser = microseconds)]
    max_wait_us: u64,

    /// Largest number of atoms in one message
    #[arg(long, value_name = "N", default_value = "100000", value_parser = positive)]
    max_atoms: usize,

    /// Largest number of rotations of one structure
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    max_rotations: usize,

    /// Largest number of edges times rotations in one message; a message at the default limit takes a small model
    /// about half an hour
    #[arg(long, value_name = "N", default_value = "1e9", value_parser = above_zero)]
    max_work: f64,

    /// Largest number of simulations at a time
    #[arg(long, value_name = "N", default_value = "256", value_parser = positive)]
    max_connections: usize,

    /// Largest number of connections without an INIT; a further one replaces the oldest
    #[arg(long, value_name = "N", default_value = "64", value_parser = positive)]
    max_pending: usize,

    /// Time to wait for an INIT, seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    grace: u64,

    /// Close connections without a request for this time, seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_timeout: Option<u64>,

    /// Time to wait for the rest of a message, or for room for an answer, seconds
    #[arg(long, alias = "patience", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    io_timeout: u64,

    /// Token that simulations must send; prefer the variable, since other users can see the command line
    #[arg(long, env = "TUMBLE_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Listen beyond this machine without a token
    #[arg(long)]
    open: bool,

    /// Write a line of JSON every 10 seconds and at the end; - for the standard output
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,

    /// Format of the log on the standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,

    /// Stop the server after this time, seconds, as Ctrl-C does
    #[arg(long, value_name = "S", value_parser = limit)]
    max_seconds: Option<Duration>,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "\
Examples:
  tumble serve model.onnx --listen unix:/tmp/water.sock
  tumble serve model.onnx --listen tcp:127.0.0.1:31500 --stats -
  TUMBLE_TOKEN=$(openssl rand -hex 16) tumble serve model.onnx --listen tcp:0.0.0.0:31500

Each simulation chooses its own rotate, inversion and seed; --rotate and --seed are the defaults. docs/server.md has
clients for ASE, C and Rust. Stop the server with Ctrl-C.";

/// Runs the command.
pub fn command(arguments: &Arguments, library: Option<PathBuf>) -> Result<ExitCode> {
    let address = &arguments.listen;
    // A token that no client can send would keep everybody out, and an empty token nobody.
    ClientSettings { token: arguments.token.clone(), ..ClientSettings::default() }.options()?;
    if arguments.token.is_none() && !arguments.open && !address.is_local() {
        return Err(Error::OpenServer { address: address.to_string() });
    }
    if let Some(found) = arguments.token.as_ref().map(|token| token.chars().count())
        && found < SHORTEST_TOKEN
        && !address.is_local()
    {
        return Err(Error::ShortToken { found, address: address.to_string(), shortest: SHORTEST_TOKEN });
    }
    let settings = arguments.options.settings(library)?;
    let potential = arguments.models.potential(&settings)?;
    arguments.check_default(&Policy::new(&settings, potential.info())?)?;
    let listener = Listener::bind(address)
        .map_err(|source| tumble_server::Error::Listen { address: address.to_string(), source })?;
    let options = arguments.server(settings)?;
    let mut log = Log::new(arguments.log, &listener.address().to_string(), 0);
    // Before the socket is announced, so that a signal always removes it.
    let interrupt = Shutdown::by_signals().map_err(|source| Error::Signals { source })?;
    arguments.max_seconds.iter().for_each(|limit| interrupt.after(*limit));
    log.event("listening", "listening");
    serve(potential, listener, options, interrupt, &mut |report| tell(&mut log, report))?;
    log.finish("interrupted");
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// Checks that the default mitigation is within `--max-rotations`.
    fn check_default(&self, policy: &Policy) -> Result<()> {
        let (found, most) = (policy.mitigation.evaluations(), self.max_rotations);
        if found <= most {
            return Ok(());
        }
        let problem =
            format!("makes {found} rotations of a structure, more than the {most} of --max-rotations: raise that");
        Err(tumble_core::Error::Argument { name: "--rotate", problem }.into())
    }

    fn server(&self, settings: Settings) -> Result<ServerOptions> {
        let session_limits = SessionLimits {
            max_atoms: self.max_atoms,
            max_rotations: self.max_rotations,
            token: self.token.clone(),
            settings,
        };
        let limits = Limits {
            max_batch: self.max_batch,
            max_wait: Duration::from_micros(self.max_wait_us),
            memory: session_limits.settings.memory_mb << 20,
            max_work: self.max_work,
            max_text: session_limits.max_text(),
            io_timeout: Some(Duration::from_secs(self.io_timeout)),
            admission: Some(Admission { max_pending: self.max_pending, grace: Duration::from_secs(self.grace) }),
            idle: self.idle_timeout.map(Duration::from_secs),
        };
        let statistics = self.stats.as_deref().map(open).transpose()?;
        Ok(ServerOptions { session_limits, limits, max_connections: self.max_connections, statistics })
    }
}

fn open(path: &Path) -> Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let appended = Appended(path.into());
    appended.open().map_err(|source| Error::Write { path: path.into(), source })?;
    Ok(Box::new(appended))
}

/// A file opened anew for each line, so that it can be rotated and a removed folder is noticed.
struct Appended(PathBuf);

impl Appended {
    fn open(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.0)
    }
}

impl Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tell(log: &mut Log, report: Report) {
    match report {
        Report::Begun { peer, atoms } => log.event("begun", &format!("{peer} begins with {atoms} atoms")),
        Report::BatchStats(round, connections) => {
            log.connections(connections);
            log.round(round);
        }
        Report::Evicted(count) => {
            log.event("crowded", &format!("{count} connection(s) without an INIT had to make room for others"));
        }
        Report::NotWritten(error) => {
            log.event("not written", &format!("warning: cannot write the statistics: {error}"));
        }
        Report::NotAccepted(error) => log.event("not accepted", &format!("cannot accept a connection: {error}")),
        Report::Ended { peer, end: DisconnectReason::Exit | DisconnectReason::Closed, connections } => {
            log.event("ended", &format!("{peer} has ended, {connections} left"));
        }
        Report::Ended { peer, end: DisconnectReason::Broken(fault), .. } => {
            log.event("broken", &format!("{peer} {fault}"))
        }
        Report::Ended { peer, end: DisconnectReason::Refused(sentence), .. } => {
            log.event("refused", &format!("{peer} was refused: {sentence}"));
        }
    }
}
