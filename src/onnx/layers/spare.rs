//! Memory that is taken again: fresh memory takes the system longer to give than it takes to fill.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Empty vectors, by their capacity.
pub(super) struct Spare<T>(Mutex<BTreeMap<usize, Vec<Vec<T>>>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Spare<T> {
    /// An empty vector with room for so many values, by an eighth too large at most; the error says that there is no memory.
    pub fn take(&self, length: usize) -> Result<Vec<T>, String> {
        let fitting = length..=length + length / 8;
        match self.nearest(length) {
            Some(spare) if fitting.contains(&spare.capacity()) => Ok(spare),
            // What does not fit goes for what is fresh, so that there are never more than were in use at a time.
            unfit => {
                drop(unfit);
                fresh(length + length / 16)
            }
        }
    }

    /// Takes a vector that is not needed any more.
    pub fn give(&self, mut values: Vec<T>) {
        values.clear();
        self.lock().entry(values.capacity()).or_default().push(values);
    }

    /// Gives memory back to the system where there is more by a quarter than so many bytes.
    pub fn limit(&self, bytes: usize) {
        let mut spare = self.lock();
        let mut total: usize = spare.iter().map(|(capacity, same)| capacity * same.len()).sum();
        while total * size_of::<T>() > bytes + bytes / 4 {
            let Some((capacity, same)) = spare.pop_last() else { return };
            total -= capacity * same.len();
        }
    }

    /// The smallest one with so much room, or else the largest.
    fn nearest(&self, length: usize) -> Option<Vec<T>> {
        let mut spare = self.lock();
        let (&capacity, _) = spare.range(length..).next().or_else(|| spare.last_key_value())?;
        let same = spare.get_mut(&capacity)?;
        let found = same.pop();
        if same.is_empty() {
            spare.remove(&capacity);
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<Vec<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh<T>(capacity: usize) -> Result<Vec<T>, String> {
    let mut values = Vec::new();
    let bytes = capacity * size_of::<T>();
    values.try_reserve_exact(capacity).map_err(|_| format!("the system has no {bytes} bytes of memory left"))?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacities(spare: &Spare<f32>) -> Vec<usize> {
        spare.lock().iter().flat_map(|(&capacity, same)| vec![capacity; same.len()]).collect()
    }

    fn with(capacities: &[usize]) -> Spare<f32> {
        let spare = Spare::default();
        capacities.iter().for_each(|&capacity| spare.give(vec![0.0; capacity]));
        spare
    }

    #[test]
    fn the_smallest_that_fits_is_taken_again() {
        let spare = with(&[100, 110, 110, 200]);
        let taken = spare.take(104).unwrap();
        assert_eq!((taken.len(), taken.capacity()), (0, 110));
        assert_eq!(capacities(&spare), [100, 110, 200]);
        spare.give(taken);
        assert_eq!(capacities(&spare), [100, 110, 110, 200]);
    }

    #[test]
    fn fresh_memory_takes_the_place_of_what_does_not_fit() {
        let spare = with(&[100, 200]);
        assert_eq!(spare.take(160).unwrap().capacity(), 170);
        assert_eq!(capacities(&spare), [100]);
        assert_eq!(spare.take(320).unwrap().capacity(), 340);
        assert!(capacities(&spare).is_empty());
    }

    #[test]
    fn memory_that_the_system_does_not_have_is_an_error() {
        let why = Spare::<f64>::default().take(usize::MAX / 32).unwrap_err();
        assert_eq!(why, format!("the system has no {} bytes of memory left", (usize::MAX / 32 + usize::MAX / 512) * 8));
    }

    #[test]
    fn memory_beyond_the_limit_goes_back() {
        let spare = with(&[100, 100, 200, 300]);
        spare.limit(400 * size_of::<f32>());
        assert_eq!(capacities(&spare), [100, 100, 200]);
        spare.limit(0);
        assert!(capacities(&spare).is_empty());
    }
}
