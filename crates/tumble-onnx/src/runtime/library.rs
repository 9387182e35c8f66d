//! Loading of ONNX Runtime: one library and one environment per process.

use std::env::{self, consts::DLL_PREFIX, consts::DLL_SUFFIX};
use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex};

use ort::environment::{Environment, EnvironmentBuilder};
use ort::logging::LogLevel;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::sys::OrtApiBase;
use ort::{AsPointer, LoadDynamicError};
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;

use crate::error::{Error, Result};
use crate::runtime::dylib::file_of;
use crate::runtime::fork::opening;
use crate::runtime::library_search::{self, LibraryLocation};

/// The loaded library.
#[derive(Clone)]
pub struct Runtime {
    /// The environment; ONNX Runtime allows one per process.
    pub environment: Environment,
    /// The library's file.
    pub path: PathBuf,
    /// The process that loaded it.
    process: u32,
}

impl Runtime {
    /// Returns the loaded file ([`Runtime::path`] may be a bare name) and the version stated by the library.
    pub fn identity(&self) -> (PathBuf, String) {
        let loaded = file_of(std::ptr::from_ref(ort::api()) as usize);
        let version = loaded.as_deref().and_then(version_of).unwrap_or_else(|| "unknown".to_owned());
        (loaded.unwrap_or_else(|| self.path.clone()), version)
    }

    /// Returns whether sessions can share the arena of the environment: after a fork, a thread of the parent may have
    /// left it locked.
    pub fn has_shared_memory(&self) -> bool {
        self.process == process::id()
    }

    /// Returns the minor version stated by the library, 0 if unknown.
    pub fn minor_version(&self) -> u32 {
        self.identity().1.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
    }
}

/// The variable that, set to 1, turns off the library's telemetry.
const TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// The library, kept until the process ends: the environment must outlive all sessions and cannot be created twice.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// Returns the library; the first successful call loads it. `explicit` is its file or folder.
///
/// # Errors
/// [`Error::RuntimeMissing`], [`Error::RuntimeNotThere`], [`Error::RuntimeTooOld`], [`Error::RuntimeBroken`], and
/// [`Error::RuntimeTaken`] if `explicit` is another library than the loaded one.
pub fn runtime(explicit: Option<&Path>) -> Result<Runtime> {
    let _opening = opening();
    let mut runtime = locked(&RUNTIME);
    if let Some(loaded) = &*runtime {
        return check_same(loaded, explicit).map(|()| loaded.clone());
    }
    let loaded = load(library_search::find(explicit)?)?;
    *runtime = Some(loaded.clone());
    Ok(loaded)
}

fn check_same(loaded: &Runtime, explicit: Option<&Path>) -> Result<()> {
    let Some(asked) = explicit else { return Ok(()) };
    match library_search::find(Some(asked))? {
        LibraryLocation::File(file) if file.canonicalize().ok() != loaded.path.canonicalize().ok() => {
            Err(Error::RuntimeTaken { loaded: loaded.path.clone(), asked: file })
        }
        _ => Ok(()),
    }
}

fn load(place: LibraryLocation) -> Result<Runtime> {
    forbid_telemetry();
    match place {
        LibraryLocation::File(path) => start(&path, || ort::init_from(&path).map_err(|error| load_error(&path, error))),
        LibraryLocation::Loader { tried } => load_by_name(tried),
    }
}

/// Loads the library by its name: bare, or with the major version if only the runtime package is installed.
fn load_by_name(mut tried: Vec<String>) -> Result<Runtime> {
    for name in ["", ".1"].map(|version| format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}{version}")) {
        let path = PathBuf::from(&name);
        match ort::init_from(&path) {
            Err(LoadDynamicError::Dlopen { .. }) => tried.push(format!("{name} by the system's loader")),
            result => return start(&path, || result.map_err(|error| load_error(&path, error))),
        }
    }
    Err(Error::RuntimeMissing { tried: tried.join(", ") })
}

