//! The grammar: how a user names what is done about a model's broken symmetry, in one string everywhere.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Quadrature;
use crate::error::{Error, Result};
pub use crate::grammar::GRAMMAR;
use crate::rotation::{IDENTITY, Matrix3, draw};

/// More independent rotations a step than this would only fill the memory.
const MAX_RANDOM: usize = 100_000;

const TURNED: &str = "+random";

/// Bytes of a name at most, and of one that is too long those that are shown.
const LONGEST: usize = 100;
const SHOWN: usize = 40;

/// What is done about a model's broken rotation symmetry at every step.
///
/// | name | rotations |
/// |---|---|
/// | `none` | the structure as it is |
/// | `random`, `random:N` | 1 or N independent uniform rotations, new at every step |
/// | `tetrahedral`, `octahedral`, `icosahedral` | the rotation group of the solid |
/// | `degree:N` | the cheapest grid that is exact through ℓ = N |
/// | `legendre:L`, `lebedev:L` | i-PI's grids |
/// | a grid and `+random` | the grid, turned by one uniform rotation, new at every step |
///
/// With inversion, -R is evaluated after every R, at twice the cost. It is not part of the name.
#[derive(Clone, Debug)]
pub struct Mitigation(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    spec: String,
    inversion: bool,
    chance: Chance,
    /// The rotations where none are drawn; for drawn ones as many identities.
    grid: Quadrature,
}

/// A name as it was written, whether inversion was asked for, and the mitigation.
type Known = (String, bool, Weak<Parts>);

/// The mitigations in use: a large grid takes time and memory, and its name is read in several places.
static IN_USE: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// What is new at every step.
#[derive(Clone, Copy, Debug)]
enum Chance {
    /// Nothing.
    Fixed,
    /// One rotation of the whole grid.
    Turned,
    /// This many independent rotations.
    Drawn(usize),
}

impl Mitigation {
    /// Reads a name; `inversion` adds -R for every R.
    ///
    /// # Errors
    /// [`Error::Mitigation`] if the text is no name, [`Error::GridOrder`] if a grid does not exist.
    pub fn parse(spec: &str, inversion: bool) -> Result<Self> {
        if let Some(known) = in_use(spec, inversion) {
            return Ok(Self(known));
        }
        let parts = Arc::new(Parts::read(spec, inversion)?);
        let known = (spec.to_owned(), inversion, Arc::downgrade(&parts));
        IN_USE.lock().unwrap_or_else(PoisonError::into_inner).push(known);
        Ok(Self(parts))
    }

    /// The rotations of one step, a pure function of (seed, step, stream): simulations with the same seed, such as
    /// those that one server serves, draw independently if their streams differ.
    ///
    /// The k-th rotation drawn, from 0, is that of [`draw`]'s stream 2^32 `stream` + k. `random` and `+random` draw
    /// one, `random:N` draws N: its first rotation is that of `random`.
    pub fn quadrature(&self, seed: u64, step: u64, stream: u32) -> Cow<'_, Quadrature> {
        let first = u64::from(stream) << 32;
        match self.0.chance {
            Chance::Fixed => Cow::Borrowed(&self.0.grid),
            Chance::Turned => Cow::Owned(self.0.grid.rotated(&draw(seed, step, first))),
            Chance::Drawn(count) => Cow::Owned(self.drawn((0..count as u64).map(|k| draw(seed, step, first + k)))),
        }
    }

    /// The independent rotations of one step.
    fn drawn(&self, rotations: impl Iterator<Item = Matrix3>) -> Quadrature {
        let proper = Quadrature::equal(&self.0.spec, rotations.collect(), 0);
        if self.0.inversion { proper.with_inversion() } else { proper }
    }

    /// How often the model is evaluated a step.
    pub fn evaluations(&self) -> usize {
        self.0.grid.len()
    }

    /// The highest ℓ that every single step averages away; 0 without a grid.
    pub fn degree(&self) -> usize {
        self.0.grid.degree
    }

    /// Whether steps differ in their rotations, so that the average over steps has no bias and forces have noise.
    pub fn is_random(&self) -> bool {
        !matches!(self.0.chance, Chance::Fixed)
    }

    /// Whether -R is added for every R.
    pub fn inversion(&self) -> bool {
        self.0.inversion
    }
}

impl FromStr for Mitigation {
    type Err = Error;

    /// [`Mitigation::parse`] without inversion.
    fn from_str(spec: &str) -> Result<Self> {
        Self::parse(spec, false)
    }
}

