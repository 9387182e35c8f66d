//! The options of a client, and their text in the `INIT`.

use std::time::Duration;

use tumble_core::echo::echo;
use tumble_core::elements::symbol;
use tumble_core::error::{Error, Result};
use tumble_core::potential::Forces;
use tumble_core::settings::Frontend;
use tumble_core::settings::frontend::{listed, names};

use crate::init::{check_once, pairs};
use crate::options::STEP;

/// Keys other than settings, with their positions in the list of keys; the species are given apart, and structures are
/// sent one by one.
const EXTRA_KEYS: [(u8, &str); 2] = [STEP, (u8::MAX, "token")];

/// Options of a simulation; `None`: the server's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// Atomic numbers `[N]`, in the order of the positions.
    pub species: Vec<u8>,
    /// The mitigation, in the syntax of [`tumble_core::Mitigation`].
    pub rotate: Option<String>,
    /// Whether to add the inversion of each rotation.
    pub inversion: Option<bool>,
    /// Seed of the random rotations.
    pub seed: Option<u64>,
    /// Simulations of the same seed draw independent rotations if their streams differ.
    pub stream: u16,
    /// Step number of the first structure; each structure increases it by one. It selects the random rotations.
    pub step: u64,
    /// Kind of forces.
    pub forces: Option<Forces>,
    /// Whether to return averaged minus bare.
    pub correction: Option<bool>,
    /// The server's token, if it requires one.
    pub token: Option<String>,
    /// The longest wait for an answer; `None`: forever.
    pub timeout: Option<Duration>,
}

impl ClientSettings {
    /// The options as text of an `INIT`, without the species.
    ///
    /// # Errors
    /// [`Error::Argument`] for a value with a separator in it.
    pub fn options(&self) -> Result<String> {
        let rotate = self.rotate.as_deref().map(|rotate| check_value("rotate", rotate)).transpose()?;
        let token = self.token.as_deref().map(|token| check_value("token", token)).transpose()?;
        let pairs = [
            ("rotate", rotate.map(String::from)),
            ("inversion", self.inversion.map(yes_or_no)),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("stream", Some(self.stream.to_string())),
            ("step", Some(self.step.to_string())),
            ("correction", self.correction.map(yes_or_no)),
            ("forces", self.forces.map(|forces| forces.name().into())),
            ("token", token.map(String::from)),
        ];
        let given = pairs.into_iter().filter_map(|(key, value)| value.map(|value| format!("{key}: {value}")));
        Ok(given.collect::<Vec<_>>().join(", "))
    }
}

fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

/// Refuses a value that the `INIT` would cut short. The error hides the value: it may be secret.
fn check_value<'a>(name: &'static str, value: &'a str) -> Result<&'a str> {
    if value.is_empty() || value.trim() != value || value.contains([',', '\n', '\0']) {
        let problem = "is empty, or has a comma, a line break or spaces around it: leave these out".into();
        return Err(Error::Argument { name, problem });
    }
    Ok(value)
}

/// Refuses unknown keys, and keys given twice.
///
/// # Errors
/// [`Error::Argument`].
pub fn check_options(text: &str) -> Result<()> {
    let refused = |sentence| Error::Argument { name: "options", problem: format!("cannot be used: {sentence}") };
    check_once(text).map_err(|error| refused(error.to_string()))?;
    let keys = names(Frontend::Init, &EXTRA_KEYS);
    match pairs(text).find(|(key, _)| !keys.contains(key)) {
        None => Ok(()),
        Some((key, _)) => Err(refused(format!("the key \"{}\" is unknown: the keys are {}", echo(key), listed(&keys)))),
    }
}

/// Refuses an empty list, and atomic numbers without an element.
///
/// # Errors
/// [`Error::Argument`].
pub fn check_atomic_numbers(species: &[u8]) -> Result<()> {
    let refused = |problem| Err(Error::Argument { name: "species", problem });
    if species.is_empty() {
        return refused("is empty: give the atomic number of each atom".into());
    }
    match species.iter().position(|&z| symbol(z) == "X") {
        None => Ok(()),
        Some(atom) => refused(format!("has {} for atom {}: give numbers from 1 to 118", species[atom], atom + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_pairs_with_commas_between() {
        let plain = "stream: 0, step: 0";
        assert_eq!(ClientSettings::default().options().unwrap(), plain);
        let settings = ClientSettings {
            rotate: Some("octahedral".into()),
            inversion: Some(true),
            seed: Some(1),
            stream: 2,
            step: 3,
            forces: Some(Forces::Direct),
            correction: Some(true),
            token: Some("open sesame".into()),
            ..ClientSettings::default()
        };
        let full = "rotate: octahedral, inversion: yes, seed: 1, stream: 2, step: 3, correction: yes, forces: direct, \
                    token: open sesame";
        assert_eq!(settings.options().unwrap(), full);
    }

    #[test]
    fn value_with_a_separator_is_refused_and_not_shown() {
        let settings = ClientSettings { token: Some("a, correction: yes".into()), ..ClientSettings::default() };
        let expected = "the argument token is empty, or has a comma, a line break or spaces around it: leave these out";
        assert_eq!(settings.options().unwrap_err().to_string(), expected);
    }

    #[test]
    fn unknown_and_repeated_keys_are_refused() {
        check_options(
            "rotate: none, inversion: no, seed: 1, stream: 2, step: 3, forces: direct, correction: no, token: a",
        )
        .unwrap();
        check_options(" ").unwrap();
        let keys = "rotate, inversion, seed, stream, step, forces, correction, charge, spin, field and token";
        for key in ["species", "batch_size", "beads", "rotation", "threads"] {
            let expected =
                format!("the argument options cannot be used: the key \"{key}\" is unknown: the keys are {keys}");
            assert_eq!(check_options(&format!("seed: 1, {key}: 3")).unwrap_err().to_string(), expected);
        }
        let expected = "the argument options cannot be used: the key \"seed\" is given twice: leave one of them out";
        assert_eq!(check_options("seed: 1, seed: 2").unwrap_err().to_string(), expected);
    }

    #[test]
    fn species_without_an_element_are_refused() {
        let error = |species: &[u8]| check_atomic_numbers(species).unwrap_err().to_string();
        assert_eq!(error(&[8, 0]), "the argument species has 0 for atom 2: give numbers from 1 to 118");
        assert_eq!(error(&[]), "the argument species is empty: give the atomic number of each atom");
    }
}
