//! The text of an `INIT`: `key: value` pairs with commas between, as i-PI writes the parameters of a force field.
//!
//! i-PI adds `batch_size:8` by itself. What else there is, other than for the force server, is for other drivers, and
//! no business of ours.

use std::collections::HashSet;

use tumble_core::elements::{atomic_number, symbol};

tumble_core::errors! {
    /// What is wrong with the text of an `INIT`, as a sentence.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum InitError {
        /// A key with two values, of which one would count.
        #[error("the key \"{key}\" is given twice: leave one of them out")]
        KeyTwice {
            /// The key.
            key: String,
        },

        /// A number of structures a message that is none, or too large.
        #[error("batch_size is \"{found}\", but structures come in batches of 1 to {limit}")]
        BatchSize {
            /// The value.
            found: String,
            /// The largest.
            limit: usize,
        },

        /// A piece of the species that names no atoms.
        #[error("\"{piece}\" in the species is no symbol with a count: write O H2 for one O and two H")]
        Species {
            /// The piece.
            piece: String,
        },

        /// More atoms than a message may bring.
        #[error("the structure has more than {limit} atoms, the most that are taken here")]
        Atoms {
            /// The most.
            limit: usize,
        },
    }
}

/// For those who pass sentences on.
impl From<InitError> for String {
    fn from(error: InitError) -> Self {
        error.to_string()
    }
}

/// The pairs of a text, trimmed; a piece without a colon has no value.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = text.split([',', '\n', '\0']).map(str::trim).filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.split_once(':').map_or((piece, ""), |(key, value)| (key.trim(), value.trim())))
}

/// The value of a key; the last one counts.
pub fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    pairs(text).filter(|(found, _)| *found == key).last().map(|(_, value)| value)
}

/// Refuses a key that is given twice: which value was meant cannot be known.
///
/// # Errors
/// [`InitError::KeyTwice`].
pub fn check_once(text: &str) -> Result<(), InitError> {
    let mut seen = HashSet::new();
    match pairs(text).find(|(key, _)| !seen.insert(*key)) {
        None => Ok(()),
        Some((key, _)) => Err(InitError::KeyTwice { key: key.into() }),
    }
}

/// How many structures a `POSDATA` will hold: i-PI's `batch_size`; 1 where there is none.
///
/// # Errors
/// [`InitError::BatchSize`] if it is no number from 1 to `limit`.
pub fn batch(text: &str, limit: usize) -> Result<usize, InitError> {
    let Some(found) = value(text, "batch_size") else { return Ok(1) };
    let size = found.parse().ok().filter(|size| (1..=limit).contains(size));
    size.ok_or_else(|| InitError::BatchSize { found: found.into(), limit })
}

/// Atomic numbers as runs of symbols: O, H, H, O becomes `O H2 O`.
pub fn put_species(species: &[u8]) -> String {
    let run = |run: &[u8]| match run.len() {
        1 => symbol(run[0]).to_string(),
        length => format!("{}{length}", symbol(run[0])),
    };
    species.chunk_by(|a, b| a == b).map(run).collect::<Vec<_>>().join(" ")
}

/// Reads what [`put_species`] writes.
///
/// # Errors
/// [`InitError::Species`] if a piece is no symbol with a count, [`InitError::Atoms`] if there are more than `limit`.
pub fn species(text: &str, limit: usize) -> Result<Vec<u8>, InitError> {
    let mut species = Vec::new();
    for piece in text.split_whitespace() {
        let digits = piece.find(|c: char| c.is_ascii_digit()).unwrap_or(piece.len());
        let (name, count) = piece.split_at(digits);
        let count = if count.is_empty() { Some(1) } else { count.parse().ok().filter(|&count: &usize| count > 0) };
        let (Some(z), Some(count)) = (atomic_number(name), count) else {
            return Err(InitError::Species { piece: piece.into() });
        };
        if count > limit - species.len() {
            return Err(InitError::Atoms { limit });
        }
        species.resize(species.len() + count, z);
    }
    Ok(species)
}
