//! Copies that bypass the caches, for tensors that are not read again before they would be evicted.

/// Copies numbers. On x86-64 non-temporal stores write straight to memory, in about half the time of a copy that first
/// reads its destination.
pub(crate) fn copy<T: Copy>(numbers: &[T], to: &mut [T]) {
    assert_eq!(numbers.len(), to.len());
    #[cfg(target_arch = "x86_64")]
    let done = x86_64::copy_blocks(numbers, to);
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    to[done..].copy_from_slice(&numbers[done..]);
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    /// Copies whole registers and returns the number of numbers copied; 0 if `to` is not aligned.
    pub fn copy_blocks<T: Copy>(numbers: &[T], to: &mut [T]) -> usize {
        let each = const { size_of::<__m128i>() / size_of::<T>() };
        let (from, into): (*const __m128i, *mut __m128i) = (numbers.as_ptr().cast(), to.as_mut_ptr().cast());
        let blocks = if into.is_aligned() { numbers.len().min(to.len()) / each } else { 0 };
        // SAFETY: all blocks lie within `numbers` and `to`; `to` is aligned, and the loads need no alignment. x86-64
        // includes SSE2. The fence orders the stores before later accesses.
        unsafe {
            (0..blocks).for_each(|block| _mm_stream_si128(into.add(block), _mm_loadu_si128(from.add(block))));
            _mm_sfence();
        }
        blocks * each
    }
}

#[cfg(test)]
mod tests {
    use super::copy;

    #[test]
    fn copy_is_complete_at_any_alignment() {
        let numbers: Vec<f32> = (0..100u8).map(f32::from).collect();
        for (before, count) in (0..9).flat_map(|before| [0, 1, 3, 4, 5, 64, 67].map(|count| (before, count))) {
            let mut found = vec![-1.0; 100];
            copy(&numbers[..count], &mut found[before..before + count]);
            let (left, right) = (vec![-1.0; before], vec![-1.0; 100 - before - count]);
            assert_eq!(found, [&left, &numbers[..count], &right].concat());
        }
    }

    #[test]
    fn copy_takes_both_precisions() {
        let numbers: Vec<f64> = (0..67u8).map(f64::from).collect();
        let mut found = vec![0.0; 67];
        copy(&numbers, &mut found);
        assert_eq!(found, numbers);
    }
}