impl fmt::Display for Mitigation {
    /// The name, which [`Mitigation::parse`] reads back; it does not tell of the inversion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.spec)
    }
}

fn in_use(spec: &str, inversion: bool) -> Option<Arc<Parts>> {
    let mut known = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(.., parts)| parts.strong_count() > 0);
    let same = known.iter().find(|(name, inverted, _)| name == spec && *inverted == inversion);
    same.and_then(|(.., parts)| parts.upgrade())
}

impl Parts {
    fn read(spec: &str, inversion: bool) -> Result<Self> {
        let (chance, grid) = read(spec.trim()).map_err(|refusal| match refusal {
            Refusal::Text(problem) => Error::Mitigation { spec: shown(spec), problem },
            Refusal::Grid(error) => error,
        })?;
        let turned = if matches!(chance, Chance::Turned) { TURNED } else { "" };
        let spec = format!("{}{turned}", grid.name);
        let grid = if inversion { grid.with_inversion() } else { grid };
        Ok(Self { spec, inversion, chance, grid })
    }
}

/// Why a name is refused.
enum Refusal {
    /// It is not in the grammar: the rest of a sentence that begins with the name.
    Text(String),
    /// It is, but there is no such grid.
    Grid(Error),
}

/// A name as messages show it.
fn shown(spec: &str) -> String {
    let cut = spec.char_indices().map(|(start, _)| start).find(|&start| start >= SHOWN);
    match cut.filter(|_| spec.len() > LONGEST) {
        Some(end) => format!("{}...", spec[..end].escape_debug()),
        None => spec.escape_debug().to_string(),
    }
}

/// The parts of a name.
fn read(spec: &str) -> Result<(Chance, Quadrature), Refusal> {
    if spec.len() > LONGEST {
        return Err(text(format!("has {} bytes, more than any name", spec.len())));
    }
    let (base, turned) = spec.strip_suffix(TURNED).map_or((spec, false), |base| (base, true));
    let (family, number) = base.split_once(':').map_or((base, None), |(family, number)| (family, Some(number)));
    match family {
        "none" | "random" if turned => {
            Err(text(format!("turns \"{}\", which is no grid (\"random\" is enough)", shown(base))))
        }
        "random" => random(number),
        _ => {
            let chance = if turned { Chance::Turned } else { Chance::Fixed };
            Ok((chance, grid(family, number)?))
        }
    }
}

/// A random mitigation, with as many identities as it will draw.
fn random(number: Option<&str>) -> Result<(Chance, Quadrature), Refusal> {
    let count = number.map_or(Ok(1), whole)?;
    if !(1..=MAX_RANDOM).contains(&count) {
        return Err(text(format!("asks for {count} rotations, but N goes from 1 to {MAX_RANDOM}")));
    }
    let name = if count == 1 { "random".into() } else { format!("random:{count}") };
    Ok((Chance::Drawn(count), Quadrature::equal(name, vec![IDENTITY; count], 0)))
}

/// The grid of a name.
fn grid(family: &str, number: Option<&str>) -> Result<Quadrature, Refusal> {
    match (family, number) {
        ("none", None) => Ok(Quadrature::identity()),
        ("tetrahedral", None) => Ok(Quadrature::tetrahedral()),
        ("octahedral", None) => Ok(Quadrature::octahedral()),
        ("icosahedral", None) => Ok(Quadrature::icosahedral()),
        ("degree", Some(n)) => Quadrature::exact_through(whole(n)?).map_err(Refusal::Grid),
        ("legendre", Some(n)) => Quadrature::legendre(whole(n)?).map_err(Refusal::Grid),
        ("lebedev", Some(n)) => Quadrature::lebedev(whole(n)?).map_err(Refusal::Grid),
        ("degree" | "legendre" | "lebedev", None) => Err(text(format!("lacks the number of \"{family}\""))),
        ("none" | "tetrahedral" | "octahedral" | "icosahedral", Some(_)) => {
            Err(text(format!("gives a number to \"{family}\", which takes none")))
        }
        _ => Err(text("is unknown".into())),
    }
}

fn whole(number: &str) -> Result<usize, Refusal> {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let refusal = || text(format!("has \"{}\" where a whole number is expected", shown(number)));
    number.parse().ok().filter(|_| digits).ok_or_else(refusal)
}

fn text(problem: String) -> Refusal {
    Refusal::Text(problem)
}
