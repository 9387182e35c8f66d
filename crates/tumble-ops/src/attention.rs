//! Attention among the tokens of each center, and its gradient. One head of one center is in the first-level cache: its
//! rows are copied together, and results go straight to the tensors. The threads of the session share the centers.
//!
//! Each lane is a query: the scores of one key with a register of queries are products of the key's components with
//! registers, and the softmax over keys stays within lanes. In sums over keys or queries, lanes are the components of a
//! row.

mod center;
mod head;
mod parts;
#[cfg(test)]
mod tests;
mod transposed;

use pulp::{Arch, Simd, WithSimd};

use self::center::{Center, store_in_places};
use self::head::Head;
use self::parts::{Part, parts};
use self::transposed::Transposed;
use crate::microkernels::{RowsMut, Size};
use crate::simd::SimdFloat;
use crate::tensors::wrong;
use crate::threads::Threads;

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
///
/// # Errors
/// A token is in two places.
pub(crate) fn forward<T: SimdFloat>(threads: Threads, inputs: Inputs<T>, into: &mut [T]) -> ort::Result<()> {
    let parts = parts(&inputs.layout, inputs.layout.width(), into).ok_or_else(twice)?;
    // The compiler unrolls loops over a constant number of components.
    threads.share(parts, |part| match inputs.layout.size {
        8 => Arch::new().dispatch(Forward::<T, 8> { inputs, part }),
        16 => Arch::new().dispatch(Forward::<T, 16> { inputs, part }),
        _ => Arch::new().dispatch(Forward::<T, 0> { inputs, part }),
    })
}

/// Computes the gradients of the rows, `[R, 3·H·d]`, and of the bias, `[C·T]`, from the `gradient` of the result,
/// `[R, H·d]`. They are zero for tokens that are in no place, and for empty places.
///
/// # Errors
/// A token is in two places.
pub(crate) fn backward<T: SimdFloat>(
    threads: Threads,
    inputs: Inputs<T>,
    gradient: &[T],
    rows: &mut [T],
    mut bias: &mut [T],
) -> ort::Result<()> {
    let parts = parts(&inputs.layout, 3 * inputs.layout.width(), rows).ok_or_else(twice)?.into_iter().map(|part| {
        let bias = bias.split_off_mut(..part.places.len()).expect("each place has a bias");
        (part, bias)
    });
    threads.share(parts.collect(), |(part, bias)| match inputs.layout.size {
        8 => Arch::new().dispatch(Backward::<T, 8> { inputs, gradient, part, bias }),
        16 => Arch::new().dispatch(Backward::<T, 16> { inputs, gradient, part, bias }),
        _ => Arch::new().dispatch(Backward::<T, 0> { inputs, gradient, part, bias }),
    })
}

fn twice() -> ort::Error {
    wrong("its source has a token in two places")
}

impl Layout<'_> {
    /// Returns the numbers in a row of queries, keys or values.
    fn width(&self) -> usize {
        self.heads * self.size
    }

    /// Returns the first column of a head's queries (`part` 0), keys (1) or values (2) in a row.
    fn column(&self, part: usize, head: usize) -> usize {
        part * self.width() + head * self.size
    }
}

/// Attention with heads of `D` components, or of any number if `D` is 0.
struct Forward<'a, 'r, T, const D: usize> {
    inputs: Inputs<'a, T>,
    part: Part<'r, T>,
}

impl<T: SimdFloat, const D: usize> WithSimd for Forward<'_, '_, T, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (Inputs { layout, rows, bias }, size) = (self.inputs, Size::<D>(self.inputs.layout.size));
        let (mut center, mut head) = (Center::new(), Head::<T, D>::new::<S>(&layout));
        let mut queries = Transposed::new::<S>(&layout);
        for (places, into) in self.part.centers(&layout) {
            center.choose(&layout, places, bias);
            let Center { starts_of_parts, bias, .. } = &center;
            queries.read::<D, S>(&layout, rows, starts_of_parts);
            for number in 0..layout.heads {
                head.keys.gather::<S>(&rows[layout.column(1, number)..], starts_of_parts);
                head.values.gather::<S>(&rows[layout.column(2, number)..], starts_of_parts);
                let into = RowsMut { rows: into, column: layout.column(0, number) };
                head.attend(simd, (queries.head(number), size), bias, into);
            }
        }
    }
}

/// The gradient with heads of `D` components, or of any number if `D` is 0.
struct Backward<'a, 'r, T, const D: usize> {
    inputs: Inputs<'a, T>,
    gradient: &'a [T],
    part: Part<'r, T>,
    /// The gradient of the bias of the part's places.
    bias: &'r mut [T],
}

impl<T: SimdFloat, const D: usize> WithSimd for Backward<'_, '_, T, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (Inputs { layout, rows, bias }, size) = (self.inputs, Size::<D>(self.inputs.layout.size));
        let (mut center, mut head) = (Center::new(), Head::<T, D>::new::<S>(&layout));
        let [mut queries, mut gradients] = [(); 2].map(|()| Transposed::new::<S>(&layout));
        let first = self.part.places.start;
        for (places, into) in self.part.centers(&layout) {
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
                head.gradient_of_queries(simd, RowsMut { rows: into, column: columns[0] });
                head.gradient_of_keys(simd, RowsMut { rows: into, column: columns[1] });
                head.gradient_of_values(simd, RowsMut { rows: into, column: columns[2] });
            }
            let bias = &mut self.bias[places.start - first..];
            store_in_places(&layout, places, head.bias_gradient(simd), bias);
        }
    }
}
