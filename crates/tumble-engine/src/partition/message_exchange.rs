//! The exchange of rows between two stages: each edge takes the row of its reversed edge or of its neighbor, each center
//! the sum of all centers, or the rows of all edges of the structure become those of the kept (narrow) edges, or the
//! other way round.

use bytemuck::Pod;
use tumble_core::error::Result;
use tumble_ops::Real;

use crate::partition::arena::{Arena, OutOfMemory, TensorRange};
use crate::partition::executor::{Evaluation, View};
use crate::partition::partitioner::ExchangeKind;
use crate::partition::tiles::{Reversed, Rows, Tiles};
use crate::partition::{Exchange, Source, Stage};

/// A tensor to be exchanged, by tile.
pub(crate) struct Messages<'a, T> {
    moves: Moves<'a, T>,
    tiles: Vec<View<'a, T>>,
}

/// How the rows of a tensor move.
enum Moves<'a, T> {
    /// To the reversed edges, among rows of this kind that belong to the edges of these tiles.
    Reverse(Rows, &'a Tiles<'a>),
    Prune,
    Restore,
    /// From the centers to these atoms of each tile.
    Neighbor(Vec<&'a [i64]>),
    /// To this sum.
    Sum(Vec<T>),
}

impl<T: Real + Pod> Evaluation<'_, T> {
    /// Returns the tensor to be exchanged for each input of a stage, of all tiles; `None` for other inputs.
    pub fn exchanged(&self, stage: &Stage) -> Result<Vec<Option<Messages<'_, T>>>> {
        let exchanged = |source: &Source| match source {
            Source::Exchanged(exchange) if self.tiles.len() > 0 => self.messages(exchange).map(Some),
            _ => Ok(None),
        };
        stage.inputs.iter().map(exchanged).collect()
    }

    fn messages(&self, exchange: &Exchange) -> Result<Messages<'_, T>> {
        let tiles = self.views(exchange)?;
        let edges = self.edges(exchange);
        let moves = match exchange.kind {
            ExchangeKind::Reverse => {
                let rows = self.rows(exchange, edges, &tiles)?;
                exchange.width.get_or_init(|| width(&tiles));
                Moves::Reverse(rows, edges)
            }
            ExchangeKind::Prune => self.slot_rows(exchange, edges, &tiles).map(|()| Moves::Prune)?,
            ExchangeKind::Restore => self.slot_rows(exchange, edges, &tiles).map(|()| Moves::Restore)?,
            ExchangeKind::Neighbor => {
                self.center_rows(exchange, &tiles)?;
                exchange.width.get_or_init(|| width(&tiles));
                Moves::Neighbor(self.neighbors(exchange)?)
            }
            ExchangeKind::Sum => Moves::Sum(self.sum(exchange)?),
        };
        let received = self.received(exchange).map(|received| (&*received.shape, &*received.rows));
        Ok(Messages { moves, tiles: tiles.into_iter().chain(received).collect() })
    }

    /// Returns the tensor of an exchange, by tile; a tensor of real numbers.
    pub fn views(&self, exchange: &Exchange) -> Result<Vec<View<'_, T>>> {
        if self.tiles.len() > 0 && !self.is_real(exchange.data) {
            return Err(self.unfit(exchange));
        }
        Ok((0..self.tiles.len()).map(|tile| self.view(tile, exchange.data)).collect())
    }

    /// Returns the edges of an exchange's rows.
    pub fn edges(&self, exchange: &Exchange) -> &Tiles<'_> {
        if exchange.narrow { &self.narrow().tiles } else { &self.tiles }
    }

    fn sum(&self, exchange: &Exchange) -> Result<Vec<T>> {
        let whole = self.received(exchange).map(|received| received.rows.clone());
        whole.map_or_else(|| Ok(self.own_sum(exchange)?.into_iter().map(T::from_f64).collect()), Ok)
    }

    /// Returns the sum of the rows of this rank's centers, in their order: it depends neither on tiles nor on workers.
    pub fn own_sum(&self, exchange: &Exchange) -> Result<Vec<f64>> {
        let tiles = self.views(exchange)?;
        self.center_rows(exchange, &tiles)?;
        let width = *exchange.width.get_or_init(|| width(&tiles));
        let mut sums = vec![0.0; width];
        for row in tiles.iter().flat_map(|(_, rows)| rows.chunks_exact(width.max(1))) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x.to_f64());
        }
        Ok(sums)
    }

    /// Returns the kind of rows that the tensor has in all tiles.
    pub fn rows(&self, exchange: &Exchange, edges: &Tiles, tiles: &[View<T>]) -> Result<Rows> {
        let fits = |rows: &Rows| {
            let count = |tile| edges.n_rows(tile, *rows) as i64;
            tiles.iter().enumerate().all(|(tile, (shape, _))| shape.first() == Some(&count(tile)))
        };
        let known = exchange.rows.get().copied();
        let rows = known.or_else(|| Rows::ALL.into_iter().find(fits)).filter(fits);
        let rows = rows.ok_or_else(|| self.unfit(exchange))?;
        Ok(*exchange.rows.get_or_init(|| rows))
    }

    /// Checks that the tensor has a row for each slot, `[C, K, …]`.
    fn slot_rows(&self, exchange: &Exchange, edges: &Tiles, tiles: &[View<T>]) -> Result<()> {
        let fits = |(tile, (shape, _)): (usize, &View<T>)| {
            let expected = [edges.centers(tile).len(), edges.width(tile)].map(|count| count as i64);
            shape.len() > 2 && shape[..2] == expected
        };
        if tiles.iter().enumerate().all(fits) { Ok(()) } else { Err(self.unfit(exchange)) }
    }

    /// Checks that the tensor has a row for each center, `[C, …]`.
    pub fn center_rows(&self, exchange: &Exchange, tiles: &[View<T>]) -> Result<()> {
        let row = tiles.first().and_then(|(shape, _)| shape.get(1..));
        let fits = |(tile, (shape, _)): (usize, &View<T>)| {
            shape.len() > 1 && shape[0] == self.tiles.centers(tile).len() as i64 && shape.get(1..) == row
        };
        if tiles.iter().enumerate().all(fits) { Ok(()) } else { Err(self.unfit(exchange)) }
    }

    /// Returns the neighbors of an exchange's rows, as atoms of each tile.
    fn neighbors(&self, exchange: &Exchange) -> Result<Vec<&[i64]>> {
        let origin = exchange.neighbors.expect("rows of neighbors have neighbors");
        let known = |tile| {
            let atoms = self.integers(tile, origin)?;
            let count = self.tiles.n_atoms(tile) as i64;
            atoms.iter().all(|atom| (0..count).contains(atom)).then_some(atoms)
        };
        let neighbors: Option<_> = (0..self.tiles.len()).map(known).collect();
        neighbors.ok_or_else(|| self.failed("its NeighborRows has other indices than the flat `neighbors` of edges"))
    }

    fn unfit(&self, exchange: &Exchange) -> tumble_core::Error {
        let owner = match exchange.kind {
            ExchangeKind::Neighbor | ExchangeKind::Sum => "center",
            _ => "edge",
        };
        self.failed(&format!("its tensor {} does not have one row of real numbers per {owner}", exchange.name))
    }

    /// Writes a tile's tensor after an exchange; returns its shape and place.
    pub fn exchange(
        &self,
        tile: usize,
        messages: &Messages<T>,
        arena: &mut Arena,
    ) -> Result<(Vec<i64>, TensorRange), OutOfMemory> {
        let (shape, own) = messages.tiles[tile];
        let row = &shape[if matches!(messages.moves, Moves::Prune | Moves::Restore) { 2 } else { 1 }..];
        let width = row.iter().product::<i64>() as usize;
        let shape = match &messages.moves {
            Moves::Reverse(..) | Moves::Sum(_) => shape.to_vec(),
            Moves::Prune => self.narrow().shape(tile, row),
            Moves::Restore => self.tiles.slot_shape(tile, row),
            Moves::Neighbor(atoms) => [&[atoms[tile].len() as i64], row].concat(),
        };
        let length = shape.iter().product::<i64>() as usize;
        let place = arena.add(length, self.pool, |free: &mut [T]| match &messages.moves {
            Moves::Reverse(rows, edges) => messages.reverse(edges.reversed(tile, *rows), tile, width, free),
            Moves::Prune => self.narrow().prune(tile, own, width, free),
            Moves::Restore => self.narrow().restore(tile, own, width, T::from_f64(0.0), free),
            Moves::Neighbor(atoms) => messages.gather(&self.tiles, (tile, atoms[tile]), width, free),
            Moves::Sum(sum) => free.chunks_exact_mut(width.max(1)).for_each(|row| row.copy_from_slice(sum)),
        })?;
        Ok((shape, place))
    }
}

