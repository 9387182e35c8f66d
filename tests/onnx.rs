//! Models in ONNX files: the toy models of tests/data/generate.py.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tumble_core::Graph;
use tumble_core::execution::Device;
use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::{Edge, edge_between};
use tumble_core::potential::{Derivative, Forces, Potential, Replicas, Response};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{IDENTITY, Matrix3, Vector3, apply};
use tumble_engine::OnnxPotential;
use tumble_onnx::file::checksum::stamp;
use tumble_onnx::file::proto::{Field, all_fields, field, message, number, text};

const LAYOUTS: [&str; 2] = ["list", "padded"];
const TOYS: [&str; 6] = ["pair", "harmonic", "twohop", "both", "direct", "ensemble"];
const CONSERVATIVE: [&str; 5] = ["pair", "harmonic", "twohop", "both", "ensemble"];
/// Member m of the toy `ensemble` has the energies of `harmonic` plus this share of the energies of `pair`.
const MEMBERS: [f64; 4] = [-0.03, -0.01, 0.01, 0.03];
const CUTOFF: f64 = 3.5;

/// Rotations by 0.6 radians about x and 1.1 about z, and an improper one.
fn rotations() -> [Matrix3; 3] {
    let ((s, c), (t, d)) = (0.6_f64.sin_cos(), 1.1_f64.sin_cos());
    let x = [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]];
    let z = [[d, -t, 0.0], [t, d, 0.0], [0.0, 0.0, 1.0]];
    [x, z, z.map(|row| row.map(|value| -value))]
}

fn model_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"))
}

fn load(name: &str) -> OnnxPotential {
    OnnxPotential::load(&model_path(name), &ExecutionOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(path: &Path) -> String {
    OnnxPotential::load(path, &ExecutionOptions::default()).err().expect("the model is refused").to_string()
}

/// Eight atoms, six of them centers with different weights, with edges within the cutoff.
fn cluster() -> Graph {
    let positions: Vec<Vector3> = vec![
        [0.0, 0.1, -0.2],
        [1.0, 0.2, 0.3],
        [-0.3, 1.1, 0.4],
        [2.4, -0.5, 0.2],
        [2.9, 0.4, -0.3],
        [0.2, -0.4, 2.6],
        [0.7, 0.3, 3.4],
        [-2.2, 0.6, 0.9],
    ];
    let near = |c: usize| {
        let edges = (0..positions.len()).filter(move |&n| n != c).map(|n| edge_between(&positions, c, n));
        edges.filter(|edge| length(edge.vector) < CUTOFF).collect()
    };
    Graph::new(vec![8, 1, 1, 8, 1, 8, 1, 8], vec![1.0, 1.0, 0.5, 1.0, 0.0, 1.0], (0..6).map(near).collect())
}

fn length(v: Vector3) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn evaluate(model: &mut OnnxPotential, graph: &Graph, rotation: Matrix3) -> Response {
    model.evaluate(graph, &[rotation], model.info().forces[0]).unwrap().remove(0)
}

fn gradients(response: &Response) -> &[Vector3] {
    match &response.derivative {
        Derivative::EdgeGradients(gradients) => gradients,
        Derivative::Direct { .. } => panic!("edge gradients were asked for"),
    }
}

/// All numbers of a response in one row.
fn numbers(response: &Response) -> Vec<f64> {
    let mut numbers = response.atomic_energies.clone();
    numbers.extend(response.ensemble_energies.iter().flatten());
    match &response.derivative {
        Derivative::EdgeGradients(gradients) => numbers.extend(gradients.as_flattened()),
        Derivative::Direct { forces, stress } => {
            numbers.extend(forces.as_flattened());
            numbers.extend(stress.iter().flatten().flatten());
        }
    }
    numbers
}

fn assert_close(a: &Response, b: &Response, tolerance: f64, what: &str) {
    assert_near(&numbers(a), &numbers(b), tolerance, what);
}

fn assert_near(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() < tolerance, "{what}: number {i} is {x} and {y}");
    }
}

/// Mean over the rows.
fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
    (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64).collect()
}

