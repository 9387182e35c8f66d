//! What a simulation asks of the force server, and how it is written.

use std::time::Duration;

use tumble_core::elements::symbol;
use tumble_core::error::{Error, Result};
use tumble_core::potential::Forces;
use tumble_core::settings::Door;
use tumble_core::settings::door::{listed, names};

use crate::init::{check_once, pairs};
use crate::options::STEP;

/// What an option can be beside settings: species are given apart, and structures come one by one.
const EXTRA_KEYS: [(u8, &str); 2] = [STEP, (u8::MAX, "token")];

/// What a simulation wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// `[N]`, atomic numbers, in the order of the positions.
    pub species: Vec<u8>,
    /// The mitigation, as [`tumble_core::Mitigation`] reads it; `None`, here and below: as the server was started.
    pub rotate: Option<String>,
    /// Whether every rotation comes with its inversion.
    pub inversion: Option<bool>,
    /// Of the random rotations.
    pub seed: Option<u64>,
    /// Sets simulations with one seed apart.
    pub stream: u16,
    /// Number of the first structure; it counts up by one with every structure and chooses the random rotations.
    pub step: u64,
    /// Kind of forces.
    pub forces: Option<Forces>,
    /// Whether only the difference between averaged and bare model is wanted.
    pub correction: Option<bool>,
    /// The secret of a server that asks for one.
    pub token: Option<String>,
    /// How long an answer may take; `None`: forever.
    pub timeout: Option<Duration>,
}

impl ClientSettings {
    /// All but the species, as an `INIT` has it.
    ///
    /// # Errors
    /// [`Error::Argument`] for a value that would end early on its way.
    pub fn options(&self) -> Result<String> {
        let rotate = self.rotate.as_deref().map(|rotate| whole("rotate", rotate)).transpose()?;
        let token = self.token.as_deref().map(|token| whole("token", token)).transpose()?;
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

/// A value that has neither of what ends one. The text stays out of the message: it may be secret.
fn whole<'a>(name: &'static str, value: &'a str) -> Result<&'a str> {
    if value.is_empty() || value.trim() != value || value.contains([',', '\n', '\0']) {
        let problem = "is empty, or has a comma, a line break or spaces around it: leave these out".into();
        return Err(Error::Argument { name, problem });
    }
    Ok(value)
}

/// Refuses keys that are no options of a client, and those that are given twice.
///
/// # Errors
/// [`Error::Argument`].
pub fn check_options(text: &str) -> Result<()> {
    let refused = |sentence| Error::Argument { name: "options", problem: format!("cannot be used: {sentence}") };
    check_once(text).map_err(|error| refused(error.to_string()))?;
    let keys = names(Door::Session, &EXTRA_KEYS);
    match pairs(text).find(|(key, _)| !keys.contains(key)) {
        None => Ok(()),
        Some((key, _)) => Err(refused(format!("the key \"{key}\" is unknown: the keys are {}", listed(&keys)))),
    }
}

/// Refuses atomic numbers without an element.
///
/// # Errors
/// [`Error::Argument`].
pub fn check_species(species: &[u8]) -> Result<()> {
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
    fn a_value_that_would_end_early_is_refused_and_a_token_not_shown() {
        let settings = ClientSettings { token: Some("a, correction: yes".into()), ..ClientSettings::default() };
        let expected = "the argument token is empty, or has a comma, a line break or spaces around it: leave these out";
        assert_eq!(settings.options().unwrap_err().to_string(), expected);
    }

    #[test]
    fn keys_that_are_no_options_or_come_twice_are_refused() {
        check_options(
            "rotate: none, inversion: no, seed: 1, stream: 2, step: 3, forces: direct, correction: no, token: a",
        )
        .unwrap();
        check_options(" ").unwrap();
        let keys = "rotate, inversion, seed, stream, step, forces, correction and token";
        for key in ["species", "batch_size", "beads", "rotation", "threads"] {
            let expected =
                format!("the argument options cannot be used: the key \"{key}\" is unknown: the keys are {keys}");
            assert_eq!(check_options(&format!("seed: 1, {key}: 3")).unwrap_err().to_string(), expected);
        }
        let expected = "the argument options cannot be used: the key \"seed\" is given twice: leave one of them out";
        assert_eq!(check_options("seed: 1, seed: 2").unwrap_err().to_string(), expected);
    }

    #[test]
    fn species_that_are_not_elements_are_refused() {
        let error = |species: &[u8]| check_species(species).unwrap_err().to_string();
        assert_eq!(error(&[8, 0]), "the argument species has 0 for atom 2: give numbers from 1 to 118");
        assert_eq!(error(&[]), "the argument species is empty: give the atomic number of each atom");
    }
}
