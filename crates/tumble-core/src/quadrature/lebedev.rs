//! Lebedev's rules for the sphere, stored as orbits of the full octahedral group and unfolded here.
//!
//! The points have the order of i-PI, so that lists of replicas agree between both programs.

use super::lebedev_table::RULES;
use crate::rotation::Vector3;

/// An orbit: points of the unit sphere that the symmetry of the cube maps onto each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Orbit {
    /// (1, 0, 0): 6 points.
    Vertices,
    /// (0, 1, 1) / √2: 12 points.
    Edges,
    /// (1, 1, 1) / √3: 8 points.
    Faces,
    /// (a, a, √(1 - 2a²)): 24 points.
    Mirror(f64),
    /// (a, √(1 - a²), 0): 24 points.
    Plane(f64),
    /// (a, b, √(1 - a² - b²)): 48 points.
    Generic(f64, f64),
}

/// Returns the orders of the rules, ascending.
pub(super) fn orders() -> impl Iterator<Item = usize> {
    RULES.iter().map(|(order, _)| *order)
}

/// Returns the lowest order, at least `degree`, of a rule with positive weights only.
pub(super) fn positive_order(degree: usize) -> Option<usize> {
    RULES.iter().find(|(order, orbits)| *order >= degree && orbits.iter().all(|(_, w)| *w > 0.0)).map(|(o, _)| *o)
}

/// Returns the points and weights (sum 1 to 1e-13) of the rule of this order.
pub(super) fn rule(order: usize) -> Option<Vec<(Vector3, f64)>> {
    let (_, orbits) = RULES.iter().find(|(o, _)| *o == order)?;
    Some(orbits.iter().flat_map(|(orbit, weight)| orbit.points().into_iter().map(move |p| (p, *weight))).collect())
}

impl Orbit {
    /// Returns all points.
    fn points(self) -> Vec<Vector3> {
        self.arrangements().iter().flat_map(|(sizes, axes)| signed(*sizes, *axes)).collect()
    }

    /// Returns the ways to assign the sizes |x|, |y|, |z| to axes: size i belongs to axis `axes[i]`.
    fn arrangements(self) -> Vec<(Vector3, [usize; 3])> {
        let each = |sizes: &[Vector3], axes: &[[usize; 3]]| {
            axes.iter().flat_map(|a| sizes.iter().map(|s| (*s, *a))).collect::<Vec<_>>()
        };
        match self {
            Self::Vertices => each(&[[1.0, 0.0, 0.0]], &[[0, 1, 2], [1, 0, 2], [2, 0, 1]]),
            Self::Edges => each(&[[0.5_f64.sqrt(), 0.5_f64.sqrt(), 0.0]], &[[1, 2, 0], [0, 2, 1], [0, 1, 2]]),
            Self::Faces => each(&[[(1.0_f64 / 3.0).sqrt(); 3]], &[[0, 1, 2]]),
            Self::Mirror(a) => each(&[[a, a, rest(a, a)]], &[[0, 1, 2], [0, 2, 1], [1, 2, 0]]),
            Self::Plane(a) => {
                let b = rest(a, 0.0);
                each(&[[a, b, 0.0], [b, a, 0.0]], &[[0, 1, 2], [0, 2, 1], [1, 2, 0]])
            }
            Self::Generic(a, b) => {
                let c = rest(a, b);
                each(&[[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]], &[[0, 1, 2]])
            }
        }
    }
}

/// Returns the third component of a unit vector from the other two.
fn rest(a: f64, b: f64) -> f64 {
    (1.0 - a * a - b * b).sqrt()
}

/// Returns the points of all signs, + before -; the sign of the first size changes slowest. Zeros have no sign.
fn signed(sizes: Vector3, axes: [usize; 3]) -> Vec<Vector3> {
    let mut points = vec![[0.0; 3]];
    for (size, axis) in sizes.into_iter().zip(axes) {
        let values = if size == 0.0 { vec![0.0] } else { vec![size, -size] };
        let with = |p: &Vector3, v: f64| std::array::from_fn(|i| if i == axis { v } else { p[i] });
        points = points.iter().flat_map(|p| values.iter().map(move |v| with(p, *v))).collect();
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::dot;

    #[test]
    fn points_lie_on_the_sphere_and_weights_sum_to_one() {
        for order in orders() {
            let rule = rule(order).unwrap();
            assert!(rule.iter().all(|(p, _)| (dot(*p, *p) - 1.0).abs() < 1e-14), "order {order}");
            assert!((rule.iter().map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-13, "order {order}");
        }
    }

    /// The average of z^2n over the sphere is 1 / (2n + 1), for 2n through the order.
    #[test]
    fn even_powers_have_their_average() {
        for order in orders() {
            let rule = rule(order).unwrap();
            for power in (2..=order).step_by(2) {
                let average: f64 = rule.iter().map(|(p, w)| w * p[2].powi(power as i32)).sum();
                assert!((average - 1.0 / (power + 1) as f64).abs() < 1e-13, "order {order}, power {power}");
            }
        }
    }

    #[test]
    fn rules_with_negative_weights_are_skipped() {
        assert_eq!([6, 7, 12, 13, 24, 26, 101].map(positive_order), [7, 7, 15, 15, 29, 29, 101].map(Some));
        assert_eq!(positive_order(102), None);
    }
}
