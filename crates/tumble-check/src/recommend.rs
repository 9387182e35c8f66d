//! The cheapest mitigation that meets the target, and the heating by random rotations as its alternative.

use std::collections::BTreeMap;
use std::fmt;

use tumble_core::numbers::{plain, tidy};
use tumble_core::units::{BOLTZMANN, DALTON};

use crate::convergence::Row;

/// Longest outer time step of multiple time stepping, fs: about a fifth of the period of an O-H bond, 9 fs
/// (docs/lammps.md).
const OUTER_STEP: f64 = 2.0;

/// Highest excess over the temperature of the thermostat, as a fraction of it.
const WARMTH: f64 = 0.01;

/// Longest damping time to propose for a thermostat, ps.
const DAMPING: f64 = 1.0;

/// Allowed errors, root mean squares over structures and orientations; infinite without a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Error of the energy per atom, eV.
    pub energy: f64,
    /// Error of the components of the forces, eV/Å.
    pub forces: f64,
}

impl Default for Target {
    /// A tenth of 1 meV/atom and 10 meV/Å, good errors of a model against its reference data.
    fn default() -> Self {
        Self { energy: 1e-4, forces: 1e-3 }
    }
}

impl Target {
    /// Returns whether the errors of energy and forces are within the target.
    pub fn is_met(&self, [energy, forces]: [f64; 2]) -> bool {
        energy <= self.energy && forces <= self.forces
    }

    /// Returns the larger of the two errors, in units of the allowed error.
    fn distance(&self, row: &Row) -> f64 {
        (row.errors[0] / self.energy).max(row.errors[1] / self.forces)
    }
}

impl fmt::Display for Target {
    /// Writes the finite limits, in meV/atom and meV/Å.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [(self.energy, "meV/atom"), (self.forces, "meV/Å")];
        let limits = limits.iter().filter(|(x, _)| x.is_finite()).map(|(x, unit)| format!("{} {unit}", plain(1e3 * x)));
        f.write_str(&limits.collect::<Vec<_>>().join(" and "))
    }
}

/// Conditions of the planned simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Time step, fs.
    pub timestep: f64,
    /// Temperature, K.
    pub temperature: f64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { timestep: 0.5, temperature: 300.0 }
    }
}

impl Conditions {
    /// Returns M of `every M`: the number of steps in 2 fs.
    pub fn every(&self) -> usize {
        ((OUTER_STEP / self.timestep + 1e-9) as usize).max(1)
    }
}

/// A recommended mitigation.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The cheapest row of the table within the target, or else the row with the smallest errors.
    pub row: Row,
    /// Whether the row meets the target.
    pub met: bool,
    /// M of `every M`; 1 if it would not save anything.
    pub every: usize,
    /// Evaluations per step with `every M`.
    pub cost: f64,
    /// Heating by the alternative, a random rotation per step.
    pub random: Heating,
}

/// Heating by the noise of a random rotation at each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Heating {
    /// Mean over atoms, K/ps.
    pub rate: f64,
    /// Mean over the atoms of each element, K/ps.
    pub rates: BTreeMap<u8, f64>,
    /// Damping time of the friction that balances the noise, ps; infinite without noise.
    pub balance: f64,
    /// Proposed damping time of a thermostat, ps.
    pub damping: f64,
    /// Excess of the simulation over the temperature of that thermostat, K.
    pub excess: f64,
}

impl Heating {
    /// Computes the heating from the mean of σ²/m, (eV/Å)²/u, over all atoms and over the atoms of each element.
    ///
    /// A random force of variance σ² (of the vector) adds the kinetic energy σ² dt²/2m per atom and step. A friction
    /// -m v/t removes 2/t of the kinetic energy, 3kT/2, per unit of time.
    pub fn new(noise_power: f64, of_elements: &BTreeMap<u8, f64>, conditions: &Conditions) -> Self {
        let Conditions { timestep, temperature } = *conditions;
        let rate = |power: f64| 1e3 * power * timestep / (2.0 * DALTON) / (1.5 * BOLTZMANN);
        let mean = rate(noise_power);
        let balance = 2.0 * temperature / mean;
        let damping = rounded((WARMTH * balance).min(DAMPING));
        let rates = of_elements.iter().map(|(&z, &power)| (z, rate(power))).collect();
        Self { rate: mean, rates, balance, damping, excess: 0.5 * mean * damping }
    }
}

/// Rounds down to one significant digit.
fn rounded(number: f64) -> f64 {
    let digit = 10_f64.powf(number.log10().floor());
    tidy((number / digit + 1e-9).floor() * digit)
}

/// Chooses a row of the table; `None` if it is empty. Independent random rotations are not considered: a grid of the
/// same size is better.
pub fn recommend(table: &[Row], target: &Target, conditions: &Conditions, random: Heating) -> Option<Recommendation> {
    // `every M` also evaluates the bare model in the step of the average, unless the grid contains the identity.
    let bare = |row: &Row| usize::from(row.mitigation.at_rest().identity_index().is_none());
    let grids = table.iter().filter(|row| !row.mitigation.is_random());
    let candidates: Vec<_> = grids.map(|row| (row, row.evaluations() + bare(row))).collect();
    let met = candidates.iter().filter(|(row, _)| target.is_met(row.errors));
    let cheapest = met.min_by(|(a, _), (b, _)| {
        a.evaluations().cmp(&b.evaluations()).then(target.distance(a).total_cmp(&target.distance(b)))
    });
    let best = candidates.iter().min_by(|(a, _), (b, _)| target.distance(a).total_cmp(&target.distance(b)));
    let &(row, together) = cheapest.or(best)?;
    let every = if row.evaluations() > 1 { conditions.every() } else { 1 };
    let cost = if every > 1 { (every - 1 + together) as f64 / every as f64 } else { row.evaluations() as f64 };
    Some(Recommendation { met: cheapest.is_some(), row: row.clone(), every, cost, random })
}

/// Lines for LAMMPS and i-PI.
impl Recommendation {
    /// Returns the `pair_style` of the recommended grid, with `every M` if that saves anything.
    pub fn pair_style(&self) -> String {
        let (name, inversion) = (self.row.name(), self.row.inversion());
        let inversion = if inversion { " inversion yes" } else { "" };
        let every = if self.every > 1 { format!(" every {}", self.every) } else { String::new() };
        format!("pair_style tumble rotate {name}{inversion}{every}")
    }

    /// Returns the command that starts `tumble ipi` with a model.
    pub fn ipi(&self, model: &str) -> String {
        let (name, inversion) = (self.row.name(), self.row.inversion());
        let inversion = if inversion { " --inversion" } else { "" };
        format!("tumble ipi {model} --template start.xyz --unix driver --rotate {name}{inversion}")
    }

    /// Returns LAMMPS commands, in units metal, for a random rotation at each step and a thermostat that absorbs its
    /// noise.
    pub fn random_lines(&self, conditions: &Conditions) -> [String; 2] {
        let (temperature, damping) = (plain(conditions.temperature), plain(self.random.damping));
        let langevin = format!("fix 2 all langevin {temperature} {temperature} {damping} 12345");
        ["pair_style tumble rotate random seed 1".into(), langevin]
    }
}
