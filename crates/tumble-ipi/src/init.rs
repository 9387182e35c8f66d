//! The text of an `INIT`: `key: value` pairs separated by commas, as i-PI writes the parameters of a force field.
//!
//! i-PI adds `batch_size:8` by itself. The client of i-PI ignores all other keys, meant for other drivers; the force
//! server reads them.

use std::collections::HashSet;

use tumble_core::echo::echo;
use tumble_core::elements::{atomic_number, symbol};

tumble_core::errors! {
    /// An error in the text of an `INIT`, as a sentence.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum InitError {
        /// A key given twice: the intended value is unknown.
        #[error("the key \"{}\" is given twice: leave one of them out", echo(key))]
        KeyTwice {
            /// The key.
            key: String,
        },

        /// A number of structures per message that is not a number, or out of range.
        #[error("batch_size is \"{}\": give a number from 1 to {limit}", echo(found))]
        BatchSize {
            /// The value.
            found: String,
            /// The limit.
            limit: usize,
        },

        /// A piece of the species that is not a symbol with a count.
        #[error("\"{}\" in the species is not a symbol with a count: write O H2 for one O and two H", echo(piece))]
        Species {
            /// The piece.
            piece: String,
        },

        /// More atoms than the limit per message.
        #[error("the structure has more than {limit} atoms, the server's limit")]
        Atoms {
            /// The limit.
            limit: usize,
        },
    }
}

/// For callers that pass the sentence on.
impl From<InitError> for String {
    fn from(error: InitError) -> Self {
        error.to_string()
    }
}

/// The pairs of a text, trimmed; a piece without a colon has an empty value.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = text.split([',', '\n', '\0']).map(str::trim).filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece.split_once(':').map_or((piece, ""), |(key, value)| (key.trim(), value.trim())))
}

/// The value of a key; the last one counts.
pub fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    pairs(text).filter(|(found, _)| *found == key).last().map(|(_, value)| value)
}

/// Refuses a key given twice: the intended value is unknown.
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

/// Structures per `POSDATA`: i-PI's `batch_size`, 1 if missing.
///
/// # Errors
/// [`InitError::BatchSize`] if it is not a number from 1 to `limit`.
pub fn batch(text: &str, limit: usize) -> Result<usize, InitError> {
    let Some(found) = value(text, "batch_size") else { return Ok(1) };
    let size = found.parse().ok().filter(|size| (1..=limit).contains(size));
    size.ok_or_else(|| InitError::BatchSize { found: found.into(), limit })
}

/// Writes atomic numbers as runs of symbols: O, H, H, O becomes `O H2 O`.
pub fn put_species(species: &[u8]) -> String {
    let run = |run: &[u8]| match run.len() {
        1 => symbol(run[0]).to_string(),
        length => format!("{}{length}", symbol(run[0])),
    };
    species.chunk_by(|a, b| a == b).map(run).collect::<Vec<_>>().join(" ")
}

/// Reads the species written by [`put_species`].
///
/// # Errors
/// [`InitError::Species`] if a piece is not a symbol with a count, [`InitError::Atoms`] if there are more than `limit`.
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
