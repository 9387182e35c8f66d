//! Links the plugin: the compiled C++ side and the Rust library beside this program.

use std::env;
use std::ffi::OsString;
use std::fs::write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tumble::LammpsError;

use super::mpi::complaint;

/// Name of the plugin: LAMMPS loads every *plugin.so in the folders of LAMMPS_PLUGIN_PATH.
pub const PLUGIN: &str = "tumbleplugin.so";

/// Name of the Rust side.
const LIBRARY: &str = "libtumble_lammps.so";

/// Names that LAMMPS and `tumble doctor` look for; all others stay inside.
const EXPORTS: &str = "{ global: lammpsplugin_init; TUMBLE_COMPILED_FOR_LAMMPS; local: *; };\n";

/// Finds the Rust library beside this program.
pub fn rust_library() -> Result<PathBuf, LammpsError> {
    let program = env::current_exe().and_then(|program| program.canonicalize()).unwrap_or_default();
    let path = program.with_file_name(LIBRARY);
    if path.is_file() { Ok(path) } else { Err(LammpsError::NoRustLibrary { path }) }
}

/// Links the objects to the Rust library, into a plugin in the folder.
pub fn link(compiler: &Path, folder: &Path, objects: &[PathBuf], library: &Path) -> Result<PathBuf, LammpsError> {
    let plugin = folder.join(PLUGIN);
    let failed = |complaint| LammpsError::Link { compiler: compiler.into(), complaint };
    let exports = folder.join("exports.map");
    write(&exports, EXPORTS).map_err(|cause| failed(cause.to_string()))?;
    let mut command = Command::new(compiler);
    let words = arguments(&exports, library);
    let done = command.arg("-shared").arg("-o").arg(&plugin).args(objects).args(words).output();
    let done = done.map_err(|cause| failed(cause.to_string()))?;
    let text = String::from_utf8_lossy(&done.stderr);
    if done.status.success() { Ok(plugin) } else { Err(failed(complaint(&text))) }
}

/// Returns the arguments of the linker after the objects. The plugin finds the library where it is now.
fn arguments(exports: &Path, library: &Path) -> Vec<OsString> {
    let folder = library.parent().unwrap_or(library);
    let flag = |name: &str, value: OsString| OsString::from_iter([OsString::from(name), value]);
    vec![
        library.into(),
        flag("-Wl,-rpath,", folder.into()),
        flag("-Wl,--version-script=", exports.into()),
        // Threads of the model's runtime may outlive `plugin unload`: the code must stay mapped.
        "-Wl,-z,nodelete".into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_finds_the_library_where_it_lies() {
        let words = arguments(Path::new("/t/exports.map"), Path::new("/v/tumble/libtumble_lammps.so"));
        assert_eq!(words[..2], ["/v/tumble/libtumble_lammps.so", "-Wl,-rpath,/v/tumble"]);
    }

    #[test]
    fn failing_linker_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let library = Path::new("/v/libtumble_lammps.so");
        let error = link(Path::new("false"), folder.path(), &[], library).unwrap_err();
        let expected = "cannot link the plugin with false: no output: try another compiler (CXX)";
        assert_eq!(error.to_string(), expected);
    }
}