#[test]
fn layouts_and_precisions_agree() {
    let graph = cluster();
    for name in TOYS {
        for rotation in rotations() {
            let [reference, padded, list32, padded32] = ["list-f64", "padded-f64", "list-f32", "padded-f32"]
                .map(|kind| evaluate(&mut load(&format!("{name}-{kind}")), &graph, rotation));
            assert!(numbers(&reference).iter().any(|x| x.abs() > 0.1), "{name} is not all zeros");
            assert_close(&padded, &reference, 1e-12, name);
            assert_close(&list32, &reference, 1e-5, name);
            assert_close(&padded32, &reference, 1e-5, name);
        }
    }
}

#[test]
fn gradients_are_those_of_the_weighted_energy_by_finite_differences() {
    let energy = |model: &mut OnnxPotential, graph: &Graph| {
        let response = evaluate(model, graph, IDENTITY);
        response.atomic_energies.iter().zip(&graph.weights).map(|(e, w)| e * w).sum::<f64>()
    };
    for (name, layout) in CONSERVATIVE.iter().flat_map(|name| LAYOUTS.map(|layout| (name, layout))) {
        let (mut model, mut graph, step) = (load(&format!("{name}-{layout}-f64")), cluster(), 1e-5);
        let response = evaluate(&mut model, &graph, IDENTITY);
        for (edge, gradient) in gradients(&response).iter().enumerate() {
            for (axis, slope) in gradient.iter().enumerate() {
                let middle = graph.vectors[edge][axis];
                graph.vectors[edge][axis] = middle + step;
                let above = energy(&mut model, &graph);
                graph.vectors[edge][axis] = middle - step;
                let difference = (above - energy(&mut model, &graph)) / (2.0 * step);
                graph.vectors[edge][axis] = middle;
                let error = (difference - slope).abs();
                assert!(error < 1e-8, "{name}-{layout}: edge {edge}, axis {axis}: {difference} and {slope}");
            }
        }
    }
}

#[test]
fn replicas_in_a_batch_equal_single_replicas() {
    let graph = cluster();
    for name in TOYS {
        for layout in LAYOUTS {
            let mut model = load(&format!("{name}-{layout}-f64"));
            let kind = model.info().forces[0];
            let together = model.evaluate(&graph, &rotations(), kind).unwrap();
            assert_eq!(together.len(), 3);
            for (rotation, response) in rotations().into_iter().zip(&together) {
                assert_close(response, &evaluate(&mut model, &graph, rotation), 1e-12, name);
            }
        }
    }
}

#[test]
fn an_invariant_model_gives_turned_gradients_and_an_anisotropic_one_does_not() {
    let graph = cluster();
    let turn = rotations()[0];
    let deviation = |name: &str| {
        let mut model = load(name);
        let (plain, turned) = (evaluate(&mut model, &graph, IDENTITY), evaluate(&mut model, &graph, turn));
        let pairs = gradients(&plain).iter().zip(gradients(&turned));
        pairs.flat_map(|(g, h)| apply(&turn, *g).into_iter().zip(*h)).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    };
    assert!(deviation("pair-list-f64") < 1e-12);
    assert!(deviation("harmonic-list-f64") > 1e-2);
}

#[test]
fn neighbors_other_than_centers_contribute_without_messages() {
    let graph = cluster();
    let mut model = load("twohop-padded-f64");
    let energies = evaluate(&mut model, &graph, IDENTITY).atomic_energies;
    let mut lonely = graph.clone();
    lonely.weights = vec![0.0; 6];
    let response = evaluate(&mut model, &lonely, IDENTITY);
    assert_eq!(response.atomic_energies, energies);
    assert!(gradients(&response).iter().all(|g| *g == [0.0; 3]));
}

#[test]
fn a_molecule_can_be_one_atom_without_edges() {
    let graph = Graph::new(vec![8], vec![1.0], vec![vec![]]);
    for name in TOYS {
        for kind in ["list-f64", "padded-f64", "list-f32", "padded-f32"] {
            let mut model = load(&format!("{name}-{kind}"));
            let responses = model.evaluate(&graph, &rotations(), model.info().forces[0]).unwrap();
            for response in responses {
                assert!(numbers(&response).iter().all(|x| *x == 0.0), "{name}-{kind}: {response:?}");
                assert_eq!(response.atomic_energies.len(), 1);
            }
        }
    }
}

