//! Description of the failing atom of a model in errors, by atom ID instead of an index in the arrays of one rank.

use tumble_core::elements::symbol;
use tumble_core::graph::Graph;
use tumble_core::rotation::{Vector3, norm};

use crate::error::Error;

/// Number of nearest neighbors in an error.
const NEIGHBORS: usize = 3;

/// Atom IDs and positions of the nodes of a rank's graph, for errors.
pub struct AtomLocator<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// Atom ID of each node.
    pub tags: &'a [i64],
    /// Position of each node, LAMMPS' unit of length and axes.
    pub positions: &'a [Vector3],
}

impl AtomLocator<'_> {
    /// Replaces the index in an error about a non-finite number by a description of the atom; returns other errors
    /// unchanged.
    pub fn locate(&self, error: tumble_core::Error) -> Error {
        match error {
            tumble_core::Error::OutputNotFinite { model, output, center: Some(center), value, .. }
                if center < self.graph.n_centers() =>
            {
                Error::AtomNotFinite { model, output, value, place: self.describe(center) }
            }
            other => other.into(),
        }
    }

    fn describe(&self, center: usize) -> String {
        let [x, y, z] = self.positions[center].map(|x| format!("{x:.6}"));
        let mut near: Vec<_> = self.graph.edges(center).collect();
        near.sort_by(|&a, &b| norm(self.graph.vectors[a]).total_cmp(&norm(self.graph.vectors[b])));
        let neighbor = |&edge: &usize| {
            let distance = norm(self.graph.vectors[edge]);
            format!("{} at {distance:.4} Å", self.atom(self.graph.neighbors[edge]))
        };
        let neighbors: Vec<_> = near.iter().take(NEIGHBORS).map(neighbor).collect();
        let neighbors = match neighbors[..] {
            [] => "without neighbors".into(),
            _ => format!("nearest neighbors {}", neighbors.join(", ")),
        };
        format!("{} at ({x}, {y}, {z}), {neighbors}", self.atom(center))
    }

    fn atom(&self, node: usize) -> String {
        format!("atom {} ({})", self.tags[node], symbol(self.graph.species[node]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::graph::edge_between;

    fn sentence(center: usize) -> String {
        let positions = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 0.25, 0.0], [9.0; 3]];
        let rows = (0..3).map(|i| (0..3).filter(|&j| j != i).map(|j| edge_between(&positions, i, j)).collect());
        let graph = Graph::new(vec![8, 1, 1, 8], vec![1.0; 4], rows.chain([vec![]]).collect());
        let place = AtomLocator { graph: &graph, tags: &[7, 1 << 40, 3, 5], positions: &positions };
        let (model, index) = ("toy".into(), vec![9, 0]);
        let center = Some(center);
        place
            .locate(tumble_core::Error::OutputNotFinite {
                model,
                output: "forces".into(),
                index,
                center,
                value: f64::NAN,
                atoms: String::new(),
            })
            .to_string()
    }

    #[test]
    fn error_names_the_atom_and_its_nearest_neighbors() {
        let found = sentence(0);
        let expected = "gave NaN in forces for atom 7 (O) at (0.000000, 0.000000, 0.000000), nearest neighbors atom 3 (H) at \
                        0.2500 Å, atom 1099511627776 (H) at 1.0000 Å:";
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn isolated_atom_has_no_neighbors() {
        assert!(sentence(3).contains("atom 5 (O) at (9.000000, 9.000000, 9.000000), without neighbors:"));
    }

    #[test]
    fn errors_with_unknown_indices_are_unchanged() {
        assert!(sentence(4).contains("at index [9, 0]"));
    }
}
