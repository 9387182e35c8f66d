//! Spectrum of the broken symmetry by angular momentum, and the part that remains after averaging over a grid.
//!
//! On SO(3) f(R) = Σ_ℓ Σ_mn a^ℓ_mn D^ℓ_mn(R), with a^ℓ_mn = (2ℓ + 1) ∫ f(R) D^ℓ_mn(R) dR (the volume is 1; D is that of
//! real harmonics). The part of f of angular momentum ℓ has the mean square
//!
//! P_ℓ = Σ_mn |a^ℓ_mn|² / (2ℓ + 1) = (2ℓ + 1) ∬ f(R) · f(R') χ_ℓ(R R'ᵀ) dR dR',
//!
//! where χ_ℓ(θ) = sin((2ℓ + 1) θ/2) / sin(θ/2) is the character, the trace of D^ℓ (Peter and Weyl). A quadrature
//! replaces the integrals by sums. With positive weights and a degree of at least 2ℓ the D^ℓ remain orthogonal in these
//! sums, so that by Bessel's inequality the P_ℓ never exceed the variance, and the rest of it is at higher ℓ. A
//! function on O(3) has an even part, (f(R) + f(-R)) / 2, and an odd one, each with its P_ℓ. The P_ℓ with ℓ ≥ 1 and the
//! odd P_0 sum to the variance over O(3).
//!
//! **The effect of a grid.** The average over nodes S_k of weight u_k, rotated by Q, is Σ_k u_k f(S_k Q). Since
//! D^ℓ(S_k Q) = D^ℓ(S_k) D^ℓ(Q), it maps a^ℓ to B^ℓᵀ a^ℓ with B^ℓ = Σ_k u_k D^ℓ(S_k), and for uniform Q the remaining
//! part of P_ℓ is
//!
//! tr(M^ℓ B^ℓ B^ℓᵀ), with M^ℓ_mm' = Σ_n a^ℓ_mn · a^ℓ_m'n / (2ℓ + 1), tr M^ℓ = P_ℓ.
//!
//! If the model has no preferred axes, M^ℓ is a multiple of the identity, and a fraction tr(B^ℓ B^ℓᵀ) / (2ℓ + 1)
//! remains. For a group, B^ℓ projects on its invariants, so that this fraction is their number over 2ℓ + 1. It is zero
//! for T at ℓ = 1, 2, 5, for O at 1, 2, 3, 5, 7, 11, for I at 1 to 5, 7, 8, 9, 11, 13, 14, ... An inversion removes the
//! odd part. Independent rotations, n in number, leave 1/n of every ℓ. The part above the highest ℓ is assumed to
//! behave in the same way, since on average every grid leaves 1/n of high ℓ.

use ndarray::{Array2, ArrayView2};
use tumble_core::quadrature::Quadrature;
use tumble_core::rotation::Matrix3;

use crate::measure::{Reference, Samples};
use crate::wigner::{averages, wigner};

/// Deviation of a quantity from its mean over O(3) by angular momentum, even and odd part.
#[derive(Clone, Debug)]
pub struct Bands {
    /// M^ℓ of the even and of the odd part, from ℓ = 0; zero for even ℓ = 0, since the mean is subtracted.
    pub moments: [Vec<Array2<f64>>; 2],
    /// Mean square above the highest ℓ: even and odd.
    pub rest: [f64; 2],
}

/// Spectra of the energy per atom, eV², and of the forces, mean over components, (eV/Å)².
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Spectrum of the energy per atom, eV².
    pub energy: Bands,
    /// Spectrum of the forces, mean over components, (eV/Å)².
    pub forces: Bands,
    /// a^ℓ of the even and of the odd part of the energy per atom, from ℓ = 0, eV, for maps.
    pub coefficients: [Vec<Array2<f64>>; 2],
}

impl Spectrum {
    /// Expands the reference through ℓ = `highest`; its grid must be exact through 2 `highest`.
    pub fn of(reference: &Reference, highest: usize) -> Self {
        let columns = reference.mean.forces.len();
        let atoms = (columns / 3).max(1) as f64;
        let basis = Basis::new(&reference.grid, highest);
        let deviations = |s: &Samples| {
            let energy = s.energies.mapv(|e| (e - reference.mean.energy) / atoms).insert_axis(ndarray::Axis(1));
            (energy, (&s.forces - &reference.mean.forces) / (columns.max(1) as f64).sqrt())
        };
        let [(energy, forces), (energy_inverted, forces_inverted)] =
            [&reference.proper, &reference.inverted].map(deviations);
        let coefficients = [0.5 * (&energy + &energy_inverted), 0.5 * (&energy - &energy_inverted)]
            .map(|part| (0..=highest).map(|l| square(&basis.project(part.view(), l), l)).collect());
        Self {
            energy: basis.bands(&energy, &energy_inverted),
            forces: basis.bands(&forces, &forces_inverted),
            coefficients,
        }
    }

