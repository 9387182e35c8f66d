//! What goes with energy, forces and virial: a JSON object for i-PI's extras.

use serde_json::{Map, Value, json};

use super::wire::ELECTRON_VOLT;
use crate::average::Evaluation;

/// The extras of an evaluation.
///
/// `energy_spread` (eV), `force_spread` (eV/Å, root mean square over components) and `torque` (eV) are ours, flat since
/// i-PI prints what is nested as text. What i-PI knows has its names and units: `o3grid_pots` (energies of the rotations,
/// Hartree), `committee_pot` (energies of the members of an ensemble, Hartree).
pub fn extras(evaluation: &Evaluation) -> String {
    let hartree = |energies: &[f64]| energies.iter().map(|energy| energy * ELECTRON_VOLT).collect::<Vec<_>>();
    let mut extras = Map::from_iter([
        ("evaluations".to_owned(), json!(evaluation.evaluations)),
        ("torque".to_owned(), json!(evaluation.torque)),
    ]);
    let mut add = |name: &str, value: Value| extras.insert(name.into(), value);
    if evaluation.replicated() {
        add("energy_spread", json!(evaluation.spread.energy));
        add("force_spread", json!(evaluation.spread.force_rms()));
        add("o3grid_pots", json!(hartree(&evaluation.replica_energies)));
        add("o3grid_weights", json!(evaluation.replica_weights));
    }
    if !evaluation.ensemble_energies.is_empty() {
        let members: Vec<f64> = evaluation.ensemble_energies.iter().map(|member| member.iter().sum()).collect();
        add("committee_pot", json!(hartree(&members)));
    }
    Value::Object(extras).to_string()
}
