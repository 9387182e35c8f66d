//! One setting, and how a text becomes its value.

use crate::error::{Error, Result};
use crate::quadrature::Mitigation;
use crate::settings::{Frontend, Settings, Value};

/// One setting, as its users know it.
#[derive(Debug)]
pub struct Setting {
    /// The word before the value; with `--` on the command line.
    pub name: &'static str,
    /// The frontends that accept it, each with its place in the lists of that frontend: help, and sentences that name all.
    pub frontends: &'static [(Frontend, u8)],
    /// What may be given.
    pub value: Value,
    /// What stands for the value in help: `N`, `MB`.
    pub placeholder: &'static str,
    /// What it does, as help says it.
    pub help: &'static str,
    /// Its value as a user would write it, if there is one.
    pub show: fn(&Settings) -> Option<String>,
}

impl Setting {
    /// Takes in what was written after the name. A number may be out of its range, which [`Settings::check`] refuses.
    /// An inversion that is there stays beside new rotations.
    ///
    /// # Errors
    /// [`Error::KeywordValue`] for a text that is not in the grammar; for a mitigation [`Error::Mitigation`] and
    /// [`Error::GridOrder`].
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<()> {
        if let Value::Mitigation = self.value {
            return settings.rotate(text);
        }
        let (keyword, found, expected) = (self.name, text.into(), self.value.words());
        self.value.set(settings, text).ok_or(Error::KeywordValue { keyword, found, expected })
    }

    /// Refuses what is not in the grammar, as `key: value` pairs do; a mitigation is looked at when it is set.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self, text: &str) -> Result<(), String> {
        match self.value.accepts(text) {
            true => Ok(()),
            false => Err(format!("{} is \"{text}\": give {}", self.name, self.value.words())),
        }
    }

    /// The place in the lists of a frontend, if that accepts it.
    pub(super) fn place(&self, frontend: Frontend) -> Option<u8> {
        self.frontends.iter().find(|(accepts, _)| *accepts == frontend).map(|(_, place)| *place)
    }
}

impl Settings {
    /// An inversion that was asked for stays, as does a grid that is there already: large ones take a second.
    fn rotate(&mut self, text: &str) -> Result<()> {
        if text != self.mitigation.name() {
            let found: Mitigation = text.parse()?;
            let inversion = found.inversion() || self.mitigation.inversion();
            self.mitigation = found.with_inversion(inversion);
        }
        Ok(())
    }
}
