//! Structures of several simulations in one run of a model: each has the same results as alone, and fails alone.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[path = "support/evaluations.rs"]
mod evaluations;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use tumble_core::Calculator;
use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Mitigation;
use tumble_core::Result;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::analytic::{DirectToy, HarmonicToy, Legendre, TwoHopToy};
use tumble_core::batch::{Task, evaluate_together};
use tumble_core::execution::{Device, ExecutionOptions};
use tumble_core::graph::{Edge, Graph};
use tumble_core::neighbors;
use tumble_core::planner::{GraphSize, Limits, ModelCosts, RecomputeLevel};
use tumble_core::policy::Policy;
use tumble_core::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::potential_plan::{bytes_per_replica, query_costs};
use tumble_core::provider::Provider;
use tumble_core::rotation::{IDENTITY, Matrix3, scale};
use tumble_engine::OnnxPotential;

use evaluations::{numbers, unwrapped};

const CUTOFF: f64 = 3.5;
const CONTENT: Legendre = Legendre { l1: 0.3, l2: 0.2, l4: 0.1 };
/// Memory of a run, more than any of these structures needs, bytes.
const BATCH: usize = 32 << 20;
const PLENTY: usize = 1 << 30;

type Make = fn() -> Box<dyn Potential>;

fn harmonic() -> Box<dyn Potential> {
    Box::new(HarmonicToy::new(CUTOFF, &[(1, 0.5), (8, -1.0)], CONTENT))
}

fn two_hops() -> Box<dyn Potential> {
    Box::new(TwoHopToy::new(CUTOFF, 0.7, 0.6))
}

fn direct() -> Box<dyn Potential> {
    Box::new(DirectToy::new(CUTOFF, 0.4, CONTENT).with_stress())
}

fn model_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn load(name: &str) -> Box<dyn Potential> {
    let path = model_path(&format!("tests/data/models/{name}.onnx"));
    Box::new(OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap())
}

/// A molecule of water, or side^3 of them in a periodic cube.
fn water(side: usize) -> System {
    let (mut positions, mut species) = (vec![], vec![]);
    for i in 0..side.pow(3) {
        let [x, y, z] = [i % side, i / side % side, i / side / side].map(|n| 3.1 * n as f64);
        let (s, c) = (1.7 * i as f64).sin_cos();
        positions.extend([[x, y, z], [x + 0.96 * c, y + 0.96 * s, z], [x - 0.24 * c, y - 0.24 * s, z + 0.93]]);
        species.extend([8, 1, 1]);
    }
    let cube = Cell::new(IDENTITY.map(|row| scale(row, 3.1 * side as f64)), [true; 3]).unwrap();
    System::new(positions, species, if side == 1 { Cell::isolated() } else { cube }).unwrap()
}

fn graph(side: usize) -> Graph {
    neighbors::graph(&water(side), CUTOFF).unwrap()
}

fn pair(species: [u8; 2], distance: f64) -> Graph {
    let edge = |neighbor, x| vec![Edge { neighbor, vector: [x, 0.3 * x, 0.2 * x] }];
    Graph::new(species.to_vec(), vec![1.0; 2], vec![edge(1, distance), edge(0, -distance)])
}

fn settings(mitigation: &str) -> Settings {
    Settings { mitigation: mitigation.parse().unwrap(), seed: 5, ..Settings::default() }
}

/// One run: bytes with and without padding, replicas.
#[derive(Clone, Copy, Debug)]
struct Seen {
    padded: usize,
    own: usize,
    replicas: usize,
}

/// Counts the runs of a potential.
struct Counting {
    inner: Box<dyn Potential>,
    runs: Arc<Mutex<Vec<Seen>>>,
}

