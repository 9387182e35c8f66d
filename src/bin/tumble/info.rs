//! `tumble info`: what a model is.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tumble::calculator::{Calculator, Settings};
use tumble::elements::{symbol, symbols};
use tumble::potential::{Forces, ModelInfo};
use tumble::{Error, Result};

use crate::{STDOUT, written};

/// Show what a model is: its cutoff, elements, and kinds of forces
#[derive(Args)]
#[command(after_help = "Examples:\n  tumble info model.onnx\n  tumble info model.onnx --json")]
pub struct Arguments {
    /// The model
    model: PathBuf,

    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments, library: Option<PathBuf>) -> Result<()> {
    let path = &arguments.model;
    let calculator = Calculator::load(path, &Settings { library, ..Settings::default() })?;
    let (bytes, hash) = fingerprint(path).map_err(|cause| Error::Read { path: path.into(), cause })?;
    let info = calculator.info();
    let text = if arguments.json {
        format!("{:#}\n", document(info, path, bytes, &hash))
    } else {
        rows(info, path, bytes, &hash).iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect()
    };
    written(STDOUT, io::stdout().write_all(text.as_bytes()))
}

/// Size and SHA-256 of a file. Some flipped bits load as if nothing had happened: the hash tells.
fn fingerprint(path: &Path) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((bytes, hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Name and value of each row. Lengths in Å, energies in eV.
fn rows(info: &ModelInfo, path: &Path, bytes: u64, hash: &str) -> Vec<(&'static str, String)> {
    let reach = info.hops as f64 * info.cutoff;
    let references = info.reference_energies.iter().map(|(&z, energy)| format!("{} {energy} eV", symbol(z)));
    let forces: Vec<_> = info.forces.iter().map(|&kind| name(kind)).collect();
    vec![
        ("name", info.name.clone()),
        ("file", format!("{}, {bytes} bytes", path.display())),
        ("sha256", hash.into()),
        ("species", symbols(&info.species)),
        ("cutoff", format!("{} Å", info.cutoff)),
        ("hops", info.hops.to_string()),
        ("reach", format!("{reach} Å (an atom's energy depends on atoms this far away)")),
        ("forces", forces.join(", ")),
        ("reference energies", references.collect::<Vec<_>>().join(", ")),
    ]
}

fn document(info: &ModelInfo, path: &Path, bytes: u64, hash: &str) -> Value {
    let references: serde_json::Map<_, _> =
        info.reference_energies.iter().map(|(&z, &energy)| (symbol(z).into(), json!(energy))).collect();
    json!({
        "name": info.name,
        "file": path,
        "bytes": bytes,
        "sha256": hash,
        "species": info.species,
        "symbols": info.species.iter().map(|&z| symbol(z)).collect::<Vec<_>>(),
        "cutoff": info.cutoff,
        "hops": info.hops,
        "reach": info.hops as f64 * info.cutoff,
        "forces": info.forces,
        "reference_energies": references,
    })
}

fn name(kind: Forces) -> &'static str {
    match kind {
        Forces::Conservative => "conservative",
        Forces::Direct => "direct",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn water() -> ModelInfo {
        ModelInfo {
            name: "water".into(),
            cutoff: 3.5,
            hops: 2,
            species: vec![1, 8],
            reference_energies: [(1, -13.5), (8, -430.25)].into(),
            forces: vec![Forces::Conservative, Forces::Direct],
        }
    }

    #[test]
    fn rows_name_elements_and_units() {
        let rows = rows(&water(), Path::new("m.onnx"), 5, "ab");
        let value = |name| rows.iter().find(|row| row.0 == name).unwrap().1.as_str();
        assert_eq!(value("species"), "H, O");
        assert_eq!(value("file"), "m.onnx, 5 bytes");
        assert!(value("reach").starts_with("7 Å"));
        assert_eq!(value("forces"), "conservative, direct");
        assert_eq!(value("reference energies"), "H -13.5 eV, O -430.25 eV");
    }

    #[test]
    fn the_document_holds_the_same() {
        let document = document(&water(), Path::new("m.onnx"), 5, "ab");
        assert_eq!(document["reach"], 7.0);
        assert_eq!(document["symbols"], json!(["H", "O"]));
        assert_eq!(document["forces"], json!(["conservative", "direct"]));
        assert_eq!(document["reference_energies"], json!({"H": -13.5, "O": -430.25}));
    }
}
