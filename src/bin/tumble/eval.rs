//! `tumble eval`: energies, forces and their spread for all frames of a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use tumble::calculator::Evaluation;
use tumble::xyz::{self, Frame};
use tumble::{Error, Result};

use crate::compare::Comparison;
use crate::options::{Options, calculator};
use crate::progress::shown;
use crate::{json, print, table, written};

/// Evaluate all frames of a file, averaged over rotations if wanted
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Structures in (extended) XYZ, or i-PI's XYZ with its cell and units; - for the standard input
    structures: PathBuf,

    /// Write the structures with their results as extended XYZ
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Print one JSON document a line for each frame
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    options: Options,
}

const EXAMPLES: &str = "\
Examples:
  tumble eval model.onnx water.xyz
  tumble eval model.onnx water.xyz --rotate octahedral -o averaged.xyz
  tumble eval model.onnx water.xyz --rotate random:10 --seed 1
  cat *.xyz | tumble eval model.onnx - --json

The spread is the standard deviation over the rotations, for forces of each component. With one evaluation a frame
there is none. Energies and forces of the input are compared with, and kept in the output as ref_energy and ref_forces.
Frames are counted from 1. The structure of i-PI's CELL(GENH) is turned upright, as i-PI turns it.";

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    let mut calculator = calculator(&arguments.model, &arguments.options.settings(library))?;
    let mut frames = xyz::open(&arguments.structures)?;
    let file = frames.file().to_owned();
    let mut report = Report::new(arguments)?;
    for (index, frame) in frames.by_ref().enumerate() {
        let frame = frame?;
        let start = Instant::now();
        let evaluation = calculator.evaluate_system(&frame.system, index as u64).map_err(|cause| Error::Frame {
            file: file.clone(),
            frame: index + 1,
            cause: Box::new(cause),
        })?;
        report.frame(index + 1, &frame, &evaluation, start.elapsed())?;
    }
    report.finish()
}

/// Where results go.
struct Report<'a> {
    json: bool,
    output: Option<(&'a Path, BufWriter<File>)>,
    comparison: Comparison,
    progress: ProgressBar,
}

impl<'a> Report<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self> {
        let output = arguments.output.as_deref().map(|path| create(path, &arguments.structures)).transpose()?;
        // A count of frames: how many there will be is not known, since they are read one at a time.
        let progress = shown(ProgressBar::new_spinner(), "{spinner} {pos} frames, {per_sec}, {elapsed}");
        Ok(Self { json: arguments.json, output, comparison: Comparison::default(), progress })
    }

    fn frame(&mut self, number: usize, frame: &Frame, evaluation: &Evaluation, time: Duration) -> Result<()> {
        self.comparison.add(frame, evaluation, time);
        if number == 1 && !self.json {
            self.print(&table::HEADER.join("\n"))?;
        }
        self.print(&if self.json {
            json::document(number, frame, evaluation, time).to_string()
        } else {
            table::row(number, evaluation, time)
        })?;
        if let Some((path, out)) = &mut self.output {
            written(path, frame.with_results(evaluation).write(out))?;
        }
        self.progress.inc(1);
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.progress.finish_and_clear();
        if let Some((path, out)) = &mut self.output {
            written(path, out.flush())?;
        }
        if self.json { Ok(()) } else { self.print(&format!("\n{}", self.comparison.lines().join("\n"))) }
    }

    fn print(&self, text: &str) -> Result<()> {
        self.progress.suspend(|| print(text))
    }
}

/// Opens the output, unless that would empty the input.
fn create<'a>(path: &'a Path, input: &Path) -> Result<(&'a Path, BufWriter<File>)> {
    if let (Ok(output), Ok(input)) = (path.canonicalize(), input.canonicalize())
        && output == input
    {
        return Err(Error::Overwrite { path: path.into() });
    }
    let file = File::create(path).map_err(|cause| Error::Write { path: path.into(), cause })?;
    Ok((path, BufWriter::new(file)))
}
