//! An invariant pair potential.

use super::{costs, evaluate_each, info, smooth, sum_over_edges};
use crate::error::Result;
use crate::graph::Graph;
use crate::planner::{ModelCosts, RecomputeLevel};
use crate::potential::{Forces, ModelInfo, Potential, Response};
use crate::rotation::{Matrix3, scale};

/// A soft repulsion. The energy of a center is ½ Σ_edges φ(r) with φ(r) = strength · (1 - (r / cutoff)²)³.
///
/// It depends on lengths only, so every rotation gives the same energy.
#[derive(Clone, Debug)]
pub struct PairToy {
    info: ModelInfo,
    strength: f64,
}

impl PairToy {
    /// A potential for all species; `cutoff` in Å, `strength` in eV.
    pub fn new(cutoff: f64, strength: f64) -> Self {
        Self { info: info("pair toy", cutoff, 1, vec![], vec![Forces::Conservative]), strength }
    }
}

impl Potential for PairToy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        evaluate_each(&self.info, graph, rotations, forces, |edges| {
            sum_over_edges(graph, |_, edge| {
                let (f, slope) = smooth(edges[edge].r, self.info.cutoff);
                (0.5 * self.strength * f, scale(edges[edge].unit, 0.5 * self.strength * slope))
            })
        })
    }

    fn costs(&self, _: Option<RecomputeLevel>) -> ModelCosts {
        costs()
    }
}
