//! A rank of LAMMPS that holds the whole box: 192 own atoms, and their images as ghosts.

use std::hint::black_box;

use tumble_core::rotation::{Vector3, add, dot, sub};
use tumble_lammps::fold::{RankAtoms, fold};

use super::{CUTOFF, Unit, structures};

/// LAMMPS' usual skin beyond the cutoff, Å.
const SKIN: f64 = 2.0;

struct Rank {
    positions: Vec<Vector3>,
    tags: Vec<i64>,
    species: Vec<u8>,
    row_atoms: Vec<i32>,
    row_starts: Vec<usize>,
    candidates: Vec<i32>,
}

/// Folding of ghosts to own atoms. All ghosts are images of own atoms, so the number of hops makes no difference.
pub fn folding() -> Unit {
    let rank = Rank::new();
    Box::new(move || {
        let folded = fold(black_box(&rank.atoms()), CUTOFF, 2);
        black_box(folded.expect("all own atoms have rows"));
    })
}

impl Rank {
    fn new() -> Self {
        let (positions, tags, species) = atoms_and_ghosts();
        let mut rank =
            Self { positions, tags, species, row_atoms: (0..192).collect(), row_starts: vec![0], candidates: vec![] };
        for own in 0..192 {
            let near = |other: &usize| *other != own && rank.near(own, *other);
            let candidates: Vec<_> = (0..rank.positions.len()).filter(near).map(|other| other as i32).collect();
            rank.candidates.extend(candidates);
            rank.row_starts.push(rank.candidates.len());
        }
        rank
    }

    fn near(&self, a: usize, b: usize) -> bool {
        let d = sub(self.positions[a], self.positions[b]);
        dot(d, d) < (CUTOFF + SKIN).powi(2)
    }

    fn atoms(&self) -> RankAtoms<'_> {
        RankAtoms {
            n_own: 192,
            positions: &self.positions,
            tags: &self.tags,
            species: &self.species,
            row_atoms: &self.row_atoms,
            row_starts: &self.row_starts,
            candidates: &self.candidates,
        }
    }
}

/// Positions, tags and species: first the atoms, then all their images around the box.
fn atoms_and_ghosts() -> (Vec<Vector3>, Vec<i64>, Vec<u8>) {
    let system = structures::water(1);
    let side = system.cell.heights()[0];
    let extended = -(CUTOFF + SKIN)..side + CUTOFF + SKIN;
    let images = (0..27).map(|i| [i / 9, i / 3 % 3, i % 3].map(|k| [0.0, -side, side][k]));
    let all = images.flat_map(|shift| (0..192).map(move |atom| (atom, shift)));
    let all = all.map(|(atom, shift)| (atom, add(system.positions[atom], shift)));
    let seen = all.filter(|(_, x)| x.iter().all(|x| extended.contains(x))).collect::<Vec<_>>();
    (
        seen.iter().map(|(_, x)| *x).collect(),
        seen.iter().map(|(atom, _)| *atom as i64 + 1).collect(),
        seen.iter().map(|(atom, _)| system.species[*atom]).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_gives_the_edges_of_the_box() {
        let folded = fold(&Rank::new().atoms(), CUTOFF, 2).unwrap();
        let graph = tumble_core::neighbors::graph(&structures::water(1), CUTOFF).unwrap();
        assert_eq!((folded.graph.n_atoms(), folded.graph.n_centers()), (192, 192));
        assert_eq!(folded.graph.neighbors, graph.neighbors);
        assert_eq!(folded.graph.reverse, graph.reverse);
    }
}
