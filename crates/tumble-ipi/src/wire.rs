//! Numbers in messages: little-endian float64, in Hartree and Bohr, converted from and to eV and Å.
//!
//! The constants are i-PI's own (`ipi/utils/units.py`), though outdated: so the eV and Å that i-PI prints equal ours to
//! the last digits, and not to seven only.

use tumble_core::error::Result;
use tumble_core::rotation::{IDENTITY, Matrix3, Vector3, transpose};
use tumble_core::system::Cell;
use tumble_core::units::{IPI_ANGSTROM, IPI_ELECTRON_VOLT};

/// 1 eV/Å in Hartree/Bohr.
const FORCE: f64 = IPI_ELECTRON_VOLT / IPI_ANGSTROM;

/// A structure without its species, Å.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// Cell, Å; the rows are its vectors.
    pub cell: Matrix3,
    /// Positions `[N]`, Å, not wrapped.
    pub positions: Vec<Vector3>,
}

impl Structure {
    /// Reads a cell `[9]`, vectors as columns, and positions `[N][3]`.
    pub fn read(cell: &[u8], positions: &[u8]) -> Self {
        Self { cell: transpose(&matrix(cell, IPI_ANGSTROM)), positions: vectors(positions, IPI_ANGSTROM) }
    }

    /// The cell. With `periodic` `None` it is periodic along all vectors but those of zero length, which ASE sends for
    /// a molecule.
    ///
    /// # Errors
    /// [`Error::FlatCell`](tumble_core::Error::FlatCell).
    pub fn cell(&self, periodic: Option<[bool; 3]>) -> Result<Cell> {
        Cell::new(self.cell, periodic.unwrap_or_else(|| self.cell.map(|vector| vector != [0.0; 3])))
    }

    /// Appends the cell and its inverse.
    pub fn put_cell(&self, out: &mut Vec<u8>) {
        let columns = transpose(&self.cell);
        let inverse = Cell::new(self.cell, [true; 3]).map_or(IDENTITY, |cell| cell.reciprocal());
        put(columns.as_flattened(), IPI_ANGSTROM, out);
        // x = h s with the cell vectors as columns of h: the rows of its inverse are the reciprocal vectors.
        put(inverse.as_flattened(), 1.0 / IPI_ANGSTROM, out);
    }

    /// Appends the positions.
    pub fn put_positions(&self, out: &mut Vec<u8>) {
        put(self.positions.as_flattened(), IPI_ANGSTROM, out);
    }
}

/// Reads an energy, eV.
pub fn energy(bytes: &[u8]) -> f64 {
    bytes.first_chunk().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes) / IPI_ELECTRON_VOLT)
}

/// Reads forces `[N][3]`, eV/Å.
pub fn forces(bytes: &[u8]) -> Vec<Vector3> {
    vectors(bytes, FORCE)
}

/// Reads a virial `[9]`, eV.
pub fn virial(bytes: &[u8]) -> Matrix3 {
    matrix(bytes, IPI_ELECTRON_VOLT)
}

/// Appends an energy, eV.
pub fn put_energy(energy: f64, out: &mut Vec<u8>) {
    put(&[energy], IPI_ELECTRON_VOLT, out);
}

/// Appends forces, eV/Å.
pub fn put_forces(forces: &[Vector3], out: &mut Vec<u8>) {
    put(forces.as_flattened(), FORCE, out);
}

/// Appends a virial, eV.
pub fn put_virial(virial: &Matrix3, out: &mut Vec<u8>) {
    put(virial.as_flattened(), IPI_ELECTRON_VOLT, out);
}

fn put(values: &[f64], unit: f64, out: &mut Vec<u8>) {
    out.reserve(8 * values.len());
    values.iter().for_each(|value| out.extend_from_slice(&(value * unit).to_le_bytes()));
}

fn vectors(bytes: &[u8], unit: f64) -> Vec<Vector3> {
    let inverse = 1.0 / unit;
    let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes) * inverse;
    let vector = |chunk: &[u8; 24]| {
        let (numbers, _) = chunk.as_chunks::<8>();
        [number(&numbers[0]), number(&numbers[1]), number(&numbers[2])]
    };
    bytes.as_chunks::<24>().0.iter().map(vector).collect()
}

fn matrix(bytes: &[u8], unit: f64) -> Matrix3 {
    let rows = vectors(bytes, unit);
    [0, 1, 2].map(|i| rows.get(i).copied().unwrap_or([f64::NAN; 3]))
}
