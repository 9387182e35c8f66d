//! The transposed rows of one center.

use pulp::Simd;

use super::Layout;
use crate::simd::SimdFloat;

/// The rows of a center's tokens, each in a lane: registers of all components for each register of tokens, for each
/// head. Lanes without a token are zero.
pub(super) struct Transposed<T> {
    numbers: Vec<T>,
    /// Numbers per head.
    pitch: usize,
    /// Tokens of the last center.
    tokens: usize,
}

impl<T: SimdFloat> Transposed<T> {
    pub fn new<S: Simd>(layout: &Layout) -> Self {
        let lanes = layout.places.next_multiple_of(T::count::<S>());
        Self { numbers: vec![T::ZERO; layout.width() * lanes], pitch: 0, tokens: 0 }
    }

    /// Reads the first H·d numbers of the rows that begin at `starts`. `D` is d, or 0.
    #[inline(always)]
    pub fn read<const D: usize, S: Simd>(&mut self, layout: &Layout, rows: &[T], starts: &[usize]) {
        let (lanes, size, tokens) = (T::count::<S>(), if D > 0 { D } else { layout.size }, starts.len());
        self.pitch = tokens.next_multiple_of(lanes) * size;
        // After a center with as many tokens the other lanes are zero.
        if !tokens.is_multiple_of(lanes) && tokens != self.tokens {
            self.numbers[..layout.heads * self.pitch].fill(T::ZERO);
        }
        self.tokens = tokens;
        for (token, start) in starts.iter().enumerate() {
            let row = &rows[*start..][..layout.heads * size];
            let (first, lane) = (token / lanes * size * lanes, token % lanes);
            for head in 0..layout.heads {
                let into = &mut self.numbers[head * self.pitch + first..][..size * lanes];
                let row = &row[head * size..][..size];
                row.iter().enumerate().for_each(|(column, number)| into[column * lanes + lane] = *number);
            }
        }
    }

    /// Returns the registers of a head.
    #[inline(always)]
    pub fn head<S: Simd>(&self, head: usize) -> &[T::Vector<S>] {
        T::vectors::<S>(&self.numbers[head * self.pitch..][..self.pitch])
    }
}
