//! Evaluations: short ones where they are asked for, long ones in a thread of their own, so that the thread that waits for
//! sockets notices meanwhile who comes, asks and leaves.
//!
//! All by steps in one thread would do without another, but one run of a model that cannot be cut takes as long as it takes:
//! only another thread can end it. All in another thread would cost a short request as much as its evaluation.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use polling::Poller;
use tumble_core::average::Evaluation;
use tumble_core::batch::{Task, evaluate_together};
use tumble_core::cancel::{Cancel, Reason};
use tumble_core::graph::Graph;
use tumble_core::planner::{self, ModelCosts, RecomputeLevel};
use tumble_core::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::rotation::Matrix3;

use crate::error::{Error, Result};
use crate::scheduler::request::Request;
use crate::scheduler::{BatchStats, Limits};

/// As many times what one request may cost may all that are evaluated together, and still take a short time.
const MANY: usize = 2;

/// Atoms of a request that is short at most: to find the neighbors of more may itself take long.
const FEW: usize = 4096;

/// Requests to be evaluated, and how long the first of them has waited for others.
pub(super) struct Order {
    pub requests: Vec<Request>,
    pub waited: Duration,
}

/// Requests that were evaluated together, or one that could not be.
pub(super) struct Done {
    pub round: BatchStats,
    pub results: Vec<(Request, Result<Vec<Evaluation>>)>,
}

/// A model, here or away.
pub(super) struct Evaluator {
    limits: Limits,
    poller: Arc<Poller>,
    /// Unless it is away.
    potential: Option<Box<dyn Potential>>,
    away: Option<Away>,
    /// What was done here.
    ready: VecDeque<Done>,
    /// Asked when all is to end.
    ending: Cancel,
}

/// The thread that evaluates what takes long. It ends when there is nothing left to do, and gives back the model and what
/// it was handed over too late.
struct Away {
    orders: Sender<Order>,
    done: Receiver<Done>,
    thread: JoinHandle<(Box<dyn Potential>, Receiver<Order>)>,
}

impl Evaluator {
    /// The poller is woken when something is done elsewhere.
    pub fn new(potential: Box<dyn Potential>, limits: Limits, poller: Arc<Poller>) -> Self {
        let (ready, ending) = (VecDeque::new(), Cancel::default());
        Self { limits, poller, potential: Some(potential), away: None, ready, ending }
    }

    /// Evaluates, or has it evaluated, what is then found by [`Evaluator::done`].
    pub fn hand_over(&mut self, order: Order) {
        match (self.potential.take(), &self.away) {
            (Some(mut potential), _) => {
                let mut desk = self.desk(Outlet::Here(VecDeque::new()));
                desk.take(order, potential.as_mut());
                let Desk { later, many, outlet, .. } = desk;
                self.ready.extend(outlet.into_done());
                match later.is_empty() && many.is_empty() {
                    true => self.potential = Some(potential),
                    false => self.send_away(potential, later, many),
                }
            }
            // It fails only if the thread has panicked, which is told when its results are looked for.
            (None, Some(away)) => drop(away.orders.send(order)),
            (None, None) => {}
        }
    }

    fn desk(&self, outlet: Outlet) -> Desk {
        let (later, many) = (VecDeque::new(), Vec::new());
        Desk { limits: self.limits, later, many, ending: self.ending.clone(), outlet }
    }

    fn send_away(&mut self, potential: Box<dyn Potential>, later: VecDeque<Request>, many: Vec<Request>) {
        let ((orders, waiting), (sender, done)) = (channel(), channel());
        let outlet = Outlet::Away(sender, Bell(Arc::clone(&self.poller)));
        let desk = Desk { later, ..self.desk(outlet) };
        let _ = orders.send(Order { requests: many, waited: Duration::ZERO });
        let thread = thread::spawn(move || desk.work(potential, waiting));
        self.away = Some(Away { orders, done, thread });
    }

    /// What was done since it was asked last.
    pub fn done(&mut self) -> Option<Done> {
        if self.ready.is_empty()
            && let Some(away) = &self.away
        {
            match away.done.try_recv() {
                Ok(done) => return Some(done),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.come_back(),
            }
        }
        self.ready.pop_front()
    }

    fn come_back(&mut self) {
        let Some(away) = self.away.take() else { return };
        let (potential, late) = away.thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        self.potential = Some(potential);
        late.try_iter().for_each(|order| self.hand_over(order));
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.ending.cancel(Reason::Signal);
        // A panic of its own has been told by the hook.
        let _ = self.away.take().map(|away| away.thread.join());
    }
}

/// Where results go.
enum Outlet {
    Here(VecDeque<Done>),
    Away(Sender<Done>, Bell),
}

impl Outlet {
    fn put(&mut self, done: Done) {
        match self {
            Self::Here(ready) => ready.push_back(done),
            Self::Away(sender, bell) => {
                // Nobody listens any more when all ends.
                let _ = sender.send(done);
                bell.ring();
            }
        }
    }

    fn into_done(self) -> VecDeque<Done> {
        match self {
            Self::Here(ready) => ready,
            Self::Away(..) => VecDeque::new(),
        }
    }
}

/// Rings when something is done, and when nothing will be any more.
struct Bell(Arc<Poller>);

