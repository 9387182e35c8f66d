//! The evaluation of a group of frames, portion by portion.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use tumble::{Error, Result};
use tumble_core::Calculator;
use tumble_core::calculator::Evaluation;
use tumble_xyz::Frame;

use super::report::Report;

/// Evaluates frames of a file and reports their results in order; `before` is the number of frames before them.
///
/// # Errors
/// [`Error::Frame`] for the first frame that fails, after the report of the frames before it; [`Error::Write`].
pub fn evaluate(
    calculator: &mut Calculator,
    file: &Path,
    before: usize,
    frames: &[Frame],
    report: &mut Report,
) -> Result<()> {
    let structures: Vec<_> = (before as u64..).zip(frames).map(|(step, frame)| (&frame.system, step)).collect();
    let (mut done, mut start, mut ended) = (0, Instant::now(), Ok(()));
    calculator.evaluate_many(&structures, |portion| {
        let took = start.elapsed();
        let portion_frames = &frames[done..done + portion.len()];
        let failed = report_portion(report, before + done, portion_frames, portion, took);
        let failed = failed.map_err(|(frame, error)| located(file, frame, error));
        ended = report.print().and(failed);
        (done, start) = (done + portion_frames.len(), Instant::now());
        if ended.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    ended
}

/// Reports the frames of a portion up to the first that failed; returns its number with its error. The `time` of the
/// portion is shared out among its frames in proportion to their work.
fn report_portion(
    report: &mut Report,
    before: usize,
    frames: &[Frame],
    portion: Vec<tumble_core::Result<Evaluation>>,
    time: Duration,
) -> Result<(), (usize, tumble_core::Error)> {
    let total: f64 = portion.iter().flatten().map(work).sum();
    for ((number, frame), found) in (before + 1..).zip(frames).zip(portion) {
        let evaluation = found.map_err(|error| (number, error))?;
        report.frame(number, frame, &evaluation, time.mul_f64(work(&evaluation) / total));
    }
    Ok(())
}

/// The work of a frame: atoms times evaluations.
fn work(evaluation: &Evaluation) -> f64 {
    (evaluation.forces.len() * evaluation.evaluations).max(1) as f64
}

fn located(file: &Path, frame: usize, error: tumble_core::Error) -> Error {
    Error::Frame { file: file.into(), frame, source: Box::new(error.into()) }
}
