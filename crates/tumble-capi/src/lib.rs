//! The C interface (unsafe: pointers that C passes).
//!
//! A model in the process ([`model`]), and a client of the force server ([`client`]). `include/tumble.h` is generated
//! from the functions and their documentation: `make header`.
//!
//! Every function goes through one guard: errors become the calling thread's last error, and no panic crosses to C.
//! Several threads may use a handle: evaluations take turns, and each thread reads the results of its own.
//!
//! # Safety
//!
//! A caller of any function gives pointers that are NULL, or point to what its documentation says: handles from this
//! library that were not freed, arrays of the given lengths, and texts that end with a zero byte. The function given to
//! [`model::tumble_watch`] can be called for as long as the model lives, by the threads that call
//! [`model::tumble_compute`].

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
    /// What [`tumble_error`] shows.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
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
    tumble_core::Error::Argument { name, problem: problem.into() }.into()
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

/// A structure as C hands it over: the cell if there is one, and positions, Å.
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
    // SAFETY: so many numbers each by the contract; Vector3 and Matrix3 are nothing but numbers in a row.
    Ok(unsafe { (cell.cast::<Matrix3>().as_ref(), std::slice::from_raw_parts(positions.cast::<Vector3>(), atoms)) })
}

/// Copies each of the values to its place in C; what nobody wants has none.
///
/// # Safety
/// Each pointer is NULL, or has room for its values.
unsafe fn hand_over<const N: usize>(results: [(&[f64], *mut f64); N]) {
    for (values, to) in results {
        if !to.is_null() {
            // SAFETY: room by the contract; what Rust has allocated overlaps with nothing of C's.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len()) };
        }
    }
}

/// What a handle points to; `remedy` says where to get one.
///
/// # Safety
/// `handle` is live, or it is NULL.
unsafe fn live<'a, T: Sync>(handle: *mut T, name: &'static str, remedy: &str) -> Result<&'a T> {
    // SAFETY: by the contract; what all threads may use needs no turns here.
    let live = unsafe { handle.as_ref() };
    live.ok_or_else(|| argument(name, format!("is NULL: {remedy}")))
}

/// Frees what [`Box::into_raw`] gave to C; NULL is fine.
///
/// # Safety
/// `handle` was given by this library, and is not used afterwards.
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
