//! Attention beside its formula, and its gradients beside finite differences.

use super::*;
use crate::simd::with_each_register;

/// Centers of which the first places, or others, are filled; rows are in another order than places, and some belong to
/// no token.
struct Case {
    places: usize,
    source: Vec<i64>,
    filled: Vec<bool>,
    rows: Vec<f64>,
    bias: Vec<f64>,
    gradient: Vec<f64>,
    size: usize,
}

const HEADS: usize = 2;

fn wave(count: usize, step: f64) -> Vec<f64> {
    (0..count).map(|i| (step * i as f64 + 1.0).sin()).collect()
}

impl Case {
    /// One, three and eleven of eleven places are filled.
    fn new(size: usize) -> Self {
        Self::with(size, 11, &[1, 3, 11])
    }

    /// Centers with so many tokens in `places` places, each center with a token in the last place if it has two or more.
    fn with(size: usize, places: usize, tokens: &[usize]) -> Self {
        let filled: Vec<_> =
            tokens.iter().flat_map(|&count| (0..places).map(move |i| (i + 1) % places < count)).collect();
        let total = tokens.iter().sum::<usize>() + 2;
        let total = if total.is_multiple_of(7) { total + 1 } else { total };
        let before = |place: usize| filled[..place].iter().filter(|&&there| there).count();
        let source = (0..filled.len()).map(|place| ((7 * before(place) + 2) % total) as i64).collect();
        let (bias, width) = (wave(filled.len(), 0.9), HEADS * size);
        Self {
            places,
            source,
            rows: wave(total * 3 * width, 0.7),
            bias,
            gradient: wave(total * width, 1.3),
            filled,
            size,
        }
    }

    fn layout(&self) -> Layout<'_> {
        Layout { places: self.places, heads: HEADS, size: self.size, source: &self.source, filled: &self.filled }
    }

    fn inputs(&self) -> Inputs<'_, f64> {
        Inputs { layout: self.layout(), rows: &self.rows, bias: &self.bias }
    }

    fn attention(&self, rows: &[f64], bias: &[f64]) -> Vec<f64> {
        let mut found = vec![f64::NAN; self.gradient.len()];
        forward(Threads::One, Inputs { layout: self.layout(), rows, bias }, &mut found).unwrap();
        found
    }

    /// Returns the gradients of the rows and of the bias.
    fn gradients(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut rows, mut bias) = (vec![f64::NAN; self.rows.len()], vec![f64::NAN; self.bias.len()]);
        backward(Threads::One, self.inputs(), &self.gradient, &mut rows, &mut bias).unwrap();
        (rows, bias)
    }

    /// Returns the parts of a result of the size of the rows or of the gradient.
    fn parts<'r>(&self, into: &'r mut [f64]) -> Vec<Part<'r, f64>> {
        let width = self.layout().width() * into.len() / self.gradient.len();
        parts(&self.layout(), width, into).unwrap()
    }

    /// Attention by its formula, number by number.
    fn written_out(&self) -> Vec<f64> {
        let (layout, places, mut found) = (self.layout(), self.places, vec![0.0; self.gradient.len()]);
        let row = |place: usize, part, head| {
            &self.rows[self.source[place] as usize * 3 * layout.width()..][layout.column(part, head)..][..self.size]
        };
        for (head, query) in (0..HEADS).flat_map(|head| (0..self.filled.len()).map(move |query| (head, query))) {
            let keys = query / places * places..(query / places + 1) * places;
            let score = |key: usize| -> f64 {
                self.bias[key] + row(query, 0, head).iter().zip(row(key, 1, head)).map(|(q, k)| q * k).sum::<f64>()
            };
            let weights: Vec<_> = keys.filter(|&key| self.filled[key]).map(|key| (key, score(key).exp())).collect();
            let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
            for k in (0..self.size).filter(|_| self.filled[query]) {
                let value = weights.iter().map(|&(key, weight)| weight / sum * row(key, 2, head)[k]).sum();
                found[self.source[query] as usize * layout.width() + head * self.size + k] = value;
            }
        }
        found
    }

    /// Returns the gradients of the rows and of the bias by finite differences.
    fn differences(&self) -> (Vec<f64>, Vec<f64>) {
        let total = |rows: &[f64], bias: &[f64]| -> f64 {
            self.attention(rows, bias).iter().zip(&self.gradient).map(|(a, g)| a * g).sum()
        };
        let differences = |of: &[f64], total: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            let moved = |i: usize, by: f64| [&of[..i], &[of[i] + by], &of[i + 1..]].concat();
            (0..of.len()).map(|i| (total(&moved(i, 1e-5)) - total(&moved(i, -1e-5))) / 2e-5).collect()
        };
        let rows = differences(&self.rows, &|rows| total(rows, &self.bias));
        (rows, differences(&self.bias, &|bias| total(&self.rows, bias)))
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|number| number.is_finite()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn attention_agrees_with_its_formula() {
    for size in [1, 4, 8, 16, 19, 24, 32] {
        let case = Case::new(size);
        assert!(largest_difference(&case.attention(&case.rows, &case.bias), &case.written_out()) < 1e-14);
    }
}

