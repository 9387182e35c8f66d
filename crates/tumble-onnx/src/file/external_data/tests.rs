use super::*;
use crate::file::proto::{field, message, number};

fn external(location: &str, offset: &str, length: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| {
        let entry = [message(field::ENTRY_KEY, key.as_bytes()), message(field::ENTRY_VALUE, value.as_bytes())];
        message(field::TENSOR_EXTERNAL, &entry.concat())
    };
    let place = [entry("location", location), entry("offset", offset), entry("length", length)];
    [number(field::TENSOR_LOCATION, 1), place.concat()].concat()
}

/// Returns a model with an external tensor, wrapped in this way.
fn model_with(wrapped: &dyn Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let tensor = [number(2, 1), message(field::TENSOR_NAME, b"w"), external("data", "2", "4")].concat();
    wrapped(tensor)
}

#[test]
fn external_tensors_are_found_in_all_messages() {
    let graph = |number, inner: &[u8]| message(field::MODEL_GRAPH, &message(number, inner));
    let attribute = |number, inner: &[u8]| message(field::NODE_ATTRIBUTE, &message(number, inner));
    let node = |attribute: Vec<u8>| message(field::GRAPH_NODE, &attribute);
    let sparse = |number, inner: &[u8]| message(number, inner);
    let function = |inner: &[u8]| message(field::MODEL_FUNCTION, inner);
    let wraps: [&dyn Fn(Vec<u8>) -> Vec<u8>; 8] = [
        &|tensor| graph(field::GRAPH_CONSTANT, &tensor),
        &|tensor| graph(field::GRAPH_SPARSE_CONSTANT, &sparse(field::SPARSE_VALUES, &tensor)),
        &|tensor| graph(field::GRAPH_SPARSE_CONSTANT, &sparse(field::SPARSE_INDICES, &tensor)),
        &|tensor| message(field::MODEL_GRAPH, &node(attribute(field::ATTRIBUTE_TENSOR, &tensor))),
        &|tensor| message(field::MODEL_GRAPH, &node(attribute(field::ATTRIBUTE_TENSORS, &tensor))),
        &|tensor| {
            let inner = sparse(field::SPARSE_VALUES, &tensor);
            message(field::MODEL_GRAPH, &node(attribute(field::ATTRIBUTE_SPARSE_TENSORS, &inner)))
        },
        &|tensor| function(&message(field::FUNCTION_NODE, &attribute(field::ATTRIBUTE_TENSOR, &tensor))),
        &|tensor| function(&message(field::FUNCTION_ATTRIBUTE, &message(field::ATTRIBUTE_TENSOR, &tensor))),
    ];
    for (index, wrap) in wraps.iter().enumerate() {
        let bytes = model_with(wrap);
        assert_eq!(locations(&bytes).unwrap().into_iter().collect::<Vec<_>>(), ["data"], "{index}");
        let weights = Weights::all_of(&bytes, b"abcdefgh").unwrap();
        let whole = weights.put_into(&bytes, Path::new("m.onnx")).unwrap();
        assert!(locations(&whole).unwrap().is_empty(), "{index}");
        let raw = message(field::TENSOR_RAW, b"cdef");
        assert!(whole.windows(raw.len()).any(|part| part == raw), "{index}");
    }
}

#[test]
fn tensors_in_two_halves_are_refused() {
    // Protobuf's own readers merge the two halves to an external tensor.
    let halves = [message(5, &number(field::TENSOR_LOCATION, 1)), message(5, &external("data", "0", "4")[2..])];
    let node = message(field::GRAPH_NODE, &message(field::NODE_ATTRIBUTE, &halves.concat()));
    assert_eq!(
        locations(&message(field::MODEL_GRAPH, &node)).unwrap_err().to_string(),
        "a tensor in it is given twice"
    );
    // The last location counts, modulo 2^32.
    let placed = |location| [external("data", "0", "4"), number(field::TENSOR_LOCATION, location)].concat();
    assert_eq!(ExternalRange::of(&placed(0)).unwrap(), None);
    assert!(ExternalRange::of(&placed(1 | 1 << 32)).unwrap().is_some());
}

