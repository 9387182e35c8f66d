//! Finds the borders between the graphs of several ranks: each edge and its reverse on another rank.

use std::sync::Arc;

use crate::domain::{Border, Domain, RankFailure, Ranks, counted_before};
use crate::graph::{Graph, REVERSE_TOLERANCE};
use crate::rotation::{Vector3, add, dot};

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

/// Connects a rank's graph to the graphs of the other ranks; a collective call.
///
/// An edge as long as the cutoff, to the last bit, may be missing on the partner. It belongs to no border, and is its
/// own reverse.
///
/// # Errors
/// [`RankFailure`].
pub fn connect(graph: &Graph, owners: &Owners, ranks: Arc<dyn Ranks>) -> Result<Domain, RankFailure> {
    let listed = listed(graph, owners);
    let bytes = |edges: &Vec<Listed>| edges.iter().flat_map(|edge| edge.key.to_bytes()).collect();
    let incoming = ranks.exchange(listed.iter().map(bytes).collect())?;
    let mut domain = Domain { ranks, borders: Vec::new(), ghosts: vec![None; graph.n_atoms() - graph.n_centers()] };
    let mut before = 0;
    for (own, message) in listed.iter().zip(&incoming) {
        let other: Vec<_> = message.as_chunks().0.iter().map(EdgeKey::from_bytes).collect();
        let pairs = pairs(own, &other);
        let places = places_of_centers(&pairs, &other);
        for &(edge, reversed) in &pairs {
            domain.ghosts[graph.neighbors[own[edge].edge] - graph.n_centers()] = Some(before + places[reversed]);
        }
        let received = pairs.iter().map(|&(_, reversed)| places[reversed] + 1).max().unwrap_or(0);
        domain.borders.push(Border { received, ..border(own, &pairs, other.len()) });
        before += received;
    }
    Ok(domain)
}

/// `pairs` are the places of edges in `own`, and of their reverses in the `others` edges of the partner.
fn border(own: &[Listed], pairs: &[(usize, usize)], others: usize) -> Border {
    let mut matched = vec![false; others];
    pairs.iter().for_each(|&(_, other)| matched[other] = true);
    let before = counted_before(&matched);
    let mut centers: Vec<_> = pairs.iter().map(|&(edge, _)| own[edge].center).collect();
    centers.dedup();
    let edges = pairs.iter().map(|&(edge, _)| own[edge].edge).collect();
    Border { edges, reversed: pairs.iter().map(|&(_, other)| before[other]).collect(), centers, received: 0 }
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
        fn exchange(&self, mut outgoing: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, RankFailure> {
            *self.outgoing.lock().unwrap() = outgoing.remove(0);
            Ok(vec![self.incoming.clone()])
        }

        fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
            Ok(numbers)
        }

        fn least(&self, numbers: Vec<f64>) -> Result<Vec<f64>, RankFailure> {
            Ok(numbers)
        }
    }

    fn key(center: i64, neighbor: i64, x: f64) -> EdgeKey {
        EdgeKey { tags: [center, neighbor], vector: [x, 0.0, 0.0] }
    }

    fn connected(graph: &Graph, tags: &[i64], own: usize, incoming: &[EdgeKey]) -> (Domain, Vec<EdgeKey>) {
        let incoming = incoming.iter().flat_map(|key| key.to_bytes()).collect();
        let ranks = Arc::new(Recorded { incoming, outgoing: Mutex::default() });
        let partners: Vec<_> = (0..tags.len()).map(|atom| (atom >= own).then_some(0)).collect();
        let owners = Owners { tags, partners: &partners, count: 1 };
        let domain = super::connect(graph, &owners, Arc::clone(&ranks) as Arc<dyn Ranks>).unwrap();
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
        let (domain, sent) = connected(&graph(), &TAGS, 2, &other);
        assert_eq!(sent, [key(10, 20, -2.0), key(10, 20, 3.0), key(11, 20, 2.0), key(11, 21, 4.0)]);
        let border = &domain.borders[0];
        assert_eq!((&*border.edges, &*border.reversed), (&[1, 2, 4, 5][..], &[2, 1, 3, 0][..]));
        // The partner sends the row of atom 21 first.
        assert_eq!((&*border.centers, border.received, &*domain.ghosts), (&[0, 1][..], 2, &[Some(1), Some(0)][..]));
    }

    #[test]
    fn edge_that_the_partner_lacks_belongs_to_no_border() {
        let other = [key(20, 10, -3.0), key(20, 12, 5.0), key(21, 11, -4.0)];
        let (domain, _) = connected(&graph(), &TAGS, 2, &other);
        let border = &domain.borders[0];
        // The partner leaves out its edge to atom 12, too, and sends two rows.
        assert_eq!((&*border.edges, &*border.reversed), (&[2, 5][..], &[0, 1][..]));
        assert_eq!((border.received, &*domain.ghosts), (2, &[Some(0), Some(1)][..]));
    }

    #[test]
    fn pruning_keeps_the_order_of_both_sides() {
        let other = [key(21, 11, -4.0), key(20, 10, -3.0), key(20, 10, 2.0), key(20, 11, -2.0)];
        let (domain, _) = connected(&graph(), &TAGS, 2, &other);
        let (kept, place) = ([true, true, false, true, true, true], [0, 1, 2, 2, 3, 4]);
        let border = &domain.pruned(&kept, &place).borders[0];
        assert_eq!((&*border.edges, &*border.reversed), (&[1, 3, 4][..], &[1, 2, 0][..]));
    }

    #[test]
    fn rank_without_border_edges_has_an_empty_border() {
        let graph = Graph::new(vec![], vec![], vec![]);
        let (domain, sent) = connected(&graph, &[], 0, &[key(1, 2, 1.0)]);
        assert_eq!((domain.n_edges(), sent.len(), domain.borders[0].received), (0, 0, 0));
    }
}
