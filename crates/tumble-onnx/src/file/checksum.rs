//! The checksum in a model file: a file with one flipped bit is refused.
//!
//! The checksum is the SHA-256 of the raw bytes of all other fields of the file, in their order, and is stored in
//! `metadata_props`. External data is hashed too (see [`hash`](crate::file::hash)).

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Malformed, Result};
use crate::file::external_data::Weights;
use crate::file::model_file::read_model;
use crate::file::proto::{Field, Fields, entry, field, message};

/// The key in `metadata_props`.
pub(crate) const KEY: &str = "tumble_checksum";

/// The stated checksum of a model, and the checksum of its contents.
struct Checksum {
    stated: Option<String>,
    found: String,
}

/// The role of a field of the file for the checksum.
enum Part<'a> {
    Other,
    Checksum(&'a [u8]),
    /// An entry with a key that differs from the checksum's by one or two bytes.
    Damaged(&'a [u8]),
}

fn part_of<'a>(part: &Field<'a>) -> Result<Part<'a>, Malformed> {
    if part.number != field::MODEL_METADATA || !part.bytes {
        return Ok(Part::Other);
    }
    let (key, value) = entry(part.value)?;
    let different = key.iter().zip(KEY.as_bytes()).filter(|(a, b)| a != b).count();
    Ok(match different {
        _ if key.len() != KEY.len() => Part::Other,
        0 => Part::Checksum(value),
        1..=2 => Part::Damaged(key),
        _ => Part::Other,
    })
}

fn damaged(key: &[u8]) -> Malformed {
    Malformed::DamagedKey { key: String::from_utf8_lossy(key).into_owned(), expected: KEY }
}

impl Checksum {
    fn of(bytes: &[u8], weights: &Weights) -> Result<Self, Malformed> {
        let (mut hash, mut found) = (Sha256::new(), None);
        for part in Fields(bytes) {
            let part = part?;
            match part_of(&part)? {
                Part::Other => hash.update(part.raw),
                Part::Damaged(key) => return Err(damaged(key)),
                Part::Checksum(value) => {
                    if found.replace(String::from_utf8_lossy(value).into_owned()).is_some() {
                        return Err(Malformed::ChecksumTwice);
                    }
                }
            }
        }
        Ok(Self { stated: found, found: weights.hash(format!("{:x}", hash.finalize())) })
    }
}

/// Compares a model with its stored checksum; returns whether it has one.
///
/// # Errors
/// [`Error::NotOnnx`] and [`Error::Damaged`].
pub fn verify(path: &Path, bytes: &[u8], weights: &Weights) -> Result<bool> {
    let path = path.to_path_buf();
    match Checksum::of(bytes, weights) {
        Err(source) => Err(Error::NotOnnx { path, source }),
        Ok(Checksum { stated: Some(stated), found }) if stated != found => Err(Error::Damaged { path, stated, found }),
        Ok(Checksum { stated, .. }) => Ok(stated.is_some()),
    }
}

/// Writes the checksum into a model file, in place of an old one; returns the checksum.
///
/// # Errors
/// [`Error::Read`], [`Error::NotOnnx`], [`Error::ExternalData`] and [`Error::Write`].
pub fn stamp(path: &Path) -> Result<String> {
    let (bytes, _) = read_model(path)?;
    let weights = Weights::read(path, &bytes)?;
    let stamped = stamped(&bytes, &weights);
    let (written, checksum) = stamped.map_err(|source| Error::NotOnnx { path: path.to_path_buf(), source })?;
    replace(path, &written)?;
    Ok(checksum)
}

/// Returns the bytes of a model with its checksum, and the checksum.
///
/// # Errors
/// [`Malformed`].
pub fn stamped(bytes: &[u8], weights: &Weights) -> Result<(Vec<u8>, String), Malformed> {
    let mut written = Vec::with_capacity(bytes.len() + 2 * KEY.len() + 64);
    for part in Fields(bytes) {
        let part = part?;
        if matches!(part_of(&part)?, Part::Other) {
            written.extend(part.raw);
        }
    }
    let checksum = Checksum::of(&written, weights)?.found;
    let value = [message(field::ENTRY_KEY, KEY.as_bytes()), message(field::ENTRY_VALUE, checksum.as_bytes())];
    written.extend(message(field::MODEL_METADATA, &value.concat()));
    Ok((written, checksum))
}

/// Replaces a file atomically.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    // Replaces the target of a link, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    let permissions = fs::metadata(&path).map(|about| about.permissions());
    let done = fs::write(part, bytes)
        .and_then(|()| permissions.and_then(|permissions| fs::set_permissions(part, permissions)))
        .and_then(|()| fs::rename(part, &path));
    done.map_err(|source| {
        let _ = fs::remove_file(part);
        Error::Write { path, source }
    })
}

#[cfg(test)]
mod tests;
