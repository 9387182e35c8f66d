//! The C interface (unsafe: pointers from C).
//!
//! It has a model in the process ([`model`]), and a client of the force server ([`client`]). `make header` generates
//! `include/tumble.h` from the functions and their documentation.
//!
//! All functions run inside one guard: errors become the calling thread's last error, and no panic crosses to C.
//! Several threads may use a handle: evaluations take turns, and each thread reads the results of its own.
//!
//! # Safety
//!
//! All pointers must be NULL, or valid for the documented use: handles from this library, not yet freed; arrays of the
//! given lengths; texts with a zero byte at the end. The function given to [`model::tumble_watch`] must be callable
//! during the lifetime of the model, from all threads that call [`model::tumble_compute`].

#![allow(clippy::missing_safety_doc, reason = "the documentation of the functions is that of the header")]

// In the order of the header.
pub mod model;

pub mod client;
pub mod error;
mod last_results;

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};

use tumble_core::panics::guarded;
use tumble_core::rotation::{Matrix3, Vector3};

use crate::error::{Error, Result};

thread_local! {
    /// The text of [`tumble_error`].
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs the body of a function; its error becomes the last error, and C gets `failure`.
fn entry<T>(failure: T, body: impl FnOnce() -> Result<T>) -> T {
    let outcome = guarded(body);
    let sentence = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    // A terminating thread may already have destroyed its last error.
    let _ = LAST_ERROR.try_with(|last| last.replace(text(sentence)));
    outcome.unwrap_or(failure)
}

/// Converts a text to a C string, which ends at its first zero byte.
fn text(text: String) -> CString {
    let ended = text.split('\0').next().unwrap_or_default();
    CString::new(ended).unwrap_or_default()
}

fn argument(name: &'static str, problem: impl Into<String>) -> Error {
    tumble_core::Error::Argument { name, problem: problem.into() }.into()
}

/// Reads a C string; `None` for NULL.
///
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

/// Reads the atomic numbers of the atoms.
///
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

/// Borrows a structure from C: the cell if there is one, and positions, Å.
///
/// # Safety
/// `cell` has 9 numbers and `positions` 3 for each of the atoms; each may be NULL.
unsafe fn structure<'a>(
    cell: *const f64,
    positions: *const f64,
    atoms: usize,
) -> Result<(Option<&'a Matrix3>, &'a [Vector3])> {
    if positions.is_null() {
        return Err(argument("positions", "is NULL: give three coordinates for each atom, in Å"));
    }
    // SAFETY: the lengths hold by the contract; Vector3 and Matrix3 are arrays of numbers.
    Ok(unsafe { (cell.cast::<Matrix3>().as_ref(), std::slice::from_raw_parts(positions.cast::<Vector3>(), atoms)) })
}

/// Copies results to their arrays in C; skips NULL.
///
/// # Safety
/// Each pointer is NULL, or has room for its values.
unsafe fn write_outputs<const N: usize>(results: [(&[f64], *mut f64); N]) {
    for (values, to) in results {
        if !to.is_null() {
            // SAFETY: room by the contract; memory of Rust does not overlap with C's arrays.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) };
        }
    }
}

/// Dereferences a handle; `remedy` completes the error for NULL.
///
/// # Safety
/// `handle` is live, or it is NULL.
unsafe fn live<'a, T: Sync>(handle: *mut T, name: &'static str, problem: &str) -> Result<&'a T> {
    // SAFETY: by the contract; a type that is Sync may be shared by all threads.
    let live = unsafe { handle.as_ref() };
    live.ok_or_else(|| argument(name, problem))
}

/// Frees a handle from [`Box::into_raw`]; ignores NULL.
///
/// # Safety
/// `handle` comes from this library, and is not used afterwards.
unsafe fn free<T>(handle: *mut T) {
    entry((), || {
        if !handle.is_null() {
            // SAFETY: made by Box::into_raw, and freed once by the contract.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    });
}

/// The error of the calling thread's last call, as a sentence without a line break.
///
/// @return the text, valid until this thread's next call of another function; "" if the call succeeded
#[unsafe(no_mangle)]
pub extern "C" fn tumble_error() -> *const c_char {
    LAST_ERROR.try_with(|error| error.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Version of the library, for example "1.2.3".
#[unsafe(no_mangle)]
pub extern "C" fn tumble_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
