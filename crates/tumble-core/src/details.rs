//! Results besides energy, forces and virial, as a JSON object for programs in C and Python; eV and Å.

use serde_json::{Map, Value, json};

use crate::average::Evaluation;
use crate::outputs::AveragedOutput;

/// Returns the details of an evaluation.
///
/// Always: `evaluations`, the number of rotated copies, and `torque` `[3]`, eV. With more than one rotation:
/// `energy_spread` (eV) and `force_spread` (eV/Å, root mean square over components), the standard deviations over the
/// rotations; `replica_energies` `[R]` (eV) and `replica_weights` `[R]`. With an ensemble or a committee:
/// `ensemble_energies` `[M]` (eV). With a committee: `energy_deviation` (eV), `max_force_deviation` and
/// `force_deviations` `[N]` (eV/Å), `member_forces` `[M][N][3]` (eV/Å) and, if all members give one, `member_virials`
/// `[M][3][3]` (eV). With other outputs of the model: `outputs` and `output_units`, their names and units, and under each
/// name its values: a number, `[3]` or `[3][3]`, of the structure or of each atom. With more than one rotation also
/// `NAME_spread`.
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
        add("ensemble_energies", json!(evaluation.member_energies()));
    }
    if !evaluation.outputs.is_empty() {
        add_outputs(evaluation, add);
    }
    if !evaluation.members.forces.is_empty() {
        details.extend(of_committee(evaluation));
    }
    details
}

/// Returns the results of the members of a committee, and their deviations.
fn of_committee(evaluation: &Evaluation) -> Map<String, Value> {
    let mut details = Map::from_iter([
        ("energy_deviation".to_owned(), json!(evaluation.energy_deviation())),
        ("force_deviations".to_owned(), json!(evaluation.force_deviations())),
        ("max_force_deviation".to_owned(), json!(evaluation.max_force_deviation())),
        ("member_forces".to_owned(), json!(evaluation.members.forces)),
    ]);
    if let Some(virials) = evaluation.members.virials.iter().copied().collect::<Option<Vec<_>>>() {
        details.insert("member_virials".to_owned(), json!(virials));
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
