//! Draws of random rotations are uniform: the averages of Wigner's D^ℓ vanish within their statistical error.

use tumble_check::wigner::{largest_averages, wigner};
use tumble_core::rotation::{Matrix3, draw};

const DRAWS: usize = 100_000;

/// Draws by steps and by streams.
fn samples() -> [Vec<Matrix3>; 2] {
    [(0..DRAWS as u64).map(|i| draw(11, i, 0)).collect(), (0..DRAWS as u64).map(|i| draw(11, 0, i)).collect()]
}

/// An entry of D^ℓ has variance 1 / (2ℓ + 1) under the uniform distribution. Of the 164 entries with ℓ = 1 ... 4 the
/// largest is beyond 4.5 standard errors once in a thousand seeds.
#[test]
fn first_moments_vanish() {
    for sample in samples() {
        let averages = largest_averages(&sample, &vec![1.0 / DRAWS as f64; DRAWS], 4);
        for (l, average) in averages.iter().enumerate().skip(1) {
            let standard_error = 1.0 / ((2 * l + 1) as f64 * DRAWS as f64).sqrt();
            assert!(*average < 4.5 * standard_error, "ℓ {l}: {average}, standard error {standard_error}");
        }
    }
}

/// The average of an entry's square is 1 / (2ℓ + 1). No entry is beyond 1, so the square's variance is at most that too.
#[test]
fn second_moments_are_those_of_the_uniform_distribution() {
    let sample = &samples()[0];
    let mut squares: Vec<_> = (0..=4).map(|l| vec![0.0; (2 * l + 1) * (2 * l + 1)]).collect();
    for rotation in sample {
        for (sum, matrix) in squares.iter_mut().zip(wigner(rotation, 4)) {
            sum.iter_mut().zip(matrix.entries()).for_each(|(s, x)| *s += x * x / DRAWS as f64);
        }
    }
    for (l, sums) in squares.iter().enumerate().skip(1) {
        let expected = 1.0 / (2 * l + 1) as f64;
        assert!(sums.iter().all(|s| (s - expected).abs() < 4.5 * (expected / DRAWS as f64).sqrt()), "ℓ {l}");
    }
}
