//! A file with the code of LAMMPS, its library or a static program: what its symbols and texts tell, without running it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use object::{Architecture, Object, ObjectSymbol};
use tumble::LammpsError;
use tumble_lammps::integers::IntegerSizes;
use tumble_lammps::lammps_build::build_id;
use tumble_lammps::mpi_family::MpiFamily;
use tumble_lammps::version::Version;

/// A file of LAMMPS.
pub struct Binary {
    pub path: PathBuf,
    pub architecture: Architecture,
    pub version: Option<Version>,
    pub integers: Option<IntegerSizes>,
    pub mpi: MpiFamily,
    pub build_id: Option<String>,
    /// Whether it was compiled with the `std::string` from before C++11, as the wheels of 2024.
    pub old_strings: bool,
    /// Sizes of the functions and tables that plugins can use, bytes.
    pub exports: HashMap<String, u64>,
}

impl Binary {
    pub fn read(path: &Path) -> Result<Self, LammpsError> {
        let bytes = std::fs::read(path).map_err(|source| LammpsError::Read { path: path.into(), source })?;
        let not_lammps = || LammpsError::NotLammps { path: path.into() };
        let file = object::File::parse(&*bytes).map_err(|_| not_lammps())?;
        let (exports, imports) = symbols(&file);
        if !exports.contains_key("lammps_version") {
            return Err(not_lammps());
        }
        Ok(Self {
            path: path.into(),
            architecture: file.architecture(),
            version: version(&bytes),
            integers: integers(exports.keys()),
            mpi: mpi(&imports, &bytes),
            build_id: build_id(&file),
            old_strings: exports.keys().any(|name| name.starts_with(OLD_STRINGS)),
            exports,
        })
    }

    pub fn has_plugins(&self) -> bool {
        self.exports.contains_key("_ZN9LAMMPS_NS11plugin_loadEPKcPNS_6LAMMPSE")
    }
}

/// Error::all(const std::string &, ...): the old class is mangled as Ss.
const OLD_STRINGS: &str = "_ZN9LAMMPS_NS5Error3allERKSs";

/// Returns the dynamic symbols that a file defines, with their sizes, and those that it needs.
pub fn symbols(file: &object::File) -> (HashMap<String, u64>, Vec<String>) {
    let (mut exports, mut imports) = (HashMap::new(), Vec::new());
    for symbol in file.dynamic_symbols() {
        let Ok(name) = symbol.name() else { continue };
        if symbol.is_undefined() {
            imports.push(name.to_owned());
        } else {
            exports.insert(name.to_owned(), symbol.size());
        }
    }
    (exports, imports)
}

/// Returns the newest date among the texts of a file: libraries inside of LAMMPS have older ones.
fn version(bytes: &[u8]) -> Option<Version> {
    let is_year = |w: &[u8]| w.starts_with(b" 20") && w[3..5].iter().all(u8::is_ascii_digit) && w[5] == 0;
    let ends = bytes.windows(6).enumerate().filter(|(_, window)| is_year(window)).map(|(start, _)| start + 5);
    // A day of two digits, or of one.
    let date = |end: usize, length: usize| Version::parse(std::str::from_utf8(bytes.get(end - length..end)?).ok()?);
    ends.filter(|&end| end >= 11).filter_map(|end| date(end, 11).or_else(|| date(end, 10))).max()
}

/// Returns the sizes of LAMMPS' integers, from the mangled names of functions with such arguments: int, or int64_t (long
/// or long long).
fn integers<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Option<IntegerSizes> {
    let is_wide = |function: &str| match names.clone().find_map(|name| name.strip_prefix(function))? {
        "i" => Some(false),
        "l" | "x" => Some(true),
        _ => None,
    };
    // Atom::map_find_hash(tagint), Neighbor::reset_timestep(bigint)
    match (is_wide("_ZN9LAMMPS_NS4Atom13map_find_hashE")?, is_wide("_ZN9LAMMPS_NS8Neighbor14reset_timestepE")?) {
        (false, true) => Some(IntegerSizes::SMALLBIG),
        (true, true) => Some(IntegerSizes::BIGBIG),
        _ => Some(IntegerSizes::SMALLSMALL),
    }
}

