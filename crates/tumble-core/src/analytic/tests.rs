//! Tests of the analytic potentials: gradients against finite differences, means and spreads over a dense set of
//! rotations, permutations of atoms.

use std::f64::consts::PI;

use super::*;
use crate::graph::Edge;
use crate::neighbors;
use crate::potential::Potential;
use crate::rotation::{IDENTITY, add, apply_transposed, cross, multiply, sub};
use crate::system::{Cell, System};

const CUTOFF: f64 = 3.0;
const STRENGTHS: Legendre = Legendre { l1: 0.3, l2: -0.5, l4: 0.7 };

/// Pseudorandom numbers between -1 and 1.
fn number(i: usize) -> f64 {
    (f64::from(i as u32) * 78.233 + 0.5).sin() * 43758.5453 % 1.0
}

fn harmonic() -> HarmonicToy {
    HarmonicToy::new(CUTOFF, &[(1, 0.6), (8, -1.1)], STRENGTHS)
}

fn two_hop() -> TwoHopToy {
    TwoHopToy::new(CUTOFF, 1.3, 0.8)
}

fn direct() -> DirectToy {
    DirectToy::new(CUTOFF, 0.9, STRENGTHS).with_stress()
}

fn toys() -> Vec<Box<dyn Potential>> {
    vec![Box::new(PairToy::new(CUTOFF, 2.0)), Box::new(harmonic()), Box::new(two_hop()), Box::new(direct())]
}

fn species(n: usize) -> Vec<u8> {
    [8, 1, 1].into_iter().cycle().take(n).collect()
}

/// Ten atoms in a small skewed cell.
fn crystal() -> System {
    let positions = (0..10).map(|i| [0, 1, 2].map(|k| 5.0 * number(3 * i + k))).collect();
    let cell = Cell::new([[4.0, 0.0, 0.5], [1.0, 4.5, 0.0], [0.0, -1.0, 5.0]], [true; 3]).unwrap();
    System::new(positions, species(10), cell).unwrap()
}

/// Seven atoms: three own centers, two ghost centers and two neighbors. Some edges are beyond the cutoff; none has a
/// reverse.
fn ghosts() -> Graph {
    let row = |c: usize| {
        (0..4).map(move |k| Edge {
            neighbor: (c + 1 + k) % 7,
            vector: [0, 1, 2].map(|d| 0.3 + 1.9 * number(100 + 12 * c + 3 * k + d)),
        })
    };
    Graph::new(species(7), vec![1.0, 1.0, 0.5, 0.0, 0.0], (0..5).map(|c| row(c).collect()).collect())
}

fn evaluate(toy: &mut dyn Potential, graph: &Graph, forces: Forces) -> Response {
    toy.evaluate(graph, &[IDENTITY], forces).unwrap().remove(0)
}

fn energy(graph: &Graph, response: &Response) -> f64 {
    response.atomic_energies.iter().zip(&graph.weights).map(|(e, w)| e * w).sum()
}

fn gradients(response: &Response) -> &[Vector3] {
    let Derivative::EdgeGradients(gradients) = &response.derivative else { panic!("no gradients") };
    gradients
}

fn forces(response: &Response) -> &[Vector3] {
    let Derivative::Direct { forces, .. } = &response.derivative else { panic!("no forces") };
    forces
}

fn assert_near(a: Vector3, b: Vector3, tolerance: f64) {
    let d = sub(a, b);
    assert!(dot(d, d).sqrt() < tolerance, "{a:?} is not {b:?}");
}

