//! Rotation matrices of real spherical harmonics, the basis of functions of the orientation.
//!
//! J. Ivanic and K. Ruedenberg, J. Phys. Chem. 100 (1996) 6342, tables 1 and 2, with the erratum 102 (1998) 9099.

use tumble_core::rotation::Matrix3;

/// D^ℓ, (2ℓ + 1) x (2ℓ + 1) with m = -ℓ ... ℓ; D^1 is R in the order y, z, x.
#[derive(Clone, Debug, PartialEq)]
pub struct Wigner {
    l: i32,
    entries: Vec<f64>,
}

impl Wigner {
    /// Returns the entry of row m and column n, both from -ℓ to ℓ.
    pub fn at(&self, m: i32, n: i32) -> f64 {
        self.entries[((m + self.l) * (2 * self.l + 1) + n + self.l) as usize]
    }

    /// Returns all entries, row by row `[(2ℓ + 1)²]`.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    fn new(l: i32, entry: impl Fn(i32, i32) -> f64) -> Self {
        let entries = (-l..=l).flat_map(|m| (-l..=l).map(move |n| (m, n))).map(|(m, n)| entry(m, n)).collect();
        Self { l, entries }
    }
}

/// Returns D^0 ... D^highest of one rotation.
pub fn wigner(r: &Matrix3, highest: usize) -> Vec<Wigner> {
    const AXIS: [usize; 3] = [1, 2, 0];
    let mut all = vec![Wigner::new(0, |_, _| 1.0)];
    all.push(Wigner::new(1, |m, n| r[AXIS[(m + 1) as usize]][AXIS[(n + 1) as usize]]));
    for l in 2..=highest as i32 {
        let next = Wigner::new(l, |m, n| entry(&all[1], &all[l as usize - 1], m, n));
        all.push(next);
    }
    all.truncate(highest + 1);
    all
}

/// One entry of D^ℓ, u U + v V + w W in the paper, from D^1 and D^(ℓ-1).
fn entry(first: &Wigner, lower: &Wigner, m: i32, n: i32) -> f64 {
    let l = lower.l + 1;
    let denominator = f64::from(if n.abs() < l { (l + n) * (l - n) } else { 2 * l * (2 * l - 1) });
    let root = |x: i32| (f64::from(x) / denominator).sqrt();
    let p = |i: i32, a: i32| product(first, lower, i, a, n);
    let a = m.abs();
    let mut sum = 0.0;
    if a < l {
        sum += root((l + m) * (l - m)) * p(0, m);
    }
    let v = root((l + a - 1) * (l + a)) / 2.0;
    sum += match m {
        0 => -v * 2.0_f64.sqrt() * (p(1, 1) + p(-1, -1)),
        1 => v * 2.0_f64.sqrt() * p(1, 0),
        -1 => v * 2.0_f64.sqrt() * p(-1, 0),
        2.. => v * (p(1, m - 1) - p(-1, 1 - m)),
        _ => v * (p(1, m + 1) + p(-1, -m - 1)),
    };
    if m != 0 && a < l - 1 {
        let w = -root((l - a - 1) * (l - a)) / 2.0;
        sum += w * if m > 0 { p(1, m + 1) + p(-1, -m - 1) } else { p(1, m - 1) - p(-1, 1 - m) };
    }
    sum
}

/// P of the paper's table 2.
fn product(first: &Wigner, lower: &Wigner, i: i32, a: i32, n: i32) -> f64 {
    let l = lower.l + 1;
    if n == l {
        first.at(i, 1) * lower.at(a, l - 1) - first.at(i, -1) * lower.at(a, 1 - l)
    } else if n == -l {
        first.at(i, 1) * lower.at(a, 1 - l) + first.at(i, -1) * lower.at(a, l - 1)
    } else {
        first.at(i, 0) * lower.at(a, n)
    }
}

/// Returns weighted averages of D^0 ... D^highest over rotations; the weights sum to 1.
pub fn averages(rotations: &[Matrix3], weights: &[f64], highest: usize) -> Vec<Wigner> {
    let mut sums: Vec<_> = (0..=highest as i32).map(|l| Wigner::new(l, |_, _| 0.0)).collect();
    for (rotation, weight) in rotations.iter().zip(weights) {
        for (sum, matrix) in sums.iter_mut().zip(wigner(rotation, highest)) {
            sum.entries.iter_mut().zip(matrix.entries).for_each(|(s, x)| *s += weight * x);
        }
    }
    sums
}

/// Returns the largest |entry| of the weighted average of D^ℓ, for ℓ = 0 ... highest.
pub fn largest_averages(rotations: &[Matrix3], weights: &[f64], highest: usize) -> Vec<f64> {
    let largest = |mean: &Wigner| mean.entries.iter().fold(0.0, |largest: f64, x| x.abs().max(largest));
    averages(rotations, weights, highest).iter().map(largest).collect()
}
