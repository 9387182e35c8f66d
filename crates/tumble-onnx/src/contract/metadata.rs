//! Metadata of a model file: one JSON value under the key `tumble` (docs/model-contract.md).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tumble_core::conditions::Condition;
use tumble_core::echo::echo;
use tumble_core::elements::HEAVIEST;
use tumble_core::outputs::OutputInfo;
use tumble_core::potential::{Forces, ModelInfo};
use tumble_core::units;

use super::declared_output::{DeclaredOutput, declarations, descriptions};
use super::json;
use crate::error::{ContractViolation, Error, Result};

/// The key in `metadata_props`.
pub(crate) const KEY: &str = "tumble";

/// The version of the model contract supported by this program.
pub const CONTRACT_VERSION: u32 = 2;

/// Longest cutoff, Å: a longer one is probably given in another unit.
const LONGEST_CUTOFF: f64 = 100.0;

/// Most hops: more would span any structure.
const MOST_HOPS: usize = 100;

/// Most bytes per edge: more would exceed the memory of any computer, and overflow when multiplied by the number of
/// edges.
const MOST_BYTES: usize = 1 << 30;

/// The metadata of a file, as written there, checked. Lengths are in `length_unit`, reference energies in eV.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Version of the contract.
    pub version: u32,
    /// Name of the model, for messages.
    pub name: String,
    /// Longest edge, in `length_unit`.
    pub cutoff: f64,
    /// An atom's energy depends on atoms up to `hops` edges away.
    pub hops: usize,
    /// Whether the energy belongs to the whole structure and is not a sum over atoms.
    #[serde(default)]
    pub whole: bool,
    /// Supported atomic numbers, ascending.
    pub species: Vec<u8>,
    /// Unit of the edge vectors.
    pub length_unit: LengthUnit,
    /// Unit of the energies.
    pub energy_unit: EnergyUnit,
    /// Precision of the tensors.
    pub precision: Precision,
    /// Shape of the edge tensors.
    pub layout: Layout,
    /// Kinds of forces offered.
    pub forces: ForceKinds,
    /// Energy of a free atom of each species, eV, kept out of the graph and added by the driver in f64.
    #[serde(default)]
    pub reference_energies: BTreeMap<u8, f64>,
    /// Symmetries that hold exactly, such as "permutation" or "inversion".
    #[serde(default)]
    pub symmetries: Vec<String>,
    /// Publication to cite.
    #[serde(default)]
    pub reference: Option<String>,
    /// Origin of the model, for people.
    #[serde(default)]
    pub provenance: Value,
    /// Peak working memory per edge slot, bytes.
    #[serde(default)]
    pub bytes_per_edge: Option<usize>,
    /// Usual largest number of neighbors that an atom keeps, in a model that prunes edges. `bytes_per_edge` is then the
    /// memory per kept edge slot.
    #[serde(default)]
    pub kept_neighbors: Option<usize>,
    /// The least and the largest charge of a model that knows whole numbers only.
    #[serde(default)]
    pub charges: Option<[i64; 2]>,
    /// The least and the largest spin multiplicity, likewise.
    #[serde(default)]
    pub spins: Option<[i64; 2]>,
    /// Outputs besides the energy and its derivatives, by name.
    #[serde(default, deserialize_with = "declarations")]
    pub outputs: BTreeMap<String, DeclaredOutput>,
    /// Their descriptions, from `outputs`.
    #[serde(skip)]
    pub described: Vec<Arc<OutputInfo>>,
}

/// A unit of length.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LengthUnit {
    /// 1 Å.
    Angstrom,
    /// The Bohr radius.
    Bohr,
    /// 10 Å.
    Nm,
}

impl LengthUnit {
    /// Returns the length of this unit, Å.
    pub fn angstrom(self) -> f64 {
        match self {
            Self::Angstrom => 1.0,
            Self::Bohr => units::BOHR,
            Self::Nm => units::NANOMETER,
        }
    }
}

/// A unit of energy.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum EnergyUnit {
    /// Electronvolt.
    #[serde(rename = "eV")]
    ElectronVolt,
    /// Hartree.
    #[serde(rename = "hartree")]
    Hartree,
    /// Kilocalorie per mole.
    #[serde(rename = "kcal/mol")]
    KilocaloriePerMol,
    /// Kilojoule per mole.
    #[serde(rename = "kJ/mol")]
    KilojoulePerMol,
}

impl EnergyUnit {
    /// Returns the energy of this unit, eV.
    pub fn electron_volt(self) -> f64 {
        match self {
            Self::ElectronVolt => 1.0,
            Self::Hartree => units::HARTREE,
            Self::KilocaloriePerMol => units::KILOCALORIE_PER_MOL,
            Self::KilojoulePerMol => units::KILOJOULE_PER_MOL,
        }
    }
}

/// Precision of a model's floating-point tensors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    Float32,
    /// Double precision.
    Float64,
}

/// Shape of the edge tensors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One row per edge.
    List,
    /// K slots per center.
    Padded,
}

