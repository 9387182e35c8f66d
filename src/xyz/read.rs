//! Lines to frames, one frame at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::frame::Frame;
use super::header::{self, Header};
use super::problem::Problem;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::system::System;

/// The frames of a file, read when they are asked for. After an error there are no more.
pub struct Frames<R> {
    source: R,
    file: PathBuf,
    /// The line read last, without its end.
    text: Vec<u8>,
    /// Its number (from 1).
    line: usize,
    /// Whether there was a frame.
    any: bool,
    done: bool,
}

/// The frames of a file, or of the standard input if the path is `-`.
///
/// # Errors
/// [`Error::Read`] if the file cannot be opened.
pub fn open(path: &Path) -> Result<Frames<Box<dyn BufRead>>> {
    if path == Path::new("-") {
        return Ok(Frames::new(Box::new(std::io::stdin().lock()), "the standard input"));
    }
    let file = File::open(path).map_err(|cause| Error::Read { path: path.into(), cause })?;
    Ok(Frames::new(Box::new(BufReader::new(file)), path))
}

impl<R: BufRead> Frames<R> {
    /// The frames of a source; `file` is what messages call it.
    pub fn new(source: R, file: impl Into<PathBuf>) -> Self {
        Self { source, file: file.into(), text: Vec::new(), line: 0, any: false, done: false }
    }

    /// What messages call the source.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn read_frame(&mut self) -> Result<Option<Frame>> {
        let Some(expected) = self.read_count()? else { return Ok(None) };
        let line = self.line;
        if !self.advance()? {
            return Err(self.fail(Problem::NoComment));
        }
        let mut header = self.parse(header::parse)?;
        let mut rows = Rows::new(&mut header).map_err(|problem| self.fail(problem))?;
        for found in 0..expected {
            if !self.advance()? {
                return Err(self.fail(Problem::Truncated { found, expected }));
            }
            self.parse(|text| rows.push(text))?;
        }
        assemble(header, rows, line).map(Some)
    }

    /// The number of atoms of the next frame, if there is one. Empty lines before it are passed over.
    fn read_count(&mut self) -> Result<Option<usize>> {
        while self.advance()? {
            let text = self.parse(|text| Ok(text.trim().to_owned()))?;
            if !text.is_empty() {
                return self.parse_count(text).map(Some);
            }
        }
        Ok(None)
    }

    fn parse_count(&self, text: String) -> Result<usize> {
        match text.parse() {
            Ok(0) => Err(self.fail(Problem::NoAtoms)),
            Ok(count) => Ok(count),
            Err(_) => Err(self.fail(Problem::Count { found: shorten(text) })),
        }
    }

    /// Reads the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        self.text.clear();
        let read = self.source.read_until(b'\n', &mut self.text);
        let length = read.map_err(|cause| Error::Read { path: self.file.clone(), cause })?;
        self.line += usize::from(length > 0);
        Ok(length > 0)
    }

    /// What `parser` makes of the line.
    fn parse<T>(&self, parser: impl FnOnce(&str) -> Result<T, Problem>) -> Result<T> {
        let text = std::str::from_utf8(&self.text).map_err(|_| Problem::NotText);
        text.and_then(parser).map_err(|problem| self.fail(problem))
    }

    fn fail(&self, problem: Problem) -> Error {
        Error::Xyz { file: self.file.clone(), line: self.line, problem }
    }
}

impl<R: BufRead> Iterator for Frames<R> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let frame = match self.read_frame() {
            Ok(None) if !self.any => Err(Error::NoFrames { file: self.file.clone() }),
            frame => frame,
        };
        self.any = true;
        self.done = !matches!(frame, Ok(Some(_)));
        frame.transpose()
    }
}

fn assemble(header: Header, rows: Rows, line: usize) -> Result<Frame> {
    let (mut positions, species, arrays) = rows.finish();
    header.placement.place(&mut positions);
    let system = System::new(positions, species, header.cell)?;
    Ok(Frame { system, lattice: header.lattice, info: header.info, arrays, line })
}

