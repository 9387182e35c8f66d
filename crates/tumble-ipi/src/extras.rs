//! Extras of i-PI's protocol: [`details`], with i-PI's names and units where it has them.

use serde_json::{Map, Value, json};
use tumble_core::average::Evaluation;
use tumble_core::details::details;
use tumble_core::outputs::Unit;
use tumble_core::units::{IPI_ANGSTROM, IPI_ELECTRON_VOLT};

/// i-PI's unit of force, Hartree/Bohr, per eV/Å.
const FORCE: f64 = IPI_ELECTRON_VOLT / IPI_ANGSTROM;

/// Our name, i-PI's name, and the factor from our unit to i-PI's. All other keys are the same on both sides, and flat,
/// since i-PI prints nested objects as text. The three lists of a committee have one entry per member, as
/// `<ffcommittee>` with `<parse_json>` counts them.
const NAMES: [(&str, &str, f64); 5] = [
    ("replica_energies", "o3grid_pots", IPI_ELECTRON_VOLT),
    ("replica_weights", "o3grid_weights", 1.0),
    ("ensemble_energies", "committee_pot", IPI_ELECTRON_VOLT),
    ("member_forces", "committee_force", FORCE),
    ("member_virials", "committee_virial", IPI_ELECTRON_VOLT),
];

/// The extras of an evaluation, a JSON object; energies under i-PI's names in Hartree, other outputs in atomic units.
/// Tensors of the atoms are rows of nine numbers `[N][9]`: i-PI stops at lists of three dimensions.
pub fn extras(evaluation: &Evaluation) -> String {
    let mut extras = renamed(details(evaluation), NAMES);
    let units = evaluation.outputs.iter().map(|output| output.info.unit.as_ref());
    let atomic: Vec<_> = units.clone().map(|unit| unit.map_or("", |unit| unit.atomic_name)).collect();
    for (output, unit) in evaluation.outputs.iter().zip(units) {
        change_output(&mut extras, &output.info.name, |values| {
            flat_rows(scaled(values, unit.map_or(1.0, |u| u.atomic)))
        });
    }
    extras.get_mut("output_units").into_iter().for_each(|units| *units = json!(atomic));
    Value::Object(extras).to_string()
}

/// Changes an output and its spread.
fn change_output(extras: &mut Map<String, Value>, name: &str, change: impl Fn(Value) -> Value) {
    for name in [name.to_owned(), format!("{name}_spread")] {
        extras.get_mut(&name).into_iter().for_each(|values| *values = change(values.take()));
    }
}

/// Turns a list of tensors `[N][3][3]` into rows `[N][9]`, and returns other values as they are.
fn flat_rows(values: Value) -> Value {
    let flat = |tensor: Value| match tensor {
        Value::Array(rows) if rows.iter().all(Value::is_array) => {
            rows.into_iter().flat_map(|row| row.as_array().cloned().unwrap_or_default()).collect()
        }
        other => other,
    };
    each(values, flat)
}

/// Turns rows `[N][9]` into a list of tensors `[N][3][3]`, and returns other values as they are.
fn tensors(values: Value) -> Value {
    let tensor = |row: Value| match row {
        Value::Array(numbers) if numbers.len() == 9 => numbers.chunks(3).map(|row| json!(row)).collect(),
        other => other,
    };
    each(values, tensor)
}

fn each(values: Value, change: impl Fn(Value) -> Value) -> Value {
    match values {
        Value::Array(values) => values.into_iter().map(change).collect(),
        other => other,
    }
}

/// Reads the output of [`extras`] back to our names, eV and Å; returns any text without i-PI's names unchanged.
pub fn read(text: &str) -> String {
    let inverse = NAMES.map(|(ours, theirs, unit)| (theirs, ours, 1.0 / unit));
    match serde_json::from_str(text) {
        Ok(Value::Object(extras)) if is_ours(&extras) => {
            Value::Object(read_outputs(renamed(extras, inverse))).to_string()
        }
        _ => text.into(),
    }
}

fn is_ours(extras: &Map<String, Value>) -> bool {
    NAMES.iter().any(|(_, theirs, _)| extras.contains_key(*theirs)) || extras.contains_key("output_units")
}

/// Converts outputs from atomic units.
fn read_outputs(mut extras: Map<String, Value>) -> Map<String, Value> {
    let texts = |key: &str| -> Vec<String> {
        let list = extras.get(key).and_then(Value::as_array).into_iter().flatten();
        list.map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    };
    let (names, atomic) = (texts("outputs"), texts("output_units"));
    let unit = |name: &String| Unit::ALL.iter().find(|unit| unit.atomic_name == name);
    for (name, unit) in names.iter().zip(atomic.iter().map(unit)) {
        change_output(&mut extras, name, |values| tensors(scaled(values, unit.map_or(1.0, |unit| 1.0 / unit.atomic))));
    }
    let reported: Vec<_> = atomic.iter().map(|name| unit(name).map_or("", |unit| unit.reported)).collect();
    extras.get_mut("output_units").into_iter().for_each(|units| *units = json!(reported));
    extras
}

/// Renames and scales entries. `names`: from, to, and the factor from one to the other.
fn renamed(mut extras: Map<String, Value>, names: [(&str, &str, f64); NAMES.len()]) -> Map<String, Value> {
    for (from, to, factor) in names {
        if let Some(values) = extras.remove(from) {
            extras.insert(to.into(), scaled(values, factor));
        }
    }
    extras
}

