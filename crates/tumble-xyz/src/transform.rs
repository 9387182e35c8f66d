//! From the positions of the file to those of a structure.

use tumble_core::rotation::{Matrix3, Vector3, apply};

/// How positions become Å, in the orientation of the cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Transform {
    /// 1 Å in the unit of the file.
    pub per_angstrom: f64,
    /// What turns them, if anything does.
    pub turn: Option<Matrix3>,
}

impl Transform {
    /// They are in Å and stay where they are.
    pub const AS_WRITTEN: Self = Self { per_angstrom: 1.0, turn: None };

    /// Moves positions `[N]` from the file to Å.
    pub fn place(&self, positions: &mut [Vector3]) {
        for position in positions {
            let turned = self.turn.map_or(*position, |turn| apply(&turn, *position));
            *position = turned.map(|x| x / self.per_angstrom);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_angstrom_keep_their_bits() {
        let mut positions = [[0.1 + 0.2, -0.0, 1e-300]];
        Transform::AS_WRITTEN.place(&mut positions);
        assert_eq!(positions.map(|x| x.map(f64::to_bits)), [[0.1 + 0.2, -0.0, 1e-300]].map(|x| x.map(f64::to_bits)));
    }

    #[test]
    fn positions_of_i_pi_are_turned_and_scaled() {
        let mut positions = [[2.0, 4.0, 6.0]];
        let turn = Some([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        Transform { per_angstrom: 2.0, turn }.place(&mut positions);
        assert_eq!(positions, [[-2.0, 1.0, 3.0]]);
    }
}