/// Enough of a line to recognize it by.
fn shorten(text: String) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATER: &str = "3\nwater\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";

    fn read(text: &[u8]) -> Vec<Result<Frame>> {
        Frames::new(text, "f.xyz").collect()
    }

    fn sentence(text: impl AsRef<[u8]>) -> String {
        read(text.as_ref()).pop().unwrap().unwrap_err().to_string()
    }

    #[test]
    fn frames_of_different_sizes_follow_each_other() {
        let text = format!("{WATER}\n\n 1 \r\nLattice=\"5 0 0 0 5 0 0 0 5\" step=7\r\nAr 1 2 3\r\n\n");
        let frames: Vec<_> = read(text.as_bytes()).into_iter().map(Result::unwrap).collect();
        assert_eq!(frames[0].system.species, [8, 1, 1]);
        assert_eq!(frames[1].system.species, [18]);
        assert_eq!(frames[1].system.positions, [[1.0, 2.0, 3.0]]);
        assert_eq!(frames[1].system.cell.volume(), 125.0);
        assert_eq!(frames[1].value("step").unwrap(), "7");
        assert_eq!(frames.iter().map(|frame| frame.line).collect::<Vec<_>>(), [1, 8]);
    }

    #[test]
    fn an_empty_file_is_an_error_that_says_so() {
        for text in ["", "\n \n"] {
            assert_eq!(
                sentence(text),
                "f.xyz holds no structure, the file is empty: give at least one XYZ frame (a line with the number of \
                 atoms, a comment line, one line per atom)"
            );
        }
    }

    #[test]
    fn a_wrong_count_is_found_where_the_next_frame_should_start() {
        assert_eq!(
            sentence(WATER.replacen('3', "2", 1)),
            "line 5 of f.xyz: the number of atoms of a frame is expected here, but \"H -0.76 0.59 0\" was found: is \
             the number of the frame before too small, or is this no XYZ file?"
        );
        assert_eq!(sentence("0\n\n"), "line 1 of f.xyz: the frame has 0 atoms: give at least one, or remove the frame");
        assert!(sentence("-3\n").contains("but \"-3\" was found"));
        assert!(sentence("x".repeat(1000)).contains(&format!("but \"{}...\" was found", "x".repeat(40))));
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        assert_eq!(
            sentence(WATER.replacen('3', "18446744073709551615", 1)),
            "line 5 of f.xyz: the file ends after 3 of 18446744073709551615 atoms: the frame is cut off, or its number \
             of atoms too large"
        );
        assert_eq!(
            sentence(format!("{WATER}3\n")),
            "line 6 of f.xyz: the file ends where the comment line of a frame is expected: the frame is cut off"
        );
    }

    #[test]
    fn broken_lines_are_named_by_their_number() {
        assert_eq!(
            sentence(WATER.replace("0.76 0.59 0\nH", "0.76 o.59 0\nH")),
            "line 4 of f.xyz: pos should be a number, but \"o.59\" was found"
        );
        assert_eq!(
            sentence(WATER.replace("water", "Lattice=\"1 2 3\"")),
            "line 2 of f.xyz: Lattice needs 9 numbers, the three cell vectors in Å one after the other, but 3 were found"
        );
        assert_eq!(
            sentence(b"1\n\nO 0 0 \xff\n"),
            "line 3 of f.xyz: the line is not text (UTF-8): is this an XYZ file?"
        );
    }

    #[test]
    fn a_frame_of_i_pi_comes_in_angstrom() {
        let comment = "# CELL(abcABC):   18.89726    37.79452    56.69178    90.00000    90.00000    90.00000  \
                       Step:           7  Bead:       2 positions{atomic_unit}  cell{atomic_unit}";
        let text = format!("2\n{comment}\n       O  1.88973e+00 -3.77945e+00  0.00000e+00\n       H 0 0 1.88973 9\n");
        let frames: Vec<_> = read(text.repeat(2).as_bytes()).into_iter().map(Result::unwrap).collect();
        let frame = &frames[1];
        assert_eq!((frames.len(), frame.line, &frame.system.species[..]), (2, 5, &[8, 1][..]));
        for (x, expected) in frame.system.positions.as_flattened().iter().zip([1.0, -2.0, 0.0, 0.0, 0.0, 1.0]) {
            assert!((x - expected).abs() < 1e-5, "{x} {expected}");
        }
        assert!((frame.system.cell.volume() - 6000.0).abs() < 0.01);
        let mut written = Vec::new();
        frame.write(&mut written).unwrap();
        let again = read(&written).pop().unwrap().unwrap();
        assert_eq!(again, Frame { line: 1, ..frame.clone() });
    }

    #[test]
    fn broken_frames_of_i_pi_are_named_by_their_lines() {
        let unit = "positions{kelvin}";
        assert_eq!(
            sentence(format!("1\n# CELL(abcABC): 1 1 1 90 90 90 {unit}\nO 0 0 0\n")),
            format!(
                "line 2 of f.xyz: {unit} is in no unit of length that i-PI knows: write atomic_unit, angstrom, or \
                 meter, with or without a prefix as in nanometer"
            )
        );
        assert_eq!(
            sentence("1\n# CELL(abcABC): 1 1 1 90 90 90 positions{angstrom}\nO 0 0\n"),
            "line 3 of f.xyz: 4 columns are expected (species:S:1:pos:R:3), but 3 were found"
        );
    }

    #[test]
    fn nothing_follows_an_error() {
        assert_eq!(read(format!("x\n{WATER}").as_bytes()).len(), 1);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = open(Path::new("no/such/file.xyz")).err().unwrap();
        assert!(error.to_string().starts_with("cannot read no/such/file.xyz: "), "{error}");
    }
}
