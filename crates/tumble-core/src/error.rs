//! Errors of structures, rotations, settings and evaluations.
//!
//! A sentence is lower case and has the problem, its place, the value found, the value expected, and the remedy. It
//! includes its cause, so that programs print the error alone, without the chain of its sources.

use crate::domain::RankFailure;
use crate::echo::echo;
use crate::graph::Graph;
use crate::numbers::{plain, short};

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

crate::errors! {
    /// An error of this crate, as one sentence with a remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of a model that is defined in another crate, with the sentence of that error.
        #[error(transparent)]
        Model(Box<dyn std::error::Error + Send + Sync>),

        /// One of several structures that cannot be evaluated.
        ///
        /// Cause: This structure cannot be evaluated, for the reason after the colon, and so none of them has results.
        ///
        /// Cure: Look up that reason on this page, or leave the structure out.
        #[error("structure {number} of {count}: {source}")]
        Structure {
            /// Number of the structure (from 1).
            number: usize,
            /// Number of structures.
            count: usize,
            /// The error in this structure.
            source: Box<Error>,
        },

        /// A committee of fewer than two models.
        ///
        /// Cause: A program that calls the library made a committee of one model, or of none.
        ///
        /// Cure: Use one model by itself, or give two or more.
        #[error("a committee of {found} model(s) cannot disagree: give two or more models")]
        CommitteeSize {
            /// Number of models.
            found: usize,
        },

        /// The same model twice in a committee.
        ///
        /// Cause: Two of the files have the same content.
        ///
        /// Cure: Name each model once. A copy of a model agrees with it everywhere, and hides the disagreement of the
        /// others.
        #[error("{first} and {second} are the same model: give each model of a committee once")]
        CommitteeTwice {
            /// The first file.
            first: String,
            /// The file with the same content.
            second: String,
        },

        /// A model that does not fit the others of a committee.
        ///
        /// Cause: The members of a committee are evaluated on the same neighbor list, with the same kind of forces, and
        /// their energies are compared: they must have the same cutoff, need the same conditions, share elements and a
        /// kind of forces, and be single models.
        ///
        /// Cure: Train or export the models alike, with different seeds or parts of the data.
        #[error("the model \"{model}\" does not fit into the committee: it {problem}")]
        CommitteeMember {
            /// The model.
            model: String,
            /// The rest of the sentence.
            problem: String,
        },

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

        /// A coordinate is NaN or infinite.
        ///
        /// Cause: The dynamics has exploded, or the file or message was corrupted.
        ///
        /// Cure: Take a shorter time step, relax the structure first, and look at the step before in the trajectory.
        #[error(
            "{what} of atom {atom} is not finite ({value}): check the structure, or whether the dynamics has exploded"
        )]
        NotFinite {
            /// The quantity.
            what: &'static str,
            /// Index of the atom (from 1).
            atom: usize,
            /// The value.
            value: f64,
        },

        /// A charge, spin or field that the model needs is not given.
        ///
        /// Cause: The energy of this model depends on it, and there is no value that is right for every structure.
        ///
        /// Cure: Give it for all structures as a setting (`charge`, `spin`, `field`; on the command line with `--`), or
        /// for each one: in the comment of extended XYZ, or in `atoms.info`.
        #[error("the model \"{model}\" needs the {name} of the structure: give, for instance, {example}")]
        ConditionMissing {
            /// The model.
            model: String,
            /// Name of the condition.
            name: &'static str,
            /// A value, with its name.
            example: &'static str,
        },

        /// A charge, spin or field that the model does not know.
        ///
        /// Cause: The energy of this model does not depend on it. Only a neutral singlet without a field is what it was
        /// made for.
        ///
        /// Cure: Leave the setting out, remove the key from the file or from `atoms.info`, or take a model that knows
        /// it.
        #[error(
            "the structure has {name} {found}, but the model \"{model}\" knows {known}: leave it out, or take another \
             model"
        )]
        ConditionUnknown {
            /// The model.
            model: String,
            /// Name of the condition.
            name: &'static str,
            /// The value.
            found: String,
            /// What the model knows, in words.
            known: String,
        },

        /// A charge or spin that a model was not trained for.
        ///
        /// Cause: The model has learned a number for each charge or spin in this range, and knows no others.
        ///
        /// Cure: Give a whole number in the range, or take a model that knows yours.
        #[error(
            "{name} is {found}, but the model \"{model}\" knows whole numbers from {least} to {most} only: give one of \
             them, or take another model"
        )]
        ConditionRange {
            /// The model.
            model: String,
            /// Name of the condition.
            name: &'static str,
            /// The value.
            found: String,
            /// The least known number.
            least: i64,
            /// The largest known number.
            most: i64,
        },

        /// A charge, spin or field without a meaning.
        ///
        /// Cause: It is not finite, or a spin is below 1. The spin is the multiplicity 2S + 1.
        ///
        /// Cure: Give the charge in e, the multiplicity (1 for a singlet, 2 for a doublet), and the field in V/Å.
        #[error("{name} is {found}, which makes no sense: give, for instance, {example}")]
        ConditionValue {
            /// Name of the condition.
            name: &'static str,
            /// The value.
            found: String,
            /// A value, with its name.
            example: &'static str,
        },

        /// A cell vector is NaN or infinite.
        ///
        /// Cause: The barostat has exploded, or the file or message was corrupted.
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
        /// Cause: Two cell vectors are parallel or one is zero, although the structure is periodic along it.
        ///
        /// Cure: Give three independent vectors, or declare fewer directions periodic (`pbc` in extended XYZ, `--pbc`
        /// of `tumble ipi`).
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

        /// A periodic cell with too many images within the cutoff.
        ///
        /// Cause: The cell is far smaller than the model's cutoff, most often because it was given in nanometers or
        /// read in Bohr.
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

        /// An atom with far more neighbors than in any real material.
        ///
        /// Cause: Atoms are squeezed together or the cell is far too small, most often because positions or cell are
        /// not in Å, or because the dynamics has exploded.
        ///
        /// Cure: Give positions and cell in Å; in a simulation take a shorter time step.
        #[error(
            "some of {atoms} atoms have {found} or more neighbors within {radius:.3} Å, but at most {most} are \
             supported: check positions and cell, and whether their unit is Å"
        )]
        Crowded {
            /// Number of atoms of the structure.
            atoms: usize,
            /// Number of neighbors of an atom.
            found: usize,
            /// Cutoff, with the skin if the list has one, Å.
            radius: f64,
            /// Largest supported number of neighbors.
            most: usize,
        },

        /// More pairs of neighbors than memory holds.
        ///
        /// Cause: The structure, or all structures of a message together, are larger or denser than `memory` allows. A
        /// pair of neighbors takes 200 bytes, besides the working memory of the model.
        ///
        /// Cure: Raise `memory`, send fewer structures in a message, or check that positions and cell are in Å.
        #[error(
            "{atoms} atoms have more than {pairs} pairs of neighbors within {radius:.3} Å ({} per atom), the most that \
             {} MB hold: check positions and cell, and whether their unit is Å, or raise memory",
            2 * pairs / (*atoms).max(1), memory >> 20
        )]
        TooManyPairs {
            /// Number of atoms of the structures.
            atoms: usize,
            /// Largest number of pairs.
            pairs: usize,
            /// Cutoff and skin, Å.
            radius: f64,
            /// Memory of so many pairs, bytes.
            memory: usize,
        },

        /// An evaluation was cancelled.
        ///
        /// Cause: A signal came, the time of `--max-seconds` was up, the client left, or the calling program asked for
        /// it.
        ///
        /// Cure: Nothing is wrong. Start it again to get a result, with more time if the time was up.
        #[error("the evaluation was cancelled: {}", reason.sentence())]
        Cancelled {
            /// The reason.
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
            /// Symbols of the elements known.
            known: String,
        },

        /// A cutoff or skin is not a length.
        ///
        /// Cause: A program that calls the library gave a cutoff or a skin that is negative, NaN or infinite, or a
        /// cutoff of zero.
        ///
        /// Cure: Pass a positive cutoff and a skin of zero or more, in Å.
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

        /// An invalid argument of a call.
        ///
        /// Cause: An option of a model or a client cannot be read, or contradicts another one.
        ///
        /// Cure: Change the argument that the sentence names.
        ///
        /// Example: the argument model is NULL: load one with tumble_load
        #[error("the argument {name} {problem}")]
        Argument {
            /// Name of the argument.
            name: &'static str,
            /// The problem, as the rest of a sentence.
            problem: String,
        },

        /// Two atoms, or images of them, coincide.
        ///
        /// Cause: Two atoms have the same position, for example because a file was read twice, or an atom on the boundary
        /// of the periodic box is listed on both faces.
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
            /// Distance of the two, Å.
            distance: f64,
        },

        /// An atom so far outside the periodic cell that its position has lost precision.
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
            /// Distance from the origin along one cell vector, in cells.
            cells: f64,
        },

        /// A kind of forces that the model does not offer.
        ///
        /// Cause: `forces` or `--forces` asks for a kind that is not in the model file.
        ///
        /// Cure: Leave it out, or export the model with the other kind (`tumble-export pet --forces both`).
        #[error("the model \"{model}\" offers no {wanted} forces: ask for {offered} ones")]
        ForcesNotOffered {
            /// Name of the model.
            model: String,
            /// Kind asked for.
            wanted: &'static str,
            /// Kinds offered.
            offered: String,
        },

        /// A setting in contradiction to another, or without effect.
        ///
        /// Cause: Two settings exclude each other, or a setting has no effect beside the others.
        ///
        /// Cure: Change or leave out the setting that the sentence begins with.
        ///
        /// Example: every 4 contradicts correction yes, which leaves the time stepping to the host program (run_style
        /// respa in LAMMPS, nmts in i-PI): leave one of them out
        #[error("{name} {value} {problem}")]
        Setting {
            /// Name of the setting.
            name: &'static str,
            /// Value given.
            value: String,
            /// The problem, as the rest of a sentence.
            problem: String,
        },

        /// A value outside the grammar or the range of its setting.
        ///
        /// Cause: The value is not one of the words of its setting, or a number out of range.
        ///
        /// Cure: Write a value from the sentence. Words are in lower case.
        ///
        /// Example: threads is "0": give a whole number from 1 to 1000000
        #[error("{name} is \"{}\": give {expected}", echo(found))]
        SettingValue {
            /// Name of the setting.
            name: &'static str,
            /// Value given.
            found: String,
            /// Values accepted.
            expected: std::borrow::Cow<'static, str>,
        },

        /// A text that is not a mitigation.
        ///
        /// Cause: The word after `rotate` or `--rotate` is not a mitigation.
        ///
        /// Cure: Write a mitigation from the sentence.
        #[error("the mitigation \"{spec}\" {problem}: give {}", crate::mitigation_grammar::GRAMMAR)]
        Mitigation {
            /// The text.
            spec: String,
            /// The problem, as the rest of a sentence.
            problem: String,
        },

        /// Endings of a mitigation in another order than the grammar's, or repeated.
        ///
        /// Cause: `+inversion` stands before `+random`, or one of them stands twice.
        ///
        /// Cure: Write the mitigation from the end of the sentence.
        ///
        /// Example: the mitigation "octahedral+inversion+random" has its endings out of order: give
        /// octahedral+random+inversion
        #[error("the mitigation \"{spec}\" has {problem}: give {ordered}")]
        MitigationEndings {
            /// The text.
            spec: String,
            /// The problem.
            problem: &'static str,
            /// The same mitigation in the grammar.
            ordered: String,
        },

        /// A grid of rotations that does not exist.
        ///
        /// Cause: Grids of this family exist only for some orders.
        ///
        /// Cure: Take an order from the sentence; `degree:N` finds the cheapest grid of a degree.
        #[error("there is no {family} grid of order {order}: give {expected}, as in {family}:{example}")]
        GridOrder {
            /// Family of the grid.
            family: &'static str,
            /// Order asked for.
            order: usize,
            /// Existing orders.
            expected: String,
            /// An existing order, as an example.
            example: usize,
        },

        /// A model gave NaN or infinity.
        ///
        /// Cause: The structure is far outside of the model's training data, or the model divides by zero for isolated
        /// atoms.
        ///
        /// Cure: Look at the atoms that the sentence names. If a single atom gives the error too, the model is at
        /// fault.
        #[error(
            "the model \"{model}\" gave {value} in {output} at index {index:?}{}: check the structure for atoms that \
             are too close together or too isolated for this model, or whether the dynamics has exploded{atoms}",
            center.map(|center| format!(" (atom {})", center + 1)).unwrap_or_default()
        )]
        OutputNotFinite {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: String,
            /// Position in the output, one index per axis.
            index: Vec<usize>,
            /// Index in the structure (from 0) of the center of the value, if it belongs to one.
            center: Option<usize>,
            /// The value.
            value: f64,
            /// The closest atoms of the structure, and its isolated atoms, as the end of a sentence.
            atoms: String,
        },

        /// A structure that needs more memory than allowed, and a model that cannot evaluate it in parts.
        ///
        /// Cause: The model has a global energy (Orb), so that the structure cannot be evaluated block by block.
        ///
        /// Cure: Raise `memory` to the value in the sentence, or take a smaller structure.
        #[error(
            "the model \"{model}\" has a global energy, so that the structure cannot be cut into blocks: raise memory \
             from {} MB to at least {} MB", given >> 20, needed.div_ceil(1 << 20)
        )]
        WholeTooLarge {
            /// Name of the model.
            model: String,
            /// The limit, bytes.
            given: usize,
            /// Memory that suffices for one replica, bytes.
            needed: usize,
        },

        /// A memory limit too small for any block of the structure.
        ///
        /// Cause: Even one block of atoms with its halo needs more than `memory`.
        ///
        /// Cure: Raise `memory` to the value in the sentence.
        #[error(
            "memory is limited to {} MB, too little even for a small part of the structure: raise memory to at least {} \
             MB", given >> 20, needed.div_ceil(1 << 20)
        )]
        MemoryTooSmall {
            /// The limit, bytes.
            given: usize,
            /// Memory that suffices, bytes.
            needed: usize,
        },

        /// A memory limit too small for the atoms of a rank that exchanges messages with others.
        ///
        /// Cause: The tensors kept between the layers need more than `memory`. Ranks that exchange messages cannot divide
        /// their atoms into blocks.
        ///
        /// Cure: Raise `memory` to the value in the sentence, and somewhat more if atoms move between the ranks. Or use
        /// more ranks, so that each has fewer atoms, or fewer threads, so that fewer are evaluated at the same time.
        #[error(
            "memory is limited to {} MB, too little for the atoms of a rank that exchanges messages: raise memory to at \
             least {} MB, or use more ranks or fewer threads", given >> 20, needed.div_ceil(1 << 20)
        )]
        RankMemory {
            /// The limit, bytes.
            given: usize,
            /// Memory that suffices on all ranks, bytes.
            needed: usize,
        },

        /// Another rank has failed. That rank has an error of its own, which is the one to report.
        ///
        /// Cause: The evaluation failed on another MPI rank, and ends on all of them.
        ///
        /// Cure: Read the error of that rank.
        #[error("the evaluation has failed on another rank: read the error of that rank")]
        OtherRank,

        /// A panic, caught before it could cross into C or C++.
        ///
        /// Cause: A mistake in tumble.
        ///
        /// Cure: Report it, with the input and the whole output.
        #[error("internal error of tumble: {text}: please report it with the input that led to it")]
        Internal {
            /// Message of the panic.
            text: String,
        },
    }
}

