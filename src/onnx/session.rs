//! From a file to a session: checked, with settings of our own, shared by all who load the same file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use ort::ep::CUDA;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, SessionBuilder};

use super::hash::{self, Hash};
use super::kernels;
use super::library::{self, Runtime, guarded, locked};
use super::metadata::{self, Metadata, Precision};
use super::proto;
use super::signature::Signature;
use crate::error::{Error, Result};
use crate::processors;

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
    /// The device that users write so.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda),
            _ => None,
        }
    }
}

/// How a model is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
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
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, device: Device::Cpu, library: None, memory: 2048 << 20, profile: None, sha256: None }
    }
}

/// A model, ready to run.
pub(super) struct Model {
    pub metadata: Metadata,
    pub signature: Signature,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// What the user should know of how it is run.
    pub notes: Vec<String>,
    pub library: PathBuf,
}

/// ONNX Runtime's sessions run one evaluation at a time.
pub(super) type Shared = Arc<Mutex<Session>>;

/// What makes two sessions the same: hash of the file, threads, device, number among those that are alike.
type Key = (String, usize, Device, usize);

/// The sessions in use.
static SESSIONS: Mutex<Vec<(Key, Weak<Mutex<Session>>)>> = Mutex::new(Vec::new());

/// Whether ONNX Runtime has learned the domain of our operators, as it does with the first session. It refuses another
/// session that would teach it the same at that moment.
static DOMAIN_KNOWN: Mutex<bool> = Mutex::new(false);

/// All that it takes to make sessions of a model.
pub(super) struct Opener {
    /// The model file, on the processor without the functions that we have kernels for.
    pub bytes: Vec<u8>,
    sha256: String,
    path: PathBuf,
    pub device: Device,
    precision: Precision,
    profile: Option<PathBuf>,
    runtime: Runtime,
}

impl Opener {
    /// Of a model that is in memory; `path` is what messages call it.
    pub fn new(bytes: Vec<u8>, path: &Path, device: Device, runtime: Runtime) -> Self {
        let sha256 = hash::hex(&bytes);
        Self { bytes, sha256, path: path.to_path_buf(), device, precision: Precision::Float32, profile: None, runtime }
    }

    /// Of the part of the model that is computed in a stage; it is in memory.
    pub fn part(&self, bytes: Vec<u8>, stage: usize) -> Self {
        let profile = self.profile.as_deref().map(|prefix| with_suffix(prefix, &format!("-stage{stage}")));
        let part = Self::new(bytes, &self.path, self.device, self.runtime.clone());
        Self { precision: self.precision, profile, ..part }
    }