#[test]
fn a_model_in_atomic_units_answers_in_angstrom_and_electronvolt() {
    let graph = cluster();
    let [mut here, mut there] = ["pair-list-f64", "pair-atomic-units"].map(load);
    assert!((there.info().cutoff - here.info().cutoff).abs() < 1e-12);
    let expected = evaluate(&mut here, &graph, rotations()[0]);
    assert_close(&evaluate(&mut there, &graph, rotations()[0]), &expected, 1e-12, "atomic units");
}

#[test]
fn a_model_with_both_kinds_of_forces_gives_the_requested_kind() {
    let (graph, mut both) = (cluster(), load("both-padded-f64"));
    let mut answer = |kind| both.evaluate(&graph, &[IDENTITY], kind).unwrap().remove(0);
    assert!(
        matches!(answer(Forces::Conservative).derivative, Derivative::EdgeGradients(g) if g.len() == graph.n_edges())
    );
    assert!(
        matches!(answer(Forces::Direct).derivative, Derivative::Direct { forces, stress: Some(_) } if forces.len() == 6)
    );
    let error = load("pair-list-f64").evaluate(&graph, &[IDENTITY], Forces::Direct).unwrap_err();
    assert_eq!(error.to_string(), "the model \"pair\" offers no direct forces: ask for conservative ones");
    let error = load("direct-list-f32").evaluate(&graph, &[IDENTITY], Forces::Conservative).unwrap_err();
    assert_eq!(error.to_string(), "the model \"direct\" offers no conservative forces: ask for direct ones");
}

#[test]
fn members_of_an_ensemble_are_told_apart_for_every_replica() {
    let graph = cluster();
    for kind in ["list-f64", "padded-f64", "list-f32", "padded-f32"] {
        let tolerance = if kind.ends_with("f64") { 1e-12 } else { 1e-5 };
        let [ensemble, harmonic, pair] = ["ensemble", "harmonic", "pair"].map(|name| {
            let mut model = load(&format!("{name}-{kind}"));
            assert_eq!(model.info().ensemble, name == "ensemble");
            model.evaluate(&graph, &rotations(), Forces::Conservative).unwrap()
        });
        assert!(pair[0].atomic_energies.iter().all(|energy| energy.abs() > 0.1), "the members differ for every atom");
        for ((response, harmonic), pair) in ensemble.iter().zip(&harmonic).zip(&pair) {
            assert!(harmonic.ensemble_energies.is_empty());
            assert_eq!(response.ensemble_energies.len(), MEMBERS.len());
            for (member, share) in response.ensemble_energies.iter().zip(MEMBERS) {
                let energies = harmonic.atomic_energies.iter().zip(&pair.atomic_energies);
                let expected: Vec<_> = energies.map(|(energy, pair)| energy + share * pair).collect();
                assert_near(member, &expected, tolerance, kind);
            }
            assert_near(&mean(&response.ensemble_energies), &response.atomic_energies, tolerance, kind);
            assert_near(gradients(response).as_flattened(), gradients(harmonic).as_flattened(), tolerance, kind);
        }
    }
}

