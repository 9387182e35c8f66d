//! The least memory that suffices, for the errors about too little memory.

/// Shift from bytes to megabytes, in which users give memory.
const MB: u32 = 20;

/// Returns the smallest number of whole megabytes above `given` that suffices, up to a fraction, bytes.
pub(crate) fn smallest(given: usize, precision: usize, suffices: impl Fn(usize) -> bool) -> usize {
    let mut low = given >> MB;
    let mut high = low + 1;
    while !suffices(high << MB) {
        (low, high) = (high, 2 * high);
    }
    while high - low > 1 + high / precision {
        let middle = low.midpoint(high);
        if suffices(middle << MB) { high = middle } else { low = middle }
    }
    high << MB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_number_of_megabytes_is_found() {
        for (given, needed) in [(0, 1), (4, 8), (24, 260), (1, 1000), (999, 1000)] {
            assert_eq!(smallest(given << MB, usize::MAX, |bytes| bytes >= needed << MB), needed << MB);
            let about = smallest(given << MB, 16, |bytes| bytes >= needed << MB) >> MB;
            assert!((needed..=needed + 1 + needed / 8).contains(&about), "{about} for {needed}");
        }
        assert_eq!(smallest((5 << MB) - 1, usize::MAX, |bytes| bytes >= 5 << MB), 5 << MB);
    }
}
