//! Results in a frame, under ASE's names.

use tumble_core::calculator::Evaluation;
use tumble_core::conditions::Conditions;
use tumble_core::numbers::positive_zero;
use tumble_core::outputs::{AveragedOutput, Per};
use tumble_core::rotation::{Matrix3, Vector3};

use crate::columns::{Column, Kind};
use crate::comment::Entry;
use crate::frame::Frame;
use crate::write::join;

/// Names of results: all that are written here, and others that a reader could take for results of the same
/// calculation.
const RESULTS: [&str; 25] = [
    "energy",
    "free_energy",
    "energies",
    "force",
    "forces",
    "stress",
    "stresses",
    "virial",
    "virials",
    "energy_spread",
    "energies_spread",
    "forces_spread",
    "stress_spread",
    "virial_spread",
    "residual_torque",
    "energy_deviation",
    "force_deviation",
    "max_force_deviation",
    "dipole",
    "charges",
    "magmom",
    "magmoms",
    "polarization",
    "dielectric_tensor",
    "born_effective_charges",
];

impl Frame {
    /// Returns the frame with new results. Results already in the file are kept under names with the prefix `ref_`.
    ///
    /// Keys: `energy`, `energy_spread`, `residual_torque` (eV); `stress` = -virial/V and `stress_spread` (eV/Å^3; 9
    /// numbers) if all three directions are periodic, else `virial` and `virial_spread` (eV). Columns: `energies` (eV),
    /// `forces` (eV/Å), and the spreads of both. A committee adds the keys `energy_deviation` (eV) and
    /// `max_force_deviation` (eV/Å) and the column `force_deviation` (eV/Å). Other outputs of the model are keys or columns
    /// under their names. Spreads are written only if there are several replicas.
    #[must_use]
    pub fn with_results(&self, evaluation: &Evaluation) -> Self {
        let mut frame = self.clone();
        let outputs: Vec<_> = evaluation.outputs.iter().map(|output| output.info.name.as_str()).collect();
        frame.keep_as_reference(&outputs);
        frame.add_entries(evaluation);
        frame.add_columns(evaluation);
        evaluation.outputs.iter().for_each(|output| frame.add_output(output, evaluation.replicated()));
        frame.add_deviations(evaluation);
        frame
    }

    /// Gives the structure conditions that it does not have itself, with their entries.
    pub fn complete_conditions(&mut self, others: Conditions) {
        let own = self.system.conditions;
        let [charge, spin] = [(own.charge, others.charge), (own.spin, others.spin)].map(only_other);
        charge.into_iter().for_each(|charge| self.add_number("charge", charge));
        spin.into_iter().for_each(|spin| self.add_number("spin", spin));
        if let Some(field) = only_other((own.field, others.field)) {
            self.info.push(Entry::new("field", &field.map(|x| format!("{:?}", positive_zero(x))).join(" ")));
        }
        self.system.conditions = own.or(others);
    }

    fn keep_as_reference(&mut self, outputs: &[&str]) {
        let keys: Vec<_> = self.info.iter().map(Entry::key).collect();
        let columns = self.arrays.iter().map(|column| &column.name);
        let all: Vec<_> = keys.iter().chain(columns).cloned().collect();
        let is_result = |name: &str| is_result(name, outputs) || has_spread(name, &all);
        for entry in self.info.iter_mut().filter(|entry| is_result(&entry.key())) {
            *entry = entry.renamed(&reference_name(&entry.key(), &keys));
        }
        let names: Vec<_> = self.arrays.iter().map(|column| column.name.clone()).collect();
        for column in self.arrays.iter_mut().filter(|column| is_result(&column.name)) {
            column.name = reference_name(&column.name, &names);
        }
    }

    fn add_entries(&mut self, evaluation: &Evaluation) {
        let spread = evaluation.replicated().then_some(&evaluation.spread);
        self.add_number("energy", evaluation.energy);
        if let Some(spread) = spread {
            self.add_number("energy_spread", spread.energy);
        }
        let (name, factor) = self.virial_name();
        for (suffix, virial) in [("", evaluation.virial), ("_spread", spread.and_then(|spread| spread.virial))] {
            let factor = if suffix.is_empty() { factor } else { factor.abs() };
            self.add_matrix(&format!("{name}{suffix}"), virial, factor);
        }
        let torque = evaluation.torque.map(|x| format!("{:?}", positive_zero(x))).join(" ");
        self.info.push(Entry::new("residual_torque", &torque));
    }

