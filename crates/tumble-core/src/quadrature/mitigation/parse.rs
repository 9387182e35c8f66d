//! The parser of mitigations: one grammar for all front ends.

use std::str::FromStr;
use std::sync::Arc;

use super::{INVERSION_SUFFIX, Mitigation, RANDOM_SUFFIX, Randomness};
use crate::echo::{LONGEST, echo};
use crate::error::{Error, Result};
pub use crate::mitigation_grammar::GRAMMAR;
use crate::quadrature::Quadrature;
use crate::rotation::IDENTITY;

/// Largest number of independent rotations per step: more would only fill the memory.
const MAX_RANDOM: usize = 100_000;

impl FromStr for Mitigation {
    type Err = Error;

    /// Parses the text of a user, by the table at [`Mitigation`].
    ///
    /// # Errors
    /// [`Error::Mitigation`] if the text is not in the grammar, [`Error::MitigationEndings`] if its endings are in
    /// another order or repeated, [`Error::GridOrder`] if the grid does not exist.
    fn from_str(text: &str) -> Result<Self> {
        read(text.trim()).map_err(|refusal| match refusal {
            Refusal::Text(problem) => Error::Mitigation { spec: echo(text), problem },
            Refusal::Endings(problem, ordered) => Error::MitigationEndings { spec: echo(text), problem, ordered },
            Refusal::Grid(error) => error,
        })
    }
}

/// The reason why a text is refused.
enum Refusal {
    /// The text is not in the grammar: the rest of a sentence that begins with the text.
    Text(String),
    /// The endings are out of order or repeated: the problem, and the text in order.
    Endings(&'static str, String),
    /// The text is in the grammar, but there is no such grid.
    Grid(Error),
}

fn read(text: &str) -> Result<Mitigation, Refusal> {
    if text.len() > LONGEST {
        return Err(refusal(format!("has {} bytes, more than any name", text.len())));
    }
    if let Some(ordered) = ordered(text).filter(|ordered| ordered != text) {
        read(&ordered)?;
        let problem = if ordered.len() < text.len() { "an ending twice" } else { "its endings out of order" };
        return Err(Refusal::Endings(problem, ordered));
    }
    let (text, inversion) = without(text, INVERSION_SUFFIX);
    let (base, turned) = without(text, RANDOM_SUFFIX);
    let (randomness, proper) = rotations(base, turned)?;
    let name = format!("{}{}", proper.name, if turned { RANDOM_SUFFIX } else { "" });
    Ok(Mitigation { name: name.into(), randomness, proper: Arc::new(proper), inverted: None }.with_inversion(inversion))
}

/// Returns the text with each of its endings once and in order; `None` if it has other endings.
fn ordered(text: &str) -> Option<String> {
    let place = text.find('+')?;
    let (base, endings) = text.split_at(place);
    let known = [RANDOM_SUFFIX, INVERSION_SUFFIX];
    let given: Vec<String> = endings.split('+').skip(1).map(|ending| format!("+{ending}")).collect();
    let all_known = given.iter().all(|ending| known.contains(&ending.as_str()));
    let kept = known.into_iter().filter(|ending| given.iter().any(|given| given == ending));
    all_known.then(|| kept.fold(base.to_owned(), |text, ending| text + ending))
}

/// Splits off a suffix; returns the rest, and whether the suffix was there.
fn without<'a>(text: &'a str, suffix: &str) -> (&'a str, bool) {
    text.strip_suffix(suffix).map_or((text, false), |base| (base, true))
}

/// Parses a grid or a random mitigation, without its suffixes.
fn rotations(base: &str, turned: bool) -> Result<(Randomness, Quadrature), Refusal> {
    let (family, number) = base.split_once(':').map_or((base, None), |(family, number)| (family, Some(number)));
    match family {
        "none" | "random" if turned => {
            Err(refusal(format!("turns \"{}\", which is no grid (\"random\" is enough)", echo(base))))
        }
        "random" => random(number),
        _ => Ok((if turned { Randomness::Turned } else { Randomness::Fixed }, grid(family, number)?)),
    }
}

/// Parses `random` or `random:N`, with an identity in place of each rotation.
fn random(number: Option<&str>) -> Result<(Randomness, Quadrature), Refusal> {
    let count = number.map_or(Ok(1), whole)?;
    if !(1..=MAX_RANDOM).contains(&count) {
        return Err(refusal(format!("asks for {count} rotations, but N goes from 1 to {MAX_RANDOM}")));
    }
    let name = if count == 1 { "random".into() } else { format!("random:{count}") };
    Ok((Randomness::Drawn(count), Quadrature::equal_weights(name, vec![IDENTITY; count], 0)))
}

/// Parses the name of a grid, with its number if the family takes one.
fn grid(family: &str, number: Option<&str>) -> Result<Quadrature, Refusal> {
    match (family, number) {
        ("none", None) => Ok(Quadrature::identity()),
        ("tetrahedral", None) => Ok(Quadrature::tetrahedral()),
        ("octahedral", None) => Ok(Quadrature::octahedral()),
        ("icosahedral", None) => Ok(Quadrature::icosahedral()),
        ("degree", Some(n)) => Quadrature::degree(whole(n)?).map_err(Refusal::Grid),
        ("legendre", Some(n)) => Quadrature::legendre(whole(n)?).map_err(Refusal::Grid),
        ("lebedev", Some(n)) => Quadrature::lebedev(whole(n)?).map_err(Refusal::Grid),
        ("degree" | "legendre" | "lebedev", None) => Err(refusal(format!("lacks the number of \"{family}\""))),
        ("none" | "tetrahedral" | "octahedral" | "icosahedral", Some(_)) => {
            Err(refusal(format!("gives a number to \"{family}\", which takes none")))
        }
        _ => Err(refusal("is unknown".into())),
    }
}

fn whole(number: &str) -> Result<usize, Refusal> {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let problem = || refusal(format!("has \"{}\" where a whole number is expected", echo(number)));
    number.parse().ok().filter(|_| digits).ok_or_else(problem)
}

fn refusal(problem: String) -> Refusal {
    Refusal::Text(problem)
}
