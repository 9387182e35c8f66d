//! What a comment line says of its frame.

use tumble_core::rotation::Matrix3;
use tumble_core::system::Cell;

use crate::columns::Column;
use crate::comment::Entry;
use crate::transform::Transform;

/// What the comment line says of its frame.
#[derive(Debug)]
pub(super) struct Header {
    /// The cell vectors as given (rows, Å).
    pub lattice: Option<Matrix3>,
    /// The cell.
    pub cell: Cell,
    /// Columns, still empty.
    pub columns: Vec<Column>,
    /// Whether there may be more on the line of an atom than the columns.
    pub plain: bool,
    /// All other entries.
    pub info: Vec<Entry>,
    /// What becomes of the positions.
    pub transform: Transform,
}
