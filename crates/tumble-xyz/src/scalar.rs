//! Parsing of numbers.

use crate::error::LineError;

/// Parses a real number, also with an exponent of Fortran's double precision, 1.5D-3.
pub(super) fn real(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| fortran(text))
}

fn fortran(text: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'd' | 'D');
    text.chars().all(is_number).then(|| text.replace(['d', 'D'], "e").parse().ok()).flatten()
}

/// Parses a number of the key or column `what`.
pub(super) fn number(what: &str, text: &str) -> Result<f64, LineError> {
    real(text).ok_or_else(|| LineError::Number { what: what.into(), found: text.into() })
}

/// Parses a number of the key or column `what`, neither NaN nor infinite.
pub(super) fn finite(what: &str, text: &str) -> Result<f64, LineError> {
    let value = number(what, text)?;
    value.is_finite().then_some(value).ok_or_else(|| LineError::NotFinite { what: what.into(), found: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_exponents_are_read() {
        assert_eq!(["1.5D-3", "-2d+01", "3.D0", "1e2", ".5"].map(real), [1.5e-3, -20.0, 3.0, 100.0, 0.5].map(Some));
        assert_eq!(["D", "1D", "d5", "1D2D3", "D-O", ""].map(real), [None; 6]);
    }
}
