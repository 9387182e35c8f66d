//! The installed ONNX Runtime and the devices that it can use, independent of any model.

use std::path::{Path, PathBuf};

use ort::ep::{CUDA, ExecutionProvider};
use ort::value::Tensor;
use tumble_core::execution::Device;
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;

use crate::error::{Error, Result};
use crate::runtime::library;
use crate::runtime::session::SessionFactory;

/// The library of ONNX Runtime in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its version, as stated by the library.
    pub version: String,
    /// Its file.
    pub path: PathBuf,
    /// Whether it was compiled with CUDA. [`try_device`] tells whether there is a GPU.
    pub cuda: bool,
}

/// Finds and loads the library. `library` is its file or folder; `None`: searches for it.
///
/// # Errors
/// The errors of finding and loading it: [`Error::RuntimeMissing`], [`Error::RuntimeNotThere`],
/// [`Error::RuntimeTooOld`], [`Error::RuntimeBroken`] and [`Error::RuntimeTaken`].
pub fn installation(library: Option<&Path>) -> Result<Installation> {
    let runtime = library::runtime(library)?;
    let (path, version) = runtime.identity();
    let cuda = in_one_line(CUDA::is_available).unwrap_or(false);
    Ok(Installation { version, path, cuda })
}

/// The reason why ONNX Runtime cannot use a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No session can be opened on the device.
    #[error(transparent)]
    Session(#[from] Error),
    /// The run fails.
    #[error(transparent)]
    Run(#[from] ForeignError),
    /// The device computes wrong numbers.
    #[error("it computes 2 + 2 = {sum}")]
    WrongSum {
        /// The result.
        sum: f32,
    },
}

/// Computes 2 + 2 on the device, as a test of everything that a model needs.
///
/// # Errors
/// The errors of [`installation`]; the inner error is the reason why the device cannot be used.
pub fn try_device(device: Device, library: Option<&Path>) -> Result<Result<(), DeviceError>> {
    let runtime = library::runtime(library)?;
    let (model, sha256) = (doubling(), crate::file::hash::hex(&doubling()));
    let factory = SessionFactory::new(model, sha256, Path::new("of one addition"), device, runtime);
    let session = match factory.session(1, 0) {
        Ok(session) => session,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut session = locked(&session);
    let sum = in_one_line(|| {
        let outputs = session.run(ort::inputs!["x" => Tensor::from_array(([1usize], vec![2.0f32]))?])?;
        Ok::<_, ort::Error>(outputs["y"].try_extract_tensor::<f32>()?.1[0])
    });
    Ok(match sum {
        Ok(4.0) => Ok(()),
        Ok(sum) => Err(DeviceError::WrongSum { sum }),
        Err(error) => Err(error.into()),
    })
}

/// Returns an ONNX model of one node, y = x + x, with x and y in float32 of shape [1].
///
/// Protobuf: field number · 8 + wire type, then a number or a length and bytes. Field numbers are those of
/// `onnx.proto`.
fn doubling() -> Vec<u8> {
    let number = |field: u8, value: u8| vec![8 * field, value];
    let part = |field: u8, bytes: &[u8]| [&[8 * field + 2, bytes.len() as u8], bytes].concat();
    let shape = part(1, &number(1, 1));
    let tensor = part(1, &[number(1, 1), part(2, &shape)].concat());
    let value = |name: &str| [part(1, name.as_bytes()), part(2, &tensor)].concat();
    let node = [part(1, b"x"), part(1, b"x"), part(2, b"y"), part(4, b"Add")].concat();
    let graph = [part(1, &node), part(2, b"sum"), part(11, &value("x")), part(12, &value("y"))].concat();
    [number(1, 8), part(8, &number(2, 13)), part(7, &graph)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_states_its_version_sends_no_telemetry_and_runs_on_the_cpu() {
        let found = installation(None).unwrap();
        let parts: Vec<u32> = found.version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts[0] == 1 && parts[1] >= ort::MINOR_VERSION, "{found:?}");
        assert!(found.path.is_absolute() && found.path.is_file(), "{found:?}");
        assert_eq!(std::env::var("ORT_DISABLE_TELEMETRY").as_deref(), Ok("1"));
        try_device(Device::Cpu, None).unwrap().unwrap();
    }

    #[test]
    fn missing_device_is_refused() {
        if installation(None).unwrap().cuda {
            return;
        }
        let refusal = try_device(Device::Cuda, None).unwrap().unwrap_err().to_string();
        assert!(refusal.starts_with("cannot run on cuda with the ONNX Runtime at "), "{refusal}");
    }
}
