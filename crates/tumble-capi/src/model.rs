//! A model in the process of a C program.

use std::ffi::{CString, c_char, c_int, c_longlong};
use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::path::Path;
use std::ptr::null_mut;
use std::slice::from_ref;
use std::sync::Mutex;

use serde_json::{Value, json};
use tumble_core::average::Evaluation;
use tumble_core::beads::Beads;
use tumble_core::calculator::Calculator;
use tumble_core::cancel::Cancel;
use tumble_core::conditions::Conditions;
use tumble_core::details::details;
use tumble_core::parallel::locked;
use tumble_core::potential::ModelInfo;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::system::System;
use tumble_engine::load_models;
use tumble_ipi::client::check_atomic_numbers;
use tumble_ipi::extras::extras;
use tumble_ipi::options::Options;
use tumble_ipi::wire::Structure;

use crate::error::{Error, Result};
use crate::last_results::LastResults;
use crate::{argument, atomic_numbers, entry, free, string, structure, text, write_outputs};

/// Status of a cancelled evaluation.
const CANCELLED: c_int = -2;

/// An unknown virial.
const UNKNOWN: Matrix3 = [[f64::NAN; 3]; 3];

/// A model loaded into this process.
pub struct ModelHandle {
    model: Mutex<Model>,
    info: ModelInfo,
    name: CString,
    about: CString,
    /// Results of the last structures, [`Results`].
    last: LastResults,
}

/// The state of a model behind its lock: threads take turns.
struct Model {
    calculator: Calculator,
    /// Number of the next structure; its step if each structure is a step.
    number: u64,
    /// Called during evaluations; returns whether to end.
    should_end: Option<extern "C" fn() -> c_int>,
    /// Conditions of the next structures, one by one; empty if they are not given.
    conditions: Vec<Conditions>,
}

/// Results of a thread's last structures.
struct Results {
    all: Vec<StructureResults>,
    /// Index of the structure that is read.
    selected: usize,
}

/// Results of one structure.
struct StructureResults {
    evaluation: Evaluation,
    details: CString,
    /// [`extras`], once they were asked for.
    extras: Option<CString>,
}

impl Results {
    fn new(evaluations: Vec<Evaluation>) -> Self {
        let of = |evaluation| StructureResults {
            details: text(Value::Object(details(&evaluation)).to_string()),
            evaluation,
            extras: None,
        };
        Self { all: evaluations.into_iter().map(of).collect(), selected: 0 }
    }
}

impl ModelHandle {
    fn load(models: &[&Path], options: &str) -> Result<Self> {
        let refused = |sentence| argument("options", format!("cannot be used: {sentence}"));
        let options = Options::read(options).map_err(refused)?;
        let calculator = load_models(models, &options.settings()?)?;
        let info = calculator.info().clone();
        let (name, about) = (text(info.name.clone()), text(about(&calculator)));
        let model = Mutex::new(Model { calculator, number: options.step, should_end: None, conditions: Vec::new() });
        Ok(Self { model, info, name, about, last: LastResults::default() })
    }