impl Potential for Counting {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.evaluate_many(&[Replicas { graph, rotations }], forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let widest = work.iter().map(|part| part.graph).max_by_key(|graph| graph.max_neighbors()).unwrap();
        let sum = |of: &dyn Fn(&Graph) -> usize| work.iter().map(|part| part.rotations.len() * of(part.graph)).sum();
        self.runs.lock().unwrap().push(Seen {
            padded: sum(&|graph| {
                let beside = |costs: &ModelCosts| costs.bytes_beside(GraphSize::of(graph), widest.max_neighbors(), 1);
                query_costs(self, beside)
            }),
            own: sum(&|graph| bytes_per_replica(self, graph)),
            replicas: sum(&|_| 1),
        });
        self.inner.evaluate_many(work, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.inner.costs(level)
    }

    /// A processor with runs of [`BATCH`] bytes.
    fn limits(&self, memory: usize) -> Limits {
        static PROCESSOR: LazyLock<Provider> =
            LazyLock::new(|| Provider { bytes_per_run: BATCH, ..*Device::Cpu.provider() });
        Limits { provider: &PROCESSOR, ..Limits::one_worker(memory) }
    }
}

/// Evaluates (structure, settings) as one batch, and returns the runs too; structure i is at step 3 + i.
fn batched(
    potential: Box<dyn Potential>,
    wanted: &[(&Graph, Settings)],
    memory: usize,
) -> (Vec<Result<Evaluation>>, Vec<Seen>) {
    let mut counting = Counting { inner: potential, runs: Arc::default() };
    let policies: Vec<_> = wanted.iter().map(|(_, s)| Policy::new(s, counting.info()).unwrap()).collect();
    let tasks = (3..).zip(wanted.iter().zip(&policies));
    let tasks: Vec<_> = tasks.map(|(step, ((graph, _), policy))| Task { graph, policy, step }).collect();
    let results = evaluate_together(&mut counting, &tasks, memory);
    let runs = counting.runs.lock().unwrap().clone();
    (results, runs)
}

/// Evaluates them one by one with calculators.
fn alone(make: &dyn Fn() -> Box<dyn Potential>, wanted: &[(&Graph, Settings)]) -> Vec<Result<Evaluation>> {
    let one = |(step, (graph, settings)): (u64, &(&Graph, Settings))| {
        Calculator::new(make(), settings).unwrap().evaluate(graph, step)
    };
    (3..).zip(wanted).map(one).collect()
}

fn assert_near(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() < tolerance * (1.0 + y.abs()), "{what}: {x} is not {y}");
    }
}

fn assert_close(found: &[Evaluation], expected: &[Evaluation], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert_near(&numbers(a), &numbers(b), tolerance, what);
        let spreads = [a, b].map(|e| [&[e.spread.energy][..], e.spread.forces.as_flattened()].concat());
        assert_near(&spreads[0], &spreads[1], tolerance.sqrt(), what);
    }
}

#[test]
fn toys_in_a_batch_equal_toys_alone() {
    let graphs = [graph(1), graph(2), graph(3), pair([8, 1], 1.2)];
    let specs = ["none", "random", "octahedral", "random:5", "tetrahedral+random", "lebedev:3", "none", "random"];
    for make in [harmonic as Make, two_hops, direct] {
        let wanted = specs.iter().enumerate().map(|(i, spec)| {
            let mitigation = spec.parse::<Mitigation>().unwrap().with_inversion(i % 3 == 0);
            (&graphs[i * 3 % 4], Settings { mitigation, seed: i as u64, ..settings(spec) })
        });
        let wanted: Vec<_> = wanted.collect();
        let (found, _) = batched(make(), &wanted, PLENTY);
        assert_eq!(unwrapped(found), unwrapped(alone(&make, &wanted)));
    }
}

/// As in i-PI's batches, filled up with copies of the last structure.
#[test]
fn repeated_structures_are_not_evaluated_again() {
    let (one, other) = (graph(1), graph(2));
    let policy = Policy::new(&settings("random:3"), two_hops().info()).unwrap();
    let task = |graph, step| Task { graph, policy: &policy, step };
    let tasks = [(&one, 1), (&other, 1), (&other, 1), (&other, 1), (&other, 2), (&one, 2)].map(|(g, s)| task(g, s));
    let mut counting = Counting { inner: two_hops(), runs: Arc::default() };
    let found = unwrapped(evaluate_together(&mut counting, &tasks, PLENTY));
    assert_eq!(found.iter().map(|e| e.evaluations).collect::<Vec<_>>(), [3, 3, 0, 0, 3, 3]);
    assert_eq!(counting.runs.lock().unwrap().iter().map(|run| run.replicas).sum::<usize>(), 12);
    assert_eq!(Evaluation { evaluations: 3, ..found[2].clone() }, found[1]);
    assert_eq!(found[3], found[2]);
    assert!(found[4].energy != found[1].energy, "another step has other rotations");
    let bad = pair([1, 8], 0.0);
    let failing = evaluate_together(load("harmonic-list-f64").as_mut(), &[task(&bad, 1), task(&bad, 1)], PLENTY);
    let sentences: Vec<_> = failing.into_iter().map(|result| result.unwrap_err().to_string()).collect();
    assert!(sentences.iter().all(|sentence| sentence.contains("gave NaN")), "{sentences:?}");
}

