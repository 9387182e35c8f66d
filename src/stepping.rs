//! Multiple time stepping: the bare model at every step, and what averaging changes at every M-th.
//!
//! With bare forces f and averaged forces F, the impulse form of r-RESPA under velocity Verlet applies f at every step and
//! M (F - f) besides at every M-th (M. Tuckerman, B. J. Berne, G. J. Martyna, J. Chem. Phys. 97, 1990 (1992)). The
//! inner forces may also be of another kind: direct ones, put right by conservative ones.

use crate::average::Evaluation;
use crate::rotation::{Matrix3, add, scale, sub};

/// What is asked for at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Energy, forces and everything else of the averaged model: no time stepping.
    Averaged,
    /// Averaged energy and virial; forces with the impulse of M steps.
    Outer,
    /// Averaged energy and virial; bare forces.
    InnerExact,
    /// Bare forces; energy and virial are the bare ones and the correction of the last step at which it was known.
    Inner,
}

impl Phase {
    /// The phase of a step of dynamics: outer steps are the multiples of `every`.
    pub fn of(step: u64, every: u64, exact: bool) -> Self {
        match (every, step % every) {
            (1, _) => Self::Averaged,
            (_, 0) => Self::Outer,
            _ if exact => Self::InnerExact,
            _ => Self::Inner,
        }
    }
}

/// What averaging has changed at the last outer step.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    energy: f64,
    virial: Option<Matrix3>,
}

impl Held {
    /// Of a step where both are known.
    pub fn new(averaged: &Evaluation, bare: &Evaluation) -> Self {
        let change = difference(averaged.clone(), bare);
        Self { energy: change.energy, virial: change.virial }
    }

    /// Adds it to the bare energy and virial. Without it they would jump between two levels, and so would a barostat.
    pub fn add_to(&self, bare: &mut Evaluation) {
        bare.energy += self.energy;
        bare.virial = bare.virial.zip(self.virial).map(|(w, change)| [0, 1, 2].map(|a| add(w[a], change[a])));
    }
}

/// The averaged evaluation with the forces of an outer step, f + M (F - f).
pub fn impulse(averaged: Evaluation, bare: &Evaluation, every: u64) -> Evaluation {
    let forces = averaged.forces.iter().zip(&bare.forces);
    let forces = forces.map(|(&whole, &inner)| add(inner, scale(sub(whole, inner), every as f64))).collect();
    Evaluation { forces, ..averaged }
}

/// The averaged evaluation with bare forces.
pub fn with_bare_forces(averaged: Evaluation, bare: Evaluation) -> Evaluation {
    let evaluations = averaged.evaluations + bare.evaluations;
    Evaluation { forces: bare.forces, evaluations, ..averaged }
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
