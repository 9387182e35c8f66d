//! MPI: the implementation of mpiexec, and whether LAMMPS was compiled for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::finding::Finding;
use super::lammps::Lammps;
use super::program::{self, path};

/// A family of MPI implementations: its members can start each other's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// MPICH and implementations with its binary interface: Intel MPI, MVAPICH, Cray MPICH.
    Mpich,
    OpenMpi,
    /// LAMMPS' stubs for machines without MPI.
    Stubs,
    Unknown,
}

impl Family {
    /// Recognizes the family from the output of `lmp -h` or `mpiexec --version`.
    pub fn of(text: &str) -> Self {
        let names = |known: &[&str]| known.iter().any(|name| text.contains(name));
        if names(&["STUBS"]) {
            Self::Stubs
        } else if names(&["Open MPI", "OpenRTE", "PRRTE"]) {
            Self::OpenMpi
        } else if names(&["MPICH", "HYDRA", "Intel(R) MPI", "MVAPICH"]) {
            Self::Mpich
        } else {
            Self::Unknown
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Mpich => "MPICH or compatible",
            Self::OpenMpi => "Open MPI",
            Self::Stubs => "one rank, without MPI",
            Self::Unknown => "an unknown MPI",
        }
    }
}

/// Creates a box, so that LAMMPS prints its grid of ranks.
const INPUT: &str = "region b block 0 1 0 1 0 1\ncreate_box 1 b\n";

/// Starts LAMMPS on two ranks. With `given`, the user has named this LAMMPS, and the mpiexec beside it is preferred.
pub fn finding(lammps: Option<&Lammps>, given: bool) -> Finding {
    if lammps.is_some_and(|lammps| lammps.mpi == Family::Stubs) {
        return Finding::note("mpi", "this LAMMPS was built without MPI: it runs on one rank")
            .remedy(super::lammps::INSTALL);
    }
    let beside = lammps.and_then(|lammps| lammps.program.parent()).map(Path::to_path_buf);
    let mut folders = path();
    folders.insert(if given { 0 } else { folders.len() }, beside.unwrap_or_default());
    match program::find("mpiexec", folders.into_iter().filter(|folder| folder.is_absolute())) {
        Some(mpiexec) => with(&mpiexec, lammps),
        None => Finding::note("mpi", "no mpiexec: LAMMPS runs on one rank").remedy(advice(lammps)),
    }
}

fn with(mpiexec: &PathBuf, lammps: Option<&Lammps>) -> Finding {
    let family =
        program::run(Command::new(mpiexec).arg("--version"), "").map_or(Family::Unknown, |said| Family::of(&said.text));
    let here = format!("{} of {}", mpiexec.display(), family.name());
    let Some(lammps) = lammps else { return Finding::ok("mpi", here) };
    let said = program::run(Command::new(mpiexec).args(["-n", "2"]).arg(&lammps.program).args(["-log", "none"]), INPUT);
    let problem = |found: String| Finding::problem("mpi", found).remedy(advice(Some(lammps)));
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

fn advice(lammps: Option<&Lammps>) -> &'static str {
    match lammps.map(|lammps| lammps.mpi) {
        Some(Family::OpenMpi) => "use the mpiexec of the Open MPI that LAMMPS was compiled with, first in PATH",
        Some(Family::Mpich) => "pip install mpich     # in the environment of LAMMPS, with its bin first in PATH",
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
    fn families_are_recognized_from_the_output_of_programs() {
        for (text, family) in [
            ("MPI v5.0: MPICH Version:      5.0.2", Family::Mpich),
            ("HYDRA build details:\n    Version:  5.0.2", Family::Mpich),
            ("Intel(R) MPI Library for Linux* OS, Version 2021.11", Family::Mpich),
            ("mpiexec (OpenRTE) 4.1.4", Family::OpenMpi),
            ("MPI v3.1: Open MPI v4.1.4, package: Debian", Family::OpenMpi),
            ("MPI v1.0: LAMMPS MPI STUBS for LAMMPS version 22 Jul 2025", Family::Stubs),
            ("srun 23.02", Family::Unknown),
        ] {
            assert_eq!(Family::of(text), family, "{text}");
        }
    }

    #[test]
    fn ranks_are_counted() {
        assert_eq!(ranks("Created box\n  1 by 1 by 2 MPI processor grid\n"), Some(2));
        assert_eq!(ranks("  1 by 1 by 1 MPI processor grid\n  1 by 1 by 1 MPI processor grid"), Some(1));
        assert_eq!(ranks("nothing"), None);
    }
}
