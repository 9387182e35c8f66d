//! Models in ONNX files, run by ONNX Runtime.
//!
//! The library of ONNX Runtime is found and loaded when the first model is ([`ExecutionOptions::library`] says where it is, else
//! `ORT_DYLIB_PATH`, else the places next to this program and in the active Python environment). What a model file
//! must be like is told in `docs/model-contract.md`.

use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use tumble_core::cancel::Cancel;
use tumble_core::error::Result;
use tumble_core::execution::ExecutionOptions;
use tumble_core::graph::Graph;
use tumble_core::planner::{
    self, Execution, Limits, ModelCosts, Part, Partition, RecomputeLevel, Share, SlotRule, Step, steps,
};
use tumble_core::potential::{Forces, ModelInfo, Potential, Replicas, Response};
use tumble_core::potential_plan::query_costs;
use tumble_core::rotation::Matrix3;
pub use tumble_onnx::contract::metadata::{
    CONTRACT_VERSION, EnergyUnit, Layout, LengthUnit, Metadata, Offer, Precision,
};
pub use tumble_onnx::file::checksum::stamp;
use tumble_onnx::runtime::session::{Model, Opener};

use crate::error::Error;
use crate::levels::Levels;
use crate::partition::{Layers, SpareMemory};
use crate::worker::{Timed, Worker, WorkerPool};

/// A model in an ONNX file.
///
/// Two of them that were loaded from the same file with the same options share their sessions, and take turns in them.
pub struct OnnxPotential {
    model: Model,
    info: ModelInfo,
    /// For a replica by itself: all threads share its work.
    whole: Worker,
    /// For several replicas.
    workers: WorkerPool,
    /// For a replica that takes much memory, or has all workers for itself.
    levels: Levels,
    /// Memory for what layers keep, from the last evaluation.
    spare: SpareMemory,
    opener: Opener,
    /// Working memory that there is, bytes.
    memory: usize,
    /// Time inside ONNX Runtime.
    elapsed: Duration,
    cancel: Cancel,
    /// In which the sessions were opened.
    process: u32,
}

impl OnnxPotential {
    /// Loads a model and checks it against the contract.
    ///
    /// # Errors
    /// Those of finding and loading ONNX Runtime, [`Error::Read`], [`Error::NotOnnx`], [`Error::NoContract`],
    /// [`Error::ContractVersion`], [`Error::Contract`], [`Error::ExternalData`], [`Error::Damaged`], [`Error::OtherModel`], [`Error::ModelRefused`] and
    /// [`Error::Device`].
    pub fn load(path: &Path, options: &ExecutionOptions) -> Result<Self, Error> {
        let (opener, model, session) = Opener::load(path, options)?;
        let workers = WorkerPool::new(options.device.provider().workers(options.threads));
        let whole = Worker::new(&model, session)?;
        let info = ModelInfo { ensemble: model.signature.ensemble, ..model.metadata.info() };
        let (levels, spare, memory) = (Levels::default(), SpareMemory::default(), options.memory);
        let (elapsed, cancel, process) = (Duration::ZERO, Cancel::default(), process::id());
        Ok(Self { info, whole, workers, levels, spare, opener, memory, model, elapsed, cancel, process })
    }

    /// Opens sessions anew in a process that a fork has made, where those of its parent cannot be used.
    fn reopen(&mut self) -> Result<()> {
        if !self.opener.device.provider().survives_fork {
            return Err(Error::Forked.into());
        }
        let whole = Worker::new(&self.model, self.opener.whole()?)?;
        let workers = WorkerPool::new(self.workers.count());
        // Another thread of the parent may have been at work with them.
        mem::forget(mem::replace(&mut self.whole, whole));
        mem::forget(mem::replace(&mut self.workers, workers));
        self.levels.forget_others();
        mem::forget(mem::take(&mut self.spare));
        self.process = process::id();
        Ok(())
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.model.metadata
    }

    /// SHA-256 of the file, hexadecimal; of the hashes of all its files where weights are in others.
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// What the user should know of how the model is run, as sentences.
    pub fn notes(&self) -> &[String] {
        &self.model.notes
    }

