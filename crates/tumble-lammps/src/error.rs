//! The errors of the pair style.

use std::path::PathBuf;

use tumble_core::echo::echo;
use tumble_core::numbers::plain;

/// Result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

tumble_core::errors! {
    /// An error, displayed as one sentence with its remedy.
    #[derive(Debug, thiserror::Error)]
    #[non_exhaustive]
    pub enum Error {
        /// An error of structures, settings or the evaluation of a model.
        #[error(transparent)]
        Core(#[from] tumble_core::Error),

        /// An error of a model file or of ONNX Runtime.
        #[error(transparent)]
        Onnx(#[from] tumble_onnx::Error),

        /// A unit style of LAMMPS without a scale.
        ///
        /// Cause: LAMMPS runs in `units lj`, whose numbers have no scale.
        ///
        /// Cure: Use another unit style, and convert the data file.
        #[error(
            "units {style} have no scale in eV and Å: use units metal, real, electron, si, cgs, micro or nano with \
             this model"
        )]
        UnitStyle {
            /// Name of the unit style.
            style: String,
        },

        /// Per-atom virials of direct forces.
        ///
        /// Cause: A compute needs virials per atom, but the model has direct forces.
        ///
        /// Cure: Write `forces conservative`, or remove the compute.
        #[error(
            "per-atom virials are computed from the gradients of the energy, which direct forces lack: use \
             conservative forces (and inner ones), or remove compute stress/atom, centroid/stress/atom and heat/flux"
        )]
        NoAtomicVirials,

        /// A model whose layers cannot exchange messages between ranks.
        ///
        /// Cause: The model or the device does not allow evaluation layer by layer.
        ///
        /// Cure: None is needed: each rank evaluates its ghosts again. Fewer ranks with more threads may be faster.
        #[error("each rank evaluates its ghosts again, since the model cannot be cut into stages: {why}")]
        NoStages {
            /// The reason, as the rest of a sentence.
            why: String,
        },

        /// The system has no memory for the stack of an evaluation.
        ///
        /// Cause: The limit on memory is reached.
        ///
        /// Cure: Raise the limit, or run fewer ranks on the machine.
        #[error("the system has no memory for the stack of an evaluation ({0}): raise its limit, or run fewer ranks")]
        Stack(std::io::Error),

        /// An unknown keyword of the pair style.
        ///
        /// Cause: A keyword of `pair_style tumble` is misspelt or does not exist.
        ///
        /// Cure: Use a keyword from the list in the sentence; docs/lammps.md#syntax describes them.
        #[error("unknown keyword {}: {hint}the keywords are {known}", echo(word))]
        UnknownKeyword {
            /// The word.
            word: String,
            /// Empty, or a question or remark with the likely correction.
            hint: String,
            /// All keywords.
            known: String,
        },

        /// A model in place of a keyword of the pair style.
        ///
        /// Cause: The model was given to `pair_style`, as in some other pair styles.
        ///
        /// Cure: Give it to `pair_coeff`, as in the sentence.
        #[error(
            "{word} is not a keyword: the model goes to pair_coeff, so write pair_style tumble and then pair_coeff * * \
             {word} followed by the element of each atom type, as in O H"
        )]
        ModelInPairStyle {
            /// The word.
            word: String,
        },

        /// An element in place of the model in `pair_coeff`.
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

        /// A plugin in another LAMMPS than it was compiled for.
        ///
        /// Cause: `LAMMPS_PLUGIN_PATH` or `plugin load` names the plugin of another LAMMPS, or LAMMPS was compiled again.
        ///
        /// Cure: Run the command in the sentence, in the environment of tumble.
        #[error(
            "the tumble plugin was built for another LAMMPS than this one, {0}: its {what} is {found} and not \
             {expected}: run `tumble lammps build --lammps {0}`", path.display()
        )]
        OtherLammps {
            /// The file with the code of the running LAMMPS.
            path: PathBuf,
            /// The differing property.
            what: &'static str,
            /// Its value here.
            found: String,
            /// Its value at compile time.
            expected: String,
        },

        /// A plugin without the description of its LAMMPS.
        ///
        /// Cause: The C++ side was compiled by hand, with another text in `TUMBLE_COMPILED_FOR`.
        ///
        /// Cure: Compile it with `tumble lammps build`.
        #[error(
            "the tumble plugin does not say which LAMMPS it was built for (\"{}\"): compile it with `tumble lammps \
             build`", echo(text)
        )]
        CompiledFor {
            /// The text in its place.
            text: String,
        },

        /// Ranks with different calculations.
        ///
        /// Cause: MPI ranks on several machines have different model files of one name, or different versions of
        /// tumble.
        ///
        /// Cure: Give all machines the same files, best on a shared disk.
        #[error(
            "{ranks} {} from rank 0 in {what}: {first} on rank 0, {other} on rank {rank}: give all ranks the same \
             model file and the same plugin", if ranks.starts_with("ranks") { "differ" } else { "differs" }
        )]
        RanksDiffer {
            /// The differing property.
            what: String,
            /// Its value on rank 0.
            first: String,
            /// The first differing rank.
            rank: usize,
            /// The value on that rank.
            other: String,
            /// All ranks that differ from rank 0, with the noun.
            ranks: String,
        },

        /// A layer of ghost atoms thinner than the reach of the model.
        ///
        /// Cause: A rank's subdomain is thinner than the model's reach, or the input has `comm_style tiled`.
        ///
        /// Cure: Use fewer ranks, or other `processors`, so that no subdomain is thinner than the reach.
        #[error(
            "the neighbors of ghost atom {tag} are not known on this rank, but the model sees {hops} hops of {} Å: \
             ghosts must reach {} Å beyond each rank's subdomain, so use fewer MPI ranks, a thicker box, or \
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

        /// NaN or infinity for an atom of a simulation in LAMMPS.
        ///
        /// Cause: Some atoms are too close together or too isolated for the model, often because the time step is too
        /// long.
        ///
        /// Cure: Look at the atom and its neighbors in a dump of the previous steps; use a shorter time step, or
        /// minimize first.
        #[error(
            "the model \"{model}\" gave {value} in {output} for {place}: check whether these atoms are too close \
             together or too isolated for this model, or whether the dynamics has exploded"
        )]
        AtomNotFinite {
            /// Name of the model.
            model: String,
            /// Name of the output.
            output: String,
            /// The value.
            value: f64,
            /// Atom ID, element, position, and the nearest neighbors with their distances.
            place: String,
        },
    }
}
