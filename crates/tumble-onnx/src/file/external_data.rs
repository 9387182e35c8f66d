//! External data: weights in other files beside a model.
//!
//! ONNX Runtime gets the model from memory, so it would look for the files in the current folder. Weights of the graph
//! are taken out (see [`initializers`](crate::file::initializers)), other tensors are embedded.

mod copy;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ExternalDataError, Malformed, Result};
use crate::file::external_data::copy::{Copier, Taking};
use crate::file::external_data::place::ExternalRange;
pub use crate::file::external_data::place::Kind;
use crate::file::hash;
use crate::file::initializers::Initializers;
use crate::file::mapped_file::FileContents;
use crate::file::proto::{Fields, LONGEST, LONGEST_MB};

/// The external files of a model, by their names in the model.
pub struct Weights {
    files: BTreeMap<String, Arc<FileContents>>,
}

impl Weights {
    /// Reads the external files of a model, given its `bytes` and its path `model`.
    ///
    /// # Errors
    /// [`Error::NotOnnx`] and [`Error::ExternalData`].
    pub fn read(model: &Path, bytes: &[u8]) -> Result<Self> {
        let locations = locations(bytes).map_err(|source| Error::NotOnnx { path: model.to_path_buf(), source })?;
        let file = |location: String| match open(model, &location) {
            Ok(file) => Ok((location, Arc::new(file))),
            Err(cause) => Err(refusal(model, &location, cause)),
        };
        Ok(Self { files: locations.into_iter().map(file).collect::<Result<_>>()? })
    }

    /// Returns the weights as if all external files held the bytes `file`, for fuzzing.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn all_of(bytes: &[u8], file: &[u8]) -> Result<Self, Malformed> {
        let file = Arc::new(FileContents::Read(file.to_vec()));
        let files = locations(bytes)?.into_iter().map(|location| (location, Arc::clone(&file)));
        Ok(Self { files: files.collect() })
    }

    /// Returns whether all weights are in the model's own file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the SHA-256 of a model, given the hash of its own file (or of the hashed part): this hash, or with
    /// external files the hash of all hashes.
    pub fn hash(&self, own: String) -> String {
        if self.is_empty() {
            return own;
        }
        hash::of_all([own].into_iter().chain(self.files.values().map(|file| hash::hex(file))))
    }

    /// Returns the names of the external files.
    fn names(&self) -> String {
        self.files.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Returns the bytes of the model with all weights embedded.
    ///
    /// # Errors
    /// [`Error::ExternalData`].
    pub fn put_into(&self, bytes: &[u8], model: &Path) -> Result<Vec<u8>> {
        self.copied(bytes, model, None)
    }

    /// Takes the initializers of these names out of a model, given the memory of its own file; returns its other bytes,
    /// with all other tensors embedded.
    ///
    /// # Errors
    /// [`Error::ExternalData`].
    pub(crate) fn take(
        &self,
        names: &HashSet<&str>,
        file: &Arc<FileContents>,
        model: &Path,
    ) -> Result<(Vec<u8>, Initializers)> {
        let mut taken = Initializers::new();
        let bytes = self.copied(file, model, Some(Taking { names, file, taken: &mut taken }))?;
        Ok((bytes, taken))
    }

    fn copied(&self, bytes: &[u8], model: &Path, taking: Option<Taking>) -> Result<Vec<u8>> {
        let mut copy = Copier { files: &self.files, taking, written: Vec::new() };
        let done = copy.message(Kind::Model, bytes);
        done.map_err(|(location, cause)| refusal(model, &location, cause))?;
        match copy.written.len() as u64 > LONGEST {
            true => Err(refusal(model, &self.names(), ExternalDataError::TooLong { most: LONGEST_MB })),
            false => Ok(copy.written),
        }
    }
}

/// Returns the names of the external files of a model.
fn locations(bytes: &[u8]) -> Result<BTreeSet<String>, Malformed> {
    let mut names = BTreeSet::new();
    visit(Kind::Model, bytes, &mut |place| names.extend([place.location.to_owned()]))?;
    Ok(names)
}

/// Calls `found` for each tensor with external values.
fn visit(kind: Kind, bytes: &[u8], found: &mut impl FnMut(ExternalRange)) -> Result<(), Malformed> {
    if kind == Kind::Tensor {
        ExternalRange::of(bytes)?.into_iter().for_each(found);
        return Ok(());
    }
    let mut seen = Vec::new();
    for part in Fields(bytes) {
        let part = part?;
        let Some(inner) = kind.inside(part.number).filter(|_| part.bytes) else { continue };
        if kind.once(part.number) {
            if seen.contains(&part.number) {
                return Err(Malformed::TensorTwice);
            }
            seen.push(part.number);
        }
        visit(inner, part.value, found)?;
    }
    Ok(())
}

/// Opens a file of weights.
fn open(model: &Path, location: &str) -> Result<FileContents, ExternalDataError> {
    let inside = inside(location).ok_or(ExternalDataError::Elsewhere)?;
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let missing = |source| {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        ExternalDataError::Unreadable { folder, source }
    };
    let path = folder.join(inside);
    if !fs::metadata(&path).map_err(missing)?.is_file() {
        return Err(ExternalDataError::NoFile);
    }
    FileContents::open(&path, u64::MAX).map_err(missing)
}

/// Returns a path inside the model's folder, without `.` and `..`; `None` if it leads out.
fn inside(location: &str) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in Path::new(location).components() {
        match part {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir if inside.pop() => {}
            _ => return None,
        }
    }
    Some(inside).filter(|inside| !inside.as_os_str().is_empty())
}

fn refusal(model: &Path, location: &str, source: ExternalDataError) -> Error {
    Error::ExternalData { path: model.to_path_buf(), location: location.to_owned(), source }
}

#[cfg(test)]
mod tests;
