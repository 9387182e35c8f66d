//! A rank's share of a structure under domain decomposition: the edges to the atoms of other ranks, and the exchange of
//! rows with the ranks that hold their reversed edges.
//!
//! The rank's own atoms are the only centers of its graph. Between two layers of message passing, each edge to an atom of
//! another rank takes the row of its reversed edge from there: forward for messages, backward for their gradients.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::graph::{Graph, REVERSE_TOLERANCE};
use crate::rotation::{Vector3, add, dot};

/// Communication between the ranks that share a structure. Every rank makes the same calls in the same order.
///
/// # Errors
/// Each call ends with [`Error::OtherRank`](crate::Error::OtherRank) if another rank has failed.
pub trait Ranks: Send + Sync {
    /// Sends one message to each partner; returns their messages, in the order of the partners.
    fn exchange(&self, outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>>;

    /// Returns the sums of these numbers over all ranks, one by one.
    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>>;

    /// Returns the least of these numbers over all ranks, one by one.
    fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>>;
}

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

/// The ranks of a graph's atoms.
#[derive(Clone, Copy, Debug)]
pub struct Owners<'a> {
    /// Atom IDs `[N]`.
    pub tags: &'a [i64],
    /// Number of the partner that owns each atom, `None` for own atoms `[N]`.
    pub partners: &'a [Option<usize>],
    /// Number of partners.
    pub count: usize,
}

/// An edge as another rank knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct EdgeKey {
    /// Atom IDs of center and neighbor.
    tags: [i64; 2],
    /// Edge vector, Å.
    vector: Vector3,
}

impl Domain {
    /// Connects a rank's graph to the graphs of the other ranks; a collective call.
    ///
    /// An edge as long as the cutoff, to the last bit, may be missing on the partner. It belongs to no border, and is its
    /// own reverse.
    ///
    /// # Errors
    /// The errors of [`Ranks::exchange`].
    pub fn connect(graph: &Graph, owners: &Owners, ranks: Arc<dyn Ranks>) -> Result<Self> {
        let listed = listed(graph, owners);
        let bytes = |edges: &Vec<Listed>| edges.iter().flat_map(|edge| edge.key.to_bytes()).collect();
        let incoming = ranks.exchange(listed.iter().map(bytes).collect())?;
        let mut domain = Self { ranks, borders: Vec::new(), ghosts: vec![None; graph.n_atoms() - graph.n_centers()] };
        let mut before = 0;
        for (own, message) in listed.iter().zip(&incoming) {
            let other: Vec<_> = message.as_chunks().0.iter().map(EdgeKey::from_bytes).collect();
            let pairs = pairs(own, &other);
            let places = places_of_centers(&pairs, &other);
            for &(edge, reversed) in &pairs {
                domain.ghosts[graph.neighbors[own[edge].edge] - graph.n_centers()] = Some(before + places[reversed]);
            }
            let received = pairs.iter().map(|&(_, reversed)| places[reversed] + 1).max().unwrap_or(0);
            domain.borders.push(Border { received, ..Border::new(own, &pairs, other.len()) });
            before += received;
        }
        Ok(domain)
    }

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
    /// `pairs` are the places of edges in `own`, and of their reverses in the `others` edges of the partner.
    fn new(own: &[Listed], pairs: &[(usize, usize)], others: usize) -> Self {
        let mut matched = vec![false; others];
        pairs.iter().for_each(|&(_, other)| matched[other] = true);
        let before = counted_before(&matched);
        let mut centers: Vec<_> = pairs.iter().map(|&(edge, _)| own[edge].center).collect();
        centers.dedup();
        let edges = pairs.iter().map(|&(edge, _)| own[edge].edge).collect();
        Self { edges, reversed: pairs.iter().map(|&(_, other)| before[other]).collect(), centers, received: 0 }
    }

