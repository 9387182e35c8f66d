//! MPI: the implementation of mpiexec, and whether LAMMPS was compiled for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tumble_lammps::mpi_family::MpiFamily;

use super::finding::Finding;
use super::job;
use super::lammps::Lammps;
use crate::program::{self, path};

/// Creates a box, so that LAMMPS prints its grid of ranks.
const INPUT: &str = "region b block 0 1 0 1 0 1\ncreate_box 1 b\n";

/// Starts LAMMPS on two ranks. With `given`, the user has named this LAMMPS, and the mpiexec beside it is preferred.
pub fn finding(lammps: Option<&Lammps>, given: bool) -> Finding {
    if lammps.is_some_and(|lammps| lammps.mpi == MpiFamily::Stubs) {
        return Finding::note("mpi", "this LAMMPS was built without MPI: it runs on one rank")
            .remedy(super::lammps::INSTALL);
    }
    let beside = lammps.and_then(|lammps| lammps.program.parent()).map(Path::to_path_buf);
    let mut folders = path();
    folders.insert(if given { 0 } else { folders.len() }, beside.unwrap_or_default());
    let find = |name| program::find(name, folders.iter().filter(|folder| folder.is_absolute()).cloned());
    // In a job, clusters without an mpiexec start ranks by srun; elsewhere it would wait for one.
    match find("mpiexec").or_else(|| if job::is_slurm() { find("srun") } else { None }) {
        Some(launcher) => with(&launcher, lammps),
        None => Finding::note("mpi", "no mpiexec: LAMMPS runs on one rank").remedy(advice(lammps)),
    }
}

fn with(mpiexec: &PathBuf, lammps: Option<&Lammps>) -> Finding {
    let family = program::run(Command::new(mpiexec).arg("--version"), "")
        .map_or(MpiFamily::Unknown, |said| MpiFamily::of(&said.text));
    let srun = mpiexec.ends_with("srun");
    let here = if srun { mpiexec.display().to_string() } else { format!("{} of {}", mpiexec.display(), family.name()) };
    let Some(lammps) = lammps else { return Finding::ok("mpi", here) };
    let said = program::run(Command::new(mpiexec).args(["-n", "2"]).arg(&lammps.program).args(["-log", "none"]), INPUT);
    let advice = if srun { of_srun(lammps.mpi) } else { advice(Some(lammps)) };
    let problem = |found: String| Finding::problem("mpi", found).remedy(advice);
    match said.map(|said| (ranks(&said.text), said)) {
        Ok((Some(2), _)) => Finding::ok("mpi", format!("{here}: two ranks of LAMMPS work together")),
        Ok((Some(1), _)) => {
            let theirs = lammps.mpi.name();
            let found = "starts LAMMPS twice on one rank, instead of on two ranks: it was built for";
            problem(format!("{here} {found} {theirs}"))
        }
        Ok((_, said)) => problem(format!("{here} cannot start LAMMPS on two ranks: {}", said.complaint())),
        Err(cause) => problem(cause),
    }
}

/// How srun starts the ranks of an MPI.
fn of_srun(family: MpiFamily) -> &'static str {
    match family {
        MpiFamily::OpenMpi => "srun --mpi=pmix, or what srun --mpi=list has for Open MPI: else each rank is alone",
        _ => "srun --mpi=pmi2, or what srun --mpi=list has for the MPI of LAMMPS: else each rank is alone",
    }
}

fn advice(lammps: Option<&Lammps>) -> &'static str {
    match lammps.map(|lammps| lammps.mpi) {
        Some(MpiFamily::OpenMpi) => "use the mpiexec of the Open MPI that LAMMPS was compiled with, first in PATH",
        Some(MpiFamily::Mpich) => "pip install mpich     # in the environment of LAMMPS, with its bin first in PATH",
        _ => "use the mpiexec of the MPI that LAMMPS was compiled with, first in PATH",
    }
}

/// Number of ranks in the line "1 by 1 by 2 MPI processor grid".
fn ranks(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.trim().strip_suffix(" MPI processor grid"))?;
    line.split(" by ").map(|number| number.trim().parse::<usize>().ok()).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted() {
        assert_eq!(ranks("Created box\n  1 by 1 by 2 MPI processor grid\n"), Some(2));
        assert_eq!(ranks("  1 by 1 by 1 MPI processor grid\n  1 by 1 by 1 MPI processor grid"), Some(1));
        assert_eq!(ranks("nothing"), None);
    }
}
