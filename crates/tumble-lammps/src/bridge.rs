//! The only bridge to C++. Everything that crosses it is plain data; errors cross as sentences, panics never.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

use tumble_core::calculator::{Calculator, HeldCorrection, Phase};
use tumble_core::diagnostics::{Probes, Shares};
use tumble_core::elements::{atomic_number, symbols};
use tumble_core::panics::guarded;
use tumble_core::rotation::{Matrix3, scale};
use tumble_core::settings::frontend::accepted;
use tumble_core::settings::{Frontend, Setting};
use tumble_core::units::UnitStyle;
use tumble_core::virial::{centroid_virials, virials};
use tumble_engine::load;

use crate::agreement::{self, Identity};
use crate::axes::Axes;
use crate::build_id;
use crate::error::{Error, Result};
use crate::fold::{Folded, RankAtoms, fold};
use crate::integers::{self, IntegerSizes};
use crate::keywords::{self, Expected, Keywords};
use crate::masses::{self, TypeMass};
use crate::place::Place;
use crate::step::{Outcome, Wanted, step};

#[allow(missing_docs)]
#[cxx::bridge(namespace = "tumble")]
mod ffi {
    /// How LAMMPS reads what comes after a keyword.
    enum ValueKind {
        Word,
        /// yes or no, and what else LAMMPS takes for them.
        Switch,
        Whole,
        /// LAMMPS' unit.
        Energy,
    }

    /// What comes after a keyword.
    #[derive(Clone, Copy)]
    struct KeywordValue {
        kind: ValueKind,
        /// Of whole numbers.
        least: u64,
    }

    /// 1 Å, 1 eV and 1 u in LAMMPS' units.
    #[derive(Clone, Copy)]
    struct Units {
        angstrom: f64,
        electron_volt: f64,
        dalton: f64,
    }

    /// A rank's atoms and neighbor list; see `crate::fold::RankAtoms`. LAMMPS' unit of length.
    struct RankData<'a> {
        n_own: usize,
        positions: &'a [f64],
        tags: &'a [i64],
        species: &'a [u8],
        row_atoms: &'a [i32],
        row_starts: &'a [usize],
        candidates: &'a [i32],
        /// Volume of the periodic cell if this rank holds the whole of it, else 0.
        volume: f64,
        /// Rotation from LAMMPS' axes to the user's, row by row `[9]`; empty where they are the same.
        axes: &'a [f64],
        /// Of the own atoms, LAMMPS' unit.
        masses: &'a [f64],
        /// Largest tag on any rank.
        max_tag: usize,
    }

    /// What is wanted of a step.
    struct StepRequest {
        /// Chooses the random rotations, and what is due in multiple time stepping.
        step: u64,
        /// Whether the integrator of a run of dynamics asks; everybody else gets the average.
        integrator: bool,
        /// Whether energies or values per atom are wanted, which only an averaged evaluation can give.
        energies: bool,
        virials: bool,
        centroid_virials: bool,
        /// Whether measures of broken symmetry are wanted, and `max_tag` is known.
        measure: bool,
        /// Whether to spend evaluations on them.
        survey: bool,
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
        /// xx, yy, zz, xy, xz, yz of each node, if asked for.
        virials: Vec<f64>,
        /// xx, yy, zz, xy, xz, yz, yx, zx, zy of each node, if asked for.
        centroid_virials: Vec<f64>,
        /// Standard deviation over the replicas of each own atom's energy; not a number where it is not known.
        spreads: Vec<f64>,
        /// Standard deviation over the ensemble of each own atom's energy; empty without an ensemble.
        uncertainties: Vec<f64>,
        evaluations: usize,
        /// To be summed over the ranks for `diagnose`; empty if nothing was measured.
        shares: Vec<f64>,
        /// Seconds inside the model for this step.
        model_seconds: f64,
    }

    /// Measures of broken symmetry of the whole system, eV and Å; what is not known is not a number.
    struct SymmetryMeasures {
        energy_spread: f64,
        force_spread: f64,
        torque: f64,
        /// (eV/Å)² per unit of mass; see `tumble_core::diagnostics::Diagnosis`.
        noise_power: f64,
    }

    extern "Rust" {
        type Engine;
        type Keywords;
        /// Of keywords and values in turn, those that are settings.
        fn read_keywords(words: Vec<String>) -> Result<Box<Keywords>>;
        /// The SHA-256 that the model must have; empty: any.
        fn demand(self: &mut Keywords, sha256: &str);
        fn every(self: &Keywords) -> u64;
        fn seed(self: &Keywords) -> u64;
        /// Threads of the processor that the model takes on each rank; 0 where it runs elsewhere.
        fn processor_threads(self: &Keywords) -> usize;
        fn unit_style(name: &str) -> Result<Units>;
        fn keyword_value(word: &str) -> Result<KeywordValue>;
        fn check_model_word(word: &str) -> Result<()>;
        fn compare_identities(first: &str, other: &str, different_ranks: &[usize]) -> Result<()>;
        fn load_engine(model: &str, keywords: &Keywords, units: Units) -> Result<Box<Engine>>;
        fn cutoff(self: &Engine) -> f64;
        fn hops(self: &Engine) -> usize;
        fn is_whole(self: &Engine) -> bool;
        fn has_ensemble(self: &Engine) -> bool;
        fn is_random(self: &Engine) -> bool;
        fn summary(self: &Engine) -> String;
        fn species(self: &Engine, element: &str) -> Result<u8>;
        fn identity(self: &Engine, keywords: &Keywords, species_of_type: &[u8]) -> String;
        fn mass_warning(self: &Engine, species_of_type: &[u8], masses: &[f64]) -> String;
        /// The correction of the virial that is held between outer steps, xx, yy, zz, xy, xz, yz, eV, this rank's share; empty
        /// if there is none.
        fn held_virial(self: &Engine) -> Vec<f64>;
        fn hold_virial(self: &mut Engine, virial: &[f64]);
        fn evaluate(self: &mut Engine, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()>;
        fn diagnose(self: &Engine, shares: &[f64]) -> Result<SymmetryMeasures>;
    }
}

