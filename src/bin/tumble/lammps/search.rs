//! The LAMMPS of this machine, if the user names none.

use std::path::PathBuf;

use tumble::LammpsError;

use super::place::Place;
use crate::program::{environments, is_program, path};

/// Names of the program: of CMake, and of make.
const NAMES: [&str; 3] = ["lmp", "lmp_mpi", "lmp_serial"];

/// Finds the only LAMMPS in PATH and the active environments.
pub fn find() -> Result<Place, LammpsError> {
    only(all())
}

/// Returns every LAMMPS in PATH and the active environments.
pub fn all() -> Vec<Place> {
    places(path().into_iter().chain(environments()))
}

/// Returns the LAMMPS in the folders; programs of one library are one LAMMPS.
fn places(folders: impl Iterator<Item = PathBuf>) -> Vec<Place> {
    let programs = folders.flat_map(|folder| NAMES.map(|name| folder.join(name))).filter(|file| is_program(file));
    let mut places: Vec<Place> = Vec::new();
    for place in programs.map(Place::of_program) {
        if places.iter().all(|known| known.library != place.library) {
            places.push(place);
        }
    }
    places
}

fn only(places: Vec<Place>) -> Result<Place, LammpsError> {
    let names = places.iter().filter_map(|place| place.program.as_ref()).map(|program| program.display().to_string());
    let found = names.collect::<Vec<_>>().join(", ");
    match <[Place; 1]>::try_from(places) {
        Ok([place]) => Ok(place),
        Err(places) if places.is_empty() => Err(LammpsError::None),
        Err(_) => Err(LammpsError::Several { found }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    fn install(folder: &Path, name: &str) {
        let file = folder.join(name);
        std::fs::write(&file, name).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn one_lammps_is_taken_and_two_are_refused() {
        let [a, b] = [(); 2].map(|()| TempDir::new().unwrap());
        let folders = || [&a, &b].map(|folder| folder.path().canonicalize().unwrap());
        let find = || only(places(folders().into_iter()));
        let none = "no LAMMPS found, neither a program lmp in PATH nor in an active Python or conda environment: give \
                    one with --lammps (an install prefix, a build folder, a source tree, a conda environment or a \
                    program lmp)";
        assert_eq!(find().unwrap_err().to_string(), none);
        install(a.path(), "lmp");
        symlink(a.path().join("lmp"), b.path().join("lmp")).unwrap();
        assert_eq!(find().unwrap().library, folders()[0].join("lmp"));
        install(b.path(), "lmp_mpi");
        let [first, second] = [folders()[0].join("lmp"), folders()[1].join("lmp_mpi")];
        let several =
            format!("several LAMMPS found, {}, {}: give one of them with --lammps", first.display(), second.display());
        assert_eq!(find().unwrap_err().to_string(), several);
    }
}
