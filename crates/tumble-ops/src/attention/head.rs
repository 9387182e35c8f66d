//! One head of one center.

use pulp::Simd;

use super::Layout;
use crate::microkernels::{Rows, RowsMut, Size, each_group, group};
use crate::simd::{MOST_LANES, SimdFloat};

/// Working memory of one head of one center. The numbers of each register of queries are together, key by key.
pub(super) struct Head<T, const D: usize> {
    pub queries: Rows<T, D>,
    pub keys: Rows<T, D>,
    pub values: Rows<T, D>,
    /// Gradients of the results.
    pub gradients: Rows<T, D>,
    /// Attention weights, or in the forward pass e to the power of the scores.
    weights: Vec<T>,
    /// Gradients of the scores.
    scores: Vec<T>,
    /// Gradient of each key's bias, lane by lane.
    bias_gradient: Vec<T>,
}

impl<T: SimdFloat, const D: usize> Head<T, D> {
    pub fn new<S: Simd>(layout: &Layout) -> Self {
        let (lanes, keys) = (T::count::<S>(), layout.places);
        let each_query = || vec![T::ZERO; keys * keys.next_multiple_of(lanes)];
        let rows = || Rows::new::<S>(layout.places, Size(layout.size));
        Self {
            queries: rows(),
            keys: rows(),
            values: rows(),
            gradients: rows(),
            weights: each_query(),
            scores: each_query(),
            bias_gradient: vec![T::ZERO; keys * lanes],
        }
    }

    /// Computes the attention of all queries, which are transposed, into their rows from `column` on.
    #[inline(always)]
    pub fn attend<S: Simd>(
        &mut self,
        simd: S,
        (queries, size): (&[T::Vector<S>], Size<D>),
        bias: &[T],
        RowsMut { rows, column }: RowsMut<T>,
    ) {
        let lanes = T::count::<S>();
        let weights = &mut self.weights[..bias.len() * lanes];
        for (queries, rows) in queries.chunks_exact(size.get()).zip(rows.chunks_mut(lanes)) {
            let mut inverse = [T::ZERO; MOST_LANES];
            T::vectors_mut::<S>(&mut inverse)[0] = weigh(simd, queries, &self.keys, bias, T::vectors_mut::<S>(weights));
            self.values.sum_keys(simd, weights, Some(&inverse), &mut RowsMut { rows, column });
        }
    }

    pub fn clear_bias_gradient(&mut self) {
        self.bias_gradient.fill(T::ZERO);
    }

    /// Returns the gradient of each key's bias.
    #[inline(always)]
    pub fn bias_gradient<S: Simd>(&self, simd: S) -> impl Iterator<Item = T> {
        T::vectors::<S>(&self.bias_gradient).iter().map(move |sum| T::sum(simd, *sum))
    }

    /// Computes the attention weights and the gradients of the scores of all queries. The queries and the gradients of
    /// their results are transposed.
    #[inline(always)]
    pub fn differentiate<S: Simd>(
        &mut self,
        simd: S,
        size: Size<D>,
        [queries, gradients]: [&[T::Vector<S>]; 2],
        bias: &[T],
    ) {
        let sums = T::vectors_mut::<S>(&mut self.bias_gradient);
        let weights = T::vectors_mut::<S>(&mut self.weights).chunks_exact_mut(bias.len().max(1));
        let scores = T::vectors_mut::<S>(&mut self.scores).chunks_exact_mut(bias.len().max(1));
        let transposed = queries.chunks_exact(size.get()).zip(gradients.chunks_exact(size.get()));
        for ((queries, gradients), (weights, scores)) in transposed.zip(weights.zip(scores)) {
            let inverse = weigh(simd, queries, &self.keys, bias, weights);
            score(simd, gradients, &self.values, (weights, inverse), [scores, sums]);
        }
    }

