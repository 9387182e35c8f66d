//! A rank's share of a structure under domain decomposition: the edges to the atoms of other ranks, and the exchange of
//! rows with the ranks that hold their reversed edges.
//!
//! The rank's own atoms are the only centers of its graph. Between two layers of message passing, each edge to an atom of
//! another rank takes the row of its reversed edge from there: forward for messages, backward for their gradients.

use std::fmt;
use std::sync::Arc;

/// Communication between the ranks that share a structure. Every rank makes the same calls in the same order.
///
/// # Errors
/// Each call ends with [`RankFailure`] if another rank has failed.
pub trait Ranks: Send + Sync {
    /// Sends one message to each partner; returns their messages, in the order of the partners.
    fn exchange(&self, outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RankFailure>;

    /// Returns the sums of these numbers over all ranks, one by one.
    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure>;

    /// Returns the least of these numbers over all ranks, one by one.
    fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure>;
}

/// Another rank has failed, and the evaluation ends on all ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankFailure;

/// The edges of a rank's graph to atoms of other ranks.
#[derive(Clone)]
pub struct Domain {
    /// Communication with the other ranks.
    pub ranks: Arc<dyn Ranks>,
    /// The edges to each partner.
    pub borders: Vec<Border>,
    /// Place of each atom of another rank among the centers received from all partners `[N - C]`; `None` for an atom
    /// without an edge in a border.
    pub ghosts: Vec<Option<usize>>,
}

/// The edges from a rank to one partner that have a reversed edge there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Border {
    /// Indices of the edges, ascending: the order in which their rows are sent `[B]`.
    pub edges: Vec<usize>,
    /// Place of each reversed edge in the partner's order `[B]`.
    pub reversed: Vec<usize>,
    /// Centers of the edges, ascending: the order in which their rows are sent.
    pub centers: Vec<usize>,
    /// Number of centers whose rows the partner sends.
    pub received: usize,
}

impl Domain {
    /// Returns the domain of the graph with the kept edges only. Whether an edge is kept must be the same for its
    /// reverse on the partner; `place` is the new index of a kept edge.
    pub fn pruned(&self, kept: &[bool], place: &[usize]) -> Self {
        let borders = self.borders.iter().map(|border| border.pruned(kept, place)).collect();
        Self { ranks: Arc::clone(&self.ranks), borders, ghosts: self.ghosts.clone() }
    }

    /// Returns the number of edges in all borders.
    pub fn n_edges(&self) -> usize {
        self.borders.iter().map(|border| border.edges.len()).sum()
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Domain").field("borders", &self.borders).field("ghosts", &self.ghosts).finish_non_exhaustive()
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ranks, &other.ranks) && self.borders == other.borders && self.ghosts == other.ghosts
    }
}

impl Border {
    fn pruned(&self, kept: &[bool], place: &[usize]) -> Self {
        let mut there = vec![false; self.edges.len()];
        self.edges.iter().zip(&self.reversed).for_each(|(&edge, &reversed)| there[reversed] = kept[edge]);
        let before = counted_before(&there);
        let both = self.edges.iter().zip(&self.reversed).filter(|&(&edge, _)| kept[edge]);
        let (edges, reversed) = both.map(|(&edge, &reversed)| (place[edge], before[reversed])).unzip();
        Self { edges, reversed, centers: self.centers.clone(), received: self.received }
    }
}

/// Returns the number of marks before each place.
pub(crate) fn counted_before(marks: &[bool]) -> Vec<usize> {
    let count = |before: &mut usize, &mark: &bool| Some(std::mem::replace(before, *before + usize::from(mark)));
    marks.iter().scan(0, count).collect()
}
