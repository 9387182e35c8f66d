//! Weights that a model keeps in other files beside it ("external data"), put into the model when it is loaded.
//!
//! ONNX Runtime would look for them in the current folder, since models are given to it from memory; and all that comes
//! after works on the bytes of one file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

use crate::error::{Error, ExternalDataError, Malformed, Result};
use crate::file::hash;
use crate::file::proto::{Field, Fields, LONGEST, LONGEST_MB, entry, field, header, message, utf8};

/// The messages of a model that hold tensors, directly or further inside.
#[derive(Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "named as in onnx.proto")]
pub enum Kind {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

impl Kind {
    /// The kind of message in a field. Graphs in attributes are refused before (see `scan`).
    pub fn inside(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, field::MODEL_GRAPH) => Some(Self::Graph),
            (Self::Model, field::MODEL_FUNCTION) => Some(Self::Function),
            (Self::Graph, field::GRAPH_NODE) | (Self::Function, field::FUNCTION_NODE) => Some(Self::Node),
            (Self::Graph, field::GRAPH_CONSTANT) => Some(Self::Tensor),
            (Self::Graph, field::GRAPH_SPARSE_CONSTANT) => Some(Self::SparseTensor),
            (Self::Node, field::NODE_ATTRIBUTE) | (Self::Function, field::FUNCTION_ATTRIBUTE) => Some(Self::Attribute),
            (Self::Attribute, field::ATTRIBUTE_TENSOR | field::ATTRIBUTE_TENSORS) => Some(Self::Tensor),
            (Self::Attribute, field::ATTRIBUTE_SPARSE_TENSOR | field::ATTRIBUTE_SPARSE_TENSORS) => {
                Some(Self::SparseTensor)
            }
            (Self::SparseTensor, field::SPARSE_VALUES | field::SPARSE_INDICES) => Some(Self::Tensor),
            _ => None,
        }
    }

    /// Whether a message can be in this field once only. Protobuf's own readers merge it if it is there again.
    fn once(self, number: u64) -> bool {
        match self {
            Self::Attribute => [field::ATTRIBUTE_TENSOR, field::ATTRIBUTE_SPARSE_TENSOR].contains(&number),
            Self::SparseTensor => true,
            _ => false,
        }
    }
}

/// A part of a file that holds the values of a tensor.
#[derive(Debug, PartialEq)]
struct ExternalRange<'a> {
    /// The file, seen from the model's folder.
    location: &'a str,
    offset: usize,
    /// Bytes; to the end of the file where `None`.
    length: Option<usize>,
}

impl<'a> ExternalRange<'a> {
    /// Of a TensorProto; `None` where its values are in itself.
    fn of(tensor: &'a [u8]) -> Result<Option<Self>, Malformed> {
        // DataLocation.EXTERNAL, in the 32 bits that protobuf's own readers take.
        const EXTERNAL: u32 = 1;
        let (mut external, mut place) = (false, ExternalRange { location: "", offset: 0, length: None });
        for part in Fields(tensor) {
            let Field { number, value, integer, bytes, .. } = part?;
            match number {
                field::TENSOR_LOCATION if !bytes => external = integer as u32 == EXTERNAL,
                field::TENSOR_EXTERNAL if bytes => place.take(value)?,
                _ => {}
            }
        }
        Ok(external.then_some(place))
    }

    fn take(&mut self, bytes: &'a [u8]) -> Result<(), Malformed> {
        let (key, value) = entry(bytes)?;
        let (key, value) = (utf8(key)?, utf8(value)?);
        let number = || {
            let refusal = || Malformed::NoNumber { key: key.into(), value: value.into() };
            value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(refusal)
        };
        match key {
            "location" => self.location = value,
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            _ => {}
        }
        Ok(())
    }

    /// Its bytes in the file.
    fn cut<'b>(&self, file: &'b [u8]) -> Result<&'b [u8], ExternalDataError> {
        let end = self.length.map_or(Some(file.len()), |length| self.offset.checked_add(length));
        end.and_then(|end| file.get(self.offset..end)).ok_or_else(|| {
            let length = self.length.map_or("all".to_owned(), |length| length.to_string());
            ExternalDataError::Short { found: file.len(), length, offset: self.offset }
        })
    }
}

/// The files that hold weights of a model, by the names that it gives them.
pub struct Weights {
    files: BTreeMap<String, Vec<u8>>,
}

impl Weights {
    /// Reads the files that the model of these bytes, in the file `model`, keeps weights in.
    ///
    /// # Errors
    /// [`Error::NotOnnx`] and [`Error::ExternalData`].
    pub fn read(model: &Path, bytes: &[u8]) -> Result<Self> {
        let locations = locations(bytes).map_err(|source| Error::NotOnnx { path: model.to_path_buf(), source })?;
        let mut room = LONGEST.saturating_sub(bytes.len() as u64);
        let file = |location: String| match read(model, &location, &mut room) {
            Ok(file) => Ok((location, file)),
            Err(cause) => Err(refusal(model, &location, cause)),
        };
        Ok(Self { files: locations.into_iter().map(file).collect::<Result<_>>()? })
    }

