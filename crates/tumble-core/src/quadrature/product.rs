//! Product grids: a quadrature rule for the sphere times equispaced angles.
//!
//! In Euler angles R = Rz(ω) Rx(β) Rz(θ), D^ℓ_mm' is exp(-imω) d^ℓ(β) exp(-im'θ) up to a phase. n equispaced angles
//! average all 0 < |m| < n to zero; a spherical harmonic in the other two angles remains for m = 0. Such quadratures on
//! the rotation group: M. Gräf and D. Potts, Numer. Funct. Anal. Optim. 30 (2009) 665.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::{Quadrature, lebedev};
use crate::error::{Error, Result};
use crate::rotation::{IDENTITY, Matrix3, Vector3, about, multiply};

/// Highest order of a Legendre grid: a larger one would only fill the memory.
const MAX_LEGENDRE: usize = 50;

impl Quadrature {
    /// Returns i-PI's Legendre grid of order L, of degree 2L - 2: the L points of Gauss-Legendre quadrature in cos β
    /// times 2L - 1 angles θ and ω each.
    ///
    /// The rotations and their order are those of i-PI: 1, 18, 75, 196, 405 ... rotations for L = 1, 2, 3, 4, 5.
    ///
    /// # Errors
    /// [`Error::GridOrder`] unless 1 <= L <= 50.
    pub fn legendre(order: usize) -> Result<Self> {
        if !(1..=MAX_LEGENDRE).contains(&order) {
            let expected = format!("a whole number from 1 to {MAX_LEGENDRE}");
            return Err(Error::GridOrder { family: "legendre", order, expected, example: 2 });
        }
        let name = format!("legendre:{order}");
        if order == 1 {
            // The construction below would give a quarter turn about x. i-PI makes the same exception.
            return Ok(Self::equal_weights(name, vec![IDENTITY], 0));
        }
        let tilts: Vec<_> = gauss_legendre(order).into_iter().map(|(cos, weight)| (tilt(cos.acos()), weight)).collect();
        let turns: Vec<_> = equispaced(2 * order - 1).map(turn).collect();
        let mut nodes = Vec::with_capacity(tilts.len() * turns.len().pow(2));
        for first in &turns {
            let tilted: Vec<_> = tilts.iter().map(|(tilt, weight)| (multiply(tilt, first), *weight)).collect();
            nodes.extend(products(&turns, &tilted));
        }
        Ok(Self::new(name, nodes, 2 * order - 2))
    }

    /// Returns i-PI's Lebedev grid of order L, of degree L - 1: Lebedev's rule of order L times L angles.
    ///
    /// The rotations and their order are those of i-PI: 1, 18, 70, 182, 342 ... rotations for L = 1, 3, 5, 7, 9.
    ///
    /// # Errors
    /// [`Error::GridOrder`] if there is no rule of this order.
    pub fn lebedev(order: usize) -> Result<Self> {
        let name = format!("lebedev:{order}");
        if order == 1 {
            return Ok(Self::equal_weights(name, vec![IDENTITY], 0));
        }
        let nodes = sphere_times_angles(order, order).ok_or_else(|| no_lebedev(order))?;
        Ok(Self::new(name, nodes, order - 1))
    }

    /// Returns the cheapest grid of positive weights that is exact through ℓ = N.
    ///
    /// It is a rotation group if one exists for N, otherwise N + 1 angles times the smallest of Lebedev's rules that
    /// has positive weights and is exact through N.
    ///
    /// | N | 1 | 2 | 3 | 4, 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 |
    /// |---|---|---|---|---|---|---|---|---|---|---|---|---|---|
    /// | rotations | 4 | 12 | 24 | 60 | 182 | 208 | 342 | 380 | 550 | 600 | 1118 | 1204 | 1290 |
    ///
    /// # Errors
    /// [`Error::GridOrder`] unless 1 <= N <= 101.
    pub fn degree(degree: usize) -> Result<Self> {
        let grid = match degree {
            1 => Self::half_turns(),
            2 => Self::tetrahedral(),
            3 => Self::octahedral(),
            4 | 5 => Self::icosahedral(),
            _ => return Self::sphere_through(degree),
        };
        Ok(Self { name: format!("degree:{degree}"), ..grid })
    }

    /// Returns the product of Lebedev's rule for the sphere and N + 1 angles.
    fn sphere_through(degree: usize) -> Result<Self> {
        let order = lebedev::positive_order(degree).filter(|_| degree > 0);
        let Some(nodes) = order.and_then(|order| sphere_times_angles(order, degree + 1)) else {
            let highest = lebedev::orders().last().unwrap_or(0);
            let expected = format!("a whole number from 1 to {highest}");
            return Err(Error::GridOrder { family: "degree", order: degree, expected, example: 3 });
        };
        Ok(Self::new(format!("degree:{degree}"), nodes, degree))
    }
}

