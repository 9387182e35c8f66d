//! Parsing of CELL(...): in a comment line, in one of i-PI's three notations.

use tumble_core::rotation::transpose;

use crate::error::LineError;
use crate::ipi::cell_spec::CellSpec;
use crate::scalar::finite;

/// Marks of a cell in i-PI's comment lines; any brackets are allowed, as in CELL(abcABC) or CELL{H}.
pub(super) const MARKS: [&str; 3] = ["CELL(", "CELL[", "CELL{"];

/// Notations in i-PI's order of search, with their counts of numbers.
const NOTATIONS: [(&str, usize); 3] = [("abcABC", 6), ("H", 9), ("GENH", 9)];

/// Returns the cell of a comment line, and the line without it.
pub(super) fn find(line: &str) -> Result<(CellSpec, String), LineError> {
    for (notation, count) in NOTATIONS {
        if let Some((before, after)) = split(line, notation) {
            let (numbers, after) = numbers(after, notation, count)?;
            return Ok((given(notation, &numbers), format!("{before} {after}")));
        }
    }
    match MARKS.iter().find_map(|mark| line.find(mark)) {
        Some(start) => Err(LineError::IpiCell { found: word(&line[start..]).0.into() }),
        None => Ok((CellSpec::Nothing, line.into())),
    }
}

/// Returns the text before and after the first `CELL(notation): `.
fn split<'a>(line: &'a str, notation: &str) -> Option<(&'a str, &'a str)> {
    let mut places = line.match_indices("CELL").map(|(start, _)| line.split_at(start));
    places.find_map(|(before, text)| Some((before, opened(text, notation)?)))
}

/// Strips `CELL(notation): ` and returns the rest.
fn opened<'a>(text: &'a str, notation: &str) -> Option<&'a str> {
    let inside = text.strip_prefix("CELL")?.strip_prefix(['(', '[', '{'])?;
    inside.strip_prefix(notation)?.strip_prefix([')', ']', '}'])?.strip_prefix(':')?.strip_prefix(' ')
}

/// Parses `count` numbers; returns them and the rest of the line.
fn numbers<'a>(text: &'a str, notation: &'static str, count: usize) -> Result<(Vec<f64>, &'a str), LineError> {
    let mut rest = text.trim();
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let (word, after) = word(rest);
        if word.is_empty() {
            return Err(LineError::IpiNumbers { notation, expected: count, found: numbers.len() });
        }
        numbers.push(finite(&format!("CELL({notation})"), word)?);
        rest = after;
    }
    Ok((numbers, rest))
}

/// Splits off the first word.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (word, rest.trim_start())
}

fn given(notation: &str, numbers: &[f64]) -> CellSpec {
    let (rows, _) = numbers.as_chunks::<3>();
    match *rows {
        [lengths, angles] => CellSpec::Lengths(lengths, angles),
        [a, b, c] if notation == "H" => CellSpec::Vectors(transpose(&[a, b, c])),
        [a, b, c] => CellSpec::General([a, b, c]),
        _ => CellSpec::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> CellSpec {
        find(line).unwrap().0
    }

    fn sentence(line: &str) -> String {
        find(line).unwrap_err().to_string()
    }

    #[test]
    fn h_has_the_vectors_in_its_columns_and_genh_in_its_rows() {
        let expected = CellSpec::Vectors([[1.0, 0.0, 0.0], [2.0, 4.0, 0.0], [3.0, 5.0, 6.0]]);
        assert_eq!(given("# CELL(H): 1 2 3 0 4 5 0 0 6 Step: 1"), expected);
        assert_eq!(given("# CELL[H]: 1e0 +2. 3 0 4 5 0 0 6.0E0"), expected);
        assert_eq!(given("# CELL{H}:   1 2 3 0 4 5 0 0 6"), expected);
        let rows = CellSpec::General([[1.0, 2.0, 3.0], [0.0, 4.0, 5.0], [0.0, 0.0, 6.0]]);
        assert_eq!(given("# CELL{GENH}: 1 2 3 0 4 5 0 0 6"), rows);
    }

    #[test]
    fn notations_are_searched_in_the_order_of_ipi() {
        let line = "CELL(GENH): 9 0 0 0 9 0 0 0 9 CELL(abcABC): 1 1 1 90 90 90 CELL(H): 8 0 0 0 8 0 0 0 8";
        assert_eq!(given(line), CellSpec::Lengths([1.0; 3], [90.0; 3]));
    }

    #[test]
    fn text_beside_the_cell_is_kept() {
        let (given, rest) = find("# bead: 0 CELL(abcABC): 1 1 1 90 90 90 7 Step: 3\n").unwrap();
        assert_eq!((given, &rest[..]), (CellSpec::Lengths([1.0; 3], [90.0; 3]), "# bead: 0  7 Step: 3"));
        assert_eq!(find("Step: 3").unwrap(), (CellSpec::Nothing, "Step: 3".into()));
    }

    #[test]
    fn broken_cells_are_refused_with_a_sentence() {
        for found in ["CELL(abc):", "CELL(H)", "CELL(abcABC):10", "CELL[genh]:"] {
            assert_eq!(
                sentence(&format!("# {found} 1 1 1 90 90 90")),
                format!(
                    "\"{found}\" is not a cell in a notation of i-PI: write CELL(abcABC): and 6 numbers, or CELL(H): \
                     or CELL(GENH): and 9, with a space after the colon"
                )
            );
        }
        assert_eq!(sentence("# CELL(abcABC): 1 1 1 90 90"), "CELL(abcABC) needs 6 numbers, but the line ends after 5");
        assert_eq!(sentence("# CELL(H): "), "CELL(H) needs 9 numbers, but the line ends after 0");
        assert_eq!(
            sentence("# CELL(abcABC): 1 1 1 90 90 Step: 90"),
            "CELL(abcABC) should be a number, but \"Step:\" was found"
        );
        assert_eq!(
            sentence("# CELL(GENH): 1 0 0 0 nan 0 0 0 1"),
            "CELL(GENH) should be a finite number, but \"nan\" was found"
        );
    }
}