#[test]
fn models_in_a_batch_equal_models_alone_in_one_run() {
    let graphs = [graph(2), pair([8, 1], 1.1), graph(3)];
    for name in ["harmonic", "twohop", "both", "direct", "ensemble"] {
        for (kind, tolerance) in [("f64", 1e-12), ("f32", 1e-5)] {
            for layout in ["list", "padded"] {
                let name = format!("{name}-{layout}-{kind}");
                let specs = ["random:3", "none", "tetrahedral", "random", "none"];
                let wanted: Vec<_> = specs.iter().enumerate().map(|(i, s)| (&graphs[i % 3], settings(s))).collect();
                let (found, runs) = batched(load(&name), &wanted, PLENTY);
                assert_eq!(runs.iter().map(|run| run.replicas).collect::<Vec<_>>(), [3 + 1 + 12 + 1 + 1], "{name}");
                assert_close(&unwrapped(found), &unwrapped(alone(&|| load(&name), &wanted)), tolerance, &name);
            }
        }
    }
}

#[test]
fn kinds_of_forces_have_separate_runs() {
    let graph = graph(2);
    let kinds = [Forces::Conservative, Forces::Direct, Forces::Conservative, Forces::Direct];
    let wanted = kinds.map(|kind| (&graph, Settings { forces: Some(kind), ..settings("random") }));
    let (found, runs) = batched(load("both-padded-f64"), &wanted, PLENTY);
    assert_eq!(runs.iter().map(|run| run.replicas).collect::<Vec<_>>(), [2, 2]);
    let expected = unwrapped(alone(&|| load("both-padded-f64"), &wanted));
    assert_close(&unwrapped(found), &expected, 1e-12, "kinds");
}

#[test]
fn sizes_far_apart_share_a_run_only_if_padding_is_cheap() {
    let graphs = [graph(1), graph(4), graph(6)];
    let wanted: Vec<_> = (0..9).map(|i| (&graphs[i % 3], settings("random"))).collect();
    for name in ["twohop-list-f64", "twohop-padded-f64"] {
        let (found, runs) = batched(load(name), &wanted, PLENTY);
        assert!(runs.iter().all(|run| 4 * run.padded <= 5 * run.own), "{runs:?}");
        assert!(runs.iter().all(|run| run.padded <= BATCH || run.replicas == 1), "{runs:?}");
        assert_close(&unwrapped(found), &unwrapped(alone(&|| load(name), &wanted)), 1e-12, name);
    }
}

#[test]
fn runs_are_filled_to_the_memory_and_not_over_it() {
    let (small, large) = (graph(1), graph(2));
    let bytes = bytes_per_replica(two_hops().as_ref(), &large);
    let wanted = [(&small, "octahedral"), (&large, "tetrahedral"), (&small, "none"), (&large, "random:7")];
    let wanted = wanted.map(|(graph, spec)| (graph, settings(spec)));
    let expected = unwrapped(alone(&two_hops, &wanted));
    for (memory, count) in [(bytes, None), (3 * bytes, Some(7)), (PLENTY, Some(1))] {
        let (found, runs) = batched(two_hops(), &wanted, memory);
        assert_eq!(unwrapped(found), expected);
        assert!(runs.iter().all(|run| run.padded <= memory), "{runs:?}");
        assert_eq!(runs.iter().map(|run| run.replicas).sum::<usize>(), 24 + 12 + 1 + 7);
        assert!(count.is_none_or(|count| runs.len() == count), "{runs:?}");
    }
}

