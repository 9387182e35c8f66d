//! Runs of ONNX Runtime that another thread may end.

use ort::session::{HasSelectedOutputs, NoSelectedOutputs, OutputSelector, RunOptions, SelectedOutputMarker};
use tumble_core::cancel::Cancellable;

/// Options of runs, of which there is one at a time.
pub struct TerminableRun<O: SelectedOutputMarker>(RunOptions<O>);

// SAFETY: the binding withholds this for the sake of outputs that are allocated before the run, which
// `TerminableRun::selecting` is not given. To set the flag while a run looks at it is what it is for.
unsafe impl<O: SelectedOutputMarker> Sync for TerminableRun<O> {}

impl TerminableRun<HasSelectedOutputs> {
    /// For these outputs, none of which is allocated.
    pub fn selecting(outputs: OutputSelector) -> ort::Result<Self> {
        Ok(Self(RunOptions::new()?.with_outputs(outputs)))
    }
}

impl TerminableRun<NoSelectedOutputs> {
    /// For all outputs.
    pub fn new() -> ort::Result<Self> {
        Ok(Self(RunOptions::new()?))
    }
}

impl<O: SelectedOutputMarker> TerminableRun<O> {
    /// What a session takes.
    pub fn options(&self) -> &RunOptions<O> {
        &self.0
    }
}

impl<O: SelectedOutputMarker> Cancellable for TerminableRun<O> {
    fn end(&self, end: bool) {
        // It fails for want of memory only, and then the run goes on to its end.
        let _ = if end { self.0.terminate() } else { self.0.unterminate() };
    }
}
