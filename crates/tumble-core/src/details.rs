//! Results besides energy, forces and virial, as a JSON object for programs in C and Python; eV and Å.

use serde_json::{Map, Value, json};

use crate::average::Evaluation;

/// Returns the details of an evaluation.
///
/// Always: `evaluations`, the number of rotated copies, and `torque` `[3]`, eV. With more than one rotation:
/// `energy_spread` (eV) and `force_spread` (eV/Å, root mean square over components), the standard deviations over the
/// rotations; `replica_energies` `[R]` (eV) and `replica_weights` `[R]`. With an ensemble or a committee:
/// `ensemble_energies` `[M]` (eV). With a committee: `energy_deviation` (eV), `max_force_deviation` and
/// `force_deviations` `[N]` (eV/Å), `member_forces` `[M][N][3]` (eV/Å) and, if all members give one, `member_virials`
/// `[M][3][3]` (eV).
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
