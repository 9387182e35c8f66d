//! Whether the pair style can run in a LAMMPS: checks of its file before compiling, and of the plugin after linking.

use std::env::consts::ARCH;
use std::path::Path;

use object::{Architecture, Object};
use tumble::LammpsError;
use tumble_lammps::integers::IntegerSizes;
use tumble_lammps::lammps_build::LammpsBuild;
use tumble_lammps::mpi_family::MpiFamily;
use tumble_lammps::version::Version;

use super::binary::{Binary, symbols};

/// Checks that a LAMMPS can load the pair style, and returns what tells it from others.
pub fn accept(binary: &Binary) -> Result<LammpsBuild, LammpsError> {
    let path = || binary.path.clone();
    let processor = processor(binary.architecture);
    if processor != ARCH {
        return Err(LammpsError::Architecture { path: path(), found: processor, expected: ARCH });
    }
    let version = binary.version.ok_or_else(|| LammpsError::NotLammps { path: path() })?;
    if version < Version::OLDEST {
        return Err(LammpsError::TooOld { path: path(), found: version });
    }
    let integers = binary.integers.ok_or_else(|| LammpsError::NotLammps { path: path() })?;
    if integers == IntegerSizes::SMALLSMALL {
        return Err(LammpsError::SmallSmall { path: path() });
    }
    if !binary.has_plugins() {
        return Err(LammpsError::NoPlugins { path: path() });
    }
    if binary.mpi == MpiFamily::Stubs {
        return Err(LammpsError::NoMpi { path: path() });
    }
    Ok(LammpsBuild { version, integers, mpi: binary.mpi, build_id: binary.build_id.clone() })
}

