//! Disagreement between the members of a committee or ensemble.

use super::{Evaluation, sample_deviation};
use crate::rotation::{Vector3, dot, scale, sub};

impl Evaluation {
    /// Returns the energy of each member of a committee or ensemble `[M]`, eV; of a structure without ghosts.
    pub fn member_energies(&self) -> Vec<f64> {
        self.ensemble_energies.iter().map(|member| member.iter().sum()).collect()
    }

    /// Returns the standard deviation of the energy over the members, eV, with the divisor M - 1 of a sample; `None`
    /// without a committee or ensemble.
    pub fn energy_deviation(&self) -> Option<f64> {
        let energies = self.member_energies();
        (!energies.is_empty()).then(|| energy_deviation(&energies))
    }

    /// Returns the deviation of the force on each atom over the members of a committee `[N]`, eV/Å; empty without one.
    /// See [`force_deviations`].
    pub fn force_deviations(&self) -> Vec<f64> {
        force_deviations(&self.members.forces)
    }

    /// Returns the largest deviation of a force, eV/Å; `None` without a committee.
    pub fn max_force_deviation(&self) -> Option<f64> {
        self.force_deviations().into_iter().reduce(f64::max)
    }
}

/// Returns the standard deviation of the energies of the members, with the divisor M - 1 of a sample.
pub fn energy_deviation(members: &[f64]) -> f64 {
    sample_deviation(members)
}

/// Returns sqrt(mean over members of |F - mean F|²) of the force F on each atom, from the forces `[M][N]` of the
/// members: the deviation of DP-GEN and `max_devi_f` of DeePMD-kit, with the divisor M. Source: Y. Zhang et al., Comput.
/// Phys. Commun. 253, 107206 (2020), Eq. 2.
pub fn force_deviations(members: &[Vec<Vector3>]) -> Vec<f64> {
    let atoms = members.first().map_or(0, Vec::len);
    (0..atoms).map(|atom| deviation(members.iter().map(|forces| forces[atom]))).collect()
}

fn deviation(forces: impl Iterator<Item = Vector3> + Clone) -> f64 {
    let share = 1.0 / forces.clone().count() as f64;
    let sum = forces.clone().fold([0.0; 3], crate::rotation::add);
    let mean = scale(sum, share);
    let squares = forces.map(|force| sub(force, mean)).map(|difference| dot(difference, difference));
    (share * squares.sum::<f64>()).sqrt()
}
