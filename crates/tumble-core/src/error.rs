//! What can go wrong with structures, rotations, settings and evaluations.
//!
//! Sentences are lower case and say what, where, what was found, what was expected, and what to change. A sentence has
//! its cause in it, so that programs print an error by itself and not the chain of its sources.

use crate::graph::Graph;
use crate::numbers::{plain, short};

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

crate::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of a model that is defined elsewhere; its sentence is that of the error.
        #[error(transparent)]
        Model(Box<dyn std::error::Error + Send + Sync>),

        /// Positions and species of a structure differ in number.
        ///
        /// Cause: A program that calls the library gave lists of different length.
        ///
        /// Cure: Pass one position and one species for each atom, the same atoms in every call of a client.
        #[error("the structure has {positions} positions but {species} species: give one of each per atom")]
        AtomCount {
            /// Number of positions.
            positions: usize,
            /// Number of atomic numbers.
            species: usize,
        },

        /// A coordinate or a cell vector is NaN or infinite.
        ///
        /// Cause: The dynamics has exploded, or what was sent or read was broken before.
        ///
        /// Cure: Take a shorter time step, relax the structure first, and look at the step before in the trajectory.
        #[error(
            "{what} of atom {atom} is not finite ({value}): check the structure, or whether the dynamics has exploded"
        )]
        NotFinite {
            /// Which quantity.
            what: &'static str,
            /// Index of the atom (from 1).
            atom: usize,
            /// The value.
            value: f64,
        },

        /// A cell vector is NaN or infinite.
        ///
        /// Cause: The barostat has exploded, or what was sent or read was broken before.
        ///
        /// Cure: Take a shorter time step or a slower barostat, and look at the step before in the trajectory.
        #[error(
            "cell vector {axis} is not finite ({value}): check the structure, or whether the dynamics has exploded"
        )]
        CellNotFinite {
            /// The vector, as a letter.
            axis: char,
            /// The value.
            value: f64,
        },

        /// A periodic cell without volume.
        ///
        /// Cause: Two cell vectors are parallel or one is zero, although the structure repeats along it.
        ///
        /// Cure: Give three independent vectors, or say along which ones it repeats (`pbc` in extended XYZ, `--pbc` of
        /// `tumble ipi`).
        #[error(
            "the cell is periodic along {axis} but its volume is {} Å^3: give three independent cell vectors",
            short(*volume)
        )]
        FlatCell {
            /// The first periodic axis, as a letter.
            axis: char,
            /// Volume of the cell, Å^3.
            volume: f64,
        },

        /// A periodic cell of which too many fit into the cutoff.
        ///
        /// Cause: The cell is far smaller than the model's cutoff, most often because it was given in Bohr or
        /// nanometers.
        ///
        /// Cure: Give it in Å; in i-PI's files write `cell{angstrom}`.
        #[error(
            "an atom would see {images:.0} images of the cell within {radius:.3} Å: check the cell, and whether its \
             unit is Å"
        )]
        TinyCell {
            /// Images of the cell.
            images: f64,
            /// Cutoff and skin, Å.
            radius: f64,
        },

        /// Atoms with far more neighbors than matter has.
        ///
        /// Cause: Atoms are squeezed together or the cell is far too small, most often because positions or cell are
        /// not in Å, or because the dynamics has exploded.
        ///
        /// Cure: Give positions and cell in Å; in a simulation take a shorter time step.
        #[error(
            "of {atoms} atoms some have {found} neighbors or more within {radius:.3} Å, but {most} are evaluated at \
             most: check positions and cell, and whether their unit is Å"
        )]
        Crowded {
            /// Atoms of the structure.
            atoms: usize,
            /// Neighbors of an atom.
            found: usize,
            /// Cutoff, with the skin if that is in it, Å.
            radius: f64,
            /// Neighbors that are allowed.
            most: usize,
        },

        /// More pairs of neighbors than memory holds.
        ///
        /// Cause: The structure, or all of a message together, is larger or denser than `memory` allows. A pair of
        /// neighbors takes 200 bytes, besides the working memory of the model.
        ///
        /// Cure: Raise `memory`, send fewer structures in a message, or check that positions and cell are in Å.
        #[error(
            "{atoms} atoms have more than {pairs} pairs of neighbors within {radius:.3} Å, {} an atom, and {} MB hold \
             no more: check positions and cell, and whether their unit is Å, or give more memory",
            2 * pairs / (*atoms).max(1), memory >> 20
        )]
        TooManyPairs {
            /// Atoms of the structures.
            atoms: usize,
            /// Pairs that are allowed.
            pairs: usize,
            /// Cutoff and skin, Å.
            radius: f64,
            /// What so many take, bytes.
            memory: usize,
        },

        /// An evaluation that was asked to end before its end.
        ///
        /// Cause: A signal came, the time of `--max-seconds` was up, or nobody waited for the result any more.
        ///
        /// Cure: Nothing is wrong; start it again to get a result, with more time if that was the reason.
        #[error("the evaluation was ended before its end: {}", reason.sentence())]
        Cancelled {
            /// Why.
            reason: crate::cancel_reason::CancelReason,
        },

        /// An element that the model was not trained on.
        ///
        /// Cause: The model was not trained on this element, or the elements are in the wrong order.
        ///
        /// Cure: Compare with `tumble info MODEL`; then correct `pair_coeff`, the template or the structure, or take
        /// another model.
        #[error("the model \"{model}\" does not know element {element}: it knows {known}")]
        UnknownElement {
            /// Name of the model.
            model: String,
            /// Symbol or number of the element.
            element: String,
            /// Symbols of the elements that it knows.
            known: String,
        },

        /// A cutoff or skin that is no length.
        ///
        /// Cause: A program that calls the library gave a cutoff or a skin that is no length.
        ///
        /// Cure: Pass a positive cutoff and a skin from zero on, in Å.
        #[error(
            "the cutoff is {} Å and the skin {} Å: give a positive cutoff and a skin that is not negative, both finite",
            plain(*cutoff), plain(*skin)
        )]
        Cutoff {
            /// The cutoff, Å.
            cutoff: f64,
            /// The skin, Å.
            skin: f64,
        },

        /// An argument of a call that makes no sense.
        ///
        /// Cause: An option of a model or a client cannot be read, or contradicts another one.
        ///
        /// Cure: Change the argument that the sentence names.
        #[error("the argument {name} {problem}")]
        Argument {
            /// Its name.
            name: &'static str,
            /// What is wrong with it, as the rest of a sentence.
            problem: String,
        },

        /// Two atoms, or images of them, in one place.
        ///
        /// Cause: Two atoms lie on each other, as after a file was read twice, or where an atom is there on both sides
        /// of the box.
        ///
        /// Cure: Remove one of them; in a simulation take a shorter time step.
        #[error(
            "atoms {first} and {second} coincide (distance {distance:.1e} Å, cell shifts included): remove one of \
             them, or check whether the dynamics has exploded"
        )]
        Coincide {
            /// Index of one atom (from 1).
            first: usize,
            /// Index of the other (from 1).
            second: usize,
            /// Their distance, Å.
            distance: f64,
        },

        /// An atom so far outside the periodic cell that its position has lost its digits.
        ///
        /// Cause: Atoms were never wrapped and have drifted very far, or the dynamics has exploded.
        ///
        /// Cure: Wrap positions into the cell (`pbc='true'` in i-PI's socket), or take a shorter time step.
        #[error(
            "atom {atom} is {cells:.1e} cells away from the origin, too far for its position to be exact: wrap it into \
             the cell, or check whether the dynamics has exploded"
        )]
        Astray {
            /// Index of the atom (from 1).
            atom: usize,
            /// Cells between it and the origin along one cell vector.
            cells: f64,
        },

        /// A kind of forces that the model does not give.
        ///
        /// Cause: `forces` or `--forces` asks for a kind that the file does not hold.
        ///
        /// Cure: Leave it out, or export the model with the other kind (`tumble-export pet --forces both`).
        #[error("the model \"{model}\" offers no {wanted} forces: ask for {offered} ones")]
        ForcesNotOffered {
            /// Name of the model.
            model: String,
            /// What was asked of it.
            wanted: &'static str,
            /// What it has.
            offered: String,
        },

        /// A setting out of range, or one that contradicts another or changes nothing.
        ///
        /// Cause: Two settings exclude each other, a setting has no effect beside the others, or a number is out of
        /// range.
        ///
        /// Cure: Change or leave out the setting that the sentence begins with.
        #[error("{name} {value} {problem}")]
        Setting {
            /// Its name.
            name: &'static str,
            /// What was given.
            value: String,
            /// What is wrong with it, as the rest of a sentence.
            problem: String,
        },

        /// A keyword of the pair style with a value that it does not know.
        ///
        /// Cause: A keyword of the pair style that takes words has an unknown one.
        ///
        /// Cure: Write one of the words that the sentence expects.
        #[error("keyword {keyword} has the value {found}: expected {expected}")]
        KeywordValue {
            /// The keyword.
            keyword: &'static str,
            /// What was given.
            found: String,
            /// What can be given.
            expected: &'static str,
        },

        /// A text that names no mitigation.
        ///
        /// Cause: A word after `rotate` or `--rotate` that is no mitigation.
        ///
        /// Cure: Write one of those that the sentence lists.
        #[error("the mitigation \"{spec}\" {problem}: give {}", crate::mitigation_grammar::GRAMMAR)]
        Mitigation {
            /// The text.
            spec: String,
            /// What is wrong with it, as the rest of a sentence.
            problem: String,
        },

        /// A grid of rotations that does not exist.
        ///
        /// Cause: Grids of this family exist for some orders only.
        ///
        /// Cure: Take one of the orders that the sentence gives; `degree:N` finds the cheapest grid of a degree.
        #[error("there is no {family} grid of order {order}: give {expected}, as in {family}:{example}")]
        GridOrder {
            /// The kind of grid.
            family: &'static str,
            /// The order asked for.
            order: usize,
            /// The orders that there are.
            expected: String,
            /// One of them.
            example: usize,
        },

        /// A model gave NaN or infinity.
        ///
        /// Cause: The structure is outside of what the model knows, or the model divides by zero for lonely atoms.
        ///
        /// Cure: Look at the atoms that the sentence names; if a single atom gives it too, it is the model.
        #[error(
            "the model \"{model}\" gave {value} in {output} at index {index:?}{}: check the structure for atoms that \
             are too close or too lonely for this model, or whether the dynamics has exploded{atoms}",
            center.map(|center| format!(" (atom {})", center + 1)).unwrap_or_default()
        )]
        OutputNotFinite {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: &'static str,
            /// Where in the output, one index per axis.
            index: Vec<usize>,
            /// Index in the structure (from 0) of the center that it belongs to, where it belongs to one.
            center: Option<usize>,
            /// The value.
            value: f64,
            /// The closest atoms of the structure, and those without neighbors, as the end of a sentence.
            atoms: String,
        },

        /// A structure that needs more memory than allowed, and a model that cannot take it in parts.
        ///
        /// Cause: The model's energy is one of the whole structure (Orb), so that it cannot be evaluated block by
        /// block.
        ///
        /// Cure: Raise `memory` to what the sentence says, or take a smaller structure.
        #[error(
            "memory is limited to {} MB, but model \"{model}\" takes {} MB for the structure, and its energy is one of \
             the whole, which cannot be found in parts: give at least as much", given >> 20, needed.div_ceil(1 << 20)
        )]
        WholeTooLarge {
            /// Name of the model.
            model: String,
            /// The limit, bytes.
            given: usize,
            /// Needed for one replica, bytes.
            needed: usize,
        },

        /// A limit on memory that no cutting of the structure can meet.
        ///
        /// Cause: Even one block of atoms with its rim needs more than `memory`.
        ///
        /// Cure: Raise `memory` to what the sentence says.
        #[error(
            "memory is limited to {} MB, but the model takes {} MB even for a small part of the structure: give at \
             least as much", given >> 20, needed.div_ceil(1 << 20)
        )]
        MemoryTooSmall {
            /// The limit, bytes.
            given: usize,
            /// What one block takes, bytes.
            needed: usize,
        },

        /// A panic that was caught at the border to C++.
        ///
        /// Cause: A mistake in tumble.
        ///
        /// Cure: Report it, with the input and the whole output.
        #[error("internal error of tumble: {text}: please report it with the input that led to it")]
        Internal {
            /// What the panic said.
            text: String,
        },
    }
}

impl Error {
    /// The error of a model that is defined elsewhere, if it is of this type.
    pub fn model<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Model(inner) => inner.downcast_ref(),
            _ => None,
        }
    }

    /// With the atoms of the whole structure that a model is most likely to fail for, where it has failed.
    pub(crate) fn of_structure(mut self, graph: &Graph) -> Self {
        if let Self::OutputNotFinite { atoms, .. } = &mut self {
            *atoms = graph.extremes();
        }
        self
    }

    /// Whether an option or argument makes no sense, whatever the files and the machine are like: command lines end
    /// with code 2 then, as for options that cannot be parsed, and with code 1 for everything else.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Argument { .. }
                | Self::Setting { .. }
                | Self::Mitigation { .. }
                | Self::GridOrder { .. }
                | Self::ForcesNotOffered { .. }
        )
    }

    /// Whether it is one for want of time.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Cancelled { reason: crate::cancel_reason::CancelReason::Time })
    }
}
