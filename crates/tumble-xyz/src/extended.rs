//! Parsing of the comment line of extended XYZ into cell, columns and other entries.

use tumble_core::conditions::Conditions;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::system::Cell;

use crate::columns;
use crate::comment::{self, Entry};
use crate::error::LineError;
use crate::header::Header;
use crate::ipi;
use crate::scalar::{finite, real};
use crate::transform::Transform;

/// Keys that mark a comment line as extended XYZ.
const EXTENDED: [&str; 3] = ["Lattice", "Properties", "pbc"];

/// Keys of a cell in files of other programs; in extended XYZ it is Lattice.
const CELLS: [&str; 7] =
    ["cell", "box", "unit_cell", "unitcell", "cell_vectors", "lattice_vectors", "lattice_parameters"];

/// Parses a comment line of either dialect, extended XYZ or i-PI's.
pub(super) fn parse(line: &str) -> Result<Header, LineError> {
    let info = entries(line)?;
    let Some(key) = EXTENDED.into_iter().find(|key| info.iter().any(|entry| entry.is(key))) else {
        return if ipi::found_in(line).is_some() { ipi::parse(line) } else { extended(info) };
    };
    // A quoted i-PI comment is a remark, as in the ipi_comment of i-PI's own extended XYZ.
    match info.iter().find_map(|entry| ipi::found_in(entry.written_key())) {
        Some(found) => Err(LineError::IpiAndExtended { key, found }),
        None => extended(info),
    }
}

/// Builds the header of extended XYZ; plain XYZ is extended XYZ without keys.
fn extended(mut info: Vec<Entry>) -> Result<Header, LineError> {
    let lattice = take(&mut info, "Lattice")?.map(|value| parse_lattice(&value)).transpose()?;
    if lattice.is_none() {
        check_cell_keys(&info)?;
    }
    let cell = parse_cell(lattice, take(&mut info, "pbc")?)?;
    let properties = take(&mut info, "Properties")?;
    let conditions = conditions(&info)?;
    let columns = columns::parse(properties.as_deref().unwrap_or(columns::PLAIN))?;
    let transform = Transform::AS_WRITTEN;
    Ok(Header { lattice, cell, columns, plain: properties.is_none(), conditions, info, transform })
}

/// Parses the entries of the line; prose with a single quotation mark becomes one entry.
fn entries(line: &str) -> Result<Vec<Entry>, LineError> {
    let lower = line.to_ascii_lowercase();
    let extended = EXTENDED.iter().any(|key| lower.contains(&key.to_ascii_lowercase()));
    match comment::parse(line) {
        Err(_) if !extended => Ok(vec![Entry::new("comment", line.trim())]),
        entries => entries,
    }
}

/// Removes all entries of a key and returns their value.
///
/// # Errors
/// [`LineError::DuplicateKey`] if the values differ.
fn take(info: &mut Vec<Entry>, key: &'static str) -> Result<Option<String>, LineError> {
    let value = single(key, info.iter().filter(|entry| entry.is(key)).map(Entry::value))?;
    info.retain(|entry| !entry.is(key));
    Ok(value)
}

/// Returns the only one of the values of a key.
fn single(key: &'static str, mut values: impl Iterator<Item = String>) -> Result<Option<String>, LineError> {
    let value = values.next();
    match values.find(|other| Some(other) != value.as_ref()) {
        Some(other) => Err(LineError::DuplicateKey { key, one: value.unwrap_or_default(), other }),
        None => Ok(value),
    }
}

/// Reads charge, spin and field of the structure, which stay among the entries. A word of prose is none of them.
fn conditions(info: &[Entry]) -> Result<Conditions, LineError> {
    let value = |key| single(key, info.iter().filter(|entry| entry.is(key)).filter_map(Entry::given));
    let number = |key| value(key)?.map(|value| finite(key, &value)).transpose();
    let field = value("field")?.map(|value| parse_field(&value)).transpose()?;
    Ok(Conditions { charge: number("charge")?, spin: number("spin")?, field })
}

/// ASE writes a list, other than an array, with a mark before it.
fn parse_field(value: &str) -> Result<Vector3, LineError> {
    let numbers = items(value.strip_prefix("_JSON").unwrap_or(value))
        .map(|item| finite("field", item))
        .collect::<Result<Vec<_>, _>>()?;
    numbers.try_into().map_err(|found: Vec<f64>| LineError::Field { found: found.len() })
}

/// Flattens a list or nested list: `1 2 3`, `[1, 2, 3]` or `[[1, 2], [3, 4]]`.
fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_whitespace() || ",[]{}".contains(c)).filter(|item| !item.is_empty())
}

/// Refuses a cell under a key other than Lattice: if it were ignored, a crystal would be read as a molecule.
fn check_cell_keys(info: &[Entry]) -> Result<(), LineError> {
    let is_cell = |entry: &&Entry| CELLS.iter().any(|key| entry.is(key)) && holds_cell(&entry.value());
    match info.iter().find(is_cell) {
        Some(entry) => Err(LineError::CellKey { key: entry.key(), found: entry.value() }),
        None => Ok(()),
    }
}

