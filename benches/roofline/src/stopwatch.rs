//! The least time of work that is repeated in several rounds.

use std::time::Instant;

/// Time of each work in a round, at least, s.
const ROUND: f64 = 0.02;

/// Time of each sample, at least, s: long beside a reading of the clock, and so short that other programs seldom
/// interrupt it.
const SAMPLE: f64 = 1e-4;

/// Work, and its least time so far.
pub struct Stopwatch {
    run: Box<dyn FnMut()>,
    /// How often a sample repeats the work.
    repeats: usize,
    /// The least time, the mean of a sample, s.
    pub seconds: f64,
}

impl Stopwatch {
    /// Does the work twice: so that its memory is there, and to see how often a sample repeats it.
    pub fn new(mut run: impl FnMut() + 'static) -> Self {
        run();
        let start = Instant::now();
        run();
        let repeats = (SAMPLE / start.elapsed().as_secs_f64().max(1e-9)).ceil() as usize;
        Self { run: Box::new(run), repeats, seconds: f64::INFINITY }
    }

    /// Measures once more.
    pub fn round(&mut self) {
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < ROUND {
            self.sample();
        }
    }

    fn sample(&mut self) {
        let start = Instant::now();
        (0..self.repeats).for_each(|_| (self.run)());
        self.seconds = self.seconds.min(start.elapsed().as_secs_f64() / self.repeats as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn work_is_repeated_in_each_sample() {
        let count = Rc::new(Cell::new(0));
        let seen = count.clone();
        let mut watch = Stopwatch::new(move || seen.set(seen.get() + 1));
        assert_eq!((count.get(), watch.seconds), (2, f64::INFINITY));
        watch.sample();
        assert_eq!(count.get(), 2 + watch.repeats);
        assert!(watch.seconds.is_finite());
    }
}