    /// Evaluates structures; all of them or none have results.
    fn compute(&self, mut systems: Vec<System>) -> Result<Vec<Evaluation>> {
        let Model { calculator, number, should_end, conditions } = &mut *locked(&self.model);
        let conditions = std::mem::take(conditions);
        if !conditions.is_empty() && conditions.len() != systems.len() {
            let (given, found) = (conditions.len(), systems.len());
            return Err(argument("n_structures", format!("is {found}, but tumble_set_conditions() was given {given}")));
        }
        systems.iter_mut().zip(conditions).for_each(|(system, conditions)| system.conditions = conditions);
        if let Some(should_end) = *should_end {
            calculator.watch(&Cancel::polling(move || should_end() != 0));
        }
        let structures: Vec<_> = systems.iter().zip(*number..).collect();
        let mut found: Vec<tumble_core::Result<Evaluation>> = Vec::with_capacity(systems.len());
        calculator.evaluate_many(&structures, |portion| {
            let failed = portion.iter().any(Result::is_err);
            found.extend(portion);
            if failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let one = |(index, result): (usize, tumble_core::Result<Evaluation>)| {
            result.map_err(|error| Error::from(error).of_structure(index, systems.len()))
        };
        let evaluations = found.into_iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        *number = number.saturating_add(systems.len() as u64);
        Ok(evaluations)
    }

    /// Reads the results of this thread's last structure, or of the selected one of several.
    fn last<T>(&self, read: impl FnOnce(&StructureResults) -> Result<T>) -> Result<T> {
        let missing = "has evaluated no structure in this thread, or failed at the last: call tumble_compute first";
        self.last.read(|results: Option<&Results>| {
            let selected = results.and_then(|results| results.all.get(results.selected));
            read(selected.ok_or_else(|| argument("model", missing))?)
        })
    }
}

/// Makes a structure from C's arrays.
fn system(species: Vec<u8>, cell: Option<&Matrix3>, positions: &[Vector3]) -> Result<System> {
    check_atomic_numbers(&species)?;
    let structure = Structure { cell: cell.copied().unwrap_or_default(), positions: positions.to_vec() };
    let cell = structure.cell(None)?;
    Ok(System::new(structure.positions, species, cell)?)
}

/// Describes a model and its settings as JSON.
fn about(calculator: &Calculator) -> String {
    let info = calculator.info();
    json!({
        "name": info.name,
        "species": info.species,
        "cutoff": info.cutoff,
        "hops": info.hops,
        "forces": info.forces.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "ensemble": info.ensemble,
        "conditions": info.conditions.iter().map(|condition| condition.name()).collect::<Vec<_>>(),
        "outputs": info.outputs.iter().map(|output| output.to_json()).collect::<Vec<_>>(),
        "policy": calculator.policy(),
        "members": calculator.members(),
        "origin": calculator.origin(),
        "notes": calculator.notes(),
    })
    .to_string()
}

/// # Safety
/// `model` is a live handle, or NULL.
unsafe fn live<'a>(model: *mut ModelHandle) -> Result<&'a ModelHandle> {
    // SAFETY: by the contract.
    unsafe { crate::live(model, "model", "is NULL: load one with tumble_load") }
}

/// Loads a model. The first call also loads the ONNX Runtime library.
///
/// `options` is a list of `key: value` pairs, separated by commas. Unknown keys, repeated keys and values out of range
/// are errors. The keys:
///
/// - `rotate: octahedral`: the mitigation: none (the default), random, random:N, tetrahedral, octahedral, icosahedral,
///   degree:N, legendre:L or lebedev:L; a grid may be followed by +random
/// - `inversion: yes` or `no`: whether to add the inversion of every rotation
/// - `seed: 1`, `stream: 0`: select the random rotations; streams (up to 65535) give simulations with the same seed
///   different rotations
/// - `step: 0`: number of the first structure, 0 by default; it increases by one with every evaluation, and selects the
///   random rotations; see tumble_set_step()
/// - `forces: conservative` or `direct`: the kind of forces; by default the model's preference
/// - `correction: yes` or `no`: whether to return averaged minus bare; with `rotate` or `inversion`
/// - `threads: 1`: CPU threads of the model; each evaluates different rotations, or all work on one
/// - `memory: 2048`: working memory of the model, MB; larger structures are evaluated in parts
/// - `device: cpu` or `cuda`
/// - `tf32: yes` or `no`: whether a GPU may round products in single precision to TF32: faster, but accurate to
///   only about 3 digits; no by default
/// - `onnxruntime: PATH`: the ONNX Runtime library, or its folder; by default searched for in the usual places
/// - `charge: -1` (e), `spin: 2` (the multiplicity 2S + 1), `field: 0 0 0.1` (V/Å): conditions of all structures, for
///   models that know them; see tumble_set_conditions()
/// - `sha256: HEX`: the SHA-256 that the model must have, 64 hexadecimal digits; any other file is refused
///
/// A value cannot contain a comma. Models loaded from the same file share their memory, and evaluate in turn.
///
/// @param file     an ONNX file that follows tumble's model contract
/// @param options  see above, or NULL for the defaults
/// @return a model, to be freed with tumble_free(); NULL on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_load(file: *const c_char, options: *const c_char) -> *mut ModelHandle {
    entry(null_mut(), || {
        // SAFETY: the caller gives C strings or NULL.
        let (file, options) = unsafe { (string("file", file)?, string("options", options)?) };
        let file = file.ok_or_else(|| argument("file", "is NULL: give the ONNX file of a model"))?;
        Ok(Box::into_raw(Box::new(ModelHandle::load(&[Path::new(file)], options.unwrap_or_default())?)))
    })
}

/// Loads several models as a committee: energy, forces and virial are means over the models.
///
/// The models need the same cutoff and the same conditions, and a kind of forces in common. See
/// tumble_force_deviations() and tumble_details() for their disagreement. One file is a single model.
///
/// @param n_files  number of files, at least 1
/// @param files    [n_files] ONNX files that follow tumble's model contract, each model once
/// @param options  as in tumble_load(), or NULL for the defaults
/// @return a model, to be freed with tumble_free(); NULL on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_load_committee(
    n_files: c_int,
    files: *const *const c_char,
    options: *const c_char,
) -> *mut ModelHandle {
    entry(null_mut(), || {
        // SAFETY: the caller gives C strings or NULL.
        let (files, options) = unsafe { (paths(n_files, files)?, string("options", options)?) };
        Ok(Box::into_raw(Box::new(ModelHandle::load(&files, options.unwrap_or_default())?)))
    })
}

