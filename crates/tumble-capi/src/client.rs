//! A client of the force server, for C.

use std::ffi::{CString, c_char, c_int};
use std::ptr::null_mut;
use std::slice::from_ref;
use std::sync::Mutex;

use tumble_core::parallel::locked;
use tumble_ipi::client::Client;

use crate::error::Result;
use crate::last_results::LastResults;
use crate::{argument, atomic_numbers, entry, free, string, structure, text, write_outputs};

/// A connection to a force server. All its structures have the same atoms.
pub struct ClientHandle {
    client: Mutex<Client>,
    atoms: usize,
    /// Extras of the last structure, [`CString`].
    last: LastResults,
}

/// # Safety
/// `client` is a live handle, or NULL.
unsafe fn live<'a>(client: *mut ClientHandle) -> Result<&'a ClientHandle> {
    // SAFETY: by the contract.
    unsafe { crate::live(client, "client", "is NULL: open one with tumble_open") }
}

/// Connects to a force server.
///
/// `options` is a list of `key: value` pairs, separated by commas. Unknown and repeated keys are errors. The keys, by
/// default as set on the server's command line:
///
/// - `rotate: octahedral`: the mitigation, as in tumble_load()
/// - `inversion: yes` or `no`: whether to add the inversion of every rotation
/// - `seed: 1`, `stream: 0`: select the random rotations; streams (up to 65535) give simulations with the same seed
///   different rotations
/// - `step: 0`: number of the first structure, 0 by default; it increases by one with every structure, and selects the
///   random rotations
/// - `forces: conservative` or `direct`: the kind of forces
/// - `correction: yes` or `no`: whether to return averaged minus bare
/// - `token: SECRET`: for a server with a token
///
/// @param address  `unix:PATH` or `tcp:HOST:PORT`
/// @param n_atoms  number of atoms, at least 1
/// @param species  atomic number of each atom
/// @param options  see above, or NULL for the defaults
/// @return a client, to be closed with tumble_close(); NULL on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_open(
    address: *const c_char,
    n_atoms: c_int,
    species: *const c_int,
    options: *const c_char,
) -> *mut ClientHandle {
    entry(null_mut(), || {
        // SAFETY: the caller gives C strings or NULL.
        let (address, options) = unsafe { (string("address", address)?, string("options", options)?) };
        let address = address.ok_or_else(|| argument("address", "is NULL: give unix:PATH or tcp:HOST:PORT"))?;
        // SAFETY: the caller gives so many numbers or NULL.
        let species = unsafe { atomic_numbers(n_atoms, species)? };
        let client = Client::with_options(&address.parse()?, &species, options.unwrap_or_default().trim(), None)?;
        let client = Mutex::new(client);
        Ok(Box::into_raw(Box::new(ClientHandle { client, atoms: species.len(), last: LastResults::default() })))
    })
}

/// Evaluates one structure, and waits for the results.
///
/// On failure no output is written. You can then only close the client, unless an argument was NULL.
///
/// @param client     from tumble_open()
/// @param cell       [9] Å: the three cell vectors, one after the other; directions with a zero vector are not periodic.
///                   NULL: no direction is periodic
/// @param positions  [3 * n_atoms] Å: in the order of the species, wrapped into the cell or not
/// @param energy     [1] eV; may be NULL
/// @param forces     [3 * n_atoms] eV/Å; may be NULL
/// @param virial     [9] eV: -dE/d(strain), symmetric; stress = -virial / volume. NaN if the model does not give it. May
///                   be NULL
/// @return 0; -1 on failure, see tumble_error()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_evaluate(
    client: *mut ClientHandle,
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
            write_outputs([
                (from_ref(&answer.energy), energy),
                (answer.forces.as_flattened(), forces),
                (answer.virial.as_flattened(), virial),
            ]);
        }
        handle.last.replace(Some(text(answer.extras)));
        Ok(0)
    })
}

/// Further results for the last structure, as a JSON object with the keys and units of tumble_details().
///
/// @param client  from tumble_open()
/// @return the text, valid until this thread's next tumble_evaluate() with the client; "" before the first structure, or
///         for NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_extras(client: *mut ClientHandle) -> *const c_char {
    entry(c"".as_ptr(), || {
        // SAFETY: a live handle, or NULL.
        let handle = unsafe { live(client)? };
        Ok(handle.last.read(|extras: Option<&CString>| extras.map_or(c"".as_ptr(), |extras| extras.as_ptr())))
    })
}

/// Closes the connection and frees the client.
///
/// @param client  from tumble_open(); invalid afterwards. NULL is ignored
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tumble_close(client: *mut ClientHandle) {
    // SAFETY: made by `tumble_open`, and not used again by the contract.
    unsafe { free(client) };
}
