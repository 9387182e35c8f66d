//! ONNX Runtime's profiles of the sessions of a model: the time of each kind of node.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::path::Path;

use serde_json::Value;

/// Products of rows and weights outside of the programs.
pub const PRODUCTS: &str = "products";
/// Attention and its gradient.
pub const ATTENTION: &str = "attention";
/// The programs of rows.
pub const PROGRAMS: &str = "programs of rows";
/// All else.
pub const OTHERS: &str = "ONNX Runtime's own nodes";

/// What the nodes of a kind took in a run, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeTime {
    /// Their share of the run's time.
    pub share: f64,
    /// Floating-point operations of products; 0 for the others.
    pub operations: f64,
}

/// Times of the nodes by kind.
pub type Nodes = BTreeMap<&'static str, NodeTime>;

/// Reads the profiles in a folder, one of each session, without the first runs.
pub fn read(folder: &Path, first: usize) -> Nodes {
    let files = read_dir(folder).expect("the folder was made for the profiles");
    let events = |path: &Path| {
        let text = read_to_string(path).expect("ONNX Runtime has written it");
        serde_json::from_str::<Vec<Value>>(&text).expect("a profile is a list of events")
    };
    nodes(&files.map(|file| events(&file.expect("the folder can be read").path())).collect::<Vec<_>>(), first)
}

/// Averages over the runs, each of which is an event itself. Sessions that ran no more often than `first` are left out:
/// that of a list of edges which stays.
fn nodes(sessions: &[Vec<Value>], first: usize) -> Nodes {
    let sessions: Vec<_> = sessions.iter().map(|events| (events, runs(events))).collect();
    let sessions =
        || sessions.iter().filter(|(_, runs)| runs.len() > first).map(|(events, runs)| (events, &runs[first..]));
    let whole: f64 = sessions().flat_map(|(_, runs)| runs).map(|run| run.1).sum();
    let mut found = Nodes::new();
    for (events, runs) in sessions() {
        for event in events.iter().filter(|event| is_node(event) && span(event).0 >= runs[0].0) {
            let kind = kind(event["args"]["op_name"].as_str().unwrap_or_default());
            let total = found.entry(kind).or_default();
            total.share += span(event).1 / whole;
            total.operations += if kind == PRODUCTS { operations(&event["args"]) / runs.len() as f64 } else { 0.0 };
        }
    }
    found
}

/// Returns the spans of the runs, in order.
fn runs(events: &[Value]) -> Vec<(f64, f64)> {
    let mut runs: Vec<_> = events.iter().filter(|event| event["name"] == "model_run").map(span).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    runs
}

/// Returns when an event starts and how long it takes, µs.
fn span(event: &Value) -> (f64, f64) {
    (number(&event["ts"]), number(&event["dur"]))
}

fn is_node(event: &Value) -> bool {
    event["cat"] == "Node" && event["name"].as_str().is_some_and(|name| name.ends_with("_kernel_time"))
}

fn kind(operator: &str) -> &'static str {
    match operator {
        "Linear@memory" | "MatMul" | "FusedMatMul" | "Gemm" => PRODUCTS,
        "Attention" | "AttentionGradient" => ATTENTION,
        "RowProgram32@memory" | "RowProgram64@memory" => PROGRAMS,
        _ => OTHERS,
    }
}

/// Returns 2 · rows · in · out: the numbers of the result, and the width of the rows.
fn operations(node: &Value) -> f64 {
    let result = shape(&node["output_type_shape"]).iter().product::<f64>();
    2.0 * result * shape(&node["input_type_shape"]).last().copied().unwrap_or(0.0)
}

/// Returns the shape of the first tensor of `[{"float": [2, 3]}, ...]`.
fn shape(tensors: &Value) -> Vec<f64> {
    let first = tensors[0].as_object().and_then(|tensor| tensor.values().next()).and_then(Value::as_array);
    first.into_iter().flatten().map(number).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(ts: u64, dur: u64, operator: &str) -> Value {
        let args = json!({"op_name": operator, "input_type_shape": [{"float": [3, 4]}, {"float": [4, 5]}],
                          "output_type_shape": [{"float": [3, 5]}]});
        json!({"cat": "Node", "name": "n_kernel_time", "ts": ts, "dur": dur, "args": args})
    }

    fn run(ts: u64) -> Value {
        json!({"cat": "Session", "name": "model_run", "ts": ts, "dur": 40})
    }

    #[test]
    fn shares_are_those_of_all_sessions() {
        let session = |operator| vec![run(0), node(110, 10, operator), run(100)];
        let found = nodes(&[session("Attention"), session("Cast")], 1);
        assert_eq!((found[ATTENTION].share, found[OTHERS].share), (0.125, 0.125));
    }

    #[test]
    fn nodes_are_averaged_over_runs() {
        let events = [
            json!({"cat": "Session", "name": "session_initialization", "ts": 1, "dur": 5}),
            node(20, 30, "Attention"),
            run(10),
            node(110, 10, "Attention"),
            node(120, 20, "AttentionGradient"),
            run(100),
            node(210, 7, "Linear@memory"),
            node(220, 8, "RowProgram32@memory"),
            run(200),
        ];
        let list = [node(20, 30, "Cast"), run(10)];
        let found = nodes(&[events.to_vec(), list.to_vec()], 1);
        assert_eq!((found[ATTENTION].share, found[PROGRAMS].share), (10.0 / 80.0 + 20.0 / 80.0, 8.0 / 80.0));
        assert_eq!(found[PRODUCTS], NodeTime { share: 7.0 / 80.0, operations: 2.0 * 3.0 * 4.0 * 5.0 / 2.0 });
        assert_eq!(found.len(), 3);
    }
}
