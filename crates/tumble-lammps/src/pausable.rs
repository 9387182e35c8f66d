//! Evaluations that pause at each communication with other ranks until the caller has done it (unsafe: the pointer of a
//! coroutine to its caller).
//!
//! LAMMPS' messages are sent in C++, and Rust never calls LAMMPS. So an evaluation is a coroutine with a stack of its
//! own: at a communication it returns to the caller, deep inside the model's stages as it is, and goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use tumble_core::domain::{RankFailure, Ranks};

/// Stack of an evaluation, bytes. Untouched pages take no memory.
const STACK: usize = 16 << 20;

/// Bytes of a unit in which messages are sent; they are padded to whole units.
const UNIT: usize = 8;

/// A communication of all ranks.
#[derive(Debug, PartialEq)]
pub enum Communication {
    /// One message to each partner, answered by one from each.
    Exchange(Vec<Vec<u8>>),
    /// Numbers to be replaced by their sums over all ranks.
    Sum(Vec<f64>),
    /// Numbers to be replaced by the least of all ranks.
    Least(Vec<f64>),
}

/// The completed communication; `None` if another rank has failed.
type Answer = Option<Communication>;

/// An evaluation with a result of type `T`, until it ends.
pub struct Pausable<T>(Coroutine<Answer, Communication, T, DefaultStack>);

/// An evaluation that has gone on: to its next communication, or to its end.
pub enum Progress<T> {
    /// It waits for the answer to this communication.
    Waits(Communication),
    /// It has ended with this result.
    Done(T),
}

impl<T: 'static> Pausable<T> {
    /// Prepares an evaluation; [`Pausable::resume`] begins it.
    ///
    /// # Errors
    /// The system has no memory for a stack.
    pub fn new(evaluate: impl FnOnce(Arc<dyn Ranks>) -> T + 'static) -> std::io::Result<Self> {
        let body = move |yielder: &Yielder<Answer, Communication>, _| {
            let ranks =
                Arc::new(PausingRanks { yielder, thread: thread::current().id(), ended: AtomicBool::new(false) });
            let result = evaluate(Arc::clone(&ranks) as Arc<dyn Ranks>);
            ranks.ended.store(true, Ordering::Release);
            result
        };
        Ok(Self(Coroutine::with_stack(DefaultStack::new(STACK)?, body)))
    }

    /// Begins the evaluation, or goes on with the answer to its communication, until the next one.
    pub fn resume(&mut self, answer: Answer) -> Progress<T> {
        match self.0.resume(answer) {
            CoroutineResult::Yield(communication) => Progress::Waits(communication),
            CoroutineResult::Return(result) => Progress::Done(result),
        }
    }
}

/// The ranks as an evaluation sees them.
struct PausingRanks {
    yielder: *const Yielder<Answer, Communication>,
    /// The thread of the evaluation.
    thread: ThreadId,
    /// Whether the evaluation has ended, and the pointer with it.
    ended: AtomicBool,
}

// SAFETY: `communicate` follows the pointer in the thread of the evaluation only.
unsafe impl Send for PausingRanks {}
// SAFETY: as above.
unsafe impl Sync for PausingRanks {}

impl PausingRanks {
    /// Pauses until the caller has communicated. Outside of the evaluation there is no caller.
    fn communicate(&self, communication: Communication) -> Result<Communication, RankFailure> {
        if self.ended.load(Ordering::Acquire) || self.thread != thread::current().id() {
            return Err(RankFailure);
        }
        // SAFETY: the evaluation has not ended, so its coroutine and the yielder exist, and this is their thread.
        unsafe { &*self.yielder }.suspend(communication).ok_or(RankFailure)
    }
}

impl Ranks for PausingRanks {
    fn exchange(&self, mut outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RankFailure> {
        outgoing.iter_mut().for_each(|message| message.resize(message.len().next_multiple_of(UNIT), 0));
        match self.communicate(Communication::Exchange(outgoing))? {
            Communication::Exchange(incoming) => Ok(incoming),
            _ => Err(RankFailure),
        }
    }

    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
        match self.communicate(Communication::Sum(numbers))? {
            Communication::Sum(sums) => Ok(sums),
            _ => Err(RankFailure),
        }
    }

    fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
        match self.communicate(Communication::Least(numbers))? {
            Communication::Least(least) => Ok(least),
            _ => Err(RankFailure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits<T>(progress: Progress<T>) -> Communication {
        match progress {
            Progress::Waits(communication) => communication,
            Progress::Done(_) => panic!("it has ended"),
        }
    }

    fn done<T>(progress: Progress<T>) -> T {
        match progress {
            Progress::Done(result) => result,
            Progress::Waits(communication) => panic!("it waits for {communication:?}"),
        }
    }

    #[test]
    fn evaluation_pauses_at_each_communication() {
        let evaluate = |ranks: Arc<dyn Ranks>| {
            let incoming = ranks.exchange(vec![vec![1, 2, 3]])?;
            Ok::<_, RankFailure>((incoming, ranks.sum(vec![1.0])?, ranks.least(vec![2.0])?))
        };
        let mut evaluation = Pausable::new(evaluate).unwrap();
        let padded = Communication::Exchange(vec![vec![1, 2, 3, 0, 0, 0, 0, 0]]);
        assert_eq!(waits(evaluation.resume(None)), padded);
        let received = Communication::Exchange(vec![vec![4]]);
        assert_eq!(waits(evaluation.resume(Some(received))), Communication::Sum(vec![1.0]));
        assert_eq!(waits(evaluation.resume(Some(Communication::Sum(vec![5.0])))), Communication::Least(vec![2.0]));
        let result = done(evaluation.resume(Some(Communication::Least(vec![-1.0]))));
        assert_eq!(result.unwrap(), (vec![vec![4]], vec![5.0], vec![-1.0]));
    }

    #[test]
    fn evaluation_ends_if_another_rank_fails() {
        let mut evaluation = Pausable::new(|ranks| ranks.sum(vec![]).unwrap_err()).unwrap();
        waits(evaluation.resume(None));
        assert_eq!(done(evaluation.resume(None)), RankFailure);
    }

    #[test]
    fn messages_after_the_end_or_from_other_threads_are_refused() {
        let mut evaluation = Pausable::new(|ranks| {
            let elsewhere = Arc::clone(&ranks);
            let refused = thread::spawn(move || elsewhere.sum(vec![]).is_err()).join().unwrap();
            (ranks, refused)
        });
        let (ranks, refused) = done(evaluation.as_mut().unwrap().resume(None));
        assert!(refused && ranks.sum(vec![]).is_err());
    }
}
