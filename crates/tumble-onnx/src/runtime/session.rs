//! Sessions of models: opened from checked files with our settings, and shared by all users of the same file.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use ort::ep::{CUDA, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, SessionBuilder};
use tumble_core::execution::{Device, ExecutionOptions};
use tumble_core::panics::in_one_line;
use tumble_core::parallel::locked;
use tumble_core::processors;

use crate::contract::metadata::{Metadata, Precision};
use crate::contract::signature::Signature;
use crate::error::{Error, Result};
use crate::file::hash;
use crate::file::initializers::Initializers;
use crate::file::model_file::CheckedModel;
use crate::file::not_finite;
use crate::fusion::{Shapes, with_row_programs};
use crate::runtime::fork::{ForkSafeSession, opening};
use crate::runtime::library::{self, Runtime};
use crate::runtime::session_weights;

/// A loaded model.
pub struct Model {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its inputs and outputs.
    pub signature: Signature,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Notes to the user about the way it is run, as sentences.
    pub notes: Vec<String>,
    /// Path of the library of ONNX Runtime.
    pub library: PathBuf,
}

/// A shared session; it runs one evaluation at a time.
pub type SharedSession = Arc<ForkSafeSession>;

/// The identity of a session: hash of the model, threads, device, TF32, number among equal sessions, process.
type Key = (String, usize, Device, bool, usize, u32);

/// The sessions in use.
static SESSIONS: Mutex<Vec<(Key, Weak<ForkSafeSession>)>> = Mutex::new(Vec::new());

/// Whether the first session has registered the domain of our operators. ONNX Runtime refuses a session that registers
/// it at the same time.
static DOMAIN_KNOWN: Mutex<bool> = Mutex::new(false);

/// How long a thread spins, µs. Longer gained nothing in PETs of 192 atoms, and took time from the other threads if there
/// were more threads than processors.
const SPIN_DURATION: &str = "10";

/// The first minor version of ONNX Runtime 1 whose threads spin for a given time: before, it was some 50 ms.
const SPIN_MINOR_VERSION: u32 = 26;

/// Opens sessions of a model.
pub struct SessionFactory {
    /// The bytes of the model, without its weights.
    pub bytes: Vec<u8>,
    weights: Arc<Initializers>,
    /// Shapes of the model's tensors.
    pub shapes: Arc<Shapes>,
    sha256: String,
    path: PathBuf,
    /// Threads of the session of the whole model.
    pub threads: usize,
    /// The device of its sessions.
    pub device: Device,
    tf32: bool,
    precision: Precision,
    profile: Option<PathBuf>,
    runtime: Runtime,
    /// The bytes with programs of rows, once a session has been opened.
    fused: OnceLock<Vec<u8>>,
}

impl SessionFactory {
    /// Creates a factory for a model in memory; `path` is its name in messages.
    pub fn new(bytes: Vec<u8>, sha256: String, path: &Path, device: Device, runtime: Runtime) -> Self {
        let (path, precision) = (path.to_path_buf(), Precision::Float32);
        let (weights, shapes) = (Arc::default(), Arc::default());
        Self {
            bytes,
            weights,
            shapes,
            sha256,
            path,
            threads: 1,
            device,
            tf32: false,
            precision,
            profile: None,
            runtime,
            fused: OnceLock::new(),
        }
    }

    /// Creates a factory for a part of the model, in memory; its profiles have the part's name.
    pub fn part(&self, bytes: Vec<u8>, name: &str) -> Self {
        let profile = self.profile.as_deref().map(|prefix| with_suffix(prefix, &format!("-{name}")));
        let sha256 = hash::of_all([self.sha256.clone(), hash::hex(&bytes)].into_iter());
        let part = Self::new(bytes, sha256, &self.path, self.device, self.runtime.clone());
        let (weights, shapes) = (Arc::clone(&self.weights), Arc::clone(&self.shapes));
        Self { weights, shapes, precision: self.precision, tf32: self.tf32, profile, ..part }
    }

