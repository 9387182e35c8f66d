//! `tumble ipi`: the client of an i-PI or ASE server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tumble::{Error, Result};
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::policy::Policy;
use tumble_core::potential::ModelInfo;
use tumble_core::settings::MAX_STEP;
use tumble_ipi::net::Address;
use tumble_server::ipi_client::{Ending, Options as ClientOptions, Report, run};
use tumble_server::scheduler::{DisconnectReason, Limits, Shutdown};

use crate::log::{Log, LogFormat};
use crate::options::{LATE, Models, TimeLimit, microseconds, positive, seconds};
use crate::settings::{Ipi, Options};

/// Compute energies, forces and virials for i-PI or ASE, as a client of their socket
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,

    /// A structure in (extended) XYZ or i-PI's XYZ, with the atoms in the order of the simulation: i-PI sends no
    /// elements
    #[arg(long, value_name = "FILE")]
    template: PathBuf,

    /// Name of the server's unix socket (/tmp/ipi_NAME), or its path if it contains a slash
    #[arg(long, value_name = "NAME", required_unless_present = "tcp", conflicts_with = "tcp")]
    unix: Option<String>,

    /// The server's host and port
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Option<String>,

    /// Periodicity along the cell vectors, TTF for a slab [default: periodic along all nonzero vectors]
    #[arg(long, value_name = "TTT", value_parser = periodic)]
    pbc: Option<[bool; 3]>,

    /// Number of connections, evaluated together: one per bead or replica
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    connections: usize,

    /// Exchange structures and results through shared memory, for i-PI's <ffsocket mode='shm'>
    #[arg(long, conflicts_with = "tcp")]
    shm: bool,

    /// Time to wait for a server, seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    retry: u64,

    /// When the server closes, wait for a new one, up to --retry seconds
    #[arg(long)]
    reconnect: bool,

    /// Structures per step, for random rotations: the beads of a ring polymer, a multiple of i-PI's batch_size
    /// [default: the structures of one message]
    #[arg(long, value_name = "P", value_parser = beads)]
    beads: Option<u64>,

    /// Random rotations of the beads of a step: one per bead, or one for all
    #[arg(long, value_name = "WHICH", default_value = "independent")]
    streams: Streams,

    /// Number of the first step: continues the random rotations of an earlier run
    #[arg(long, value_name = "N", default_value = "0", value_parser = step)]
    step: u64,

    #[command(flatten)]
    of_ipi: Options<Ipi>,

    /// Time that a structure waits for structures of other connections, microseconds
    #[arg(long, value_name = "US", default_value = "5000", value_parser = microseconds)]
    max_wait_us: u64,

    /// Format of the log on the standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,

    #[command(flatten)]
    time: TimeLimit,

    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Streams {
    Independent,
    Shared,
}

const EXAMPLES: &str = "\
Examples:
  tumble ipi model.onnx --template start.xyz --unix driver --rotate octahedral
  tumble ipi model.onnx --template water.xyz --tcp localhost:31415 --rotate random --seed 1
  tumble ipi model.onnx --template water.xyz --unix driver --connections 8 --beads 8
  tumble ipi model.onnx --template water.xyz --unix slow --rotate octahedral --correction

You can start it before or after the server. Exit code: 0 if the server said EXIT, 3 if it closed the connection (as ASE
does), 130 after Ctrl-C, 124 after --max-seconds, 1 for an error. Directions with a zero cell vector are not periodic.";

