//! Outputs of a model besides the energy and its derivatives, by name, with the law by which they turn: charges, dipoles,
//! polarizabilities.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rotation::{Matrix3, Vector3, apply_transposed, multiply, transpose};
use crate::units;

/// The law by which an output turns with the structure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// One number, which does not change.
    Scalar,
    /// Three components, v' = R v; a polar vector, which changes its sign under inversion.
    Vector,
    /// Nine components, row by row, T' = R T Rᵀ.
    Tensor,
}

impl Law {
    /// Returns the law's name in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Tensor => "tensor",
        }
    }

    /// Returns the number of components.
    pub fn components(self) -> usize {
        match self {
            Self::Scalar => 1,
            Self::Vector => 3,
            Self::Tensor => 9,
        }
    }

    /// Turns values in the frame of a replica, `[.., components]`, back into the laboratory frame.
    fn turn_back(self, values: &mut [f64], rotation: &Matrix3) {
        match self {
            Self::Scalar => {}
            Self::Vector => values.as_chunks_mut().0.iter_mut().for_each(|v| *v = apply_transposed(rotation, *v)),
            Self::Tensor => {
                let rows = values.as_chunks_mut::<3>().0;
                rows.as_chunks_mut().0.iter_mut().for_each(|tensor| *tensor = tensor_back(tensor, rotation));
            }
        }
    }
}

fn tensor_back(tensor: &[Vector3; 3], rotation: &Matrix3) -> Matrix3 {
    multiply(&multiply(&transpose(rotation), tensor), rotation)
}

/// Whether an output belongs to each atom or to the structure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each atom has a value.
    Atom,
    /// The structure has one value: the sum of its atoms' values, each times the weight of its center.
    Structure,
}

impl Per {
    /// Returns the name in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Atom => "atom",
            Self::Structure => "structure",
        }
    }
}

/// A unit of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Name in a model file.
    pub name: &'static str,
    /// Name of the unit that tumble reports in: of e, Å and eV.
    pub reported: &'static str,
    /// This unit in the reported one.
    pub factor: f64,
    /// Name of i-PI's, atomic, unit.
    pub atomic_name: &'static str,
    /// The reported unit in i-PI's.
    pub atomic: f64,
}

impl Unit {
    /// All known units.
    pub const ALL: [Self; 9] = [
        Self::new("e", 1.0, ("e", "e", 1.0)),
        Self::new("e*angstrom", 1.0, DIPOLE),
        Self::new("e*bohr", units::BOHR, DIPOLE),
        Self::new("debye", units::DEBYE, DIPOLE),
        Self::new("angstrom^3", 1.0, VOLUME),
        Self::new("bohr^3", units::BOHR * units::BOHR * units::BOHR, VOLUME),
        Self::new("eV", 1.0, ENERGY),
        Self::new("hartree", units::HARTREE, ENERGY),
        Self::new("bohr_magneton", 1.0, ("bohr_magneton", "bohr_magneton", 1.0)),
    ];

    const fn new(name: &'static str, factor: f64, (reported, atomic_name, atomic): Dimension) -> Self {
        Self { name, reported, factor, atomic_name, atomic }
    }

    /// Returns the unit of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name == name)
    }
}

/// The reported unit, the atomic one, and the reported in the atomic one.
type Dimension = (&'static str, &'static str, f64);

const DIPOLE: Dimension = ("e*angstrom", "e*bohr", units::IPI_ANGSTROM);
const VOLUME: Dimension = ("angstrom^3", "bohr^3", units::IPI_ANGSTROM * units::IPI_ANGSTROM * units::IPI_ANGSTROM);
const ENERGY: Dimension = ("eV", "hartree", units::IPI_ELECTRON_VOLT);

/// The description of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputInfo {
    /// Name.
    pub name: String,
    /// Whether it belongs to each atom or to the structure.
    pub per: Per,
    /// Law by which it turns.
    pub law: Law,
    /// Unit in the file; `None` for numbers that are reported as the model gives them.
    pub unit: Option<Unit>,
}

/// Names that mean something else: results and conditions, in every front end; columns and keys of structure files, of
/// which ASE would make species, masses or velocities; inputs of a model.
const TAKEN: [&str; 54] = [
    "atomic_energies",
    "cell",
    "charge",
    "edge_gradients",
    "energies",
    "energy",
    "ensemble_energies",
    "evaluations",
    "field",
    "force",
    "forces",
    "free_energy",
    "members",
    "output_units",
    "outputs",
    "raw",
    "replica_energies",
    "replica_weights",
    "residual_torque",
    "spin",
    "spread",
    "step",
    "stress",
    "stresses",
    "torque",
    "uncertainty",
    "virial",
    "virials",
    // Structure files.
    "element",
    "id",
    "initial_charges",
    "initial_magmoms",
    "lattice",
    "masses",
    "momenta",
    "move_mask",
    "numbers",
    "pbc",
    "pos",
    "positions",
    "properties",
    "species",
    "symbols",
    "tags",
    "z",
    // Inputs.
    "centers",
    "edge_vectors",
    "mask",
    "neighbors",
    "replica",
    "reverse",
    "slots",
    "volume",
    "weights",
];

