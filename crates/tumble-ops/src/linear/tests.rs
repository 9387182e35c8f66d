use super::*;
use crate::simd::with_each_register;

fn wave(count: usize, step: f64) -> Vec<f64> {
    (0..count).map(|i| (step * i as f64 + 1.0).sin()).collect()
}

/// The product by its definition.
fn expected(count: usize, rows: &[f64], weight: Weight<f64>, bias: &[f64]) -> Vec<f64> {
    let [size, out] = weight.sizes;
    let [next_row, next_column] = if weight.transposed { [1, size] } else { [out, 1] };
    let number = |row: &[f64], column: usize| {
        let terms = row.iter().enumerate().map(|(k, x)| x * weight.numbers[k * next_row + column * next_column]);
        terms.sum::<f64>() + bias.get(column).unwrap_or(&0.0)
    };
    let rows = |row: usize| &rows[row * size..(row + 1) * size];
    (0..count).flat_map(|row| (0..out).map(move |column| number(rows(row), column))).collect()
}

/// Calls `test` with products of all kinds of sizes.
fn each(mut test: impl FnMut(usize, &[f64], Weight<f64>, &[f64])) {
    for count in [0, 1, 3, 4, 5, 9, 37, 38] {
        for sizes in [[1, 1], [0, 4], [3, 5], [8, 16], [17, 1], [1, 33], [40, 19], [64, 600], [600, 64]] {
            let (rows, numbers) = (wave(count * sizes[0], 0.7), wave(sizes[0] * sizes[1], 1.3));
            for (transposed, bias) in [(false, wave(sizes[1], 0.3)), (true, wave(sizes[1], 0.3)), (true, vec![])] {
                test(count, &rows, Weight { numbers: &numbers, sizes, transposed }, &bias);
            }
        }
    }
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance), "{found:?} {expected:?}");
}

#[test]
fn products_are_those_of_the_definition() {
    each(|count, rows, weight, bias| {
        let exact = expected(count, rows, weight, bias);
        let mut into = vec![f64::NAN; exact.len()];
        linear(rows, weight, bias, &mut into);
        assert_close(&into, &exact, 1e-13);
        let single = |numbers: &[f64]| numbers.iter().map(|x| *x as f32).collect::<Vec<_>>();
        let (rows, numbers, bias, mut into) = (single(rows), single(weight.numbers), single(bias), single(&into));
        let weight = Weight { numbers: &numbers, sizes: weight.sizes, transposed: weight.transposed };
        linear(&rows, weight, &bias, &mut into);
        assert_close(&into.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), &exact, 2e-5);
    });
}

/// Tests the scalar products with the registers of `S`.
#[derive(Clone, Copy)]
struct WithRegister;

impl WithSimd for WithRegister {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        each(|count, rows, weight, _| {
            let Weight { numbers, sizes, .. } = weight;
            let exact = expected(count, rows, Weight { transposed: true, ..weight }, &[]);
            let mut into = vec![0.0; exact.len()];
            ScalarProducts { rows, weight: numbers, sizes, into: &mut into }.with_simd(simd);
            assert_close(&into, &exact, 1e-13);
            let exact = expected(count, rows, Weight { transposed: false, ..weight }, &[]);
            let mut into = vec![0.0; exact.len()];
            InOrder { rows, weight: numbers, sizes, into: &mut into }.with_simd(simd);
            assert_close(&into, &exact, 1e-13);
        });
    }
}

#[test]
fn products_are_the_same_with_each_register() {
    with_each_register(WithRegister);
}

#[test]
fn way_depends_on_the_rows_and_the_weight() {
    let way = |sizes: [usize; 2], transposed, rows| {
        let numbers = vec![0.0f32; sizes[0] * sizes[1]];
        Way::of(Weight { numbers: &numbers, sizes, transposed }, rows)
    };
    use Way::{ByColumns, ByScalarProducts, InOrder, Packed};
    let ways = |sizes, transposed| [1, 16, 64, 65, 384, 385].map(|rows| way(sizes, transposed, rows));
    assert_eq!(ways([512, 128], false), [InOrder, Packed, Packed, Packed, Packed, Packed]);
    assert_eq!(ways([512, 128], true), [ByScalarProducts, ByScalarProducts, ByColumns, Packed, Packed, Packed]);
    let wide = [ByScalarProducts, ByScalarProducts, ByColumns, ByColumns, ByColumns, Packed];
    assert_eq!(ways([2048, 512], true), wide);
    assert_eq!(ways([128, 512], true), [ByScalarProducts, ByScalarProducts, Packed, Packed, Packed, Packed]);
    assert_eq!(ways([32, 32], true), [ByScalarProducts, Packed, Packed, Packed, Packed, Packed]);
}
