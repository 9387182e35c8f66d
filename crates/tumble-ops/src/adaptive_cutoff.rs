//! The cutoff of each center that contains a given number of neighbors, as in metatrain's PET: the root c of
//! Σ_k f(r_k; c) + n (c / R)³ = n, with the bump function f, the target n and the largest cutoff R.

use std::f64::consts::PI;

use crate::Real;

/// Newton steps, as in metatrain.
const STEPS: usize = 10;

/// The relative change of the root, below which it is that of rounding.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Smallest slope of the number of neighbors, and the smallest distance of the bump's argument from 0 and 1.
const SMALLEST: f64 = 1e-6;

/// Parameters of the equation, Å or another unit of length.
#[derive(Clone, Copy)]
pub(crate) struct Equation {
    /// Target number of neighbors n.
    pub count: f64,
    /// Largest cutoff R.
    pub cutoff: f64,
    /// Width of the bump, below c.
    pub width: f64,
}

impl Equation {
    /// Refuses parameters without a root.
    ///
    /// # Errors
    /// The fault, as the rest of a sentence.
    pub fn check(&self) -> Result<(), String> {
        let parameters = [("count", self.count), ("cutoff", self.cutoff), ("width", self.width)];
        match parameters.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            Some((name, value)) => Err(format!("its {name} is {value} where a finite number above 0 was expected")),
            None => Ok(()),
        }
    }

    /// Returns the root and the slope there for the distances of a center's neighbors.
    pub fn solve<T: Real>(&self, neighbors: impl Iterator<Item = T> + Clone) -> [T; 2] {
        let (mut low, mut high, mut root) = (0.0, self.cutoff, 0.5 * self.cutoff);
        for _ in 0..STEPS {
            let [excess, slope] = self.excess(neighbors.clone(), root);
            if excess <= 0.0 {
                low = root
            } else {
                high = root
            }
            let step = root - excess / slope;
            let next = if (low..=high).contains(&step) { step } else { 0.5 * (low + high) };
            // More steps would change no more than the last bits.
            if (next - root).abs() < ROUNDING * root {
                return [next, slope].map(T::from_f64);
            }
            root = next;
        }
        [root, self.excess(neighbors, root)[1]].map(T::from_f64)
    }

    /// Returns the number of neighbors within a cutoff minus its target, and the derivative.
    fn excess<T: Real>(&self, neighbors: impl Iterator<Item = T>, cutoff: f64) -> [f64; 2] {
        let share = cutoff / self.cutoff;
        let (mut number, mut slope) = (self.count * share.powi(3), 3.0 * self.count * share * share / self.cutoff);
        for distance in neighbors {
            match (distance.to_f64() - (cutoff - self.width)) / self.width {
                x if x <= 0.0 => number += 1.0,
                x if x < 1.0 => {
                    let (sine, cosine) = (PI * x.clamp(SMALLEST, 1.0 - SMALLEST)).sin_cos();
                    let height = (cosine / sine).tanh();
                    number += 0.5 * (1.0 + height);
                    slope += 0.5 * PI / self.width * (1.0 - height * height) / (sine * sine);
                }
                _ => {}
            }
        }
        [number - self.count, slope.max(SMALLEST)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_without_a_root_are_refused() {
        let found = |count, cutoff, width| Equation { count, cutoff, width }.check().err();
        let sentence = |text: &str| Some(format!("its {text} where a finite number above 0 was expected"));
        assert_eq!(found(16.0, 7.5, 1.0), None);
        assert_eq!(found(f64::NAN, 7.5, 1.0), sentence("count is NaN"));
        assert_eq!(found(16.0, 0.0, 1.0), sentence("cutoff is 0"));
        assert_eq!(found(16.0, 7.5, f64::INFINITY), sentence("width is inf"));
    }

    const EQUATION: Equation = Equation { count: 6.0, cutoff: 5.0, width: 1.0 };

    #[test]
    fn root_solves_the_equation_and_the_slope_is_the_derivative() {
        let distances: Vec<f64> = (1..=20).map(|k| 0.9 + 0.2 * f64::from(k)).collect();
        let [root, slope] = EQUATION.solve(distances.iter().copied());
        let excess = |cutoff| EQUATION.excess(distances.iter().copied(), cutoff)[0];
        assert!(excess(root).abs() < 1e-12 && root > 1.0 && root < 5.0, "{root}: {}", excess(root));
        let difference = (excess(root + 1e-5) - excess(root - 1e-5)) / 2e-5;
        assert!((difference - slope).abs() < 1e-6 * slope, "{difference} and {slope}");
    }

    #[test]
    fn root_without_neighbors_is_near_the_largest_cutoff() {
        // Each Newton step leads beyond the bracket here, so it is halved ten times.
        let root = EQUATION.solve(std::iter::empty::<f64>())[0];
        assert!((root - 5.0).abs() < 2.5 / 1024.0 + 1e-12, "{root}");
    }
}
