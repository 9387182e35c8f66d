//! The headers of a LAMMPS, and their version.

use std::env::consts::ARCH;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use tumble::LammpsError;
use tumble_lammps::version::Version;

/// Finds the folder of the headers: the given one, or one beside the file of LAMMPS.
pub fn find(library: &Path, given: Option<&Path>) -> Result<PathBuf, LammpsError> {
    let folders = match given {
        Some(given) => ["", "lammps", "include/lammps", "src"].map(|name| given.join(name)).to_vec(),
        None => beside(library),
    };
    let found = folders.iter().find(|folder| folder.join("pair.h").is_file());
    let missing = || LammpsError::NoHeaders { path: library.into(), tried: listed(&folders) };
    found.ok_or_else(missing)?.canonicalize().map_err(|_| missing())
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Returns the folders for a library in a wheel or build folder, in `lib`, in `lib/x86_64-linux-gnu`, and for a build
/// beside the sources.
fn beside(library: &Path) -> Vec<PathBuf> {
    let Some(folder) = library.parent() else { return vec![] };
    let near = ["include/lammps", "includes/lammps", "../include/lammps", "../../include/lammps", "", "../src"];
    let near = near.map(|name| folder.join(name));
    // The sources first: a build folder has copies of some headers only, which include others.
    sources(folder).into_iter().chain(near).collect()
}

/// Returns the sources of a build folder, from CMake's cache.
fn sources(build: &Path) -> Option<PathBuf> {
    let cache = read_to_string(build.join("CMakeCache.txt")).ok()?;
    let home = cache.lines().find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="))?;
    Some(Path::new(home).join("../src"))
}

/// Checks that the headers are of the version of the library, as far as they tell theirs.
pub fn check(headers: &Path, library: &Path, expected: Version) -> Result<(), LammpsError> {
    match version(headers) {
        Some(found) if found != expected => {
            Err(LammpsError::OtherHeaders { headers: headers.into(), found, path: library.into(), expected })
        }
        _ => Ok(()),
    }
}

/// Returns the version of the headers: in version.h of the sources, or in CMake's file of an installation.
fn version(headers: &Path) -> Option<Version> {
    let quoted = |text: &str, start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start))?;
        Some(line.split('"').nth(1)?.to_owned())
    };
    if let Ok(text) = read_to_string(headers.join("version.h")) {
        return Version::parse(&quoted(&text, "#define LAMMPS_VERSION")?);
    }
    let folders = ["cmake".into(), "lib/cmake".into(), "lib64/cmake".into(), format!("lib/{ARCH}-linux-gnu/cmake")];
    let files =
        folders.iter().map(|folder| headers.join("../..").join(folder).join("LAMMPS/LAMMPSConfigVersion.cmake"));
    let text = files.into_iter().find_map(|file| read_to_string(file).ok())?;
    Version::parse_package(&quoted(&text, "set(PACKAGE_VERSION ")?)
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use tempfile::TempDir;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (file, text) in files {
            create_dir_all(root.join(file).parent().unwrap()).unwrap();
            write(root.join(file), text).unwrap();
        }
        (folder, root)
    }

    #[test]
    fn headers_are_found_beside_every_kind_of_library() {
        for (header, library) in [
            ("include/lammps/pair.h", "liblammps.so.0"),
            ("include/lammps/pair.h", "lib/liblammps.so.0"),
            ("include/lammps/pair.h", "bin/lmp"),
            ("include/lammps/pair.h", "lib/x86_64-linux-gnu/liblammps.so.0"),
            ("build/includes/lammps/pair.h", "build/liblammps.so.0"),
            ("src/pair.h", "build/liblammps.so.0"),
            ("src/pair.h", "src/liblammps_mpi.so"),
        ] {
            let (_folder, root) = tree(&[(header, ""), (library, "")]);
            let found = find(&root.join(library), None).unwrap();
            assert_eq!(found, root.join(header).parent().unwrap(), "{library}");
        }
        let (_folder, root) = tree(&[("l/src/pair.h", "")]);
        let cache = format!("x\nCMAKE_HOME_DIRECTORY:INTERNAL={}\n", root.join("l/cmake").display());
        create_dir_all(root.join("l/cmake")).unwrap();
        create_dir_all(root.join("elsewhere")).unwrap();
        write(root.join("elsewhere/CMakeCache.txt"), cache).unwrap();
        assert_eq!(find(&root.join("elsewhere/lmp"), None).unwrap(), root.join("l/src"));
        // CMake copies some of the headers, without those that they include.
        create_dir_all(root.join("elsewhere/includes/lammps")).unwrap();
        write(root.join("elsewhere/includes/lammps/pair.h"), "").unwrap();
        assert_eq!(find(&root.join("elsewhere/lmp"), None).unwrap(), root.join("l/src"));
        assert_eq!(find(Path::new("/no/lmp"), Some(&root.join("l"))).unwrap(), root.join("l/src"));
    }

    #[test]
    fn missing_headers_are_an_error_that_lists_the_places() {
        let error = find(Path::new("/no/lib/liblammps.so.0"), Some(Path::new("/no/headers"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no headers of LAMMPS (pair.h) for /no/lib/liblammps.so.0 in /no/headers/, /no/headers/lammps, \
             /no/headers/include/lammps, /no/headers/src: give their folder with --headers, which is include/lammps of \
             an installation or src of the sources (Debian package liblammps-dev)"
        );
    }

    #[test]
    fn headers_of_another_version_are_refused() {
        let version_file = "lib/cmake/LAMMPS/LAMMPSConfigVersion.cmake";
        let (_folder, root) = tree(&[
            ("src/version.h", "#define LAMMPS_VERSION \"22 Jul 2025\"\n"),
            ("include/lammps/pair.h", ""),
            (version_file, "# x\nset(PACKAGE_VERSION \"2025.2.4\")\n"),
        ]);
        let library = Path::new("/l/liblammps.so.0");
        check(&root.join("src"), library, Version(20250722)).unwrap();
        check(&root.join("include/lammps"), library, Version(20250204)).unwrap();
        check(&root, library, Version(20250722)).unwrap();
        let error = check(&root.join("src"), library, Version(20260704)).unwrap_err();
        let expected = format!(
            "the headers in {} are of 22 Jul 2025, but LAMMPS at /l/liblammps.so.0 is of 4 Jul 2026: give the headers of \
             4 Jul 2026 with --headers, or compile LAMMPS again",
            root.join("src").display()
        );
        assert_eq!(error.to_string(), expected);
    }
}
