//! i-PI's shared memory: six segments created by i-PI, each an array of float64 for a whole batch.
//!
//! On Linux a segment is a file in `/dev/shm`. Reading and writing it as a file costs one copy and needs no unsafe
//! code.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::message::Answer;
use crate::wire::{self, Structure};

/// The segments of one connection.
#[derive(Debug)]
pub struct Segments {
    positions: File,
    cells: File,
    energies: File,
    forces: File,
    virials: File,
}

impl Segments {
    /// Opens the segments by i-PI's names of pos, h, ih, pot, force, vir.
    ///
    /// # Errors
    /// `InvalidInput` for an invalid name, and system errors.
    pub fn open(names: &[String; 6]) -> io::Result<Self> {
        let [positions, cells, _, energies, forces, virials] = names;
        let (positions, cells) = (open(positions, false)?, open(cells, false)?);
        Ok(Self {
            positions,
            cells,
            energies: open(energies, true)?,
            forces: open(forces, true)?,
            virials: open(virials, true)?,
        })
    }

    /// Reads the structures of a batch, each of `atoms` atoms.
    ///
    /// # Errors
    /// System errors; `UnexpectedEof` if a segment is too small.
    pub fn read(&self, batch: usize, atoms: usize) -> io::Result<Vec<Structure>> {
        let (mut cells, mut positions) = (vec![0; 72 * batch], vec![0; 24 * atoms * batch]);
        self.cells.read_exact_at(&mut cells, 0)?;
        self.positions.read_exact_at(&mut positions, 0)?;
        let structure = |i| Structure::read(&cells[72 * i..][..72], &positions[24 * atoms * i..][..24 * atoms]);
        Ok((0..batch).map(structure).collect())
    }

    /// Writes the results of a batch.
    ///
    /// # Errors
    /// System errors; `InvalidInput` if a segment is too small, as writing past its end would grow it.
    pub fn write(&self, answers: &[Answer]) -> io::Result<()> {
        let (mut energies, mut forces, mut virials) = (vec![], vec![], vec![]);
        for answer in answers {
            wire::put_energy(answer.energy, &mut energies);
            wire::put_forces(&answer.forces, &mut forces);
            wire::put_virial(&answer.virial, &mut virials);
        }
        fill(&self.energies, &energies)?;
        fill(&self.forces, &forces)?;
        fill(&self.virials, &virials)
    }
}

fn open(name: &str, write: bool) -> io::Result<File> {
    let name = name.strip_prefix('/').unwrap_or(name);
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("\"{name}\" is not a name of shared memory")));
    }
    // As shm_open does: no link leads out of the folder, and a pipe does not block.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).write(write).custom_flags(flags).open(Path::new("/dev/shm").join(name))
}

fn fill(segment: &File, bytes: &[u8]) -> io::Result<()> {
    if segment.metadata()?.len() < bytes.len() as u64 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a segment of shared memory is too small for the results",
        ));
    }
    segment.write_all_at(bytes, 0)
}
