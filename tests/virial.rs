//! Virials of single atoms: their sum, and the meaning of the centroid form.

use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Quadrature;
use tumble_core::System;
use tumble_core::analytic::{HarmonicToy, Legendre};
use tumble_core::average::{Request, average};
use tumble_core::graph::Graph;
use tumble_core::neighbors;
use tumble_core::potential::Forces;
use tumble_core::rotation::{IDENTITY, Matrix3, Vector3, add, scale, symmetrized};
use tumble_core::virial::{centroid_virials, virials};

const CUTOFF: f64 = 3.0;

fn positions() -> Vec<Vector3> {
    let place = |i: usize| [0.754_877_67, 0.569_840_29, 0.430_159_71].map(|s| 6.5 * (s * (i + 1) as f64).fract());
    (0..30).map(place).collect()
}

fn graph(positions: Vec<Vector3>) -> Graph {
    let cell = Cell::new(IDENTITY.map(|row| scale(row, 6.5)), [true; 3]).unwrap();
    neighbors::graph(&System::new(positions, vec![8; 30], cell).unwrap(), CUTOFF).unwrap()
}

fn evaluate(graph: &Graph) -> Evaluation {
    let mut toy = HarmonicToy::new(CUTOFF, &[(8, 0.7)], Legendre { l1: 0.3, l2: 0.2, l4: 0.1 });
    let request = Request { edge_gradients: true, ..Request::new(Forces::Conservative, 1 << 30) };
    average(&mut toy, graph, &Quadrature::tetrahedral(), &request).unwrap()
}

fn sum(virials: &[Matrix3]) -> Matrix3 {
    virials.iter().fold([[0.0; 3]; 3], |sum, w| [0, 1, 2].map(|a| add(sum[a], w[a])))
}

fn assert_close(found: &Matrix3, expected: &Matrix3, tolerance: f64) {
    let pairs = found.as_flattened().iter().zip(expected.as_flattened());
    pairs.for_each(|(a, b)| assert!((a - b).abs() < tolerance * (1.0 + b.abs()), "{a} {b}"));
}

#[test]
fn both_forms_add_up_to_the_virial() {
    let graph = graph(positions());
    let evaluation = evaluate(&graph);
    let virial = evaluation.virial.unwrap();
    assert!(virial[0][0].abs() > 0.1);
    assert_close(&sum(&virials(&graph, &evaluation.edge_gradients)), &virial, 1e-12);
    let centroid = sum(&centroid_virials(&graph, &evaluation.edge_gradients));
    assert_close(&symmetrized(&centroid), &virial, 1e-12);
    // Symmetrizing discards the torque.
    assert!((centroid[1][2] - centroid[2][1] - evaluation.torque[0]).abs() < 1e-12);
}

/// For one hop the centroid virial of atom j is Σ_i r_ij ⊗ -dU_i/dx_j, U_i the energy of atom i: the flux of energy from
/// all i to j when j moves. The derivatives are taken by moving atom j.
#[test]
fn the_centroid_form_is_the_work_of_a_moving_atom_on_the_energies_of_the_others() {
    let (x, h) = (positions(), 1e-5);
    let graph_here = graph(x.clone());
    let found = centroid_virials(&graph_here, &evaluate(&graph_here).edge_gradients)[3];
    let energies = |axis: usize, by: f64| {
        let mut moved = x.clone();
        moved[3][axis] += by;
        evaluate(&graph(moved)).atomic_energies
    };
    let mut expected = [[0.0; 3]; 3];
    for (b, (up, down)) in (0..3).map(|b| (b, (energies(b, h), energies(b, -h)))) {
        for (center, edge) in graph_here.center_edges().filter(|&(c, e)| graph_here.neighbors[e] == 3 && c != 3) {
            // Only with a single edge from i to j, dU_i/dx_j is the gradient of that edge alone.
            let edges = graph_here.edges(center).filter(|&e| graph_here.neighbors[e] == 3).count();
            assert_eq!(edges, 1, "the box is wide enough");
            let slope = (up[center] - down[center]) / (2.0 * h);
            (0..3).for_each(|a| expected[a][b] -= graph_here.vectors[edge][a] * slope);
        }
    }
    assert_close(&found, &expected, 1e-7);
}
