//! What a model file says of itself: one JSON value under the key `tumble` (docs/model-contract.md).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::potential::{Forces, ModelInfo};
use crate::units;

/// The key in `metadata_props`.
pub(super) const KEY: &str = "tumble";

/// The version of the contract that this program knows.
pub const CONTRACT_VERSION: u32 = 1;

/// The metadata as written in the file, checked. Lengths are in `length_unit`, reference energies in eV.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Metadata {
    /// Version of the contract.
    pub version: u32,
    /// Name of the model, for messages.
    pub name: String,
    /// Longest edge, in `length_unit`.
    pub cutoff: f64,
    /// An atom's energy depends on atoms up to `hops` edges away.
    pub hops: usize,
    /// Whether the energy is one of the whole structure, and not a sum over atoms.
    #[serde(default)]
    pub whole: bool,
    /// Atomic numbers that the model knows, ascending.
    pub species: Vec<u8>,
    /// Unit of the edge vectors.
    pub length_unit: LengthUnit,
    /// Unit of the energies.
    pub energy_unit: EnergyUnit,
    /// Precision of the tensors.
    pub precision: Precision,
    /// Shape of the edge tensors.
    pub layout: Layout,
    /// Kinds of forces on offer.
    pub forces: Offer,
    /// Energy of a free atom of each species, eV, kept out of the graph and added by the driver in f64.
    #[serde(default)]
    pub reference_energies: BTreeMap<u8, f64>,
    /// Symmetries that hold exactly, such as "permutation" or "inversion".
    #[serde(default)]
    pub symmetries: Vec<String>,
    /// What to cite.
    #[serde(default)]
    pub reference: Option<String>,
    /// Where the model comes from, for people.
    #[serde(default)]
    pub provenance: Value,
    /// Peak working memory per edge slot, bytes.
    #[serde(default)]
    pub bytes_per_edge: Option<usize>,
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
    /// This unit, Å.
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
    /// This unit, eV.
    pub fn electron_volt(self) -> f64 {
        match self {
            Self::ElectronVolt => 1.0,
            Self::Hartree => units::HARTREE,
            Self::KilocaloriePerMol => units::KILOCALORIE_PER_MOL,
            Self::KilojoulePerMol => units::KILOJOULE_PER_MOL,
        }
    }
}

/// Precision of a model's tensors of real numbers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single.
    Float32,
    /// Double.
    Float64,
}

/// Shape of the edge tensors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One row per edge.
    List,
    /// K slots for each center.
    Padded,
}

/// Which forces a model offers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Offer {
    /// Edge gradients of the energy.
    Conservative,
    /// Forces of their own.
    Direct,
    /// Both; the driver chooses.
    Both,
}

impl Offer {
    /// The kinds, the preferred one first.
    pub fn kinds(self) -> &'static [Forces] {
        match self {
            Self::Conservative => &[Forces::Conservative],
            Self::Direct => &[Forces::Direct],
            Self::Both => &[Forces::Conservative, Forces::Direct],
        }
    }
}

impl Metadata {
    /// Parses and checks the JSON text in the file `path`; `None` is a file without it.
    ///
    /// # Errors
    /// [`Error::NoContract`], [`Error::ContractVersion`], and [`Error::Contract`] with the field that is wrong.
    pub fn parse(text: Option<&str>, path: &Path) -> Result<Self> {
        let text = text.ok_or_else(|| Error::NoContract { path: path.to_path_buf() })?;
        let wrong = |cause: String| Error::Contract { path: path.to_path_buf(), cause };
        let value: Value =
            serde_json::from_str(text).map_err(|error| wrong(format!("its metadata are not JSON: {error}")))?;
        let version =
            value.get("version").ok_or_else(|| wrong("missing field `version` in its metadata".to_owned()))?;
        if version.as_u64() != Some(u64::from(CONTRACT_VERSION)) {
            let (path, found) = (path.to_path_buf(), version.to_string());
            return Err(Error::ContractVersion { path, found, known: CONTRACT_VERSION });
        }
        let mut metadata: Self =
            serde_json::from_value(value).map_err(|error| wrong(format!("{error} in its metadata")))?;
        metadata.species.sort_unstable();
        metadata.nonsense().map_or(Ok(metadata), |cause| Err(wrong(cause)))
    }

