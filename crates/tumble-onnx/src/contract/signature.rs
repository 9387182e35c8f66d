//! The inputs and outputs of the contract, and those of a model.

use ort::session::Session;
use ort::value::{Outlet, TensorElementType};
use tumble_core::conditions::Condition;
use tumble_core::outputs::{Law, OutputInfo};
use tumble_core::potential::Forces;

use crate::contract::metadata::{Layout, Metadata, Precision};
use crate::error::ContractViolation;

/// An input tensor of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Edge vectors, in the model's unit of length.
    EdgeVectors,
    /// Center of each edge.
    Centers,
    /// Neighbor of each edge.
    Neighbors,
    /// Position of the reversed edge.
    Reverse,
    /// Whether a slot of the padded layout holds an edge.
    Mask,
    /// Atomic number of each atom.
    Species,
    /// Weight of each center in the energy.
    Weights,
    /// Replica of each atom.
    Replica,
    /// Total charge of the structure, at each center.
    Charge,
    /// Spin multiplicity of the structure, at each center.
    Spin,
    /// Electric field, at each center.
    Field,
    /// Volume of the cell, at each center.
    Volume,
}

/// All inputs by name, as in docs/model-contract.md.
const VOCABULARY: [(&str, Input); 12] = [
    ("edge_vectors", Input::EdgeVectors),
    ("centers", Input::Centers),
    ("neighbors", Input::Neighbors),
    ("reverse", Input::Reverse),
    ("mask", Input::Mask),
    ("species", Input::Species),
    ("weights", Input::Weights),
    ("replica", Input::Replica),
    ("charge", Input::Charge),
    ("spin", Input::Spin),
    ("field", Input::Field),
    ("volume", Input::Volume),
];

impl Input {
    /// Returns all inputs by name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        VOCABULARY.into_iter()
    }

    /// Returns the input of this name.
    pub fn named(name: &str) -> Option<Self> {
        VOCABULARY.iter().find(|(known, _)| *known == name).map(|(_, input)| *input)
    }
}

/// Names of the outputs.
pub mod output {
    /// Energies of the centers.
    pub const ATOMIC_ENERGIES: &str = "atomic_energies";
    /// Gradient of the energy with respect to the edge vectors.
    pub const EDGE_GRADIENTS: &str = "edge_gradients";
    /// Direct forces.
    pub const FORCES: &str = "forces";
    /// Stress, with direct forces.
    pub const STRESS: &str = "stress";
    /// Energies of the centers from each member of an ensemble.
    pub const ENSEMBLE_ENERGIES: &str = "ensemble_energies";
}

/// The inputs of a model, and its optional outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Inputs by name, in the model's order.
    pub inputs: Vec<(&'static str, Input)>,
    /// Whether `stress` is among the outputs.
    pub stress: bool,
    /// Whether `ensemble_energies` is among the outputs.
    pub ensemble: bool,
    /// Names of the outputs that the metadata declares.
    pub declared: Vec<String>,
}

impl Signature {
    /// Reads the signature of a session.
    ///
    /// # Errors
    /// [`ContractViolation`].
    pub fn read(session: &Session, metadata: &Metadata) -> Result<Self, ContractViolation> {
        let inputs = session.inputs().iter().map(|outlet| input(outlet, metadata)).collect::<Result<Vec<_>, _>>()?;
        if metadata.whole && !inputs.iter().any(|&(_, input)| input == Input::Replica) {
            return Err(ContractViolation::NoReplica);
        }
        for kind in metadata.forces.kinds() {
            for name in required(*kind) {
                find_output(session, name, metadata)?.ok_or(ContractViolation::NoOutput { name })?;
            }
        }
        let stress = metadata.forces.kinds().contains(&Forces::Direct)
            && find_output(session, output::STRESS, metadata)?.is_some();
        let ensemble = find_output(session, output::ENSEMBLE_ENERGIES, metadata)?.is_some();
        let declared = metadata.described.iter().map(|info| declared(session, info, metadata));
        Ok(Self { inputs, stress, ensemble, declared: declared.collect::<Result<_, _>>()? })
    }

    /// Returns the conditions of a structure that the model needs.
    pub fn conditions(&self) -> Vec<Condition> {
        let condition = |(_, input): &(&str, Input)| match input {
            Input::Charge => Some(Condition::Charge),
            Input::Spin => Some(Condition::Spin),
            Input::Field => Some(Condition::Field),
            _ => None,
        };
        self.inputs.iter().filter_map(condition).collect()
    }

