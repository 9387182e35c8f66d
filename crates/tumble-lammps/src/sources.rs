//! The C++ side of the plugin as text: `tumble lammps build` compiles it where the LAMMPS is.

/// The files of the C++ side, path and text: `cpp/`, `include/tumble/`, and the glue that the crate cxx generates. The
/// folder `include` is the one for the compiler.
pub const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// Fingerprint of the interface between the C++ side and the Rust library: both must have the same.
pub const BRIDGE: &str = env!("TUMBLE_BRIDGE");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_contain_the_pair_style_and_the_glue() {
        for path in ["cpp/pair_tumble.cpp", "include/tumble/lammps_features.h", "cpp/bridge.rs.cc", "include/cxx.h"] {
            let found = SOURCES.iter().find(|(name, _)| *name == path);
            assert!(found.is_some_and(|(_, text)| !text.is_empty()), "{path}");
        }
        assert_eq!(BRIDGE.len(), 16);
    }
}
