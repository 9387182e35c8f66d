use super::*;
use crate::file::node::Node;
use crate::file::proto::{all_fields, field, message, number};

/// Returns a NodeProto: operator (with its domain and a colon, if it is ours), inputs and outputs separated by blanks.
fn node(operator: &str, inputs: &str, outputs: &str) -> Vec<u8> {
    let (domain, operator) = operator.split_once(':').unwrap_or(("", operator));
    let names =
        |field, names: &str| names.split(' ').flat_map(|name| message(field, name.as_bytes())).collect::<Vec<_>>();
    let parts = [
        names(field::NODE_INPUT, inputs),
        names(field::NODE_OUTPUT, outputs),
        message(field::NODE_OP_TYPE, operator.as_bytes()),
        message(field::NODE_DOMAIN, domain.as_bytes()),
    ];
    message(field::GRAPH_NODE, &parts.concat())
}

/// Returns an input: name, element type, axes separated by blanks, a length or a name each.
fn input(name: &str, element: u64, axes: &str) -> Vec<u8> {
    let axis = |axis: &str| match axis.parse() {
        Ok(length) => number(field::DIMENSION_VALUE, length),
        Err(_) => message(2, axis.as_bytes()),
    };
    let axes: Vec<_> = axes.split(' ').flat_map(|name| message(field::SHAPE_DIMENSION, &axis(name))).collect();
    let tensor = [number(field::TENSOR_TYPE_ELEMENT, element), message(field::TENSOR_TYPE_SHAPE, &axes)].concat();
    let kind = message(field::VALUE_TYPE, &message(field::TYPE_TENSOR, &tensor));
    message(field::GRAPH_INPUT, &[message(field::VALUE_NAME, name.as_bytes()), kind].concat())
}

fn integers(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensor = [
        number(field::TENSOR_DIMENSION, values.len() as u64),
        number(field::TENSOR_ELEMENT, 7),
        message(field::TENSOR_NAME, name.as_bytes()),
        message(field::TENSOR_RAW, &raw),
    ];
    message(field::GRAPH_CONSTANT, &tensor.concat())
}

/// Returns a model with the inputs of the contract, the constants `flat` [-1, 3], `last` [1] and `all` [-1], and these outputs.
fn model(nodes: &[Vec<u8>], outputs: &str) -> Vec<u8> {
    let inputs = [
        input("edge_vectors", 1, "C K 3"),
        input("mask", 9, "C K"),
        input("neighbors", 7, "C K"),
        input("weights", 1, "C"),
        input("other", 1, "D 3"),
    ];
    let outputs =
        outputs.split(' ').flat_map(|name| message(field::GRAPH_OUTPUT, &message(field::VALUE_NAME, name.as_bytes())));
    let constants = [integers("flat", &[-1, 3]), integers("last", &[1]), integers("all", &[-1])];
    let graph = [nodes.concat(), inputs.concat(), constants.concat(), outputs.collect()];
    message(field::MODEL_GRAPH, &graph.concat())
}

/// Fuses a model; returns the operators and outputs of its nodes.
fn fused(model: &[u8]) -> Vec<String> {
    let bytes = with_row_programs(model, &Shapes::of_model(model).unwrap()).unwrap();
    let graph = all_fields(&bytes).unwrap().into_iter().find(|part| part.number == field::MODEL_GRAPH).unwrap();
    let nodes = all_fields(graph.value).unwrap().into_iter().filter(|part| part.number == field::GRAPH_NODE);
    let text = |node: Node| format!("{} {}", node.operator.split('@').next().unwrap(), node.outputs.join(" "));
    nodes.map(|part| text(Node::read(part.value).unwrap())).collect()
}

/// Nodes that compute the squares of all edge vectors.
fn squares() -> Vec<Vec<u8>> {
    vec![node("Reshape", "edge_vectors flat", "edges"), node("Mul", "edges edges", "squares")]
}

#[test]
fn nodes_of_the_same_rows_become_one_program() {
    let nodes =
        [squares(), vec![node("Exp", "squares", "a"), node("Add", "a squares", "b"), node("tumble:Silu", "b", "y")]];
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["RowProgram32 y"]);
    assert_eq!(fused(&model(&nodes.concat(), "y b")), ["RowProgram32 b y"]);
}

/// A program would have no output, which ONNX Runtime refuses.
#[test]
fn nodes_whose_results_nobody_reads_stay() {
    let unread = vec![node("Exp", "other", "c"), node("Mul", "c c", "d")];
    let nodes = [squares(), vec![node("Exp", "squares", "a"), node("Add", "a squares", "y")], unread];
    let mut found = fused(&model(&nodes.concat(), "y"));
    found.sort();
    assert_eq!(found, ["Exp c", "Mul d", "RowProgram32 y"]);
}

