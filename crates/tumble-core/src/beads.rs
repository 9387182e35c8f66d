//! Structures that are the beads of ring polymers: the step and the random stream of each.

use std::num::NonZeroU16;

/// How structures are numbered: bead by bead, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beads {
    /// Structures of a step.
    pub count: NonZeroU16,
    /// Whether the beads of a step share their random rotations; else each bead has a stream of its own.
    pub shared: bool,
}

impl Default for Beads {
    /// Each structure is a step.
    fn default() -> Self {
        Self { count: NonZeroU16::MIN, shared: false }
    }
}

impl Beads {
    /// Returns the step of a structure, and how far its stream is raised.
    pub fn place(self, structure: u64) -> (u64, u32) {
        let count = u64::from(self.count.get());
        let bead = if self.shared { 0 } else { (structure % count) as u32 };
        (structure / count, bead)
    }

    /// Returns the number of the first bead of a step.
    pub fn first_of(self, step: u64) -> u64 {
        step.saturating_mul(self.count.get().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: u16, shared: bool) -> Vec<(u64, u32)> {
        let beads = Beads { count: NonZeroU16::new(count).unwrap(), shared };
        (0..5).map(|structure| beads.place(structure)).collect()
    }

    #[test]
    fn structures_are_numbered_bead_by_bead() {
        assert_eq!(places(2, false), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]);
        assert_eq!(places(2, true), [(0, 0), (0, 0), (1, 0), (1, 0), (2, 0)]);
        let numbers: Vec<_> = (0..5).map(|structure| Beads::default().place(structure)).collect();
        assert_eq!(numbers, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]);
    }

    #[test]
    fn first_bead_of_a_step_is_at_that_step() {
        let beads = Beads { count: NonZeroU16::new(7).unwrap(), shared: false };
        assert_eq!(beads.place(beads.first_of(12)), (12, 0));
        assert_eq!(beads.first_of(u64::MAX), u64::MAX);
    }
}
