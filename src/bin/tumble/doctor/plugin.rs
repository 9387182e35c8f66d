//! The LAMMPS plugin: its location, the build of LAMMPS that it needs, and whether LAMMPS loads it.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tumble_lammps::lammps_build::LammpsBuild;

use super::finding::Finding;
use super::lammps::{INSTALL, Lammps};
use super::load_failure;

/// A plugin of tumble.
struct Plugin {
    file: PathBuf,
    /// The LAMMPS that it was built for.
    build: LammpsBuild,
}

/// Printed by LAMMPS if the pair style exists.
const THERE: &str = "tumble: there";

/// Returns the finding and, if LAMMPS loads the plugin, the input for it: empty if LAMMPS finds the plugin by itself.
pub fn find(lammps: Option<&Lammps>) -> (Finding, Option<String>) {
    let plugin = search();
    match lammps {
        Some(lammps) if lammps.plugins => tried(lammps, plugin.as_ref()),
        Some(lammps) => (without_package(lammps, plugin.as_ref()), None),
        None => (unused(plugin.as_ref()), None),
    }
}

/// Searches the folders of LAMMPS_PLUGIN_PATH as LAMMPS does, then the folder of this program.
fn search() -> Option<Plugin> {
    let listed = env::var_os("LAMMPS_PLUGIN_PATH").unwrap_or_default();
    let listed = env::split_paths(&listed).flat_map(|folder| files(&folder, "plugin.so"));
    let folder = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf));
    let beside = folder.map(|folder| folder.join("tumbleplugin.so"));
    listed.chain(beside).find_map(|file| Some(Plugin { build: LammpsBuild::of_plugin(&file)?, file }))
}

/// Files in a folder with this ending, sorted by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let ends =
        |file: &PathBuf| file.file_name().map(OsStr::as_bytes).is_some_and(|name| name.ends_with(ending.as_bytes()));
    let mut files: Vec<_> = entries.filter(ends).collect();
    files.sort();
    files
}

fn unused(plugin: Option<&Plugin>) -> Finding {
    match plugin {
        Some(plugin) => Finding::note("lammps plugin", format!("{}, but there is no LAMMPS to load it", plugin.text())),
        None => Finding::note("lammps plugin", NOWHERE).remedy("tumble lammps build --lammps <your LAMMPS>"),
    }
}

const NOWHERE: &str = "none in LAMMPS_PLUGIN_PATH, nor beside this program";

fn without_package(lammps: &Lammps, plugin: Option<&Plugin>) -> Finding {
    let found = format!("{} has no package PLUGIN, so it cannot load plugins", lammps.program.display());
    let remedy = format!(
        "{INSTALL}, or build LAMMPS with cmake -D PKG_PLUGIN=on -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on, or run tumble \
         ipi for the fix ipi of this one"
    );
    let finding = if plugin.is_some() { Finding::problem } else { Finding::note };
    finding("lammps plugin", found).remedy(remedy)
}

fn tried(lammps: &Lammps, plugin: Option<&Plugin>) -> (Finding, Option<String>) {
    let here = plugin.map_or_else(|| "from its Python environment".into(), Plugin::text);
    let alone = match taken(lammps, "") {
        Ok(()) => {
            let found = format!("{here}: LAMMPS loads it by itself");
            return (Finding::ok("lammps plugin", found), Some(String::new()));
        }
        Err(complaint) => complaint,
    };
    let Some(plugin) = plugin else { return (not_there(lammps, &alone), None) };
    let input = format!("plugin load \"{}\"\n", plugin.file.display());
    match taken(lammps, &input) {
        Ok(()) => (Finding::ok("lammps plugin", format!("{here}: LAMMPS loads it by `plugin load`")), Some(input)),
        Err(complaint) => (refused(lammps, &format!("{here}: {complaint}")), None),
    }
}

/// A missing plugin is a note; a plugin that LAMMPS finds and refuses is a problem, wherever it is.
fn not_there(lammps: &Lammps, complaint: &str) -> Finding {
    if complaint.contains("Unrecognized pair style") {
        return Finding::note("lammps plugin", NOWHERE).remedy(rebuild(lammps));
    }
    refused(lammps, complaint)
}

fn refused(lammps: &Lammps, found: &str) -> Finding {
    Finding::problem("lammps plugin", found).remedy(load_failure::remedy(found).unwrap_or_else(|| rebuild(lammps)))
}

/// Returns the command that builds the plugin for this LAMMPS, or what is missing for it.
fn rebuild(lammps: &Lammps) -> String {
    crate::lammps::remedy(&lammps.place).unwrap_or_else(|error| error.to_string())
}

/// Succeeds if LAMMPS has the pair style after this input; else returns its error.
fn taken(lammps: &Lammps, input: &str) -> Result<(), String> {
    let said = lammps.run(&format!("{input}pair_style tumble\nprint \"{THERE}\"\n"))?;
    let there = said.success && said.text.lines().any(|line| line.trim() == THERE);
    if there { Ok(()) } else { Err(said.complaint()) }
}

impl Plugin {
    fn text(&self) -> String {
        format!("{}, built for LAMMPS {}", self.file.display(), self.build.describe())
    }
}
