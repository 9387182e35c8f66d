//! Plans from made-up costs, without a model.

use std::sync::LazyLock;

use super::*;
use crate::execution::Device;
use crate::forces::Forces::{Conservative, Direct};
use crate::provider::Provider;

const MB: usize = 1 << 20;

/// Returns the size of a replica of `count` atoms with ten neighbors each.
fn atoms(count: usize) -> GraphSize {
    GraphSize { atoms: count, centers: count, edges: 10 * count, widest: 10 }
}

/// Returns the costs of a model that takes 1 MB for each atom with ten neighbors, and cannot be partitioned into
/// stages.
fn uncut() -> ModelCosts {
    ModelCosts { bytes_per_slot: MB / 10, slots: SlotRule::Padded, ..ModelCosts::default() }
}

/// Returns the costs of the same model, partitioned: `levels` has the bytes kept for each edge slot.
fn cut(memory: usize, levels: [Level; 3]) -> ModelCosts {
    ModelCosts { partition: Partition { memory, levels }, ..uncut() }
}

/// Returns the limits of a processor with runs of 32 MB.
fn limits(memory: usize, workers: usize) -> Limits {
    static PROCESSOR: LazyLock<Provider> =
        LazyLock::new(|| Provider { bytes_per_run: 32 * MB, ..*Device::Cpu.provider() });
    Limits { workers, memory, provider: &PROCESSOR }
}

fn rotations(size: GraphSize, count: usize) -> Work {
    Work { size, replicas: vec![(Conservative, 0..count)] }
}

fn planned(work: &[Work], model: &ModelCosts, limits: &Limits) -> Plan {
    plan(work, model, limits).unwrap()
}

fn lengths(plan: &Plan) -> Vec<usize> {
    plan.batches.iter().map(Batch::len).collect()
}

fn executions(plan: &Plan) -> Vec<Execution> {
    let steps = |batch: &Batch| match &batch.pieces {
        Pieces::Steps(steps) => steps.iter().map(|step| step.execution).collect(),
        Pieces::Blocks => vec![],
    };
    plan.batches.iter().flat_map(steps).collect()
}

#[test]
fn worker_takes_batches_that_fit_into_the_caches() {
    let plan = planned(&[rotations(atoms(2), 24)], &uncut(), &limits(2048 * MB, 1));
    assert_eq!(lengths(&plan), [16, 8]);
    assert_eq!(executions(&plan), [Execution::OneRun; 2]);
    assert_eq!(plan.to_string(), "1 worker, 24 rotations in batches of 16, in one piece, 32 MB");
}

#[test]
fn workers_take_runs_from_a_queue() {
    let plan = planned(&[rotations(atoms(16), 24)], &uncut(), &limits(2048 * MB, 2));
    assert_eq!((lengths(&plan), executions(&plan)), (vec![24], vec![Execution::Runs(12)]));
    assert_eq!(plan.to_string(), "2 workers, 24 rotations in batches of 24, in one piece, 64 MB");
}

#[test]
fn gpu_takes_as_much_as_memory_allows() {
    let gpu = Device::Cuda.provider();
    let limits = Limits { memory: 512 * MB, workers: gpu.workers(8), provider: gpu };
    assert_eq!(limits.workers, 1);
    assert_eq!(lengths(&planned(&[rotations(atoms(16), 48)], &uncut(), &limits)), [32, 16]);
}

#[test]
fn threads_share_the_run_of_a_structure_of_too_few_replicas() {
    let model = cut(2048 * MB, [Level::Keeps(1000); 3]);
    let plan = planned(&[rotations(atoms(50), 1)], &model, &limits(2048 * MB, 2));
    assert_eq!(executions(&plan), [Execution::OneRun]);
    let small = planned(&[rotations(atoms(20), 1)], &model, &limits(2048 * MB, 2));
    assert_eq!(executions(&small), [Execution::Runs(1)]);
    let enough = planned(&[rotations(atoms(50), 2)], &model, &limits(2048 * MB, 2));
    assert_eq!(executions(&enough), [Execution::Runs(2)]);
    let large = planned(&[rotations(atoms(500), 1)], &model, &limits(2048 * MB, 2));
    assert_eq!(executions(&large), [Execution::Stages { level: RecomputeLevel::Speed, tile: 63 }]);
}

