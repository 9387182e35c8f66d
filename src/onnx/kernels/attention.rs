//! Attention among the tokens of each center, and its gradient: nothing but inputs and results is ever in memory, since
//! all that a head of a center works on fits into the first cache.
//!
//! A query is a lane: scores of one key with all queries of a register are products of the key's numbers with registers,
//! and the softmax over keys needs nothing across lanes. In sums over keys or queries, the components of a row are lanes.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::lanes::{CHUNK, Lanes, copy};

/// Rows that are worked on at a time, so that what is read once is used for all of them.
const GROUP: usize = 4;

/// Whose tokens are whose, and what their rows are made of.
#[derive(Clone, Copy)]
pub(in crate::onnx) struct Layout<'a> {
    /// Places of a center, T.
    pub places: usize,
    /// Of the attention, H.
    pub heads: usize,
    /// Components of a head, d.
    pub size: usize,
    /// The row of the token in each place, `[C·T]`.
    pub source: &'a [usize],
    /// Whether there is a token, `[C·T]`.
    pub filled: &'a [bool],
}

/// Queries, keys and values `rows` `[R, 3·H·d]`, each of all heads, and a `bias` `[C·T]` for each key.
#[derive(Clone, Copy)]
pub(in crate::onnx) struct Inputs<'a, T> {
    pub layout: Layout<'a>,
    pub rows: &'a [T],
    pub bias: &'a [T],
}

/// Attention: `into` `[R, H·d]`.
pub(in crate::onnx) fn forward<T: Lanes>(inputs: Inputs<T>, into: &mut [T]) {
    Arch::new().dispatch(Forward { inputs, into });
}

/// From its `gradient` `[R, H·d]`, that of the rows `[R, 3·H·d]` and of the bias `[C·T]`.
pub(in crate::onnx) fn backward<T: Lanes>(inputs: Inputs<T>, gradient: &[T], rows: &mut [T], bias: &mut [T]) {
    Arch::new().dispatch(Backward { inputs, gradient, rows, bias });
}

impl Layout<'_> {
    /// Numbers in a row of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    /// Where a head's queries (0), keys (1) or values (2) are in a row.
    fn columns(&self, part: usize, head: usize) -> Range<usize> {
        let start = part * self.width() + head * self.size;
        start..start + self.size
    }
}

struct Forward<'a, T> {
    inputs: Inputs<'a, T>,
    into: &'a mut [T],
}

impl<T: Lanes> WithSimd for Forward<'_, T> {
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

impl<T: Lanes> WithSimd for Backward<'_, T> {
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

/// What a head of a center works on: of n tokens, with whole registers and groups.
struct Head<T> {
    lanes: usize,
    /// The places of the tokens.
    chosen: Vec<usize>,
    /// Their rows.
    tokens: Vec<usize>,
    /// Of each key, and what lets it not count for those behind the last, up to a whole group.
    bias: Vec<T>,
    queries: Rows<T>,
    keys: Rows<T>,
    values: Rows<T>,
    gradient: Rows<T>,
    /// Over keys or queries: of queries, keys and values, or the result in place of the first.
    sums: [Rows<T>; 3],
    /// Queries of a register, component by component.
    turned: Vec<T>,
    turned_gradient: Vec<T>,
    /// How much the queries of a register attend to each key, key by key.
    weights: Vec<T>,
    /// Gradient of the scores, key by key.
    scores: Vec<T>,
    /// Of each key, lane by lane.
    bias_gradient: Vec<T>,
}

