//! A model: loading, forces compared with derivatives of the energy, and dependence on orientation.

use std::path::Path;

use tumble::{Error, Result};
use tumble_check::knows_water;
use tumble_check::structures::water;
use tumble_core::Calculator;
use tumble_core::Cell;
use tumble_core::Error as Core;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::conditions::Conditions;
use tumble_core::elements::symbols;
use tumble_core::potential::{Forces, ModelInfo, Potential};
use tumble_engine::OnnxPotential;
use tumble_engine::load;
use tumble_onnx::Error as Onnx;

use super::finding::Finding;
use crate::table::spreads;

/// A molecule and its energy by the bare model, eV.
pub struct Sample {
    pub system: System,
    pub energy: f64,
}

impl Sample {
    /// Its distinct elements, sorted.
    pub fn species(&self) -> Vec<u8> {
        let mut species = self.system.species.clone();
        species.sort_unstable();
        species.dedup();
        species
    }

    fn text(&self) -> String {
        format!("{:.6} eV for {} atoms ({})", self.energy, self.system.len(), symbols(&self.species()))
    }
}

/// Step of the finite differences, Å.
const STEP: f64 = 0.01;

/// Absolute (eV/Å) and relative tolerance of the finite differences, for single precision and this step.
const TOLERANCE: [f64; 2] = [1e-3, 1e-2];

/// Checks a model; returns the findings and its energy of a molecule.
pub fn findings(path: &Path, settings: &Settings) -> (Vec<Finding>, Option<Sample>) {
    let mut findings = Vec::new();
    let sample = examine(path, settings, &mut findings).map_err(|error| findings.push(refused(&error)));
    (findings, sample.ok())
}

fn examine(path: &Path, settings: &Settings, findings: &mut Vec<Finding>) -> Result<Sample> {
    let mut bare = loaded(path, settings, findings)?;
    let system = molecule(bare.info())?;
    let evaluation = bare.evaluate_system(&system, 0)?;
    let sample = Sample { system, energy: evaluation.energy };
    findings.push(Finding::ok("energy", sample.text()));
    let system = &sample.system;
    findings.push(forces(path, settings, bare.info(), system)?);
    let mut turned = load(path, &Settings { mitigation: "octahedral".parse()?, ..settings.clone() })?;
    let [energy, force] = spreads(&turned.evaluate_system(system, 0)?).map(Option::unwrap_or_default);
    let found = format!(
        "over 24 rotations of {} atoms its energy spreads by {energy:.3} meV, its forces by {force:.3} meV/Å",
        system.len()
    );
    findings.push(
        Finding::note("rotations", found).remedy(format!("tumble check {}     # what to do about it", path.display())),
    );
    Ok(sample)
}

/// Loads the bare model and reports its contract, checksum and notes.
fn loaded(path: &Path, settings: &Settings, findings: &mut Vec<Finding>) -> Result<Calculator> {
    let potential = OnnxPotential::load(path, &settings.running())?;
    let (name, version) = (&potential.info().name, potential.metadata().version);
    let found = format!("{name}, version {version} of the model contract, in {}", path.display());
    findings.push(Finding::ok("model", found));
    findings
        .push(Finding::ok("checksum", format!("sha256 {}: the same everywhere for the same file", potential.sha256())));
    findings.extend(potential.notes().iter().map(|note| Finding::note("model", note)));
    Ok(Calculator::new(Box::new(potential), settings)?)
}

fn refused(error: &Error) -> Finding {
    let remedy = match error {
        Error::Onnx(Onnx::Damaged { .. } | Onnx::ExternalData { .. }) => "copy or fetch all files of the model again",
        Error::Onnx(Onnx::OtherModel { .. }) => "give the file that the hash belongs to",
        Error::Onnx(Onnx::Read { .. }) => "give the path of a model: tumble doctor model.onnx",
        Error::Core(Core::OutputNotFinite { .. }) | Error::Onnx(Onnx::WeightNotFinite { .. }) => {
            "train or export the model again: the structure is an ordinary one"
        }
        Error::Onnx(
            Onnx::NotOnnx { .. } | Onnx::NoContract { .. } | Onnx::Contract { .. } | Onnx::ContractVersion { .. },
        ) => "export the model for tumble: docs/export.md",
        _ => "see the row of ONNX Runtime above; if it is ok, export the model again: docs/export.md",
    };
    Finding::problem("model", error).remedy(remedy)
}

