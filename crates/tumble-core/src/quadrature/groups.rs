//! The rotation groups of the regular solids: the cheapest quadratures of low degree.
//!
//! The average of D^ℓ over a group projects onto the group's invariants, so the degree is one less than the lowest
//! ℓ >= 1 with an invariant: 2 for the three half turns about the axes, 3 for T (xyz), 4 for O, 6 for I.

use std::f64::consts::{PI, TAU};

use super::Quadrature;
use crate::rotation::{IDENTITY, Matrix3, about, multiply};

/// Turns x into y, y into z, z into x: a third of a turn about (1, 1, 1).
const CYCLE: Matrix3 = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

/// A half turn about z.
const HALF_Z: Matrix3 = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];

/// A half turn about x.
const HALF_X: Matrix3 = [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]];

/// A quarter turn about z.
const QUARTER_Z: Matrix3 = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];

impl Quadrature {
    /// Returns the rotation group T of the tetrahedron: 12 rotations, degree 2. Its half turns are about x, y and z.
    pub fn tetrahedral() -> Self {
        Self::equal_weights("tetrahedral", closure(&[HALF_Z, CYCLE]), 2)
    }

    /// Returns the rotation group O of the cube with edges along x, y and z: 24 rotations, degree 3.
    pub fn octahedral() -> Self {
        Self::equal_weights("octahedral", closure(&[QUARTER_Z, CYCLE]), 3)
    }

    /// Returns the rotation group I of the icosahedron with vertices (0, ±1, ±φ) and so on: 60 rotations, degree 5.
    ///
    /// φ = 2 cos(π/5) is the golden ratio. T is a subgroup.
    pub fn icosahedral() -> Self {
        let fifth = about([0.0, 1.0, 2.0 * (PI / 5.0).cos()], TAU / 5.0);
        Self::equal_weights("icosahedral", closure(&[HALF_Z, CYCLE, fifth]), 5)
    }

    /// Returns the identity and the half turns about x, y and z: 4 rotations, degree 1.
    pub(super) fn half_turns() -> Self {
        Self::equal_weights("degree:1", closure(&[HALF_Z, HALF_X]), 1)
    }
}

/// Returns the group that the generators span, the identity first.
fn closure(generators: &[Matrix3]) -> Vec<Matrix3> {
    let mut elements = vec![IDENTITY];
    let mut next = 0;
    while next < elements.len() {
        for generator in generators {
            let product = multiply(generator, &elements[next]);
            if !elements.iter().any(|e| same(e, &product)) {
                elements.push(product);
            }
        }
        next += 1;
    }
    elements
}

/// Compares two elements of a group; different ones are much further apart than rounding.
fn same(a: &Matrix3, b: &Matrix3) -> bool {
    a.iter().flatten().zip(b.iter().flatten()).all(|(x, y)| (x - y).abs() < 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::transpose;

    fn groups() -> [(Quadrature, usize); 4] {
        let [half, tetrahedral] = [Quadrature::half_turns(), Quadrature::tetrahedral()];
        [(half, 4), (tetrahedral, 12), (Quadrature::octahedral(), 24), (Quadrature::icosahedral(), 60)]
    }

    #[test]
    fn groups_have_their_order() {
        for (group, order) in groups() {
            assert_eq!(group.len(), order, "{}", group.name);
        }
    }

    #[test]
    fn groups_hold_their_products_and_inverses() {
        for (group, _) in groups() {
            let holds = |m: &Matrix3| group.rotations.iter().any(|r| same(r, m));
            for a in &group.rotations {
                assert!(holds(&transpose(a)));
                assert!(group.rotations.iter().all(|b| holds(&multiply(a, b))));
            }
        }
    }
}
