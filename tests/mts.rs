//! Multiple time stepping: the results of each step, and the averaged forces over a cycle of steps.

use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::analytic::{HarmonicToy, Legendre, TwoHopToy};
use tumble_core::calculator::Calculator;
use tumble_core::calculator::Detail;
use tumble_core::calculator::Phase;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::potential::Forces;
use tumble_core::rotation::{IDENTITY, Vector3, add, scale};

const CUTOFF: f64 = 3.0;
const CONTENT: Legendre = Legendre { l1: 0.3, l2: 0.2, l4: 0.1 };

fn graph() -> Graph {
    graph_of(1)
}

fn graph_of_other_atoms() -> Graph {
    graph_of(2)
}

fn graph_of(first: usize) -> Graph {
    let place = |i: usize| [0.754_877_67, 0.569_840_29, 0.430_159_71].map(|s| 6.0 * (s * (i + first) as f64).fract());
    let cell = Cell::new(IDENTITY.map(|row| scale(row, 6.0)), [true; 3]).unwrap();
    neighbors::graph(&System::new((0..20).map(place).collect(), vec![8; 20], cell).unwrap(), CUTOFF).unwrap()
}

fn settings(mitigation: &str, every: u64) -> Settings {
    Settings { mitigation: mitigation.parse().unwrap(), every, seed: 5, ..Settings::default() }
}

fn harmonic(settings: &Settings) -> Calculator {
    Calculator::new(Box::new(HarmonicToy::new(CUTOFF, &[(8, 0.7)], CONTENT)), settings).unwrap()
}

/// A run of dynamics without motion.
fn run(calculator: &mut Calculator, graph: &Graph, steps: std::ops::Range<u64>) -> Vec<Evaluation> {
    let step = |step| {
        let phase = calculator.phase(step, false);
        calculator.evaluate_in(phase, graph, step, &Detail::default()).unwrap()
    };
    steps.map(step).collect()
}

fn sum_of_forces(evaluations: &[Evaluation]) -> Vec<Vector3> {
    let forces = evaluations.iter().map(|evaluation| evaluation.forces.clone());
    forces.reduce(|sum, forces| sum.iter().zip(&forces).map(|(&a, &b)| add(a, b)).collect()).unwrap()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{a} {b}"));
}

