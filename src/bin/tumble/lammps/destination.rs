//! The folder of the plugin.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tumble_lammps::lammps_build::LammpsBuild;

/// Returns the folder for the plugin of a build of LAMMPS: the given one, the first of LAMMPS_PLUGIN_PATH, which that
/// LAMMPS searches, or one of its own in the user's data.
pub fn folder(given: Option<&Path>, build: &LammpsBuild) -> PathBuf {
    let given = given.map(Path::to_path_buf).or_else(|| first(&variable("LAMMPS_PLUGIN_PATH")?));
    given.unwrap_or_else(|| data(variable("XDG_DATA_HOME"), variable("HOME")).join("tumble/lammps").join(name(build)))
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn first(list: &OsString) -> Option<PathBuf> {
    env::split_paths(list).find(|folder| !folder.as_os_str().is_empty())
}

/// Returns the folder for data, by the convention of the XDG base directories.
fn data(xdg: Option<OsString>, home: Option<OsString>) -> PathBuf {
    let xdg = xdg.map(PathBuf::from).filter(|folder| folder.is_absolute());
    xdg.unwrap_or_else(|| PathBuf::from(home.unwrap_or_default()).join(".local/share"))
}

/// Name of the folder of a build: several LAMMPS of a user have one each.
fn name(build: &LammpsBuild) -> String {
    let integers = build.integers.name().unwrap_or("").trim_start_matches("LAMMPS_").to_lowercase();
    let id = build.build_id.as_ref().and_then(|id| id.get(..8)).map(|id| format!("-{id}")).unwrap_or_default();
    format!("{}-{integers}-{}{id}", build.version.to_string().replace(' ', ""), build.mpi.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_folder_is_taken() {
        let build = "version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi".parse().unwrap();
        assert_eq!(folder(Some(Path::new("here")), &build), PathBuf::from("here"));
    }

    #[test]
    fn builds_have_folders_of_their_own() {
        let text = "version=20260704 integers=LAMMPS_BIGBIG mpi=openmpi";
        assert_eq!(name(&text.parse().unwrap()), "4Jul2026-bigbig-openmpi");
        let with_id = format!("{text} build-id=0123456789abcdef");
        assert_eq!(name(&with_id.parse().unwrap()), "4Jul2026-bigbig-openmpi-01234567");
    }

    #[test]
    fn folders_come_from_the_environment() {
        assert_eq!(first(&":/a:/b".into()), Some("/a".into()));
        let home = || Some("/home/me".into());
        assert_eq!(data(None, home()), PathBuf::from("/home/me/.local/share"));
        assert_eq!(data(Some("relative".into()), home()), PathBuf::from("/home/me/.local/share"));
        assert_eq!(data(Some("/data".into()), home()), PathBuf::from("/data"));
    }
}
