//! Families of MPI implementations: their members share the binary interface, and can start each other's programs.

/// A family of MPI implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MpiFamily {
    /// MPICH and implementations with its binary interface: Intel MPI, MVAPICH, Cray MPICH.
    Mpich,
    /// Open MPI.
    OpenMpi,
    /// LAMMPS' stubs for machines without MPI.
    Stubs,
    /// Any other.
    Unknown,
}

impl MpiFamily {
    const ALL: [Self; 4] = [Self::Mpich, Self::OpenMpi, Self::Stubs, Self::Unknown];

    /// Recognizes the family from the output of `lmp -h`, `mpiexec --version` or `MPI_Get_library_version`.
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

    /// Returns the name for users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mpich => "MPICH or compatible",
            Self::OpenMpi => "Open MPI",
            Self::Stubs => "one rank, without MPI",
            Self::Unknown => "an unknown MPI",
        }
    }

    /// Returns the word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mpich => "mpich",
            Self::OpenMpi => "openmpi",
            Self::Stubs => "stubs",
            Self::Unknown => "unknown",
        }
    }

    /// Parses the word in files.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.word() == word)
    }

    /// Returns whether code compiled for one may run with the other, as far as they are known.
    pub fn fits(self, other: Self) -> bool {
        self == other || self == Self::Unknown || other == Self::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_recognized_from_the_output_of_programs() {
        for (text, family) in [
            ("MPI v5.0: MPICH Version:      5.0.2", MpiFamily::Mpich),
            ("HYDRA build details:\n    Version:  5.0.2", MpiFamily::Mpich),
            ("Intel(R) MPI Library for Linux* OS, Version 2021.11", MpiFamily::Mpich),
            ("mpiexec (OpenRTE) 4.1.4", MpiFamily::OpenMpi),
            ("MPI v3.1: Open MPI v4.1.4, package: Debian", MpiFamily::OpenMpi),
            ("MPI v1.0: LAMMPS MPI STUBS for LAMMPS version 22 Jul 2025", MpiFamily::Stubs),
            ("srun 23.02", MpiFamily::Unknown),
        ] {
            assert_eq!(MpiFamily::of(text), family, "{text}");
        }
    }

    #[test]
    fn families_have_words_and_fit_themselves_and_unknown_ones() {
        for family in MpiFamily::ALL {
            assert_eq!(MpiFamily::of_word(family.word()), Some(family));
            assert!(family.fits(family) && family.fits(MpiFamily::Unknown));
        }
        assert!(!MpiFamily::Mpich.fits(MpiFamily::OpenMpi));
    }
}