#[test]
fn an_ensemble_of_one_member_is_refused() {
    let error = load("bad-ensemble").evaluate(&cluster(), &rotations(), Forces::Conservative).unwrap_err();
    let expected = "the model \"ensemble\" gave ensemble_energies of shape [1, 18] where [M, 18] with M of 2 or more was \
                    expected: export it again";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn nan_is_refused_with_its_place() {
    let error = load("bad-nan").evaluate(&cluster(), &rotations(), Forces::Conservative).unwrap_err().to_string();
    assert_eq!(
        error,
        "the model \"nan\" gave NaN in atomic_energies at index [0] (atom 1): check the structure for atoms that are too \
         close together or too isolated for this model, or whether the dynamics has exploded"
    );
    let coincident = vec![vec![Edge { neighbor: 1, vector: [1.0, 0.0, 0.0] }, Edge { neighbor: 2, vector: [0.0; 3] }]];
    let graph = Graph::new(vec![1, 1, 1], vec![1.0], coincident);
    let error = load("harmonic-padded-f32").evaluate(&graph, &[IDENTITY], Forces::Conservative).unwrap_err();
    assert!(
        error.to_string().starts_with("the model \"harmonic\" gave NaN in atomic_energies at index [0]"),
        "{error}"
    );
}

#[test]
fn an_output_of_the_wrong_shape_is_refused() {
    let error = load("bad-shape").evaluate(&cluster(), &[IDENTITY], Forces::Conservative).unwrap_err().to_string();
    let expected = "the model \"pair\" gave atomic_energies of shape [6, 1] where [6] was expected: export it again";
    assert_eq!(error, expected);
}

#[test]
fn files_other_than_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(model_path("pair-list-f64")).unwrap();
    let cases = [
        (write("empty.onnx", b""), "the file is empty"),
        (write("text.onnx", b"pair_style tumble\n"), "it is a text: give the .onnx file of the model"),
        (write("model.pt", b"PK\x03\x04....archive/data.pkl"), "it is a checkpoint of PyTorch: export it, by "),
        (folder.path().to_path_buf(), "it is a folder: give the .onnx file in it"),
        (
            write("cut.onnx", &whole[..whole.len() - 7]),
            "it ends 7 bytes early, so it was cut short or is of another format",
        ),
        (write("half.onnx", &whole[..whole.len() / 2]), "it ends "),
    ];
    for (path, cause) in cases {
        let error = refusal(&path);
        assert!(error.starts_with(&format!("{} is not an ONNX model: {cause}", path.display())), "{error}");
    }
    let missing = folder.path().join("missing.onnx");
    let expected = format!("cannot read {}: No such file or directory (os error 2)", missing.display());
    assert_eq!(refusal(&missing), expected);
}

#[test]
fn models_breaking_the_contract_are_refused() {
    let cases = [
        ("bad-no-metadata", "has no metadata under the key \"tumble\": export it as docs/model-contract.md describes"),
        (
            "bad-version",
            "follows version 3 of the model contract, but this program knows versions up to 2: export the model again, \
             or use the program that it was made for",
        ),
        ("bad-missing-cutoff", "breaks the model contract: missing field `cutoff` in its metadata"),
        (
            "bad-input",
            "breaks the model contract: its input `positions` is unknown: expected one of edge_vectors, \
             centers, neighbors, reverse, species, weights, replica, charge, spin, field, volume",
        ),
        (
            "bad-output",
            "breaks the model contract: its output `edge_gradients` is missing, but `forces` in its metadata promises it",
        ),
        (
            "bad-loop",
            "breaks the model contract: its node Loop contains a graph, as If, Loop and Scan do: export it without \
             branches, and unroll its loops",
        ),
        (
            "bad-domain",
            "breaks the model contract: its operator Sum is of the domain \"my.ops\", which neither ONNX Runtime nor a \
             function of the file defines: export it with standard operators, or with the function",
        ),
        ("bad-strings", "breaks the model contract: its input `species` is of string where i64 was expected"),
        ("bad-sequence", "breaks the model contract: its output `atomic_energies` is not a tensor"),
        (
            "bad-misspelt",
            "breaks the model contract: unknown field `reference_energy`, expected one of `version`, `name`, `cutoff`, \
             `hops`, `whole`, `species`, `length_unit`, `energy_unit`, `precision`, `layout`, `forces`, \
             `reference_energies`, `symmetries`, `reference`, `provenance`, `bytes_per_edge`, `kept_neighbors`, `charges`, \
             `spins`, `outputs` in its metadata",
        ),
        ("bad-precision", "breaks the model contract: its input `edge_vectors` is of f32 where f64 was expected"),
    ];
    for (name, rest) in cases {
        let path = model_path(name);
        assert_eq!(refusal(&path), format!("the model {} {rest}", path.display()));
    }
}

