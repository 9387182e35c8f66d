//! Neighbor graphs against a loop over all images, against vesin, and along random walks.

use proptest::prelude::*;
use tumble_core::Cell;
use tumble_core::System;
use tumble_core::graph::Graph;
use tumble_core::neighbors::{self, NeighborList};
use tumble_core::rotation::{Matrix3, Vector3, add, dot, sub};

/// Shift · cell, Å.
fn translation(cell: &Matrix3, shift: [i32; 3]) -> Vector3 {
    [0, 1, 2].map(|k| (0..3).map(|d| f64::from(shift[d]) * cell[d][k]).sum())
}

/// All pairs (center, neighbor, shift, vector) within the cutoff, sorted, by looking at every image that could matter.
fn brute_force(system: &System, cutoff: f64) -> Vec<(usize, usize, [i32; 3], Vector3)> {
    let (heights, periodic, reciprocal) = (system.cell.heights(), system.cell.periodic(), system.cell.reciprocal());
    let mut pairs = vec![];
    for i in 0..system.len() {
        for j in 0..system.len() {
            let straight = sub(system.positions[j], system.positions[i]);
            let ranges = [0, 1, 2].map(|d| {
                let nearest = -dot(reciprocal[d], straight);
                let reach = cutoff / heights[d] + 1.0;
                if periodic[d] { (nearest - reach) as i32..=(nearest + reach) as i32 } else { 0..=0 }
            });
            for a in ranges[0].clone() {
                for b in ranges[1].clone() {
                    for c in ranges[2].clone() {
                        let vector = add(straight, translation(system.cell.vectors(), [a, b, c]));
                        if dot(vector, vector) < cutoff * cutoff && (i != j || [a, b, c] != [0; 3]) {
                            pairs.push((i, j, [a, b, c], vector));
                        }
                    }
                }
            }
        }
    }
    pairs.sort_by_key(|&(i, j, shift, _)| (i, j, shift));
    pairs
}

fn distance(a: Vector3, b: Vector3) -> f64 {
    let d = sub(a, b);
    dot(d, d).sqrt()
}

/// The graph has those pairs, in that order, and its reverse edges are an involution under which vectors change sign.
fn assert_graph(graph: &Graph, pairs: &[(usize, usize, [i32; 3], Vector3)]) {
    assert_eq!(graph.n_edges(), pairs.len());
    for ((center, edge), &(i, j, _, vector)) in graph.center_edges().zip(pairs) {
        assert_eq!((center, graph.neighbors[edge]), (i, j));
        assert!(distance(graph.vectors[edge], vector) < 1e-9);
        let back = graph.reverse[edge];
        assert_eq!(graph.reverse[back], edge);
        assert_eq!(graph.neighbors[back], center);
        assert!(graph.edges(graph.neighbors[edge]).contains(&back));
        assert_eq!(add(graph.vectors[edge], graph.vectors[back]), [0.0; 3]);
    }
}

fn vector(range: std::ops::Range<f64>) -> impl Strategy<Value = Vector3> {
    proptest::array::uniform3(range)
}

/// Cells of any orientation, handedness and periodicity, the flattest left out.
fn cell() -> impl Strategy<Value = Cell> {
    (proptest::array::uniform3(vector(-6.0..6.0)), any::<[bool; 3]>())
        .prop_filter_map("flat", |(vectors, periodic)| Cell::new(vectors, periodic).ok())
        .prop_filter("flat", |cell| cell.heights().iter().all(|&h| h > 0.7))
}

