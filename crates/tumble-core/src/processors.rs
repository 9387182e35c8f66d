//! Processors available to this process, and a warning about oversubscription.

use std::thread::available_parallelism;

/// Returns the number of processors that this process may use, by its affinity mask and its control group; 1 if
/// unknown.
pub fn allowed() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns a warning if the threads oversubscribe the processors: they would wait for each other, and everything would
/// take longer. `threads` counts the threads of all processes that share the `allowed` processors.
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
    fn oversubscription_is_reported() {
        assert!(allowed() >= 1);
        assert_eq!([oversubscribed(1, 1), oversubscribed(2, 4)], [None, None]);
        assert_eq!(
            oversubscribed(8, 2).unwrap(),
            "8 threads share the 2 processor(s) that this process may use, which is slower than fewer threads: give at \
             most 2, or allow more processors (taskset, mpiexec --bind-to none, the batch system's cpus-per-task)"
        );
    }
}