#[test]
fn a_model_that_onnx_runtime_cannot_run_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(model_path("pair-list-f64")).unwrap();
    let place = bytes.windows(4).position(|w| w == b"Relu").unwrap();
    bytes[place..place + 4].copy_from_slice(b"Ruin");
    let path = folder.path().join("ruin.onnx");
    std::fs::write(&path, bytes).unwrap();
    stamp(&path).unwrap();
    let error = refusal(&path);
    assert!(error.starts_with(&format!("ONNX Runtime refuses the model {}: ", path.display())), "{error}");
    assert!(error.contains("Ruin") && !error.contains('\n'), "{error}");
}

/// Writes a fixture with the fields of one of its constants changed, and with its checksum.
fn with_constant(fixture: &str, name: &str, change: impl Fn(Field) -> Vec<u8>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let changed = |tensor: Field| match text(tensor.value, field::TENSOR_NAME).unwrap() == name {
        true => message(tensor.number, &each_field(tensor.value, &change)),
        false => tensor.raw.to_vec(),
    };
    let graph =
        |part: Field| message(part.number, &each_field(part.value, |part| if_is(field::GRAPH_CONSTANT, part, changed)));
    let bytes = std::fs::read(model_path(fixture)).unwrap();
    std::fs::write(&path, each_field(&bytes, |part| if_is(field::MODEL_GRAPH, part, graph))).unwrap();
    stamp(&path).unwrap();
    (folder, path)
}

fn if_is(number: u64, part: Field, change: impl Fn(Field) -> Vec<u8>) -> Vec<u8> {
    if part.number == number { change(part) } else { part.raw.to_vec() }
}

fn each_field(bytes: &[u8], change: impl Fn(Field) -> Vec<u8>) -> Vec<u8> {
    all_fields(bytes).unwrap().into_iter().flat_map(change).collect()
}

#[test]
fn rows_that_do_not_fit_a_weight_are_refused_with_its_name() {
    let turned = |part: Field| match (part.number, part.integer) {
        (field::TENSOR_DIMENSION, 3) => number(field::TENSOR_DIMENSION, 16),
        (field::TENSOR_DIMENSION, 16) => number(field::TENSOR_DIMENSION, 3),
        _ => part.raw.to_vec(),
    };
    let (_folder, path) = with_constant("exported-pet-f64", "_tensor_constant9", turned);
    let mut model = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
    let error = model.evaluate(&cluster(), &[IDENTITY], Forces::Conservative).unwrap_err().to_string();
    let expected = "its rows of shape [35, 3] do not fit its weight \"_tensor_constant9\" of shape [16, 3]";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn weight_that_is_not_finite_is_named_when_a_result_is_not() {
    let spoilt = |part: Field| match part.number {
        field::TENSOR_RAW => message(part.number, &[&f64::NAN.to_le_bytes(), &part.value[8..]].concat()),
        _ => part.raw.to_vec(),
    };
    // The second is taken out of the file, since it has more than 1024 bytes.
    for weight in ["_tensor_constant9", "_tensor_constant17"] {
        let (_folder, path) = with_constant("exported-pet-f64", weight, spoilt);
        let mut model = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap();
        for _ in 0..2 {
            let error = model.evaluate(&cluster(), &[IDENTITY], Forces::Conservative).unwrap_err().to_string();
            let expected = format!(
                "the model \"exported-pet-f64\" gave NaN in atomic_energies, and its weight \"{weight}\" has the value NaN \
                 where finite numbers were expected: train or export the model again"
            );
            assert_eq!(error, expected);
        }
    }
}

#[test]
fn pruned_edges_in_a_file_of_the_first_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(model_path("exported-adaptive-f64")).unwrap();
    let version = b"\"version\": 2";
    let place = bytes.windows(version.len()).position(|window| window == version).unwrap();
    bytes[place + version.len() - 1] = b'1';
    let path = folder.path().join("first.onnx");
    std::fs::write(&path, bytes).unwrap();
    stamp(&path).unwrap();
    let expected = "its operator PruneEdges needs version 2 of the contract, but `version` is 1 in its metadata: export \
                    it anew";
    assert!(refusal(&path).ends_with(expected), "{}", refusal(&path));
}

