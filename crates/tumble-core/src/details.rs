//! Results besides energy, forces and virial, as a JSON object for programs in C and Python; eV and Å.

use serde_json::{Map, Value, json};

use crate::average::Evaluation;

/// Returns the details of an evaluation.
///
/// Always: `evaluations`, the number of rotated copies, and `torque` `[3]`, eV. With more than one rotation:
/// `energy_spread` (eV) and `force_spread` (eV/Å, root mean square over components), the standard deviations over the
/// rotations; `replica_energies` `[R]` (eV) and `replica_weights` `[R]`. With an ensemble: `ensemble_energies` `[M]`
/// (eV).
pub fn details(evaluation: &Evaluation) -> Map<String, Value> {
    let mut details = Map::from_iter([
        ("evaluations".to_owned(), json!(evaluation.evaluations)),
        ("torque".to_owned(), json!(evaluation.torque)),
    ]);
    let mut add = |name: &str, value: Value| details.insert(name.into(), value);
    if evaluation.replicated() {
        add("energy_spread", json!(evaluation.spread.energy));
        add("force_spread", json!(evaluation.spread.force_rms()));
        add("replica_energies", json!(evaluation.replica_energies));
        add("replica_weights", json!(evaluation.replica_weights));
    }
    if !evaluation.ensemble_energies.is_empty() {
        let members: Vec<f64> = evaluation.ensemble_energies.iter().map(|member| member.iter().sum()).collect();
        add("ensemble_energies", json!(members));
    }
    details
}
