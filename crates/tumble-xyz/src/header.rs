//! The parsed comment line of a frame.

use tumble_core::conditions::Conditions;
use tumble_core::rotation::Matrix3;
use tumble_core::system::Cell;

use crate::columns::Column;
use crate::comment::Entry;
use crate::transform::Transform;

/// The parsed comment line of a frame.
#[derive(Debug)]
pub(super) struct Header {
    /// The cell vectors as given (rows, Å).
    pub lattice: Option<Matrix3>,
    /// The cell.
    pub cell: Cell,
    /// Columns, still empty.
    pub columns: Vec<Column>,
    /// Whether the lines of the atoms may hold more words than the columns.
    pub plain: bool,
    /// Charge, spin and field, as far as they are given.
    pub conditions: Conditions,
    /// All other entries.
    pub info: Vec<Entry>,
    /// Conversion of the positions to Å and the orientation of the cell.
    pub transform: Transform,
}
