//! Which build of LAMMPS the plugin was compiled for, and which one is loading it.
//!
//! Two builds of one LAMMPS version may lay out their classes differently, and a plugin made for one dies silently in
//! the other. The GNU build-id, a hash that the linker writes into the library, tells them apart.

use std::path::Path;

use object::{Object, ObjectSection};
#[cfg(feature = "plugin")]
use tumble_onnx::runtime::dylib::file_of;

/// Section of the plugin's file that holds `COMPILED_FOR`, by which it is told from a plain libtumble.so.
pub const SECTION: &str = ".tumble.lammps";

/// Build-id (hex) of the LAMMPS library beside the headers that this plugin was compiled against.
#[cfg(feature = "plugin")]
pub const COMPILED_FOR: &str = env!("TUMBLE_LAMMPS_BUILD_ID");

/// Build-id of a shared library, in hex; `None` if it cannot be read or has none.
pub fn of_file(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let id = object::File::parse(&*bytes).ok()?.build_id().ok()??.to_vec();
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Build-id, in hex, of the LAMMPS that a plugin was compiled for; `None` if the file is no plugin of tumble.
pub fn of_plugin(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    String::from_utf8(file.section_by_name(SECTION)?.data().ok()?.to_vec()).ok()
}

/// The sentence by which another build than the one compiled for is refused, if it is another.
#[cfg(feature = "plugin")]
pub fn refusal(lammps_address: usize) -> Option<String> {
    let path = file_of(lammps_address)?;
    let found = of_file(&path);
    if found.as_deref() == Some(COMPILED_FOR) {
        return None;
    }
    Some(format!(
        "the tumble plugin was built for another LAMMPS than the one that loads it ({}, build-id {}; expected \
         build-id {COMPILED_FOR}): rebuild the plugin against this LAMMPS with \
         TUMBLE_LAMMPS=<folder of its liblammps and headers> cargo build --release -p tumble-lammps --features plugin",
        path.display(),
        found.as_deref().unwrap_or("none"),
    ))
}
