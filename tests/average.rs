//! Averages over rotations of analytic potentials: exact for an exact grid, and independent of batches and ranks.

use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Quadrature;
use tumble_core::Result;
use tumble_core::System;
use tumble_core::analytic::{DirectToy, HarmonicToy, Legendre, TwoHopToy};
use tumble_core::average::{Request, average};
use tumble_core::execution::Device;
use tumble_core::graph::{Edge, Graph};
use tumble_core::neighbors;
use tumble_core::planner::{Limits, ModelCosts, RecomputeLevel};
use tumble_core::potential::{Derivative, Forces, ModelInfo, Potential, Response};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{IDENTITY, Matrix3, Vector3, apply, apply_transposed, draw};

const CUTOFF: f64 = 3.5;
const PLENTY: usize = 1 << 30;
const CHARGES: [(u8, f64); 2] = [(1, 0.5), (8, -1.0)];

/// Twelve atoms in a skewed cell, with neighbors beyond the adjacent images.
fn crystal(strain: Matrix3) -> System {
    let fractional = |i: usize| {
        let t = i as f64;
        [0.5 + 0.13 * t + 0.02 * (3.1 * t).sin(), 0.29 * t, 0.61 * t].map(f64::fract)
    };
    let cell = [[5.1, 0.2, -0.3], [1.4, 4.8, 0.1], [-0.9, 1.1, 5.3]];
    let position = |i: usize| apply_transposed(&cell, fractional(i));
    let positions = (0..12).map(|i| apply(&strain, position(i))).collect();
    let species = (0..12).map(|i| if i % 3 == 0 { 8 } else { 1 }).collect();
    System::new(positions, species, Cell::new(cell.map(|v| apply(&strain, v)), [true; 3]).unwrap()).unwrap()
}

fn graph() -> Graph {
    neighbors::graph(&crystal(IDENTITY), CUTOFF).unwrap()
}

fn evaluate(potential: &mut dyn Potential, graph: &Graph, grid: &Quadrature) -> Evaluation {
    average(potential, graph, grid, &Request::new(Forces::Conservative, PLENTY)).unwrap()
}

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a} is not {b}");
}

#[test]
fn a_grid_removes_the_angular_momenta_up_to_its_degree_and_no_more() {
    let (graph, bare) = (graph(), HarmonicToy::new(CUTOFF, &CHARGES, Legendre::default()));
    let mean: f64 = bare.mean_atomic_energies(&graph).iter().sum();
    let cases = [
        (Legendre { l1: 0.3, l2: 0.2, l4: 0.0 }, Quadrature::tetrahedral(), true),
        (Legendre { l1: 0.0, l2: 0.0, l4: 0.1 }, Quadrature::octahedral(), false),
        (Legendre { l1: 0.3, l2: 0.2, l4: 0.1 }, Quadrature::icosahedral(), true),
    ];
    for (content, grid, exact) in cases {
        let energy = evaluate(&mut HarmonicToy::new(CUTOFF, &CHARGES, content), &graph, &grid).energy;
        assert_eq!((energy - mean).abs() < 1e-11 * mean.abs(), exact, "{}: {energy} and {mean}", grid.name);
    }
}

#[test]
fn the_spread_of_the_energy_is_the_exact_one_on_a_grid_that_integrates_its_square() {
    let graph = graph();
    let mut toy = HarmonicToy::new(CUTOFF, &CHARGES, Legendre { l1: 0.3, l2: 0.2, l4: 0.1 });
    let exact = toy.energy_variance(&graph).sqrt();
    // The square of ℓ = 4 has ℓ up to 8.
    close(evaluate(&mut toy, &graph, &Quadrature::degree(8).unwrap()).spread.energy, exact, 1e-10);
}