    fn pruned(&self, kept: &[bool], place: &[usize]) -> Self {
        let mut there = vec![false; self.edges.len()];
        self.edges.iter().zip(&self.reversed).for_each(|(&edge, &reversed)| there[reversed] = kept[edge]);
        let before = counted_before(&there);
        let both = self.edges.iter().zip(&self.reversed).filter(|&(&edge, _)| kept[edge]);
        let (edges, reversed) = both.map(|(&edge, &reversed)| (place[edge], before[reversed])).unzip();
        Self { edges, reversed, centers: self.centers.clone(), received: self.received }
    }
}

/// An edge to an atom of another rank.
#[derive(Clone, Copy)]
struct Listed {
    center: usize,
    edge: usize,
    key: EdgeKey,
}

/// Returns the edges to each partner's atoms.
fn listed(graph: &Graph, owners: &Owners) -> Vec<Vec<Listed>> {
    let mut listed = vec![Vec::new(); owners.count];
    for (center, edge) in graph.center_edges() {
        let neighbor = graph.neighbors[edge];
        if let Some(partner) = owners.partners[neighbor] {
            let key = EdgeKey { tags: [center, neighbor].map(|atom| owners.tags[atom]), vector: graph.vectors[edge] };
            listed[partner].push(Listed { center, edge, key });
        }
    }
    listed
}

/// Returns the places of own edges and of their reverses among the partner's, in the order of the own edges.
fn pairs(own: &[Listed], other: &[EdgeKey]) -> Vec<(usize, usize)> {
    let mut sorted: Vec<_> = (0..other.len()).collect();
    let back = |place: usize| [other[place].tags[1], other[place].tags[0]];
    sorted.sort_by_key(|&place| back(place));
    let reverse = |key: &EdgeKey| {
        let first = sorted.partition_point(|&place| back(place) < key.tags);
        let images = sorted[first..].iter().copied().take_while(|&place| back(place) == key.tags);
        let distance = |place: usize| {
            let sum = add(other[place].vector, key.vector);
            dot(sum, sum)
        };
        let nearest = images.min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        nearest.filter(|&place| distance(place) < REVERSE_TOLERANCE * REVERSE_TOLERANCE)
    };
    own.iter().enumerate().filter_map(|(place, edge)| Some((place, reverse(&edge.key)?))).collect()
}

/// Returns, for each edge of a partner, the place of its center among the partner's centers with an edge in the border.
fn places_of_centers(pairs: &[(usize, usize)], other: &[EdgeKey]) -> Vec<usize> {
    let mut matched: Vec<_> = pairs.iter().map(|&(_, other)| other).collect();
    matched.sort_unstable();
    let mut places = vec![0; other.len()];
    for pair in matched.windows(2) {
        let next = usize::from(other[pair[0]].tags[0] != other[pair[1]].tags[0]);
        places[pair[1]] = places[pair[0]] + next;
    }
    places
}

/// Returns the number of marks before each place.
fn counted_before(marks: &[bool]) -> Vec<usize> {
    let count = |before: &mut usize, &mark: &bool| Some(std::mem::replace(before, *before + usize::from(mark)));
    marks.iter().scan(0, count).collect()
}

impl EdgeKey {
    const BYTES: usize = 40;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let Self { tags: [center, neighbor], vector: [x, y, z] } = self;
        let words = [center.to_ne_bytes(), neighbor.to_ne_bytes(), x.to_ne_bytes(), y.to_ne_bytes(), z.to_ne_bytes()];
        words.as_flattened().try_into().expect("five words have 40 bytes")
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |number: usize| *bytes.as_chunks::<8>().0[number..].first().expect("a key has five words");
        let tags = [0, 1].map(|number| i64::from_ne_bytes(word(number)));
        Self { tags, vector: [2, 3, 4].map(|number| f64::from_ne_bytes(word(number))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;
    use std::sync::Mutex;

    /// One of two ranks, whose partner has sent this message already.
    struct Recorded {
        incoming: Vec<u8>,
        outgoing: Mutex<Vec<u8>>,
    }

    impl Ranks for Recorded {
        fn exchange(&self, mut outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
            *self.outgoing.lock().unwrap() = outgoing.remove(0);
            Ok(vec![self.incoming.clone()])
        }

        fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
            Ok(numbers)
        }

        fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
            Ok(numbers)
        }
    }

