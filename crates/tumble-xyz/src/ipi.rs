//! Parsing of i-PI's comment line: cell, units and counters.
//!
//! ```text
//! # CELL(abcABC): 35.233  35.233  35.233  90.0  90.0  90.0  Step: 0  Bead: 0 positions{atomic_unit}  cell{atomic_unit}
//! ```
//!
//! The defaults are i-PI's: without a cell the structure is isolated, without a unit the unit is atomic.

mod cell;
mod cell_spec;
mod units;

use tumble_core::conditions::Conditions;
use tumble_core::system::Cell;

use crate::columns::{self, PLAIN};
use crate::comment::Entry;
use crate::error::LineError;
use crate::header::Header;
use crate::transform::Transform;

/// i-PI's counters of a simulation, and their keys in the frame.
const COUNTERS: [(&str, &str); 2] = [("Step:", "step"), ("Bead:", "bead")];

/// Returns the mark of i-PI in a comment line or a word of it, with its opening bracket.
pub(super) fn found_in(line: &str) -> Option<&'static str> {
    let mut marks = cell::MARKS.iter().chain(&units::MARKS);
    marks.find(|mark| line.contains(**mark)).copied()
}

/// Parses i-PI's comment line.
pub(super) fn parse(line: &str) -> Result<Header, LineError> {
    let (positions, lengths) = (units::positions(line)?, units::cell(line)?);
    let (given, rest) = cell::find(line)?;
    let vectors = given.vectors()?.map(|matrix| matrix.map(|vector| vector.map(|x| x / lengths)));
    let cell = vectors.map_or(Ok(Cell::isolated()), |vectors| Cell::new(vectors, [true; 3]));
    let cell = cell.map_err(|error| LineError::Structure(Box::new(error)))?;
    let transform = Transform { per_angstrom: positions, turn: given.turn(&cell) };
    let (columns, conditions) = (columns::parse(PLAIN)?, Conditions::default());
    Ok(Header { lattice: vectors, cell, columns, plain: true, conditions, info: info(&rest), transform })
}

/// Collects step and bead, and all other words as one comment; drops the units, since the frame is in Å.
fn info(text: &str) -> Vec<Entry> {
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('#')).peekable();
    let (mut info, mut prose) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        let counter = COUNTERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let number = counter.and_then(|_| words.next_if(|number| number.parse::<u64>().is_ok()));
        match (counter, number) {
            (Some((_, key)), Some(number)) => info.push(Entry::new(key, number)),
            _ if word.is_empty() || word.contains('{') && word.ends_with('}') => {}
            _ => prose.push(word),
        }
    }
    if !prose.is_empty() {
        info.push(Entry::new("comment", &prose.join(" ")));
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::units::IPI_ANGSTROM;

    const WRITTEN: &str = "# CELL(abcABC):   18.89726    37.79452    56.69178    90.00000    90.00000    90.00000  \
                           Step:           7  Bead:       2 positions{atomic_unit}  cell{atomic_unit}";

    #[test]
    fn ipi_frames_are_converted_to_angstrom() {
        let header = parse(WRITTEN).unwrap();
        let expected = [[10.0, 0.0, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 30.0]];
        for (x, y) in header.cell.vectors().iter().flatten().zip(expected.iter().flatten()) {
            assert!((x - y).abs() < 1e-5, "{x} {y}");
        }
        assert_eq!(header.cell.periodic(), [true; 3]);
        assert_eq!(header.lattice.as_ref(), Some(header.cell.vectors()));
        assert_eq!(header.transform, Transform { per_angstrom: IPI_ANGSTROM, turn: None });
        assert_eq!(header.info, [Entry::new("step", "7"), Entry::new("bead", "2")]);
    }

    #[test]
    fn zero_or_missing_cell_is_isolated() {
        for cell in [
            "",
            "# CELL(abcABC): 0 0 0 90 90 90",
            "# CELL(abcABC): 0 0 0 0 0 0",
            "# CELL(H): 0 0 0 0 0 0 0 0 0",
            "# CELL(GENH): 0 0 0 0 0 0 0 0 0",
        ] {
            let header = parse(&format!("{cell} positions{{angstrom}} cell{{angstrom}}")).unwrap();
            assert_eq!((header.cell, header.lattice), (Cell::isolated(), None), "{cell}");
            assert_eq!(header.transform, Transform::AS_WRITTEN);
        }
    }

    #[test]
    fn words_are_kept_and_units_dropped() {
        let header = parse("# bead: 3 CELL(H): 1 0 0 0 1 0 0 0 1 Step: x 5 molecules of water cell{angstrom}").unwrap();
        assert_eq!(header.info, [Entry::new("bead", "3"), Entry::new("comment", "Step: x 5 molecules of water")]);
    }

    #[test]
    fn flat_cell_is_refused() {
        for cell in ["CELL(H): 1 0 0 1 0 0 0 0 1", "CELL(GENH): 1 0 0 2 0 0 0 0 1", "CELL(H): 1 0 0 0 1 0 0 0 0"] {
            assert_eq!(
                parse(cell).unwrap_err().to_string(),
                "the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors"
            );
        }
    }
}
