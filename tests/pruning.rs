//! A model that prunes its edges: its energy is smooth where edges enter and leave, and forces are its gradient.

use std::collections::BTreeSet;
use std::path::Path;

use tumble_core::execution::ExecutionOptions;
use tumble_core::neighbors;
use tumble_core::potential::{Derivative, Forces, Potential};
use tumble_core::rotation::{IDENTITY, Vector3, dot};
use tumble_core::system::{Cell, System};
use tumble_engine::OnnxPotential;

/// Points of the line.
const POINTS: usize = 1000;

/// Distance of neighboring points, Å. The line is long enough for neighbors to come and go.
const STEP: f64 = 0.003;

const DIRECTION: Vector3 = [0.6, 0.64, 0.48];

fn model() -> OnnxPotential {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models/exported-adaptive-f64.onnx");
    OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap()
}

/// Returns twelve atoms, the first moved by `shift` Å along a line past the others.
fn system(shift: f64) -> System {
    let position = |atom: usize| {
        let grid = [atom % 2, atom / 2 % 3, atom / 6];
        let wave = |axis: usize| 0.3 * ((5 * atom + 2 * axis) as f64).sin();
        [0, 1, 2].map(|axis| 2.1 * grid[axis] as f64 + wave(axis))
    };
    let mut positions: Vec<_> = (0..12).map(position).collect();
    positions[0] = [0, 1, 2].map(|axis| positions[0][axis] - 1.5 + shift * DIRECTION[axis]);
    let species = (0..12).map(|atom| if atom % 3 == 0 { 8 } else { 1 }).collect();
    System::new(positions, species, Cell::new([[0.0; 3]; 3], [false; 3]).unwrap()).unwrap()
}

/// Returns the energy (eV), its slope along the line (eV/Å) and the number of edges with a gradient.
fn energy(model: &mut OnnxPotential, shift: f64) -> (f64, f64, usize) {
    let graph = neighbors::graph(&system(shift), model.info().cutoff).unwrap();
    let response = model.evaluate(&graph, &[IDENTITY], Forces::Conservative).unwrap().remove(0);
    let Derivative::EdgeGradients(gradients) = response.derivative else { panic!("the model is conservative") };
    let sign =
        |center: usize, edge: usize| f64::from(u8::from(graph.neighbors[edge] == 0)) - f64::from(u8::from(center == 0));
    let slope = graph.center_edges().map(|(center, edge)| sign(center, edge) * dot(gradients[edge], DIRECTION)).sum();
    (response.atomic_energies.iter().sum(), slope, gradients.iter().filter(|g| **g != [0.0; 3]).count())
}

#[test]
fn energy_and_forces_are_smooth_where_edges_enter_and_leave() {
    let (mut model, mut counts, h) = (model(), BTreeSet::new(), 5e-4);
    let line: Vec<_> = (0..POINTS).map(|point| energy(&mut model, point as f64 * STEP)).collect();
    for (point, pair) in line.windows(2).enumerate() {
        let [(energy, slope, count), (next_energy, next_slope, _)] = [pair[0], pair[1]];
        let (jump, bend) = (next_energy - energy - 0.5 * STEP * (slope + next_slope), next_slope - slope);
        assert!(jump.abs() < 1e-6 && bend.abs() < 0.05, "point {point}: jumps of {jump} eV and {bend} eV/Å");
        counts.insert(count);
    }
    assert!(counts.len() > 3, "edges come and go: {counts:?}");
    for point in (0..POINTS).step_by(10) {
        let at = |k: f64, model: &mut OnnxPotential| energy(model, point as f64 * STEP + k * h).0;
        let [near, far] = [1.0, 2.0].map(|k| at(k, &mut model) - at(-k, &mut model));
        let difference = (8.0 * near - far) / (12.0 * h);
        assert!((difference - line[point].1).abs() < 1e-7, "point {point}: {difference} and {} eV/Å", line[point].1);
    }
}
