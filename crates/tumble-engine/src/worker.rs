//! A session with the buffers that are filled for it. What different workers are given is computed at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use tumble_core::cancel::{Cancel, Cancellable};
use tumble_core::error::{Error, Result};
use tumble_core::panics::{ForeignError, in_one_line};
use tumble_core::parallel::locked;
use tumble_core::parallel::{distribute, in_order, run_concurrently};
use tumble_core::potential::{Forces, Replicas, Response};
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
    run: Arc<dyn Cancellable>,
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
    /// A worker with this session of the model.
    pub fn new(model: &Model, session: Shared) -> Result<Self> {
        let selections = model.metadata.forces.kinds().iter().map(|&kind| Ok((kind, select(model, kind)?)));
        let selections =
            in_one_line(|| selections.collect::<ort::Result<_>>()).map_err(|cause| run_error(model, cause))?;
        Ok(Self { session, buffers: Buffers::new(model), selections })
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
    Ok(Selection { run: Arc::clone(&options) as Arc<dyn Cancellable>, options })
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

/// Workers with a thread each, for replicas that have nothing to tell each other: faster than threads that share a run.
pub(crate) struct WorkerPool {
    count: usize,
    /// Opened when they are first needed: a session takes time and memory.
    workers: Vec<Worker>,
}

impl WorkerPool {
    /// So many of them.
    pub fn new(count: usize) -> Self {
        Self { count, workers: Vec::new() }
    }

    /// How many there are, opened or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Evaluates all parts, each in the worker that is free first; responses are in the order of the parts.
    pub fn evaluate(
        &mut self,
        opener: &Opener,
        model: &Model,
        parts: &[Vec<Replicas>],
        forces: Forces,
        cancel: &Cancel,
    ) -> Result<Timed> {
        self.open(opener, model)?;
        let workers = self.workers.iter_mut().take(parts.len());
        let workers =
            distribute(workers, parts.len(), |worker, part| worker.evaluate(model, &parts[part], forces, cancel))?;
        let elapsed = longest(&workers);
        Ok((in_order(workers).flat_map(|(responses, _)| responses).collect(), elapsed))
    }

    fn open(&mut self, opener: &Opener, model: &Model) -> Result<()> {
        if self.workers.is_empty() {
            self.workers = run_concurrently(0..self.count, |number| Worker::new(model, opener.session(1, number)?))?;
        }
        Ok(())
    }
}

/// The time of the worker that took longest, of results of [`distribute`] with the time of each.
pub(crate) fn longest<T>(workers: &[Vec<(usize, (T, Duration))>]) -> Duration {
    workers.iter().map(|done| done.iter().map(|(_, (_, elapsed))| *elapsed).sum()).max().unwrap_or_default()
}
