//! What follows from the list of edges alone is computed when the list changes, and only then.

use std::path::{Path, PathBuf};

use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::potential::{Potential, Replicas, Response};
use tumble_core::rotation::draw;
use tumble_core::system::{Cell, System};
use tumble_engine::OnnxPotential;

fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let exported = ["adaptive", "orb", "pet", "residual"];
    let exported = exported.map(|name| root.join(format!("tests/data/models/exported-{name}-f64.onnx")));
    exported.into_iter().chain([root.join("examples/models/water-pet-f64.onnx")]).collect()
}

fn open(path: &Path) -> OnnxPotential {
    OnnxPotential::load(path, &ExecutionOptions::default()).unwrap()
}

/// Returns the graph of a bent chain of atoms; `stretch` moves them within their neighborhoods.
fn graph(species: &[u8], stretch: f64, cutoff: f64) -> Graph {
    let position = |atom: usize| [1.1 * atom as f64, 0.2 * stretch * (atom as f64).sin(), 0.1 * stretch * atom as f64];
    let positions = (0..species.len()).map(position).collect();
    let free = Cell::new([[0.0; 3]; 3], [false; 3]).unwrap();
    neighbors::graph(&System::new(positions, species.to_vec(), free).unwrap(), cutoff).unwrap()
}

/// Graphs of which some have the list of the one before, and some differ in one thing only.
fn steps(cutoff: f64) -> Vec<Graph> {
    let mut lighter = graph(&[8, 1, 1, 8], 0.7, cutoff);
    lighter.weights[1] = 0.0;
    let species = [&[8, 1, 1][..], &[8, 1, 1], &[1, 8, 1], &[8, 1, 1], &[8, 1, 1, 8], &[8, 1, 1, 8]];
    let plain = species.iter().zip([0.1, 0.9, 0.9, 0.5, 0.7, 0.2]);
    plain.map(|(species, stretch)| graph(species, stretch, cutoff)).chain([lighter]).collect()
}

fn evaluated(potential: &mut OnnxPotential, graph: &Graph, count: u64) -> Vec<Response> {
    let rotations: Vec<_> = (0..count).map(|number| draw(3, number, 0)).collect();
    let forces = potential.info().forces[0];
    potential.evaluate_many(&[Replicas { graph, rotations: &rotations }], forces).unwrap()
}

#[test]
fn each_step_is_that_of_a_model_just_opened() {
    for path in models() {
        let mut potential = open(&path);
        for (step, graph) in steps(potential.info().cutoff).iter().enumerate() {
            let count = if step % 3 == 2 { 2 } else { 1 };
            let (found, fresh) = (evaluated(&mut potential, graph, count), evaluated(&mut open(&path), graph, count));
            assert_eq!(found, fresh, "{}, step {step}", path.display());
        }
    }
}
