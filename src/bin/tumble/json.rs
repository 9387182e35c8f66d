//! Results of a frame as one JSON document.

use std::time::Duration;

use serde_json::{Value, json};
use tumble_core::calculator::Evaluation;
use tumble_core::numbers::positive_zero;
use tumble_xyz::Frame;

/// Returns all results of a frame, in eV and Å. Without replicas the spread is null.
pub fn document(number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) -> Value {
    without_signs_of_zero(json!({
        "frame": number,
        "atoms": frame.system.len(),
        "species": frame.system.species,
        "energy": evaluation.energy,
        "atomic_energies": evaluation.atomic_energies,
        "forces": evaluation.forces,
        "virial": evaluation.virial,
        "torque": evaluation.torque,
        "spread": spread(evaluation),
        "replica_energies": evaluation.replica_energies,
        "evaluations": evaluation.evaluations,
        "seconds": time.as_secs_f64(),
    }))
}

/// The same document with 0 for -0.
fn without_signs_of_zero(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(without_signs_of_zero).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, without_signs_of_zero(value))).collect(),
        Value::Number(number) if number.is_f64() => json!(number.as_f64().map(positive_zero)),
        other => other,
    }
}

fn spread(evaluation: &Evaluation) -> Value {
    let spread = &evaluation.spread;
    if !evaluation.replicated() {
        return Value::Null;
    }
    json!({
        "energy": spread.energy,
        "atomic_energies": spread.atomic_energies,
        "forces": spread.forces,
        "virial": spread.virial,
    })
}

#[cfg(test)]
mod tests {
    use tumble_core::Cell;
    use tumble_core::System;

    use super::*;

    #[test]
    fn the_document_is_one_line_and_a_single_replica_has_no_spread() {
        let frame = Frame::new(System::new(vec![[0.0; 3]], vec![8], Cell::isolated()).unwrap());
        let mut evaluation = Evaluation { energy: -0.1, forces: vec![[1.0, 2.0, 3.0]], ..Evaluation::default() };
        evaluation.replica_energies = vec![-0.1];
        let value = document(3, &frame, &evaluation, Duration::from_millis(5));
        assert!(!value.to_string().contains('\n'));
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
        let value = document(1, &frame, &evaluation, Duration::ZERO);
        assert!(!value.to_string().contains("-0.0"), "{value}");
        assert_eq!(value["forces"], json!([[0.0, 1.0, -2.0]]));
    }
}