    /// Computes the gradients of the queries: sums of the keys with the gradients of the scores.
    #[inline(always)]
    pub fn gradient_of_queries<S: Simd>(&self, simd: S, RowsMut { rows, column }: RowsMut<T>) {
        let (lanes, count) = (T::count::<S>(), rows.len());
        for (scores, rows) in self.scores.chunks_exact((count * lanes).max(1)).zip(rows.chunks_mut(lanes)) {
            self.keys.sum_keys(simd, scores, None, &mut RowsMut { rows, column });
        }
    }

    /// Computes the gradients of the keys: sums of the queries with the gradients of the scores.
    #[inline(always)]
    pub fn gradient_of_keys<S: Simd>(&self, simd: S, mut into: RowsMut<T>) {
        self.queries.sum_queries(simd, &self.scores, &mut into);
    }

    /// Computes the gradients of the values: sums of the gradients of the results with the weights.
    #[inline(always)]
    pub fn gradient_of_values<S: Simd>(&self, simd: S, mut into: RowsMut<T>) {
        self.gradients.sum_queries(simd, &self.weights, &mut into);
    }
}

/// Computes `exp(score - largest score)` of all keys with a register of queries, and the inverse of the sum over keys.
/// The score is the product of key and query, plus the key's bias.
#[inline(always)]
fn weigh<const D: usize, T: SimdFloat, S: Simd>(
    simd: S,
    queries: &[T::Vector<S>],
    keys: &Rows<T, D>,
    bias: &[T],
    weights: &mut [T::Vector<S>],
) -> T::Vector<S> {
    let mut largest = T::splat(simd, T::LOWEST);
    each_group!(bias.len(), |first, GROUP| {
        let mut start = [largest; GROUP];
        for (start, bias) in start.iter_mut().zip(group::<GROUP, _>(bias, first)) {
            *start = T::splat(simd, *bias);
        }
        let scores = keys.matmul(simd, start, queries, first);
        weights[first..][..GROUP].copy_from_slice(&scores);
        largest = T::larger(simd, largest, largest_of::<GROUP, T, S>(simd, scores));
    });
    let mut sum = T::splat(simd, T::ZERO);
    for weight in weights {
        *weight = T::exp(simd, T::subtract(simd, *weight, largest));
        sum = T::add(simd, sum, *weight);
    }
    T::divide(simd, T::splat(simd, T::ONE), sum)
}

/// Returns the largest of some numbers, lane by lane: of pairs, of pairs of these, and so on.
#[inline(always)]
fn largest_of<const G: usize, T: SimdFloat, S: Simd>(simd: S, mut numbers: [T::Vector<S>; G]) -> T::Vector<S> {
    let mut count = G;
    while count > 1 {
        let half = count.div_ceil(2);
        for i in half..count {
            numbers[i - half] = T::larger(simd, numbers[i - half], numbers[i]);
        }
        count = half;
    }
    numbers[0]
}

/// Computes the gradients of the scores from the gradient g of the result: dₖ = wₖ (g·vₖ - Σⱼ wⱼ g·vⱼ), multiplies the
/// weights by `inverse`, and adds to the sums over queries of each key.
#[inline(always)]
fn score<const D: usize, T: SimdFloat, S: Simd>(
    simd: S,
    gradients: &[T::Vector<S>],
    values: &Rows<T, D>,
    (weights, inverse): (&mut [T::Vector<S>], T::Vector<S>),
    [scores, sums]: [&mut [T::Vector<S>]; 2],
) {
    let zero = T::splat(simd, T::ZERO);
    let mut mean = zero;
    each_group!(weights.len(), |first, GROUP| {
        let products = values.matmul(simd, [zero; GROUP], gradients, first);
        let of_group = scores[first..][..GROUP].iter_mut().zip(&weights[first..][..GROUP]);
        for (product, (score, weight)) in products.iter().zip(of_group) {
            *score = *product;
            mean = T::multiply_add(simd, *product, *weight, mean);
        }
    });
    mean = T::multiply(simd, mean, inverse);
    for ((weight, score), sum) in weights.iter_mut().zip(scores).zip(sums) {
        *weight = T::multiply(simd, *weight, inverse);
        *score = T::multiply(simd, *weight, T::subtract(simd, *score, mean));
        *sum = T::add(simd, *sum, *score);
    }
}
