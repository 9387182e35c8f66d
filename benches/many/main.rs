//! What many structures gain in one call: CPU seconds of `Calculator::evaluate_system` for one after the other over those
//! of `Calculator::evaluate_many` for all, interleaved, the median of several rounds.
//!
//! `cargo bench --profile measure --bench many`; ONNX Runtime must be findable, as for the tests.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use tumble_core::rotation::{Vector3, add, apply, draw};
use tumble_core::{Calculator, Cell, Settings, System};

/// Rounds of each measurement.
const ROUNDS: usize = 5;

/// Clock ticks per second in /proc, on every Linux.
const TICKS: f64 = 100.0;

fn main() {
    println!("structures  atoms    threads   one by one, µs   together, µs   ratio of CPU   of wall time");
    for (count, molecules) in [(4000, 1..2), (500, 4..21)] {
        let systems: Vec<_> = (0..count).map(|i| water(molecules.start + i % molecules.len(), i as u64)).collect();
        let (least, most) = (3 * molecules.start, 3 * (molecules.end - 1));
        for threads in [1, 2] {
            let [one, together] = measure(&systems, threads);
            let [cpu, wall] = [0, 1].map(|kind| one[kind] / together[kind]);
            let [one, together] = [one, together].map(|seconds| 1e6 * seconds[0] / count as f64);
            let atoms = format!("{least} to {most}");
            println!("{count:10}  {atoms:8} {threads:7} {one:16.0} {together:14.0} {cpu:14.2} {wall:14.2}");
        }
    }
}

/// Returns CPU and wall seconds of both ways.
fn measure(systems: &[System], threads: usize) -> [[f64; 2]; 2] {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/models/water-pet.onnx");
    let settings = Settings { threads, ..Settings::default() };
    let mut calculator = tumble_engine::load(&model, &settings).expect("the model loads");
    let (mut one, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(seconds(|| one_by_one(&mut calculator, systems)));
        together.push(seconds(|| all(&mut calculator, systems)));
    }
    [one, together].map(|rounds| [0, 1].map(|kind| median(rounds.iter().map(|seconds| seconds[kind]).collect())))
}

fn one_by_one(calculator: &mut Calculator, systems: &[System]) {
    systems.iter().zip(0..).for_each(|(system, step)| drop(calculator.evaluate_system(system, step).expect("water")));
}

fn all(calculator: &mut Calculator, systems: &[System]) {
    let structures: Vec<_> = systems.iter().zip(0..).collect();
    calculator.evaluate_many(&structures, |portion| {
        portion.into_iter().for_each(|result| drop(result.expect("water")));
        ControlFlow::Continue(())
    });
}

/// Molecules of water in random orientations on a cubic lattice, isolated.
fn water(molecules: usize, seed: u64) -> System {
    let side = (1..).find(|side: &usize| side.pow(3) >= molecules).expect("a cube is large enough");
    let atom = |molecule: usize, position: Vector3| {
        let corner = [molecule % side, molecule / side % side, molecule / side / side].map(|n| 3.0 * n as f64);
        add(corner, apply(&draw(seed, molecule as u64, 0), position))
    };
    let arms = [[0.0; 3], [0.757, 0.587, 0.0], [-0.757, 0.587, 0.0]];
    let positions = (0..molecules).flat_map(|molecule| arms.map(|arm| atom(molecule, arm))).collect();
    System::new(positions, [8, 1, 1].repeat(molecules), Cell::isolated()).expect("water is a structure")
}

fn seconds(run: impl FnOnce()) -> [f64; 2] {
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    run();
    [cpu_seconds() - cpu, wall.elapsed().as_secs_f64()]
}

/// Returns the CPU time of all threads of this process so far, from /proc.
fn cpu_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").expect("Linux has /proc");
    let after_name = status.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
