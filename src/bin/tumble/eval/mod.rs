//! `tumble eval`: energies, forces and their spread for all frames of a file.

mod deviations;
mod group;
mod input;
mod part;
mod read_ahead;
mod report;

use std::path::PathBuf;

use clap::Args;
use tumble::Result;
use tumble_core::{Calculator, Cancel};

use self::input::Input;
use self::part::Part;
use self::read_ahead::{Group, ReadAhead};
use self::report::{Printing, Report, create};
use crate::options::{Models, TimeLimit, reading};
use crate::settings::Options;

/// Print energies and forces of all frames of a file, averaged over rotations on request
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    models: Models,

    /// Structures in (extended) XYZ, or i-PI's XYZ with its cell and units; - for the standard input
    structures: PathBuf,

    /// Write the structures with their results as extended XYZ; replaces an older file once all frames are done
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Print one line of JSON per frame
    #[arg(long)]
    json: bool,

    /// Evaluate part K of N contiguous parts of the file, as the jobs of an array do
    #[arg(long, value_name = "K/N", value_parser = str::parse::<Part>)]
    part: Option<Part>,

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
  tumble eval model.onnx water.xyz --threads 4
  tumble eval a.onnx water.xyz --model b.onnx --model c.onnx -o deviations.xyz
  cat *.xyz | tumble eval model.onnx - --json
  tumble eval model.onnx water.xyz --part 02/20 -o out-02.xyz    and so on to 20/20, then cat out-??.xyz > out.xyz

The spread is the standard deviation over the rotations; for forces, per component. With one evaluation per frame there
is no spread. If the input has energies and forces, the errors relative to them are printed, and the output keeps them
as ref_energy and ref_forces. Frames are counted from 1. Structures with i-PI's CELL(GENH) are rotated so that the cell
is upper triangular, as in i-PI.

Models that need a charge, a spin or a field take them from the comment of a frame, charge=-1 spin=2 field=\"0 0 0.1\",
or else from --charge, --spin and --field; the output has them too.

Small frames share runs of the model, and --threads shares the runs out. The time of frames evaluated together, with
their neighbor lists, is divided among them in proportion to atoms and evaluations. Frames are read while others are
evaluated, and their results are printed every second or so. A frame from a pipe waits at most half a second for others.
Rounding in a run, and with it the last digit, may depend on the frames that share it.

With --part, frames have the numbers and random rotations of the whole file, so that the outputs of all parts, one after
the other, are the output for the whole. Only the part with frame 1 prints the header of the table, and each part prints
its summary on the standard error. The file is read once more to count its frames, so it cannot be a pipe.

Until all frames are done the output is FILE.partial-PID, where PID is the process id. After an error in a frame, Ctrl-C
(exit code 130) or --max-seconds (exit code 124), this partial file remains with the frames done, and FILE is unchanged.";

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    let cancel = arguments.time.cancel()?;
    let mut calculator = arguments.models.calculator(&arguments.options.settings(library)?)?;
    calculator.watch(&cancel);
    let (structures, part) = (arguments.structures.clone(), arguments.part);
    let input = reading(&cancel, move || Input::open(&structures, part))?;
    let output = arguments.output.as_deref().map(|path| create(path, &arguments.structures)).transpose()?;
    let mut report = Report::new(arguments.printing(), output, input.count);
    match evaluate(&mut calculator, input, &mut report, &cancel) {
        Ok(()) => report.finish(),
        Err(error) => {
            report.abandon();
            Err(error)
        }
    }
}

/// Evaluates all frames, group by group.
fn evaluate(calculator: &mut Calculator, input: Input, report: &mut Report, cancel: &Cancel) -> Result<()> {
    let Input { frames, mut before, count, regular } = input;
    let file = frames.file().to_owned();
    let ahead = ReadAhead::start(frames.take(count.unwrap_or(usize::MAX)), regular);
    loop {
        let Group { mut frames, error } = ahead.next_group(cancel)?;
        // So that the output says what was evaluated.
        frames.iter_mut().for_each(|frame| frame.complete_conditions(calculator.conditions()));
        group::evaluate(calculator, &file, before, &frames, report)?;
        before += frames.len();
        match error {
            Some(error) => return Err(error.into()),
            None if frames.is_empty() => return Ok(()),
            None => {}
        }
    }
}

impl Arguments {
    fn printing(&self) -> Printing {
        match self.part {
            _ if self.json => Printing::Json,
            Some(_) => Printing::PartOfTable,
            None => Printing::Table,
        }
    }
}
