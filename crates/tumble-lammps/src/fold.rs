//! Folding of a rank's own and ghost atoms into a [`Graph`]: each periodic image becomes the atom itself.
//!
//! An atom and all its images on a rank share a tag and are one node. A single rank therefore has no ghost centers.
//! With several ranks, atoms of other ranks are centers only if their messages reach an own atom.

use std::collections::HashMap;

use tumble_core::graph::{Edge, Graph};
use tumble_core::rotation::{Vector3, dot, sub};

/// A rank's atoms and candidate neighbors in LAMMPS' order: own atoms first, then ghosts.
pub struct RankAtoms<'a> {
    /// Number of own atoms.
    pub n_own: usize,
    /// Positions of own atoms and ghosts, any unit of length.
    pub positions: &'a [Vector3],
    /// Tag (atom ID) of each atom; an image has the tag of the original atom.
    pub tags: &'a [i64],
    /// Atomic number of each atom.
    pub species: &'a [u8],
    /// Atom of each row of the neighbor list.
    pub row_atoms: &'a [i32],
    /// Candidates of row r are `candidates[row_starts[r]..row_starts[r + 1]]`.
    pub row_starts: &'a [usize],
    /// Indices of candidate neighbors.
    pub candidates: &'a [i32],
}

/// The graph of a rank, with the rank's atom of each node.
#[derive(Debug)]
pub struct Folded {
    /// Own atoms in their order (weight 1), then ghost centers (weight 0), then atoms without edges of their own.
    pub graph: Graph,
    /// One atom of the rank per node; LAMMPS adds forces on a ghost to its owner.
    pub atoms: Vec<usize>,
}

/// A ghost center without a row in the neighbor list.
#[derive(Debug, PartialEq)]
pub struct MissingRow {
    /// Tag of the atom.
    pub tag: i64,
}

/// Folds a rank's atoms into a graph for a model of the given number of hops; `cutoff` in the unit of the positions.
///
/// Searches breadth first from the own atoms: atoms at most `hops - 1` edges away are centers, atoms `hops` edges away
/// are neighbors only.
///
/// # Errors
/// [`MissingRow`] if the neighbor list has no row for a center.
pub fn fold(rank: &RankAtoms, cutoff: f64, hops: usize) -> Result<Folded, MissingRow> {
    let mut nodes = Nodes::new(rank);
    let row_of = rows_by_atom(rank);
    let mut rows = Vec::with_capacity(rank.n_own);
    for _ in 0..hops {
        // The new nodes: the own atoms in the first round, then the neighbors found in the previous round.
        for node in rows.len()..nodes.atoms.len() {
            let atom = nodes.atoms[node];
            let row = row_of[atom].ok_or(MissingRow { tag: rank.tags[atom] })?;
            rows.push(edges(rank, row, atom, cutoff, &mut nodes));
        }
    }
    let weights = (0..rows.len()).map(|node| if node < rank.n_own { 1.0 } else { 0.0 }).collect();
    let species = nodes.atoms.iter().map(|&atom| rank.species[atom]).collect();
    Ok(Folded { graph: Graph::new(species, weights, rows), atoms: nodes.atoms })
}

fn rows_by_atom(rank: &RankAtoms) -> Vec<Option<usize>> {
    let mut row_of = vec![None; rank.positions.len()];
    rank.row_atoms.iter().enumerate().for_each(|(row, &atom)| row_of[atom as usize] = Some(row));
    row_of
}

/// Returns the edges from `atom` to the candidates of `row` within the cutoff; new neighbors become nodes.
fn edges(rank: &RankAtoms, row: usize, atom: usize, cutoff: f64, nodes: &mut Nodes) -> Vec<Edge> {
    let candidates = &rank.candidates[rank.row_starts[row]..rank.row_starts[row + 1]];
    candidates
        .iter()
        .filter_map(|&candidate| {
            let vector = sub(rank.positions[candidate as usize], rank.positions[atom]);
            (dot(vector, vector) < cutoff * cutoff)
                .then(|| Edge { neighbor: nodes.node_of(candidate as usize, rank), vector })
        })
        .collect()
}

/// The nodes found so far, by tag.
struct Nodes {
    atoms: Vec<usize>,
    by_tag: HashMap<i64, usize>,
}

impl Nodes {
    fn new(rank: &RankAtoms) -> Self {
        let by_tag = rank.tags[..rank.n_own].iter().enumerate().map(|(node, &tag)| (tag, node)).collect();
        Self { atoms: (0..rank.n_own).collect(), by_tag }
    }

    fn node_of(&mut self, atom: usize, rank: &RankAtoms) -> usize {
        if atom < rank.n_own {
            return atom;
        }
        *self.by_tag.entry(rank.tags[atom]).or_insert_with(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        })
    }
}
