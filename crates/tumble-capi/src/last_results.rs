//! Results of the last structure that a thread has evaluated with a handle. Threads that share a handle do not see each
//! other's: between two calls of one thread another may have evaluated something else.

use std::any::Any;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

/// A handle, and the results of its last structure.
type Kept = (Weak<()>, Box<dyn Any>);

thread_local! {
    /// Of each live handle that this thread has evaluated with.
    static LAST: RefCell<Vec<Kept>> = const { RefCell::new(vec![]) };
}

/// A part of a handle. What is kept stays where it is in memory until the same thread replaces it.
#[derive(Default)]
pub struct Last(Arc<()>);

impl Last {
    /// Keeps the results of this thread's last structure, or forgets them; those of handles that were freed go too.
    pub fn replace<T: 'static>(&self, results: Option<T>) {
        let this = Arc::downgrade(&self.0);
        // A thread that is ending may have lost them already.
        let _ = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            last.retain(|(handle, _)| handle.strong_count() > 0 && !handle.ptr_eq(&this));
            last.extend(results.map(|results| (this, Box::new(results) as Box<dyn Any>)));
        });
    }

    /// Reads the results of this thread's last structure, if there are any.
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

    fn found(last: &Last) -> Option<i32> {
        last.read(|found: Option<&i32>| found.copied())
    }

    #[test]
    fn threads_and_handles_have_results_of_their_own() {
        let (one, other) = (Last::default(), Last::default());
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
    fn results_of_handles_that_were_freed_go_with_the_next() {
        for number in 0..5 {
            Last::default().replace(Some(number));
        }
        let last = Last::default();
        last.replace(Some(7));
        assert_eq!(LAST.with(|last| last.borrow().len()), 1);
    }
}
