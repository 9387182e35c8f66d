//! Committees: several potentials evaluated on the same replicas.
//!
//! A [`Committee`] is a potential itself. Its energies and forces are the means of those of its members, and its
//! responses keep the members' own: where models that were trained alike disagree, the structure is unlike their
//! training data. Every member is evaluated in the same orientations, and rotated back and averaged like the mean. An
//! error that depends on the orientation therefore averages out of a member before the members are compared.
//!
//! The members are evaluated one after the other, so a committee of M takes M times as long as one model. They share the
//! neighbor list. On several ranks all ranks evaluate them in the same order, so the messages of each member meet.

mod agreement;
mod combine;
mod costs;

use std::collections::BTreeMap;

use crate::cancel::Cancel;
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{Limits, ModelCosts, RecomputeLevel};
use crate::potential::{Forces, KeptEdges, ModelInfo, Potential, Replicas, Response};
use crate::rotation::Matrix3;

/// Several potentials whose energies and forces are averaged.
pub struct Committee {
    members: Vec<Box<dyn Potential>>,
    info: ModelInfo,
    /// For each member and species, its reference energy minus that of the committee, eV.
    shifts: Vec<BTreeMap<u8, f64>>,
}

impl Committee {
    /// Makes a committee of two or more potentials.
    ///
    /// # Errors
    /// [`Error::CommitteeSize`](crate::Error::CommitteeSize), and
    /// [`Error::CommitteeMember`](crate::Error::CommitteeMember) for members that do not fit together.
    pub fn new(members: Vec<Box<dyn Potential>>) -> Result<Self> {
        let infos: Vec<_> = members.iter().map(|member| member.info()).collect();
        let (info, shifts) = (agreement::common(&infos)?, agreement::shifts(&infos));
        Ok(Self { info, shifts, members })
    }
}

impl Potential for Committee {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.evaluate_many(&[Replicas { graph, rotations }], forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let mut responses = Vec::new();
        for (member, shifts) in self.members.iter_mut().zip(&self.shifts) {
            let mut found = member.evaluate_many(work, forces)?;
            combine::shift(&mut found, work, shifts);
            responses.push(found.into_iter());
        }
        let replicas = work.iter().map(|part| part.rotations.len()).sum();
        let next =
            |_| responses.iter_mut().map(|of| of.next().expect("there is a response for each replica")).collect();
        Ok((0..replicas).map(next).map(|members| combine::mean(members, &self.info.outputs)).collect())
    }

    fn watch(&mut self, cancel: &Cancel) {
        self.members.iter_mut().for_each(|member| member.watch(cancel));
    }

    fn seconds(&self) -> f64 {
        self.members.iter().map(|member| member.seconds()).sum()
    }

    fn kept_edges(&mut self, graph: &Graph) -> Result<Option<KeptEdges>> {
        let kept: Vec<_> = self.members.iter_mut().map(|member| member.kept_edges(graph)).collect::<Result<_>>()?;
        let all: Option<Vec<_>> = kept.into_iter().collect();
        Ok(all.and_then(|all| all.into_iter().max_by_key(|kept| kept.edges)))
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        costs::largest(self.members.iter().map(|member| member.costs(level)))
    }

    fn stages(&self) -> std::result::Result<usize, String> {
        let stages = self.members.iter().map(|member| member.stages()).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(stages.into_iter().max().unwrap_or(1))
    }

    fn limits(&self, memory: usize) -> Limits {
        self.members[0].limits(memory)
    }

    fn members(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests;
