use super::linear::mark;
use super::*;

/// Returns a NodeProto: operator, inputs and outputs separated by blanks, attributes.
fn node(operator: &str, inputs: &str, output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.split_whitespace().flat_map(|name| message(field::NODE_INPUT, name.as_bytes()));
    let rest = [message(field::NODE_OUTPUT, output.as_bytes()), message(field::NODE_OP_TYPE, operator.as_bytes())];
    let attributes = attributes.iter().flat_map(|attribute| message(field::NODE_ATTRIBUTE, attribute));
    message(field::GRAPH_NODE, &inputs.chain(rest.concat()).chain(attributes).collect::<Vec<_>>())
}

fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let values = values.iter().flat_map(|&value| number(field::ATTRIBUTE_INTEGERS, value));
    message(field::ATTRIBUTE_NAME, name.as_bytes()).into_iter().chain(values).collect()
}

fn float(name: &str, value: f32) -> Vec<u8> {
    let value = [vec![(field::ATTRIBUTE_FLOAT as u8) << 3 | 5], value.to_le_bytes().to_vec()].concat();
    [message(field::ATTRIBUTE_NAME, name.as_bytes()), value].concat()
}

fn constant(name: &str, shape: &[u64], element: u64) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|&length| number(field::TENSOR_DIMENSION, length)).collect();
    let tensor = [shape, number(field::TENSOR_ELEMENT, element), message(field::TENSOR_NAME, name.as_bytes())];
    message(field::GRAPH_CONSTANT, &tensor.concat())
}

/// Returns a model of these nodes with the weights `w` [2, 3], `v` [3, 2], the bias `b` [3], and the output `y`.
fn model(nodes: &[Vec<u8>]) -> Vec<u8> {
    let constants = [constant("w", &[2, 3], 1), constant("v", &[3, 2], 1), constant("b", &[3], 1)];
    let value = |number, name: &str| message(number, &message(field::VALUE_NAME, name.as_bytes()));
    let ends = [value(field::GRAPH_INPUT, "x"), value(field::GRAPH_OUTPUT, "y")];
    message(field::MODEL_GRAPH, &[nodes.concat(), constants.concat(), ends.concat()].concat())
}

/// Returns the operators of a model with its products replaced, with the inputs and whether the weight is transposed.
fn operators(nodes: &[Vec<u8>]) -> Vec<String> {
    let written = with_linear(&model(nodes)).unwrap();
    let graph = all_fields(&written).unwrap().into_iter().find(|part| part.number == field::MODEL_GRAPH).unwrap();
    let mut found = Vec::new();
    for part in all_fields(graph.value).unwrap().iter().filter(|part| part.number == field::GRAPH_NODE) {
        let operator = text(part.value, field::NODE_OP_TYPE).unwrap().replace(tumble_ops::LINEAR, "Linear");
        let node = Node::read(part.value).unwrap();
        let turned = if node.is_set("transposed") { "ᵀ" } else { "" };
        found.push(format!("{operator}{turned}({})", node.inputs.join(", ")));
    }
    found
}

#[test]
fn products_with_constants_are_replaced() {
    assert_eq!(operators(&[node("MatMul", "x w", "y", &[])]), ["Linear(x, w)"]);
    assert_eq!(operators(&[node("Gemm", "x w b", "y", &[float("alpha", 1.0)])]), ["Linear(x, w, b)"]);
    assert_eq!(operators(&[node("Gemm", "x v b", "y", &[mark("transB", true)])]), ["Linearᵀ(x, v, b)"]);
    let turned = node("Transpose", "w", "t", &[integers("perm", &[1, 0])]);
    assert_eq!(operators(&[turned.clone(), node("MatMul", "x t", "y", &[])]), ["Linearᵀ(x, w)"]);
    assert_eq!(operators(&[turned, node("Gemm", "x t", "y", &[mark("transB", true)])]), ["Linear(x, w)"]);
    let cast = node("Cast", "w", "d", &[mark("to", true)]);
    assert_eq!(operators(&[cast, node("MatMul", "x d", "y", &[])]), ["Cast(w)", "Linear(x, d)"]);
}

