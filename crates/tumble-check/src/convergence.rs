//! What each mitigation leaves of the broken symmetry, measured against a reference, and what it costs.
//!
//! The error of a grid depends on how it is turned against the structure. What is given is the root mean square over
//! random orientations, inverted ones included: for a grid at rest the error to expect of a structure whose orientation
//! is accidental, for `+random` the noise of a step. The errors of the bare model and of independent rotations need no
//! further measurement: they are the spread over all rotations, and that over √N.

use tumble_core::graph::Graph;
use tumble_core::quadrature::{Mitigation, Quadrature};
use tumble_core::rotation::{Draw, Matrix3};

use crate::error::Result;
use crate::measure::{Evaluator, Mean, Reference, inversions};
use crate::spectrum::{Filter, Spectrum};

/// What the table compares, the cheapest first.
const GRIDS: [&str; 9] = [
    "none",
    "random:10",
    "tetrahedral",
    "legendre:2",
    "lebedev:3",
    "octahedral",
    "icosahedral",
    "lebedev:5",
    "legendre:3",
];

/// What grids leave of each ℓ is told at least through this one.
const TOLD: usize = 8;

/// A mitigation to compare, with and without inversion.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Without inversion.
    pub mitigation: Mitigation,
}

/// All that the table compares.
///
/// # Errors
/// None, since all names are good.
pub fn grids() -> Result<Vec<Grid>> {
    GRIDS.iter().map(|name| Ok(Grid { mitigation: name.parse()? })).collect()
}

/// What one mitigation leaves on one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct GridError {
    /// Without inversion.
    pub mitigation: Mitigation,
    /// Mean squares of the errors without and with inversion: energy per atom, eV², and forces, (eV/Å)².
    pub squares: [[f64; 2]; 2],
    /// The same as the spectrum predicts it.
    pub predicted: [[f64; 2]; 2],
    /// Seconds that one average takes, without and with inversion.
    pub seconds: [f64; 2],
}

impl Grid {
    /// How often the model is evaluated a step, without inversion.
    pub fn evaluations(&self) -> usize {
        self.mitigation.evaluations()
    }

    /// Whether the rotations are drawn one by one, so that they leave a fraction 1/N of every angular momentum.
    pub fn is_drawn(&self) -> bool {
        self.mitigation.is_random() || self.evaluations() == 1
    }

    /// The name of the same with new random numbers at each step.
    pub fn turned(&self) -> String {
        match self.mitigation.name() {
            "none" => "random".into(),
            name if self.mitigation.is_random() => name.into(),
            name => format!("{name}+random"),
        }
    }

    /// What it does to each angular momentum.
    pub fn filter(&self, highest: usize) -> Filter {
        if self.is_drawn() {
            return Filter::independent(self.evaluations(), highest);
        }
        Filter::new(self.mitigation.at_rest(), highest)
    }

    /// Measures it on one structure at these orientations.
    pub(super) fn tally(
        &self,
        bench: &mut Evaluator,
        graph: &Graph,
        reference: &Reference,
        turns: &[Matrix3],
        seed: u64,
    ) -> Result<GridError> {
        let (mitigation, none) = (self.mitigation.clone(), [[0.0; 2]; 2]);
        let mut tally = GridError { mitigation, squares: none, predicted: none, seconds: [0.0; 2] };
        let share = 1.0 / turns.len().max(1) as f64;
        for (step, turn) in turns.iter().enumerate() {
            let draw = Draw { seed, step: step as u64, stream: 0 };
            let grid = self.mitigation.orientations(graph, draw).rotated(turn);
            tally.add(&errors(bench, graph, &grid, reference)?, share);
        }
        Ok(tally)
    }
}

/// Squared errors and times of a grid: over R, over -R, over both.
struct Errors {
    squares: [[f64; 2]; 3],
    seconds: [f64; 2],
}

fn errors(bench: &mut Evaluator, graph: &Graph, grid: &Quadrature, reference: &Reference) -> Result<Errors> {
    let proper = bench.samples(graph, &grid.rotations)?;
    let inverted = bench.samples(graph, &inversions(&grid.rotations))?;
    let [at, mirrored]: [Mean; 2] = [&proper, &inverted].map(|samples| samples.mean(&grid.weights));
    let squares = [&at, &mirrored, &at.between(&mirrored)].map(|mean| mean.squares(&reference.mean));
    Ok(Errors { squares, seconds: [proper.seconds, inverted.seconds] })
}

