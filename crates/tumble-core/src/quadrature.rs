//! Quadratures: weighted sets of rotations that average out a model's broken rotation symmetry.
//!
//! A function of orientation f(R) is a sum of entries of Wigner's D^ℓ(R). A quadrature of degree L averages all entries
//! with 1 <= ℓ <= L to zero, as the average over all rotations does; the invariant part of f and its content above L
//! remain. A rotated vector is R v.
//!
//! | grid | rotations | degree |
//! |---|---|---|
//! | [`Quadrature::identity`] | 1 | 0 |
//! | [`Quadrature::tetrahedral`] | 12 | 2 |
//! | [`Quadrature::octahedral`] | 24 | 3 |
//! | [`Quadrature::icosahedral`] | 60 | 5 |
//! | [`Quadrature::degree()`] N | see its table | N |
//! | [`Quadrature::legendre`] L | L (2L - 1)^2 | 2L - 2 |
//! | [`Quadrature::lebedev`] L | L times the points of Lebedev's rule of order L | L - 1 |
//!
//! Users choose a [`Mitigation`]: one of these grids, or random rotations.

mod groups;
mod lebedev;
mod lebedev_table;
mod mitigation;
mod product;

pub(crate) use mitigation::INVERSION_SUFFIX;
pub use mitigation::{GRAMMAR, Mitigation};

use crate::rotation::{IDENTITY, Matrix3, multiply, negate};

/// A weighted set of orthogonal matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrature {
    /// Name in reports.
    pub name: String,
    /// Matrices R, `[n]` of 3x3: a rotated vector is R v. All are proper rotations, unless an inversion has added -R.
    pub rotations: Vec<Matrix3>,
    /// Weights `[n]`, sum 1. Lebedev's rules of orders 13, 25 and 27 have negative ones.
    pub weights: Vec<f64>,
    /// Highest ℓ that is integrated exactly.
    pub degree: usize,
}

impl Quadrature {
    /// Makes a quadrature of rotations and weights, and divides the weights by their sum.
    pub(crate) fn new(name: impl Into<String>, nodes: Vec<(Matrix3, f64)>, degree: usize) -> Self {
        let (rotations, mut weights): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        let sum = pairwise_sum(&weights);
        weights.iter_mut().for_each(|w| *w /= sum);
        Self { name: name.into(), rotations, weights, degree }
    }

    /// Makes a quadrature of rotations of equal weight.
    pub(crate) fn equal_weights(name: impl Into<String>, rotations: Vec<Matrix3>, degree: usize) -> Self {
        let weights = vec![1.0 / rotations.len() as f64; rotations.len()];
        Self { name: name.into(), rotations, weights, degree }
    }

    /// Returns the identity as the only rotation.
    pub fn identity() -> Self {
        Self::equal_weights("none", vec![IDENTITY], 0)
    }

    /// Returns the number of rotations, and so of evaluations of the model.
    pub fn len(&self) -> usize {
        self.rotations.len()
    }

    /// Returns whether there are no rotations; always false for the quadratures made here.
    pub fn is_empty(&self) -> bool {
        self.rotations.is_empty()
    }

    /// Adds -R after every R and halves the weights, to average out a model's broken inversion symmetry too.
    ///
    /// The degree stays: it counts ℓ, for both parities.
    pub fn with_inversion(&self) -> Self {
        Self {
            name: format!("{}{INVERSION_SUFFIX}", self.name),
            rotations: self.rotations.iter().flat_map(|r| [*r, negate(r)]).collect(),
            weights: self.weights.iter().flat_map(|w| [w / 2.0; 2]).collect(),
            degree: self.degree,
        }
    }

    /// Returns the index of the identity, if it is one of the rotations.
    pub fn identity_index(&self) -> Option<usize> {
        self.rotations.iter().position(|rotation| *rotation == IDENTITY)
    }

    /// Adds a rotation of weight 0, evaluated with the others but not part of the average. Returns its index.
    pub fn add_unweighted(&mut self, rotation: Matrix3) -> usize {
        self.rotations.push(rotation);
        self.weights.push(0.0);
        self.rotations.len() - 1
    }

    /// Turns the whole grid by one rotation, to R_k `by`: `by` is applied to a vector first.
    ///
    /// If `by` is uniform, every node is uniform, so the average over `by` has no error. As D^ℓ(R_k `by`) =
    /// D^ℓ(R_k) D^ℓ(`by`), the degree stays for each `by`. Both would also hold for `by` R_k.
    pub fn rotated(&self, by: &Matrix3) -> Self {
        Self { rotations: self.rotations.iter().map(|r| multiply(r, by)).collect(), ..self.clone() }
    }
}

/// Sums pairwise, so that rounding grows with log n instead of n: grids have up to hundreds of thousands of weights.
fn pairwise_sum(terms: &[f64]) -> f64 {
    if terms.len() <= 8 {
        return terms.iter().sum();
    }
    let (left, right) = terms.split_at(terms.len() / 2);
    pairwise_sum(left) + pairwise_sum(right)
}
