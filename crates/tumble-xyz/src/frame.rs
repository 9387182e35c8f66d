//! A frame: a structure with the other data of the file.

use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::system::System;

use crate::columns::Column;
use crate::comment::Entry;
use crate::scalar::real;

/// A structure with the keys and columns of its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The atoms and their cell.
    pub system: System,
    /// The cell vectors as given (rows, Å); the cell of the system need not keep the non-periodic ones.
    pub lattice: Option<Matrix3>,
    /// Entries of the comment line in order, except Lattice, Properties and pbc.
    pub info: Vec<Entry>,
    /// Columns in order, except species and positions.
    pub arrays: Vec<Column>,
    /// Indices of atoms written as D or T, ascending, with that symbol; for the model they are hydrogen.
    pub isotopes: Vec<(usize, &'static str)>,
    /// Line number of the frame's first line in the file (from 1).
    pub line: usize,
}

impl Frame {
    /// Creates a frame of a structure alone.
    pub fn new(system: System) -> Self {
        let lattice = system.cell.periodic().contains(&true).then(|| *system.cell.vectors());
        Self { system, lattice, info: Vec::new(), arrays: Vec::new(), isotopes: Vec::new(), line: 0 }
    }

    /// Returns the value of a key without quotes; the last one if there are several.
    pub fn value(&self, key: &str) -> Option<String> {
        self.info.iter().rev().find(|entry| entry.is(key)).map(Entry::value)
    }

    /// Returns the column of a name, ignoring case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.arrays.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Returns the energy in the file, eV: `ref_energy`, or else `energy`; `None` unless it is a finite number.
    pub fn reference_energy(&self) -> Option<f64> {
        let value = self.value("ref_energy").or_else(|| self.value("energy"))?;
        real(&value).filter(|energy| energy.is_finite())
    }

    /// Returns the forces in the file `[N]`, eV/Å: `ref_forces`, or else `forces` (or `force`); `None` unless all are
    /// finite.
    pub fn reference_forces(&self) -> Option<Vec<Vector3>> {
        ["ref_forces", "ref_force", "forces", "force"].iter().find_map(|name| self.column(name))?.numbers()
    }
}
