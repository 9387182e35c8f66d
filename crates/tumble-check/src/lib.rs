//! Measures how far a model breaks rotational symmetry, and recommends a mitigation.
//!
//! The energy of an invariant model, and its forces rotated back, do not depend on the orientation R of its input. For
//! other models they are functions f(R) on O(3): the rotations, and the rotations with an inversion. The modules are
//! stages; each uses the results of those above it:
//!
//! | module | result |
//! |---|---|
//! | [`structures`] | water, for users without a file |
//! | [`mod@measure`] | deviation of f from its mean: spread, torque, parity |
//! | [`spectrum`] | angular momenta ℓ of the deviation, and from them the error that a grid leaves |
//! | [`convergence`] | measured error and cost of each mitigation |
//! | [`recommend`] | the cheapest mitigation that meets the target |
//! | [`findings`] | all results, averaged over the structures |
//! | [`report`] | the findings as an HTML page |
//!
//! Energies are in eV per atom and forces in eV/Å; the error of forces is the root mean square over their components.
//! Means over structures are means of squares, with equal weights.

#![forbid(unsafe_code)]

pub mod convergence;
pub mod error;
pub mod findings;
pub mod measure;
pub mod recommend;
pub mod report;
pub mod spectrum;
pub mod structures;
pub mod wigner;

use convergence::{Grid, GridError, grids};
use measure::{Evaluator, Reference, Symmetry};
use spectrum::Spectrum;
use tumble_core::graph::Graph;
use tumble_core::potential::ModelInfo;
use tumble_core::quadrature::Quadrature;
use tumble_core::rotation::{Matrix3, draw};

pub use crate::error::{Error, Result};

/// Random stream of the rotations applied to the grids; mitigations never draw from it.
const STREAM: u64 = u64::MAX - 1;

/// Resolution of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Degree of the reference grid.
    pub degree: usize,
    /// Random orientations of each grid of the table.
    pub orientations: usize,
}

/// Degree and orientations of the plans, from the most to the least thorough. Degree D resolves the spectrum through
/// D/2.
const PLANS: [(usize, usize); 7] = [(14, 8), (14, 4), (11, 4), (9, 4), (9, 2), (7, 1), (5, 1)];

/// The comparison grid has at most the rotations of the reference grid divided by this.
const COMPARISON: usize = 3;

impl Plan {
    /// Chooses a plan for each structure, from the `seconds` that one evaluation of it takes. All structures start with
    /// the least thorough plan. They are then raised level by level, the cheapest structures first, while the total
    /// stays within `budget` seconds. `degree` and `orientations`, if given, hold for all structures.
    ///
    /// # Errors
    /// [`Error::GridOrder`](tumble_core::Error::GridOrder) if there is no grid of that degree.
    pub fn budget_plans(
        seconds: &[f64],
        budget: f64,
        degree: Option<usize>,
        orientations: Option<usize>,
    ) -> Result<Vec<Self>> {
        let of = |(d, o)| Self { degree: degree.unwrap_or(d), orientations: orientations.unwrap_or(o) };
        let plans = PLANS.map(of);
        let mut evaluations = [0.0; PLANS.len()];
        for (number, plan) in evaluations.iter_mut().zip(&plans) {
            *number = plan.evaluations()? as f64;
        }
        let mut levels = vec![PLANS.len() - 1; seconds.len()];
        let total =
            |levels: &[usize]| seconds.iter().zip(levels).map(|(s, &level)| s * evaluations[level]).sum::<f64>();
        // If even the least thorough plans exceed the budget, cheap structures may still be raised a little.
        let limit = budget.max(1.2 * total(&levels));
        for level in (0..PLANS.len() - 1).rev() {
            let mut order: Vec<_> = (0..seconds.len()).collect();
            order.sort_by(|&a, &b| seconds[a].total_cmp(&seconds[b]));
            for structure in order {
                let worse = std::mem::replace(&mut levels[structure], level);
                if total(&levels) > limit {
                    levels[structure] = worse;
                }
            }
        }
        Ok(levels.into_iter().map(|level| plans[level]).collect())
    }

