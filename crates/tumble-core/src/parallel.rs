//! Runs work on several threads.
//!
//! Threads live no longer than their work: waking a sleeping thread takes about as long as starting one, and a child of
//! a fork would lack the threads of a pool.

use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use rayon::ThreadPoolBuilder;

use crate::error::Result;

/// Runs rayon iterators in a pool of `threads` threads, or in the calling thread if the system refuses more.
pub(crate) fn with_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    let done = pool.build_scoped(|thread| thread.run(), |pool| pool.install(&work));
    done.unwrap_or_else(|_| {
        let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
        alone.expect("a pool of the calling thread starts none").install(&work)
    })
}

/// Distributes `count` tasks over workers, each task to the first free worker; returns, per worker, the number and the
/// result of each of its tasks.
pub fn distribute<L: Send, T: Send>(
    workers: impl Iterator<Item = L>,
    count: usize,
    work: impl Fn(&mut L, usize) -> Result<T> + Sync,
) -> Result<Vec<Vec<(usize, T)>>> {
    let (next, work) = (&AtomicUsize::new(0), &work);
    run_concurrently(workers, |mut worker| {
        let taken = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|&i| i < count);
        taken.map(|i| Ok((i, work(&mut worker, i)?))).collect()
    })
}

/// Returns the results of [`distribute`] in the order of the tasks.
pub fn in_order<T>(workers: Vec<Vec<(usize, T)>>) -> impl Iterator<Item = T> {
    let mut done: Vec<_> = workers.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result)
}

/// Runs all items at the same time, the first in the calling thread; returns the results in order.
pub fn run_concurrently<I: Send, T: Send>(
    items: impl Iterator<Item = I>,
    run: impl Fn(I) -> Result<T> + Copy + Send,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let mut items = items;
        let own = items.next();
        let others: Vec<_> = items.map(|item| scope.spawn(move || run(item))).collect();
        let own = own.map(run);
        own.into_iter().chain(others.into_iter().map(joined)).collect()
    })
}

fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Locks a mutex, even if a thread has panicked while it held the lock.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