/// Returns the name of a processor as Rust spells it.
fn processor(architecture: Architecture) -> String {
    match architecture {
        Architecture::X86_64 => "x86_64".into(),
        Architecture::Aarch64 => "aarch64".into(),
        Architecture::PowerPc64 => "powerpc64".into(),
        Architecture::Riscv64 => "riscv64".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Classes of LAMMPS from which those of the pair style are derived, with the derived ones, as their tables of virtual
/// functions. Ours add none, so the tables are of one size if the headers are those of the library.
const TABLES: [[&str; 3]; 2] = [
    ["Pair", "_ZTVN9LAMMPS_NS4PairE", "_ZTVN6tumble10PairTumbleE"],
    ["Fix", "_ZTVN9LAMMPS_NS3FixE", "_ZTVN6tumble7FixStepE"],
];

/// Size of an entry, bytes.
const ENTRY: u64 = 8;

/// Compares a linked plugin with the LAMMPS for which it was compiled with these headers.
pub fn compare(plugin: &Path, binary: &Binary, headers: &Path) -> Result<(), LammpsError> {
    let bytes = std::fs::read(plugin).map_err(|source| LammpsError::Read { path: plugin.into(), source })?;
    let differ =
        |difference| LammpsError::HeadersDiffer { headers: headers.into(), path: binary.path.clone(), difference };
    let file = object::File::parse(&*bytes).map_err(|cause| differ(format!("the plugin is broken ({cause})")))?;
    match missing(&symbols(&file).1, binary).or_else(|| table(&file, binary)) {
        Some(difference) => Err(differ(difference)),
        None => Ok(()),
    }
}

/// Describes the first function of LAMMPS that the plugin needs but the library lacks.
fn missing(imports: &[String], binary: &Binary) -> Option<String> {
    let of_lammps = |name: &&String| name.contains("9LAMMPS_NS") || name.starts_with("lammps_");
    let name = imports.iter().filter(of_lammps).find(|name| !binary.exports.contains_key(*name))?;
    Some(format!("they declare {name}, which it does not have"))
}

/// Describes the first class with another number of virtual functions.
fn table(file: &object::File, binary: &Binary) -> Option<String> {
    let own = all_symbols(file);
    TABLES.iter().find_map(|[class, theirs, ours]| {
        let (here, there) = (binary.exports.get(*theirs)?, own(ours)?);
        let words = format!("their class {class} has {} entries in its table of virtual functions", there / ENTRY);
        (*here != there).then(|| format!("{words}, and that of LAMMPS has {}", here / ENTRY))
    })
}

/// Returns a function from the name of a symbol, also a local one, to its size.
fn all_symbols<'a>(file: &'a object::File) -> impl Fn(&str) -> Option<u64> + 'a {
    use object::ObjectSymbol;
    move |wanted| file.symbols().find(|symbol| symbol.name() == Ok(wanted)).map(|symbol| symbol.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary() -> Binary {
        let architecture = if ARCH == "aarch64" { Architecture::Aarch64 } else { Architecture::X86_64 };
        Binary {
            path: "/l/liblammps.so.0".into(),
            architecture,
            version: Some(Version(20260704)),
            integers: Some(IntegerSizes::BIGBIG),
            mpi: MpiFamily::OpenMpi,
            build_id: None,
            old_strings: false,
            exports: [("_ZN9LAMMPS_NS11plugin_loadEPKcPNS_6LAMMPSE".into(), 9)].into(),
        }
    }

    /// The refusal of a LAMMPS that differs from a good one.
    fn refusal(change: impl Fn(&mut Binary)) -> String {
        let mut changed = binary();
        change(&mut changed);
        accept(&changed).err().unwrap().to_string()
    }

    #[test]
    fn a_good_lammps_is_accepted() {
        let expected = "version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi";
        assert_eq!(accept(&binary()).unwrap().to_string(), expected);
    }

    #[test]
    fn each_defect_has_its_sentence() {
        assert_eq!(
            refusal(|binary| binary.architecture = Architecture::PowerPc64),
            format!(
                "/l/liblammps.so.0 is for processors powerpc64, but this tumble is for {ARCH}: install tumble for \
                 powerpc64 where that LAMMPS runs, or give a LAMMPS for {ARCH}"
            )
        );
        assert_eq!(
            refusal(|binary| binary.version = Some(Version(20220623))),
            "LAMMPS at /l/liblammps.so.0 is of 23 Jun 2022, but tumble needs 29 Aug 2024 or later: build a newer one \
             with cmake -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on -D BUILD_MPI=on"
        );
        assert_eq!(
            refusal(|binary| binary.exports.clear()),
            "LAMMPS at /l/liblammps.so.0 was built without its package PLUGIN, so it cannot load pair styles: build it \
             with cmake -D PKG_PLUGIN=on -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on, or use fix ipi with tumble ipi"
        );
        assert_eq!(
            refusal(|binary| binary.integers = Some(IntegerSizes::SMALLSMALL)),
            "LAMMPS at /l/liblammps.so.0 was built with LAMMPS_SMALLSMALL and counts steps in 32 bits: build it with \
             cmake -D LAMMPS_SIZES=smallbig"
        );
        assert_eq!(
            refusal(|binary| binary.mpi = MpiFamily::Stubs),
            "LAMMPS at /l/liblammps.so.0 was built without MPI, which the pair style needs even on one rank: build it \
             with cmake -D BUILD_MPI=on -D BUILD_SHARED_LIBS=on -D PKG_PLUGIN=on"
        );
        assert!(refusal(|binary| binary.version = None).starts_with("/l/liblammps.so.0 exports no functions"));
    }

    #[test]
    fn functions_that_the_library_lacks_are_found() {
        let known = "_ZN9LAMMPS_NS11plugin_loadEPKcPNS_6LAMMPSE".to_owned();
        assert_eq!(missing(&[known.clone(), "MPI_Send".into()], &binary()), None);
        let name = "_ZN9LAMMPS_NS4Comm4moveEv".to_owned();
        let expected = "they declare _ZN9LAMMPS_NS4Comm4moveEv, which it does not have";
        assert_eq!(missing(&[known, name], &binary()).as_deref(), Some(expected));
    }
}