/// Reads the paths of files.
///
/// # Safety
/// `files` has `n_files` C strings that outlive the result, if that is positive, or is NULL.
unsafe fn paths<'a>(n_files: c_int, files: *const *const c_char) -> Result<Vec<&'a Path>> {
    let count = usize::try_from(n_files).ok().filter(|&count| count > 0);
    let count = count.ok_or_else(|| argument("n_files", format!("is {n_files}: give at least one file")))?;
    let missing = || argument("files", "is NULL: give the ONNX file of each model");
    if files.is_null() {
        return Err(missing());
    }
    // SAFETY: not NULL, and so `count` C strings by the contract.
    let files = unsafe { std::slice::from_raw_parts(files, count) };
    // SAFETY: as above.
    let path = |&file: &*const c_char| unsafe { string("files", file) }?.map(Path::new).ok_or_else(missing);
    files.iter().map(path).collect()
}

/// Sets the number of the next structure, which selects its random rotations. Later structures count up from it.
///
/// Pass your own time step if your program counts steps itself. Pass the same number again to compare structures under
/// the same rotation. After tumble_set_beads() this is the number of the next step, from its first bead.
///
/// @param model  from tumble_load()
/// @param step   from 0
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_set_step(model: *mut ModelHandle, step: c_longlong) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        let negative = |_| argument("step", format!("is {step}: give a number from 0"));
        let step = u64::try_from(step).map_err(negative)?;
        let mut model = locked(&handle.model);
        model.number = model.calculator.beads().first_of(step);
        Ok(0)
    })
}

/// Takes the structures as beads of ring polymers, or replicas: bead by bead, step by step.
///
/// The beads of a step have the same step number. Each bead has a random stream of its own, from `stream` on, or with
/// `shared` all have the random rotations of the first one. The next structure is the first bead of its step.
///
/// @param model    from tumble_load()
/// @param n_beads  structures of a step, from 1 to 65535; 1 is the default: each structure is a step
/// @param shared   1: the beads of a step share their random rotations; 0: they do not
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_set_beads(model: *mut ModelHandle, n_beads: c_int, shared: c_int) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        let count = u16::try_from(n_beads).ok().and_then(NonZeroU16::new);
        let count = count.ok_or_else(|| argument("n_beads", format!("is {n_beads}: give a number from 1 to 65535")))?;
        let mut model = locked(&handle.model);
        let beads = Beads { count, shared: shared != 0 };
        model.number = beads.first_of(model.calculator.beads().place(model.number).0);
        model.calculator.set_beads(beads);
        Ok(0)
    })
}

