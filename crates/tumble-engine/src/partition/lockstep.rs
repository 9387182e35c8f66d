//! Evaluation of replicas together, stage by stage. Ranks that share the structure exchange the rows of all replicas between
//! two stages.

use std::sync::Mutex;
use std::time::Duration;

use bytemuck::Pod;
use tumble_core::cancel::Cancel;
use tumble_core::error::Result;
use tumble_core::graph::Graph;
use tumble_core::parallel::locked;
use tumble_core::potential::{Forces, KeptEdges, Replicas};
use tumble_core::rotation::IDENTITY;
use tumble_onnx::contract::metadata::Precision;
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::runtime::session::Model;
use tumble_ops::Real;

use crate::partition::arena::Pool;
use crate::partition::executor::Evaluation;
use crate::partition::tiles::Tiles;
use crate::partition::{PartitionedModel, rank_exchange};
use crate::worker::Timed;

/// Largest size of a replica's kept tensors, bytes, at which they stay where ONNX Runtime has put them. Larger ones are
/// faster in arenas, whose huge pages cost fewer TLB misses.
const IN_PLACE: usize = 256 << 20;

/// Centers per tile where kept edges are counted.
const COUNTED: usize = 64;

impl PartitionedModel {
    /// Evaluates replicas together, stage by stage, in tiles of `size` centers, with memory from `spare`. Returns the
    /// kept tensors' size too.
    pub fn evaluate(
        &self,
        model: &Model,
        replicas: &Replicas,
        forces: Forces,
        size: usize,
        spare: &SpareMemory,
        cancel: &Cancel,
    ) -> Result<(Timed, Kept)> {
        match model.metadata.precision {
            Precision::Float32 => self.run(model, replicas, forces, size, (&spare.slabs, &spare.float32), cancel),
            Precision::Float64 => self.run(model, replicas, forces, size, (&spare.slabs, &spare.float64), cancel),
        }
    }

    fn run<T: Real + Pod>(
        &self,
        model: &Model,
        &Replicas { graph, rotations }: &Replicas,
        forces: Forces,
        size: usize,
        memory: (&Pool, &SpareTensors<T>),
        cancel: &Cancel,
    ) -> Result<(Timed, Kept)> {
        let run = |rotation| Evaluation::new(self, model, (graph, rotation), size, memory, cancel);
        let mut runs: Vec<_> = rotations.iter().map(run).collect::<Result<_>>()?;
        let (domain, mut elapsed, mut kept, mut slabs) = (graph.domain.as_deref(), Duration::ZERO, Kept::default(), 0);
        for stage in 0..self.stages.len() {
            if let Some(domain) = domain {
                rank_exchange::communicate(self, stage, &mut runs, domain)?;
            }
            for run in &mut runs {
                elapsed += run.compute(stage)?;
            }
            if let Some(keep) = self.keep.filter(|keep| keep.stage == stage) {
                rank_exchange::prune(&mut runs, keep, domain)?;
            }
            kept.bytes = kept.bytes.max(runs.iter().map(Evaluation::bytes).sum());
            slabs = slabs.max(runs.iter().map(Evaluation::slabs).sum());
            runs.iter_mut().for_each(|run| run.drop_after(stage));
        }
        kept.slots = runs.iter().map(Evaluation::slots).sum();
        let responses = runs.iter().map(|run| run.response(forces)).collect::<Result<_>>()?;
        give_back(runs, slabs, memory);
        Ok(((responses, elapsed), kept))
    }

    /// Returns whether the kept tensors of a replica stay in place; each center has at most `kept` neighbors if the model
    /// prunes edges.
    pub fn keeps_in_place(&self, tiles: &Tiles, kept: Option<usize>) -> bool {
        let slots = |tile| tiles.centers(tile).len() * tiles.width(tile).min(kept.unwrap_or(usize::MAX));
        let slots: usize = (0..tiles.len()).map(slots).sum();
        // Their size is unknown in the self-check, which measures it in arenas.
        self.bytes_per_slot > 0 && slots * self.bytes_per_slot <= IN_PLACE
    }

    /// Counts the edges of a graph that the model keeps; `None` if it prunes none.
    pub fn kept_edges(&self, model: &Model, graph: &Graph, cancel: &Cancel) -> Result<Option<KeptEdges>> {
        let Some(keep) = self.keep else { return Ok(None) };
        let (SpareMemory { slabs, float32, float64 }, replica) = (&SpareMemory::default(), (graph, &IDENTITY));
        let kept = match model.metadata.precision {
            Precision::Float32 => Evaluation::new(self, model, replica, COUNTED, (slabs, float32), cancel)?.count(keep),
            Precision::Float64 => Evaluation::new(self, model, replica, COUNTED, (slabs, float64), cancel)?.count(keep),
        };
        kept.map(Some)
    }
}

/// What an evaluation keeps between stages, at its peak.
#[derive(Default)]
pub(crate) struct Kept {
    pub bytes: usize,
    /// Edge slots of all tiles; of the narrow edges in a model that prunes.
    pub slots: usize,
}

/// Memory for reuse by the next evaluation.
#[derive(Default)]
pub(crate) struct SpareMemory {
    slabs: Pool,
    float32: SpareTensors<f32>,
    float64: SpareTensors<f64>,
}

/// The model's inputs for tiles, for reuse.
pub(crate) type SpareTensors<T> = Mutex<Vec<Tensors<T>>>;

/// Leaves the memory to the next evaluation, as far as one of the same size needs it: `slabs` for kept tensors at their
/// peak, and one per worker for exchanges.
fn give_back<T: Real + Pod>(runs: Vec<Evaluation<T>>, slabs: usize, (pool, packed): (&Pool, &SpareTensors<T>)) {
    let slabs = slabs + runs.first().map_or(0, |run| run.workers().len());
    let mut tensors = Vec::new();
    for run in runs {
        run.stage_outputs
            .into_iter()
            .flat_map(|done| done.arenas)
            .flatten()
            .for_each(|mut arena| pool.give(&mut arena));
        tensors.extend(run.tensors);
    }
    pool.limit(slabs);
    tensors.reverse();
    *locked(packed) = tensors;
}