impl GridError {
    fn add(&mut self, errors: &Errors, share: f64) {
        let [at, mirrored, both] = errors.squares;
        for quantity in 0..2 {
            self.squares[0][quantity] += share * 0.5 * (at[quantity] + mirrored[quantity]);
            self.squares[1][quantity] += share * both[quantity];
        }
        let [one, other] = errors.seconds;
        self.seconds[0] += share * 0.5 * (one + other);
        self.seconds[1] += share * (one + other);
    }

    /// Adds what the spectrum predicts; for rotations that are drawn this is what they leave.
    pub(super) fn predict(&mut self, grid: &Grid, spectrum: &Spectrum) {
        let filter = grid.filter(spectrum.highest());
        for (inversion, predicted) in self.predicted.iter_mut().enumerate() {
            *predicted = [&spectrum.energy, &spectrum.forces].map(|bands| bands.left_by(&filter, inversion == 1));
        }
        if grid.is_drawn() {
            self.squares = self.predicted;
        }
    }
}

/// A line of the table: what a mitigation leaves, over all structures, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The grid at rest.
    pub mitigation: Mitigation,
    /// What to write after `rotate` for the same with new random numbers at each step.
    pub turned: String,
    /// Root mean square error of the energy per atom, eV, and of the forces, eV/Å.
    pub errors: [f64; 2],
    /// The same as predicted from the spectrum.
    pub predicted: [f64; 2],
    /// By what factor it is below that of the bare model: energy and forces.
    pub gains: [f64; 2],
    /// Milliseconds that one average takes, mean over structures.
    pub ms: f64,
    /// Fraction of each ℓ from 0 that is left of a model without preferred axes.
    pub fractions: Vec<f64>,
}

impl Row {
    /// What to write after `rotate`.
    pub fn name(&self) -> &str {
        self.mitigation.name()
    }

    /// Whether -R is added.
    pub fn inversion(&self) -> bool {
        self.mitigation.inversion()
    }

    /// Exact through this ℓ.
    pub fn degree(&self) -> usize {
        self.mitigation.degree()
    }

    /// Evaluations of the model a step.
    pub fn evaluations(&self) -> usize {
        self.mitigation.evaluations()
    }
}

/// The table over several structures, for the grids that were measured on all of them.
///
/// # Errors
/// Those of [`grids`].
pub fn table(all: &[&[GridError]], highest: usize) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for grid in grids()? {
        let same = |tally: &&GridError| tally.mitigation == grid.mitigation;
        let tallies: Vec<_> = all.iter().filter_map(|one| one.iter().find(same)).collect();
        if tallies.len() == all.len() && !all.is_empty() {
            let both = [false, true].map(|inversion| row(&grid, inversion, &tallies, highest));
            rows.extend(both);
        }
    }
    let bare = rows.first().map_or([0.0; 2], |row| row.errors);
    rows.iter_mut().for_each(|row| row.gains = [0, 1].map(|i| bare[i] / row.errors[i]));
    Ok(rows)
}

fn row(grid: &Grid, inversion: bool, tallies: &[&GridError], highest: usize) -> Row {
    let (count, parity) = (tallies.len() as f64, usize::from(inversion));
    let mean = |of: &dyn Fn(&GridError) -> f64| tallies.iter().map(|tally| of(tally)).sum::<f64>() / count;
    let filter = grid.filter(highest.max(TOLD));
    Row {
        mitigation: grid.mitigation.clone().with_inversion(inversion),
        turned: grid.turned(),
        errors: [0, 1].map(|i| mean(&|tally| tally.squares[parity][i]).sqrt()),
        predicted: [0, 1].map(|i| mean(&|tally| tally.predicted[parity][i]).sqrt()),
        gains: [1.0; 2],
        ms: 1e3 * mean(&|tally| tally.seconds[parity]),
        fractions: (0..=highest.max(TOLD)).map(|l| filter.fraction(l)).collect(),
    }
}
