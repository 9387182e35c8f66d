//! Kinds of forces.

use serde::{Deserialize, Serialize};

/// The kind of forces: gradients of the energy, or predictions of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forces {
    /// Conservative forces, -dU/dx, from the gradients of the energy with respect to the edge vectors.
    #[default]
    Conservative,
    /// Direct forces, predicted by the model itself.
    Direct,
}

impl Forces {
    /// Returns the name in settings: `conservative` or `direct`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Direct => "direct",
        }
    }

    /// Returns the kind with this name in settings.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Conservative, Self::Direct].into_iter().find(|kind| kind.name() == name)
    }
}
