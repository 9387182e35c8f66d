//! Evaluations: short ones in the event loop's thread, long ones in a background thread, while the event loop goes on
//! serving its sockets.
//!
//! A single thread is not enough: a run of a model that cannot be split blocks it, and only another thread can cancel
//! the run. A background thread for every request would cost a short one as much as its evaluation.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use polling::Poller;
use tumble_core::average::Evaluation;
use tumble_core::batch::{Task, evaluate_together};
use tumble_core::cancel::{Cancel, CancelReason};
use tumble_core::graph::Graph;
use tumble_core::planner::{self, ModelCosts, RecomputeLevel};
use tumble_core::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::rotation::Matrix3;

use crate::error::{Error, Result};
use crate::scheduler::request::Request;
use crate::scheduler::{BatchStats, Limits};

/// Cost of a whole batch in the event loop's thread, in units of the most that one short request may cost.
const MAX_BATCH_COST: usize = 2;

/// The most atoms of a short request: finding the neighbors of more may itself take long.
const MAX_SHORT_ATOMS: usize = 4096;

/// Requests to evaluate together, and how long the first of them has waited for others.
pub(super) struct Batch {
    pub requests: Vec<Request>,
    pub waited: Duration,
}

/// Results of requests evaluated together, or of one request that failed.
pub(super) struct BatchResult {
    pub stats: BatchStats,
    pub results: Vec<(Request, Result<Vec<Evaluation>>)>,
}

/// The owner of the model; lends it to the background thread.
pub(super) struct Evaluator {
    limits: Limits,
    poller: Arc<Poller>,
    /// `None` while the background thread has it.
    potential: Option<Box<dyn Potential>>,
    background: Option<BackgroundThread>,
    /// Results from the event loop's thread.
    ready: VecDeque<BatchResult>,
    /// Set when the evaluator is dropped.
    shutdown: Cancel,
}

/// The thread of long evaluations. It ends when it runs out of work, and returns the model and the channel with batches
/// submitted too late.
struct BackgroundThread {
    batches: Sender<Batch>,
    results: Receiver<BatchResult>,
    thread: JoinHandle<(Box<dyn Potential>, Receiver<Batch>)>,
}

impl Evaluator {
    /// An evaluator that wakes the poller when the background thread has results.
    pub fn new(potential: Box<dyn Potential>, limits: Limits, poller: Arc<Poller>) -> Self {
        let (ready, shutdown) = (VecDeque::new(), Cancel::default());
        Self { limits, poller, potential: Some(potential), background: None, ready, shutdown }
    }

    /// Evaluates a batch, or has the background thread do it; [`Evaluator::next_result`] returns the results.
    pub fn submit(&mut self, batch: Batch) {
        match (self.potential.take(), &self.background) {
            (Some(mut potential), _) => {
                let mut worker = self.worker(ResultSink::Queue(VecDeque::new()));
                worker.evaluate_short(batch, potential.as_mut());
                let Worker { long, excess, sink, .. } = worker;
                self.ready.extend(sink.into_queue());
                match long.is_empty() && excess.is_empty() {
                    true => self.potential = Some(potential),
                    false => self.spawn(potential, long, excess),
                }
            }
            // Sending fails only if the thread has panicked; `next_result` propagates that.
            (None, Some(background)) => drop(background.batches.send(batch)),
            (None, None) => {}
        }
    }

    fn worker(&self, sink: ResultSink) -> Worker {
        let (long, excess) = (VecDeque::new(), Vec::new());
        Worker { limits: self.limits, long, excess, shutdown: self.shutdown.clone(), sink }
    }

    fn spawn(&mut self, potential: Box<dyn Potential>, long: VecDeque<Request>, excess: Vec<Request>) {
        let ((batches, incoming), (sender, results)) = (channel(), channel());
        let sink = ResultSink::Channel(sender, Notifier(Arc::clone(&self.poller)));
        let worker = Worker { long, ..self.worker(sink) };
        let _ = batches.send(Batch { requests: excess, waited: Duration::ZERO });
        let thread = thread::spawn(move || worker.run(potential, incoming));
        self.background = Some(BackgroundThread { batches, results, thread });
    }

