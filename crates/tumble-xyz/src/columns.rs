//! The columns of a frame, as described by Properties.

use crate::error::LineError;
use crate::scalar::real;

/// Properties of a frame without any.
pub(super) const PLAIN: &str = "species:S:1:pos:R:3";

/// Type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// S
    Text,
    /// R
    Real,
    /// I
    Integer,
    /// L
    Logical,
}

impl Kind {
    fn parse(letter: &str) -> Option<Self> {
        match letter {
            "S" => Some(Self::Text),
            "R" => Some(Self::Real),
            "I" => Some(Self::Integer),
            "L" => Some(Self::Logical),
            _ => None,
        }
    }

    /// Returns the letter of the type in Properties.
    pub fn letter(self) -> char {
        match self {
            Self::Text => 'S',
            Self::Real => 'R',
            Self::Integer => 'I',
            Self::Logical => 'L',
        }
    }
}

/// A named quantity per atom.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name in Properties.
    pub name: String,
    /// Type of its values.
    pub kind: Kind,
    /// Numbers (or words) per atom.
    pub width: usize,
    /// `[N, width]`, atom by atom, as written in the file.
    pub values: Vec<String>,
}

impl Column {
    /// Creates a column of real numbers `[N, W]`, written with enough digits to read the same bits back.
    pub fn real<const W: usize>(name: &str, values: &[[f64; W]]) -> Self {
        let values = values.iter().flatten().map(|x| format!("{x:?}")).collect();
        Self { name: name.into(), kind: Kind::Real, width: W, values }
    }

    /// Returns the numbers of each atom `[N, W]`; `None` unless the column holds W finite numbers per atom.
    pub fn numbers<const W: usize>(&self) -> Option<Vec<[f64; W]>> {
        if self.width != W || !matches!(self.kind, Kind::Real | Kind::Integer) {
            return None;
        }
        let mut numbers = vec![[0.0; W]; self.values.len() / W];
        for (number, value) in numbers.iter_mut().flatten().zip(&self.values) {
            *number = real(value).filter(|x| x.is_finite())?;
        }
        Some(numbers)
    }

    /// Returns the entry name:type:width of Properties.
    pub(super) fn property(&self) -> String {
        format!("{}:{}:{}", self.name, self.kind.letter(), self.width)
    }
}

/// Parses Properties into columns without values, in its order.
pub(super) fn parse(properties: &str) -> Result<Vec<Column>, LineError> {
    let fields: Vec<_> = properties.split(':').collect();
    let columns: Option<Vec<_>> = fields.chunks(3).map(parse_one).collect();
    columns.ok_or_else(|| LineError::Properties { found: properties.into() })
}

fn parse_one(fields: &[&str]) -> Option<Column> {
    let &[name, letter, width] = fields else { return None };
    let width = width.parse::<u16>().ok().filter(|&width| width > 0)?;
    let kind = Kind::parse(letter)?;
    (!name.is_empty()).then(|| Column { name: name.into(), kind, width: width.into(), values: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_name_the_columns() {
        let columns = parse("species:S:1:pos:R:3:tag:I:1:free:L:3").unwrap();
        let properties: Vec<_> = columns.iter().map(Column::property).collect();
        assert_eq!(properties, ["species:S:1", "pos:R:3", "tag:I:1", "free:L:3"]);
    }

    #[test]
    fn properties_other_than_triplets_are_refused() {
        for found in ["", "species", "species:S:1:pos:R", "species:Q:1", "species:S:0", "species:S:x", ":S:1"] {
            assert_eq!(
                parse(found).unwrap_err().to_string(),
                format!(
                    "Properties=\"{found}\" cannot be read: give name:type:width for each property, with the types S, \
                     R, I, L, as in species:S:1:pos:R:3"
                )
            );
        }
    }

    #[test]
    fn fortran_exponents_are_read() {
        let values = vec!["1.5D-3".into(), "-2".into()];
        let column = Column { name: "charge".into(), kind: Kind::Real, width: 1, values };
        assert_eq!(column.numbers::<1>().unwrap(), [[1.5e-3], [-2.0]]);
    }

    #[test]
    fn real_columns_keep_every_bit() {
        let values = [[0.1 + 0.2, -1e-300, 3.0], [f64::MAX, f64::MIN_POSITIVE, -0.0]];
        assert_eq!(Column::real("x", &values).numbers::<3>().unwrap(), values);
        assert_eq!(Column::real("x", &values).numbers::<1>(), None);
        assert_eq!(Column::real("x", &[[f64::NAN]]).numbers::<1>(), None);
    }
}
