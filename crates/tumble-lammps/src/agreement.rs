//! Comparison of program, model and settings between ranks. Ranks on several machines read their files from several
//! disks, and a difference would silently give wrong energies.

use crate::error::{Error, Result};

/// The first line of every [`Identity`].
const VERSION: &str = concat!("the version of tumble\t", env!("CARGO_PKG_VERSION"), "\n");

/// Properties that must agree on all ranks: names and values in a fixed order, as text to send to other ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity(String);

impl Default for Identity {
    /// The identity of this program alone, its version.
    fn default() -> Self {
        Self(VERSION.into())
    }
}

impl Identity {
    /// Adds a property.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0 += &format!("{name}\t{}\n", value.to_string().replace(['\t', '\n'], " "));
        self
    }

    /// Returns the properties, one per line: name, tab, value.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Compares the identity of rank 0 with the first rank in `different_ranks`.
///
/// # Errors
/// [`Error::RanksDiffer`], about the first differing property.
pub fn compare(first: &str, other: &str, different_ranks: &[usize]) -> Result<()> {
    let line = |text: &str, index| text.lines().nth(index).map(str::to_owned).unwrap_or_default();
    let Some(index) = (0..first.lines().count().max(other.lines().count())).find(|&i| line(first, i) != line(other, i))
    else {
        return Ok(());
    };
    let (one, two) = (line(first, index), line(other, index));
    let (name, first) = one.split_once('\t').unwrap_or(("the set of properties", "other"));
    let other = two.split_once('\t').map_or("none", |(_, value)| value);
    Err(Error::RanksDiffer {
        what: name.into(),
        first: first.into(),
        rank: different_ranks.first().copied().unwrap_or(0),
        other: other.into(),
        ranks: ranges(different_ranks),
    })
}

/// Writes ascending numbers as "rank 3" or "ranks 1-3, 5".
fn ranges(numbers: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => parts.push((number, number)),
        }
    }
    let part = |&(start, end): &(usize, usize)| if start == end { start.to_string() } else { format!("{start}-{end}") };
    let noun = if numbers.len() == 1 { "rank" } else { "ranks" };
    format!("{noun} {}", parts.iter().map(part).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(hash: &str, seed: u64) -> String {
        Identity::default().with("the SHA-256 of the model", hash).with("keyword seed", seed).into_text()
    }

    #[test]
    fn equal_identities_agree() {
        assert!(compare(&identity("ab", 3), &identity("ab", 3), &[]).is_ok());
    }

    #[test]
    fn error_names_the_first_difference_with_both_values_and_the_ranks() {
        let told = |first: &str, other: &str, ranks: &[usize]| compare(first, other, ranks).unwrap_err().to_string();
        let sentence = told(&identity("ab", 3), &identity("cd", 4), &[1, 2, 3, 7]);
        assert!(sentence.starts_with("ranks 1-3, 7 differ from rank 0 in the SHA-256 of the model:"), "{sentence}");
        assert!(sentence.contains("ab on rank 0, cd on rank 1"), "{sentence}");
        let sentence = told(&identity("ab", 3), &identity("ab", 4), &[5]);
        assert!(
            sentence.starts_with("rank 5 differs from rank 0 in keyword seed: 3 on rank 0, 4 on rank 5"),
            "{sentence}"
        );
        let version = env!("CARGO_PKG_VERSION");
        let older = identity("ab", 3).replace(version, "0.0.9");
        let sentence = told(&identity("ab", 3), &older, &[1]);
        assert!(
            sentence.contains(&format!("in the version of tumble: {version} on rank 0, 0.0.9 on rank 1")),
            "{sentence}"
        );
    }

    #[test]
    fn values_stay_on_one_line() {
        assert!(Identity::default().with("rotate", "a\tb\nc").into_text().ends_with("\nrotate\ta b c\n"));
    }
}
