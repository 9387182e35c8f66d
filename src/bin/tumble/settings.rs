//! The table of settings as options of the command line.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use tumble_core::Result;
use tumble_core::Settings;
use tumble_core::settings::frontend::accepted;
use tumble_core::settings::{Frontend, Given, Setting, Value};

/// Options of a command for the settings of the front ends `D`, as given.
pub struct Options<D = Averaging> {
    given: Vec<(&'static Setting, String)>,
    frontends: PhantomData<D>,
}

/// A selection of settings.
pub trait Frontends {
    /// The front ends of these settings, in the order of the help.
    const FRONTENDS: &'static [Frontend];
}

/// Settings of commands that average over rotations.
pub struct Averaging;

/// Settings of all commands that run a model.
pub struct Running;

/// Settings of `tumble ipi` only.
pub struct Ipi;

impl Frontends for Averaging {
    const FRONTENDS: &'static [Frontend] = &[Frontend::Averaging, Frontend::Running];
}

impl Frontends for Running {
    const FRONTENDS: &'static [Frontend] = &[Frontend::Running];
}

impl Frontends for Ipi {
    const FRONTENDS: &'static [Frontend] = &[Frontend::Ipi];
}

impl<D: Frontends> Options<D> {
    /// Returns the settings of a calculator.
    ///
    /// # Errors
    /// As [`Settings::take`].
    pub fn settings(&self, library: Option<PathBuf>) -> Result<Settings> {
        self.added_to(Settings { library, ..Settings::default() })
    }

    /// Adds these options to other settings.
    ///
    /// # Errors
    /// As [`Settings::take`].
    pub fn added_to(&self, mut settings: Settings) -> Result<Settings> {
        let given: Vec<Given> = self.given.iter().map(|(setting, text)| (*setting, text.as_str())).collect();
        settings.take(&given)?;
        Ok(settings)
    }
}

fn all<D: Frontends>() -> impl Iterator<Item = &'static Setting> {
    D::FRONTENDS.iter().flat_map(|frontend| accepted(*frontend))
}

impl<D: Frontends> Args for Options<D> {
    fn augment_args(command: Command) -> Command {
        command.args(all::<D>().map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<D: Frontends> FromArgMatches for Options<D> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = all::<D>().filter_map(|setting| Some((setting, text(setting, matches)?))).collect();
        Ok(Self { given, frontends: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn option(setting: &'static Setting) -> Arg {
    let option = Arg::new(setting.name).long(setting.name).help(setting.help);
    let option = match setting.value {
        Value::Switch(_) => return option.action(ArgAction::SetTrue),
        Value::Real(_) | Value::Vector(_) => {
            option.value_parser(TextParser(setting)).value_name(setting.placeholder).allow_hyphen_values(true)
        }
        _ => option.value_parser(TextParser(setting)).value_name(setting.placeholder),
    };
    match (setting.show)(&Settings::default()) {
        Some(default) => option.default_value(default),
        None => option,
    }
}

/// Checks the text of a setting, with the sentence of the other front ends.
#[derive(Clone, Copy)]
struct TextParser(&'static Setting);

impl TypedValueParser for TextParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, text: &OsStr) -> Result<String, clap::Error> {
        let refused = |error| command.clone().error(ErrorKind::ValueValidation, format!("--{error}"));
        let text = text.to_string_lossy().into_owned();
        self.0.check(&text).map_err(refused)?;
        Ok(text)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match self.0.value {
            Value::Forces(_) => Some(Box::new(forces().into_iter())),
            Value::Device(_) => Some(Box::new(["cpu", "cuda"].into_iter().map(PossibleValue::new))),
            _ => None,
        }
    }
}

fn forces() -> [PossibleValue; 2] {
    [
        PossibleValue::new("conservative").help("-dU/dx"),
        PossibleValue::new("direct").help("Predicted by the model itself"),
    ]
}

/// Text given for a setting, or its default.
fn text(setting: &Setting, matches: &ArgMatches) -> Option<String> {
    match setting.value {
        Value::Switch(_) => matches.get_flag(setting.name).then(|| "yes".into()),
        _ => matches.get_one::<String>(setting.name).cloned(),
    }
}

#[cfg(test)]
mod tests;