/// Returns whether a value has the size of lengths, lengths and angles, or vectors.
fn holds_cell(value: &str) -> bool {
    let numbers: Option<Vec<f64>> = items(value).map(real).collect();
    numbers.is_some_and(|numbers| matches!(numbers.len(), 3 | 6 | 9))
}

fn parse_lattice(value: &str) -> Result<Matrix3, LineError> {
    let numbers = items(value).map(|item| finite("Lattice", item)).collect::<Result<Vec<_>, _>>()?;
    let [ax, ay, az, bx, by, bz, cx, cy, cz] = numbers[..] else {
        return Err(LineError::Lattice { found: numbers.len() });
    };
    Ok([[ax, ay, az], [bx, by, bz], [cx, cy, cz]])
}

fn parse_cell(lattice: Option<Matrix3>, pbc: Option<String>) -> Result<Cell, LineError> {
    let periodic = pbc.as_deref().map_or(Ok([lattice.is_some(); 3]), parse_pbc)?;
    match (lattice, pbc) {
        (Some(vectors), _) => Cell::new(vectors, periodic).map_err(|error| LineError::Structure(Box::new(error))),
        (None, Some(found)) if periodic != [false; 3] => Err(LineError::NoLattice { found }),
        (None, _) => Ok(Cell::isolated()),
    }
}

fn parse_pbc(value: &str) -> Result<[bool; 3], LineError> {
    let flags: Option<Vec<bool>> = items(value).map(logical).collect();
    match flags.as_deref() {
        Some(&[all]) => Ok([all; 3]),
        Some(&[a, b, c]) => Ok([a, b, c]),
        _ => Err(LineError::Pbc { found: value.into() }),
    }
}

