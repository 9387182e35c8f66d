//! Attention among the tokens of each center, and its gradient. Only inputs and results are in memory: one head of one
//! center fits into the first-level cache.
//!
//! Each lane is a query: the scores of one key with a register of queries are products of the key's components with
//! registers, and the softmax over keys stays within lanes. In sums over keys or queries, lanes are the components of a
//! row.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::microkernels::{GROUP, Rows, combine, combine_lanes, matmul, softmax, transpose};
use crate::simd::SimdFloat;

/// Assignment of tokens to centers, and the shape of their rows.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    /// Places per center, T.
    pub places: usize,
    /// Number of heads, H.
    pub heads: usize,
    /// Components per head, d.
    pub size: usize,
    /// Row of the token in each place, `[C·T]`.
    pub source: &'a [usize],
    /// Whether a place holds a token, `[C·T]`.
    pub filled: &'a [bool],
}

/// Inputs: queries, keys and values of all heads in `rows`, `[R, 3·H·d]`, and the `bias` of each key, `[C·T]`.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a, T> {
    pub layout: Layout<'a>,
    pub rows: &'a [T],
    pub bias: &'a [T],
}

/// Computes attention into `into`, `[R, H·d]`.
pub(crate) fn forward<T: SimdFloat>(inputs: Inputs<T>, into: &mut [T]) {
    Arch::new().dispatch(Forward { inputs, into });
}

/// Computes the gradients of the rows, `[R, 3·H·d]`, and of the bias, `[C·T]`, from the `gradient` of the result,
/// `[R, H·d]`.
pub(crate) fn backward<T: SimdFloat>(inputs: Inputs<T>, gradient: &[T], rows: &mut [T], bias: &mut [T]) {
    Arch::new().dispatch(Backward { inputs, gradient, rows, bias });
}

impl Layout<'_> {
    /// Returns the numbers in a row of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    /// Returns the columns of a head's queries (`part` 0), keys (1) or values (2) in a row.
    fn columns(&self, part: usize, head: usize) -> Range<usize> {
        let start = part * self.width() + head * self.size;
        start..start + self.size
    }
}

struct Forward<'a, T> {
    inputs: Inputs<'a, T>,
    into: &'a mut [T],
}

impl<T: SimdFloat> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Inputs { layout, rows, bias } = self.inputs;
        let mut head = Head::new::<S>(&layout);
        for center in 0..layout.source.len() / layout.places {
            head.choose(&layout, center, bias);
            for number in 0..layout.heads {
                head.load(&layout, number, rows);
                head.attend(simd);
                head.sums[0].store(&head.tokens, self.into, layout.width(), layout.columns(0, number));
            }
        }
    }
}

struct Backward<'a, T> {
    inputs: Inputs<'a, T>,
    gradient: &'a [T],
    rows: &'a mut [T],
    bias: &'a mut [T],
}

impl<T: SimdFloat> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Inputs { layout, rows, bias } = self.inputs;
        let (mut head, width) = (Head::new::<S>(&layout), layout.width());
        for center in 0..layout.source.len() / layout.places {
            head.choose(&layout, center, bias);
            head.bias_gradient.fill(T::ZERO);
            for number in 0..layout.heads {
                head.load(&layout, number, rows);
                head.gradient.load(&head.tokens, self.gradient, width, layout.columns(0, number));
                head.attend_back(simd);
                for (part, sums) in head.sums.iter().enumerate() {
                    sums.store(&head.tokens, self.rows, 3 * width, layout.columns(part, number));
                }
            }
            for (&place, sum) in head.chosen.iter().zip(T::vectors::<S>(&head.bias_gradient)) {
                self.bias[place] = T::sum(simd, *sum);
            }
        }
    }
}

/// Working memory of one head of one center, padded to whole registers and groups.
struct Head<T> {
    lanes: usize,
    /// The places of the tokens.
    chosen: Vec<usize>,
    /// The rows of the tokens.
    tokens: Vec<usize>,
    /// Bias of each key; in the padding up to a whole group, the lowest number, for a weight of 0.
    bias: Vec<T>,
    queries: Rows<T>,
    keys: Rows<T>,
    values: Rows<T>,
    gradient: Rows<T>,
    /// Sums over keys or queries: gradients of queries, keys and values, or the result in the first.
    sums: [Rows<T>; 3],
    /// Queries of one register, component by component.
    transposed: Vec<T>,
    transposed_gradient: Vec<T>,
    /// Attention weights of the queries of one register, key by key.
    weights: Vec<T>,
    /// Gradients of the scores, key by key.
    scores: Vec<T>,
    /// Gradient of each key's bias, lane by lane.
    bias_gradient: Vec<T>,
}

