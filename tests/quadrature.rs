//! Properties of every quadrature: averages of Wigner's D^ℓ vanish through its degree, and not above.

use tumble_check::wigner::{largest_averages, wigner};
use tumble_core::Quadrature;
use tumble_core::rotation::{determinant, draw, multiply};

fn groups() -> [Quadrature; 3] {
    [Quadrature::tetrahedral(), Quadrature::octahedral(), Quadrature::icosahedral()]
}

fn products() -> impl Iterator<Item = Quadrature> {
    let legendre = (1..=6).map(|order| Quadrature::legendre(order).unwrap());
    let lebedev = (1..=13).step_by(2).map(|order| Quadrature::lebedev(order).unwrap());
    legendre.chain(lebedev)
}

fn cheapest() -> impl Iterator<Item = Quadrature> {
    (1..=14).map(|degree| Quadrature::degree(degree).unwrap())
}

fn assert_exact(grid: &Quadrature) {
    let averages = largest_averages(&grid.rotations, &grid.weights, grid.degree);
    for (l, average) in averages.iter().enumerate().skip(1) {
        assert!(*average < 1e-12, "{}: the average of D^{l} has an entry of {average}", grid.name);
    }
}

#[test]
fn the_helper_is_a_homomorphism() {
    let (a, b) = (draw(1, 0, 0), draw(1, 1, 0));
    for ((a, b), ab) in wigner(&a, 14).iter().zip(wigner(&b, 14)).zip(wigner(&multiply(&a, &b), 14)) {
        let l = (ab.entries().len() as f64).sqrt() as i32 / 2;
        for (m, n) in (-l..=l).flat_map(|m| (-l..=l).map(move |n| (m, n))) {
            let product: f64 = (-l..=l).map(|k| a.at(m, k) * b.at(k, n)).sum();
            assert!((product - ab.at(m, n)).abs() < 1e-13, "ℓ {l}, m {m}, n {n}");
        }
    }
}

#[test]
fn the_helper_has_the_characters_of_the_rotation_group() {
    let r = draw(3, 0, 0);
    let angle = ((r[0][0] + r[1][1] + r[2][2] - 1.0) / 2.0).acos();
    for (l, matrix) in wigner(&r, 14).iter().enumerate() {
        let trace: f64 = (-(l as i32)..=l as i32).map(|m| matrix.at(m, m)).sum();
        let character = ((l as f64 + 0.5) * angle).sin() / (angle / 2.0).sin();
        assert!((trace - character).abs() < 1e-12, "ℓ {l}");
    }
}

#[test]
fn grids_are_exact_through_their_degree_and_not_above() {
    for grid in groups().into_iter().chain(products()).chain(cheapest()) {
        assert_exact(&grid);
    }
    // Degree 4 is reached by a group of degree 5.
    for grid in groups().into_iter().chain(products()).chain(cheapest().filter(|g| g.name != "degree:4")) {
        let above = largest_averages(&grid.rotations, &grid.weights, grid.degree + 1)[grid.degree + 1];
        assert!(above > 1e-3, "{}: D^{} averages to {above}", grid.name, grid.degree + 1);
    }
}

#[test]
fn weights_sum_to_one() {
    for grid in groups().into_iter().chain(products()).chain(cheapest()) {
        assert_eq!(grid.weights.len(), grid.len());
        // Summed in parts, to reduce the rounding of the sum itself.
        let sum: f64 = grid.weights.chunks(30).map(|part| part.iter().sum::<f64>()).sum();
        assert!((sum - 1.0).abs() < 1e-14, "{}: {}", grid.name, sum - 1.0);
    }
}

#[test]
fn all_nodes_are_rotations() {
    for grid in groups().into_iter().chain(products()).chain(cheapest()) {
        assert!(grid.rotations.iter().all(|r| (determinant(r) - 1.0).abs() < 1e-14), "{}", grid.name);
    }
}

#[test]
fn the_cheapest_grids_have_positive_weights_and_the_documented_size() {
    let sizes: Vec<_> = cheapest().map(|grid| grid.len()).collect();
    assert_eq!(sizes, [4, 12, 24, 60, 60, 182, 208, 342, 380, 550, 600, 1118, 1204, 1290]);
    assert!(cheapest().all(|grid| grid.weights.iter().all(|w| *w > 0.0)));
}

#[test]
fn a_turned_grid_keeps_its_degree() {
    for (step, grid) in groups().into_iter().chain(products()).enumerate() {
        assert_exact(&grid.rotated(&draw(5, step as u64, 0)));
    }
}

#[test]
fn turning_applies_the_given_rotation_first() {
    let (grid, by) = (Quadrature::icosahedral(), draw(5, 0, 0));
    assert_eq!(grid.rotated(&by).rotations[7], multiply(&grid.rotations[7], &by));
}

#[test]
fn inversion_follows_every_rotation() {
    for grid in groups() {
        let both = grid.with_inversion();
        assert_eq!((both.len(), both.degree), (2 * grid.len(), grid.degree));
        assert!((both.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        for (pair, proper) in both.rotations.chunks(2).zip(&grid.rotations) {
            assert_eq!(pair, [*proper, proper.map(|row| row.map(|x| -x))]);
        }
    }
}
