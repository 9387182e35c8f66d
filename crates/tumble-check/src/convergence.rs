//! Measured errors and costs of the mitigations.
//!
//! The error of a grid depends on its orientation relative to the structure. The table gives the root mean square over
//! random orientations, inverted ones included: for a fixed grid, the expected error for a structure in an arbitrary
//! orientation; for `+random`, the noise per step. The errors of the bare model and of N independent rotations need no
//! further measurement: they are the spread over all rotations, and the spread over √N.

use tumble_core::graph::Graph;
use tumble_core::quadrature::{Mitigation, Quadrature};
use tumble_core::rotation::{Draw, Matrix3};

use crate::error::Result;
use crate::measure::{Evaluator, Mean, Reference, inversions};
use crate::spectrum::{Filter, Spectrum};

/// The mitigations of the table, the cheapest first.
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

/// The table of remaining fractions extends at least to this ℓ.
const LEAST_DEGREE: usize = 8;

/// A mitigation to compare, with and without inversion.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Without inversion.
    pub mitigation: Mitigation,
}

/// Returns all mitigations of the table.
///
/// # Errors
/// None: all names are valid.
pub fn grids() -> Result<Vec<Grid>> {
    GRIDS.iter().map(|name| Ok(Grid { mitigation: name.parse()? })).collect()
}

/// Error and cost of one mitigation on one structure.
#[derive(Clone, Debug, PartialEq)]
pub struct GridError {
    /// Without inversion.
    pub mitigation: Mitigation,
    /// Mean squares of the errors without and with inversion: energy per atom, eV², and forces, (eV/Å)².
    pub squares: [[f64; 2]; 2],
    /// Mean squares predicted from the spectrum, units as in `squares`.
    pub predicted: [[f64; 2]; 2],
    /// Seconds per average, without and with inversion.
    pub seconds: [f64; 2],
}

impl Grid {
    /// Returns the evaluations per step, without inversion.
    pub fn evaluations(&self) -> usize {
        self.mitigation.evaluations()
    }

    /// Returns whether the rotations are independent, so that a fraction 1/N of every angular momentum remains.
    pub fn is_drawn(&self) -> bool {
        self.mitigation.is_random() || self.evaluations() == 1
    }

    /// Returns the name of the variant with new random numbers at each step.
    pub fn random_name(&self) -> String {
        match self.mitigation.name() {
            "none" => "random".into(),
            name if self.mitigation.is_random() => name.into(),
            name => format!("{name}+random"),
        }
    }

    /// Returns the effect of the grid on each angular momentum.
    pub fn filter(&self, highest: usize) -> Filter {
        if self.is_drawn() {
            return Filter::independent(self.evaluations(), highest);
        }
        Filter::new(self.mitigation.at_rest(), highest)
    }

    /// Measures the error on one structure, averaged over the orientations `turns` of the grid.
    pub(super) fn measure(
        &self,
        evaluator: &mut Evaluator,
        graph: &Graph,
        reference: &Reference,
        turns: &[Matrix3],
        seed: u64,
    ) -> Result<GridError> {
        let (mitigation, none) = (self.mitigation.clone(), [[0.0; 2]; 2]);
        let mut grid_error = GridError { mitigation, squares: none, predicted: none, seconds: [0.0; 2] };
        let share = 1.0 / turns.len().max(1) as f64;
        for (step, turn) in turns.iter().enumerate() {
            let draw = Draw { seed, step: step as u64, stream: 0 };
            let grid = self.mitigation.orientations(graph, draw).rotated(turn);
            grid_error.add(&errors(evaluator, graph, &grid, reference)?, share);
        }
        Ok(grid_error)
    }
}

/// Squared errors of a grid (over R, over -R, over both) and seconds (over R, over -R).
struct Errors {
    squares: [[f64; 2]; 3],
    seconds: [f64; 2],
}

