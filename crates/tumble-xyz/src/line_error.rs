//! The errors of a line of an XYZ file.

use tumble_core::rotation::Vector3;

tumble_core::errors! {
    /// An error of a line, displayed as a sentence to follow the line's number.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum LineError {
        /// The file does not start with a number.
        #[error(
            "an XYZ file begins with the number of atoms, but \"{found}\" was found: convert other formats to XYZ with \
             `ase convert FILE structures.xyz`"
        )]
        FirstLine {
            /// The line.
            found: String,
        },

        /// A later frame does not start with a number.
        #[error(
            "the number of atoms of a frame is expected here, but \"{found}\" was found: is the number of atoms of the \
             previous frame too small?"
        )]
        Count {
            /// The line.
            found: String,
        },

        /// A key with two values.
        #[error("{key} is given twice, as \"{one}\" and as \"{other}\": remove one of them")]
        DuplicateKey {
            /// The key.
            key: &'static str,
            /// The first value.
            one: String,
            /// Another value.
            other: String,
        },

        /// A frame without atoms.
        #[error("the frame has 0 atoms: give at least one, or remove the frame")]
        NoAtoms,

        /// The file ends after the number of atoms.
        #[error("the file ends where the comment line of a frame is expected: the frame is cut off")]
        NoComment,

        /// The number of atoms is followed by an atom.
        #[error(
            "the comment line looks like the line of an atom, and the frame cannot be read: if the comment line is \
             missing, add one, even an empty one, between the number of atoms and the first atom"
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

        /// A line in another encoding than UTF-8.
        #[error("the line is not text (UTF-8): is this an XYZ file?")]
        NotText,

        /// A file in UTF-16, as saved by some editors.
        #[error("the file is encoded in UTF-16: save it as UTF-8 with `iconv -f UTF-16 -t UTF-8 FILE`")]
        Utf16,

        /// A quotation without end.
        #[error("a value is opened by {opened} and never closed: add the closing {closing}")]
        Quote {
            /// Opening mark.
            opened: char,
            /// Missing closing mark.
            closing: char,
        },

        /// A comment line of both dialects, extended XYZ in Å and i-PI's in its own units.
        #[error("the comment line is both extended XYZ ({key}) and i-PI's ({found}...): remove one of them")]
        IpiAndExtended {
            /// A key of extended XYZ.
            key: &'static str,
            /// A mark of i-PI's dialect.
            found: &'static str,
        },

        /// i-PI's cell in an unknown notation.
        #[error(
            "\"{found}\" is not a cell in a notation of i-PI: write CELL(abcABC): and 6 numbers, or CELL(H): or \
             CELL(GENH): and 9, with a space after the colon"
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
            /// Expected count.
            expected: usize,
            /// Count in the line.
            found: usize,
        },

        /// Lengths and angles of no cell, or of a flat one.
        #[error(
            "no cell has the lengths {} and the angles {} degrees of CELL(abcABC): give the angles between b and c, a \
             and c, a and b", spaced(.lengths), spaced(.angles)
        )]
        IpiAngles {
            /// Lengths in the unit of the file.
            lengths: Vector3,
            /// Angles, degrees.
            angles: Vector3,
        },

        /// An unknown unit of length.
        #[error(
            "{found} is not a unit of length in i-PI: write atomic_unit, angstrom, or meter, with or without a \
             prefix as in nanometer"
        )]
        IpiUnit {
            /// The word, name{unit}.
            found: String,
        },

        /// i-PI's file of a quantity other than positions.
        #[error("the comment line announces {found} instead of positions: give the file of the positions")]
        IpiQuantity {
            /// Name of the quantity.
            found: String,
        },

        /// A Lattice other than a 3x3 matrix.
        #[error("Lattice needs 9 numbers, the three cell vectors in Å one after the other, but {found} were found")]
        Lattice {
            /// Count of numbers.
            found: usize,
        },

        /// A field other than a vector.
        #[error(
            "field needs 3 numbers, the components of the electric field in V/Å, but {found} {} found",
            if *found == 1 { "was" } else { "were" }
        )]
        Field {
            /// Count of numbers.
            found: usize,
        },

        /// A cell under a key other than Lattice.
        #[error(
            "{key}=\"{found}\" looks like a cell, but the key of extended XYZ is Lattice: write the three cell vectors \
             in Å as Lattice=\"ax ay az bx by bz cx cy cz\", or remove {key} if the structure is not periodic"
        )]
        CellKey {
            /// The key.
            key: String,
            /// Its value.
            found: String,
        },

        /// A pbc other than three logical values.
        #[error("pbc needs three flags, T or F, as in pbc=\"T T F\", but \"{found}\" was found")]
        Pbc {
            /// Its value.
            found: String,
        },

        /// A periodic structure without Lattice.
        #[error(
            "pbc=\"{found}\" makes the structure periodic, but there is no Lattice: add one, or set pbc=\"F F F\""
        )]
        NoLattice {
            /// The value of pbc.
            found: String,
        },

        /// An invalid description of the columns.
        #[error(
            "Properties=\"{found}\" cannot be read: give name:type:width for each property, with the types S, R, I, L, \
             as in species:S:1:pos:R:3"
        )]
        Properties {
            /// Its value.
            found: String,
        },

        /// A missing column of species or positions.
        #[error("Properties=\"{found}\" has no {missing}: add it to Properties and to the lines of the atoms")]
        NoColumn {
            /// The missing column, as name:type:width.
            missing: &'static str,
            /// The value of Properties.
            found: String,
        },

        /// Too few or too many columns.
        #[error("{expected} columns are expected ({properties}), but {found} were found")]
        Columns {
            /// Words in the line.
            found: usize,
            /// Expected words.
            expected: usize,
            /// The description of the columns.
            properties: String,
        },

        /// A word in place of a number.
        #[error("{what} should be a number, but \"{found}\" was found")]
        Number {
            /// Name of the column or key.
            what: String,
            /// The word.
            found: String,
        },

        /// A position or cell vector that is NaN or infinite.
        #[error("{what} should be a finite number, but \"{found}\" was found")]
        NotFinite {
            /// Name of the column or key.
            what: String,
            /// The word.
            found: String,
        },

        /// An unknown element.
        #[error("\"{found}\" is no element: give a symbol such as O, or an atomic number from 1 to 118")]
        Element {
            /// The word.
            found: String,
        },

        /// A label of an atom in place of its element.
        #[error("\"{found}\" is a label, not an element: give the symbol alone, {near} for this atom")]
        Label {
            /// The label.
            found: String,
            /// Symbols at the start of the label.
            near: String,
        },

        /// Readable lines of an invalid structure.
        #[error(transparent)]
        Structure(Box<tumble_core::Error>),
    }
}

fn spaced(numbers: &Vector3) -> String {
    numbers.map(|x| x.to_string()).join(" ")
}