/// Beginnings and ends of the names of other results.
const PREFIXES: [&str; 4] = ["ref_", "committee_", "member_", "o3grid_"];
const SUFFIXES: [&str; 3] = ["_spread", "_deviation", "_deviations"];

/// Returns whether an output may have this name: small letters, digits and `_` after a letter, and not the name of another
/// result.
pub fn is_free_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters);
    let ours =
        PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    plain && !ours && !TAKEN.contains(&name)
}

/// Values of an output: of each center `[C, components]`, or of the structure `[components]`; row-major, in the reported
/// unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The output's description.
    pub info: Arc<OutputInfo>,
    /// Its values.
    pub values: Vec<f64>,
}

impl Output {
    /// Zeros for each center, or for the structure.
    pub(crate) fn zeros(info: &Arc<OutputInfo>, centers: usize) -> Self {
        let rows = if info.per == Per::Atom { centers } else { 1 };
        Self { info: Arc::clone(info), values: vec![0.0; rows * info.law.components()] }
    }

    /// Returns what the structure has, in the laboratory frame, from the values of the centers in the frame of a replica.
    pub(crate) fn of_structure(mut self, weights: &[f64], rotation: &Matrix3) -> Self {
        if self.info.per == Per::Structure {
            self.values = self.weighted_sum(weights);
        }
        self.info.law.turn_back(&mut self.values, rotation);
        self
    }

    fn weighted_sum(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.info.law.components()];
        for (row, weight) in self.values.chunks(sum.len()).zip(weights) {
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        sum
    }
}

impl OutputInfo {
    /// Returns the name of the unit that it is reported in; empty for none.
    pub fn reported_unit(&self) -> &'static str {
        self.unit.map_or("", |unit| unit.reported)
    }

    /// Describes the output as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "name": self.name, "per": self.per.name(), "law": self.law.name(), "unit": self.reported_unit() })
    }

    /// Returns values as nested lists: a number, `[3]` or `[3][3]`, or a list of such for the atoms.
    pub fn nested(&self, values: &[f64]) -> Value {
        let one = |values: &[f64]| match (self.law, values.as_chunks::<3>().0) {
            (Law::Scalar, _) => json!(values[0]),
            (Law::Vector, _) => json!(values),
            (Law::Tensor, rows) => json!(rows),
        };
        match self.per {
            Per::Structure => one(values),
            Per::Atom => values.chunks(self.law.components()).map(one).collect(),
        }
    }
}

/// An output, averaged over rotations; shapes as in [`Output`].
#[derive(Clone, Debug, PartialEq)]
pub struct AveragedOutput {
    /// The output's description.
    pub info: Arc<OutputInfo>,
    /// Averages. Under domain decomposition an output of the structure is this rank's share, to be added up.
    pub values: Vec<f64>,
    /// Standard deviations over the replicas, of this rank's share; zeros for a single replica.
    pub spread: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{apply, draw};

    fn output(per: Per, law: Law, values: Vec<f64>) -> Output {
        Output { info: Arc::new(OutputInfo { name: "x".into(), per, law, unit: None }), values }
    }

    #[test]
    fn vectors_and_tensors_turn_back() {
        let (turn, v) = (draw(1, 2, 3), [0.3, -1.2, 2.0]);
        let outer = |v: Vector3| v.map(|a| v.map(|b| a * b)).as_flattened().to_vec();
        let turned = apply(&turn, v);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14) && a.len() == b.len();
        let vector = output(Per::Atom, Law::Vector, turned.to_vec()).of_structure(&[1.0], &turn);
        assert!(close(&vector.values, &v));
        let tensor = output(Per::Atom, Law::Tensor, outer(turned)).of_structure(&[1.0], &turn);
        assert!(close(&tensor.values, &outer(v)));
    }

    #[test]
    fn structure_has_the_weighted_sum_of_its_atoms() {
        let turn = crate::rotation::IDENTITY;
        let values = vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        let whole = output(Per::Structure, Law::Vector, values.clone()).of_structure(&[1.0, 0.5], &turn);
        assert_eq!(whole.values, [6.0, 12.0, 18.0]);
        assert_eq!(output(Per::Atom, Law::Vector, values.clone()).of_structure(&[1.0, 0.5], &turn).values, values);
    }

    #[test]
    fn names_of_other_results_are_taken() {
        for name in ["dipole", "charges", "magmoms", "q2", "bond_order"] {
            assert!(is_free_name(name), "{name}");
        }
        for name in ["", "Dipole", "2q", "_q", "dipôle", "the dipole", "forces", "spread", "masses", "weights"] {
            assert!(!is_free_name(name), "{name}");
        }
        for name in ["ref_dipole", "dipole_spread", "committee_dipole", "dipole_deviation"] {
            assert!(!is_free_name(name), "{name}");
        }
    }

    #[test]
    fn units_have_their_factors() {
        // 1 Debye = 0.2081943 e Å; the dipole of 1 e bohr is 2.541746 Debye.
        let [debye, bohr] = ["debye", "e*bohr"].map(|name| Unit::named(name).unwrap());
        assert!((debye.factor - 0.208_194_3).abs() < 1e-7);
        assert!((bohr.factor / debye.factor - 2.541_746).abs() < 1e-5);
        assert!((bohr.factor * bohr.atomic - 1.0).abs() < 1e-6);
        assert_eq!(Unit::named("furlong"), None);
    }
}
