//! Front ends, and the settings that each of them accepts.

use crate::settings::table::SETTINGS;
use crate::settings::{Given, Setting};

/// A front end: a place where users write settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frontend {
    /// The options of C, Fortran and Python for a model to be loaded.
    CApi,
    /// The `INIT` message of a simulation, for a model that a server has loaded.
    Init,
    /// `pair_style tumble` in LAMMPS.
    Lammps,
    /// The command line of commands that average over rotations.
    Averaging,
    /// The command line of all commands that run a model.
    Running,
    /// The command line of `tumble ipi` alone.
    Ipi,
}

/// Returns the settings that a front end accepts, in its order.
pub fn accepted(frontend: Frontend) -> Vec<&'static Setting> {
    let mut found: Vec<_> = SETTINGS.iter().filter_map(|setting| Some((setting.place(frontend)?, setting))).collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, setting)| setting).collect()
}

/// Finds a setting by its name; `None` if the front end does not accept it.
pub fn find(frontend: Frontend, name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name && setting.place(frontend).is_some())
}

/// Returns the names that a front end accepts, in its order. `own` are names of its own, each with its place among
/// them.
pub fn names(frontend: Frontend, own: &[(u8, &'static str)]) -> Vec<&'static str> {
    let settings = SETTINGS.iter().filter_map(|setting| Some((setting.place(frontend)?, setting.name)));
    let mut all: Vec<_> = settings.chain(own.iter().copied()).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, name)| name).collect()
}

/// Reads a setting from its name and the text of its value; `None` if the front end does not accept the name.
///
/// # Errors
/// The sentence of [`Setting::check`].
pub fn given<'a>(frontend: Frontend, name: &str, text: &'a str) -> Result<Option<Given<'a>>, String> {
    let Some(setting) = find(frontend, name) else { return Ok(None) };
    setting.check(text).map_err(|error| error.to_string())?;
    Ok(Some((setting, text)))
}

/// Lists names in a sentence, as in "a, b and c".
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
