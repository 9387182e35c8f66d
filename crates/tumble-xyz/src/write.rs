//! Writing of frames.

use std::io::{self, Write};

use tumble_core::elements::symbol;
use tumble_core::rotation::Matrix3;

use crate::columns::{Column, PLAIN};
use crate::comment::quote;
use crate::frame::Frame;

impl Frame {
    /// Writes the frame, with enough digits to read the same bits back.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.system.len())?;
        self.write_comment(out)?;
        let mut isotopes = self.isotopes.iter().peekable();
        (0..self.system.len()).try_for_each(|atom| {
            let isotope = isotopes.next_if(|(marked, _)| *marked == atom).map(|(_, symbol)| *symbol);
            self.write_atom(out, atom, isotope.unwrap_or(symbol(self.system.species[atom])))
        })
    }

    fn write_comment(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(lattice) = &self.lattice {
            write!(out, "Lattice=\"{}\" ", join(lattice))?;
        }
        let columns = self.arrays.iter().map(|column| format!(":{}", column.property()));
        write!(out, "Properties={}", quote(&format!("{PLAIN}{}", columns.collect::<String>())))?;
        self.info.iter().try_for_each(|entry| write!(out, " {entry}"))?;
        let [a, b, c] = self.system.cell.periodic().map(|periodic| if periodic { 'T' } else { 'F' });
        writeln!(out, " pbc=\"{a} {b} {c}\"")
    }

    fn write_atom(&self, out: &mut impl Write, atom: usize, symbol: &str) -> io::Result<()> {
        let [x, y, z] = self.system.positions[atom];
        write!(out, "{symbol:<2} {x:?} {y:?} {z:?}")?;
        for Column { width, values, .. } in &self.arrays {
            values[atom * width..(atom + 1) * width].iter().try_for_each(|value| write!(out, " {value}"))?;
        }
        writeln!(out)
    }
}

/// Joins the nine numbers of a matrix, row by row, with spaces.
pub(super) fn join(matrix: &Matrix3) -> String {
    matrix.iter().flatten().map(|x| format!("{x:?}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Frames;
    use super::*;
    use tumble_core::system::{Cell, System};

    fn written(frame: &Frame) -> String {
        let mut out = Vec::new();
        frame.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Frame {
        Frames::new(text.as_bytes(), "f.xyz").next().unwrap().unwrap()
    }

    #[test]
    fn frames_are_written_as_they_were_read() {
        let text = "2\nLattice=\"5.0 0.0 0.0 0.0 5.0 0.0 0.1 0.0 9.0\" \
                    Properties=species:S:1:pos:R:3:tag:I:1:label:S:2 step=7 note=\"a 'b'\" on pbc=\"T F T\"\n\
                    O  0.1 -1e-9 3.0 07 x y\nCl 1.0 2.0 3.0 1 z w\n";
        assert_eq!(written(&read(text)), text);
    }

    #[test]
    fn isotopes_keep_their_symbols() {
        let text = "4\nProperties=species:S:1:pos:R:3 pbc=\"F F F\"\nO  0.0 0.0 0.0\nD  1.0 0.0 0.0\nH  0.0 1.0 0.0\n\
                    T  0.0 0.0 1.0\n";
        let frame = read(text);
        assert_eq!((&frame.system.species[..], &frame.isotopes[..]), (&[8, 1, 1, 1][..], &[(1, "D"), (3, "T")][..]));
        assert_eq!(written(&frame), text);
    }

    #[test]
    fn column_names_are_quoted_if_necessary() {
        let text = "1\nProperties=\"species:S:1:pos:R:3:my \\\"tag\\\":I:1\" pbc=\"F F F\"\nH  0.0 0.0 0.0 7\n";
        assert_eq!(written(&read(text)), text);
    }

    #[test]
    fn empty_value_and_trailing_backslash_do_not_swallow_the_periodicity() {
        for comment in ["note=", "note=\\"] {
            let frame = read(&format!("1\nLattice=\"5 0 0 0 5 0 0 0 5\" pbc=\"T F F\" {comment}\nH 0 0 0\n"));
            assert_eq!(read(&written(&frame)).system.cell.periodic(), [true, false, false]);
        }
    }

    #[test]
    fn non_periodic_box_is_kept() {
        let text = "1\nLattice=\"5.0 0.0 0.0 0.0 5.0 0.0 0.0 0.0 9.0\" \
                    Properties=species:S:1:pos:R:3 pbc=\"F F F\"\nH  0.0 0.0 0.0\n";
        assert_eq!(written(&read(text)), text);
    }

    proptest! {
        #[test]
        fn numbers_are_read_back_to_the_last_bit(
            positions in prop::collection::vec(prop::array::uniform3(prop::num::f64::NORMAL), 1..5),
            height in 1e-3..1e3,
            z in 1u8..=118,
        ) {
            let cell = Cell::new([[1.0, 0.0, 0.0], [0.1, height, 0.0], [0.0, 0.0, 2.0]], [true; 3]).unwrap();
            let species = vec![z; positions.len()];
            let frame = Frame { line: 1, ..Frame::new(System::new(positions, species, cell).unwrap()) };
            prop_assert_eq!(read(&written(&frame)), frame);
        }
    }
}