    /// Reads a model.
    ///
    /// The bytes that are hashed and checked are the ones that run: the file is read once, and all of the model is in it.
    pub fn load(path: &Path, options: &Options) -> Result<(Self, Model, Shared)> {
        let demanded = options.sha256.as_deref().map(Hash::read).transpose()?;
        let bytes = std::fs::read(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        demanded.map_or(Ok(()), |demanded| demanded.check(&hash::hex(&bytes), path))?;
        let scan = proto::scan(&bytes, metadata::KEY)
            .map_err(|cause| Error::NotOnnx { path: path.into(), cause: proto::why(path, &bytes, cause) })?;
        let metadata = Metadata::parse(scan.metadata.as_deref(), path)?;
        let (threads, mut notes) = safe_threads(options.threads.max(1), &scan.scatters);
        notes.extend(processors::crowded(threads, processors::allowed()));
        let runtime = library::runtime(options.library.as_deref())?;
        let library = runtime.path.clone();
        let Options { device, profile, .. } = options.clone();
        let mut opener = Self { precision: metadata.precision, profile, ..Self::new(bytes, path, device, runtime) };
        if device == Device::Cpu {
            opener.bytes = kernels::without_functions(&opener.bytes)
                .map_err(|cause| Error::NotOnnx { path: opener.path.clone(), cause })?;
        }
        let sha256 = opener.sha256.clone();
        let session = opener.session(threads, 0)?;
        let signature = Signature::read(&locked(&session), &metadata)
            .map_err(|cause| Error::Contract { path: opener.path.clone(), cause })?;
        Ok((opener, Model { metadata, signature, sha256, notes, library }, session))
    }

    /// A session with so many threads: one that is in use, or a new one. Those of other numbers are others.
    pub fn session(&self, threads: usize, number: usize) -> Result<Shared> {
        let key = (self.sha256.clone(), threads, self.device, number);
        match in_use(&key) {
            Some(session) => Ok(session),
            None => Ok(keep(key, open(self, threads, number)?)),
        }
    }
}

fn in_use(key: &Key) -> Option<Shared> {
    let mut sessions = locked(&SESSIONS);
    sessions.retain(|(_, session)| session.strong_count() > 0);
    sessions.iter().find(|(known, _)| known == key).and_then(|(_, session)| session.upgrade())
}

fn keep(key: Key, session: Session) -> Shared {
    let session = Arc::new(Mutex::new(session));
    locked(&SESSIONS).push((key, Arc::downgrade(&session)));
    session
}

/// On the CPU, ScatterND with a reduction loses additions when several threads share it (onnxruntime issue 18048).
fn safe_threads(threads: usize, scatters: &[String]) -> (usize, Vec<String>) {
    if threads == 1 || scatters.is_empty() {
        return (threads, Vec::new());
    }
    let note = format!(
        "the model is run with 1 thread instead of {threads}, because ONNX Runtime gives wrong sums for ScatterND with \
         a reduction ({}) on several: export the model without it",
        scatters.join(", ")
    );
    (1, vec![note])
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn open(model: &Opener, threads: usize, number: usize) -> Result<Session> {
    let refused = |cause| Error::ModelRefused { path: model.path.clone(), cause };
    let runtime = &model.runtime;
    let mut builder = guarded(|| configure(runtime, threads, model.precision)).map_err(refused)?;
    if let Some(prefix) = &model.profile {
        // Sessions that are opened in the same second would write the same file.
        let profile = with_suffix(prefix, &if number > 0 { format!("-lane{number}") } else { String::new() });
        builder = guarded(|| Ok::<_, ort::Error>(builder.with_profiling(profile)?)).map_err(refused)?;
    }
    if model.device == Device::Cuda {
        let cuda = CUDA::default().build().error_on_failure();
        builder = guarded(|| Ok::<_, ort::Error>(builder.with_execution_providers([cuda])?))
            .map_err(|cause| Error::Device { device: "cuda", library: runtime.path.clone(), cause })?;
    }
    let kernels = model.device == Device::Cpu;
    if kernels {
        builder = guarded(|| Ok::<_, ort::Error>(builder.with_operators(kernels::domain()?)?)).map_err(refused)?;
    }
    let known = locked(&DOMAIN_KNOWN);
    let first = Some(known).filter(|known| kernels && !**known);
    let session = guarded(|| builder.commit_from_memory(&model.bytes)).map_err(refused)?;
    if let Some(mut known) = first {
        *known = true;
    }
    Ok(session)
}

/// Threads are always set, because ONNX Runtime's default ignores the processors that MPI has assigned; they sleep
/// while they wait, because the program around has work of its own; and shapes change from call to call, so that a
/// remembered memory layout would not fit. Scales that are fused into a matrix product are rounded to single precision,
/// which a model in double precision was not made for.
fn configure(runtime: &Runtime, threads: usize, precision: Precision) -> ort::Result<SessionBuilder> {
    let lossy = if precision == Precision::Float64 { "MatMulScaleFusion" } else { "" };
    let builder = Session::builder(&runtime.environment)?
        .with_disabled_optimizers(lossy)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .with_log_level(LogLevel::Fatal)?;
    Ok(builder)
}
