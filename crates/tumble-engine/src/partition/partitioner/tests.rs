//! Tests of the partitioner: stages of model files, and of graphs of a few nodes.

use tumble_onnx::file::proto::{field, message};

use super::*;

fn bytes(model: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/models/{model}.onnx"));
    std::fs::read(path).unwrap()
}

#[test]
fn inputs_of_subgraphs_come_from_the_structure_or_from_earlier_subgraphs() {
    for (model, exchanges) in [("exported-pet-f64", 4), ("exported-residual-f64", 2), ("pair-padded-f64", 0)] {
        let bytes = bytes(model);
        let file = File::read(&bytes).unwrap();
        let cut = cut(&file, RecomputeLevel::Balanced, &|_| false).unwrap();
        assert_eq!((cut.exchanges.len(), cut.subgraphs.len()), (exchanges, exchanges + 1), "{model}");
        let mut known: HashSet<&str> = LOCAL.into_iter().collect();
        for subgraph in &cut.subgraphs {
            assert!(subgraph.inputs.iter().all(|name| known.contains(name)), "{model}: {:?}", subgraph.inputs);
            known.extend(&subgraph.outputs);
            let results = cut.exchanges.iter().filter(|exchange| subgraph.outputs.contains(&exchange.data));
            known.extend(results.map(|exchange| exchange.result));
        }
        assert!(file.outputs.iter().all(|name| known.contains(name)), "{model}");
    }
}

#[test]
fn layers_are_recomputed_in_the_backward_pass_only_and_once() {
    let bytes = bytes("exported-residual-f64");
    let file = File::read(&bytes).unwrap();
    let subgraphs = cut(&file, RecomputeLevel::Balanced, &|_| false).unwrap().subgraphs;
    let matmuls = |subgraph: &Subgraph| subgraph.nodes.iter().filter(|&&node| is_matmul(&file.nodes[node])).count();
    let all = file.nodes.iter().filter(|node| is_matmul(node)).count();
    let [forward, both, backward] = &subgraphs[..] else { panic!("two layers are three stages") };
    // The last layer goes forward and backward in one stage, so only the first is recomputed.
    let again = forward.nodes.iter().filter(|node| backward.nodes.contains(node) && is_matmul(&file.nodes[**node]));
    assert_eq!(matmuls(forward) + matmuls(both) + matmuls(backward), all + again.count());
    assert!(both.nodes.iter().all(|node| !forward.nodes.contains(node) || !is_matmul(&file.nodes[*node])));
}

#[test]
fn models_with_global_tensors_are_not_partitioned() {
    let bytes = bytes("pair-list-f64");
    let why = cut(&File::read(&bytes).unwrap(), RecomputeLevel::Balanced, &|_| false).err().unwrap();
    assert_eq!(why.to_string(), "its tensor centers cannot be computed for a part of the centers");
    let by_replica = [["Gather", "edge_vectors replica", "atomic_energies"]];
    assert_eq!(
        reason(&by_replica, "atomic_energies"),
        "its tensor replica cannot be computed for a part of the centers"
    );
}

/// Returns a model file of these nodes: operator, inputs and outputs, separated by blanks.
fn model(nodes: &[[&str; 3]], outputs: &str) -> Vec<u8> {
    let texts = |number, names: &str| -> Vec<u8> {
        names.split_whitespace().flat_map(|name| message(number, name.as_bytes())).collect()
    };
    let node = |[operator, inputs, outputs]: &[&str; 3]| {
        let parts = [texts(field::NODE_INPUT, inputs), texts(field::NODE_OUTPUT, outputs)];
        message(field::GRAPH_NODE, &[parts.concat(), texts(field::NODE_OP_TYPE, operator)].concat())
    };
    let value = |number, name: &str| message(number, &message(field::VALUE_NAME, name.as_bytes()));
    let inputs = LOCAL.iter().chain(&["reverse"]).flat_map(|name| value(field::GRAPH_INPUT, name));
    let outputs = outputs.split_whitespace().flat_map(|name| value(field::GRAPH_OUTPUT, name));
    let graph: Vec<u8> = nodes.iter().flat_map(node).chain(inputs).chain(outputs).collect();
    message(field::MODEL_GRAPH, &graph)
}

/// Pruned edges: marks and rows, the narrow part, and the way back, with these marks.
fn pruned<'a>(prune: &'a str, restore: &'a str) -> Vec<[&'a str; 3]> {
    vec![
        ["Abs", "edge_vectors", "rows"],
        ["Less", "rows rows", "keep"],
        ["PruneEdges", prune, "narrow narrow_neighbors narrow_mask narrow_reverse"],
        ["Where", "narrow_mask narrow narrow", "computed"],
        ["RestoreEdges", restore, "restored"],
        ["Abs", "restored", "edge_gradients"],
    ]
}

fn reason(nodes: &[[&str; 3]], outputs: &str) -> String {
    let bytes = model(nodes, outputs);
    let why = cut(&File::read(&bytes).unwrap(), RecomputeLevel::Speed, &|_| false).err();
    why.map(|why| why.to_string()).unwrap_or_default()
}

