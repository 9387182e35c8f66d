//! Outputs with a law of turning, with the toy `dipole` of tests/data/generate.py: charges q_n - q_c times u³ (1 + a1 z),
//! dipoles q_n u³ v and a polarizability s_n u³ v ⊗ v, both times 1 + a2 P2(z). Averages have no z.

use std::path::{Path, PathBuf};

use tumble_core::average::{Request, average};
use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::outputs::AveragedOutput;
use tumble_core::potential::{Forces, Potential};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{Draw, Vector3, dot};
use tumble_core::units::DEBYE;
use tumble_core::{Calculator, Cell, Evaluation, Quadrature, Settings, System};
use tumble_engine::{OnnxPotential, load};

const CUTOFF: f64 = 3.5;
const NAMES: [&str; 2] = ["dipole-list-f64", "dipole-padded-f64"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"))
}

fn calculator(name: &str, rotate: &str) -> Calculator {
    let settings = Settings { mitigation: rotate.parse().unwrap(), seed: 5, ..Settings::default() };
    load(&file(name), &settings).unwrap_or_else(|error| panic!("{error}"))
}

/// Molecules of water along a line, in a cell.
fn water(molecules: usize) -> System {
    let one = [[0.0, 0.1, -0.2], [0.9, 0.3, 0.1], [-0.4, 0.9, 0.2]];
    let place = |n: usize| one.map(|x| [x[0] + 2.1 * n as f64, x[1] + 0.3 * (n % 3) as f64, x[2]]);
    let cell = Cell::new([[2.1 * molecules as f64 + 2.5, 0.3, 0.0], [0.0, 5.0, -0.4], [0.5, 0.0, 4.8]], [true; 3]);
    System::new((0..molecules).flat_map(place).collect(), [8, 1, 1].repeat(molecules), cell.unwrap()).unwrap()
}

fn of<'a>(evaluation: &'a Evaluation, name: &str) -> &'a AveragedOutput {
    evaluation.outputs.iter().find(|output| output.info.name == name).unwrap()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} {b}"));
}

/// The sums of the formulas over the edges; `bias` is whether the factors of z are in them.
struct Formulas {
    charges: Vec<f64>,
    dipoles: Vec<Vector3>,
    polarizability: [f64; 9],
}

impl Formulas {
    fn new(graph: &Graph, bias: bool) -> Self {
        let zeros = || vec![[0.0; 3]; graph.n_centers()];
        let mut sums = Self { charges: vec![0.0; graph.n_centers()], dipoles: zeros(), polarizability: [0.0; 9] };
        graph.center_edges().for_each(|(center, edge)| sums.add(graph, center, edge, bias));
        sums
    }

    fn add(&mut self, graph: &Graph, center: usize, edge: usize, bias: bool) {
        let (charge, strength) = (|z: u8| if z == 8 { -0.6 } else { 0.4 }, |z: u8| if z == 8 { 1.3 } else { 0.7 });
        let (v, neighbor) = (graph.vectors[edge], graph.species[graph.neighbors[edge]]);
        let (r2, u3) = (dot(v, v), (1.0 - dot(v, v) / CUTOFF.powi(2)).powi(3));
        let z = v[2] / r2.sqrt();
        let (a1, a2) = if bias { (1.0 + 0.3 * z, 1.0 + 0.2 * (1.5 * z * z - 0.5)) } else { (1.0, 1.0) };
        self.charges[center] += (charge(neighbor) - charge(graph.species[center])) * u3 * a1;
        for a in 0..3 {
            self.dipoles[center][a] += DEBYE * charge(neighbor) * u3 * v[a] * a2;
            (0..3).for_each(|b| self.polarizability[3 * a + b] += strength(neighbor) * u3 * v[a] * v[b] * a2);
        }
    }

    fn dipole(&self) -> Vector3 {
        self.dipoles.iter().fold([0.0; 3], |sum, d| [0, 1, 2].map(|a| sum[a] + d[a]))
    }

    fn check(&self, found: &Evaluation) {
        assert_close(&of(found, "charges").values, &self.charges);
        assert_close(&of(found, "dipoles").values, self.dipoles.as_flattened());
        assert_close(&of(found, "dipole").values, &self.dipole());
        assert_close(&of(found, "polarizability").values, &self.polarizability);
    }
}

