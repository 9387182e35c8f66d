//! Virials per atom, from the gradients of the edges.
//!
//! An edge from center c to neighbor n with vector r and gradient g exerts the force -g on the neighbor and g on the
//! center. Its virial, W = -r ⊗ g, can be assigned to the two atoms in several ways, all with the same sum.

use crate::graph::Graph;
use crate::rotation::{Matrix3, symmetrized};

/// Returns the virial of each atom `[N]`, eV: -r ⊗ g of each edge, symmetrized, half to the center and half to the
/// neighbor, as LAMMPS does for pair forces. `gradients` are the edge gradients `[E]`, eV/Å, laboratory frame.
pub fn virials(graph: &Graph, gradients: &[[f64; 3]]) -> Vec<Matrix3> {
    let mut virials = vec![[[0.0; 3]; 3]; graph.n_atoms()];
    for (center, edge) in graph.center_edges() {
        let half = symmetrized(&outer(graph.vectors[edge], gradients[edge], -0.5));
        add(&mut virials[center], &half);
        add(&mut virials[graph.neighbors[edge]], &half);
    }
    virials
}

/// Returns the centroid virial of each atom `[N]`, eV, not symmetric: -r ⊗ g of each edge, all to the neighbor.
///
/// `[a][b]` is r_a F_b with the force F on the neighbor and its position r relative to the center of the edge.
/// `gradients` are the edge gradients `[E]`, eV/Å, laboratory frame.
///
/// Contracted with velocities it gives the potential part of the heat flux of a many-body potential: D. Surblys, H.
/// Matsubara, G. Kikugawa, T. Ohara, Phys. Rev. E 99, 051301 (2019). It is exact for one hop. With more hops the energy
/// of an atom also depends on edges of other centers, and is taken to sit at the center of each edge.
pub fn centroid_virials(graph: &Graph, gradients: &[[f64; 3]]) -> Vec<Matrix3> {
    let mut virials = vec![[[0.0; 3]; 3]; graph.n_atoms()];
    for edge in 0..graph.n_edges() {
        add(&mut virials[graph.neighbors[edge]], &outer(graph.vectors[edge], gradients[edge], -1.0));
    }
    virials
}

fn outer(a: [f64; 3], b: [f64; 3], factor: f64) -> Matrix3 {
    a.map(|x| b.map(|y| factor * x * y))
}

fn add(sum: &mut Matrix3, term: &Matrix3) {
    sum.as_flattened_mut().iter_mut().zip(term.as_flattened()).for_each(|(sum, term)| *sum += term);
}
