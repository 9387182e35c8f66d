//! Fuzz targets for the limits of a server: the text of an `INIT`, and degenerate cells.

use tumble_core::Cell;
use tumble_core::Graph;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::analytic::{HarmonicToy, Legendre};
use tumble_core::neighbors;
use tumble_core::potential::Potential;
use tumble_core::rotation::{Vector3, dot};
use tumble_server::SessionLimits;

/// Target: an `INIT` is accepted within the limits or refused with a sentence; without the token, with that sentence.
pub fn accept_init(bytes: &[u8]) {
    let Some((&limits, text)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let (max_atoms, max_rotations) =
        ([1, 64, 1000, 100_000][usize::from(limits & 3)], [1, 30][usize::from(limits >> 2 & 1)]);
    let token = (limits & 8 != 0).then(|| "sesame".to_owned());
    let terms = SessionLimits { max_atoms, max_rotations, token, settings: Settings::default() };
    let toy = HarmonicToy::new(3.0, &[(1, 0.5), (8, -1.0)], Legendre { l1: 0.1, l2: 0.1, l4: 0.1 });
    match terms.accept_init(text, toy.info()) {
        Err(sentence) => {
            assert!(terms.admits(text) && !sentence.is_empty() || sentence.starts_with("the token is wrong"))
        }
        Ok(setup) => {
            assert!(terms.admits(text) && text.len() <= usize::MAX - max_atoms);
            assert!(!setup.species.is_empty() && setup.batch > 0 && setup.species.len() * setup.batch <= max_atoms);
            assert!((1..=max_atoms.max(65_535) as u64).contains(&setup.beads));
            assert!(setup.streams > 0 && u64::from(setup.streams) <= setup.beads);
            assert!(setup.policy.mitigation.evaluations() <= max_rotations);
        }
    }
}

/// Target: a cell and atoms of any numbers give an error, or a graph with the reverse of every edge.
pub fn hostile_cells(bytes: &[u8]) {
    let Some((&[flags, cutoff], bytes)) = bytes.split_first_chunk() else { return };
    let numbers: Vec<_> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let vectors: Vec<Vector3> = numbers.as_chunks().0.to_vec();
    let Some((&cell, positions)) = vectors.split_first_chunk() else { return };
    let positions = &positions[..positions.len().min(32)];
    let periodic = [1, 2, 4].map(|flag| flags & flag != 0);
    let cutoff = [0.5, 4.0, 12.0, f64::from(cutoff)][usize::from(flags >> 3 & 3)];
    let Ok(cell) = Cell::new(cell, periodic) else { return };
    let Ok(system) = System::new(positions.to_vec(), vec![1; positions.len()], cell) else { return };
    if let Ok(graph) = neighbors::graph(&system, cutoff) {
        check(&graph, cutoff);
    }
}

fn check(graph: &Graph, cutoff: f64) {
    for (edge, &vector) in graph.vectors.iter().enumerate() {
        let length = dot(vector, vector).sqrt();
        assert!(0.0 < length && length <= cutoff, "{length} Å");
        let back = graph.reverse[edge];
        assert_eq!(graph.reverse[back], edge);
        assert_eq!(graph.vectors[back], vector.map(|x| -x));
    }
}
