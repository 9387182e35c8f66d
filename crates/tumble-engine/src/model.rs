//! Potentials of ONNX models, evaluated by ONNX Runtime.
//!
//! The first model loads the library of ONNX Runtime: from [`ExecutionOptions::library`], else from `ORT_DYLIB_PATH`,
//! else from beside this program or from the active Python environment. `docs/model-contract.md` describes the model
//! file.

use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::time::Duration;

use tumble_core::cancel::Cancel;
use tumble_core::domain::Domain;
use tumble_core::error::Result;
use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::panics::ForeignError;
use tumble_core::planner::{
    self, Execution, GraphSize, Level, Limits, ModelCosts, Part, Partition, RecomputeLevel, Share, SlotRule, Step,
    fastest_stages, steps,
};
use tumble_core::potential::{Forces, KeptEdges, ModelInfo, Potential, Replicas, Response};
use tumble_core::potential_plan::query_costs;
use tumble_core::processors;
use tumble_core::rotation::Matrix3;
pub use tumble_onnx::contract::metadata::{
    CONTRACT_VERSION, EnergyUnit, ForceKinds, Layout, LengthUnit, Metadata, Precision,
};
pub use tumble_onnx::file::checksum::stamp;
use tumble_onnx::runtime::session::{Model, SessionFactory};

use crate::error::Error;
use crate::list_part::Split;
pub use crate::partition::{BorderRows, RankMessage};
use crate::partition::{PartitionedModel, SpareMemory};
use crate::partition_cache::PartitionCache;
use crate::worker::{Timed, Worker, WorkerPool, run_error};

/// Numbers of all tensors of a listed edge, in a model that prunes edges: measured with PET, and rounded up.
const LISTED_TENSORS: usize = 64;

/// A model in an ONNX file.
///
/// Models loaded from the same file with the same options share their sessions and take turns in them.
pub struct OnnxPotential {
    model: Model,
    info: ModelInfo,
    /// Evaluates work in one run, on all threads.
    whole: Worker,
    /// Evaluate several replicas, with one thread each.
    workers: WorkerPool,
    /// Evaluate large replicas stage by stage, and single replicas on all workers.
    partitions: PartitionCache,
    /// Memory of the last staged evaluation, for reuse.
    spare: SpareMemory,
    factory: SessionFactory,
    /// The model in two parts, if it can be split.
    split: Option<Split>,
    /// Working memory available, bytes.
    memory: usize,
    /// Time inside ONNX Runtime.
    elapsed: Duration,
    cancel: Cancel,
    /// The weight that is not finite, if there is one; searched after the first result that is not finite.
    weight_not_finite: OnceLock<Option<(String, f64)>>,
    /// The process that opened the sessions.
    process: u32,
}

impl OnnxPotential {
    /// Loads a model and checks it against the contract.
    ///
    /// # Errors
    /// The errors of finding and loading ONNX Runtime, [`Error::Read`], [`Error::NotOnnx`], [`Error::NoContract`],
    /// [`Error::ContractVersion`], [`Error::Contract`], [`Error::ExternalData`], [`Error::Damaged`],
    /// [`Error::OtherModel`], [`Error::ModelRefused`] and [`Error::Device`].
    pub fn load(path: &Path, options: &ExecutionOptions) -> Result<Self, Error> {
        let (factory, model, session) = SessionFactory::load(path, options)?;
        let split = Split::of(&factory);
        let threads = processors::started(options.threads, processors::allowed());
        let workers = WorkerPool::new(options.device.provider().workers(threads));
        let whole = Worker::open(&model, &factory, split.as_ref(), factory.threads, 0)?;
        drop(session);
        let (ensemble, conditions) = (model.signature.ensemble, model.signature.conditions());
        let info = ModelInfo { ensemble, conditions, ..model.metadata.info() };
        let (partitions, spare, memory) = (PartitionCache::default(), SpareMemory::default(), options.memory);
        let (elapsed, cancel, process) = (Duration::ZERO, Cancel::default(), process::id());
        Ok(Self {
            info,
            whole,
            workers,
            partitions,
            spare,
            factory,
            split,
            memory,
            model,
            elapsed,
            cancel,
            weight_not_finite: OnceLock::new(),
            process,
        })
    }

    /// Opens a worker for work in one run.
    fn new_whole(&self) -> Result<Worker> {
        Worker::open(&self.model, &self.factory, self.split.as_ref(), self.factory.threads, 0)
    }