    /// Returns the name of the virial in the file, `stress` or `virial`, and the factor from a virial to it.
    fn virial_name(&self) -> (&'static str, f64) {
        let cell = &self.system.cell;
        if cell.periodic() == [true; 3] { ("stress", -1.0 / cell.volume()) } else { ("virial", 1.0) }
    }

    fn add_number(&mut self, key: &str, value: f64) {
        self.info.push(Entry::new(key, &format!("{:?}", positive_zero(value))));
    }

    fn add_matrix(&mut self, key: &str, matrix: Option<Matrix3>, factor: f64) {
        let scaled = matrix.map(|matrix| matrix.map(|row| row.map(|x| positive_zero(factor * x))));
        self.info.extend(scaled.map(|matrix| Entry::new(key, &join(&matrix))));
    }

    fn add_columns(&mut self, evaluation: &Evaluation) {
        self.add_atomic("", &evaluation.atomic_energies, &evaluation.forces);
        if evaluation.replicated() {
            self.add_atomic("_spread", &evaluation.spread.atomic_energies, &evaluation.spread.forces);
        }
    }

    /// Adds the disagreement between the members of a committee.
    fn add_deviations(&mut self, evaluation: &Evaluation) {
        let deviations: Vec<_> = evaluation.force_deviations().into_iter().map(|deviation| [deviation]).collect();
        if let (Some(energy), Some(forces)) = (evaluation.energy_deviation(), evaluation.max_force_deviation()) {
            self.add_number("energy_deviation", energy);
            self.add_number("max_force_deviation", forces);
            self.arrays.push(Column::real("force_deviation", &deviations));
        }
    }

    fn add_output(&mut self, output: &AveragedOutput, replicated: bool) {
        let AveragedOutput { info, values, spread } = output;
        let spread = replicated.then_some((format!("{}_spread", info.name), spread));
        for (name, values) in [(info.name.clone(), values)].into_iter().chain(spread) {
            let texts: Vec<_> = values.iter().map(|&value| format!("{:?}", positive_zero(value))).collect();
            match info.per {
                Per::Structure => self.info.push(Entry::new(&name, &texts.join(" "))),
                Per::Atom => {
                    self.arrays.push(Column { name, kind: Kind::Real, width: info.law.components(), values: texts })
                }
            }
        }
    }

    /// Adds columns of energies `[N]` and forces `[N]`; omits energies if the model has none per atom.
    fn add_atomic(&mut self, suffix: &str, energies: &[f64], forces: &[Vector3]) {
        if energies.len() == self.system.len() {
            let energies: Vec<_> = energies.iter().map(|&energy| [positive_zero(energy)]).collect();
            self.arrays.push(Column::real(&format!("energies{suffix}"), &energies));
        }
        let forces: Vec<_> = forces.iter().map(|force| force.map(positive_zero)).collect();
        self.arrays.push(Column::real(&format!("forces{suffix}"), &forces));
    }
}

/// Returns the second value if there is no first one.
fn only_other<T>((own, other): (Option<T>, Option<T>)) -> Option<T> {
    other.filter(|_| own.is_none())
}

/// Returns whether a name is that of a result, of an output, or of its spread.
fn is_result(name: &str, outputs: &[&str]) -> bool {
    let plain = name.strip_suffix("_spread").unwrap_or(name);
    RESULTS.iter().any(|result| result.eq_ignore_ascii_case(name)) || outputs.contains(&plain)
}

/// Returns whether the values of a name have spreads, or are spreads: then an earlier evaluation has written them.
fn has_spread(name: &str, all: &[String]) -> bool {
    let plain = name.strip_suffix("_spread").unwrap_or(name);
    let written = |name: &str| all.iter().any(|other| other == name);
    written(plain) && written(&format!("{plain}_spread"))
}

