//! The keywords of `pair_style tumble`, and suggestions for misspelt ones.

use std::path::Path;

use tumble_core::execution::Device;
use tumble_core::settings::frontend::{find, names};
use tumble_core::settings::{Frontend, Given, Settings};

use crate::error::{Error, Result};

/// Keywords of the pair style itself, held in C++, with their positions among the settings.
const OWN: [(u8, &str); 5] = [(7, "monitor"), (8, "uncertainty"), (15, "charge"), (16, "spin"), (17, "field")];

/// Returns all keywords, in the order of the manual.
pub fn keywords() -> Vec<&'static str> {
    names(Frontend::Lammps, &OWN)
}

/// Refuses a word that is not a keyword.
///
/// # Errors
/// [`Error::UnknownKeyword`], [`Error::ModelInPairStyle`].
pub fn check(word: &str) -> Result<()> {
    if keywords().contains(&word) { Ok(()) } else { Err(unknown(word)) }
}

/// The settings of `pair_style tumble`, and the SHA-256 of the model from `pair_coeff`.
#[derive(Debug)]
pub struct Keywords {
    /// Settings of the evaluation.
    pub settings: Settings,
}

impl Keywords {
    /// Parses alternating keywords and values, except those held in C++.
    ///
    /// # Errors
    /// [`Error::UnknownKeyword`], and the errors of [`Settings::take`] and [`Settings::check`].
    pub fn read(words: &[String]) -> Result<Self> {
        let setting = |word: &str| find(Frontend::Lammps, word).ok_or_else(|| unknown(word));
        let given = words.as_chunks().0.iter().map(|[name, value]| Ok((setting(name)?, value.as_str())));
        let given: Vec<Given> = given.collect::<Result<_>>()?;
        let mut settings = Settings::default();
        settings.take(&given)?;
        settings.check()?;
        Ok(Self { settings })
    }

    /// Requires a model with this SHA-256; empty: any model.
    pub fn require_sha256(&mut self, sha256: &str) {
        self.settings.sha256 = (!sha256.is_empty()).then(|| sha256.into());
    }

    /// Returns the number of steps between averages.
    pub fn every(&self) -> u64 {
        self.settings.every
    }

    /// Returns the seed of the random rotations.
    pub fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// Returns whether ranks may exchange messages.
    pub fn exchange(&self) -> bool {
        self.settings.exchange
    }

    /// Returns the model's CPU threads per rank; 0 on other devices.
    pub fn processor_threads(&self) -> usize {
        if self.settings.device == Device::Cpu { self.settings.threads } else { 0 }
    }
}

/// Returns the error about a word in place of a keyword.
pub fn unknown(word: &str) -> Error {
    if looks_like_model(word) {
        return Error::ModelInPairStyle { word: word.into() };
    }
    if word == "sha256" {
        let hint = "it belongs to pair_coeff, after the model: ".into();
        return Error::UnknownKeyword { word: word.into(), hint, known: keywords().join(", ") };
    }
    let nearest = nearest(word).map(|keyword| format!("did you mean {keyword}? ")).unwrap_or_default();
    Error::UnknownKeyword { word: word.into(), hint: nearest, known: keywords().join(", ") }
}

fn looks_like_model(word: &str) -> bool {
    let path = Path::new(word);
    let endings = ["onnx", "pt", "pth", "ckpt"];
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e))) || path.exists()
}

/// Returns the keyword most similar to a misspelt word; `None` if none is similar.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let common = |keyword: &str| keyword.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
    let by_distance = keywords().into_iter().map(|keyword| (distance(keyword, &word), keyword)).min()?;
    let by_start = keywords().into_iter().find(|keyword| common(keyword) >= 3);
    let limit = word.len().max(by_distance.1.len()) / 3;
    (by_distance.0 <= limit).then_some(by_distance.1).or(by_start)
}

/// Returns the Levenshtein distance: the letters to add, remove or change from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_suggest_keywords() {
        let meant = ["rotation", "rotat", "Every", "nthreads", "thread", "mem", "devise", "inverson", "force"];
        let keywords = ["rotate", "rotate", "every", "threads", "threads", "memory", "device", "inversion", "forces"];
        assert_eq!(meant.map(|word| nearest(word).unwrap()), keywords);
        assert_eq!(["x", "cutoff", "", "lambda"].map(nearest), [None; 4]);
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!([("kitten", "sitting"), ("", "abc"), ("same", "same")].map(|(a, b)| distance(a, b)), [3, 3, 0]);
    }

    #[test]
    fn models_in_place_of_keywords_are_recognized() {
        assert!(matches!(unknown("m.onnx"), Error::ModelInPairStyle { .. }));
        assert!(matches!(unknown("pet.ckpt"), Error::ModelInPairStyle { .. }));
        assert!(unknown("rotation").to_string().contains("did you mean rotate?"));
        assert!(
            unknown("sha256")
                .to_string()
                .starts_with("unknown keyword sha256: it belongs to pair_coeff, after the model")
        );
    }
}
