//! Self-check of a partitioned model: its results must agree with the whole model's.

use tumble_core::cancel::Cancel;
use tumble_core::conditions::Conditions;
use tumble_core::graph::{Edge, Graph, edge_between};
use tumble_core::potential::{Derivative, Replicas, Response};
use tumble_core::rotation::{IDENTITY, Vector3, dot};
use tumble_onnx::contract::metadata::Precision;
use tumble_onnx::runtime::session::Model;

use crate::error::PartitionError;
use crate::partition::{PartitionedModel, SpareMemory};
use crate::worker::Worker;

/// Atoms with neighbors in the test structure.
const ATOMS: usize = 12;

/// The center without neighbors. It is the first of a tile, and the size of a tile.
const LONE: usize = 5;

/// Compares the partitioned with the whole model for a small structure. Returns the memory of kept tensors per edge
/// slot, bytes.
pub(crate) fn run(partitioned: &PartitionedModel, model: &Model, whole: &mut Worker) -> Result<usize, PartitionError> {
    let (graph, mut bytes_per_slot, cancel) = (graph(model), 0, Cancel::default());
    for &kind in model.metadata.forces.kinds() {
        let work = [Replicas { graph: &graph, rotations: &[IDENTITY] }];
        let (expected, _) = whole.evaluate(model, &work, kind, &cancel)?;
        let ((found, _), kept) = partitioned.evaluate(model, &work[0], kind, LONE, &SpareMemory::default(), &cancel)?;
        bytes_per_slot = bytes_per_slot.max(kept.bytes.div_ceil(kept.slots.max(1)));
        if !agree(&found[0], &expected[0], model.metadata.precision) {
            return Err(PartitionError::Differs);
        }
    }
    Ok(bytes_per_slot)
}

/// Returns a structure of all species, with a charge, a spin and a field: atoms with many neighbors, not all the same
/// number, and one without neighbors.
fn graph(model: &Model) -> Graph {
    let info = model.metadata.info();
    let positions: Vec<_> = (0..=ATOMS).map(|atom| position(atom, info.cutoff)).collect();
    let near = |edge: &Edge| dot(edge.vector, edge.vector) < info.cutoff.powi(2);
    let row = |center: usize| -> Vec<Edge> {
        let others = (0..=ATOMS).filter(|&other| other != center && other != LONE && center != LONE);
        others.map(|other| edge_between(&positions, center, other)).filter(near).collect()
    };
    let species = (0..=ATOMS).map(|atom| info.species[atom % info.species.len()]).collect();
    let weights = (0..=ATOMS).map(|atom| [1.0, 0.5, 0.0][atom % 3]).collect();
    let conditions = Conditions { charge: Some(-1.0), spin: Some(2.0), field: Some([0.1, -0.2, 0.3]) };
    Graph { conditions, ..Graph::new(species, weights, (0..=ATOMS).map(row).collect()) }
}

/// Returns a position on a grid with some disorder.
fn position(atom: usize, cutoff: f64) -> Vector3 {
    let grid = [atom % 2, atom / 2 % 2, atom / 4];
    let shift = |axis: usize| 0.1 * ((7 * atom + 3 * axis) as f64).sin();
    [0, 1, 2].map(|axis| cutoff * (0.4 * grid[axis] as f64 + shift(axis)))
}

/// Returns whether all numbers agree to rounding.
fn agree(found: &Response, expected: &Response, precision: Precision) -> bool {
    let tolerance = match precision {
        Precision::Float32 => 1e-4,
        Precision::Float64 => 1e-9,
    };
    let close = |a: &[f64], b: &[f64]| {
        let largest = b.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * largest)
    };
    let members = |response: &Response| response.ensemble_energies.concat();
    close(&found.atomic_energies, &expected.atomic_energies)
        && close(&members(found), &members(expected))
        && close(derivative(found), derivative(expected))
        && found.outputs.len() == expected.outputs.len()
        && found.outputs.iter().zip(&expected.outputs).all(|(found, expected)| close(&found.values, &expected.values))
}

fn derivative(response: &Response) -> &[f64] {
    match &response.derivative {
        Derivative::EdgeGradients(vectors) | Derivative::Direct { forces: vectors, .. } => vectors.as_flattened(),
    }
}