    /// The next finished batch; does not wait for one.
    pub fn next_result(&mut self) -> Option<BatchResult> {
        if self.ready.is_empty()
            && let Some(background) = &self.background
        {
            match background.results.try_recv() {
                Ok(result) => return Some(result),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.join(),
            }
        }
        self.ready.pop_front()
    }

    fn join(&mut self) {
        let Some(background) = self.background.take() else { return };
        let (potential, late) = background.thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        self.potential = Some(potential);
        late.try_iter().for_each(|batch| self.submit(batch));
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.shutdown.cancel(CancelReason::Signal);
        // The panic hook has reported a panic of the thread already.
        let _ = self.background.take().map(|background| background.thread.join());
    }
}

/// Where a worker puts its results.
enum ResultSink {
    Queue(VecDeque<BatchResult>),
    Channel(Sender<BatchResult>, Notifier),
}

impl ResultSink {
    fn put(&mut self, result: BatchResult) {
        match self {
            Self::Queue(ready) => ready.push_back(result),
            Self::Channel(sender, notifier) => {
                // During shutdown the receiver may be gone.
                let _ = sender.send(result);
                notifier.notify();
            }
        }
    }

    fn into_queue(self) -> VecDeque<BatchResult> {
        match self {
            Self::Queue(ready) => ready,
            Self::Channel(..) => VecDeque::new(),
        }
    }
}

/// Wakes the poller at each result, and when it is dropped at the end of the thread.
struct Notifier(Arc<Poller>);

impl Notifier {
    fn notify(&self) {
        // It fails only if the system is out of resources; then the event loop finds the results a turn later.
        let _ = self.0.notify();
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.notify();
    }
}

/// Evaluates batches, in the event loop's thread or in the background.
struct Worker {
    limits: Limits,
    /// Long requests, evaluated one after the other.
    long: VecDeque<Request>,
    /// Short requests, too many to evaluate in the event loop's thread.
    excess: Vec<Request>,
    shutdown: Cancel,
    // The last field, and so dropped last: its notifier's last wake-up comes after all results.
    sink: ResultSink,
}

impl Worker {
    /// Evaluates long requests and incoming batches until none is left; returns the model, and the channel with batches
    /// that may have come too late.
    fn run(
        mut self,
        mut potential: Box<dyn Potential>,
        mut incoming: Receiver<Batch>,
    ) -> (Box<dyn Potential>, Receiver<Batch>) {
        loop {
            if let Some(request) = self.long.pop_front() {
                self.evaluate_long(request, potential.as_mut(), &mut incoming);
            } else if let Ok(batch) = incoming.try_recv() {
                self.evaluate_short(batch, potential.as_mut());
            } else {
                return (potential, incoming);
            }
        }
    }

    /// Evaluates the short requests of a batch together, and defers the others.
    fn evaluate_short(&mut self, batch: Batch, potential: &mut dyn Potential) {
        let (mut together, mut bytes, mut waited) = (Vec::new(), 0, batch.waited);
        for mut request in batch.requests {
            if request.atoms() > MAX_SHORT_ATOMS {
                self.defer(request);
                continue;
            }
            match request.prepare(potential, &self.limits) {
                Err(error) => self.report(BatchStats::default(), vec![(request, Err(error))]),
                Ok(()) if request.cost(potential) > potential.limits(self.limits.memory).short_evaluation_bytes() => {
                    self.defer(request)
                }
                Ok(()) => {
                    bytes += request.bytes();
                    together.push(request);
                }
            }
            if bytes > self.limits.memory {
                self.evaluate(std::mem::take(&mut together), std::mem::take(&mut waited), potential);
                bytes = 0;
            }
        }
        self.evaluate(together, waited, potential);
    }

