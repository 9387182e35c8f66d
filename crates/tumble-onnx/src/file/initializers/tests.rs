use std::collections::HashSet;
use std::path::Path;

use super::*;
use crate::file::external_data::Weights;
use crate::file::mapped_file::MAPPED;

/// Returns a model with a weight `w` of these values, after a name that shifts it.
fn model(values: &[u8], count: u64, shift: &str) -> Vec<u8> {
    let tensor = [
        number(field::TENSOR_DIMENSION, count),
        number(field::TENSOR_ELEMENT, Element::Float as u64),
        message(field::TENSOR_NAME, b"w"),
        message(field::TENSOR_RAW, values),
    ];
    let graph = [message(field::GRAPH_NAME, shift.as_bytes()), message(field::GRAPH_CONSTANT, &tensor.concat())];
    message(field::MODEL_GRAPH, &graph.concat())
}

fn taken_from(memory: FileContents, names: &[&str]) -> (Vec<u8>, Initializers) {
    let names: HashSet<&str> = names.iter().copied().collect();
    let path = Path::new("m.onnx");
    Weights::read(path, &memory).unwrap().take(&names, &Arc::new(memory), path).unwrap()
}

#[test]
fn values_are_taken_out_of_the_file() {
    let values: Vec<u8> = (0..4096u32).map(|i| i as u8).collect();
    let (bytes, weights) = taken_from(FileContents::Read(model(&values, 1024, "")), &["w"]);
    assert_eq!(taken(&bytes).unwrap(), ["w"]);
    assert!(bytes.len() < 200);
    let weight = &weights["w"];
    assert_eq!((weight.element, &*weight.shape, weight.bytes()), (Element::Float, &[1024][..], &*values));
}

#[test]
fn other_tensors_stay() {
    let values = vec![7; 4096];
    for (model, names) in [
        (model(&values, 1024, ""), &["v"][..]),
        (model(&values, 1023, ""), &["w"]),
        (model(&values[..1020], 255, ""), &["w"]),
    ] {
        let (bytes, weights) = taken_from(FileContents::Read(model.clone()), names);
        assert!(weights.is_empty());
        assert!(taken(&bytes).unwrap().is_empty());
        assert!(bytes.windows(1020).any(|part| part == &values[..1020]));
    }
}

#[test]
fn aligned_values_of_a_mapped_file_stay_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let values = vec![3; MAPPED as usize];
    let mut shared = 0;
    for shift in ["", "a", "ab", "abc"] {
        std::fs::write(&path, model(&values, MAPPED / 4, shift)).unwrap();
        let memory = FileContents::open(&path, u64::MAX).unwrap();
        assert!(matches!(memory, FileContents::Mapped(_)));
        let weight = taken_from(memory, &["w"]).1.remove("w").unwrap();
        assert!((weight.bytes().as_ptr() as usize).is_multiple_of(4));
        assert!(weight.bytes() == values);
        shared += usize::from(matches!(weight.values, Values::Shared(..)));
    }
    assert_eq!(shared, 1);
}