/// Returns `ref_name`, or `ref2_name`, `ref3_name`, ... if earlier references take the name.
///
/// Names are compared without case and without a trailing s, since `force` is read as `forces` too.
fn reference_name(name: &str, taken: &[String]) -> String {
    let plain = |name: &str| name.trim_end_matches(['s', 'S']).to_ascii_lowercase();
    let mut reference = format!("ref_{name}");
    for number in 2.. {
        if !taken.iter().any(|taken| plain(taken) == plain(&reference)) {
            break;
        }
        reference = format!("ref{number}_{name}");
    }
    reference
}

#[cfg(test)]
mod tests {
    use super::super::Frames;
    use super::*;
    use std::sync::Arc;
    use tumble_core::average::Members;
    use tumble_core::calculator::Spread;
    use tumble_core::outputs::{Law, OutputInfo};

    const TEXT: &str = "1\nLattice=\"2 0 0 0 2 0 0 0 2\" Properties=species:S:1:pos:R:3:forces:R:3 energy=-5.50 \
                        stress=\"1 2 3 4 5 6 7 8 9\" step=3\nH 0 0 0 0.10 0.2 0.3\n";

    fn frame() -> Frame {
        Frames::new(TEXT.as_bytes(), "f.xyz").next().unwrap().unwrap()
    }

    fn evaluation(replicas: usize) -> Evaluation {
        let virial = Some([[8.0, 0.0, 0.0], [0.0, 16.0, 0.0], [0.0, 0.0, 24.0]]);
        Evaluation {
            energy: -1.0 / 3.0,
            atomic_energies: vec![-1.0 / 3.0],
            forces: vec![[1.0, 2.0, 3.0]],
            virial,
            torque: [0.0, 1.0, 2.0],
            spread: Spread { energy: 0.5, atomic_energies: vec![0.5], forces: vec![[4.0, 5.0, 6.0]], virial },
            replica_energies: vec![-1.0 / 3.0; replicas],
            evaluations: replicas,
            ..Evaluation::default()
        }
    }

