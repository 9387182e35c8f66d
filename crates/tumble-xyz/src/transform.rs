//! Conversion of the positions of a file to Å.

use tumble_core::rotation::{Matrix3, Vector3, apply};

/// Conversion of positions to Å and to the orientation of the cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Transform {
    /// 1 Å in the unit of the file.
    pub per_angstrom: f64,
    /// Rotation, possibly with a reflection.
    pub turn: Option<Matrix3>,
}

impl Transform {
    /// The identity, for positions in Å.
    pub const AS_WRITTEN: Self = Self { per_angstrom: 1.0, turn: None };

    /// Converts positions `[N]` in place.
    pub fn apply(&self, positions: &mut [Vector3]) {
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
        Transform::AS_WRITTEN.apply(&mut positions);
        assert_eq!(positions.map(|x| x.map(f64::to_bits)), [[0.1 + 0.2, -0.0, 1e-300]].map(|x| x.map(f64::to_bits)));
    }

    #[test]
    fn ipi_positions_are_rotated_and_scaled() {
        let mut positions = [[2.0, 4.0, 6.0]];
        let turn = Some([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
        Transform { per_angstrom: 2.0, turn }.apply(&mut positions);
        assert_eq!(positions, [[-2.0, 1.0, 3.0]]);
    }
}