/// The free memory decides how much is recomputed.
#[test]
fn large_structures_are_evaluated_in_stages_at_the_fastest_level_that_fits() {
    let (speed, balanced) = (Level::Keeps(MB / 20), Level::Keeps(MB / 40));
    let levels = [speed, balanced, Level::Keeps(MB / 80)];
    let level = |memory| {
        let plan = planned(&[rotations(atoms(1000), 1)], &cut(memory, levels), &limits(memory, 1));
        match executions(&plan)[..] {
            [Execution::Stages { level, tile }] => Some((level, tile, plan.bytes() / MB)),
            _ => None,
        }
    };
    // 500, 250 or 125 MB are kept, and two tiles take a megabyte per atom.
    assert_eq!(level(2000 * MB), Some((RecomputeLevel::Speed, 63, 625)));
    assert_eq!(level(400 * MB), Some((RecomputeLevel::Balanced, 50, 349)));
    assert_eq!(level(200 * MB), Some((RecomputeLevel::Memory, 32, 188)));
    assert_eq!(level(150 * MB), Some((RecomputeLevel::Memory, 12, 148)));
    assert_eq!(level(126 * MB), None, "a tile of one atom does not fit");
}

/// A wide model takes 4 MB for each atom: the caches hold 8 of them.
#[test]
fn tiles_of_a_wide_model_grow_beyond_the_caches_if_memory_allows() {
    let tile = |memory, workers, centers| {
        let wide = ModelCosts { bytes_per_slot: 4 * MB / 10, ..cut(memory, [Level::Keeps(1000); 3]) };
        fastest_stages(atoms(centers), &wide, workers).unwrap().unwrap().tile
    };
    assert_eq!([tile(4096 * MB, 1, 960), tile(4096 * MB, 2, 960), tile(4096 * MB, 4, 960)], [64, 60, 30]);
    assert_eq!([tile(512 * MB, 1, 960), tile(64 * MB, 1, 960)], [24, 6]);
    assert_eq!([tile(4096 * MB, 1, 100), tile(4096 * MB, 1, 96), tile(4096 * MB, 1, 0)], [50, 48, 1]);
}

/// More memory never needs more: otherwise the least memory in errors would be wrong.
#[test]
fn stages_that_fit_into_some_memory_fit_into_more() {
    for (workers, per_slot) in [(1, MB / 10), (2, MB / 10), (3, MB / 2)] {
        let fits = |memory| {
            let model = ModelCosts { bytes_per_slot: per_slot, ..cut(memory, [8000, 4000, 2000].map(Level::Keeps)) };
            fastest_stages(atoms(1029), &model, workers).unwrap().unwrap().bytes <= memory
        };
        let least = (1..4000).find(|&memory| fits(memory * MB)).unwrap();
        assert!((least..least + 500).all(|memory| fits(memory * MB)), "from {least} MB on");
    }
}

/// Ranks keep all replicas of a batch at the same time, whatever the number of workers.
#[test]
fn batch_across_ranks_fits_into_memory() {
    let batch = |count, memory, workers| batch_across_ranks(atoms(count), &uncut(), &limits(memory * MB, workers));
    assert_eq!([batch(2, 2048, 1), batch(2, 2048, 4), batch(2, 100, 4)], [Ok(16), Ok(64), Ok(50)]);
    assert_eq!([batch(100, 2048, 1), batch(100, 2048, 4), batch(100, 50, 4)], [Ok(1), Ok(1), Ok(1)]);
}

#[test]
fn structures_too_large_for_every_level_are_evaluated_in_blocks() {
    for model in [uncut(), cut(150 * MB, [Level::Keeps(MB / 10); 3])] {
        let plan = planned(&[rotations(atoms(1000), 3)], &model, &limits(150 * MB, 1));
        assert!(plan.is_in_blocks());
        assert_eq!(plan.to_string(), "1 worker, 3 rotations in batches of 1, in blocks, 150 MB");
    }
}

#[test]
fn levels_are_opened_when_needed_and_none_after_an_impossible_one() {
    use Level::{Impossible, Keeps};
    let ask = |count, levels| plan(&[rotations(atoms(count), 1)], &cut(400 * MB, levels), &limits(400 * MB, 1));
    assert!(ask(200, [Level::Unopened; 3]).is_ok(), "a small structure needs none");
    let unopened = |levels| ask(1000, levels).map(|plan| plan.is_in_blocks()).map_err(|Unopened(level)| level);
    assert_eq!(unopened([Level::Unopened; 3]), Err(RecomputeLevel::Speed));
    let large = Keeps(MB / 10);
    assert_eq!(unopened([large, Level::Unopened, Level::Unopened]), Err(RecomputeLevel::Balanced));
    assert_eq!(unopened([large, Keeps(1000), Level::Unopened]), Ok(false));
    assert_eq!(unopened([Impossible, Level::Unopened, Level::Unopened]), Ok(true));
}

