//! Evaluations of structures, to compare.

use tumble_core::{Evaluation, Result};

pub fn unwrapped(results: Vec<Result<Evaluation>>) -> Vec<Evaluation> {
    results.into_iter().map(Result::unwrap).collect()
}

/// All numbers except the spreads, with their rounding under a square root.
pub fn numbers(e: &Evaluation) -> Vec<f64> {
    let scalars = [e.energy, e.evaluations as f64].into_iter().chain(e.torque);
    let arrays = [&e.atomic_energies, e.forces.as_flattened(), &e.replica_energies, &e.replica_weights];
    let more = e.virial.iter().flatten().flatten().chain(e.ensemble_energies.iter().flatten());
    scalars.chain(arrays.concat()).chain(more.copied()).collect()
}