/// Rotations and weights that integrate products of two functions of degree 4 exactly: grids in both Euler angles about
/// z, and Gauss-Legendre nodes in the angle about x (5 nodes: degree 9).
fn rotations() -> Vec<(Matrix3, f64)> {
    const NODES: [(f64, f64); 5] = [
        (0.0, 0.5688888888888889),
        (0.5384693101056831, 0.47862867049936647),
        (-0.5384693101056831, 0.47862867049936647),
        (0.906179845938664, 0.23692688505618908),
        (-0.906179845938664, 0.23692688505618908),
    ];
    let about_z = |k: usize| {
        let (s, c) = (2.0 * PI * k as f64 / 9.0).sin_cos();
        [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
    };
    let about_x = |c: f64| {
        let s = (1.0 - c * c).sqrt();
        [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]
    };
    let turn = |k: usize, c, l| multiply(&about_z(k), &multiply(&about_x(c), &about_z(l)));
    let weight = |w: f64| w / 2.0 / 81.0;
    let angles = (0..9).flat_map(|k| (0..9).map(move |l| (k, l)));
    angles.flat_map(|(k, l)| NODES.map(|(c, w)| (turn(k, c, l), weight(w)))).collect()
}

/// Returns the mean over all rotations of a function of rotation and response.
fn mean(toy: &mut dyn Potential, graph: &Graph, kind: Forces, of: impl Fn(&Matrix3, &Response) -> f64) -> f64 {
    let (rotations, weights): (Vec<_>, Vec<_>) = rotations().into_iter().unzip();
    let responses = toy.evaluate(graph, &rotations, kind).unwrap();
    responses.iter().zip(&rotations).zip(weights).map(|((response, r), w)| w * of(r, response)).sum()
}

#[test]
fn gradients_match_finite_differences_of_the_weighted_energy() {
    for graph in [ghosts(), neighbors::graph(&crystal(), CUTOFF).unwrap()] {
        for mut toy in toys() {
            let response = evaluate(toy.as_mut(), &graph, Forces::Conservative);
            for edge in 0..graph.n_edges() {
                let mut by = |axis: usize, step: f64| {
                    let mut moved = graph.clone();
                    moved.vectors[edge][axis] += step;
                    energy(&moved, &evaluate(toy.as_mut(), &moved, Forces::Conservative))
                };
                let numeric = [0, 1, 2].map(|axis| (by(axis, 1e-5) - by(axis, -1e-5)) / 2e-5);
                assert_near(gradients(&response)[edge], numeric, 1e-8);
            }
        }
    }
}

#[test]
fn legendre_moments_match_numerical_integrals() {
    let n = 20000;
    let average = |f: &dyn Fn(f64) -> f64| {
        (0..n).map(|i| f((f64::from(i) + 0.5) / f64::from(n) * 2.0 - 1.0)).sum::<f64>() / f64::from(n)
    };
    assert!(average(&|x| STRENGTHS.value(x)).abs() < 1e-8);
    assert!((average(&|x| STRENGTHS.value(x).powi(2)) - STRENGTHS.covariance(1.0)).abs() < 1e-7);
    let slope = average(&|x| STRENGTHS.derivative(x).powi(2) * (1.0 - x * x));
    assert!((slope - STRENGTHS.mean_square_slope()).abs() < 1e-6);
}

#[test]
fn harmonic_toy_has_the_predicted_mean_and_variance() {
    let (mut toy, graph) = (harmonic(), ghosts());
    for (center, expected) in toy.mean_atomic_energies(&graph).into_iter().enumerate() {
        let found = mean(&mut toy, &graph, Forces::Conservative, |_, response| response.atomic_energies[center]);
        assert!((found - expected).abs() < 1e-12);
    }
    for (edge, expected) in toy.mean_gradients(&graph).into_iter().enumerate() {
        let back =
            |axis: usize| move |r: &Matrix3, response: &Response| apply_transposed(r, gradients(response)[edge])[axis];
        let found = [0, 1, 2].map(|axis| mean(&mut toy, &graph, Forces::Conservative, back(axis)));
        assert_near(found, expected, 1e-12);
    }
    let first = mean(&mut toy, &graph, Forces::Conservative, |_, response| energy(&graph, response));
    let variance =
        mean(&mut toy, &graph, Forces::Conservative, |_, response| (energy(&graph, response) - first).powi(2));
    let expected = toy.energy_variance(&graph);
    assert!(expected > 1e-3 && (variance - expected).abs() < 1e-12 * expected.max(1.0));
}

#[test]
fn harmonic_toy_has_the_predicted_spread_and_torque_of_one_edge() {
    let vector = [0.7, -0.4, 1.2];
    let graph = Graph::new(vec![8, 1], vec![1.0], vec![vec![Edge { neighbor: 1, vector }]]);
    let (mut toy, polar) = (harmonic(), Polar::new(vector));
    let (f, slope) = smooth(polar.r, CUTOFF);
    let kind = Forces::Conservative;
    let expected = toy.mean_gradients(&graph)[0];
    let spread = mean(&mut toy, &graph, kind, |r, response| {
        let d = sub(apply_transposed(r, gradients(response)[0]), expected);
        dot(d, d)
    });
    let across = (f / polar.r).powi(2) * STRENGTHS.mean_square_slope();
    assert!((spread - 1.21 * (slope.powi(2) * STRENGTHS.covariance(1.0) + across)).abs() < 1e-12);
    let torque = mean(&mut toy, &graph, kind, |r, response| {
        let torque = cross(apply(r, vector), gradients(response)[0]);
        dot(torque, torque)
    });
    assert!((torque - 1.21 * f * f * STRENGTHS.mean_square_slope()).abs() < 1e-12);
}

#[test]
fn odd_terms_cancel_in_a_full_list_if_charges_are_equal() {
    let graph = neighbors::graph(&crystal(), CUTOFF).unwrap();
    let odd = Legendre { l1: 1.0, ..Legendre::default() };
    assert!(HarmonicToy::new(CUTOFF, &[(1, 1.0), (8, 1.0)], odd).energy_variance(&graph) < 1e-20);
    assert!(HarmonicToy::new(CUTOFF, &[(1, 1.0), (8, 2.0)], odd).energy_variance(&graph) > 1e-3);
}

#[test]
fn pair_toy_and_untilted_two_hop_toy_are_invariant() {
    let graph = neighbors::graph(&crystal(), CUTOFF).unwrap();
    let toys: [&mut dyn Potential; 2] = [&mut PairToy::new(CUTOFF, 2.0), &mut TwoHopToy::new(CUTOFF, 2.0, 0.0)];
    for toy in toys {
        let here = evaluate(toy, &graph, Forces::Conservative);
        let largest = mean(toy, &graph, Forces::Conservative, |r, response| {
            let turned = gradients(response).iter().map(|g| apply_transposed(r, *g));
            turned.zip(gradients(&here)).for_each(|(g, h)| assert_near(g, *h, 1e-12));
            (energy(&graph, response) - energy(&graph, &here)).abs()
        });
        assert!(largest < 1e-12);
    }
}

#[test]
fn two_hop_toy_reaches_two_hops_and_depends_on_rotations() {
    let chain = |last: f64| {
        let positions = [0.0, 2.0, 4.0, last].map(|x| [x, 0.1 * x, 0.3 * x]).to_vec();
        let system = System::new(positions, vec![1; 4], Cell::isolated()).unwrap();
        let graph = neighbors::graph(&system, CUTOFF).unwrap();
        evaluate(&mut two_hop(), &graph, Forces::Conservative).atomic_energies
    };
    let (a, b) = (chain(6.0), chain(6.1));
    assert_eq!(a[0], b[0]);
    assert!(a[1] != b[1] && a[3] != b[3]);
    let graph = neighbors::graph(&crystal(), CUTOFF).unwrap();
    let first = mean(&mut two_hop(), &graph, Forces::Conservative, |_, response| energy(&graph, response));
    let variance =
        mean(&mut two_hop(), &graph, Forces::Conservative, |_, response| (energy(&graph, response) - first).powi(2));
    assert!(variance > 1e-6, "{variance}");
}

#[test]
fn direct_forces_average_to_the_conservative_forces() {
    let graph = neighbors::graph(&crystal(), CUTOFF).unwrap();
    let mut toy = direct();
    let mut expected = vec![[0.0; 3]; graph.n_atoms()];
    let conservative = evaluate(&mut toy, &graph, Forces::Conservative);
    for ((center, edge), g) in graph.center_edges().zip(gradients(&conservative)) {
        expected[center] = add(expected[center], *g);
        expected[graph.neighbors[edge]] = sub(expected[graph.neighbors[edge]], *g);
    }
    for (center, expected) in expected.into_iter().enumerate() {
        let back =
            |axis: usize| move |r: &Matrix3, response: &Response| apply_transposed(r, forces(response)[center])[axis];
        assert_near([0, 1, 2].map(|axis| mean(&mut toy, &graph, Forces::Direct, back(axis))), expected, 1e-12);
    }
    let net = forces(&evaluate(&mut toy, &graph, Forces::Direct)).iter().fold([0.0; 3], |sum, f| add(sum, *f));
    assert!(dot(net, net) > 1e-4, "{net:?}");
}

#[test]
fn direct_forces_of_one_edge_have_the_predicted_spread() {
    let vector = [0.7, -0.4, 1.2];
    let graph = Graph::new(vec![8, 1], vec![1.0], vec![vec![Edge { neighbor: 1, vector }]]);
    let force = scale(vector, -0.9 / CUTOFF * smooth(Polar::new(vector).r, CUTOFF).0);
    let spread = mean(&mut direct(), &graph, Forces::Direct, |r, response| {
        let d = sub(apply_transposed(r, forces(response)[0]), force);
        dot(d, d)
    });
    assert!((spread - dot(force, force) * STRENGTHS.covariance(1.0)).abs() < 1e-12);
}

#[test]
fn stress_of_the_invariant_direct_toy_is_the_derivative_of_its_energy() {
    let graph = neighbors::graph(&crystal(), CUTOFF).unwrap();
    let mut toy = DirectToy::new(CUTOFF, 0.9, Legendre::default()).with_stress();
    let Derivative::Direct { stress: Some(stress), .. } = evaluate(&mut toy, &graph, Forces::Direct).derivative else {
        panic!("no stress")
    };
    let conservative = evaluate(&mut toy, &graph, Forces::Conservative);
    let mut expected = [[0.0; 3]; 3];
    for (v, g) in graph.vectors.iter().zip(gradients(&conservative)) {
        expected = [0, 1, 2].map(|i| add(expected[i], scale(*g, v[i] / graph.volume.unwrap())));
    }
    (0..3).for_each(|i| assert_near(stress[i], expected[i], 1e-14));
    assert!(stress[0][0] < 0.0);
}

#[test]
fn energies_permute_with_the_atoms() {
    let system = crystal();
    let order: Vec<_> = (0..10).map(|i| (7 * i + 3) % 10).collect();
    let permuted = System::new(
        order.iter().map(|&i| system.positions[i]).collect(),
        order.iter().map(|&i| system.species[i]).collect(),
        system.cell.clone(),
    );
    let graphs = [&system, &permuted.unwrap()].map(|s| neighbors::graph(s, CUTOFF).unwrap());
    for mut toy in toys() {
        let kind = toy.info().forces[0];
        let [a, b] = [0, 1].map(|g| evaluate(toy.as_mut(), &graphs[g], kind));
        for (atom, &from) in order.iter().enumerate() {
            assert!((b.atomic_energies[atom] - a.atomic_energies[from]).abs() < 1e-12);
        }
    }
}

#[test]
fn toys_refuse_unknown_forces_and_elements() {
    let graph = Graph::new(vec![26], vec![1.0], vec![vec![]]);
    let refusal = |forces| harmonic().evaluate(&graph, &[IDENTITY], forces).unwrap_err().to_string();
    assert_eq!(
        refusal(Forces::Direct),
        "the model \"harmonic toy\" offers no direct forces: ask for conservative ones"
    );
    assert_eq!(refusal(Forces::Conservative), "the model \"harmonic toy\" does not know element Fe: it knows H, O");
}
