//! A structure evaluated layer by layer and tile by tile gives the same results as in one piece.

use std::path::{Path, PathBuf};

use tumble_core::Cell;
use tumble_core::Quadrature;
use tumble_core::System;
use tumble_core::average::{Request, average};
use tumble_core::blocks::Blocks;
use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::potential::{Derivative, Forces, Potential, Replicas, Response};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{IDENTITY, Matrix3, add, apply_transposed};
use tumble_engine::OnnxPotential;

/// A rotation by 0.7 radians about z, with inversion.
const TURN: Matrix3 = [[-0.764_842_19, 0.644_217_69, 0.0], [-0.644_217_69, -0.764_842_19, 0.0], [0.0, 0.0, -1.0]];

/// Exported models of one and two layers, with either of metatrain's featurizers, direct forces, an ensemble, tiny
/// networks with the other exchanges of rows, and Orb.
const MODELS: [&str; 14] = [
    "data/models/exported-pet-f64",
    "data/models/exported-residual-f64",
    "data/models/exported-direct-f32",
    "data/models/exported-adaptive-f64",
    "data/models/former-names-f32",
    "data/models/ensemble-padded-f64",
    "../examples/models/water-pet",
    "data/models/exchange-neighbors-f64",
    "data/models/exchange-pooled-f64",
    "data/models/exchange-nearest-f64",
    "data/models/exported-orb-f64",
    "data/models/exported-orb-20-f64",
    "data/models/exported-charged-f64",
    "data/models/exchange-charged-f64",
];

fn path(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(format!("{model}.onnx"))
}

fn load(model: &str, threads: usize, memory: usize) -> OnnxPotential {
    OnnxPotential::load(&path(model), &ExecutionOptions { threads, memory, ..ExecutionOptions::default() }).unwrap()
}

/// Loads a model to be evaluated in one piece.
fn whole(model: &str) -> OnnxPotential {
    load(model, 1, usize::MAX)
}

/// Loads a model to be evaluated layer by layer, even for small structures.
fn in_layers(model: &str, threads: usize) -> OnnxPotential {
    load(model, threads, 0)
}

/// `count` atoms of all species of a model, scattered evenly over a skewed periodic cell, 12 Å³ each. No two distances are
/// the same: rounding would decide which neighbors are the nearest.
fn system(info: &tumble_core::potential::ModelInfo, count: usize) -> System {
    let side = (12.0 * count as f64).cbrt();
    let cell = [[side, 0.0, 0.0], [0.1 * side, side, 0.0], [-0.1 * side, 0.05 * side, side]];
    let place = |i: usize| [0.819_172_51, 0.671_043_61, 0.549_700_48].map(|s| (s * (i + 1) as f64).fract());
    let shift = |i: usize| [2.0, 3.0, 5.0].map(|rate| 0.1 * (rate * (i * i) as f64).sin());
    let positions = (0..count).map(|i| add(apply_transposed(&cell, place(i)), shift(i))).collect();
    let species = (0..count).map(|i| info.species[i % info.species.len()]).collect();
    System::new(positions, species, Cell::new(cell, [true; 3]).unwrap()).unwrap()
}

fn graph(potential: &OnnxPotential, count: usize) -> Graph {
    neighbors::graph(&system(potential.info(), count), potential.info().cutoff).unwrap()
}

fn assert_close(found: &Response, expected: &Response, tolerance: f64, what: &str) {
    let numbers = |response: &Response| {
        let derivative = match &response.derivative {
            Derivative::EdgeGradients(vectors) | Derivative::Direct { forces: vectors, .. } => vectors.concat(),
        };
        let first = [response.atomic_energies.clone(), response.ensemble_energies.concat(), derivative];
        first.into_iter().chain(response.outputs.iter().map(|output| output.values.clone())).collect::<Vec<_>>()
    };
    assert_eq!(found.outputs.len(), expected.outputs.len());
    for (found, expected) in numbers(found).iter().zip(&numbers(expected)) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let size = expected.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let error = found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
        assert!(error <= tolerance * size, "{what}: {error:e} with values up to {size}");
    }
}

fn tolerance(model: &str) -> f64 {
    if model.ends_with("f64") { 1e-12 } else { 2e-6 }
}