#[test]
fn every_first_step_is_plain_averaging_to_the_bit() {
    let graph = graph();
    for spec in ["octahedral", "random", "legendre:2+random"] {
        let found = run(&mut harmonic(&settings(spec, 1)), &graph, 0..3);
        let expected = (0..3).map(|step| harmonic(&settings(spec, 7)).evaluate(&graph, step).unwrap());
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn a_cycle_of_steps_gives_the_impulse_of_averaged_forces() {
    let graph = graph();
    for spec in ["octahedral", "icosahedral", "legendre:2", "octahedral+random"] {
        let cycle = run(&mut harmonic(&settings(spec, 4)), &graph, 8..12);
        let averaged = harmonic(&settings(spec, 1)).evaluate(&graph, 8).unwrap();
        let expected: Vec<_> = averaged.forces.iter().map(|&f| scale(f, 4.0)).collect();
        assert_close(sum_of_forces(&cycle).as_flattened(), expected.as_flattened());
        let bare = harmonic(&settings("none", 1)).evaluate(&graph, 8).unwrap();
        assert_eq!(cycle[1].forces, bare.forces);
    }
}

#[test]
fn requested_energies_and_virials_are_averaged_without_motion() {
    let graph = graph();
    let averaged = harmonic(&settings("octahedral", 1)).evaluate(&graph, 0).unwrap();
    let mut calculator = harmonic(&settings("octahedral", 4));
    for step in 0..6 {
        for exact in [false, true] {
            let phase = calculator.phase(step, exact);
            let evaluation = calculator.evaluate_in(phase, &graph, step, &Detail::default()).unwrap();
            assert_close(evaluation.virial.unwrap().as_flattened(), averaged.virial.unwrap().as_flattened());
            if phase.is_exact() {
                assert_close(&[evaluation.energy], &[averaged.energy]);
            }
        }
    }
}

#[test]
fn evaluations_are_counted_for_the_grid_and_the_inner_steps() {
    let graph = graph();
    for (spec, outer) in
        [("tetrahedral", 12), ("octahedral", 24), ("icosahedral", 60), ("legendre:2", 19), ("random", 2)]
    {
        let counts =
            run(&mut harmonic(&settings(spec, 3)), &graph, 0..4).iter().map(|e| e.evaluations).collect::<Vec<_>>();
        assert_eq!(counts, [outer, 1, 1, outer], "{spec}");
    }
}

#[test]
fn a_run_starting_between_two_outer_steps_computes_the_correction_first() {
    let (graph, mut calculator) = (graph(), harmonic(&settings("octahedral", 4)));
    assert_eq!(calculator.phase(5, false), Phase::Inner);
    let bare = harmonic(&settings("none", 1)).evaluate(&graph, 5).unwrap();
    let averaged = harmonic(&settings("octahedral", 1)).evaluate(&graph, 5).unwrap();
    let evaluations = run(&mut calculator, &graph, 5..7);
    assert_eq!(evaluations.iter().map(|e| e.evaluations).collect::<Vec<_>>(), [25, 1]);
    assert_close(&[evaluations[0].energy], &[averaged.energy]);
    assert_eq!(evaluations[0].forces, bare.forces);
    calculator.hold(None);
    assert_eq!(run(&mut calculator, &graph, 6..7)[0].evaluations, 25);
}

#[test]
fn output_at_an_inner_step_changes_neither_forces_nor_virials() {
    let graph = graph();
    let mut plain = harmonic(&settings("octahedral", 4));
    let mut looked_at = harmonic(&settings("octahedral", 4));
    let other = graph_of_other_atoms();
    for calculator in [&mut plain, &mut looked_at] {
        calculator.evaluate_in(Phase::Outer, &other, 0, &Detail::default()).unwrap();
    }
    let exact = looked_at.evaluate_in(Phase::InnerExact, &graph, 1, &Detail::default()).unwrap();
    let first = plain.evaluate_in(Phase::Inner, &graph, 1, &Detail::default()).unwrap();
    assert_eq!((&exact.forces, exact.virial), (&first.forces, first.virial));
    assert_eq!(exact.energy, harmonic(&settings("octahedral", 1)).evaluate(&graph, 1).unwrap().energy);
    assert_eq!(looked_at.held(), plain.held());
}

#[test]
fn a_restored_correction_continues_as_before() {
    let graph = graph();
    let (mut whole, mut resumed) = (harmonic(&settings("octahedral", 4)), harmonic(&settings("octahedral", 4)));
    run(&mut whole, &graph_of_other_atoms(), 4..5);
    resumed.hold(whole.held());
    assert_eq!(run(&mut resumed, &graph, 5..8), run(&mut whole, &graph, 5..8));
}

#[test]
fn the_correction_is_averaged_minus_bare() {
    let graph = graph();
    let correction = Settings { correction: true, ..settings("octahedral", 1) };
    let found = harmonic(&correction).evaluate(&graph, 3).unwrap();
    let averaged = harmonic(&settings("octahedral", 1)).evaluate(&graph, 3).unwrap();
    let bare = harmonic(&settings("none", 1)).evaluate(&graph, 3).unwrap();
    assert_close(&[found.energy + bare.energy], &[averaged.energy]);
    assert_close(sum_of_forces(&[found.clone(), bare.clone()]).as_flattened(), averaged.forces.as_flattened());
    let virial = [0, 1, 2].map(|a| add(found.virial.unwrap()[a], bare.virial.unwrap()[a]));
    assert_close(virial.as_flattened(), averaged.virial.unwrap().as_flattened());
    assert_close(&found.torque, &[0, 1, 2].map(|a| averaged.torque[a] - bare.torque[a]));
    assert_eq!(found.spread, averaged.spread);
}

#[test]
fn inner_forces_not_offered_by_the_model_are_refused() {
    let settings = Settings { inner: Some(Forces::Direct), ..settings("octahedral", 4) };
    let error = Calculator::new(Box::new(TwoHopToy::new(CUTOFF, 0.7, 0.6)), &settings).err().unwrap().to_string();
    assert_eq!(error, "the model \"two-hop toy\" offers no direct forces: ask for conservative ones");
}
