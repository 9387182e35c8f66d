//! The keywords of `pair_style tumble`, and the one that was meant.

use std::path::Path;

use tumble_core::execution::Device;
use tumble_core::settings::frontend::{find, names};
use tumble_core::settings::{Frontend, Given, Settings, Value};

use crate::error::{Error, Result};

/// Of the pair style itself, which C++ keeps, with their places among the settings.
const OWN: [(u8, &str); 2] = [(7, "monitor"), (8, "uncertainty")];

/// All of them, in the order of the manual.
pub fn keywords() -> Vec<&'static str> {
    names(Frontend::Lammps, &OWN)
}

/// What LAMMPS is to read after a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any word.
    Word,
    /// yes or no, and what else LAMMPS takes for them.
    Switch,
    /// A whole number from this one on.
    Whole(u64),
    /// An energy above zero, in LAMMPS' unit.
    Energy,
}

/// What comes after a word, if that is a keyword.
///
/// # Errors
/// [`Error::UnknownKeyword`], [`Error::ModelInPairStyle`].
pub fn expected(word: &str) -> Result<Expected> {
    match find(Frontend::Lammps, word).map(|setting| setting.value) {
        Some(Value::Switch(_)) => Ok(Expected::Switch),
        Some(Value::Whole { least, .. }) => Ok(Expected::Whole(least)),
        Some(_) => Ok(Expected::Word),
        None if word == "monitor" => Ok(Expected::Whole(0)),
        None if word == "uncertainty" => Ok(Expected::Energy),
        None => Err(unknown(word)),
    }
}

/// The keywords of `pair_style tumble` that are settings, and what `pair_coeff` demands.
#[derive(Debug)]
pub struct Keywords {
    /// How the model is to be evaluated.
    pub settings: Settings,
}

impl Keywords {
    /// From keywords and values in turn, numbers and booleans as the table writes them.
    ///
    /// # Errors
    /// Those of [`Settings::take`] and [`Settings::check`].
    pub fn read(words: &[String]) -> Result<Self> {
        let setting = |word: &str| find(Frontend::Lammps, word).ok_or_else(|| unknown(word));
        let given = words.as_chunks().0.iter().map(|[name, value]| Ok((setting(name)?, value.as_str())));
        let given: Vec<Given> = given.collect::<Result<_>>()?;
        let mut settings = Settings::default();
        settings.take(&given)?;
        settings.check()?;
        Ok(Self { settings })
    }

    /// Has the model checked for a SHA-256; empty: any will do.
    pub fn demand(&mut self, sha256: &str) {
        self.settings.sha256 = (!sha256.is_empty()).then(|| sha256.into());
    }

    /// Every how many steps is averaged.
    pub fn every(&self) -> u64 {
        self.settings.every
    }

    /// Of the random rotations.
    pub fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// Threads of the processor that the model takes on each rank; 0 where it runs elsewhere.
    pub fn processor_threads(&self) -> usize {
        if self.settings.device == Device::Cpu { self.settings.threads } else { 0 }
    }
}

/// The sentence about a word that stands where a keyword is expected.
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

/// The keyword that a misspelt word is most like, if it is like any.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let common = |keyword: &str| keyword.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
    let by_distance = keywords().into_iter().map(|keyword| (distance(keyword, &word), keyword)).min()?;
    let by_start = keywords().into_iter().find(|keyword| common(keyword) >= 3);
    let limit = word.len().max(by_distance.1.len()) / 3;
    (by_distance.0 <= limit).then_some(by_distance.1).or(by_start)
}

/// Letters to add, remove or change until one word is the other (Levenshtein).
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
    fn misspelt_words_lead_to_keywords() {
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
    fn models_are_no_keywords() {
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
