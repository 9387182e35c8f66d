//! The border to C and C++: no panic may cross it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Turns a panic into an error.
pub fn guarded<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Internal { text: text.unwrap_or_else(|| "no message".into()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence() {
        let error = guarded(|| -> Result<()> { panic!("{} legs", 3) }).unwrap_err();
        let expected = "internal error of tumble: 3 legs: please report it with the input that led to it";
        assert_eq!(error.to_string(), expected);
    }
}
