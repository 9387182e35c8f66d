//! Mitigations of a model's broken rotation symmetry: the rotations of every step, as one type.

mod parse;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use parse::GRAMMAR;

use crate::graph::Graph;
use crate::quadrature::Quadrature;
use crate::rotation::Draw;

/// Suffix of a grid that is turned at random.
const RANDOM_SUFFIX: &str = "+random";

/// Suffix of any mitigation that adds -R for every R.
pub(crate) const INVERSION_SUFFIX: &str = "+inversion";

/// A mitigation of a model's broken rotation symmetry, applied at every step.
///
/// Front ends parse it once and pass it on; clones share the rotations.
///
/// | text | rotations |
/// |---|---|
/// | `none` | the structure as it is |
/// | `random`, `random:N` | 1 or N independent uniform rotations, new at every step |
/// | `tetrahedral`, `octahedral`, `icosahedral` | the rotation group of the solid |
/// | `degree:N` | the cheapest grid that is exact through ℓ = N |
/// | `legendre:L`, `lebedev:L` | i-PI's grids |
/// | a grid and `+random` | the grid, turned by one uniform rotation, new at every step |
/// | any of these and `+inversion` | -R in addition to every R, at twice the cost |
///
/// [`FromStr`](std::str::FromStr) reads the text, [`Display`](fmt::Display) writes it.
///
/// ```
/// use tumble_core::Mitigation;
///
/// let mitigation: Mitigation = "octahedral+random+inversion".parse()?;
/// assert_eq!((mitigation.evaluations(), mitigation.name()), (48, "octahedral+random"));
/// assert_eq!(mitigation.to_string().parse::<Mitigation>()?, mitigation);
/// # Ok::<(), tumble_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mitigation {
    /// Text of the mitigation, without `+inversion`.
    name: Arc<str>,
    randomness: Randomness,
    /// The proper rotations, with an identity in place of each independent random one.
    proper: Arc<Quadrature>,
    /// The same with -R after every R, if the mitigation has an inversion.
    inverted: Option<Arc<Quadrature>>,
}

/// The random part of a mitigation, new at every step.
#[derive(Clone, Copy, Debug)]
enum Randomness {
    /// Nothing.
    Fixed,
    /// One random rotation of the whole grid.
    Turned,
    /// This many independent rotations.
    Drawn(usize),
}

impl Mitigation {
    /// Returns the same mitigation with or without -R for every R.
    #[must_use]
    pub fn with_inversion(self, inversion: bool) -> Self {
        let inverted = match self.inverted {
            _ if !inversion => None,
            Some(inverted) => Some(inverted),
            None => Some(Arc::new(self.proper.with_inversion())),
        };
        Self { inverted, ..self }
    }

    /// Returns the orientations of a structure at one step, a pure function of the structure and the draw.
    ///
    /// The present mitigations ignore the graph. Canonical frames, frame averaging or the space group of a crystal
    /// would need it.
    ///
    /// The k-th random rotation, from 0, is [`Draw::rotation`] k. `random` and `+random` draw one, `random:N` draws N;
    /// the first of these is the rotation of `random`.
    pub fn orientations(&self, _graph: &Graph, draw: Draw) -> Cow<'_, Quadrature> {
        match self.randomness {
            Randomness::Fixed => Cow::Borrowed(self.at_rest()),
            Randomness::Turned => Cow::Owned(self.at_rest().rotated(&draw.rotation(0))),
            Randomness::Drawn(count) => Cow::Owned(self.drawn(count, draw)),
        }
    }

    /// Draws the independent rotations of one step.
    fn drawn(&self, count: usize, draw: Draw) -> Quadrature {
        let rotations = (0..count).map(|k| draw.rotation(k as u64)).collect();
        let proper = Quadrature::equal_weights(self.name(), rotations, 0);
        if self.inversion() { proper.with_inversion() } else { proper }
    }

    /// Returns the orientations before the draw: the grid itself, or one identity for each independent rotation.
    pub fn at_rest(&self) -> &Quadrature {
        self.inverted.as_deref().unwrap_or(&self.proper)
    }

    /// Returns the number of evaluations of the model per step.
    pub fn evaluations(&self) -> usize {
        self.at_rest().len()
    }

    /// Returns the highest ℓ that each single step averages out; 0 without a grid.
    pub fn degree(&self) -> usize {
        self.proper.degree
    }

    /// Returns whether the rotations differ between steps, so that the average over steps is unbiased and forces are
    /// noisy.
    pub fn is_random(&self) -> bool {
        !matches!(self.randomness, Randomness::Fixed)
    }

    /// Returns whether -R is added for every R.
    pub fn inversion(&self) -> bool {
        self.inverted.is_some()
    }

    /// Returns the text of the mitigation, without `+inversion`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for Mitigation {
    /// Returns `none`: the structure as it is.
    fn default() -> Self {
        let proper = Quadrature::identity();
        Self { name: "none".into(), randomness: Randomness::Fixed, proper: Arc::new(proper), inverted: None }
    }
}

impl PartialEq for Mitigation {
    /// Compares the names, as each set of orientations has one spelling.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.inversion() == other.inversion()
    }
}

impl Eq for Mitigation {}

impl fmt::Display for Mitigation {
    /// Writes the text, for [`FromStr`](std::str::FromStr) to read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        f.write_str(if self.inversion() { INVERSION_SUFFIX } else { "" })
    }
}
