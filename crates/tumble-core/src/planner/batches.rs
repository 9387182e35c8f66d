//! Batches: replicas that are passed to the potential together.

use std::cmp::Reverse;
use std::ops::Range;

use super::costs::{GraphSize, ModelCosts, Unopened};
use super::steps::steps;
use super::{Batch, Limits, Part, Pieces, Plan, Share, Work};
use crate::forces::Forces;

/// Largest ratio of a padded run to an unpadded one: 5/4. With more padding, a separate run is cheaper.
const PADDING: (usize, usize) = (5, 4);

/// Plans the work. Replicas of several structures share batches as far as memory and padding allow. A structure that
/// needs more than all memory has batches of its own, at the end.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
pub fn plan(work: &[Work], model: &ModelCosts, limits: &Limits) -> Result<Plan, Unopened> {
    let planner = Planner { work, model, limits };
    let shares = if let [_] = work { planner.one(0)? } else { planner.several()? };
    let batches = shares.into_iter().map(|(forces, shares)| planner.batch(forces, shares));
    Ok(Plan { batches: batches.collect::<Result<_, _>>()?, workers: limits.workers })
}

/// Returns the number of replicas of one graph in a batch: the same number for each worker, if memory allows.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
fn batch_size(size: GraphSize, model: &ModelCosts, limits: &Limits) -> Result<usize, Unopened> {
    let (workers, bytes) = (limits.workers, model.bytes(size, limits.workers)?.max(1));
    let count = (limits.bytes_per_batch() / bytes).max(workers.min(limits.memory / bytes)).max(1);
    Ok(if count > workers { count / workers * workers } else { count })
}

/// Returns the number of replicas of one graph in a batch that several ranks evaluate together, stage by stage: what is
/// kept of all of them must fit into memory at the same time.
///
/// # Errors
/// [`Unopened`] with a level that must be opened first.
pub fn batch_across_ranks(size: GraphSize, model: &ModelCosts, limits: &Limits) -> Result<usize, Unopened> {
    let bytes = model.bytes(size, limits.workers)?.max(1);
    Ok((limits.memory.min(limits.bytes_abreast()) / bytes).max(1))
}

/// Replicas of one structure and one kind of forces that have no batch yet.
#[derive(Clone)]
struct Rest {
    work: usize,
    forces: Forces,
    replicas: Range<usize>,
}

/// The shares of a batch, and their kind of forces.
type Shares = (Forces, Vec<Share>);

struct Planner<'a> {
    work: &'a [Work],
    model: &'a ModelCosts,
    limits: &'a Limits,
}

impl Planner<'_> {
    fn bytes(&self, work: usize) -> Result<usize, Unopened> {
        self.model.bytes(self.work[work].size, self.limits.workers)
    }

    fn rest(&self, work: usize) -> impl Iterator<Item = Rest> {
        let all = self.work[work].replicas.iter().cloned();
        all.map(move |(forces, replicas)| Rest { work, forces, replicas })
    }

    /// Returns the batches of one structure.
    fn one(&self, work: usize) -> Result<Vec<Shares>, Unopened> {
        let (size, mut batches) = (batch_size(self.work[work].size, self.model, self.limits)?, Vec::new());
        for Rest { forces, replicas, .. } in self.rest(work) {
            let starts = replicas.clone().step_by(size);
            let shares = starts.map(|start| Share { work, replicas: start..replicas.end.min(start + size) });
            batches.extend(shares.map(|share| (forces, vec![share])));
        }
        Ok(batches)
    }

    /// Returns the batches of several structures. The replicas of each structure stay in their order.
    fn several(&self) -> Result<Vec<Shares>, Unopened> {
        let (mut rest, mut too_large) = (Vec::new(), Vec::new());
        for work in 0..self.work.len() {
            if self.bytes(work)? <= self.limits.memory {
                rest.extend(self.rest(work));
            } else {
                too_large.extend(self.one(work)?);
            }
        }
        // The widest first, so that all of a batch is padded to the width of its first share.
        rest.sort_by_cached_key(|rest| (rest.forces as u8, Reverse(self.work[rest.work].size.widest)));
        let batches = self.filled(rest)?.into_iter().map(|batch| (batch.forces, batch.shares));
        Ok(batches.chain(too_large).collect())
    }

    fn filled(&self, rests: Vec<Rest>) -> Result<Vec<Filling>, Unopened> {
        let mut batches: Vec<Filling> = Vec::new();
        for mut rest in rests {
            if let Some(batch) = batches.last_mut().filter(|batch| batch.forces == rest.forces) {
                batch.take(&mut rest, self)?;
            }
            while !rest.replicas.is_empty() {
                let mut batch = Filling::new(rest.forces, self.work[rest.work].size.widest);
                batch.take(&mut rest, self)?;
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    fn batch(&self, forces: Forces, shares: Vec<Share>) -> Result<Batch, Unopened> {
        let part = |share: &Share| Part { size: self.work[share.work].size, rotations: share.replicas.len() };
        let parts: Vec<_> = shares.iter().map(part).collect();
        if self.bytes(shares[0].work)? > self.limits.memory {
            return Ok(Batch { forces, shares, pieces: Pieces::Blocks, bytes: self.limits.memory });
        }
        let steps = steps(&parts, self.model, self.limits)?;
        let bytes = steps.iter().map(|step| step.bytes).max().unwrap_or(0);
        Ok(Batch { forces, shares, pieces: Pieces::Steps(steps), bytes })
    }
}

/// Working memory of a batch, bytes.
#[derive(Clone, Copy, Default)]
struct Bytes {
    /// With padding to the widest graph of a batch.
    padded: usize,
    /// In a batch without other structures.
    own: usize,
}

impl Bytes {
    fn plus(self, more: Self, count: usize) -> Self {
        Self { padded: self.padded + count * more.padded, own: self.own + count * more.own }
    }

    fn fit(self, limit: usize) -> bool {
        self.padded <= limit && PADDING.1 * self.padded <= PADDING.0 * self.own
    }
}

/// A batch that is being filled.
struct Filling {
    forces: Forces,
    widest: usize,
    shares: Vec<Share>,
    bytes: Bytes,
}

impl Filling {
    fn new(forces: Forces, widest: usize) -> Self {
        Self { forces, widest, shares: Vec::new(), bytes: Bytes::default() }
    }

    /// Takes replicas from the front, as many as fit; at least one if the batch is empty.
    fn take(&mut self, rest: &mut Rest, planner: &Planner) -> Result<(), Unopened> {
        let (limit, size, workers) =
            (planner.limits.bytes_per_batch(), planner.work[rest.work].size, planner.limits.workers);
        let padded = planner.model.bytes_beside(size, self.widest, workers)?.max(1);
        let one = Bytes { padded, own: planner.bytes(rest.work)?.max(1) };
        let fitting = (1..=rest.replicas.len()).take_while(|&count| self.bytes.plus(one, count).fit(limit)).count();
        let count = fitting.max(usize::from(self.shares.is_empty()));
        let end = rest.replicas.start + count;
        if count > 0 {
            self.shares.push(Share { work: rest.work, replicas: rest.replicas.start..end });
        }
        rest.replicas.start = end;
        self.bytes = self.bytes.plus(one, count);
        Ok(())
    }
}
