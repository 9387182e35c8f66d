//! An evaluation with other ranks, step by step: the state between two communications.

use std::sync::{Arc, Mutex};

use tumble_core::Calculator;
use tumble_core::domain::{Domain, Owners, Ranks};
use tumble_core::panics::guarded;
use tumble_core::parallel::locked;

use crate::error::{Error, Result};
use crate::evaluation_thread::{Communication, EvaluationThread};
use crate::step::{Done, StepTask};

/// The ranks of the nodes of a graph; see [`Owners`].
#[derive(Debug)]
pub struct NodeOwners {
    /// Atom IDs.
    pub tags: Vec<i64>,
    /// Number of the partner that owns each node, `None` for own atoms.
    pub partners: Vec<Option<usize>>,
    /// Number of partners.
    pub count: usize,
}

/// The state of an evaluation with other ranks.
#[derive(Default)]
pub struct Exchange {
    /// Started with the first evaluation.
    thread: Option<EvaluationThread<Done>>,
    /// The communication to be done.
    communication: Option<Communication>,
    /// Messages of the partners so far.
    incoming: Vec<Vec<u8>>,
    done: Option<Done>,
}

impl Exchange {
    /// Begins to evaluate a step together with the other ranks.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn begin(&mut self, task: StepTask, owners: NodeOwners, calculator: &Arc<Mutex<Calculator>>) -> Result<()> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => EvaluationThread::start().map_err(Error::Thread)?,
        };
        let calculator = Arc::clone(calculator);
        self.incoming = vec![Vec::new(); owners.count];
        thread.begin(move |ranks| evaluate(task, &owners, ranks, &mut locked(&calculator)));
        self.thread = Some(thread);
        Ok(())
    }

    /// Continues to the next communication and returns it; `None` at the end.
    pub fn advance(&mut self) -> Option<&Communication> {
        let thread = self.thread.as_ref().filter(|_| self.done.is_none())?;
        if let Some(communication) = self.communication.take() {
            thread.resume(Some(match communication {
                Communication::Exchange(messages) => {
                    let empty = vec![Vec::new(); messages.len()];
                    Communication::Exchange(std::mem::replace(&mut self.incoming, empty))
                }
                numbers => numbers,
            }));
        }
        match thread.advance() {
            Ok(next) => self.communication = Some(next),
            Err(done) => self.done = Some(done),
        }
        self.communication.as_ref()
    }

    /// Returns the message to a partner.
    pub fn outgoing(&self, partner: usize) -> &[u8] {
        match &self.communication {
            Some(Communication::Exchange(messages)) => &messages[partner],
            _ => &[],
        }
    }

    /// Returns room for the message of a partner.
    pub fn incoming(&mut self, partner: usize, bytes: usize) -> &mut [u8] {
        self.incoming[partner].resize(bytes, 0);
        &mut self.incoming[partner]
    }

    /// Returns the numbers to be replaced.
    pub fn numbers(&mut self) -> &mut [f64] {
        match &mut self.communication {
            Some(Communication::Sum(numbers) | Communication::Least(numbers)) => numbers,
            _ => &mut [],
        }
    }

    /// Ends the evaluation, since another rank has failed.
    pub fn abandon(&mut self) {
        let Some(thread) = &self.thread else { return };
        while self.done.is_none() {
            if self.communication.take().is_some() {
                thread.resume(None);
            }
            match thread.advance() {
                Ok(next) => self.communication = Some(next),
                Err(done) => self.done = Some(done),
            }
        }
    }

    /// Returns the evaluated step.
    pub fn finish(&mut self) -> Option<Done> {
        self.done.take()
    }
}

fn evaluate(mut task: StepTask, owners: &NodeOwners, ranks: Arc<dyn Ranks>, calculator: &mut Calculator) -> Done {
    let NodeOwners { tags, partners, count } = owners;
    let owners = Owners { tags, partners, count: *count };
    match guarded(|| Domain::connect(&task.folded.graph, &owners, ranks)) {
        Ok(domain) => {
            task.folded.graph.domain = Some(Arc::new(domain));
            task.run(calculator)
        }
        Err(error) => Done { folded: task.folded, outcome: Err(error), model_seconds: 0.0 },
    }
}
