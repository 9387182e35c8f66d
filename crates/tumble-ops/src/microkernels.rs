//! Small matrix products (matmul) of attention. Sums stay in registers.

use pulp::Simd;

use crate::simd::{MOST_LANES, SimdFloat, copy, store};

/// Runs a block for each group of numbers below `count`: `$first` is the first of a group, and the constant `$size` the
/// numbers in it: 8 at most, and about as many in each group. Each number of a group has a sum of its own, so that the
/// processor need not wait for one sum before it adds to it again; so a group of one takes as long as one of eight.
macro_rules! each_group {
    ($count:expr, |$first:ident, $size:ident| $block:block) => {{
        let (count, mut next) = ($count, 0);
        while next < count {
            let rest: usize = count - next;
            match rest.div_ceil(rest.div_ceil(8)) {
                8 => each_group!(@one next, 8, $first, $size, $block),
                7 => each_group!(@one next, 7, $first, $size, $block),
                6 => each_group!(@one next, 6, $first, $size, $block),
                5 => each_group!(@one next, 5, $first, $size, $block),
                4 => each_group!(@one next, 4, $first, $size, $block),
                3 => each_group!(@one next, 3, $first, $size, $block),
                2 => each_group!(@one next, 2, $first, $size, $block),
                _ => each_group!(@one next, 1, $first, $size, $block),
            }
        }
    }};
    (@one $next:ident, $number:literal, $first:ident, $size:ident, $block:block) => {{
        const $size: usize = $number;
        let $first = $next;
        $block
        $next += $number;
    }};
}
pub(crate) use each_group;

/// Number of columns: `D`, or any if `D` is 0. The compiler unrolls loops over a constant number.
#[derive(Clone, Copy)]
pub(crate) struct Size<const D: usize>(pub usize);

impl<const D: usize> Size<D> {
    #[inline(always)]
    pub fn get(self) -> usize {
        if D > 0 { D } else { self.0 }
    }

    /// Returns the numbers in the registers for a row.
    #[inline(always)]
    pub fn pitch<T: SimdFloat, S: Simd>(self) -> usize {
        self.get().next_multiple_of(T::count::<S>())
    }

    /// Returns the number of registers for a row.
    #[inline(always)]
    pub fn registers<T: SimdFloat, S: Simd>(self) -> usize {
        self.get().div_ceil(T::count::<S>())
    }
}

/// The same columns of several rows of a tensor, copied: one head's queries, keys, values or gradients. If the columns
/// do not fill the registers, these hold other numbers of the tensor too.
pub(crate) struct Rows<T, const D: usize> {
    numbers: Vec<T>,
    count: usize,
    size: Size<D>,
}

impl<T: SimdFloat, const D: usize> Rows<T, D> {
    /// Allocates `count` rows.
    pub fn new<S: Simd>(count: usize, size: Size<D>) -> Self {
        let numbers = vec![T::ZERO; count * size.pitch::<T, S>()];
        Self { numbers, count, size }
    }

    /// Copies the rows that begin at `starts` in `numbers`.
    #[inline(always)]
    pub fn gather<S: Simd>(&mut self, numbers: &[T], starts: &[usize]) {
        self.count = starts.len();
        let pitch = self.size.pitch::<T, S>();
        for (into, start) in self.numbers.chunks_exact_mut(pitch).zip(starts) {
            let from = &numbers[*start..];
            if let Some(row) = from.get(..pitch) {
                let registers = T::vectors_mut::<S>(into).iter_mut().zip(T::vectors::<S>(row));
                registers.for_each(|(into, from)| *into = *from);
            } else {
                copy(&mut into[..from.len()], from);
            }
        }
    }

