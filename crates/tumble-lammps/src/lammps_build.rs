//! A build of LAMMPS as a plugin sees it, and the comparison of the one at compile time with the one that loads the
//! plugin.
//!
//! Two builds of one LAMMPS version may lay out their classes differently, and a plugin for the first crashes silently
//! in the second. The GNU build-id, a hash written into the library by most linkers, distinguishes them; without it the
//! version, the sizes of the integers and the MPI do.

use std::fmt::{Display, Formatter};
use std::path::Path;
use std::str::FromStr;

use object::{Object, ObjectSection};

use crate::error::{Error, Result};
use crate::integers::IntegerSizes;
use crate::mpi_family::MpiFamily;
use crate::version::Version;

/// Section of the plugin's file with its [`LammpsBuild`] as text.
const SECTION: &str = ".tumble.lammps";

/// A build of LAMMPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LammpsBuild {
    /// The version.
    pub version: Version,
    /// The sizes of its integers.
    pub integers: IntegerSizes,
    /// The MPI that it was compiled with.
    pub mpi: MpiFamily,
    /// Build-id of the library, or of the program without a library, hexadecimal; none if the linker wrote none.
    pub build_id: Option<String>,
}

impl LammpsBuild {
    /// Returns the build that a plugin was compiled for; `None` if the file is not a plugin of tumble.
    pub fn of_plugin(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let file = object::File::parse(&*bytes).ok()?;
        let section = file.section_by_name(SECTION)?.data().ok()?;
        std::str::from_utf8(section).ok()?.trim_end_matches('\0').parse().ok()
    }

    /// Returns the first difference of another build that matters to a plugin: what, here and there.
    fn difference(&self, other: &Self) -> Option<(&'static str, [String; 2])> {
        let id = |build: &Self| build.build_id.clone().unwrap_or_else(|| "none".into());
        let both = |show: &dyn Fn(&Self) -> String| [show(self), show(other)];
        if self.version != other.version {
            Some(("version", both(&|build| build.version.to_string())))
        } else if self.integers != other.integers {
            Some(("kind of integers", both(&|build| build.integers.to_string())))
        } else if !self.mpi.fits(other.mpi) {
            Some(("MPI", both(&|build| build.mpi.name().into())))
        } else if self.build_id != other.build_id {
            Some(("build-id", both(&id)))
        } else {
            None
        }
    }

    /// Refuses this LAMMPS, at the path, to a plugin.
    ///
    /// # Errors
    /// [`Error::OtherLammps`] if the plugin was compiled for another one.
    pub fn accept(&self, compiled_for: &Self, path: &Path) -> Result<()> {
        let Some((what, [found, expected])) = self.difference(compiled_for) else { return Ok(()) };
        Err(Error::OtherLammps { path: path.into(), what, found, expected })
    }

    /// Describes the build in words.
    pub fn describe(&self) -> String {
        let integers = self.integers.name().unwrap_or("unknown integers");
        let id = self.build_id.as_ref().map_or_else(|| "no build-id".into(), |id| format!("build-id {id}"));
        format!("{} ({integers}, {}, {id})", self.version, self.mpi.name())
    }
}

/// Returns the build-id of a file, in hexadecimal; `None` if it cannot be read or has none.
pub fn build_id_of(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    build_id(&object::File::parse(&*bytes).ok()?)
}

/// Returns the build-id of a file's contents, in hexadecimal.
pub fn build_id(file: &object::File) -> Option<String> {
    let id = file.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text in the plugin's file.
impl Display for LammpsBuild {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let (version, mpi) = (self.version.0, self.mpi.word());
        write!(f, "version={version} integers={} mpi={mpi}", self.integers.name().unwrap_or("unknown"))?;
        self.build_id.iter().try_for_each(|id| write!(f, " build-id={id}"))
    }
}

impl FromStr for LammpsBuild {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<_> = text.split_whitespace().filter_map(|word| word.split_once('=')).collect();
        let value = |name: &str| words.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let read = || {
            Some(Self {
                version: Version(value("version")?.parse().ok()?),
                integers: IntegerSizes::of_name(value("integers")?)?,
                mpi: MpiFamily::of_word(value("mpi")?)?,
                build_id: value("build-id").map(str::to_owned),
            })
        };
        read().ok_or_else(|| Error::CompiledFor { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build() -> LammpsBuild {
        LammpsBuild {
            version: Version(20260704),
            integers: IntegerSizes::BIGBIG,
            mpi: MpiFamily::OpenMpi,
            build_id: Some("c0ffee".into()),
        }
    }

    #[test]
    fn text_is_parsed_back() {
        let text = "version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi build-id=c0ffee";
        assert_eq!((build().to_string(), text.parse::<LammpsBuild>().unwrap()), (text.into(), build()));
        let without = LammpsBuild { build_id: None, ..build() };
        assert_eq!(without.to_string().parse::<LammpsBuild>().unwrap(), without);
        assert_eq!(without.describe(), "4 Jul 2026 (LAMMPS_BIGBIG, Open MPI, no build-id)");
        assert_eq!(
            "version=20260704".parse::<LammpsBuild>().unwrap_err().to_string(),
            "the tumble plugin does not say which LAMMPS it was built for (\"version=20260704\"): compile it with \
             `tumble lammps build`"
        );
    }

    #[test]
    fn builds_are_told_apart_with_and_without_build_ids() {
        let accept = |found: &LammpsBuild| found.accept(&build(), Path::new("/l/liblammps.so.0"));
        accept(&build()).unwrap();
        for (found, words) in [
            (LammpsBuild { version: Version(20250722), ..build() }, "version is 22 Jul 2025 and not 4 Jul 2026"),
            (LammpsBuild { mpi: MpiFamily::Mpich, ..build() }, "MPI is MPICH or compatible and not Open MPI"),
            (LammpsBuild { build_id: None, ..build() }, "build-id is none and not c0ffee"),
            (
                LammpsBuild { integers: IntegerSizes::SMALLBIG, ..build() },
                "kind of integers is LAMMPS_SMALLBIG, 4-byte atom IDs, 8-byte steps, 4-byte image flags and not \
                 LAMMPS_BIGBIG, 8-byte atom IDs, 8-byte steps, 8-byte image flags",
            ),
        ] {
            let expected = format!(
                "the tumble plugin was built for another LAMMPS than this one, /l/liblammps.so.0: its {words}: run \
                 `tumble lammps build --lammps /l/liblammps.so.0`"
            );
            assert_eq!(accept(&found).unwrap_err().to_string(), expected);
        }
        accept(&LammpsBuild { mpi: MpiFamily::Unknown, ..build() }).unwrap();
    }

    #[test]
    fn a_file_without_the_section_is_no_plugin() {
        assert_eq!(LammpsBuild::of_plugin(&std::env::current_exe().unwrap()), None);
        assert_eq!(build_id_of(Path::new("/no/such/file")), None);
    }
}