#[test]
fn attention_agrees_with_its_formula_for_any_number_of_tokens() {
    for size in [8, 16, 19] {
        for tokens in 1..=40 {
            let case = Case::with(size, tokens + 1, &[tokens, tokens / 2, 0, tokens + 1]);
            assert!(largest_difference(&case.attention(&case.rows, &case.bias), &case.written_out()) < 1e-14);
        }
    }
}

#[test]
fn many_centers_are_divided_into_parts() {
    let case = Case::with(8, 20, &[20, 3, 0, 7].repeat(10));
    let (mut into, mut places) = (vec![f64::NAN; case.gradient.len()], 0..0);
    for part in case.parts(&mut into) {
        assert_eq!(part.places.start, places.end);
        places = part.places;
    }
    assert_eq!(places, 780..800);
    assert!(largest_difference(&case.attention(&case.rows, &case.bias), &case.written_out()) < 1e-14);
}

#[test]
fn token_in_two_places_is_refused() {
    let mut case = Case::new(8);
    let filled = (0..case.filled.len()).filter(|&place| case.filled[place]).collect::<Vec<_>>();
    case.source[filled[1]] = case.source[filled[0]];
    assert!(parts(&case.layout(), HEADS * 8, &mut vec![0.0; case.gradient.len()]).is_none());
}

#[test]
fn gradients_agree_with_finite_differences() {
    let centers =
        [(3, 11, &[1, 3, 11][..]), (8, 11, &[1, 3, 11]), (16, 7, &[6, 0, 7]), (8, 18, &[17]), (19, 3, &[2, 3])];
    for (size, places, tokens) in centers {
        let case = Case::with(size, places, tokens);
        let ((rows, bias), (of_rows, of_bias)) = (case.gradients(), case.differences());
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
        for size in [1, 4, 8, 16, 19] {
            let case = Case::new(size);
            let mut into = vec![0.0; case.gradient.len()];
            // Each constant size would double the time to compile the emulation.
            for part in case.parts(&mut into) {
                Forward::<f64, 0> { inputs: case.inputs(), part }.with_simd(simd);
            }
            assert!(largest_difference(&into, &case.written_out()) < 1e-14);
            let (mut rows, mut bias) = (vec![0.0; case.rows.len()], vec![0.0; case.bias.len()]);
            let (own_rows, own_bias) = case.gradients();
            for part in case.parts(&mut rows) {
                let bias = &mut bias[part.places.clone()];
                Backward::<f64, 0> { inputs: case.inputs(), gradient: &case.gradient, part, bias }.with_simd(simd);
            }
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
    for size in [8, 16, 19] {
        let case = Case::new(size);
        let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let (rows, bias, mut found) = (single(&case.rows), single(&case.bias), vec![0.0; case.gradient.len()]);
        forward(Threads::One, Inputs { layout: case.layout(), rows: &rows, bias: &bias }, &mut found).unwrap();
        let found: Vec<_> = found.into_iter().map(f64::from).collect();
        assert!(largest_difference(&found, &case.written_out()) < 1e-6);
    }
}

#[test]
fn single_precision_gradients_differ_by_rounding() {
    for size in [8, 16, 19] {
        let case = Case::with(size, 22, &[21, 14]);
        let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<_>>();
        let (rows, bias, gradient) = (single(&case.rows), single(&case.bias), single(&case.gradient));
        let (mut of_rows, mut of_bias) = (vec![0.0; rows.len()], vec![0.0; bias.len()]);
        let inputs = Inputs { layout: case.layout(), rows: &rows, bias: &bias };
        backward(Threads::One, inputs, &gradient, &mut of_rows, &mut of_bias).unwrap();
        let double = |numbers: Vec<f32>| numbers.into_iter().map(f64::from).collect::<Vec<_>>();
        let (own_rows, own_bias) = case.gradients();
        assert!(largest_difference(&double(of_rows), &own_rows) < 1e-5);
        assert!(largest_difference(&double(of_bias), &own_bias) < 1e-5);
    }
}
