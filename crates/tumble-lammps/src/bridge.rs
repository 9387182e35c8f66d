//! The only bridge to C++. Only plain data crosses it; errors cross as sentences, panics never.

use std::ffi::c_char;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use tumble_core::average;
use tumble_core::calculator::{Calculator, Evaluation, HeldCorrection, Phase};
use tumble_core::conditions::Conditions;
use tumble_core::diagnostics::{Probes, Shares};
use tumble_core::elements::{atomic_number, symbols};
use tumble_core::outputs::{AveragedOutput, OutputInfo, Per};
use tumble_core::panics::guarded;
use tumble_core::parallel::locked;
use tumble_core::rotation::{Matrix3, scale};
use tumble_core::settings::frontend::accepted;
use tumble_core::settings::{Frontend, Setting};
use tumble_core::units::UnitStyle;
use tumble_core::virial::{centroid_virials, virials};
use tumble_engine::load_models;
use tumble_onnx::runtime::dylib::file_of;

use crate::agreement::{self, Identity};
use crate::atom_locator::AtomLocator;
use crate::axes::Axes;
use crate::error::{Error, Result};
use crate::exchange::{Exchange, NodeOwners};
use crate::fold::{Folded, RankAtoms, fold};
use crate::integers::IntegerSizes;
use crate::keywords::{self, Keywords};
use crate::lammps_build::{LammpsBuild, build_id_of};
use crate::masses::{self, TypeMass};
use crate::mpi_family::MpiFamily;
use crate::pausable;
use crate::step::{Done, Outcome, StepOptions, StepTask};
use crate::version::Version;
use crate::words;

#[allow(missing_docs)]
#[cxx::bridge(namespace = "tumble")]
mod ffi {
    /// 1 Å, 1 eV and 1 u in LAMMPS' units.
    #[derive(Clone, Copy)]
    struct Units {
        angstrom: f64,
        electron_volt: f64,
        dalton: f64,
        /// 1 V/Å in LAMMPS' unit of the electric field.
        volt_per_angstrom: f64,
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
        /// Volume of the periodic cell if this rank holds all of it, else 0.
        volume: f64,
        /// Rotation from LAMMPS' axes to the user's, row by row `[9]`; empty if they are the same.
        axes: &'a [f64],
        /// Masses of the own atoms, LAMMPS' unit.
        masses: &'a [f64],
        /// Largest tag on any rank.
        max_tag: usize,
        /// Number of the partner that owns each atom, -1 for own atoms and their images; empty unless ranks exchange
        /// messages.
        partners: &'a [i32],
        /// Number of partners.
        n_partners: usize,
    }

    /// The next communication of all ranks, if they exchange messages.
    enum Communication {
        /// None: the evaluation has ended.
        Done,
        /// One message from and to each partner.
        Exchange,
        /// Sums of numbers over all ranks.
        Sum,
        /// Least numbers of all ranks.
        Least,
    }

    /// Options of a step.
    struct StepRequest {
        /// Selects the random rotations, and the phase of multiple time stepping.
        step: u64,
        /// Whether the integrator of a dynamics run requests the forces; other callers get the average.
        integrator: bool,
        /// Whether to compute energies or values per atom; they need an averaged evaluation.
        energies: bool,
        virials: bool,
        centroid_virials: bool,
        /// Whether to measure the broken symmetry; needs `max_tag`.
        measure: bool,
        /// Whether to spend additional evaluations on the measures.
        survey: bool,
        /// Whether to return the forces and energies of the models of a committee.
        members: bool,
        /// Charge, spin and field (LAMMPS' unit) of the structure; NaN if not given.
        conditions: [f64; 5],
    }