#[test]
fn structures_beyond_the_memory_are_split_and_the_others_share_runs() {
    let graphs = [graph(6), graph(2)];
    let wanted: Vec<_> = [0, 1, 1].map(|i| (&graphs[i], Settings { memory_mb: 8, ..settings("random") })).to_vec();
    let (found, runs) = batched(load("harmonic-padded-f64"), &wanted, 8 << 20);
    assert_eq!(runs[0].replicas, 2);
    assert!(runs.len() > 2 && runs.iter().all(|run| run.padded <= 8 << 20), "{runs:?}");
    assert_close(&unwrapped(found), &unwrapped(alone(&|| load("harmonic-padded-f64"), &wanted)), 1e-12, "blocks");
    let (found, _) = batched(load("harmonic-padded-f64"), &wanted, 1 << 10);
    assert!(found.iter().all(|result| result.as_ref().unwrap_err().to_string().starts_with("memory is limited to")));
}

#[test]
fn a_failing_structure_fails_alone() {
    let (good, bad) = (graph(2), pair([1, 8], 0.0));
    let wanted = [(&good, "octahedral"), (&bad, "random"), (&good, "none")].map(|(g, spec)| (g, settings(spec)));
    for name in ["harmonic-padded-f32", "harmonic-list-f64"] {
        let make = || -> Box<dyn Potential> { Box::new(Counting { inner: load(name), runs: Arc::default() }) };
        let ((found, runs), expected) = (batched(load(name), &wanted, PLENTY), alone(&make, &wanted));
        let sentence = |results: &[Result<Evaluation>]| results[1].as_ref().unwrap_err().to_string();
        assert!(sentence(&found).contains("gave NaN in atomic_energies at index [0]"), "{}", sentence(&found));
        assert_eq!(sentence(&found), sentence(&expected));
        assert_eq!(runs.len(), 4);
        for i in [0, 2] {
            // Finally evaluated alone, so the same to the last bit.
            assert_eq!(found[i].as_ref().unwrap(), expected[i].as_ref().unwrap());
        }
    }
    let (found, _) = batched(load("bad-nan"), &wanted, PLENTY);
    assert!(found.iter().all(Result::is_err));
}

/// The first run succeeds and a later one fails: partial results are not used.
#[test]
fn a_structure_failing_late_is_evaluated_anew() {
    let (good, bad) = (graph(2), pair([1, 8], 0.0));
    let wanted = [(&good, settings("icosahedral")), (&bad, settings("none"))];
    let memory = 40 * bytes_per_replica(load("harmonic-list-f64").as_ref(), &good);
    let (found, runs) = batched(load("harmonic-list-f64"), &wanted, memory);
    assert_eq!(runs.iter().map(|run| run.replicas).collect::<Vec<_>>(), [40, 21, 40, 20, 1]);
    let expected = alone(&|| load("harmonic-list-f64"), &wanted);
    assert_close(&[found[0].as_ref().unwrap().clone()], &[expected[0].as_ref().unwrap().clone()], 1e-12, "late");
    assert!(found[1].is_err());
}

#[test]
fn an_unknown_element_fails_alone_and_nothing_gives_zero() {
    let (good, foreign, empty) = (graph(1), pair([8, 79], 2.0), Graph::new(vec![], vec![], vec![]));
    let unseen = Graph::new(vec![8, 1], vec![], vec![]);
    let wanted = [&good, &foreign, &empty, &unseen, &good].map(|graph| (graph, settings("tetrahedral")));
    for make in [&harmonic as &dyn Fn() -> _, &|| load("harmonic-padded-f64")] {
        let ((found, runs), expected) = (batched(make(), &wanted, PLENTY), alone(make, &wanted));
        assert_eq!(runs.len(), 1);
        let [found, expected] = [found, expected].map(|results| {
            results.into_iter().map(|result| result.map_err(|error| error.to_string())).collect::<Vec<_>>()
        });
        assert!(found[1].as_ref().unwrap_err().contains("Au"), "{found:?}");
        assert_eq!(found[1..4], expected[1..4]);
        assert_eq!((found[2].as_ref().unwrap().energy, found[3].as_ref().unwrap().forces.len()), (0.0, 2));
        assert_close(&[found[4].clone().unwrap()], &[expected[4].clone().unwrap()], 1e-12, "good");
    }
}

