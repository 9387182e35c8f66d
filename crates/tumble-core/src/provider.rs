//! Where models run, and how: the processor and a GPU.

/// What a processor's caches hold, bytes. Measured for 48 replicas of 192 atoms: 20 ms a replica where a run takes 32 MiB,
/// 30 at 256, 50 to 90 at 1024 and above.
pub const CACHED: usize = 32 << 20;

/// What a model runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first GPU that CUDA shows.
    Cuda,
}

impl Device {
    /// As users write it.
    pub fn name(self) -> &'static str {
        self.provider().name
    }

    /// The device that users write so.
    pub fn named(name: &str) -> Option<Self> {
        Provider::all().iter().find(|provider| provider.name == name).map(|provider| provider.device)
    }
}

/// A provider of ONNX Runtime, and how models are run by it.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// As users write it.
    pub name: &'static str,
    /// Where it runs.
    pub device: Device,
    /// Whether each thread is a worker; otherwise one run fills the device.
    pub a_worker_per_thread: bool,
    /// Working memory that one run is best cut to, bytes.
    pub bytes_per_run: usize,
    /// Whether it runs our own operators in place of their functions.
    pub custom_operators: bool,
    /// Whether it rounds products of single precision to TF32 on request.
    pub tf32: bool,
    /// Whether sessions can be opened in a process that a fork has made.
    pub survives_fork: bool,
    /// Why models are not cut into stages; `None` where they are.
    pub no_partition: Option<&'static str>,
}

/// A row for each device, in the order of [`Device`].
const PROVIDERS: [Provider; 2] = [
    Provider {
        name: "cpu",
        device: Device::Cpu,
        a_worker_per_thread: true,
        bytes_per_run: CACHED,
        custom_operators: true,
        tf32: false,
        survives_fork: true,
        no_partition: None,
    },
    Provider {
        name: "cuda",
        device: Device::Cuda,
        a_worker_per_thread: false,
        bytes_per_run: usize::MAX,
        custom_operators: false,
        tf32: true,
        survives_fork: false,
        no_partition: Some("a GPU takes it in one piece"),
    },
];

impl Provider {
    /// All that there are.
    pub fn all() -> &'static [Self] {
        &PROVIDERS
    }

    /// How many workers evaluate at the same time where there are so many threads.
    pub fn workers(&self, threads: usize) -> usize {
        if self.a_worker_per_thread { threads.max(1) } else { 1 }
    }
}

impl Device {
    /// How models are run on it.
    pub fn provider(self) -> &'static Provider {
        &PROVIDERS[self as usize]
    }
}