#[test]
fn program_ends_where_rows_are_mixed() {
    let nodes = [
        squares(),
        vec![
            node("Exp", "squares", "a"),
            node("CumSum", "a last", "mixed"),
            node("Neg", "mixed", "b"),
            node("Mul", "b a", "y"),
        ],
    ];
    // What a later program reads of an earlier one is an output of that.
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["RowProgram32 a", "CumSum mixed", "RowProgram32 y"]);
}

#[test]
fn node_whose_rows_may_differ_stays() {
    let nodes = [squares(), vec![node("Exp", "squares", "a"), node("Add", "a other", "y")]];
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["RowProgram32 a", "Add y"]);
}

#[test]
fn booleans_stay_within_a_program() {
    let nodes = [
        squares(),
        vec![node("Exp", "squares", "a"), node("Less", "a squares", "small"), node("Where", "small a squares", "y")],
    ];
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["RowProgram32 y"]);
    // The programs left have one step each, which is not worth one.
    let outside = fused(&model(&nodes.concat(), "y small"));
    assert_eq!(outside, ["RowProgram32 squares a", "Less small", "Where y"]);
}

#[test]
fn programs_pass_booleans_on_as_numbers() {
    let nodes = [
        squares(),
        vec![
            node("Exp", "squares", "a"),
            node("Less", "a squares", "small"),
            node("CumSum", "a last", "mixed"),
            node("Neg", "mixed", "b"),
            node("Where", "small b mixed", "y"),
        ],
    ];
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["RowProgram32 a small", "CumSum mixed", "RowProgram32 y"]);
}

#[test]
fn programs_read_rows_of_others_in_another_order() {
    let nodes = [
        squares(),
        vec![
            node("Exp", "squares", "a"),
            node("Reshape", "neighbors all", "order"),
            node("Gather", "a order", "moved"),
            node("Mul", "moved a", "b"),
            node("Sub", "b squares", "y"),
        ],
    ];
    assert_eq!(fused(&model(&nodes.concat(), "y")), ["Reshape order", "RowProgram32 squares a", "RowProgram32 y"]);
}

#[test]
fn single_node_joins_the_program_that_reads_it() {
    let nodes = [
        squares(),
        vec![
            node("Exp", "squares", "a"),
            node("CumSum", "a last", "mixed"),
            node("Neg", "mixed", "early"),
            node("Gather", "mixed picks", "picked"),
            node("Exp", "picked", "b"),
            node("Reshape", "neighbors all", "order"),
            node("Gather", "b order", "moved"),
            node("Mul", "moved early", "y"),
        ],
        vec![input("picks", 7, "D")],
    ];
    let found = fused(&model(&nodes.concat(), "y"));
    assert_eq!(found, ["Reshape order", "RowProgram32 a", "CumSum mixed", "RowProgram32 b", "RowProgram32 y"]);
}

#[test]
fn nodes_whose_inputs_do_not_tell_the_number_of_rows_stay() {
    let nodes = [
        node("Shape", "weights", "centers"),
        node("Concat", "weights other_rows", "all"),
        node("Slice", "all zero centers zero", "head"),
        node("Exp", "head", "y"),
    ];
    let constants = [integers("zero", &[0]), input("other_rows", 1, "E")].concat();
    let bytes = model(&[&nodes[..], &[constants]].concat(), "y");
    assert_eq!(fused(&bytes), ["Shape centers", "Concat all", "Slice head", "Exp y"]);
}

#[test]
fn single_nodes_stay() {
    let nodes = [squares(), vec![node("CumSum", "squares last", "y")]].concat();
    assert_eq!(fused(&model(&nodes, "y")), ["Reshape edges", "Mul squares", "CumSum y"]);
}

#[test]
fn same_model_is_always_written_in_the_same_way() {
    let nodes =
        [squares(), vec![node("Exp", "squares", "a"), node("Neg", "weights", "b"), node("Exp", "b", "c")]].concat();
    let bytes = model(&nodes, "a c");
    let written = || with_row_programs(&bytes, &Shapes::of_model(&bytes).unwrap()).unwrap();
    assert!((0..10).all(|_| written() == written()));
    assert_eq!(fused(&bytes), ["RowProgram32 a", "RowProgram32 c"]);
}

#[test]
fn ghosts_come_after_the_centers() {
    let inputs = [input("species", 7, "A"), input("weights", 1, "C"), input("edge_vectors", 1, "C K 3")].concat();
    let shapes = Shapes::of_model(&message(field::MODEL_GRAPH, &inputs)).unwrap();
    let length = |name: &str| shapes.get(name).unwrap().shape[0].clone();
    assert!(length("species").minus(&length("weights")).is_natural());
    assert!(!length("weights").minus(&length("species")).is_natural());
}
