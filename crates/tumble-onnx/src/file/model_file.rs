//! Reading of a model's files: each is opened once and checked.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tumble_core::hash::Hash;

use crate::contract::metadata::Metadata;
use crate::error::{Error, Malformed, Result};
use crate::file::external_data::Weights;
use crate::file::hash;
use crate::file::initializers::Initializers;
use crate::file::mapped_file::FileContents;
use crate::file::proto::{LONGEST, LONGEST_MB};
use crate::file::scan::{Scan, ScanError, scan};
use crate::file::{checksum, exchanges, format, fused, products};

/// A model read from its files and checked.
pub struct CheckedModel {
    /// The bytes to open a session from: without the weights, and on the CPU without the functions that kernels replace.
    pub bytes: Vec<u8>,
    /// The weights.
    pub initializers: Initializers,
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
    /// Reads a model; refuses one with another hash than `sha256`, if given. `kernels`: the weights of products are taken
    /// out of the file, and our kernels are to be called.
    pub fn read(path: &Path, sha256: Option<&str>, kernels: bool) -> Result<Self> {
        let demanded = sha256.map(Hash::read).transpose()?;
        let (file, Scan { metadata, scatters }) = read_model(path)?;
        let weights = Weights::read(path, &file)?;
        let sha256 = weights.hash(hash::hex(&file));
        demanded.map_or(Ok(()), |demanded| check_hash(path, &sha256, demanded.to_string()))?;
        let stated = checksum::verify(path, &file, &weights)?;
        let metadata = Metadata::parse(metadata.as_deref(), path)?;
        exchanges::violation(&file, metadata.version, metadata.whole)
            .map_or(Ok(()), |source| Err(Error::Contract { path: path.to_path_buf(), source }))?;
        let notes = if stated { vec![] } else { vec![unstamped(path)] };
        if !kernels {
            let bytes = weights.put_into(&file, path)?;
            return Ok(Self { bytes, initializers: Initializers::new(), sha256, metadata, scatters, notes });
        }
        let not_onnx = |source| Error::NotOnnx { path: path.to_path_buf(), source };
        let file = Arc::new(file);
        let (bytes, initializers) = weights.take(&products::weights(&file).map_err(not_onnx)?, &file, path)?;
        let bytes =
            fused::without_functions(&bytes).and_then(|bytes| products::with_linear(&bytes)).map_err(not_onnx)?;
        Ok(Self { bytes, initializers, sha256, metadata, scatters, notes })
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
pub(crate) fn read_model(path: &Path) -> Result<(FileContents, Scan)> {
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

/// Opens a file, up to one byte more than the longest model.
fn read(path: &Path) -> io::Result<FileContents> {
    let about = fs::metadata(path)?;
    // Opening a pipe would block.
    if !about.is_file() && !about.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe or a device: give a file"));
    }
    FileContents::open(path, LONGEST)
}
