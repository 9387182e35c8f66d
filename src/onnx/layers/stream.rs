//! Copies past the caches, of what is needed again when no cache holds it any more.

/// Appends numbers. On x86-64 they go straight to memory, which takes about half the time of a copy that first reads
/// what it writes over.
pub(super) fn append<T: Copy>(to: &mut Vec<T>, numbers: &[T]) {
    to.reserve(numbers.len());
    #[cfg(target_arch = "x86_64")]
    let numbers = x86_64::append_blocks(to, numbers);
    to.extend_from_slice(numbers);
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    /// Appends as many whole registers as there are, and returns the rest; none of them where memory is not aligned.
    pub fn append_blocks<'a, T: Copy>(to: &mut Vec<T>, numbers: &'a [T]) -> &'a [T] {
        let each = const { size_of::<__m128i>() / size_of::<T>() };
        let end = to.len();
        let free = to.spare_capacity_mut();
        let into: *mut __m128i = free.as_mut_ptr().cast();
        let blocks = if into.is_aligned() { numbers.len().min(free.len()) / each } else { 0 };
        let from: *const __m128i = numbers.as_ptr().cast();
        // SAFETY: all blocks lie within `numbers` and within the free memory of `to`, which is aligned; reads need not be.
        // SSE2, which these instructions are of, is part of x86-64. The fence orders them before later accesses.
        unsafe {
            (0..blocks).for_each(|block| _mm_stream_si128(into.add(block), _mm_loadu_si128(from.add(block))));
            _mm_sfence();
            to.set_len(end + blocks * each);
        }
        &numbers[blocks * each..]
    }
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn all_numbers_follow_what_there_was_in_their_order() {
        let numbers: Vec<f32> = (0..100u8).map(f32::from).collect();
        for (before, count) in (0..9).flat_map(|before| [0, 1, 3, 4, 5, 64, 67].map(|count| (before, count))) {
            let mut found = numbers[..before].to_vec();
            append(&mut found, &numbers[before..before + count]);
            assert_eq!(found, numbers[..before + count]);
        }
    }

    #[test]
    fn both_precisions_are_copied() {
        let numbers: Vec<f64> = (0..67u8).map(f64::from).collect();
        let mut found = Vec::new();
        append(&mut found, &numbers);
        assert_eq!(found, numbers);
    }
}
