//! A stage's output, kept for later stages: in an arena, or where ONNX Runtime has put it.
//!
//! Small structures leave their tensors in place, without a copy. Those of large ones are copied to arenas, which bypasses
//! the caches and has huge pages.

use bytemuck::Pod;
use ort::session::SessionInputValue;
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef};
use tumble_ops::Real;

use crate::partition::arena::{Arena, Pool, TensorRange};
use crate::partition::nontemporal::copy;

/// An output of a stage for one tile.
pub(crate) struct KeptTensor {
    pub worker: usize,
    pub shape: Vec<i64>,
    kind: TensorElementType,
    place: Place,
}

/// The numbers of a tensor.
enum Place {
    Arena(TensorRange),
    InPlace(DynValue),
}

impl KeptTensor {
    /// Keeps an output in place; `T` is the type of the model's real numbers.
    ///
    /// # Errors
    /// Real numbers of another type.
    pub fn in_place<T: Real>(worker: usize, value: DynValue) -> ort::Result<Self> {
        let (shape, kind) = (value.shape().to_vec(), *value.data_type());
        let kept = Self { worker, shape, kind, place: Place::InPlace(value) };
        if let (true, Place::InPlace(value)) = (kept.is_real(), &kept.place) {
            value.try_extract_tensor::<T>()?;
        }
        Ok(kept)
    }

    /// Copies an output to an arena; `T` is the type of the model's real numbers.
    ///
    /// # Errors
    /// Real numbers of another type, and no memory.
    pub fn copied<T: Real + Pod>(worker: usize, value: &DynValue, arena: &mut Arena, pool: &Pool) -> ort::Result<Self> {
        let (shape, kind) = (value.shape().to_vec(), *value.data_type());
        let place = match kind {
            TensorElementType::Bool => {
                let found = bytemuck::cast_slice::<bool, u8>(value.try_extract_tensor()?.1);
                arena.add(found.len(), pool, |free| free.copy_from_slice(found))
            }
            TensorElementType::Int64 => {
                let found = value.try_extract_tensor::<i64>()?.1;
                arena.add(found.len(), pool, |free| free.copy_from_slice(found))
            }
            _ => {
                let found = value.try_extract_tensor::<T>()?.1;
                arena.add(found.len(), pool, |free| copy(found, free))
            }
        };
        let place = place.map_err(|error| ort::Error::new(error.to_string()))?;
        Ok(Self { worker, shape, kind, place: Place::Arena(place) })
    }

    /// Returns whether the tensor holds real numbers.
    pub fn is_real(&self) -> bool {
        ![TensorElementType::Bool, TensorElementType::Int64].contains(&self.kind)
    }

    /// Returns the numbers, which have the type `T`; `arena` is the one that it may be in.
    pub fn numbers<'a, T: PrimitiveTensorElementType + Pod>(&'a self, arena: &'a Arena) -> &'a [T] {
        match &self.place {
            Place::Arena(place) => arena.get(place),
            Place::InPlace(value) => value.try_extract_tensor::<T>().expect("the type was checked").1,
        }
    }

    /// Returns integers; `None` if the tensor holds something else.
    pub fn integers<'a>(&'a self, arena: &'a Arena) -> Option<&'a [i64]> {
        (self.kind == TensorElementType::Int64).then(|| self.numbers(arena))
    }

    /// Returns flags, 0 or 1; `None` if the tensor holds something else.
    pub fn flags<'a>(&'a self, arena: &'a Arena) -> Option<&'a [u8]> {
        (self.kind == TensorElementType::Bool).then(|| match &self.place {
            Place::Arena(place) => arena.get(place),
            Place::InPlace(value) => {
                let (_, flags) = value.try_extract_tensor::<bool>().expect("the tensor holds flags");
                bytemuck::cast_slice(flags)
            }
        })
    }

    /// Returns the tensor for ONNX Runtime, without a copy; `T` is the type of the model's real numbers.
    pub fn input<'a, T: Real + Pod>(&'a self, arena: &'a Arena) -> ort::Result<SessionInputValue<'a>> {
        let place = match &self.place {
            Place::InPlace(value) => return Ok(value.into()),
            Place::Arena(place) => place,
        };
        let shape = self.shape.clone();
        Ok(match self.kind {
            TensorElementType::Bool => {
                let flags = bytemuck::checked::cast_slice::<u8, bool>(arena.get(place));
                TensorRef::from_array_view((shape, flags))?.into()
            }
            TensorElementType::Int64 => TensorRef::from_array_view((shape, arena.get::<i64>(place)))?.into(),
            _ => TensorRef::from_array_view((shape, arena.get::<T>(place)))?.into(),
        })
    }
}
