//! Disagreement between the models of a committee, over all frames.

use tumble_core::calculator::Evaluation;

/// The largest deviations so far.
#[derive(Default)]
pub struct Deviations {
    models: usize,
    /// Deviation of a force, eV/Å, and the number of its frame.
    forces: Option<(f64, usize)>,
    /// Deviation of an energy, eV per atom, and the number of its frame.
    energy: Option<(f64, usize)>,
}

impl Deviations {
    /// Adds a frame, if a committee has evaluated it.
    pub fn add(&mut self, number: usize, evaluation: &Evaluation) {
        let (Some(forces), Some(energy)) = (evaluation.max_force_deviation(), evaluation.energy_deviation()) else {
            return;
        };
        self.models = evaluation.members.forces.len();
        self.forces = larger(self.forces, (forces, number));
        self.energy = larger(self.energy, (energy / evaluation.forces.len() as f64, number));
    }

    /// The line under the table.
    pub fn line(&self) -> Option<String> {
        let ((forces, worst), (energy, other)) = (self.forces?, self.energy?);
        let (forces, energy) = (1e3 * forces, 1e3 * energy);
        Some(format!(
            "largest deviation over {} models: force {forces:.3} meV/Å in frame {worst}, energy {energy:.3} meV/atom in \
             frame {other}",
            self.models
        ))
    }
}

fn larger(known: Option<(f64, usize)>, found: (f64, usize)) -> Option<(f64, usize)> {
    known.filter(|known| known.0 >= found.0).or(Some(found))
}

#[cfg(test)]
mod tests {
    use tumble_core::average::Members;

    use super::*;

    fn evaluation(force: f64) -> Evaluation {
        let forces = vec![vec![[force, 0.0, 0.0]; 2], vec![[-force, 0.0, 0.0]; 2]];
        Evaluation {
            forces: vec![[0.0; 3]; 2],
            ensemble_energies: vec![vec![0.0, force], vec![0.0, 0.0]],
            members: Members { forces, virials: vec![None; 2] },
            ..Evaluation::default()
        }
    }

    #[test]
    fn line_names_the_worst_frame() {
        let mut deviations = Deviations::default();
        [0.1, 0.3, 0.2].iter().zip(4..).for_each(|(&force, number)| deviations.add(number, &evaluation(force)));
        assert_eq!(
            deviations.line().unwrap(),
            "largest deviation over 2 models: force 300.000 meV/Å in frame 5, energy 106.066 meV/atom in frame 5"
        );
    }

    #[test]
    fn single_models_have_no_line() {
        let mut deviations = Deviations::default();
        deviations.add(1, &Evaluation::default());
        assert_eq!(deviations.line(), None);
    }
}