#[test]
fn other_products_are_left() {
    let left = [
        node("MatMul", "w x", "y", &[]),
        node("MatMul", "x b", "y", &[]),
        node("MatMul", "x z", "y", &[]),
        node("Gemm", "x w b", "y", &[float("alpha", 0.5)]),
        node("Gemm", "x w b", "y", &[float("beta", 0.0)]),
        node("Gemm", "x w b", "y", &[mark("transA", true)]),
        node("Gemm", "x v b", "y", &[]),
        node("Gemm", "x w z", "y", &[]),
        node("Add", "x w", "y", &[]),
    ];
    for product in left {
        assert!(!operators(std::slice::from_ref(&product)).concat().contains("Linear"));
        assert_eq!(with_linear(&model(std::slice::from_ref(&product))).unwrap(), model(&[product]));
    }
    let kept = node("Transpose", "w", "t", &[integers("perm", &[0, 1])]);
    assert_eq!(operators(&[kept, node("MatMul", "x t", "y", &[])]), ["Transpose(w)", "MatMul(x, t)"]);
}

#[test]
fn constants_are_kept_for_readers_that_stand_before_them() {
    let (early, turned) = (node("MatMul", "x t", "y", &[]), node("Transpose", "w", "t", &[]));
    let product = node("MatMul", "x v", "z", &[]);
    assert_eq!(operators(&[early, turned, product]), ["MatMul(x, t)", "Transpose(w)", "Linear(x, v)"]);
}

#[test]
fn a_constant_that_an_input_may_replace_is_left() {
    let graph = model(&[node("MatMul", "x w", "y", &[])]);
    let input = message(field::GRAPH_INPUT, &message(field::VALUE_NAME, b"w"));
    let graph = [all_fields(&graph).unwrap()[0].value, &input].concat();
    let bytes = message(field::MODEL_GRAPH, &graph);
    assert_eq!(with_linear(&bytes).unwrap(), bytes);
}

#[test]
fn weights_are_the_constants_that_only_products_read() {
    let sorted = |nodes: &[Vec<u8>]| {
        let mut names: Vec<_> = weights(&model(nodes)).unwrap().into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    let turned = node("Transpose", "w", "t", &[]);
    let (product, back) = (node("Gemm", "x w b", "z", &[]), node("MatMul", "z t", "y", &[]));
    assert_eq!(sorted(&[product.clone(), turned.clone(), back.clone()]), ["b", "w"]);
    assert_eq!(sorted(&[product.clone(), turned.clone(), back, node("Relu", "t", "s", &[])]), ["b"]);
    assert_eq!(sorted(&[product, node("Identity", "b", "y", &[])]), ["w"]);
}

#[test]
fn our_operators_are_declared_once() {
    let bytes = model(&[node("MatMul", "x w", "y", &[])]);
    let declared = |bytes: &[u8]| {
        let domains = |part: &Field| text(part.value, field::OPERATORS_DOMAIN).unwrap() == DOMAIN;
        all_fields(bytes).unwrap().iter().filter(|part| part.number == field::MODEL_OPERATORS && domains(part)).count()
    };
    let once = with_linear(&bytes).unwrap();
    assert_eq!([declared(&bytes), declared(&once)], [0, 1]);
    let set = message(field::MODEL_OPERATORS, &message(field::OPERATORS_DOMAIN, DOMAIN.as_bytes()));
    assert_eq!(declared(&with_linear(&[bytes, set].concat()).unwrap()), 1);
}

#[test]
fn our_operator_has_no_name_of_a_function() {
    // ONNX permits C identifiers; a file with a function `Linear` of the domain `tumble` must keep its meaning.
    assert!(tumble_ops::LINEAR.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_'));
}
