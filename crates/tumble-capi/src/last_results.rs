//! Results of the last structure, per thread and handle: between two calls of a thread, another thread may have
//! evaluated a different structure with the same handle.

use std::any::Any;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

/// A handle and the results of its last structure.
type ThreadResults = (Weak<()>, Box<dyn Any>);

thread_local! {
    /// Results of this thread, one entry per live handle.
    static LAST: RefCell<Vec<ThreadResults>> = const { RefCell::new(vec![]) };
}

/// The key of a handle to its results. The address of the results is stable until the same thread replaces them.
#[derive(Default)]
pub struct LastResults(Arc<()>);

impl LastResults {
    /// Stores the results of this thread's last structure, or removes them; drops the results of freed handles.
    pub fn replace<T: 'static>(&self, results: Option<T>) {
        let this = Arc::downgrade(&self.0);
        // A terminating thread may already have destroyed them.
        let _ = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            last.retain(|(handle, _)| handle.strong_count() > 0 && !handle.ptr_eq(&this));
            last.extend(results.map(|results| (this, Box::new(results) as Box<dyn Any>)));
        });
    }

    /// Passes the results of this thread's last structure to `change`; `None` if there are none.
    pub fn change<T: 'static, R>(&self, change: impl FnOnce(Option<&mut T>) -> R) -> R {
        let this = Arc::downgrade(&self.0);
        LAST.with(|last| {
            let mut last = last.borrow_mut();
            let found = last.iter_mut().find(|(handle, _)| handle.ptr_eq(&this));
            change(found.and_then(|(_, results)| results.downcast_mut()))
        })
    }

    /// Passes the results of this thread's last structure to `read`; `None` if there are none.
    pub fn read<T: 'static, R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        let this = Arc::downgrade(&self.0);
        LAST.with(|last| {
            let last = last.borrow();
            let found = last.iter().find(|(handle, _)| handle.ptr_eq(&this));
            read(found.and_then(|(_, results)| results.downcast_ref()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(last: &LastResults) -> Option<i32> {
        last.read(|found: Option<&i32>| found.copied())
    }

    #[test]
    fn threads_and_handles_have_results_of_their_own() {
        let (one, other) = (LastResults::default(), LastResults::default());
        one.replace(Some(1));
        other.replace(Some(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(found(&one), None);
                one.replace(Some(3));
                assert_eq!(found(&one), Some(3));
            });
        });
        assert_eq!((found(&one), found(&other)), (Some(1), Some(2)));
        one.replace(None::<i32>);
        assert_eq!((found(&one), found(&other)), (None, Some(2)));
    }

    #[test]
    fn results_of_freed_handles_are_dropped_at_the_next_replacement() {
        for number in 0..5 {
            LastResults::default().replace(Some(number));
        }
        let last = LastResults::default();
        last.replace(Some(7));
        assert_eq!(LAST.with(|last| last.borrow().len()), 1);
    }
}
