//! Versions of LAMMPS: dates, such as 22 Jul 2025.

use std::fmt::{Display, Formatter, Result};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A version as the number of `lammps_version`: 20250722.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

impl Version {
    /// The oldest version that tumble is compiled and tested with.
    pub const OLDEST: Self = Self(20240829);

    /// Parses LAMMPS' own spelling, `22 Jul 2025`.
    pub fn parse(text: &str) -> Option<Self> {
        let [day, month, year] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
        let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
        Self::of_date(year.parse().ok()?, month, day.parse().ok()?)
    }

    /// Parses the spelling of packages, `2025.7.22` with or without more numbers, before July 2025 `20250204`.
    pub fn parse_package(text: &str) -> Option<Self> {
        if text.len() == 8
            && let Ok(number) = text.parse::<u32>()
        {
            return Self::of_date(number / 10_000, number / 100 % 100, number % 100);
        }
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
        Self::of_date(numbers.next()??, numbers.next()??, numbers.next()??)
    }

    fn of_date(year: u32, month: u32, day: u32) -> Option<Self> {
        let real = (2000..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        real.then_some(Self(year * 10_000 + month * 100 + day))
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter) -> Result {
        let (year, month, day) = (self.0 / 10_000, self.0 / 100 % 100, self.0 % 100);
        let month = (month as usize).checked_sub(1).and_then(|index| MONTHS.get(index)).unwrap_or(&"?");
        write!(f, "{day} {month} {year}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_parsed_and_ordered() {
        let version = Version::parse("4 Jul 2026").unwrap();
        assert_eq!((version, version.to_string()), (Version(20260704), "4 Jul 2026".into()));
        assert_eq!(Version::parse_package("2025.7.22.4"), Version::parse("22 Jul 2025"));
        assert_eq!(Version::parse_package("20250204"), Version::parse("4 Feb 2025"));
        assert!(Version::parse("23 Jun 2022").unwrap() < Version::OLDEST);
        for text in ["", "Jul 2026", "4 Juli 2026", "40 Jul 2026", "4 Jul 1026", "x Jul 2026", "4 Jul 2026 2"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert_eq!((Version::parse_package("2025.7"), Version::parse_package("2.0.1")), (None, None));
    }
}