    /// Reads a model, checks it and opens its session.
    ///
    /// Each file is read once, so the hashed and checked bytes are the ones that run.
    pub fn load(path: &Path, options: &ExecutionOptions) -> Result<(Self, Model, SharedSession)> {
        options.check()?;
        let CheckedModel { bytes, initializers, sha256, metadata, scatters, mut notes } =
            CheckedModel::read(path, options.sha256.as_deref(), options.device.provider().custom_operators)?;
        let allowed = processors::allowed();
        let (threads, note) = safe_threads(processors::started(options.threads, allowed), &scatters);
        let runtime = library::runtime(options.library.as_deref())?;
        let library = runtime.path.clone();
        let ExecutionOptions { device, tf32, profile, .. } = options.clone();
        notes.extend(note.or_else(|| processors::oversubscribed(options.threads, allowed)));
        notes.extend(rounding(device, tf32, metadata.precision));
        let not_onnx = |source| Error::NotOnnx { path: path.to_path_buf(), source };
        let (weights, shapes) = (Arc::new(initializers), Arc::new(Shapes::of_model(&bytes).map_err(not_onnx)?));
        let factory = Self::new(bytes, sha256.clone(), path, device, runtime);
        let factory = Self { weights, shapes, precision: metadata.precision, threads, tf32, profile, ..factory };
        let session = factory.whole()?;
        let signature = Signature::read(&locked(&session), &metadata)
            .map_err(|source| Error::Contract { path: factory.path.clone(), source })?;
        Ok((factory, Model { metadata, signature, sha256, notes, library }, session))
    }

    /// Returns the bytes with programs of rows.
    fn fused(&self) -> Result<&[u8]> {
        if let Some(fused) = self.fused.get() {
            return Ok(fused);
        }
        let fused = with_row_programs(&self.bytes, &self.shapes);
        let fused = fused.map_err(|source| Error::NotOnnx { path: self.path.clone(), source })?;
        Ok(self.fused.get_or_init(|| fused))
    }

    /// Searches for a weight that is not finite; returns its name and the value.
    pub fn weight_not_finite(&self) -> Option<(String, f64)> {
        not_finite::weight(&self.bytes, &self.weights).unwrap_or_default()
    }

    /// Returns the session of the whole model.
    pub fn whole(&self) -> Result<SharedSession> {
        self.session(self.threads, 0)
    }

    /// Returns a session with this many threads: the one in use in this process, or a new one. Another `number` is
    /// another session.
    pub fn session(&self, threads: usize, number: usize) -> Result<SharedSession> {
        let _opening = opening();
        let key = (self.sha256.clone(), threads, self.device, self.tf32, number, process::id());
        match in_use(&key) {
            Some(session) => Ok(session),
            None => Ok(keep(key, open(self, threads, number)?, Arc::clone(&self.weights))),
        }
    }
}

/// Returns a note on the rounding of matrix products on a GPU in single precision.
fn rounding(device: Device, tf32: bool, precision: Precision) -> Option<String> {
    let rounds = device.provider().tf32 && precision == Precision::Float32;
    let how = match tf32 {
        true => "matrix products on the GPU are rounded to TF32 (about 3 digits), because tf32 is on",
        false => {
            "matrix products on the GPU are in full single precision: tf32 makes them faster, but accurate to only about 3 \
             digits"
        }
    };
    rounds.then(|| how.into())
}

fn in_use(key: &Key) -> Option<SharedSession> {
    find(&mut locked(&SESSIONS), key)
}

fn find(sessions: &mut Vec<(Key, Weak<ForkSafeSession>)>, key: &Key) -> Option<SharedSession> {
    sessions.retain(|(_, session)| session.strong_count() > 0);
    sessions.iter().find(|(known, _)| known == key).and_then(|(_, session)| session.upgrade())
}

/// Shares a new session, unless another thread has opened the same meanwhile: then returns that one.
fn keep(key: Key, session: Session, weights: Arc<Initializers>) -> SharedSession {
    let mut sessions = locked(&SESSIONS);
    find(&mut sessions, &key).unwrap_or_else(|| {
        let session = Arc::new(ForkSafeSession::new(session, weights));
        sessions.push((key, Arc::downgrade(&session)));
        session
    })
}