    /// Returns the highest resolved ℓ.
    pub fn highest(&self) -> usize {
        self.energy.highest()
    }

    /// Averages spectra, through the lowest of their highest ℓ; takes the coefficients from the first.
    ///
    /// # Panics
    /// If `all` is empty.
    pub fn mean(all: &[&Self]) -> Self {
        let of = |bands: fn(&Self) -> &Bands| Bands::mean(&all.iter().map(|s| bands(s)).collect::<Vec<_>>());
        let coefficients = all[0].coefficients.clone();
        Self { energy: of(|s| &s.energy), forces: of(|s| &s.forces), coefficients }
    }

    /// Returns the deviation of the energy per atom from its mean at a proper rotation, eV, through the highest ℓ. With
    /// `grid` it is the deviation of the average over that grid, with `inversion` its even part.
    pub fn energy_at(&self, rotation: &Matrix3, grid: Option<&Filter>, inversion: bool) -> f64 {
        let matrices = wigner(rotation, self.highest());
        let part = |(l, a): (usize, &Array2<f64>)| {
            let left = grid.map_or_else(|| a.clone(), |grid| grid.means[l].t().dot(a));
            left.iter().zip(matrices[l].entries()).map(|(a, d)| a * d).sum::<f64>()
        };
        let parities = if inversion { 1 } else { 2 };
        self.coefficients[..parities].iter().flat_map(|one| one.iter().enumerate().map(part)).sum()
    }
}

impl Bands {
    /// Returns the highest resolved ℓ.
    pub fn highest(&self) -> usize {
        self.moments[0].len() - 1
    }

    /// Returns P_ℓ of the even and of the odd part.
    pub fn power(&self, l: usize) -> [f64; 2] {
        self.moments.each_ref().map(|moments| moments[l].diag().sum())
    }

    /// Returns the variance over O(3).
    pub fn variance(&self) -> f64 {
        self.parts().iter().sum()
    }

    /// Returns the mean squares of the even and of the odd part, which sum to the variance.
    pub fn parts(&self) -> [f64; 2] {
        let resolved = (0..=self.highest()).map(|l| self.power(l));
        resolved.fold(self.rest, |sum, power| [sum[0] + power[0], sum[1] + power[1]])
    }

    /// Returns the mean square of the deviation that remains after averaging over a grid, over all its orientations.
    pub fn residual(&self, grid: &Filter, inversion: bool) -> f64 {
        let parities = if inversion { 1 } else { 2 };
        let resolved = self.moments[..parities].iter().flatten().zip(grid.squares.iter().cycle());
        let resolved: f64 = resolved.map(|(moment, square)| (moment * square).sum()).sum();
        resolved + grid.share * self.rest[..parities].iter().sum::<f64>()
    }

    fn mean(all: &[&Self]) -> Self {
        let highest = all.iter().map(|bands| bands.highest()).min().unwrap_or(0);
        let mut sum = all[0].cut(highest);
        for bands in &all[1..] {
            let bands = bands.cut(highest);
            sum.moments.iter_mut().flatten().zip(bands.moments.iter().flatten()).for_each(|(a, b)| *a += b);
            sum.rest.iter_mut().zip(bands.rest).for_each(|(a, b)| *a += b);
        }
        let count = all.len() as f64;
        sum.moments.iter_mut().flatten().for_each(|moment| *moment /= count);
        Self { rest: sum.rest.map(|rest| rest / count), ..sum }
    }

    /// Moves the part above `highest` to the rest.
    fn cut(&self, highest: usize) -> Self {
        let above = |parity: usize| (highest + 1..=self.highest()).map(|l| self.power(l)[parity]).sum::<f64>();
        let moments = self.moments.each_ref().map(|moments| moments[..=highest].to_vec());
        Self { moments, rest: [0, 1].map(|parity| self.rest[parity] + above(parity)) }
    }
}

