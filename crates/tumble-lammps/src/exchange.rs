//! An evaluation with other ranks: its state between two communications.

use std::mem;
use std::sync::{Arc, Mutex};

use tumble_core::Calculator;
use tumble_core::connect::{Owners, connect};
use tumble_core::domain::Ranks;
use tumble_core::panics::guarded;
use tumble_core::parallel::locked;

use crate::error::{Error, Result};
use crate::pausable::{Communication, Pausable, Progress};
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
    evaluation: Option<Pausable<Done>>,
    /// The communication to be done.
    communication: Option<Communication>,
    /// Messages of the partners so far.
    incoming: Vec<Vec<u8>>,
    done: Option<Done>,
}

impl Exchange {
    /// Prepares to evaluate a step together with the other ranks.
    ///
    /// # Errors
    /// [`Error::Stack`].
    pub fn begin(&mut self, task: StepTask, owners: NodeOwners, calculator: &Arc<Mutex<Calculator>>) -> Result<()> {
        let calculator = Arc::clone(calculator);
        self.incoming = vec![Vec::new(); owners.count];
        let evaluation = Pausable::new(move |ranks| evaluate(task, &owners, ranks, &mut locked(&calculator)));
        self.evaluation = Some(evaluation.map_err(Error::Stack)?);
        Ok(())
    }

    /// Goes on to the next communication and returns it; `None` at the end.
    pub fn advance(&mut self) -> Option<&Communication> {
        let answer = self.communication.take().map(|communication| match communication {
            Communication::Exchange(messages) => {
                Communication::Exchange(mem::replace(&mut self.incoming, vec![Vec::new(); messages.len()]))
            }
            numbers => numbers,
        });
        self.resume(answer);
        self.communication.as_ref()
    }

    /// Ends the evaluation, since another rank has failed.
    pub fn abandon(&mut self) {
        while self.evaluation.is_some() {
            self.communication = None;
            self.resume(None);
        }
    }

    fn resume(&mut self, answer: Option<Communication>) {
        let Some(evaluation) = &mut self.evaluation else { return };
        match evaluation.resume(answer) {
            Progress::Waits(communication) => self.communication = Some(communication),
            Progress::Done(done) => (self.evaluation, self.done) = (None, Some(done)),
        }
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

    /// Returns the evaluated step.
    pub fn finish(&mut self) -> Option<Done> {
        self.done.take()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn evaluate(mut task: StepTask, owners: &NodeOwners, ranks: Arc<dyn Ranks>, calculator: &mut Calculator) -> Done {
    let NodeOwners { tags, partners, count } = owners;
    let owners = Owners { tags, partners, count: *count };
    match guarded(|| Ok(connect(&task.folded.graph, &owners, ranks)?)) {
        Ok(domain) => {
            task.folded.graph.domain = Some(Arc::new(domain));
            task.run(calculator)
        }
        Err(error) => Done { folded: task.folded, outcome: Err(error), model_seconds: 0.0 },
    }
}