impl<T: Lanes> Head<T> {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let (lanes, size) = (T::count::<S>(), layout.size);
        let rows = || Rows::new(layout.places.next_multiple_of(lanes.max(GROUP)), size, lanes);
        let turned = || vec![T::ZERO; size * lanes];
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
            turned: turned(),
            turned_gradient: turned(),
            weights: each_key(),
            scores: each_key(),
            bias_gradient: each_key(),
        }
    }

    /// The tokens of a center.
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
        self.sums[0].clear();
        for first in (0..tokens).step_by(self.lanes) {
            let queries = first..tokens.min(first + self.lanes);
            self.weigh(simd, queries.clone());
            combine(
                simd,
                self.sums[0].groups_mut(queries),
                (&self.weights, 1, self.lanes),
                self.values.rows(0..tokens),
            );
        }
    }

    #[inline(always)]
    fn attend_back<S: Simd>(&mut self, simd: S) {
        let (tokens, lanes) = (self.tokens.len(), self.lanes);
        self.sums.iter_mut().for_each(Rows::clear);
        for first in (0..tokens).step_by(lanes) {
            let queries = first..tokens.min(first + lanes);
            self.weigh(simd, queries.clone());
            self.score(simd, queries.clone());
            let [of_queries, of_keys, of_values] = &mut self.sums;
            combine(simd, of_queries.groups_mut(queries.clone()), (&self.scores, 1, lanes), self.keys.rows(0..tokens));
            combine(simd, of_keys.groups_mut(0..tokens), (&self.scores, lanes, 1), self.queries.rows(queries.clone()));
            combine(simd, of_values.groups_mut(0..tokens), (&self.weights, lanes, 1), self.gradient.rows(queries));
        }
    }

    /// Softmax of the products of these queries and all keys, with the bias.
    #[inline(always)]
    fn weigh<S: Simd>(&mut self, simd: S, queries: Range<usize>) {
        let weights = &mut self.weights[..self.bias.len() * self.lanes];
        turn(&mut self.turned, self.lanes, self.queries.rows(queries));
        products(simd, weights, &self.turned, &self.keys, |key| self.bias[key]);
        softmax::<T, S>(simd, T::vectors_mut::<S>(weights));
    }

    /// Gradients of the scores of these queries, from those of the result: dₖ = wₖ (g·vₖ - Σⱼ wⱼ g·vⱼ).
    #[inline(always)]
    fn score<S: Simd>(&mut self, simd: S, queries: Range<usize>) {
        let scores = &mut self.scores[..self.bias.len() * self.lanes];
        turn(&mut self.turned_gradient, self.lanes, self.gradient.rows(queries));
        products(simd, scores, &self.turned_gradient, &self.values, |_| T::ZERO);
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

/// Rows of a head's components, each with zeros up to whole registers.
struct Rows<T> {
    size: usize,
    /// Numbers from row to row.
    pitch: usize,
    numbers: Vec<T>,
}

impl<T: Lanes> Rows<T> {
    fn new(count: usize, size: usize, lanes: usize) -> Self {
        let pitch = size.next_multiple_of(lanes);
        Self { size, pitch, numbers: vec![T::ZERO; count * pitch] }
    }

    fn clear(&mut self) {
        self.numbers.fill(T::ZERO);
    }

    /// Some rows.
    fn rows(&self, which: Range<usize>) -> RowSlice<'_, T> {
        let numbers = &self.numbers[which.start * self.pitch..which.end * self.pitch];
        RowSlice { size: self.size, pitch: self.pitch, numbers }
    }

    /// Some rows, and more up to a whole group; also their pitch.
    fn groups_mut(&mut self, which: Range<usize>) -> (&mut [T], usize) {
        let end = which.start + which.len().next_multiple_of(GROUP);
        (&mut self.numbers[which.start * self.pitch..end * self.pitch], self.pitch)
    }

    /// Takes these columns of the rows of tokens.
    fn load(&mut self, tokens: &[usize], from: &[T], width: usize, columns: Range<usize>) {
        for (into, token) in self.numbers.chunks_exact_mut(self.pitch).zip(tokens) {
            copy(&mut into[..self.size], &from[token * width..][columns.clone()]);
        }
    }

    /// Puts them into these columns of the rows of tokens.
    fn store(&self, tokens: &[usize], into: &mut [T], width: usize, columns: Range<usize>) {
        for (from, token) in self.numbers.chunks_exact(self.pitch).zip(tokens) {
            copy(&mut into[token * width..][columns.clone()], &from[..self.size]);
        }
    }
}

/// Some of [`Rows`].
#[derive(Clone, Copy)]
struct RowSlice<'a, T> {
    size: usize,
    pitch: usize,
    numbers: &'a [T],
}

impl<'a, T> RowSlice<'a, T> {
    fn iter(&self) -> std::slice::ChunksExact<'a, T> {
        self.numbers.chunks_exact(self.pitch)
    }
}

/// Rows as lanes, component by component; zero in lanes without a row.
#[inline(always)]
fn turn<T: Lanes>(into: &mut [T], lanes: usize, rows: RowSlice<T>) {
    if rows.numbers.len() < lanes * rows.pitch {
        into.fill(T::ZERO);
    }
    for (lane, row) in rows.iter().enumerate() {
        let (chunks, last) = row[..rows.size].as_chunks::<CHUNK>();
        // Components by chunks of constant size, which the compiler makes single moves of.
        for (into, chunk) in into.chunks_exact_mut(CHUNK * lanes).zip(chunks) {
            (0..CHUNK).for_each(|k| into[k * lanes + lane] = chunk[k]);
        }
        let into = &mut into[chunks.len() * CHUNK * lanes..];
        last.iter().enumerate().for_each(|(k, number)| into[k * lanes + lane] = *number);
    }
}

