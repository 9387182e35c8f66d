//! Formats numbers for people: with significant digits only, and without the sign of zero.

/// Significant digits of a user's number, or of a number derived from it by a few operations.
const GIVEN: usize = 12;

/// Significant digits of a measured number.
const MEASURED: i32 = 3;

/// Removes rounding errors of a few operations: 0.6 for 0.6000000000000001, 0 for -0.
pub fn tidy(number: f64) -> f64 {
    rounded(number, GIVEN)
}

/// Rounds a number to `digits` significant digits, at least one.
pub fn rounded(number: f64, digits: usize) -> f64 {
    let text = format!("{number:.places$e}", places = digits.saturating_sub(1));
    text.parse().map_or(number, positive_zero)
}

/// Returns the number itself, but 0 for -0.
pub fn positive_zero(number: f64) -> f64 {
    number + 0.0
}

/// Formats a user's number as a person would write it: 0.6, 298.15, 1e-7.
pub fn plain(number: f64) -> String {
    let number = tidy(number);
    let far = number != 0.0 && number.is_finite() && !(1e-5..1e16).contains(&number.abs());
    if far { format!("{number:e}") } else { format!("{number}") }
}

/// Formats a number with `places` decimal places, never as -0.00.
pub fn fixed(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| matches!(c, '0' | '.')) => digits.into(),
        _ => text,
    }
}

/// Formats a number with at most `places` decimal places, without trailing zeros: -935.1, 4.5.
pub fn trimmed(number: f64, places: usize) -> String {
    let text = fixed(number, places);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// Formats a measured number to three digits: 1234, 12.3, 0.0123, 1.2e-5.
pub fn short(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return plain(number);
    }
    match MEASURED - 1 - number.abs().log10().floor() as i32 {
        ..=0 => fixed(number, 0),
        digits @ 1..=5 => fixed(number, digits as usize),
        _ => format!("{number:.1e}"),
    }
}

/// Formats an amount of memory: 0.14, 3.2 or 31 MB.
pub fn megabytes(bytes: usize) -> String {
    let megabytes = bytes as f64 / f64::from(1 << 20);
    let places = match megabytes {
        ..0.995 => 2,
        ..9.95 => 1,
        _ => 0,
    };
    format!("{megabytes:.places$} MB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_look_as_users_wrote_them() {
        assert_eq!(0.1 + 0.2, 0.300_000_000_000_000_04);
        let numbers = [0.1 + 0.2, 1e3 * 0.0006, 1e3 * 0.6e-3, 3.0 * 3.3, 298.15, 5.0, 12.0, 1e-7, -0.5, 6.02e23];
        let written = ["0.3", "0.6", "0.6", "9.9", "298.15", "5", "12", "1e-7", "-0.5", "6.02e23"];
        assert_eq!(numbers.map(plain), written);
        for hundredths in 1..2000 {
            let number = f64::from(hundredths) / 100.0;
            assert_eq!(plain(1e3 * (1e-3 * number)), number.to_string());
            assert_eq!(tidy(1e3 * (1e-3 * number)), number);
        }
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!([-0.0, 0.0].map(plain), ["0", "0"]);
        assert_eq!([-0.0, -1e-4, 1e-4, -0.0006].map(|x| fixed(x, 3)), ["0.000", "0.000", "0.000", "-0.001"]);
        assert_eq!([-0.0, -1e-4, -2.5].map(|x| trimmed(x, 3)), ["0", "0", "-2.5"]);
        assert_eq!([-0.0, -1.0].map(|x| positive_zero(x).to_bits()), [0.0_f64, -1.0].map(f64::to_bits));
        assert_eq!(tidy(-0.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!([-0.0, -0.4].map(short), ["0", "-0.400"]);
    }

    #[test]
    fn nan_and_infinity_stay_visible() {
        assert!(tidy(f64::NAN).is_nan());
        assert_eq!([f64::INFINITY, f64::NAN].map(plain), ["inf", "NaN"]);
        assert_eq!([f64::INFINITY, f64::NAN].map(short), ["inf", "NaN"]);
    }

    #[test]
    fn measured_numbers_have_three_digits() {
        let numbers = [0.0, 1234.5, 123.4, 12.34, 1.234, 0.1234, 0.001234, 0.00001234].map(short);
        assert_eq!(numbers, ["0", "1234", "123", "12.3", "1.23", "0.123", "0.00123", "1.2e-5"]);
    }

    #[test]
    fn rounding_is_to_significant_digits() {
        let numbers = [13.453225217448743, -0.060_179_342_09, 3.556372500194508e-8, 0.0].map(|x| rounded(x, 6));
        assert_eq!(numbers, [13.4532, -0.0601793, 3.55637e-8, 0.0]);
        assert!(rounded(f64::NAN, 3).is_nan());
        assert_eq!(rounded(f64::INFINITY, 3), f64::INFINITY);
    }

    #[test]
    fn trailing_zeros_are_left_out() {
        let numbers = [-467.535_123_456_789, -13.5, 100.0, 0.1];
        assert_eq!(numbers.map(|x| trimmed(x, 6)), ["-467.535123", "-13.5", "100", "0.1"]);
        assert_eq!(trimmed(100.0, 0), "100");
    }
}