/// Returns the sentence of a model with a float `w` of this shape at this place, beside a file `data` of eight bytes; the
/// values if it is accepted.
fn placed(name: &str, shape: &[u64], [location, offset, length]: [&str; 3]) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), b"abcdefgh").unwrap();
    let dimensions = shape.iter().flat_map(|&n| number(field::TENSOR_DIMENSION, n)).collect();
    let head = [dimensions, number(field::TENSOR_ELEMENT, 1), message(field::TENSOR_NAME, name.as_bytes())].concat();
    let tensor = [head.clone(), external(location, offset, length)].concat();
    let bytes = message(field::MODEL_GRAPH, &message(field::GRAPH_CONSTANT, &tensor));
    let weights = Weights::read(&folder.path().join("m.onnx"), &bytes).map_err(|error| error.to_string())?;
    let whole = weights.put_into(&bytes, Path::new("m.onnx")).map_err(|error| error.to_string())?;
    Ok(whole[whole.windows(head.len()).position(|part| part == head).unwrap() + head.len()..].to_vec())
}

fn raw(values: &[u8]) -> Result<Vec<u8>, String> {
    Ok(message(field::TENSOR_RAW, values))
}

fn sentence(shape: &[u64], place: [&str; 3]) -> String {
    placed("w", shape, place).unwrap_err()
}

#[test]
fn offset_or_length_other_than_a_number_is_refused() {
    for (offset, length, key, value) in [("+2", "4", "offset", "+2"), ("2", "4\n", "length", "4\\n")] {
        assert_eq!(
            sentence(&[], ["data", offset, length]),
            format!(
                "the model m.onnx keeps weights in \"data\", but the {key} of its tensor \"w\" there is \"{value}\" where a \
                 number of bytes was expected: export the model again"
            )
        );
    }
}

#[test]
fn length_that_does_not_match_the_shape_is_refused() {
    assert_eq!(placed("w", &[1, 2], ["data", "0", "8"]), raw(b"abcdefgh"));
    assert_eq!(
        sentence(&[1, 2], ["data", "2", "4"]),
        "the model m.onnx keeps weights in \"data\", but the length of its tensor \"w\" there, from byte 2 on, is 4 bytes \
         where 8 were expected for its shape [1, 2] and its type: export the model again"
    );
}

#[test]
fn range_beyond_the_file_is_refused() {
    assert_eq!(
        sentence(&[2], ["data", "2", "8"]),
        "the model m.onnx keeps weights in \"data\", which has 8 bytes, but the model reads 8 from byte 2 on for its tensor \
         \"w\": it was cut short or belongs to another model"
    );
}

#[test]
fn tensor_without_a_length_has_that_of_its_shape() {
    let place = [message(field::ENTRY_KEY, b"location"), message(field::ENTRY_VALUE, b"data")].concat();
    // The shape [2], packed.
    let tensor = [message(field::TENSOR_DIMENSION, &[2]), number(field::TENSOR_ELEMENT, 1)].concat();
    let tensor = [tensor, message(field::TENSOR_EXTERNAL, &place), number(field::TENSOR_LOCATION, 1)].concat();
    let model = message(field::MODEL_GRAPH, &message(field::GRAPH_CONSTANT, &tensor));
    let weights = Weights::all_of(&model, b"abcdefghijkl").unwrap();
    let whole = weights.put_into(&model, Path::new("m.onnx")).unwrap();
    assert!(whole.ends_with(&message(field::TENSOR_RAW, b"abcdefgh")));
}

#[test]
fn paths_inside_the_folder_are_accepted_and_others_refused() {
    for location in ["data", "./data", "sub/../data", "a/b/../../data"] {
        assert_eq!(placed("w", &[], [location, "0", "4"]), raw(b"abcd"), "{location}");
    }
    for location in ["", ".", "..", "../data", "sub/../../data", "/data", "sub/.."] {
        let sentence = sentence(&[], [location, "0", "4"]);
        let expected = format!("keeps weights in \"{location}\", which is not a path inside the model's folder: ");
        assert!(sentence.contains(&expected), "{sentence}");
    }
}

#[test]
fn long_names_are_cut_in_errors() {
    let long = "n".repeat(5000);
    let shown = format!("{}...", "n".repeat(40));
    let error = sentence(&[], [&long, "0", "4"]);
    assert!(error.contains(&format!("keeps weights in \"{shown}\", which cannot be read (")), "{error}");
    let error = placed(&long, &[], ["data", &"9".repeat(5000), "4"]).unwrap_err();
    assert!(error.len() < 300 && error.contains(&format!("its tensor \"{shown}\"")), "{error}");
}