/// Runs the command.
pub fn command(arguments: &Arguments, library: Option<PathBuf>) -> Result<ExitCode> {
    let mut settings = arguments.of_ipi.added_to(arguments.options.settings(library)?)?;
    let System { species, conditions, .. } = arguments.template()?;
    settings.conditions = conditions.or(settings.conditions);
    let potential = arguments.models.potential(&settings)?;
    potential.info().check_species(&species)?;
    potential.info().check_conditions(&settings.conditions)?;
    let client = arguments.client(species, &settings, potential.info())?;
    let limits = Limits {
        max_batch: usize::MAX,
        max_wait: Duration::from_micros(arguments.max_wait_us),
        memory: settings.memory_mb << 20,
        max_work: f64::INFINITY,
        max_text: 1 << 20,
        io_timeout: None,
        admission: None,
        idle: None,
    };
    let mut log = Log::new(arguments.log, &client.address.to_string(), client.connections);
    let interrupt = Shutdown::by_signals().map_err(|source| Error::Signals { source })?;
    arguments.time.watch(&interrupt);
    let ending = run(potential, limits, &client, Arc::clone(&interrupt), &mut |report| tell(&mut log, report));
    let late = interrupt.late() && matches!(ending, Ok(Ending::Interrupted));
    log.finish(if late { "late" } else { ending.as_ref().map_or("error", |ending| name(*ending)) });
    Ok(ending.map(|ending| if late { ExitCode::from(LATE) } else { code(ending) })?)
}

impl Arguments {
    fn client(&self, species: Vec<u8>, settings: &Settings, info: &ModelInfo) -> Result<ClientOptions> {
        Ok(ClientOptions {
            address: self.address()?,
            species,
            periodic: self.pbc,
            policy: Policy::new(settings, info)?,
            connections: self.connections,
            shared_memory: self.shm,
            beads: self.beads,
            independent: self.streams == Streams::Independent,
            first_step: self.step,
            retry: Duration::from_secs(self.retry),
            reconnect: self.reconnect,
        })
    }

    fn template(&self) -> Result<System> {
        let mut frames = tumble_xyz::open(&self.template)?;
        let file = frames.file().to_owned();
        Ok(frames.next().ok_or(tumble_xyz::Error::NoFrames { file })??.system)
    }

    fn address(&self) -> tumble_ipi::Result<Address> {
        match (&self.unix, &self.tcp) {
            (Some(name), _) if name.contains('/') => Address::unix(name),
            (Some(name), _) => Address::ipi(name),
            (_, tcp) => Address::tcp(tcp.as_deref().unwrap_or_default()),
        }
    }
}

fn tell(log: &mut Log, report: Report) {
    match report {
        Report::Waiting(error) => log.waiting(&error.to_string()),
        Report::Connected { .. } => log.event("connected", "connected"),
        Report::Fewer { missing } => log.event("fewer", &format!("{missing} connection(s) could not be made")),
        Report::BatchStats(round) => log.round(round),
        Report::Ended(DisconnectReason::Exit) => log.event("exit", "the server said EXIT"),
        Report::Ended(DisconnectReason::Closed) => log.event("closed", "the server closed the connection"),
        Report::Ended(DisconnectReason::Broken(fault)) => log.event("broken", &format!("the server {fault}")),
        Report::Ended(DisconnectReason::Refused(sentence)) => log.event("refused", sentence),
    }
}

fn name(ending: Ending) -> &'static str {
    match ending {
        Ending::Exit => "exit",
        Ending::Closed => "closed",
        Ending::Interrupted => "interrupted",
    }
}

fn code(ending: Ending) -> ExitCode {
    ExitCode::from(match ending {
        Ending::Exit => 0,
        Ending::Closed => 3,
        Ending::Interrupted => 130,
    })
}

fn periodic(text: &str) -> Result<[bool; 3], String> {
    let flags: Vec<_> = text.chars().filter_map(|c| "TF".find(c).map(|index| index == 0)).collect();
    match flags[..] {
        [a, b, c] if text.len() == 3 => Ok([a, b, c]),
        _ => Err("must be three letters, T or F: TTF for a slab".into()),
    }
}

fn beads(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 1..=65_535) => Ok(number),
        _ => Err("must be a whole number from 1 to 65535".into()),
    }
}

fn step(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|step| *step <= MAX_STEP);
    number.ok_or_else(|| format!("must be a whole number from 0 to {MAX_STEP}"))
}