fn logical(item: &str) -> Option<bool> {
    match item {
        "T" | "True" | "true" | "TRUE" | "1" => Some(true),
        "F" | "False" | "false" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATTICE: &str = "Lattice=\"2 0 0 0 3 0 1 0 4\"";

    fn sentence(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn lattice_holds_the_vectors_in_rows_and_makes_the_structure_periodic() {
        let header = parse(LATTICE).unwrap();
        assert_eq!(header.cell.vectors(), &[[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 4.0]]);
        assert_eq!(header.cell.periodic(), [true; 3]);
        assert_eq!(parse("lattice=\"2 0 0 0 3 0 1 0 4\"").unwrap().cell, header.cell);
    }

    #[test]
    fn lattice_may_be_given_in_several_ways() {
        for lattice in [
            "[[2,0,0],[0,3,0],[1,0,4]]",
            "[[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [1.0, 0.0, 4.0]]",
            "\"[[2, 0, 0], [0, 3, 0], [1, 0, 4]]\"",
            "[2, 0, 0, 0, 3, 0, 1, 0, 4]",
            "{2 0 0 0 3 0 1 0 4}",
            "'2\t0 0  0 3.D0 0 1d0 0 4'",
        ] {
            let header = parse(&format!("step=1 Lattice={lattice} note=x")).unwrap();
            assert_eq!(header.lattice, parse(LATTICE).unwrap().lattice, "{lattice}");
            assert_eq!(header.info, [Entry::new("step", "1"), Entry::new("note", "x")], "{lattice}");
        }
    }

    #[test]
    fn charge_spin_and_field_are_conditions_and_stay_entries() {
        let header = parse("Charge=-1 spin=2.0 field=\"0 0 0.1\"").unwrap();
        let expected = Conditions { charge: Some(-1.0), spin: Some(2.0), field: Some([0.0, 0.0, 0.1]) };
        assert_eq!((header.conditions, header.info.len()), (expected, 3));
        let json = parse("field=\"_JSON [0.0, -0.5, 0.1]\"").unwrap().conditions;
        assert_eq!(json.field, Some([0.0, -0.5, 0.1]));
        assert_eq!(parse("spin and charge of a field").unwrap().conditions, Conditions::default());
        assert_eq!(sentence("charge=anion"), "charge should be a number, but \"anion\" was found");
        assert_eq!(sentence("charge=1 charge=2"), "charge is given twice, as \"1\" and as \"2\": remove one of them");
        assert_eq!(
            sentence("field=0.1"),
            "field needs 3 numbers, the components of the electric field in V/Å, but 1 was found"
        );
    }

    #[test]
    fn key_with_two_values_is_refused() {
        let other = LATTICE.replace("Lattice", "lattice").replace('4', "5");
        let found = sentence(&format!("{LATTICE} {other}"));
        assert!(
            found.starts_with("Lattice is given twice, as \"") && found.ends_with("\": remove one of them"),
            "{found}"
        );
        let found = sentence(&format!("{LATTICE} pbc=\"T T T\" pbc=\"F F F\""));
        assert_eq!(found, "pbc is given twice, as \"T T T\" and as \"F F F\": remove one of them");
        assert_eq!(parse(&format!("{LATTICE} {LATTICE}")).unwrap().lattice, parse(LATTICE).unwrap().lattice);
    }

    #[test]
    fn cell_under_another_key_is_refused() {
        for (key, value) in [("cell", "\"9 0 0 0 9 0 0 0 9\""), ("Cell", "[9, 9, 9]"), ("box", "'9 9 9 90 90 90'")] {
            let error = sentence(&format!("{key}={value} energy=1"));
            let found = value.trim_matches(['"', '[', ']', '\'']);
            assert_eq!(
                error,
                format!(
                    "{key}=\"{found}\" looks like a cell, but the key of extended XYZ is Lattice: write the three cell \
                     vectors in Å as Lattice=\"ax ay az bx by bz cx cy cz\", or remove {key} if the structure is not \
                     periodic"
                )
            );
        }
        assert!(sentence("cell=\"9 9 9\" pbc=\"T T T\"").starts_with("cell=\"9 9 9\" looks like a cell"));
        for line in ["cell=primitive", "box=7", &format!("{LATTICE} cell=\"1 2 3\""), "a box of 1 2 3"] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn pbc_may_be_given_in_several_ways() {
        for pbc in
            ["\"T F T\"", "\"True False True\"", "\"1, 0, 1\"", "[T,F,T]", "[T, F, T]", "\"[T,F,T]\"", "'T\tF\tT'"]
        {
            let header = parse(&format!("{LATTICE} pbc={pbc}")).unwrap();
            assert_eq!(header.cell.periodic(), [true, false, true], "{pbc}");
        }
        assert_eq!(parse(&format!("{LATTICE} pbc=F")).unwrap().cell, Cell::isolated());
        assert_eq!(parse("pbc=\"F F F\"").unwrap().cell, Cell::isolated());
    }

    #[test]
    fn line_of_prose_is_kept() {
        let header = parse("  Bob's molecule, energy=3 ").unwrap();
        assert_eq!(header.cell, Cell::isolated());
        assert_eq!(header.info, [Entry::new("comment", "Bob's molecule, energy=3")]);
        assert_eq!(parse("water in vacuum").unwrap().info.len(), 3);
        assert!(parse("").unwrap().info.is_empty());
    }

    #[test]
    fn ipi_comments_are_read_in_ipi_units() {
        for line in ["# CELL(abcABC): 2 2 2 90 90 90", "# CELL[H]: 2 0 0 0 2 0 0 0 2", "cell{atomic_unit}"] {
            assert_eq!(parse(line).unwrap().transform.per_angstrom, tumble_core::units::IPI_ANGSTROM, "{line}");
        }
        assert_eq!(parse("water, its cell and positions").unwrap().transform, Transform::AS_WRITTEN);
    }

    #[test]
    fn line_of_both_dialects_is_refused_unless_one_is_quoted() {
        for found in ["CELL(abcABC):", "CELL{H}:", "#CELL[GENH]:"] {
            let error = sentence(&format!("{LATTICE} {found} 1 1 1"));
            assert!(error.starts_with("the comment line is both extended XYZ (Lattice) and i-PI's (CELL"), "{error}");
        }
        assert_eq!(
            sentence("# positions{angstrom} pbc=\"F F F\""),
            "the comment line is both extended XYZ (pbc) and i-PI's (positions{...): remove one of them"
        );
        let quoted = format!("{LATTICE} ipi_comment=\"Step: 1 positions{{ase}}  cell{{ase}}\"");
        assert_eq!(parse(&quoted).unwrap().transform, Transform::AS_WRITTEN);
    }

    #[test]
    fn broken_cells_are_refused_with_a_sentence() {
        assert_eq!(
            sentence("Lattice=\"1 0 0 0 1 0 0 0\""),
            "Lattice needs 9 numbers, the three cell vectors in Å one after the other, but 8 were found"
        );
        assert_eq!(sentence("Lattice=\"1 0 0 0 x 0 0 0 1\""), "Lattice should be a number, but \"x\" was found");
        assert_eq!(
            sentence("Lattice=\"1 0 0 0 nan 0 0 0 1\""),
            "Lattice should be a finite number, but \"nan\" was found"
        );
        assert_eq!(
            sentence(&format!("{LATTICE} pbc=\"T T\"")),
            "pbc needs three flags, T or F, as in pbc=\"T T F\", but \"T T\" was found"
        );
        assert_eq!(
            sentence("pbc=\"T F F\""),
            "pbc=\"T F F\" makes the structure periodic, but there is no Lattice: add one, or set pbc=\"F F F\""
        );
        assert_eq!(
            sentence("Lattice=\"1 0 0 2 0 0 0 0 1\""),
            "the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors"
        );
        assert!(sentence("Lattice=\"1 0 0").starts_with("a value is opened by \""));
    }
}
