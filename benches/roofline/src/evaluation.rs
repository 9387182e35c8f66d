//! Where the time of an evaluation goes, by kind of step.
//!
//! Clocks take time themselves. So three kinds of evaluation are measured: a plain one; one with ONNX Runtime's clocks
//! around its nodes; and one with clocks around the steps of the programs of rows, whose own time is subtracted. The last
//! two give shares of the model's time in the same evaluation, and the first one the time that they are shares of.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use tumble_core::neighbors;
use tumble_core::{Calculator, Cell, Settings, System};
use tumble_hot_paths::structures;
use tumble_ops::row_program::step_times::{self, StepKind, StepTime};

use crate::operations::Attention;
use crate::profile::{self, ATTENTION, NodeTime, Nodes, OTHERS, PRODUCTS, PROGRAMS};

/// The model of the examples, its cutoff (Å), and the attention in each of its layers; forward and backward.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/water-pet.onnx");
const CUTOFF: f64 = 3.7;
const LAYERS: f64 = 2.0;
const WIDTH: usize = 32;
const HEADS: usize = 2;

/// Evaluations that are not measured: the first ones allocate memory.
const WARM: usize = 5;

/// A structure whose evaluation is measured.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// The structure.
    pub system: System,
    /// Evaluations of each kind.
    pub evaluations: usize,
}

impl Case {
    /// Returns a liquid and a molecule.
    pub fn all() -> [Self; 2] {
        let positions = vec![[0.0; 3], [0.757, 0.587, 0.0], [-0.757, 0.587, 0.0]];
        let molecule = System::new(positions, vec![8, 1, 1], Cell::isolated()).expect("water is a structure");
        [
            Self { name: "192 atoms of water", system: structures::water(1), evaluations: 200 },
            Self { name: "one H2O", system: molecule, evaluations: 4000 },
        ]
    }
}

/// What was measured of a case. The parts add up to the seconds.
#[derive(Serialize)]
pub struct Evaluation {
    name: &'static str,
    atoms: usize,
    edges: usize,
    /// Time, s.
    seconds: f64,
    /// Floating-point operations of all products, those of attention too.
    products: f64,
    parts: Vec<Part>,
}

/// A part of an evaluation.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    /// Time, s.
    seconds: f64,
    /// Floating-point operations of its products.
    products: f64,
}

/// A part of the model's time.
struct Share {
    name: &'static str,
    /// Its share of that time.
    share: f64,
    /// Floating-point operations of its products.
    products: f64,
}

/// Times of a plain evaluation, s: all, and in ONNX Runtime.
struct Plain {
    all: f64,
    model: f64,
}

/// Measures an evaluation: its least time, and shares of the sum of all evaluations.
pub fn measure(case: &Case) -> Evaluation {
    let (Plain { all, model }, nodes, steps) = (plain(case), nodes(case), steps(case));
    let edges = edges(&case.system);
    let node = |kind: &str| nodes.get(kind).copied().unwrap_or_default();
    let in_steps: f64 = steps.iter().map(|step| step.share).sum();
    let in_nodes: f64 = nodes.values().map(|time| time.share).sum();
    let mut shares = vec![attention(node(ATTENTION), &edges)];
    shares.extend(steps.iter().map(|step| with_products(step, node(PRODUCTS))));
    shares.push(share("programs of rows, beside their steps", node(PROGRAMS).share - in_steps));
    shares.extend([share(OTHERS, node(OTHERS).share), share("between nodes", 1.0 - in_nodes)]);
    let mut parts = vec![Part { name: "neighbor list, packing, averaging", seconds: all - model, products: 0.0 }];
    parts.extend(shares.iter().map(|share| share.part(model)));
    let products = parts.iter().map(|part| part.products).sum();
    let (name, atoms) = (case.name, case.system.len());
    Evaluation { name, atoms, edges: edges.iter().sum(), seconds: all, products, parts }
}

impl Share {
    fn part(&self, model: f64) -> Part {
        Part { name: self.name, seconds: self.share * model, products: self.products }
    }
}

/// Returns a share without products.
fn share(name: &'static str, share: f64) -> Share {
    Share { name, share, products: 0.0 }
}

/// Returns the numbers of edges of all atoms.
fn edges(system: &System) -> Vec<usize> {
    let graph = neighbors::graph(system, CUTOFF).expect("water has a graph");
    (0..system.len()).map(|atom| graph.edges(atom).len()).collect()
}

fn attention(time: NodeTime, edges: &[usize]) -> Share {
    let of_center = |edges: &usize| {
        let center = Attention { tokens: edges + 1, width: WIDTH, heads: HEADS };
        center.products() + center.products_of_gradient()
    };
    Share { name: ATTENTION, share: time.share, products: LAYERS * edges.iter().map(of_center).sum::<f64>() }
}

/// Returns a share of the programs; adds the products that are nodes to theirs.
fn with_products(step: &Share, nodes: NodeTime) -> Share {
    let more = if step.name == PRODUCTS { nodes } else { NodeTime::default() };
    Share { name: step.name, share: step.share + more.share, products: step.products + more.operations }
}

fn settings(profile: Option<&Path>) -> Settings {
    Settings { threads: 1, profile: profile.map(Path::to_owned), ..Settings::default() }
}