/// Registers a function that can end an evaluation, called about ten times per second and between two runs of the model.
///
/// It runs in the thread that called tumble_compute(). It may read a clock, or a flag that a signal handler has set.
///
/// @param model       from tumble_load()
/// @param should_end  returns 0 to continue, any other number to end; NULL removes the function
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_watch(model: *mut ModelHandle, should_end: Option<extern "C" fn() -> c_int>) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let mut model = locked(&unsafe { live(model)? }.model);
        model.should_end = should_end;
        model.calculator.watch(&Cancel::default());
        Ok(0)
    })
}

/// Sets charge, spin and field of the structures of the next tumble_compute() or tumble_compute_many(), for models that
/// know them; tumble_about() lists these under `conditions`.
///
/// NULL and NaN stand for the value in the options of tumble_load(). After the next evaluation the options count again.
///
/// @param model         from tumble_load()
/// @param n_structures  number of structures of the next evaluation, at least 1
/// @param charges       [n_structures] total charge, e; may be NULL
/// @param spins         [n_structures] spin multiplicity 2S + 1; may be NULL
/// @param fields        [3 * n_structures] uniform electric field, V/Å; may be NULL
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_set_conditions(
    model: *mut ModelHandle,
    n_structures: c_int,
    charges: *const f64,
    spins: *const f64,
    fields: *const f64,
) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        let none = || argument("n_structures", format!("is {n_structures}: give the number of structures, from 1"));
        let count = usize::try_from(n_structures).ok().filter(|&count| count > 0).ok_or_else(none)?;
        // SAFETY: so many numbers by the contract, or NULL.
        let [charges, spins, fields] =
            unsafe { [numbers(charges, count), numbers(spins, count), numbers(fields, 3 * count)] };
        let field = |of| Some([fields(3 * of)?, fields(3 * of + 1)?, fields(3 * of + 2)?]);
        let conditions = |of| Conditions { charge: charges(of), spin: spins(of), field: field(of) };
        locked(&handle.model).conditions = (0..count).map(conditions).collect();
        Ok(0)
    })
}

/// Returns a function that reads the numbers of an array; `None` for NULL and NaN.
///
/// # Safety
/// The array has so many numbers, or is NULL.
unsafe fn numbers<'a>(array: *const f64, count: usize) -> Box<dyn Fn(usize) -> Option<f64> + 'a> {
    // SAFETY: by the contract.
    let numbers = if array.is_null() { &[][..] } else { unsafe { std::slice::from_raw_parts(array, count) } };
    Box::new(move |index| numbers.get(index).copied().filter(|number: &f64| !number.is_nan()))
}

/// Evaluates one structure. The next structure may have other atoms.
///
/// On failure no output is written, and this thread has no last structure. You can use the model again.
///
/// @param model      from tumble_load()
/// @param n_atoms    number of atoms, at least 1
/// @param species    [n_atoms] atomic number of each atom
/// @param cell       [9] Å: the three cell vectors, one after the other; directions with a zero vector are not periodic.
///                   NULL: no direction is periodic
/// @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
/// @param energy     [1] eV; may be NULL
/// @param forces     [3 * n_atoms] eV/Å; may be NULL
/// @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. NaN if the model does not give it. May
///                   be NULL
/// @return 0; -2 if the function of tumble_watch() has ended the evaluation; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_compute(
    model: *mut ModelHandle,
    n_atoms: c_int,
    species: *const c_int,
    cell: *const f64,
    positions: *const f64,
    energy: *mut f64,
    forces: *mut f64,
    virial: *mut f64,
) -> c_int {
    // SAFETY: one structure, with its arrays by the contract.
    unsafe { compute(model, from_ref(&n_atoms), species, cell, positions, [energy, forces, virial]) }
}

