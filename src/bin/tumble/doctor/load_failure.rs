//! Why the system cannot load a plugin into LAMMPS, and what to do about it.

/// Part of the loader's sentence, and the remedy.
const REMEDIES: [(&str, &str); 5] = [
    (
        "failed to map segment",
        "its file system is mounted noexec: put the plugin elsewhere, with tumble lammps build --output FOLDER",
    ),
    (
        "`GLIBC_",
        "it comes from a newer system: run tumble lammps build where LAMMPS runs, on a compute node if need be",
    ),
    (
        "`GLIBCXX_",
        "load the module of the compiler that compiled it, or compile it with that of LAMMPS: CXX=... tumble lammps build",
    ),
    ("libtumble_lammps.so", "tumble was moved or removed since then: run tumble lammps build again"),
    ("cannot open shared object file", "load the modules with which LAMMPS was compiled: module list shows yours"),
];

/// Returns the remedy if the system refused to load the file; `None` if LAMMPS or tumble did.
pub fn remedy(complaint: &str) -> Option<String> {
    let known = REMEDIES.iter().find(|(part, _)| complaint.contains(part));
    known.map(|(_, remedy)| (*remedy).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_the_loader_have_their_remedies() {
        for (complaint, expected) in [
            ("p.so: failed to map segment from shared object", "its file system is mounted noexec: "),
            ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by p.so)", "it comes from a newer system: "),
            ("libstdc++.so.6: version `GLIBCXX_3.4.32' not found", "load the module of the compiler "),
            ("libtumble_lammps.so: cannot open shared object file: No such file", "tumble was moved or removed "),
            ("libmpi.so.40: cannot open shared object file: No such file", "load the modules with which LAMMPS "),
        ] {
            assert!(remedy(complaint).unwrap().starts_with(expected), "{complaint}");
        }
        assert_eq!(remedy("the tumble plugin was built for another LAMMPS than this one"), None);
    }
}