fn errors(evaluator: &mut Evaluator, graph: &Graph, grid: &Quadrature, reference: &Reference) -> Result<Errors> {
    let proper = evaluator.samples(graph, &grid.rotations)?;
    let inverted = evaluator.samples(graph, &inversions(&grid.rotations))?;
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

    /// Sets the prediction of the spectrum, which is exact for independent rotations and then also the error.
    pub(super) fn predict(&mut self, grid: &Grid, spectrum: &Spectrum) {
        let filter = grid.filter(spectrum.highest());
        for (inversion, predicted) in self.predicted.iter_mut().enumerate() {
            *predicted = [&spectrum.energy, &spectrum.forces].map(|bands| bands.residual(&filter, inversion == 1));
        }
        if grid.is_drawn() {
            self.squares = self.predicted;
        }
    }
}

/// A row of the table: error and cost of a mitigation, averaged over all structures.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The fixed grid.
    pub mitigation: Mitigation,
    /// Argument of `rotate` for the variant with new random numbers at each step.
    pub random_name: String,
    /// Root mean square error of the energy per atom, eV, and of the forces, eV/Å.
    pub errors: [f64; 2],
    /// Errors predicted from the spectrum, units as in `errors`.
    pub predicted: [f64; 2],
    /// Factor by which the mitigation reduces the bare model's error, for energy and forces.
    pub gains: [f64; 2],
    /// Milliseconds per average, mean over structures.
    pub ms: f64,
    /// Fraction of each ℓ, from 0, that remains for a model without preferred axes.
    pub fractions: Vec<f64>,
}

impl Row {
    /// Returns the argument of `rotate`.
    pub fn name(&self) -> &str {
        self.mitigation.name()
    }

    /// Returns whether -R is added for each R.
    pub fn inversion(&self) -> bool {
        self.mitigation.inversion()
    }

    /// Returns the degree: the average is exact through this ℓ.
    pub fn degree(&self) -> usize {
        self.mitigation.degree()
    }

    /// Returns the evaluations per step.
    pub fn evaluations(&self) -> usize {
        self.mitigation.evaluations()
    }
}

/// Averages over structures, for the grids measured on all of them.
///
/// # Errors
/// See [`grids`].
pub fn table(all: &[&[GridError]], highest: usize) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for grid in grids()? {
        let same = |grid_error: &&GridError| grid_error.mitigation == grid.mitigation;
        let grid_errors: Vec<_> = all.iter().filter_map(|one| one.iter().find(same)).collect();
        if grid_errors.len() == all.len() && !all.is_empty() {
            let both = [false, true].map(|inversion| row(&grid, inversion, &grid_errors, highest));
            rows.extend(both);
        }
    }
    let bare = rows.first().map_or([0.0; 2], |row| row.errors);
    rows.iter_mut().for_each(|row| row.gains = [0, 1].map(|i| bare[i] / row.errors[i]));
    Ok(rows)
}

fn row(grid: &Grid, inversion: bool, grid_errors: &[&GridError], highest: usize) -> Row {
    let (count, parity) = (grid_errors.len() as f64, usize::from(inversion));
    let mean =
        |of: &dyn Fn(&GridError) -> f64| grid_errors.iter().map(|grid_error| of(grid_error)).sum::<f64>() / count;
    let filter = grid.filter(highest.max(LEAST_DEGREE));
    Row {
        mitigation: grid.mitigation.clone().with_inversion(inversion),
        random_name: grid.random_name(),
        errors: [0, 1].map(|i| mean(&|grid_error| grid_error.squares[parity][i]).sqrt()),
        predicted: [0, 1].map(|i| mean(&|grid_error| grid_error.predicted[parity][i]).sqrt()),
        gains: [1.0; 2],
        ms: 1e3 * mean(&|grid_error| grid_error.seconds[parity]),
        fractions: (0..=highest.max(LEAST_DEGREE)).map(|l| filter.fraction(l)).collect(),
    }
}
