//! Properties of a committee, from those of its members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::conditions::Condition;
use crate::elements::symbols;
use crate::error::{Error, Result};
use crate::numbers::plain;
use crate::outputs::OutputInfo;
use crate::potential::{Forces, ModelInfo};

/// Largest relative difference of equal cutoffs that were given in different units of length.
const SAME_CUTOFF: f64 = 1e-12;

/// Returns the properties of the committee; refuses members that do not fit together.
pub(super) fn common(members: &[&ModelInfo]) -> Result<ModelInfo> {
    let [first, others @ ..] = members else { return Err(Error::CommitteeSize { found: 0 }) };
    if others.is_empty() {
        return Err(Error::CommitteeSize { found: 1 });
    }
    members.iter().try_for_each(|member| check_single(member))?;
    others.iter().try_for_each(|other| check_pair(first, other))?;
    Ok(ModelInfo {
        name: name(members),
        hops: members.iter().map(|member| member.hops).max().unwrap_or(first.hops),
        whole: members.iter().any(|member| member.whole),
        species: known_by_all(members)?,
        forces: offered_by_all(members)?,
        ensemble: true,
        whole_numbers: whole_numbers(members)?,
        outputs: outputs(members)?,
        ..(*first).clone()
    })
}

/// Returns for each member its reference energies minus those of the first member.
pub(super) fn shifts(members: &[&ModelInfo]) -> Vec<BTreeMap<u8, f64>> {
    let reference = |member: &ModelInfo, z: u8| member.reference_energies.get(&z).copied().unwrap_or(0.0);
    let shift = |member: &&ModelInfo| {
        let of = |&z: &u8| (z, reference(member, z) - reference(members[0], z));
        member.species.iter().map(of).filter(|(_, shift)| *shift != 0.0).collect()
    };
    members.iter().map(shift).collect()
}

/// Writes the names of the members, each name once: models of one training with other seeds share theirs.
fn name(members: &[&ModelInfo]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for member in members {
        if !names.contains(&member.name.as_str()) {
            names.push(&member.name);
        }
    }
    format!("committee of {}: {}", members.len(), names.join(", "))
}

fn check_single(member: &ModelInfo) -> Result<()> {
    if !member.ensemble {
        return Ok(());
    }
    let problem = "is an ensemble itself: give models with one energy each, or the ensemble alone";
    Err(refused(member, problem.into()))
}

fn check_pair(first: &ModelInfo, other: &ModelInfo) -> Result<()> {
    if (other.cutoff - first.cutoff).abs() > SAME_CUTOFF * first.cutoff {
        let (cutoff, expected) = (plain(other.cutoff), plain(first.cutoff));
        let problem = format!("has a cutoff of {cutoff} Å, but \"{}\" has {expected} Å", first.name);
        return Err(refused(other, problem + ": give models with the same cutoff"));
    }
    let conditions = |member: &ModelInfo| member.conditions.iter().map(|one| one.name()).collect::<BTreeSet<_>>();
    if conditions(other) != conditions(first) {
        let (needs, expected) = (other.known_conditions(), first.known_conditions());
        let problem = format!("knows {needs}, but \"{}\" knows {expected}", first.name);
        return Err(refused(other, problem + ": give models that need the same conditions"));
    }
    Ok(())
}

fn known_by_all(members: &[&ModelInfo]) -> Result<Vec<u8>> {
    let mut species = members[0].species.clone();
    for member in members {
        let (before, known) = (symbols(&species), &member.species);
        species.retain(|z| known.contains(z));
        if species.is_empty() {
            let problem = format!("knows {}, but the members before it know {before}", symbols(known));
            return Err(refused(member, problem + ": give models that share elements"));
        }
    }
    Ok(species)
}

/// Returns the kinds of forces that all members offer, in the order of the first member.
fn offered_by_all(members: &[&ModelInfo]) -> Result<Vec<Forces>> {
    let names = |kinds: &[Forces]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" and ");
    let mut kinds = members[0].forces.clone();
    for member in members {
        let before = names(&kinds);
        kinds.retain(|kind| member.forces.contains(kind));
        if kinds.is_empty() {
            let found = names(&member.forces);
            let problem = format!("offers {found} forces, but the members before it {before} forces");
            return Err(refused(member, problem + ": give models with a kind of forces in common"));
        }
    }
    Ok(kinds)
}

/// Returns the whole numbers that all members know.
fn whole_numbers(members: &[&ModelInfo]) -> Result<Vec<(Condition, [i64; 2])>> {
    let mut common: Vec<(Condition, [i64; 2])> = Vec::new();
    for member in members {
        for &(condition, range) in &member.whole_numbers {
            match common.iter_mut().find(|(known, _)| *known == condition) {
                Some((_, known)) => *known = shared(member, condition, *known, range)?,
                None => common.push((condition, range)),
            }
        }
    }
    Ok(common)
}

/// Returns the least and the largest whole number that both ranges have.
fn shared(member: &ModelInfo, condition: Condition, known: [i64; 2], range: [i64; 2]) -> Result<[i64; 2]> {
    let both = [known[0].max(range[0]), known[1].min(range[1])];
    if both[0] <= both[1] {
        return Ok(both);
    }
    let words = |[least, most]: [i64; 2]| format!("from {least} to {most}");
    let (name, found, before) = (condition.name(), words(range), words(known));
    let problem = format!("knows a {name} {found}, but the members before it {before}");
    Err(refused(member, problem + ": give models that share whole numbers"))
}

/// Returns the outputs that all members have.
fn outputs(members: &[&ModelInfo]) -> Result<Vec<Arc<OutputInfo>>> {
    let mut common = members[0].outputs.clone();
    for member in members {
        for output in &member.outputs {
            common
                .iter()
                .filter(|known| known.name == output.name)
                .try_for_each(|known| alike(member, known, output))?;
        }
        common.retain(|known| member.outputs.iter().any(|output| output.name == known.name));
    }
    Ok(common)
}

/// Refuses outputs of one name of which no mean can be taken.
fn alike(member: &ModelInfo, known: &OutputInfo, found: &OutputInfo) -> Result<()> {
    let words = |info: &OutputInfo| {
        let unit = if info.reported_unit().is_empty() { "no unit" } else { info.reported_unit() };
        format!("{} per {} in {unit}", info.law.name(), info.per.name())
    };
    let (found_words, known_words) = (words(found), words(known));
    if found_words == known_words {
        return Ok(());
    }
    let problem = format!("has {} as a {found_words}, but the first model as a {known_words}", found.name);
    Err(refused(member, problem + ": give models with the same outputs"))
}

fn refused(member: &ModelInfo, problem: String) -> Error {
    Error::CommitteeMember { model: member.name.clone(), problem }
}
