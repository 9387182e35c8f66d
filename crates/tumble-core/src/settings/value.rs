//! The grammar of the value of a setting.

use std::path::PathBuf;

use crate::execution::Device;
use crate::hash::Hash;
use crate::potential::Forces;
use crate::quadrature::GRAMMAR;
use crate::settings::Settings;

/// The grammar of a setting's value, with the function that stores the value in [`Settings`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A mitigation.
    Mitigation,
    /// `yes` or `no`.
    Switch(fn(&mut Settings, bool)),
    /// A whole number.
    Whole {
        /// Lowest value.
        least: u64,
        /// Highest value.
        most: u64,
        /// The range in words.
        words: &'static str,
        /// Stores the value.
        set: fn(&mut Settings, u64),
    },
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
    pub fn words(&self) -> &'static str {
        match self {
            Self::Mitigation => GRAMMAR,
            Self::Switch(_) => "yes or no",
            Self::Whole { words, .. } => words,
            Self::Forces(_) => "conservative or direct",
            Self::Device(_) => "cpu or cuda",
            Self::Path(_) => "a path",
            Self::Sha256(_) => "the 64 hexadecimal digits that tumble info shows",
        }
    }

    /// Returns whether a text is in the grammar, and a number in its range. A mitigation is checked when it is set.
    pub fn accepts(&self, text: &str) -> bool {
        match *self {
            Self::Mitigation | Self::Path(_) => true,
            Self::Switch(_) => switch(text).is_some(),
            Self::Whole { least, most, .. } => text.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Self::Forces(_) => Forces::named(text).is_some(),
            Self::Device(_) => Device::named(text).is_some(),
            Self::Sha256(_) => Hash::parse(text).is_ok(),
        }
    }

    /// Stores the value; `None` if the text is not in the grammar, or for a mitigation. The range of a number is
    /// checked by [`Settings::check`], not here.
    pub(super) fn set(&self, settings: &mut Settings, text: &str) -> Option<()> {
        match *self {
            Self::Mitigation => return None,
            Self::Switch(set) => set(settings, switch(text)?),
            Self::Whole { set, .. } => set(settings, text.parse().ok()?),
            Self::Forces(set) => set(settings, Forces::named(text)?),
            Self::Device(set) => set(settings, Device::named(text)?),
            Self::Path(set) => set(settings, text.into()),
            Self::Sha256(set) => set(settings, Hash::parse(text).ok()?.to_string()),
        }
        Some(())
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
