//! i-PI's comment line: its cell, its units, and what else there is.
//!
//! ```text
//! # CELL(abcABC): 35.233  35.233  35.233  90.0  90.0  90.0  Step: 0  Bead: 0 positions{atomic_unit}  cell{atomic_unit}
//! ```
//!
//! What is not said is as i-PI takes it: no cell is no cell, no unit is the atomic unit.

mod cell;
mod cell_spec;
mod units;

use tumble_core::system::Cell;

use crate::columns::{self, PLAIN};
use crate::comment::Entry;
use crate::error::LineError;
use crate::header::Header;
use crate::transform::Transform;

/// What i-PI says of a simulation's step, and the keys it is kept under.
const COUNTERS: [(&str, &str); 2] = [("Step:", "step"), ("Bead:", "bead")];

/// Whether a comment line, or a word of it, is i-PI's; the opening brackets are part of it.
pub(super) fn found_in(line: &str) -> Option<&'static str> {
    let mut marks = cell::MARKS.iter().chain(&units::MARKS);
    marks.find(|mark| line.contains(**mark)).copied()
}

/// Reads i-PI's comment line.
pub(super) fn parse(line: &str) -> Result<Header, LineError> {
    let (positions, lengths) = (units::positions(line)?, units::cell(line)?);
    let (given, rest) = cell::find(line)?;
    let vectors = given.vectors()?.map(|matrix| matrix.map(|vector| vector.map(|x| x / lengths)));
    let cell = vectors.map_or(Ok(Cell::isolated()), |vectors| Cell::new(vectors, [true; 3]));
    let cell = cell.map_err(|error| LineError::Structure(Box::new(error)))?;
    let transform = Transform { per_angstrom: positions, turn: given.turn(&cell) };
    Ok(Header { lattice: vectors, cell, columns: columns::parse(PLAIN)?, plain: true, info: info(&rest), transform })
}

/// Step and bead, and all other words as one comment; the units are not kept, for they are no longer true.
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
    fn frames_of_i_pi_are_read_in_angstrom() {
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
    fn a_cell_of_zeros_or_none_does_not_repeat() {
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
    fn words_are_kept_and_units_are_not() {
        let header = parse("# bead: 3 CELL(H): 1 0 0 0 1 0 0 0 1 Step: x 5 molecules of water cell{angstrom}").unwrap();
        assert_eq!(header.info, [Entry::new("bead", "3"), Entry::new("comment", "Step: x 5 molecules of water")]);
    }

    #[test]
    fn a_flat_cell_is_refused() {
        for cell in ["CELL(H): 1 0 0 1 0 0 0 0 1", "CELL(GENH): 1 0 0 2 0 0 0 0 1", "CELL(H): 1 0 0 0 1 0 0 0 0"] {
            assert_eq!(
                parse(cell).unwrap_err().to_string(),
                "the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors"
            );
        }
    }
}
