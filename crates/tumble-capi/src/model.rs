//! A model that is evaluated in the process, for C.

use std::ffi::{CString, c_char, c_int, c_longlong};
use std::path::Path;
use std::ptr::null_mut;
use std::slice::from_ref;
use std::sync::Mutex;

use serde_json::{Value, json};
use tumble_core::average::Evaluation;
use tumble_core::calculator::Calculator;
use tumble_core::cancel::Cancel;
use tumble_core::details::details;
use tumble_core::parallel::locked;
use tumble_core::potential::ModelInfo;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::system::System;
use tumble_engine::load;
use tumble_ipi::client::check_species;
use tumble_ipi::options;
use tumble_ipi::wire::Structure;

use crate::error::{Error, Result};
use crate::last_results::Last;
use crate::{argument, atomic_numbers, entry, free, hand_over, string, structure, text};

/// What an evaluation returns that was asked to end.
const ENDED: c_int = -2;

/// What a virial is that is not known.
const UNKNOWN: Matrix3 = [[f64::NAN; 3]; 3];

/// What a `tumble_model *` points to.
pub struct Handle {
    model: Mutex<Model>,
    info: ModelInfo,
    name: CString,
    about: CString,
    /// [`Results`].
    last: Last,
}

/// What threads take turns with.
struct Model {
    calculator: Calculator,
    /// Number of the next structure.
    step: u64,
    /// Asked during evaluations whether to end.
    asked: Option<extern "C" fn() -> c_int>,
}

/// What a thread knows of its last structure.
struct Results {
    evaluation: Evaluation,
    details: CString,
}

impl Handle {
    fn load(model: &Path, options: &str) -> Result<Self> {
        let refused = |sentence| argument("options", format!("cannot be used: {sentence}"));
        let (settings, step) = options::parse(options).map_err(refused)?;
        let calculator = load(model, &settings)?;
        let info = calculator.info().clone();
        let (name, about) = (text(info.name.clone()), text(about(&calculator)));
        let model = Mutex::new(Model { calculator, step, asked: None });
        Ok(Self { model, info, name, about, last: Last::default() })
    }

    fn compute(&self, species: Vec<u8>, cell: Option<&Matrix3>, positions: &[Vector3]) -> Result<Evaluation> {
        check_species(&species)?;
        let structure = Structure { cell: cell.copied().unwrap_or_default(), positions: positions.to_vec() };
        let cell = structure.cell(None)?;
        let system = System::new(structure.positions, species, cell)?;
        let Model { calculator, step, asked } = &mut *locked(&self.model);
        if let Some(asked) = *asked {
            calculator.watch(&Cancel::asking(move || asked() != 0));
        }
        let evaluation = calculator.evaluate_system(&system, *step)?;
        *step = step.saturating_add(1);
        Ok(evaluation)
    }

    /// Reads the results of this thread's last structure.
    fn last<T>(&self, read: impl FnOnce(&Results) -> Result<T>) -> Result<T> {
        let missing = "has evaluated no structure in this thread, or failed at the last: call tumble_compute first";
        self.last.read(|results| read(results.ok_or_else(|| argument("model", missing))?))
    }
}

/// What a model says of itself, and how it is run, as JSON.
fn about(calculator: &Calculator) -> String {
    let info = calculator.info();
    json!({
        "name": info.name,
        "species": info.species,
        "cutoff": info.cutoff,
        "hops": info.hops,
        "forces": info.forces.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "ensemble": info.ensemble,
        "policy": calculator.policy(),
        "origin": calculator.origin(),
        "notes": calculator.notes(),
    })
    .to_string()
}

/// # Safety
/// `model` is a live handle, or NULL.
unsafe fn live<'a>(model: *mut Handle) -> Result<&'a Handle> {
    // SAFETY: by the contract.
    unsafe { crate::live(model, "model", "load one with tumble_load") }
}

/// Loads a model; NULL on failure. `include/tumble.h` says more, as of all functions here.
///
/// # Safety
/// `file` and `options` are C strings or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_load(file: *const c_char, options: *const c_char) -> *mut Handle {
    entry(null_mut(), || {
        // SAFETY: the caller gives C strings or NULL.
        let (file, options) = unsafe { (string("file", file)?, string("options", options)?) };
        let file = file.ok_or_else(|| argument("file", "is NULL: give the ONNX file of a model"))?;
        Ok(Box::into_raw(Box::new(Handle::load(Path::new(file), options.unwrap_or_default())?)))
    })
}

/// Has a function asked during evaluations whether to go on; NULL for none. 0, or -1 on failure.
///
/// # Safety
/// `model` comes from [`tumble_load`] and was not freed, or it is NULL. `asked` can be called for as long as the model lives,
/// by the threads that call [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_watch(model: *mut Handle, asked: Option<extern "C" fn() -> c_int>) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let mut model = locked(&unsafe { live(model)? }.model);
        model.asked = asked;
        model.calculator.watch(&Cancel::default());
        Ok(0)
    })
}