    /// Results of a rank, eV and Å. `forces[3 * node..]` acts on the rank's atom `atoms[node]`.
    #[derive(Default)]
    struct RankResult {
        energy: f64,
        atomic_energies: Vec<f64>,
        atoms: Vec<usize>,
        forces: Vec<f64>,
        has_virial: bool,
        /// xx, yy, zz, xy, xz, yz.
        virial: [f64; 6],
        /// xx, yy, zz, xy, xz, yz of each node; empty unless requested.
        virials: Vec<f64>,
        /// xx, yy, zz, xy, xz, yz, yx, zx, zy of each node; empty unless requested.
        centroid_virials: Vec<f64>,
        /// Standard deviation over the replicas of each own atom's energy; NaN if unknown.
        spreads: Vec<f64>,
        /// Standard deviation over the ensemble of each own atom's energy; empty without an ensemble.
        uncertainties: Vec<f64>,
        /// This rank's shares of the outputs of the structure, one after the other, in the order of `Engine::outputs`.
        structure_outputs: Vec<f64>,
        /// The outputs of the own atoms `[C, components]`, likewise; NaN between averages.
        atom_outputs: Vec<f64>,
        /// Forces of each of the M models of a committee on each node `[M][nodes][3]`, in the user's axes; empty unless
        /// requested.
        member_forces: Vec<f64>,
        /// This rank's share of the energy of each model `[M]`; empty unless requested.
        member_energies: Vec<f64>,
        evaluations: usize,
        /// This rank's share of the measures, to be summed over the ranks for `diagnose`; empty without a measurement.
        shares: Vec<f64>,
        /// Seconds inside the model for this step.
        model_seconds: f64,
    }

    /// An output of the model besides energy and forces.
    struct ModelOutput {
        name: String,
        /// Name of its unit; empty if unknown.
        unit: String,
        per_atom: bool,
        /// 1, 3 or 9.
        components: usize,
    }

    /// Measures of broken symmetry of the whole system, eV and Å; NaN if unknown.
    struct SymmetryMeasures {
        energy_spread: f64,
        force_spread: f64,
        torque: f64,
        /// (eV/Å)² per unit of mass; see `tumble_core::diagnostics::Diagnosis`.
        noise_power: f64,
    }

