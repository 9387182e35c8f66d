//! Ranks that exchange messages between the layers of a model get the results of one rank.

use std::path::Path;

use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::potential::{Derivative, Forces, Potential, Response};
use tumble_core::rotation::{IDENTITY, Matrix3, draw};
use tumble_core::system::{Cell, System};
use tumble_core::{Calculator, Evaluation, Settings};
use tumble_engine::OnnxPotential;

#[path = "support/local_ranks.rs"]
mod local_ranks;
use local_ranks::{Share, on_ranks};

/// Models of all kinds that are partitioned, in double precision.
const MODELS: [&str; 10] = [
    "exchange-neighbors",
    "exchange-pooled",
    "exchange-nearest",
    "exported-adaptive",
    "exported-pet",
    "exported-residual",
    "exported-orb",
    "exported-orb-20",
    "exported-charged",
    "exchange-charged",
];

fn model(name: &str) -> OnnxPotential {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}-f64.onnx"));
    OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap()
}

/// Returns 60 scattered atoms in a periodic cell, of which the last has no neighbors.
fn graph(cutoff: f64) -> Graph {
    let length = 9.1;
    let place = |i: usize, scale: f64| length * (scale * (i + 1) as f64).fract() + 0.2 * (scale * (i * i) as f64).sin();
    let mut positions: Vec<_> =
        (0..59).map(|i| [0.819_172_51, 0.671_043_61, 0.549_700_48].map(|s| place(i, s))).collect();
    positions.push([0.0, 0.0, 100.0]);
    let species = (0..60).map(|i| if i % 3 == 0 { 8 } else { 1 }).collect();
    let cell = Cell::new([[length, 0.0, 0.0], [1.0, length, 0.0], [0.0, 0.0, 0.0]], [true, true, false]).unwrap();
    neighbors::graph(&System::new(positions, species, cell).unwrap(), cutoff).unwrap()
}

/// Puts the parts of all ranks together as the response of the whole graph.
fn joined(parts: &[(Share, Vec<Response>)], whole: &Graph, replica: usize) -> Response {
    let (mut energies, mut gradients) = (vec![0.0; whole.n_centers()], vec![[0.0; 3]; whole.n_edges()]);
    let mut outputs: Vec<_> = parts[0].1[replica].outputs.clone();
    outputs.iter_mut().for_each(|output| output.values = vec![0.0; whole.n_centers() * output.info.law.components()]);
    for (share, responses) in parts {
        let Derivative::EdgeGradients(found) = &responses[replica].derivative else { panic!("it is conservative") };
        share
            .atoms
            .iter()
            .zip(&responses[replica].atomic_energies)
            .for_each(|(&atom, &energy)| energies[atom] = energy);
        for (whole, part) in outputs.iter_mut().zip(&responses[replica].outputs) {
            let width = part.info.law.components();
            let rows = share.atoms.iter().zip(part.values.chunks(width));
            rows.for_each(|(&atom, row)| whole.values[atom * width..][..width].copy_from_slice(row));
        }
        share.edges.iter().zip(found).for_each(|(&edge, &gradient)| gradients[edge] = gradient);
    }
    Response {
        atomic_energies: energies,
        ensemble_energies: vec![],
        derivative: Derivative::EdgeGradients(gradients),
        outputs,
        member_derivatives: vec![],
    }
}

fn difference(found: &Response, expected: &Response) -> f64 {
    let (Derivative::EdgeGradients(a), Derivative::EdgeGradients(b)) = (&found.derivative, &expected.derivative) else {
        panic!("it is conservative")
    };
    let all = |response: &Response, gradients: &[[f64; 3]]| {
        let outputs = response.outputs.iter().flat_map(|output| output.values.clone()).collect();
        [response.atomic_energies.clone(), gradients.as_flattened().to_vec(), outputs].concat()
    };
    let (found, expected) = (all(found, a), all(expected, b));
    found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn ranks_find_the_energies_and_gradients_of_one_rank() {
    let rotations: Vec<Matrix3> = [IDENTITY].into_iter().chain((0..2).map(|step| draw(5, step, 0))).collect();
    for name in MODELS {
        let mut one = model(name);
        let whole = graph(one.info().cutoff);
        let expected = one.evaluate(&whole, &rotations, Forces::Conservative).unwrap();
        // Slabs, scattered atoms, and one rank more than there are atoms on.
        let divisions: [(usize, &(dyn Fn(usize) -> usize + Sync)); 4] =
            [(2, &|atom| atom / 30), (3, &|atom| atom % 3), (8, &|atom| (atom * 7) % 8), (3, &|atom| 2 * (atom / 59))];
        for (count, rank_of) in divisions {
            let parts = on_ranks(&whole, count, rank_of, |_, share| {
                let found = model(name).evaluate(&share.graph, &rotations, Forces::Conservative).unwrap();
                (share, found)
            });
            for (replica, expected) in expected.iter().enumerate() {
                let error = difference(&joined(&parts, &whole, replica), expected);
                assert!(error < 1e-11, "{name} on {count} ranks, replica {replica}: {error:e}");
            }
        }
    }
}

fn calculator(name: &str, settings: &Settings) -> Calculator {
    Calculator::new(Box::new(model(name)), settings).unwrap()
}

/// Energy, torque, virial and the spread of the energy of a whole, and of the sum over its ranks.
fn numbers(evaluation: &Evaluation) -> Vec<f64> {
    let virial = evaluation.virial.unwrap();
    [&[evaluation.energy][..], &evaluation.torque, virial.as_flattened(), &evaluation.replica_energies].concat()
}

#[test]
fn averages_and_impulses_over_ranks_are_those_of_one_rank() {
    for rotate in ["octahedral+inversion", "random:3", "tetrahedral+random"] {
        // Memory for one batch of all replicas, and for several.
        for (memory_mb, correction) in [(2048, false), (16, true)] {
            let settings =
                Settings { mitigation: rotate.parse().unwrap(), correction, memory_mb, ..Settings::default() };
            let whole = graph(calculator("exported-pet", &settings).info().cutoff);
            let expected = calculator("exported-pet", &settings).evaluate(&whole, 7).unwrap();
            let parts = on_ranks(
                &whole,
                3,
                |atom| atom % 3,
                |_, share| calculator("exported-pet", &settings).evaluate(&share.graph, 7).unwrap(),
            );
            let found =
                parts.iter().map(numbers).reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect()).unwrap();
            let error = found.iter().zip(numbers(&expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-9, "{rotate}, correction {correction}: {error:e}");
            assert!(parts.iter().all(|part| part.evaluations == expected.evaluations), "{rotate}");
        }
    }
}

#[test]
fn too_little_memory_is_an_error_with_a_sufficient_amount() {
    let settings = |memory_mb| Settings { memory_mb, ..Settings::default() };
    let whole = graph(model("exported-adaptive").info().cutoff);
    let errors = on_ranks(
        &whole,
        1,
        |_| 0,
        |_, share| {
            let error =
                calculator("exported-adaptive", &settings(1)).evaluate(&share.graph, 0).unwrap_err().to_string();
            let needed = error.split("at least ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
            let needed = needed.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{error}"));
            calculator("exported-adaptive", &settings(needed)).evaluate(&share.graph, 0).map(|_| error)
        },
    );
    assert!(errors[0].as_ref().unwrap().contains("memory"), "{errors:?}");
}