    /// For fuzzing: as if all files of the model held these bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn all_of(bytes: &[u8], file: &[u8]) -> Result<Self, Malformed> {
        let files = locations(bytes)?.into_iter().map(|location| (location, file.to_vec()));
        Ok(Self { files: files.collect() })
    }

    /// Whether all weights are in the model's own file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// SHA-256 of a model whose own file, or what is hashed of it, has this one: that itself, or where there are other
    /// files that of all of them.
    pub fn hash(&self, own: String) -> String {
        if self.is_empty() {
            return own;
        }
        hash::of_all([own].into_iter().chain(self.files.values().map(|file| hash::hex(file))))
    }

    /// The model with all weights in itself, from its bytes.
    ///
    /// # Errors
    /// [`Error::ExternalData`].
    pub fn put_into(self, bytes: Vec<u8>, model: &Path) -> Result<Vec<u8>> {
        if self.is_empty() {
            return Ok(bytes);
        }
        let room = bytes.len() + self.files.values().map(Vec::len).sum::<usize>();
        let mut written = Vec::with_capacity(room);
        match self.copy(Kind::Model, &bytes, &mut written) {
            Ok(()) => Ok(written),
            Err((location, cause)) => Err(refusal(model, &location, cause)),
        }
    }

    /// Writes a message with the weights in it; the error is the name of a file, and what is wrong with it.
    fn copy(&self, kind: Kind, bytes: &[u8], into: &mut Vec<u8>) -> Result<(), (String, ExternalDataError)> {
        for part in Fields(bytes) {
            let part = part.map_err(|cause| (String::new(), cause.into()))?;
            match kind.inside(part.number).filter(|_| part.bytes) {
                None => into.extend(part.raw),
                Some(Kind::Tensor) => self.copy_tensor(&part, into)?,
                Some(inner) => {
                    let start = begin(part.number, into);
                    self.copy(inner, part.value, into)?;
                    end(start, into);
                }
            }
        }
        Ok(())
    }

    fn copy_tensor(&self, tensor: &Field, into: &mut Vec<u8>) -> Result<(), (String, ExternalDataError)> {
        let place = ExternalRange::of(tensor.value).map_err(|cause| (String::new(), cause.into()))?;
        let Some(place) = place else {
            into.extend(tensor.raw);
            return Ok(());
        };
        let file = self.files.get(place.location).map_or(&[][..], Vec::as_slice);
        let values = place.cut(file).map_err(|cause| (place.location.to_owned(), cause))?;
        let start = begin(tensor.number, into);
        let gone = [field::TENSOR_RAW, field::TENSOR_EXTERNAL, field::TENSOR_LOCATION];
        let kept = Fields(tensor.value).flatten().filter(|part| !gone.contains(&part.number));
        kept.for_each(|part| into.extend(part.raw));
        into.extend(header(field::TENSOR_RAW, values.len()));
        into.extend(values);
        end(start, into);
        Ok(())
    }
}

/// Bytes of the lengths that [`end`] fills in: as many as protobuf's own readers take.
const LENGTH: usize = 5;

/// Begins a message in a field; returns where its length belongs.
fn begin(number: u64, into: &mut Vec<u8>) -> usize {
    let mut tag = message(number, b"");
    tag.pop();
    into.extend(tag);
    into.extend([0; LENGTH]);
    into.len() - LENGTH
}

/// Ends a message by its length.
fn end(start: usize, into: &mut [u8]) {
    let length = into.len() - start - LENGTH;
    for (i, byte) in into[start..start + LENGTH].iter_mut().enumerate() {
        *byte = (length >> (7 * i)) as u8 & 0x7f | if i + 1 < LENGTH { 0x80 } else { 0 };
    }
}

/// The files that hold weights of a model.
fn locations(bytes: &[u8]) -> Result<BTreeSet<String>, Malformed> {
    let mut names = BTreeSet::new();
    visit(Kind::Model, bytes, &mut |place| names.extend([place.location.to_owned()]))?;
    Ok(names)
}

/// Tells of every tensor whose values are elsewhere.
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

/// Reads a file that holds weights, if there is still so much room.
fn read(model: &Path, location: &str, room: &mut u64) -> Result<Vec<u8>, ExternalDataError> {
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(inside) {
        return Err(ExternalDataError::Elsewhere);
    }
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let missing = |source| {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        ExternalDataError::Unreadable { folder, source }
    };
    let path = folder.join(location);
    let about = fs::metadata(&path).map_err(missing)?;
    if !about.is_file() {
        return Err(ExternalDataError::NoFile);
    }
    *room = room.checked_sub(about.len()).ok_or(ExternalDataError::TooLong { most: LONGEST_MB })?;
    fs::read(&path).map_err(missing)
}

fn refusal(model: &Path, location: &str, source: ExternalDataError) -> Error {
    Error::ExternalData { path: model.to_path_buf(), location: location.to_owned(), source }
}

#[cfg(test)]
mod tests;