    /// Returns the names of the outputs to request for this kind of forces. Ensemble energies and declared outputs are
    /// always requested: ONNX Runtime computes all outputs of a file anyway.
    pub fn outputs(&self, kind: Forces) -> impl Iterator<Item = &str> {
        let stress = (self.stress && kind == Forces::Direct).then_some(output::STRESS);
        let ensemble = self.ensemble.then_some(output::ENSEMBLE_ENERGIES);
        let declared = self.declared.iter().map(String::as_str);
        required(kind).into_iter().chain(stress).chain(ensemble).chain(declared)
    }
}

fn required(kind: Forces) -> [&'static str; 2] {
    match kind {
        Forces::Conservative => [output::ATOMIC_ENERGIES, output::EDGE_GRADIENTS],
        Forces::Direct => [output::ATOMIC_ENERGIES, output::FORCES],
    }
}

fn input(outlet: &Outlet, metadata: &Metadata) -> Result<(&'static str, Input), ContractViolation> {
    let allowed = || VOCABULARY.iter().filter(|(_, input)| in_layout(*input, metadata.layout));
    let found = allowed().find(|(name, _)| *name == outlet.name()).copied();
    let (name, input) = found.ok_or_else(|| {
        let known: Vec<_> = allowed().map(|(name, _)| *name).collect();
        ContractViolation::UnknownInput { name: outlet.name().into(), known: known.join(", ") }
    })?;
    let expected = match input {
        Input::EdgeVectors | Input::Weights | Input::Charge | Input::Spin | Input::Field | Input::Volume => {
            real(metadata)
        }
        Input::Mask => TensorElementType::Bool,
        _ => TensorElementType::Int64,
    };
    check_type("input", outlet, expected)?;
    Ok((name, input))
}

fn in_layout(input: Input, layout: Layout) -> bool {
    match input {
        Input::Centers => layout == Layout::List,
        Input::Mask => layout == Layout::Padded,
        _ => true,
    }
}

fn declared(session: &Session, info: &OutputInfo, metadata: &Metadata) -> Result<String, ContractViolation> {
    let name = || info.name.clone();
    let Some(outlet) = find_output(session, &info.name, metadata)? else {
        return Err(ContractViolation::NoDeclaredOutput { name: name() });
    };
    let found = outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
    let expected = components(info.law);
    // A size of -1, or no sizes at all: they are known at an evaluation only.
    let fits = |(found, expected): (&i64, &i64)| *found < 0 || found == expected;
    if found.is_empty() || found.len() == expected.len() + 1 && found[1..].iter().zip(expected).all(fits) {
        return Ok(name());
    }
    let (found, expected) = (shape(&found), shape(&[&[-1], expected].concat()));
    Err(ContractViolation::DeclaredShape { name: name(), law: info.law.name(), found, expected })
}

/// Writes a shape, with C for a size that depends on the number of centers, as any other that is not known.
fn shape(sizes: &[i64]) -> String {
    let words = sizes.iter().map(|&size| if size < 0 { "C".into() } else { size.to_string() });
    format!("[{}]", words.collect::<Vec<_>>().join(", "))
}

/// Returns the sizes of an output's value at a center.
fn components(law: Law) -> &'static [i64] {
    match law {
        Law::Scalar => &[],
        Law::Vector => &[3],
        Law::Tensor => &[3, 3],
    }
}

fn find_output<'a>(
    session: &'a Session,
    name: &str,
    metadata: &Metadata,
) -> Result<Option<&'a Outlet>, ContractViolation> {
    let outlet = session.outputs().iter().find(|outlet| outlet.name() == name);
    outlet.map(|outlet| check_type("output", outlet, real(metadata)).map(|()| outlet)).transpose()
}

fn real(metadata: &Metadata) -> TensorElementType {
    match metadata.precision {
        Precision::Float32 => TensorElementType::Float32,
        Precision::Float64 => TensorElementType::Float64,
    }
}

fn check_type(what: &'static str, outlet: &Outlet, expected: TensorElementType) -> Result<(), ContractViolation> {
    match outlet.dtype().tensor_type() {
        Some(found) if found == expected => Ok(()),
        Some(found) => {
            let (found, expected) = (found.to_string().to_lowercase(), expected.to_string());
            Err(ContractViolation::WrongType { what, name: outlet.name().into(), found, expected })
        }
        None => Err(ContractViolation::NoTensor { what, name: outlet.name().into() }),
    }
}
