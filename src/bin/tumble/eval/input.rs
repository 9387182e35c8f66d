//! The frames of a file, or of one part of it.

use std::io::BufRead;
use std::path::Path;

use tumble::{Error, Result};
use tumble_xyz::Frames;

use super::part::Part;

/// The frames to evaluate.
pub struct Input {
    /// The frames, read lazily.
    pub frames: Frames<Box<dyn BufRead + Send>>,
    /// Number of frames of the file before the first of them.
    pub before: usize,
    /// Number of frames, if it is known.
    pub count: Option<usize>,
    /// Whether the file is a regular one, whose frames do not come slowly.
    pub regular: bool,
}

impl Input {
    /// Opens a file, or the standard input if the path is `-`; goes to the first frame of the part.
    ///
    /// # Errors
    /// [`Error::Xyz`], and [`Error::PartOfStream`] for a part of a file that can be read only once.
    pub fn open(path: &Path, part: Option<Part>) -> Result<Self> {
        let mut frames = tumble_xyz::open(path)?;
        let regular = path != Path::new("-") && path.metadata().is_ok_and(|found| found.is_file());
        let Some(part) = part else { return Ok(Self { frames, before: 0, count: None, regular }) };
        if !regular {
            return Err(Error::PartOfStream { part: part.to_string(), file: frames.file().into() });
        }
        let range = part.of(tumble_xyz::count(path)?);
        frames.pass_over(range.start)?;
        Ok(Self { frames, before: range.start, count: Some(range.len()), regular })
    }
}
