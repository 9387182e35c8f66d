//! How a LAMMPS gets at a model: as it is, with a plugin that is there or to be compiled, or through `fix ipi`.

use super::finding::Finding;
use super::lammps::Lammps;

const CHECK: &str = "way to run";

/// Returns the way of this LAMMPS. `input` loads the plugin, if there is one that LAMMPS accepts.
pub fn finding(lammps: &Lammps, input: Option<&str>) -> Finding {
    match input {
        Some("") => Finding::ok(CHECK, "pair_style tumble, in any input of this LAMMPS"),
        Some(load) => Finding::ok(CHECK, format!("`{}` in the input, then pair_style tumble", load.trim())),
        None => without_plugin(lammps.ipi, crate::lammps::remedy(&lammps.place).map_err(|error| error.to_string())),
    }
}

/// `command` compiles the plugin; or why there is none.
fn without_plugin(ipi: bool, command: Result<String, String>) -> Finding {
    match command {
        Ok(command) => Finding::note(CHECK, "compile the plugin for this LAMMPS, in about a minute").remedy(command),
        Err(_) if ipi => {
            Finding::note(CHECK, "fix ipi in this LAMMPS, and tumble ipi beside it: no plugin fits it yet")
                .remedy("tumble ipi --help")
        }
        Err(reason) => {
            Finding::note(CHECK, "none: no plugin fits this LAMMPS yet, and it has no fix ipi (package MISC)")
                .remedy(reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lammps_has_its_way() {
        let way = |ipi, command: Result<&str, &str>| {
            let found = without_plugin(ipi, command.map(Into::into).map_err(Into::into));
            (found.found, found.remedy.unwrap())
        };
        let built = way(true, Ok("tumble lammps build"));
        assert_eq!(built.0, "compile the plugin for this LAMMPS, in about a minute");
        assert_eq!(built.1, "tumble lammps build");
        let through = way(true, Err("no compiler"));
        assert_eq!(through.0, "fix ipi in this LAMMPS, and tumble ipi beside it: no plugin fits it yet");
        let none = way(false, Err("no compiler"));
        assert_eq!(none.0, "none: no plugin fits this LAMMPS yet, and it has no fix ipi (package MISC)");
        assert_eq!(none.1, "no compiler");
    }
}