/// Effect of a grid on each angular momentum.
#[derive(Clone, Debug)]
pub struct Filter {
    /// B^ℓ.
    pub means: Vec<Array2<f64>>,
    /// B^ℓ B^ℓᵀ.
    squares: Vec<Array2<f64>>,
    /// Σ u², the remaining fraction of every ℓ for independent rotations with these weights.
    share: f64,
}

impl Filter {
    /// Creates the filter of a grid of proper rotations, through ℓ = `highest`.
    pub fn new(grid: &Quadrature, highest: usize) -> Self {
        let means = averages(&grid.rotations, &grid.weights, highest);
        let means: Vec<_> = means.iter().enumerate().map(|(l, mean)| matrix(mean.entries(), l)).collect();
        let squares = means.iter().map(|b| b.dot(&b.t())).collect();
        Self { means, squares, share: grid.weights.iter().map(|u| u * u).sum() }
    }

    /// Creates the filter of n independent rotations.
    pub fn independent(n: usize, highest: usize) -> Self {
        let share = 1.0 / n as f64;
        let squares = (0..=highest).map(|l| Array2::eye(2 * l + 1) * if l == 0 { 1.0 } else { share }).collect();
        Self { means: vec![], squares, share }
    }

    /// Returns the remaining fraction of P_ℓ if the model has no preferred axes.
    pub fn fraction(&self, l: usize) -> f64 {
        self.squares[l].diag().sum() / (2 * l + 1) as f64
    }
}

/// D^ℓ at the nodes of a quadrature, times (2ℓ + 1) and its weights `[(2ℓ + 1)², n]`, from ℓ = 0.
struct Basis<'a> {
    grid: &'a Quadrature,
    rows: Vec<Array2<f64>>,
}

impl<'a> Basis<'a> {
    fn new(grid: &'a Quadrature, highest: usize) -> Self {
        let size = |l: usize| (2 * l + 1) * (2 * l + 1);
        let mut rows: Vec<_> = (0..=highest).map(|l| Array2::zeros((size(l), grid.len()))).collect();
        for (k, (rotation, weight)) in grid.rotations.iter().zip(&grid.weights).enumerate() {
            for (l, matrix) in wigner(rotation, highest).iter().enumerate() {
                let scaled = matrix.entries().iter().map(|d| (2 * l + 1) as f64 * weight * d);
                rows[l].column_mut(k).iter_mut().zip(scaled).for_each(|(to, from)| *to = from);
            }
        }
        Self { grid, rows }
    }

    /// Returns a^ℓ `[(2ℓ + 1)², c]` of columns of values `[n, c]`.
    fn project(&self, values: ArrayView2<f64>, l: usize) -> Array2<f64> {
        self.rows[l].dot(&values)
    }

    /// Computes the spectrum of deviations at R and at -R `[n, c]`.
    fn bands(&self, proper: &Array2<f64>, inverted: &Array2<f64>) -> Bands {
        let parities = [0.5 * (proper + inverted), 0.5 * (proper - inverted)];
        let moments = parities.each_ref().map(|values| self.moments(values));
        let rest = [0, 1].map(|parity| {
            let resolved: f64 = moments[parity].iter().map(|moment: &Array2<f64>| moment.diag().sum()).sum();
            self.mean_square(&parities[parity]) - resolved
        });
        Bands { moments, rest: rest.map(|rest| rest.max(0.0)) }
    }

    fn moments(&self, values: &Array2<f64>) -> Vec<Array2<f64>> {
        let moment = |l: usize| {
            let a = square(&self.project(values.view(), l), l);
            a.dot(&a.t()) / (2 * l + 1) as f64
        };
        (0..self.rows.len()).map(moment).collect()
    }

    fn mean_square(&self, values: &Array2<f64>) -> f64 {
        values.rows().into_iter().zip(&self.grid.weights).map(|(row, weight)| weight * row.dot(&row)).sum()
    }
}

/// Reshapes a^ℓ `[(2ℓ + 1)², c]` into `[2ℓ + 1, (2ℓ + 1) c]`, one row per m.
fn square(coefficients: &Array2<f64>, l: usize) -> Array2<f64> {
    let values: Vec<f64> = coefficients.iter().copied().collect();
    matrix(&values, l)
}

/// A matrix with 2ℓ + 1 rows.
fn matrix(entries: &[f64], l: usize) -> Array2<f64> {
    let (rows, columns) = (2 * l + 1, entries.len() / (2 * l + 1));
    Array2::from_shape_fn((rows, columns), |(row, column)| entries[row * columns + column])
}
