//! Many structures at once: each has the same result as alone, whatever shares its run, and fails alone.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[path = "support/evaluations.rs"]
mod evaluations;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tumble_core::analytic::TwoHopToy;
use tumble_core::planner::{ModelCosts, RecomputeLevel};
use tumble_core::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{IDENTITY, Matrix3, scale};
use tumble_core::{Calculator, Cell, Evaluation, Graph, Result, Settings, System};

use evaluations::{numbers, unwrapped};

/// The models in double precision: both layouts, direct forces, an ensemble, exported ones with fixed and adaptive
/// cutoffs, and one with a global energy.
const MODELS: [&str; 10] = [
    "harmonic-padded-f64",
    "twohop-list-f64",
    "twohop-padded-f64",
    "direct-padded-f64",
    "ensemble-list-f64",
    "exported-pet-f64",
    "exported-residual-f64",
    "exported-adaptive-f64",
    "exported-orb-f64",
    "exported-orb-20-f64",
];

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"))
}

/// side^3 molecules of water, deformed by `seed`: isolated, or in a periodic cube if `side` is even.
fn water(side: usize, seed: usize) -> System {
    let (mut positions, mut species) = (vec![], vec![]);
    for i in 0..side.pow(3) {
        let [x, y, z] = [i % side, i / side % side, i / side / side].map(|n| 3.1 * n as f64);
        let (s, c) = (1.7 * (i + seed) as f64).sin_cos();
        let long = 0.96 + 0.02 * s;
        positions.extend([[x, y, z], [x + long * c, y + long * s, z], [x - 0.24 * c, y - 0.24 * s, z + 0.93]]);
        species.extend([8, 1, 1]);
    }
    let cube = Cell::new(IDENTITY.map(|row| scale(row, 3.1 * side as f64)), [true; 3]).unwrap();
    System::new(positions, species, if side.is_multiple_of(2) { cube } else { Cell::isolated() }).unwrap()
}

/// Small and larger structures in turn.
fn structures() -> Vec<System> {
    [1, 1, 2, 1, 3, 1, 2, 1].into_iter().enumerate().map(|(seed, side)| water(side, seed)).collect()
}

fn settings(mitigation: &str) -> Settings {
    Settings { mitigation: mitigation.parse().unwrap(), seed: 5, ..Settings::default() }
}

fn many(calculator: &mut Calculator, systems: &[System]) -> Vec<Result<Evaluation>> {
    let structures: Vec<_> = systems.iter().zip(3..).collect();
    let mut results = Vec::new();
    calculator.evaluate_many(&structures, |portion| {
        results.extend(portion);
        ControlFlow::Continue(())
    });
    results
}

fn one_by_one(calculator: &mut Calculator, systems: &[System]) -> Vec<Result<Evaluation>> {
    systems.iter().zip(3..).map(|(system, step)| calculator.evaluate_system(system, step)).collect()
}

fn assert_same(found: &[Evaluation], expected: &[Evaluation], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let scale = numbers(b).into_iter().fold(1.0, |largest: f64, x| largest.max(x.abs()));
        for (x, y) in numbers(a).into_iter().zip(numbers(b)) {
            assert!((x - y).abs() <= tolerance * scale, "{what}, structure {index}: {x} is not {y}");
        }
        assert!((a.spread.energy - b.spread.energy).abs() <= 1e-6 * scale, "{what}");
    }
}

#[test]
fn many_are_the_same_as_one_by_one_for_any_model_and_mitigation() {
    let systems = structures();
    for name in MODELS {
        for spec in ["none", "random", "random:3", "octahedral", "tetrahedral+random"] {
            let mut calculator = tumble_engine::load(&model(name), &settings(spec)).unwrap();
            let expected = unwrapped(one_by_one(&mut calculator, &systems));
            let found = unwrapped(many(&mut calculator, &systems));
            assert_same(&found, &expected, 1e-13, &format!("{name}, {spec}"));
        }
    }
}

#[test]
fn corrections_and_inversions_are_the_same_too() {
    let systems = structures();
    let mitigation = settings("random:2").mitigation.with_inversion(true);
    let settings = Settings { mitigation, correction: true, ..settings("none") };
    let mut calculator = tumble_engine::load(&model("exported-pet-f64"), &settings).unwrap();
    let expected = unwrapped(one_by_one(&mut calculator, &systems));
    assert_same(&unwrapped(many(&mut calculator, &systems)), &expected, 1e-13, "correction");
}

#[test]
fn threads_change_nothing_but_rounding_and_repeat_to_the_last_bit() {
    let systems: Vec<_> = (0..40).map(|seed| water(1 + seed % 3 % 2, seed)).collect();
    for name in ["exported-pet-f64", "exported-orb-f64"] {
        let load = |threads| tumble_engine::load(&model(name), &Settings { threads, ..settings("random:3") }).unwrap();
        let [one, two, again] = [1, 2, 2].map(|threads| unwrapped(many(&mut load(threads), &systems)));
        assert_same(&two, &one, 1e-13, name);
        assert_eq!(two, again);
    }
}