use ffi::{KeywordValue, RankData, RankResult, StepRequest, SymmetryMeasures, Units, ValueKind};

/// A loaded model as the pair style sees it.
pub struct Engine {
    calculator: Calculator,
    units: Units,
    shares: Shares,
}

fn unit_style(name: &str) -> Result<Units> {
    let UnitStyle { angstrom, electron_volt, dalton } =
        UnitStyle::named(name).ok_or_else(|| Error::UnitStyle { style: name.into() })?;
    Ok(Units { angstrom, electron_volt, dalton })
}

fn read_keywords(words: Vec<String>) -> Result<Box<Keywords>> {
    guarded(|| Ok(Box::new(Keywords::read(&words)?)))
}

fn keyword_value(word: &str) -> Result<KeywordValue> {
    guarded(|| {
        let (kind, least) = match keywords::expected(word)? {
            Expected::Word => (ValueKind::Word, 0),
            Expected::Switch => (ValueKind::Switch, 0),
            Expected::Whole(least) => (ValueKind::Whole, least),
            Expected::Energy => (ValueKind::Energy, 0),
        };
        Ok(KeywordValue { kind, least })
    })
}

/// Refuses an element where the model is expected.
fn check_model_word(word: &str) -> Result<()> {
    let is_element = element_number(word).is_some() && !Path::new(word).exists();
    guarded(|| if is_element { Err(Error::ElementNotModel { word: word.into() }) } else { Ok(()) })
}

/// The atomic number of a symbol or a number.
fn element_number(word: &str) -> Option<u8> {
    word.parse().ok().filter(|z| (1..=118).contains(z)).or_else(|| atomic_number(word))
}

/// Texts of `Engine::identity`, of rank 0 and of the first of the ranks that differ from it.
fn compare_identities(first: &str, other: &str, different_ranks: &[usize]) -> Result<()> {
    guarded(|| agreement::compare(first, other, different_ranks))
}

fn load_engine(model: &str, keywords: &Keywords, units: Units) -> Result<Box<Engine>> {
    guarded(|| {
        let calculator = load(Path::new(model), &keywords.settings)?;
        Ok(Box::new(Engine { calculator, units, shares: Shares::default() }))
    })
}

impl Engine {
    /// In LAMMPS' unit of length.
    fn cutoff(&self) -> f64 {
        self.calculator.info().cutoff * self.units.angstrom
    }

    fn hops(&self) -> usize {
        self.calculator.info().hops
    }

    fn is_whole(&self) -> bool {
        self.calculator.info().whole
    }

    fn has_ensemble(&self) -> bool {
        self.calculator.info().ensemble
    }

    fn is_random(&self) -> bool {
        self.calculator.mitigation().is_random()
    }

    /// Lines for the log.
    fn summary(&self) -> String {
        let (info, policy) = (self.calculator.info(), self.calculator.policy());
        let (name, cutoff, hops) = (&info.name, info.cutoff, info.hops);
        let model = format!("model \"{name}\" of {}, cutoff {cutoff} A, {hops} hop(s)", self.calculator.origin());
        let notes = self.calculator.notes().iter().map(String::as_str);
        let lines: Vec<_> = [model.as_str(), &policy].into_iter().chain(notes).collect();
        lines.join("\n  ")
    }

    /// Of a symbol or an atomic number.
    fn species(&self, element: &str) -> Result<u8> {
        guarded(|| {
            let info = self.calculator.info();
            let z = element_number(element).ok_or_else(|| info.unknown_element(element))?;
            info.check_species(&[z])?;
            Ok(z)
        })
    }

