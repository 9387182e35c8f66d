//! A file of results, written beside its place and moved there when it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tumble::{Error, Result};

use crate::written;

/// A file that takes its name in [`Output::finish`]. Until then, and for ever if the disk is full or the program is
/// killed, an older file of that name is unchanged. Anything but a regular file, as /dev/stdout or a pipe, is written
/// directly.
pub struct Output {
    /// The path given by the user, for messages.
    path: PathBuf,
    out: BufWriter<File>,
    /// The draft and the final path; None if written directly.
    places: Option<[PathBuf; 2]>,
}

impl Output {
    /// Creates the draft.
    ///
    /// # Errors
    /// [`Error::Write`] if the folder is missing or not writable.
    pub fn create(path: &Path) -> Result<Self> {
        // Keep a symbolic link and replace its target.
        let place = path.canonicalize().unwrap_or_else(|_| path.into());
        let special = place.metadata().is_ok_and(|found| !found.is_file());
        let file = if special { OpenOptions::new().write(true).open(&place) } else { draft(&place) };
        let file = file.map_err(|source| Error::Write { path: path.into(), source })?;
        let places = (!special).then(|| [beside(&place), place]);
        Ok(Self { path: path.into(), out: BufWriter::new(file), places })
    }

    /// Writes the whole file at once.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
        let mut output = Self::create(path)?;
        output.put(|out| out.write_all(bytes))?;
        output.finish()
    }

    /// Writes a part of the file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn put(&mut self, part: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
        written(&self.path, part(&mut self.out))
    }

    /// Syncs the draft to the disk, since some report only then that they are full, and moves it to its place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<()> {
        let mut moved = self.out.flush();
        if let Some([draft, place]) = &self.places {
            let file = self.out.get_ref();
            moved = moved.and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(draft, place));
        }
        let result = written(&self.path, moved);
        if result.is_ok() {
            self.places = None;
        }
        result
    }

    /// Keeps the draft and returns its path.
    pub fn keep(mut self) -> Option<PathBuf> {
        let flushed = self.out.flush();
        self.places.take().map(|[draft, _]| draft).filter(|_| flushed.is_ok())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some([draft, _]) = &self.places {
            // The draft may be gone with its folder.
            let _ = std::fs::remove_file(draft);
        }
    }
}

/// Creates the draft beside its place, with the permissions of the file there. A read-only file is refused, though it
/// could be replaced.
fn draft(place: &Path) -> io::Result<File> {
    let rights = match OpenOptions::new().write(true).open(place) {
        Ok(old) => Some(old.metadata()?.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let path = beside(place);
    // Left behind by a killed process of the same id.
    let _ = std::fs::remove_file(&path);
    let file = File::create_new(&path)?;
    rights.map_or(Ok(()), |rights| file.set_permissions(rights))?;
    Ok(file)
}

/// Path of the draft, shortened to the limit of file names.
fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(50).collect();
    place.with_file_name(format!("{name}.partial-{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_is_there_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.xyz");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let mut output = Output::create(&path).unwrap();
        output.put(|out| out.write_all(&[b'n'; 100_000])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        output.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [b'n'; 100_000]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        drop(Output::create(&path).unwrap());
        assert_eq!(names(folder.path()), ["out.xyz"]);
        assert_eq!(std::fs::read(&path).unwrap().len(), 100_000);
    }

    #[test]
    fn links_stay_and_devices_are_written_directly() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        std::fs::write(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        Output::write(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
        Output::write(Path::new("/dev/null"), b"new").unwrap();
        let full = Output::write(Path::new("/dev/full"), b"new").unwrap_err().to_string();
        assert_eq!(full, "cannot write /dev/full: No space left on device (os error 28)");
        assert_eq!(names(folder.path()), ["link", "target"]);
    }

    #[test]
    fn a_missing_or_removed_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/out");
        let error = Output::create(&path).err().unwrap().to_string();
        assert!(error.ends_with("no/out: No such file or directory (os error 2)"), "{error}");
        std::fs::create_dir(folder.path().join("no")).unwrap();
        let mut output = Output::create(&path).unwrap();
        output.put(|out| out.write_all(b"x")).unwrap();
        std::fs::remove_dir_all(folder.path().join("no")).unwrap();
        let error = output.finish().unwrap_err().to_string();
        assert!(error.ends_with("no/out: No such file or directory (os error 2)"), "{error}");
    }
}
