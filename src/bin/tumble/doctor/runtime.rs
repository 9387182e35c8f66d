//! ONNX Runtime: its location, telemetry and devices.

use std::path::Path;

use tumble_core::execution::Device;
use tumble_onnx::Error;
use tumble_onnx::runtime::installation::{Installation, installation, try_device};

use super::finding::Finding;

/// Device files of the loaded NVIDIA driver, in a container too.
const DRIVER: [&str; 2] = ["/dev/nvidiactl", "/dev/dxg"];

/// Checks ONNX Runtime.
pub fn findings(library: Option<&Path>) -> Vec<Finding> {
    match installation(library) {
        Ok(found) => vec![version(&found), processor(library), telemetry(), gpu(&found, library)],
        Err(error) => vec![missing(&error)],
    }
}

fn missing(error: &Error) -> Finding {
    let remedy = match error {
        Error::RuntimeMissing { .. } => "pip install onnxruntime",
        Error::RuntimeTooOld { .. } => "pip install -U onnxruntime",
        Error::RuntimeNotThere { .. } => "correct the path in --onnxruntime or ORT_DYLIB_PATH, or give none",
        _ => "pip install --force-reinstall onnxruntime",
    };
    Finding::problem("onnx runtime", error).remedy(remedy)
}

fn version(found: &Installation) -> Finding {
    Finding::ok("onnx runtime", format!("{} at {}", found.version, found.path.display()))
}

/// Checks the CPU, the default device of models.
fn processor(library: Option<&Path>) -> Finding {
    let reinstall = "pip install --force-reinstall onnxruntime";
    match try_device(Device::Cpu, library) {
        Ok(Ok(())) => Finding::ok("device cpu", "computes"),
        Ok(Err(cause)) => Finding::problem("device cpu", cause).remedy(reinstall),
        Err(error) => Finding::problem("device cpu", error).remedy(reinstall),
    }
}

/// Reports telemetry as off: tumble sets the variable before it loads the library.
fn telemetry() -> Finding {
    Finding::ok("telemetry", "off: ORT_DISABLE_TELEMETRY was 1 when the library was loaded")
}

fn gpu(found: &Installation, library: Option<&Path>) -> Finding {
    let here = DRIVER.iter().any(|file| Path::new(file).exists());
    let refusal = match found.cuda.then(|| try_device(Device::Cuda, library)) {
        None => return without_cuda(here),
        Some(Ok(Ok(()))) => return Finding::ok("device cuda", "computes"),
        Some(Ok(Err(cause))) => cause.to_string(),
        Some(Err(error)) => error.to_string(),
    };
    let remedy = "put the libraries of CUDA and cuDNN of this onnxruntime-gpu on the loader path";
    if here {
        Finding::problem("device cuda", refusal).remedy(remedy)
    } else {
        Finding::note("device cuda", format!("no NVIDIA driver is loaded here: {refusal}"))
    }
}

fn without_cuda(here: bool) -> Finding {
    let found = "this ONNX Runtime was built without CUDA: models run on the processor";
    if here {
        let remedy = "pip uninstall onnxruntime; pip install onnxruntime-gpu     # then --device cuda";
        return Finding::note("device cuda", format!("there is a GPU, but {found}")).remedy(remedy);
    }
    Finding::ok("device cuda", format!("no GPU here, and {found}"))
}
