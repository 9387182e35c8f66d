//! Workers: sessions with input buffers, for the evaluation of replicas in parallel.

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
use tumble_onnx::contract::signature::Input;
use tumble_onnx::contract::unpacking::Reader;
use tumble_onnx::runtime::session::{Model, SessionFactory, SharedSession};
use tumble_onnx::runtime::terminate::TerminableRun;
use tumble_ops::Real;

use crate::list_part::{ListPart, OpenPart, Split};

/// Responses, and the time spent in ONNX Runtime.
pub(crate) type Timed = (Vec<Response>, Duration);

/// A session with its input buffers.
pub(crate) struct Worker {
    /// The session of the whole model, or of its part of the vectors.
    session: SharedSession,
    inputs: Vec<(&'static str, Input)>,
    buffers: Buffers,
    /// The requested outputs, by kind of forces.
    selections: Vec<(Forces, Selection)>,
}

/// The requested outputs of a run, and a handle to terminate it.
struct Selection {
    options: Arc<TerminableRun<HasSelectedOutputs>>,
    run: Arc<dyn Cancellable>,
}

/// Input tensors in the model's precision, and the part of the list if the model is split.
enum Buffers {
    Float32(Tensors<f32>, Option<ListPart<f32>>),
    Float64(Tensors<f64>, Option<ListPart<f64>>),
}

impl Buffers {
    fn new(model: &Model, list: Option<OpenPart>) -> Self {
        match model.metadata.precision {
            Precision::Float32 => Self::Float32(Tensors::of(&model.metadata), list.map(ListPart::new)),
            Precision::Float64 => Self::Float64(Tensors::of(&model.metadata), list.map(ListPart::new)),
        }
    }
}

impl Worker {
    /// Opens a worker; another `number` has other sessions.
    pub fn open(
        model: &Model,
        factory: &SessionFactory,
        split: Option<&Split>,
        threads: usize,
        number: usize,
    ) -> Result<Self> {
        let (list, OpenPart { session, inputs }) = match split {
            Some(split) => {
                let [list, vectors] = split.open(threads, number)?;
                (Some(list), vectors)
            }
            None => {
                let (session, inputs) = (factory.session(threads, number)?, model.signature.inputs.clone());
                (None, OpenPart { session, inputs })
            }
        };
        let selections = model.metadata.forces.kinds().iter().map(|&kind| Ok((kind, select(model, kind)?)));
        let selections =
            in_one_line(|| selections.collect::<ort::Result<_>>()).map_err(|cause| run_error(model, cause))?;
        Ok(Self { session, inputs, buffers: Buffers::new(model, list), selections })
    }

    /// Returns whether both workers have the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }

    /// Evaluates replicas of several graphs in one run of the model.
    pub fn evaluate(&mut self, model: &Model, work: &[Replicas], forces: Forces, cancel: &Cancel) -> Result<Timed> {
        let selection = self.selections.iter().find(|(kind, _)| *kind == forces).map(|(_, selection)| selection);
        let selection = selection.expect("each kind of forces has a selection");
        let mut session = locked(&self.session);
        let mut run =
            OneRun { model, session: &mut session, inputs: &self.inputs, options: selection.options.options() };
        let buffers = &mut self.buffers;
        cancel.during(&selection.run, || match buffers {
            Buffers::Float32(tensors, list) => run.evaluate(tensors, list.as_mut(), work, forces),
            Buffers::Float64(tensors, list) => run.evaluate(tensors, list.as_mut(), work, forces),
        })
    }
}

/// Selects the outputs for one kind of forces. ONNX Runtime computes the others too, but does not return them.
fn select(model: &Model, kind: Forces) -> ort::Result<Selection> {
    let outputs = model.signature.outputs(kind).fold(OutputSelector::no_default(), OutputSelector::with);
    let options = Arc::new(TerminableRun::selecting(outputs)?);
    Ok(Selection { run: Arc::clone(&options) as Arc<dyn Cancellable>, options })
}

struct OneRun<'a> {
    model: &'a Model,
    session: &'a mut Session,
    inputs: &'a [(&'static str, Input)],
    options: &'a RunOptions<HasSelectedOutputs>,
}

impl OneRun<'_> {
    fn evaluate<T: Real>(
        &mut self,
        tensors: &mut Tensors<T>,
        mut list: Option<&mut ListPart<T>>,
        work: &[Replicas],
        forces: Forces,
    ) -> Result<Timed> {
        tensors.pack(work);
        let Self { model, session, inputs, options } = self;
        let start = Instant::now();
        let updated = in_one_line(|| list.as_mut().map_or(Ok(()), |list| list.update(tensors)));
        updated.map_err(|cause| run_error(model, cause))?;
        let outputs = in_one_line(|| {
            let own = inputs.iter().map(|(name, input)| Ok((*name, tensors.view(*input)?)));
            let of_list = list.iter().flat_map(|list| list.views()).map(Ok);
            let inputs = own.chain(of_list).collect::<ort::Result<Vec<(&str, SessionInputValue<'_>)>>>()?;
            session.run_with_options(inputs, options)
        });
        let (outputs, elapsed) = (outputs.map_err(|cause| run_error(model, cause))?, start.elapsed());
        let find = |name: &str| {
            let output = outputs.get(name)?.try_extract_tensor::<T>();
            Some(output.map(|(shape, values)| (&**shape, values)))
        };
        let responses = Reader::new(&model.metadata, &find).responses(tensors, forces)?;
        list.into_iter().for_each(ListPart::drop_large);
        Ok((responses, elapsed))
    }
}

/// Returns the error of a failed run.
pub(crate) fn run_error(model: &Model, source: ForeignError) -> Error {
    tumble_onnx::Error::ModelRun { model: model.metadata.name.clone(), source }.into()
}

/// Workers with one thread each, for independent replicas: faster than several threads in one run.
pub(crate) struct WorkerPool {
    count: usize,
    /// Opened when there are parts for them: a session takes time and memory.
    workers: Vec<Worker>,
}

impl WorkerPool {
    /// Creates a pool of `count` workers.
    pub fn new(count: usize) -> Self {
        Self { count, workers: Vec::new() }
    }

    /// Returns the number of workers, opened or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Evaluates all parts, each on the next free worker. Responses are in the order of the parts.
    pub fn evaluate(
        &mut self,
        (factory, split): (&SessionFactory, Option<&Split>),
        model: &Model,
        parts: &[Vec<Replicas>],
        forces: Forces,
        cancel: &Cancel,
    ) -> Result<Timed> {
        self.open(parts.len(), (factory, split), model)?;
        let workers = self.workers.iter_mut().take(parts.len());
        let workers =
            distribute(workers, parts.len(), |worker, part| worker.evaluate(model, &parts[part], forces, cancel))?;
        let elapsed = longest(&workers);
        Ok((in_order(workers).flat_map(|(responses, _)| responses).collect(), elapsed))
    }

    /// Opens as many workers as there are parts to evaluate, up to the whole pool.
    fn open(&mut self, parts: usize, (factory, split): (&SessionFactory, Option<&Split>), model: &Model) -> Result<()> {
        let missing = self.workers.len()..self.count.min(parts);
        self.workers.extend(run_concurrently(missing, |number| Worker::open(model, factory, split, 1, number))?);
        Ok(())
    }
}

/// Returns the time of the slowest worker, from results of [`distribute`] with their times.
pub(crate) fn longest<T>(workers: &[Vec<(usize, (T, Duration))>]) -> Duration {
    workers.iter().map(|done| done.iter().map(|(_, (_, elapsed))| *elapsed).sum()).max().unwrap_or_default()
}
