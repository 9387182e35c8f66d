//! Results besides energy, forces and virial, as a JSON object for programs in C and Python; eV and Å.

use serde_json::{Map, Value, json};

use crate::average::Evaluation;
use crate::outputs::AveragedOutput;

/// Returns the details of an evaluation.
///
/// Always: `evaluations`, the number of rotated copies, and `torque` `[3]`, eV. With more than one rotation:
/// `energy_spread` (eV) and `force_spread` (eV/Å, root mean square over components), the standard deviations over the
/// rotations; `replica_energies` `[R]` (eV) and `replica_weights` `[R]`. With an ensemble: `ensemble_energies` `[M]`
/// (eV). With other outputs of the model: `outputs` and `output_units`, their names and units, and under each name its
/// values: a number, `[3]` or `[3][3]`, of the structure or of each atom. With more than one rotation also `NAME_spread`.
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
    if !evaluation.outputs.is_empty() {
        add_outputs(evaluation, add);
    }
    details
}

fn add_outputs(evaluation: &Evaluation, mut add: impl FnMut(&str, Value) -> Option<Value>) {
    let infos = || evaluation.outputs.iter().map(|output| &output.info);
    add("outputs", infos().map(|info| json!(info.name)).collect());
    add("output_units", infos().map(|info| json!(info.reported_unit())).collect());
    for AveragedOutput { info, values, spread } in &evaluation.outputs {
        add(&info.name, info.nested(values));
        if evaluation.replicated() {
            add(&format!("{}_spread", info.name), info.nested(spread));
        }
    }
}
