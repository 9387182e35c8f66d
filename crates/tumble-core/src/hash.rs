//! The SHA-256 that a user may require of a model.

use std::fmt;

use crate::echo::echo;
use crate::error::{Error, Result};

/// Digits of a SHA-256.
const DIGITS: usize = 64;

crate::errors! {
    /// An invalid SHA-256, as the rest of a sentence that begins with the name of an option.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[non_exhaustive]
    pub enum HashError {
        /// The number of digits is not 64, or there are other characters.
        #[error("is \"{}\": give the {} hexadecimal digits that tumble info shows", echo(found), DIGITS)]
        Digits {
            /// The text.
            found: String,
        },
    }
}

/// A SHA-256 required of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Parses 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`HashError`].
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let digits = text.trim();
        if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(digits.to_ascii_lowercase()));
        }
        Err(HashError::Digits { found: digits.into() })
    }

    /// Parses the setting `sha256`, as [`Hash::parse`] does.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn read(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|error| Error::Argument { name: "sha256", problem: error.to_string() })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