/// Atoms up to some cells outside the cell.
fn system() -> impl Strategy<Value = System> {
    (cell(), prop::collection::vec(vector(-20.0..20.0), 1..14), 0.05..1.0).prop_map(|(cell, positions, spread)| {
        let positions: Vec<_> = positions.into_iter().map(|x| x.map(|x| spread * x)).collect();
        let species = vec![1; positions.len()];
        System::new(positions, species, cell).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_images_are_found(system in system(), cutoff in 0.5..5.0) {
        let graph = neighbors::graph(&system, cutoff).unwrap();
        assert_graph(&graph, &brute_force(&system, cutoff));
        let expected = (system.cell.periodic() == [true; 3]).then(|| system.cell.volume());
        assert_eq!(graph.volume, expected);
        assert_eq!(graph.weights, vec![1.0; system.len()]);
    }

    #[test]
    fn atoms_far_outside_the_cell_are_found(
        system in system(), cells in prop::collection::vec(any::<[i8; 3]>(), 14)
    ) {
        let mut system = system;
        let (vectors, periodic) = (*system.cell.vectors(), system.cell.periodic());
        for (x, shift) in system.positions.iter_mut().zip(cells) {
            let shift = [0, 1, 2].map(|d| if periodic[d] { 100 * i32::from(shift[d]) } else { 0 });
            *x = add(*x, translation(&vectors, shift));
        }
        assert_graph(&neighbors::graph(&system, 3.0).unwrap(), &brute_force(&system, 3.0));
    }

    #[test]
    fn a_list_with_a_skin_equals_a_fresh_one(
        system in system(), skin in 0.0..1.0, steps in prop::collection::vec(vector(-0.1..0.1), 14 * 12)
    ) {
        let mut system = system;
        let mut list = NeighborList::new(3.0, skin);
        for step in steps.chunks(14) {
            system.positions.iter_mut().zip(step).for_each(|(x, d)| *x = add(*x, *d));
            assert_eq!(list.graph(&system).unwrap(), &neighbors::graph(&system, 3.0).unwrap());
        }
        prop_assert!(list.rebuilds() <= 12);
    }
}

/// A crowd of atoms on a jittered lattice in a periodic box, to have more bins than one.
fn crowd(n: i32, spacing: f64) -> System {
    let jitter = |i: i32| 0.3 * (f64::from(i) * 12.9898).sin();
    let atoms =
        (0..n * n * n).map(|i| [i % n, i / n % n, i / n / n].map(|k| spacing * f64::from(k) + jitter(7 * i + k)));
    let side = spacing * f64::from(n);
    let cell = Cell::new([[side, 0.0, 0.0], [0.3 * side, side, 0.0], [0.0, -0.2 * side, -side]], [true; 3]).unwrap();
    System::new(atoms.collect(), vec![18; (n * n * n) as usize], cell).unwrap()
}

#[test]
fn many_bins_find_the_same() {
    for (cutoff, spacing) in [(2.5, 2.0), (2.0, 2.5), (0.5, 0.9), (5.1, 2.0)] {
        let system = crowd(8, spacing);
        assert_graph(&neighbors::graph(&system, cutoff).unwrap(), &brute_force(&system, cutoff));
    }
}

#[test]
fn a_graph_does_not_depend_on_the_number_of_threads() {
    let system = crowd(14, 2.0);
    let with = |threads| NeighborList::new(3.0, 0.2).within(threads, 1 << 30).graph(&system).unwrap().clone();
    assert_eq!(with(1), with(5));
}

#[test]
fn atoms_scattered_over_astronomical_distances_take_no_memory() {
    let positions: Vec<_> =
        (0..50).map(|i| [1e12 * f64::from(i / 2), -1e9 * f64::from(i / 2), f64::from(i % 2)]).collect();
    let system = System::new(positions, vec![1; 50], Cell::isolated()).unwrap();
    assert_eq!(neighbors::graph(&system, 2.0).unwrap().n_edges(), 50);
}

#[test]
fn a_structure_without_atoms_has_an_empty_graph() {
    let system = System::new(vec![], vec![], Cell::isolated()).unwrap();
    assert_eq!(neighbors::graph(&system, 2.0).unwrap().first_edge, [0]);
}

fn pair(x: f64) -> System {
    let cell = Cell::new([[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 10.0]], [true; 3]).unwrap();
    System::new(vec![[0.0; 3], [x, 0.0, 0.0]], vec![1, 8], cell).unwrap()
}

#[test]
fn candidates_are_searched_again_only_when_they_may_be_wrong() {
    let mut list = NeighborList::new(3.0, 1.0);
    for (x, rebuilds) in [(3.4, 1), (2.95, 1), (3.4, 1), (3.85, 1), (3.95, 2), (3.5, 2), (3.4, 3)] {
        let graph = list.graph(&pair(x)).unwrap().clone();
        assert_eq!(graph, neighbors::graph(&pair(x), 3.0).unwrap());
        assert_eq!(list.rebuilds(), rebuilds, "at {x}");
    }
}

#[test]
fn candidates_are_searched_again_when_cell_species_or_number_change() {
    let mut list = NeighborList::new(3.0, 1.0);
    let mut system = pair(2.0);
    list.graph(&system).unwrap();
    system.species[0] = 3;
    assert_eq!(list.graph(&system).unwrap().species, [3, 8]);
    assert_eq!(list.rebuilds(), 2);
    system.cell = Cell::isolated();
    assert_eq!(list.graph(&system).unwrap().volume, None);
    assert_eq!(list.rebuilds(), 3);
    system.positions.push([0.0, 2.0, 0.0]);
    system.species.push(1);
    assert_eq!(list.graph(&system).unwrap().n_edges(), 6);
    assert_eq!(list.rebuilds(), 4);
}

#[test]
fn candidates_are_searched_again_when_they_are_to_be_forgotten() {
    let mut list = NeighborList::new(3.0, 1.0);
    let graph = list.graph(&pair(2.0)).unwrap().clone();
    list.forget();
    assert_eq!(*list.graph(&pair(2.0)).unwrap(), graph);
    assert_eq!(list.rebuilds(), 2);
}

#[test]
fn a_list_recovers_from_a_structure_that_it_refused() {
    let mut list = NeighborList::new(3.0, 1.0);
    assert!(list.graph(&pair(0.0)).is_err());
    assert_eq!(list.graph(&pair(2.0)).unwrap().n_edges(), 2);
    assert!(list.graph(&pair(f64::INFINITY.recip())).is_err());
    assert_eq!(list.graph(&pair(2.1)).unwrap().n_edges(), 2);
}

fn sentence(system: &System, cutoff: f64) -> String {
    neighbors::graph(system, cutoff).unwrap_err().to_string()
}

#[test]
fn atoms_in_one_place_are_refused_with_a_sentence() {
    let expected = "atoms 1 and 2 coincide (distance 0.0e0 Å, cell shifts included): remove one of them, or check \
                    whether the dynamics has exploded";
    assert_eq!(sentence(&pair(0.0), 3.0), expected);
    assert_eq!(sentence(&pair(-20.0), 3.0), expected);
    let heap = System::new(vec![[1.0; 3]; 5000], vec![1; 5000], Cell::isolated()).unwrap();
    assert_eq!(sentence(&heap, 3.0), expected);
}

#[test]
fn lost_atoms_are_refused_with_a_sentence() {
    let expected = "atom 2 is 1.0e11 cells away from the origin, too far for its position to be exact: wrap it into \
                    the cell, or check whether the dynamics has exploded";
    assert_eq!(sentence(&pair(1e12), 3.0), expected);
    let mut system = pair(1.0);
    system.positions[1][2] = f64::NAN;
    assert!(sentence(&system, 3.0).starts_with("the position of atom 2 is not finite (NaN)"));
    system.positions.pop();
    assert!(sentence(&system, 3.0).starts_with("the structure has 1 positions but 2 species"));
}

#[test]
fn a_cutoff_that_is_no_length_is_refused_with_a_sentence() {
    let expected =
        "the cutoff is -1 Å and the skin 0 Å: give a positive cutoff and a skin that is not negative, both finite";
    assert_eq!(sentence(&pair(1.0), -1.0), expected);
    for (cutoff, skin) in [(0.0, 0.0), (f64::NAN, 0.0), (1.0, -0.1), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
        assert!(NeighborList::new(cutoff, skin).graph(&pair(1.0)).is_err());
    }
}

/// A record of tests/data/vesin_pairs.json; vesin_pairs.py tells what is in it.
#[derive(serde::Deserialize)]
struct Record {
    name: String,
    positions: Vec<Vector3>,
    cell: Matrix3,
    periodic: [bool; 3],
    cutoff: f64,
    pairs: Vec<Vec<i32>>,
    sum: f64,
}

#[test]
fn vesin_finds_the_same() {
    let records: Vec<Record> = serde_json::from_str(include_str!("data/vesin_pairs.json")).unwrap();
    assert_eq!(records.len(), 6);
    for record in records {
        let n = record.positions.len();
        let cell = Cell::new(record.cell, record.periodic).unwrap();
        let system = System::new(record.positions, vec![1; n], cell).unwrap();
        let pairs: Vec<_> = (0..n)
            .flat_map(|i| record.pairs[i].chunks_exact(4).map(move |p| (i, p[0] as usize, [p[1], p[2], p[3]])))
            .map(|(i, j, shift)| {
                let straight = sub(system.positions[j], system.positions[i]);
                (i, j, shift, add(straight, translation(&record.cell, shift)))
            })
            .collect();
        println!("{}: {} pairs", record.name, pairs.len());
        let graph = neighbors::graph(&system, record.cutoff).unwrap();
        assert_graph(&graph, &pairs);
        let sum: f64 = graph.vectors.iter().map(|v| dot(*v, *v).sqrt()).sum();
        assert!((sum - record.sum).abs() < 1e-9 * record.sum);
    }
}

#[test]
fn a_cell_in_wrong_units_is_refused_before_it_takes_forever() {
    let cell = Cell::new([[1e-3, 0.0, 0.0], [0.0, 1e-3, 0.0], [0.0, 0.0, 1e-3]], [true; 3]).unwrap();
    let error = neighbors::graph(&System::new(vec![[0.0; 3]], vec![1], cell).unwrap(), 4.0).unwrap_err().to_string();
    assert!(
        error.starts_with("an atom would see 51") && error.ends_with("check the cell, and whether its unit is Å"),
        "{error}"
    );
}

/// Numbers in [0, 1) that look random.
fn scattered(count: u32, scale: f64) -> Vec<Vector3> {
    let number = |i: u32| (f64::from(i) * 0.754_877_666).fract();
    let place = |i: u32| [f64::from(i) * 0.618_033_988_7, number(3 * i + 1), number(7 * i).sqrt()];
    (0..count).map(|i| place(i).map(|x| scale * x.fract())).collect()
}

#[test]
fn a_crowd_is_refused_before_its_pairs_are_stored() {
    let crowd = |atoms: u32, side: f64, memory: usize| {
        let system = System::new(scattered(atoms, side), vec![1; atoms as usize], Cell::isolated()).unwrap();
        let start = std::time::Instant::now();
        let error = NeighborList::new(5.0, 0.5).within(2, memory).graph(&system).unwrap_err().to_string();
        assert!(start.elapsed().as_secs() < 20);
        error
    };
    assert_eq!(
        crowd(100_000, 3.0, 2048 << 20),
        "100000 atoms have more than 10737418 pairs of neighbors within 5.500 Å (214 per atom), the most that 2047 MB \
         hold: check positions and cell, and whether their unit is Å, or raise memory"
    );
    assert!(crowd(10_000, 1.0, 1).starts_with("10000 atoms have more than 1048576 pairs of neighbors within 5.500 Å"));
}

#[test]
fn a_cell_whose_images_crowd_is_refused() {
    let cell = Cell::new([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]], [true; 3]).unwrap();
    let system = System::new(scattered(3, 0.5), vec![1; 3], cell).unwrap();
    assert_eq!(
        sentence(&system, 6.0),
        "some of 3 atoms have 16000 or more neighbors within 6.000 Å, but at most 2000 are supported: check positions \
         and cell, and whether their unit is Å"
    );
}

#[test]
fn hostile_cells_are_refused_or_searched_in_no_time() {
    let hostile = [
        [[5e-324, 0.0, 0.0], [0.0, 5e-324, 0.0], [0.0, 0.0, 5e-324]],
        [[1e-105, 0.0, 0.0], [0.0, 1e-105, 0.0], [0.0, 0.0, 1e-105]],
        [[1e-3, 0.0, 0.0], [0.0, 1e5, 0.0], [0.0, 0.0, 1e-3]],
        [[10.0, 0.0, 0.0], [10.0, 2e-8, 0.0], [0.0, 0.0, 10.0]],
        [[0.02, 0.0, 0.0], [0.0, 1e3, 0.0], [0.0, 0.0, 1e3]],
        [[3.0, 0.0, 0.0], [1e4, 3.0, 0.0], [0.0, 0.0, 1e3]],
        [[1e300, 0.0, 0.0], [0.0, 1e300, 0.0], [0.0, 0.0, 1e300]],
        [[f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[f64::INFINITY, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[1e12, 0.0, 0.0], [0.0, 1e12, 0.0], [0.0, 0.0, 1e12]],
    ];
    for vectors in hostile {
        for atoms in [1, 20_000] {
            let start = std::time::Instant::now();
            let found = Cell::new(vectors, [true; 3]).and_then(|cell| {
                let system = System::new(scattered(atoms, 100.0), vec![1; atoms as usize], cell)?;
                neighbors::graph(&system, 5.0)
            });
            let found = found.map(|graph| graph.n_edges()).map_err(|error| error.to_string());
            println!("{vectors:?}, {atoms} atoms: {found:?} after {:?}", start.elapsed());
            assert!(start.elapsed().as_secs() < 20, "{vectors:?}");
        }
    }
}

#[test]
fn crowds_that_are_far_apart_find_their_own_pairs_in_no_time() {
    let near = crowd(14, 2.0);
    let system = System::new(near.positions.clone(), near.species.clone(), Cell::isolated()).unwrap();
    let alone = neighbors::graph(&system, 3.0).unwrap();
    let mut apart = system.clone();
    for distance in [1e9, -3e8] {
        let far = near.positions.iter().map(|x| add(*x, [distance, 0.5 * distance, 0.1 * distance]));
        apart.positions.extend(far);
        apart.species.extend(&near.species);
    }
    let start = std::time::Instant::now();
    let graph = neighbors::graph(&apart, 3.0).unwrap();
    assert!(start.elapsed().as_secs() < 5);
    assert_eq!(graph.n_edges(), 3 * alone.n_edges());
    assert_eq!(graph.neighbors[..alone.n_edges()], alone.neighbors);
    assert_eq!(graph.vectors[..alone.n_edges()], alone.vectors);
}

#[test]
fn a_skewed_cell_with_many_images_finds_the_same() {
    let straight = Cell::new([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 20.0]], [true; 3]).unwrap();
    let skewed = Cell::new([[3.0, 0.0, 0.0], [900.0, 3.0, 0.0], [0.0, 0.0, 20.0]], [true; 3]).unwrap();
    let edges = |cell| neighbors::graph(&System::new(scattered(3, 3.0), vec![1; 3], cell).unwrap(), 5.0).unwrap();
    assert_eq!(edges(skewed).n_edges(), edges(straight).n_edges());
}
