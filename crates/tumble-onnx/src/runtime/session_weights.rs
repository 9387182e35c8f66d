//! The weights of a model as values of ONNX Runtime, shared by all sessions.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use ort::memory::{Allocator, MemoryInfo};
use ort::session::builder::SessionBuilder;
use ort::value::DynValue;
use ort::{AsPointer, Error};

use crate::file::initializers::{Element, Initializer, Initializers, NOWHERE, taken};

/// Gives a session the weights of its `model`. They must outlive the session.
pub(crate) fn give(mut builder: SessionBuilder, model: &[u8], weights: &Initializers) -> ort::Result<SessionBuilder> {
    builder = builder.with_config_entry("session.model_external_initializers_file_folder_path", NOWHERE.0)?;
    for name in taken(model).map_err(|cause| Error::new(cause.to_string()))? {
        if let Some(weight) = weights.get(name) {
            builder = builder.with_initializer(name, Arc::new(value(weight)?))?;
        }
    }
    Ok(builder)
}

/// Returns a tensor that reads the weight where it lies.
fn value(weight: &Initializer) -> ort::Result<DynValue> {
    let (bytes, shape) = (weight.bytes(), &weight.shape);
    let element = match weight.element {
        Element::Float => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Element::Double => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
    };
    let (info, mut made) = (MemoryInfo::default(), ptr::null_mut());
    let (data, length) = (bytes.as_ptr().cast_mut().cast::<c_void>(), bytes.len());
    // SAFETY: the values have this shape and element type; ONNX Runtime does not write to constants, and the factory of
    // a session keeps its weights as long as the session.
    unsafe {
        let status = (ort::api().CreateTensorWithDataAsOrtValue)(
            info.ptr(),
            data,
            length,
            shape.as_ptr(),
            shape.len(),
            element,
            &mut made,
        );
        Error::result_from_status(status)?;
        let made = NonNull::new(made).ok_or_else(|| Error::new("ONNX Runtime made no tensor"))?;
        Ok(DynValue::from_ptr(made, Some(&Allocator::default())))
    }
}
