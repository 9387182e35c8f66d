//! A structure evaluated block by block gives the same results as in one piece.

use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Quadrature;
use tumble_core::System;
use tumble_core::analytic::{DirectToy, Legendre, TwoHopToy};
use tumble_core::average::{Request, average};
use tumble_core::blocks::Blocks;
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::planner::{Level, ModelCosts, Partition, RecomputeLevel};
use tumble_core::potential::{Forces, ModelInfo, Potential, Response};
use tumble_core::potential_plan::bytes_per_replica;
use tumble_core::rotation::{Matrix3, apply_transposed};

const CUTOFF: f64 = 3.0;
const CELL: Matrix3 = [[14.0, 0.0, 0.0], [1.7, 13.0, 0.0], [-1.2, 0.8, 12.0]];

/// Three hundred atoms, scattered evenly over a periodic cell.
fn graph() -> Graph {
    let place = |i: usize| [0.754_877_67, 0.569_840_29, 0.430_159_71].map(|s| (s * (i + 1) as f64).fract());
    let positions: Vec<_> = (0..300).map(|i| apply_transposed(&CELL, place(i))).collect();
    let species = (0..300).map(|i| 1 + 7 * (i % 2) as u8).collect();
    neighbors::graph(&System::new(positions, species, Cell::new(CELL, [true; 3]).unwrap()).unwrap(), CUTOFF).unwrap()
}

fn two_hops() -> TwoHopToy {
    TwoHopToy::new(CUTOFF, 0.7, 0.6)
}

fn evaluate(potential: &mut dyn Potential, graph: &Graph, forces: Forces, memory: usize) -> Evaluation {
    let grid = Quadrature::tetrahedral();
    let request = Request { edge_gradients: true, probes: &[0, 7], ..Request::new(forces, memory) };
    average(potential, graph, &grid, &request).unwrap()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-11, "{a} {b}"));
}

#[test]
fn blocks_sum_up_to_the_whole() {
    let (graph, mut toy) = (graph(), two_hops());
    let all = bytes_per_replica(&toy, &graph);
    let whole = evaluate(&mut toy, &graph, Forces::Conservative, all);
    for (parts, memory) in [(2, all - 1), (4, all / 2)] {
        assert!(Blocks::cut(&graph, &toy, memory).unwrap().len() >= parts);
        let found = evaluate(&mut toy, &graph, Forces::Conservative, memory);
        assert_close(&[found.energy, found.spread.energy], &[whole.energy, whole.spread.energy]);
        assert_close(&found.atomic_energies, &whole.atomic_energies);
        assert_close(found.forces.as_flattened(), whole.forces.as_flattened());
        assert_close(found.edge_gradients.as_flattened(), whole.edge_gradients.as_flattened());
        assert_close(found.spread.forces.as_flattened(), whole.spread.forces.as_flattened());
        assert_close(found.virial.unwrap().as_flattened(), whole.virial.unwrap().as_flattened());
    }
}

#[test]
fn ghosts_of_weight_zero_stay_ghosts() {
    let (mut graph, mut toy) = (graph(), two_hops());
    (150..300).for_each(|c| graph.weights[c] = 0.0);
    let all = bytes_per_replica(&toy, &graph);
    let (whole, cut) = (
        evaluate(&mut toy, &graph, Forces::Conservative, all),
        evaluate(&mut toy, &graph, Forces::Conservative, all - 1),
    );
    assert_close(&[cut.energy], &[whole.energy]);
    assert_close(cut.forces.as_flattened(), whole.forces.as_flattened());
}

#[test]
fn direct_forces_in_blocks_have_no_stress() {
    let graph = graph();
    let mut toy = DirectToy::new(CUTOFF, 0.5, Legendre { l1: 0.3, l2: 0.2, l4: 0.0 });
    let all = bytes_per_replica(&toy, &graph);
    let whole = evaluate(&mut toy, &graph, Forces::Direct, all);
    let cut = evaluate(&mut toy, &graph, Forces::Direct, all / 2);
    assert_close(cut.forces.as_flattened(), whole.forces.as_flattened());
    assert!(cut.virial.is_none());
}

#[test]
fn a_memory_limit_too_small_is_refused_with_a_figure_that_is_accepted() {
    let (graph, toy) = (graph(), two_hops());
    let error = Blocks::cut(&graph, &toy, 1 << 10).unwrap_err().to_string();
    let start =
        "memory is limited to 0 MB, too little even for a small part of the structure: raise memory to at least ";
    let needed = error.strip_prefix(start).and_then(|rest| rest.strip_suffix(" MB")).expect(&error);
    assert!(Blocks::cut(&graph, &toy, needed.parse::<usize>().unwrap() << 20).is_ok(), "{error}");
}

/// A model of two hops, partitioned into stages, that was opened with some memory.
struct Staged {
    toy: TwoHopToy,
    info: ModelInfo,
    memory: usize,
}

impl Potential for Staged {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.toy.evaluate(graph, rotations, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        let levels = [40_000, 20_000, 10_000].map(Level::Keeps);
        let partition = Partition { memory: self.memory, levels };
        ModelCosts { bytes_per_slot: 100_000, partition, ..self.toy.costs(level) }
    }
}

#[test]
fn memory_that_an_error_names_is_accepted_whatever_was_given() {
    let graph = graph();
    for (whole, given) in [false, true].into_iter().flat_map(|whole| [1, 2, 4, 8, 24, 60].map(|given| (whole, given))) {
        let info = ModelInfo { whole, ..two_hops().info().clone() };
        let staged = |memory| Staged { toy: two_hops(), info: info.clone(), memory: memory << 20 };
        let Err(error) = Blocks::cut(&graph, &staged(given), given << 20) else { continue };
        let named: Vec<usize> = error.to_string().split(' ').filter_map(|word| word.parse().ok()).collect();
        assert_eq!(named[0], given, "{error}");
        let cut = |memory| Blocks::cut(&graph, &staged(memory), memory << 20).is_ok();
        assert!(cut(named[1]), "{error}");
        assert!(!whole || !cut(named[1] - 1), "{error}");
    }
}

/// A model with a global energy, not a sum over atoms.
struct Whole(TwoHopToy, ModelInfo);

impl Potential for Whole {
    fn info(&self) -> &ModelInfo {
        &self.1
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.0.evaluate(graph, rotations, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.0.costs(level)
    }
}

#[test]
fn global_energies_are_not_evaluated_in_blocks() {
    let (graph, toy) = (graph(), two_hops());
    let info = ModelInfo { whole: true, ..toy.info().clone() };
    let whole = Whole(toy, info);
    let all = bytes_per_replica(&whole, &graph);
    assert_eq!(Blocks::cut(&graph, &whole, all).unwrap().len(), 1);
    let error = Blocks::cut(&graph, &whole, all - 1).unwrap_err().to_string();
    assert!(
        error.contains("has a global energy, so that the structure cannot be cut into blocks: raise memory from"),
        "{error}"
    );
}
