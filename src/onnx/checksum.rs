//! The checksum in a model file: one flipped bit, and the file is refused.
//!
//! It is an entry of `metadata_props`, and the SHA-256 of all other fields of the file as they are, one after the other.
//! Weights outside of the file are hashed with it (see [`hash`](super::hash)).

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::external::Weights;
use super::model_file::read_model;
use super::proto::{Field, Fields, entry, field, message};

use crate::error::{Error, Result};

/// The key in `metadata_props`.
pub(super) const KEY: &str = "tumble_checksum";

/// The checksum that a model states, and that of its contents.
struct Checksum {
    stated: Option<String>,
    found: String,
}

/// Whether a field of the file is an entry of the checksum.
fn stated<'a>(part: &Field<'a>) -> Result<Option<&'a [u8]>, String> {
    if part.number != field::MODEL_METADATA || !part.bytes {
        return Ok(None);
    }
    let (key, value) = entry(part.value)?;
    let different = key.iter().zip(KEY.as_bytes()).filter(|(a, b)| a != b).count();
    if key.len() == KEY.len() && (1..=2).contains(&different) {
        let key = String::from_utf8_lossy(key).into_owned();
        return Err(format!("its metadata have the key {key:?} where {KEY:?} was written, so it is damaged"));
    }
    Ok((key == KEY.as_bytes()).then_some(value))
}

impl Checksum {
    fn of(bytes: &[u8], weights: &Weights) -> Result<Self, String> {
        let (mut hash, mut found) = (Sha256::new(), None);
        for part in Fields(bytes) {
            let part = part?;
            match stated(&part)? {
                None => hash.update(part.raw),
                Some(value) => {
                    if found.replace(String::from_utf8_lossy(value).into_owned()).is_some() {
                        return Err("it states its checksum twice".to_owned());
                    }
                }
            }
        }
        Ok(Self { stated: found, found: weights.hash(format!("{:x}", hash.finalize())) })
    }
}

/// Compares a model with the checksum that it states; whether it states one.
///
/// # Errors
/// [`Error::NotOnnx`] and [`Error::Damaged`].
pub(super) fn verify(path: &Path, bytes: &[u8], weights: &Weights) -> Result<bool> {
    let path = path.to_path_buf();
    match Checksum::of(bytes, weights) {
        Err(cause) => Err(Error::NotOnnx { path, cause }),
        Ok(Checksum { stated: Some(stated), found }) if stated != found => Err(Error::Damaged { path, stated, found }),
        Ok(Checksum { stated, .. }) => Ok(stated.is_some()),
    }
}

/// Writes its checksum into a model file, in place of one that is there; returns it.
///
/// # Errors
/// [`Error::Read`], [`Error::NotOnnx`], [`Error::ExternalData`] and [`Error::Write`].
pub fn stamp(path: &Path) -> Result<String> {
    let (bytes, _) = read_model(path)?;
    let weights = Weights::read(path, &bytes)?;
    let stamped = stamped(&bytes, &weights);
    let (written, checksum) = stamped.map_err(|cause| Error::NotOnnx { path: path.to_path_buf(), cause })?;
    replace(path, &written)?;
    Ok(checksum)
}

/// The bytes of a model with its checksum, and that.
pub(super) fn stamped(bytes: &[u8], weights: &Weights) -> Result<(Vec<u8>, String), String> {
    let mut written = Vec::with_capacity(bytes.len() + 2 * KEY.len() + 64);
    for part in Fields(bytes) {
        let part = part?;
        if stated(&part)?.is_none() {
            written.extend(part.raw);
        }
    }
    let checksum = Checksum::of(&written, weights)?.found;
    let value = [message(field::ENTRY_KEY, KEY.as_bytes()), message(field::ENTRY_VALUE, checksum.as_bytes())];
    written.extend(message(field::MODEL_METADATA, &value.concat()));
    Ok((written, checksum))
}

/// Puts a file in the place of another one, whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    // What a link points to, and not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    let permissions = fs::metadata(&path).map(|about| about.permissions());
    let done = fs::write(part, bytes)
        .and_then(|()| permissions.and_then(|permissions| fs::set_permissions(part, permissions)))
        .and_then(|()| fs::rename(part, &path));
    done.map_err(|cause| {
        let _ = fs::remove_file(part);
        Error::Write { path, cause }
    })
}

#[cfg(test)]
mod tests;
