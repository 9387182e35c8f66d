//! Threads and the processors that they may run on.

use std::thread::available_parallelism;

/// Processors that this process may use, by its affinity mask and its control group; 1 where that is not known.
pub fn allowed() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// A note for the user where so many threads, of all processes together that share the `allowed` processors, are too
/// many: they wait for each other, and everything takes longer.
pub fn oversubscribed(threads: usize, allowed: usize) -> Option<String> {
    (threads > allowed).then(|| {
        format!(
            "{threads} threads share the {allowed} processor(s) that this process may use, which is slower than fewer \
             threads: give at most {allowed}, or allow more processors (taskset, mpiexec --bind-to none, the batch \
             system's cpus-per-task)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_threads_than_processors_are_told() {
        assert!(allowed() >= 1);
        assert_eq!([oversubscribed(1, 1), oversubscribed(2, 4)], [None, None]);
        assert_eq!(
            oversubscribed(8, 2).unwrap(),
            "8 threads share the 2 processor(s) that this process may use, which is slower than fewer threads: give at \
             most 2, or allow more processors (taskset, mpiexec --bind-to none, the batch system's cpus-per-task)"
        );
    }
}