/// Returns the MPI that the file needs: the predefined objects of Open MPI are symbols, those of MPICH are numbers.
fn mpi(imports: &[String], bytes: &[u8]) -> MpiFamily {
    let needs = |prefix: &str| imports.iter().any(|name| name.starts_with(prefix));
    if needs("ompi_mpi_") {
        MpiFamily::OpenMpi
    } else if needs("MPI_Comm_rank") {
        MpiFamily::Mpich
    } else {
        inside(bytes)
    }
}

/// Recognizes an MPI linked into the file.
fn inside(bytes: &[u8]) -> MpiFamily {
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    ["LAMMPS MPI STUBS", "Open MPI v", "MPICH Version"]
        .into_iter()
        .find(|text| has(text))
        .map_or(MpiFamily::Unknown, MpiFamily::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_date_is_the_version() {
        let version = |text: &str| version(text.as_bytes()).map(|version| version.to_string());
        let padding = "\0".repeat(12);
        for (text, expected) in [
            ("\u{0}22 Jul 2025\0", Some("22 Jul 2025")),
            ("\u{0}4 Jul 2026\0\u{0}25 Dec 2019\0", Some("4 Jul 2026")),
            ("\u{0}4 Jul 2026 - ", None),
            ("\u{0}Mon Jul 2026\0", None),
        ] {
            assert_eq!(version(&format!("{padding}{text}")).as_deref(), expected, "{text}");
        }
        assert_eq!(version(" 2025\0"), None);
    }

    #[test]
    fn integers_are_those_of_the_arguments() {
        let sizes = |tag: &str, big: &str| {
            let names = [
                format!("_ZN9LAMMPS_NS4Atom13map_find_hashE{tag}"),
                format!("_ZN9LAMMPS_NS8Neighbor14reset_timestepE{big}"),
            ];
            integers(names.iter())
        };
        assert_eq!(sizes("i", "l"), Some(IntegerSizes::SMALLBIG));
        assert_eq!(sizes("l", "l"), Some(IntegerSizes::BIGBIG));
        assert_eq!(sizes("x", "x"), Some(IntegerSizes::BIGBIG));
        assert_eq!(sizes("i", "i"), Some(IntegerSizes::SMALLSMALL));
        assert_eq!(sizes("i", "v"), None);
    }

    #[test]
    fn mpi_is_told_by_symbols_or_texts() {
        let mpi = |import: &str, text: &str| mpi(&[import.to_owned()], text.as_bytes());
        assert_eq!(mpi("ompi_mpi_comm_world", ""), MpiFamily::OpenMpi);
        assert_eq!(mpi("MPI_Comm_rank", ""), MpiFamily::Mpich);
        assert_eq!(mpi("printf", "x LAMMPS MPI STUBS for"), MpiFamily::Stubs);
        assert_eq!(mpi("printf", "x"), MpiFamily::Unknown);
    }

    #[test]
    fn other_programs_and_files_are_not_lammps() {
        let program = std::env::current_exe().unwrap();
        let said = |path: &Path| Binary::read(path).err().unwrap().to_string();
        let expected = "exports no functions of LAMMPS, so no plugin can use it: give the library or program of a LAMMPS \
                        built with cmake -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on";
        assert_eq!(said(&program), format!("{} {expected}", program.display()));
        assert!(said(Path::new("Cargo.toml")).starts_with("Cargo.toml exports no functions of LAMMPS"));
        let missing = said(Path::new("/no/liblammps.so"));
        assert_eq!(missing, "cannot read /no/liblammps.so: No such file or directory (os error 2): correct the path");
    }
}
