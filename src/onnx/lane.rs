//! A session with the buffers that are filled for it. What different lanes are given is computed at the same time.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};

use super::library::guarded;
use super::metadata::Precision;
use super::packing::{Real, Tensors};
use super::session::Model;
use super::unpacking::Reader;
use crate::error::{Error, Result};
use crate::potential::{Forces, Replicas, Response};

/// One at a time evaluates here.
pub(super) struct Lane {
    session: Arc<Mutex<Session>>,
    buffers: Buffers,
    /// The outputs to ask for, by kind of forces.
    selections: Vec<(Forces, RunOptions<HasSelectedOutputs>)>,
    /// Time that the last run took inside ONNX Runtime.
    pub elapsed: Duration,
}

/// Tensors in the model's precision.
enum Buffers {
    Float32(Tensors<f32>),
    Float64(Tensors<f64>),
}

impl Buffers {
    fn new(model: &Model) -> Self {
        let metadata = &model.metadata;
        let (layout, cutoff, angstrom) = (metadata.layout, metadata.cutoff, metadata.length_unit.angstrom());
        match metadata.precision {
            Precision::Float32 => Self::Float32(Tensors::new(layout, cutoff, angstrom)),
            Precision::Float64 => Self::Float64(Tensors::new(layout, cutoff, angstrom)),
        }
    }
}

impl Lane {
    /// A lane with this session of the model.
    pub fn new(model: &Model, session: Arc<Mutex<Session>>) -> Result<Self> {
        let selections = model.metadata.forces.kinds().iter().map(|&kind| Ok((kind, select(model, kind)?)));
        let selections = guarded(|| selections.collect::<ort::Result<_>>()).map_err(|cause| run_error(model, cause))?;
        Ok(Self { session, buffers: Buffers::new(model), selections, elapsed: Duration::ZERO })
    }

    /// Whether the other one has the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }

    /// Evaluates replicas of several graphs in one run of the model.
    pub fn evaluate(&mut self, model: &Model, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        let selection = self.selections.iter().find(|(kind, _)| *kind == forces).map(|(_, selection)| selection);
        let selection = selection.expect("there is a selection for each kind on offer");
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut run = Run { model, session: &mut session, selection, elapsed: &mut self.elapsed };
        match &mut self.buffers {
            Buffers::Float32(tensors) => run.evaluate(tensors, work, forces),
            Buffers::Float64(tensors) => run.evaluate(tensors, work, forces),
        }
    }
}

/// Asks for the outputs of one kind of forces only. ONNX Runtime computes the others all the same, but keeps them.
fn select(model: &Model, kind: Forces) -> ort::Result<RunOptions<HasSelectedOutputs>> {
    let outputs = model.signature.outputs(kind).fold(OutputSelector::no_default(), OutputSelector::with);
    Ok(RunOptions::new()?.with_outputs(outputs))
}

struct Run<'a> {
    model: &'a Model,
    session: &'a mut Session,
    selection: &'a RunOptions<HasSelectedOutputs>,
    elapsed: &'a mut Duration,
}

impl Run<'_> {
    fn evaluate<T: Real>(
        &mut self,
        tensors: &mut Tensors<T>,
        work: &[Replicas],
        forces: Forces,
    ) -> Result<Vec<Response>> {
        tensors.pack(work);
        let Self { model, session, selection, elapsed } = self;
        let metadata = &model.metadata;
        let inputs = || model.signature.inputs.iter().map(|(name, input)| Ok((*name, tensors.view(*input)?)));
        let outputs = guarded(|| {
            let inputs = inputs().collect::<ort::Result<Vec<(&str, SessionInputValue<'_>)>>>()?;
            let start = Instant::now();
            let outputs = session.run_with_options(inputs, selection);
            **elapsed = start.elapsed();
            outputs
        });
        let outputs = outputs.map_err(|cause| run_error(model, cause))?;
        let reader = Reader {
            model: &metadata.name,
            angstrom: metadata.length_unit.angstrom(),
            electron_volt: metadata.energy_unit.electron_volt(),
            outputs: &outputs,
        };
        reader.responses(tensors, forces)
    }
}

fn run_error(model: &Model, cause: String) -> Error {
    Error::ModelRun { model: model.metadata.name.clone(), cause }
}

/// Evaluates in all lanes at the same time, each with a share of the replicas; responses are in the order of `work`.
pub(super) fn evaluate_apart(
    lanes: &mut [Lane],
    model: &Model,
    work: &[Replicas],
    forces: Forces,
) -> Result<Vec<Response>> {
    lanes.iter_mut().for_each(|lane| lane.elapsed = Duration::ZERO);
    let parts = split(work, lanes.len());
    let run = |(lane, part): (&mut Lane, &Vec<_>)| lane.evaluate(model, part, forces);
    let results: Vec<_> = thread::scope(|scope| {
        let mut pairs = lanes.iter_mut().zip(&parts);
        let own = pairs.next();
        let others: Vec<_> = pairs.map(|pair| scope.spawn(move || run(pair))).collect();
        // The thread that asked works too.
        let own = own.map(run);
        own.into_iter().chain(others.into_iter().map(joined)).collect()
    });
    Ok(results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// At most `count` parts of about the same number of edges, in the order of `work`; none is empty.
fn split<'a>(work: &[Replicas<'a>], count: usize) -> Vec<Vec<Replicas<'a>>> {
    let cost = |part: &Replicas| part.graph.n_edges() + part.graph.n_centers();
    let total: usize = work.iter().map(|part| cost(part) * part.rotations.len()).sum();
    let (mut parts, mut before) = (vec![Vec::new(); count], 0);
    for part in work {
        let (graph, rotations, each) = (part.graph, part.rotations, cost(part));
        // A replica belongs where its middle falls.
        let place = |i: usize| (2 * (before + i * each) + each) * count / (2 * total);
        let mut start = 0;
        for (lane, some) in parts.iter_mut().enumerate() {
            let end = start + (start..rotations.len()).take_while(|&i| place(i) == lane).count();
            if end > start {
                some.push(Replicas { graph, rotations: &rotations[start..end] });
            }
            start = end;
        }
        before += each * rotations.len();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::rotation::IDENTITY;

    fn counts(work: &[Replicas], count: usize) -> Vec<Vec<usize>> {
        split(work, count).iter().map(|part| part.iter().map(|some| some.rotations.len()).collect()).collect()
    }

    #[test]
    fn lanes_share_evenly_and_in_order() {
        let lone = Graph::new(vec![1], vec![1.0], vec![vec![]]);
        let pair = Graph::new(vec![1, 1, 1], vec![1.0; 3], vec![vec![], vec![], vec![]]);
        let rotations = [IDENTITY; 12];
        let of = |graph, count| Replicas { graph, rotations: &rotations[..count] };
        assert_eq!(counts(&[of(&lone, 12)], 2), [[6], [6]]);
        assert_eq!(counts(&[of(&lone, 3)], 2), [[1], [2]]);
        assert_eq!(counts(&[of(&lone, 2)], 4), [[1], [1]]);
        assert_eq!(counts(&[of(&pair, 2), of(&lone, 6)], 2), [vec![2], vec![6]]);
        assert_eq!(counts(&[of(&lone, 4), of(&pair, 4)], 2), [vec![4, 1], vec![3]]);
        assert_eq!(counts(&[of(&lone, 0), of(&lone, 1)], 2), [[1]]);
    }
}