fn start(path: &Path, init: impl FnOnce() -> Result<EnvironmentBuilder>) -> Result<Runtime> {
    let broken = |source| Error::RuntimeBroken { path: path.to_path_buf(), source };
    let builder = in_one_line(|| Ok::<_, String>(init())).map_err(broken)??;
    let environment = in_one_line(|| {
        // Errors are returned by the calls; without a logger the library would write to stderr.
        let environment = builder.with_telemetry(false).with_logger(Arc::new(|_, _, _, _, _| {})).build()?;
        environment.set_log_level(LogLevel::Fatal);
        share_memory(&environment)?;
        Ok::<_, ort::Error>(environment)
    });
    Ok(Runtime { environment: environment.map_err(broken)?, path: path.to_path_buf(), process: process::id() })
}

/// Registers one arena for all sessions, as the stages of a model run in turn: each in an arena of its own would keep the
/// memory of its largest run, and find less of it in the caches.
fn share_memory(environment: &Environment) -> ort::Result<()> {
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let (environment, default) = (environment.ptr().cast_mut(), std::ptr::null());
    // SAFETY: the pointers are those of living objects, and no settings of the arena mean its defaults.
    unsafe {
        let status = (ort::api().CreateAndRegisterAllocator)(environment, memory.ptr(), default);
        ort::Error::result_from_status(status)
    }
}

/// Returns the version stated by a loaded library of ONNX Runtime.
fn version_of(path: &Path) -> Option<String> {
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: the library is loaded already and stays loaded until the process ends, as `RUNTIME` does: this only
    // increments its reference count.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the handle is valid, and the name ends with a zero.
    let symbol = unsafe { libc::dlsym(library, c"OrtGetApiBase".as_ptr()) };
    if symbol.is_null() {
        return None;
    }
    // SAFETY: the function has this type in every version of ONNX Runtime, and `ort` has called it so too. Its result
    // and the C string in it are constants of the library.
    unsafe {
        let base = std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const OrtApiBase>(symbol)();
        let version = CStr::from_ptr(((*base).GetVersionString)());
        Some(version.to_string_lossy().into_owned())
    }
}

fn load_error(path: &Path, error: LoadDynamicError) -> Error {
    let path = path.to_path_buf();
    match error {
        LoadDynamicError::BadVersion { version_str, .. } => {
            Error::RuntimeTooOld { path, found: version_str, minor: ort::MINOR_VERSION }
        }
        LoadDynamicError::Dlopen { error, .. } => {
            Error::RuntimeBroken { path, source: ForeignError::new(&error.to_string()) }
        }
        LoadDynamicError::MissingApi { .. } => {
            Error::RuntimeBroken { path, source: ForeignError::new("it does not export `OrtGetApiBase`") }
        }
        other => Error::RuntimeBroken { path, source: ForeignError::new(&other.to_string()) },
    }
}

/// Turns off telemetry. The library in the Python wheel sends telemetry as soon as it is loaded, unless this variable
/// is set; the switch in its interface comes too late.
fn forbid_telemetry() {
    if env::var_os(TELEMETRY).is_some_and(|value| value == "1") {
        return;
    }
    // SAFETY: called once per process, under the lock of `RUNTIME`, before the library is loaded; std locks out Rust's
    // own readers of the environment. C code that reads or writes the environment in another thread at the same time
    // would race, so a program must load its models before it starts such threads.
    unsafe { env::set_var(TELEMETRY, "1") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_library_is_refused_with_both_versions() {
        let path = PathBuf::from("/usr/lib/libonnxruntime.so.1.20.1");
        let error = LoadDynamicError::BadVersion { version_str: "1.20.1".to_owned(), path: path.clone() };
        assert_eq!(
            load_error(&path, error).to_string(),
            "the ONNX Runtime at /usr/lib/libonnxruntime.so.1.20.1 is version 1.20.1, but 1.24 or later is needed: \
             install a newer one with `pip install -U onnxruntime`"
        );
    }
}
