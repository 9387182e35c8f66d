//! Processors available to this process, a limit on threads, and a warning about oversubscription.

use std::thread::available_parallelism;

/// Most threads per processor that are started: each has sessions of its own, which take time and memory to open.
const MOST: usize = 4;

/// Returns the number of processors that this process may use, by its affinity mask and its control group; 1 if
/// unknown.
pub fn allowed() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns the number of threads to start of those asked for.
pub fn started(threads: usize, allowed: usize) -> usize {
    threads.clamp(1, MOST * allowed)
}

/// Returns a warning if the threads oversubscribe the processors: they would wait for each other, and everything would
/// take longer. `threads` counts the threads of all processes that share the `allowed` processors.
pub fn oversubscribed(threads: usize, allowed: usize) -> Option<String> {
    let remedy = format!(
        "give at most {allowed}, or allow more processors (taskset, mpiexec --bind-to none, the batch system's cpus-per-task)"
    );
    match started(threads, allowed) {
        _ if threads <= allowed => None,
        started if started < threads => Some(format!(
            "{threads} threads were asked for, but only {started} are started, as this process may use {allowed} \
             processor(s): {remedy}"
        )),
        _ => Some(format!(
            "{threads} threads share the {allowed} processor(s) that this process may use, which is slower than fewer \
             threads: {remedy}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_far_beyond_the_processors_are_not_started() {
        assert_eq!([started(0, 2), started(3, 2), started(8, 2), started(4000, 2)], [1, 3, 8, 8]);
        assert_eq!(
            oversubscribed(4000, 2).unwrap(),
            "4000 threads were asked for, but only 8 are started, as this process may use 2 processor(s): give at most 2, \
             or allow more processors (taskset, mpiexec --bind-to none, the batch system's cpus-per-task)"
        );
    }

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
