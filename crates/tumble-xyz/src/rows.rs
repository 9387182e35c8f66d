//! Parsing of the lines of the atoms into positions, species and other columns.

use tumble_core::elements::{atomic_number, isotope, near};
use tumble_core::rotation::Vector3;

use crate::columns::{Column, Kind};
use crate::error::LineError;
use crate::header::Header;
use crate::scalar::{finite, number, real};

/// Names of the column of species, the preferred one first; it may hold symbols or atomic numbers.
const SPECIES: [&str; 5] = ["species", "symbols", "element", "Z", "numbers"];

/// Names of the column of positions.
const POSITIONS: [&str; 2] = ["pos", "positions"];

/// The atoms read so far.
pub(super) struct Rows {
    /// Positions `[N]`, Å.
    pub positions: Vec<Vector3>,
    /// Atomic numbers `[N]`.
    pub species: Vec<u8>,
    /// Indices of atoms written as D or T, with that symbol.
    pub isotopes: Vec<(usize, &'static str)>,
    columns: Vec<Column>,
    species_column: usize,
    positions_column: usize,
    /// Words per line.
    width: usize,
    plain: bool,
}

impl Rows {
    /// Starts without atoms; takes the columns from the header.
    pub fn new(header: &mut Header) -> Result<Self, LineError> {
        let columns = std::mem::take(&mut header.columns);
        let species_column = find(&columns, &SPECIES, "species:S:1", |column| column.width == 1)?;
        let is_position = |column: &Column| column.width == 3 && column.kind == Kind::Real;
        let positions_column = find(&columns, &POSITIONS, "pos:R:3", is_position)?;
        let width = columns.iter().map(|column| column.width).sum();
        let (positions, species, isotopes) = (Vec::new(), Vec::new(), Vec::new());
        let plain = header.plain;
        Ok(Self { positions, species, isotopes, columns, species_column, positions_column, width, plain })
    }

    /// Parses the line of an atom.
    pub fn push(&mut self, line: &str) -> Result<(), LineError> {
        let words: Vec<_> = line.split_whitespace().collect();
        let found = words.len();
        if found < self.width || found > self.width && !self.plain {
            return Err(LineError::Columns { found, expected: self.width, properties: properties(&self.columns) });
        }
        let mut rest = &words[..];
        for index in 0..self.columns.len() {
            let (words, after) = rest.split_at(self.columns[index].width);
            self.push_words(index, words)?;
            rest = after;
        }
        Ok(())
    }

    fn push_words(&mut self, index: usize, words: &[&str]) -> Result<(), LineError> {
        let column = &mut self.columns[index];
        if index == self.species_column {
            self.isotopes.extend(isotope(words[0]).map(|symbol| (self.species.len(), symbol)));
            self.species.push(parse_species(words[0])?);
        } else if index == self.positions_column {
            let mut position = [0.0; 3];
            for (x, word) in position.iter_mut().zip(words) {
                *x = finite(&column.name, word)?;
            }
            self.positions.push(position);
        } else {
            check(column, words)?;
            column.values.extend(words.iter().map(|&word| word.to_owned()));
        }
        Ok(())
    }

    /// Takes the columns other than species and positions.
    pub fn other_columns(&mut self) -> Vec<Column> {
        let special = [self.species_column, self.positions_column];
        let mut index = 0..;
        self.columns.retain(|_| !index.next().is_some_and(|i| special.contains(&i)));
        std::mem::take(&mut self.columns)
    }
}

fn find(
    columns: &[Column],
    names: &[&str],
    missing: &'static str,
    fits: fn(&Column) -> bool,
) -> Result<usize, LineError> {
    names
        .iter()
        .find_map(|name| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name) && fits(column)))
        .ok_or_else(|| LineError::NoColumn { missing, found: properties(columns) })
}

fn properties(columns: &[Column]) -> String {
    columns.iter().map(Column::property).collect::<Vec<_>>().join(":")
}

fn parse_species(word: &str) -> Result<u8, LineError> {
    let by_number = || word.parse().ok().filter(|z| (1..=118).contains(z));
    atomic_number(word).or_else(by_number).ok_or_else(|| match near(word)[..] {
        [] => LineError::Element { found: word.into() },
        ref near => LineError::Label { found: word.into(), near: near.join(" or ") },
    })
}

/// Returns whether a line could be an atom in a file without Properties.
pub(super) fn is_atom_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let species = words.next().is_some_and(|word| parse_species(word).is_ok());
    species && words.by_ref().take(3).filter(|word| real(word).is_some()).count() == 3
}

