//! `tumble info`: properties and origin of a model.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tumble::Result;
use tumble_core::conditions::Condition;
use tumble_core::elements::{symbol, symbols};
use tumble_core::execution::ExecutionOptions;
use tumble_core::numbers::{plain, rounded, tidy, trimmed};
use tumble_core::outputs::OutputInfo;
use tumble_core::potential::{Forces, ModelInfo, Potential};
use tumble_engine::OnnxPotential;
use tumble_engine::model::RankMessage;
use tumble_onnx::contract::metadata::Metadata;

use crate::STDOUT;
use crate::options::hash;
use crate::written;

/// Show the properties of a model: its cutoff, elements, kinds of forces, and origin
#[derive(Args)]
#[command(after_help = "Examples:\n  tumble info model.onnx\n  tumble info model.onnx --json")]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Print one JSON document
    #[arg(long)]
    json: bool,

    /// Expected SHA-256 of the model; any other file is refused
    #[arg(long, value_name = "HEX", value_parser = hash)]
    sha256: Option<String>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    let path = &arguments.model;
    let potential = OnnxPotential::load(
        path,
        &ExecutionOptions { library, sha256: arguments.sha256.clone(), ..ExecutionOptions::default() },
    )?;
    let text = if arguments.json {
        format!("{:#}\n", document(&potential, path))
    } else {
        rows(&potential, path).iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect()
    };
    written(STDOUT, io::stdout().write_all(text.as_bytes()))
}

/// Name and value of each row, without empty rows. Lengths in Å, energies in eV.
pub fn rows(potential: &OnnxPotential, path: &Path) -> Vec<(&'static str, String)> {
    let (info, metadata) = (potential.info(), potential.metadata());
    let mut rows = vec![
        ("name", info.name.clone()),
        ("file", path.display().to_string()),
        ("sha256", potential.sha256().into()),
        ("species", symbols(&info.species)),
        ("cutoff", format!("{} Å", plain(info.cutoff))),
        ("hops", info.hops.to_string()),
        ("reach", reach_of(info)),
        ("large structures", large(potential)),
        ("forces", info.forces.iter().map(|&kind| kind.name()).collect::<Vec<_>>().join(", ")),
        ("ensemble", if info.ensemble { "yes (its spread is a measure of uncertainty)".into() } else { String::new() }),
        ("conditions", conditions(info)),
        ("other outputs", outputs(info)),
        ("reference energies", references(info)),
        ("contract", format!("version {}", metadata.version)),
        (
            "pruned edges",
            metadata.kept_neighbors.map_or_else(String::new, |kept| format!("{kept} per atom stay, usually")),
        ),
        ("layout", name_of(&metadata.layout)),
        ("precision", name_of(&metadata.precision)),
        ("exact symmetries", metadata.symmetries.join(", ")),
        ("reference", metadata.reference.clone().unwrap_or_default()),
        ("onnx runtime", resolved(potential.library()).display().to_string()),
    ];
    rows.extend(provenance(metadata).into_iter().map(|text| ("provenance", text)));
    rows.extend(potential.notes().iter().map(|note| ("note", note.clone())));
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

/// Returns the conditions of a structure that the model needs, with the numbers that it knows.
fn conditions(info: &ModelInfo) -> String {
    let range = |condition| info.whole_numbers.iter().find(|(known, _)| *known == condition);
    let text = |&condition: &Condition| match range(condition) {
        Some((_, [least, most])) => format!("{} ({least} to {most})", condition.name()),
        None => condition.name().into(),
    };
    info.conditions.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Returns the names of the other outputs, with their laws and units.
fn outputs(info: &ModelInfo) -> String {
    let text = |output: &Arc<OutputInfo>| {
        let unit = match output.reported_unit() {
            "" => String::new(),
            unit => format!(", {unit}"),
        };
        format!("{} ({} of each {}{unit})", output.name, output.law.name(), output.per.name())
    };
    info.outputs.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Returns the reference energies, or the one of all species.
fn references(info: &ModelInfo) -> String {
    let energies = &info.reference_energies;
    match energies.values().next() {
        Some(first) if energies.len() > 1 && energies.values().all(|energy| energy == first) => {
            format!("{} eV each", trimmed(*first, 6))
        }
        _ => {
            let each = energies.iter().map(|(&z, energy)| format!("{} {} eV", symbol(z), trimmed(*energy, 6)));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Returns the file that a path leads to.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn reach_of(info: &ModelInfo) -> String {
    if info.whole {
        return "the whole structure (its energy is not a sum over atoms: never in blocks)".into();
    }
    let reach = plain(info.hops as f64 * info.cutoff);
    format!("{reach} Å (an atom's energy depends on atoms this far away)")
}

fn large(potential: &OnnxPotential) -> String {
    match potential.stages() {
        Ok(stages) => format!("layer by layer, in {stages} stage(s)"),
        Err(why) => format!("block by block, for {why}"),
    }
}

/// Significant digits of the numbers in a provenance; `--json` prints all of them.
const DIGITS: usize = 6;

/// The same value with rounded numbers.
fn readable(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(readable).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), readable(value))).collect(),
        Value::Number(number) if number.is_f64() => json!(number.as_f64().map(|number| rounded(number, DIGITS))),
        other => other.clone(),
    }
}

/// One line of text per entry.
fn provenance(metadata: &Metadata) -> Vec<String> {
    match &readable(&metadata.provenance) {
        Value::Null => vec![],
        Value::Object(entries) => entries.iter().map(|(key, value)| format!("{key}: {value}")).collect(),
        other => vec![other.to_string()],
    }
}

/// Name of a variant in the contract.
fn name_of(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}

/// A tensor that ranks exchange: its stage, the owners of its rows, and the numbers of a row.
fn message(message: &RankMessage) -> Value {
    json!({ "stage": message.stage, "rows": message.rows.name(), "numbers": message.numbers })
}

fn document(potential: &OnnxPotential, path: &Path) -> Value {
    let (info, metadata) = (potential.info(), potential.metadata());
    let references: serde_json::Map<_, _> =
        info.reference_energies.iter().map(|(&z, &energy)| (symbol(z).into(), json!(energy))).collect();
    json!({
        "name": info.name,
        "file": path,
        "sha256": potential.sha256(),
        "species": info.species,
        "symbols": info.species.iter().map(|&z| symbol(z)).collect::<Vec<_>>(),
        "cutoff": info.cutoff,
        "hops": info.hops,
        "whole": info.whole,
        "reach": tidy(info.hops as f64 * info.cutoff),
        "forces": info.forces.iter().map(|&kind| Forces::name(kind)).collect::<Vec<_>>(),
        "ensemble": info.ensemble,
        "conditions": info.conditions.iter().map(|condition| condition.name()).collect::<Vec<_>>(),
        "outputs": info.outputs.iter().map(|output| output.to_json()).collect::<Vec<_>>(),
        "charges": metadata.charges,
        "spins": metadata.spins,
        "reference_energies": references,
        "contract_version": metadata.version,
        "kept_neighbors": metadata.kept_neighbors,
        "layout": name_of(&metadata.layout),
        "precision": name_of(&metadata.precision),
        "symmetries": metadata.symmetries,
        "reference": metadata.reference,
        "provenance": metadata.provenance,
        "stages": potential.stages().ok(),
        "rank_messages": potential.rank_messages().iter().map(message).collect::<Vec<_>>(),
        "bytes_per_edge": metadata.bytes_per_edge,
        "onnxruntime": potential.library(),
        "notes": potential.notes(),
    })
}
