//! Domain decomposition without LAMMPS: a box divided by hand among ranks gives the results of the whole box.

use tumble_core::Cell;
use tumble_core::Graph;
use tumble_core::Mitigation;
use tumble_core::Quadrature;
use tumble_core::System;
use tumble_core::analytic::TwoHopToy;
use tumble_core::average::{Evaluation, Request, average};
use tumble_core::diagnostics::{Probes, Shares};
use tumble_core::neighbors;
use tumble_core::potential::Forces;
use tumble_core::rotation::{Draw, Matrix3, Vector3, add, apply_transposed, dot, scale, sub};
use tumble_lammps::fold::{MissingRow, RankAtoms, fold};

const CUTOFF: f64 = 3.0;
const HOPS: usize = 2;
const CELL: Matrix3 = [[6.5, 0.0, 0.0], [1.7, 5.9, 0.0], [-1.2, 0.8, 4.1]];

fn system() -> System {
    let place = |i: usize| [0.754_877_67, 0.569_840_29, 0.430_159_71].map(|s| (s * (i + 1) as f64).fract());
    let positions: Vec<_> = (0..40).map(|i| apply_transposed(&CELL, place(i))).collect();
    System::new(positions, (0..40).map(|i| 1 + 7 * (i % 2) as u8).collect(), Cell::new(CELL, [true; 3]).unwrap())
        .unwrap()
}

/// Atoms and ghosts of a rank as in LAMMPS, with neighbor rows for all atoms as far as the ghosts reach.
struct Rank {
    own: Vec<usize>,
    positions: Vec<Vector3>,
    tags: Vec<i64>,
    species: Vec<u8>,
    row_starts: Vec<usize>,
    candidates: Vec<i32>,
}

impl Rank {
    /// The own atoms, and all images of atoms within `ghost` (Å) of any of them.
    fn new(system: &System, own: Vec<usize>, ghost: f64) -> Self {
        let mut rank = Self::own_atoms(system, &own);
        let centers = rank.positions.clone();
        for shift in shifts() {
            for atom in 0..system.len() {
                let position = add(system.positions[atom], shift);
                let is_own = shift == [0.0; 3] && own.contains(&atom);
                if !is_own && centers.iter().any(|c| near(*c, position, ghost)) {
                    rank.push(system, atom, position);
                }
            }
        }
        rank.own = own;
        rank.list_neighbors();
        rank
    }

    fn own_atoms(system: &System, own: &[usize]) -> Self {
        let (positions, tags, species) = (vec![], vec![], vec![]);
        let mut rank = Self { own: vec![], positions, tags, species, row_starts: vec![0], candidates: vec![] };
        own.iter().for_each(|&atom| rank.push(system, atom, system.positions[atom]));
        rank
    }

    fn push(&mut self, system: &System, atom: usize, position: Vector3) {
        self.positions.push(position);
        self.tags.push(atom as i64 + 1);
        self.species.push(system.species[atom]);
    }

    /// Candidates within a little more than the cutoff, as with a skin.
    fn list_neighbors(&mut self) {
        for i in 0..self.positions.len() {
            let close = |j: &usize| *j != i && near(self.positions[i], self.positions[*j], CUTOFF + 0.7);
            self.candidates.extend((0..self.positions.len()).filter(close).map(|j| j as i32));
            self.row_starts.push(self.candidates.len());
        }
    }

    fn atoms<'a>(&'a self, row_atoms: &'a [i32]) -> RankAtoms<'a> {
        RankAtoms {
            n_own: self.own.len(),
            positions: &self.positions,
            tags: &self.tags,
            species: &self.species,
            row_atoms,
            row_starts: &self.row_starts[..=row_atoms.len()],
            candidates: &self.candidates,
        }
    }

    fn rows(&self) -> Vec<i32> {
        (0..self.positions.len() as i32).collect()
    }
}

fn near(a: Vector3, b: Vector3, distance: f64) -> bool {
    let v = sub(a, b);
    dot(v, v) < distance * distance
}

fn shifts() -> Vec<Vector3> {
    let range = || -4..=4;
    let all = range().flat_map(|i| range().flat_map(move |j| range().map(move |k| [i, j, k])));
    all.map(|n| (0..3).fold([0.0; 3], |sum, a| add(sum, scale(CELL[a], f64::from(n[a]))))).collect()
}

