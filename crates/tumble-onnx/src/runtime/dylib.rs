//! What the dynamic loader knows of this process.

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The file from which the code or data at `address` was loaded.
pub fn file_of(address: usize) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address and writes to `info` only. Zeroed it is valid: null pointers.
    let (found, info) = unsafe { (libc::dladdr(address as *const _, info.as_mut_ptr()), info.assume_init()) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: where dladdr succeeds the name is the loader's own C string, which lives as long as the object is loaded;
    // both objects asked for here, this one and LAMMPS, are running.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Path::new(OsStr::from_bytes(name.to_bytes())).canonicalize().ok()
}
