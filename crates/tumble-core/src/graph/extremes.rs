//! The atoms most likely to make a model fail: the closest pair, and atoms without neighbors.

use super::Graph;
use crate::rotation::norm;

impl Graph {
    /// Describes the closest pair and the first atom without a neighbor, as the end of a sentence; atoms count from 1.
    pub(crate) fn extremes(&self) -> String {
        let closest =
            self.center_edges().map(|(center, edge)| (norm(self.vectors[edge]), center, self.neighbors[edge]));
        let closest = closest.min_by(|a, b| a.0.total_cmp(&b.0)).map_or_else(String::new, |(distance, a, b)| {
            let (first, second) = (a.min(b) + 1, a.max(b) + 1);
            format!("; the closest are atoms {first} and {second} (distance {distance:.3} Å)")
        });
        let isolated: Vec<_> = (0..self.n_centers()).filter(|&center| self.edges(center).is_empty()).collect();
        match isolated[..] {
            [] => closest,
            [atom] => format!("{closest}; atom {} has no neighbor within the cutoff", atom + 1),
            [atom, ..] => {
                format!(
                    "{closest}; {} atoms, the first atom {}, have no neighbor within the cutoff",
                    isolated.len(),
                    atom + 1
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::neighbors::graph;
    use crate::system::{Cell, System};

    fn extremes(xs: &[f64]) -> String {
        let positions = xs.iter().map(|&x| [x, 0.0, 0.0]).collect();
        let system = System::new(positions, vec![1; xs.len()], Cell::isolated()).unwrap();
        graph(&system, 3.0).unwrap().extremes()
    }

    #[test]
    fn extremes_name_the_closest_pair_and_isolated_atoms() {
        assert_eq!(extremes(&[0.0, 1.0, 1.3]), "; the closest are atoms 2 and 3 (distance 0.300 Å)");
        assert_eq!(
            extremes(&[0.0, 9.0, 1.0]),
            "; the closest are atoms 1 and 3 (distance 1.000 Å); atom 2 has no neighbor within the cutoff"
        );
        assert_eq!(extremes(&[9.0, 0.0]), "; 2 atoms, the first atom 1, have no neighbor within the cutoff");
    }
}
