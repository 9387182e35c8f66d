//! Compiles the C++ side of the plugin against the headers of a LAMMPS.

use std::ffi::OsString;
use std::fs::{create_dir_all, write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread::{available_parallelism, scope};

use tumble::{Error, LammpsError};
use tumble_core::parallel::locked;
use tumble_lammps::lammps_build::LammpsBuild;
use tumble_lammps::sources::{BRIDGE, SOURCES};

use super::mpi::{MpiCompiler, complaint, user_flags};
use crate::written;

/// What the C++ side is compiled with.
pub struct Target<'a> {
    pub compiler: &'a MpiCompiler,
    /// Folder of LAMMPS' headers.
    pub headers: &'a Path,
    pub build: &'a LammpsBuild,
    /// Whether LAMMPS has the `std::string` from before C++11.
    pub old_strings: bool,
}

/// Writes the C++ side into a folder.
pub fn write_sources(folder: &Path) -> Result<(), Error> {
    for (name, text) in SOURCES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        written(parent, create_dir_all(parent))?;
        written(&path, write(&path, text))?;
    }
    Ok(())
}

/// Compiles the sources in a folder, as many at a time as there are processors, and returns their objects.
pub fn compile(folder: &Path, target: &Target) -> Result<Vec<PathBuf>, LammpsError> {
    let names: Vec<_> = SOURCES.iter().map(|(name, _)| *name).filter(|name| is_unit(name)).collect();
    let waiting = Mutex::new(names.iter());
    let work = || {
        while let Some(name) = next(&waiting) {
            // The others end with what they have begun.
            unit(folder, name, target).inspect_err(|_| locked(&waiting).by_ref().for_each(drop))?;
        }
        Ok(())
    };
    let workers = available_parallelism().map_or(1, usize::from).min(names.len());
    scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    Ok(names.iter().map(|name| object(folder, name)).collect())
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    locked(waiting).next()
}

/// Whether a source is compiled by itself.
fn is_unit(name: &str) -> bool {
    name.ends_with(".cpp") || name.ends_with(".cc")
}

fn object(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.o"))
}

fn unit(folder: &Path, name: &str, target: &Target) -> Result<(), LammpsError> {
    let compiler = &target.compiler.compiler;
    let mut command = Command::new(compiler);
    let output = command.args(arguments(folder, name, target)).output();
    let failed = |complaint| LammpsError::Compile {
        file: name.to_owned(),
        compiler: compiler.clone(),
        headers: target.headers.into(),
        complaint,
    };
    let output = output.map_err(|cause| failed(cause.to_string()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(failed(complaint(&text))) }
}

/// Returns the arguments of the compiler for a source.
fn arguments(folder: &Path, name: &str, target: &Target) -> Vec<OsString> {
    let integers = target.build.integers.name().unwrap_or("LAMMPS_SMALLBIG");
    let include = |folder: &Path| OsString::from_iter([OsString::from("-I"), folder.into()]);
    // No C++ bindings of MPI: the plugin links neither libmpi nor liblammps; the process that loads it has their symbols.
    let defines = [integers, "OMPI_SKIP_MPICXX", "MPICH_SKIP_MPICXX"].map(|name| format!("-D{name}"));
    let texts = [("COMPILED_FOR", target.build.to_string()), ("BRIDGE", BRIDGE.into())];
    let texts = texts.map(|(name, text)| format!("-DTUMBLE_{name}=\"{text}\""));
    // LAMMPS' own headers have warnings.
    let mut words: Vec<OsString> = ["-std=c++17", "-O2", "-fPIC", "-w", "-c"].map(OsString::from).to_vec();
    words.extend(defines.into_iter().chain(texts).map(OsString::from));
    words.extend(target.old_strings.then(|| "-D_GLIBCXX_USE_CXX11_ABI=0".into()));
    words.extend([include(&folder.join("include")), include(target.headers)]);
    words.extend(target.compiler.flags.iter().map(OsString::from));
    words.extend(user_flags());
    words.extend(["-o".into(), object(folder, name).into(), folder.join(name).into()]);
    words
}

#[cfg(test)]
mod tests {
    use tumble_lammps::mpi_family::MpiFamily;

    use super::super::mpi::Mpi;
    use super::*;

    fn compiler(program: &str) -> MpiCompiler {
        MpiCompiler {
            wrapper: "mpicxx".into(),
            compiler: program.into(),
            flags: vec!["-I/mpi".into()],
            mpi: Mpi { family: MpiFamily::OpenMpi, name: "Open MPI 5.0".into() },
        }
    }

    fn build() -> LammpsBuild {
        "version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi".parse().unwrap()
    }

    #[test]
    fn command_line_has_the_lammps_and_its_headers() {
        let (compiler, build) = (compiler("c++"), build());
        let target = Target { compiler: &compiler, headers: Path::new("/l/include"), build: &build, old_strings: true };
        let words = arguments(Path::new("/tmp/t"), "cpp/plugin.cpp", &target);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let position =
            |wanted: &str| words.iter().position(|word| word == wanted).unwrap_or_else(|| panic!("{words:?}"));
        for word in [
            "-DLAMMPS_BIGBIG",
            "-DOMPI_SKIP_MPICXX",
            "-D_GLIBCXX_USE_CXX11_ABI=0",
            "-DTUMBLE_COMPILED_FOR=\"version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi\"",
            "-I/mpi",
        ] {
            position(word);
        }
        assert!(position("-I/tmp/t/include") < position("-I/l/include"));
        assert_eq!(words[words.len() - 3..], ["-o", "/tmp/t/cpp/plugin.cpp.o", "/tmp/t/cpp/plugin.cpp"]);
    }

    #[test]
    fn failing_compiler_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        write_sources(folder.path()).unwrap();
        assert!(folder.path().join("include/tumble/pair_tumble.h").exists());
        let (compiler, build) = (compiler("false"), build());
        let target =
            Target { compiler: &compiler, headers: Path::new("/l/include"), build: &build, old_strings: false };
        let error = compile(folder.path(), &target).unwrap_err().to_string();
        let expected = " with false and the headers in /l/include: no output: use a newer compiler (CXX), or a newer \
                        tumble if LAMMPS is newer than it";
        assert!(error.starts_with("cannot compile cpp/") && error.ends_with(expected), "{error}");
    }
}
