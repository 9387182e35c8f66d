//! Search for weights that are not finite, once a model has given a result that is not finite.
//!
//! Loading does not search: it would read all pages of the weights, which processes share and load when needed.

use crate::error::Malformed;
use crate::file::initializers::{Element, Initializer, Initializers};
use crate::file::proto::{all_fields, field, fields, utf8};

/// Returns the name of a weight that is not finite, and its first such value: NaN in any tensor, or infinity in a matrix.
/// Single infinite numbers are common in masks.
///
/// # Errors
/// [`Malformed`].
pub fn weight(model: &[u8], weights: &Initializers) -> Result<Option<(String, f64)>, Malformed> {
    let taken = |(name, weight): (&String, &Initializer)| {
        bad(weight.element, &weight.shape, weight.bytes()).map(|value| (name.clone(), value))
    };
    if let Some(found) = weights.iter().find_map(taken) {
        return Ok(Some(found));
    }
    for graph in messages(model, field::MODEL_GRAPH)? {
        for tensor in messages(graph, field::GRAPH_CONSTANT)? {
            if let Some(found) = bad_constant(tensor)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Returns the messages in a field.
fn messages(bytes: &[u8], wanted: u64) -> Result<Vec<&[u8]>, Malformed> {
    Ok(fields(bytes)?.into_iter().filter(|&(number, _)| number == wanted).map(|(_, value)| value).collect())
}

/// Returns the name and the first value that is not finite of a TensorProto that holds its values itself.
fn bad_constant(tensor: &[u8]) -> Result<Option<(String, f64)>, Malformed> {
    let (mut name, mut element, mut shape, mut values) = ("", 0, Vec::new(), &b""[..]);
    for part in all_fields(tensor)? {
        match part.number {
            field::TENSOR_NAME => name = utf8(part.value)?,
            field::TENSOR_ELEMENT => element = part.integer,
            field::TENSOR_DIMENSION => shape.push(part.integer as i64),
            field::TENSOR_RAW | field::TENSOR_FLOATS | field::TENSOR_DOUBLES => values = part.value,
            _ => {}
        }
    }
    let value = Element::numbered(element).and_then(|element| bad(element, &shape, values));
    Ok(value.map(|value| (name.to_owned(), value)))
}

/// Returns the first value that is not finite, in little-endian bytes; infinite values count in matrices only.
fn bad(element: Element, shape: &[i64], bytes: &[u8]) -> Option<f64> {
    let matrix = shape.iter().filter(|&&length| length > 1).count() > 1;
    let bad = |value: &f64| value.is_nan() || (matrix && value.is_infinite());
    match element {
        Element::Float => bytes.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).find(bad),
        Element::Double => bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).find(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::proto::{message, number};

    /// Returns the search's result for a model with a constant in single precision.
    fn found(shape: &[u64], values: &[f32], number_of_values: u64) -> Option<f64> {
        let shape = shape.iter().flat_map(|&n| number(field::TENSOR_DIMENSION, n)).collect();
        let values: Vec<_> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let element = number(field::TENSOR_ELEMENT, Element::Float as u64);
        let tensor = [shape, element, message(field::TENSOR_NAME, b"w"), message(number_of_values, &values)].concat();
        let model = message(field::MODEL_GRAPH, &message(field::GRAPH_CONSTANT, &tensor));
        weight(&model, &Initializers::new()).unwrap().map(|(name, value)| {
            assert_eq!(name, "w");
            value
        })
    }

    #[test]
    fn nan_is_found_everywhere_and_infinity_in_matrices() {
        for values in [field::TENSOR_RAW, field::TENSOR_FLOATS] {
            assert!(found(&[3], &[1.0, f32::NAN, 2.0], values).unwrap().is_nan());
            assert_eq!(found(&[2, 2], &[1.0, 2.0, f32::NEG_INFINITY, 3.0], values), Some(f64::NEG_INFINITY));
            assert_eq!(found(&[], &[f32::NEG_INFINITY], values), None);
            assert_eq!(found(&[1, 2], &[f32::INFINITY, 0.0], values), None);
            assert_eq!(found(&[2, 2], &[1.0, 2.0, 3.0, 4.0], values), None);
        }
    }
}