/// Evaluates each rank and sums up; forces on ghosts are added to the atom with the same tag.
fn sum_over_ranks(system: &System, owners: usize, grid: &Quadrature) -> (f64, Vec<Vector3>, Matrix3) {
    let (mut energy, mut forces, mut virial) = (0.0, vec![[0.0; 3]; system.len()], [[0.0; 3]; 3]);
    for owner in 0..owners {
        // Assigned by a hash rather than by position, so that ranks are entangled as much as possible.
        let own = (0..system.len()).filter(|i| (i * 7 + i / 5) % owners == owner).collect();
        let rank = Rank::new(system, own, HOPS as f64 * CUTOFF + 0.7);
        let rows = rank.rows();
        let folded = fold(&rank.atoms(&rows), CUTOFF, HOPS).unwrap();
        let part = evaluate(&folded.graph, grid);
        energy += part.energy;
        for (node, force) in part.forces.iter().enumerate() {
            let tag = rank.tags[folded.atoms[node]] as usize - 1;
            forces[tag] = add(forces[tag], *force);
        }
        let part = part.virial.unwrap();
        virial = [0, 1, 2].map(|a| add(virial[a], part[a]));
    }
    (energy, forces, virial)
}

fn evaluate(graph: &tumble_core::Graph, grid: &Quadrature) -> Evaluation {
    average(&mut TwoHopToy::new(CUTOFF, 0.7, 0.6), graph, grid, &Request::new(Forces::Conservative, 1 << 30)).unwrap()
}

#[test]
fn ranks_sum_up_to_the_whole() {
    let system = system();
    for spec in ["none", "octahedral+random", "random:3"] {
        let mitigation = spec.parse::<Mitigation>().unwrap().with_inversion(true);
        let grid = mitigation.orientations(&Graph::default(), Draw { seed: 5, step: 17, stream: 0 });
        let whole = evaluate(&neighbors::graph(&system, CUTOFF).unwrap(), &grid);
        for ranks in [1, 2, 4, 40] {
            let (energy, forces, virial) = sum_over_ranks(&system, ranks, &grid);
            assert!((energy / whole.energy - 1.0).abs() < 1e-12, "{energy} on {ranks} ranks, {}", whole.energy);
            let pairs = forces.as_flattened().iter().zip(whole.forces.as_flattened());
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-11, "{a} {b}"));
            let pairs = virial.as_flattened().iter().zip(whole.virial.as_ref().unwrap().as_flattened());
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-10, "{a} {b}"));
        }
    }
}

#[test]
fn one_rank_has_no_ghost_centers_and_every_edge_its_reverse() {
    let system = system();
    let rank = Rank::new(&system, (0..system.len()).collect(), HOPS as f64 * CUTOFF);
    let folded = fold(&rank.atoms(&rank.rows()), CUTOFF, HOPS).unwrap();
    assert_eq!((folded.graph.n_centers(), folded.graph.n_atoms()), (40, 40));
    assert_eq!(folded.graph.n_edges(), neighbors::graph(&system, CUTOFF).unwrap().n_edges());
    assert!(folded.graph.reverse.iter().enumerate().all(|(edge, &reverse)| edge != reverse));
}

#[test]
fn ghosts_are_centers_only_where_their_messages_arrive() {
    let chain: Vec<_> = (0..8).map(|i| [2.0 * f64::from(i), 0.0, 0.0]).collect();
    let system = System::new(chain, vec![8; 8], Cell::isolated()).unwrap();
    let mut rank = Rank::own_atoms(&system, &[0, 1]);
    (2..8).for_each(|atom| rank.push(&system, atom, system.positions[atom]));
    rank.own = vec![0, 1];
    rank.list_neighbors();
    for (hops, centers, atoms) in [(1, 2, 3), (2, 3, 4), (3, 4, 5)] {
        let graph = fold(&rank.atoms(&rank.rows()), CUTOFF, hops).unwrap().graph;
        assert_eq!((graph.n_centers(), graph.n_atoms()), (centers, atoms));
        assert_eq!(graph.weights.iter().sum::<f64>(), 2.0);
    }
}