#[test]
fn layers_equal_one_piece() {
    for model in MODELS {
        let mut expected = whole(model);
        let graph = graph(&expected, 150);
        for threads in [1, 2, 3] {
            let mut found = in_layers(model, threads);
            assert!(found.stages().is_ok(), "{model}: {:?}", found.stages());
            for kind in found.info().forces.clone() {
                let found = found.evaluate(&graph, &[IDENTITY, TURN], kind).unwrap();
                let expected = expected.evaluate(&graph, &[IDENTITY, TURN], kind).unwrap();
                assert_eq!(found.len(), 2);
                for (found, expected) in found.iter().zip(&expected) {
                    assert_close(found, expected, tolerance(model), &format!("{model}, {threads} threads"));
                }
            }
        }
    }
}

/// The parts of each operator's work do not depend on the number of threads.
#[test]
fn threads_that_share_a_run_give_the_same_bits() {
    for model in MODELS {
        let all = [1, 2, 3].map(|threads| {
            let mut whole = load(model, threads, usize::MAX);
            let graph = graph(&whole, 150);
            let kinds = whole.info().forces.clone();
            kinds.into_iter().map(|kind| whole.evaluate(&graph, &[TURN], kind).unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(all[0], all[1], "{model}");
        assert_eq!(all[0], all[2], "{model}");
    }
}

#[test]
fn stages_are_twice_the_exchanges_of_messages_and_one() {
    let stages = MODELS.map(|model| whole(model).stages().unwrap());
    // Two layers that mix each other's messages, and a last mixing; two layers; direct forces as the first; the first
    // with the cutoffs of the other ends and the pruning of edges; direct forces, exchanged by Gather; one hop; rows of
    // neighbors and their gradients in two layers, in one before and after a sum with its gradient, and in one between
    // choosing neighbors at both ends, pruning, and the way back; and in Orb.
    assert_eq!(stages, [5, 3, 5, 9, 5, 1, 3, 5, 5, 8, 10, 13, 5, 5]);
}

/// The graph with its centers from `counted` on as ghosts, and without the edges of every `lone`-th center: some are
/// the first of their tile.
fn thinned(graph: &Graph, counted: usize, lone: usize) -> Graph {
    let gone = |center: usize| center.is_multiple_of(lone);
    let row = |center: usize| {
        let edges = graph.edges(center).map(|e| (graph.neighbors[e], graph.vectors[e]));
        let edges = edges.filter(|&(neighbor, _)| !gone(center) && !gone(neighbor));
        edges.map(|(neighbor, vector)| tumble_core::graph::Edge { neighbor, vector }).collect()
    };
    let weights = (0..graph.n_centers()).map(|center| if center < counted { 1.0 } else { 0.0 }).collect();
    Graph::new(graph.species.clone(), weights, (0..graph.n_centers()).map(row).collect())
}

#[test]
fn layers_handle_ghosts_and_lone_atoms() {
    for model in MODELS {
        let mut expected = whole(model);
        let full = graph(&expected, 120);
        let ghosts = thinned(&full, 70, 24);
        let centers: Vec<Vec<_>> = (0..90)
            .map(|c| {
                full.edges(c)
                    .map(|e| tumble_core::graph::Edge { neighbor: full.neighbors[e], vector: full.vectors[e] })
                    .collect()
            })
            .collect();
        let cut_off = Graph::new(full.species.clone(), vec![1.0; 90], centers);
        let none = Graph::new(full.species[..60].to_vec(), vec![1.0; 60], vec![vec![]; 60]);
        for threads in [1, 2] {
            let mut layers = in_layers(model, threads);
            for graph in [&ghosts, &cut_off, &none] {
                let found = layers.evaluate(graph, &[TURN], Forces::Conservative).unwrap();
                let expected = expected.evaluate(graph, &[TURN], Forces::Conservative).unwrap();
                assert_close(&found[0], &expected[0], tolerance(model), model);
            }
        }
    }
}

#[test]
fn many_tiles_on_several_workers_keep_their_order() {
    let model = "../examples/models/water-pet";
    let mut expected = whole(model);
    let graph = graph(&expected, 900);
    let expected = expected.evaluate(&graph, &[TURN], Forces::Conservative).unwrap();
    let mut threaded = in_layers(model, 2);
    let found = threaded.evaluate(&graph, &[TURN], Forces::Conservative).unwrap();
    assert_close(&found[0], &expected[0], tolerance(model), "900 atoms");
    let again = threaded.evaluate(&graph, &[TURN], Forces::Conservative).unwrap();
    assert!(found == again, "the same evaluation twice gives the same bits");
}

#[test]
fn sums_over_the_structure_do_not_depend_on_the_number_of_workers() {
    let model = "data/models/exchange-pooled-f64";
    let graph = graph(&whole(model), 600);
    let [one, two] = [1, 2]
        .map(|threads| in_layers(model, threads).evaluate(&graph, &[IDENTITY, TURN], Forces::Conservative).unwrap());
    assert_eq!(one[0].atomic_energies, two[0].atomic_energies);
    let energies = &one[0].atomic_energies;
    assert!(energies.iter().all(|energy| *energy == energies[0]) && one[1].atomic_energies[0] != energies[0]);
}

#[test]
fn workers_share_a_replica_if_replicas_are_too_few() {
    let model = "data/models/exported-pet-f64";
    let (mut one, mut four) = (whole(model), load(model, 4, usize::MAX));
    let (big, small) = (graph(&one, 100), graph(&one, 10));
    let work = [Replicas { graph: &big, rotations: &[IDENTITY, TURN] }, Replicas { graph: &small, rotations: &[TURN] }];
    for work in [&work[..], &work[..1], &work[1..]] {
        let found = four.evaluate_many(work, Forces::Conservative).unwrap();
        let expected = one.evaluate_many(work, Forces::Conservative).unwrap();
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).for_each(|(found, expected)| assert_close(found, expected, 1e-12, model));
    }
}

#[test]
fn layers_take_less_memory_than_one_piece_so_that_blocks_are_not_needed() {
    let one = whole("../examples/models/water-pet");
    let graph = graph(&one, 4000);
    let memory = bytes_per_replica(&one, &graph) / 2;
    let layers = load("../examples/models/water-pet", 1, memory);
    let found = bytes_per_replica(&layers, &graph);
    assert!(found <= memory, "{found} of {memory}");
    assert_eq!(Blocks::cut(&graph, &layers, memory).unwrap().len(), 1);
    assert!(Blocks::cut(&graph, &one, memory).unwrap().len() > 2);
}

#[test]
fn blocks_of_layers_equal_one_piece() {
    let model = "data/models/exported-residual-f64";
    let (mut one, mut layers) = (whole(model), in_layers(model, 2));
    let graph = graph(&one, 1000);
    let memory = 9 * bytes_per_replica(&layers, &graph) / 10;
    assert!(Blocks::cut(&graph, &layers, memory).unwrap().len() > 1);
    let of = |potential: &mut OnnxPotential, memory| {
        average(potential, &graph, &Quadrature::identity(), &Request::new(Forces::Conservative, memory)).unwrap()
    };
    let (found, expected) = (of(&mut layers, memory), of(&mut one, usize::MAX));
    assert!((found.energy - expected.energy).abs() < 1e-12 * expected.energy.abs());
    let pairs = found.forces.as_flattened().iter().zip(expected.forces.as_flattened());
    pairs.for_each(|(found, expected)| assert!((found - expected).abs() < 1e-11, "{found} {expected}"));
}

#[test]
fn non_finite_results_are_named_with_their_place_in_the_whole() {
    let mut layers = in_layers("data/models/ensemble-padded-f64", 1);
    let mut graph = graph(&layers, 120);
    let edge = graph.first_edge[77];
    graph.vectors[edge] = [f64::NAN; 3];
    let error = layers.evaluate(&graph, &[IDENTITY], Forces::Conservative).unwrap_err().to_string();
    assert!(error.starts_with("the model \"ensemble\" gave NaN in atomic_energies at index ["), "{error}");
    let place: usize = error.split(['[', ']']).nth(1).unwrap().parse().unwrap();
    // The fourth tile of 24 begins with center 72; this toy spreads NaN over all of a run.
    assert!((72..=77).contains(&place), "{error}");
}

#[test]
fn a_model_without_layers_gives_the_reason() {
    let cases = [
        ("pair-list-f64", "its tensor centers cannot be computed for a part of the centers"),
        ("direct-padded-f64", "its stress is not a sum over atoms"),
        ("twohop-padded-f64", "its stages give other results than the whole model"),
    ];
    for (model, why) in cases {
        let mut model = in_layers(&format!("data/models/{model}"), 2);
        assert_eq!(model.stages(), Err(why));
        let (kind, graph) = (model.info().forces[0], graph(&model, 60));
        assert_eq!(model.evaluate(&graph, &[IDENTITY], kind).unwrap().len(), 1);
    }
}

#[test]
fn layers_keep_less_with_less_memory() {
    let model = "data/models/exported-pet-f64";
    let whole = whole(model);
    let graph = graph(&whole, 3000);
    let bytes = |memory| bytes_per_replica(&load(model, 1, memory), &graph);
    let much = bytes(bytes_per_replica(&whole, &graph) - 1);
    let less = bytes(much - 1);
    let least = bytes(less - 1);
    assert!(least < less && less < much, "{much}, {less} and {least} bytes");
}