impl From<RankFailure> for Error {
    fn from(_: RankFailure) -> Self {
        Self::OtherRank
    }
}

impl Error {
    /// Returns the error of a model that is defined in another crate, if it is of type `E`.
    pub fn model<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Model(inner) => inner.downcast_ref(),
            _ => None,
        }
    }

    /// Adds the closest and the isolated atoms of the whole structure to [`Error::OutputNotFinite`].
    pub(crate) fn of_structure(mut self, graph: &Graph) -> Self {
        if let Self::OutputNotFinite { atoms, .. } = &mut self {
            *atoms = graph.extremes();
        }
        self
    }

    /// Returns whether an option or argument is invalid, independent of files and machine: commands then exit with code
    /// 2, as for options that cannot be parsed, and with code 1 for all other errors.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Argument { .. }
                | Self::Setting { .. }
                | Self::SettingValue { .. }
                | Self::Mitigation { .. }
                | Self::MitigationEndings { .. }
                | Self::GridOrder { .. }
                | Self::ForcesNotOffered { .. }
        )
    }

    /// Returns whether a signal ended the evaluation.
    pub fn is_signal(&self) -> bool {
        matches!(self, Self::Cancelled { reason: crate::cancel_reason::CancelReason::Signal })
    }

    /// Returns whether the evaluation ran out of time.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Cancelled { reason: crate::cancel_reason::CancelReason::Time })
    }
}