#[test]
fn a_ghost_without_a_row_is_an_error_only_if_its_neighbors_count() {
    let system = system();
    let rank = Rank::new(&system, vec![0, 1, 2], 2.0 * CUTOFF);
    let rows = [0, 1, 2];
    assert!(fold(&rank.atoms(&rows), CUTOFF, 1).is_ok());
    assert!(matches!(fold(&rank.atoms(&rows), CUTOFF, 2), Err(MissingRow { .. })));
}

/// The sums over several ranks equal those of the whole box.
#[test]
fn spreads_and_noise_do_not_depend_on_the_cut() {
    let system = system();
    let mitigation = "random:5".parse::<Mitigation>().unwrap();
    let draw = |seed| mitigation.orientations(&Graph::default(), Draw { seed, step: 3, stream: 0 }).into_owned();
    let draws = [0, 1].map(draw);
    let read = |owners: usize| {
        let parts = (0..owners).map(|owner| share(&system, owners, owner, &draws));
        let sum = parts.reduce(|mut sum, part| {
            sum.numbers.iter_mut().zip(&part.numbers).for_each(|(a, b)| *a += b);
            sum
        });
        let sum = sum.unwrap();
        sum.read(&sum.numbers)
    };
    let whole = evaluate(&neighbors::graph(&system, CUTOFF).unwrap(), &draws[0]);
    for found in [1, 2, 4, 40].map(read) {
        assert!((found.energy_spread.unwrap() - whole.spread.energy).abs() < 1e-12);
        assert!((found.force_spread.unwrap() - whole.spread.force_rms()).abs() < 1e-12);
        assert!((found.torque - dot(whole.torque, whole.torque).sqrt()).abs() < 1e-11);
        assert!((found.noise_power.unwrap() / read(1).noise_power.unwrap() - 1.0).abs() < 1e-12);
    }
}

fn share(system: &System, owners: usize, owner: usize, draws: &[Quadrature; 2]) -> Shares {
    let own = (0..system.len()).filter(|i| (i * 7 + i / 5) % owners == owner).collect();
    let rank = Rank::new(system, own, HOPS as f64 * CUTOFF + 0.7);
    let folded = fold(&rank.atoms(&rank.rows()), CUTOFF, HOPS).unwrap();
    let masses: Vec<_> = rank.own.iter().map(|&atom| 1.0 + atom as f64).collect();
    let tags = folded.atoms.iter().map(|&atom| rank.tags[atom] as usize);
    let probes = Probes::new(tags, &masses, system.len());
    let request = Request { probes: &probes.nodes, ..Request::new(Forces::Conservative, 1 << 30) };
    let mut toy = TwoHopToy::new(CUTOFF, 0.7, 0.6);
    let [one, other] = draws.each_ref().map(|grid| average(&mut toy, &folded.graph, grid, &request).unwrap());
    Shares::pack(&one, Some(&one), Some(&[one.clone(), other]), &probes)
}

/// As in a LAMMPS with atom IDs of 64 bits: tags with equal lower halves belong to different atoms.
#[test]
fn tags_beyond_32_bits_tell_atoms_apart() {
    let system = system();
    let fold_with = |tag: fn(i64) -> i64| {
        let mut rank = Rank::new(&system, (0..20).collect(), HOPS as f64 * CUTOFF + 0.7);
        rank.tags.iter_mut().for_each(|old| *old = tag(*old));
        fold(&rank.atoms(&rank.rows()), CUTOFF, HOPS).unwrap()
    };
    let small = fold_with(|tag| tag);
    let big = fold_with(|tag| (tag << 32) + 7);
    assert_eq!((&big.graph, &big.atoms), (&small.graph, &small.atoms));
    let probes = Probes::new([1_usize << 40, (1 << 40) + 1].into_iter(), &[1.0, 2.0], (1 << 40) + 1);
    assert!(probes.nodes.len() <= 2);
    let mut rank = Rank::new(&system, vec![0, 1, 2], 2.0 * CUTOFF);
    rank.tags.iter_mut().for_each(|tag| *tag += 1 << 33);
    let missing = fold(&rank.atoms(&[0, 1, 2]), CUTOFF, 2).unwrap_err();
    assert!(missing.tag > 1 << 33);
}
