//! `tumble eval`: energies, forces and their spread for all frames of a file.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use tumble::{Error, Result};
use tumble_core::Calculator;
use tumble_core::calculator::Evaluation;
use tumble_xyz::{self, Frame, Frames};

use crate::compare::Comparison;
use crate::json;
use crate::log::say;
use crate::options::{TimeLimit, calculator};
use crate::output::Output;
use crate::print;
use crate::progress::shown;
use crate::settings::Options;
use crate::table;

/// Print energies and forces of all frames of a file, averaged over rotations on request
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Structures in (extended) XYZ, or i-PI's XYZ with its cell and units; - for the standard input
    structures: PathBuf,

    /// Write the structures with their results as extended XYZ; replaces an older file once all frames are done
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Print one line of JSON per frame
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    time: TimeLimit,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "\
Examples:
  tumble eval model.onnx water.xyz
  tumble eval model.onnx water.xyz --rotate octahedral -o averaged.xyz
  tumble eval model.onnx water.xyz --rotate random:10 --seed 1
  cat *.xyz | tumble eval model.onnx - --json

The spread is the standard deviation over the rotations; for forces, per component. With one evaluation per frame there
is no spread. If the input has energies and forces, the errors relative to them are printed, and the output keeps them
as ref_energy and ref_forces. Frames are counted from 1. Structures with i-PI's CELL(GENH) are rotated so that the cell
is upper triangular, as in i-PI.

Until all frames are done the output is FILE.partial-PID, where PID is the process id. After an error in a frame or a
kill, this partial file remains, and FILE is unchanged.";

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    let cancel = arguments.time.cancel()?;
    let mut calculator = calculator(&arguments.model, &arguments.options.settings(library)?)?;
    calculator.watch(&cancel);
    let frames = tumble_xyz::open(&arguments.structures)?;
    let mut report = Report::new(arguments)?;
    match evaluate(&mut calculator, frames, &mut report) {
        Ok(()) => report.finish(),
        Err(error) => {
            report.abandon();
            Err(error)
        }
    }
}

fn evaluate(calculator: &mut Calculator, mut frames: Frames<impl BufRead>, report: &mut Report) -> Result<()> {
    let file = frames.file().to_owned();
    for (index, frame) in frames.by_ref().enumerate() {
        let frame = frame?;
        let start = Instant::now();
        let evaluation = calculator.evaluate_system(&frame.system, index as u64).map_err(|error| Error::Frame {
            file: file.clone(),
            frame: index + 1,
            source: Box::new(error.into()),
        })?;
        report.frame(index + 1, &frame, &evaluation, start.elapsed())?;
    }
    Ok(())
}

/// The two outputs: the terminal and the file.
struct Report {
    json: bool,
    /// State of the standard output; nothing is printed after a failure.
    printing: Result<()>,
    /// The file given by `-o`; nothing is written after a failure.
    output: Result<Option<Output>>,
    comparison: Comparison,
    progress: ProgressBar,
}

impl Report {
    fn new(arguments: &Arguments) -> Result<Self> {
        let output = arguments.output.as_deref().map(|path| create(path, &arguments.structures)).transpose()?;
        // A spinner, not a bar: frames are read one at a time and their number is not known.
        let progress = shown(ProgressBar::new_spinner(), "{spinner} {pos} frames, {per_sec}, {elapsed}");
        let comparison = Comparison::default();
        Ok(Self { json: arguments.json, printing: Ok(()), output: Ok(output), comparison, progress })
    }

    /// Prints and writes the results of a frame. An error if both outputs have failed.
    fn frame(&mut self, number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) -> Result<()> {
        self.comparison.add(frame, evaluation, time);
        if number == 1 && !self.json {
            self.print(&table::HEADER.join("\n"));
        }
        self.print(&if self.json {
            json::document(number, frame, evaluation, time).to_string()
        } else {
            table::row(number, evaluation, time)
        });
        if let Ok(Some(out)) = &mut self.output
            && let Err(error) = out.put(|out| frame.with_results(evaluation).write(out))
        {
            self.output = Err(error);
        }
        self.progress.inc(1);
        if self.printing.is_err() && !matches!(self.output, Ok(Some(_))) { self.failure() } else { Ok(()) }
    }

    /// Returns the failure of the file, if any, else that of the standard output: a short file is easily missed.
    fn failure(&mut self) -> Result<()> {
        let printing = std::mem::replace(&mut self.printing, Ok(()));
        std::mem::replace(&mut self.output, Ok(None)).and(printing)
    }

    fn finish(mut self) -> Result<()> {
        self.progress.finish_and_clear();
        if !self.json {
            self.print(&format!("\n{}", self.comparison.lines().join("\n")));
        }
        let written = std::mem::replace(&mut self.output, Ok(None));
        written.and_then(|output| output.map_or(Ok(()), Output::finish)).and(self.printing)
    }

    /// Keeps the frames written before an error.
    fn abandon(self) {
        self.progress.finish_and_clear();
        let frames = self.comparison.frames();
        if let Ok(Some(output)) = self.output
            && frames > 0
            && let Some(place) = output.keep()
        {
            say(&format!("note: the {frames} frame(s) before it are in {}", place.display()));
        }
    }

    fn print(&mut self, text: &str) {
        if self.printing.is_ok() {
            self.printing = self.progress.suspend(|| print(text));
        }
    }
}

/// Opens the output. Refuses the path of the input, since opening would empty it.
fn create(path: &Path, input: &Path) -> Result<Output> {
    if let (Ok(output), Ok(input)) = (path.canonicalize(), input.canonicalize())
        && output == input
    {
        return Err(Error::Overwrite { path: path.into() });
    }
    Output::create(path)
}
