//! A client of the force server, for C.

use std::ffi::{CString, c_char, c_int};
use std::ptr::null_mut;
use std::slice::from_ref;
use std::sync::Mutex;

use tumble_core::parallel::locked;
use tumble_ipi::client::Client;

use crate::error::Result;
use crate::last_results::Last;
use crate::{argument, atomic_numbers, entry, free, hand_over, string, structure, text};

/// What a `tumble_client *` points to.
pub struct Handle {
    client: Mutex<Client>,
    atoms: usize,
    /// Extras, [`CString`].
    last: Last,
}

/// # Safety
/// `client` is a live handle, or NULL.
unsafe fn live<'a>(client: *mut Handle) -> Result<&'a Handle> {
    // SAFETY: by the contract.
    unsafe { crate::live(client, "client", "open one with tumble_open") }
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
        Ok(Box::into_raw(Box::new(Handle { client: Mutex::new(client), atoms: species.len(), last: Last::default() })))
    })
}

/// Evaluates one structure; 0, or -1 on failure. `include/tumble.h` says more.
///
/// # Safety
/// `client` comes from [`tumble_open`] and was not closed, or it is NULL. `cell` and
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
        // SAFETY: a live handle, or NULL.
        let handle = unsafe { live(client)? };
        // SAFETY: so many numbers each, or NULL, by the contract.
        let (cell, positions) = unsafe { structure(cell, positions, handle.atoms)? };
        let answer = locked(&handle.client).evaluate(cell, positions)?;
        // SAFETY: the arrays are large enough or NULL by the contract; the client has checked the number of forces.
        unsafe {
            hand_over([
                (from_ref(&answer.energy), energy),
                (answer.forces.as_flattened(), forces),
                (answer.virial.as_flattened(), virial),
            ]);
        }
        handle.last.replace(Some(text(answer.extras)));
        Ok(0)
    })
}

/// Extras of this thread's last answer, a JSON object; "" before the first. They live until its next evaluation with this
/// client.
///
/// # Safety
/// As `client` of [`tumble_evaluate`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_extras(client: *mut Handle) -> *const c_char {
    entry(c"".as_ptr(), || {
        // SAFETY: a live handle, or NULL.
        let handle = unsafe { live(client)? };
        Ok(handle.last.read(|extras: Option<&CString>| extras.map_or(c"".as_ptr(), |extras| extras.as_ptr())))
    })
}

/// Says goodbye to the server and frees the client; NULL is fine.
///
/// # Safety
/// As `client` of [`tumble_evaluate`]; it must not be used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_close(client: *mut Handle) {
    // SAFETY: made by `tumble_open`, and not used again by the contract.
    unsafe { free(client) };
}
