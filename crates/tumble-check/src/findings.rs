//! Results of all structures, and their averages.

use std::collections::BTreeMap;

use tumble_core::elements::symbol;
use tumble_core::numbers::short;

use crate::convergence::{GridError, Row, grids, table};
use crate::error::Result;
use crate::measure::Symmetry;
use crate::recommend::{Conditions, Heating, Recommendation, Target, recommend};
use crate::spectrum::Spectrum;
use crate::{Measured, first_atoms};

/// Smallest spread of forces that shows in phonons, eV/Å.
const NOTICED: f64 = 1e-3;

/// Results of each structure and on average.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Name and results of each structure; at least one.
    pub structures: Vec<(String, Measured)>,
    /// Root mean squares over structures; atoms and energy are sums.
    pub symmetry: Symmetry,
    /// Root mean squares over structures of the difference between two references.
    pub convergence: [f64; 2],
    /// Mean spectrum, through the highest ℓ resolved for all structures.
    pub spectrum: Spectrum,
    /// Error and cost of each mitigation.
    pub table: Vec<Row>,
    /// Allowed errors.
    pub target: Target,
    /// Conditions of the planned simulation.
    pub conditions: Conditions,
    /// Recommended mitigation; `None` if the table is empty.
    pub recommendation: Option<Recommendation>,
}

impl Findings {
    /// Combines the results of the structures; `None` without structures.
    ///
    /// # Errors
    /// See [`recommend`].
    pub fn new(structures: Vec<(String, Measured)>, target: Target, conditions: Conditions) -> Result<Option<Self>> {
        let all: Vec<&Measured> = structures.iter().map(|(_, measured)| measured).collect();
        if all.is_empty() {
            return Ok(None);
        }
        let spectrum = Spectrum::mean(&all.iter().map(|one| &one.spectrum).collect::<Vec<_>>());
        let grid_errors: Vec<&[GridError]> = all.iter().map(|one| &one.grid_errors[..]).collect();
        let table = table(&grid_errors, spectrum.highest())?;
        let symmetry = mean(&all.iter().map(|one| &one.symmetry).collect::<Vec<_>>());
        let convergence = [0, 1].map(|i| root_mean_square(all.iter().map(|one| one.convergence[i])));
        let random = Heating::new(symmetry.noise_power, &symmetry.noise_powers, &conditions);
        let recommendation = recommend(&table, &target, &conditions, random);
        Ok(Some(Self { symmetry, convergence, spectrum, table, target, conditions, recommendation, structures }))
    }

    /// Returns the structure with the largest spread of the energy.
    pub fn most_broken(&self) -> &(String, Measured) {
        let spread = |one: &&(String, Measured)| one.1.symmetry.energy_spread;
        let most = self.structures.iter().max_by(|a, b| spread(a).total_cmp(&spread(b)));
        most.unwrap_or(&self.structures[0])
    }

    /// Returns whether the error of the reference may exceed the error of the recommended mitigation, or a tenth of the
    /// target if that is larger.
    pub fn is_coarse(&self) -> bool {
        let Some(choice) = &self.recommendation else { return false };
        let limits = [self.target.energy, self.target.forces];
        let coarse = |i: usize| self.convergence[i] > choice.row.errors[i].max(0.1 * limits[i]);
        coarse(0) || coarse(1)
    }

    /// Returns a note on the grids missing in the table; `None` if there are all.
    pub fn left_out(&self) -> Option<String> {
        let all = grids().unwrap_or_default();
        let missing = all
            .iter()
            .map(|grid| grid.mitigation.name())
            .filter(|name| self.table.iter().all(|row| row.name() != *name));
        let missing: Vec<_> = missing.collect();
        let remedy = "give more --budget, a finer --reference, or fewer structures";
        (!missing.is_empty())
            .then(|| format!("not tried, as they need a finer reference: {}: {remedy}", missing.join(", ")))
    }

    /// Returns a warning about phonons; `None` if no periodic structure has orientation-dependent forces.
    pub fn phonons(&self) -> Option<String> {
        let periodic = self.structures.iter().map(|(_, measured)| &measured.symmetry).filter(|one| one.periodic);
        let spread = periodic.map(|symmetry| symmetry.force_spread).fold(0.0, f64::max);
        (spread > NOTICED).then(|| {
            format!(
                "forces of a periodic structure spread by {} meV/Å: phonons of a crystal from symmetry-reduced \
                 displacements look symmetric with the bare model but are wrong: average over a grid with the \
                 crystal's point group (octahedral+inversion if cubic), or displace all atoms in all directions",
                short(1e3 * spread)
            )
        })
    }

    /// Returns the symbols of the atom types of a simulation, one per element, in the order of first occurrence.
    pub fn types(&self) -> Vec<&'static str> {
        let all = self.structures.iter().flat_map(|(_, measured)| measured.elements.iter().copied());
        first_atoms(all).into_iter().map(symbol).collect()
    }

    /// Returns the `pair_coeff` of a simulation with the atom types [`Findings::types`].
    pub fn pair_coeff(&self, model: &str) -> String {
        format!("pair_coeff * * {model} {}", self.types().join(" "))
    }

    /// Returns a sentence on the order of the elements in [`Findings::pair_coeff`], and how to write a matching data
    /// file.
    pub fn order(&self) -> String {
        let types = self.types();
        let list = types.iter().map(|symbol| format!("\"{symbol}\"")).collect::<Vec<_>>().join(", ");
        let mut sorted = types.clone();
        sorted.sort_unstable();
        format!(
            "pair_coeff names the element of each atom type of the data file, type 1 first: here {}, in the order of \
             first occurrence. ASE numbers types alphabetically ({}) unless you name the order: write(\"start.data\", \
             atoms, format=\"lammps-data\", specorder=[{list}], masses=True)",
            types.join(" "),
            sorted.join(" "),
        )
    }
}

fn root_mean_square(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    (values.map(|x| x * x).sum::<f64>() / count).sqrt()
}

fn mean(all: &[&Symmetry]) -> Symmetry {
    let rms = |of: fn(&Symmetry) -> f64| root_mean_square(all.iter().map(|one| of(one)));
    let known = |of: fn(&Symmetry) -> Option<f64>| {
        let values: Option<Vec<_>> = all.iter().map(|one| of(one)).collect();
        values.map(|values| root_mean_square(values.into_iter()))
    };
    let mut powers = BTreeMap::<u8, (f64, f64)>::new();
    for (&z, power) in all.iter().flat_map(|one| &one.noise_powers) {
        let sum = powers.entry(z).or_default();
        *sum = (sum.0 + power, sum.1 + 1.0);
    }
    Symmetry {
        atoms: all.iter().map(|one| one.atoms).sum(),
        periodic: all.iter().any(|one| one.periodic),
        energy: all.iter().map(|one| one.energy).sum(),
        force: rms(|one| one.force),
        energy_spread: rms(|one| one.energy_spread),
        force_spread: rms(|one| one.force_spread),
        torque: known(|one| one.torque),
        antisymmetric: known(|one| one.antisymmetric),
        energy_parity: rms(|one| one.energy_parity),
        force_parity: rms(|one| one.force_parity),
        noise_power: all.iter().map(|one| one.noise_power).sum::<f64>() / all.len() as f64,
        noise_powers: powers.into_iter().map(|(z, (sum, count))| (z, sum / count)).collect(),
    }
}
