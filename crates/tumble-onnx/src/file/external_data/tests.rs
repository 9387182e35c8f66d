use super::*;
use crate::file::proto::{field, message, number};

fn external(location: &str, offset: usize, length: usize) -> Vec<u8> {
    let entry = |key: &str, value: &str| {
        let entry = [message(field::ENTRY_KEY, key.as_bytes()), message(field::ENTRY_VALUE, value.as_bytes())];
        message(field::TENSOR_EXTERNAL, &entry.concat())
    };
    let place =
        [entry("location", location), entry("offset", &offset.to_string()), entry("length", &length.to_string())];
    [number(field::TENSOR_LOCATION, 1), place.concat()].concat()
}

/// Returns a model with an external tensor, wrapped in this way.
fn model_with(wrapped: &dyn Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let tensor = [number(2, 1), message(field::TENSOR_NAME, b"w"), external("data", 2, 4)].concat();
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
    let halves = [message(5, &number(field::TENSOR_LOCATION, 1)), message(5, &external("data", 0, 4)[2..])];
    let node = message(field::GRAPH_NODE, &message(field::NODE_ATTRIBUTE, &halves.concat()));
    assert_eq!(
        locations(&message(field::MODEL_GRAPH, &node)).unwrap_err().to_string(),
        "a tensor in it is given twice"
    );
    // The last location counts, modulo 2^32.
    let placed = |location| [external("data", 0, 4), number(field::TENSOR_LOCATION, location)].concat();
    assert_eq!(ExternalRange::of(&placed(0)).unwrap(), None);
    assert!(ExternalRange::of(&placed(1 | 1 << 32)).unwrap().is_some());
}
