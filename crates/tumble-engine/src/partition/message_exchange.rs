//! The exchange of rows between two stages: each edge takes the row of its reversed edge, or the rows of all edges of
//! the structure become those of the kept (narrow) edges, or the other way round.

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
    kind: ExchangeKind,
    /// Kind of rows, for exchanges between reversed edges.
    rows: Rows,
    /// The tiles whose edges the rows belong to, for exchanges between reversed edges.
    edges: &'a Tiles<'a>,
    tiles: Vec<View<'a, T>>,
}

impl<T: Real + Pod> Evaluation<'_, T> {
    /// Returns the tensor to be exchanged for each input of a stage, of all tiles; `None` for other inputs.
    pub fn exchanged(&self, stage: &Stage) -> Result<Vec<Option<Messages<'_, T>>>> {
        let exchanged = |source: &Source| match source {
            Source::Exchanged(exchange) => self.messages(exchange).map(Some),
            _ => Ok(None),
        };
        stage.inputs.iter().map(exchanged).collect()
    }

    fn messages(&self, exchange: &Exchange) -> Result<Messages<'_, T>> {
        if !self.is_real(exchange.data) {
            return Err(self.unfit(exchange));
        }
        let tiles: Vec<_> = (0..self.tiles.len()).map(|tile| self.view(tile, exchange.data)).collect();
        let edges = if exchange.narrow { &self.narrow().tiles } else { &self.tiles };
        let rows = match exchange.kind {
            ExchangeKind::Reverse => self.rows(exchange, edges, &tiles)?,
            ExchangeKind::Prune | ExchangeKind::Restore => self.slot_rows(exchange, edges, &tiles)?,
        };
        Ok(Messages { kind: exchange.kind, rows, edges, tiles })
    }

    /// Returns the kind of rows that the tensor has in all tiles.
    fn rows(&self, exchange: &Exchange, edges: &Tiles, tiles: &[View<T>]) -> Result<Rows> {
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
    fn slot_rows(&self, exchange: &Exchange, edges: &Tiles, tiles: &[View<T>]) -> Result<Rows> {
        let fits = |(tile, (shape, _)): (usize, &View<T>)| {
            let expected = [edges.centers(tile).len(), edges.width(tile)].map(|count| count as i64);
            shape.len() > 2 && shape[..2] == expected
        };
        if tiles.iter().enumerate().all(fits) { Ok(Rows::Slots) } else { Err(self.unfit(exchange)) }
    }

    fn unfit(&self, exchange: &Exchange) -> tumble_core::Error {
        self.failed(&format!("its tensor {} does not have one row of real numbers per edge", exchange.name))
    }

    /// Writes a tile's tensor after an exchange; returns its shape and place.
    pub fn exchange(
        &self,
        tile: usize,
        messages: &Messages<T>,
        arena: &mut Arena,
    ) -> Result<(Vec<i64>, TensorRange), OutOfMemory> {
        let (shape, own) = messages.tiles[tile];
        let leading = if messages.kind == ExchangeKind::Reverse { 1 } else { 2 };
        let width = shape[leading..].iter().product::<i64>() as usize;
        let (shape, length) = match messages.kind {
            ExchangeKind::Reverse => (shape.to_vec(), own.len()),
            ExchangeKind::Prune => (self.narrow().shape(tile, &shape[2..]), self.narrow().n_slots(tile) * width),
            ExchangeKind::Restore => {
                let (centers, slots) = (self.tiles.centers(tile).len(), self.tiles.width(tile));
                ([&[centers as i64, slots as i64], &shape[2..]].concat(), centers * slots * width)
            }
        };
        let place = arena.add(length, self.pool, |free: &mut [T]| match messages.kind {
            ExchangeKind::Reverse => messages.reverse(tile, width, free),
            ExchangeKind::Prune => self.narrow().prune(tile, own, width, free),
            ExchangeKind::Restore => self.narrow().restore(tile, own, width, T::from_f64(0.0), free),
        })?;
        Ok((shape, place))
    }
}

impl<T: Copy> Messages<'_, T> {
    /// Writes a tile's own rows of `width` numbers, with each edge's row replaced by the reversed edge's.
    fn reverse(&self, tile: usize, width: usize, into: &mut [T]) {
        let (own, mut written) = (self.tiles[tile].1, 0);
        let numbers = |row: u32| row as usize * width..(row as usize + 1) * width;
        for &Reversed { row, other, back } in self.edges.reversed(tile, self.rows) {
            let to = numbers(row);
            into[written..to.start].copy_from_slice(&own[written..to.start]);
            written = to.end;
            into[to].copy_from_slice(&self.tiles[other as usize].1[numbers(back)]);
        }
        into[written..].copy_from_slice(&own[written..]);
    }
}
