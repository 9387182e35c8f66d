//! The time of each kind of step of all programs, for `make bench-roofline`. Without the feature `step_times` nothing of
//! it is compiled into the programs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::{RowFunction, RowStep};

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Products of rows with weights.
    Products,
    /// SiLU, GLU and their gradients.
    Activations,
    /// RMSNorm, LayerNorm and their gradients.
    Normalizations,
    /// Functions of single numbers, and sums of rows.
    Elementwise,
    /// Copies of rows or columns.
    Moves,
}

/// What the steps of a kind did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepTime {
    /// The kind.
    pub kind: StepKind,
    /// Their time, s, with the reading of the clock.
    pub seconds: f64,
    /// How many they were: one for each block of rows.
    pub steps: u64,
    /// Floating-point operations of products; 0 for the others.
    pub operations: u64,
}

/// All kinds, in the order of their numbers.
const KINDS: [StepKind; 5] =
    [StepKind::Products, StepKind::Activations, StepKind::Normalizations, StepKind::Elementwise, StepKind::Moves];

/// Whether the programs record now: the clock takes as long as a step of a few rows.
static RECORDING: AtomicBool = AtomicBool::new(false);
static TOTALS: [Total; KINDS.len()] = [const { Total::new() }; KINDS.len()];

struct Total {
    nanoseconds: AtomicU64,
    steps: AtomicU64,
    operations: AtomicU64,
}

impl Total {
    const fn new() -> Self {
        Self { nanoseconds: AtomicU64::new(0), steps: AtomicU64::new(0), operations: AtomicU64::new(0) }
    }
}

/// Begins or ends recording, in all threads.
pub fn record(on: bool) {
    RECORDING.store(on, Relaxed);
}

/// Returns what was recorded since the last call.
pub fn take() -> [StepTime; KINDS.len()] {
    KINDS.map(|kind| {
        let total = &TOTALS[kind as usize];
        let [nanoseconds, steps, operations] =
            [&total.nanoseconds, &total.steps, &total.operations].map(|count| count.swap(0, Relaxed));
        StepTime { kind, seconds: 1e-9 * nanoseconds as f64, steps, operations }
    })
}

/// Returns the time before a step, if it is to be recorded.
#[inline(always)]
pub(super) fn start() -> Option<Instant> {
    (cfg!(feature = "step_times") && RECORDING.load(Relaxed)).then(Instant::now)
}

/// Adds a step of so many rows, whose values have these widths.
#[inline(always)]
pub(super) fn end(start: Option<Instant>, step: &RowStep, widths: &[usize], rows: usize) {
    if let Some(start) = start {
        add(start, step, widths, rows);
    }
}

fn add(start: Instant, step: &RowStep, widths: &[usize], rows: usize) {
    let total = &TOTALS[kind(step) as usize];
    total.nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
    total.steps.fetch_add(1, Relaxed);
    if let RowStep::Linear { rows: from, width, .. } = *step {
        total.operations.fetch_add(2 * (rows * widths[from] * width) as u64, Relaxed);
    }
}

fn kind(step: &RowStep) -> StepKind {
    match step {
        RowStep::Linear { .. } => StepKind::Products,
        RowStep::Function { function, .. } => match function {
            RowFunction::Silu | RowFunction::SiluGradient | RowFunction::Glu | RowFunction::GluGradient => {
                StepKind::Activations
            }
            RowFunction::RmsNorm(_)
            | RowFunction::RmsNormGradient(_)
            | RowFunction::LayerNorm(_)
            | RowFunction::LayerNormGradient(_) => StepKind::Normalizations,
        },
        RowStep::Unary(..) | RowStep::Binary(..) | RowStep::Select(..) | RowStep::Sum(_) => StepKind::Elementwise,
        RowStep::Concat(_)
        | RowStep::Slice(..)
        | RowStep::Repeat(..)
        | RowStep::Gather(..)
        | RowStep::Join(..)
        | RowStep::First(_)
        | RowStep::Last(_) => StepKind::Moves,
    }
}