    /// Opens new sessions after a fork, since the child cannot use its parent's.
    fn reopen_after_fork(&mut self) -> Result<()> {
        if self.process == process::id() {
            return Ok(());
        }
        if !self.factory.device.provider().survives_fork {
            return Err(Error::Forked.into());
        }
        let whole = self.new_whole()?;
        let workers = WorkerPool::new(self.workers.count());
        // They are not dropped: a thread of the parent may have been using them at the fork.
        mem::forget(mem::replace(&mut self.whole, whole));
        mem::forget(mem::replace(&mut self.workers, workers));
        self.partitions.forget_inherited();
        mem::forget(mem::take(&mut self.spare));
        self.process = process::id();
        Ok(())
    }

    /// Returns the metadata of the file.
    pub fn metadata(&self) -> &Metadata {
        &self.model.metadata
    }

    /// Returns the SHA-256 of the file, hexadecimal; with external data, the SHA-256 of the hashes of all files.
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// Returns notes to the user about the way the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.model.notes
    }

    /// Returns the path of the library of ONNX Runtime.
    pub fn library(&self) -> &PathBuf {
        &self.model.library
    }

    /// Returns the number of stages in which large structures are evaluated, tile by tile.
    ///
    /// # Errors
    /// The reason why the model cannot be partitioned, as the rest of a sentence. Large structures are then evaluated
    /// block by block.
    pub fn stages(&self) -> std::result::Result<usize, &str> {
        self.partitioned(RecomputeLevel::Speed).map(PartitionedModel::stages)
    }

    /// Returns the tensors that ranks exchange in one evaluation; none if the model cannot be partitioned.
    pub fn rank_messages(&self) -> Vec<RankMessage> {
        self.partitioned(RecomputeLevel::Speed).map(PartitionedModel::rank_messages).unwrap_or_default()
    }

    /// Returns the model partitioned at a recompute level, or the reason why that is impossible.
    fn partitioned(&self, level: RecomputeLevel) -> std::result::Result<&PartitionedModel, &str> {
        self.partitions.get(level, || {
            if let Some(why) = self.factory.device.provider().no_partition {
                return Err(why.to_owned());
            }
            let mut whole = self.new_whole().map_err(|error| error.to_string())?;
            PartitionedModel::open(&self.factory, &self.model, &mut whole, self.workers.count(), level)
                .map_err(|error| error.to_string())
        })
    }

    /// Returns the model partitioned at a level that is open already, or at the first one.
    fn any_partition(&self) -> Option<&PartitionedModel> {
        let known = self.partitions.known();
        let open = RecomputeLevel::ALL.into_iter().find(|&level| matches!(known[level as usize], Level::Keeps(_)));
        self.partitioned(open.unwrap_or(RecomputeLevel::Speed)).ok()
    }

    /// Evaluates one step of the plan; `parts` are the sizes of the work.
    fn step(&mut self, execution: Execution, work: &[Replicas], parts: &[Part], forces: Forces) -> Result<Timed> {
        if !matches!(execution, Execution::Stages { .. }) {
            self.spare = SpareMemory::default();
        }
        match execution {
            Execution::OneRun => self.whole.evaluate(&self.model, work, forces, &self.cancel),
            Execution::Runs(count) => self.in_runs(&planner::split_into_runs(parts, count), work, forces),
            Execution::Stages { level, tile } => self.in_stages(level, tile, &work[0], forces),
        }
    }

    /// Evaluates replicas run by run, each on the next free worker.
    fn in_runs(&mut self, runs: &[Vec<Share>], work: &[Replicas], forces: Forces) -> Result<Timed> {
        let replicas = |share: &Share| {
            let Replicas { graph, rotations } = work[share.work];
            Replicas { graph, rotations: &rotations[share.replicas.clone()] }
        };
        let runs: Vec<_> = runs.iter().map(|run| run.iter().map(replicas).collect()).collect();
        let source = (&self.factory, self.split.as_ref());
        self.workers.evaluate(source, &self.model, &runs, forces, &self.cancel)
    }

    /// Evaluates replicas of one graph stage by stage, one after the other.
    fn in_stages(&self, level: RecomputeLevel, tile: usize, part: &Replicas, forces: Forces) -> Result<Timed> {
        let partitioned = self.partitioned(level).expect("the planner chooses an open level");
        let (mut responses, mut elapsed) = (Vec::new(), Duration::ZERO);
        for rotation in part.rotations.chunks(1) {
            let replica = Replicas { graph: part.graph, rotations: rotation };
            let ((found, time), _) =
                partitioned.evaluate(&self.model, &replica, forces, tile, &self.spare, &self.cancel)?;
            responses.extend(found);
            elapsed += time;
        }
        Ok((responses, elapsed))
    }

    /// Evaluates all replicas of a graph together with the other ranks that share its structure.
    fn across_ranks(&mut self, part: &Replicas, domain: &Domain, forces: Forces) -> Result<Vec<Response>> {
        let (size, workers) = (GraphSize::of(part.graph), self.workers.count());
        let stages = query_costs(self, |costs| fastest_stages(size, costs, workers));
        let (level, tile) = stages.map_or((RecomputeLevel::Speed, 1), |stages| (stages.level, stages.tile));
        // All ranks take the level of the rank with least memory: another level would exchange other tensors.
        let level = -domain.ranks.least(vec![-(level as i32 as f64)])?[0];
        let partitioned = self.partitioned(RecomputeLevel::ALL[level as usize]);
        let partitioned = partitioned.map_err(|why| run_error(&self.model, ForeignError::new(why)))?;
        let done = partitioned.evaluate(&self.model, part, forces, tile, &self.spare, &self.cancel);
        let ((responses, elapsed), _) = done.map_err(|error| self.with_weight(error))?;
        self.elapsed += elapsed;
        Ok(responses)
    }

    /// Turns an error about a result that is not finite into one that names a weight, if a weight is not finite either.
    fn with_weight(&self, error: tumble_core::Error) -> tumble_core::Error {
        let tumble_core::Error::OutputNotFinite { model, output, value, .. } = &error else { return error };
        match self.weight_not_finite.get_or_init(|| self.factory.weight_not_finite()) {
            Some((weight, found)) => {
                let (model, weight) = (model.clone(), weight.clone());
                Error::WeightNotFinite { model, output: output.clone(), value: *value, weight, found: *found }.into()
            }
            None => error,
        }
    }

    /// Returns whether both models run in the same session.
    pub fn shares_session_with(&self, other: &Self) -> bool {
        self.whole.shares_session_with(&other.whole)
    }
}

