//! One frame: a structure, and everything else that the file says about it.

use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::system::System;

use crate::columns::Column;
use crate::comment::Entry;
use crate::scalar::real;

/// A structure with what came along with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The atoms and their cell.
    pub system: System,
    /// The cell vectors as given (rows, Å); those that do not repeat are not all kept in the cell of the system.
    pub lattice: Option<Matrix3>,
    /// Entries of the comment line in order, but for Lattice, Properties and pbc.
    pub info: Vec<Entry>,
    /// Columns in order, but for species and positions.
    pub arrays: Vec<Column>,
    /// Atoms that are written as D or T, ascending, with that symbol; for the model they are hydrogen.
    pub isotopes: Vec<(usize, &'static str)>,
    /// Number of its first line in the file (from 1).
    pub line: usize,
}

impl Frame {
    /// A frame that is nothing but a structure.
    pub fn new(system: System) -> Self {
        let lattice = system.cell.periodic().contains(&true).then(|| *system.cell.vectors());
        Self { system, lattice, info: Vec::new(), arrays: Vec::new(), isotopes: Vec::new(), line: 0 }
    }

    /// Value of a key, quotes removed; the last one if there are several.
    pub fn value(&self, key: &str) -> Option<String> {
        self.info.iter().rev().find(|entry| entry.is(key)).map(Entry::value)
    }

    /// A column.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.arrays.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The energy that came with the structure, eV: `ref_energy`, or else `energy`, if it is a finite number.
    pub fn reference_energy(&self) -> Option<f64> {
        let value = self.value("ref_energy").or_else(|| self.value("energy"))?;
        real(&value).filter(|energy| energy.is_finite())
    }

    /// The forces that came with the structure `[N]`, eV/Å: `ref_forces`, or else `forces` (or `force`), if all are finite.
    pub fn reference_forces(&self) -> Option<Vec<Vector3>> {
        ["ref_forces", "ref_force", "forces", "force"].iter().find_map(|name| self.column(name))?.numbers()
    }
}