/// Evaluates many structures at once, with the results of tumble_compute() for one after the other.
///
/// Small structures share runs of the model, which takes a fraction of the time, and with several `threads` the runs are
/// shared out. Each structure has its own number, in their order, and so its own random rotations. tumble_select() chooses
/// the structure of tumble_spread(), tumble_per_atom() and tumble_details(), at first the first one.
///
/// On failure no output is written, and this thread has no last structure; the message names the structure. You can use
/// the model again.
///
/// @param model         from tumble_load()
/// @param n_structures  number of structures, at least 1
/// @param n_atoms       [n_structures] number of atoms of each structure, at least 1
/// @param species       atomic numbers of the atoms of all structures, one structure after the other
/// @param cells         [9 * n_structures] Å: the cell of each structure as in tumble_compute(). NULL: none is periodic
/// @param positions     [3 * all atoms] Å: in the order of the species
/// @param energies      [n_structures] eV; may be NULL
/// @param forces        [3 * all atoms] eV/Å; may be NULL
/// @param virials       [9 * n_structures] eV, as in tumble_compute(); may be NULL
/// @return 0; -2 if the function of tumble_watch() has ended the evaluation; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_compute_many(
    model: *mut ModelHandle,
    n_structures: c_int,
    n_atoms: *const c_int,
    species: *const c_int,
    cells: *const f64,
    positions: *const f64,
    energies: *mut f64,
    forces: *mut f64,
    virials: *mut f64,
) -> c_int {
    let counts = match usize::try_from(n_structures) {
        // SAFETY: so many numbers by the contract.
        Ok(count) if count > 0 && !n_atoms.is_null() => unsafe { std::slice::from_raw_parts(n_atoms, count) },
        _ => &[],
    };
    // SAFETY: the arrays are those of all structures by the contract.
    unsafe { compute(model, counts, species, cells, positions, [energies, forces, virials]) }
}

/// Evaluates structures with these numbers of atoms, and writes energies, forces and virials.
///
/// # Safety
/// The handle is live or NULL, and the arrays are as in [`tumble_compute_many`].
unsafe fn compute(
    model: *mut ModelHandle,
    counts: &[c_int],
    species: *const c_int,
    cells: *const f64,
    positions: *const f64,
    [energies, forces, virials]: [*mut f64; 3],
) -> c_int {
    let mut ended = false;
    let status = entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        handle.last.replace(None::<Results>);
        // SAFETY: the arrays are long enough by the contract.
        let systems = unsafe { systems(counts, species, cells, positions)? };
        let found = handle.compute(systems).inspect_err(|error| ended = error.is_cancelled())?;
        let all_energies: Vec<f64> = found.iter().map(|found| found.energy).collect();
        let all_forces: Vec<Vector3> = found.iter().flat_map(|found| found.forces.iter().copied()).collect();
        let all_virials: Vec<Matrix3> = found.iter().map(|found| found.virial.unwrap_or(UNKNOWN)).collect();
        // SAFETY: the arrays are large enough or NULL; there is a force for each atom, since there are no ghosts.
        unsafe {
            write_outputs([
                (&all_energies[..], energies),
                (all_forces.as_flattened(), forces),
                (all_virials.as_flattened().as_flattened(), virials),
            ]);
        }
        handle.last.replace(Some(Results::new(found)));
        Ok(0)
    });
    if ended { CANCELLED } else { status }
}

/// Reads the structures one after the other.
///
/// # Safety
/// The arrays have so many numbers for each structure, or are NULL.
unsafe fn systems(
    counts: &[c_int],
    species: *const c_int,
    cells: *const f64,
    positions: *const f64,
) -> Result<Vec<System>> {
    if counts.is_empty() {
        return Err(argument("n_structures", "is not a number of structures: give at least one, and n_atoms of each"));
    }
    let mut first = 0;
    let read = |(index, &count): (usize, &c_int)| {
        // SAFETY: the structures before this one have `first` atoms, none before the first; their arrays are that long by
        // the contract, and a NULL ends at the first structure.
        let system = unsafe {
            let cell = if cells.is_null() { cells } else { cells.add(9 * index) };
            atomic_numbers(count, species.add(first)).and_then(|species| {
                let (cell, positions) = structure(cell, positions.add(3 * first), species.len())?;
                system(species, cell, positions)
            })
        };
        first += system.as_ref().map_or(0, System::len);
        system.map_err(|error| error.of_structure(index, counts.len()))
    };
    counts.iter().enumerate().map(read).collect()
}