#[test]
fn forces_and_virial_are_derivatives_of_the_averaged_energy() {
    let grid = Quadrature::tetrahedral().rotated(&draw(3, 1, 4));
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let mut energy = |system: &System| evaluate(&mut toy, &neighbors::graph(system, CUTOFF).unwrap(), &grid).energy;
    let h = 1e-5;
    let mut expected_forces = vec![];
    for (atom, axis) in [(0, 0), (4, 1), (11, 2)] {
        let mut moved = [crystal(IDENTITY), crystal(IDENTITY)];
        moved[0].positions[atom][axis] += h;
        moved[1].positions[atom][axis] -= h;
        expected_forces.push((atom, axis, (energy(&moved[1]) - energy(&moved[0])) / (2.0 * h)));
    }
    let mut expected_virial = vec![];
    for (a, b) in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)] {
        // A symmetric strain, since the virial is symmetrized.
        let strained = |s: f64| {
            let mut strain = IDENTITY;
            strain[a][b] += 0.5 * s;
            strain[b][a] += 0.5 * s;
            crystal(strain)
        };
        expected_virial.push((a, b, (energy(&strained(-h)) - energy(&strained(h))) / (2.0 * h)));
    }
    let evaluation = evaluate(&mut toy, &graph(), &grid);
    expected_forces.iter().for_each(|&(atom, axis, force)| close(evaluation.forces[atom][axis], force, 1e-7));
    let virial = evaluation.virial.unwrap();
    expected_virial.iter().for_each(|&(a, b, w)| close(virial[a][b], w, 1e-7));
}

/// Torque about z by turning the structure: τ = -dU/dφ.
#[test]
fn the_torque_is_minus_the_derivative_with_respect_to_a_turn() {
    let (graph, h) = (graph(), 1e-5_f64);
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let mut energy = |angle: f64| {
        let (s, c) = angle.sin_cos();
        let turn =
            Quadrature { rotations: vec![[[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]], ..Quadrature::identity() };
        evaluate(&mut toy, &graph, &turn).energy
    };
    let expected = (energy(-h) - energy(h)) / (2.0 * h);
    assert!(expected.abs() > 1e-3, "the toy is turned by a torque");
    let bare = evaluate(&mut toy, &graph, &Quadrature::identity());
    close(bare.torque[1], expected, 1e-7);
    let averaged = evaluate(&mut toy, &graph, &Quadrature::icosahedral());
    assert!(averaged.torque[1].abs() < 0.05 * expected.abs(), "{} of {expected}", averaged.torque[1]);
}

#[test]
fn the_result_does_not_depend_on_the_batches() {
    let (graph, grid) = (graph(), Quadrature::octahedral().with_inversion());
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let together = evaluate(&mut toy, &graph, &grid);
    for replicas in [1, 5] {
        let memory = replicas * bytes_per_replica(&toy, &graph);
        assert_eq!(average(&mut toy, &graph, &grid, &Request::new(Forces::Conservative, memory)).unwrap(), together);
    }
}

/// A toy on a machine with several workers; a replica takes 4 MiB.
struct Machine {
    toy: TwoHopToy,
    workers: usize,
    device: Device,
    batches: Vec<usize>,
}

impl Potential for Machine {
    fn info(&self) -> &ModelInfo {
        self.toy.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.batches.push(rotations.len());
        self.toy.evaluate(graph, rotations, forces)
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        ModelCosts { bytes_per_slot: (4 << 20) / graph().n_edges(), ..ModelCosts::default() }
    }

    fn limits(&self, memory: usize) -> Limits {
        Limits { memory, workers: self.workers, provider: self.device.provider() }
    }
}

#[test]
fn batches_suit_the_machine_and_its_memory() {
    let grid = Quadrature::octahedral().with_inversion();
    let batches = |workers, device, megabytes: usize| {
        let toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
        let mut machine = Machine { toy, workers, device, batches: vec![] };
        average(&mut machine, &graph(), &grid, &Request::new(Forces::Conservative, megabytes << 20)).unwrap();
        machine.batches
    };
    let (processor, gpu) = (Device::Cpu, Device::Cuda);
    assert_eq!(batches(1, processor, 2048), [2; 24]);
    assert_eq!(batches(1, processor, 4), [1; 48]);
    // Several workers take from a queue, each with a share of the memory.
    assert_eq!(batches(2, processor, 2048), [48]);
    assert_eq!(batches(2, processor, 12), [2; 24]);
    assert_eq!(batches(2, processor, 4), [1; 48]);
    assert_eq!(batches(5, processor, 25), [5, 5, 5, 5, 5, 5, 5, 5, 5, 3]);
    assert_eq!(batches(1, gpu, 512), [48]);
    assert_eq!(batches(1, gpu, 128), [32, 16]);
}

#[test]
fn means_and_spreads_equal_those_of_single_replicas() {
    let (graph, grid) = (graph(), Quadrature::tetrahedral().with_inversion());
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let averaged = evaluate(&mut toy, &graph, &grid);
    let single = |rotation: &Matrix3| Quadrature { rotations: vec![*rotation], ..Quadrature::identity() };
    let replicas: Vec<_> = grid.rotations.iter().map(|r| evaluate(&mut toy, &graph, &single(r))).collect();
    let check = |pick: &dyn Fn(&Evaluation) -> f64, mean: f64, spread: f64| {
        let values: Vec<f64> = replicas.iter().map(pick).collect();
        let expected = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - expected).powi(2)).sum::<f64>() / values.len() as f64;
        close(mean, expected, 1e-12);
        close(spread, variance.sqrt(), 1e-7);
    };
    check(&|e| e.energy, averaged.energy, averaged.spread.energy);
    check(&|e| e.atomic_energies[5], averaged.atomic_energies[5], averaged.spread.atomic_energies[5]);
    check(&|e| e.forces[7][2], averaged.forces[7][2], averaged.spread.forces[7][2]);
    check(&|e| e.virial.unwrap()[0][1], averaged.virial.unwrap()[0][1], averaged.spread.virial.unwrap()[0][1]);
    assert_eq!(averaged.replica_energies.len(), 24);
    assert_eq!(replicas[0].spread.energy, 0.0);
}

