//! Unpacking of a model's outputs into one response per replica, in f64, Å and eV.

use std::ops::Range;
use std::sync::Arc;

use tumble_core::error::{Error, Result};
use tumble_core::outputs::{Output, OutputInfo};
use tumble_core::panics::ForeignError;
use tumble_core::potential::{Derivative, Forces, Response};
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_ops::Real;

use crate::contract::metadata::Metadata;
use crate::contract::packing::Tensors;
use crate::contract::signature::output;

/// A function that returns the shape and values of an output by name.
pub(crate) type Find<'a, T> = &'a dyn Fn(&str) -> Option<ort::Result<(&'a [i64], &'a [T])>>;

/// A reader of a model's outputs.
pub struct Reader<'a, T> {
    /// Name of the model, for messages.
    model: &'a str,
    /// Å per length unit of the model.
    angstrom: f64,
    /// eV per energy unit of the model.
    electron_volt: f64,
    /// The declared outputs.
    declared: &'a [Arc<OutputInfo>],
    find: Find<'a, T>,
}

impl<'a, T: Real> Reader<'a, T> {
    /// Creates a reader for the outputs found by `find`.
    pub fn new(metadata: &'a Metadata, find: Find<'a, T>) -> Self {
        let (length, energy) = (metadata.length_unit, metadata.energy_unit);
        Self {
            model: &metadata.name,
            angstrom: length.angstrom(),
            electron_volt: energy.electron_volt(),
            declared: &metadata.described,
            find,
        }
    }

    /// Returns one response per replica in `tensors`, the inputs of the run.
    pub fn responses(&self, tensors: &Tensors<T>, kind: Forces) -> Result<Vec<Response>> {
        self.read_responses(tensors, kind).map_err(|error| with_center(error, tensors))
    }

    fn read_responses(&self, tensors: &Tensors<T>, kind: Forces) -> Result<Vec<Response>> {
        let centers = tensors.weights.len() as i64;
        let energies = self.read(output::ATOMIC_ENERGIES, vec![centers], self.electron_volt)?;
        let derivatives = match kind {
            Forces::Conservative => self.gradients(tensors)?,
            Forces::Direct => self.direct(tensors)?,
        };
        let mut members = self.members(tensors)?.into_iter();
        let mut outputs = self.outputs(tensors)?.into_iter();
        let energies = tensors.centers_of_replicas().map(|centers| energies[centers].to_vec());
        let respond = |(atomic_energies, derivative)| {
            let ensemble_energies = members.next().unwrap_or_default();
            let outputs = outputs.next().unwrap_or_default();
            Response { atomic_energies, ensemble_energies, derivative, outputs, member_derivatives: Vec::new() }
        };
        Ok(energies.zip(derivatives).map(respond).collect())
    }

    /// Returns the ensemble energies `[M][C]` of each replica, eV; an empty list for a model without an ensemble.
    fn members(&self, tensors: &Tensors<T>) -> Result<Vec<Vec<Vec<f64>>>> {
        let (name, centers) = (output::ENSEMBLE_ENERGIES, tensors.weights.len());
        if (self.find)(name).is_none() {
            return Ok(Vec::new());
        }
        let (shape, values) = self.tensor(name)?;
        if !matches!(shape, &[members, n] if members >= 2 && n == centers as i64) {
            return Err(self.wrong_shape(name, shape, format!("[M, {centers}] with M of 2 or more")));
        }
        let energies = self.in_unit(name, shape, values, self.electron_volt)?;
        let of = |own: Range<usize>| energies.chunks(centers).map(|member| member[own.clone()].to_vec()).collect();
        Ok(tensors.centers_of_replicas().map(of).collect())
    }

    /// Returns the declared outputs of each replica.
    fn outputs(&self, tensors: &Tensors<T>) -> Result<Vec<Vec<Output>>> {
        let mut outputs = vec![Vec::with_capacity(self.declared.len()); tensors.n_replicas()];
        for info in self.declared {
            let (centers, width) = (tensors.weights.len() as i64, info.law.components());
            let shape = [vec![centers], vec![3; width.ilog(3) as usize]].concat();
            let values = self.read(&info.name, shape, info.unit.map_or(1.0, |unit| unit.factor))?;
            for (outputs, own) in outputs.iter_mut().zip(tensors.centers_of_replicas()) {
                let values = values[own.start * width..own.end * width].to_vec();
                outputs.push(Output { info: Arc::clone(info), values });
            }
        }
        Ok(outputs)
    }

    fn gradients(&self, tensors: &Tensors<T>) -> Result<Vec<Derivative>> {
        let (name, shape) = (output::EDGE_GRADIENTS, tensors.vector_shape());
        let values = self.values(name, &shape)?;
        let found = gradients(values, self.electron_volt / self.angstrom, tensors)
            .map_err(|position| self.not_finite(name, &shape, position, values[position].to_f64()))?;
        Ok(found.into_iter().map(Derivative::EdgeGradients).collect())
    }

