//! Ranks as threads of one process, for tests of the exchange between ranks.

#![allow(dead_code)]

use std::sync::{Arc, Barrier, Mutex};

use tumble_core::connect::{Owners, connect};
use tumble_core::domain::{RankFailure, Ranks};
use tumble_core::graph::{Edge, Graph};

/// What all ranks of a structure share: a place for each message and for the numbers of each rank.
struct Board {
    barrier: Barrier,
    /// Messages, by sender and receiver.
    messages: Mutex<Vec<Vec<Vec<u8>>>>,
    numbers: Mutex<Vec<Vec<f64>>>,
}

struct LocalRank {
    number: usize,
    partners: Vec<usize>,
    board: Arc<Board>,
}

impl LocalRank {
    fn gather(&self, own: Vec<f64>, join: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.board.numbers.lock().unwrap()[self.number] = own;
        self.board.barrier.wait();
        let all = self.board.numbers.lock().unwrap().clone();
        self.board.barrier.wait();
        let joined = |a: Vec<f64>, b: Vec<f64>| {
            assert_eq!(a.len(), b.len(), "all ranks give the same count of numbers");
            a.iter().zip(&b).map(|(a, b)| join(*a, *b)).collect()
        };
        all.into_iter().reduce(joined).unwrap()
    }
}

impl Ranks for LocalRank {
    fn exchange(&self, outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RankFailure> {
        for (&partner, message) in self.partners.iter().zip(outgoing) {
            self.board.messages.lock().unwrap()[self.number][partner] = message;
        }
        self.board.barrier.wait();
        let take = |&partner: &usize| std::mem::take(&mut self.board.messages.lock().unwrap()[partner][self.number]);
        let incoming = self.partners.iter().map(take).collect();
        self.board.barrier.wait();
        Ok(incoming)
    }

    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
        Ok(self.gather(numbers, |a, b| a + b))
    }

    fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
        Ok(self.gather(numbers, f64::min))
    }
}

/// The graph of one rank, with the atom and the edges of the whole graph that its own stand for.
pub struct Share {
    pub graph: Graph,
    pub atoms: Vec<usize>,
    pub edges: Vec<usize>,
}

/// Divides a graph among `count` ranks by `rank_of` each atom, and runs `work` on each, on a thread of its own. Returns
/// the results in the order of the ranks.
pub fn on_ranks<T: Send>(
    whole: &Graph,
    count: usize,
    rank_of: impl Fn(usize) -> usize + Sync,
    work: impl Fn(usize, Share) -> T + Sync,
) -> Vec<T> {
    let (messages, numbers) = (Mutex::new(vec![vec![Vec::new(); count]; count]), Mutex::new(vec![Vec::new(); count]));
    let board = Arc::new(Board { barrier: Barrier::new(count), messages, numbers });
    let run = |number: usize| {
        let partners: Vec<_> = (0..count).filter(|&other| other != number).collect();
        let rank = Arc::new(LocalRank { number, partners, board: Arc::clone(&board) });
        work(number, share(whole, number, count, &rank_of, rank))
    };
    let run = &run;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn share(whole: &Graph, number: usize, count: usize, rank_of: &impl Fn(usize) -> usize, rank: Arc<LocalRank>) -> Share {
    let mut atoms: Vec<_> = (0..whole.n_atoms()).filter(|&atom| rank_of(atom) == number).collect();
    let own = atoms.len();
    let (mut rows, mut edges) = (Vec::new(), Vec::new());
    for center in 0..own {
        let mut row = Vec::new();
        for edge in whole.edges(atoms[center]) {
            let neighbor = whole.neighbors[edge];
            let known = atoms.iter().position(|&atom| atom == neighbor);
            let place = known.unwrap_or_else(|| {
                atoms.push(neighbor);
                atoms.len() - 1
            });
            row.push((Edge { neighbor: place, vector: whole.vectors[edge] }, edge));
        }
        row.sort_by(|(a, _), (b, _)| {
            a.neighbor.cmp(&b.neighbor).then_with(|| a.vector.partial_cmp(&b.vector).unwrap())
        });
        edges.extend(row.iter().map(|(_, edge)| *edge));
        rows.push(row.into_iter().map(|(edge, _)| edge).collect());
    }
    let species = atoms.iter().map(|&atom| whole.species[atom]).collect();
    let weights = atoms[..own].iter().map(|&atom| whole.weights[atom]).collect();
    let mut graph = Graph::new(species, weights, rows);
    let tags: Vec<_> = atoms.iter().map(|&atom| 1 + 7 * atom as i64).collect();
    let partner = |&atom: &usize| {
        let rank = rank_of(atom);
        (rank != number).then(|| if rank < number { rank } else { rank - 1 })
    };
    let partners: Vec<_> = atoms.iter().map(partner).collect();
    let owners = Owners { tags: &tags, partners: &partners, count: count - 1 };
    graph.domain = Some(Arc::new(connect(&graph, &owners, rank).unwrap()));
    Share { graph, atoms, edges }
}