    fn defer(&mut self, mut request: Request) {
        // Each connection may have a long request: only the next one keeps the memory of its neighbors.
        if !self.long.is_empty() {
            request.forget_neighbors();
        }
        self.long.push_back(request);
    }

    fn evaluate(&mut self, requests: Vec<Request>, waited: Duration, potential: &mut dyn Potential) {
        let cost = requests.iter().map(|request| request.cost(potential)).fold(0, usize::saturating_add);
        if matches!(self.sink, ResultSink::Queue(_))
            && cost > MAX_BATCH_COST * potential.limits(self.limits.memory).short_evaluation_bytes()
        {
            self.excess.extend(requests);
            return;
        }
        if requests.is_empty() {
            return;
        }
        potential.watch(if let [request] = &requests[..] { &request.cancel } else { &self.shutdown });
        let start = Instant::now();
        let tasks: Vec<Task> = requests.iter().flat_map(Request::tasks).collect();
        let found = evaluate_together(potential, &tasks, self.limits.memory);
        self.finish(requests, found, start, waited);
    }

    /// Evaluates one long request, and between the runs of its model the short requests of incoming batches.
    fn evaluate_long(&mut self, mut request: Request, potential: &mut dyn Potential, incoming: &mut Receiver<Batch>) {
        let start = Instant::now();
        if let Err(error) = request.prepare(potential, &self.limits) {
            return self.report(BatchStats::default(), vec![(request, Err(error))]);
        }
        let (memory, cancel) = (self.limits.memory, request.cancel.clone());
        let tasks: Vec<Task> = request.tasks().collect();
        let mut interruptible = InterruptiblePotential { potential, worker: self, incoming, cancel };
        let found = evaluate_together(&mut interruptible, &tasks, memory);
        self.finish(vec![request], found, start, Duration::ZERO);
    }

    fn finish(
        &mut self,
        requests: Vec<Request>,
        found: Vec<tumble_core::Result<Evaluation>>,
        start: Instant,
        waited: Duration,
    ) {
        let mut stats = BatchStats { waited, requests: requests.len(), took: start.elapsed(), ..BatchStats::default() };
        let mut found = found.into_iter();
        let result = |request: Request| {
            // Take all of its evaluations, also after a failed one: the next ones belong to the next request.
            let evaluations: Vec<_> = found.by_ref().take(request.structures()).collect();
            let evaluations: tumble_core::Result<Vec<_>> = evaluations.into_iter().collect();
            let evaluations = evaluations.map_err(Error::from);
            evaluations.iter().for_each(|evaluations| stats.add(evaluations));
            (request, evaluations)
        };
        let results = requests.into_iter().map(result).collect();
        self.report(stats, results);
    }

    fn report(&mut self, stats: BatchStats, results: Vec<(Request, Result<Vec<Evaluation>>)>) {
        self.sink.put(BatchResult { stats, results });
    }
}

/// The potential of a long request: before each run it evaluates the short requests received meanwhile.
struct InterruptiblePotential<'a> {
    potential: &'a mut dyn Potential,
    worker: &'a mut Worker,
    incoming: &'a mut Receiver<Batch>,
    cancel: Cancel,
}

impl InterruptiblePotential<'_> {
    fn serve_short(&mut self) -> tumble_core::Result<()> {
        while let Ok(batch) = self.incoming.try_recv() {
            self.worker.evaluate_short(batch, self.potential);
        }
        self.potential.watch(&self.cancel);
        self.cancel.check()
    }
}

impl Potential for InterruptiblePotential<'_> {
    fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.serve_short()?;
        self.potential.evaluate(graph, rotations, forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.serve_short()?;
        self.potential.evaluate_many(work, forces)
    }

    fn seconds(&self) -> f64 {
        self.potential.seconds()
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.potential.costs(level)
    }

    fn limits(&self, memory: usize) -> planner::Limits {
        self.potential.limits(memory)
    }
}
