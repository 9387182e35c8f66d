//! Reading of a model's files: each is read once, checked, and joined into one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use tumble_core::hash::Hash;

use crate::contract::metadata::Metadata;
use crate::error::{Error, Malformed, Result};
use crate::file::external_data::Weights;
use crate::file::hash;
use crate::file::proto::{LONGEST, LONGEST_MB};
use crate::file::scan::{Scan, ScanError, scan};
use crate::file::{checksum, format};

/// A model read from its files, joined into one and checked.
pub struct CheckedModel {
    /// The bytes for a session, with all weights.
    pub bytes: Vec<u8>,
    /// SHA-256 of all its files, hexadecimal.
    pub sha256: String,
    /// Its metadata.
    pub metadata: Metadata,
    /// Names of the ScatterND nodes with a reduction.
    pub scatters: Vec<String>,
    /// Notes to the user, as sentences.
    pub notes: Vec<String>,
}

impl CheckedModel {
    /// Reads a model; refuses one with another hash than `sha256`, if given.
    pub fn read(path: &Path, sha256: Option<&str>) -> Result<Self> {
        let demanded = sha256.map(Hash::read).transpose()?;
        let (bytes, Scan { metadata, scatters }) = read_model(path)?;
        let weights = Weights::read(path, &bytes)?;
        let sha256 = weights.hash(hash::hex(&bytes));
        demanded.map_or(Ok(()), |demanded| check_hash(path, &sha256, demanded.to_string()))?;
        let stated = checksum::verify(path, &bytes, &weights)?;
        let metadata = Metadata::parse(metadata.as_deref(), path)?;
        let notes = if stated { vec![] } else { vec![unstamped(path)] };
        Ok(Self { bytes: weights.put_into(bytes, path)?, sha256, metadata, scatters, notes })
    }
}

/// Refuses a model of another hash.
fn check_hash(path: &Path, found: &str, expected: String) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::OtherModel { path: path.to_path_buf(), found: found.to_owned(), expected })
}

fn unstamped(path: &Path) -> String {
    format!(
        "the model stores no checksum, so a damaged file would go unnoticed: add one by `tumble checksum {}`",
        path.display()
    )
}

/// Reads and scans a model's own file.
///
/// # Errors
/// [`Error::Read`], [`Error::NotOnnx`] and [`Error::Contract`].
pub(crate) fn read_model(path: &Path) -> Result<(Vec<u8>, Scan)> {
    let not_onnx = |source| Error::NotOnnx { path: path.to_path_buf(), source };
    let bytes = read(path).map_err(|source| match source.kind() {
        io::ErrorKind::IsADirectory => not_onnx(Malformed::Folder),
        _ => Error::Read { path: path.to_path_buf(), source },
    })?;
    if bytes.len() as u64 > LONGEST {
        return Err(not_onnx(Malformed::TooLong { most: LONGEST_MB }));
    }
    let scan = scan(&bytes).map_err(|refusal| match refusal {
        ScanError::Format(source) => not_onnx(format::recognize(path, &bytes).map_or(source, Into::into)),
        ScanError::Contract(source) => Error::Contract { path: path.to_path_buf(), source },
    })?;
    Ok((bytes, scan))
}

/// Reads a file, up to one byte more than the longest model.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    // Opening a pipe would block.
    if !about.is_file() && !about.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe or a device: give a file"));
    }
    let length = about.len().min(LONGEST);
    let mut bytes = Vec::with_capacity(length as usize);
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