impl<T: SimdFloat> Head<T> {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let (lanes, size) = (T::count::<S>(), layout.size);
        let rows = || Rows::new(layout.places, size, lanes);
        let transposed = || vec![T::ZERO; size * lanes];
        let each_key = || vec![T::ZERO; layout.places.next_multiple_of(GROUP) * lanes];
        Self {
            lanes,
            chosen: Vec::new(),
            tokens: Vec::new(),
            bias: Vec::new(),
            queries: rows(),
            keys: rows(),
            values: rows(),
            gradient: rows(),
            sums: [rows(), rows(), rows()],
            transposed: transposed(),
            transposed_gradient: transposed(),
            weights: each_key(),
            scores: each_key(),
            bias_gradient: each_key(),
        }
    }

    /// Selects the tokens of a center.
    fn choose(&mut self, layout: &Layout, center: usize, bias: &[T]) {
        let places = center * layout.places..(center + 1) * layout.places;
        self.chosen.clear();
        self.chosen.extend(places.filter(|&place| layout.filled[place]));
        self.tokens.clear();
        self.tokens.extend(self.chosen.iter().map(|&place| layout.source[place]));
        self.bias.clear();
        self.bias.extend(self.chosen.iter().map(|&place| bias[place]));
        self.bias.resize(self.chosen.len().next_multiple_of(GROUP), T::LOWEST);
    }

    fn load(&mut self, layout: &Layout, head: usize, rows: &[T]) {
        for (part, into) in [&mut self.queries, &mut self.keys, &mut self.values].into_iter().enumerate() {
            into.load(&self.tokens, rows, 3 * layout.width(), layout.columns(part, head));
        }
    }

    #[inline(always)]
    fn attend<S: Simd>(&mut self, simd: S) {
        let tokens = self.tokens.len();
        self.sums[0].clear(tokens);
        for first in (0..tokens).step_by(self.lanes) {
            let queries = first..tokens.min(first + self.lanes);
            self.weigh(simd, queries.clone());
            combine_lanes(simd, self.sums[0].lanes_mut(queries), &self.weights, self.values.rows(0..tokens));
        }
    }

    #[inline(always)]
    fn attend_back<S: Simd>(&mut self, simd: S) {
        let (tokens, lanes) = (self.tokens.len(), self.lanes);
        self.sums.iter_mut().for_each(|sums| sums.clear(tokens));
        for first in (0..tokens).step_by(lanes) {
            let queries = first..tokens.min(first + lanes);
            self.weigh(simd, queries.clone());
            self.score(simd, queries.clone());
            let [of_queries, of_keys, of_values] = &mut self.sums;
            combine_lanes(simd, of_queries.lanes_mut(queries.clone()), &self.scores, self.keys.rows(0..tokens));
            combine(simd, of_keys.groups_mut(tokens), &self.scores, self.queries.rows(queries.clone()));
            combine(simd, of_values.groups_mut(tokens), &self.weights, self.gradient.rows(queries));
        }
    }

    /// Computes the weights: softmax over all keys of their products with these queries, plus the bias.
    #[inline(always)]
    fn weigh<S: Simd>(&mut self, simd: S, queries: Range<usize>) {
        let weights = &mut self.weights[..self.bias.len() * self.lanes];
        transpose(&mut self.transposed, self.lanes, self.queries.rows(queries));
        matmul(simd, weights, &self.transposed, &self.keys, |key| self.bias[key]);
        softmax::<T, S>(simd, T::vectors_mut::<S>(weights));
    }

    /// Computes the gradients of these queries' scores from the gradient g of the result: dₖ = wₖ (g·vₖ - Σⱼ wⱼ g·vⱼ).
    #[inline(always)]
    fn score<S: Simd>(&mut self, simd: S, queries: Range<usize>) {
        let scores = &mut self.scores[..self.bias.len() * self.lanes];
        transpose(&mut self.transposed_gradient, self.lanes, self.gradient.rows(queries));
        matmul(simd, scores, &self.transposed_gradient, &self.values, |_| T::ZERO);
        let (weights, scores) = (T::vectors::<S>(&self.weights), T::vectors_mut::<S>(scores));
        let mut mean = T::splat(simd, T::ZERO);
        for (weight, score) in weights.iter().zip(&*scores) {
            mean = T::multiply_add(simd, *weight, *score, mean);
        }
        let sums = T::vectors_mut::<S>(&mut self.bias_gradient);
        for ((weight, score), sum) in weights.iter().zip(scores).zip(sums) {
            *score = T::multiply(simd, *weight, T::subtract(simd, *score, mean));
            *sum = T::add(simd, *sum, *score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_each_register;

    /// Three centers with one, three and eleven of eleven places filled; rows are in another order than places.
    struct Case {
        source: Vec<usize>,
        filled: Vec<bool>,
        rows: Vec<f64>,
        bias: Vec<f64>,
        gradient: Vec<f64>,
        size: usize,
    }

    const HEADS: usize = 2;
    const PLACES: usize = 11;
    const TOKENS: usize = 15;

    impl Case {
        fn new(size: usize) -> Self {
            let wave = |count: usize, step: f64| (0..count).map(|i| (step * i as f64 + 1.0).sin()).collect::<Vec<_>>();
            let filled: Vec<_> = (0..3 * PLACES).map(|i| i % PLACES < [1, 3, PLACES][i / PLACES]).collect();
            let before = |place: usize| filled[..place].iter().filter(|&&there| there).count();
            let source = (0..3 * PLACES).map(|place| (7 * before(place) + 2) % TOKENS).collect();
            let width = HEADS * size;
            let (rows, gradient) = (wave(TOKENS * 3 * width, 0.7), wave(TOKENS * width, 1.3));
            Self { source, filled, rows, bias: wave(3 * PLACES, 0.9), gradient, size }
        }

        fn layout(&self) -> Layout<'_> {
            Layout { places: PLACES, heads: HEADS, size: self.size, source: &self.source, filled: &self.filled }
        }

        fn attention(&self, rows: &[f64], bias: &[f64]) -> Vec<f64> {
            let mut found = vec![0.0; TOKENS * HEADS * self.size];
            forward(Inputs { layout: self.layout(), rows, bias }, &mut found);
            found
        }

        /// Attention by its formula, number by number.
        fn written_out(&self) -> Vec<f64> {
            let (layout, mut found) = (self.layout(), vec![0.0; TOKENS * HEADS * self.size]);
            let row = |place: usize, part, head| {
                &self.rows[self.source[place] * 3 * layout.width()..][layout.columns(part, head)]
            };
            for (head, query) in (0..HEADS).flat_map(|head| (0..3 * PLACES).map(move |query| (head, query))) {
                let keys = (0..3 * PLACES).filter(|&key| self.filled[key] && key / PLACES == query / PLACES);
                let score = |key: usize| -> f64 {
                    self.bias[key] + row(query, 0, head).iter().zip(row(key, 1, head)).map(|(q, k)| q * k).sum::<f64>()
                };
                let weights: Vec<_> = keys.map(|key| (key, score(key).exp())).collect();
                let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
                for k in (0..self.size).filter(|_| self.filled[query]) {
                    let value = weights.iter().map(|&(key, weight)| weight / sum * row(key, 2, head)[k]).sum();
                    found[self.source[query] * layout.width() + head * self.size + k] = value;
                }
            }
            found
        }
    }

    fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn attention_agrees_with_its_formula() {
        for size in [1, 4, 8, 19] {
            let case = Case::new(size);
            assert!(largest_difference(&case.attention(&case.rows, &case.bias), &case.written_out()) < 1e-14);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for size in [3, 8] {
            let case = Case::new(size);
            let (mut rows, mut bias) = (vec![0.0; case.rows.len()], vec![0.0; case.bias.len()]);
            let inputs = Inputs { layout: case.layout(), rows: &case.rows, bias: &case.bias };
            backward(inputs, &case.gradient, &mut rows, &mut bias);
            let total = |rows: &[f64], bias: &[f64]| -> f64 {
                case.attention(rows, bias).iter().zip(&case.gradient).map(|(a, g)| a * g).sum()
            };
            let differences = |of: &[f64], total: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
                let moved = |i: usize, by: f64| [&of[..i], &[of[i] + by], &of[i + 1..]].concat();
                (0..of.len()).map(|i| (total(&moved(i, 1e-5)) - total(&moved(i, -1e-5))) / 2e-5).collect()
            };
            let of_rows = differences(&case.rows, &|rows| total(rows, &case.bias));
            let of_bias = differences(&case.bias, &|bias| total(&case.rows, bias));
            assert!(largest_difference(&rows, &of_rows) < 1e-9);
            assert!(largest_difference(&bias, &of_bias) < 1e-9);
        }
    }

    /// Compares the results with those of emulated registers.
    #[derive(Clone, Copy)]
    struct SameAsHere;

    impl WithSimd for SameAsHere {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            for size in [1, 4, 19] {
                let case = Case::new(size);
                let inputs = Inputs { layout: case.layout(), rows: &case.rows, bias: &case.bias };
                let mut into = vec![0.0; case.gradient.len()];
                Forward { inputs, into: &mut into }.with_simd(simd);
                assert!(largest_difference(&into, &case.written_out()) < 1e-14);
                let gradients = || (vec![0.0; case.rows.len()], vec![0.0; case.bias.len()]);
                let ((mut rows, mut bias), (mut own_rows, mut own_bias)) = (gradients(), gradients());
                backward(inputs, &case.gradient, &mut own_rows, &mut own_bias);
                Backward { inputs, gradient: &case.gradient, rows: &mut rows, bias: &mut bias }.with_simd(simd);
                assert!(largest_difference(&rows, &own_rows) < 1e-13);
                assert!(largest_difference(&bias, &own_bias) < 1e-13);
            }
        }
    }

    #[test]
    fn attention_is_the_same_with_registers_of_one_to_eight_numbers() {
        with_each_register(SameAsHere);
    }

    #[test]
    fn single_precision_differs_by_rounding() {
        let case = Case::new(8);
        let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let (rows, bias, mut found) = (single(&case.rows), single(&case.bias), vec![0.0; case.gradient.len()]);
        forward(Inputs { layout: case.layout(), rows: &rows, bias: &bias }, &mut found);
        let found: Vec<_> = found.into_iter().map(f64::from).collect();
        assert!(largest_difference(&found, &case.written_out()) < 1e-6);
    }
}