    /// What must be the same on all ranks, as text. The first entry of `species_of_type` belongs to no type.
    fn identity(&self, keywords: &Keywords, species_of_type: &[u8]) -> String {
        let origin = self.calculator.origin();
        let hash = origin.rsplit_once("sha256 ").map_or(origin, |(_, hash)| hash);
        let identity = Identity::default().with("the SHA-256 of the model", hash);
        let identity = identity.with("the elements of the atom types", symbols(&species_of_type[1..]));
        let value = |setting: &Setting| (setting.show)(&keywords.settings).unwrap_or_default();
        let with = |all: Identity, one: &Setting| all.with(&format!("the value of keyword {}", one.name), value(one));
        accepted(Frontend::Lammps).into_iter().fold(identity, with).into_text()
    }

    /// A sentence about masses that are far from those of their elements; empty if there are none. `masses[t]` of type
    /// t in LAMMPS' unit, not positive where it is not known.
    fn mass_warning(&self, species_of_type: &[u8], masses: &[f64]) -> String {
        let one = |(number, (&element, mass)): (usize, (&u8, &f64))| TypeMass {
            number,
            element,
            mass: mass / self.units.dalton,
        };
        let types: Vec<_> = species_of_type.iter().zip(masses).enumerate().skip(1).map(one).collect();
        let known: Vec<_> = types.into_iter().filter(|one| one.mass > 0.0).collect();
        masses::warning(&known).unwrap_or_default()
    }

    fn held_virial(&self) -> Vec<f64> {
        self.calculator.held().and_then(|held| held.0).map_or_else(Vec::new, |w| six(&w).to_vec())
    }

