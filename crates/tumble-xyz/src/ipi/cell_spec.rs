//! A cell in i-PI's notations, and its vectors, in the unit of the file.

use tumble_core::rotation::{Matrix3, Vector3, cross, dot, multiply, norm, transpose};
use tumble_core::system::Cell;

use crate::error::LineError;

/// A cell in one of i-PI's notations.
#[derive(Debug, PartialEq)]
pub(super) enum CellSpec {
    /// No cell.
    Nothing,
    /// abcABC: the lengths, and the angles in degrees: of b and c, of a and c, of a and b.
    Lengths(Vector3, Vector3),
    /// H: the vectors, one a row (in the file they are the columns).
    Vectors(Matrix3),
    /// GENH: the vectors, one a row as in the file; i-PI rotates vectors and positions.
    General(Matrix3),
}

impl CellSpec {
    /// Returns i-PI's cell vectors, one a row; `None` if all are zero.
    pub fn vectors(&self) -> Result<Option<Matrix3>, LineError> {
        match *self {
            Self::Nothing | Self::Lengths([0.0, 0.0, 0.0], _) => Ok(None),
            Self::Vectors(vectors) | Self::General(vectors) if vectors == [[0.0; 3]; 3] => Ok(None),
            Self::Vectors(vectors) => Ok(Some(vectors)),
            Self::Lengths(lengths, angles) => {
                let vectors = lower_triangular(lengths, angles.map(cosine));
                vectors.map(Some).ok_or(LineError::IpiAngles { lengths, angles })
            }
            // Flat vectors are passed on: `Cell::new` refuses them with its own error.
            Self::General(vectors) => Ok(Some(standardized(&vectors).unwrap_or(vectors))),
        }
    }

    /// Returns the matrix that rotates positions from the vectors of the file to [`Self::vectors`]; `None` unless the
    /// notation is GENH. `cell` is made of the latter vectors, in any unit. Like i-PI, the matrix mirrors positions if
    /// the vectors of the file are left-handed.
    pub fn turn(&self, cell: &Cell) -> Option<Matrix3> {
        let Self::General(vectors) = *self else { return None };
        let from = Cell::new(vectors, [true; 3]).ok()?;
        let scale = norm(vectors[0]) / norm(cell.vectors()[0]);
        let to = cell.vectors().map(|vector| vector.map(|x| x * scale));
        Some(multiply(&transpose(&to), &from.reciprocal()))
    }
}

/// Returns lower triangular vectors of the same lengths and angles; `None` if they are flat.
fn standardized(vectors: &Matrix3) -> Option<Matrix3> {
    let [a, b, c] = *vectors;
    let cosine = |u, v| dot(u, v) / (norm(u) * norm(v));
    lower_triangular([norm(a), norm(b), norm(c)], [cosine(b, c), cosine(a, c), cosine(a, b)])
}

/// Returns the vectors, one a row, with a along x and b in the plane of x and y, from the lengths and the cosines of
/// the angles; `None` if no cell has them.
fn lower_triangular([a, b, c]: Vector3, [cos_bc, cos_ac, cos_ab]: Vector3) -> Option<Matrix3> {
    let sin_ab = (1.0 - cos_ab * cos_ab).sqrt();
    let y = (cos_bc - cos_ac * cos_ab) / sin_ab;
    let z = (1.0 - cos_ac * cos_ac - y * y).sqrt();
    let vectors = [[a, 0.0, 0.0], [b * cos_ab, b * sin_ab, 0.0], [c * cos_ac, c * y, c * z]];
    // Otherwise the cell is flat or does not exist (z is then NaN).
    let good = a > 0.0 && b > 0.0 && c > 0.0 && sin_ab > 0.0 && dot(cross(vectors[0], vectors[1]), vectors[2]) > 0.0;
    good.then_some(vectors)
}

/// Returns the cosine of an angle in degrees, exactly 0 at a right angle (not the 6e-17 of radians).
fn cosine(angle: f64) -> f64 {
    if angle == 90.0 { 0.0 } else { angle.to_radians().cos() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::rotation::apply;

    fn vectors(lengths: Vector3, angles: Vector3) -> Matrix3 {
        CellSpec::Lengths(lengths, angles).vectors().unwrap().unwrap()
    }

    fn assert_close(found: &Matrix3, expected: &Matrix3) {
        for (x, y) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((x - y).abs() < 1e-12, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn lengths_and_angles_make_a_lower_triangular_cell() {
        let right = [[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]];
        assert_eq!(vectors([2.0, 3.0, 4.0], [90.0; 3]), right);
        let root = 3.0_f64.sqrt();
        let hexagonal = [[2.0, 0.0, 0.0], [-1.0, root, 0.0], [0.0, 0.0, 5.0]];
        assert_close(&vectors([2.0, 2.0, 5.0], [90.0, 90.0, 120.0]), &hexagonal);
        // The first angle is that of b and c, the second that of a and c.
        let first = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 1.0, root]];
        assert_close(&vectors([2.0; 3], [60.0, 90.0, 90.0]), &first);
        let second = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.0, root]];
        assert_close(&vectors([2.0; 3], [90.0, 60.0, 90.0]), &second);
    }

    #[test]
    fn general_cell_is_rotated_with_its_atoms() {
        let given = CellSpec::General([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [4.0, 0.0, 0.0]]);
        let vectors = given.vectors().unwrap().unwrap();
        assert_eq!(vectors, [[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]]);
        let smaller = Cell::new(vectors.map(|vector| vector.map(|x| x / 7.0)), [true; 3]).unwrap();
        let position = apply(&given.turn(&smaller).unwrap(), [0.4, 0.2, 0.3]);
        assert_close(&[position; 3], &[[0.2, 0.3, 0.4]; 3]);
        assert_eq!(CellSpec::Vectors(vectors).turn(&smaller), None);
    }

    #[test]
    fn impossible_lengths_and_angles_are_refused_with_a_sentence() {
        for (lengths, angles) in [
            ([-1.0, 1.0, 1.0], [90.0; 3]),
            ([1.0, 1.0, 0.0], [90.0; 3]),
            ([1.0; 3], [90.0, 90.0, 0.0]),
            ([1.0; 3], [90.0, 90.0, 180.0]),
            ([1.0; 3], [10.0, 90.0, 120.0]),
        ] {
            assert!(CellSpec::Lengths(lengths, angles).vectors().is_err(), "{lengths:?} {angles:?}");
        }
        assert_eq!(
            CellSpec::Lengths([1.0, 2.5, 3.0], [30.0, 40.0, 90.0]).vectors().unwrap_err().to_string(),
            "no cell has the lengths 1 2.5 3 and the angles 30 40 90 degrees of CELL(abcABC): give the angles between \
             b and c, a and c, a and b"
        );
    }
}