impl Bell {
    fn ring(&self) {
        // It fails only if the system is out of all resources; then results are found a turn later.
        let _ = self.0.notify();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

/// Requests on their way.
struct Desk {
    limits: Limits,
    /// Requests that take long, to be evaluated one after the other.
    later: VecDeque<Request>,
    /// Requests that are short, but so many that they do not take a short time together, to be evaluated elsewhere.
    many: Vec<Request>,
    ending: Cancel,
    // After all else, so that what is done is told before the bell rings for the last time.
    outlet: Outlet,
}

impl Desk {
    /// Evaluates what takes long, and what comes meanwhile; the model, and what may still have come.
    fn work(
        mut self,
        mut potential: Box<dyn Potential>,
        mut waiting: Receiver<Order>,
    ) -> (Box<dyn Potential>, Receiver<Order>) {
        loop {
            if let Some(request) = self.later.pop_front() {
                self.evaluate_long(request, potential.as_mut(), &mut waiting);
            } else if let Ok(order) = waiting.try_recv() {
                self.take(order, potential.as_mut());
            } else {
                return (potential, waiting);
            }
        }
    }

    /// Evaluates what takes a short time, together, and puts off the rest.
    fn take(&mut self, order: Order, potential: &mut dyn Potential) {
        let (mut together, mut bytes, mut waited) = (Vec::new(), 0, order.waited);
        for mut request in order.requests {
            if request.atoms() > FEW {
                self.put_off(request);
                continue;
            }
            match request.prepare(potential, &self.limits) {
                Err(error) => self.tell(BatchStats::default(), vec![(request, Err(error))]),
                Ok(()) if request.cost(potential) > potential.limits(self.limits.memory).short() => {
                    self.put_off(request)
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

    fn put_off(&mut self, mut request: Request) {
        // There may be as many as there are connections.
        if !self.later.is_empty() {
            request.forget_neighbors();
        }
        self.later.push_back(request);
    }

    fn evaluate(&mut self, requests: Vec<Request>, waited: Duration, potential: &mut dyn Potential) {
        let cost = requests.iter().map(|request| request.cost(potential)).fold(0, usize::saturating_add);
        if matches!(self.outlet, Outlet::Here(_)) && cost > MANY * potential.limits(self.limits.memory).short() {
            self.many.extend(requests);
            return;
        }
        if requests.is_empty() {
            return;
        }
        potential.watch(if let [request] = &requests[..] { &request.cancel } else { &self.ending });
        let start = Instant::now();
        let tasks: Vec<Task> = requests.iter().flat_map(Request::tasks).collect();
        let found = evaluate_together(potential, &tasks, self.limits.memory);
        self.finish(requests, found, start, waited);
    }

    /// Evaluates one request, and between its runs what is short.
    fn evaluate_long(&mut self, mut request: Request, potential: &mut dyn Potential, waiting: &mut Receiver<Order>) {
        let start = Instant::now();
        if let Err(error) = request.prepare(potential, &self.limits) {
            return self.tell(BatchStats::default(), vec![(request, Err(error))]);
        }
        let (memory, cancel) = (self.limits.memory, request.cancel.clone());
        let tasks: Vec<Task> = request.tasks().collect();
        let mut shared = Shared { potential, desk: self, waiting, cancel };
        let found = evaluate_together(&mut shared, &tasks, memory);
        self.finish(vec![request], found, start, Duration::ZERO);
    }

    fn finish(
        &mut self,
        requests: Vec<Request>,
        found: Vec<tumble_core::Result<Evaluation>>,
        start: Instant,
        waited: Duration,
    ) {
        let mut round = BatchStats { waited, requests: requests.len(), took: start.elapsed(), ..BatchStats::default() };
        let mut found = found.into_iter();
        let result = |request: Request| {
            // All of them are taken, also after one that failed: what follows is of the next request.
            let evaluations: Vec<_> = found.by_ref().take(request.structures()).collect();
            let evaluations: tumble_core::Result<Vec<_>> = evaluations.into_iter().collect();
            let evaluations = evaluations.map_err(Error::from);
            evaluations.iter().for_each(|evaluations| round.add(evaluations));
            (request, evaluations)
        };
        let results = requests.into_iter().map(result).collect();
        self.tell(round, results);
    }

    fn tell(&mut self, round: BatchStats, results: Vec<(Request, Result<Vec<Evaluation>>)>) {
        self.outlet.put(Done { round, results });
    }
}

/// A potential that is lent to others between two runs.
struct Shared<'a> {
    potential: &'a mut dyn Potential,
    desk: &'a mut Desk,
    waiting: &'a mut Receiver<Order>,
    cancel: Cancel,
}

impl Shared<'_> {
    fn pause(&mut self) -> tumble_core::Result<()> {
        while let Ok(order) = self.waiting.try_recv() {
            self.desk.take(order, self.potential);
        }
        self.potential.watch(&self.cancel);
        self.cancel.check()
    }
}

impl Potential for Shared<'_> {
    fn info(&self) -> &ModelInfo {
        self.potential.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.pause()?;
        self.potential.evaluate(graph, rotations, forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> tumble_core::Result<Vec<Response>> {
        self.pause()?;
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