/// Checks that numeric columns hold numbers: NaN is allowed, as a missing label, but a word means a shifted line.
fn check(column: &Column, words: &[&str]) -> Result<(), LineError> {
    if matches!(column.kind, Kind::Real | Kind::Integer) {
        words.iter().try_for_each(|word| number(&column.name, word).map(drop))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extended;

    fn rows(properties: &str) -> Result<Rows, LineError> {
        let comment = if properties.is_empty() { String::new() } else { format!("Properties={properties}") };
        Rows::new(&mut extended::parse(&comment).unwrap())
    }

    fn sentence(properties: &str, line: &str) -> String {
        rows(properties).unwrap().push(line).unwrap_err().to_string()
    }

    #[test]
    fn species_are_symbols_or_numbers_in_any_column() {
        for (properties, line) in [
            ("", "O 1 2 3"),
            ("", " o\t1.0 2e0 3 0.5 more"),
            ("", "8 1 2 3"),
            ("pos:R:3:Z:I:1", "1 2 3 8"),
            ("Z:I:1:pos:R:3:species:S:1", "1 1 2 3 O"),
            ("id:I:1:Pos:R:3:Species:S:1", "1 1.D0 2 3 O"),
            ("element:S:1:pos:R:3", "O 1 2 3"),
        ] {
            let mut rows = rows(properties).unwrap();
            rows.push(line).unwrap();
            assert_eq!((&rows.species[..], &rows.positions[..]), (&[8][..], &[[1.0, 2.0, 3.0]][..]), "{line}");
        }
    }

    #[test]
    fn other_columns_are_kept_as_written() {
        let mut rows = rows("tag:I:1:species:S:1:pos:R:3:label:S:2:forces:R:3").unwrap();
        rows.push("07 H 0 0 0 a b 1.50 nan -2").unwrap();
        let values: Vec<_> = rows.other_columns().into_iter().map(|c| (c.name, c.values.join(" "))).collect();
        let expected = [("tag", "07"), ("label", "a b"), ("forces", "1.50 nan -2")];
        assert_eq!(values, expected.map(|(name, values)| (name.into(), values.into())));
    }

    #[test]
    fn broken_lines_are_refused_with_a_sentence() {
        let expected = "4 columns are expected (species:S:1:pos:R:3), but";
        assert_eq!(sentence("", "O 1 2"), format!("{expected} 3 were found"));
        assert_eq!(sentence("", ""), format!("{expected} 0 were found"));
        assert_eq!(sentence("species:S:1:pos:R:3", "O 1 2 3 4"), format!("{expected} 5 were found"));
        assert_eq!(sentence("", "O 1 2,0 3"), "pos should be a number, but \"2,0\" was found");
        assert_eq!(sentence("", "O 1 2 -inf"), "pos should be a finite number, but \"-inf\" was found");
        let forces = "species:S:1:pos:R:3:forces:R:3";
        assert_eq!(sentence(forces, "O 1 2 3 4 **** 6"), "forces should be a number, but \"****\" was found");
        for found in ["Xx", "0", "119", "300", "-1"] {
            assert_eq!(
                sentence("", &format!("{found} 1 2 3")),
                format!("\"{found}\" is no element: give a symbol such as O, or an atomic number from 1 to 118")
            );
        }
    }

    #[test]
    fn labels_are_refused_with_the_likely_element() {
        for (found, near) in [("OW", "O"), ("HW1", "H"), ("O1", "O"), ("CA2", "C or Ca"), ("H-1", "H")] {
            assert_eq!(
                sentence("", &format!("{found} 1 2 3")),
                format!("\"{found}\" is a label, not an element: give the symbol alone, {near} for this atom")
            );
        }
    }

    #[test]
    fn lines_of_atoms_are_distinguished_from_comments() {
        assert!(["O 0 0 0", " d\t1.5 2D0 -3 more", "8 1 2 3"].into_iter().all(is_atom_line));
        assert!(!["", "O 0 0", "water 1 2 3", "O x y z", "step 1 2 3"].into_iter().any(is_atom_line));
    }

    #[test]
    fn positions_and_species_are_required() {
        let error = rows("species:S:1:pos:R:2").err().unwrap();
        assert_eq!(
            error.to_string(),
            "Properties=\"species:S:1:pos:R:2\" has no pos:R:3: add it to Properties and to the lines of the atoms"
        );
        let error = rows("pos:R:3").err().unwrap();
        assert_eq!(
            error.to_string(),
            "Properties=\"pos:R:3\" has no species:S:1: add it to Properties and to the lines of the atoms"
        );
    }
}
