//! Vectors, orthogonal matrices, and uniform draws from SO(3) and O(3).

/// A vector, x y z.
pub type Vector3 = [f64; 3];

/// A 3x3 matrix, rows first.
pub type Matrix3 = [[f64; 3]; 3];

/// The identity.
pub const IDENTITY: Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// a · b.
pub fn dot(a: Vector3, b: Vector3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// a × b.
pub fn cross(a: Vector3, b: Vector3) -> Vector3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// a + b.
pub fn add(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// a - b.
pub fn sub(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// s a.
pub fn scale(a: Vector3, s: f64) -> Vector3 {
    a.map(|x| s * x)
}

/// m v.
pub fn apply(m: &Matrix3, v: Vector3) -> Vector3 {
    [dot(m[0], v), dot(m[1], v), dot(m[2], v)]
}

/// mᵀ v.
pub fn apply_transposed(m: &Matrix3, v: Vector3) -> Vector3 {
    [0, 1, 2].map(|j| m[0][j] * v[0] + m[1][j] * v[1] + m[2][j] * v[2])
}

/// mᵀ.
pub fn transpose(m: &Matrix3) -> Matrix3 {
    [0, 1, 2].map(|i| [m[0][i], m[1][i], m[2][i]])
}

/// a b.
pub fn multiply(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    a.map(|row| apply_transposed(b, row))
}
