//! What can be wrong with a line of an XYZ file.

use tumble_core::rotation::Vector3;

tumble_core::errors! {
    /// What is wrong with a line, as a sentence that follows its number.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum LineError {
        /// The file does not start with a number.
        #[error(
            "an XYZ file begins with the number of atoms, but \"{found}\" was found: convert other formats to XYZ, as \
             by `ase convert FILE structures.xyz`"
        )]
        FirstLine {
            /// The line.
            found: String,
        },

        /// A later frame does not start with a number.
        #[error(
            "the number of atoms of a frame is expected here, but \"{found}\" was found: is the number of the frame \
             before too small?"
        )]
        Count {
            /// The line.
            found: String,
        },

        /// A key with two values.
        #[error("{key} is given twice, as \"{one}\" and as \"{other}\": remove one of them")]
        Twice {
            /// The key.
            key: &'static str,
            /// The value that came first.
            one: String,
            /// Another one.
            other: String,
        },

        /// A frame of no atoms.
        #[error("the frame has 0 atoms: give at least one, or remove the frame")]
        NoAtoms,

        /// The file ends after the number of atoms.
        #[error("the file ends where the comment line of a frame is expected: the frame is cut off")]
        NoComment,

        /// The number of atoms is followed by an atom.
        #[error(
            "the comment line looks like the line of an atom, and the frame cannot be read: is the comment line \
             missing? put one, which may be empty, between the number of atoms and the first atom"
        )]
        CommentIsAtom,

        /// The next frame begins among the atoms.
        #[error(
            "another frame seems to begin after {found} of {expected} atoms: correct the number of atoms of the frame, \
             or add the missing lines"
        )]
        NextFrame {
            /// Atoms read.
            found: usize,
            /// Atoms announced.
            expected: usize,
        },

        /// An empty line among the atoms.
        #[error(
            "the line is empty after {found} of {expected} atoms: remove it, or correct the number of atoms of the \
             frame"
        )]
        EmptyLine {
            /// Atoms read.
            found: usize,
            /// Atoms announced.
            expected: usize,
        },

        /// The file ends among the atoms.
        #[error(
            "the file ends after {found} of {expected} atoms: the frame is cut off, or its number of atoms too large"
        )]
        Truncated {
            /// Atoms read.
            found: usize,
            /// Atoms announced.
            expected: usize,
        },

        /// Not UTF-8.
        #[error("the line is not text (UTF-8): is this an XYZ file?")]
        NotText,

        /// UTF-16, as some editors save.
        #[error("the file is encoded in UTF-16: save it as UTF-8, as by `iconv -f UTF-16 -t UTF-8 FILE`")]
        Utf16,

        /// A quotation without end.
        #[error("a value is opened by {opened} and never closed: add the closing {closing}")]
        Quote {
            /// Opening mark.
            opened: char,
            /// Closing mark that is missing.
            closing: char,
        },

        /// Extended XYZ is in Å, i-PI's dialect has units of its own: which of both this is nobody knows.
        #[error("the comment line is both extended XYZ ({key}) and i-PI's ({found}...): remove one of them")]
        IpiAndExtended {
            /// A key of extended XYZ.
            key: &'static str,
            /// What is i-PI's.
            found: &'static str,
        },

        /// i-PI's cell in a notation that it does not have.
        #[error(
            "\"{found}\" is no cell as i-PI reads it: write CELL(abcABC): and 6 numbers, or CELL(H): or CELL(GENH): \
             and 9, with a space after the colon"
        )]
        IpiCell {
            /// The word.
            found: String,
        },

        /// Too few numbers in i-PI's cell.
        #[error("CELL({notation}) needs {expected} numbers, but the line ends after {found}")]
        IpiNumbers {
            /// abcABC, H or GENH.
            notation: &'static str,
            /// How many there should be.
            expected: usize,
            /// How many there are.
            found: usize,
        },

        /// Lengths and angles that no three vectors have, or only flat ones.
        #[error(
            "no cell has the lengths {} and the angles {} degrees of CELL(abcABC): the angles are of b and c, a and c, \
             a and b", spaced(.lengths), spaced(.angles)
        )]
        IpiAngles {
            /// In the unit of the file.
            lengths: Vector3,
            /// Degrees.
            angles: Vector3,
        },

        /// A unit of another dimension, or none.
        #[error(
            "{found} is in no unit of length that i-PI knows: write atomic_unit, angstrom, or meter, with or without a \
             prefix as in nanometer"
        )]
        IpiUnit {
            /// As it is written: name{unit}.
            found: String,
        },

        /// i-PI's file of something else.
        #[error("the comment line says that this is {found}, no positions: give the file of the positions")]
        IpiQuantity {
            /// Its name.
            found: String,
        },

        /// Lattice is not a 3x3 matrix.
        #[error("Lattice needs 9 numbers, the three cell vectors in Å one after the other, but {found} were found")]
        Lattice {
            /// How many there are.
            found: usize,
        },

        /// A cell that extended XYZ does not know as one.
        #[error(
            "{key}=\"{found}\" looks like a cell, but extended XYZ has it under another key: write the three cell \
             vectors in Å as Lattice=\"ax ay az bx by bz cx cy cz\", or remove {key} if nothing repeats"
        )]
        CellKey {
            /// The key.
            key: String,
            /// Its value.
            found: String,
        },

        /// pbc is not three logical values.
        #[error("pbc needs three of T and F, as in pbc=\"T T F\", but \"{found}\" was found")]
        Pbc {
            /// Its value.
            found: String,
        },

        /// Periodic along nothing.
        #[error(
            "pbc=\"{found}\" says that the structure repeats, but there is no Lattice: add it, or set pbc=\"F F F\""
        )]
        NoLattice {
            /// The value of pbc.
            found: String,
        },

        /// A description of the columns that cannot be read.
        #[error(
            "Properties=\"{found}\" cannot be read: give name:type:width for each property, with the types S, R, I, L, \
             as in species:S:1:pos:R:3"
        )]
        Properties {
            /// Its value.
            found: String,
        },

        /// A column that must be there.
        #[error("Properties=\"{found}\" has no {missing}: add it to Properties and to the lines of the atoms")]
        NoColumn {
            /// What is missing, as name:type:width.
            missing: &'static str,
            /// The value of Properties.
            found: String,
        },

        /// Too few or too many columns.
        #[error("{expected} columns are expected ({properties}), but {found} were found")]
        Columns {
            /// How many there are.
            found: usize,
            /// How many there should be.
            expected: usize,
            /// The description of the columns.
            properties: String,
        },

        /// Not a number.
        #[error("{what} should be a number, but \"{found}\" was found")]
        Number {
            /// Name of the column or key.
            what: String,
            /// What is there instead.
            found: String,
        },

        /// A position or cell vector that is NaN or infinite.
        #[error("{what} should be a finite number, but \"{found}\" was found")]
        NotFinite {
            /// Name of the column or key.
            what: String,
            /// What is there instead.
            found: String,
        },

        /// Not an element.
        #[error("\"{found}\" is no element: give a symbol such as O, or an atomic number from 1 to 118")]
        Element {
            /// What is there instead.
            found: String,
        },

        /// Not an element, but more than one of its symbol.
        #[error("\"{found}\" is a label and no element: give the symbol alone, {near} for this atom")]
        Label {
            /// The label.
            found: String,
            /// Symbols that it may mean.
            near: String,
        },

        /// Lines that can be read but make no structure.
        #[error(transparent)]
        Structure(Box<tumble_core::Error>),
    }
}

fn spaced(numbers: &Vector3) -> String {
    numbers.map(|x| x.to_string()).join(" ")
}