    fn direct(&self, tensors: &Tensors<T>) -> Result<Vec<Derivative>> {
        let (replicas, centers) = (tensors.n_replicas(), tensors.weights.len());
        let force_unit = self.electron_volt / self.angstrom;
        let forces = self.read(output::FORCES, vec![centers as i64, 3], force_unit)?;
        let stress = match (self.find)(output::STRESS).is_some() {
            true => {
                let unit = self.electron_volt / self.angstrom.powi(3);
                Some(self.read(output::STRESS, vec![replicas as i64, 3, 3], unit)?)
            }
            false => None,
        };
        let derivative = |(r, centers): (usize, Range<usize>)| Derivative::Direct {
            forces: forces[3 * centers.start..3 * centers.end].chunks(3).map(vector).collect(),
            stress: stress.as_ref().map(|stress| matrix(&stress[9 * r..9 * r + 9])),
        };
        Ok(tensors.centers_of_replicas().enumerate().map(derivative).collect())
    }

    /// Returns an output times `unit`, after a check of its shape and that all values are finite.
    fn read(&self, name: &str, shape: Vec<i64>, unit: f64) -> Result<Vec<f64>> {
        self.in_unit(name, &shape, self.values(name, &shape)?, unit)
    }

    /// Returns values times `unit`, after a check that all are finite.
    fn in_unit(&self, name: &str, shape: &[i64], values: &[T], unit: f64) -> Result<Vec<f64>> {
        if let Some(position) = values.iter().position(|x| !x.to_f64().is_finite()) {
            return Err(self.not_finite(name, shape, position, values[position].to_f64()));
        }
        Ok(values.iter().map(|x| unit * x.to_f64()).collect())
    }

    /// Returns the values of an output, after a check of its shape.
    fn values(&self, name: &str, expected: &[i64]) -> Result<&[T]> {
        let (shape, values) = self.tensor(name)?;
        if shape != expected {
            return Err(self.wrong_shape(name, shape, format!("{expected:?}")));
        }
        Ok(values)
    }

    /// Returns the shape and values of an output.
    fn tensor(&self, name: &str) -> Result<(&[i64], &[T])> {
        let failed = |cause: &str| {
            Error::from(crate::Error::ModelRun { model: self.model.to_owned(), source: ForeignError::new(cause) })
        };
        let output = (self.find)(name).ok_or_else(|| failed(&format!("it left out the output {name}")))?;
        output.map_err(|error| failed(&error.to_string()))
    }

    fn wrong_shape(&self, output: &str, found: &[i64], expected: String) -> Error {
        crate::Error::OutputShape {
            model: self.model.to_owned(),
            output: output.into(),
            found: found.to_vec(),
            expected,
        }
        .into()
    }

    fn not_finite(&self, output: &str, shape: &[i64], position: usize, value: f64) -> Error {
        let (model, index) = (self.model.to_owned(), unravel(position, shape));
        Error::OutputNotFinite { model, output: output.into(), index, center: None, value, atoms: String::new() }
    }
}

/// Adds the center, as an index of the graph, to an error about a number that is not finite.
fn with_center<T: Real>(mut error: Error, tensors: &Tensors<T>) -> Error {
    if let Error::OutputNotFinite { output: name, index, center, .. } = &mut error {
        let packed = match name.as_str() {
            output::ENSEMBLE_ENERGIES => index.get(1).copied(),
            output::EDGE_GRADIENTS => index.first().map(|&first| tensors.center_of(first)),
            output::STRESS => None,
            // Energies, forces and declared outputs have a row for each center.
            _ => index.first().copied(),
        };
        let replicas = || tensors.centers_of_replicas();
        *center = packed.and_then(|packed| Some(packed - replicas().find(|r| r.contains(&packed))?.start));
    }
    error
}

/// Returns the edge gradients `[B][E]` in the order of each graph's edges, times `unit`, from an output of all edge
/// slots; padding is ignored. The error is the position of a number that is not finite.
pub fn gradients<T: Real>(
    values: &[T],
    unit: f64,
    tensors: &Tensors<T>,
) -> std::result::Result<Vec<Vec<Vector3>>, usize> {
    let (values, _) = values.as_chunks::<3>();
    let not_finite = |slot: usize| values[slot].iter().position(|x| !x.to_f64().is_finite());
    let replica = |(first, slots): (usize, &[usize])| {
        // A separate pass keeps the conversion free of branches.
        match slots.iter().find_map(|slot| Some(3 * (first + slot) + not_finite(first + slot)?)) {
            Some(position) => Err(position),
            None => Ok(slots.iter().map(|slot| values[first + slot].map(|x| unit * x.to_f64())).collect()),
        }
    };
    tensors.edges_of_replicas().map(replica).collect()
}

/// Returns the index along each axis of a position in a row-major tensor.
fn unravel(mut position: usize, shape: &[i64]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &length) in index.iter_mut().zip(shape).rev() {
        *i = position % length as usize;
        position /= length as usize;
    }
    index
}

fn vector(x: &[f64]) -> Vector3 {
    [x[0], x[1], x[2]]
}

fn matrix(x: &[f64]) -> Matrix3 {
    [vector(&x[..3]), vector(&x[3..6]), vector(&x[6..])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unravel_returns_an_index_per_axis() {
        assert_eq!(unravel(23, &[2, 4, 3]), [1, 3, 2]);
        assert_eq!(unravel(7, &[4, 3]), [2, 1]);
    }
}
