//! Costs of a committee, for the planner: the largest of its members, which are evaluated one after the other.

use crate::planner::{Level, ModelCosts, Partition, SlotRule};

/// Returns costs that no member exceeds.
pub(super) fn largest(members: impl Iterator<Item = ModelCosts>) -> ModelCosts {
    members.reduce(larger).unwrap_or_default()
}

fn larger(a: ModelCosts, b: ModelCosts) -> ModelCosts {
    let levels = std::array::from_fn(|i| larger_level(a.partition.levels[i], b.partition.levels[i]));
    ModelCosts {
        bytes_per_slot: a.bytes_per_slot.max(b.bytes_per_slot),
        bytes_per_atom: a.bytes_per_atom.max(b.bytes_per_atom),
        bytes_per_listed_slot: a.bytes_per_listed_slot.max(b.bytes_per_listed_slot),
        slots: larger_rule(a.slots, b.slots),
        partition: Partition { memory: a.partition.memory.min(b.partition.memory), levels },
    }
}

/// Returns a rule with at least as many slots as both: padding to the widest center covers the listed edges too.
fn larger_rule(a: SlotRule, b: SlotRule) -> SlotRule {
    match (a, b) {
        (SlotRule::Edges, SlotRule::Edges) => SlotRule::Edges,
        (SlotRule::Pruned(a), SlotRule::Pruned(b)) => SlotRule::Pruned(a.max(b)),
        _ => SlotRule::Padded,
    }
}

/// A level is possible for a committee if it is possible for every member.
fn larger_level(a: Level, b: Level) -> Level {
    match (a, b) {
        (Level::Impossible, _) | (_, Level::Impossible) => Level::Impossible,
        (Level::Unopened, _) | (_, Level::Unopened) => Level::Unopened,
        (Level::Keeps(a), Level::Keeps(b)) => Level::Keeps(a.max(b)),
    }
}