/// Two molecules of water or, for a model of other elements, three atoms at the corners of a scalene triangle.
fn molecule(info: &ModelInfo) -> Result<System> {
    if knows_water(info) {
        let dimer = water()?.into_iter().nth(1);
        let dimer = dimer.expect("the second one of several is there").1;
        return Ok(System { conditions: Conditions::NEUTRAL, ..dimer });
    }
    let species = info.species.iter().cycle().take(3).copied().collect();
    // About a bond length of most elements, and all three atoms must be neighbors.
    let bond = (0.5 * info.cutoff).min(2.0);
    let positions = vec![[0.0; 3], [bond, 0.1, -0.2], [0.3, 1.1 * bond, 0.4]];
    Ok(System { conditions: Conditions::NEUTRAL, ..System::new(positions, species, Cell::isolated())? })
}

fn forces(path: &Path, settings: &Settings, info: &ModelInfo, system: &System) -> Result<Finding> {
    if !info.forces.contains(&Forces::Conservative) {
        return Ok(Finding::note("forces", "predicted by the model itself: they are not derivatives of its energy"));
    }
    let settings = Settings { forces: Some(Forces::Conservative), ..settings.clone() };
    compared(&mut load(path, &settings)?, system)
}

/// Compares the largest component of the forces with a finite difference of the energy.
fn compared(calculator: &mut Calculator, system: &System) -> Result<Finding> {
    let all = calculator.evaluate_system(system, 0)?.forces;
    let components = (0..all.len()).flat_map(|atom| [0, 1, 2].map(|axis| (atom, axis)));
    let largest = components.max_by(|a, b| all[a.0][a.1].abs().total_cmp(&all[b.0][b.1].abs()));
    let (atom, axis) = largest.unwrap_or_default();
    let force = all[atom][axis];
    let difference = -slope(|shift| Ok(calculator.evaluate_system(&moved(system, atom, axis, shift), 0)?.energy))?;
    let found = format!("{force:.6} eV/Å in one direction, by differences of the energy {difference:.6} eV/Å");
    if (force - difference).abs() <= TOLERANCE[0] + TOLERANCE[1] * force.abs() {
        return Ok(Finding::ok("forces", found));
    }
    Ok(Finding::problem("forces", found)
        .remedy("export the model again, with the gradient of its energy: docs/export.md"))
}

fn moved(system: &System, atom: usize, axis: usize, shift: f64) -> System {
    let mut system = system.clone();
    system.positions[atom][axis] += shift;
    system
}

/// Derivative at zero by central differences of fourth order.
fn slope(mut value: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let [far_left, left, right, far_right] = [-2.0, -1.0, 1.0, 2.0].map(|steps| value(steps * STEP));
    Ok((far_left? - 8.0 * left? + 8.0 * right? - far_right?) / (12.0 * STEP))
}

#[cfg(test)]
mod tests {
    use tumble_core::Graph;
    use tumble_core::analytic::{HarmonicToy, Legendre};
    use tumble_core::planner::{ModelCosts, RecomputeLevel};
    use tumble_core::potential::{Derivative, Potential, Response};
    use tumble_core::rotation::{Matrix3, scale};

    use super::*;
    use crate::doctor::finding::Status;

    /// Scales the gradients by a factor.
    struct Wrong(HarmonicToy, f64);

    impl Potential for Wrong {
        fn info(&self) -> &ModelInfo {
            self.0.info()
        }

        fn evaluate(
            &mut self,
            graph: &Graph,
            rotations: &[Matrix3],
            forces: Forces,
        ) -> tumble_core::Result<Vec<Response>> {
            let mut responses = self.0.evaluate(graph, rotations, forces)?;
            for response in &mut responses {
                let Derivative::EdgeGradients(gradients) = &mut response.derivative else { continue };
                gradients.iter_mut().for_each(|g| *g = scale(*g, self.1));
            }
            Ok(responses)
        }

        fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
            self.0.costs(level)
        }
    }

    #[test]
    fn forces_other_than_derivatives_are_a_problem() {
        for (factor, status) in [(1.0, Status::Ok), (1.05, Status::Problem), (-1.0, Status::Problem)] {
            let toy = HarmonicToy::new(3.5, &[(1, 0.6), (8, -1.1)], Legendre { l1: 0.3, l2: 0.2, l4: 0.1 });
            let system = water().unwrap().swap_remove(1).1;
            let mut calculator = Calculator::new(Box::new(Wrong(toy, factor)), &Settings::default()).unwrap();
            assert_eq!(compared(&mut calculator, &system).unwrap().status, status, "{factor}");
        }
    }

    #[test]
    fn the_slope_of_a_quartic_is_exact() {
        let found = slope(|x| Ok(1.0 + 3.0 * x - 2.0 * x * x + 5.0 * x.powi(3) - 7.0 * x.powi(4))).unwrap();
        assert!((found - 3.0).abs() < 1e-11, "{found}");
    }
}
