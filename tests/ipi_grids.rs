//! tumble's grids against i-PI 3.3, rotation by rotation; tests/data/ipi_grids.py made the fixtures.

use serde::Deserialize;
use tumble_core::Quadrature;

/// A grid of i-PI. Matrices are flat, rows first; a rotated vector is R v.
#[derive(Deserialize)]
struct Fixture {
    name: String,
    count: usize,
    /// Σ_k (k / n) w_k R_k.
    moment: Vec<f64>,
    /// All rotations, for a small grid.
    rotations: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    /// The first and the last three rotations, for a large grid.
    first: Option<Vec<f64>>,
    last: Option<Vec<f64>>,
}

fn fixtures() -> Vec<Fixture> {
    serde_json::from_str(include_str!("data/ipi_grids.json")).unwrap()
}

fn ours(fixture: &Fixture) -> Quadrature {
    let (family, order) = fixture.name.split_once(':').unwrap();
    let order = order.parse().unwrap();
    if family == "legendre" { Quadrature::legendre(order).unwrap() } else { Quadrature::lebedev(order).unwrap() }
}

fn assert_close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: &[f64], what: &str) {
    let found: Vec<_> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.into_iter().zip(expected) {
        assert!((f - e).abs() < 1e-12, "{what}: {f}, i-PI has {e}");
    }
}

fn moment(grid: &Quadrature) -> [f64; 9] {
    let mut sum = [0.0; 9];
    for (k, (r, w)) in grid.rotations.iter().zip(&grid.weights).enumerate() {
        let share = k as f64 / grid.len() as f64 * w;
        sum.iter_mut().zip(r.iter().flatten()).for_each(|(s, x)| *s += share * x);
    }
    sum
}

#[test]
fn small_grids_equal_those_of_ipi_in_order() {
    let whole: Vec<_> = fixtures().into_iter().filter(|f| f.rotations.is_some()).collect();
    assert_eq!(whole.len(), 10);
    for fixture in whole {
        let grid = ours(&fixture);
        assert_close(grid.rotations.iter().flatten().flatten(), &fixture.rotations.unwrap(), &fixture.name);
        assert_close(&grid.weights, &fixture.weights.unwrap(), &fixture.name);
    }
}

#[test]
fn large_grids_agree_in_size_ends_and_moment() {
    for fixture in fixtures() {
        let grid = ours(&fixture);
        assert_eq!(grid.len(), fixture.count, "{}", fixture.name);
        assert_close(&moment(&grid), &fixture.moment, &fixture.name);
        let (Some(first), Some(last)) = (fixture.first, fixture.last) else { continue };
        assert_close(grid.rotations[..3].iter().flatten().flatten(), &first, &fixture.name);
        assert_close(grid.rotations[grid.len() - 3..].iter().flatten().flatten(), &last, &fixture.name);
    }
}
