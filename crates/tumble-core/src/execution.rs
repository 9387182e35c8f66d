//! Options for running a model: threads, device, memory. They do not depend on the rotations.

use std::path::PathBuf;

use crate::error::{Error, Result};
pub use crate::provider::Device;

/// Default limit on the model's working memory, bytes.
pub const DEFAULT_MEMORY: usize = 2048 << 20;

/// Options for running a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionOptions {
    /// Number of threads. Each evaluates other replicas, or all share the work of one replica.
    pub threads: usize,
    /// The device that runs the model.
    pub device: Device,
    /// The library of ONNX Runtime, or its folder; `None`: tumble searches for it.
    pub library: Option<PathBuf>,
    /// Limit on the model's working memory, bytes; a structure that needs more is evaluated layer by layer.
    pub memory: usize,
    /// Prefix of the profile files: each session, as it ends, writes the time of every node to one (trace event
    /// format). `None`: no profile.
    pub profile: Option<PathBuf>,
    /// SHA-256 required of the model file, 64 hexadecimal digits; `None`: any.
    pub sha256: Option<String>,
    /// Whether a GPU may round the factors of single-precision products to TF32 (10 bits of fraction).
    pub tf32: bool,
}

impl Default for ExecutionOptions {
    fn default() -> Self {
        let (library, profile, sha256) = (None, None, None);
        Self { threads: 1, device: Device::Cpu, library, memory: DEFAULT_MEMORY, profile, sha256, tf32: false }
    }
}

impl ExecutionOptions {
    /// Refuses options that contradict each other.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        if self.tf32 && !self.device.provider().tf32 {
            let problem = "is for products on a GPU, but the device is cpu: choose the device cuda, or leave tf32 out";
            return Err(Error::Setting { name: "tf32", value: "yes".into(), problem: problem.into() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_requires_a_gpu() {
        let options = |device, tf32| ExecutionOptions { device, tf32, ..ExecutionOptions::default() };
        assert!(options(Device::Cpu, false).check().is_ok() && options(Device::Cuda, true).check().is_ok());
        assert_eq!(
            options(Device::Cpu, true).check().unwrap_err().to_string(),
            "tf32 yes is for products on a GPU, but the device is cpu: choose the device cuda, or leave tf32 out"
        );
    }
}
