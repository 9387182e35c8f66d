//! The only bridge to C++. Everything that crosses it is plain data; errors cross as sentences, panics never.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::calculator::{Calculator, Device, Evaluation, Settings};
use crate::elements::atomic_number;
use crate::error::{Error, Result};
use crate::lammps::build_id;
use crate::lammps::fold::{Folded, RankAtoms, fold};
use crate::potential::Forces;
use crate::quadrature::Mitigation;

#[allow(missing_docs)]
#[cxx::bridge(namespace = "tumble")]
mod ffi {
    /// Keywords of `pair_style tumble`.
    struct PairSettings {
        rotate: String,
        inversion: bool,
        seed: u64,
        threads: usize,
        memory_mb: usize,
        /// "", "conservative" or "direct".
        forces: String,
        /// "cpu" or "cuda".
        device: String,
    }

    /// A rank's atoms and neighbor list; see `tumble::lammps::fold::RankAtoms`. Positions are flat, Å.
    struct RankData<'a> {
        n_own: usize,
        positions: &'a [f64],
        tags: &'a [i32],
        species: &'a [u8],
        row_atoms: &'a [i32],
        row_starts: &'a [usize],
        candidates: &'a [i32],
        /// Volume of the periodic cell if this rank holds the whole of it, else 0; Å^3.
        volume: f64,
    }

    /// eV and Å. `atoms[node]` says on which of the rank's atoms `forces[3 * node..]` acts.
    #[derive(Default)]
    struct RankResult {
        energy: f64,
        atomic_energies: Vec<f64>,
        atoms: Vec<usize>,
        forces: Vec<f64>,
        has_virial: bool,
        /// xx, yy, zz, xy, xz, yz.
        virial: [f64; 6],
    }

    extern "Rust" {
        type Engine;
        fn check_settings(settings: &PairSettings) -> Result<()>;
        fn load_engine(model: &str, settings: &PairSettings) -> Result<Box<Engine>>;
        fn cutoff(self: &Engine) -> f64;
        fn hops(self: &Engine) -> usize;
        fn summary(self: &Engine) -> String;
        fn species(self: &Engine, symbol: &str) -> Result<u8>;
        fn evaluate(self: &mut Engine, data: &RankData, step: u64, result: &mut RankResult) -> Result<()>;
    }
}

use ffi::{PairSettings, RankData, RankResult};

/// A loaded model as the pair style sees it.
pub struct Engine {
    calculator: Calculator,
}

/// Turns a panic into an error: none may unwind into C++.
fn guarded<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Error::Internal { text: text.unwrap_or_else(|| "no message".into()) })
    })
}

impl TryFrom<&PairSettings> for Settings {
    type Error = Error;

    fn try_from(pair: &PairSettings) -> Result<Self> {
        let forces = match pair.forces.as_str() {
            "" => None,
            "conservative" => Some(Forces::Conservative),
            "direct" => Some(Forces::Direct),
            other => return Err(keyword("forces", other, "conservative or direct")),
        };
        let device = match pair.device.as_str() {
            "cpu" => Device::Cpu,
            "cuda" => Device::Cuda,
            other => return Err(keyword("device", other, "cpu or cuda")),
        };
        Ok(Self {
            mitigation: pair.rotate.clone(),
            inversion: pair.inversion,
            seed: pair.seed,
            threads: pair.threads,
            memory_mb: pair.memory_mb,
            forces,
            device,
            library: None,
        })
    }
}

fn keyword(name: &'static str, found: &str, expected: &'static str) -> Error {
    Error::KeywordValue { keyword: name, found: found.into(), expected }
}

fn check_settings(settings: &PairSettings) -> Result<()> {
    guarded(|| {
        let settings = Settings::try_from(settings)?;
        Mitigation::parse(&settings.mitigation, settings.inversion).map(drop)
    })
}

fn load_engine(model: &str, settings: &PairSettings) -> Result<Box<Engine>> {
    guarded(|| Ok(Box::new(Engine { calculator: Calculator::load(Path::new(model), &settings.try_into()?)? })))
}