#[test]
fn outputs_are_those_of_the_formulas_and_their_averages_have_no_bias() {
    let system = water(2);
    let graph = neighbors::graph(&system, CUTOFF).unwrap();
    for name in NAMES {
        let bare = calculator(name, "none").evaluate_system(&system, 0).unwrap();
        Formulas::new(&graph, true).check(&bare);
        assert!(bare.outputs.iter().all(|output| output.spread.iter().all(|&spread| spread == 0.0)));
        // Through degree 3 for vectors (1 + 2), 4 for tensors: these grids are exact.
        for rotate in ["icosahedral", "degree:4", "icosahedral+random", "octahedral+random+inversion"] {
            let found = calculator(name, rotate).evaluate_system(&system, 7).unwrap();
            let mut formulas = Formulas::new(&graph, false);
            if rotate.starts_with("octahedral") {
                let tensor = of(&found, "polarizability");
                formulas.polarizability.copy_from_slice(&tensor.values);
            }
            formulas.check(&found);
            assert!(of(&found, "dipole").spread.iter().all(|&spread| spread > 1e-3), "{rotate}");
        }
    }
}

/// The spread of a dipole is that of the replicas, turned back.
#[test]
fn spread_is_the_standard_deviation_over_the_replicas() {
    let (system, name) = (water(2), NAMES[1]);
    let found = calculator(name, "random:4").evaluate_system(&system, 3).unwrap();
    let mitigation = calculator(name, "random:4").mitigation().clone();
    let mut potential = OnnxPotential::load(&file(name), &ExecutionOptions::default()).unwrap();
    let (graph, request) = (neighbors::graph(&system, CUTOFF).unwrap(), Request::new(Forces::Conservative, 1 << 30));
    let rotations = mitigation.orientations(&graph, Draw { seed: 5, step: 3, stream: 0 }).rotations.clone();
    let one = |rotation| {
        let grid = Quadrature { rotations: vec![rotation], weights: vec![1.0], ..Quadrature::identity() };
        of(&average(&mut potential, &graph, &grid, &request).unwrap(), "dipole").values.clone()
    };
    let each: Vec<_> = rotations.into_iter().map(one).collect();
    for axis in 0..3 {
        let mean = each.iter().map(|d| d[axis]).sum::<f64>() / 4.0;
        let deviation = (each.iter().map(|d| (d[axis] - mean).powi(2)).sum::<f64>() / 4.0).sqrt();
        assert_close(&[of(&found, "dipole").values[axis], of(&found, "dipole").spread[axis]], &[mean, deviation]);
    }
}

#[test]
fn blocks_and_shared_runs_have_the_outputs_of_the_whole() {
    for name in NAMES {
        let mut potential = OnnxPotential::load(&file(name), &ExecutionOptions::default()).unwrap();
        let graph = neighbors::graph(&water(40), CUTOFF).unwrap();
        let (grid, all) = (Quadrature::tetrahedral(), bytes_per_replica(&potential, &graph));
        let mut evaluate = |memory| {
            average(&mut potential, &graph, &grid, &Request::new(Forces::Conservative, memory)).unwrap().outputs
        };
        let (whole, cut) = (evaluate(all), evaluate(all / 3));
        for (whole, cut) in whole.iter().zip(&cut) {
            assert_close(&cut.values, &whole.values);
            cut.spread.iter().zip(&whole.spread).for_each(|(a, b)| assert!((a - b).abs() < 1e-8));
        }
    }
    let mut model = calculator(NAMES[1], "tetrahedral+random");
    let systems: Vec<_> = (1..6).map(water).collect();
    let structures: Vec<_> = systems.iter().map(|system| (system, 3)).collect();
    let mut many = Vec::new();
    model.evaluate_many(&structures, |portion| {
        many.extend(portion);
        std::ops::ControlFlow::Continue(())
    });
    for (found, system) in many.into_iter().zip(&systems) {
        let alone = model.evaluate_system(system, 3).unwrap();
        let pairs = found.unwrap().outputs.into_iter().zip(alone.outputs);
        pairs.for_each(|(found, alone)| assert_close(&found.values, &alone.values));
    }
}

#[test]
fn wrong_outputs_are_refused_with_a_sentence() {
    let refused = |name: &str| load(&file(name), &Settings::default()).err().unwrap().to_string();
    let missing = "its metadata declares the output `dipole`, but it has none of this name: export it anew";
    assert!(refused("bad-no-dipole").contains(missing), "{}", refused("bad-no-dipole"));
    let shape = "its output `dipole` has the shape [C, 1] where [C, 3] was expected for a vector: export it anew";
    assert!(refused("bad-dipole").contains(shape), "{}", refused("bad-dipole"));
    assert_eq!(OnnxPotential::load(&file(NAMES[0]), &ExecutionOptions::default()).unwrap().info().outputs.len(), 4);
}
