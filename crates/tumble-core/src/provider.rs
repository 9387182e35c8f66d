//! Devices, and the execution providers of ONNX Runtime that run models on them.

/// Working memory that fits into a processor's caches, bytes. Measured for 48 replicas of 192 atoms: 20 ms per replica
/// in runs of 32 MiB, 30 ms in runs of 256 MiB, 50 to 90 ms in runs of 1024 MiB and more.
pub const CACHE_BYTES: usize = 32 << 20;

/// Best working memory of a run on a processor, bytes: it shares the cache of one core with the weights. Measured for
/// 20,000 molecules of water: 46 µs each in runs of 2, 44 µs of 4, 47 µs of 8 and 52 µs of 32 MiB; for 1,000 clusters of
/// 12 to 60 atoms, 1.8 ms each in runs of 2 and 4, 1.7 ms of 8 and 1.9 ms of 32 MiB.
const BYTES_PER_RUN: usize = 8 << 20;

/// A device that runs models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first GPU that CUDA shows.
    Cuda,
}

impl Device {
    /// Returns the name that users write.
    pub fn name(self) -> &'static str {
        self.provider().name
    }

    /// Returns the device of a name.
    pub fn named(name: &str) -> Option<Self> {
        Provider::all().iter().find(|provider| provider.name == name).map(|provider| provider.device)
    }
}

/// An execution provider of ONNX Runtime, and how tumble uses it.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Name that users write.
    pub name: &'static str,
    /// The device it runs on.
    pub device: Device,
    /// Whether each thread is a separate worker; otherwise a single worker's runs fill the device.
    pub threads_are_workers: bool,
    /// Best working memory of one run, bytes.
    pub bytes_per_run: usize,
    /// Whether it runs our fused operators in place of the functions that define them.
    pub custom_operators: bool,
    /// Whether it can round products in single precision to TF32.
    pub tf32: bool,
    /// Whether sessions can be opened in a forked process.
    pub survives_fork: bool,
    /// Why models are not partitioned into stages; `None` if they are.
    pub no_partition: Option<&'static str>,
}

/// One row per device, in the order of [`Device`].
const PROVIDERS: [Provider; 2] = [
    Provider {
        name: "cpu",
        device: Device::Cpu,
        threads_are_workers: true,
        bytes_per_run: BYTES_PER_RUN,
        custom_operators: true,
        tf32: false,
        survives_fork: true,
        no_partition: None,
    },
    Provider {
        name: "cuda",
        device: Device::Cuda,
        threads_are_workers: false,
        bytes_per_run: usize::MAX,
        custom_operators: false,
        tf32: true,
        survives_fork: false,
        no_partition: Some("a GPU takes it in one piece"),
    },
];

impl Provider {
    /// Returns all providers.
    pub fn all() -> &'static [Self] {
        &PROVIDERS
    }

    /// Returns the number of workers for a number of threads, at least one.
    pub fn workers(&self, threads: usize) -> usize {
        if self.threads_are_workers { threads.max(1) } else { 1 }
    }
}

impl Device {
    /// Returns the provider of this device.
    pub fn provider(self) -> &'static Provider {
        &PROVIDERS[self as usize]
    }
}