    /// The library of ONNX Runtime in use.
    pub fn library(&self) -> &PathBuf {
        &self.model.library
    }

    /// The number of stages in which large structures are evaluated, tile by tile; the error says why the model cannot be
    /// cut into stages, so that they are evaluated block by block.
    ///
    /// # Errors
    /// A sentence.
    pub fn stages(&self) -> std::result::Result<usize, &str> {
        self.layers(RecomputeLevel::Speed).map(Layers::stages)
    }

    /// The model cut at its layers, or why it cannot be.
    fn layers(&self, level: RecomputeLevel) -> std::result::Result<&Layers, &str> {
        self.levels.get(level, || {
            if let Some(why) = self.opener.device.provider().no_partition {
                return Err(why.to_owned());
            }
            let session = self.opener.whole().map_err(|error| error.to_string())?;
            let mut whole = Worker::new(&self.model, session).map_err(|error| error.to_string())?;
            Layers::open(&self.opener, &self.model, &mut whole, self.workers.count(), level)
                .map_err(|error| error.to_string())
        })
    }

    /// Evaluates what the planner has put into one step; `parts` are the sizes of the work.
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

    /// Evaluates replicas run by run, each by the worker that is free first.
    fn in_runs(&mut self, runs: &[Vec<Share>], work: &[Replicas], forces: Forces) -> Result<Timed> {
        let replicas = |share: &Share| {
            let Replicas { graph, rotations } = work[share.work];
            Replicas { graph, rotations: &rotations[share.replicas.clone()] }
        };
        let runs: Vec<_> = runs.iter().map(|run| run.iter().map(replicas).collect()).collect();
        self.workers.evaluate(&self.opener, &self.model, &runs, forces, &self.cancel)
    }

    /// Evaluates replicas of one graph one after the other, stage by stage.
    fn in_stages(&self, level: RecomputeLevel, tile: usize, part: &Replicas, forces: Forces) -> Result<Timed> {
        let layers = self.layers(level).expect("the planner chooses a level that is open");
        let (mut responses, mut elapsed) = (Vec::new(), Duration::ZERO);
        for rotation in part.rotations {
            let replica = (part.graph, rotation);
            let ((found, time), _) = layers.evaluate(&self.model, replica, forces, tile, &self.spare, &self.cancel)?;
            responses.extend(found);
            elapsed += time;
        }
        Ok((responses, elapsed))
    }

    /// Whether the other one runs in the same session.
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
        if self.process != process::id() {
            self.reopen()?;
        }
        if work.iter().all(|part| part.rotations.is_empty()) {
            return Ok(Vec::new());
        }
        let (parts, limits) = (work.iter().map(Part::of).collect::<Vec<_>>(), self.limits(self.memory));
        let mut responses = Vec::new();
        for Step { parts: range, execution, .. } in query_costs(self, |costs| steps(&parts, costs, &limits)) {
            let (found, elapsed) = self.step(execution, &work[range.clone()], &parts[range], forces)?;
            responses.extend(found);
            self.elapsed += elapsed;
        }
        Ok(responses)
    }

    fn watch(&mut self, cancel: &Cancel) {
        self.cancel = cancel.clone();
    }

    fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        let Metadata { bytes_per_edge, layout, .. } = self.model.metadata;
        let slots = match layout {
            Layout::List => SlotRule::Edges,
            Layout::Padded => SlotRule::Padded,
        };
        // What comes of it is among what is known then.
        let _ = level.map(|level| self.layers(level));
        let partition = match self.opener.device.provider().no_partition {
            None => Partition { memory: self.memory, levels: self.levels.known() },
            Some(_) => Partition::default(),
        };
        let bytes_per_slot = bytes_per_edge.unwrap_or(ModelCosts::USUAL_BYTES_PER_SLOT);
        ModelCosts { bytes_per_slot, bytes_per_atom: 0, slots, partition }
    }

    fn limits(&self, memory: usize) -> Limits {
        Limits { memory, workers: self.workers.count(), provider: self.opener.device.provider() }
    }
}
