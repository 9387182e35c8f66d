//! `tumble lammps build`: compiles the pair style for the LAMMPS of the user.

mod binary;
mod compile;
mod destination;
mod fit;
mod headers;
mod link;
mod mpi;
mod place;
mod search;
mod trial;

use std::fs::{create_dir_all, metadata};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};
use tumble::{Error, LammpsError, Result};

use self::binary::Binary;
use self::compile::Target;
use self::mpi::MpiCompiler;
pub use self::place::Place;
use crate::output::Output;
use crate::{print, written};

/// Compile the pair style for your own LAMMPS
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(Box<Build>),
    Sources(Sources),
}

const EXAMPLES: &str = "\
Examples:
  tumble lammps build                                     for the lmp in PATH
  tumble lammps build --lammps ~/lammps/build             for a LAMMPS compiled with CMake
  tumble lammps sources --output tumble-cpp               its C++ side, to be compiled in another way

Every command has its own examples: tumble lammps build --help";

/// Compile the pair style against a LAMMPS, with its C++ compiler and MPI
#[derive(Args)]
#[command(after_help = BUILD_EXAMPLES)]
struct Build {
    /// The LAMMPS: install prefix, build folder, sources, environment, program or library [default: lmp of PATH]
    #[arg(long, value_name = "PATH")]
    lammps: Option<PathBuf>,

    /// The folder for tumbleplugin.so [default: the first of LAMMPS_PLUGIN_PATH, else in ~/.local/share/tumble]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// The library liblammps.so [default: that of --lammps]
    #[arg(long, value_name = "FILE", conflicts_with = "lammps")]
    library: Option<PathBuf>,

    /// The folder of LAMMPS' headers [default: include/lammps or src beside the library]
    #[arg(long, value_name = "DIR")]
    headers: Option<PathBuf>,

    /// The compiler wrapper of the MPI of LAMMPS [default: an mpicxx beside LAMMPS or in PATH]
    #[arg(long, value_name = "FILE")]
    mpicxx: Option<PathBuf>,
}

const BUILD_EXAMPLES: &str = "\
Examples:
  tumble lammps build
  tumble lammps build --lammps ~/lammps/build
  tumble lammps build --lammps /opt/lammps --output ~/plugins
  tumble lammps build --library build/liblammps_mpi.so.0 --headers src --mpicxx /opt/openmpi/bin/mpicxx

You need a C++ compiler and the MPI of LAMMPS (CXX and CXXFLAGS are obeyed), but no Rust. LAMMPS must have been built with
its package PLUGIN, with MPI, and as a shared library or a program that exports its symbols. Then write `plugin load FILE`
into the input, or set LAMMPS_PLUGIN_PATH to the folder.";

/// Write the C++ side of the pair style into a folder
#[derive(Args)]
#[command(after_help = SOURCES_EXAMPLES)]
struct Sources {
    /// The folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

const SOURCES_EXAMPLES: &str = "\
Examples:
  tumble lammps sources --output tumble-cpp

Compile cpp/*.cpp and cpp/*.cc with the folder include, and link them to libtumble_lammps.so beside this program.";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.command {
        Command::Build(options) => options.run(),
        Command::Sources(options) => compile::write_sources(&options.output),
    }
}

/// Returns the command that builds the plugin for a LAMMPS, or what is missing for it.
pub fn remedy(place: &Place) -> Result<String, LammpsError> {
    let build = fit::accept(&Binary::read(&place.library)?)?;
    let headers = headers::find(&place.library, None)?;
    headers::check(&headers, &place.library, build.version)?;
    mpi::find(place, build.mpi, None)?;
    let given = place.program.as_ref().unwrap_or(&place.library);
    Ok(format!("tumble lammps build --lammps {}", given.display()))
}

/// Describes a LAMMPS by its version, integers, MPI and build-id, or tells why no plugin fits it.
pub fn describe(place: &Place) -> Result<String, LammpsError> {
    Ok(fit::accept(&Binary::read(&place.library)?)?.describe())
}

/// Returns the LAMMPS in PATH and in the active environments.
pub fn installed() -> Vec<Place> {
    search::all()
}

impl Build {
    fn run(&self) -> Result<()> {
        let start = Instant::now();
        let place = self.place()?;
        let binary = Binary::read(&place.library)?;
        let build = fit::accept(&binary)?;
        print(&format!("LAMMPS    {} at {}", build.describe(), place.library.display()))?;
        let headers = headers::find(&place.library, self.headers.as_deref())?;
        headers::check(&headers, &place.library, build.version)?;
        print(&format!("headers   {}", headers.display()))?;
        let compiler = mpi::find(&place, build.mpi, self.mpicxx.as_deref())?;
        print(&described(&compiler))?;
        let target = Target { compiler: &compiler, headers: &headers, build: &build, old_strings: binary.old_strings };
        let plugin = self.install(&target, &binary)?;
        print(&format!("plugin    {} in {:.0} s", sized(&plugin), start.elapsed().as_secs_f64()))?;
        tried(&place, &plugin)?;
        print(&usage(&plugin))
    }

    fn place(&self) -> Result<Place, LammpsError> {
        match (&self.library, &self.lammps) {
            (Some(library), _) => Place::at(library),
            (None, Some(given)) => Place::at(given),
            (None, None) => search::find(),
        }
    }

    /// Compiles and links the plugin in a folder of its own, checks it, and puts it in its place.
    fn install(&self, target: &Target, binary: &Binary) -> Result<PathBuf> {
        let library = link::rust_library()?;
        let output = folder(&destination::folder(self.output.as_deref(), target.build))?;
        let scratch = tempfile::Builder::new().prefix("tumble-lammps-").tempdir();
        let scratch = scratch.map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
        compile::write_sources(scratch.path())?;
        let objects = compile::compile(scratch.path(), target)?;
        let linked = link::link(&target.compiler.compiler, scratch.path(), &objects, &library)?;
        fit::compare(&linked, binary, target.headers)?;
        let bytes = std::fs::read(&linked).map_err(|source| LammpsError::Read { path: linked, source })?;
        let plugin = output.join(link::PLUGIN);
        if plugin.is_symlink() {
            // The target of the link stays as it is.
            written(&plugin, std::fs::remove_file(&plugin))?;
        }
        Output::write(&plugin, &bytes)?;
        Ok(plugin)
    }
}

/// Creates a folder and returns its absolute path.
fn folder(path: &Path) -> Result<PathBuf> {
    written(path, create_dir_all(path))?;
    path.canonicalize().map_err(|source| Error::Write { path: path.into(), source })
}

fn described(compiler: &MpiCompiler) -> String {
    let MpiCompiler { wrapper, compiler, mpi, .. } = compiler;
    format!("compiler  {}, with the {} of {}", compiler.display(), mpi.name, wrapper.display())
}

fn sized(plugin: &Path) -> String {
    let kilobytes = metadata(plugin).map_or(0, |file| file.len()) / 1000;
    format!("{}, {kilobytes} kB", plugin.display())
}

/// Loads the plugin, if LAMMPS' program is known.
fn tried(place: &Place, plugin: &Path) -> Result<()> {
    let Some(program) = &place.program else {
        return print("trial     none: there is no program lmp beside the library");
    };
    trial::load(program, plugin)?;
    print(&format!("trial     {} loads it", program.display()))
}

fn usage(plugin: &Path) -> String {
    let folder = plugin.parent().unwrap_or(plugin);
    format!(
        "\nLoad it by `plugin load {}` in the input, or by\n  export LAMMPS_PLUGIN_PATH={}",
        plugin.display(),
        folder.display()
    )
}