#[test]
fn corrections_share_runs_too() {
    let (one, two) = (graph(1), graph(2));
    let corrected = |spec| Settings { correction: true, ..settings(spec) };
    let mixed = Settings { forces: Some(Forces::Conservative), inner: Some(Forces::Direct), ..corrected("random:4") };
    let wanted = [
        (&one, corrected("octahedral")),
        (&two, corrected("random")),
        (&one, settings("random")),
        (&two, mixed.clone()),
        (&one, mixed),
    ];
    let (found, _) = batched(direct(), &wanted, PLENTY);
    assert_eq!(unwrapped(found), unwrapped(alone(&direct, &wanted)));
    let (found, runs) = batched(load("both-list-f64"), &wanted, PLENTY);
    let (conservative, bare) = (24 + 2 + 1 + 4 + 4, 2);
    assert_eq!(runs.iter().map(|run| run.replicas).collect::<Vec<_>>(), [conservative, bare]);
    let found = unwrapped(found);
    assert_eq!([0, 1, 2, 3, 4].map(|i| found[i].evaluations), [24, 2, 1, 5, 5]);
    assert_close(&found, &unwrapped(alone(&|| load("both-list-f64"), &wanted)), 1e-12, "correction");
}

#[test]
fn streams_differ_and_stream_0_is_that_of_one_simulation() {
    let graph = graph(1);
    let wanted = [0, 1, 1].map(|stream| (&graph, Settings { stream, ..settings("random") }));
    let mut potential = harmonic();
    let policies = wanted.map(|(_, settings)| Policy::new(&settings, potential.info()).unwrap());
    let tasks: Vec<_> = policies.iter().map(|policy| Task { graph: &graph, policy, step: 7 }).collect();
    let found = unwrapped(evaluate_together(potential.as_mut(), &tasks, PLENTY));
    assert_eq!(found[0], Calculator::new(harmonic(), &settings("random")).unwrap().evaluate(&graph, 7).unwrap());
    assert_ne!(found[0].energy, found[1].energy);
    assert_eq!(found[1], found[2]);
}

#[test]
fn batch_without_tasks_does_nothing() {
    let (found, runs) = batched(harmonic(), &[], PLENTY);
    assert!(found.is_empty() && runs.is_empty());
}

/// Milliseconds of the fastest of several calls.
fn fastest(repeats: usize, mut call: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        call();
        1e3 * start.elapsed().as_secs_f64()
    };
    (0..repeats).map(time).fold(f64::MAX, f64::min)
}

/// `cargo test --release --test batch -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn gain_of_sharing_runs() {
    let load =
        || OnnxPotential::load(&model_path("examples/models/water-pet.onnx"), &ExecutionOptions::default()).unwrap();
    let (mut model, settings) = (load(), settings("random"));
    let cutoff = model.info().cutoff;
    let policies: Vec<_> =
        (0..32).map(|stream| Policy::new(&Settings { stream, ..settings.clone() }, model.info()).unwrap()).collect();
    for side in [1, 2, 4] {
        let graph = neighbors::graph(&water(side), cutoff).unwrap();
        let tasks: Vec<_> = policies.iter().map(|policy| Task { graph: &graph, policy, step: 1 }).collect();
        let repeats = 200 / side.pow(3);
        let apart = fastest(repeats, || {
            tasks.iter().for_each(|task| drop(evaluate_together(&mut model, &[*task], PLENTY).remove(0).unwrap()));
        });
        let shared = fastest(repeats, || {
            evaluate_together(&mut model, &tasks, PLENTY).into_iter().for_each(|r| drop(r.unwrap()))
        });
        let (atoms, ratio) = (graph.n_atoms(), apart / shared);
        println!("32 of {atoms} atoms: {apart:.2} ms one by one, {shared:.2} ms together, ratio {ratio:.2}");
    }
    let mut calculator = Calculator::new(Box::new(load()), &settings).unwrap();
    for side in [1, 4] {
        let graph = neighbors::graph(&water(side), cutoff).unwrap();
        let one = fastest(600 / side.pow(2), || drop(calculator.evaluate(&graph, 1).unwrap()));
        println!("one of {} atoms: {one:.3} ms", graph.n_atoms());
    }
}