    fn hold_virial(&mut self, virial: &[f64]) {
        let symmetric = |&[xx, yy, zz, xy, xz, yz]: &[f64; 6]| [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
        let virial = virial.first_chunk().map(symmetric);
        self.calculator.hold(virial.map(|w| HeldCorrection(Some(w))));
    }

    fn evaluate(&mut self, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()> {
        guarded(|| {
            let folded = self.fold(data)?;
            let phase = if request.integrator {
                self.calculator.phase(request.step, request.energies)
            } else {
                Phase::Averaged
            };
            let survey = request.survey;
            let measured = request.measure && (survey || phase.is_exact());
            let tags = folded.atoms.iter().map(|&atom| data.tags[atom] as usize);
            let probes = measured.then(|| Probes::new(tags, data.masses, data.max_tag));
            let edge_gradients = request.virials || request.centroid_virials;
            let wanted = Wanted { step: request.step, phase, edge_gradients, survey, probes: probes.as_ref() };
            let before = self.calculator.model_seconds();
            let outcome =
                step(&mut self.calculator, &folded.graph, &wanted).map_err(|error| name_place(error, data, &folded))?;
            result.shares = outcome.shares.as_ref().map(|shares| shares.numbers.clone()).unwrap_or_default();
            self.shares = outcome.shares.clone().unwrap_or_default();
            result.model_seconds = self.calculator.model_seconds() - before;
            fill(result, folded, outcome, request, &Axes::new(data.axes))
        })
    }

    fn fold(&self, data: &RankData) -> Result<Folded> {
        let unit = 1.0 / self.units.angstrom;
        let axes = Axes::new(data.axes);
        let (positions, _) = data.positions.as_chunks::<3>();
        // Compared with a cutoff, what is not a number has no neighbors: the atom would silently be missing.
        if let Some(bad) = data.positions.iter().position(|x| !x.is_finite()) {
            let (atom, value) = (data.tags[bad / 3] as usize, data.positions[bad]);
            return Err(tumble_core::Error::NotFinite { what: "the position", atom, value }.into());
        }
        let positions: Vec<_> = positions.iter().map(|x| axes.to_user(scale(*x, unit))).collect();
        let rank = RankAtoms {
            n_own: data.n_own,
            positions: &positions,
            tags: data.tags,
            species: data.species,
            row_atoms: data.row_atoms,
            row_starts: data.row_starts,
            candidates: data.candidates,
        };
        let (cutoff, hops) = (self.calculator.info().cutoff, self.hops());
        let mut folded = fold(&rank, cutoff, hops).map_err(|missing| Error::GhostsTooThin {
            tag: missing.tag,
            reach: cutoff * hops as f64,
            cutoff,
            hops,
        })?;
        folded.graph.volume = (data.volume > 0.0).then(|| data.volume * unit.powi(3));
        Ok(folded)
    }

    fn diagnose(&self, shares: &[f64]) -> Result<SymmetryMeasures> {
        guarded(|| {
            let diagnosis = self.shares.read(shares);
            Ok(SymmetryMeasures {
                energy_spread: diagnosis.energy_spread.unwrap_or(f64::NAN),
                force_spread: diagnosis.force_spread.unwrap_or(f64::NAN),
                torque: diagnosis.torque,
                noise_power: diagnosis.noise_power.unwrap_or(f64::NAN),
            })
        })
    }
}

/// An error with the atom ID in place of an index of this rank.
fn name_place(error: tumble_core::Error, data: &RankData, folded: &Folded) -> Error {
    let tags: Vec<_> = folded.atoms.iter().map(|&atom| data.tags[atom]).collect();
    let (all, _) = data.positions.as_chunks::<3>();
    let positions: Vec<_> = folded.atoms.iter().map(|&atom| all[atom]).collect();
    Place { graph: &folded.graph, tags: &tags, positions: &positions }.name(error)
}

fn fill(result: &mut RankResult, folded: Folded, outcome: Outcome, request: &StepRequest, axes: &Axes) -> Result<()> {
    let Folded { graph, atoms } = folded;
    let own = graph.weights.iter().take_while(|&&weight| weight > 0.0).count();
    let Outcome { mut evaluation, spreads, evaluations, .. } = outcome;
    let edge_gradients = &evaluation.edge_gradients;
    if (request.virials || request.centroid_virials) && edge_gradients.len() != graph.n_edges() {
        return Err(Error::NoAtomicVirials);
    }
    let mut virials = if request.virials { virials(&graph, edge_gradients) } else { vec![] };
    let mut centroid = if request.centroid_virials { centroid_virials(&graph, edge_gradients) } else { vec![] };
    axes.vectors_from_user(&mut evaluation.forces);
    [&mut virials[..], &mut centroid[..], evaluation.virial.as_mut_slice()]
        .into_iter()
        .for_each(|tensors| axes.tensors_from_user(tensors));
    result.virials = virials.iter().flat_map(six).collect();
    result.centroid_virials =
        centroid.iter().flat_map(|w| six(w).into_iter().chain([w[1][0], w[2][0], w[2][1]])).collect();
    result.spreads = spreads.unwrap_or_else(|| vec![f64::NAN; own]);
    result.uncertainties = evaluation.uncertainty();
    result.energy = evaluation.energy;
    result.atomic_energies = evaluation.atomic_energies;
    result.atoms = atoms;
    result.forces = evaluation.forces.into_flattened();
    result.has_virial = evaluation.virial.is_some();
    result.virial = six(&evaluation.virial.unwrap_or_default());
    result.evaluations = evaluations;
    Ok(())
}

/// In LAMMPS' order.
fn six(w: &Matrix3) -> [f64; 6] {
    [w[0][0], w[1][1], w[2][2], w[0][1], w[0][2], w[1][2]]
}

unsafe extern "C" {
    /// Registers the pair style (`cpp/plugin.cpp`).
    fn tumble_register_styles(lmp: *mut c_void, handle: *mut c_void, regfunc: *mut c_void);
    /// Of LAMMPS' C interface; only its address is used, to find the library that is loading us.
    fn lammps_version(lmp: *mut c_void) -> c_int;
    /// Of LAMMPS' C interface: the size of an integer type, bytes.
    fn lammps_extract_setting(lmp: *mut c_void, keyword: *const c_char) -> c_int;
    /// Sizes of LAMMPS' integers in the C++ side (`cpp/plugin.cpp`), bytes.
    fn tumble_integer_sizes(sizes: *mut IntegerSizes);
}

/// In a section of its own, so that `tumble doctor` can read it from the file: nothing but LAMMPS can load that.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".tumble.lammps")]
pub static TUMBLE_COMPILED_FOR: [u8; build_id::COMPILED_FOR.len()] =
    *build_id::COMPILED_FOR.as_bytes().first_chunk().unwrap();

/// What `plugin load` calls. `lmp`, `handle` and `regfunc` are LAMMPS' own pointers.
///
/// # Safety
/// To be called by LAMMPS' plugin loader only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lammpsplugin_init(lmp: *mut c_void, handle: *mut c_void, regfunc: *mut c_void) {
    let refusal: Result<_> = guarded(|| {
        // SAFETY: both only read; LAMMPS gave its own handle.
        let (mut compiled, found) =
            (IntegerSizes::default(), IntegerSizes::ask(|name| unsafe { lammps_extract_setting(lmp, name.as_ptr()) }));
        unsafe { tumble_integer_sizes(&mut compiled) };
        let other_build = || build_id::refusal(lammps_version as *const () as usize);
        Ok(integers::refusal(&compiled, &found).or_else(other_build))
    });
    match refusal {
        // SAFETY: the pointers go to C++ as LAMMPS gave them.
        Ok(None) => unsafe { tumble_register_styles(lmp, handle, regfunc) },
        Ok(Some(sentence)) => eprintln!("ERROR: {sentence}"),
        Err(error) => eprintln!("ERROR: {error}"),
    }
}
