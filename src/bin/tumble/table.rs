//! Results of a frame as a row of a table.

use std::time::Duration;

use tumble_core::calculator::Evaluation;
use tumble_core::numbers::fixed;
use tumble_core::rotation::{norm, root_mean_square};

/// Names and units of the columns of [`row`].
pub const HEADER: [&str; 2] = [
    " frame   atoms             energy  energy spread   force RMS  force spread     torque  evaluations         ms",
    "                               eV            meV        eV/Å         meV/Å         eV                        ",
];

/// One frame (counted from 1). Without replicas the spread is undefined, not zero.
pub fn row(frame: usize, evaluation: &Evaluation, time: Duration) -> String {
    let atoms = evaluation.forces.len();
    let (energy, evaluations) = (fixed(evaluation.energy, 6), evaluation.evaluations);
    let [energy_spread, force_spread] = spreads(evaluation).map(dash);
    let forces = root_mean_square(&evaluation.forces);
    let torque = norm(evaluation.torque);
    let ms = 1e3 * time.as_secs_f64();
    format!(
        "{frame:>6}  {atoms:>6}  {energy:>17}  {energy_spread:>13}  {forces:>10.4}  {force_spread:>12}  \
         {torque:>9.2e}  {evaluations:>11}  {ms:>9.1}"
    )
}

/// Spread of the energy, meV, and of the forces (root mean square over all components), meV/Å.
pub fn spreads(evaluation: &Evaluation) -> [Option<f64>; 2] {
    let spread = &evaluation.spread;
    [spread.energy, spread.force_rms()].map(|value| evaluation.replicated().then_some(1e3 * value))
}

fn dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.3}"))
}

#[cfg(test)]
mod tests {
    use tumble_core::calculator::Spread;

    use super::*;

    fn evaluation(replicas: usize) -> Evaluation {
        let spread = Spread { energy: 0.0125, forces: vec![[0.003, 0.0, 0.004], [0.0; 3]], ..Spread::default() };
        Evaluation {
            energy: -30026.145917,
            forces: vec![[1.0, 1.0, 1.0], [-1.0, 1.0, -1.0]],
            torque: [0.0, 3e-3, 4e-3],
            spread,
            replica_energies: vec![0.0; replicas],
            evaluations: replicas,
            ..Evaluation::default()
        }
    }

    #[test]
    fn columns_stand_under_their_names() {
        let row = row(7, &evaluation(24), Duration::from_millis(12));
        let expected = "     7       2      -30026.145917         12.500      1.0000         2.041    5.00e-3           24       12.0";
        assert_eq!(row, expected);
        for line in HEADER {
            assert_eq!(line.chars().count(), row.chars().count());
        }
    }

    #[test]
    fn one_replica_has_no_spread() {
        assert_eq!(spreads(&evaluation(1)), [None, None]);
        assert!(row(1, &evaluation(1), Duration::ZERO).contains("     -  "));
    }
}
