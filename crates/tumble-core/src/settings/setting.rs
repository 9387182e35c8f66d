//! One setting: its name, grammar and help, and how it is set from a text.

use crate::error::{Error, Result};
use crate::quadrature::Mitigation;
use crate::settings::{Frontend, Settings, Value};

/// One setting, as users write it.
#[derive(Debug)]
pub struct Setting {
    /// Name: the word before the value, with `--` on the command line.
    pub name: &'static str,
    /// Front ends that accept it, each with the place of the setting in help and in sentences that list all settings.
    pub frontends: &'static [(Frontend, u8)],
    /// Grammar of the value.
    pub value: Value,
    /// Placeholder of the value in help: `N`, `MB`.
    pub placeholder: &'static str,
    /// Help text.
    pub help: &'static str,
    /// Returns the value as users write it; `None` if it is not set.
    pub show: fn(&Settings) -> Option<String>,
}

impl Setting {
    /// Sets the value from a text. A new `rotate` keeps the inversion set before.
    ///
    /// # Errors
    /// [`Error::SettingValue`] if the text is not in the grammar; for a mitigation the errors of its parser.
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<()> {
        if let Value::Mitigation = self.value {
            return settings.rotate(text);
        }
        self.check(text)?;
        self.value.set(settings, text).ok_or_else(|| self.refused(text))
    }

    /// Checks that the text is in the grammar, and a number in its range. A mitigation is checked when it is set.
    ///
    /// # Errors
    /// [`Error::SettingValue`].
    pub fn check(&self, text: &str) -> Result<()> {
        if self.value.accepts(text) { Ok(()) } else { Err(self.refused(text)) }
    }

    fn refused(&self, text: &str) -> Error {
        Error::SettingValue { name: self.name, found: text.into(), expected: self.value.words() }
    }

    /// Returns the place in the lists of a front end; `None` if it does not accept the setting.
    pub(super) fn place(&self, frontend: Frontend) -> Option<u8> {
        self.frontends.iter().find(|(accepts, _)| *accepts == frontend).map(|(_, place)| *place)
    }
}

impl Settings {
    /// Sets the rotations and keeps the inversion. An equal grid is not made again: large ones take a second.
    fn rotate(&mut self, text: &str) -> Result<()> {
        if text != self.mitigation.name() {
            let found: Mitigation = text.parse()?;
            let inversion = found.inversion() || self.mitigation.inversion();
            self.mitigation = found.with_inversion(inversion);
        }
        Ok(())
    }
}