#[test]
fn structure_that_fails_does_not_affect_the_others() {
    let mut systems = structures();
    systems[2].species[1] = 18;
    systems[5].positions[1] = systems[5].positions[0];
    systems[6].positions[4][2] = f64::NAN;
    for threads in [1, 2] {
        let settings = Settings { threads, ..settings("random") };
        let mut calculator = tumble_engine::load(&model("twohop-padded-f64"), &settings).unwrap();
        let sentence =
            |result: &Result<Evaluation>| result.as_ref().map(|found| found.evaluations).map_err(ToString::to_string);
        let expected = one_by_one(&mut calculator, &systems);
        let found = many(&mut calculator, &systems);
        assert_eq!(found.iter().map(sentence).collect::<Vec<_>>(), expected.iter().map(sentence).collect::<Vec<_>>());
        assert_eq!([0, 2, 5, 6].map(|index| found[index].is_ok()), [true, false, false, false]);
    }
}

#[test]
fn output_that_is_not_finite_belongs_to_its_structure() {
    // The model gives NaN for atoms closer than 0.5 Å.
    let mut calculator = tumble_engine::load(&model("bad-close-padded"), &settings("none")).unwrap();
    let mut systems: Vec<_> = (0..5).map(|seed| water(1, seed)).collect();
    systems[3] = System::new(vec![[0.0; 3], [0.3, 0.0, 0.0]], vec![1, 1], Cell::isolated()).unwrap();
    let sentences = |results: Vec<Result<Evaluation>>| -> Vec<_> {
        results.into_iter().map(|result| result.map(drop).map_err(|error| error.to_string())).collect()
    };
    let expected = sentences(one_by_one(&mut calculator, &systems));
    assert!(expected[3].is_err() && expected[4].is_ok(), "{expected:?}");
    assert_eq!(sentences(many(&mut calculator, &systems)), expected);
}

#[test]
fn random_rotations_belong_to_the_step() {
    let mut calculator = tumble_engine::load(&model("exported-pet-f64"), &settings("random")).unwrap();
    let same = vec![water(1, 0); 3];
    let found = unwrapped(many(&mut calculator, &same));
    assert!(found[0].energy != found[1].energy && found[1].energy != found[2].energy);
    let at_four = calculator.evaluate_system(&same[0], 4).unwrap();
    assert_same(&found[1..2], &[at_four], 1e-13, "step 4");
}

#[test]
fn results_come_in_order_and_end_when_nobody_wants_more() {
    // Each grid costs more than a portion.
    let mut calculator = Calculator::new(Box::new(TwoHopToy::new(3.5, 0.7, 0.6)), &settings("random:20000")).unwrap();
    let systems: Vec<_> = (0..3).map(|seed| water(2, seed)).collect();
    let structures: Vec<_> = systems.iter().zip(0..).collect();
    let mut portions = Vec::new();
    calculator.evaluate_many(&structures, |portion| {
        portions.push(portion.len());
        if portions.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!(portions, [1, 1]);
    calculator.evaluate_many(&[], |_| panic!("there is nothing to take"));
}

/// Notes the estimated memory of each run.
struct Noting {
    inner: TwoHopToy,
    runs: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Potential for Noting {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.evaluate_many(&[Replicas { graph, rotations }], forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let bytes = work.iter().map(|part| part.rotations.len() * bytes_per_replica(&self.inner, part.graph)).sum();
        self.runs.lock().unwrap().push((work.iter().map(|part| part.rotations.len()).sum(), bytes));
        self.inner.evaluate_many(work, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.inner.costs(level)
    }
}

#[test]
fn runs_stay_within_the_memory_and_a_structure_beyond_it_goes_alone() {
    let (inner, runs) = (TwoHopToy::new(3.5, 0.7, 0.6), Arc::<Mutex<Vec<_>>>::default());
    let systems: Vec<_> = (0..3000).map(|seed| water(if seed == 150 { 8 } else { 1 }, seed)).collect();
    let graph = tumble_core::neighbors::graph(&systems[150], 3.5).unwrap();
    assert!(bytes_per_replica(&inner, &graph) > 1 << 20, "the large structure needs blocks");
    let settings = Settings { memory_mb: 1, ..settings("random") };
    let expected = unwrapped(one_by_one(&mut Calculator::new(Box::new(inner.clone()), &settings).unwrap(), &systems));
    let noting = Noting { inner, runs: Arc::clone(&runs) };
    let found = unwrapped(many(&mut Calculator::new(Box::new(noting), &settings).unwrap(), &systems));
    assert_same(&found, &expected, 1e-12, "memory");
    let runs = runs.lock().unwrap();
    assert!(runs.iter().all(|(_, bytes)| *bytes <= 1 << 20), "{runs:?}");
    assert!(runs.iter().filter(|(replicas, _)| *replicas > 10).count() >= 2, "{runs:?}");
}
