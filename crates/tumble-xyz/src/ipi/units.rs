//! Parsing of name{unit} in a comment line: quantity and unit of the lines of the atoms.

use tumble_core::units::IPI_ANGSTROM;

use crate::error::LineError;

/// i-PI's names of positions and of the cell, each with its bracket.
pub(super) const MARKS: [&str; 5] = ["positions{", "x_centroid{", "x_centroid_even{", "x_centroid_odd{", "cell{"];

/// i-PI's prefixes. Case matters in prefixes, but not in base units.
const PREFIXES: [(&str, f64); 16] = [
    ("yotta", 1e24),
    ("zetta", 1e21),
    ("exa", 1e18),
    ("peta", 1e15),
    ("tera", 1e12),
    ("giga", 1e9),
    ("mega", 1e6),
    ("kilo", 1e3),
    ("milli", 1e-3),
    ("micro", 1e-6),
    ("nano", 1e-9),
    ("pico", 1e-12),
    ("femto", 1e-15),
    ("atto", 1e-18),
    ("zepto", 1e-21),
    ("yocto", 1e-24),
];

/// Returns 1 Å in the unit of the positions.
pub(super) fn positions(line: &str) -> Result<f64, LineError> {
    if let Some(mark) = MARKS[..4].iter().find(|mark| line.contains(**mark)) {
        return unit(line, mark);
    }
    match other(line) {
        Some(found) => Err(LineError::IpiQuantity { found: found.into() }),
        None => Ok(IPI_ANGSTROM),
    }
}

/// Returns 1 Å in the unit of the cell.
pub(super) fn cell(line: &str) -> Result<f64, LineError> {
    if line.contains(MARKS[4]) { unit(line, MARKS[4]) } else { Ok(IPI_ANGSTROM) }
}

/// Returns the name of a quantity other than positions, as forces in forces{ev/ang}.
fn other(line: &str) -> Option<&str> {
    let is_name = |c: char| c.is_alphanumeric() || "_()".contains(c);
    let mut names = line.match_indices('{').map(|(end, _)| &line[line[..end].trim_end_matches(is_name).len()..end]);
    names.find(|name| !["", "cell", "CELL"].contains(name))
}

fn unit(line: &str, mark: &str) -> Result<f64, LineError> {
    let (_, after) = line.split_once(mark).unwrap_or_default();
    let (unit, _) = after.split_once('}').ok_or(LineError::Quote { opened: '{', closing: '}' })?;
    length(unit).ok_or_else(|| LineError::IpiUnit { found: format!("{mark}{unit}}}") })
}

/// Returns 1 Å in a unit of length.
fn length(unit: &str) -> Option<f64> {
    let prefixed = PREFIXES.iter().find_map(|&(prefix, factor)| Some((unit.strip_prefix(prefix)?, factor)));
    let (base, factor) = prefixed.unwrap_or((unit, 1.0));
    match &base.to_ascii_lowercase()[..] {
        "" | "automatic" if factor == 1.0 => Some(IPI_ANGSTROM),
        "atomic_unit" => Some(IPI_ANGSTROM / factor),
        "angstrom" => Some(1.0 / factor),
        "meter" => Some(1e-10 / factor),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipi_units_of_length_are_known() {
        for (unit, expected) in [
            ("", IPI_ANGSTROM),
            ("automatic", IPI_ANGSTROM),
            ("atomic_unit", IPI_ANGSTROM),
            ("angstrom", 1.0),
            ("Angstrom", 1.0),
            ("meter", 1e-10),
            ("nanometer", 0.1),
            ("picometer", 100.0),
        ] {
            let found = positions(&format!("# positions{{{unit}}}")).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-15, "{unit} {found}");
            assert_eq!(cell(&format!("# cell{{{unit}}}")).unwrap().to_bits(), found.to_bits());
        }
    }

    #[test]
    fn positions_and_cell_have_separate_units_with_atomic_as_default() {
        let line = "# CELL{H}: x_centroid{angstrom}  cell{nanometer}";
        assert_eq!(positions(line).unwrap(), 1.0);
        assert!((cell(line).unwrap() - 0.1).abs() < 1e-15);
        for line in ["", "# CELL{H}: 1", "cell{angstrom}"] {
            assert_eq!(positions(line).unwrap(), IPI_ANGSTROM);
        }
        assert_eq!(cell("positions{angstrom}").unwrap(), IPI_ANGSTROM);
    }

    #[test]
    fn units_other_than_lengths_are_refused_with_a_sentence() {
        for unit in ["kelvin", "ev/ang", "angstroms", "degree", "bohr", "kilo", "nanonanometer", "NANOmeter"] {
            for mark in MARKS {
                let line = format!("# {mark}{unit}}}");
                let error = positions(&line).and_then(|_| cell(&line)).unwrap_err().to_string();
                assert_eq!(
                    error,
                    format!(
                        "{mark}{unit}}} is not a unit of length in i-PI: write atomic_unit, angstrom, or \
                         meter, with or without a prefix as in nanometer"
                    )
                );
            }
        }
        assert_eq!(
            positions("# positions{angstrom").unwrap_err().to_string(),
            "a value is opened by { and never closed: add the closing }"
        );
    }

    #[test]
    fn quantities_other_than_positions_are_refused_with_a_sentence() {
        for found in ["forces", "velocities", "f_centroid", "forces_component(0)", "r_gyration"] {
            assert_eq!(
                positions(&format!("# CELL{{H}}: 1 Step: 0 {found}{{atomic_unit}}  cell{{angstrom}}"))
                    .unwrap_err()
                    .to_string(),
                format!("the comment line announces {found} instead of positions: give the file of the positions")
            );
        }
        assert_eq!(positions("forces{ev/ang} positions{angstrom}").unwrap(), 1.0);
    }
}
