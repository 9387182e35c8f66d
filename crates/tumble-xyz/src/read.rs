//! Reading of lines into frames, one frame at a time.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use crate::error::{Error, LineError, Result};
use tumble_core::system::System;

use crate::extended;
use crate::file_format;
use crate::frame::Frame;
use crate::header::Header;
use crate::rows::{Rows, is_atom_line};

/// Byte order mark of UTF-8; some editors write it at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Iterator over the frames of a file, read lazily. It ends after an error.
pub struct Frames<R> {
    source: R,
    file: PathBuf,
    /// The current line, with its end.
    text: Vec<u8>,
    /// Number of the current line (from 1).
    line: usize,
    /// Whether there was a frame.
    any: bool,
    done: bool,
}

/// Opens a file, or the standard input if the path is `-`.
///
/// # Errors
/// [`Error::Read`] if the file cannot be read, [`Error::NotXyz`] if its format is recognized as another one.
pub fn open(path: &Path) -> Result<Frames<Box<dyn BufRead + Send>>> {
    let failed = |source| Error::Read { path: path.into(), source };
    let (mut source, name): (Box<dyn BufRead + Send>, _) = match path == Path::new("-") {
        true => (Box::new(BufReader::new(stdin())), Path::new("the standard input")),
        false => (Box::new(BufReader::new(File::open(path).map_err(failed)?)), path),
    };
    file_format::check(name, source.fill_buf().map_err(failed)?)?;
    Ok(Frames::new(source, name))
}

/// Returns the number of frames of a file. Lines of atoms are counted and not parsed.
///
/// # Errors
/// The errors of [`open`] and of [`Frames::pass_over`], and [`Error::NoFrames`].
pub fn count(path: &Path) -> Result<usize> {
    let mut frames = open(path)?;
    match frames.pass_over(usize::MAX)? {
        0 => Err(Error::NoFrames { file: frames.file }),
        count => Ok(count),
    }
}

impl<R: BufRead> Frames<R> {
    /// Reads frames from a source; `file` is its name in error messages.
    pub fn new(source: R, file: impl Into<PathBuf>) -> Self {
        Self { source, file: file.into(), text: Vec::new(), line: 0, any: false, done: false }
    }

    /// Returns the name of the source in error messages.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Passes over the next frames without parsing their atoms; returns their number, which is less than `most` at the
    /// end of the file.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Xyz`] for a wrong number of atoms or a frame that is cut off.
    pub fn pass_over(&mut self, most: usize) -> Result<usize> {
        for passed in 0..most {
            let Some(atoms) = self.read_count()? else { return Ok(passed) };
            self.any = true;
            self.pass_lines(atoms)?;
        }
        Ok(most)
    }

    /// Passes over the comment line and the lines of the atoms.
    fn pass_lines(&mut self, atoms: usize) -> Result<()> {
        for found in 0..=atoms {
            let skipped = self.source.skip_until(b'\n');
            match skipped.map_err(|source| Error::Read { path: self.file.clone(), source })? {
                0 if found == 0 => return Err(self.fail(LineError::NoComment)),
                0 => return Err(self.fail(LineError::Truncated { found: found - 1, expected: atoms })),
                _ => self.line += 1,
            }
        }
        Ok(())
    }

    fn read_frame(&mut self) -> Result<Option<Frame>> {
        let Some(expected) = self.read_count()? else { return Ok(None) };
        let line = self.line;
        if !self.advance()? {
            return Err(self.fail(LineError::NoComment));
        }
        let comment = self.comment().into_owned();
        let mut header = extended::parse(&comment).map_err(|problem| self.fail(problem))?;
        match self.read_atoms(&mut header, expected) {
            Err(Error::Xyz { file, .. }) if is_atom_line(&comment) => {
                Err(Error::Xyz { file, line: line + 1, source: LineError::CommentIsAtom })
            }
            rows => assemble(header, rows?, line).map(Some),
        }
    }

    fn read_atoms(&mut self, header: &mut Header, expected: usize) -> Result<Rows> {
        let mut rows = Rows::new(header).map_err(|problem| self.fail(problem))?;
        for found in 0..expected {
            if !self.advance()? {
                return Err(self.fail(LineError::Truncated { found, expected }));
            }
            self.parse(|text| match text.trim() {
                "" => Err(LineError::EmptyLine { found, expected }),
                count if count.parse::<usize>().is_ok() => Err(LineError::NextFrame { found, expected }),
                _ => rows.push(text),
            })?;
        }
        Ok(rows)
    }

