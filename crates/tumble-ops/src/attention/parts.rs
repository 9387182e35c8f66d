//! Parts of the centers, for the threads.

use std::mem::take;
use std::ops::Range;

use super::Layout;
use crate::simd::SimdFloat;

/// Places of a part, at least: fewer would not be worth the change of a thread.
const PLACES: usize = 256;

/// Consecutive centers.
pub(super) struct Part<'r, T> {
    /// Their places.
    pub places: Range<usize>,
    /// The row of each token in the result, in the order of the places.
    rows: Vec<&'r mut [T]>,
}

impl<'r, T> Part<'r, T> {
    /// Returns the places of each center, and the rows of its tokens in the result.
    pub fn centers(&mut self, layout: &Layout) -> impl Iterator<Item = (Range<usize>, &mut [&'r mut [T]])> {
        let (mut rest, size) = (&mut self.rows[..], layout.places);
        self.places.clone().step_by(size).map(move |first| {
            let places = first..first + size;
            let tokens = layout.filled[places.clone()].iter().filter(|filled| **filled).count();
            let (rows, others) = take(&mut rest).split_at_mut(tokens);
            rest = others;
            (places, rows)
        })
    }
}

/// Divides the centers into parts, with their rows of the result, which has `width` numbers per row. Rows of tokens that
/// are in no place become zero. `None` if a token is in two places.
pub(super) fn parts<'r, T: SimdFloat>(layout: &Layout, width: usize, into: &'r mut [T]) -> Option<Vec<Part<'r, T>>> {
    let (mut rows, all) = (into.chunks_exact_mut(width).map(Some).collect::<Vec<_>>(), layout.source.len());
    let size = layout.places * PLACES.div_ceil(layout.places);
    let part = |first: usize| {
        let places = first..all.min(first + size);
        let tokens = places.clone().filter(|&place| layout.filled[place]);
        let rows = tokens.map(|place| rows[layout.source[place] as usize].take()).collect::<Option<_>>();
        rows.map(|rows| Part { places, rows })
    };
    let parts = (0..all).step_by(size).map(part).collect::<Option<_>>()?;
    rows.into_iter().flatten().for_each(|row| row.fill(T::ZERO));
    Some(parts)
}
