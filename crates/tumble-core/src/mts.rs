//! r-RESPA multiple time stepping: the bare model at every step, the correction by the average at every M-th.
//!
//! With bare forces f and averaged forces F, the impulse form of r-RESPA under velocity Verlet applies f at every step
//! and adds the impulse M (F - f) at every M-th: [`respa_impulse`]. Source: M. Tuckerman, B. J. Berne, G. J. Martyna,
//! J. Chem. Phys. 97, 1990 (1992). The inner forces may also be of another kind: direct forces, corrected by
//! conservative ones.
//!
//! Only the integrator may use these forces. Every other caller (Monte Carlo, finite differences, output) gets
//! [`Phase::Averaged`], or an energy computed beside the integrator's own: the trajectory must not depend on output.

use crate::average::Evaluation;
use crate::rotation::{Matrix3, add, scale, sub};

/// The phase of a step in the r-RESPA cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No multiple time stepping: all results are averaged.
    Averaged,
    /// An outer step: averaged energy and virial; forces with the impulse of M steps.
    Outer,
    /// An inner step: bare forces and energy; the bare virial plus the correction of the last outer step.
    Inner,
    /// An inner step with output of energies: as [`Phase::Inner`], but with averaged energies and edge gradients.
    InnerExact,
}

impl Phase {
    /// Returns the phase of an integrator's step: outer steps are the multiples of `every`. `exact` asks for averaged
    /// energies at inner steps too.
    pub fn of(step: u64, every: u64, exact: bool) -> Self {
        match (every, step % every) {
            (1, _) => Self::Averaged,
            (_, 0) => Self::Outer,
            _ if exact => Self::InnerExact,
            _ => Self::Inner,
        }
    }

    /// Returns whether energies and edge gradients are averaged.
    pub fn is_exact(self) -> bool {
        self != Self::Inner
    }
}

/// The correction of the virial at the last outer step: averaged minus bare, eV; `None` inside if direct forces have no
/// virial. It is added at inner steps; otherwise the virial, and with it a barostat, would jump between two levels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldCorrection(pub Option<Matrix3>);

impl HeldCorrection {
    /// Makes the correction of an outer step from its two evaluations.
    pub fn new(averaged: &Evaluation, bare: &Evaluation) -> Self {
        Self(averaged.virial.zip(bare.virial).map(|(a, b)| [0, 1, 2].map(|i| sub(a[i], b[i]))))
    }

    /// Adds the correction to the bare virial of an inner step, eV.
    pub fn corrected(&self, bare: Option<Matrix3>) -> Option<Matrix3> {
        bare.zip(self.0).map(|(w, change)| [0, 1, 2].map(|a| add(w[a], change[a])))
    }
}

/// Applies the r-RESPA impulse of an outer step: returns the averaged evaluation with the forces f + M (F - f), where f
/// are the bare forces, F the averaged ones and M is `every`.
pub fn respa_impulse(averaged: Evaluation, bare: &Evaluation, every: u64) -> Evaluation {
    let forces = averaged.forces.iter().zip(&bare.forces);
    let forces = forces.map(|(&whole, &inner)| add(inner, scale(sub(whole, inner), every as f64))).collect();
    Evaluation { forces, ..averaged }
}

/// Returns the averaged evaluation with the forces and the virial of an inner step.
pub fn with_inner(averaged: Evaluation, inner: Evaluation) -> Evaluation {
    let evaluations = averaged.evaluations + inner.evaluations;
    Evaluation { forces: inner.forces, virial: inner.virial, evaluations, ..averaged }
}

/// Returns averaged minus bare results; spreads, replicas, members and other outputs are those of the averaged
/// evaluation.
pub fn difference(averaged: Evaluation, bare: &Evaluation) -> Evaluation {
    let vectors = |a: &[[f64; 3]], b: &[[f64; 3]]| a.iter().zip(b).map(|(&a, &b)| sub(a, b)).collect();
    let virial = averaged.virial.zip(bare.virial);
    Evaluation {
        energy: averaged.energy - bare.energy,
        atomic_energies: averaged.atomic_energies.iter().zip(&bare.atomic_energies).map(|(a, b)| a - b).collect(),
        forces: vectors(&averaged.forces, &bare.forces),
        virial: virial.map(|(a, b)| [0, 1, 2].map(|i| sub(a[i], b[i]))),
        torque: sub(averaged.torque, bare.torque),
        edge_gradients: vectors(&averaged.edge_gradients, &bare.edge_gradients),
        ..averaged
    }
}
