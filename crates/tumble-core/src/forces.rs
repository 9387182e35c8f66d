//! Kinds of forces.

use serde::{Deserialize, Serialize};

/// How forces come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forces {
    /// -dU/dx, from the gradients of the energy with respect to the edge vectors.
    #[default]
    Conservative,
    /// Predicted by the model itself.
    Direct,
}

impl Forces {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Direct => "direct",
        }
    }

    /// The kind that users write so.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Conservative, Self::Direct].into_iter().find(|kind| kind.name() == name)
    }
}