impl Engine {
    fn cutoff(&self) -> f64 {
        self.calculator.info().cutoff
    }

    fn hops(&self) -> usize {
        self.calculator.info().hops
    }

    /// Lines for the log.
    fn summary(&self) -> String {
        let (info, mitigation) = (self.calculator.info(), self.calculator.mitigation());
        let (name, cutoff, hops, evaluations) = (&info.name, info.cutoff, info.hops, mitigation.evaluations());
        let inversion = if mitigation.inversion() { " with inversion" } else { "" };
        let model = format!("model \"{name}\" of {}, cutoff {cutoff} A, {hops} hop(s)", self.calculator.origin());
        let rotate = format!("rotate {mitigation}{inversion}: {evaluations} evaluation(s) a step");
        let notes = self.calculator.notes().iter().map(String::as_str);
        let lines: Vec<_> = [model.as_str(), &rotate].into_iter().chain(notes).collect();
        lines.join("\n  ")
    }

    fn species(&self, symbol: &str) -> Result<u8> {
        guarded(|| {
            let info = self.calculator.info();
            let z = atomic_number(symbol).ok_or_else(|| info.unknown_element(symbol))?;
            info.check_species(&[z])?;
            Ok(z)
        })
    }

    fn evaluate(&mut self, data: &RankData, step: u64, result: &mut RankResult) -> Result<()> {
        guarded(|| {
            let mut folded = self.fold(data)?;
            folded.graph.volume = (data.volume > 0.0).then_some(data.volume);
            let evaluation = self.calculator.evaluate(&folded.graph, step)?;
            fill(result, folded.atoms, evaluation);
            Ok(())
        })
    }

    fn fold(&self, data: &RankData) -> Result<Folded> {
        let rank = RankAtoms {
            n_own: data.n_own,
            positions: data.positions.as_chunks::<3>().0,
            tags: data.tags,
            species: data.species,
            row_atoms: data.row_atoms,
            row_starts: data.row_starts,
            candidates: data.candidates,
        };
        let (cutoff, hops) = (self.cutoff(), self.hops());
        fold(&rank, cutoff, hops).map_err(|missing| Error::GhostsTooThin {
            tag: missing.tag,
            reach: cutoff * hops as f64,
            cutoff,
            hops,
        })
    }
}

fn fill(result: &mut RankResult, atoms: Vec<usize>, evaluation: Evaluation) {
    result.energy = evaluation.energy;
    result.atomic_energies = evaluation.atomic_energies;
    result.atoms = atoms;
    result.forces = evaluation.forces.into_flattened();
    result.has_virial = evaluation.virial.is_some();
    let w = evaluation.virial.unwrap_or_default();
    result.virial = [w[0][0], w[1][1], w[2][2], w[0][1], w[0][2], w[1][2]];
}

unsafe extern "C" {
    /// Registers the pair style (`cpp/plugin.cpp`).
    fn tumble_register_styles(lmp: *mut c_void, handle: *mut c_void, regfunc: *mut c_void);
    /// Of LAMMPS' C interface; only its address is used, to find the library that is loading us.
    fn lammps_version(lmp: *mut c_void) -> c_int;
}

/// What `plugin load` calls. `lmp`, `handle` and `regfunc` are LAMMPS' own pointers.
///
/// # Safety
/// To be called by LAMMPS' plugin loader only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lammpsplugin_init(lmp: *mut c_void, handle: *mut c_void, regfunc: *mut c_void) {
    let refusal = guarded(|| Ok(build_id::refusal(lammps_version as *const () as usize)));
    match refusal {
        // SAFETY: the pointers go to C++ as LAMMPS gave them.
        Ok(None) => unsafe { tumble_register_styles(lmp, handle, regfunc) },
        Ok(Some(sentence)) => eprintln!("ERROR: {sentence}"),
        Err(error) => eprintln!("ERROR: {error}"),
    }
}
