//! All structures together.

use std::collections::BTreeMap;

use tumble_core::elements::symbol;
use tumble_core::numbers::short;

use crate::convergence::{GridError, Row, table};
use crate::error::Result;
use crate::measure::Symmetry;
use crate::recommend::{Conditions, Heating, Recommendation, Target, recommend};
use crate::spectrum::Spectrum;
use crate::{Measured, first_atoms};

/// A spread of forces that phonons show, eV/Å.
const NOTICED: f64 = 1e-3;

/// What was found, structure by structure and on average.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Each structure with its name; at least one.
    pub structures: Vec<(String, Measured)>,
    /// Root mean squares over structures; atoms and energy are sums.
    pub symmetry: Symmetry,
    /// Root mean squares over structures of the difference between two references.
    pub convergence: [f64; 2],
    /// Mean spectrum, through the ℓ to which all are resolved.
    pub spectrum: Spectrum,
    /// What each mitigation leaves and costs.
    pub table: Vec<Row>,
    /// What was asked for.
    pub target: Target,
    /// Of the simulation.
    pub conditions: Conditions,
    /// What to do; `None` if the table is empty.
    pub recommendation: Option<Recommendation>,
}

impl Findings {
    /// Puts together what was measured; `None` if that is nothing.
    ///
    /// # Errors
    /// Those of [`recommend`].
    pub fn new(structures: Vec<(String, Measured)>, target: Target, conditions: Conditions) -> Result<Option<Self>> {
        let all: Vec<&Measured> = structures.iter().map(|(_, measured)| measured).collect();
        if all.is_empty() {
            return Ok(None);
        }
        let spectrum = Spectrum::mean(&all.iter().map(|one| &one.spectrum).collect::<Vec<_>>());
        let tallies: Vec<&[GridError]> = all.iter().map(|one| &one.tallies[..]).collect();
        let table = table(&tallies, spectrum.highest())?;
        let symmetry = mean(&all.iter().map(|one| &one.symmetry).collect::<Vec<_>>());
        let convergence = [0, 1].map(|i| root_mean_square(all.iter().map(|one| one.convergence[i])));
        let random = Heating::new(symmetry.noise_power, &symmetry.noise_powers, &conditions);
        let recommendation = recommend(&table, &target, &conditions, random);
        Ok(Some(Self { symmetry, convergence, spectrum, table, target, conditions, recommendation, structures }))
    }

    /// The structure whose energy breaks the symmetry most.
    pub fn most_broken(&self) -> &(String, Measured) {
        let spread = |one: &&(String, Measured)| one.1.symmetry.energy_spread;
        let most = self.structures.iter().max_by(|a, b| spread(a).total_cmp(&spread(b)));
        most.unwrap_or(&self.structures[0])
    }

    /// Whether the reference may be too coarse for the errors of what is recommended, as far as the target needs them.
    pub fn is_coarse(&self) -> bool {
        let Some(choice) = &self.recommendation else { return false };
        let limits = [self.target.energy, self.target.forces];
        let coarse = |i: usize| self.convergence[i] > choice.row.errors[i].max(0.1 * limits[i]);
        coarse(0) || coarse(1)
    }

    /// What periodic structures whose forces depend on the orientation mean for phonons, as a sentence; `None` where there
    /// are none.
    pub fn phonons(&self) -> Option<String> {
        let periodic = self.structures.iter().map(|(_, measured)| &measured.symmetry).filter(|one| one.periodic);
        let spread = periodic.map(|symmetry| symmetry.force_spread).fold(0.0, f64::max);
        (spread > NOTICED).then(|| {
            format!(
                "forces of a periodic structure spread by {} meV/Å: if it is a crystal, phonons from displacements that \
                 its symmetry reduces look symmetric with the bare model, and are wrong: average over a grid with its \
                 point group (octahedral with inversion for a cubic one), or displace all atoms in all directions",
                short(1e3 * spread)
            )
        })
    }

    /// Symbols of the atom types of a simulation, one for each element, in the order of their first atoms.
    pub fn types(&self) -> Vec<&'static str> {
        let all = self.structures.iter().flat_map(|(_, measured)| measured.elements.iter().copied());
        first_atoms(all).into_iter().map(symbol).collect()
    }

    /// `pair_coeff` for a simulation whose atom types are [`Findings::types`].
    pub fn pair_coeff(&self, model: &str) -> String {
        format!("pair_coeff * * {model} {}", self.types().join(" "))
    }

    /// What the order of the elements in [`Findings::pair_coeff`] is, and how to get a data file of the same.
    pub fn order(&self) -> String {
        let types = self.types();
        let list = types.iter().map(|symbol| format!("\"{symbol}\"")).collect::<Vec<_>>().join(", ");
        let mut sorted = types.clone();
        sorted.sort_unstable();
        format!(
            "pair_coeff names the element of each atom type of the data file, type 1 first: here {}, in the order of \
             their first atoms. ASE numbers types alphabetically ({}) unless it is told: write(\"start.data\", atoms, \
             format=\"lammps-data\", specorder=[{list}], masses=True)",
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