impl Potential for OnnxPotential {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.evaluate_many(&[Replicas { graph, rotations }], forces)
    }

    fn evaluate_many(&mut self, work: &[Replicas], forces: Forces) -> Result<Vec<Response>> {
        self.info.check_forces(forces)?;
        self.cancel.check()?;
        self.reopen_after_fork()?;
        if work.iter().all(|part| part.rotations.is_empty()) {
            return Ok(Vec::new());
        }
        if let [part] = work
            && let Some(domain) = &part.graph.domain
        {
            return self.across_ranks(part, domain, forces);
        }
        let (parts, limits) = (work.iter().map(Part::of).collect::<Vec<_>>(), self.limits(self.memory));
        let mut responses = Vec::new();
        for Step { parts: range, execution, .. } in query_costs(self, |costs| steps(&parts, costs, &limits)) {
            let done = self.step(execution, &work[range.clone()], &parts[range], forces);
            let (found, elapsed) = done.map_err(|error| self.with_weight(error))?;
            responses.extend(found);
            self.elapsed += elapsed;
        }
        Ok(responses)
    }

    fn stages(&self) -> std::result::Result<usize, String> {
        Self::stages(self).map_err(str::to_owned)
    }

    fn watch(&mut self, cancel: &Cancel) {
        self.cancel = cancel.clone();
    }

    fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    fn kept_edges(&mut self, graph: &Graph) -> Result<Option<KeptEdges>> {
        self.reopen_after_fork()?;
        match self.model.metadata.kept_neighbors.and_then(|_| self.any_partition()) {
            Some(partitioned) => partitioned.kept_edges(&self.model, graph, &self.cancel),
            None => Ok(None),
        }
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        let Metadata { bytes_per_edge, kept_neighbors, layout, precision, .. } = self.model.metadata;
        let real = if precision == Precision::Float32 { 4 } else { 8 };
        let slots = match (layout, kept_neighbors) {
            (_, Some(kept)) => SlotRule::Pruned(kept),
            (Layout::List, None) => SlotRule::Edges,
            (Layout::Padded, None) => SlotRule::Padded,
        };
        // The outcome, an error too, is in the cache.
        let _ = level.map(|level| self.partitioned(level));
        let partition = match self.factory.device.provider().no_partition {
            None => Partition { memory: self.memory, levels: self.partitions.known() },
            Some(_) => Partition::default(),
        };
        let bytes_per_slot = bytes_per_edge.unwrap_or(ModelCosts::USUAL_BYTES_PER_SLOT);
        let bytes_per_listed_slot = kept_neighbors.map_or(0, |_| LISTED_TENSORS * real);
        ModelCosts { bytes_per_slot, bytes_per_atom: 0, bytes_per_listed_slot, slots, partition }
    }

    fn limits(&self, memory: usize) -> Limits {
        Limits { memory, workers: self.workers.count(), provider: self.factory.device.provider() }
    }
}
