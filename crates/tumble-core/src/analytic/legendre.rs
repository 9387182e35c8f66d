//! Angular functions of pure degree.

/// Strengths a_ℓ of the Legendre polynomials P_1, P_2 and P_4 of cos θ in an analytic potential.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Legendre {
    /// Strength of P_1 = x; inversion cancels it.
    pub l1: f64,
    /// Strength of P_2 = (3x² - 1) / 2.
    pub l2: f64,
    /// Strength of P_4 = (35x⁴ - 30x² + 3) / 8.
    pub l4: f64,
}

impl Legendre {
    /// Returns Σ_ℓ a_ℓ P_ℓ(x). Its mean over the sphere is 0.
    pub fn value(&self, x: f64) -> f64 {
        let [p1, p2, p4] = polynomials(x);
        self.l1 * p1 + self.l2 * p2 + self.l4 * p4
    }

    /// Returns Σ_ℓ a_ℓ dP_ℓ/dx.
    pub fn derivative(&self, x: f64) -> f64 {
        self.l1 + self.l2 * 3.0 * x + self.l4 * (35.0 * x * x - 15.0) * x / 2.0
    }

    /// Returns Σ_ℓ a_ℓ² P_ℓ(x) / (2ℓ + 1): the covariance over all rotations of the values in two directions, x being
    /// the cosine of the angle between them. x = 1 gives the variance in one direction.
    pub fn covariance(&self, x: f64) -> f64 {
        let [p1, p2, p4] = polynomials(x);
        self.l1.powi(2) * p1 / 3.0 + self.l2.powi(2) * p2 / 5.0 + self.l4.powi(2) * p4 / 9.0
    }

    /// Returns Σ_ℓ a_ℓ² ℓ(ℓ + 1) / (2ℓ + 1): the mean over the unit sphere of the squared surface gradient of the
    /// value.
    pub fn mean_square_slope(&self) -> f64 {
        self.l1.powi(2) * 2.0 / 3.0 + self.l2.powi(2) * 6.0 / 5.0 + self.l4.powi(2) * 20.0 / 9.0
    }
}

fn polynomials(x: f64) -> [f64; 3] {
    let square = x * x;
    [x, (3.0 * square - 1.0) / 2.0, ((35.0 * square - 30.0) * square + 3.0) / 8.0]
}
