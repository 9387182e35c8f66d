//! Termination of runs of ONNX Runtime from another thread.

use ort::session::{HasSelectedOutputs, NoSelectedOutputs, OutputSelector, RunOptions, SelectedOutputMarker};
use tumble_core::cancel::Cancellable;

/// Options of runs, one run at a time, with a flag that terminates the run.
pub struct TerminableRun<O: SelectedOutputMarker>(RunOptions<O>);

// SAFETY: the binding withholds `Sync` because options can hold outputs allocated before the run;
// `TerminableRun::selecting` gets none. ONNX Runtime allows to set the flag during a run: this is its purpose.
unsafe impl<O: SelectedOutputMarker> Sync for TerminableRun<O> {}

impl TerminableRun<HasSelectedOutputs> {
    /// Creates options for runs with these outputs, none of them allocated before the run.
    pub fn selecting(outputs: OutputSelector) -> ort::Result<Self> {
        Ok(Self(RunOptions::new()?.with_outputs(outputs)))
    }
}

impl TerminableRun<NoSelectedOutputs> {
    /// Creates options for runs with all outputs.
    pub fn new() -> ort::Result<Self> {
        Ok(Self(RunOptions::new()?))
    }
}

impl<O: SelectedOutputMarker> TerminableRun<O> {
    /// Returns the options, for a session.
    pub fn options(&self) -> &RunOptions<O> {
        &self.0
    }
}

impl<O: SelectedOutputMarker> Cancellable for TerminableRun<O> {
    fn end(&self, end: bool) {
        // It fails only without memory; then the run completes.
        let _ = if end { self.0.terminate() } else { self.0.unterminate() };
    }
}
