//! Models with rows of neighbors, sums over the structure, and a fixed number of neighbors, in stages: their forces are
//! the gradients of their energies.

use std::path::Path;

use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::{Edge, Graph};
use tumble_core::neighbors;
use tumble_core::potential::{Derivative, Forces, Potential, Response};
use tumble_core::rotation::IDENTITY;
use tumble_core::system::{Cell, System};
use tumble_engine::OnnxPotential;

const MODELS: [&str; 3] = ["neighbors", "pooled", "nearest"];

/// Distance of the positions of a difference, Å.
const STEP: f64 = 1e-4;

/// Loads a model to be evaluated in stages, however small the structure.
fn in_stages(model: &str, threads: usize) -> OnnxPotential {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/exchange-{model}-f64.onnx"));
    OnnxPotential::load(&path, &ExecutionOptions { threads, memory: 0, ..ExecutionOptions::default() }).unwrap()
}

/// Returns 90 scattered atoms in a periodic cell, with one coordinate of one of them moved by `shift` Å. No two distances
/// are the same, so that a step does not change which neighbors are the nearest.
fn system((atom, axis): (usize, usize), shift: f64) -> System {
    let place = |i: usize, scale: f64| 10.5 * (scale * (i + 1) as f64).fract() + 0.2 * (scale * (i * i) as f64).sin();
    let mut positions: Vec<_> =
        (0..90).map(|i| [0.819_172_51, 0.671_043_61, 0.549_700_48].map(|s| place(i, s))).collect();
    positions[atom][axis] += shift;
    let species = (0..90).map(|i| if i % 3 == 0 { 8 } else { 1 }).collect();
    let cell = Cell::new([[10.5, 0.0, 0.0], [0.0, 10.5, 0.0], [0.0, 0.0, 10.5]], [true; 3]).unwrap();
    System::new(positions, species, cell).unwrap()
}

/// Returns the first `centers` atoms as centers, every fifth of them of weight 0.
fn graph(model: &OnnxPotential, moved: (usize, usize), shift: f64, centers: usize) -> Graph {
    let full = neighbors::graph(&system(moved, shift), model.info().cutoff).unwrap();
    let row = |center| {
        full.edges(center).map(|edge| Edge { neighbor: full.neighbors[edge], vector: full.vectors[edge] }).collect()
    };
    let weights = (0..centers).map(|center| f64::from(u8::from(center % 5 != 1))).collect();
    Graph::new(full.species.clone(), weights, (0..centers).map(row).collect())
}

fn evaluate(model: &mut OnnxPotential, graph: &Graph) -> Response {
    model.evaluate(graph, &[IDENTITY], Forces::Conservative).unwrap().remove(0)
}

/// Returns the energy of the weighted centers, eV, and its slope in the moved coordinate, eV/Å.
fn energy(model: &mut OnnxPotential, moved: (usize, usize), shift: f64, centers: usize) -> (f64, f64) {
    let graph = graph(model, moved, shift, centers);
    let response = evaluate(model, &graph);
    let Derivative::EdgeGradients(gradients) = response.derivative else { panic!("the model is conservative") };
    let is_moved = |atom: usize| f64::from(u8::from(atom == moved.0));
    let sign = |center: usize, edge: usize| is_moved(graph.neighbors[edge]) - is_moved(center);
    let slope = graph.center_edges().map(|(center, edge)| sign(center, edge) * gradients[edge][moved.1]).sum();
    (response.atomic_energies.iter().zip(&graph.weights).map(|(energy, weight)| energy * weight).sum(), slope)
}

#[test]
fn gradients_of_stages_are_slopes_of_the_energy_with_and_without_ghosts() {
    for name in MODELS {
        let mut model = in_stages(name, 2);
        let (mut error, mut largest) = (0.0_f64, 0.0_f64);
        for (centers, moved) in [(90, (0, 0)), (90, (41, 2)), (60, (7, 1)), (60, (75, 0))] {
            let mut at = |steps: f64| energy(&mut model, moved, steps * STEP, centers).0;
            let [near, far] = [1.0, 2.0].map(|steps| at(steps) - at(-steps));
            let (_, slope) = energy(&mut model, moved, 0.0, centers);
            error = error.max(((8.0 * near - far) / (12.0 * STEP) - slope).abs());
            largest = largest.max(slope.abs());
        }
        assert!(error < 1e-7 && largest > 0.01, "{name}: {error:e} with slopes up to {largest}");
    }
}

#[test]
fn a_model_with_a_sum_over_the_structure_belongs_to_the_whole() {
    assert_eq!(MODELS.map(|name| in_stages(name, 1).info().whole), [false, true, false]);
}

#[test]
fn misused_rows_of_neighbors_are_reasons_not_to_partition() {
    let reason = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/bad-exchange-{name}.onnx"));
        let model = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
        model.stages().unwrap_err().to_owned()
    };
    let found = reason("indices");
    assert!(found.ends_with("its NeighborRows has other indices than the flat `neighbors` of edges"), "{found}");
    let found = reason("rows");
    assert!(found.ends_with("its tensor wrong does not have one row of real numbers per center"), "{found}");
}