impl<T: Copy> Messages<'_, T> {
    /// Writes a tile's own rows of `width` numbers, with each edge's row replaced by the reversed edge's.
    fn reverse(&self, reversed: &[Reversed], tile: usize, width: usize, into: &mut [T]) {
        let (own, mut written) = (self.tiles[tile].1, 0);
        let numbers = |row: u32| row as usize * width..(row as usize + 1) * width;
        for &Reversed { row, other, back } in reversed {
            let to = numbers(row);
            into[written..to.start].copy_from_slice(&own[written..to.start]);
            written = to.end;
            into[to].copy_from_slice(&self.tiles[other as usize].1[numbers(back)]);
        }
        into[written..].copy_from_slice(&own[written..]);
    }

    /// Writes the rows of the centers that these atoms of a tile are.
    fn gather(&self, edges: &Tiles, (tile, atoms): (usize, &[i64]), width: usize, into: &mut [T]) {
        for (&atom, row) in atoms.iter().zip(into.chunks_exact_mut(width.max(1))) {
            let (other, center) = edges.center_of_atom(tile, atom as usize);
            row.copy_from_slice(&self.tiles[other].1[center * width..(center + 1) * width]);
        }
    }
}

/// Returns the numbers per row of a tensor with rows on its first axis.
pub(crate) fn width<T>(tiles: &[View<T>]) -> usize {
    tiles.first().map_or(0, |(shape, _)| shape[1..].iter().product::<i64>() as usize)
}
