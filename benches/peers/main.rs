//! The Rust workers of `make bench`: tumble, ONNX Runtime alone through its C interface, and tumble's neighbor list.
//!
//! `peers JOB`, with JOB a JSON object, evaluates a structure once and prints `{"energy": eV}`. Each line of its input
//! is a number of evaluations; it does them and prints `{"seconds": s}`, the mean time of one evaluation.

mod ort_c;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tumble_core::Mitigation;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::neighbors::NeighborList;
use tumble_core::rotation::draw;
use tumble_engine::load;

/// Result with any error; the runner prints its sentence.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Time of one evaluation, and the energy, eV.
type Timed = (Duration, f64);

/// Displacement of the atoms from the start, Å: about that of a step of dynamics.
const SHAKE: f64 = 0.01;

/// A job: the kind of worker and its input.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Job {
    Tumble(Averaged),
    OrtC(ort_c::Job),
    Pairs { structure: PathBuf, cutoff: f64 },
}

/// An evaluation from positions to averaged forces.
#[derive(Deserialize)]
struct Averaged {
    model: PathBuf,
    structure: PathBuf,
    rotate: String,
    inversion: bool,
    threads: usize,
    /// Memory budget, MiB.
    memory: usize,
}

fn main() -> ExitCode {
    match std::env::args().nth(1).filter(|argument| argument.starts_with('{')).map(|job| run(&job)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => {
            println!("peers: run benches/peers/bench.py, which gives this program its jobs");
            ExitCode::SUCCESS
        }
    }
}

fn run(job: &str) -> Outcome<()> {
    serve(worker(serde_json::from_str(job)?)?)
}

fn worker(job: Job) -> Outcome<Box<dyn FnMut() -> Outcome<Timed>>> {
    Ok(match job {
        Job::Tumble(job) => Box::new(tumble(&job)?),
        Job::OrtC(job) => Box::new(ort_c::worker(&job)?),
        Job::Pairs { structure, cutoff } => Box::new(pairs(read(&structure)?, cutoff)),
    })
}

/// Answers the lines of the input. The first evaluation is of the original structure.
fn serve(mut evaluate: impl FnMut() -> Outcome<Timed>) -> Outcome<()> {
    println!("{}", serde_json::json!({ "energy": evaluate()?.1 }));
    for line in std::io::stdin().lock().lines() {
        let count = line?.parse::<u32>()?;
        let times = (0..count).map(|_| Ok(evaluate()?.0)).collect::<Outcome<Vec<_>>>()?;
        let seconds = times.iter().sum::<Duration>().as_secs_f64() / f64::from(count);
        println!("{}", serde_json::json!({ "seconds": seconds }));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<System> {
    Ok(tumble_xyz::open(path)?.next().ok_or("a file without a structure")??.system)
}

/// Evaluates with tumble, with a new neighbor list each time.
fn tumble(job: &Averaged) -> Outcome<impl FnMut() -> Outcome<Timed> + use<>> {
    let Averaged { rotate, inversion, threads, memory, .. } = job;
    let mitigation = rotate.parse::<Mitigation>()?.with_inversion(*inversion);
    let (threads, memory_mb) = (*threads, *memory);
    let settings = Settings { mitigation, threads, memory_mb, ..Settings::default() };
    let mut calculator = load(&job.model, &settings)?;
    let (start, mut step) = (read(&job.structure)?, 0);
    Ok(move || {
        let system = shaken(&start, step);
        step += 1;
        let clock = Instant::now();
        let energy = calculator.evaluate_system(&system, 0)?.energy;
        Ok((clock.elapsed(), energy))
    })
}

/// Displaces the atoms, differently for each step; step 0 is the original structure.
fn shaken(start: &System, step: u64) -> System {
    let mut system = start.clone();
    if step > 0 {
        for (i, position) in system.positions.iter_mut().enumerate() {
            let direction = draw(0, step, i as u64)[0];
            *position = [0, 1, 2].map(|k| position[k] + SHAKE * direction[k]);
        }
    }
    system
}

/// Makes the neighbor list alone, anew at every step; returns the number of edges as the energy.
fn pairs(start: System, cutoff: f64) -> impl FnMut() -> Outcome<Timed> {
    let (mut list, mut step) = (NeighborList::new(cutoff, 0.0), 0);
    move || {
        let system = shaken(&start, step);
        step += 1;
        let clock = Instant::now();
        let edges = list.graph(&system)?.n_edges();
        Ok((clock.elapsed(), edges as f64))
    }
}
