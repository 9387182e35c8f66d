//! Conversion between LAMMPS' axes and the user's. LAMMPS rotates a general triclinic box so that its first vector is
//! along x and its second in the xy plane. The results of a model without exact rotation invariance would change, so
//! the model gets the axes of the user.

use tumble_core::outputs::Law;
use tumble_core::rotation::{Matrix3, Vector3, apply, apply_transposed, multiply, transpose};

/// The rotation from LAMMPS' axes to the user's; the identity unless the box is general triclinic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Axes {
    to_user: Option<Matrix3>,
}

impl Axes {
    /// Creates axes from `domain->rotate_r2g` row by row `[9]`; an empty slice means LAMMPS' own axes.
    pub fn new(rows: &[f64]) -> Self {
        Self { to_user: rows.as_chunks::<3>().0.try_into().ok() }
    }

    /// Rotates a vector from LAMMPS' axes to the user's axes.
    pub fn to_user(&self, v: Vector3) -> Vector3 {
        self.to_user.map_or(v, |matrix| apply(&matrix, v))
    }

    /// Rotates vectors from the user's axes to LAMMPS' axes.
    pub fn vectors_from_user(&self, vectors: &mut [Vector3]) {
        if let Some(matrix) = &self.to_user {
            vectors.iter_mut().for_each(|v| *v = apply_transposed(matrix, *v));
        }
    }

    /// Rotates tensors of second rank from the user's axes to LAMMPS' axes.
    pub fn tensors_from_user(&self, tensors: &mut [Matrix3]) {
        if let Some(matrix) = &self.to_user {
            let back = transpose(matrix);
            tensors.iter_mut().for_each(|t| *t = multiply(&multiply(&back, t), matrix));
        }
    }

    /// Rotates the values of an output from the user's axes to LAMMPS' axes.
    pub fn output_from_user(&self, law: Law, values: &mut [f64]) {
        let vectors = values.as_chunks_mut().0;
        match law {
            Law::Scalar => {}
            Law::Vector => self.vectors_from_user(vectors),
            Law::Tensor => self.tensors_from_user(vectors.as_chunks_mut().0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::rotation::about;

    #[test]
    fn vectors_and_tensors_survive_the_round_trip() {
        let matrix = about([1.0, 2.0, -0.5], 0.7);
        let axes = Axes::new(matrix.as_flattened());
        let (a, b) = ([0.3, -1.0, 2.0], [1.0, 0.5, 0.25]);
        let (turned, other) = (axes.to_user(a), axes.to_user(b));
        assert!((0..3).all(|k| (turned[k] - apply(&matrix, a)[k]).abs() < 1e-15));
        // A tensor a ⊗ b rotates as its vectors.
        let mut tensor = [turned.map(|x| other.map(|y| x * y))];
        let mut vector = [turned];
        axes.tensors_from_user(&mut tensor);
        axes.vectors_from_user(&mut vector);
        for i in 0..3 {
            assert!((vector[0][i] - a[i]).abs() < 1e-15);
            assert!((0..3).all(|j| (tensor[0][i][j] - a[i] * b[j]).abs() < 1e-14));
        }
    }

    #[test]
    fn axes_without_a_rotation_change_nothing() {
        let axes = Axes::new(&[]);
        let mut tensors = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]];
        axes.tensors_from_user(&mut tensors);
        assert_eq!(tensors[0][1], [4.0, 5.0, 6.0]);
        assert_eq!((axes, axes.to_user([1.0, 2.0, 3.0])), (Axes::default(), [1.0, 2.0, 3.0]));
    }
}