    fn key(center: i64, neighbor: i64, x: f64) -> EdgeKey {
        EdgeKey { tags: [center, neighbor], vector: [x, 0.0, 0.0] }
    }

    fn connect(graph: &Graph, tags: &[i64], own: usize, incoming: &[EdgeKey]) -> (Domain, Vec<EdgeKey>) {
        let incoming = incoming.iter().flat_map(|key| key.to_bytes()).collect();
        let ranks = Arc::new(Recorded { incoming, outgoing: Mutex::default() });
        let partners: Vec<_> = (0..tags.len()).map(|atom| (atom >= own).then_some(0)).collect();
        let owners = Owners { tags, partners: &partners, count: 1 };
        let domain = Domain::connect(graph, &owners, Arc::clone(&ranks) as Arc<dyn Ranks>).unwrap();
        let sent = ranks.outgoing.lock().unwrap().as_chunks().0.iter().map(EdgeKey::from_bytes).collect();
        (domain, sent)
    }

    /// Atoms 10 and 11 here, 20 and 21 on the partner; atom 20 is a neighbor of 10 in two images.
    fn graph() -> Graph {
        let edge = |neighbor, x| Edge { neighbor, vector: [x, 0.0, 0.0] };
        let rows =
            vec![vec![edge(1, 1.0), edge(2, -2.0), edge(2, 3.0)], vec![edge(0, -1.0), edge(2, 2.0), edge(3, 4.0)]];
        Graph::new(vec![1; 4], vec![1.0; 2], rows)
    }

    const TAGS: [i64; 4] = [10, 11, 20, 21];

    #[test]
    fn edges_are_matched_by_atoms_and_image() {
        let other = [key(21, 11, -4.0), key(20, 10, -3.0), key(20, 10, 2.0 + 1e-12), key(20, 11, -2.0)];
        let (domain, sent) = connect(&graph(), &TAGS, 2, &other);
        assert_eq!(sent, [key(10, 20, -2.0), key(10, 20, 3.0), key(11, 20, 2.0), key(11, 21, 4.0)]);
        let border = &domain.borders[0];
        assert_eq!((&*border.edges, &*border.reversed), (&[1, 2, 4, 5][..], &[2, 1, 3, 0][..]));
        // The partner sends the row of atom 21 first.
        assert_eq!((&*border.centers, border.received, &*domain.ghosts), (&[0, 1][..], 2, &[Some(1), Some(0)][..]));
    }

    #[test]
    fn edge_that_the_partner_lacks_belongs_to_no_border() {
        let other = [key(20, 10, -3.0), key(20, 12, 5.0), key(21, 11, -4.0)];
        let (domain, _) = connect(&graph(), &TAGS, 2, &other);
        let border = &domain.borders[0];
        // The partner leaves out its edge to atom 12, too, and sends two rows.
        assert_eq!((&*border.edges, &*border.reversed), (&[2, 5][..], &[0, 1][..]));
        assert_eq!((border.received, &*domain.ghosts), (2, &[Some(0), Some(1)][..]));
    }

    #[test]
    fn pruning_keeps_the_order_of_both_sides() {
        let other = [key(21, 11, -4.0), key(20, 10, -3.0), key(20, 10, 2.0), key(20, 11, -2.0)];
        let (domain, _) = connect(&graph(), &TAGS, 2, &other);
        let (kept, place) = ([true, true, false, true, true, true], [0, 1, 2, 2, 3, 4]);
        let border = &domain.pruned(&kept, &place).borders[0];
        assert_eq!((&*border.edges, &*border.reversed), (&[1, 3, 4][..], &[1, 2, 0][..]));
    }

    #[test]
    fn rank_without_border_edges_has_an_empty_border() {
        let graph = Graph::new(vec![], vec![], vec![]);
        let (domain, sent) = connect(&graph, &[], 0, &[key(1, 2, 1.0)]);
        assert_eq!((domain.n_edges(), sent.len(), domain.borders[0].received), (0, 0, 0));
    }
}
