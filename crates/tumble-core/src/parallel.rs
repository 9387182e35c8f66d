//! Runs work on several threads.
//!
//! Each calling thread has a pool of helpers for its lifetime: between the stages of an evaluation they wait some
//! microseconds for work before they sleep. Callers do not share helpers, so that none waits for another's work. A child
//! of a fork, in which its parent's threads do not exist, starts its own.

use std::cell::RefCell;
use std::iter;
use std::mem;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Result;

/// The helpers of a thread.
struct Helpers {
    pool: Arc<ThreadPool>,
    /// The process that started them.
    process: u32,
}

thread_local! {
    static HELPERS: RefCell<Option<Helpers>> = const { RefCell::new(None) };
}

/// Returns a pool of at least `count` helpers of the calling thread; `None` if the system refuses threads.
fn helpers(count: usize) -> Option<Arc<ThreadPool>> {
    HELPERS.with_borrow_mut(|helpers| {
        if helpers.as_ref().is_some_and(|known| known.process != process::id()) {
            // Dropping would wait for threads that do not exist here.
            mem::forget(helpers.take());
        }
        if helpers.as_ref().is_none_or(|known| known.pool.current_num_threads() < count) {
            let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(|_| "tumble".into()).build().ok()?;
            *helpers = Some(Helpers { pool: Arc::new(pool), process: process::id() });
        }
        helpers.as_ref().map(|known| Arc::clone(&known.pool))
    })
}

/// Runs rayon iterators on `threads` threads, or in the calling thread if the system refuses them.
pub(crate) fn with_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> T {
    if let Some(pool) = (threads > 1).then(|| helpers(threads)).flatten() {
        return pool.install(&work);
    }
    let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    alone.expect("a pool of the calling thread starts none").install(&work)
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
    let mut items: Vec<I> = items.collect();
    let pool = if items.len() > 1 { helpers(items.len() - 1) } else { None };
    let Some(pool) = pool else { return items.into_iter().map(run).collect() };
    let others = items.split_off(1);
    let mut results: Vec<Option<Result<T>>> = others.iter().map(|_| None).collect();
    let own = pool.in_place_scope(|scope| {
        for (item, result) in others.into_iter().zip(&mut results) {
            scope.spawn(move |_| *result = Some(run(item)));
        }
        items.into_iter().map(run).collect::<Result<Vec<T>>>()
    });
    let others = results.into_iter().map(|result| result.expect("the scope ends after its tasks"));
    Ok(own?.into_iter().chain(others.collect::<Result<Vec<_>>>()?).collect())
}

/// Locks a mutex, even if a thread has panicked while it held the lock.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