/// The kinds of forces offered by a model.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ForceKinds {
    /// Edge gradients of the energy: conservative forces.
    Conservative,
    /// Forces predicted directly.
    Direct,
    /// Both kinds; the driver chooses.
    Both,
}

impl ForceKinds {
    /// Returns the kinds, the preferred one first.
    pub fn kinds(self) -> &'static [Forces] {
        match self {
            Self::Conservative => &[Forces::Conservative],
            Self::Direct => &[Forces::Direct],
            Self::Both => &[Forces::Conservative, Forces::Direct],
        }
    }
}

impl Metadata {
    /// Parses and checks the JSON text of the file `path`; `None` for a file without metadata.
    ///
    /// # Errors
    /// [`Error::NoContract`], [`Error::ContractVersion`], and [`Error::Contract`] with the wrong field.
    pub fn parse(text: Option<&str>, path: &Path) -> Result<Self> {
        let text = text.ok_or_else(|| Error::NoContract { path: path.to_path_buf() })?;
        let wrong = |source| Error::Contract { path: path.to_path_buf(), source };
        let value = json::read(text).map_err(wrong)?;
        let version = value.get("version").ok_or_else(|| wrong(ContractViolation::NoVersion))?;
        if !version.as_u64().is_some_and(|version| (1..=CONTRACT_VERSION.into()).contains(&version)) {
            let (path, found) = (path.to_path_buf(), version.to_string());
            return Err(Error::ContractVersion { path, found, known: CONTRACT_VERSION });
        }
        whole_numbers(&value).map_err(wrong)?;
        let mut metadata: Self =
            serde_json::from_value(value).map_err(|source| wrong(ContractViolation::Field { source }))?;
        metadata.species.sort_unstable();
        metadata.described = descriptions(&metadata.outputs).map_err(wrong)?;
        metadata.first_violation().map_or(Ok(metadata), |violation| Err(wrong(violation)))
    }

    /// Returns the violation by the first value out of range.
    fn first_violation(&self) -> Option<ContractViolation> {
        let references = &self.reference_energies;
        let cutoff = self.cutoff * self.length_unit.angstrom();
        if !(cutoff > 0.0 && cutoff <= LONGEST_CUTOFF) {
            Some(ContractViolation::Cutoff { found: self.cutoff })
        } else if !self.has_elements() {
            Some(ContractViolation::Species { found: self.species.clone() })
        } else if !references.is_empty() && !references.keys().eq(&self.species) {
            Some(ContractViolation::ReferenceSpecies { found: references.keys().copied().collect() })
        } else {
            let found = references.iter().find(|(_, energy)| !energy.is_finite());
            found.map(|(&element, &found)| ContractViolation::ReferenceEnergy { element, found })
        }
    }

    fn whole_numbers(&self) -> Vec<(Condition, [i64; 2])> {
        let ranges = [(Condition::Charge, self.charges), (Condition::Spin, self.spins)];
        ranges.into_iter().filter_map(|(condition, range)| Some((condition, range?))).collect()
    }

    /// Returns whether the sorted species are distinct elements.
    fn has_elements(&self) -> bool {
        let ends = self.species.first().zip(self.species.last());
        let known = ends.is_some_and(|(&first, &last)| first > 0 && last <= HEAVIEST);
        known && self.species.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// Returns the properties for the driver, in Å and eV. `ensemble` is false and `conditions`
    /// are empty: only the outputs and inputs of the file tell.
    pub fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.name.clone(),
            cutoff: self.cutoff * self.length_unit.angstrom(),
            hops: self.hops,
            whole: self.whole,
            species: self.species.clone(),
            reference_energies: self.reference_energies.clone(),
            forces: self.forces.kinds().to_vec(),
            ensemble: false,
            conditions: Vec::new(),
            whole_numbers: self.whole_numbers(),
            outputs: self.described.clone(),
        }
    }
}

/// Refuses values of whole numbers that are out of range or of another type; missing ones and `null` are up to serde.
fn whole_numbers(metadata: &Value) -> Result<(), ContractViolation> {
    type Violation = fn(String) -> ContractViolation;
    let numbers: [(&str, usize, Violation); 3] = [
        ("hops", MOST_HOPS, |found| ContractViolation::Hops { found }),
        ("bytes_per_edge", MOST_BYTES, |found| ContractViolation::BytesPerEdge { found }),
        ("kept_neighbors", usize::MAX, |found| ContractViolation::KeptNeighbors { found }),
    ];
    for (name, most, violation) in numbers {
        let found = metadata.get(name).filter(|found| !found.is_null());
        let fits = |found: &Value| found.as_u64().is_some_and(|number| (1..=most as u64).contains(&number));
        if let Some(found) = found.filter(|found| !fits(found)) {
            return Err(violation(json_text(found)));
        }
    }
    Ok(())
}

/// Returns a value as it is written in JSON, shortened.
fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", echo(text)),
        other => echo(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
