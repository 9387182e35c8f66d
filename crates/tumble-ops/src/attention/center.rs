//! The tokens of one center.

use std::ops::Range;

use super::Layout;
use crate::simd::SimdFloat;

/// The tokens of one center.
pub(super) struct Center<T> {
    /// Where each token's row of the result starts, `[R, H·d]`.
    pub starts: Vec<usize>,
    /// Where each token's row of queries, keys and values starts, `[R, 3·H·d]`.
    pub starts_of_parts: Vec<usize>,
    /// Bias of each token as a key.
    pub bias: Vec<T>,
}

impl<T: SimdFloat> Center<T> {
    pub fn new() -> Self {
        Self { starts: Vec::new(), starts_of_parts: Vec::new(), bias: Vec::new() }
    }

    /// Selects the tokens in these places; `bias` is that of all places.
    pub fn choose(&mut self, layout: &Layout, places: Range<usize>, bias: &[T]) {
        self.starts.clear();
        self.starts_of_parts.clear();
        self.bias.clear();
        for place in places.filter(|&place| layout.filled[place]) {
            let start = layout.source[place] as usize * layout.width();
            self.starts.push(start);
            self.starts_of_parts.push(3 * start);
            self.bias.push(bias[place]);
        }
    }
}

/// Writes a number for each token into its place, and zeros into empty places; `into` begins with the first place.
pub(super) fn store_in_places<T: SimdFloat>(
    layout: &Layout,
    places: Range<usize>,
    mut numbers: impl Iterator<Item = T>,
    into: &mut [T],
) {
    for (into, filled) in into.iter_mut().zip(&layout.filled[places]) {
        let number = if *filled { numbers.next() } else { None };
        *into = number.unwrap_or(T::ZERO);
    }
}
