//! What can go wrong with the pair style.

use tumble_core::numbers::plain;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// What went wrong, as one sentence that tells the user what to change.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or a model's evaluation.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// An error of a model file or of ONNX Runtime.
        #[error(transparent)]
        Onnx(#[from] tumble_onnx::Error),

        /// A unit style of LAMMPS without a scale.
        ///
        /// Cause: LAMMPS runs in `units lj`, whose numbers have no scale.
        ///
        /// Cure: Write one of the other styles, and convert the data file.
        #[error(
            "units {style} have no scale in eV and Å: use units metal, real, electron, si, cgs, micro or nano with \
             this model"
        )]
        UnitStyle {
            /// Its name.
            style: String,
        },

        /// Per-atom virials of forces that are no derivatives.
        ///
        /// Cause: A compute asks for virials per atom of a model with direct forces.
        ///
        /// Cure: Write `forces conservative`, or remove the compute.
        #[error(
            "per-atom virials are made of the gradients of the energy, which direct forces lack: use conservative \
             forces (and inner ones), or remove compute stress/atom, centroid/stress/atom and heat/flux"
        )]
        NoAtomicVirials,

        /// A word in place of a keyword of the pair style.
        ///
        /// Cause: A keyword of `pair_style tumble` is misspelt, or there is none of that name.
        ///
        /// Cure: Write one of those that the sentence lists; docs/lammps.md#syntax says what each does.
        #[error("unknown keyword {word}: {hint}the keywords are {known}")]
        UnknownKeyword {
            /// The word.
            word: String,
            /// Empty, or the keyword that was probably meant, as a question.
            hint: String,
            /// The keywords that there are.
            known: String,
        },

        /// A model where a keyword of the pair style is expected.
        ///
        /// Cause: The model was given to `pair_style`, as in some other pair styles.
        ///
        /// Cure: Give it to `pair_coeff`, as the sentence says.
        #[error(
            "{word} is no keyword: the model goes to pair_coeff, so write pair_style tumble and then pair_coeff * * \
             {word} followed by the element of each atom type, as in O H"
        )]
        ModelInPairStyle {
            /// The word.
            word: String,
        },

        /// An element where `pair_coeff` expects the model.
        ///
        /// Cause: `pair_coeff` names no model, or names it after the elements.
        ///
        /// Cure: Write the model first, then the elements.
        #[error(
            "pair_coeff names the element {word} where the model is expected: write pair_coeff * * model.onnx {word} \
             ..."
        )]
        ElementNotModel {
            /// The word.
            word: String,
        },

        /// Ranks that do not run the same calculation.
        ///
        /// Cause: MPI ranks on several machines have other model files of the same name, or other versions of tumble.
        ///
        /// Cure: Give all machines the same files, best on a disk that they share.
        #[error(
            "{ranks} {} from rank 0 in {what}: {first} on rank 0, {other} on rank {rank}: give all ranks the same \
             model file and the same plugin", if ranks.starts_with("ranks") { "differ" } else { "differs" }
        )]
        RanksDiffer {
            /// The property that is different.
            what: String,
            /// What rank 0 has.
            first: String,
            /// The first rank that has something else.
            rank: usize,
            /// What that rank has.
            other: String,
            /// All ranks that have something else than rank 0, with the noun.
            ranks: String,
        },

        /// Ghost atoms do not reach as far as the model sees.
        ///
        /// Cause: A rank's share of the box is thinner than the model's reach, or `comm_style tiled` was used.
        ///
        /// Cure: Use fewer ranks, or other `processors`, so that no share is thinner than the reach.
        #[error(
            "the neighbors of ghost atom {tag} are not known on this rank, but the model sees {hops} hops of {} Å: \
             ghosts must reach {} Å beyond each rank's share of the box, so use fewer MPI ranks, a thicker box, or \
             comm_style brick", plain(*cutoff), plain(*reach)
        )]
        GhostsTooThin {
            /// Tag of the atom.
            tag: i64,
            /// hops × cutoff, Å.
            reach: f64,
            /// Cutoff of the model, Å.
            cutoff: f64,
            /// Hops of the model.
            hops: usize,
        },

        /// A model gave NaN or infinity for an atom of a simulation in LAMMPS.
        ///
        /// Cause: As in the sentence with an index: atoms that are too close or too lonely for the model, often since
        /// the time step is too long.
        ///
        /// Cure: Look at the atom and its neighbors in a dump of the steps before; take a shorter time step, or
        /// minimize first.
        #[error(
            "the model \"{model}\" gave {value} in {output} for {place}: check whether these atoms are too close or \
             too lonely for this model, or whether the dynamics has exploded"
        )]
        AtomNotFinite {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: &'static str,
            /// The value.
            value: f64,
            /// Atom ID, element, position, and the nearest neighbors with their distances.
            place: String,
        },
    }
}
