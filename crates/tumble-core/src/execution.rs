//! How a model is to be run, whatever it is averaged over.

use std::path::PathBuf;

use crate::error::{Error, Result};
pub use crate::provider::Device;

/// Working memory that a model may take where nothing else is said, bytes.
pub const DEFAULT_MEMORY: usize = 2048 << 20;

/// How a model is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionOptions {
    /// Threads: each evaluates other replicas, or all share the work of one.
    pub threads: usize,
    /// What it runs on.
    pub device: Device,
    /// The library of ONNX Runtime or its folder; looked for where `None`.
    pub library: Option<PathBuf>,
    /// Working memory of the model, bytes; a structure that would take more is evaluated layer by layer.
    pub memory: usize,
    /// How the names of the files begin into which each session, as it ends, writes the time of every node (trace event
    /// format); nowhere where `None`.
    pub profile: Option<PathBuf>,
    /// SHA-256 that the model must have, 64 hexadecimal digits; any where `None`.
    pub sha256: Option<String>,
    /// Whether a GPU may round the factors of products in single precision to TF32, 10 bits of their fractions.
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
    fn tf32_goes_with_a_gpu_only() {
        let options = |device, tf32| ExecutionOptions { device, tf32, ..ExecutionOptions::default() };
        assert!(options(Device::Cpu, false).check().is_ok() && options(Device::Cuda, true).check().is_ok());
        assert_eq!(
            options(Device::Cpu, true).check().unwrap_err().to_string(),
            "tf32 yes is for products on a GPU, but the device is cpu: choose the device cuda, or leave tf32 out"
        );
    }
}
