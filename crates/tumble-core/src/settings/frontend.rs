//! Where settings are given, and what each of these frontends accepts.

use crate::settings::table::SETTINGS;
use crate::settings::{Given, Setting};

/// Where settings are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frontend {
    /// The options of C, Fortran and Python, for a model that is still to be loaded.
    CApi,
    /// The `INIT` of a simulation, for a model that runs already.
    Init,
    /// `pair_style tumble`.
    Lammps,
    /// The command line, of commands that average over rotations.
    Averaging,
    /// The command line, of all commands that run a model.
    Running,
    /// The command line, of `tumble ipi` only.
    Ipi,
}

/// The settings that a frontend accepts, in its order.
pub fn accepted(frontend: Frontend) -> Vec<&'static Setting> {
    let mut found: Vec<_> = SETTINGS.iter().filter_map(|setting| Some((setting.place(frontend)?, setting))).collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, setting)| setting).collect()
}

/// The setting of a name, if the frontend accepts it.
pub fn find(frontend: Frontend, name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name && setting.place(frontend).is_some())
}

/// The names that a frontend accepts, in its order, with names of its own at their places among them.
pub fn names(frontend: Frontend, own: &[(u8, &'static str)]) -> Vec<&'static str> {
    let settings = SETTINGS.iter().filter_map(|setting| Some((setting.place(frontend)?, setting.name)));
    let mut all: Vec<_> = settings.chain(own.iter().copied()).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, name)| name).collect()
}

/// The pair of a name and a text, if the frontend accepts it and the text is in the grammar; `None` for another name.
///
/// # Errors
/// A sentence, as of [`Setting::check`].
pub fn given<'a>(frontend: Frontend, name: &str, text: &'a str) -> Result<Option<Given<'a>>, String> {
    let Some(setting) = find(frontend, name) else { return Ok(None) };
    setting.check(text)?;
    Ok(Some((setting, text)))
}

/// "a, b and c", the keys of a sentence.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