    /// Returns the registers of each row.
    #[inline(always)]
    fn registers<S: Simd>(&self) -> std::slice::ChunksExact<'_, T::Vector<S>> {
        let registers = self.size.registers::<T, S>();
        T::vectors::<S>(&self.numbers)[..self.count * registers].chunks_exact(registers)
    }

    /// Computes `start[j] + Σ_c transposed[c] rows[first + j][c]`; lanes are those of `transposed`.
    #[inline(always)]
    pub fn matmul<const G: usize, S: Simd>(
        &self,
        simd: S,
        start: [T::Vector<S>; G],
        transposed: &[T::Vector<S>],
        first: usize,
    ) -> [T::Vector<S>; G] {
        let (mut sums, pitch) = (start, self.size.pitch::<T, S>());
        let rows = &self.numbers[first * pitch..][..G * pitch];
        for (c, x) in transposed[..self.size.get()].iter().enumerate() {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = T::multiply_add(simd, *x, T::splat(simd, rows[j * pitch + c]), *sum);
            }
        }
        sums
    }

    /// Computes `scale[query] Σ_key weights[key][query] rows[key]` for a register of queries.
    #[inline(always)]
    pub fn sum_keys<S: Simd>(&self, simd: S, weights: &[T], scale: Option<&[T; MOST_LANES]>, into: &mut RowsMut<T>) {
        for register in 0..self.size.registers::<T, S>() {
            each_group!(into.rows.len(), |query, GROUP| {
                let mut sums = self.sum_keys_of_group::<GROUP, S>(simd, weights, register, query);
                if let Some(scale) = scale {
                    for (sum, scale) in sums.iter_mut().zip(&scale[query..]) {
                        *sum = T::multiply(simd, *sum, T::splat(simd, *scale));
                    }
                }
                into.store::<GROUP, D, S>(query, (register, self.size), &sums);
            });
        }
    }

    /// Computes one register of the sums over keys, for the queries from `first` on.
    #[inline(always)]
    fn sum_keys_of_group<const G: usize, S: Simd>(
        &self,
        simd: S,
        weights: &[T],
        register: usize,
        first: usize,
    ) -> [T::Vector<S>; G] {
        let mut sums = [T::splat(simd, T::ZERO); G];
        for (row, weights) in self.registers::<S>().zip(weights.chunks_exact(T::count::<S>())) {
            for (sum, weight) in sums.iter_mut().zip(&weights[first..][..G]) {
                *sum = T::multiply_add(simd, row[register], T::splat(simd, *weight), *sum);
            }
        }
        sums
    }

    /// Computes `Σ_query weights[key][query] rows[query]` for all keys. `weights` are those of one register of queries
    /// after the other.
    #[inline(always)]
    pub fn sum_queries<S: Simd>(&self, simd: S, weights: &[T], into: &mut RowsMut<T>) {
        for register in 0..self.size.registers::<T, S>() {
            each_group!(self.count, |key, GROUP| {
                let sums = self.sum_queries_of_group::<GROUP, S>(simd, weights, register, key);
                into.store::<GROUP, D, S>(key, (register, self.size), &sums);
            });
        }
    }

    /// Computes one register of the sums over queries, for the keys from `first` on.
    #[inline(always)]
    fn sum_queries_of_group<const G: usize, S: Simd>(
        &self,
        simd: S,
        weights: &[T],
        register: usize,
        first: usize,
    ) -> [T::Vector<S>; G] {
        let (lanes, mut sums, mut rows) = (T::count::<S>(), [T::splat(simd, T::ZERO); G], self.registers::<S>());
        for weights in weights.chunks_exact(self.count * lanes) {
            let weights = &weights[first * lanes..][..G * lanes];
            for (query, row) in (0..lanes).zip(&mut rows) {
                for (a, sum) in sums.iter_mut().enumerate() {
                    let weight = T::splat(simd, weights[a * lanes + query]);
                    *sum = T::multiply_add(simd, row[register], weight, *sum);
                }
            }
        }
        sums
    }
}

/// Rows of a tensor, of which some columns are written, from `column` on.
pub(crate) struct RowsMut<'a, 'r, T> {
    pub rows: &'a mut [&'r mut [T]],
    pub column: usize,
}

impl<T: SimdFloat> RowsMut<'_, '_, T> {
    /// Writes a register of the rows from `first` on.
    #[inline(always)]
    fn store<const G: usize, const D: usize, S: Simd>(
        &mut self,
        first: usize,
        (register, size): (usize, Size<D>),
        values: &[T::Vector<S>; G],
    ) {
        for (row, value) in self.rows[first..][..G].iter_mut().zip(values) {
            store::<T, S>(&mut row[self.column..][..size.get()][register * T::count::<S>()..], *value);
        }
    }
}

/// Returns `G` numbers from `first` on.
#[inline(always)]
pub(crate) fn group<const G: usize, T>(numbers: &[T], first: usize) -> &[T; G] {
    numbers[first..].first_chunk().expect("a group is within its numbers")
}