    /// The LAMMPS that loads the plugin.
    struct RunningLammps<'a> {
        /// Result of `lammps_version`, as 20250722.
        version: i32,
        /// Sizes of its integers, bytes.
        tag: i32,
        big: i32,
        image: i32,
        /// Result of `MPI_Get_library_version`.
        mpi: &'a str,
        /// Address of any of its functions.
        address: usize,
    }

    extern "Rust" {
        type Engine;
        type Keywords;
        /// Parses alternating keywords and values, except those held in C++.
        fn read_keywords(words: Vec<String>) -> Result<Box<Keywords>>;
        /// Requires a model with this SHA-256; empty: any model.
        fn require_sha256(self: &mut Keywords, sha256: &str);
        fn every(self: &Keywords) -> u64;
        fn seed(self: &Keywords) -> u64;
        fn exchange(self: &Keywords) -> bool;
        /// Returns the model's CPU threads per rank; 0 on other devices.
        fn processor_threads(self: &Keywords) -> usize;
        fn unit_style(name: &str) -> Result<Units>;
        fn check_keyword(word: &str) -> Result<()>;
        fn check_model_word(word: &str) -> Result<()>;
        fn compare_identities(first: &str, other: &str, different_ranks: &[usize]) -> Result<()>;
        fn load_engine(models: &[String], keywords: &Keywords, units: Units) -> Result<Box<Engine>>;
        /// Returns the deviation of the force on each atom, from the forces `[members][atoms][3]`.
        fn force_deviations(forces: &[f64], members: usize) -> Vec<f64>;
        /// Returns the standard deviation of the energies of the models.
        fn energy_deviation(energies: &[f64]) -> f64;
        fn cutoff(self: &Engine) -> f64;
        fn hops(self: &Engine) -> usize;
        fn is_whole(self: &Engine) -> bool;
        fn has_ensemble(self: &Engine) -> bool;
        /// Returns the number of models of a committee; 0 for a single model.
        fn members(self: &Engine) -> usize;
        fn is_random(self: &Engine) -> bool;
        fn outputs(self: &Engine) -> Vec<ModelOutput>;
        fn summary(self: &Engine) -> String;
        /// Refuses charge, spin and field that the model does not know, and those that it needs and that are not given,
        /// from the words of the input: numbers, `v_name` or nothing.
        fn check_conditions(self: &Engine, words: &[String]) -> Result<()>;
        fn species(self: &Engine, element: &str) -> Result<u8>;
        fn identity(self: &Engine, keywords: &Keywords, species_of_type: &[u8]) -> String;
        fn mass_warning(self: &Engine, species_of_type: &[u8], masses: &[f64]) -> String;
        /// Returns this rank's share of the held correction of the virial between outer steps, xx, yy, zz, xy, xz, yz,
        /// eV; empty if there is none.
        fn held_virial(self: &Engine) -> Vec<f64>;
        fn hold_virial(self: &mut Engine, virial: &[f64]);
        fn evaluate(self: &mut Engine, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()>;
        /// Returns the number of stages between which ranks can exchange messages.
        fn stages(self: &Engine) -> Result<usize>;
        /// Begins an evaluation in which ranks exchange messages. Then all ranks call `advance` and communicate, until it
        /// returns `Done`, and `finish`.
        fn begin(self: &mut Engine, data: &RankData, request: &StepRequest) -> Result<()>;
        fn advance(self: &mut Engine) -> Communication;
        /// Returns the message to a partner, in whole units of 8 bytes.
        fn outgoing(self: &Engine, partner: usize) -> &[u8];
        /// Returns room for the message from a partner.
        fn incoming(self: &mut Engine, partner: usize, bytes: usize) -> &mut [u8];
        /// Returns the numbers to be replaced by those of all ranks.
        fn numbers(self: &mut Engine) -> &mut [f64];
        /// Ends the evaluation, since another rank has failed.
        fn abandon(self: &mut Engine);
        fn finish(self: &mut Engine, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()>;
        fn diagnose(self: &Engine, shares: &[f64]) -> Result<SymmetryMeasures>;
        /// Compares the LAMMPS that loads the plugin with the text of the one that it was compiled for.
        fn accept_lammps(compiled_for: &str, running: &RunningLammps) -> Result<()>;
    }
}

use ffi::{Communication, ModelOutput, RankData, RankResult, RunningLammps, StepRequest, SymmetryMeasures, Units};

/// A loaded model with its settings, behind the bridge.
pub struct Engine {
    /// Locked while an evaluation with other ranks is under way.
    calculator: Arc<Mutex<Calculator>>,
    units: Units,
    shares: Shares,
    exchange: Exchange,
}

fn unit_style(name: &str) -> Result<Units> {
    let UnitStyle { angstrom, electron_volt, dalton, volt_per_angstrom } =
        UnitStyle::named(name).ok_or_else(|| Error::UnitStyle { style: name.into() })?;
    Ok(Units { angstrom, electron_volt, dalton, volt_per_angstrom })
}

fn read_keywords(words: Vec<String>) -> Result<Box<Keywords>> {
    guarded(|| Ok(Box::new(Keywords::read(&words)?)))
}

fn check_keyword(word: &str) -> Result<()> {
    guarded(|| keywords::check(word))
}

/// Refuses an element in place of the model.
fn check_model_word(word: &str) -> Result<()> {
    let is_element = element_number(word).is_some() && !Path::new(word).exists();
    guarded(|| if is_element { Err(Error::ElementNotModel { word: word.into() }) } else { Ok(()) })
}

/// Parses an element, given as symbol or atomic number.
fn element_number(word: &str) -> Option<u8> {
    word.parse().ok().filter(|z| (1..=118).contains(z)).or_else(|| atomic_number(word))
}

/// Compares `Engine::identity` of rank 0 with the first of the `different_ranks`.
fn compare_identities(first: &str, other: &str, different_ranks: &[usize]) -> Result<()> {
    guarded(|| agreement::compare(first, other, different_ranks))
}

fn load_engine(models: &[String], keywords: &Keywords, units: Units) -> Result<Box<Engine>> {
    guarded(|| {
        let calculator = load_models(models, &keywords.settings)?;
        let (calculator, shares) = (Arc::new(Mutex::new(calculator)), Shares::default());
        Ok(Box::new(Engine { calculator, units, shares, exchange: Exchange::default() }))
    })
}

fn force_deviations(forces: &[f64], members: usize) -> Vec<f64> {
    let (vectors, _) = forces.as_chunks::<3>();
    let atoms = vectors.len() / members.max(1);
    let each: Vec<_> = (0..members).map(|member| vectors[member * atoms..(member + 1) * atoms].to_vec()).collect();
    average::force_deviations(&each)
}

fn energy_deviation(energies: &[f64]) -> f64 {
    average::energy_deviation(energies)
}

impl Engine {
    fn calculator(&self) -> MutexGuard<'_, Calculator> {
        locked(&self.calculator)
    }

    /// Returns the cutoff of the model in LAMMPS' unit of length.
    fn cutoff(&self) -> f64 {
        self.calculator().info().cutoff * self.units.angstrom
    }

    fn hops(&self) -> usize {
        self.calculator().info().hops
    }

    fn is_whole(&self) -> bool {
        self.calculator().info().whole
    }

    fn has_ensemble(&self) -> bool {
        self.calculator().info().ensemble
    }

    fn members(&self) -> usize {
        self.calculator().members()
    }

    fn is_random(&self) -> bool {
        self.calculator().mitigation().is_random()
    }

    fn outputs(&self) -> Vec<ModelOutput> {
        let describe = |info: &Arc<OutputInfo>| ModelOutput {
            name: info.name.clone(),
            unit: info.reported_unit().into(),
            per_atom: info.per == Per::Atom,
            components: info.law.components(),
        };
        self.calculator().info().outputs.iter().map(describe).collect()
    }

    /// Returns lines for the log: the model and its evaluation.
    fn summary(&self) -> String {
        let calculator = self.calculator();
        let (info, policy) = (calculator.info(), calculator.policy());
        let (name, cutoff, hops) = (&info.name, info.cutoff, info.hops);
        let model = format!("model \"{name}\" of {}, cutoff {cutoff} A, {hops} hop(s)", calculator.origin());
        let notes = calculator.notes().iter().map(String::as_str);
        let lines: Vec<_> = [model.as_str(), &policy].into_iter().chain(notes).collect();
        lines.join("\n  ")
    }

    fn check_conditions(&self, words: &[String]) -> Result<()> {
        guarded(|| Ok(words::check(self.calculator().info(), words)?))
    }

    /// Parses an element, given as symbol or atomic number, and checks that the model knows it.
    fn species(&self, element: &str) -> Result<u8> {
        guarded(|| {
            let calculator = self.calculator();
            let info = calculator.info();
            let z = element_number(element).ok_or_else(|| info.unknown_element(element))?;
            info.check_species(&[z])?;
            Ok(z)
        })
    }

    /// Returns the properties that must agree on all ranks, as text. The first entry of `species_of_type` is unused,
    /// since types start from 1.
    fn identity(&self, keywords: &Keywords, species_of_type: &[u8]) -> String {
        let calculator = self.calculator();
        let identity = Identity::default().with("the SHA-256 of the model", hashes(calculator.origin()));
        let identity = identity.with("the elements of the atom types", symbols(&species_of_type[1..]));
        let value = |setting: &Setting| (setting.show)(&keywords.settings).unwrap_or_default();
        let with = |all: Identity, one: &Setting| all.with(&format!("the value of keyword {}", one.name), value(one));
        accepted(Frontend::Lammps).into_iter().fold(identity, with).into_text()
    }

    /// Returns a warning about masses far from those of the elements; empty if there are none. `masses[t]` is the mass
    /// of type t in LAMMPS' unit, 0 or less if unknown.
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
        self.calculator().held().and_then(|held| held.0).map_or_else(Vec::new, |w| six(&w).to_vec())
    }

    fn hold_virial(&mut self, virial: &[f64]) {
        let symmetric = |&[xx, yy, zz, xy, xz, yz]: &[f64; 6]| [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
        let virial = virial.first_chunk().map(symmetric);
        self.calculator().hold(virial.map(|w| HeldCorrection(Some(w))));
    }

    fn evaluate(&mut self, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()> {
        guarded(|| {
            let task = self.task(data, request, self.hops())?;
            let done = task.run(&mut self.calculator());
            self.report(done, data, request, result)
        })
    }

    fn stages(&self) -> Result<usize> {
        guarded(|| self.calculator().stages().map_err(|why| Error::NoStages { why }))
    }

    fn begin(&mut self, data: &RankData, request: &StepRequest) -> Result<()> {
        guarded(|| {
            // The own atoms are the only centers: other ranks send the messages of theirs.
            let task = self.task(data, request, 1)?;
            let tags = task.folded.atoms.iter().map(|&atom| data.tags[atom]).collect();
            let partner = |&atom: &usize| usize::try_from(data.partners[atom]).ok();
            let partners = task.folded.atoms.iter().map(partner).collect();
            self.exchange.begin(task, NodeOwners { tags, partners, count: data.n_partners }, &self.calculator)
        })
    }

    fn advance(&mut self) -> Communication {
        match self.exchange.advance() {
            None => Communication::Done,
            Some(pausable::Communication::Exchange(_)) => Communication::Exchange,
            Some(pausable::Communication::Sum(_)) => Communication::Sum,
            Some(pausable::Communication::Least(_)) => Communication::Least,
        }
    }

    fn outgoing(&self, partner: usize) -> &[u8] {
        self.exchange.outgoing(partner)
    }

    fn incoming(&mut self, partner: usize, bytes: usize) -> &mut [u8] {
        self.exchange.incoming(partner, bytes)
    }

    fn numbers(&mut self) -> &mut [f64] {
        self.exchange.numbers()
    }

    fn abandon(&mut self) {
        self.exchange.abandon();
    }

    fn finish(&mut self, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()> {
        guarded(|| match self.exchange.finish() {
            // The other rank has an error of its own, and it ends all ranks.
            Some(Done { outcome: Err(tumble_core::Error::OtherRank), .. }) | None => Ok(()),
            Some(done) => self.report(done, data, request, result),
        })
    }

    /// Returns the task of a step; `hops` is the depth of the centers.
    fn task(&self, data: &RankData, request: &StepRequest, hops: usize) -> Result<StepTask> {
        let mut folded = self.fold(data, hops)?;
        folded.graph.conditions = conditions(request.conditions, self.units.volt_per_angstrom);
        let phase =
            if request.integrator { self.calculator().phase(request.step, request.energies) } else { Phase::Averaged };
        let survey = request.survey;
        let measured = request.measure && (survey || phase.is_exact());
        let tags = folded.atoms.iter().map(|&atom| data.tags[atom] as usize);
        let probes = measured.then(|| Probes::new(tags, data.masses, data.max_tag));
        let edge_gradients = request.virials || request.centroid_virials;
        Ok(StepTask { folded, options: StepOptions { step: request.step, phase, edge_gradients, survey, probes } })
    }

    fn report(&mut self, done: Done, data: &RankData, request: &StepRequest, result: &mut RankResult) -> Result<()> {
        let Done { folded, outcome, model_seconds } = done;
        let outcome = outcome.map_err(|error| locate_error(error, data, &folded))?;
        result.shares = outcome.shares.as_ref().map(|shares| shares.numbers.clone()).unwrap_or_default();
        self.shares = outcome.shares.clone().unwrap_or_default();
        result.model_seconds = model_seconds;
        if request.members {
            self.fill_members(result, &folded, &outcome.evaluation);
        }
        fill(result, folded, outcome, request, &Axes::new(data.axes))
    }

    /// Returns forces and energies of the models of a committee; zeros on a rank without atoms.
    fn fill_members(&self, result: &mut RankResult, folded: &Folded, evaluation: &Evaluation) {
        let (members, weights) = (self.members(), &folded.graph.weights);
        let energy = |of: &Vec<f64>| of.iter().zip(weights).map(|(energy, weight)| weight * energy).sum();
        result.member_energies = evaluation.ensemble_energies.iter().map(energy).collect();
        result.member_energies.resize(members, 0.0);
        result.member_forces = evaluation.members.forces.iter().flatten().flatten().copied().collect();
        result.member_forces.resize(3 * members * folded.atoms.len(), 0.0);
    }

    fn fold(&self, data: &RankData, hops: usize) -> Result<Folded> {
        let unit = 1.0 / self.units.angstrom;
        let axes = Axes::new(data.axes);
        let (positions, _) = data.positions.as_chunks::<3>();
        // NaN compares false with the cutoff: without this check the atom would silently lose its neighbors.
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
        let cutoff = self.calculator().info().cutoff;
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

/// Returns the SHA-256 of each model in an origin.
fn hashes(origin: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
    origin.split("sha256 ").skip(1).map(digits).collect::<Vec<_>>().join(" ")
}

/// Returns the conditions that are given; a field is in units of `volt_per_angstrom`.
fn conditions([charge, spin, x, y, z]: [f64; 5], volt_per_angstrom: f64) -> Conditions {
    let given = |number: f64| (!number.is_nan()).then_some(number);
    let field = given(x).map(|_| [x, y, z].map(|component| component / volt_per_angstrom));
    Conditions { charge: given(charge), spin: given(spin), field }
}

/// Replaces the index on this rank in an error by the atom ID.
fn locate_error(error: tumble_core::Error, data: &RankData, folded: &Folded) -> Error {
    let tags: Vec<_> = folded.atoms.iter().map(|&atom| data.tags[atom]).collect();
    let (all, _) = data.positions.as_chunks::<3>();
    let positions: Vec<_> = folded.atoms.iter().map(|&atom| all[atom]).collect();
    AtomLocator { graph: &folded.graph, tags: &tags, positions: &positions }.locate(error)
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
    fill_outputs(result, std::mem::take(&mut evaluation.outputs), own, axes);
    result.energy = evaluation.energy;
    result.atomic_energies = evaluation.atomic_energies;
    result.atoms = atoms;
    result.forces = evaluation.forces.into_flattened();
    result.has_virial = evaluation.virial.is_some();
    result.virial = six(&evaluation.virial.unwrap_or_default());
    result.evaluations = evaluations;
    Ok(())
}

/// Fills in the outputs of the structure, and those of the `own` atoms.
fn fill_outputs(result: &mut RankResult, outputs: Vec<AveragedOutput>, own: usize, axes: &Axes) {
    result.structure_outputs.clear();
    result.atom_outputs.clear();
    for AveragedOutput { info, mut values, .. } in outputs {
        axes.output_from_user(info.law, &mut values);
        match info.per {
            Per::Structure => result.structure_outputs.extend(values),
            Per::Atom => result.atom_outputs.extend(&values[..own * info.law.components()]),
        }
    }
}

/// Returns six entries of a matrix in LAMMPS' order: xx, yy, zz, xy, xz, yz.
fn six(w: &Matrix3) -> [f64; 6] {
    [w[0][0], w[1][1], w[2][2], w[0][1], w[0][2], w[1][2]]
}

/// Refuses a LAMMPS that the plugin was not compiled for.
fn accept_lammps(compiled_for: &str, running: &RunningLammps) -> Result<()> {
    guarded(|| {
        let path = file_of(running.address).unwrap_or_default();
        let found = LammpsBuild {
            version: Version(running.version.unsigned_abs()),
            integers: IntegerSizes { tag: running.tag, big: running.big, image: running.image },
            mpi: MpiFamily::of(running.mpi),
            build_id: build_id_of(&path),
        };
        found.accept(&compiled_for.parse()?, &path)
    })
}

/// Returns the fingerprint of the bridge, as a C string.
#[unsafe(no_mangle)]
pub extern "C" fn tumble_bridge() -> *const c_char {
    concat!(env!("TUMBLE_BRIDGE"), "\0").as_ptr().cast()
}
