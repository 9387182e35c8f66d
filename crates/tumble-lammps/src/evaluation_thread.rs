//! An evaluation on a thread of its own. It pauses at each communication with other ranks until the caller has done it.
//!
//! Only LAMMPS' own thread may call MPI, and Rust never calls LAMMPS. So the evaluation hands each message to that thread
//! and waits; one of the two threads runs at a time.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tumble_core::domain::Ranks;
use tumble_core::error::{Error, Result};
use tumble_core::parallel::locked;

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

/// A pause of the evaluation, or its end with a result.
enum Pause<T> {
    Communicate(Communication),
    Done(T),
}

type Job<T> = Box<dyn FnOnce(Arc<dyn Ranks>) -> T + Send>;

/// A thread for evaluations with a result of type `T`, one at a time.
pub struct EvaluationThread<T> {
    /// `None` only while it is dropped.
    jobs: Option<Sender<Job<T>>>,
    pauses: Receiver<Pause<T>>,
    /// The completed communication; `None` if another rank has failed.
    answers: Sender<Option<Communication>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> EvaluationThread<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start() -> std::io::Result<Self> {
        let ((jobs, waiting), (pause, pauses), (answers, answered)) = (channel::<Job<T>>(), channel(), channel());
        let ranks = Arc::new(PausingRanks { pause: pause.clone(), answers: Mutex::new(answered) });
        let work = move || {
            for job in waiting {
                // It fails if the caller has gone, and then there is no further job.
                let _ = pause.send(Pause::Done(job(Arc::clone(&ranks) as Arc<dyn Ranks>)));
            }
        };
        let thread = thread::Builder::new().name("tumble".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), pauses, answers, thread: Some(thread) })
    }

    /// Begins an evaluation.
    pub fn begin(&self, job: impl FnOnce(Arc<dyn Ranks>) -> T + Send + 'static) {
        let jobs = self.jobs.as_ref().expect("the thread takes jobs until it is dropped");
        jobs.send(Box::new(job)).expect("the thread lives as long as its jobs");
    }

    /// Waits for the next communication, or for the result.
    pub fn advance(&self) -> std::result::Result<Communication, T> {
        match self.pauses.recv().expect("the thread ends with its jobs only") {
            Pause::Communicate(communication) => Ok(communication),
            Pause::Done(result) => Err(result),
        }
    }

    /// Continues the evaluation after a communication; `None` ends it, as another rank has failed.
    pub fn resume(&self, answer: Option<Communication>) {
        // The evaluation waits for it, or has ended.
        let _ = self.answers.send(answer);
    }
}

impl<T> Drop for EvaluationThread<T> {
    fn drop(&mut self) {
        // Without a sender of jobs or answers, the thread ends.
        drop(self.jobs.take());
        let (answers, _) = channel();
        drop(std::mem::replace(&mut self.answers, answers));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The ranks as the evaluation sees them.
struct PausingRanks<T> {
    pause: Sender<Pause<T>>,
    answers: Mutex<Receiver<Option<Communication>>>,
}

impl<T> PausingRanks<T> {
    fn communicate(&self, communication: Communication) -> Result<Communication> {
        self.pause.send(Pause::Communicate(communication)).map_err(|_| Error::OtherRank)?;
        locked(&self.answers).recv().ok().flatten().ok_or(Error::OtherRank)
    }
}

impl<T: Send> Ranks for PausingRanks<T> {
    fn exchange(&self, mut outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        outgoing.iter_mut().for_each(|message| message.resize(message.len().next_multiple_of(UNIT), 0));
        match self.communicate(Communication::Exchange(outgoing))? {
            Communication::Exchange(incoming) => Ok(incoming),
            _ => Err(Error::OtherRank),
        }
    }

    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        match self.communicate(Communication::Sum(numbers))? {
            Communication::Sum(sums) => Ok(sums),
            _ => Err(Error::OtherRank),
        }
    }

    fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        match self.communicate(Communication::Least(numbers))? {
            Communication::Least(least) => Ok(least),
            _ => Err(Error::OtherRank),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluation_pauses_at_each_communication() {
        let thread = EvaluationThread::start().unwrap();
        thread.begin(|ranks| {
            let incoming = ranks.exchange(vec![vec![1, 2, 3]])?;
            Ok::<_, Error>((incoming, ranks.sum(vec![1.0])?, ranks.least(vec![2.0])?))
        });
        let padded = Communication::Exchange(vec![vec![1, 2, 3, 0, 0, 0, 0, 0]]);
        assert_eq!(thread.advance().ok(), Some(padded));
        thread.resume(Some(Communication::Exchange(vec![vec![4]])));
        assert_eq!(thread.advance().ok(), Some(Communication::Sum(vec![1.0])));
        thread.resume(Some(Communication::Sum(vec![5.0])));
        assert_eq!(thread.advance().ok(), Some(Communication::Least(vec![2.0])));
        thread.resume(Some(Communication::Least(vec![-1.0])));
        assert_eq!(thread.advance().unwrap_err().unwrap(), (vec![vec![4]], vec![5.0], vec![-1.0]));
    }

    #[test]
    fn evaluation_ends_if_another_rank_fails_or_the_caller_goes() {
        let thread = EvaluationThread::start().unwrap();
        let sum = |ranks: Arc<dyn Ranks>| ranks.sum(vec![]).map_err(|error| error.to_string());
        thread.begin(sum);
        assert!(thread.advance().is_ok());
        thread.resume(None);
        assert!(thread.advance().unwrap_err().unwrap_err().contains("another rank"));
        thread.begin(sum);
        drop(thread);
    }
}