/// `into[j][lane] = start(j) + Σₖ turned[k][lane] rows[j][k]`, for whole groups of rows.
#[inline(always)]
fn products<T: Lanes, S: Simd>(simd: S, into: &mut [T], turned: &[T], rows: &Rows<T>, start: impl Fn(usize) -> T) {
    let (into, turned) = (T::vectors_mut::<S>(into).as_chunks_mut::<GROUP>().0, T::vectors::<S>(turned));
    for (group, (into, rows)) in into.iter_mut().zip(rows.numbers.chunks_exact(GROUP * rows.pitch)).enumerate() {
        let first = |i: usize| T::splat(simd, start(group * GROUP + i));
        let mut sums = [first(0), first(1), first(2), first(3)];
        let pitch = rows.len() / GROUP;
        let (pair, other) = rows.split_at(2 * pitch);
        let ((a, b), (c, d)) = (pair.split_at(pitch), other.split_at(pitch));
        for ((((x, a), b), c), d) in turned.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] = T::multiply_add(simd, *x, T::splat(simd, *a), sums[0]);
            sums[1] = T::multiply_add(simd, *x, T::splat(simd, *b), sums[1]);
            sums[2] = T::multiply_add(simd, *x, T::splat(simd, *c), sums[2]);
            sums[3] = T::multiply_add(simd, *x, T::splat(simd, *d), sums[3]);
        }
        *into = sums;
    }
}

/// `into[a][k] += Σ_b w(a, b) rows[b][k]`, for whole groups of `into`; w(a, b) lie at these distances for a and b.
#[inline(always)]
fn combine<T: Lanes, S: Simd>(
    simd: S,
    (into, pitch): (&mut [T], usize),
    (weights, next_a, next_b): (&[T], usize, usize),
    rows: RowSlice<T>,
) {
    for (group, into) in into.chunks_exact_mut(GROUP * pitch).enumerate() {
        let (into, weights) = (T::vectors_mut::<S>(into), &weights[group * GROUP * next_a..]);
        let count = into.len() / GROUP;
        for i in 0..count {
            let mut sums = [into[i], into[count + i], into[2 * count + i], into[3 * count + i]];
            for (b, row) in rows.iter().enumerate() {
                let (x, weights) = (T::vectors::<S>(row)[i], &weights[b * next_b..][..(GROUP - 1) * next_a + 1]);
                for (a, sum) in sums.iter_mut().enumerate() {
                    *sum = T::multiply_add(simd, x, T::splat(simd, weights[a * next_a]), *sum);
                }
            }
            sums.into_iter().enumerate().for_each(|(a, sum)| into[a * count + i] = sum);
        }
    }
}

/// Over the scores of each lane.
#[inline(always)]
fn softmax<T: Lanes, S: Simd>(simd: S, scores: &mut [T::Vector<S>]) {
    let largest = scores.iter().fold(T::splat(simd, T::LOWEST), |most, score| T::larger(simd, most, *score));
    let mut sum = T::splat(simd, T::ZERO);
    for score in scores.iter_mut() {
        *score = T::exp(simd, T::subtract(simd, *score, largest));
        sum = T::add(simd, sum, *score);
    }
    let inverse = T::divide(simd, T::splat(simd, T::ONE), sum);
    scores.iter_mut().for_each(|score| *score = T::multiply(simd, *score, inverse));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three centers with one, three and nine of eleven places filled; rows in another order than places.
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
    const TOKENS: usize = 13;

    impl Case {
        fn new(size: usize) -> Self {
            let wave = |count: usize, step: f64| (0..count).map(|i| (step * i as f64 + 1.0).sin()).collect::<Vec<_>>();
            let filled: Vec<_> = (0..3 * PLACES).map(|i| i % PLACES < [1, 3, 9][i / PLACES]).collect();
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

        /// By the formula, number by number.
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
    fn attention_is_what_its_formula_says() {
        for size in [1, 4, 8, 19] {
            let case = Case::new(size);
            assert!(largest_difference(&case.attention(&case.rows, &case.bias), &case.written_out()) < 1e-14);
        }
    }

    #[test]
    fn gradients_are_finite_differences() {
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
