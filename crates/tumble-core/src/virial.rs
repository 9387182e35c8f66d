//! The virial of each atom, from the gradients of the edges.
//!
//! An edge of center c and neighbor n, vector r and gradient g, pulls the neighbor with the force -g and the center with
//! g. Its virial, W = -r ⊗ g, can be shared out in several ways, all with the same sum.

use crate::graph::Graph;
use crate::rotation::{Matrix3, symmetrized};

/// -r ⊗ g of each edge, symmetrized, half to the center and half to the neighbor `[N]`, eV: what LAMMPS does with the
/// forces of pairs. `gradients` are the edge gradients `[E]`, eV/Å, laboratory frame.
pub fn virials(graph: &Graph, gradients: &[[f64; 3]]) -> Vec<Matrix3> {
    let mut virials = vec![[[0.0; 3]; 3]; graph.n_atoms()];
    for (center, edge) in graph.center_edges() {
        let half = symmetrized(&outer(graph.vectors[edge], gradients[edge], -0.5));
        add(&mut virials[center], &half);
        add(&mut virials[graph.neighbors[edge]], &half);
    }
    virials
}

/// -r ⊗ g of each edge, all to the neighbor `[N]`, eV, not symmetric: `[a][b]` is r_a F_b with the force F on the
/// neighbor and r its place relative to the atom whose energy it is.
///
/// Contracted with velocities this is the potential part of the heat flux of a many-body potential: D. Surblys, H.
/// Matsubara, G. Kikugawa, T. Ohara, Phys. Rev. E 99, 051301 (2019). It is exact for one hop. With more hops the energy of an
/// atom depends on edges that are not its own, and is taken to sit at the center of each edge.
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