/// Returns the error for an order without a rule, with a list of the orders.
fn no_lebedev(order: usize) -> Error {
    let orders: Vec<_> = std::iter::once(1).chain(lebedev::orders()).map(|o| o.to_string()).collect();
    Error::GridOrder { family: "lebedev", order, expected: format!("one of {}", orders.join(", ")), example: 3 }
}

/// Returns Rz(angle) R(point) for every point of Lebedev's rule (fastest) and every equispaced angle (slowest).
fn sphere_times_angles(order: usize, angles: usize) -> Option<Vec<(Matrix3, f64)>> {
    let sphere: Vec<_> = lebedev::rule(order)?.into_iter().map(|(point, w)| (toward(point), w)).collect();
    let turns: Vec<_> = equispaced(angles).map(turn).collect();
    Some(products(&turns, &sphere).collect())
}

/// Multiplies every turn (slowest) by every rotation (fastest, applied first), with the weight of the rotation.
fn products(turns: &[Matrix3], rotations: &[(Matrix3, f64)]) -> impl Iterator<Item = (Matrix3, f64)> {
    turns.iter().flat_map(|turn| rotations.iter().map(move |(rotation, weight)| (multiply(turn, rotation), *weight)))
}

/// Returns Rx(β) Rz(α) for the point of azimuth α and polar angle β.
fn toward(point: Vector3) -> Matrix3 {
    let [x, y, z] = point;
    // At the poles any azimuth would do; i-PI takes a right angle.
    let azimuth = if x == 0.0 && y == 0.0 { FRAC_PI_2 } else { y.atan2(x) };
    multiply(&tilt(z.clamp(-1.0, 1.0).acos()), &turn(azimuth))
}

/// Returns Rx of an angle in radians.
fn tilt(angle: f64) -> Matrix3 {
    about([1.0, 0.0, 0.0], angle)
}

/// Returns Rz of an angle in radians.
fn turn(angle: f64) -> Matrix3 {
    about([0.0, 0.0, 1.0], angle)
}

/// Returns n equispaced angles from 0 to below 2π.
fn equispaced(n: usize) -> impl Iterator<Item = f64> + Clone {
    (0..n).map(move |k| TAU * k as f64 / n as f64)
}

/// Returns the nodes (ascending) in (-1, 1) and weights (sum 2) of Gauss-Legendre quadrature with n points.
///
/// Newton's method on P_n from cos(π (k - 1/4) / (n + 1/2)), Abramowitz and Stegun 22.16.6; weights 25.4.29.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let node = |k: usize| {
        let mut x = (PI * (k as f64 - 0.25) / (n as f64 + 0.5)).cos();
        for _ in 0..10 {
            let (value, slope) = legendre_polynomial(n, x);
            x -= value / slope;
        }
        let (_, slope) = legendre_polynomial(n, x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (1..=n).rev().map(node).collect()
}

/// Returns P_n(x) and its derivative, |x| < 1, by the recurrence (k + 1) P_{k+1} = (2k + 1) x P_k - k P_{k-1}.
fn legendre_polynomial(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 0..n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0));
    }
    (value, n as f64 * (before - x * value) / (1.0 - x * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_legendre_integrates_even_powers() {
        for n in 1..=MAX_LEGENDRE {
            for power in (0..2 * n).step_by(2) {
                let sum: f64 = gauss_legendre(n).iter().map(|(x, w)| w * x.powi(power as i32)).sum();
                assert!((sum - 2.0 / (power + 1) as f64).abs() < 1e-13, "{n} points, power {power}");
            }
        }
    }

    #[test]
    fn missing_orders_are_refused() {
        let sentence = |grid: Result<Quadrature>| grid.unwrap_err().to_string();
        assert_eq!(
            sentence(Quadrature::lebedev(4)),
            "there is no lebedev grid of order 4: give one of 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, \
             31, 35, 41, 47, 53, 59, 65, 71, 77, 83, 89, 95, 101, as in lebedev:3"
        );
        assert_eq!(
            sentence(Quadrature::legendre(0)),
            "there is no legendre grid of order 0: give a whole number from 1 to 50, as in legendre:2"
        );
        for degree in [0, 102] {
            assert_eq!(
                sentence(Quadrature::degree(degree)),
                format!("there is no degree grid of order {degree}: give a whole number from 1 to 101, as in degree:3")
            );
        }
    }
}
