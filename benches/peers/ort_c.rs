//! ONNX Runtime alone through its C interface (crate `ort`), on prepared tensors.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use serde::Deserialize;

use crate::Outcome;
use crate::Timed;

/// A job: the model and its input tensors.
#[derive(Deserialize)]
pub struct Job {
    model: PathBuf,
    /// Folder with `inputs.json` (name, kind and shape of each tensor) and the numbers of each tensor as NAME.bin.
    tensors: PathBuf,
    threads: usize,
    /// The library of ONNX Runtime.
    library: PathBuf,
    /// Sum of the atoms' reference energies, eV.
    baseline: f64,
}

/// An entry of `inputs.json`.
#[derive(Deserialize)]
struct Entry {
    name: String,
    kind: String,
    shape: Vec<i64>,
}

/// Numbers of a tensor.
enum Values {
    Float(Vec<f32>),
    Integer(Vec<i64>),
    Bool(Vec<bool>),
}

/// Runs the model on the tensors repeatedly. Of the outputs only the energies are read, outside of the measured time.
pub fn worker(job: &Job) -> Outcome<impl FnMut() -> Outcome<Timed> + use<>> {
    let mut session = open(job)?;
    let entries: Vec<Entry> = serde_json::from_slice(&std::fs::read(job.tensors.join("inputs.json"))?)?;
    let tensors = entries.into_iter().map(|entry| Ok((numbers(&job.tensors, &entry)?, entry)));
    let tensors = tensors.collect::<Outcome<Vec<_>>>()?;
    let baseline = job.baseline;
    Ok(move || {
        let inputs = tensors.iter().map(|(values, entry)| Ok((Cow::from(entry.name.as_str()), view(values, entry)?)));
        let inputs = inputs.collect::<ort::Result<Vec<_>>>()?;
        let clock = Instant::now();
        let outputs = session.run(inputs)?;
        let taken = clock.elapsed();
        let (_, energies) = outputs["atomic_energies"].try_extract_tensor::<f32>()?;
        Ok((taken, baseline + energies.iter().map(|&energy| f64::from(energy)).sum::<f64>()))
    })
}

/// Opens a session with tumble's settings: sleeping threads, no memory patterns.
fn open(job: &Job) -> Outcome<Session> {
    let environment = ort::init_from(&job.library)?.with_telemetry(false).build()?;
    let builder = || -> ort::Result<SessionBuilder> {
        Ok(Session::builder(&environment)?
            .with_intra_threads(job.threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?)
    };
    Ok(builder()?.commit_from_file(&job.model)?)
}

fn numbers(folder: &Path, entry: &Entry) -> Outcome<Values> {
    let bytes = std::fs::read(folder.join(format!("{}.bin", entry.name)))?;
    Ok(match entry.kind.as_str() {
        "float32" => Values::Float(bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()),
        "int64" => Values::Integer(bytes.as_chunks().0.iter().map(|&chunk| i64::from_le_bytes(chunk)).collect()),
        "bool" => Values::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
        other => return Err(format!("models take no tensor of {other}").into()),
    })
}

fn view<'a>(values: &'a Values, entry: &Entry) -> ort::Result<SessionInputValue<'a>> {
    let shape = entry.shape.clone();
    Ok(match values {
        Values::Float(values) => TensorRef::from_array_view((shape, &**values))?.into(),
        Values::Integer(values) => TensorRef::from_array_view((shape, &**values))?.into(),
        Values::Bool(values) => TensorRef::from_array_view((shape, &**values))?.into(),
    })
}