/// The forces of a rotated crystal are the rotated forces, if the grid is a group that contains the rotation.
#[test]
fn an_average_over_a_group_is_exactly_symmetric_under_it() {
    let graph = graph();
    let turn = Quadrature::octahedral().rotations[7];
    let vectors: Vec<Vector3> = graph.vectors.iter().map(|v| apply(&turn, *v)).collect();
    let turned = Graph { vectors, ..graph.clone() };
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let [here, there] = [&graph, &turned].map(|graph| evaluate(&mut toy, graph, &Quadrature::octahedral()));
    close(here.energy, there.energy, 1e-13);
    for (force, expected) in there.forces.iter().zip(&here.forces) {
        apply(&turn, *expected).iter().zip(force).for_each(|(a, b)| close(*a, *b, 1e-12));
    }
}

#[test]
fn direct_forces_and_stress_are_turned_back() {
    let graph = graph();
    let mut toy = DirectToy::new(CUTOFF, 0.4, Legendre { l1: 0.2, l2: 0.3, l4: 0.0 }).with_stress();
    let rotation = draw(1, 2, 3);
    let grid = Quadrature { rotations: vec![rotation], ..Quadrature::identity() };
    let turned = average(&mut toy, &graph, &grid, &Request::new(Forces::Direct, PLENTY)).unwrap();
    let response = toy.evaluate(&graph, &[rotation], Forces::Direct).unwrap().remove(0);
    let Derivative::Direct { forces, stress } = response.derivative else { panic!("direct forces were asked for") };
    for (force, expected) in turned.forces.iter().zip(forces) {
        apply_transposed(&rotation, expected).iter().zip(force).for_each(|(a, b)| close(*a, *b, 1e-14));
    }
    let (virial, stress) = (turned.virial.unwrap(), stress.unwrap());
    let trace = |m: Matrix3| m[0][0] + m[1][1] + m[2][2];
    close(trace(virial), -graph.volume.unwrap() * trace(stress), 1e-12);
}

#[test]
fn a_rank_without_atoms_contributes_nothing() {
    let empty = Graph::new(vec![], vec![], vec![]);
    let evaluation = evaluate(&mut TwoHopToy::new(CUTOFF, 0.7, 0.6), &empty, &Quadrature::octahedral());
    assert_eq!((evaluation.energy, evaluation.evaluations), (0.0, 24));
    assert_eq!(evaluation.virial, Some([[0.0; 3]; 3]));
}

#[test]
fn ghosts_count_by_their_weight() {
    let pair = |weights: Vec<f64>| {
        let edge = |neighbor, x| vec![Edge { neighbor, vector: [x, 0.3, 0.2] }];
        let back = vec![Edge { neighbor: 0, vector: [-1.1, -0.3, -0.2] }];
        Graph::new(vec![8, 8], weights, vec![edge(1, 1.1), back])
    };
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let mut energy = |weights| evaluate(&mut toy, &pair(weights), &Quadrature::identity()).energy;
    let shares = energy(vec![1.0, 0.0]) + energy(vec![0.0, 1.0]);
    close(shares, energy(vec![1.0, 1.0]), 1e-14);
}