/// Selects one of the structures of this thread's last tumble_compute_many(), for tumble_spread(), tumble_per_atom() and
/// tumble_details().
///
/// @param model      from tumble_load()
/// @param structure  index of the structure, from 0
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_select(model: *mut ModelHandle, structure: c_int) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        handle.last.change(|results: Option<&mut Results>| {
            let results = results.ok_or_else(|| argument("model", "has evaluated no structure in this thread"))?;
            let (index, count) = (usize::try_from(structure).ok(), results.all.len());
            let missing = || argument("structure", format!("is {structure}: give an index from 0 to {}", count - 1));
            results.selected = index.filter(|&index| index < count).ok_or_else(missing)?;
            Ok(0)
        })
    })
}

/// Standard deviations of energy and forces over the rotations of the last structure: its broken symmetry.
///
/// NaN if there was only one rotation.
///
/// @param model   from tumble_load()
/// @param energy  [1] eV; may be NULL
/// @param force   [1] eV/Å, root mean square over all components of the forces; may be NULL
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_spread(model: *mut ModelHandle, energy: *mut f64, force: *mut f64) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        unsafe { live(model)? }.last(|StructureResults { evaluation: found, .. }| {
            let known = |spread| if found.replicated() { spread } else { f64::NAN };
            let (of_energy, of_forces) = (known(found.spread.energy), known(found.spread.force_rms()));
            // SAFETY: room for one number each, or NULL.
            unsafe { write_outputs([(from_ref(&of_energy), energy), (from_ref(&of_forces), force)]) };
            Ok(0)
        })
    })
}

/// Energies and spreads per atom of the last structure.
///
/// @param model           from tumble_load()
/// @param n_atoms         as in tumble_compute()
/// @param energies        [n_atoms] eV: their sum is the energy; may be NULL
/// @param energy_spreads  [n_atoms] eV: standard deviations over the rotations, NaN if there was only one; may be NULL
/// @param force_spreads   [3 * n_atoms] eV/Å: the same for each component of the forces; may be NULL
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_per_atom(
    model: *mut ModelHandle,
    n_atoms: c_int,
    energies: *mut f64,
    energy_spreads: *mut f64,
    force_spreads: *mut f64,
) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        unsafe { live(model)? }.last(|StructureResults { evaluation: found, .. }| {
            let atoms = checked_atoms(found, n_atoms)?;
            let unknown = vec![f64::NAN; 3 * atoms];
            let (of_energies, of_forces) = if found.replicated() {
                (&found.spread.atomic_energies[..], found.spread.forces.as_flattened())
            } else {
                (&unknown[..atoms], &unknown[..])
            };
            // SAFETY: room for one number per atom or per component, or NULL.
            unsafe {
                write_outputs([
                    (&found.atomic_energies[..], energies),
                    (of_energies, energy_spreads),
                    (of_forces, force_spreads),
                ]);
            }
            Ok(0)
        })
    })
}

/// Disagreement of a committee on the force on each atom of the last structure: sqrt(mean over the models of
/// |F - mean F|^2), as `max_devi_f` of DeePMD-kit has it.
///
/// NaN if the model is no committee.
///
/// @param model       from tumble_load_committee()
/// @param n_atoms     as in tumble_compute()
/// @param deviations  [n_atoms] eV/Å; may be NULL
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_force_deviations(
    model: *mut ModelHandle,
    n_atoms: c_int,
    deviations: *mut f64,
) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        unsafe { live(model)? }.last(|StructureResults { evaluation: found, .. }| {
            let atoms = checked_atoms(found, n_atoms)?;
            let mut known = found.force_deviations();
            known.resize(atoms, f64::NAN);
            // SAFETY: room for one number per atom, or NULL.
            unsafe { write_outputs([(&known[..], deviations)]) };
            Ok(0)
        })
    })
}

/// Returns the number of atoms of the last structure; refuses another one.
fn checked_atoms(found: &Evaluation, n_atoms: c_int) -> Result<usize> {
    let atoms = found.atomic_energies.len();
    match usize::try_from(n_atoms) == Ok(atoms) {
        true => Ok(atoms),
        false => Err(argument("n_atoms", format!("is {n_atoms}, but the last structure has {atoms} atoms"))),
    }
}