/// Returns the threads to use, with a note if they are reduced to 1: on the CPU, ScatterND with a reduction loses
/// additions on several threads (onnxruntime issue 18048).
fn safe_threads(threads: usize, scatters: &[String]) -> (usize, Option<String>) {
    if threads == 1 || scatters.is_empty() {
        return (threads, None);
    }
    let note = format!(
        "the model is run with 1 thread instead of {threads}, because ONNX Runtime gives wrong sums for ScatterND with \
         a reduction ({}) on several threads: export the model without it",
        scatters.join(", ")
    );
    (1, Some(note))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn open(model: &SessionFactory, threads: usize, number: usize) -> Result<Session> {
    let refused = |source| Error::ModelRefused { path: model.path.clone(), source };
    let runtime = &model.runtime;
    let mut builder = in_one_line(|| configure(runtime, threads, model.precision)).map_err(refused)?;
    if let Some(prefix) = &model.profile {
        // Sessions opened in the same second would write the same file.
        let profile = with_suffix(prefix, &if number > 0 { format!("-lane{number}") } else { String::new() });
        builder = in_one_line(|| Ok::<_, ort::Error>(builder.with_profiling(profile)?)).map_err(refused)?;
    }
    let provider = model.device.provider();
    if let Some(execution) = execution_provider(model) {
        builder = in_one_line(|| Ok::<_, ort::Error>(builder.with_execution_providers([execution])?))
            .map_err(|source| Error::Device { device: provider.name, library: runtime.path.clone(), source })?;
    }
    let kernels = provider.custom_operators;
    if kernels {
        builder =
            in_one_line(|| Ok::<_, ort::Error>(builder.with_operators(tumble_ops::domain()?)?)).map_err(refused)?;
    }
    builder = in_one_line(|| session_weights::give(builder, &model.bytes, &model.weights)).map_err(refused)?;
    let bytes = if kernels { model.fused()? } else { &model.bytes };
    let known = locked(&DOMAIN_KNOWN);
    let first = Some(known).filter(|known| kernels && !**known);
    let session = in_one_line(|| builder.commit_from_memory(bytes)).map_err(refused)?;
    if let Some(mut known) = first {
        *known = true;
    }
    Ok(session)
}

/// Returns the execution provider of a device; `None` for the CPU.
fn execution_provider(model: &SessionFactory) -> Option<ExecutionProviderDispatch> {
    match model.device {
        Device::Cpu => None,
        Device::Cuda => Some(CUDA::default().with_tf32(model.tf32).build().error_on_failure()),
    }
}

/// Configures a session. Threads are always set, because ONNX Runtime's default ignores the processors assigned by MPI.
/// Several threads spin briefly between two operators: to wake would take longer than many operators. Then they sleep,
/// because the calling program has work of its own. Shapes change from call to call, so a memory pattern would not fit.
/// MatMulScaleFusion is disabled in double precision, because it rounds scales to single precision.
fn configure(runtime: &Runtime, threads: usize, precision: Precision) -> ort::Result<SessionBuilder> {
    let lossy = if precision == Precision::Float64 { "MatMulScaleFusion" } else { "" };
    let builder = Session::builder(&runtime.environment)?
        .with_disabled_optimizers(lossy)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_intra_op_spinning(threads > 1 && runtime.minor_version() >= SPIN_MINOR_VERSION)?
        .with_config_entry("session.intra_op.spin_duration_us", SPIN_DURATION)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .with_log_level(LogLevel::Fatal)?;
    if runtime.has_shared_memory() { Ok(builder.with_env_allocators()?) } else { Ok(builder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_is_noted_on_a_gpu_in_single_precision() {
        use Precision::{Float32, Float64};
        for tf32 in [true, false] {
            assert_eq!(rounding(Device::Cpu, tf32, Float32), None);
            assert_eq!(rounding(Device::Cuda, tf32, Float64), None);
        }
        let note = |tf32| rounding(Device::Cuda, tf32, Float32).unwrap();
        assert_eq!(note(true), "matrix products on the GPU are rounded to TF32 (about 3 digits), because tf32 is on");
        assert!(note(false).starts_with("matrix products on the GPU are in full single precision: "));
    }
}
