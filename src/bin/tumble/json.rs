//! Results of a frame as one JSON document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;
use tumble_core::calculator::{Evaluation, Spread};
use tumble_core::numbers::positive_zero;
use tumble_core::outputs::AveragedOutput;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_xyz::Frame;

/// Returns all results of a frame as one line, in eV and Å. Without replicas the spread is null.
pub fn line(number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) -> String {
    let committee = !evaluation.members.forces.is_empty();
    let document = Document {
        atomic_energies: numbers(&evaluation.atomic_energies),
        atoms: frame.system.len(),
        charge: frame.system.conditions.charge.map(Number),
        energy: Number(evaluation.energy),
        energy_deviation: evaluation.energy_deviation().filter(|_| committee).map(Number),
        ensemble_energies: numbers(&evaluation.member_energies()),
        evaluations: evaluation.evaluations,
        field: frame.system.conditions.field.map(|field| field.map(Number)),
        force_deviations: committee.then(|| numbers(&evaluation.force_deviations())),
        forces: vectors(&evaluation.forces),
        frame: number,
        max_force_deviation: evaluation.max_force_deviation().map(Number),
        outputs: evaluation
            .outputs
            .iter()
            .map(|output| (&*output.info.name, OutputDocument::of(output, evaluation)))
            .collect(),
        replica_energies: numbers(&evaluation.replica_energies),
        seconds: time.as_secs_f64(),
        species: &frame.system.species,
        spin: frame.system.conditions.spin.map(Number),
        spread: evaluation.replicated().then(|| SpreadDocument::of(&evaluation.spread)),
        torque: evaluation.torque.map(Number),
        virial: evaluation.virial.map(matrix),
    };
    serde_json::to_string(&document).expect("all keys are strings")
}

/// A line, with its keys in alphabetical order.
#[derive(Serialize)]
struct Document<'a> {
    atomic_energies: Vec<Number>,
    atoms: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<Number>,
    energy: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_deviation: Option<Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ensemble_energies: Vec<Number>,
    evaluations: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<[Number; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force_deviations: Option<Vec<Number>>,
    forces: Vec<[Number; 3]>,
    frame: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_force_deviation: Option<Number>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<&'a str, OutputDocument>,
    replica_energies: Vec<Number>,
    seconds: f64,
    species: &'a [u8],
    #[serde(skip_serializing_if = "Option::is_none")]
    spin: Option<Number>,
    spread: Option<SpreadDocument>,
    torque: [Number; 3],
    virial: Option<[[Number; 3]; 3]>,
}

#[derive(Serialize)]
struct SpreadDocument {
    atomic_energies: Vec<Number>,
    energy: Number,
    forces: Vec<[Number; 3]>,
    virial: Option<[[Number; 3]; 3]>,
}

impl SpreadDocument {
    fn of(spread: &Spread) -> Self {
        Self {
            atomic_energies: numbers(&spread.atomic_energies),
            energy: Number(spread.energy),
            forces: vectors(&spread.forces),
            virial: spread.virial.map(matrix),
        }
    }
}

#[derive(Serialize)]
struct OutputDocument {
    spread: Option<Value>,
    unit: &'static str,
    value: Value,
}

impl OutputDocument {
    fn of(output: &AveragedOutput, evaluation: &Evaluation) -> Self {
        let AveragedOutput { info, values, spread } = output;
        let spread = evaluation.replicated().then(|| info.nested(spread));
        Self { spread, unit: info.reported_unit(), value: info.nested(values) }
    }
}

/// A number, written as 0 if it is -0.
#[derive(Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(positive_zero(self.0))
    }
}

fn numbers(values: &[f64]) -> Vec<Number> {
    values.iter().copied().map(Number).collect()
}

fn vectors(vectors: &[Vector3]) -> Vec<[Number; 3]> {
    vectors.iter().map(|vector| vector.map(Number)).collect()
}

fn matrix(matrix: Matrix3) -> [[Number; 3]; 3] {
    matrix.map(|row| row.map(Number))
}

#[cfg(test)]
mod tests {
    use tumble_core::Cell;
    use tumble_core::System;

    use serde_json::json;

    use super::*;

    fn document(number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) -> Value {
        serde_json::from_str(&line(number, frame, evaluation, time)).unwrap()
    }

    #[test]
    fn the_document_is_one_line_and_a_single_replica_has_no_spread() {
        let frame = Frame::new(System::new(vec![[0.0; 3]], vec![8], Cell::isolated()).unwrap());
        let mut evaluation = Evaluation { energy: -0.1, forces: vec![[1.0, 2.0, 3.0]], ..Evaluation::default() };
        evaluation.replica_energies = vec![-0.1];
        assert!(!line(3, &frame, &evaluation, Duration::from_millis(5)).contains('\n'));
        let value = document(3, &frame, &evaluation, Duration::from_millis(5));
        assert_eq!((&value["frame"], &value["species"]), (&json!(3), &json!([8])));
        assert_eq!((&value["spread"], &value["virial"]), (&Value::Null, &Value::Null));
        evaluation.replica_energies.push(-0.2);
        assert_eq!(document(3, &frame, &evaluation, Duration::ZERO)["spread"]["energy"], 0.0);
    }

    #[test]
    fn zero_has_no_sign() {
        let frame = Frame::new(System::new(vec![[0.0; 3]], vec![8], Cell::isolated()).unwrap());
        let evaluation = Evaluation {
            energy: -0.0,
            forces: vec![[-0.0, 1.0, -2.0]],
            virial: Some([[-0.0; 3]; 3]),
            torque: [-0.0; 3],
            ..Evaluation::default()
        };
        let text = line(1, &frame, &evaluation, Duration::ZERO);
        assert!(!text.contains("-0.0"), "{text}");
        let value = document(1, &frame, &evaluation, Duration::ZERO);
        assert_eq!(value["forces"], json!([[0.0, 1.0, -2.0]]));
    }
}
