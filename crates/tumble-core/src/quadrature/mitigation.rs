//! What is done about a model's broken rotation symmetry at every step, as one type.

mod parse;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use parse::GRAMMAR;

use crate::graph::Graph;
use crate::quadrature::Quadrature;
use crate::rotation::Draw;

/// What follows a grid that is turned at random.
const TURNED: &str = "+random";

/// What follows any mitigation that adds -R for every R.
pub(crate) const INVERTED: &str = "+inversion";

/// What is done about a model's broken rotation symmetry at every step.
///
/// It is parsed once, where a user writes it, and carried from there; a clone shares the rotations.
///
/// | text | rotations |
/// |---|---|
/// | `none` | the structure as it is |
/// | `random`, `random:N` | 1 or N independent uniform rotations, new at every step |
/// | `tetrahedral`, `octahedral`, `icosahedral` | the rotation group of the solid |
/// | `degree:N` | the cheapest grid that is exact through ℓ = N |
/// | `legendre:L`, `lebedev:L` | i-PI's grids |
/// | a grid and `+random` | the grid, turned by one uniform rotation, new at every step |
/// | any of these and `+inversion` | -R besides every R, at twice the cost |
///
/// [`Display`](fmt::Display) writes the text that [`FromStr`](std::str::FromStr) reads back.
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
    /// As it is written, without `+inversion`.
    name: Arc<str>,
    randomness: Randomness,
    /// The proper rotations where none are drawn; for drawn ones as many identities.
    proper: Arc<Quadrature>,
    /// The same with -R after every R, where that was asked for.
    inverted: Option<Arc<Quadrature>>,
}

/// What is new at every step.
#[derive(Clone, Copy, Debug)]
enum Randomness {
    /// Nothing.
    Fixed,
    /// One rotation of the whole grid.
    Turned,
    /// This many independent rotations.
    Drawn(usize),
}

impl Mitigation {
    /// The same with or without -R for every R.
    #[must_use]
    pub fn with_inversion(self, inversion: bool) -> Self {
        let inverted = match self.inverted {
            _ if !inversion => None,
            Some(inverted) => Some(inverted),
            None => Some(Arc::new(self.proper.with_inversion())),
        };
        Self { inverted, ..self }
    }

    /// The orientations in which a model sees a structure at one step, a pure function of the structure and the draw.
    ///
    /// None of today's mitigations looks at the graph. It is there for those that will: canonical frames, frame
    /// averaging, the space group of a crystal.
    ///
    /// The k-th rotation drawn, from 0, is [`Draw::rotation`] k. `random` and `+random` draw one, `random:N` draws N:
    /// its first rotation is that of `random`.
    pub fn orientations(&self, _graph: &Graph, draw: Draw) -> Cow<'_, Quadrature> {
        match self.randomness {
            Randomness::Fixed => Cow::Borrowed(self.at_rest()),
            Randomness::Turned => Cow::Owned(self.at_rest().rotated(&draw.rotation(0))),
            Randomness::Drawn(count) => Cow::Owned(self.drawn(count, draw)),
        }
    }

    /// The independent rotations of one step.
    fn drawn(&self, count: usize, draw: Draw) -> Quadrature {
        let rotations = (0..count).map(|k| draw.rotation(k as u64)).collect();
        let proper = Quadrature::equal(self.name(), rotations, 0);
        if self.inversion() { proper.with_inversion() } else { proper }
    }

    /// The orientations before anything is drawn: the grid at rest, or for rotations that are drawn one by one as many
    /// times the structure as it is.
    pub fn at_rest(&self) -> &Quadrature {
        self.inverted.as_deref().unwrap_or(&self.proper)
    }

    /// How often the model is evaluated a step.
    pub fn evaluations(&self) -> usize {
        self.at_rest().len()
    }

    /// The highest ℓ that every single step averages away; 0 without a grid.
    pub fn degree(&self) -> usize {
        self.proper.degree
    }

    /// Whether steps differ in their rotations, so that the average over steps has no bias and forces have noise.
    pub fn is_random(&self) -> bool {
        !matches!(self.randomness, Randomness::Fixed)
    }

    /// Whether -R is added for every R.
    pub fn inversion(&self) -> bool {
        self.inverted.is_some()
    }

    /// As it is written, without the inversion.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for Mitigation {
    /// `none`: the structure as it is.
    fn default() -> Self {
        let proper = Quadrature::identity();
        Self { name: "none".into(), randomness: Randomness::Fixed, proper: Arc::new(proper), inverted: None }
    }
}

impl PartialEq for Mitigation {
    /// Whether they give the same orientations: names have one spelling each.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.inversion() == other.inversion()
    }
}

impl Eq for Mitigation {}

impl fmt::Display for Mitigation {
    /// The text that [`FromStr`](std::str::FromStr) reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        f.write_str(if self.inversion() { INVERTED } else { "" })
    }
}
