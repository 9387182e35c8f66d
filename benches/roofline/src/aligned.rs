//! Numbers at the begin of a cache line, as ONNX Runtime's tensors are: registers that lie in two lines take longer.

use std::ops::{Deref, DerefMut};

/// Numbers in a cache line.
const LINE: usize = 16;

/// Numbers in whole cache lines.
pub struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    count: usize,
}

impl Aligned {
    /// Returns so many numbers between -1 and 1.
    pub fn new(count: usize) -> Self {
        let mut numbers = vec![0.0; count + LINE];
        let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>());
        numbers.iter_mut().enumerate().for_each(|(i, number)| *number = (0.7 * i as f32).sin());
        Self { numbers, start, count }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..][..self.count]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_with_a_line() {
        for count in [0, 1, 16, 1000] {
            let mut numbers = Aligned::new(count);
            assert_eq!((numbers.len(), numbers.as_ptr().align_offset(64)), (count, 0));
            numbers.fill(1.0);
        }
    }
}