#[test]
fn a_second_load_of_the_same_file_shares_the_session() {
    let (first, second) = (load("pair-list-f64"), load("pair-list-f64"));
    assert!(first.shares_session_with(&second));
    assert_eq!(first.sha256(), second.sha256());
    assert_eq!(first.sha256().len(), 64);
    let path = model_path("pair-list-f64");
    let threaded = OnnxPotential::load(&path, &ExecutionOptions { threads: 2, ..ExecutionOptions::default() }).unwrap();
    assert!(!first.shares_session_with(&threaded) && !first.shares_session_with(&load("pair-list-f32")));
}

#[test]
fn replicas_on_several_workers_are_the_same() {
    let (graph, lone) = (cluster(), Graph::new(vec![8], vec![1.0], vec![vec![]]));
    let turns = rotations();
    let work = [
        Replicas { graph: &graph, rotations: &turns },
        Replicas { graph: &lone, rotations: &turns[..2] },
        Replicas { graph: &graph, rotations: &turns[1..] },
    ];
    for toy in TOYS {
        for layout in LAYOUTS {
            let name = format!("{toy}-{layout}-f64");
            let threaded = ExecutionOptions { threads: 3, ..ExecutionOptions::default() };
            let mut threaded = OnnxPotential::load(&model_path(&name), &threaded).unwrap();
            let kind = threaded.info().forces[0];
            assert_eq!(threaded.limits(0).workers, 3);
            let found = threaded.evaluate_many(&work, kind).unwrap();
            let expected = load(&name).evaluate_many(&work, kind).unwrap();
            assert_eq!((found.len(), load(&name).limits(0).workers), (7, 1));
            found.iter().zip(&expected).for_each(|(found, expected)| assert_close(found, expected, 1e-12, &name));
        }
    }
}

#[test]
fn more_parts_than_workers_come_back_in_order() {
    let graph = cluster();
    let threaded = ExecutionOptions { threads: 2, ..ExecutionOptions::default() };
    let mut threaded = OnnxPotential::load(&model_path("pair-list-f64"), &threaded).unwrap();
    let three_parts_a_lane = 6 * (32 << 20) / bytes_per_replica(&threaded, &graph);
    let turns: Vec<_> = rotations().into_iter().cycle().take(three_parts_a_lane).collect();
    let found = threaded.evaluate(&graph, &turns, Forces::Conservative).unwrap();
    let expected = load("pair-list-f64").evaluate(&graph, &rotations(), Forces::Conservative).unwrap();
    assert_eq!(found.len(), turns.len());
    let pairs = found.iter().zip(expected.iter().cycle());
    pairs.for_each(|(found, expected)| assert_close(found, expected, 1e-12, "pair-list-f64"));
}

#[test]
fn a_scatter_with_a_reduction_runs_on_one_thread_and_says_so() {
    let path = model_path("scatter");
    let mut model =
        OnnxPotential::load(&path, &ExecutionOptions { threads: 4, ..ExecutionOptions::default() }).unwrap();
    assert_eq!(model.notes().len(), 1);
    assert!(
        model.notes()[0].starts_with("the model is run with 1 thread instead of 4, because"),
        "{:?}",
        model.notes()
    );
    let graph = cluster();
    let expected = evaluate(&mut load("pair-list-f64"), &graph, IDENTITY);
    assert_close(&evaluate(&mut model, &graph, IDENTITY), &expected, 1e-12, "scatter");
    assert!(load("scatter").notes().is_empty());
}

#[test]
fn memory_is_counted_by_edge_slots() {
    let graph = cluster();
    assert_eq!(bytes_per_replica(&load("pair-list-f64"), &graph), graph.n_edges() * 1000);
    assert_eq!(bytes_per_replica(&load("pair-padded-f64"), &graph), 6 * graph.max_neighbors() * 1000);
}

#[test]
fn cuda_without_cuda_is_an_error_and_not_a_slow_run() {
    let options = ExecutionOptions { device: Device::Cuda, ..ExecutionOptions::default() };
    let Err(error) = OnnxPotential::load(&model_path("pair-list-f64"), &options) else {
        return; // This machine has a working GPU.
    };
    assert!(error.to_string().starts_with("cannot run on cuda with the ONNX Runtime at "), "{error}");
    assert!(error.to_string().ends_with("or choose the device cpu"), "{error}");
}