fn calculator(profile: Option<&Path>) -> Calculator {
    tumble_engine::load(Path::new(MODEL), &settings(profile)).expect("the model loads")
}

/// Evaluates a case again and again; calls `done` after each evaluation with its time, s: all, and in ONNX Runtime.
/// Returns what it returns, without the first ones.
fn evaluate<T>(case: &Case, calculator: &mut Calculator, mut done: impl FnMut([f64; 2]) -> T) -> Vec<T> {
    let once = |step| {
        let system = moved(&case.system, step);
        let (start, before) = (Instant::now(), calculator.model_seconds());
        calculator.evaluate_system(&system, step).expect("water has an energy");
        done([start.elapsed().as_secs_f64(), calculator.model_seconds() - before])
    };
    (0..(WARM + case.evaluations) as u64).map(once).skip(WARM).collect()
}

/// Returns a structure with its atoms moved a little, as in dynamics: the list of edges of the liquid changes.
fn moved(system: &System, step: u64) -> System {
    let mut moved = system.clone();
    let numbers = moved.positions.iter_mut().flatten().enumerate();
    numbers.for_each(|(index, x)| *x += 0.02 * (index as f64 * 12.9 + step as f64 * 78.2).sin());
    moved
}

/// Returns the shortest evaluation.
fn plain(case: &Case) -> Plain {
    let found = evaluate(case, &mut calculator(None), |times| times).into_iter();
    let [all, model] = found.min_by(|a, b| a[0].total_cmp(&b[0])).expect("there were evaluations");
    Plain { all, model }
}

/// Returns the share of the nodes of each kind.
fn nodes(case: &Case) -> Nodes {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut calculator = calculator(Some(&folder.path().join("nodes")));
    evaluate(case, &mut calculator, |_| ());
    // Sessions write their profiles when they end.
    drop(calculator);
    profile::read(folder.path(), WARM)
}

/// Returns the share of each kind of step of the programs, without the clock.
fn steps(case: &Case) -> Vec<Share> {
    step_times::record(true);
    let found = evaluate(case, &mut calculator(None), |[_, model]| (step_times::take(), model));
    step_times::record(false);
    let model = found.iter().map(|(_, model)| model).sum();
    let total = |kind: usize| found.iter().map(|(times, _)| times[kind]).reduce(sum).expect("there were evaluations");
    let totals: Vec<_> = (0..found[0].0.len()).map(total).collect();
    let shares = shares(&totals, model, clock()).into_iter();
    shares.map(|share| Share { products: share.products / found.len() as f64, ..share }).collect()
}

fn sum(a: StepTime, b: StepTime) -> StepTime {
    let (seconds, steps, operations) = (a.seconds + b.seconds, a.steps + b.steps, a.operations + b.operations);
    StepTime { kind: a.kind, seconds, steps, operations }
}

/// Returns the shares in the model's time. A step reads the clock twice, and takes half of that time.
fn shares(times: &[StepTime], model: f64, clock: f64) -> Vec<Share> {
    let steps: u64 = times.iter().map(|time| time.steps).sum();
    let model = model - 2.0 * clock * steps as f64;
    let share = |time: &StepTime| {
        let seconds = (time.seconds - clock * time.steps as f64).max(0.0);
        Share { name: name(time.kind), share: seconds / model, products: time.operations as f64 }
    };
    times.iter().map(share).collect()
}

fn name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Products => PRODUCTS,
        StepKind::Activations => "activations",
        StepKind::Normalizations => "normalizations",
        StepKind::Elementwise => "elementwise",
        StepKind::Moves => "moving rows",
    }
}

/// Returns the median time between two readings of the clock, s.
fn clock() -> f64 {
    let mut found: Vec<_> = (0..10_000).map(|_| Instant::now().elapsed().as_secs_f64()).collect();
    found.sort_by(f64::total_cmp);
    found[found.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_attention_are_those_of_all_centers_and_layers() {
        let found = attention(NodeTime { share: 1.0, operations: 0.0 }, &[1, 2]);
        // Two layers, 4 + 10 products for each pair of tokens: 4 pairs and 9.
        assert_eq!(found.products, 2.0 * 14.0 * 13.0 * 32.0);
        assert_eq!(edges(&Case::all()[1].system), [2, 2, 2]);
    }

    #[test]
    fn products_of_nodes_and_of_programs_are_one_part() {
        let nodes = NodeTime { share: 2.0, operations: 7.0 };
        let one = with_products(&Share { name: PRODUCTS, share: 1.0, products: 5.0 }, nodes);
        assert_eq!((one.share, one.products), (3.0, 12.0));
        assert_eq!(with_products(&share("activations", 1.0), nodes).share, 1.0);
    }

    #[test]
    fn clocks_are_subtracted() {
        let time = |seconds, steps| StepTime { kind: StepKind::Moves, seconds, steps, operations: 0 };
        let found = shares(&[time(3.0, 2), time(1.0, 4)], 16.0, 0.5);
        assert_eq!((found[0].name, found[0].share, found[1].share), ("moving rows", 0.2, 0.0));
        assert_eq!(sum(time(3.0, 2), time(1.0, 4)), time(4.0, 6));
    }
}
