//! The outputs of the evaluated frames: the standard output and a file.

use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use tumble::{Error, Result};
use tumble_core::calculator::Evaluation;
use tumble_xyz::Frame;

use super::deviations::Deviations;
use crate::compare::Comparison;
use crate::json;
use crate::log::say;
use crate::output::Output;
use crate::print;
use crate::progress::shown;
use crate::table;

/// What is printed beside the rows of the table.
#[derive(Clone, Copy, PartialEq)]
pub enum Printing {
    /// One line of JSON per frame, and nothing else.
    Json,
    /// A table with a header and a summary.
    Table,
    /// A part of a table: with a header if it has the first frame, and the summary on the standard error, so that the
    /// parts one after the other are the whole table.
    PartOfTable,
}

/// The two outputs: the terminal and the file.
pub struct Report {
    printing: Printing,
    /// Lines not printed yet.
    lines: String,
    /// State of the standard output; nothing is printed after a failure.
    printed: Result<()>,
    /// The file given by `-o`; nothing is written after a failure.
    output: Result<Option<Output>>,
    comparison: Comparison,
    deviations: Deviations,
    progress: ProgressBar,
}

impl Report {
    /// Starts a report on the standard output and in a file. `frames` is their number, if it is known.
    pub fn new(printing: Printing, output: Option<Output>, frames: Option<usize>) -> Self {
        let progress = match frames {
            Some(frames) => {
                shown(ProgressBar::new(frames as u64), "{bar:30} {pos}/{len} frames, {per_sec}, {elapsed}, {eta} left")
            }
            None => shown(ProgressBar::new_spinner(), "{spinner} {pos} frames, {per_sec}, {elapsed}"),
        };
        let (lines, comparison, deviations) = Default::default();
        Self { printing, lines, printed: Ok(()), output: Ok(output), comparison, deviations, progress }
    }

    /// Takes the results of a frame.
    pub fn frame(&mut self, number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) {
        self.comparison.add(frame, evaluation, time);
        self.deviations.add(number, evaluation);
        if number == 1 && self.printing != Printing::Json {
            self.line(&table::HEADER.join("\n"));
        }
        match self.printing {
            Printing::Json => self.line(&json::line(number, frame, evaluation, time)),
            Printing::Table | Printing::PartOfTable => self.line(&table::row(number, evaluation, time)),
        }
        if let Ok(Some(out)) = &mut self.output
            && let Err(error) = out.put(|out| frame.with_results(evaluation).write(out))
        {
            self.output = Err(error);
        }
    }

    /// Prints the frames so far. An error if both outputs have failed.
    pub fn print(&mut self) -> Result<()> {
        self.print_lines();
        self.progress.set_position(self.comparison.frames() as u64);
        if self.printed.is_err() && !matches!(self.output, Ok(Some(_))) { self.failure() } else { Ok(()) }
    }

    /// Returns the failure of the file, if any, else that of the standard output: a short file is easily missed.
    fn failure(&mut self) -> Result<()> {
        let printed = std::mem::replace(&mut self.printed, Ok(()));
        std::mem::replace(&mut self.output, Ok(None)).and(printed)
    }

    /// Ends the report after all frames.
    pub fn finish(mut self) -> Result<()> {
        self.progress.finish_and_clear();
        let lines: Vec<_> = self.comparison.lines().into_iter().chain(self.deviations.line()).collect();
        let summary = lines.join("\n");
        match self.printing {
            Printing::Json => {}
            Printing::Table => self.line(&format!("\n{summary}")),
            Printing::PartOfTable => say(&summary),
        }
        self.print_lines();
        self.output.and_then(|output| output.map_or(Ok(()), Output::finish)).and(self.printed)
    }

    /// Keeps the frames written before an error.
    pub fn abandon(self) {
        self.progress.finish_and_clear();
        let frames = self.comparison.frames();
        if let Ok(Some(output)) = self.output
            && frames > 0
            && let Some(place) = output.keep()
        {
            say(&format!("note: the {frames} frame(s) done are in {}", place.display()));
        }
    }

    fn print_lines(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if let Some(lines) = lines.strip_suffix('\n')
            && self.printed.is_ok()
        {
            self.printed = self.progress.suspend(|| print(lines));
        }
    }

    fn line(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
    }
}

/// Opens the output. Refuses the path of the input, since opening would empty it.
///
/// # Errors
/// [`Error::Overwrite`] and [`Error::Write`].
pub fn create(path: &Path, input: &Path) -> Result<Output> {
    if let (Ok(output), Ok(input)) = (path.canonicalize(), input.canonicalize())
        && output == input
    {
        return Err(Error::Overwrite { path: path.into() });
    }
    Output::create(path)
}