#[test]
fn pruned_edges_divide_a_model_into_three_stages() {
    let bytes = model(&pruned("rows keep neighbors reverse", "computed keep reverse"), "edge_gradients");
    let file = File::read(&bytes).unwrap();
    let cut = cut(&file, RecomputeLevel::Speed, &|_| false).unwrap();
    let kinds: Vec<_> = cut.exchanges.iter().map(|exchange| (exchange.kind, exchange.narrow)).collect();
    assert_eq!(kinds, [(ExchangeKind::Prune, false), (ExchangeKind::Restore, true)]);
    let inputs: Vec<_> = cut.subgraphs.iter().map(|subgraph| &*subgraph.inputs).collect();
    assert_eq!(inputs, [&["edge_vectors"][..], &["narrow_mask", "narrow"], &["restored"]]);
    assert_eq!(cut.subgraphs[0].outputs, ["rows", "keep"]);
}

/// The products of PET and of Orb, whose gates need more tensors of a layer than it has products.
#[test]
fn no_product_is_computed_twice_at_the_fastest_level() {
    for name in ["exported-pet-f64", "exported-orb-f64"] {
        let path = format!("{}/../../tests/data/models/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let file = File::read(&bytes).unwrap();
        let products = |level| {
            let cut = cut(&file, level, &|_| false).unwrap();
            let nodes = cut.subgraphs.iter().flat_map(|subgraph| &subgraph.nodes);
            nodes.filter(|&&node| is_matmul(&file.nodes[node])).count()
        };
        let all = file.nodes.iter().filter(|node| is_matmul(node)).count();
        assert_eq!(products(RecomputeLevel::Speed), all, "{name}");
        assert!(products(RecomputeLevel::Memory) > all, "{name}");
    }
}

#[test]
fn misused_exchanges_are_reasons_not_to_partition() {
    let kept = "computed keep reverse";
    let marked_by_an_input = pruned("rows mask neighbors reverse", "computed mask reverse");
    assert_eq!(reason(&marked_by_an_input, "edge_gradients"), "no stage computes its tensor mask");
    let other_marks = pruned("rows keep neighbors reverse", "computed mask reverse");
    assert_eq!(
        reason(&other_marks, "edge_gradients"),
        "its tensor reverse cannot be computed for a part of the centers"
    );
    let never_pruned = pruned("rows keep neighbors reverse", "rows keep reverse");
    assert!(reason(&never_pruned, "edge_gradients").contains("its tensor reverse cannot"));
    let direct = pruned("rows keep neighbors reverse", kept);
    assert_eq!(reason(&direct, "restored"), "its output restored is the result of an exchange of rows itself");
    let twice = [pruned("rows keep neighbors reverse", kept), pruned("rows keep neighbors reverse", kept)].concat();
    assert_eq!(reason(&twice, "edge_gradients"), "it has more than one node PruneEdges");
    let bare = pruned("rows", kept);
    assert!(reason(&bare, "edge_gradients").contains("cannot be computed for a part of the centers"));
}

/// Rows of neighbors by these, and their sum over the structure of these.
fn centers<'a>(rows: &'a str, sum: &'a str) -> Vec<[&'a str; 3]> {
    vec![
        ["Abs", "edge_vectors", "rows"],
        ["Reshape", "neighbors mask", "flat"],
        ["Reshape", "reverse mask", "flat_reverse"],
        ["NeighborRows", rows, "others"],
        ["Abs", "others", "computed"],
        ["SumOverStructure", sum, "summed"],
        ["Abs", "summed", "atomic_energies"],
    ]
}

#[test]
fn rows_of_neighbors_and_sums_divide_a_model() {
    let bytes = model(&centers("rows flat ends", "computed replica"), "atomic_energies");
    let file = File::read(&bytes).unwrap();
    let cut = cut(&file, RecomputeLevel::Speed, &|_| false).unwrap();
    let exchanges: Vec<_> =
        cut.exchanges.iter().map(|exchange| (exchange.kind, exchange.data, exchange.neighbors)).collect();
    assert_eq!(exchanges, [(ExchangeKind::Neighbor, "rows", Some("flat")), (ExchangeKind::Sum, "computed", None)]);
    let inputs: Vec<_> = cut.subgraphs.iter().map(|subgraph| &*subgraph.inputs).collect();
    assert_eq!(inputs, [&["edge_vectors", "neighbors", "mask"][..], &["others"], &["summed"]]);
    assert_eq!(cut.subgraphs[0].outputs, ["rows", "flat"]);
}

#[test]
fn misused_exchanges_between_centers_are_reasons_not_to_partition() {
    for name in ["neighbors", "flat_reverse", "others"] {
        let rows = format!("rows {name} ends");
        assert_eq!(
            reason(&centers(&rows, "computed replica"), "atomic_energies"),
            format!("its NeighborRows has the tensor `{name}` where the flat `neighbors` of edges were expected")
        );
    }
    assert_eq!(
        reason(&centers("rows flat ends", "computed flat"), "atomic_energies"),
        "its SumOverStructure has the tensor `flat` where the input `replica` was expected"
    );
    assert_eq!(
        reason(&centers("rows", "computed replica"), "atomic_energies"),
        "its NeighborRows has the tensor `` where the flat `neighbors` of edges were expected"
    );
}
