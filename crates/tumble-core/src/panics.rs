//! Turns panics into errors: no panic may cross the border to C and C++.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Runs `action` and turns a panic into an error.
pub fn guarded<T, E: From<Error>>(action: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = message(&*panic).unwrap_or("no message").to_owned();
        Err(Error::Internal { text }.into())
    })
}

/// Returns the message of a panic, if it has one.
pub fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

/// The error message of a foreign library, in one line without the final full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForeignError(String);

impl ForeignError {
    /// Joins a message of several lines into one.
    pub fn new(text: &str) -> Self {
        Self(text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(['.', ':']).to_owned())
    }
}

/// Calls a foreign library and turns its error, or its panic, into one line.
///
/// # Errors
/// [`ForeignError`].
pub fn in_one_line<T, E: std::fmt::Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, ForeignError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| ForeignError::new(&error.to_string())),
        Err(panic) => Err(ForeignError::new(message(&*panic).unwrap_or("its binding panicked"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_turns_a_panic_into_a_sentence() {
        let error = guarded(|| -> Result<()> { panic!("{} legs", 3) }).unwrap_err();
        let expected = "internal error of tumble: 3 legs: please report it with the input that led to it";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn in_one_line_joins_the_message_of_an_error_or_a_panic() {
        let result = in_one_line(|| -> Result<(), String> { panic!("expected `pointer`\n to not be null") });
        assert_eq!(result.unwrap_err().to_string(), "expected `pointer` to not be null");
        assert_eq!(
            in_one_line(|| Err::<(), _>("Load model failed:\n no graph.")).unwrap_err().to_string(),
            "Load model failed: no graph"
        );
    }
}