#[test]
fn a_model_of_another_sha256_is_refused() {
    let path = model_path("pair-list-f64");
    let with = |sha256: &str| {
        OnnxPotential::load(&path, &ExecutionOptions { sha256: Some(sha256.into()), ..ExecutionOptions::default() })
    };
    let hash = load("pair-list-f64").sha256().to_owned();
    assert!(with(&hash).is_ok() && with(&format!(" {} ", hash.to_uppercase())).is_ok());
    let other = "0".repeat(64);
    let expected = format!(
        "the model {} has the sha256 {hash}, but {other} was asked for: give the file of that hash, or correct the \
         sha256",
        path.display()
    );
    assert_eq!(with(&other).err().unwrap().to_string(), expected);
    for malformed in ["", &hash[1..], &hash.replace(|c: char| c.is_ascii_digit(), "g")] {
        let error = with(malformed).err().unwrap().to_string();
        assert_eq!(
            error,
            format!("the argument sha256 is \"{malformed}\": give the 64 hexadecimal digits that tumble info shows")
        );
    }
}

#[test]
fn tf32_on_the_processor_is_a_contradiction() {
    let options = ExecutionOptions { tf32: true, ..ExecutionOptions::default() };
    let error = OnnxPotential::load(&model_path("pair-list-f64"), &options).err().unwrap().to_string();
    assert!(error.starts_with("tf32 yes is for products on a GPU, but the device is cpu: "), "{error}");
    let options = ExecutionOptions { device: Device::Cuda, ..options };
    match OnnxPotential::load(&model_path("pair-list-f32"), &options) {
        Err(error) => assert!(error.to_string().starts_with("cannot run on cuda "), "{error}"),
        Ok(model) => {
            assert!(model.notes()[0].starts_with("matrix products on the GPU are rounded to TF32"), "a GPU is here")
        }
    }
}

#[test]
fn another_library_than_the_loaded_one_is_refused() {
    let model = load("pair-list-f64");
    let path = model_path("pair-list-f64");
    let with = |library: &Path| {
        OnnxPotential::load(
            &path,
            &ExecutionOptions { library: Some(library.to_path_buf()), ..ExecutionOptions::default() },
        )
    };
    assert!(with(model.library()).is_ok());
    let error = with(Path::new("/no/such/place")).err().unwrap().to_string();
    assert!(error.starts_with("the option for the ONNX Runtime library names /no/such/place, but"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("libonnxruntime.so"), "not a library").unwrap();
    let error = with(folder.path()).err().unwrap().to_string();
    assert!(error.starts_with("ONNX Runtime is already loaded from "), "{error}");
}

/// Runs an ignored test below in its own process, with exactly this environment.
fn in_another_process(test: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored"]).env_clear().envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn error_without_onnx_runtime_lists_every_place() {
    in_another_process("child_without_onnx_runtime", &[("PATH", "/nowhere"), ("VIRTUAL_ENV", "/no/venv")]);
}

#[test]
fn a_file_other_than_a_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("libonnxruntime.so"), "not a library").unwrap();
    in_another_process("child_with_a_broken_library", &[("ORT_DYLIB_PATH", folder.path().to_str().unwrap())]);
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn child_without_onnx_runtime() {
    let error = refusal(&model_path("pair-list-f64"));
    assert!(error.starts_with("ONNX Runtime was not found in any of: ORT_DYLIB_PATH (not set), "), "{error}");
    for place in [
        "/target/",
        "/no/venv/lib/python*/site-packages/onnxruntime/capi, ",
        "CONDA_PREFIX (not set), ",
        "the package onnxruntime of python3, ",
        "libonnxruntime.so by the system's loader, ",
    ] {
        assert!(error.contains(place), "{place}: {error}");
    }
    let remedy = "install it with `pip install onnxruntime`, or set ORT_DYLIB_PATH to the library or its folder";
    assert!(error.ends_with(remedy), "{error}");
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn child_with_a_broken_library() {
    let error = refusal(&model_path("pair-list-f64"));
    assert!(error.starts_with("cannot load ONNX Runtime from /"), "{error}");
    assert!(error.contains("libonnxruntime.so: "), "{error}");
}
