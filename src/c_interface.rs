//! The C interface to the force server; `include/tumble.h` documents it.
//!
//! Every function goes through one guard: errors become the calling thread's last error, and no panic crosses to C.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::null_mut;

use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::ipi::message::Answer;
use crate::rotation::{Matrix3, Vector3};
use crate::server::client::Client;

thread_local! {
    /// What [`tumble_error`] shows.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// What a `tumble_client *` points to.
pub struct Handle {
    client: Client,
    atoms: usize,
    extras: CString,
}

/// Runs a function's body; its error becomes the last error, and `failure` what C gets.
fn entry<T>(failure: T, body: impl FnOnce() -> Result<T>) -> T {
    let outcome = guarded(body);
    let sentence = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    // A thread that is ending may have lost its last error already.
    let _ = LAST_ERROR.try_with(|last| last.replace(text(sentence)));
    outcome.unwrap_or(failure)
}

/// For C a text ends at its first zero byte.
fn text(text: String) -> CString {
    let ended = text.split('\0').next().unwrap_or_default();
    CString::new(ended).unwrap_or_default()
}

fn argument(name: &'static str, problem: impl Into<String>) -> Error {
    Error::Argument { name, problem: problem.into() }
}

/// Connects; NULL on failure. `include/tumble.h` says more.
///
/// # Safety
/// `address` and `options` are C strings or NULL; `species` has `n_atoms` numbers or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_open(
    address: *const c_char,
    n_atoms: c_int,
    species: *const c_int,
    options: *const c_char,
) -> *mut Handle {
    entry(null_mut(), || {
        // SAFETY: the caller gives C strings or NULL.
        let (address, options) = unsafe { (string("address", address)?, string("options", options)?) };
        let address = address.ok_or_else(|| argument("address", "is NULL: give unix:PATH or tcp:HOST:PORT"))?;
        // SAFETY: the caller gives so many numbers or NULL.
        let species = unsafe { atomic_numbers(n_atoms, species)? };
        let client = Client::with_options(&address.parse()?, &species, options.unwrap_or_default().trim(), None)?;
        Ok(Box::into_raw(Box::new(Handle { client, atoms: species.len(), extras: CString::default() })))
    })
}

/// # Safety
/// `pointer` is a C string that outlives the result, or NULL.
unsafe fn string<'a>(name: &'static str, pointer: *const c_char) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and so a C string by the contract.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map(Some).map_err(|_| argument(name, "is not UTF-8 text"))
}

/// # Safety
/// `species` has `n_atoms` numbers, if that is positive, or is NULL.
unsafe fn atomic_numbers(n_atoms: c_int, species: *const c_int) -> Result<Vec<u8>> {
    let atoms = usize::try_from(n_atoms).ok().filter(|&atoms| atoms > 0);
    let atoms = atoms.ok_or_else(|| argument("n_atoms", format!("is {n_atoms}: give at least one atom")))?;
    if species.is_null() {
        return Err(argument("species", "is NULL: give the atomic number of each atom"));
    }
    // SAFETY: not NULL, and so `atoms` numbers by the contract.
    let numbers = unsafe { std::slice::from_raw_parts(species, atoms) };
    let refused = |atom: usize, z| argument("species", format!("has {z} for atom {atom}: give numbers from 1 to 118"));
    let number = |(i, &z): (usize, &c_int)| u8::try_from(z).map_err(|_| refused(i + 1, z));
    numbers.iter().enumerate().map(number).collect()
}

/// Evaluates one structure; 0, or -1 on failure. `include/tumble.h` says more.
///
/// # Safety
/// `client` comes from [`tumble_open`], was not closed, and no other thread uses it now; or it is NULL. `cell` and
/// `virial` have 9 numbers, `positions` and `forces` 3 for each atom, `energy` has one; each may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_evaluate(
    client: *mut Handle,
    cell: *const f64,
    positions: *const f64,
    energy: *mut f64,
    forces: *mut f64,
    virial: *mut f64,
) -> c_int {
    entry(-1, || {
        // SAFETY: a live handle that nobody else uses, or NULL.
        let handle = unsafe { client.as_mut() };
        let handle = handle.ok_or_else(|| argument("client", "is NULL: open one with tumble_open"))?;
        if positions.is_null() {
            return Err(argument("positions", "is NULL: give three coordinates for each atom, in Å"));
        }
        // SAFETY: so many numbers each by the contract; Vector3 and Matrix3 are nothing but numbers in a row.
        let (cell, positions) = unsafe {
            (cell.cast::<Matrix3>().as_ref(), std::slice::from_raw_parts(positions.cast::<Vector3>(), handle.atoms))
        };
        let answer = handle.client.evaluate(cell, positions)?;
        // SAFETY: the arrays are large enough or NULL by the contract; the client has checked the number of forces.
        unsafe { hand_over(&answer, energy, forces, virial) };
        handle.extras = text(answer.extras);
        Ok(0)
    })
}

/// # Safety
/// Each pointer is NULL, or has room for its part of the answer.
unsafe fn hand_over(answer: &Answer, energy: *mut f64, forces: *mut f64, virial: *mut f64) {
    let (all_forces, all_virial) = (answer.forces.as_flattened(), answer.virial.as_flattened());
    for (values, to) in [(&[answer.energy][..], energy), (all_forces, forces), (all_virial, virial)] {
        if !to.is_null() {
            // SAFETY: room by the contract; what Rust has just allocated overlaps with nothing of C's.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) };
        }
    }
}

/// Extras of the last answer, a JSON object; "" before the first. They live until the next call with this client.
///
/// # Safety
/// As `client` of [`tumble_evaluate`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_extras(client: *mut Handle) -> *const c_char {
    entry(c"".as_ptr(), || {
        // SAFETY: a live handle that nobody else uses, or NULL.
        let handle = unsafe { client.as_ref() };
        let handle = handle.ok_or_else(|| argument("client", "is NULL: open one with tumble_open"))?;
        Ok(handle.extras.as_ptr())
    })
}

/// What went wrong in this thread's last call, as a sentence; "" if nothing did. It lives until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn tumble_error() -> *const c_char {
    LAST_ERROR.try_with(|error| error.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Says goodbye to the server and frees the client; NULL is fine.
///
/// # Safety
/// As `client` of [`tumble_evaluate`]; it must not be used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_close(client: *mut Handle) {
    entry((), || {
        if !client.is_null() {
            // SAFETY: made by `tumble_open`'s Box::into_raw, and closed once by the contract.
            drop(unsafe { Box::from_raw(client) });
        }
        Ok(())
    });
}

/// Version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn tumble_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
