//! External data: weights in other files beside a model.
//!
//! ONNX Runtime gets the model from memory, so it would look for the files in the current folder. Weights of the graph
//! are taken out (see [`initializers`](crate::file::initializers)), other tensors are embedded.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::error::{Error, ExternalDataError, Malformed, Result};
use crate::file::hash;
use crate::file::initializers::{Initializer, Initializers, Tensor};
use crate::file::memory::Memory;
use crate::file::proto::{Field, Fields, LONGEST, LONGEST_MB, entry, field, header, message, utf8};

/// The messages of a model that hold tensors, directly or nested.
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
    /// Returns the kind of message in a field. `scan` has already refused graphs in attributes.
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

    /// Returns whether this field holds one message only. Protobuf's own readers merge repeated ones.
    fn once(self, number: u64) -> bool {
        match self {
            Self::Attribute => [field::ATTRIBUTE_TENSOR, field::ATTRIBUTE_SPARSE_TENSOR].contains(&number),
            Self::SparseTensor => true,
            _ => false,
        }
    }
}

/// The range of a file with the values of a tensor.
#[derive(Debug, PartialEq)]
struct ExternalRange<'a> {
    /// Path of the file, relative to the model's folder.
    location: &'a str,
    offset: usize,
    /// Number of bytes; `None`: to the end of the file.
    length: Option<usize>,
}

impl<'a> ExternalRange<'a> {
    /// Reads the range from a TensorProto; `None` if it holds its values itself.
    fn of(tensor: &'a [u8]) -> Result<Option<Self>, Malformed> {
        // DataLocation.EXTERNAL. Protobuf's own readers keep 32 bits.
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

    /// Returns the bytes of the range in the file.
    fn cut<'b>(&self, file: &'b [u8]) -> Result<&'b [u8], ExternalDataError> {
        let end = self.length.map_or(Some(file.len()), |length| self.offset.checked_add(length));
        end.and_then(|end| file.get(self.offset..end)).ok_or_else(|| {
            let length = self.length.map_or("all".to_owned(), |length| length.to_string());
            ExternalDataError::Short { found: file.len(), length, offset: self.offset }
        })
    }
}

/// The external files of a model, by their names in the model.
pub struct Weights {
    files: BTreeMap<String, Arc<Memory>>,
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
        let file = Arc::new(Memory::Read(file.to_vec()));
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
        file: &Arc<Memory>,
        model: &Path,
    ) -> Result<(Vec<u8>, Initializers)> {
        let mut taken = Initializers::new();
        let bytes = self.copied(file, model, Some(Taking { names, file, taken: &mut taken }))?;
        Ok((bytes, taken))
    }

    fn copied(&self, bytes: &[u8], model: &Path, taking: Option<Taking>) -> Result<Vec<u8>> {
        let mut copy = Copy { weights: self, taking, written: Vec::new() };
        let done = copy.message(Kind::Model, bytes);
        done.map_err(|(location, cause)| refusal(model, &location, cause))?;
        match copy.written.len() as u64 > LONGEST {
            true => Err(refusal(model, "", ExternalDataError::TooLong { most: LONGEST_MB })),
            false => Ok(copy.written),
        }
    }
}

/// A copy of a model, without external data.
struct Copy<'a> {
    weights: &'a Weights,
    /// `None`: all weights are embedded.
    taking: Option<Taking<'a>>,
    written: Vec<u8>,
}

/// Weights that are taken out of a model.
struct Taking<'a> {
    names: &'a HashSet<&'a str>,
    /// The memory of the model's own file.
    file: &'a Arc<Memory>,
    taken: &'a mut Initializers,
}

/// The name of a file, and the reason why it cannot be used.
type Refusal = (String, ExternalDataError);

impl Copy<'_> {
    fn message(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Refusal> {
        for part in Fields(bytes) {
            let part = part.map_err(malformed)?;
            match kind.inside(part.number).filter(|_| part.bytes) {
                None => self.written.extend(part.raw),
                Some(Kind::Tensor) => self.tensor(kind, &part)?,
                Some(inner) => {
                    let start = begin(part.number, &mut self.written);
                    self.message(inner, part.value)?;
                    end(start, &mut self.written);
                }
            }
        }
        Ok(())
    }

    /// Writes a tensor in a message of this kind.
    fn tensor(&mut self, kind: Kind, part: &Field) -> Result<(), Refusal> {
        let place = ExternalRange::of(part.value).map_err(malformed)?;
        let (file, external) = match &place {
            None => (None, None),
            Some(place) => {
                let file = self.weights.files.get(place.location);
                let values = place.cut(file.map_or(&[][..], |file| file));
                (file, Some(values.map_err(|cause| (place.location.to_owned(), cause))?))
            }
        };
        if kind == Kind::Graph && self.take(part, file, external).map_err(malformed)? {
            return Ok(());
        }
        match external {
            None => self.written.extend(part.raw),
            Some(values) => self.embed(part, values),
        }
        Ok(())
    }

    /// Takes a weight out, if it is to be and can be.
    fn take(&mut self, part: &Field, file: Option<&Arc<Memory>>, values: Option<&[u8]>) -> Result<bool, Malformed> {
        let Some(Taking { names, file: own, taken }) = &mut self.taking else { return Ok(false) };
        let (tensor, raw) = Tensor::read(part.value)?;
        let wanted = names.contains(&*tensor.name) && !taken.contains_key(&tensor.name);
        let memory = file.unwrap_or(own);
        let found = wanted.then(|| Initializer::take(&tensor, memory, values.unwrap_or(raw))).flatten();
        let Some(initializer) = found else { return Ok(false) };
        self.written.extend(message(part.number, &tensor.without_values()));
        taken.insert(tensor.name, initializer);
        Ok(true)
    }

    fn embed(&mut self, tensor: &Field, values: &[u8]) {
        let start = begin(tensor.number, &mut self.written);
        let gone = [field::TENSOR_RAW, field::TENSOR_EXTERNAL, field::TENSOR_LOCATION];
        let kept = Fields(tensor.value).flatten().filter(|part| !gone.contains(&part.number));
        kept.for_each(|part| self.written.extend(part.raw));
        self.written.extend(header(field::TENSOR_RAW, values.len()));
        self.written.extend(values);
        end(start, &mut self.written);
    }
}

fn malformed(cause: Malformed) -> Refusal {
    (String::new(), cause.into())
}

/// Size of the lengths written by [`end`], bytes: the most that protobuf's own readers accept.
const LENGTH: usize = 5;

/// Begins a message in a field; returns the position of its length.
fn begin(number: u64, into: &mut Vec<u8>) -> usize {
    let mut tag = message(number, b"");
    tag.pop();
    into.extend(tag);
    into.extend([0; LENGTH]);
    into.len() - LENGTH
}

/// Ends a message: writes its length.
fn end(start: usize, into: &mut [u8]) {
    let length = into.len() - start - LENGTH;
    for (i, byte) in into[start..start + LENGTH].iter_mut().enumerate() {
        *byte = (length >> (7 * i)) as u8 & 0x7f | if i + 1 < LENGTH { 0x80 } else { 0 };
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
fn open(model: &Path, location: &str) -> Result<Memory, ExternalDataError> {
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
    if !fs::metadata(&path).map_err(missing)?.is_file() {
        return Err(ExternalDataError::NoFile);
    }
    Memory::open(&path, u64::MAX).map_err(missing)
}

fn refusal(model: &Path, location: &str, source: ExternalDataError) -> Error {
    Error::ExternalData { path: model.to_path_buf(), location: location.to_owned(), source }
}

#[cfg(test)]
mod tests;
