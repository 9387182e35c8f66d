//! Reasons to cancel an evaluation.

/// The reason why an evaluation is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CancelReason {
    /// The client has left.
    Gone = 1,
    /// A signal came.
    Signal,
    /// The time is up.
    Time,
    /// The host program asked to end it.
    Program,
}

impl CancelReason {
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Gone => "its client has left",
            Self::Signal => "a signal came",
            Self::Time => "its time is up",
            Self::Program => "the calling program asked for it",
        }
    }
}
