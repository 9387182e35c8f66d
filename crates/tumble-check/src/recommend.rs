//! The cheapest mitigation that will do, and what random rotations would do instead.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Result;
use tumble_core::numbers::{plain, tidy};
use tumble_core::quadrature::Mitigation;
use tumble_core::units::{BOLTZMANN, DALTON};

use crate::convergence::Row;

/// Outer time step that multiple time stepping bears, fs: a fifth of the period of an O-H bond, 9 fs (docs/lammps.md).
const OUTER_STEP: f64 = 2.0;

/// How much warmer than the thermostat a simulation may get by noise.
const WARMTH: f64 = 0.01;

/// The longest damping time of a thermostat that is proposed, ps.
const DAMPING: f64 = 1.0;

/// Errors that are allowed, root mean squares over structures and orientations; infinite where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of the energy per atom, eV.
    pub energy: f64,
    /// Of the components of the forces, eV/Å.
    pub forces: f64,
}

impl Default for Target {
    /// A tenth of 1 meV/atom and 10 meV/Å, which are good errors of a model against its reference.
    fn default() -> Self {
        Self { energy: 1e-4, forces: 1e-3 }
    }
}

impl Target {
    /// Whether errors of energy and forces are within it.
    pub fn is_met(&self, [energy, forces]: [f64; 2]) -> bool {
        energy <= self.energy && forces <= self.forces
    }

    /// The larger of the two errors, in units of what is allowed.
    fn distance(&self, row: &Row) -> f64 {
        (row.errors[0] / self.energy).max(row.errors[1] / self.forces)
    }
}

impl fmt::Display for Target {
    /// The limits that there are, in meV/atom and meV/Å.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [(self.energy, "meV/atom"), (self.forces, "meV/Å")];
        let limits = limits.iter().filter(|(x, _)| x.is_finite()).map(|(x, unit)| format!("{} {unit}", plain(1e3 * x)));
        f.write_str(&limits.collect::<Vec<_>>().join(" and "))
    }
}

/// Of the simulation that is planned.
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
    /// M of `every M`, so that M steps are 2 fs.
    pub fn every(&self) -> usize {
        ((OUTER_STEP / self.timestep + 1e-9) as usize).max(1)
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// The line of the table that is cheapest among those that meet the target, or else has the smallest errors.
    pub row: Row,
    /// Whether it meets the target.
    pub met: bool,
    /// M of `every M`; 1 where there is nothing to gain.
    pub every: usize,
    /// Evaluations of the model a step with `every M`.
    pub cost: f64,
    /// What a random rotation a step would do instead.
    pub random: Heating,
}

/// What the noise of a random rotation at each step does.
#[derive(Clone, Debug, PartialEq)]
pub struct Heating {
    /// Mean over atoms, K/ps.
    pub rate: f64,
    /// Mean over the atoms of each element, K/ps.
    pub rates: BTreeMap<u8, f64>,
    /// Damping time of the friction that takes as much as the noise gives, ps; infinite without noise.
    pub balance: f64,
    /// Damping time that is proposed for a thermostat, ps.
    pub damping: f64,
    /// How much warmer than that thermostat the simulation gets, K.
    pub excess: f64,
}

impl Heating {
    /// From the mean of σ²/m over atoms, and of those of each element, (eV/Å)²/u.
    ///
    /// A random force of variance σ² (of the vector) gives an atom the kinetic energy σ² dt²/2m a step. A friction
    /// -m v/t takes 2/t of the kinetic energy, 3kT/2, a unit of time.
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

/// Down to one digit.
fn rounded(number: f64) -> f64 {
    let digit = 10_f64.powf(number.log10().floor());
    tidy((number / digit + 1e-9).floor() * digit)
}

/// Chooses from a table: none of its lines with rotations drawn one by one, since a grid of as many is better.
///
/// # Errors
/// A name that is no mitigation; `None` if the table is empty.
pub fn recommend(
    table: &[Row],
    target: &Target,
    conditions: &Conditions,
    random: Heating,
) -> Result<Option<Recommendation>> {
    let mut candidates = Vec::new();
    for row in table {
        let mitigation = Mitigation::parse(&row.name, row.inversion)?;
        if !mitigation.is_random() {
            // Between averages the bare model is evaluated, which is part of some grids.
            let bare = usize::from(mitigation.quadrature(0, 0, 0).identity_index().is_none());
            candidates.push((row, row.evaluations + bare));
        }
    }
    let met = candidates.iter().filter(|(row, _)| target.is_met(row.errors));
    let cheapest = met.min_by(|(a, _), (b, _)| {
        a.evaluations.cmp(&b.evaluations).then(target.distance(a).total_cmp(&target.distance(b)))
    });
    let best = candidates.iter().min_by(|(a, _), (b, _)| target.distance(a).total_cmp(&target.distance(b)));
    let Some(&(row, together)) = cheapest.or(best) else { return Ok(None) };
    let every = if row.evaluations > 1 { conditions.every() } else { 1 };
    let cost = if every > 1 { (every - 1 + together) as f64 / every as f64 } else { row.evaluations as f64 };
    Ok(Some(Recommendation { met: cheapest.is_some(), row: row.clone(), every, cost, random }))
}

/// What to write into LAMMPS and how to call `tumble ipi`.
impl Recommendation {
    /// `pair_style` for the recommended grid; with `every M` if that saves anything.
    pub fn pair_style(&self) -> String {
        let Row { name, inversion, .. } = &self.row;
        let inversion = if *inversion { " inversion yes" } else { "" };
        let every = if self.every > 1 { format!(" every {}", self.every) } else { String::new() };
        format!("pair_style tumble rotate {name}{inversion}{every}")
    }

    /// The command of i-PI's client for a model.
    pub fn ipi(&self, model: &str) -> String {
        let Row { name, inversion, .. } = &self.row;
        let inversion = if *inversion { " --inversion" } else { "" };
        format!("tumble ipi {model} --template start.xyz --unix driver --rotate {name}{inversion}")
    }

    /// Lines for LAMMPS in units metal with a random rotation at each step and a thermostat that takes up its noise.
    pub fn random_lines(&self, conditions: &Conditions) -> [String; 2] {
        let (temperature, damping) = (plain(conditions.temperature), plain(self.random.damping));
        let langevin = format!("fix 2 all langevin {temperature} {temperature} {damping} 12345");
        ["pair_style tumble rotate random seed 1".into(), langevin]
    }
}