#[test]
fn structures_share_batches_widest_first_where_padding_is_cheap() {
    let narrow = GraphSize { edges: 16, widest: 2, ..atoms(8) };
    let work = [rotations(narrow, 2), rotations(atoms(8), 1), rotations(GraphSize { widest: 9, ..atoms(8) }, 2)];
    let plan = planned(&work, &uncut(), &limits(2048 * MB, 1));
    let shares = |batch: &Batch| batch.shares.iter().map(|share| (share.work, share.replicas.clone())).collect();
    let shares: Vec<Vec<_>> = plan.batches.iter().map(shares).collect();
    assert_eq!(shares, [vec![(1, 0..1), (2, 0..2)], vec![(0, 0..2)]]);
}

#[test]
fn kinds_of_forces_do_not_share_a_batch() {
    let both = Work { size: atoms(2), replicas: vec![(Direct, 0..3), (Conservative, 3..4)] };
    let kinds = |work: &[Work]| {
        let plan = planned(work, &uncut(), &limits(2048 * MB, 1));
        plan.batches.iter().map(|batch| (batch.forces, batch.len())).collect::<Vec<_>>()
    };
    assert_eq!(kinds(std::slice::from_ref(&both)), [(Direct, 3), (Conservative, 1)]);
    assert_eq!(kinds(&[both.clone(), both]), [(Conservative, 2), (Direct, 6)]);
}

#[test]
fn structure_too_large_for_memory_comes_last_and_alone() {
    let work = [rotations(atoms(100), 1), rotations(atoms(10), 1), rotations(Default::default(), 0)];
    let plan = planned(&work, &uncut(), &limits(64 * MB, 1));
    let shares: Vec<_> = plan.batches.iter().map(|batch| (batch.shares[0].work, batch.is_in_blocks())).collect();
    assert_eq!(shares, [(1, false), (0, true)]);
}

/// The small structures before and after it do not share a run, so that responses stay in order.
#[test]
fn batch_with_a_structure_in_stages_keeps_its_order() {
    let model = cut(400 * MB, [Level::Keeps(1000); 3]);
    let part = |count, rotations| Part { size: atoms(count), rotations };
    let found = steps(&[part(1, 2), part(2, 1), part(1000, 1), part(1, 1)], &model, &limits(400 * MB, 1)).unwrap();
    let found: Vec<_> = found.into_iter().map(|step| (step.parts, step.execution)).collect();
    let stages = Execution::Stages { level: RecomputeLevel::Speed, tile: 50 };
    assert_eq!(found, [(0..2, Execution::OneRun), (2..3, stages), (3..4, Execution::OneRun)]);
}

#[test]
fn providers_are_found_by_name_and_by_device() {
    for provider in Provider::all() {
        assert_eq!(Device::named(provider.name), Some(provider.device));
        assert_eq!(provider.device.provider(), provider);
    }
    assert_eq!(Device::named("abacus"), None);
    assert_eq!([0, 1, 4].map(|threads| Device::Cpu.provider().workers(threads)), [1, 1, 4]);
}

#[test]
fn short_evaluation_is_a_few_runs_of_each_worker() {
    assert_eq!(limits(2048 * MB, 2).short_evaluation_bytes(), 2 * 32 * 32 * MB);
    let gpu = Limits { provider: Device::Cuda.provider(), ..limits(2048 * MB, 1) };
    assert_eq!(gpu.short_evaluation_bytes(), 8 << 30);
}

#[test]
fn pruned_edges_take_the_slots_of_kept_neighbors() {
    let pruned = ModelCosts { slots: SlotRule::Pruned(4), ..uncut() };
    assert_eq!(pruned.bytes(atoms(10), 1), Ok(4 * uncut().bytes(atoms(10), 1).unwrap() / 10));
    let lone = GraphSize { atoms: 1, centers: 1, ..GraphSize::default() };
    assert_eq!(pruned.bytes(lone, 1), uncut().bytes(lone, 1));
}
