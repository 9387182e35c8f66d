//! Work that is shared by threads. They live no longer than the work: waking a sleeping thread takes about as long as
//! starting one, and a process that forks leaves no pool behind that would be missing in its child.

use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use rayon::ThreadPoolBuilder;

use crate::error::Result;

/// Does work of rayon's iterators in a pool of so many threads; in this one thread if the system has no more.
pub(crate) fn with_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    let done = pool.build_scoped(|thread| thread.run(), |pool| pool.install(&work));
    done.unwrap_or_else(|_| {
        let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
        alone.expect("a pool of the calling thread starts none").install(&work)
    })
}

/// Does so many pieces of work, each in the lane that is free first; for each lane, the number and the result of what it did.
pub fn shared_out<L: Send, T: Send>(
    lanes: impl Iterator<Item = L>,
    count: usize,
    work: impl Fn(&mut L, usize) -> Result<T> + Sync,
) -> Result<Vec<Vec<(usize, T)>>> {
    let (next, work) = (&AtomicUsize::new(0), &work);
    side_by_side(lanes, |mut lane| {
        let taken = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|&i| i < count);
        taken.map(|i| Ok((i, work(&mut lane, i)?))).collect()
    })
}

/// The results of [`shared_out`] in the order of their numbers.
pub fn in_order<T>(lanes: Vec<Vec<(usize, T)>>) -> impl Iterator<Item = T> {
    let mut done: Vec<_> = lanes.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result)
}

/// Does all at the same time, the first in the thread that asks; results are in their order.
pub fn side_by_side<I: Send, T: Send>(
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

/// What a mutex guards, also after a thread has panicked with it.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