/// Further results for the last structure, as a JSON object.
///
/// - `evaluations`: number of rotated copies
/// - `torque` [3] (eV): torque of the model on the whole system, zero for an invariant model
/// - `energy_spread` (eV) and `force_spread` (eV/Å, root mean square): standard deviations over the rotations, if there
///   was more than one
/// - `replica_energies` [R] (eV), `replica_weights` [R]: energy and weight of each rotation, if there was more than one
/// - `ensemble_energies` [M] (eV): energies of the members, if the model is an ensemble or a committee
/// - for a committee, `energy_deviation` (eV): standard deviation over the models, with the divisor M - 1;
///   `force_deviations` [N] (eV/Å) as in tumble_force_deviations(), and the largest one, `max_force_deviation`;
///   `member_forces` [M][N][3] (eV/Å) and, if all models give one, `member_virials` [M][3][3] (eV)
/// - `outputs`, `output_units`: names and units of the model's other outputs, if it has any; under each name its values,
///   a number, [3] or [3][3], of the structure or of each atom; with several rotations their spreads as NAME_spread
///
/// @param model  from tumble_load()
/// @return the text, valid until this thread's next tumble_compute() with the model; "" if there is no last structure,
///         or for NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_details(model: *mut ModelHandle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || {
        let handle = unsafe { live(model)? };
        let details = |last: &Results| Some(last.all.get(last.selected)?.details.as_ptr());
        Ok(handle.last.read(|last: Option<&Results>| last.and_then(details).unwrap_or(c"".as_ptr())))
    })
}

/// The same results for i-PI, as `tumble ipi` sends them: under i-PI's names where it has them, such as `o3grid_pots` and
/// `committee_pot`, with those and the model's outputs in atomic units.
///
/// @param model  from tumble_load()
/// @return the text, valid until this thread's next tumble_compute() with the model; "" if there is no last structure,
///         or for NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_ipi_extras(model: *mut ModelHandle) -> *const c_char {
    let made = |last: &mut Results| {
        let StructureResults { evaluation, extras: made, .. } = last.all.get_mut(last.selected)?;
        Some(made.get_or_insert_with(|| text(extras(evaluation))).as_ptr())
    };
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || {
        let handle = unsafe { live(model)? };
        Ok(handle.last.change(|last: Option<&mut Results>| last.and_then(made).unwrap_or(c"".as_ptr())))
    })
}

/// Describes the model and its settings, as a JSON object.
///
/// - `name`, `species` (atomic numbers), `cutoff` (Å), `hops` (an atom's energy depends on atoms within hops * cutoff)
/// - `forces`: the kinds that the model offers, the preferred one first; `ensemble`: whether the model is an ensemble
/// - `conditions`: those that the model needs, of `charge`, `spin` and `field`
/// - `outputs`: the model's other outputs, each with `name`, `per` (atom or structure), `law` (scalar, vector or tensor)
///   and `unit` ("" if unknown)
/// - `policy`: the evaluations for each structure, in words
/// - `members`: number of models of a committee, 0 for a single model
/// - `origin`: each file and its SHA-256; `notes`: warnings for the user, as sentences
///
/// @param model  from tumble_load()
/// @return the text, valid as long as the model; "" for NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_about(model: *mut ModelHandle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || Ok(unsafe { live(model)? }.about.as_ptr()))
}

/// Name of the model, valid as long as the model. "" for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_name(model: *mut ModelHandle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || Ok(unsafe { live(model)? }.name.as_ptr()))
}

/// Cutoff of the model, Å: the length of its longest edge. -1 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_cutoff(model: *mut ModelHandle) -> f64 {
    // SAFETY: a live handle or NULL.
    entry(-1.0, || Ok(unsafe { live(model)? }.info.cutoff))
}

/// Whether the model knows an element, by its atomic number: 1 or 0. -1 if `model` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_knows(model: *mut ModelHandle, species: c_int) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let known = &unsafe { live(model)? }.info.species;
        Ok(u8::try_from(species).is_ok_and(|z| known.contains(&z)).into())
    })
}

/// Frees the model.
///
/// @param model  from tumble_load(); invalid afterwards. NULL is ignored
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_free(model: *mut ModelHandle) {
    // SAFETY: made by `tumble_load`, and not used again by the contract.
    unsafe { free(model) };
}