    /// The first value that makes no sense.
    fn nonsense(&self) -> Option<String> {
        let references = &self.reference_energies;
        // A large number of nm may be infinite in Å.
        let cutoff = self.cutoff * self.length_unit.angstrom();
        let (found, expected) = if !(cutoff.is_finite() && cutoff > 0.0) {
            (format!("`cutoff` is {:?}", self.cutoff), "a length above 0")
        } else if self.hops == 0 {
            ("`hops` is 0".to_owned(), "1 or more")
        } else if self.species.is_empty() || self.species[0] == 0 || self.species.windows(2).any(|w| w[0] == w[1]) {
            (format!("`species` is {:?}", self.species), "distinct atomic numbers")
        } else if !references.is_empty() && !references.keys().eq(&self.species) {
            (format!("`reference_energies` are of {:?}", references.keys()), "one of each of `species`")
        } else if let Some((z, energy)) = references.iter().find(|(_, energy)| !energy.is_finite()) {
            (format!("`reference_energies` of {z} is {energy}"), "an energy in eV")
        } else if self.bytes_per_edge == Some(0) {
            ("`bytes_per_edge` is 0".to_owned(), "1 or more")
        } else {
            return None;
        };
        Some(format!("{found} in its metadata where {expected} was expected"))
    }

    /// What the driver must know, in Å and eV. An ensemble shows in the outputs of a file only: there is none here.
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"version": 1, "name": "toy", "cutoff": 6.0, "hops": 2, "species": [8, 1],
        "length_unit": "bohr", "energy_unit": "kJ/mol", "precision": "float64", "layout": "list", "forces": "both",
        "reference_energies": {"1": -13.6, "8": -432.0}, "provenance": {"made by": ["hand"]}}"#;

    fn parse(text: &str) -> Result<Metadata> {
        Metadata::parse(Some(text), Path::new("m.onnx"))
    }

    #[test]
    fn units_are_converted_at_the_door() {
        let info = parse(GOOD).unwrap().info();
        assert_eq!(info.cutoff, 6.0 * units::BOHR);
        assert_eq!(info.species, [1, 8]);
        assert_eq!(info.reference_energies[&8], -432.0);
        assert_eq!(info.forces, [Forces::Conservative, Forces::Direct]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("\"version\": 1, ", "", "missing field `version` in its metadata"),
            ("\"cutoff\": 6.0, ", "", "missing field `cutoff` in its metadata"),
            ("6.0", "-6.0", "`cutoff` is -6.0 in its metadata where a length above 0 was expected"),
            ("6.0", "1e999", "its metadata are not JSON: number out of range at line 1 column 45"),
            ("\"hops\": 2", "\"hops\": 0", "`hops` is 0 in its metadata where 1 or more was expected"),
            ("[8, 1]", "[1, 1]", "`species` is [1, 1] in its metadata where distinct atomic numbers was expected"),
            (
                "\"8\": -432.0",
                "\"6\": -432.0",
                "`reference_energies` are of [1, 6] in its metadata where one of each of `species` was expected",
            ),
            ("bohr", "furlong", "unknown variant `furlong`, expected one of `angstrom`, `bohr`, `nm` in its metadata"),
        ];
        for (from, to, cause) in cases {
            let error = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert_eq!(error, format!("the model m.onnx breaks the model contract: {cause}"));
        }
    }

    #[test]
    fn a_cutoff_beyond_all_numbers_is_refused() {
        let error = parse(&GOOD.replace("6.0", "1e308").replace("bohr", "nm")).unwrap_err().to_string();
        assert!(error.ends_with("`cutoff` is 1e308 in its metadata where a length above 0 was expected"), "{error}");
    }

    #[test]
    fn another_version_is_refused_before_anything_else_is_read() {
        let error = parse(r#"{"version": "1.5", "novelty": true}"#).unwrap_err().to_string();
        assert!(error.starts_with("the model m.onnx follows version \"1.5\" of the model contract"), "{error}");
    }
}
