//! Multiple time stepping: the bare model at every step, and what averaging changes at every M-th.
//!
//! With bare forces f and averaged forces F, the impulse form of r-RESPA under velocity Verlet applies f at every step and
//! adds the impulse M (F - f) at every M-th (M. Tuckerman, B. J. Berne, G. J. Martyna, J. Chem. Phys. 97, 1990 (1992)).
//! The inner forces may also be of another kind: direct ones, put right by conservative ones.
//!
//! Only the integrator may see these forces. Whoever else asks for energies or forces (Monte Carlo, finite differences,
//! output) gets [`Phase::Averaged`], or an energy that is computed beside the integrator's own: the trajectory must not
//! depend on output.

use crate::average::Evaluation;
use crate::rotation::{Matrix3, add, scale, sub};

/// What is asked for at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Energy, forces and everything else of the averaged model: no time stepping.
    Averaged,
    /// An outer step: averaged energy and virial; forces with the impulse of M steps.
    Outer,
    /// An inner step: bare forces and energy; the virial is the bare one plus the correction of the last outer step.
    Inner,
    /// An inner step whose energies are asked for: as [`Phase::Inner`], with averaged energies and edge gradients.
    InnerExact,
}

impl Phase {
    /// The phase of a step of the integrator: outer steps are the multiples of `every`. `exact` asks for averaged
    /// energies even where only bare forces are due.
    pub fn of(step: u64, every: u64, exact: bool) -> Self {
        match (every, step % every) {
            (1, _) => Self::Averaged,
            (_, 0) => Self::Outer,
            _ if exact => Self::InnerExact,
            _ => Self::Inner,
        }
    }

    /// Whether energies and edge gradients are averaged ones.
    pub fn is_exact(self) -> bool {
        self != Self::Inner
    }
}

/// The correction of the virial at the last outer step: averaged minus bare, eV; `None` inside where direct forces come
/// without a virial. Without it the virial would jump between two levels, and so would a barostat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldCorrection(pub Option<Matrix3>);

impl HeldCorrection {
    /// Of a step where both are known.
    pub fn new(averaged: &Evaluation, bare: &Evaluation) -> Self {
        Self(averaged.virial.zip(bare.virial).map(|(a, b)| [0, 1, 2].map(|i| sub(a[i], b[i]))))
    }

    /// The bare virial with the correction.
    pub fn corrected(&self, bare: Option<Matrix3>) -> Option<Matrix3> {
        bare.zip(self.0).map(|(w, change)| [0, 1, 2].map(|a| add(w[a], change[a])))
    }
}

/// The averaged evaluation with the forces of an outer step, f + M (F - f).
pub fn respa_impulse(averaged: Evaluation, bare: &Evaluation, every: u64) -> Evaluation {
    let forces = averaged.forces.iter().zip(&bare.forces);
    let forces = forces.map(|(&whole, &inner)| add(inner, scale(sub(whole, inner), every as f64))).collect();
    Evaluation { forces, ..averaged }
}

/// The averaged evaluation with the forces and the virial of an inner step.
pub fn with_inner(averaged: Evaluation, inner: Evaluation) -> Evaluation {
    let evaluations = averaged.evaluations + inner.evaluations;
    Evaluation { forces: inner.forces, virial: inner.virial, evaluations, ..averaged }
}

/// Averaged minus bare; spreads, replicas and ensemble are those of the averaged one.
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
