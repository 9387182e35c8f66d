//! Loading of model files as a calculator: one file, or several as a committee.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tumble_core::Calculator;
use tumble_core::committee::Committee;
use tumble_core::potential::{ModelInfo, Potential};
use tumble_core::settings::Settings;

use crate::error::Result;
use crate::model::OnnxPotential;

/// Loads an ONNX model as a calculator.
///
/// # Errors
/// All errors of the file, the settings and the installation of ONNX Runtime.
pub fn load(model: &Path, settings: &Settings) -> Result<Calculator> {
    load_models(&[model], settings)
}

/// Loads one ONNX model, or several as a committee, as a calculator.
///
/// # Errors
/// The errors of [`load`] for each file, and of [`Committee::new`].
pub fn load_models<P: AsRef<Path>>(models: &[P], settings: &Settings) -> Result<Calculator> {
    let Loaded { potential, origin, notes } = Loaded::open(models, settings)?;
    Ok(Calculator::new(potential, settings)?.with_origin(origin, notes))
}

/// A potential from one model file, or a committee from several.
pub struct Loaded {
    /// The potential.
    pub potential: Box<dyn Potential>,
    /// Each file and its SHA-256.
    pub origin: String,
    /// Notes to the user on how the models are run, as sentences.
    pub notes: Vec<String>,
}

impl Loaded {
    /// Loads the files.
    ///
    /// # Errors
    /// The errors of [`load_models`].
    pub fn open<P: AsRef<Path>>(models: &[P], settings: &Settings) -> Result<Self> {
        // The check is quick, loading is slow: report a typing error first.
        settings.check()?;
        check_hash(models.len(), settings)?;
        let open = |path: &P| OnnxPotential::load(path.as_ref(), &settings.running());
        let opened = models.iter().map(open).collect::<Result<Vec<_>>>()?;
        check_different(models, &opened)?;
        let origin =
            |(path, model): (&P, &OnnxPotential)| format!("{}, sha256 {}", path.as_ref().display(), model.sha256());
        let origin = models.iter().zip(&opened).map(origin).collect::<Vec<_>>().join("; ");
        let (mut notes, offered, references) = (notes(&opened), outputs(&opened), references(&opened));
        let potential = together(opened)?;
        notes.extend(missing(&offered, potential.info()));
        notes.extend(different_references(&references));
        Ok(Self { potential, origin, notes })
    }
}

/// Returns the only model, or a committee of several.
fn together(opened: Vec<OnnxPotential>) -> Result<Box<dyn Potential>> {
    let mut members: Vec<Box<dyn Potential>> = Vec::new();
    opened.into_iter().for_each(|model| members.push(Box::new(model)));
    match members.len() {
        1 => Ok(members.remove(0)),
        _ => Ok(Box::new(Committee::new(members)?)),
    }
}

/// Returns the notes on all models, each once.
fn notes(opened: &[OnnxPotential]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in opened.iter().flat_map(OnnxPotential::notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

/// Returns the names of the outputs of each model.
fn outputs(opened: &[OnnxPotential]) -> BTreeSet<String> {
    opened.iter().flat_map(|model| &model.info().outputs).map(|output| output.name.clone()).collect()
}

/// Returns a note on the outputs that only some models of a committee have.
fn missing(offered: &BTreeSet<String>, info: &ModelInfo) -> Option<String> {
    let reported = |name: &&String| info.outputs.iter().any(|output| output.name == **name);
    let missing: Vec<_> = offered.iter().filter(|name| !reported(name)).map(String::as_str).collect();
    let missing = missing.join(", ");
    (!missing.is_empty())
        .then(|| format!("outputs that only some models of the committee have are not reported: {missing}"))
}

/// Returns the reference energies of each model for the elements that all of them know.
fn references(opened: &[OnnxPotential]) -> Vec<BTreeMap<u8, f64>> {
    let common = |z: &&u8| opened.iter().all(|model| model.info().species.contains(z));
    let of = |model: &OnnxPotential| {
        let known = model.info().species.iter().filter(common);
        known.map(|&z| (z, model.info().reference_energies.get(&z).copied().unwrap_or(0.0))).collect()
    };
    opened.iter().map(of).collect()
}

/// Returns a note if the reference energies differ.
fn different_references(references: &[BTreeMap<u8, f64>]) -> Option<String> {
    let note = "the models of the committee have different reference energies, and the deviation of the energy contains \
                this difference: look at the deviations of the forces";
    references.windows(2).any(|pair| pair[0] != pair[1]).then(|| note.into())
}

/// Refuses a single hash for several files.
fn check_hash(count: usize, settings: &Settings) -> Result<()> {
    match &settings.sha256 {
        Some(hash) if count > 1 => {
            let problem = format!("is the hash of one model, but {count} are given: leave it out, or give one model");
            Err(tumble_core::Error::Setting { name: "sha256", value: hash.clone(), problem }.into())
        }
        _ => Ok(()),
    }
}

/// Refuses a committee with the same model twice: it would agree with itself.
fn check_different<P: AsRef<Path>>(paths: &[P], opened: &[OnnxPotential]) -> Result<()> {
    for (number, model) in opened.iter().enumerate() {
        let same = opened[..number].iter().position(|earlier| earlier.sha256() == model.sha256());
        if let Some(same) = same {
            let [first, second] = [same, number].map(|i| paths[i].as_ref().display().to_string());
            return Err(tumble_core::Error::CommitteeTwice { first, second }.into());
        }
    }
    Ok(())
}
