//! The exchange of messages: between two stages each edge takes the row of its reversed edge.

use bytemuck::Pod;
use tumble_core::error::Result;
use tumble_ops::Real;

use crate::partition::arena::{Arena, OutOfMemory, TensorRange};
use crate::partition::executor::{Evaluation, View};
use crate::partition::tiles::{Reversed, Rows};
use crate::partition::{Exchange, Source, Stage};

/// A tensor to be exchanged, by tile.
pub(crate) struct Messages<'a, T> {
    rows: Rows,
    pub tiles: Vec<View<'a, T>>,
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
        let tiles: Vec<_> = (0..self.tiles.len()).map(|tile| self.view(tile, exchange.data)).collect();
        let fits = |rows: &Rows| {
            let count = |tile| self.tiles.n_rows(tile, *rows) as i64;
            tiles.iter().enumerate().all(|(tile, (shape, _))| shape.first() == Some(&count(tile)))
        };
        let known = exchange.rows.get().copied();
        let rows = known.or_else(|| Rows::ALL.into_iter().find(fits)).filter(fits);
        let unfit = || self.failed(&format!("its tensor {} does not have one row per edge", exchange.name));
        let rows = rows.ok_or_else(unfit)?;
        Ok(Messages { rows: *exchange.rows.get_or_init(|| rows), tiles })
    }

    /// Writes a tile's tensor after an exchange: its own rows, with each edge's row replaced by the reversed edge's.
    pub fn exchange(&self, tile: usize, messages: &Messages<T>, arena: &mut Arena) -> Result<TensorRange, OutOfMemory> {
        let (shape, own) = messages.tiles[tile];
        let width = shape[1..].iter().product::<i64>() as usize;
        let numbers = |row: u32| row as usize * width..(row as usize + 1) * width;
        arena.add(own.len(), self.pool, |free: &mut [T]| {
            let mut written = 0;
            for &Reversed { row, other, back } in self.tiles.reversed(tile, messages.rows) {
                let to = numbers(row);
                free[written..to.start].copy_from_slice(&own[written..to.start]);
                written = to.end;
                free[to].copy_from_slice(&messages.tiles[other as usize].1[numbers(back)]);
            }
            free[written..].copy_from_slice(&own[written..]);
        })
    }
}
