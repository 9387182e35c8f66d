//! Why an evaluation is asked to end.

/// Why an evaluation is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CancelReason {
    /// Whoever asked for it has left.
    Gone = 1,
    /// A signal asked for it.
    Signal,
    /// Its time is up.
    Time,
    /// The program around asked for it.
    Program,
}

impl CancelReason {
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Gone => "nobody waits for its result any more",
            Self::Signal => "a signal came",
            Self::Time => "its time is up",
            Self::Program => "the program that called asked for it",
        }
    }
}
