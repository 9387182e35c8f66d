//! Attention among the tokens of each center, and its gradient. One head of one center is in the first-level cache: its
//! rows are copied together, and results go straight to the tensors.
//!
//! Each lane is a query: the scores of one key with a register of queries are products of the key's components with
//! registers, and the softmax over keys stays within lanes. In sums over keys or queries, lanes are the components of a
//! row.

mod center;
mod head;
#[cfg(test)]
mod tests;
mod transposed;

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use self::center::{Center, clear_other_rows, store_in_places};
use self::head::Head;
use self::transposed::Transposed;
use crate::microkernels::{RowsMut, Size};
use crate::simd::SimdFloat;

/// Assignment of tokens to centers, and the shape of their rows.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'a> {
    /// Places per center, T.
    pub places: usize,
    /// Number of heads, H.
    pub heads: usize,
    /// Components per head, d.
    pub size: usize,
    /// Row of the token in each place, `[C·T]`, below the number of rows.
    pub source: &'a [i64],
    /// Whether a place holds a token, `[C·T]`.
    pub filled: &'a [bool],
}

/// Inputs: queries, keys and values of all heads in `rows`, `[R, 3·H·d]`, and the `bias` of each key, `[C·T]`.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a, T> {
    pub layout: Layout<'a>,
    pub rows: &'a [T],
    pub bias: &'a [T],
}

/// Computes attention into `into`, `[R, H·d]`. Rows of tokens that are in no place become zero.
pub(crate) fn forward<T: SimdFloat>(inputs: Inputs<T>, into: &mut [T]) {
    clear_other_rows(&inputs.layout, inputs.layout.width(), into);
    // The compiler unrolls loops over a constant number of components.
    match inputs.layout.size {
        8 => Arch::new().dispatch(Forward::<T, 8> { inputs, into }),
        16 => Arch::new().dispatch(Forward::<T, 16> { inputs, into }),
        _ => Arch::new().dispatch(Forward::<T, 0> { inputs, into }),
    }
}

/// Computes the gradients of the rows, `[R, 3·H·d]`, and of the bias, `[C·T]`, from the `gradient` of the result,
/// `[R, H·d]`. They are zero for tokens that are in no place, and for empty places.
pub(crate) fn backward<T: SimdFloat>(inputs: Inputs<T>, gradient: &[T], rows: &mut [T], bias: &mut [T]) {
    clear_other_rows(&inputs.layout, 3 * inputs.layout.width(), rows);
    match inputs.layout.size {
        8 => Arch::new().dispatch(Backward::<T, 8> { inputs, gradient, rows, bias }),
        16 => Arch::new().dispatch(Backward::<T, 16> { inputs, gradient, rows, bias }),
        _ => Arch::new().dispatch(Backward::<T, 0> { inputs, gradient, rows, bias }),
    }
}

impl Layout<'_> {
    /// Returns the numbers in a row of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    /// Returns the places of all centers.
    fn centers(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let places = self.places;
        (0..self.source.len() / places).map(move |center| center * places..(center + 1) * places)
    }

    /// Returns the first column of a head's queries (`part` 0), keys (1) or values (2) in a row.
    fn column(&self, part: usize, head: usize) -> usize {
        part * self.width() + head * self.size
    }
}

/// Attention with heads of `D` components, or of any number if `D` is 0.
struct Forward<'a, T, const D: usize> {
    inputs: Inputs<'a, T>,
    into: &'a mut [T],
}

impl<T: SimdFloat, const D: usize> WithSimd for Forward<'_, T, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (Inputs { layout, rows, bias }, size) = (self.inputs, Size::<D>(self.inputs.layout.size));
        let (mut center, mut head) = (Center::new(), Head::<T, D>::new::<S>(&layout));
        let mut queries = Transposed::new::<S>(&layout);
        for places in layout.centers() {
            center.choose(&layout, places, bias);
            let Center { starts, starts_of_parts, bias } = &center;
            queries.read::<D, S>(&layout, rows, starts_of_parts);
            for number in 0..layout.heads {
                head.keys.gather::<S>(&rows[layout.column(1, number)..], starts_of_parts);
                head.values.gather::<S>(&rows[layout.column(2, number)..], starts_of_parts);
                let mut into = RowsMut(&mut self.into[layout.column(0, number)..]);
                head.attend(simd, (queries.head(number), size), bias, &mut into, starts);
            }
        }
    }
}

/// The gradient with heads of `D` components, or of any number if `D` is 0.
struct Backward<'a, T, const D: usize> {
    inputs: Inputs<'a, T>,
    gradient: &'a [T],
    rows: &'a mut [T],
    bias: &'a mut [T],
}

impl<T: SimdFloat, const D: usize> WithSimd for Backward<'_, T, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (Inputs { layout, rows, bias }, size) = (self.inputs, Size::<D>(self.inputs.layout.size));
        let (mut center, mut head) = (Center::new(), Head::<T, D>::new::<S>(&layout));
        let [mut queries, mut gradients] = [(); 2].map(|()| Transposed::new::<S>(&layout));
        for places in layout.centers() {
            center.choose(&layout, places.clone(), bias);
            let Center { starts, starts_of_parts, bias } = &center;
            queries.read::<D, S>(&layout, rows, starts_of_parts);
            gradients.read::<D, S>(&layout, self.gradient, starts);
            head.clear_bias_gradient();
            for number in 0..layout.heads {
                let columns = [0, 1, 2].map(|part| layout.column(part, number));
                head.queries.gather::<S>(&rows[columns[0]..], starts_of_parts);
                head.keys.gather::<S>(&rows[columns[1]..], starts_of_parts);
                head.values.gather::<S>(&rows[columns[2]..], starts_of_parts);
                head.gradients.gather::<S>(&self.gradient[columns[0]..], starts);
                head.differentiate(simd, size, [queries.head(number), gradients.head(number)], bias);
                head.gradient_of_queries(simd, &mut RowsMut(&mut self.rows[columns[0]..]), starts_of_parts);
                head.gradient_of_keys(simd, &mut RowsMut(&mut self.rows[columns[1]..]), starts_of_parts);
                head.gradient_of_values(simd, &mut RowsMut(&mut self.rows[columns[2]..]), starts_of_parts);
            }
            store_in_places(&layout, places, head.bias_gradient(simd), self.bias);
        }
    }
}
