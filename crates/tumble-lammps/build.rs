//! Generates the C++ glue of the bridge, and the list of the C++ sources that `tumble lammps build` compiles.
//!
//! Nothing of C++ is compiled here: it needs the headers of a LAMMPS, which every user has in another build.

use std::env;
use std::fs::{read_to_string, write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Path of a source in the folder of the C++ side, and the file that holds it here.
type Source = (String, PathBuf);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/bridge.rs");
    drop(cxx_build::bridge("src/bridge.rs"));
    let (glue, own) = (glue(), own());
    println!("cargo:rustc-env=TUMBLE_BRIDGE={:016x}", fingerprint(&glue));
    let list: String = own.iter().chain(&glue).map(entry).collect();
    write(out().join("sources.rs"), format!("&[\n{list}]\n")).expect("OUT_DIR is writable");
    // Threads of the model's runtime may outlive `plugin unload`: the code must stay mapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Without its own name, a plugin would look for the library at the path that it was linked with.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtumble_lammps.so");
}

fn out() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"))
}

/// The sources written by hand: `cpp/` and `include/tumble/` of the workspace.
fn own() -> Vec<Source> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = package.join("../..").canonicalize().expect("the package lies in crates/ of the workspace");
    let folders = ["cpp", "include/tumble"].map(|folder| (folder, root.join(folder)));
    folders.iter().flat_map(|(folder, path)| files(path).into_iter().map(|file| named(folder, file))).collect()
}

fn named(folder: &str, file: PathBuf) -> Source {
    let name = file.file_name().expect("a file of a folder").to_string_lossy().into_owned();
    (format!("{folder}/{name}"), file)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = folder.read_dir().unwrap_or_else(|cause| panic!("cannot read {}: {cause}", folder.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The generated sources, and the C++ side of the crate cxx.
fn glue() -> Vec<Source> {
    let generated = out().join("cxxbridge");
    let header = PathBuf::from(env::var_os("DEP_CXXBRIDGE1_HEADER").expect("the crate cxx tells where its header is"));
    let runtime = header.parent().and_then(Path::parent).expect("its header lies in include/").join("src/cxx.cc");
    vec![
        ("include/tumble-lammps/src/bridge.rs.h".into(), generated.join("include/tumble-lammps/src/bridge.rs.h")),
        ("cpp/bridge.rs.cc".into(), generated.join("sources/tumble-lammps/src/bridge.rs.cc")),
        ("include/rust/cxx.h".into(), header.clone()),
        // cxx.cc includes it as ../include/cxx.h.
        ("include/cxx.h".into(), header),
        ("cpp/cxx.cc".into(), runtime),
    ]
}

/// Differs if the interface between C++ and Rust does.
fn fingerprint(glue: &[Source]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (_, file) in glue {
        let text = read_to_string(file).unwrap_or_else(|cause| panic!("cannot read {}: {cause}", file.display()));
        text.hash(&mut hasher);
    }
    hasher.finish()
}

fn entry((path, file): &Source) -> String {
    format!("    ({path:?}, include_str!({file:?})),\n")
}
