//! A copy of a model's bytes in which all tensors are embedded, but for the weights that are taken out.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::error::{ExternalDataError, Malformed};
use crate::file::external_data::place::{ExternalRange, Kind};
use crate::file::initializers::{Initializer, Initializers, Tensor};
use crate::file::mapped_file::FileContents;
use crate::file::proto::{Field, Fields, field, header, message};

/// Writes a copy of a model, without external data.
pub(super) struct Copier<'a> {
    /// The external files of the model, by their names in it.
    pub files: &'a BTreeMap<String, Arc<FileContents>>,
    /// `None`: all weights are embedded.
    pub taking: Option<Taking<'a>>,
    pub written: Vec<u8>,
}

/// Weights that are taken out of a model.
pub(super) struct Taking<'a> {
    pub names: &'a HashSet<&'a str>,
    /// The memory of the model's own file.
    pub file: &'a Arc<FileContents>,
    pub taken: &'a mut Initializers,
}

/// The name of a file, and the reason why it cannot be used.
pub(super) type Refusal = (String, ExternalDataError);

impl Copier<'_> {
    pub fn message(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Refusal> {
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
                let file = self.files.get(place.location);
                let (tensor, _) = Tensor::read(part.value).map_err(malformed)?;
                let values = place.cut(file.map_or(&[][..], |file| file), &tensor);
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
    fn take(
        &mut self,
        part: &Field,
        file: Option<&Arc<FileContents>>,
        values: Option<&[u8]>,
    ) -> Result<bool, Malformed> {
        let Some(Taking { names, file: own, taken }) = &mut self.taking else { return Ok(false) };
        let (tensor, raw) = Tensor::read(part.value)?;
        let wanted = names.contains(tensor.name) && !taken.contains_key(tensor.name);
        let memory = file.unwrap_or(own);
        let found = wanted.then(|| Initializer::take(&tensor, memory, values.unwrap_or(raw))).flatten();
        let Some(initializer) = found else { return Ok(false) };
        self.written.extend(message(part.number, &tensor.without_values()));
        taken.insert(tensor.name.to_owned(), initializer);
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
