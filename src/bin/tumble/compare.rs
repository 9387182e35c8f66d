//! Sums over all frames: cost, spread, and errors relative to the energies and forces of the input.

use std::time::Duration;

use tumble_core::calculator::Evaluation;
use tumble_core::rotation::{Vector3, dot, sub};
use tumble_xyz::Frame;

use crate::table::spreads;

/// Sums over the frames so far.
#[derive(Default)]
pub struct Comparison {
    frames: usize,
    atoms: usize,
    evaluations: usize,
    seconds: f64,
    /// Squares of the spread of the energy (meV) and of the forces (meV/Å).
    energy_spread: Mean,
    force_spread: Mean,
    /// Differences from the reference: meV/atom, and each component in meV/Å.
    energy_errors: Vec<f64>,
    force_errors: Mean,
}

/// A mean of squares.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, square: f64, weight: usize) {
        self.sum += square * weight as f64;
        self.weight += weight as f64;
    }

    fn root(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| (self.sum / self.weight).sqrt())
    }
}

impl Comparison {
    /// Adds a frame.
    pub fn add(&mut self, frame: &Frame, evaluation: &Evaluation, time: Duration) {
        let atoms = frame.system.len();
        self.frames += 1;
        self.atoms += atoms;
        self.evaluations += evaluation.evaluations;
        self.seconds += time.as_secs_f64();
        if let [Some(energy), Some(forces)] = spreads(evaluation) {
            self.energy_spread.add(energy * energy, 1);
            self.force_spread.add(forces * forces, 3 * atoms);
        }
        if let Some(energy) = frame.reference_energy() {
            self.energy_errors.push(1e3 * (evaluation.energy - energy) / atoms as f64);
        }
        if let Some(forces) = frame.reference_forces() {
            self.add_force_errors(&evaluation.forces, &forces);
        }
    }

    fn add_force_errors(&mut self, forces: &[Vector3], reference: &[Vector3]) {
        for (&force, &expected) in forces.iter().zip(reference) {
            let error = sub(force, expected);
            self.force_errors.add(1e6 * dot(error, error) / 3.0, 3);
        }
    }

    /// Number of frames so far.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The lines under the table.
    pub fn lines(&self) -> Vec<String> {
        let Self { frames, atoms, evaluations, seconds, .. } = self;
        let total = [count(*frames, "frame"), count(*atoms, "atom"), count(*evaluations, "evaluation")].join(", ");
        [Some(format!("{total} in {seconds:.2} s")), self.spread_line(), self.error_line()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn spread_line(&self) -> Option<String> {
        let (energy, forces) = (self.energy_spread.root()?, self.force_spread.root()?);
        Some(format!("spread over rotations (RMS): energy {energy:.3} meV, forces {forces:.3} meV/Å"))
    }

    fn error_line(&self) -> Option<String> {
        let forces = self.force_errors.root().map(|error| format!("force RMSE {error:.3} meV/Å"));
        let errors: Vec<_> = [forces, self.energy_error()].into_iter().flatten().collect();
        (!errors.is_empty()).then(|| format!("against the energies and forces of the input: {}", errors.join(", ")))
    }

    /// RMSE of the energy. A constant shift per atom is often only another zero of energy, so the text also gives the
    /// error without it.
    fn energy_error(&self) -> Option<String> {
        let errors = &self.energy_errors;
        let count = errors.len() as f64;
        let mean = errors.iter().sum::<f64>() / count;
        let rms = |shift: f64| (errors.iter().map(|error| (error - shift).powi(2)).sum::<f64>() / count).sqrt();
        let plain = format!("energy RMSE {:.3} meV/atom", rms(0.0));
        match errors.len() {
            0 => None,
            1 => Some(plain),
            _ => Some(format!("{plain} ({:.3} without the mean difference)", rms(mean))),
        }
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use tumble_xyz::Frames;

    use super::*;

    fn frame(comment: &str, force: &str) -> Frame {
        let text = format!("1\nProperties=species:S:1:pos:R:3:forces:R:3 {comment}\nH 0 0 0 {force}\n");
        Frames::new(text.as_bytes(), "f.xyz").next().unwrap().unwrap()
    }

    fn lines(frames: &[Frame]) -> Vec<String> {
        let mut comparison = Comparison::default();
        for frame in frames {
            let evaluation = Evaluation { forces: vec![[0.0; 3]], evaluations: 1, ..Evaluation::default() };
            comparison.add(frame, &evaluation, Duration::from_millis(500));
        }
        comparison.lines()
    }

    #[test]
    fn errors_are_plain_differences() {
        let frames = [frame("energy=0.003", "0.003 0 0"), frame("energy=0.001", "0 0 0.003")];
        let expected = "against the energies and forces of the input: force RMSE 1.732 meV/Å, energy RMSE 2.236 \
                        meV/atom (1.000 without the mean difference)";
        assert_eq!(lines(&frames), ["2 frames, 2 atoms, 2 evaluations in 1.00 s", expected]);
    }

    #[test]
    fn nan_is_not_a_reference() {
        let expected = ["1 frame, 1 atom, 1 evaluation in 0.50 s"];
        assert_eq!(lines(&[frame("energy=nan", "nan 0 0")]), expected);
    }
}