    fn written(frame: &Frame) -> String {
        let mut out = Vec::new();
        frame.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn results_are_added_and_earlier_results_kept() {
        assert_eq!(
            written(&frame().with_results(&evaluation(2))),
            "1\nLattice=\"2.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 2.0\" Properties=species:S:1:pos:R:3:ref_forces:R:3:\
             energies:R:1:forces:R:3:energies_spread:R:1:forces_spread:R:3 ref_energy=-5.50 \
             ref_stress=\"1 2 3 4 5 6 7 8 9\" step=3 energy=-0.3333333333333333 energy_spread=0.5 \
             stress=\"-1.0 0.0 0.0 0.0 -2.0 0.0 0.0 0.0 -3.0\" \
             stress_spread=\"1.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 3.0\" residual_torque=\"0.0 1.0 2.0\" pbc=\"T T T\"\n\
             H  0.0 0.0 0.0 0.10 0.2 0.3 -0.3333333333333333 1.0 2.0 3.0 0.5 4.0 5.0 6.0\n"
        );
    }

    #[test]
    fn outputs_of_another_model_are_no_results_of_this_one() {
        let text = "1\nProperties=species:S:1:pos:R:3:charges:R:1:q:R:1:q_spread:R:1:mine:R:1 dipole=\"1 2 3\" \
                    alpha=5 alpha_spread=1 step=2\nH 0 0 0 1 2 3 4\n";
        let frame = Frames::new(text.as_bytes(), "f.xyz").next().unwrap().unwrap();
        let found = written(&frame.with_results(&evaluation(1)));
        assert!(found.contains(":ref_charges:R:1:ref_q:R:1:ref_q_spread:R:1:mine:R:1:"), "{found}");
        assert!(found.contains(" ref_dipole=\"1 2 3\" ref_alpha=5 ref_alpha_spread=1 step=2 "), "{found}");
    }

    #[test]
    fn one_replica_has_no_spread() {
        assert!(!written(&frame().with_results(&evaluation(1))).contains("spread"));
    }

    #[test]
    fn committee_has_deviations() {
        let forces = vec![vec![[1.5, 0.0, 0.0]], vec![[0.5, 0.0, 0.0]]];
        let members = Members { forces, virials: vec![None; 2] };
        let ensemble_energies = vec![vec![1.0], vec![1.0]];
        let found = written(&frame().with_results(&Evaluation { members, ensemble_energies, ..evaluation(1) }));
        assert!(found.contains("energy_deviation=0.0 max_force_deviation=0.5 "), "{found}");
        assert!(found.contains(":force_deviation:R:1 ") && found.ends_with(" 1.0 2.0 3.0 0.5\n"), "{found}");
    }

    #[test]
    fn conditions_from_elsewhere_become_entries() {
        let text = "1\nspin=2\nH 0 0 0\n";
        let mut frame = Frames::new(text.as_bytes(), "f.xyz").next().unwrap().unwrap();
        let others = Conditions { charge: Some(-1.0), spin: Some(1.0), field: Some([0.0, 0.0, 0.1]) };
        frame.complete_conditions(others);
        let expected = Conditions { spin: Some(2.0), ..others };
        assert_eq!(frame.system.conditions, expected);
        let again = written(&frame);
        assert!(again.contains("spin=2 charge=-1.0 field=\"0.0 0.0 0.1\""), "{again}");
        assert_eq!(Frames::new(again.as_bytes(), "f.xyz").next().unwrap().unwrap().system.conditions, expected);
    }

    #[test]
    fn molecule_has_a_virial_and_no_stress() {
        let mut frame = frame();
        frame.system.cell = tumble_core::Cell::isolated();
        let frame = frame.with_results(&evaluation(1));
        assert_eq!(frame.value("stress"), None);
        assert_eq!(frame.value("virial").unwrap(), "8.0 0.0 0.0 0.0 16.0 0.0 0.0 0.0 24.0");
    }

    #[test]
    fn reference_in_another_spelling_stays_the_reference() {
        let text = "1\nProperties=species:S:1:pos:R:3:force:R:3 ref_energy=2 Energy=1\nH 0 0 0 1 2 3\n";
        let frame = Frames::new(text.as_bytes(), "f.xyz").next().unwrap().unwrap();
        let twice = frame.with_results(&evaluation(1)).with_results(&evaluation(1));
        assert_eq!(twice.reference_energy(), Some(2.0));
        assert_eq!(twice.reference_forces().unwrap(), [[1.0, 2.0, 3.0]]);
    }

    #[test]
    fn outputs_are_keys_and_columns() {
        let output = |name: &str, per, law, values: Vec<f64>| AveragedOutput {
            info: Arc::new(OutputInfo { name: name.into(), per, law, unit: None }),
            spread: values.iter().map(|value| value / 4.0).collect(),
            values,
        };
        let dipole = output("dipole", Per::Structure, Law::Vector, vec![1.0, -2.0, 0.5]);
        let charges = output("charges", Per::Atom, Law::Scalar, vec![-0.5]);
        let outputs = vec![dipole, charges];
        let bare = frame().with_results(&Evaluation { outputs: outputs.clone(), ..evaluation(1) });
        assert_eq!(bare.value("dipole").unwrap(), "1.0 -2.0 0.5");
        assert_eq!(bare.column("charges").unwrap().values, ["-0.5"]);
        assert!(bare.value("dipole_spread").is_none());
        let again = bare.with_results(&Evaluation { outputs, ..evaluation(2) });
        assert_eq!(again.value("ref_dipole").unwrap(), "1.0 -2.0 0.5");
        assert_eq!(again.value("dipole_spread").unwrap(), "0.25 -0.5 0.125");
        assert_eq!(again.column("charges_spread").unwrap().values, ["-0.125"]);
    }

    #[test]
    fn reference_survives_a_second_evaluation() {
        let twice = frame().with_results(&evaluation(1)).with_results(&evaluation(1));
        assert_eq!(twice.reference_energy(), Some(-5.5));
        assert_eq!(twice.reference_forces().unwrap(), [[0.1, 0.2, 0.3]]);
        assert_eq!(twice.value("ref2_energy").unwrap(), "-0.3333333333333333");
        assert_eq!(twice.column("ref2_forces").unwrap().values, ["1.0", "2.0", "3.0"]);
    }
}
