//! Comparison of the LAMMPS at compile time with the LAMMPS that loads the plugin.
//!
//! Two builds of one LAMMPS version may lay out their classes differently, and a plugin for the first crashes silently
//! in the second. The GNU build-id, a hash written into the library by the linker, distinguishes them.

use std::path::Path;

use object::{Object, ObjectSection};
#[cfg(feature = "plugin")]
use tumble_onnx::runtime::dylib::file_of;

/// Section of the plugin's file with `COMPILED_FOR`; a plain libtumble.so has none.
pub const SECTION: &str = ".tumble.lammps";

/// Build-id (hex) of the LAMMPS at compile time: the library beside the headers.
#[cfg(feature = "plugin")]
pub const COMPILED_FOR: &str = env!("TUMBLE_LAMMPS_BUILD_ID");

/// Returns the build-id of a shared library, in hex; `None` if it cannot be read or has none.
pub fn of_file(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let id = object::File::parse(&*bytes).ok()?.build_id().ok()??.to_vec();
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the build-id, in hex, of the LAMMPS that a plugin was compiled for; `None` if the file is not a plugin of
/// tumble.
pub fn of_plugin(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    String::from_utf8(file.section_by_name(SECTION)?.data().ok()?.to_vec()).ok()
}

/// Returns the error about a LAMMPS of another build than at compile time; `None` if they agree. `lammps_address` is
/// the address of any function of LAMMPS.
#[cfg(feature = "plugin")]
pub fn refusal(lammps_address: usize) -> Option<String> {
    let path = file_of(lammps_address)?;
    let found = of_file(&path);
    if found.as_deref() == Some(COMPILED_FOR) {
        return None;
    }
    Some(format!(
        "the tumble plugin was built for another LAMMPS than this one ({}, build-id {}; expected build-id \
         {COMPILED_FOR}): rebuild the plugin against this LAMMPS with TUMBLE_LAMMPS=<folder of its liblammps and \
         headers> cargo build --release -p tumble-lammps --features plugin",
        path.display(),
        found.as_deref().unwrap_or("none"),
    ))
}
