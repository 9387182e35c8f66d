//! The grammar of the value of a setting.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::execution::Device;
use crate::hash::Hash;
use crate::potential::Forces;
use crate::quadrature::GRAMMAR;
use crate::rotation::Vector3;
use crate::settings::Settings;

/// The grammar of a setting's value, with the function that stores the value in [`Settings`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A mitigation.
    Mitigation,
    /// `yes` or `no`; also `on`, `off`, `true` and `false`, as in LAMMPS.
    Switch(fn(&mut Settings, bool)),
    /// A whole number.
    Whole {
        /// Lowest value.
        least: u64,
        /// Highest value.
        most: u64,
        /// Stores the value.
        set: fn(&mut Settings, u64),
    },
    /// A real number.
    Real(fn(&mut Settings, f64)),
    /// A vector.
    Vector(fn(&mut Settings, Vector3)),
    /// A kind of forces.
    Forces(fn(&mut Settings, Forces)),
    /// A device.
    Device(fn(&mut Settings, Device)),
    /// A path.
    Path(fn(&mut Settings, PathBuf)),
    /// A SHA-256 in hexadecimal digits.
    Sha256(fn(&mut Settings, String)),
}

impl Value {
    /// Returns the accepted values, as the end of a sentence.
    pub fn words(&self) -> Cow<'static, str> {
        match self {
            Self::Mitigation => GRAMMAR.into(),
            Self::Switch(_) => "yes or no".into(),
            Self::Whole { least, most, .. } => format!("a whole number from {least} to {most}").into(),
            Self::Real(_) => "a number".into(),
            Self::Vector(_) => "three numbers with spaces between".into(),
            Self::Forces(_) => "conservative or direct".into(),
            Self::Device(_) => "cpu or cuda".into(),
            Self::Path(_) => "a path".into(),
            Self::Sha256(_) => "the 64 hexadecimal digits that tumble info shows".into(),
        }
    }

    /// Returns whether a text is in the grammar, and a number in its range. A mitigation is checked when it is set.
    pub fn accepts(&self, text: &str) -> bool {
        match *self {
            Self::Mitigation | Self::Path(_) => true,
            Self::Switch(_) => switch(text).is_some(),
            Self::Whole { least, most, .. } => text.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Self::Real(_) => real(text).is_some(),
            Self::Vector(_) => vector(text).is_some(),
            Self::Forces(_) => Forces::named(text).is_some(),
            Self::Device(_) => Device::named(text).is_some(),
            Self::Sha256(_) => Hash::parse(text).is_ok(),
        }
    }

    /// Stores the value; `None` if the text is not in the grammar, or for a mitigation. Whether a number is in its
    /// range is up to [`Value::accepts`].
    pub(super) fn set(&self, settings: &mut Settings, text: &str) -> Option<()> {
        match *self {
            Self::Mitigation => return None,
            Self::Switch(set) => set(settings, switch(text)?),
            Self::Whole { set, .. } => set(settings, text.parse().ok()?),
            Self::Real(set) => set(settings, real(text)?),
            Self::Vector(set) => set(settings, vector(text)?),
            Self::Forces(set) => set(settings, Forces::named(text)?),
            Self::Device(set) => set(settings, Device::named(text)?),
            Self::Path(set) => set(settings, text.into()),
            Self::Sha256(set) => set(settings, Hash::parse(text).ok()?.to_string()),
        }
        Some(())
    }
}

/// Parses a finite number.
fn real(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Parses three finite numbers, with spaces between.
fn vector(text: &str) -> Option<Vector3> {
    text.split_whitespace().map(real).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// Parses a switch, in any of LAMMPS' spellings.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "yes" | "on" | "true" => Some(true),
        "no" | "off" | "false" => Some(false),
        _ => None,
    }
}