fn scaled(values: Value, factor: f64) -> Value {
    match values {
        Value::Array(values) => values.into_iter().map(|value| scaled(value, factor)).collect(),
        Value::Number(number) => number.as_f64().map_or(Value::Null, |number| (factor * number).into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tumble_core::outputs::{AveragedOutput, Law, OutputInfo, Per};

    use super::*;

    fn evaluation() -> Evaluation {
        Evaluation {
            evaluations: 2,
            replica_energies: vec![-1.0, 1.0],
            replica_weights: vec![0.25, 0.75],
            ensemble_energies: vec![vec![1.0, 2.0], vec![3.0, 4.0]],
            torque: [1.0, 2.0, 3.0],
            ..Evaluation::default()
        }
    }

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn energies_travel_in_hartree_under_the_names_of_ipi() {
        let found = parsed(&extras(&evaluation()));
        assert_eq!(found["o3grid_pots"], serde_json::json!([-0.036749326, 0.036749326]));
        assert_eq!(found["o3grid_weights"], serde_json::json!([0.25, 0.75]));
        assert_eq!(found["committee_pot"], serde_json::json!([3.0 * 0.036749326, 7.0 * 0.036749326]));
        assert_eq!(found["torque"], serde_json::json!([1.0, 2.0, 3.0]));
        assert_eq!(found["evaluations"], 2);
        assert!(found.get("replica_energies").is_none());
    }

    #[test]
    fn extras_are_read_back_in_electron_volts() {
        let text = read(&extras(&evaluation()));
        let (found, expected) = (parsed(&text), details(&evaluation()));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&found), expected.keys().cloned().collect::<Vec<_>>());
        for key in ["replica_energies", "replica_weights", "ensemble_energies"] {
            let numbers = |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let (found, expected): (Vec<f64>, Vec<f64>) = (numbers(&found[key]), numbers(&expected[key]));
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-15 * b.abs()), "{key}: {found:?}");
        }
    }

    fn output(name: &str, per: Per, law: Law, unit: &str, values: Vec<f64>) -> AveragedOutput {
        let info = OutputInfo { name: name.into(), per, law, unit: Unit::named(unit) };
        AveragedOutput { info: Arc::new(info), spread: values.iter().map(|value| value / 2.0).collect(), values }
    }

    /// With outputs of all laws; a unit in the file is that of the model, and values are in e, Å and eV.
    fn with_outputs() -> Evaluation {
        let outputs = vec![
            output("charges", Per::Atom, Law::Scalar, "e", vec![0.5, -0.5]),
            output("dipole", Per::Structure, Law::Vector, "debye", vec![1.0, 0.0, -2.0]),
            output("mystery", Per::Structure, Law::Scalar, "", vec![7.0]),
            output("polarizability", Per::Structure, Law::Tensor, "bohr^3", (0..9).map(f64::from).collect()),
            output("shieldings", Per::Atom, Law::Tensor, "", (0..18).map(f64::from).collect()),
        ];
        Evaluation { outputs, ..evaluation() }
    }

    #[test]
    fn outputs_travel_in_atomic_units_under_their_names() {
        const BOHR: f64 = 1.889_726_1;
        let found = parsed(&extras(&with_outputs()));
        assert_eq!(found["outputs"], json!(["charges", "dipole", "mystery", "polarizability", "shieldings"]));
        assert_eq!(found["output_units"], json!(["e", "e*bohr", "", "bohr^3", ""]));
        assert_eq!(found["charges"], json!([0.5, -0.5]));
        assert_eq!(found["dipole"], json!([BOHR, 0.0, -2.0 * BOHR]));
        assert_eq!(found["dipole_spread"], json!([0.5 * BOHR, 0.0, -BOHR]));
        assert_eq!(found["mystery"], 7.0);
        assert_eq!(found["shieldings"][1], json!([9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]));
        let row = flat(&found["polarizability"][1]);
        assert!(row.iter().zip([3.0, 4.0, 5.0]).all(|(a, b)| (a - b * BOHR.powi(3)).abs() < 1e-13), "{row:?}");
        let once = Evaluation { replica_energies: vec![-1.0], replica_weights: vec![1.0], ..with_outputs() };
        assert!(parsed(&extras(&once)).get("dipole_spread").is_none());
    }

    #[test]
    fn outputs_are_read_back_in_angstrom() {
        let (found, expected) = (parsed(&read(&extras(&with_outputs()))), details(&with_outputs()));
        for key in ["outputs", "output_units", "charges", "charges_spread", "mystery", "shieldings"] {
            assert_eq!(found[key], expected[key], "{key}");
        }
        for key in ["dipole", "dipole_spread", "polarizability", "polarizability_spread"] {
            let (found, expected) = (flat(&found[key]), flat(&expected[key]));
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-15 * b.abs()), "{key}: {found:?}");
        }
    }

    fn flat(values: &Value) -> Vec<f64> {
        values.as_array().map_or_else(|| vec![values.as_f64().unwrap()], |rows| rows.iter().flat_map(flat).collect())
    }

    #[test]
    fn texts_of_other_programs_are_unchanged() {
        for text in ["", "no JSON", "[1, 2]", r#"{"dipole": [0,0,1]}"#] {
            assert_eq!(read(text), text);
        }
    }
}
