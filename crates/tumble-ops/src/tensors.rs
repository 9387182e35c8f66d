//! The tensors of a node, by ONNX Runtime's C interface. The values of the crate `ort` look up each tensor's device and
//! names of dimensions, too: with them, a molecule's evaluation would take a quarter longer.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::{NonNull, null, null_mut};
use std::slice::{from_raw_parts, from_raw_parts_mut};

use ort::operator::{ComputeContext, KernelContext};
use ort::sys::{ONNXTensorElementDataType, OrtStatusPtr, OrtValue};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, ValueRef};
use ort::{AsPointer, Error, api};

/// A tensor that a node reads.
#[derive(Clone, Copy)]
pub(crate) struct Tensor<'a> {
    pub shape: &'a [i64],
    kind: TensorElementType,
    numbers: *mut c_void,
    of: PhantomData<&'a DynValue>,
}

// SAFETY: the numbers are only read.
#[expect(unsafe_code, reason = "a kernel with constants may run on any thread")]
unsafe impl Send for Tensor<'_> {}

impl<'a> Tensor<'a> {
    /// Returns an input of a run.
    pub fn input(context: &'a ComputeContext, index: usize) -> ort::Result<Self> {
        let mut value = null();
        // SAFETY: the context is valid as long as its reference, and so are the inputs.
        #[expect(unsafe_code, reason = "a call of the C interface")]
        unsafe {
            done((api().KernelContext_GetInput)(context.ptr(), index, &raw mut value))?;
            if value.is_null() { Err(wrong("an input is missing")) } else { Self::of(value) }
        }
    }

    /// Returns an input that is the same in all runs; `None` if it is not.
    pub fn constant(node: &KernelContext<'a>, index: usize) -> Option<Self> {
        let value: ValueRef<'a> = node.constant_input(index).ok()?;
        // SAFETY: the session keeps the constants of its nodes.
        #[expect(unsafe_code, reason = "a call of the C interface")]
        unsafe { Self::of(value.ptr()) }.ok()
    }

    /// Returns the tensor of a value.
    ///
    /// # Safety
    /// The value is a tensor in the memory of the processor, which nothing changes or frees within `'a`.
    #[expect(unsafe_code, reason = "calls of the C interface")]
    unsafe fn of(value: *const OrtValue) -> ort::Result<Self> {
        let mut kind = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
        let (mut shape, mut dimensions, mut numbers) = (null(), 0, null_mut());
        let outputs = (&raw mut kind, &raw mut shape, &raw mut dimensions);
        // SAFETY: the value is a tensor.
        unsafe {
            done((api().GetTensorElementTypeAndShapeDataReference)(value, outputs.0, outputs.1, outputs.2))?;
            done((api().GetTensorMutableData)(value.cast_mut(), &raw mut numbers))?;
        }
        // SAFETY: the shape has so many dimensions, and lives as long as the value.
        let shape = if dimensions == 0 { &[][..] } else { unsafe { from_raw_parts(shape, dimensions) } };
        Ok(Self { shape, kind: kind.into(), numbers, of: PhantomData })
    }

    /// Returns the number of its numbers.
    pub fn len(&self) -> usize {
        self.shape.iter().product::<i64>() as usize
    }

    /// Returns the numbers.
    ///
    /// # Errors
    /// Numbers of another type.
    pub fn numbers<T: PrimitiveTensorElementType>(&self) -> ort::Result<&'a [T]> {
        let (numbers, count) = self.place("an input")?;
        // SAFETY: the tensor has so many numbers of this type.
        #[expect(unsafe_code, reason = "the C interface gives a pointer")]
        Ok(unsafe { from_raw_parts(numbers, count) })
    }

    /// Returns where its numbers are, and how many.
    fn place<T: PrimitiveTensorElementType>(&self, what: &str) -> ort::Result<(*mut T, usize)> {
        let (found, expected) = (self.kind, T::into_tensor_element_type());
        match self.len() {
            _ if found != expected => Err(wrong(&format!("{what} has numbers of the type {found}, not {expected}"))),
            0 => Ok((NonNull::dangling().as_ptr(), 0)),
            count => Ok((self.numbers.cast(), count)),
        }
    }
}

/// The outputs of a run that are not allocated yet. A run may make one of it.
pub(crate) struct Outputs<'a> {
    context: &'a ComputeContext,
    allocated: usize,
}

impl<'a> Outputs<'a> {
    pub fn of(context: &'a ComputeContext) -> Self {
        Self { context, allocated: 0 }
    }

    /// Allocates the next output; its numbers are not written yet.
    ///
    /// # Errors
    /// An output of another type.
    pub fn next<T: PrimitiveTensorElementType>(&mut self, shape: &[usize]) -> ort::Result<&'a mut [T]> {
        let (context, index) = (self.context.ptr().cast_mut(), self.allocated);
        self.allocated += 1;
        let shape: Vec<_> = shape.iter().map(|&length| length as i64).collect();
        let mut value = null_mut();
        // SAFETY: the context is valid, and each output as long as it.
        #[expect(unsafe_code, reason = "a call of the C interface")]
        let tensor = unsafe {
            done((api().KernelContext_GetOutput)(context, index, shape.as_ptr(), shape.len(), &raw mut value))?;
            if value.is_null() { Err(wrong("an output is missing")) } else { Tensor::of(value) }
        }?;
        let (numbers, count) = tensor.place("an output")?;
        // SAFETY: the tensor has so many numbers of this type, and it is no other output.
        #[expect(unsafe_code, reason = "the C interface gives a pointer")]
        Ok(unsafe { from_raw_parts_mut(numbers, count) })
    }
}

/// Returns the error of a call.
///
/// # Safety
/// The status is that of a call of the C interface.
#[expect(unsafe_code, reason = "the status is a pointer")]
unsafe fn done(status: OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: by the condition above.
    unsafe { Error::result_from_status(status) }
}

/// Returns the error of a node that does not meet the model contract.
pub(crate) fn wrong(what: &str) -> ort::Error {
    ort::Error::new(format!("a node of the domain tumble does not meet the model contract: {what}"))
}
