//! A session with the buffers that are filled for it. What different lanes are given is computed at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use tumble_core::cancel::{Cancel, Run};
use tumble_core::error::{Error, Result};
use tumble_core::execution::Device;
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;
use tumble_core::parallel::{in_order, shared_out, side_by_side};
use tumble_core::potential::{CACHED, Forces, Replicas, Response};
use tumble_onnx::contract::metadata::Precision;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::unpacking::Reader;
use tumble_onnx::runtime::ended::Ended;
use tumble_onnx::runtime::session::{Model, Opener, Shared};
use tumble_ops::Real;

/// Responses, and the time that ONNX Runtime took.
pub(crate) type Timed = (Vec<Response>, Duration);

/// One at a time evaluates here.
pub(crate) struct Worker {
    session: Shared,
    buffers: Buffers,
    /// The outputs to ask for, by kind of forces.
    selections: Vec<(Forces, Selection)>,
}

/// The outputs to ask for, and the means to end a run that was asked for them.
struct Selection {
    options: Arc<Ended<HasSelectedOutputs>>,
    run: Arc<dyn Run>,
}

/// Tensors in the model's precision.
enum Buffers {
    Float32(Tensors<f32>),
    Float64(Tensors<f64>),
}

impl Buffers {
    fn new(model: &Model) -> Self {
        match model.metadata.precision {
            Precision::Float32 => Self::Float32(Tensors::of(&model.metadata)),
            Precision::Float64 => Self::Float64(Tensors::of(&model.metadata)),
        }
    }
}

impl Worker {
    /// A lane with this session of the model.
    pub fn new(model: &Model, session: Shared) -> Result<Self> {
        let selections = model.metadata.forces.kinds().iter().map(|&kind| Ok((kind, select(model, kind)?)));
        let selections =
            in_one_line(|| selections.collect::<ort::Result<_>>()).map_err(|cause| run_error(model, cause))?;
        Ok(Self { session, buffers: Buffers::new(model), selections })
    }

    /// What it runs.
    pub fn session(&self) -> Shared {
        Arc::clone(&self.session)
    }

    /// Whether the other one has the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }

    /// Evaluates replicas of several graphs in one run of the model; with the time that ONNX Runtime took.
    pub fn evaluate(&mut self, model: &Model, work: &[Replicas], forces: Forces, cancel: &Cancel) -> Result<Timed> {
        let selection = self.selections.iter().find(|(kind, _)| *kind == forces).map(|(_, selection)| selection);
        let selection = selection.expect("there is a selection for each kind on offer");
        let mut session = locked(&self.session);
        let mut run = OneRun { model, session: &mut session, options: selection.options.options() };
        let buffers = &mut self.buffers;
        cancel.during(&selection.run, || match buffers {
            Buffers::Float32(tensors) => run.evaluate(tensors, work, forces),
            Buffers::Float64(tensors) => run.evaluate(tensors, work, forces),
        })
    }
}

/// Asks for the outputs of one kind of forces only. ONNX Runtime computes the others all the same, but keeps them.
fn select(model: &Model, kind: Forces) -> ort::Result<Selection> {
    let outputs = model.signature.outputs(kind).fold(OutputSelector::no_default(), OutputSelector::with);
    let options = Arc::new(Ended::selecting(outputs)?);
    Ok(Selection { run: Arc::clone(&options) as Arc<dyn Run>, options })
}

struct OneRun<'a> {
    model: &'a Model,
    session: &'a mut Session,
    options: &'a RunOptions<HasSelectedOutputs>,
}

impl OneRun<'_> {
    fn evaluate<T: Real>(&mut self, tensors: &mut Tensors<T>, work: &[Replicas], forces: Forces) -> Result<Timed> {
        tensors.pack(work);
        let Self { model, session, options } = self;
        let inputs = || model.signature.inputs.iter().map(|(name, input)| Ok((*name, tensors.view(*input)?)));
        let mut elapsed = Duration::ZERO;
        let outputs = in_one_line(|| {
            let inputs = inputs().collect::<ort::Result<Vec<(&str, SessionInputValue<'_>)>>>()?;
            let start = Instant::now();
            let outputs = session.run_with_options(inputs, options);
            elapsed = start.elapsed();
            outputs
        });
        let outputs = outputs.map_err(|cause| run_error(model, cause))?;
        let find = |name: &str| {
            let output = outputs.get(name)?.try_extract_tensor::<T>();
            Some(output.map(|(shape, values)| (&**shape, values)))
        };
        Ok((Reader::new(&model.metadata, &find).responses(tensors, forces)?, elapsed))
    }
}

/// Why a run failed, as an error of the model.
pub(crate) fn run_error(model: &Model, source: ForeignError) -> Error {
    tumble_onnx::Error::ModelRun { model: model.metadata.name.clone(), source }.into()
}

/// WorkerPool with a thread each, for replicas that have nothing to tell each other: faster than threads that share a run.
pub(crate) struct WorkerPool {
    count: usize,
    bytes_per_run: usize,
    /// Opened when they are first needed: a session takes time and memory.
    lanes: Vec<Worker>,
}

impl WorkerPool {
    /// One for each thread. A GPU is filled by one run, of as much as memory allows.
    pub fn new(device: Device, threads: usize) -> Self {
        let (count, bytes_per_run) = match device {
            Device::Cpu => (threads.max(1), CACHED),
            Device::Cuda => (1, usize::MAX),
        };
        Self { count, bytes_per_run, lanes: Vec::new() }
    }

    /// How many there are, opened or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Working memory that one run is best cut to, bytes.
    pub fn bytes_per_run(&self) -> usize {
        self.bytes_per_run
    }

    /// Evaluates all parts, each in the lane that is free first; responses are in the order of the parts.
    pub fn evaluate(
        &mut self,
        opener: &Opener,
        model: &Model,
        parts: &[Vec<Replicas>],
        forces: Forces,
        cancel: &Cancel,
    ) -> Result<Timed> {
        self.open(opener, model)?;
        let lanes = self.lanes.iter_mut().take(parts.len());
        let lanes = shared_out(lanes, parts.len(), |lane, part| lane.evaluate(model, &parts[part], forces, cancel))?;
        let elapsed = longest(&lanes);
        Ok((in_order(lanes).flat_map(|(responses, _)| responses).collect(), elapsed))
    }

    fn open(&mut self, opener: &Opener, model: &Model) -> Result<()> {
        if self.lanes.is_empty() {
            self.lanes = side_by_side(0..self.count, |number| Worker::new(model, opener.session(1, number)?))?;
        }
        Ok(())
    }
}

/// The time of the lane that took longest, of results of [`shared_out`] with the time of each.
pub(crate) fn longest<T>(lanes: &[Vec<(usize, (T, Duration))>]) -> Duration {
    lanes.iter().map(|done| done.iter().map(|(_, (_, elapsed))| *elapsed).sum()).max().unwrap_or_default()
}

/// At most `count` parts of about the same number of edges, in the order of `work`; none is empty.
pub(crate) fn split<'a>(work: &[Replicas<'a>], count: usize) -> Vec<Vec<Replicas<'a>>> {
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
    use tumble_core::graph::Graph;
    use tumble_core::rotation::IDENTITY;

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
