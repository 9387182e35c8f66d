//! tumble's own work per step, without ONNX Runtime, as units of work on fixed input.
//!
//! `make bench-hot` times them, `make instructions` counts their instructions. Water is the liquid of
//! `examples/liquid/water-64.data`, the cutoff that of `examples/models/water-pet.onnx`, and the grid of 24 rotations
//! the octahedral one.

mod messages;
mod rank;
mod replicas;
mod steps;
pub mod structures;

use std::hint::black_box;

use tumble_core::neighbors::{self, NeighborList};

/// Cutoff, Å.
const CUTOFF: f64 = 3.7;

/// Work that can be repeated.
pub type Unit = Box<dyn FnMut()>;

/// Prepares a unit.
pub type Prepare = fn() -> Unit;

/// Names and preparation of all units.
pub const UNITS: [(&str, Prepare); 16] = [
    ("neighbors of 192 atoms", || neighbors_of(structures::water(1), CUTOFF)),
    ("neighbors of 12,288 atoms", || neighbors_of(structures::water(4), CUTOFF)),
    ("neighbors in a small triclinic cell", || neighbors_of(structures::triclinic(), 5.0)),
    ("neighbors of 192 atoms that have moved", neighbors_kept),
    ("folding the images of 192 atoms", rank::folding),
    ("packing 24 replicas, padded", || replicas::packing(tumble_onnx::contract::metadata::Layout::Padded)),
    ("packing 24 replicas, list", || replicas::packing(tumble_onnx::contract::metadata::Layout::List)),
    ("unpacking 24 replicas", replicas::unpacking),
    ("averaging 24 replicas", replicas::averaging),
    ("attention of 192 centers", steps::attention),
    ("gradient of that attention", steps::attention_gradient),
    ("gradient of an activation of 5,184 rows", steps::activation_gradient),
    ("gradient of a normalization of 5,184 rows", steps::normalization_gradient),
    ("reading a POSDATA of 192 atoms", messages::positions),
    ("reading a FORCEREADY of 192 atoms", messages::forces),
    ("granting an INIT of 192 atoms", messages::init),
];

/// Returns the unit of this name after one run, so that its buffers have their size.
///
/// # Errors
/// A sentence with the known names if there is no such unit.
pub fn warm(name: &str) -> Result<Unit, String> {
    let unit = UNITS.iter().find(|(known, _)| *known == name);
    let names = || UNITS.map(|(name, _)| name).join("; ");
    let (_, prepare) = unit.ok_or_else(|| format!("there is no unit \"{name}\": the units are {}", names()))?;
    let mut run = prepare();
    run();
    Ok(run)
}

fn neighbors_of(system: tumble_core::System, cutoff: f64) -> Unit {
    Box::new(move || {
        black_box(neighbors::graph(black_box(&system), cutoff)).expect("water has a graph");
    })
}

/// Alternates between two structures that share one list of candidates.
fn neighbors_kept() -> Unit {
    let mut systems = [structures::water(1), structures::water(1)];
    systems[1].positions.iter_mut().enumerate().for_each(|(atom, x)| x[atom % 3] += 0.1);
    let mut list = NeighborList::new(CUTOFF, 1.0);
    Box::new(move || {
        systems.swap(0, 1);
        black_box(list.graph(black_box(&systems[0]))).expect("water has a graph");
        assert_eq!(list.rebuilds(), 1);
    })
}