    /// Decodes the comment line, as Latin-1 if it is not UTF-8.
    fn comment(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.text) {
            Ok(text) => text.into(),
            Err(_) => self.text.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
        }
    }

    /// Reads the number of atoms of the next frame, after any empty lines; `None` at the end of the file.
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
            Ok(0) => Err(self.fail(LineError::NoAtoms)),
            Ok(count) => Ok(count),
            Err(_) if self.any => Err(self.fail(LineError::Count { found: shorten(text) })),
            Err(_) => Err(self.fail(LineError::FirstLine { found: shorten(text) })),
        }
    }

    /// Reads the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        self.text.clear();
        let read = self.source.read_until(b'\n', &mut self.text);
        let length = read.map_err(|source| Error::Read { path: self.file.clone(), source })?;
        self.line += usize::from(length > 0);
        if self.line == 1 && self.text.starts_with(BYTE_ORDER_MARK) {
            self.text.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(length > 0)
    }

    /// Applies `parser` to the line, and adds file and line to its error.
    fn parse<T>(&self, parser: impl FnOnce(&str) -> Result<T, LineError>) -> Result<T> {
        let utf16 = self.text.starts_with(b"\xff\xfe") || self.text.starts_with(b"\xfe\xff");
        let problem = |_| if utf16 { LineError::Utf16 } else { LineError::NotText };
        let text = std::str::from_utf8(&self.text).map_err(problem);
        text.and_then(parser).map_err(|problem| self.fail(problem))
    }

    fn fail(&self, problem: LineError) -> Error {
        Error::Xyz { file: self.file.clone(), line: self.line, source: problem }
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

fn assemble(header: Header, mut rows: Rows, line: usize) -> Result<Frame> {
    let arrays = rows.other_columns();
    let Rows { mut positions, species, isotopes, .. } = rows;
    header.transform.apply(&mut positions);
    let system = System { conditions: header.conditions, ..System::new(positions, species, header.cell)? };
    Ok(Frame { system, lattice: header.lattice, info: header.info, arrays, isotopes, line })
}

/// Cuts a line after 40 characters.
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
    fn empty_file_is_refused() {
        for text in ["", "\n \n"] {
            assert_eq!(
                sentence(text),
                "f.xyz holds no structure, the file is empty: give at least one XYZ frame (a line with the number of \
                 atoms, a comment line, one line per atom)"
            );
        }
    }

    #[test]
    fn wrong_count_is_found_at_the_start_of_the_next_frame() {
        assert_eq!(
            sentence(WATER.replacen('3', "2", 1)),
            "line 5 of f.xyz: the number of atoms of a frame is expected here, but \"H -0.76 0.59 0\" was found: is \
             the number of atoms of the previous frame too small?"
        );
        assert_eq!(
            sentence("water\n"),
            "line 1 of f.xyz: an XYZ file begins with the number of atoms, but \"water\" was found: convert other formats \
             to XYZ with `ase convert FILE structures.xyz`"
        );
        assert_eq!(sentence("0\n\n"), "line 1 of f.xyz: the frame has 0 atoms: give at least one, or remove the frame");
        assert!(sentence("-3\n").contains("but \"-3\" was found"));
        assert!(sentence("x".repeat(1000)).contains(&format!("but \"{}...\" was found", "x".repeat(40))));
    }

    #[test]
    fn truncated_file_is_refused() {
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
    fn wrong_number_of_atoms_is_found_at_the_next_frame_or_empty_line() {
        assert_eq!(
            sentence(format!("{}{WATER}", WATER.replacen('3', "4", 1))),
            "line 6 of f.xyz: another frame seems to begin after 3 of 4 atoms: correct the number of atoms of the frame, \
             or add the missing lines"
        );
        assert_eq!(
            sentence(format!("{}\n{WATER}", WATER.replacen('3', "4", 1))),
            "line 6 of f.xyz: the line is empty after 3 of 4 atoms: remove it, or correct the number of atoms of the \
             frame"
        );
    }

    #[test]
    fn missing_comment_line_is_recognized() {
        let missing = "the comment line looks like the line of an atom, and the frame cannot be read: if the comment \
                       line is missing, add one, even an empty one, between the number of atoms and the first atom";
        let without = WATER.replace("water\n", "");
        assert_eq!(sentence(&without), format!("line 2 of f.xyz: {missing}"));
        assert_eq!(sentence(without.repeat(2)), format!("line 2 of f.xyz: {missing}"));
        assert_eq!(sentence(format!("{WATER}{without}")), format!("line 7 of f.xyz: {missing}"));
        // The comment of a complete frame may look like an atom.
        assert_eq!(read(WATER.replace("water", "O 0 0 0").as_bytes()).len(), 1);
    }

    #[test]
    fn encodings_and_line_ends_do_not_change_the_frame() {
        let frame = |text: &[u8]| read(text).pop().unwrap().unwrap();
        let text =
            "3\nLattice=\"9 0 0 0 9 0 0 0 9\" note=\"24 \u{b0}C, 3 \u{c5}\"\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";
        let expected = frame(text.as_bytes());
        assert_eq!(expected.value("note").unwrap(), "24 \u{b0}C, 3 \u{c5}");
        let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        for variant in [
            format!("\u{feff}{text}").as_bytes(),
            text.replace('\n', "\r\n").as_bytes(),
            text.replace(" 0.59 ", "\t5.9D-1\t").as_bytes(),
            format!("{text}\n \n").as_bytes(),
            text.trim_end().as_bytes(),
            &latin1,
        ] {
            assert_eq!(frame(variant), expected, "{}", String::from_utf8_lossy(variant));
        }
    }

    #[test]
    fn utf_16_is_refused_with_its_conversion() {
        let utf16: Vec<u8> = "\u{feff}3\nwater\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(
            sentence(&utf16),
            "line 1 of f.xyz: the file is encoded in UTF-16: save it as UTF-8 with `iconv -f UTF-16 -t UTF-8 FILE`"
        );
    }

    #[test]
    fn errors_name_the_broken_line() {
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
    fn ipi_frame_is_read_in_angstrom() {
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
    fn errors_name_the_broken_line_of_an_ipi_frame() {
        let unit = "positions{kelvin}";
        assert_eq!(
            sentence(format!("1\n# CELL(abcABC): 1 1 1 90 90 90 {unit}\nO 0 0 0\n")),
            format!(
                "line 2 of f.xyz: {unit} is not a unit of length in i-PI: write atomic_unit, angstrom, or \
                 meter, with or without a prefix as in nanometer"
            )
        );
        assert_eq!(
            sentence("1\n# CELL(abcABC): 1 1 1 90 90 90 positions{angstrom}\nO 0 0\n"),
            "line 3 of f.xyz: 4 columns are expected (species:S:1:pos:R:3), but 3 were found"
        );
    }

    #[test]
    fn passed_frames_are_counted_and_keep_their_line_numbers() {
        let text = format!("{WATER}\n\n{WATER}1\n\nH 0 0 x\n");
        let mut frames = Frames::new(text.as_bytes(), "f.xyz");
        assert_eq!(frames.pass_over(1).unwrap(), 1);
        assert_eq!(frames.next().unwrap().unwrap().line, 8);
        let error = frames.next().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("line 15 of f.xyz: "), "{error}");
        assert_eq!(Frames::new(text.as_bytes(), "f.xyz").pass_over(usize::MAX).unwrap(), 3);
        assert_eq!(Frames::new(&b" \n"[..], "f.xyz").pass_over(2).unwrap(), 0);
    }

    #[test]
    fn passing_over_broken_frames_fails_with_the_sentence_of_reading_them() {
        for text in ["3\n", "3\nwater\nO 0 0 0\n", "x\n", "1\n\nO 0 0 0\nH 0 0 0\n"] {
            let passed = Frames::new(text.as_bytes(), "f.xyz").pass_over(usize::MAX).unwrap_err();
            assert_eq!(passed.to_string(), sentence(text));
        }
    }

    #[test]
    fn reader_ends_after_an_error() {
        assert_eq!(read(format!("x\n{WATER}").as_bytes()).len(), 1);
    }

    #[test]
    fn missing_file_is_an_error() {
        let error = open(Path::new("no/such/file.xyz")).err().unwrap();
        assert!(error.to_string().starts_with("cannot read no/such/file.xyz: "), "{error}");
    }
}
