//! Queries to the dynamic loader about this process.

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Returns the file from which the code or data at `address` was loaded.
pub fn file_of(address: usize) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address and writes to `info` only. Zeroed it is valid: null pointers.
    let (found, info) = unsafe { (libc::dladdr(address as *const _, info.as_mut_ptr()), info.assume_init()) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: if dladdr succeeds, the name is the loader's own C string, valid as long as the object is loaded; both
    // callers ask for a running object, this one and LAMMPS.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Path::new(OsStr::from_bytes(name.to_bytes())).canonicalize().ok()
}