    /// Returns the number of evaluations per structure.
    ///
    /// # Errors
    /// See [`Plan::budget_plans`].
    pub fn evaluations(&self) -> Result<usize> {
        let table: usize = self.grids()?.iter().map(|grid| 2 * grid.evaluations()).sum();
        Ok(2 * (self.reference()?.len() + self.comparison()?.len()) + self.orientations * table)
    }

    /// Returns the highest ℓ of an exact spectrum: half the degree, since squares of functions of ℓ contain 2ℓ.
    pub fn highest(&self) -> usize {
        self.degree / 2
    }

    /// Returns the proper rotations of the reference grid; a measurement adds their inversions.
    ///
    /// # Errors
    /// See [`Plan::budget_plans`].
    pub fn reference(&self) -> Result<Quadrature> {
        Ok(Quadrature::degree(self.degree)?)
    }

    /// Returns the comparison grid: the best with at most a third of the reference's rotations. Its difference from the
    /// reference bounds the error of the reference.
    ///
    /// # Errors
    /// See [`Plan::budget_plans`].
    pub fn comparison(&self) -> Result<Quadrature> {
        let most = self.reference()?.len() / COMPARISON;
        let mut best = Quadrature::identity();
        for degree in 1..self.degree {
            let grid = Quadrature::degree(degree)?;
            if grid.len() > most {
                break;
            }
            best = grid;
        }
        Ok(best)
    }

    /// Returns the grids of the table: all that are cheaper than the reference.
    ///
    /// # Errors
    /// See [`Plan::budget_plans`].
    pub fn grids(&self) -> Result<Vec<Grid>> {
        let most = self.reference()?.len();
        Ok(grids()?.into_iter().filter(|grid| grid.evaluations() < most).collect())
    }
}

/// Results of one structure.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Resolution of the measurement.
    pub plan: Plan,
    /// Atomic numbers of its elements, in the order of first occurrence.
    pub elements: Vec<u8>,
    /// Spreads, torque, parity.
    pub symmetry: Symmetry,
    /// Spectrum of angular momenta.
    pub spectrum: Spectrum,
    /// Difference of the comparison grid from the reference: energy per atom, eV, and forces, eV/Å.
    pub convergence: [f64; 2],
    /// Errors of the grids of the plan.
    pub grid_errors: Vec<GridError>,
}

/// Measures one structure.
///
/// # Errors
/// Errors of the potential and of [`Plan::budget_plans`], and [`Error::Interrupted`].
pub fn measure(evaluator: &mut Evaluator, graph: &Graph, plan: Plan, seed: u64) -> Result<Measured> {
    let turn = |k: usize| draw(seed, k as u64, STREAM);
    let reference = Reference::measure(evaluator, graph, plan.reference()?.rotated(&turn(0)))?;
    let comparison = Reference::measure(evaluator, graph, plan.comparison()?.rotated(&turn(1)))?;
    let symmetry = Symmetry::of(&reference, graph, evaluator.info());
    let spectrum = Spectrum::of(&reference, plan.highest());
    let turns: Vec<Matrix3> = (0..plan.orientations).map(|k| turn(k + 2)).collect();
    let mut grid_errors = Vec::new();
    for grid in plan.grids()? {
        let mut grid_error = grid.measure(evaluator, graph, &reference, &turns, seed)?;
        grid_error.predict(&grid, &spectrum);
        grid_errors.push(grid_error);
    }
    let elements = first_atoms(graph.species.iter().copied());
    Ok(Measured { plan, elements, symmetry, convergence: reference.difference(&comparison), spectrum, grid_errors })
}

/// Returns each element once, in the order of first occurrence.
fn first_atoms(species: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut elements = Vec::new();
    for z in species {
        if !elements.contains(&z) {
            elements.push(z);
        }
    }
    elements
}

/// Returns whether the model knows hydrogen and oxygen, the elements of [`structures`].
pub fn knows_water(info: &ModelInfo) -> bool {
    info.check_species(&[1, 8]).is_ok()
}
