//! The SHA-256 that a user may demand of a model.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// A SHA-256 that a model must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the name of the option.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim();
        if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(digits.to_ascii_lowercase()));
        }
        Err(format!("is \"{digits}\": give the {DIGITS} hexadecimal digits that tumble info shows"))
    }

    /// As [`Hash::parse`], of the setting `sha256`.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn read(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|problem| Error::Argument { name: "sha256", problem })
    }

    /// Refuses a model of another hash.
    ///
    /// # Errors
    /// [`Error::OtherModel`].
    pub fn check(&self, found: &str, path: &Path) -> Result<()> {
        if self.0 == found {
            return Ok(());
        }
        let (path, expected) = (path.to_path_buf(), self.0.clone());
        Err(Error::OtherModel { path, found: found.to_owned(), expected })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
