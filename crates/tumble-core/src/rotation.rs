//! Vectors, orthogonal matrices, and uniform draws from SO(3).

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A vector: x, y, z.
pub type Vector3 = [f64; 3];

/// A 3x3 matrix, as rows.
pub type Matrix3 = [[f64; 3]; 3];

/// The identity matrix.
pub const IDENTITY: Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Returns the dot product a · b.
#[inline]
pub fn dot(a: Vector3, b: Vector3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Returns the length |a|.
#[inline]
pub fn norm(a: Vector3) -> f64 {
    dot(a, a).sqrt()
}

/// Returns the root mean square over all components; 0 for no vectors.
pub fn root_mean_square(vectors: &[Vector3]) -> f64 {
    let components = vectors.as_flattened();
    (components.iter().map(|x| x * x).sum::<f64>() / components.len().max(1) as f64).sqrt()
}

/// Returns the cross product a × b.
#[inline]
pub fn cross(a: Vector3, b: Vector3) -> Vector3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Returns the sum a + b.
#[inline]
pub fn add(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// Returns the difference a - b.
#[inline]
pub fn sub(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Returns the multiple s a.
#[inline]
pub fn scale(a: Vector3, s: f64) -> Vector3 {
    a.map(|x| s * x)
}

/// Returns the product m v.
#[inline]
pub fn apply(m: &Matrix3, v: Vector3) -> Vector3 {
    [dot(m[0], v), dot(m[1], v), dot(m[2], v)]
}

/// Returns the product mᵀ v.
#[inline]
pub fn apply_transposed(m: &Matrix3, v: Vector3) -> Vector3 {
    [0, 1, 2].map(|j| m[0][j] * v[0] + m[1][j] * v[1] + m[2][j] * v[2])
}

/// Returns the transposed matrix mᵀ.
#[inline]
pub fn transpose(m: &Matrix3) -> Matrix3 {
    [0, 1, 2].map(|i| [m[0][i], m[1][i], m[2][i]])
}

/// Returns the matrix product a b.
#[inline]
pub fn multiply(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    a.map(|row| apply_transposed(b, row))
}

/// Returns the symmetric part (m + mᵀ)/2.
#[inline]
pub fn symmetrized(m: &Matrix3) -> Matrix3 {
    [0, 1, 2].map(|a| [0, 1, 2].map(|b| 0.5 * (m[a][b] + m[b][a])))
}

/// Returns the determinant: +1 for a rotation, -1 for a rotation followed by an inversion.
#[inline]
pub fn determinant(m: &Matrix3) -> f64 {
    dot(m[0], cross(m[1], m[2]))
}

/// Returns the inverted matrix -m.
#[inline]
pub fn negate(m: &Matrix3) -> Matrix3 {
    m.map(|row| scale(row, -1.0))
}

/// Returns the rotation by `angle` (radians, counterclockwise seen from the tip of the axis) about `axis` (of any
/// length but zero).
pub fn about(axis: Vector3, angle: f64) -> Matrix3 {
    let (sin, cos) = (angle / 2.0).sin_cos();
    let [x, y, z] = scale(axis, sin / norm(axis));
    from_quaternion([cos, x, y, z])
}

/// Draws a uniform rotation, a pure function of (seed, step, stream).
///
/// The rotation is the same on every MPI rank, for every number of threads, and after a restart. ChaCha8 is used as a
/// counter-based generator: the seed is its key, the stream its nonce, and the step its block number (a block has 16
/// words of 32 bits; 6 are used). So draws neither depend on earlier ones nor overlap. Their values never change
/// between versions.
pub fn draw(seed: u64, step: u64, stream: u64) -> Matrix3 {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut source = ChaCha8Rng::from_seed(key);
    source.set_stream(stream);
    source.set_word_pos(u128::from(step) * 16);
    from_quaternion(uniform_quaternion([0; 3].map(|_| unit_interval(source.next_u64()))))
}

/// The key of the random rotations of a step. Equal keys give equal rotations, on every MPI rank, for every number of
/// threads, and after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// Seed of the simulation.
    pub seed: u64,
    /// Number of the step.
    pub step: u64,
    /// Stream: simulations with the same seed, such as the clients of one server, draw independently if their streams
    /// differ.
    pub stream: u32,
}

impl Draw {
    /// Returns the k-th rotation, 0 <= k < 2^32: [`draw`] with the stream 2^32 `stream` + k.
    pub fn rotation(&self, k: u64) -> Matrix3 {
        draw(self.seed, self.step, (u64::from(self.stream) << 32) + k)
    }
}

/// Converts the 53 high bits to a number in [0, 1).
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns a uniform unit quaternion from three uniform numbers in [0, 1).
///
/// K. Shoemake, Uniform random rotations, in Graphics Gems III (1992) 124.
fn uniform_quaternion([split, first, second]: [f64; 3]) -> [f64; 4] {
    let (sin_first, cos_first) = (TAU * first).sin_cos();
    let (sin_second, cos_second) = (TAU * second).sin_cos();
    let (low, high) = ((1.0 - split).sqrt(), split.sqrt());
    [high * cos_second, low * sin_first, low * cos_first, high * sin_second]
}

/// Returns the rotation of a quaternion (scalar part first, any length but zero).
///
/// The division by the squared length keeps the matrix orthogonal to rounding even if the length is 1 only to rounding.
fn from_quaternion([w, x, y, z]: [f64; 4]) -> Matrix3 {
    let s = 2.0 / (w * w + x * x + y * y + z * z);
    [
        [1.0 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
        [s * (x * y + w * z), 1.0 - s * (x * x + z * z), s * (y * z - w * x)],
        [s * (x * z - w * y), s * (y * z + w * x), 1.0 - s * (x * x + y * y)],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_difference(a: &Matrix3, b: &Matrix3) -> f64 {
        a.iter().flatten().zip(b.iter().flatten()).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn draws_are_rotations() {
        for step in 0..10_000 {
            let r = draw(7, step, 3);
            // A few roundings: 1.3e-15 is the worst of these.
            assert!(largest_difference(&multiply(&r, &transpose(&r)), &IDENTITY) < 2e-15);
            assert!((determinant(&r) - 1.0).abs() < 2e-15);
        }
    }

    #[test]
    fn draws_do_not_depend_on_earlier_ones() {
        let forward: Vec<_> = (0..20).map(|step| draw(1, step, 2)).collect();
        let backward: Vec<_> = (0..20).rev().map(|step| draw(1, step, 2)).collect();
        assert!(forward.iter().eq(backward.iter().rev()));
    }

    #[test]
    fn seed_step_and_stream_each_change_the_draw() {
        let reference = draw(1, 2, 3);
        for other in [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, u64::MAX, 3), draw(1, 2, u64::MAX)] {
            assert!(largest_difference(&reference, &other) > 1e-3);
        }
    }

    /// A change of these numbers would make restarted trajectories differ from uninterrupted ones.
    #[test]
    fn draws_are_the_same_in_every_version() {
        let golden = [
            [-0.8785292460323639, -0.033489116032680344, -0.47651321384947526],
            [-0.28959206556048467, 0.830666409174194, 0.47553102131623604],
            [0.3798984067224, 0.5557623554874873, -0.7394629164419142],
        ];
        assert!(largest_difference(&draw(42, 1000, 5), &golden) < 1e-15);
    }

    #[test]
    fn rotation_about_an_axis_is_counterclockwise() {
        let quarter = about([0.0, 0.0, 2.0], TAU / 4.0);
        assert!(largest_difference(&quarter, &[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) < 1e-15);
    }
}
