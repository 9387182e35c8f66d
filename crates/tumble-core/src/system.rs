//! A structure: atoms, their species, and the cell that repeats them.

use crate::conditions::Conditions;
use crate::error::{Error, Result};
use crate::rotation::{IDENTITY, Matrix3, Vector3, cross, determinant, norm, scale};

/// Names of the cell vectors.
const AXES: [char; 3] = ['a', 'b', 'c'];

/// A cell, periodic along some or all of its vectors. `vectors[i]` is the i-th cell vector (rows), Å; any orientation
/// and handedness.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    vectors: Matrix3,
    periodic: [bool; 3],
}

impl Cell {
    /// Makes a cell from its three vectors (rows, Å) and the periodicity along each.
    ///
    /// Vectors along nonperiodic directions may be zero: they are replaced by unit vectors normal to the others.
    ///
    /// # Errors
    /// [`Error::CellNotFinite`], and [`Error::FlatCell`] if the periodic vectors are not independent.
    pub fn new(vectors: Matrix3, periodic: [bool; 3]) -> Result<Self> {
        for (vector, axis) in vectors.iter().zip(AXES) {
            if let Some(&value) = vector.iter().find(|value| !value.is_finite()) {
                return Err(Error::CellNotFinite { axis, value });
            }
        }
        let mut cell = Self { vectors, periodic };
        cell.complete();
        let Some(axis) = (0..3).find(|&i| periodic[i]) else { return Ok(cell) };
        let volume = cell.volume();
        let largest = cell.vectors.iter().map(|v| norm(*v)).fold(0.0, f64::max);
        if volume.is_finite() && volume > 1e-9 * largest.powi(3) {
            return Ok(cell);
        }
        Err(Error::FlatCell { axis: AXES[axis], volume })
    }

    /// Returns a cell without periodicity, for a molecule in vacuum.
    pub fn isolated() -> Self {
        Self { vectors: IDENTITY, periodic: [false; 3] }
    }

    /// Returns the cell vectors, one per row, Å.
    pub fn vectors(&self) -> &Matrix3 {
        &self.vectors
    }

    /// Returns whether the structure is periodic along each cell vector.
    pub fn periodic(&self) -> [bool; 3] {
        self.periodic
    }

    /// Returns the volume |det(cell)|, Å^3.
    pub fn volume(&self) -> f64 {
        determinant(&self.vectors).abs()
    }

    /// Returns the distances between opposite faces, Å.
    pub fn heights(&self) -> Vector3 {
        self.reciprocal().map(|b| 1.0 / norm(b))
    }

    /// Returns the reciprocal vectors, rows b_i with a_i · b_j = δ_ij, 1/Å: the fractional coordinate i of x is b_i ·
    /// x.
    pub fn reciprocal(&self) -> Matrix3 {
        let [a, b, c] = self.vectors;
        let inverse_volume = 1.0 / determinant(&self.vectors);
        [cross(b, c), cross(c, a), cross(a, b)].map(|v| scale(v, inverse_volume))
    }

    /// Replaces the vectors of nonperiodic directions by independent ones, so that the cell can be inverted.
    fn complete(&mut self) {
        for i in (0..3).filter(|&i| !self.periodic[i]) {
            let (j, k) = ((i + 1) % 3, (i + 2) % 3);
            if self.periodic[j] && self.periodic[k] {
                self.vectors[i] = unit(cross(self.vectors[j], self.vectors[k]));
            }
        }
        match self.periodic {
            [false, false, false] => self.vectors = IDENTITY,
            [true, false, false] => self.complete_pair(0),
            [false, true, false] => self.complete_pair(1),
            [false, false, true] => self.complete_pair(2),
            _ => {}
        }
    }

    /// Replaces the two vectors other than `i` by unit vectors normal to it and to each other.
    fn complete_pair(&mut self, i: usize) {
        let axis = self.vectors[i];
        let smallest = (0..3).min_by(|&p, &q| axis[p].abs().total_cmp(&axis[q].abs())).unwrap_or(0);
        let mut helper = [0.0; 3];
        helper[smallest] = 1.0;
        let normal = unit(cross(axis, helper));
        self.vectors[(i + 1) % 3] = normal;
        self.vectors[(i + 2) % 3] = unit(cross(axis, normal));
    }
}

fn unit(v: Vector3) -> Vector3 {
    scale(v, 1.0 / norm(v))
}

/// Atoms in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Positions `[N]`, Å; they need not be wrapped into the cell.
    pub positions: Vec<Vector3>,
    /// Atomic numbers `[N]`.
    pub species: Vec<u8>,
    /// The cell.
    pub cell: Cell,
    /// Charge, spin and field, as far as they are given.
    pub conditions: Conditions,
}

impl System {
    /// Makes a structure without conditions and checks it.
    ///
    /// # Errors
    /// [`Error::AtomCount`] and [`Error::NotFinite`].
    pub fn new(positions: Vec<Vector3>, species: Vec<u8>, cell: Cell) -> Result<Self> {
        let system = Self { positions, species, cell, conditions: Conditions::default() };
        system.check()?;
        Ok(system)
    }

    /// Checks the structure as [`System::new`] does, as its fields are public and may have changed.
    pub(crate) fn check(&self) -> Result<()> {
        if self.positions.len() != self.species.len() {
            return Err(Error::AtomCount { positions: self.positions.len(), species: self.species.len() });
        }
        for (i, x) in self.positions.iter().enumerate() {
            if let Some(&value) = x.iter().find(|value| !value.is_finite()) {
                return Err(Error::NotFinite { what: "the position", atom: i + 1, value });
            }
        }
        Ok(())
    }

    /// Returns the number of atoms N.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Returns whether there are no atoms.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::dot;

    #[test]
    fn chain_gets_an_invertible_cell() {
        for axis in 0..3 {
            let mut vectors = [[0.0; 3]; 3];
            vectors[axis] = [1.0, -2.0, 0.5];
            let mut periodic = [false; 3];
            periodic[axis] = true;
            let cell = Cell::new(vectors, periodic).unwrap();
            let reciprocal = cell.reciprocal();
            for i in 0..3 {
                for (j, b) in reciprocal.iter().enumerate() {
                    let expected = f64::from(i == j);
                    assert!((dot(cell.vectors()[i], *b) - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn flat_cell_is_refused_with_a_sentence() {
        let error = Cell::new([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [true; 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors"
        );
    }

    #[test]
    fn cell_that_is_not_finite_is_refused_with_a_sentence() {
        for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            let mut vectors = IDENTITY;
            vectors[1][2] = value;
            for periodic in [true, false] {
                assert_eq!(
                    Cell::new(vectors, [periodic; 3]).unwrap_err().to_string(),
                    format!(
                        "cell vector b is not finite ({name}): check the structure, or whether the dynamics has exploded"
                    )
                );
            }
        }
    }

    #[test]
    fn position_that_is_not_finite_is_refused() {
        let error = System::new(vec![[0.0; 3], [0.0, f64::NAN, 0.0]], vec![1, 1], Cell::isolated()).unwrap_err();
        assert!(error.to_string().starts_with("the position of atom 2 is not finite (NaN)"), "{error}");
    }
}
