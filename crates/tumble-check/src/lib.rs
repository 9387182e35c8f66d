//! Measuring how much of a model's symmetry is broken, and choosing what to do about it.
//!
//! An invariant model's energy, and its forces turned back, do not depend on the orientation R in which the structure
//! is shown to it. Those of other models are functions f(R) on O(3): the rotations, and the rotations with an
//! inversion. Stages, each of the one before:
//!
//! | module | question |
//! |---|---|
//! | [`structures`] | on what, if the user gives nothing |
//! | [`mod@measure`] | how far f deviates from its mean: spread, torque, parity |
//! | [`spectrum`] | which angular momenta ℓ the deviation has, and hence what a grid leaves of it |
//! | [`convergence`] | what each mitigation leaves, measured, at which cost |
//! | [`recommend`] | which is the cheapest that will do |
//! | [`findings`] | all of that, over all structures |
//! | [`report`] | the same as one page |
//!
//! Energies are in eV per atom and forces in eV/Å; an error of forces is the root mean square over their components.
//! Means over structures are means of squares, each structure counting once.

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

/// Stream of the rotations by which grids are turned here: none of those that a mitigation draws from.
const STREAM: u64 = u64::MAX - 1;

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Degree of the reference grid.
    pub degree: usize,
    /// Random orientations of each grid of the table.
    pub orientations: usize,
}

/// Plans from the most to the least thorough. With degree D the spectrum is resolved through D/2.
const PLANS: [(usize, usize); 7] = [(14, 8), (14, 4), (11, 4), (9, 4), (9, 2), (7, 1), (5, 1)];

/// The fraction of a reference grid's rotations that the grid takes by which its convergence is seen.
const COMPARISON: usize = 3;

impl Plan {
    /// One for each structure, of which an evaluation takes so many seconds: first the least thorough, then better
    /// ones, those of the worst off first, for as long as all together take at most `budget` seconds. A degree or a
    /// number of orientations that is given stays.
    ///
    /// # Errors
    /// [`Error::GridOrder`](tumble_core::Error::GridOrder) if there is no grid of the degree given.
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
        // Where the least is too much already, what is cheap beside it still need not suffer.
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

    /// How often the model is evaluated for a structure.
    ///
    /// # Errors
    /// Those of [`Plan::budget_plans`].
    pub fn evaluations(&self) -> Result<usize> {
        let table: usize = self.grids()?.iter().map(|grid| 2 * grid.evaluations()).sum();
        Ok(2 * (self.reference()?.len() + self.comparison()?.len()) + self.orientations * table)
    }

    /// The highest ℓ of which the spectrum is exact: squares of what has ℓ have 2ℓ.
    pub fn highest(&self) -> usize {
        self.degree / 2
    }

    /// Rotations of the reference grid; it is used with inversion.
    ///
    /// # Errors
    /// Those of [`Plan::budget_plans`].
    pub fn reference(&self) -> Result<Quadrature> {
        Ok(Quadrature::exact_through(self.degree)?)
    }

    /// The grid whose difference from the reference shows how far that has converged: the best one that takes at most a
    /// third of its rotations.
    ///
    /// # Errors
    /// Those of [`Plan::budget_plans`].
    pub fn comparison(&self) -> Result<Quadrature> {
        let most = self.reference()?.len() / COMPARISON;
        let mut best = Quadrature::identity();
        for degree in 1..self.degree {
            let grid = Quadrature::exact_through(degree)?;
            if grid.len() > most {
                break;
            }
            best = grid;
        }
        Ok(best)
    }

    /// The grids of the table: those that are cheaper than the reference, by which they are judged.
    ///
    /// # Errors
    /// Those of [`Plan::budget_plans`].
    pub fn grids(&self) -> Result<Vec<Grid>> {
        let most = self.reference()?.len();
        Ok(grids()?.into_iter().filter(|grid| grid.evaluations() < most).collect())
    }
}

/// All that was measured on one structure.
#[derive(Clone, Debug)]
pub struct Measured {
    /// How thoroughly.
    pub plan: Plan,
    /// Atomic numbers of its elements, in the order of their first atoms.
    pub elements: Vec<u8>,
    /// Spreads, torque, parity.
    pub symmetry: Symmetry,
    /// Its angular momenta.
    pub spectrum: Spectrum,
    /// How the comparison grid differs from the reference: energy per atom, eV, and forces, eV/Å.
    pub convergence: [f64; 2],
    /// What is left by each grid of the plan.
    pub tallies: Vec<GridError>,
}

/// Measures one structure.
///
/// # Errors
/// Those of the potential, of a plan for which there is no grid, and
/// [`Error::Interrupted`].
pub fn measure(bench: &mut Evaluator, graph: &Graph, plan: Plan, seed: u64) -> Result<Measured> {
    let turn = |k: usize| draw(seed, k as u64, STREAM);
    let reference = Reference::measure(bench, graph, plan.reference()?.rotated(&turn(0)))?;
    let comparison = Reference::measure(bench, graph, plan.comparison()?.rotated(&turn(1)))?;
    let symmetry = Symmetry::of(&reference, graph, bench.info());
    let spectrum = Spectrum::of(&reference, plan.highest());
    let turns: Vec<Matrix3> = (0..plan.orientations).map(|k| turn(k + 2)).collect();
    let mut tallies = Vec::new();
    for grid in plan.grids()? {
        let mut tally = grid.tally(bench, graph, &reference, &turns, seed)?;
        tally.predict(&grid, &spectrum);
        tallies.push(tally);
    }
    let elements = first_atoms(graph.species.iter().copied());
    Ok(Measured { plan, elements, symmetry, convergence: reference.difference(&comparison), spectrum, tallies })
}

/// Each element once, in the order of their first atoms.
fn first_atoms(species: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut elements = Vec::new();
    for z in species {
        if !elements.contains(&z) {
            elements.push(z);
        }
    }
    elements
}

/// Whether the model knows hydrogen and oxygen, so that [`structures`] can be made for it.
pub fn knows_water(info: &ModelInfo) -> bool {
    info.check_species(&[1, 8]).is_ok()
}