/// Evaluates one structure; 0, -2 if what [`tumble_watch`] was given has asked to end, or -1 on another failure.
///
/// # Safety
/// `model` comes from [`tumble_load`] and was not freed, or it is NULL. `species` has `n_atoms` numbers, `cell` and
/// `virial` 9, `positions` and `forces` 3 for each atom, `energy` one; each may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_compute(
    model: *mut Handle,
    n_atoms: c_int,
    species: *const c_int,
    cell: *const f64,
    positions: *const f64,
    energy: *mut f64,
    forces: *mut f64,
    virial: *mut f64,
) -> c_int {
    let mut ended = false;
    let status = entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        handle.last.replace(None::<Results>);
        // SAFETY: so many numbers each, or NULL, by the contract.
        let species = unsafe { atomic_numbers(n_atoms, species)? };
        // SAFETY: as above.
        let (cell, positions) = unsafe { structure(cell, positions, species.len())? };
        let found = handle.compute(species, cell, positions);
        let found =
            found.inspect_err(|error| ended = matches!(error, Error::Core(tumble_core::Error::Cancelled { .. })))?;
        let found_virial = found.virial.unwrap_or(UNKNOWN);
        // SAFETY: the arrays are large enough or NULL; there is a force for each atom, since there are no ghosts.
        unsafe {
            hand_over([
                (from_ref(&found.energy), energy),
                (found.forces.as_flattened(), forces),
                (found_virial.as_flattened(), virial),
            ]);
        }
        let details = text(Value::Object(details(&found)).to_string());
        handle.last.replace(Some(Results { evaluation: found, details }));
        Ok(0)
    });
    if ended { ENDED } else { status }
}

/// Standard deviations of the last structure over the rotations; 0, or -1 on failure.
///
/// # Safety
/// `model` as in [`tumble_compute`]; `energy` and `force` have room for one number, or are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_spread(model: *mut Handle, energy: *mut f64, force: *mut f64) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        unsafe { live(model)? }.last(|Results { evaluation: found, .. }| {
            let known = |spread| if found.replicated() { spread } else { f64::NAN };
            let (of_energy, of_forces) = (known(found.spread.energy), known(found.spread.force_rms()));
            // SAFETY: room for one number each, or NULL.
            unsafe { hand_over([(from_ref(&of_energy), energy), (from_ref(&of_forces), force)]) };
            Ok(0)
        })
    })
}

/// Results of the last structure for each atom; 0, or -1 on failure.
///
/// # Safety
/// `model` as in [`tumble_compute`]; `energies` and `energy_spreads` have room for `n_atoms` numbers and
/// `force_spreads` for three times as many, or are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_per_atom(
    model: *mut Handle,
    n_atoms: c_int,
    energies: *mut f64,
    energy_spreads: *mut f64,
    force_spreads: *mut f64,
) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        unsafe { live(model)? }.last(|Results { evaluation: found, .. }| {
            let atoms = found.atomic_energies.len();
            if usize::try_from(n_atoms) != Ok(atoms) {
                return Err(argument("n_atoms", format!("is {n_atoms}, but the last structure has {atoms} atoms")));
            }
            let unknown = vec![f64::NAN; 3 * atoms];
            let (of_energies, of_forces) = if found.replicated() {
                (&found.spread.atomic_energies[..], found.spread.forces.as_flattened())
            } else {
                (&unknown[..atoms], &unknown[..])
            };
            // SAFETY: room for as many numbers as there are of atoms, or of components, or NULL.
            unsafe {
                hand_over([
                    (&found.atomic_energies[..], energies),
                    (of_energies, energy_spreads),
                    (of_forces, force_spreads),
                ]);
            }
            Ok(0)
        })
    })
}

/// Sets the number of the next structure; 0, or -1 on failure.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_set_step(model: *mut Handle, step: c_longlong) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let handle = unsafe { live(model)? };
        let negative = |_| argument("step", format!("is {step}: give a number from 0"));
        locked(&handle.model).step = u64::try_from(step).map_err(negative)?;
        Ok(0)
    })
}

/// What else is known about this thread's last structure, a JSON object; "" before the first.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_details(model: *mut Handle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || {
        let handle = unsafe { live(model)? };
        Ok(handle.last.read(|last: Option<&Results>| last.map_or(c"".as_ptr(), |last| last.details.as_ptr())))
    })
}

/// Name of the model.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_name(model: *mut Handle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || Ok(unsafe { live(model)? }.name.as_ptr()))
}

/// What the model says of itself, and how it is run, a JSON object.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_about(model: *mut Handle) -> *const c_char {
    // SAFETY: a live handle or NULL.
    entry(c"".as_ptr(), || Ok(unsafe { live(model)? }.about.as_ptr()))
}

/// Longest edge of the model, Å; -1 on failure.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_cutoff(model: *mut Handle) -> f64 {
    // SAFETY: a live handle or NULL.
    entry(-1.0, || Ok(unsafe { live(model)? }.info.cutoff))
}

/// Whether the model knows an element, 1 or 0; -1 on failure.
///
/// # Safety
/// `model` as in [`tumble_compute`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_knows(model: *mut Handle, species: c_int) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle or NULL.
        let known = &unsafe { live(model)? }.info.species;
        Ok(u8::try_from(species).is_ok_and(|z| known.contains(&z)).into())
    })
}

/// Frees the model; NULL is fine.
///
/// # Safety
/// `model` as in [`tumble_compute`]; it must not be used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_free(model: *mut Handle) {
    // SAFETY: made by `tumble_load`, and not used again by the contract.
    unsafe { free(model) };
}
