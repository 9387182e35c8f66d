//! The contents of a file: read if small, else mapped, so that all processes on a machine share them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// Files from this size on are mapped. A small file costs little to read, and may then be overwritten while in use.
pub(crate) const MAPPED: u64 = 16 << 20;

/// The contents of a file.
pub(crate) enum FileContents {
    /// A copy.
    Read(Vec<u8>),
    /// The file itself: its pages are loaded when needed, and shared between processes.
    Mapped(Mmap),
}

impl FileContents {
    /// Opens a file, up to one byte more than `most`.
    pub fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if (MAPPED..=most).contains(&length) {
            // SAFETY: the mapping is read only. Like the libraries that a process has loaded, the file must not be
            // overwritten in place meanwhile (docs/model-contract.md); replacing it by another one is no harm.
            #[expect(unsafe_code, reason = "another process could change the file")]
            return unsafe { Mmap::map(&file) }.map(Self::Mapped);
        }
        let mut bytes = Vec::with_capacity(length.min(most) as usize);
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(Self::Read(bytes))
    }
}

impl Deref for FileContents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Mapped(mapped) => mapped,
        }
    }
}
